"""What a selection finds, item by item. Never writes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..api.paths import item_path
from ..errors import IntercomBulkError, SearchError, SearchIncomplete, UsageError
from ..model import FoundItem
from ..operations.operation import Operation
from ..operations.resource import Resource, resources
from ..runs.listing import matching
from ..runs.options import Options
from ..runs.session import Session
from ..runs.sources import SearchSource, count_missing, missing_words
from ..search.endpoints import endpoint_for
from ..search.names import WorkspaceNames
from ..search.paginator import EndpointSource
from .notes import Note, ignore
from .selection import Selection, select
from .spreadsheet import read_rows

FIELDS = (
    "id", "state", "admin_assignee_id", "team_assignee_id", "priority", "title", "created_at", "updated_at",
    "snoozed_until", "role", "name", "external_id", "company_id", "category", "open",
)  # fmt: skip


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
    known: set[str] = field(default_factory=set)
    """The ids of all items that the search has shown."""

    def once(self) -> Iterator[Mapping[str, Any]]:
        """Each item once, without those that are left out."""
        seen: set[str] = set()
        for item in self.items:
            identity = str(item.get("id"))
            if identity not in self.left_out and identity not in seen:
                seen.add(identity)
                yield item


def find(
    session: Session, names: WorkspaceNames, resource: str, asked: Selection, options: Options, note: Note = ignore
) -> Found:
    """What a selection finds; items are asked for as they are read."""
    session.workspace()
    rows = None
    if asked.csv is not None:
        found_rows = read_rows(asked.csv, asked.id_column, resource, options=options, note=note).rows
        rows = [FoundItem(row.id) for row in found_rows]
    selected = select(asked, resource, session, names, _Looking(), options, rows, note)
    found = Found(selected.selection["words"], frozenset(selected.selection.get("exclude") or ()))
    if isinstance(selected.feed, SearchSource):
        found.items = searched(selected.feed, found)
    elif selected.selection["kind"] == "query":
        found.items = matching(session, resources()[resource], selected.selection["query"], options)
    else:
        ids = (item.id for batch, _ in selected.feed.batches({}) for item in batch)
        found.items = (session.look(item_path(resource, i)) for i in ids)
    return found


def list_all(session: Session, resource: Resource) -> Found:
    """All items of a resource for which Intercom has no search."""
    source = EndpointSource(session.client, session.stop, endpoint_for(resource.listing))
    found = Found()
    found.items = searched(SearchSource(source, lambda item: str(item["id"]), lambda item: None, session.client.server_time), found)
    return found


def searched(feed: SearchSource, found: Found) -> Iterator[Mapping[str, Any]]:
    """The items of a search, which is asked a second time where it shows less than it announces."""
    for _ in range(2):
        for entries, state in feed.entries(found.search):
            found.search.update(state)
            found.known.update(key for key, _ in entries)
            yield from (payload for _, payload in entries)
        if not count_missing(found.search, len(found.known))["missing"]:
            return


def check_shortfall(found: Found, resource: str, count: int) -> None:
    """Raises SearchError where nothing of what was announced was listed, SearchIncomplete where a part of it was not."""
    found.search |= count_missing(found.search, len(found.known))
    missing = found.search["missing"]
    if missing and not count:
        raise SearchError(f"Intercom said that {found.search.get('total')} {resource} match, and listed none.")
    if missing:
        raise SearchIncomplete(f"{missing_words(found.search)}.")


def row_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item for programs: what it is and how it stands; no message bodies, no e-mail addresses."""
    tags = _tags(item)
    told = {k: item[k] for k in FIELDS if k in item}
    told["id"] = str(item.get("id"))
    if tags:
        told["tags"] = [{"id": str(t.get("id")), "name": t.get("name")} for t in tags]
    return told


def _tags(item: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    tags = item.get("tags") or {}
    found: Sequence[Mapping[str, Any]] = tags.get("tags") or tags.get("data") or []
    return found


class Columns:
    """Chosen columns of items: fields as Intercom names them (`source.subject`, with dots between), or one of the names below.

    `subject`, `team`, `assignee`, `tags` (names), `contact` (id of the first).
    """

    _NAMED = ("subject", "team", "assignee", "tags", "contact")

    def __init__(self, columns: Sequence[str], names: WorkspaceNames) -> None:
        if isinstance(columns, str):
            raise UsageError(f"columns must be a list of names: write columns=[{columns!r}].")
        self._columns, self._names = list(columns), names
        self._called: dict[tuple[str, str], str] = {}

    def check(self, item: Mapping[str, Any]) -> None:
        """Raises UsageError for a column that neither this item nor any other has."""
        known = dict.fromkeys([*self._NAMED, *FIELDS, *item])
        for name in self._columns:
            if name.partition(".")[0] not in known:
                near = difflib.get_close_matches(name, known, 3) or list(known)
                raise UsageError(f"There is no column {name!r}. Nearest: {', '.join(near)}.")

    def row(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The chosen columns of one item."""
        return {name: self._value(name, item) for name in self._columns}

    def _value(self, name: str, item: Mapping[str, Any]) -> Any:
        if name == "id":
            return str(item.get("id"))
        if name == "subject":
            return (item.get("source") or {}).get("subject") or item.get("title")
        if name == "team":
            return self._name("team", item.get("team_assignee_id"))
        if name == "assignee":
            return self._name("admin", item.get("admin_assignee_id"))
        if name == "tags":
            return [tag.get("name") or str(tag.get("id")) for tag in _tags(item)]
        if name == "contact":
            contacts = (item.get("contacts") or {}).get("contacts") or []
            return str(contacts[0].get("id")) if contacts else None
        value: Any = item
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def _name(self, kind: str, number: Any) -> str | None:
        """What a team or an admin is called; its id where it has no name, None for nobody."""
        key = str(number or "0")
        if key == "0":
            return None
        if (kind, key) not in self._called:
            self._called[kind, key] = key
            with suppress(IntercomBulkError):
                self._called[kind, key] = self._names.by_id(kind, key).name
        return self._called[kind, key]
