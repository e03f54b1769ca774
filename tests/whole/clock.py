"""A clock that runs ahead whenever nobody has anything to do: minutes of waiting pass in milliseconds, and in their order."""

from __future__ import annotations

import _thread
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import intercom_bulk_updater.service.library  # noqa: F401 - likewise
from intercom_bulk_updater.engine.processor import ItemProcessor
from intercom_bulk_updater.runs.session import Session
from intercom_bulk_updater.stop import Stop

_LISTEN = 0.0004
"""Real seconds in which a waiting thread may be woken by another before its wait counts as idle."""
_monotonic, _time, _wait = time.monotonic, time.time, threading.Condition.wait


class Clock:
    """Real time and what was skipped of it."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._lock = _thread.allocate_lock()
        self._ends: list[float] = []

    def monotonic(self) -> float:
        """`time.monotonic`, with what was skipped."""
        return _monotonic() + self._skipped

    def time(self) -> float:
        """`time.time`, with what was skipped."""
        return _time() + self._skipped

    def skip_to(self, moment: float) -> None:
        """Let the time pass until then."""
        with self._lock:
            self._skipped = max(self._skipped, moment - _monotonic())

    def wait(self, seconds: float, woken: Callable[[float], bool]) -> bool:
        """Wait so long for `woken`, which waits real seconds. The one whose wait ends first makes the time pass."""
        end = self.monotonic() + seconds
        with self._lock:
            self._ends.append(end)
        try:
            while True:
                if woken(_LISTEN):
                    return True
                if self.monotonic() >= end:
                    return False
                if end <= min(self._ends, default=end):
                    self.skip_to(end)
        finally:
            with self._lock:
                self._ends.remove(end)


@contextlib.contextmanager
def running_ahead() -> Iterator[Clock]:
    """While this lasts, every wait with an end is a wait on such a clock."""
    clock = Clock()

    class Lock:
        """A lock whose timeouts are of the clock: the gate's waiters sleep on one."""

        def __init__(self) -> None:
            self._lock = _thread.allocate_lock()
            self.release, self.locked = self._lock.release, self._lock.locked

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            if timeout > 0:
                return clock.wait(timeout, lambda real: self._lock.acquire(True, real))
            return self._lock.acquire(blocking, timeout)

        def __enter__(self) -> bool:
            return self._lock.acquire()

        def __exit__(self, *_: object) -> None:
            self._lock.release()

    def wait(self: threading.Condition, timeout: float | None = None) -> bool:
        if timeout is None or timeout <= 0:
            return _wait(self, timeout)
        return clock.wait(timeout, lambda real: _wait(self, real))

    with (
        patch.object(time, "monotonic", clock.monotonic), patch.object(time, "time", clock.time),
        patch.object(threading, "Lock", Lock), patch.object(threading.Condition, "wait", wait),
        patch.dict(Session.__init__.__kwdefaults__, clock=clock.monotonic),
        _by_default(Stop.__init__, clock), _by_default(ItemProcessor.__init__, clock),
    ):
        yield clock


def _by_default(function: Any, clock: Clock) -> Any:
    """Where the clock is a parameter that nobody gives, it is this one."""
    defaults = [clock.monotonic if value is _monotonic else value for value in function.__defaults__]
    return patch.object(function, "__defaults__", tuple(defaults))
