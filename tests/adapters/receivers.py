"""Real receivers of webhooks in this process: HTTP servers that keep what they got, and answer as they are told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from tests.adapters.mail_server import free_port


@dataclass
class Got:
    """A request: header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class Receiver:
    """What it answers (`status`, and `before` answering it does this), and what it got."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[Got], None] = lambda _got: None
    got: list[Got] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def ids(self) -> list[str]:
        return [g.headers["webhook-id"] for g in self.got]

    def types(self) -> list[str]:
        return [g.json["type"] for g in self.got]


@contextmanager
def receiving(given: Receiver | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """The receiver, for the length of a block."""
    receiver = given or Receiver()
    receiver.port = receiver.port or free_port()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got = Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            receiver.got.append(got)
            receiver.before(got)
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_words: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    server = Server(("127.0.0.1", receiver.port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
