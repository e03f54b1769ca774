"""One kept-alive connection to one host: a request's bytes out, one answer's bytes in.

httpcore2 connects and speaks TLS, and its errors say how far a request got; httptools (the parser of Node.js, in C) reads the
answer. Their own way through httpcore2 would cost a call as much processor time again as all the rest of it.
"""

from __future__ import annotations

import ssl
import time
from contextlib import suppress

import httpcore2
import httptools

from .deadline import DeadlineBackend
from .messages import MOST as MOST
from .messages import Response

_MOST_HEADERS = 100 * 1024
"""Bytes of the headers, and of what else is no body."""
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
        self._stream = stream if tls is None else stream.start_tls(tls, host)
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
        """See httptools."""
        if self.complete:
            raise ValueError("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        """See httptools."""
        self.status = self.parser.get_status_code()
        self.complete = self._head_only and self.status >= 200

    def on_body(self, data: bytes) -> None:
        """See httptools."""
        self._size += len(data)
        self.body.append(data)

    def on_message_complete(self) -> None:
        """See httptools."""
        if self.status < 200:  # the answer itself follows
            self.status = 0
            self.headers.clear()
            return
        self.complete = True
        self.keeps_alive = not self._head_only and self.parser.should_keep_alive()
