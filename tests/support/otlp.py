"""A collector of traces for the tests: PORT FILE. It takes OTLP by HTTP in protobuf, decodes it with the messages of the
opentelemetry-proto package, and writes each span as a line of JSON to FILE. What it answers is the first word of the file
FILE.mode, if there is one: `hang` answers nothing, `503`, or `partial`, which takes none of the spans and says so. The
headers of each request stand in FILE.requests."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

port, path = sys.argv[1:]
writing = threading.Lock()


def value(of):
    kind = of.WhichOneof("value")
    return getattr(of, kind) if kind else None


def attributes(of):
    return {each.key: value(each.value) for each in of}


def append(name, line):
    with writing, open(name, "a") as file:
        file.write(json.dumps(line) + "\n")


def mode():
    try:
        with open(path + ".mode") as file:
            return file.read().split()[0]
    except (FileNotFoundError, IndexError):
        return "take"


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        how = mode()
        append(path + ".requests", {"path": self.path, "headers": dict(self.headers), "mode": how})
        if how == "hang":
            threading.Event().wait()
        if how == "503":
            return self.answer(503, b"out of order")
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        assert not len(UnknownFieldSet(request)), "a field that the protocol does not have"
        response, number = ExportTraceServiceResponse(), 0
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    assert not len(UnknownFieldSet(span)), "a field that a span does not have"
                    number += 1
                    if how != "partial":
                        append(path, line(resource.resource, scope.scope, span))
        if how == "partial":
            response.partial_success.rejected_spans = number
            response.partial_success.error_message = "too many"
        self.answer(200, response.SerializeToString())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def line(resource, scope, span):
    return {
        "resource": attributes(resource.attributes),
        "scope": [scope.name, scope.version],
        "trace": span.trace_id.hex(),
        "span": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "state": span.trace_state,
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        "began": span.start_time_unix_nano,
        "ended": span.end_time_unix_nano,
        "attributes": attributes(span.attributes),
        "status": Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_").lower(),
        "why": span.status.message,
        "flags": span.flags,
    }


if __name__ == "__main__":
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", int(port)), Collector).serve_forever()
