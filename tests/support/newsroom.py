"""The receiving half of a Newsroom, by the rules of its push.py: it knows who pushes by the signature of the exact bytes,
keeps binaries by their id, and fails on an item that names a binary it does not have. It prints a line for each request.

Python's own HTTP server, HMAC and MIME parser: nothing of it is newswired's.
"""

import email.parser
import email.policy
import hashlib
import hmac
import http.server
import json
import sys

KEY = b"newsroom's push key"
assets, items = {}, {}


def names(item):
    """The ids of the binaries that an item and its associations name."""
    for rendition in (item.get("renditions") or {}).values():
        if "media" in rendition:
            yield rendition["media"]
    for association in (item.get("associations") or {}).values():
        yield from names(association)


class Newsroom(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, said):
        print(f"{self.command} {self.path} {status} {said}", flush=True)
        self.send_response(status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_GET(self):
        there = self.path.removeprefix("/push_binary/") in assets
        self.answer(200 if there else 404, "")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        code = hmac.new(KEY, body, hashlib.sha1).hexdigest()
        if not hmac.compare_digest(self.headers.get("x-superdesk-signature", ""), f"sha1={code}"):
            return self.answer(403, "")
        if self.path == "/push_binary":
            head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
            form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
            parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
            media = parts["media"]
            binary = media.get_payload(decode=True)
            assets[parts["media_id"].get_content().strip()] = binary
            return self.answer(201, f"{media.get_content_type()} {hashlib.sha256(binary).hexdigest()}")
        item = json.loads(body)
        missing = [name for name in names(item) if name not in assets]
        if missing:
            return self.answer(500, f"has no {missing}")
        items[item["guid"]] = item
        return self.answer(200, f"{item['guid']} {item['pubstatus']} {len(set(names(item)))}")


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Newsroom).serve_forever()
