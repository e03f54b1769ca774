"""HTTP/1.1 on one connection: bytes in, `Request` out; `Reply` in, bytes out.

Bare `asyncio.Protocol` with the httptools parser: a framework between would cost more than the whole answer.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl

import httptools

from intercom_sandbox.problems import Problem

PHRASES = {status.value: status.phrase for status in HTTPStatus}
POUR = 64 * 1024  # bytes of one chunk of an endless body
MAX_BODY = 16 * 1024 * 1024  # bytes of one request; more is 413


class Request:
    """One request as it came."""

    __slots__ = ("_json", "app", "body", "headers", "method", "now", "path", "raw_query", "route", "version")

    def __init__(self, method: str, path: str, raw_query: str, headers: dict[bytes, bytes], body: bytes) -> None:
        self.method = method
        self.path = path
        self.raw_query = raw_query
        self.headers = headers
        self.body = body
        self.app = ""
        self.now = 0.0
        self.version = 216
        self.route = ""
        self._json: Any = None

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; of a repeated one the last."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True)) if self.raw_query else {}

    def json(self) -> dict[str, Any]:
        """The JSON object of the body, {} when there is none. Raises Problem 400 when it is not an object."""
        if self._json is None:
            if not self.body:
                self._json = {}
            else:
                try:
                    self._json = json.loads(self.body)
                except (ValueError, RecursionError):
                    raise Problem(400, "bad_request", "Invalid JSON in the request body") from None
                if not isinstance(self._json, dict):
                    raise Problem(400, "bad_request", "The request body must be a JSON object")
        found: dict[str, Any] = self._json
        return found


def given_token(request: Request, *, basic: bool = True) -> str:
    """The token that came with a request, as Bearer or as the user name of Basic; "" when there is none."""
    scheme, _, text = request.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        return text.strip()
    if scheme.lower() == "basic" and basic:
        try:
            return base64.b64decode(text, validate=True).decode("latin-1").partition(":")[0]
        except ValueError:
            return ""
    return ""


class Reply:
    """What goes back: status, body, extra header lines, and how."""

    __slots__ = ("afterwards", "api", "body", "content_type", "delay", "head", "how", "later", "pace", "size", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        head: str = "",
        *,
        how: str = "whole",
        delay: float = 0.0,
        content_type: str = "application/json; charset=utf-8",
    ) -> None:
        self.status = status
        self.body = body
        self.head = head  # further header lines, each with its CRLF
        self.how = how  # whole | truncated | drop | reset | drip | endless
        self.delay = delay
        self.pace = 0.0  # seconds between two bytes of a dripping answer
        self.size = 0  # bytes after which an endless answer ends all the same; 0: never
        self.content_type = content_type
        self.api = False  # an answer of the API, not of the control endpoint
        self.later: Callable[[], Reply] | None = None  # called after `delay` to make the real reply
        self.afterwards: tuple[float, Callable[[], object]] | None = None  # what is done so many seconds after the request


class Handler(Protocol):
    """What answers requests and counts connections."""

    def handle(self, request: Request, transport: asyncio.Transport | None) -> Reply:
        """Answer one request; never raises."""

    def server_time(self) -> float:
        """The server's own idea of the time, Unix seconds."""

    def answered(self) -> None:
        """Count the end of a request."""

    def idle_seconds(self) -> float:
        """How long a kept connection may be silent; 0: for ever."""

    def opened(self, transport: asyncio.Transport) -> None:
        """Count a new connection."""

    def closed(self, transport: asyncio.Transport) -> None:
        """Count a lost connection."""


class Turn:
    """One request of a connection and, once it is made, its reply: they leave in the order they came."""

    __slots__ = ("head_only", "keep", "reply")

    def __init__(self, *, keep: bool, head_only: bool) -> None:
        self.keep = keep
        self.head_only = head_only
        self.reply: Reply | None = None


