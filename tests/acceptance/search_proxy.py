"""A proxy before the sandbox that rewrites its answers: for servers and middle boxes that do what they should not."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .desk import Desk

Rewrite = Callable[[str, Any, int, Any], tuple[int, Any]]
"""(path with its query, JSON of the request, status, JSON of the answer) -> status and JSON of the answer."""


@contextlib.contextmanager
def rewriting(desk: Desk, rewrite: Rewrite, *, per_page: int = 20) -> Iterator[Desk]:
    """The same desk behind a proxy, which asks for small pages."""
    upstream = urlsplit(desk.box.url)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = json.loads(body or b"null")
            if isinstance(asked, dict) and "pagination" in asked:
                asked["pagination"]["per_page"] = min(per_page, asked["pagination"]["per_page"])
                body = json.dumps(asked).encode()
            connection = HTTPConnection(upstream.netloc)
            kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding", "connection", "content-length")}
            connection.request(self.command, self.path, body, kept)
            answer = connection.getresponse()
            status, content = answer.status, json.loads(answer.read() or b"null")
            status, content = rewrite(self.path, asked, status, content)
            connection.close()
            data = json.dumps(content).encode()
            self.send_response_only(status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "content-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = relay

        def log_message(self, *args: object) -> None:
            """Nothing."""

    class Behind(Desk):
        @property
        def env(self) -> dict[str, str]:
            return {**super().env, "INTERCOM_BASE_URL": f"http://127.0.0.1:{server.server_address[1]}"}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Behind(desk.box, desk.home)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def searched(path: str) -> bool:
    """Whether this is a page of a search."""
    return path.split("?")[0].endswith("/search")
