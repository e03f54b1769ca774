"""`find`: what a selection finds. Never writes."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..api.paths import item_path
from ..errors import IntercomBulkError, SearchError, SearchIncomplete
from ..model import FoundItem
from ..operations.operation import Operation
from ..operations.resource import Resource
from ..runs.options import Options
from ..runs.sources import LEFT_OUT, SearchSource, account_of, count_missing, missing_words
from ..search.endpoints import endpoint_for
from ..search.names import WorkspaceNames
from ..search.paginator import EndpointSource
from .execute import opened, options_of
from .flags import Safety, Selection, Shown, Speed
from .select import select
from .spreadsheet import read_rows
from .stdout import emit, note

_SHOWN = 25
_FIELDS = (
    "id", "state", "admin_assignee_id", "team_assignee_id", "priority", "title", "created_at", "updated_at",
    "snoozed_until", "role", "name", "external_id", "company_id", "category", "open",
)


class _Looking(Operation):
    """Nothing is done."""

    def perform(self, client: Any, item: Any, now: Any = None) -> None:
        """Nothing."""


def find(resource: Resource, flags: Selection, output: Shown, speed: Speed) -> int:
    """Show which items a selection finds; all of them, where Intercom has no search for the resource."""
    options: Options = options_of(Safety(), speed, flags.limit)
    with opened(options, output) as (session, names):
        if not resource.search:
            source = EndpointSource(session.client, session.stop, endpoint_for(resource.listing))
            listed = SearchSource(source, lambda item: str(item["id"]), lambda item: None, session.client.server_time)
            found = _Found()
            found.items = _searched(listed, found)
            return _show(resource.name, found, flags.limit, output, names)
        session.workspace()
        rows = None if flags.csv is None else [FoundItem(row.id) for row in read_rows(flags.csv, flags.id_column, resource.name).rows]
        selected = select(flags, resource.name, session, names, _Looking(), options, rows)
        found = _Found(selected.selection["words"], frozenset(selected.selection.get("exclude") or ()))
        if isinstance(selected.feed, SearchSource):
            found.items = _searched(selected.feed, found)
        else:
            ids = (item.id for batch, _ in selected.feed.batches({}) for item in batch)
            found.items = (session.look(item_path(resource.name, i)) for i in ids)
        return _show(resource.name, found, flags.limit, output, names)


@dataclass(slots=True)
class _Found:
    """What a selection finds: its items as they come, and how the search for them goes."""

    words: str = ""
    left_out: frozenset[str] = frozenset()
    items: Iterable[Mapping[str, Any]] = ()
    search: dict[str, Any] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    """The ids of all items that the search has shown."""


def _show(resource: str, found: _Found, limit: int | None, output: Shown, names: WorkspaceNames) -> int:
    search = found.search
    cut = limit if limit is not None else (None if output.json or output.jsonl or not sys.stdout.isatty() else _SHOWN)
    kept: list[dict[str, Any]] = []
    seen: set[str] = set()
    for item in found.items:
        identity = str(item.get("id"))
        if identity in found.left_out or identity in seen:
            continue
        seen.add(identity)
        told = _told(item)
        if output.jsonl:
            emit(json_.dumps(told) + "\n")
        else:
            kept.append(dict(item) if not output.json else told)
        if len(seen) == cut:
            search["cut"] = True
            break
    search |= count_missing(search, len(found.known))
    total = account_of(search, len(found.known))["total"]
    if search["missing"] and not seen:
        raise SearchError(f"Intercom said that {total} {resource} match, and listed none.")
    code = SearchIncomplete.exit_code if search["missing"] else 3 if search.get("unusable") else 0
    if output.data:
        aside = {name: search[name] for name in LEFT_OUT if search.get(name)}
        more = search.get("cut") and isinstance(total, int) and total > len(found.known)
        complete = not search["missing"] and bool(seen or not search.get("unusable")) and not more
        about = {"selection": found.words, "total": total} if found.words else {}
        _report(output, {"resource": resource, **about, "count": len(seen), "complete": complete, **aside}, kept, code)
    else:
        _table(kept, resource, names)
        of = f" of {total:,}" if isinstance(total, int) and total > len(seen) else ""
        if not output.quiet:
            from ..report.texts import left_out_words
            from ..terminal.formatting import one

            noun = one(resource) if len(seen) == 1 and not of else resource
            note(f"{len(seen):,}{of} {noun}{' where ' if found.words else ''}{found.words}")
            for said in left_out_words({**search, "missing": 0}):
                note(said)
    if search["missing"]:
        note(f"{missing_words(search)}.")
    return code


def _searched(feed: SearchSource, found: _Found) -> Iterator[Mapping[str, Any]]:
    """The items of a search, which is asked a second time where it shows less than it announces."""
    for _ in range(2):
        for entries, state in feed.entries(found.search):
            found.search.update(state)
            found.known.update(key for key, _ in entries)
            yield from (payload for _, payload in entries)
        if not count_missing(found.search, len(found.known))["missing"]:
            return


def _report(output: Shown, said: dict[str, Any], items: list[dict[str, Any]], code: int = 0) -> None:
    """What was found, for programs: one object; or its end, behind a line for each item."""
    from ..terminal.json_lines import done_line

    report = {"schema": "find/1", "ok": not code, "exit": code, **said}
    emit(done_line({**report, "run": None}, said["count"] + 1) if output.jsonl else json_.dumps({**report, "items": items}) + "\n")


def _told(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item for programs: what it is and how it stands; no message bodies, no e-mail addresses."""
    tags = (item.get("tags") or {}).get("tags") or (item.get("tags") or {}).get("data") or []
    told = {k: item[k] for k in _FIELDS if k in item}
    told["id"] = str(item.get("id"))
    if tags:
        told["tags"] = [{"id": str(t.get("id")), "name": t.get("name")} for t in tags]
    return told


def _table(items: list[dict[str, Any]], resource: str, names: WorkspaceNames | None = None) -> None:
    from ..terminal.search_table import findings_table
    from .show import out

    # For people, also where they read through a pipe: programs take --json or --jsonl, which have the ids.
    out(findings_table(items, resource, names=None if names is None else _assigned(items, names)))


def _assigned(items: list[dict[str, Any]], names: WorkspaceNames) -> dict[str, str]:
    """What the teams and admins are called that items are assigned to, by `team 5001`. One that has no name keeps its number."""
    found: dict[str, str] = {}
    for kind, key in (("team", "team_assignee_id"), ("admin", "admin_assignee_id")):
        for who in {str(item.get(key) or "0") for item in items} - {"0"}:
            with suppress(IntercomBulkError):  # a name is decoration
                found[f"{kind} {who}"] = names.by_id(kind, who).name
    return found
