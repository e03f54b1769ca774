"""The account of each window, for reports: what was used of it, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .competing_traffic import CompetingTraffic
from .siblings import Siblings


@dataclass(frozen=True, slots=True)
class WindowStats:
    """One finished window.

    `reset` is the server's X-RateLimit-Reset (unix seconds), or 0 when windows cannot be seen. `own` and
    `others` are accepted calls, `throttled` our refused ones. `full` says that work was at hand all along the
    window, so that `own + others` against `limit` tells how well it was used; the first and the last window
    of a run never are.
    """

    reset: int
    limit: int
    own: int
    others: int
    throttled: int
    full: bool


@dataclass(slots=True)
class _Window:
    reset: float
    limit: int
    began: float
    length: float
    full: bool
    own: int = 0
    throttled: int = 0
    low: int | None = None
    low_at: float = 0.0
    high: int = -1
    foreign_then: int = 0  # calls of strangers that happened before `began`, when it was joined in its midst
    last_number: int = 0
    waiting_for: int = 0
    told_own: int = 0  # what an account in the midst of it has said already
    told_throttled: int = 0


class WindowStatistics:
    """Counts the present window, and the one before it until its last straggler is back."""

    def __init__(self, on_window: Callable[[WindowStats], None] | None, others: CompetingTraffic, siblings: Siblings) -> None:
        self._on_window = on_window
        self._others = others
        self._siblings = siblings
        self._now: _Window | None = None
        self._before: _Window | None = None
        self._busy_until: float | None = None
        self.seen_full = False
        self.seen_exact = 0

    @property
    def own(self) -> int:
        """Our accepted calls in the present window, as far as they are back."""
        return self._now.own if self._now else 0

    @property
    def reset(self) -> float | None:
        """The present window."""
        return self._now.reset if self._now else None

    # -- what happens ----------------------------------------------------------------------------------------

    def begin(
        self,
        reset: float,
        limit: int,
        number: int,
        in_flight: int,
        *,
        began: float,
        length: float,
        whole: bool,
    ) -> None:
        """A window begins; what has been permitted up to `number` may still belong to the one before."""
        self._emit()
        self._before, self._now = self._now, _Window(reset, limit, began, length, whole)
        before = self._before
        if before is not None:
            if before.high >= before.limit:
                self.seen_full = True
            elif before.high == before.limit - 1:
                self.seen_exact += 1
            before.last_number, before.waiting_for = number, in_flight
            before.full = before.full and whole
            if not in_flight:
                self._emit()

    def ended(self, now: float) -> bool:
        """Whether a new window of our own reckoning is due, as nobody else's can be seen."""
        return self._now is None or self._now.reset != 0 or now >= self._now.began + self._now.length

    def saw(self, remaining: int, limit: int, at: float) -> None:
        """An answer of the present window named its Remaining, as of about `at`."""
        window = self._now
        if window is None:
            return
        window.limit = limit
        if window.low is None and not window.full:
            window.foreign_then, window.began = limit - remaining - 1 - self._siblings.spent(window.reset), at
        if window.low is None or remaining < window.low:
            window.low, window.low_at = remaining, at
        if remaining > window.high:
            window.high = remaining

    def accepted(self, reset: float | None, number: int) -> None:
        """One of our calls was accepted, in window `reset` as far as known."""
        window = self._of(reset, number)
        if window is not None:
            window.own += 1
        self._straggler(number)

    def throttled(self, reset: float | None, number: int) -> None:
        """One of our calls was refused."""
        window = self._of(reset, number)
        if window is not None:
            window.throttled += 1
        self._straggler(number)

    def present(self) -> None:
        """Tell the windows that are not over, as far as they went: a run ends in the midst of one."""
        self._emit()
        if self._now is not None:
            self._tell(self._now)

    # -- whether there was work ------------------------------------------------------------------------------

    def wanted(self, now: float, in_flight: bool, tolerance: float) -> None:
        """Somebody asks; if nothing was under way and nobody waited for long, the window was not wanted
        all along."""
        if self._busy_until is not None and not in_flight and self._now is not None:
            allowed = max(0.1, tolerance)
            if now - self._busy_until > allowed:
                self._now.full = False
        self.busy(now)

    def promise(self, until: float) -> None:
        """Somebody waits, until then."""
        if self._busy_until is None or until > self._busy_until:
            self._busy_until = until

    def busy(self, now: float) -> None:
        """Something is under way."""
        if self._busy_until is None or now > self._busy_until:
            self._busy_until = now

    # -- inside ----------------------------------------------------------------------------------------------

    def _of(self, reset: float | None, number: int) -> _Window | None:
        before, current = self._before, self._now
        if before is None or current is None or reset is None:
            return current
        return before if abs(reset - before.reset) < abs(reset - current.reset) else current

    def _straggler(self, number: int) -> None:
        before = self._before
        if before is not None and number <= before.last_number:
            before.waiting_for -= 1
            if before.waiting_for <= 0:
                self._emit()

    def _emit(self) -> None:
        window, self._before = self._before, None
        if window is None:
            return
        if window.low is not None and window.waiting_for <= 0:
            spent = self._foreign(window) - self._siblings.spent(window.reset) - max(0, window.foreign_then)
            self._others.counted(spent, window.low_at - window.began, window.length)
        self._tell(window)

    @staticmethod
    def _foreign(window: _Window) -> int:
        return 0 if window.low is None else max(0, window.limit - window.low - window.own)

    def _tell(self, window: _Window) -> None:
        own, throttled = window.own - window.told_own, window.throttled - window.told_throttled
        if (window.told_own or window.told_throttled) and not (own or throttled):
            return  # all of it has been told
        window.told_own, window.told_throttled = window.own, window.throttled
        if self._on_window is not None:
            self._on_window(WindowStats(int(window.reset), window.limit, own, self._foreign(window), throttled, window.full))
