"""What kind of windows the server keeps: how long they are, and whether they are windows at all."""

from __future__ import annotations

import math

LENGTH = 10.0
"""Seconds of a window, as documented; the starting point of learning."""
_SHORTEST = 0.5
_JITTER = 1.0
"""A Reset computed as now + time-to-live flickers by a second within one window."""
_STRIKES = 3
_USUAL = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)


class WindowDetector:
    """Learns from successive Resets.

    A shorter length is believed when a Reset off the present grid comes *with a refill*: that alone tells a
    window of one second from a Reset that merely slides along as now + length. Three turns without a refill
    mean the latter.
    """

    def __init__(self) -> None:
        self.length = LENGTH
        self.sliding = False
        self._last: float | None = None
        self._first_got = 0.0
        self._long_after = math.inf
        self._low = 0
        self._strikes = 0
        self._span: float | None = None

    @property
    def jitter(self) -> float:
        """Seconds that the Reset of one window may flicker by."""
        return _JITTER if self.length >= 5 else 0.0

    def forget(self) -> None:
        """The server's clock was set, or ours: old Resets mean nothing any more."""
        self._last, self._strikes = None, 0

    def learn(self, reset: float, remaining: int, limit: int, sent: float, got: float, date: float | None = None) -> bool:
        """Take in one answer; True when length or kind changed, so that everything built on them starts
        anew."""
        if reset == self._last:
            if remaining < self._low:
                self._low = remaining
            return sent > self._long_after and self._lasted(sent)
        if date is not None:
            self._span = reset - date
        if self._last is None:
            self._turn(reset, remaining, got)
            if self._span is not None and self.length + 2 < self._span <= _USUAL[-1]:
                return self._lengthen(self._span - 1)
            return False
        used, back = limit - self._low, remaining - self._low
        refilled = back >= max(2, used / 2)
        if abs(reset - self._last) <= self.jitter and not refilled:
            self._low = min(self._low, remaining)
            return False
        if reset < self._last:
            # Answers overtake each other; one *sent* well after the newer Reset was seen is another matter.
            if sent > self._first_got + 1.0 and self._last - reset < 10 * self.length:
                return self._strike()
            return False
        step = reset - self._last
        turns = round(step / self.length)
        on_grid = turns >= 1 and abs(step - turns * self.length) <= max(0.01, self.jitter)
        self._turn(reset, remaining, got)
        much = used > limit / 2
        if refilled:
            self._strikes = 0
            if self.sliding:
                # Only a full refill of what was well used up tells that these are windows after all.
                self.sliding = not (much and back >= 0.8 * used)
                return not self.sliding
            return not on_grid and used >= limit / 50 and self._shorten(step)
        if used >= max(4, limit / 50) and back < used / 4 and (not on_grid or much):
            return self._strike()
        return False

    # -- inside ----------------------------------------------------------------------------------------------

    def _turn(self, reset: float, remaining: int, got: float) -> None:
        self._last, self._low, self._first_got = reset, remaining, got
        self._long_after = got + self.length / 2

    def _lasted(self, sent: float) -> bool:
        """A Reset stays for more than half a window: one that slides does not, and a window has an end."""
        if self.sliding:
            self.sliding, self._strikes = False, 0
            return True
        lasted = sent - self._first_got
        if lasted <= self.length * 1.02 + 0.25:
            return False
        return self._lengthen(max(lasted, (self._span or 0.0) - 1))

    def _lengthen(self, least: float) -> bool:
        self.length = float(next((n for n in _USUAL if n >= least), math.ceil(least)))
        self._long_after = self._first_got + self.length
        return True

    def _shorten(self, step: float) -> bool:
        length = math.gcd(round(self.length * 1000), round(step * 1000)) / 1000
        if length < _SHORTEST:
            return self._strike()
        self.length = length
        return True

    def _strike(self) -> bool:
        self._strikes += 1
        if self._strikes < _STRIKES or self.sliding:
            return False
        self.sliding = True
        span = round(self._span) if self._span is not None else 0
        self.length = float(span) if 1 <= span <= 3600 else LENGTH
        return True
