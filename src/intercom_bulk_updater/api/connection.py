"""One kept-alive connection to one host: a request's bytes out, one answer's bytes in.

httpcore2 connects and speaks TLS, and its errors say how far a request got; httptools (the parser of Node.js, in C) reads the
answer. Their own way through httpcore2 would cost a call as much processor time again as all the rest of it.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

import httpcore2
import httptools

from .deadline import DeadlineBackend, left
from .messages import MOST as MOST
from .messages import Response

_MOST_HEADERS = 100 * 1024
"""Bytes of the headers, and of what else is not a body."""
KEPT_ALIVE = 55.0
"""Seconds that an idle connection is used again; servers close theirs after a minute or more."""
_FIRST, _PIECE = 8 * 1024, 64 * 1024
"""Bytes that are read at a time. Whoever waits for an answer has room for the first of them, and a thousand workers may wait."""


class TooLarge(Exception):
    """An answer has more than `MOST` bytes."""


class Connection:
    """One connection, for one request at a time. How long all of it may take is said by `deadline.within`."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, backend: DeadlineBackend) -> None:
        stream = backend.connect_tcp(host, port)
        stream = stream if tls is None else stream.start_tls(tls, host)
        connected = stream.get_extra_info("socket")
        self._stream = stream if connected is None else _SocketStream(connected)
        self._until = 0.0
        """When it has been idle for too long (monotonic seconds); 0 when it must not be used again."""

    def is_usable(self) -> bool:
        """Whether another request may go this way: the other end has not hung up, nor said what nobody asked for."""
        return time.monotonic() < self._until and not self._stream.get_extra_info("is_readable")

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def exchange(self, request: bytes, *, head_only: bool = False) -> Response:
        """Send a request and read its answer, whose body stays as it came. `head_only`: the answer has no body, whatever it says.

        Raises httpcore2's TimeoutException, NetworkError or ProtocolError, or TooLarge. The connection is of no use then.
        """
        self._until = 0.0
        with suppress(httpcore2.WriteError):  # a server may answer before it has read all, and hang up
            self._stream.write(request)
        answer = _Answer(head_only)
        try:
            answer.take(self._stream.read(_FIRST))
            while not answer.complete:
                answer.take(self._stream.read(_PIECE))
        finally:
            del answer.parser  # each holds the other: without this, memory would wait for the garbage collector
        if answer.keeps_alive:
            self._until = time.monotonic() + KEPT_ALIVE
        return Response(answer.status, answer.headers, b"".join(answer.body))


class _SocketStream(httpcore2.NetworkStream):
    """What httpcore2 has connected, at a third less than by its own stream, which sets the socket's timeout for each piece anew."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._timeout = 0.0
        self._is_readable = _watching(connected)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._wait_no_longer_than(left())
        try:
            self._socket.sendall(buffer)
        except TimeoutError as exc:
            raise httpcore2.WriteTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpcore2.WriteError(str(exc)) from exc

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        seconds = left()
        if seconds <= 0:
            raise httpcore2.ReadTimeout("the answer was not complete in time")
        self._wait_no_longer_than(seconds)
        try:
            return self._socket.recv(max_bytes)
        except TimeoutError as exc:
            raise httpcore2.ReadTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpcore2.ReadError(str(exc)) from exc

    def close(self) -> None:
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        return self._is_readable() if info == "is_readable" else None

    def _wait_no_longer_than(self, seconds: float) -> None:
        """In steps of a tenth of a second: each time it is set costs a call of the system, and it is the same nearly always."""
        timeout = max(1, math.ceil(seconds * 10)) / 10
        if timeout != self._timeout:
            self._socket.settimeout(timeout)
            self._timeout = timeout


def _watching(connected: socket.socket) -> Callable[[], bool]:
    """What tells whether there is something to read, the end of the connection included."""
    if not hasattr(select, "poll"):  # Windows
        return lambda: bool(select.select([connected], [], [], 0)[0])
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return lambda: bool(poll.poll(0))


@lru_cache(maxsize=64)  # answer after answer has the same
def _lowered(name: bytes) -> str:
    return name.decode("latin-1").lower()


class _Answer:
    """What has come of one answer; also what httptools calls while it reads."""

    def __init__(self, head_only: bool) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.complete = False
        self.keeps_alive = False
        self._head_only = head_only
        self._size = 0
        self._received = 0

    def take(self, data: bytes) -> None:
        """Read on; no data means that the other end has closed."""
        if not data:
            self._end()
            return
        self._received += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            raise httpcore2.RemoteProtocolError("the answer asks for another protocol") from exc
        except httptools.HttpParserError as exc:
            if not self.complete:
                raise httpcore2.RemoteProtocolError(str(exc)) from exc
            self.keeps_alive = False  # more came than the answer
        if self._size > MOST:
            raise TooLarge
        if self._received - self._size > (self._size + _MOST_HEADERS if self.status else _MOST_HEADERS):
            raise httpcore2.RemoteProtocolError("the answer's headers have no end")

    def _end(self) -> None:
        if not self._received:
            raise httpcore2.RemoteProtocolError("Server disconnected without sending a response.")
        if not self.status or "content-length" in self.headers or "transfer-encoding" in self.headers:
            raise httpcore2.RemoteProtocolError("peer closed connection without sending complete message body")
        self.complete = True  # a body without a length goes on to the end of the connection

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[_lowered(name)] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        self.complete = self._head_only and self.status >= 200

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        self.body.append(data)

    def on_message_complete(self) -> None:
        if self.status < 200:  # the answer itself follows
            self.status = 0
            self.headers.clear()
            return
        self.complete = True
        self.keeps_alive = not self._head_only and self.parser.should_keep_alive()
