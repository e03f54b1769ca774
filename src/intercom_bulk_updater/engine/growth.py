"""Whether more workers would bring more answers, or only make each of them take longer.

Pure arithmetic on a clock, but for what the system allows; pool.py asks it. docs/explanation/rate-limits.md tells it in prose.
"""

from __future__ import annotations

import math
from contextlib import suppress

from ..ratelimit.budget import FASTEST

SOME, FEW = 32, 128
"""So many workers there may always be: where answers come at once, and where they take their time."""
UNTRIED = 512
"""Where the limit wants no more than so many, they come at once. Each waits with some 30 KB of memory, and for its turn."""
_QUICK = 0.25
"""Below this latency (seconds) it costs nothing to wait for the answers that tell whether more workers are of use."""
_ENOUGH = 32
"""Items that must be finished before the latency is one of theirs."""
_SLOWER = 2.0
"""Answers that take so many times as long as the quickest took may do so because too many are asked for at once."""
_ALIKE = 1.25
"""Answers that take at most so many times as long as the quickest took are not made slower by how many are asked for."""
_STEP, _PAYS = 1.5, 1.3
"""How many times as many workers are tried then, and how many times as many answers that must bring."""
_LONG, _PAUSE = 3.0, 60.0
"""A trial takes so many times the latency, and at least so many seconds; after one that brought nothing comes a pause."""

# Never more workers than this by themselves: 4,167 calls in 10 s with answers that take 2 s. Each takes some 30 KB.
MOST = 1024
# Files that a process needs besides its connections.
_OTHER_FILES = 128


def most_workers() -> int:
    """How many workers there may be: each has a connection, and a process may open only so many files.

    Asks the system for as many as are needed, where it starts with fewer (1,024, or 256).
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST
    files, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = MOST + _OTHER_FILES
    if most_files != resource.RLIM_INFINITY:
        needed = min(needed, most_files)
    if files == resource.RLIM_INFINITY or files >= needed:
        return min(MOST, needed - _OTHER_FILES)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most_files))
        files = needed
    return max(1, min(MOST, files - _OTHER_FILES))


class Growth:
    """How many workers there may be. By the latency alone they could be without end: more of them make it longer, too.

    While answers take about as long as the quickest did, as many as are wanted. Where answers come at once, or nothing seems to
    limit how many there may be, those that are there must have had an answer each before they become twice as many: what the
    latency is with so many is not known before. Where answers take much longer than the quickest did, either the service has
    become slow, which more workers make up for, or something is overloaded (the service, or this machine), which they make worse.
    Then it is as many as were there when answers did not take longer, and some more are tried, and kept when they bring more answers.
    So it is from the start where the limit is beyond what one process can use: then the processor is the limit (this one's or the
    service's), and who waits for it before sending makes no answer take longer.
    """

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self._least = math.inf
        self._allowed = SOME
        self._harmless = SOME
        self._wary = False  # there were too many once: from then on more are tried before they stay
        self._began = (0.0, 0)  # when the present number was reached, and how many items were finished by then
        self._before: tuple[int, float] | None = None  # the number before the present trial, and the items a second it brought
        self._next_trial = 0.0
        self._reached = (0, 0)  # the present number, and how many items were finished when it was reached

    def most(self, now: float, *, latency: float, finished: int, workers: int, wanted: int, boundless: bool = False) -> int:
        """How many there may be.

        `latency` in seconds, smoothed; `finished`: items so far; `workers`: that there are; `wanted`: that the limit has use for;
        `boundless`: that is beyond what one process can use.
        """
        if finished >= _ENOUGH:
            self._least = min(self._least, latency)
        if workers != self._reached[0]:
            self._reached = workers, finished
        few = SOME if boundless or latency < _QUICK else FEW
        self._allowed, self._harmless = max(self._allowed, few), max(self._harmless, few)
        if boundless and not self._wary:
            self._allowed, self._harmless, self._began, self._wary = SOME, SOME, (now, finished), True
        if latency <= _ALIKE * self._least and not boundless:
            self._harmless = max(few, workers)
        if latency <= _SLOWER * self._least and not self._wary:
            self._allowed = max(few, workers)
            self._began, self._before, self._next_trial = (now, finished), None, now
            if few == FEW and wanted <= UNTRIED:
                return min(self.ceiling, UNTRIED)
            answered = finished - self._reached[1] >= workers
            return min(self.ceiling, max(few, 2 * workers if answered else workers))
        if max(self._allowed, workers) > self._harmless and self._before is None:
            # They became many quicker than answers can tell whether it pays: back to what made none slower, and step by step from there.
            self._allowed, self._began, self._wary = self._harmless, (now, finished), True
        seconds = now - self._began[0]
        if seconds >= _LONG * max(1.0, latency):
            self._weigh(now, (finished - self._began[1]) / seconds, workers)
            self._began = now, finished
        return min(self._allowed, self.ceiling, int(max(SOME, min(FASTEST * self._least, self.ceiling))) if boundless else self.ceiling)

    def _weigh(self, now: float, rate: float, workers: int) -> None:
        """Go back to what there was before a trial that did not pay; otherwise try more, if all that may be are there."""
        if self._before is not None and rate < _PAYS * self._before[1]:
            self._allowed, self._next_trial = self._before[0], now + _PAUSE
            self._before = None
            return
        if self._before is not None:
            self._harmless = max(self._harmless, self._allowed)  # it has paid
        if now >= self._next_trial and workers >= self._allowed - 1:
            self._before = self._allowed, rate
            self._allowed = int(self._allowed * _STEP)
        else:
            self._before = None
