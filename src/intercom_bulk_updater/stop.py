"""Stop: the one thing that everybody waits on and asks. The only sleep of the program is here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Stop:
    """A reason to stop, once given, for good; and the only way to wait.

    Parameters
    ----------
    deadline:
        Seconds from now after which `asked` turns true by itself; None for never.
    clock:
        Monotonic seconds; tests pass their own.

    Safe to share between threads.
    """

    def __init__(self, deadline: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._event = threading.Event()
        self._clock = clock
        self._deadline = None if deadline is None else clock() + deadline
        self._lock = threading.Lock()
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
        if self._deadline is not None and self._clock() >= self._deadline:
            from .errors import DeadlineReached

            self.ask(DeadlineReached())
            return True
        return False

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`; return True at once when asked to stop."""
        if self._deadline is not None:
            seconds = min(seconds, max(0.0, self._deadline - self._clock()))
        self._event.wait(max(0.0, seconds))
        return self.asked
