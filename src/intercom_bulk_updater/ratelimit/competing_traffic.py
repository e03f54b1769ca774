"""How fast everybody else spends from the same budget."""

from __future__ import annotations

import math
from collections import deque

_WEIGHT = 0.3
"""Weight of the newest window."""
_LEAST = 0.2
"""A window tells nothing when less than this part of it was seen."""
_EVERY = 0.02
"""Part of a window between two samples, at least; four of them make the recent rate."""
_NOISE = 0.05
"""A recent rate below this part of the limit is an artefact of what is in flight, unless others are known
to be there."""


class CompetingTraffic:
    """Calls per second of other users of the limit: folded over windows, and as of lately.

    `rate` of a window is taken from its begin to the moment its Remaining was lowest, so only while budget
    remained: over the whole window it would look small exactly when we left nothing for them. `deviation` is
    the mean deviation.
    """

    def __init__(self) -> None:
        self.rate = 0.0
        self.deviation = 0.0
        self._known = False
        self._samples: deque[tuple[float, float, int]] = deque(maxlen=4)
        self._next = 0.0

    def counted(self, calls: int, seconds: float, length: float) -> None:
        """`calls` were not ours in `seconds` of a window of `length` seconds."""
        if seconds < _LEAST * length:
            return
        rate = max(0, calls) / seconds
        if not self._known:
            self._known = True
            self.rate, self.deviation = rate, rate / 4
            return
        self.deviation += _WEIGHT * (abs(rate - self.rate) - self.deviation)
        self.rate += _WEIGHT * (rate - self.rate)

    def turn(self) -> None:
        """A window begins."""
        self._samples.clear()
        self._next = 0.0

    def due(self, now: float) -> bool:
        """Whether a sample is wanted."""
        return now >= self._next

    def sample(self, now: float, foreign: float, in_flight: int, latency: float, length: float) -> None:
        """About `foreign` calls of this window are not ours, as of `now`; `in_flight` says how exactly
        that is known."""
        self._next = now + max(_EVERY * length, latency)
        self._samples.append((now, foreign, in_flight))

    def lately(self, limit: int, length: float) -> float:
        """Calls per second over the last few samples, as far as it is more than noise."""
        if len(self._samples) < 3:
            return self.rate
        (first, then, _), (last, now, _) = self._samples[0], self._samples[-1]
        if now <= then:
            return 0.0  # nobody else was seen, as nearly always
        noise = math.sqrt(max(in_flight for _, _, in_flight in self._samples))
        rate = (now - then - noise) / (last - first)
        return rate if rate > _NOISE * limit / length else 0.0
