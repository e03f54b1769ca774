"""Feeds: a selection as a stream of batches of new items, each with the state from which the stream can go on.

Step 3 of the life of an item (docs/explanation/life-of-an-item.md).

Every kind of run is the same path with another feed: a query, a list of ids, a plan, the items of an earlier run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar

from ..errors import FilterIgnored, IntercomBulkError, SearchError, SearchLoop, UpdaterFailed, UsageError
from ..model import FoundItem, Page
from ..operations.resource import name_of
from ..parsing.identity import id_text
from ..search.language.where import Judge
from .id_set import IdSet
from .search_state import SearchState

Batch = tuple[list[FoundItem], dict[str, Any]]

# Pages in a row that bring nothing new before a pass is ended: acting on what one searches can push items that are
# already known to the end of the list, for ever.
_SLACK_PAGES = 20
# From how many judged items on, and above what share of them, items that contradict the filter end the run.
_LEAST_JUDGED, _MOST_CONTRADICTING = 10, 0.2
# How long after its last change an item is not taken as a witness against the filter (seconds).
_INDEX_BEHIND = 900.0


class ItemSource(Protocol):
    """Where a run's items come from."""

    @property
    def searches(self) -> bool:
        """Whether it can be asked again, because it reads a live search."""

    @property
    def counted(self) -> bool:
        """Whether its first answer says how many items there are; otherwise it is read to its end before anything is written."""

    def batches(self, state: Mapping[str, Any]) -> Iterator[Batch]:
        """Batches from where `state` (run.search) stands, each with the state after it."""

    def fruitless(self, new: int) -> None:
        """Told after each batch how many of its items were new."""


class Pages(Protocol):
    """What a query feed reads; EndpointSource (search/paginator.py) and PartitionedSource (search/partitioned.py)."""

    def pages(self, cursor: str | None = None) -> Iterator[Page]:
        """Pages from a cursor on."""


Image = TypeVar("Image", bound=Mapping[str, Any])

Entry = tuple[str, Mapping[str, Any]]
"""The id of an item and the item as the search showed it."""


def image_of(capture: Callable[[Mapping[str, Any]], Image | None], payload: Mapping[str, Any]) -> Image | None:
    """The image of an entry of a search; None where the entry is malformed, so that a GET has to tell."""
    try:
        return capture(payload)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


