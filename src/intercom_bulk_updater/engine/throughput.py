"""How fast a run is, for people: over the length of a rate window, or the burst at its beginning would look like the speed."""

from __future__ import annotations

from collections import deque

WINDOW = 10.0
"""Seconds looked back: one window of Intercom's rate limit, so that its burst and its wait are both in."""
_APART = 0.5


class Throughput:
    """Items a second over the last `WINDOW` seconds; less at the start of a run."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()
        self.rate = 0.0

    def saw(self, now: float, finished: int) -> None:
        """So many are finished at `now` (monotonic seconds)."""
        marks = self._marks
        if not marks or now - marks[-1][0] >= _APART:
            marks.append((now, finished))
        # The oldest kept is the last that is a whole window away.
        while len(marks) > 2 and now - marks[1][0] >= WINDOW:
            marks.popleft()
        since, then = marks[0]
        if now - since >= _APART:
            self.rate = max(0.0, (finished - then) / (now - since))

    def begin_anew(self) -> None:
        """Forget what was: after a pause it would be counted as slowness."""
        self._marks.clear()
