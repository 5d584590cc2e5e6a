"""A server of pyftpdlib's for the tests: FOLDER PORT PASSWORD-FILE old|plain|tls, in a directory with server.pem and server.key."""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

folder, port, password, kind = sys.argv[1:]
authorizer = DummyAuthorizer()
with open(password) as file:
    secret = file.read()
authorizer.add_user("wire", secret, folder, perm="elradfmwMT")
authorizer.add_user("reader", secret, folder, perm="elr")

if kind == "tls":
    handler = TLS_FTPHandler
    handler.certfile, handler.keyfile = "server.pem", "server.key"
    handler.tls_control_required = handler.tls_data_required = True
else:
    handler = FTPHandler
handler.authorizer = authorizer
# What some servers behind a gateway say of themselves: nobody is to connect there.
if kind == "old":
    handler.masquerade_address = "192.0.2.1"
    handler.proto_cmds = {name: about for name, about in handler.proto_cmds.items() if name not in ("EPSV", "SIZE")}
FTPServer(("127.0.0.1", int(port)), handler).serve_forever()
