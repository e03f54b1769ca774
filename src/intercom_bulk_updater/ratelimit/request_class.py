"""How much of one class of requests may be under way, and whether an item or the service is to blame for what fails.

Pure arithmetic on a clock; outage.py asks it. docs/explanation/outages.md tells it in prose.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

SUBJECTS = 5
"""Different items that must fail before it may be the service, and not the items."""
ASK_AGAIN = 0.02
"""Seconds after which it makes sense to ask again while a probe is on its way."""
_FIRST_GAP, _LONGEST_GAP, _GROWTH = 0.5, 5.0, 1.5
"""Seconds between two probes: at first, at most, and how fast they grow."""
_SOON = 0.1
"""The first, where only one class of requests seems to be away: that may be an accident."""
_FORGOTTEN = 60.0
"""Seconds without a failure after which what came before says nothing about the next."""
_GAIN = 10.0
"""Requests that one good answer allows: where fewer than one in so many is answered well, fewer and fewer leave.

https://sre.google/sre-book/handling-overload/ (adaptive throttling, K = 10)."""
_ROOM, _MORE_ROOM = 3.0, 40.0
"""Failures in a row that are one too many: where items never fail, and what is added to that where all of them do."""
_ACCIDENT = 1e-8
"""A row of failed retries that is less likely than this, at the rate at which items fail at first, is no fault of the service."""


class ProbeTimes:
    """When single requests ask whether something is back: soon at first, then less and less often."""

    def __init__(self, spread: Callable[[float, float], float], *, soon: bool = False) -> None:
        self.next = -math.inf
        self._first = self._gap = _SOON if soon else _FIRST_GAP
        self._spread = spread

    def space(self, now: float) -> None:
        """The next waits a little longer than the last."""
        self.next = now + self._spread(0.8, 1.0) * self._gap
        self._gap = min(_LONGEST_GAP, self._gap * _GROWTH)

    def reset(self) -> None:
        """One was answered well."""
        self._gap = self._first


@dataclass(slots=True)
class _Failing:
    """One item that has failed, and has not come through since."""

    since: float
    times: int = 0


@dataclass(slots=True)
class RequestClass:
    """One class of requests: writes, looks at items, searches, or names. What one class meets says nothing about another.

    `width` requests may be in flight. A failure takes one away and a good answer gives ten, so a class that answers a part of
    its requests well goes on, and of one that answers nothing no more is sent than was in flight, and a few.
    """

    probes: ProbeTimes
    about_items: bool = True
    width: float = math.inf
    """Infinite while there is nothing to fear; below 1 the class is away, and single requests ask whether it is back."""
    in_flight: int = 0
    since: float = math.inf
    """The first failure since the last good answer."""
    row: int = 0
    """How many there have been."""
    room: float = 0.0
    """How many are one too many, as it was known at the first."""
    last: float = -math.inf
    recent: deque[str | None] = field(default_factory=lambda: deque(maxlen=200))
    """The last items that were sent for the first time, or the first time after they came through: None for those that did."""
    failing: dict[str, _Failing] = field(default_factory=dict)
    good_sent: float = -math.inf
    """When the last request left that was answered well."""
    retries_failed: int = 0
    """Failures of items that had failed already, since one of those came through."""
    throttled: float = math.inf
    """The first of the 429s since the last good answer to such a request."""

    @property
    def is_away(self) -> bool:
        """Whether next to nothing is answered well."""
        return self.width < 1

    def is_calm(self, now: float) -> bool:
        """Whether nothing of what it met matters any more."""
        return self.width == self.since == self.throttled == math.inf and now - self.last > _FORGOTTEN

    def explains(self, subject: str, now: float, patience: float) -> bool:
        """Whether so many fail that this one has not failed by itself."""
        if not self.about_items:
            return False  # `--retries N` bounds it: nothing is lost when a search that fails by itself ends the run
        if len(set(self.recent) - {None}) < SUBJECTS:
            return False
        known = self.failing.get(subject)
        return known is None or not (self._fails_by_itself(known) or now - known.since > patience)

    def _fails_by_itself(self, known: _Failing) -> bool:
        """Whether others came through since it failed, and it has failed too often for an accident, or all retries have."""
        return self.good_sent > known.since and self._share(least=1) ** max(known.times, self.retries_failed) < _ACCIDENT

    def _share(self, least: int) -> float:
        """The part of the items that fail at first. Retries do not count: an item that always fails has the most of them."""
        return sum(one is not None for one in self.recent) / max(len(self.recent), least)

    def wait(self, now: float) -> float:
        """Seconds until one more may leave."""
        if self.in_flight >= max(1.0, self.width):
            return ASK_AGAIN
        return max(0.0, self.probes.next - now) if self.is_away else 0.0

    def note_good(self, subject: str, sent: float) -> None:
        """One came through: ten more may be in flight, and any number once that is enough."""
        self.good_sent = max(self.good_sent, sent)
        if self.failing.pop(subject, None) is not None:
            self.retries_failed = 0
        elif self.about_items:
            self.recent.append(None)
        self.since, self.row = math.inf, 0
        self.probes.reset()
        self.width += _GAIN
        if self.width >= self.in_flight + self.room:
            self.width = math.inf

    def note_bad(self, subject: str, now: float) -> bool:
        """One failed for a reason of the service: one fewer may be in flight. True when that was one too many in a row."""
        if now - self.last > _FORGOTTEN and not self.is_away:
            self.since, self.width, self.row, self.retries_failed = math.inf, math.inf, 0, 0
            self.recent.clear()
            self.failing.clear()
        self.last = now
        self.since = min(self.since, now)
        self.row += 1
        if self.row == 1:
            self.room = _ROOM + _MORE_ROOM * self._share(least=100)
        if self.about_items and subject not in self.failing:
            self.recent.append(subject)
        self.retries_failed += subject in self.failing
        self.failing.setdefault(subject, _Failing(now)).times += 1
        if self.width == math.inf:
            self.width = self.in_flight + self.room
        self.width = max(0.0, self.width - 1)
        if self.is_away:
            self.probes.space(now)
        return self.row == int(self.room)
