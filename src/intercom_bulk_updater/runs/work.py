"""What the pool of a run works on: pending items to act on, pending items to look at, or a list to read back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from ..engine.work import WorkSource
from ..journal import Store
from ..model import Item, ItemResult, Outcome
from ..stop import Stop
from .guards import FailureLimit
from .reader import Reader

Count = Callable[[Sequence[ItemResult]], None]


class ItemsToReadBack(WorkSource):
    """A stream of items whose outcomes stay as they are."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items

    def settle_and_claim(self, results: Sequence[ItemResult], number: int) -> list[Item]:
        return _up_to(number, self._items)


class ItemsToPreview(WorkSource):
    """The pending items of a run whose change is known only when they have been read; `every`: all that are pending."""

    def __init__(self, journal: Store, run: str, count: Count, *, every: bool) -> None:
        self._journal = journal
        self._run = run
        self._count = count
        rows = journal.items(run, outcomes=[Outcome.PENDING])
        self._items = (Item(row.seq, row.id, row.before, row.data) for row in rows if every or row.before is None)

    def settle_and_claim(self, results: Sequence[ItemResult], number: int) -> list[Item]:
        if results:
            self._count(results)
            self._journal.turn(self._run, results, 0)
        return _up_to(number, self._items)


class ItemsToDo(WorkSource):
    """The pending items of a run, and those that its reader still brings.

    Parameters
    ----------
    reader:
        Brings more while it lives; None when all are on disk.
    limit:
        Sees every outcome, and ends the work when too many failed.
    count:
        Called with the outcomes, for displays.
    now:
        The server's time, which claims are stamped with.
    most:
        Hand out so many items (the canary); None: all.
    only:
        Hand out these (by seq) and no other: a retry of failures.
    """

    def __init__(
        self,
        journal: Store,
        run: str,
        stop: Stop,
        *,
        reader: Reader | None,
        limit: FailureLimit,
        count: Count,
        now: Callable[[], float],
        most: int | None = None,
        only: Sequence[int] | None = None,
    ) -> None:
        self._journal = journal
        self._run = run
        self._stop = stop
        self._reader = reader
        self._limit = limit
        self._count = count
        self._now = now
        self._left = most if only is None else len(only)
        self._chosen = None if only is None else deque(only)

    def may_grow(self) -> bool:
        reader = self._reader
        if reader is None:
            return False
        if reader.error is not None and not self._stop.asked:
            raise reader.error
        return reader.is_alive()

    def settle_and_claim(self, results: Sequence[ItemResult], number: int) -> list[Item]:
        """See WorkSource. Raises SafetyStop when too many failed, with these outcomes on disk: what is done is done."""
        broken = self._limit.trips(results)
        self._count(results)
        number = 0 if broken else self._allowed(results, number)
        first = [] if self._chosen is None else [self._chosen.popleft() for _ in range(number)]
        items = self._journal.turn(self._run, results, number, ready_first=first, now=self._now())
        if self._left is not None:
            self._left -= len(items)
        if broken is not None and not self._stop.asked:
            raise broken
        return items

    def _allowed(self, results: Sequence[ItemResult], number: int) -> int:
        """How many may be handed out. Items that came back with their before-image are handed out a second time.

        They count before anything is claimed in the same turn: a turn that hands out nothing ends the work.
        """
        again = [one.seq for one in results if one.outcome is Outcome.PENDING]
        if self._chosen is not None:
            self._chosen.extendleft(again)
            number = min(number, len(self._chosen))
        if self._left is None:
            return number
        self._left += len(again)
        return min(number, max(0, self._left))

    def release(self, seqs: Sequence[int]) -> None:
        self._journal.release(self._run, seqs)

    def suspect(self, seqs: Sequence[int]) -> None:
        self._journal.suspect(self._run, seqs)


def _up_to(number: int, items: Iterator[Item]) -> list[Item]:
    found: list[Item] = []
    while len(found) < number and (item := next(items, None)) is not None:
        found.append(item)
    return found
