// What an operator does with the status page, in a real browser. Called by tests/page.rs with what it is to do and, as JSON
// on standard input, where the daemon is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import puppeteer from "puppeteer-core";

const given = JSON.parse(readFileSync(0, "utf8"));
const axe = readFileSync(given.axe, "utf8");

const browser = await puppeteer.launch({
  executablePath: "/usr/bin/chromium",
  userDataDir: given.profile,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"],
});
const page = await browser.newPage();
await page.setViewport({ width: 1280, height: 900 });
page.setDefaultTimeout(20000);
const complaints = [];
page.on("pageerror", (why) => complaints.push(`error: ${why.message}`));
page.on("console", (said) => {
  // A 401 that is answered by asking is told by the browser as well.
  if (said.type() === "error" && !/401|404|409|422/.test(said.text())) complaints.push(`console: ${said.text()}`);
});

const publish = async (article) => {
  const answer = await fetch(`${given.intake}/v1/articles`, {
    method: "POST",
    headers: { authorization: `Bearer ${given.intake_token}`, "content-type": "application/json" },
    body: typeof article === "string" ? article : JSON.stringify(article),
  });
  return answer.status;
};
const story = (name, version, action, more = {}) => ({
  newswired: 1, guid: `urn:test:${name}`, version, action, headline: `Headline of ${name}`,
  authors: [{ name: "Amber Randall", role: "Reporter" }],
  ...(action === "kill" ? {} : { body_html: `<p>Version ${version} of ${name}.</p>` }), ...more,
});

/** Waits until the page shows a text. */
const shows = (text, within = "body") =>
  page.waitForFunction((text, within) => document.querySelector(within)?.innerText.includes(text), {}, text, within)
    .catch(async () => assert.fail(`${JSON.stringify(text)} is not shown in ${within}:\n${await page.$eval("body", (body) => body.innerText)}\n${new Error().stack}`));
