"""Feeds: a selection as a stream of batches of new items, each with the state from which the stream can go on.

Step 3 of the life of an item (docs/explanation/life-of-an-item.md).

Every kind of run is the same path with another feed: a query, a list of ids, a plan, the items of an earlier run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from ..errors import IntercomBulkError, SearchError, SearchLoop, UsageError
from ..model import FoundItem, Page

Batch = tuple[list[FoundItem], dict[str, Any]]

# Pages in a row that bring nothing new before a pass is ended: acting on what one searches can push items that are
# already known to the end of the list, for ever.
_SLACK_PAGES = 20


class ItemSource(Protocol):
    """Where a run's items come from."""

    @property
    def searches(self) -> bool:
        """Whether it can be asked again, because it reads a live search."""
        ...

    def batches(self, state: Mapping[str, Any]) -> Iterator[Batch]:
        """Batches from where `state` (run.search) stands, each with the state after it."""
        ...

    def fruitless(self, new: int) -> None:
        """Told after each batch how many of its items were new."""
        ...


class Pages(Protocol):
    """What a query feed reads; EndpointSource (search/paginator.py) and updaters that override `pages`."""

    def pages(self, cursor: str | None = None) -> Iterator[Page]:
        """Pages from a cursor on."""
        ...


@dataclass(slots=True)
class SearchSource:
    """The items of a search, pass after pass.

    An item that was created after the run began does not belong to it: it is counted as new since, and left alone.
    Items that somebody touched meanwhile are kept: they matched when the run began, for all that can be known.
    """

    source: Pages
    key: Callable[[Mapping[str, Any]], str]
    capture: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    server_time: Callable[[], float]
    page_size: int = 150
    watch: Callable[[Mapping[str, Any]], None] | None = None
    """Shown every raw item; the verification looks at them this way."""
    exclude: frozenset[str] = frozenset()
    """Ids that are left out, whatever the search says."""
    searches: bool = True
    _barren: int = 0

    def batches(self, state: Mapping[str, Any]) -> Iterator[Batch]:
        """See Feed."""
        now = dict(state)
        if now.get("complete"):
            now.update({"pass": int(now.get("pass") or 0) + 1, "cursor": None, "complete": False, "seen": 0})
        now.setdefault("pass", 1)
        self._barren = 0
        started = now.get("server_started")
        for page in self._pages(now):
            if started is None:
                # Known only now: the first answer's Date header has set the server's clock.
                started = now["server_started"] = math.floor(self.server_time())
            if "total" not in now:
                now["total"] = page.total
            now["said"] = page.total
            now["seen"] = int(now.get("seen") or 0) + len(page.items)
            items = []
            for payload in page.items:
                if self.watch is not None:
                    self.watch(payload)
                if self._new_since(payload, started):
                    now["new_since"] = int(now.get("new_since") or 0) + 1
                elif (key := self._key(payload)) not in self.exclude:
                    items.append(FoundItem(key, self.capture(payload)))
            now["cursor"] = page.cursor
            now["complete"] = page.cursor is None
            yield items, dict(now)
            if page.cursor is not None and self._barren > self._bound(now):
                if int(now["pass"]) > 2:
                    raise SearchLoop("The search brings the same items again and again and does not end.")
                yield [], {**now, "complete": True, "cursor": None, "endless": True}
                return

    def fruitless(self, new: int) -> None:
        """See Feed."""
        self._barren = 0 if new else self._barren + 1

    def _pages(self, now: dict[str, Any]) -> Iterator[Page]:
        cursor = now.get("cursor")
        pages = self.source.pages(cursor)
        if cursor is None:
            yield from pages
            return
        try:
            yield next(pages)
        except StopIteration:
            return
        except (SearchError, IntercomBulkError) as exc:
            if isinstance(exc, SearchError) or exc.exit_code == 4:
                raise
            # A stored cursor may have died with its session; from the start, what is known is dropped.
            now.update({"cursor": None, "seen": 0})
            yield from self.source.pages(None)
            return
        yield from pages

    def _bound(self, now: Mapping[str, Any]) -> int:
        return _SLACK_PAGES + 2 * math.ceil(int(now.get("total") or 0) / max(1, self.page_size))

    def _key(self, payload: Mapping[str, Any]) -> str:
        try:
            value = self.key(payload)
        except (KeyError, TypeError) as exc:
            raise UsageError(f"get_item_id() failed on an item with the fields {', '.join(payload)}: {exc!r}") from exc
        if value is None or str(value) == "":
            raise UsageError(f"get_item_id() gave no id for an item with the fields {', '.join(payload)}")
        return str(value)

    def _new_since(self, payload: Mapping[str, Any], started: float) -> bool:
        created = payload.get("created_at")
        # A time in the far future is odd data, not a new item.
        return isinstance(created, int) and started < created <= self.server_time() + 5


@dataclass(slots=True)
class ListSource:
    """Items that are known beforehand: ids from a file, a plan, an earlier run. Read once, in chunks."""

    items: Iterable[FoundItem]
    total: int | None = None
    chunk: int = 1000
    exclude: frozenset[str] = frozenset()
    searches: bool = False

    def batches(self, state: Mapping[str, Any]) -> Iterator[Batch]:
        """See Feed. A list that was cut short is read again from its start: what is known is dropped."""
        stream = iter(self.items)
        seen = 0
        while True:
            batch = list(islice(stream, self.chunk))
            seen += len(batch)
            done = len(batch) < self.chunk
            total = seen if done else self.total
            batch = [item for item in batch if item.id not in self.exclude]
            yield batch, {"pass": 1, "complete": done, "total": total, "seen": seen}
            if done:
                return

    def fruitless(self, new: int) -> None:
        """See Feed."""
