"""Answers to requests that user code sends by `http.client` (requests, urllib3, urllib): noted, and bounded in size and time.

Those libraries take their timeout from one byte to the next, and read a body to its end, whatever its size: a server that
drips, or never ends, would hold the run for ever.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

from ..api.messages import MOST, Exchange


class _Bounded(io.RawIOBase):
    """What a socket delivers, until it is more than any answer of Intercom's has, or later than any may be.

    `ended` is called where there is no more of it, whether it is complete or not.
    """

    def __init__(self, raw: io.RawIOBase, until: float, ended: Callable[[], None]) -> None:
        self._raw = raw
        self._until = until
        self._ended = ended
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = 0
        try:
            if time.monotonic() >= self._until:
                raise TimeoutError("the answer was not complete in time")
            if self._size > MOST:
                raise ConnectionAbortedError(f"the answer has more than {MOST // 2**20} MiB")
            count = self._raw.readinto(buffer) or 0
            self._size += count
            return count
        finally:
            if not count:
                self._ended()

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


class _AnswerMaker:
    """Makes the next answer of one connection as its class would, notes its status, and bounds it."""

    def __init__(self, connection: Any, exchange: Exchange, until: float) -> None:
        before = vars(connection).get("response_class")
        # What an earlier request left here was never used: its answer did not come.
        self._before: Any = before._before if isinstance(before, _AnswerMaker) else before
        self._connection = connection
        self._exchange = exchange
        self._until = until

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        del self._connection.response_class
        if self._before is not None:
            self._connection.response_class = self._before
        response = self._connection.response_class(*args, **kwargs)
        if type(response.fp) is io.BufferedReader:  # nothing is read yet, so that nothing is lost with its buffer
            response.fp = io.BufferedReader(_Bounded(response.fp.detach(), self._until, lambda: self._see_cut(response)))
        begin = response.begin

        def begin_and_note() -> None:
            begin()
            self._exchange.status, self._exchange.headers = response.status, dict(response.headers)
            del response.begin

        response.begin = begin_and_note
        return response

    def _see_cut(self, response: Any) -> None:
        """An answer whose end does not come is none, whatever its status: its reader gets an error, and may send again."""
        if response.chunked or response.length:
            self._exchange.overruled = 0


def note_answer(connection: Any, exchange: Exchange, seconds: float) -> None:
    """Have a connection of `http.client` note the status of its next answer. Its class stays as it is.

    The whole answer may take `seconds`, or the connection's own timeout if that is longer. One that has none gets `seconds`.
    """
    if not hasattr(connection, "response_class"):
        return
    sock = getattr(connection, "sock", None)
    own = sock.gettimeout() if sock is not None else None
    if sock is not None and own is None:
        sock.settimeout(seconds)
    now = time.monotonic()
    exchange.late = now + (seconds if own is None else own)
    connection.response_class = _AnswerMaker(connection, exchange, now + max(seconds, own or 0.0))