/** Goes to a page, and waits until it stands there in place of the one before. */
const go = async (hash) => {
  await page.evaluate((hash) => new Promise((there) => {
    if (location.hash === hash) return there();
    addEventListener("hashchange", there, { once: true });
    location.hash = hash;
  }), hash);
  await page.waitForSelector("main:not([aria-busy])");
};
const press = async (label, within = "main") => {
  const button = await page.waitForFunction((label, within) =>
    [...document.querySelectorAll(`${within} button`)].find((button) => button.textContent === label), {}, label, within);
  // As a finger or a key does it, whether or not it was redrawn meanwhile.
  await button.evaluate((button) => button.click());
};
const fill = async (name, text) => {
  await page.waitForSelector(`dialog[open] [name=${name}]`);
  await page.$eval(`dialog[open] [name=${name}]`, (field, text) => { field.value = text; }, text);
};
const closed = () => page.waitForFunction(() => !document.querySelector("dialog").open);
/** Presses a button, fills in its question, and says yes. */
const order = async (label, fields = {}) => {
  await press(label);
  for (const [name, value] of Object.entries(fields)) {
    if (value === true) await page.waitForSelector(`dialog[open] [name=${name}]`).then((box) => box.evaluate((box) => box.click()));
    else await fill(name, value);
  }
  await press(label, "dialog[open]");
  await closed();
};
/** No fault that a machine can find for those who read by ear, by key, or with little contrast. */
const accessible = async (what) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const told = found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).slice(0, 3).join(" ")}`);
  assert.deepEqual(told, [], what);
};
const look = async (name) => {
  if (given.screenshots) await page.screenshot({ path: `${given.screenshots}/${name}.png` });
};

const desk = async () => {
  await page.goto(given.admin);
  await shows("live", "#link");
  await shows("island-post/main");
  await shows("0 of 3", "#flow");

  // A story goes out, with a headline that would be markup elsewhere.
  const headline = "Ferry vote <img src=x onerror='globalThis.broken = 1'><script>globalThis.broken = 1</script>";
  assert.equal(await publish(story("ferry", 1, "publish", { headline })), 202);
  await page.type("#q", "ferry vote");
  await page.keyboard.press("Enter");
  await shows("Ferry vote <img src=x", "main");
  await page.evaluate(() => document.querySelector("main a").click());
  await shows("2 delivered", "main");
  assert.equal(await page.evaluate(() => globalThis.broken), undefined);
  await accessible("a story's page");
  await look("story");

  // A partner's page; what changes something asks who one is.
  await go("#/partner/coast-times");
  await shows("Coast Times (coast-times)", "main");
  await press("Suspend");
  await fill("reason", "they change their system");
  await page.$eval("dialog [name=even]", (box) => box.click());
  await press("Suspend", "dialog[open]");
  await fill("token", "a wrong one");
  await press("Go on", "dialog[open]");
  await shows("That token is not known here.", "dialog");
  await accessible("a question");
  await fill("token", given.token);
  await press("Go on", "dialog[open]");
  await closed();
  await shows("order 1: destinations that are sent nothing, not even kills: 1", "#news");
  await shows("they change their system", "main");
  await look("partner");
  await accessible("a partner's page");

  // Its doors are tried without news.
  await press("Test");
  await press("Test", "dialog[open]");
  await shows("coast-times/main: well", "dialog");
  await shows("✓ connection", "dialog");
  await accessible("what was found of a door");
  await press("Well", "dialog[open]");
  await closed();

  // A kill is followed to its end.
  await go("#/story/urn%3Atest%3Aferry");
  await shows("2 delivered", "main");
  assert.equal(await publish(story("ferry", 2, "kill")), 202);
  await shows("1 of 2 doors that have it or may have it have acknowledged that it comes down", "main");
  assert.deepEqual(await page.$eval("#kill", (bar) => [bar.value, bar.max]), [1, 2]);
  await shows("the destination is suspended (suspend coast-times", "main");
  await look("kill");
  await accessible("a kill");
  await go("#/partner/coast-times");
  await shows("Coast Times (coast-times)", "main");
  await order("Resume");
  await go("#/story/urn%3Atest%3Aferry");
  await shows("2 of 2 doors that have it or may have it have acknowledged that it comes down", "main");
  await shows("Nobody is outstanding.", "main");

  // Why, in the words of the command line.
  await go("#/why/urn%3Atest%3Aferry/coast-times");
  await shows("coast-times/main has version 2: delivered", "main");

  // Hold, release, resend, cancel, replay.
  assert.equal(await publish(story("budget", 1, "publish", { embargo: new Date(Date.now() + 3600e3).toISOString() })), 202);
  await go("#/story/urn%3Atest%3Abudget");
  await shows("2 held", "main");
  await order("Hold", { reason: "court order" });
  await shows("on hold: hold urn:test:budget by desk: court order", "main");
  await order("Release");
  await page.waitForFunction(() => ![...document.querySelectorAll("main button")].some((button) => button.textContent === "Release"));
  await order("Cancel");
  await shows("2 cancelled", "main");
  await order("Resend", { to: "island-post" });
  await shows("1 cancelled, 1 held", "main");
  await go("#/partner/island-post");
  await shows("Island Post (island-post)", "main");
  await order("Replay", { hours: "2" });
  await shows("replay", "main");

  // What the ledger does not have is told in the dialog, and nothing is lost of what was written.
  await go("#/story/urn%3Atest%3Abudget");
  await shows("held", "main");
  await press("Resend");
  await fill("to", "iland-post");
  await press("Resend", "dialog[open]");
  await shows("did you mean \"island-post\"?", "dialog");
  await press("Leave it", "dialog[open]");

  // Quarantine, with reason and content.
  assert.equal(await publish("{\"newswired\": 1, \"headline\": \"<b>half\"}"), 422);
  await go("#/quarantine");
  await shows("guid: is missing", "main");
  await page.evaluate(() => document.querySelector("main a").click());
  await shows("\"headline\": \"<b>half\"", "main");
  await accessible("a quarantine entry");
  await order("Try again");
  await go("#/quarantine/1");
  await shows("Quarantine, entry 1", "main");
  await order("Discard");
  await go("#/quarantine");
  await shows("Nothing is in quarantine.", "main");

  await go("#/orders");
  await shows("replay", "main");
  for (const what of ["suspend", "resume", "hold", "release", "cancel", "resend"]) await shows(what, "main");
  await accessible("the orders");

  // By keyboard: the skip link first, then on to a partner.
  await go("#/");
  await shows("island-post/main", "main");
  await page.reload();
  await shows("island-post/main", "main");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  for (let at = 0; at < 40 && !(await page.evaluate(() => document.activeElement.id.startsWith("row-"))); at += 1) {
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await shows("Under way and next", "main");

  // A door in trouble stands first, with why, and when it is asked again.
  assert.equal(await publish(story("derby", 1, "publish", { sections: ["sports"] })), 202);
  await go("#/");
  await shows("1 of 3", "#flow");
  await page.waitForFunction(() => document.querySelector("main tbody tr").innerText.includes("valley-record/main"));
  await shows("Connection refused", "main tbody tr");
  await shows("asked again in", "main tbody tr");

  // In the dark, on a phone: nothing is off the side.
  await accessible("the partners");
  await look("partners");
  const light = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), light);
  await accessible("the partners in the dark");
  await look("partners-dark");
  await page.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
  for (const hash of ["#/", "#/partner/coast-times", "#/story/urn%3Atest%3Aferry", "#/orders"]) {
    await go(hash);
    await page.waitForSelector("main h2");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${hash} is ${wide} px wider than the phone`);
  }
  await go("#/");
  await shows("island-post/main", "main");
  await look("phone");
};

/** Ten thousand partners: drawn, sorted, found, turned, and live. */
const fleet = async () => {
  await page.goto(given.admin);
  await shows("10,000 destinations, 1 to 200 shown", "main");
  const times = await page.evaluate(() => performance.now());
  console.log(`shown ${Math.round(times)} ms after the address was opened`);
  assert.equal(await page.$$eval("main tbody tr", (rows) => rows.length), 200);
  await press("Partner");
  await shows("p00000/main", "main");
  await press("More");
  await shows("p00200/main", "main");
  await page.type("#q", "p04242");
  await page.keyboard.press("Enter");
  await shows("1 destinations match", "main");
  assert.equal(await publish(story("one", 1, "publish")), 202);
  await page.waitForFunction(() => document.querySelector("main svg.hour")?.getAttribute("aria-label").startsWith("last hour: 1 arrived"));
};

/** From elsewhere than this machine, all of it asks for a token. */
const remote = async () => {
  await page.goto(given.admin);
  await fill("token", given.token);
  await press("Go on", "dialog[open]");
  await closed();
  await shows("island-post/main", "main");
};

try {
  await { desk, fleet, remote }[process.argv[2]]();
  assert.deepEqual(complaints, []);
} finally {
  await browser.close();
}
