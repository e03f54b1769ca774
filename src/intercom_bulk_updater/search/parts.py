"""The parts of a selection: ranges of `created_at` that are read at the same time, and where the cuts between them lie.

    -- the first part is open downward --|cut|----- a part -----|cut|-- the last is open upward -->

No item may fall between two parts. An item that is in two is dropped where it is known already, so where it is not sure how
Intercom compares, neighbours overlap.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from ..errors import UsageError
from ..parsing.dates import day_of, start_of_day
from .endpoints import Endpoint, Paging
from .language.query_tree import and_also, checked_query

FIELD = "created_at"
"""What a selection is cut by: every item has one, and it never changes."""
_DAY = 86_400
_AGES = tuple(days * _DAY for days in (1, 7, 30, 90, 180, 365, 730, 1460))
"""Seconds before now at which items are counted first: nobody knows how old a selection is."""
_EARLIEST = 1_300_000_000
"""Where finer cuts below the oldest one begin (2011, Intercom's first year); what is older is in the first part all the same."""
_ROUNDS = 4
"""How often it is counted at finer cuts; all counts of a round are asked for at once."""
_UNEVEN = 1.4
"""A part may be so many times as large as was meant."""
_MARK = "parts:"


@dataclass(slots=True)
class Part:
    """The items with `above` < created_at < `below` (unix seconds; None: open), and the cursor of its next page."""

    above: int | None = None
    below: int | None = None
    cursor: str | None = None

    def query(self, whole: Mapping[str, Any]) -> dict[str, Any] | None:
        """The query of this part of the selection that `whole` finds; None where no condition fits in any more."""
        limits = ((">", self.above), ("<", self.below))
        filters = [{"field": FIELD, "operator": operator, "value": value} for operator, value in limits if value is not None]
        try:
            query = and_also(checked_query(whole), filters)
        except UsageError:
            return None
        return query if query is None or "query" not in whole else {**whole, "query": query}


@dataclass(slots=True)
class Parts:
    """The parts that are not read to their end. As text it is the cursor of a page; a run keeps it, and a resume goes on with it."""

    left: list[Part]
    first: set[str] = field(default_factory=set)
    """Ids that the page before the division showed, and no part so far."""

    @property
    def cursor(self) -> str:
        """See the class."""
        rows = [[part.above, part.below, part.cursor] for part in self.left]
        return _MARK + json.dumps({"left": rows, "first": sorted(self.first)}, separators=(",", ":"))

    @classmethod
    def of(cls, cursor: str | None) -> Self | None:
        """The parts that a cursor stands for; None for a cursor of Intercom's own."""
        if cursor is None or not cursor.startswith(_MARK):
            return None
        stored = json.loads(cursor.removeprefix(_MARK))
        return cls([Part(*row) for row in stored["left"]], set(stored["first"]))

    def new(self, items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those of the items that the page before the division has not shown."""
        found = []
        for item in items:
            identity = str(item.get("id"))
            if identity in self.first:
                self.first.remove(identity)
            else:
                found.append(item)
        return found


@dataclass(frozen=True, slots=True)
class Axis:
    """Where a selection can be cut.

    Parameters
    ----------
    days:
        Whether Intercom compares whole days: contact dates up to API version 2.16.
    timezone:
        In which those days begin.
    """

    days: bool = False
    timezone: str = "UTC"

    def cut(self, at: float) -> int:
        """The place to cut nearest below a moment (unix seconds)."""
        return start_of_day(day_of(at, self.timezone), self.timezone) if self.days else int(at)

    def above(self, cut: int) -> int:
        """Items from the cut on are those created after this."""
        # Noon of the day before: whichever zone's days are meant, and if seconds are, nothing falls between two parts.
        return cut - (_DAY // 2 if self.days else 1)

    def below(self, cut: int) -> int:
        """Items up to the cut are those created before this."""
        return cut + (_DAY // 2 if self.days else 0)

    def parts(self, cuts: Sequence[int]) -> list[Part]:
        """The parts between the cuts."""
        edges = [None, *sorted(cuts), None]
        return [
            Part(None if low is None else self.above(low), None if high is None else self.below(high)) for low, high in pairwise(edges)
        ]

    def divide(
        self, total: int, size: float, count: Callable[[list[int]], list[int]], *, most: int, now: float, seen: Sequence[int] = ()
    ) -> list[int]:
        """Cuts that make parts of about `size` items of `total`.

        `count` says how many items there are from each of some cuts on; `most` bounds how many are asked for, `seen` are times
        of some items.
        """
        counts: dict[int, int] = {}
        seen = sorted(seen)
        edges = (seen[0], seen[-1] + 1) if seen else ()
        wanted = [self.cut(at) for at in (*edges, *(now - age for age in _AGES))]
        for _ in range(_ROUNDS):
            asked = [cut for cut in dict.fromkeys(wanted) if cut not in counts][: most - len(counts)]
            if not asked:
                break
            counts.update(zip(asked, count(asked), strict=True))
            wanted = self._finer(counts, total, size, now, seen)
        return _even({cut: found for cut, found in counts.items() if 0 < found < total}, total, size)

    def _finer(self, counts: Mapping[int, int], total: int, size: float, now: float, seen: Sequence[int]) -> list[int]:
        """More cuts where two neighbours have too many items between them, the fullest first: by the items seen, or evenly."""
        marks = sorted({_EARLIEST: total, int(now) + 1: 0, **counts}.items())
        full = sorted(((low - high, start, end) for (start, low), (end, high) in pairwise(marks)), reverse=True)
        found = []
        for inside, start, end in full:
            if inside > _UNEVEN * size:
                pieces = math.ceil(inside / size)
                here = seen[bisect_right(seen, start) : bisect_left(seen, end)]
                line = here if len(here) >= 2 * pieces else range(start, end)
                cuts = (self.cut(line[len(line) * place // pieces]) for place in range(1, pieces))
                found += [cut for cut in cuts if start < cut < end]
        return found


def _even(counts: Mapping[int, int], total: int, size: float) -> list[int]:
    """Of the cuts, with how many items there are from each on, those that leave about `size` items between them."""
    cuts, begun = [], total
    following = sorted(counts.items())
    for (cut, found), (_, after) in pairwise([*following, (0, 0)]):
        if found < begun and begun - after > size * (1 + _UNEVEN) / 2:
            cuts.append(cut)
            begun = found
    return cuts


def why_whole(endpoint: Endpoint, query: Mapping[str, Any]) -> str:
    """Why a selection is read by one cursor, for people; empty where it can be divided."""
    if endpoint.paging is Paging.SCROLL:
        return "Intercom gives an app one scroll at a time, and takes no filter with it"
    if endpoint.paging is Paging.NUMBER:
        return ""
    if not endpoint.searches:
        return f"{endpoint.path} is a list, whose next page only the last one names"
    if query.get("sort"):
        return "the query asks for an order"
    if Part(0, 0).query(query) is None:
        return f"the filter has no room for {FIELD}: Intercom takes two levels of groups, with 15 conditions in each"
    return ""
