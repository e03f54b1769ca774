"""What a selection finds, item by item. Never writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ..errors import SearchError, SearchIncomplete
from ..model import FoundItem
from ..operations.operation import Operation
from ..operations.resource import Resource, resources
from ..runs.id_set import IdSet
from ..runs.listing import matching, pages_of_list, read_each
from ..runs.options import Options
from ..runs.session import Session
from ..runs.sources import ItemSource, SearchSource, count_missing, missing_words
from ..runs.stored_query import why_one_cursor
from ..search.names import WorkspaceNames
from .columns import FIELDS, tags_of
from .notes import Note, ignore
from .row_references import resolve_rows
from .selection import Selection, select
from .spreadsheet import read_rows

_LONGEST_NUMBER = 9
"""Digits; the ids of tickets may be as short."""


class _Looking(Operation):
    """Nothing is done."""

    def perform(self, client: Any, item: Any, now: Any = None) -> None:
        """Nothing."""


@dataclass(slots=True)
class Found:
    """What a selection finds: its items as they come, and how the search for them goes."""

    words: str = ""
    left_out: frozenset[str] = frozenset()
    items: Iterable[Mapping[str, Any]] = ()
    search: dict[str, Any] = field(default_factory=dict)
    known: IdSet = field(default_factory=IdSet)
    """The ids of all items that the search has shown."""
    gone: list[str] = field(default_factory=list)
    """The ids that were asked for by name, and that are not there."""
    source: ItemSource | None = None
    """Where the items come from."""
    selection: Mapping[str, Any] = field(default_factory=dict)
    """As the journal would keep it."""

    @property
    def uncounted(self) -> bool:
        """Whether what Intercom counts is more than what the selection means, because a part of it is judged here."""
        return isinstance(self.source, SearchSource) and not self.source.counted

    def once(self) -> Iterator[Mapping[str, Any]]:
        """Each item once, without those that are left out."""
        seen = IdSet()
        for item in self.items:
            identity = str(item.get("id"))
            if identity not in self.left_out and seen.add(identity):
                yield item


def find(
    session: Session,
    names: WorkspaceNames,
    resource: str,
    asked: Selection,
    options: Options,
    note: Note = ignore,
    *,
    counting: bool = False,
) -> Found:
    """What a selection finds, and all items of a resource without a search where none is given.

    Items are asked for as they are read, and not at all to count what has just been seen.
    """
    declared = resources()[resource]
    if not (declared.search or asked.given):
        return _list_all(session, declared)
    session.workspace()
    rows, seen, sheet = None, set[str](), None
    if asked.csv is not None:
        sheet = read_rows(asked.csv, asked.id_column, resource, several=True, options=options, note=note)
        resolved = resolve_rows(sheet, resource, session).rows
        rows = [FoundItem(one) for one in dict.fromkeys(row.id for row in resolved)]
        if counting:
            seen = {row.id for row, given in zip(resolved, sheet.rows, strict=True) if row.id != given.id}
    selected = select(asked, resource, session, names, _Looking(), options, rows, note, sheet.read if sheet else 0)
    found = Found(selected.selection["words"], frozenset(selected.selection.get("exclude") or ()))
    found.source, found.selection = selected.feed, selected.selection
    if isinstance(selected.feed, SearchSource):
        found.items = searched(selected.feed, found)
    elif selected.selection["kind"] == "query":
        found.items = matching(session, declared, selected.selection["query"], options)
    else:
        listed = (item for batch, _ in selected.feed.batches({}) for item in batch if item.id not in found.left_out | seen)
        found.items = chain(({"id": one} for one in seen), _there(read_each(session, resource, listed), found))
    return found


def _there(read: Iterable[tuple[FoundItem, Mapping[str, Any] | None]], found: Found) -> Iterator[Mapping[str, Any]]:
    for asked, item in read:
        if item is None:
            found.gone.append(asked.id)
        else:
            yield item


def _list_all(session: Session, resource: Resource) -> Found:
    """All items of a resource for which Intercom has no search."""
    source = pages_of_list(session, resource.listing, Options())
    found = Found(selection={"endpoint": resource.listing})
    found.source = SearchSource(source, lambda item: str(item["id"]), lambda item: None, session.client.server_time)
    found.items = searched(found.source, found)
    return found


def count(found: Found) -> int:
    """How many items a selection finds: the total that Intercom gives with the first page, or all of them read."""
    if isinstance(found.source, SearchSource):
        whole = found.left_out or found.uncounted
        total = None if whole else next((state.get("total") for _, state in found.source.entries({})), None)
        return sum(1 for _ in found.once()) if total is None else int(total)
    return sum(1 for _ in found.once())


def searched(feed: SearchSource, found: Found) -> Iterator[Mapping[str, Any]]:
    """The items of a search, which is asked a second time where it shows less than it announces."""
    for _ in range(2):
        for entries, state in feed.entries(found.search):
            found.search.update(state)
            found.known.update(key for key, _ in entries)
            yield from (payload for _, payload in entries if feed.keeps(payload))
        if not count_missing(found.search, len(found.known))["missing"]:
            return


def check_shortfall(found: Found, resource: str, count: int) -> None:
    """Raises SearchError where nothing of what was announced was listed, SearchIncomplete where a part of what was announced, or
    was asked for by id, was not."""
    found.search |= count_missing(found.search, len(found.known))
    missing = found.search["missing"]
    if missing and not count:
        raise SearchError(f"Intercom said that {found.search.get('total')} {resource} match, and listed none.")
    if missing:
        raise SearchIncomplete(f"{missing_words(found.search)}.")
    if found.gone:
        raise SearchIncomplete(f"{gone_words(found.gone, resource)}.")


def gone_words(ids: Sequence[str], resource: str) -> str:
    """`2 are not there (deleted or merged, or of another workspace): 81, 82`; for tickets also how one is found by its number."""
    first, more = ", ".join(ids[:5]), f" and {len(ids) - 5:,} more" if len(ids) > 5 else ""
    said = f"{len(ids):,} {'is' if len(ids) == 1 else 'are'} not there (deleted or merged, or of another workspace): {first}{more}"
    numbers = [one for one in ids if one.isdigit() and len(one) <= _LONGEST_NUMBER] if resource == "tickets" else []
    meant = f"number = {numbers[0]}" if len(numbers) == 1 else f"number in ({', '.join(numbers[:5])})"
    return f"{said}. The inbox shows the number of a ticket, which is not its id: the filter {meant} finds by number" if numbers else said


def how_read(found: Found, options: Options) -> dict[str, Any]:
    """How the pages of a search would be read: `parts`, whether a large one is divided, and `why` it would not be; empty for ids."""
    endpoint = found.selection.get("endpoint")
    if endpoint is None:
        return {}
    why = why_one_cursor({"query": {}, **found.selection}, options)
    return {"parts": not why, **({"why": why} if why else {})}


def explained(found: Found, resource: str, options: Options) -> dict[str, Any]:
    """What would be asked for a selection, and in words what that means."""
    endpoint, query, here = (found.selection.get(name) for name in ("endpoint", "query", "here"))
    told = {"resource": resource, "selection": found.words or f"all {resource}", "endpoint": endpoint, "query": query}
    reading = how_read(found, options)
    return told | ({"here": here} if here else {}) | ({"reading": reading} if reading else {})


def row_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item for programs: what it is and how it stands; no message bodies, no e-mail addresses."""
    tags = tags_of(item)
    told = {k: item[k] for k in FIELDS if k in item}
    told["id"] = str(item.get("id"))
    if tags:
        told["tags"] = [{"id": str(t.get("id")), "name": t.get("name")} for t in tags]
    return told