@dataclass(slots=True)
class SearchSource:
    """The items of a search, pass after pass.

    An item that was created after the run began does not belong to it: it is counted as new since, and left alone.
    Items that somebody touched meanwhile are kept while they match the filter; an item whose own fields contradict the
    filter is left out and counted, and a search whose pages are full of them ends the run (FilterIgnored).
    An entry without a usable id is left out and counted.
    """

    source: Pages
    key: Callable[[Mapping[str, Any]], str]
    capture: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    server_time: Callable[[], float]
    page_size: int = 150
    watch: Callable[[Mapping[str, Any]], None] | None = None
    """Shown every item that matches and has an id; the verification looks at them this way."""
    exclude: frozenset[str] = frozenset()
    """Ids that are left out, whatever the search says."""
    judge: Judge | None = None
    """Whether an item matches the filter by its own fields; None where there is no filter."""
    keep: Callable[[Mapping[str, Any]], bool] | None = None
    """The part of the filter that is judged here; None where Intercom judges all of it."""
    searches: bool = True
    counts_wanted: Callable[[], tuple[int, int] | None] | None = None
    """Has the server count what of the selection is as wanted, and what is not; None where it cannot tell."""
    _barren: int = 0
    _judged: int = 0
    _contradicting: int = 0
    _before_page: tuple[int, int] = (0, 0)
    """What both numbers were before the page that is being read."""
    _others: IdSet = field(default_factory=IdSet)
    """Ids that any pass showed and that do not belong to the run."""

    def batches(self, state: Mapping[str, Any]) -> Iterator[Batch]:
        """See ItemSource."""
        for entries, now in self._entries(state):
            items = []
            for key, payload in entries:
                if self._new_since(payload, now.server_started or 0.0):
                    now.new_since += self._put_aside(key, now)
                elif key in self.exclude:
                    self._put_aside(key, now)
                elif not self.keeps(payload):
                    self._leave_out(key, now)
                else:
                    items.append(FoundItem(key, image_of(self.capture, payload), name=name_of(payload)))
            yield items, now.to_json()
            if now.cursor is not None and self._barren > self._bound(now):
                if now.passes > 2:
                    raise SearchLoop("The search brings the same items again and again and does not end.")
                now.complete, now.cursor, now.endless = True, None, True
                yield [], now.to_json()
                return

    @property
    def counted(self) -> bool:
        """See ItemSource."""
        return self.keep is None

    def keeps(self, payload: Mapping[str, Any]) -> bool:
        """Whether an item that the search shows matches what is judged here."""
        return self.keep is None or self.keep(payload)

    def entries(self, state: Mapping[str, Any]) -> Iterator[tuple[list[Entry], dict[str, Any]]]:
        """The usable entries of each page that do not contradict the filter, with the state after the page."""
        for entries, now in self._entries(state):
            yield entries, now.to_json()

    def _entries(self, state: Mapping[str, Any]) -> Iterator[tuple[list[Entry], SearchState]]:
        now = SearchState.of(state)
        if now.complete:
            now.passes, now.cursor, now.complete = now.passes + 1, None, False
        now.passes = max(1, now.passes)
        if self.keep is not None and now.narrowed is None:
            now.narrowed = 0
        self._barren = self._judged = self._contradicting = 0
        shown = IdSet()
        for page in self._pages(now, shown):
            if page.anew:
                _begin_anew(now, shown)
            # Known only now: the first answer's Date header has set the server's clock.
            if now.server_started is None:
                now.server_started = math.floor(self.server_time())
            now.total = page.total if now.total is None else now.total
            now.announced = page.total if now.announced is None else now.announced
            now.said = now.said if page.total is None else page.total
            now.unusable += page.unusable
            self._before_page = self._judged, self._contradicting
            entries = []
            for payload in page.items:
                key = self._key(payload)
                if key is None:
                    now.unusable += 1
                    continue
                repeated = not shown.add(key)
                now.seen += not repeated
                if self.watch is not None and self.keeps(payload):
                    self.watch(payload)
                if not self._contradicts(payload, now, key, repeated=repeated):
                    entries.append((key, payload))
            now.widest = max(now.widest, now.seen - now.withheld + now.unusable)
            if now.passes == 1:
                self._refuse_ignored_filter()
            now.cursor = page.cursor
            now.complete = page.cursor is None
            yield entries, now

    def fruitless(self, new: int) -> None:
        """See ItemSource."""
        self._barren = 0 if new else self._barren + 1

    def _pages(self, now: SearchState, shown: IdSet) -> Iterator[Page]:
        if now.cursor is not None:
            pages = self.source.pages(now.cursor)
            try:
                yield next(pages)
            except StopIteration:
                return
            except IntercomBulkError as exc:
                if isinstance(exc, SearchError) or exc.exit_code == 4:
                    raise
                # A stored cursor may have died with its session; from the start, what is known is dropped.
            else:
                yield from pages
                return
        _begin_anew(now, shown)
        if now.passes == 1 and now.narrowed is not None:
            now.narrowed, self._others = 0, IdSet()
        yield from self.source.pages(None)

    def _bound(self, now: SearchState) -> int:
        return _SLACK_PAGES + 2 * math.ceil((now.total or 0) / max(1, self.page_size))

    def _key(self, payload: Mapping[str, Any]) -> str | None:
        """The id of an entry; None where it has no usable one. Raises where an entry has one and get_item_id() fails."""
        named = payload.get("id")
        usable = bool(id_text(named))
        if not usable and "id" in payload:
            return None
        try:
            value = self.key(payload)
        except (KeyError, TypeError, UpdaterFailed) as exc:
            if not usable:
                return None
            if isinstance(exc, UpdaterFailed):
                raise
            raise UsageError(f"get_item_id() failed on an item with the fields {', '.join(payload)}: {exc!r}") from exc
        if value is None or str(value) == "":
            if not usable:
                return None
            raise UsageError(f"get_item_id() gave no id for an item with the fields {', '.join(payload)}")
        return str(value)

    def _contradicts(self, payload: Mapping[str, Any], now: SearchState, key: str, *, repeated: bool) -> bool:
        """Whether the item's own fields contradict the filter; counts what it says of the filter and of the search."""
        if self.judge is None:
            return False
        verdict, first_pass = self.judge(payload), now.passes == 1
        if first_pass:
            checked = self.keep is not None or verdict is not None or now.unchecked == 0 or self.judge.checks(payload)
            now.unchecked = 0 if checked else now.seen
        witness = verdict is not None and self._counts_as_witness(payload, verdict)
        if verdict is not False:
            return False
        if not repeated and first_pass:  # later our own changes contradict the filter
            now.contradicting += 1
            self._others.add(key)
            now.others = max(now.others, len(self._others))
        if witness:
            now.withheld += not repeated
        else:
            now.aside += not repeated
        return True

    def _put_aside(self, key: str, now: SearchState) -> bool:
        """Count an item that the search showed rightly and that does not belong to the run; returns whether no pass has before."""
        now.aside += 1
        new = self._others.add(key)
        now.others = max(now.others, len(self._others))
        return new

    def _leave_out(self, key: str, now: SearchState) -> None:
        """Count an item that what is judged here leaves out; in a later pass it may be one of the run's, as our changes left it."""
        if now.passes > 1:
            now.aside += 1
        elif self._put_aside(key, now):
            now.narrowed = (now.narrowed or 0) + 1

    def _counts_as_witness(self, payload: Mapping[str, Any], verdict: bool) -> bool:
        """Count what an item says of the filter, and return whether it counts."""
        changed = payload.get("updated_at")
        # A search index may be minutes behind: an item that was changed just now says nothing about the filter.
        if isinstance(changed, int) and changed > self.server_time() - _INDEX_BEHIND:
            return False
        self._judged += 1
        self._contradicting += not verdict
        return True

    def _refuse_ignored_filter(self) -> None:
        """Raise FilterIgnored when too many items of this page, or of all pages so far, contradict the filter."""
        of_page = self._judged - self._before_page[0], self._contradicting - self._before_page[1]
        for judged, contradicting in (of_page, (self._judged, self._contradicting)):
            if judged >= _LEAST_JUDGED and contradicting > _MOST_CONTRADICTING * judged:
                raise FilterIgnored(
                    f"The server does not apply the filter: {contradicting:,} of {judged:,} items that the search showed "
                    "contradict it by their own fields. Nothing of this page was touched. Look at some with find --ids, and "
                    "check INTERCOM_BASE_URL and what stands between here and Intercom."
                )

    def _new_since(self, payload: Mapping[str, Any], started: float) -> bool:
        created = payload.get("created_at")
        # A time in the far future is odd data, not a new item.
        return isinstance(created, int) and started < created <= self.server_time() + 5


