"""What 429s that the window does not explain ask for: pauses, and less than the limit for a while."""

from __future__ import annotations

import math

CUT = 0.8
"""Such a 429 leaves this part of what was used before."""
REGAIN = 0.02
"""And this part of the limit comes back with every window."""
_LEAST = 0.05
_FIRST, _LONGEST = 0.5, 30.0
"""Seconds of pause for the first overload in a row, and the most; each doubles the one before."""
_CALM = 60.0
"""Seconds without a pause after which the next overload counts as the first."""


class Backoff:
    """Until when nothing may leave, and the part of the limit (`scale`) that is used after it.

    All that was in the air when the first request was refused will be refused too: a volley counts as one
    event. So everything here asks when the refused request was sent.
    """

    def __init__(self) -> None:
        self.scale = 1.0
        self._until = -math.inf
        self._began = -math.inf
        self._overloads = 0

    @property
    def over(self) -> float:
        """Until when nothing may leave."""
        return self._until

    def left(self, now: float) -> float:
        """Seconds that are still to wait."""
        return max(0.0, self._until - now)

    def until(self, now: float, end: float) -> None:
        """Let nothing leave before `end`."""
        self._began = now
        self._until = max(self._until, end)

    def refused(self, sent: float, now: float, seconds: float) -> None:
        """Another limit than our window's is exhausted, for `seconds`."""
        if sent > self._began:
            self.scale = max(_LEAST, self.scale * CUT)
            self.until(now, now + seconds)

    def overloaded(self, sent: float, now: float, least: float) -> None:
        """The server is overloaded: back off exponentially, for `least` seconds at least."""
        if sent > self._began:
            calm = now - self._began > _CALM
            self._overloads = 1 if calm else self._overloads + 1
            pause = min(_LONGEST, _FIRST * 2 ** min(self._overloads - 1, 10))
            self.refused(sent, now, max(pause, least))

    def regain(self) -> None:
        """A window has passed."""
        self.scale = min(1.0, self.scale + REGAIN)
