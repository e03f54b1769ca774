"""A server between the command and the sandbox that may change what either says."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = tuple[int, dict[str, str], bytes]
Rewrite = Callable[[str, str, Answer], Answer]
Refuse = Callable[[str, str], Answer | None]


_OF_A_CONNECTION = ("content-length", "connection", "transfer-encoding", "date", "server")


class Between:
    """Where it listens, and the raw paths that it was asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, str]] = []


def as_json(answer: Answer, change: Callable[[Any], Any]) -> Answer:
    """The answer with its JSON changed; `change` returns the new value."""
    status, headers, body = answer
    return status, headers, json.dumps(change(json.loads(body))).encode()


@contextlib.contextmanager
def between(
    url: str, rewrite: Rewrite = lambda method, path, answer: answer, refuse: Refuse = lambda method, path: None
) -> Iterator[Between]:
    """Forward every request to `url`; `rewrite(method, path, (status, headers, body))` gives what is answered.

    What `refuse(method, path)` gives an answer for is never forwarded.
    """
    target = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def handle_one_request(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().handle_one_request()

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.asked.append((self.command, self.path))
            status, headers, answer = refuse(self.command, self.path) or self.forwarded(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def forwarded(self, body: bytes) -> Answer:
            connection = http.client.HTTPConnection(target.hostname or "", target.port)
            connection.request(self.command, self.path, body, dict(self.headers))
            got = connection.getresponse()
            headers = {name: value for name, value in got.getheaders() if name.lower() not in _OF_A_CONNECTION}
            answer = rewrite(self.command, self.path, (got.status, headers, got.read()))
            connection.close()
            return answer

        do_GET = do_POST = do_PUT = do_DELETE = do

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Between(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
