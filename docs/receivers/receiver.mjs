// A receiver for newswired's pushes in its own JSON. Node 18 or newer; nothing to install.
//
//     NEWSWIRE_SECRET=whsec_… node receiver.mjs 127.0.0.1:9000 stories
//
// What is published stands in stories/ID.json, ID being the SHA-256 of the story's guid; the newest version that came is in
// stories/ID.version. Put your own database in the place of `shown`, `store` and `takeDown`.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const LARGEST = 16 * 1024 * 1024; // bytes of a body
const RECENT = 300; // seconds that our clock and the agency's may be apart

const [address, stories] = process.argv.slice(2);
const key = Buffer.from(process.env.NEWSWIRE_SECRET.replace(/^whsec_/, ""), "base64");
if (key.length === 0) throw new Error("NEWSWIRE_SECRET is empty: everybody could sign with it");

// An answer that is not "taken": a status, and a word for whoever reads the agency's log.
class Answer extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

// That the request is the agency's, recent, and whole. The other headers are not signed: believe only the body.
function verify(headers, body) {
  const { "webhook-id": id = "", "webhook-timestamp": timestamp = "", "webhook-signature": signatures = "" } = headers;
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > RECENT) {
    throw new Answer(401, "too old, or from the future");
  }
  const code = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  const right = signatures
    .split(" ")
    .filter((one) => one.startsWith("v1,"))
    .map((one) => Buffer.from(one.slice(3), "base64"))
    .some((one) => one.length === code.length && timingSafeEqual(one, code));
  if (!right) throw new Answer(401, "no signature is right");
}

// The three things of the document that decide what becomes of it.
function read(body) {
  let document;
  try {
    document = JSON.parse(body.toString("utf8"));
  } catch {
    throw new Answer(422, "not a story in newswired's own JSON");
  }
  const { guid, version, action } = document ?? {};
  // JavaScript's numbers are exact up to 2^53; an agency that counts in nanoseconds is beyond.
  if (typeof guid !== "string" || !Number.isSafeInteger(version) || typeof action !== "string") {
    throw new Answer(422, "its guid, version or action is not one");
  }
  return { guid, version, action };
}

// The newest version that came of the story, 0 if none did.
function shown(id) {
  try {
    return Number(readFileSync(join(stories, `${id}.version`), "utf8"));
  } catch (why) {
    if (why.code === "ENOENT") return 0;
    throw why;
  }
}

// A file is there whole or not at all, and stays there when the machine loses its power.
function store(name, content) {
  const temporary = join(stories, `${name}.new`);
  const file = openSync(temporary, "w");
  try {
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(stories, name));
}

function takeDown(id) {
  rmSync(join(stories, `${id}.json`), { force: true });
}

function receive(headers, body) {
  verify(headers, body);
  const { guid, version, action } = read(body);
  if (guid.startsWith("urn:newswire:test:")) return; // the agency tries our door: shown to nobody
  const id = createHash("sha256").update(guid).digest("hex");
  // One at a time: nothing from here on waits for anything. With a database, lock the story's row.
  if (version <= shown(id)) return; // a repeat, or older than what we have: nothing changes, and the answer is the same
  if (action === "kill" || action === "withhold") takeDown(id);
  else store(`${id}.json`, body);
  // Last, so that a version counts as received only when what it asks has been done.
  store(`${id}.version`, Buffer.from(String(version)));
}

async function bodyOf(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > LARGEST) throw new Answer(413, "too large");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

mkdirSync(stories, { recursive: true });
const server = createServer(async (request, response) => {
  let status = 200;
  let text = "received";
  try {
    if (request.method !== "POST") throw new Answer(405, "POST stories here");
    receive(request.headers, await bodyOf(request));
  } catch (why) {
    // What is not ours to say is our disk's fault, not the story's: it comes again.
    [status, text] = why instanceof Answer ? [why.status, why.message] : [503, "cannot store it now"];
    if (!(why instanceof Answer)) console.error(why);
  }
  response.writeHead(status, { "content-type": "text/plain" }).end(`${text}\n`);
});
const colon = address.lastIndexOf(":");
server.listen(Number(address.slice(colon + 1)), address.slice(0, colon));
