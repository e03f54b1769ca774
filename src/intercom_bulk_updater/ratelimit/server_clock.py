"""Where the server's windows end, told on our own monotonic clock.

Nobody's wall clock is asked. An answer with Reset=R was counted at some moment between sending and receiving,
inside the window that ends at R; so `theta`, the server's clock minus ours, lies in `[R - length - received,
R - sent)`. Every answer narrows that interval, and half a second either way of skew, a boundary off the full
second or a truncated Reset are all just another theta.
"""

from __future__ import annotations

DRIFT = 2e-4
"""How far two clocks may part, in seconds a second."""
_EASE = 0.005
"""What an interval is opened by, each way, when two answers contradict each other a little (several server
clocks)."""
_VAGUE = 2.5
"""While the interval is wider than this (seconds), the Date header helps: it is truncated to the second."""


class ServerClock:
    """Bounds on theta for windows of `length` seconds."""

    def __init__(self, length: float) -> None:
        self.length = length
        self.known = False
        self.restarts = 0
        self.width = 0.0
        """How many seconds the end of a window is uncertain by."""
        self.late = 0.0
        """Added to a Reset: the moment (our clock) from which that window is surely over."""
        self.middle = 0.0
        """Added to a Reset: the likely moment of its end."""
        self._lo = 0.0
        self._hi = 0.0
        self._slop = 0.0
        self._told = 0.0
        self._odd: tuple[float, float] | None = None

    def restart(self, length: float) -> None:
        """Forget the bounds: the windows turn out to be `length` seconds long."""
        self.length = length
        self.known = False
        self._slop = 0.0
        self._odd = None

    def saw(self, reset: float, sent: float, got: float, date: float | None = None) -> bool:
        """Learn from one answer; False when it cannot be true (yet).

        A contradiction of more than half a window is believed only when a second answer in a row says the
        same: then the machine slept, or the server's clock was set. One alone is garbage, and not to be
        believed in anything else.
        """
        lo, hi = reset - self.length - got, reset - sent
        if self.known and self._lo >= lo and self._hi <= hi and got - self._told < 2.5 and self.width <= _VAGUE:
            self._odd = None
            return True  # nothing new, as nearly always
        if not self.known:
            self._begin(lo, hi, got)
        else:
            self._widen(got)
            low, high = max(self._lo, lo), min(self._hi, hi)
            if low >= high:
                if low - high > self.length / 2:
                    if self._odd is None or not (lo < self._odd[1] and self._odd[0] < hi):
                        self._odd = (lo, hi)
                        return False
                    self.restarts += 1
                    self._begin(lo, hi, got)
                else:
                    # Several servers, each with its clock: the truth is a band. Keep clear of it for a good
                    # while.
                    self._slop = min(self.length / 4, max(self._slop, 2 * (low - high)))
                    low, high = high - _EASE, low + _EASE
                    self._lo, self._hi = low, high
            else:
                self._lo, self._hi = low, high
        self._odd = None
        if date is not None and self._hi - self._lo > _VAGUE:
            self._narrow(date - 0.2 - got, date + 1.2 - sent)
        self._settle()
        return True

    def earliest_end(self, reset: float) -> float:
        """The moment (our clock) until which window `reset` is surely open."""
        return reset - self._hi

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the most that the server's clock is ahead of ours."""
        return self._lo, self._hi

    def agree(self, low: float, high: float, length: float, now: float) -> bool:
        """Take over a sibling's bounds, which are told on the same clock as ours; False when they contradict our own."""
        if not self.known:
            self.length = length
            self._begin(low, high, now)
        elif length != self.length or max(low, self._lo) >= min(high, self._hi):
            return False
        else:
            self._lo, self._hi = max(low, self._lo), min(high, self._hi)
        self._settle()
        return True

    def _settle(self) -> None:
        self.width = self._hi - self._lo
        self.late = self._slop - self._lo
        self.middle = -(self._lo + self._hi) / 2

    def _begin(self, lo: float, hi: float, now: float) -> None:
        self.known = True
        self._lo, self._hi, self._told = lo, hi, now
        self._slop = 0.0

    def _narrow(self, lo: float, hi: float) -> None:
        low, high = max(self._lo, lo), min(self._hi, hi)
        if low < high:
            self._lo, self._hi = low, high

    def _widen(self, now: float) -> None:
        apart = (now - self._told) * DRIFT
        if apart > 0.0005:
            self._told = now
            self._lo -= apart
            self._hi += apart
            self._slop *= 0.994
