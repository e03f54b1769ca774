"""By how much the server's clock is ahead of ours."""

from __future__ import annotations

import threading
import time


class ClockSkew:
    """Bounds on it in seconds, narrowed by each `Date` header: that is cut off to the second it was written in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bounds = (0.0, 0.0)
        self.at_least = 0.0
        """Seconds by which the server's clock is ahead of ours, at the least."""

    def learn(self, date: float, sent: float) -> None:
        """An answer that has just come to a request of that moment was dated so."""
        low, high = date - time.time(), date + 1 - sent
        least, most = self._bounds
        if low <= least < most <= high:
            return  # nothing new, as nearly always
        with self._lock:
            both = max(low, self._bounds[0]), min(high, self._bounds[1])
            # A contradiction: one of the clocks was set.
            self._bounds = both if both[0] < both[1] else (low, high)
            self.at_least = self._bounds[0]
