"""One deadline for a whole answer: a server that sends a byte now and then would be waited for without end otherwise.

The HTTP library takes its timeouts from one byte to the next. These streams stand between it and its sockets, and shorten
each of them to what is left until the moment that the calling thread has set.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore2

_until = threading.local()


class within:  # noqa: N801 - a context manager, and a class because those are three times as quick
    """While this lasts, what the calling thread does over the network ends after so many seconds in all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        _until.moment = time.monotonic() + self._seconds

    def __exit__(self, *_: object) -> None:
        del _until.moment


def left() -> float:
    """Seconds that what the calling thread does `within` a time may still take; less than 0 when it is over."""
    seconds: float = _until.moment - time.monotonic()
    return seconds


def _left(timeout: float | None) -> float | None:
    """Seconds that an operation may still take; never 0, which would mean not to wait at all."""
    moment: float | None = getattr(_until, "moment", None)
    if moment is None:
        return timeout
    left = max(0.001, moment - time.monotonic())
    return left if timeout is None else min(timeout, left)


def _over() -> bool:
    moment: float | None = getattr(_until, "moment", None)
    return moment is not None and time.monotonic() >= moment


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if _over():
            raise httpcore2.ReadTimeout("the answer was not complete in time")
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class DeadlineBackend(httpcore2.NetworkBackend):
    """Makes connections that keep to `within`."""

    def __init__(self) -> None:
        self._backend = httpcore2.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect; see httpcore2."""
        return _Stream(self._backend.connect_tcp(host, port, _left(timeout), local_address, socket_options))
