"""A brake on concurrency for a server in trouble: additive increase, multiplicative decrease."""

from __future__ import annotations

import math

_WEIGHT = 0.05
_TOO_MANY = 0.15
"""Share of errors that brakes. Reacting to single errors instead collapses at an error rate of 2 %."""
_FLOOR = 4


class AdaptiveConcurrency:
    """At most `cap` requests in flight; infinite while all is well."""

    def __init__(self) -> None:
        self.cap = math.inf
        self._errors = 0.0
        self._answers = 0
        self._next_cut = 0.0
        self._next_rise = 0.0

    def answered(self, failed: bool, in_flight: int, now: float, latency: float) -> None:
        """Take in one answer; `failed` for 408 and 5xx."""
        if not failed and self._errors < 1e-6 and self.cap == math.inf:
            return
        self._answers += 1
        weight = max(_WEIGHT, 1 / (self._answers + 10))
        self._errors += weight * (failed - self._errors)
        if failed and self._errors > _TOO_MANY and now >= self._next_cut:
            # At most one cut per two round trips: the answers of requests sent before the cut say nothing
            # about it.
            self._next_cut = now + max(1.0, 2 * latency)
            self.cap = max(_FLOOR, 0.7 * min(self.cap, in_flight + 1))
        elif self.cap != math.inf and self._errors < _TOO_MANY and now >= self._next_rise:
            self._next_rise = now + latency
            self.cap += 1
            if self._errors < 0.01 and self.cap > 1000:
                self.cap = math.inf
