"""A server of aiosmtpd's for the tests: FOLDER PORT PASSWORD-FILE starttls|implicit|plain, in a directory with server.pem and
server.key. Messages stand in FOLDER, each with the mailboxes that it was taken for. What a mailbox is called is what it
does: `gone` is refused, `grey` is put off once, `strict` refuses a message's content, `lost` takes a message once without
saying so, `closing` ends the session once."""

import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

folder, port, password, kind = sys.argv[1:]
with open(password) as file:
    secret = file.read()


class Desk:
    def __init__(self):
        self.seen = set()
        self.number = 0

    def is_first(self, what):
        first = what not in self.seen
        self.seen.add(what)
        return first

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "gone":
            return "550 5.1.1 No such mailbox here"
        if name == "grey" and self.is_first("grey"):
            return "451 4.7.1 Come back later"
        if name == "closing" and self.is_first("closing"):
            server.transport.abort()
            return "421 4.3.2 Going down"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        if any(address.startswith("strict@") for address in envelope.rcpt_tos):
            return "554 5.6.0 We do not like this message"
        self.number += 1
        head = "".join(f"X-Taken-For: {address}\r\n" for address in envelope.rcpt_tos)
        head += f"X-Sender: {envelope.mail_from}\r\nX-Tls: {session.ssl is not None}\r\n"
        head += f"X-User: {(session.auth_data or b'').decode()}\r\n"
        path = os.path.join(folder, f"{self.number:03}")
        with open(path + ".part", "wb") as file:
            file.write(head.encode() + envelope.original_content)
        os.rename(path + ".part", path + ".eml")
        if any(address.startswith("lost@") for address in envelope.rcpt_tos) and self.is_first("lost"):
            server.transport.abort()
        return "250 2.0.0 Taken"


def authenticate(server, session, envelope, mechanism, data):
    good = mechanism in ("PLAIN", "LOGIN") and data.login == b"wire" and data.password == secret.encode()
    print("let in" if good else "not let in", flush=True)
    return AuthResult(success=good, auth_data=data.login, handled=False)


def main():
    context = None
    if kind != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain("server.pem", "server.key")
    desk = Desk()

    def connected():
        if kind == "plain":
            return SMTP(desk, hostname="localhost")
        starttls = {"tls_context": context, "require_starttls": True} if kind == "starttls" else {"auth_require_tls": False}
        return SMTP(desk, hostname="localhost", authenticator=authenticate, auth_required=True, **starttls)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    implicit = context if kind == "implicit" else None
    loop.run_until_complete(loop.create_server(connected, "127.0.0.1", int(port), ssl=implicit))
    loop.run_forever()


main()
