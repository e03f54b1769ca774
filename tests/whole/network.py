"""The sandbox without a socket: its own HTTP server and application behind the HTTP library's own hook for a network.

Everything is what it is elsewhere, from the bytes that the client writes to the bytes that the sandbox answers with: only
the wire between the two is memory, and what the server does after a delay it does on the clock of the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest.mock import patch

import httpcore2

from intercom_sandbox import Sandbox
from intercom_sandbox.application import Application
from intercom_sandbox.server import settings_from
from intercom_sandbox.wire import Connection, Request

from .clock import Clock, running_ahead

PORT = 9


class MemoryServer:
    """The sandbox's application, with timers where it has an event loop elsewhere."""

    def __init__(self, clock: Clock, **settings: Any) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.closed_until = 0.0
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self.application = Application(settings_from(settings))
        self.application.door = self._door

    # What the server's connections ask of an event loop.
    def time(self) -> float:
        return self.clock.monotonic()

    def call_later(self, seconds: float, do: Callable[..., object], *arguments: Any) -> None:
        heapq.heappush(self._timers, (self.time() + seconds, next(self._numbers), lambda: do(*arguments)))

    def call_soon(self, do: Callable[..., object], *arguments: Any) -> None:
        self.call_later(0.0, do, *arguments)

    def due(self, until: float | None = None) -> bool:
        """Do the next thing that is due, by now or until that moment, which then has come. False: there is none."""
        if not self._timers or self._timers[0][0] > (self.time() if until is None else until):
            return False
        at, _, do = heapq.heappop(self._timers)
        self.clock.skip_to(at)
        do()
        return True

    def forget(self) -> None:
        """Leave undone what is not due yet."""
        with self.lock:
            self._timers.clear()

    def _door(self, seconds: float | None) -> None:
        self.closed_until = 0.0 if seconds is None else float("inf") if seconds == 0 else self.time() + seconds


class _ServerEnd(asyncio.Transport):
    """What the server writes to: what asyncio's transport is elsewhere."""

    def __init__(self, server: MemoryServer) -> None:
        super().__init__()
        self.waiting = bytearray()
        self.closing = self.broken = False
        self.connection = Connection(server.application, server)  # type: ignore[arg-type]
        self.connection.connection_made(self)

    def write(self, data: Any) -> None:
        self.waiting += data

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.connection.connection_lost(None)

    def abort(self) -> None:
        self.broken = True
        self.close()

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)


class _ClientEnd(httpcore2.NetworkStream):
    """What the HTTP library reads and writes."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        with server.lock:
            self._other = _ServerEnd(server)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with self._server.lock:
            while self._server.due():
                pass
            if self._other.closing:
                raise httpcore2.WriteError("the connection is closed")
            self._other.connection.data_received(buffer)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        end = self._server.time() + (60.0 if timeout is None else timeout)
        with self._server.lock:
            while not (self._other.waiting or self._other.closing):
                if not self._server.due(end):
                    self._server.clock.skip_to(end)
                    raise httpcore2.ReadTimeout("the answer did not come in time")
            if self._other.broken:
                raise httpcore2.ReadError("connection reset")
            data = bytes(self._other.waiting[:max_bytes])
            del self._other.waiting[:max_bytes]
            return data

    def close(self) -> None:
        with self._server.lock:
            self._other.close()

    def get_extra_info(self, info: str) -> Any:
        return self._other.closing if info == "is_readable" else None


class MemoryNetwork(httpcore2.NetworkBackend):
    """The way to one server, and to no other."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        if port != PORT or self._server.time() < self._server.closed_until:
            raise httpcore2.ConnectError("connection refused")
        return _ClientEnd(self._server)


class MemorySandbox(Sandbox):
    """The handle that tests hold, its orders given to the application directly."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        super().__init__(f"http://127.0.0.1:{PORT}")

    def pass_time(self, seconds: float) -> None:
        """Let the time pass."""
        self._server.clock.skip_to(self._server.time() + seconds)

    def reset(self) -> None:
        """Begin anew; what the server still had to do is forgotten too."""
        self._server.forget()
        super().reset()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        path, _, query = path.partition("?")
        request = Request(method, f"/_sandbox/{path}", query, {}, b"" if body is None else json.dumps(body).encode())
        with self._server.lock:
            while self._server.due():
                pass
            answer = self._server.application.handle(request, None)
        result = json.loads(answer.body)
        if answer.status == 404:
            raise KeyError(path)
        if answer.status >= 400:
            raise ValueError(result.get("error") or result)
        return result


@contextlib.contextmanager
def in_memory(**settings: Any) -> Iterator[MemorySandbox]:
    """A sandbox in memory, to which every connection of this process leads while it lasts, on a clock that runs ahead."""
    with running_ahead() as clock:
        server = MemoryServer(clock, **settings)
        with patch.object(httpcore2, "SyncBackend", lambda: MemoryNetwork(server)):
            yield MemorySandbox(server)