def _begin_anew(now: SearchState, shown: IdSet) -> None:
    """The pass is at its beginning (again): what it has counted comes again."""
    shown.clear()
    now.announced = now.cursor = None
    now.seen = now.aside = now.withheld = now.unusable = 0


def count_missing(search: Mapping[str, Any], selected: int) -> dict[str, int]:
    """`missing`: how many items a search announced and never showed; `shown`: how many different ones it has shown.

    Both count over all passes, `selected` items of them selected. Items leave a search while it is read, and its total
    falls with them: the lowest total of the last pass counts, and nothing is missing while that pass is not over. An item
    that contradicts the filter stands where one that matches was announced: that one was not shown. An entry without a
    usable id may be an item that another pass has shown: no more are counted than one pass has shown besides.
    """
    state = SearchState.of(search)
    shown = max(selected + state.aside, state.widest)
    totals = [total for total in (state.announced, state.said) if total is not None]
    if not state.complete or state.cut or state.endless or not totals:
        return {"missing": 0, "shown": shown}
    of_this_pass = min(totals) - state.seen + state.withheld - state.unusable
    of_all = max(state.total or 0, min(totals)) - shown
    return {"missing": max(0, min(of_this_pass, of_all)), "shown": shown}


def account_of(search: Mapping[str, Any], selected: int) -> dict[str, Any]:
    """The search of a run of `selected` items in numbers that agree: of all passes, each item counted once.

    `seen` are all that were shown; a search that came to its end has a `total` of what was seen and what is `missing`.
    """
    state = SearchState.of(search)
    known = selected + state.others
    total, seen = state.total, known + state.unusable if search else 0
    # A run that was stopped has not asked a second time for what one pass has not shown.
    not_shown = max(state.missing, count_missing(search, selected)["missing"])
    if total is not None:
        # An entry that could not be read in the last pass may be an item that another pass has shown.
        seen = min(seen, max(total - state.missing, known))
    if state.complete and not state.cut and total is not None:
        # Items that others changed have left the search while it was read.
        total = min(total, seen + not_shown)
    if state.narrowed is not None:
        matching = state.matching
        total = None if matching is None else max(matching, selected)
    return {
        "total": total, "seen": seen, "passes": state.passes, "new_since": state.new_since,
        "complete": state.complete and not not_shown and bool(selected or not state.unusable), **left_out(search),
    }  # fmt: skip


def left_out(search: Mapping[str, Any]) -> dict[str, int]:
    """What a search counts beside the items that it gave, where there are any."""
    state = SearchState.of(search)
    counts = {
        "missing": state.missing, "contradicting": state.contradicting, "unusable": state.unusable, "unchecked": state.unchecked or 0,
    }  # fmt: skip
    return {name: count for name, count in counts.items() if count}


def missing_words(search: Mapping[str, Any]) -> str:
    """`Intercom announced 281 and showed 150; 131 were never shown`; empty where nothing is missing."""
    state = SearchState.of(search)
    missing, shown = state.missing, state.shown
    if not missing:
        return ""
    matching, were = " that match" if state.contradicting else "", "was" if missing == 1 else "were"
    return f"Intercom announced {shown + missing:,} and showed {shown:,}{matching}; {missing:,} {were} never shown"


@dataclass(slots=True)
class ListSource:
    """Items that are known beforehand: ids from a file, a plan, an earlier run. Read once, in chunks."""

    items: Iterable[FoundItem]
    total: int | None = None
    chunk: int = 1000
    exclude: frozenset[str] = frozenset()
    searches: bool = False
    counted: bool = False

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
            yield batch, SearchState(passes=1, complete=done, total=total, seen=seen).to_json()
            if done:
                return

    def fruitless(self, new: int) -> None:
        """See Feed."""
