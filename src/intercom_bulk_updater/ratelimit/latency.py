"""What is measured of our own traffic: how long answers take, and how many requests leave a second."""

from __future__ import annotations

import math

_MEMORY = 3.0
"""Seconds over which the speed is smoothed."""


class LatencyEstimator:
    """Round trip (RFC 6298's smoothed value and variation) and speed."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.variation = 0.0
        self._speed = 0.0
        self._at = 0.0

    @property
    def air(self) -> float:
        """Seconds that hardly any answer exceeds."""
        return self.latency + 2 * self.variation

    def took(self, seconds: float) -> None:
        """An answer came after `seconds`."""
        if self.latency == 0.0:
            self.latency, self.variation = seconds, seconds / 2
            return
        self.variation += (abs(seconds - self.latency) - self.variation) / 4
        self.latency += (seconds - self.latency) / 8

    def sent(self, now: float) -> None:
        """A request left."""
        self._speed = self.speed(now) + 1 / _MEMORY
        self._at = now

    def speed(self, now: float) -> float:
        """Requests a second, smoothed."""
        return self._speed * math.exp((self._at - now) / _MEMORY)
