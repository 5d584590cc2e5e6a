"""A receiver for newswired's pushes in its own JSON. Python 3.9 or newer; nothing to install.

    NEWSWIRE_SECRET=whsec_… python3 receiver.py 127.0.0.1:9000 stories

What is published stands in stories/ID.json, ID being the SHA-256 of the story's guid; the newest version that came is in
stories/ID.version. Put your own database in the place of `shown`, `store` and `take_down`.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LARGEST = 16 * 1024 * 1024  # bytes of a body
RECENT = 300  # seconds that our clock and the agency's may be apart

KEY = base64.b64decode(os.environ["NEWSWIRE_SECRET"].removeprefix("whsec_"))
assert KEY, "NEWSWIRE_SECRET is empty: everybody could sign with it"
STORIES = Path(sys.argv[2])
ONE_AT_A_TIME = threading.Lock()
NUMBER = re.compile("[0-9]{1,15}")


class Answer(Exception):
    """An answer that is not "taken": a status, and a word for whoever reads the agency's log."""


def verify(headers, body):
    """That the request is the agency's, recent, and whole. The other headers are not signed: believe only the body."""
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not NUMBER.fullmatch(timestamp) or abs(time.time() - int(timestamp)) > RECENT:
        raise Answer(401, "too old, or from the future")
    code = hmac.new(KEY, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    for one in headers.get("webhook-signature", "").split(" "):
        try:
            if one.startswith("v1,") and hmac.compare_digest(base64.b64decode(one[3:]), code):
                return
        except ValueError:
            pass  # not base64; another one may be right
    raise Answer(401, "no signature is right")


def read(body):
    """The document, and the three things that decide what becomes of it."""
    try:
        document = json.loads(body)
        guid, version, action = document["guid"], document["version"], document["action"]
    except (ValueError, KeyError, TypeError):
        raise Answer(422, "not a story in newswired's own JSON")
    if not isinstance(guid, str) or type(version) is not int or not isinstance(action, str):
        raise Answer(422, "its guid, version or action is not one")
    return guid, version, action


def shown(id):
    """The newest version that came of the story, 0 if none did."""
    try:
        return int((STORIES / f"{id}.version").read_text())
    except FileNotFoundError:
        return 0


def store(name, content):
    """A file is there whole or not at all, and stays there when the machine loses its power."""
    temporary = STORIES / f"{name}.new"
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(STORIES / name)


def take_down(id):
    (STORIES / f"{id}.json").unlink(missing_ok=True)


def receive(headers, body):
    verify(headers, body)
    guid, version, action = read(body)
    if guid.startswith("urn:newswire:test:"):
        return  # the agency tries our door: answered as news is, and shown to nobody
    id = hashlib.sha256(guid.encode()).hexdigest()
    with ONE_AT_A_TIME:
        if version <= shown(id):
            return  # a repeat, or older than what we have: nothing changes, and the answer is the same
        if action in ("kill", "withhold"):
            take_down(id)
        else:
            store(f"{id}.json", body)
        # Last, so that a version counts as received only when what it asks has been done.
        store(f"{id}.version", str(version).encode())


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that we wait for the next bytes

    def do_POST(self):
        try:
            length = self.headers.get("content-length", "")
            if not NUMBER.fullmatch(length):
                raise Answer(411, "say how long the body is")
            if int(length) > LARGEST:
                raise Answer(413, "too large")
            receive(self.headers, self.rfile.read(int(length)))
            self.answer(200, "received")
        except Answer as answer:
            self.answer(*answer.args)
        except OSError as why:  # our disk, not the story, is at fault: it comes again
            self.answer(503, "cannot store it now")
            print(why, file=sys.stderr)

    def answer(self, status, text):
        # After 411 and 413 the body is still on its way: the connection is of no more use.
        self.close_connection = self.close_connection or status in (411, 413)
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections that wait for their turn; the usual 5 are soon too few


if __name__ == "__main__":
    STORIES.mkdir(parents=True, exist_ok=True)
    host, _, port = sys.argv[1].rpartition(":")
    Server((host, int(port)), Door).serve_forever()
