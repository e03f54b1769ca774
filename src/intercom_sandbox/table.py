"""Rows by id, and what searches see of them: the index, which may lag behind, and sorted views of it.

A view is one query in one order, kept sorted while rows change, so that the next page of 100,000 matches
costs a bisection and not a scan.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
Key = tuple[Any, Any]  # (sort value, id)

VIEWS = 128  # kept at once, the least recently used goes: a client may read many ranges of one search at the same time
FEW = 200  # changes up to which single insertions beat a merge


class View(Generic[Row]):
    """The ids that match one predicate, in one order."""

    def __init__(self, matches: Callable[[Row], bool], sort_value: Callable[[Row], Any]) -> None:
        self.matches = matches
        self.sort_value = sort_value
        self.keys: list[Key] = []
        self.members: dict[Any, Key] = {}
        self.dirty: set[Any] = set()

    def fill(self, rows: Iterator[tuple[Any, Row]]) -> None:
        """Evaluate every row."""
        matches, value = self.matches, self.sort_value
        self.members = {key: (value(row), key) for key, row in rows if matches(row)}
        self.keys = sorted(self.members.values())

    def refresh(self, visible: Callable[[Any], Row | None]) -> None:
        """Take in the rows that changed since the last look."""
        if not self.dirty:
            return
        gone: set[Any] = set()
        came: list[Key] = []
        for key in self.dirty:
            row = visible(key)
            old = self.members.get(key)
            new = (self.sort_value(row), key) if row is not None and self.matches(row) else None
            if old == new:
                continue
            if old is not None:
                gone.add(key)
                del self.members[key]
            if new is not None:
                came.append(new)
                self.members[key] = new
            if len(self.dirty) <= FEW:
                if old is not None:
                    del self.keys[bisect_left(self.keys, old)]
                if new is not None:
                    insort(self.keys, new)
        if len(self.dirty) > FEW:
            self.keys = [entry for entry in self.keys if entry[1] not in gone]
            self.keys.extend(came)
            self.keys.sort()
        self.dirty.clear()


class Table(Generic[Row]):
    """Rows of one kind. Every write goes between `begin` and `commit`, so that the index may lag."""

    def __init__(self, lag: Callable[[], float], clock: Callable[[], float]) -> None:
        self.rows: dict[Any, Row] = {}
        self._lag = lag
        self._clock = clock
        self._stale: dict[Any, Row | None] = {}  # what the index still shows; None: nothing yet
        self._pending: deque[tuple[float, Any, Row | None]] = deque()
        self._waiting: dict[Any, int] = {}
        self._views: OrderedDict[Hashable, View[Row]] = OrderedDict()
        self._dates: list[Key] | None = None  # (created_at, id) of every row, sorted; None: to be made

    def begin(self, key: Any) -> None:
        """Before a row is changed, added or removed."""
        if self._lag() > 0 and key not in self._stale:
            row = self.rows.get(key)
            self._stale[key] = None if row is None else copy.copy(row)

    def commit(self, key: Any) -> None:
        """After it was."""
        lag = self._lag()
        if lag > 0 or key in self._stale:
            row = self.rows.get(key)
            self._pending.append((self._clock() + lag, key, None if row is None else copy.copy(row)))
            self._waiting[key] = self._waiting.get(key, 0) + 1
        else:
            self._mark(key)

    def add(self, key: Any, row: Row) -> None:
        """Add a row."""
        self.begin(key)
        self._dates = None
        self.rows[key] = row
        self.commit(key)

    def add_late(self, key: Any) -> None:
        """Let the index see a row that is there already only after its lag."""
        self._stale[key] = None
        self.commit(key)

    def remove(self, key: Any) -> None:
        """Remove a row."""
        self.begin(key)
        self._dates = None
        del self.rows[key]
        self.commit(key)

    def hasten(self) -> None:
        """After the lag was changed: nothing waits longer than the new one."""
        latest = self._clock() + self._lag()
        self._pending = deque((min(due, latest), key, row) for due, key, row in self._pending)

    def settle(self) -> None:
        """Bring the index up to the present."""
        now = self._clock()
        while self._pending and self._pending[0][0] <= now:
            _, key, row = self._pending.popleft()
            self._waiting[key] -= 1
            if self._waiting[key] == 0:
                del self._waiting[key]
                self._stale.pop(key, None)
            else:
                self._stale[key] = row
            self._mark(key)

    def visible(self, key: Any) -> Row | None:
        """The row as searches see it."""
        if key in self._stale:
            return self._stale[key]
        return self.rows.get(key)

    def view(
        self, name: Hashable, matches: Callable[[Row], bool], sort_value: Callable[[Row], Any], created: tuple[float, float] | None = None
    ) -> View[Row]:
        """The view of that name, current; made when it is asked for the first time.

        `created`: nothing matches that was created before the one or after the other.
        """
        self.settle()
        view = self._views.get(name)
        if view is None:
            view = View(matches, sort_value)
            view.fill(self._all_visible() if created is None or self._stale else self._created(*created))
            self._views[name] = view
            while len(self._views) > VIEWS:
                self._views.popitem(last=False)
        else:
            self._views.move_to_end(name)
            view.refresh(self.visible)
        return view

    def forget(self) -> None:
        """Drop the views (after many rows were added)."""
        self._dates = None
        self._views.clear()

    def _created(self, first: float, last: float) -> Iterator[tuple[Any, Row]]:
        if self._dates is None or len(self._dates) != len(self.rows):
            self._dates = sorted((row.created_at, key) for key, row in self.rows.items())  # type: ignore[attr-defined]
        low, high = bisect_left(self._dates, (first,)), bisect_left(self._dates, (last,))
        for _, key in self._dates[low:high]:
            yield key, self.rows[key]

    def _all_visible(self) -> Iterator[tuple[Any, Row]]:
        stale = self._stale
        if not stale:
            yield from self.rows.items()
            return
        for key, row in self.rows.items():
            if key not in stale:
                yield key, row
        for key, old in stale.items():
            if old is not None:
                yield key, old

    def _mark(self, key: Any) -> None:
        worn = []
        for name, view in self._views.items():
            view.dirty.add(key)
            if len(view.dirty) * 2 > len(self.rows):
                worn.append(name)  # quicker made anew; and one that nobody asks for must not grow
        for name in worn:
            del self._views[name]
