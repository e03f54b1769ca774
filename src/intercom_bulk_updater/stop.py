"""Stop: the one thing that everybody waits on and asks. The only sleep of the program is here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_SLICE = 0.1
"""Seconds after which somebody who waits on a part's stop asks that of the whole."""


class Stop:
    """A reason to stop, once given, for good; and the only way to wait.

    Parameters
    ----------
    deadline:
        Seconds from now after which `asked` turns true by itself; None for never.
    clock:
        Monotonic seconds; tests pass their own.
    parent:
        Asked by this too: a part of the work can be stopped alone, and stops with the whole.

    Safe to share between threads.
    """

    def __init__(
        self, deadline: float | None = None, clock: Callable[[], float] = time.monotonic, parent: Stop | None = None
    ) -> None:
        self._event = threading.Event()
        self._clock = clock
        self._deadline = None if deadline is None else clock() + deadline
        self._lock = threading.RLock()  # a signal may ask in the midst of another asking
        self._parent = parent
        self.reason: BaseException | None = None
        self.last_words = ""
        """What a person is to know who makes the process leave at once: what is in doubt, and the command that goes on."""

    def ask(self, reason: BaseException | str) -> None:
        """Ask everybody to stop; the first reason counts. A text becomes the message of a RunStopped."""
        if not isinstance(reason, BaseException):
            from .errors import RunStopped

            reason = RunStopped(str(reason))
        with self._lock:
            if self.reason is None:
                self.reason = reason
        self._event.set()

    @property
    def asked(self) -> bool:
        """Whether somebody asked to stop, or the deadline has come."""
        if self._event.is_set():
            return True
        if self._parent is not None and self._parent.asked:
            self.ask(self._parent.reason or "")
            return True
        if self._deadline is not None and self._clock() >= self._deadline:
            from .errors import DeadlineReached

            self.ask(DeadlineReached())
            return True
        return False

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`; return True at once when asked to stop."""
        if self._deadline is not None:
            seconds = min(seconds, max(0.0, self._deadline - self._clock()))
        until = self._clock() + seconds
        while self._parent is not None and (left := until - self._clock()) > _SLICE and not self.asked:
            self._event.wait(min(left, _SLICE))  # one thread cannot wait on two events
        self._event.wait(0.0 if self._event.is_set() else max(0.0, until - self._clock()))
        return self.asked