class Connection(asyncio.Protocol):
    """One client connection, kept alive until either side closes it."""

    __slots__ = ("_body", "_handler", "_headers", "_last", "_loop", "_parser", "_size", "_transport", "_turns", "_url")

    _dates: ClassVar[tuple[int, str]] = (0, "")

    def __init__(self, handler: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self._handler = handler
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._turns: deque[Turn] = deque()
        self._last = loop.time()

    # asyncio's callbacks
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (for the type checker)
        self._transport = transport
        self._handler.opened(transport)
        if (idle := self._handler.idle_seconds()) > 0:
            self._loop.call_later(idle, self._close_when_idle, idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport: a client may die at any moment, what it asked for stays committed."""
        if self._transport is not None:
            self._handler.closed(self._transport)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError:
            self._refuse(400)

    def _refuse(self, status: int) -> None:
        """Answer what is not HTTP, or too much of it, and hang up."""
        if self._transport is not None and not self._transport.is_closing():
            line = f"HTTP/1.1 {status} {PHRASES[status]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            self._transport.write(line.encode("latin-1"))
            self._transport.close()

    def _close_when_idle(self, idle: float) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        left = self._last + idle - self._loop.time()
        if self._turns or left > 0:  # one timer for the connection, not one for each request
            self._loop.call_later(max(left, 0.01), self._close_when_idle, idle)
        else:
            transport.close()

    # httptools' callbacks
    def on_message_begin(self) -> None:
        """Start afresh."""
        self._url = b""
        self._headers = {}
        self._body = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header, its name in lower case."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Let a careful client send its body."""
        if b"expect" in self._headers and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._size += len(body)
        if self._size > MAX_BODY:
            self._body = []  # read to its end all the same: a client that still sends would see a reset, no answer
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer, at once or after the reply's delay."""
        if self._size > MAX_BODY:
            self._refuse(413)
            return
        path, _, query = _target(self._url).partition("?")
        method = self._parser.get_method().decode("latin-1")
        turn = Turn(keep=self._parser.should_keep_alive(), head_only=method == "HEAD")
        self._turns.append(turn)
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = Request(method, path, query, self._headers, body)
        reply = self._handler.handle(request, self._transport)
        if reply.afterwards is not None:
            self._loop.call_later(*reply.afterwards)
        self._schedule(reply, turn)

    def _schedule(self, reply: Reply, turn: Turn) -> None:
        if reply.delay > 0:
            self._loop.call_later(reply.delay, self._ready, reply, turn)
        else:
            self._ready(reply, turn)

    def _ready(self, reply: Reply, turn: Turn) -> None:
        if reply.later is not None:
            real = reply.later()
            real.api = reply.api
            self._schedule(real, turn)
            return
        turn.reply = reply
        while self._turns and (first := self._turns[0].reply) is not None:
            self._send(first, self._turns.popleft())

    def _send(self, reply: Reply, turn: Turn) -> None:
        if reply.api:
            self._handler.answered()
        self._last = self._loop.time()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if reply.how in ("drop", "reset"):
            (transport.abort if reply.how == "drop" else partial(reset, transport))()
            return
        second = int(self._handler.server_time())
        if Connection._dates[0] != second:
            Connection._dates = (second, formatdate(second, usegmt=True))
        body = reply.body
        head = (
            f"HTTP/1.1 {reply.status} {PHRASES.get(reply.status, 'Unknown')}\r\n"
            f"Date: {Connection._dates[1]}\r\n"
            f"Content-Type: {reply.content_type}\r\n"
            f"{reply.head}"
            f"{'' if turn.keep else 'Connection: close' + chr(13) + chr(10)}"
            f"{'Transfer-Encoding: chunked' if reply.how == 'endless' else f'Content-Length: {len(body)}'}\r\n\r\n"
        ).encode("latin-1")
        if turn.head_only:  # a body here would be read as the head of the next answer
            transport.write(head)
        elif reply.how == "truncated":
            transport.write(head + body[: len(body) // 2])
            transport.close()
            return
        elif reply.how == "drip":
            transport.write(head)
            self._drip(transport, body, 0, reply.pace)
            return
        elif reply.how == "endless":
            transport.write(head + _chunk(body))
            self._pour(transport, reply.size)
            return
        else:
            transport.write(head + body)
        if not turn.keep:
            transport.close()

    def _drip(self, transport: asyncio.Transport, body: bytes, at: int, pace: float) -> None:
        """Send one byte after the other; the connection ends with the last."""
        if transport.is_closing():
            return
        if at == len(body):
            transport.close()
            return
        transport.write(body[at : at + 1])
        self._loop.call_later(pace, self._drip, transport, body, at + 1, pace)

    def _pour(self, transport: asyncio.Transport, left: int) -> None:
        """Send chunks for as long as somebody reads them."""
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() < POUR * 4:
            transport.write(_chunk(b"x" * POUR))
            if left and left <= POUR:
                transport.write(_chunk(b'"}') + _chunk(b""))
                transport.close()
                return
            left = max(0, left - POUR)
            self._loop.call_soon(self._pour, transport, left)
        else:
            self._loop.call_later(0.005, self._pour, transport, left)


def reset(transport: asyncio.Transport) -> None:
    """End a connection with a reset, whatever was read of it."""
    if (held := transport.get_extra_info("socket")) is not None:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _target(url: bytes) -> str:
    """Path and query of a request target, which is a whole URL when it came through a proxy.

    Dot segments are resolved, as whatever stands before the real service does.
    """
    text = url.decode("latin-1")
    if not text.startswith("/"):
        _, _, rest = text.partition("://")
        text = "/" + rest.partition("/")[2]
    if "/." not in text:
        return text
    path, mark, query = text.partition("?")
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[max(1, len(kept) - 1) :]
        elif part != ".":
            kept.append(part)
    return ("/".join(kept) or "/") + mark + query
