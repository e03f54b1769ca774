"""`find`: what a selection finds. Never writes."""

from __future__ import annotations

import json as json_
import sys
from contextlib import suppress
from typing import Any

from ..errors import IntercomBulkError, SearchError, SearchIncomplete
from ..operations.resource import Resource
from ..runs.options import Options
from ..runs.sources import account_of, count_missing, left_out, missing_words
from ..search.names import WorkspaceNames
from ..service.find import Found, list_all, row_of
from ..service.find import find as find_items
from .execute import asked_of, opened, options_of
from .flags import Safety, Selection, Shown, Speed
from .stdout import emit, note

_SHOWN = 25


def find(resource: Resource, flags: Selection, output: Shown, speed: Speed) -> int:
    """Show which items a selection finds; without one all of them, where Intercom has no search."""
    options: Options = options_of(Safety(), speed, flags.limit)
    with opened(options, output) as (session, names):
        asked = asked_of(flags)
        if resource.search or asked.given:
            found = find_items(session, names, resource.name, asked, options, note)
        else:
            found = list_all(session, resource)
        return _show(resource.name, found, flags.limit, output, names)


def _show(resource: str, found: Found, limit: int | None, output: Shown, names: WorkspaceNames) -> int:
    search = found.search
    cut = limit if limit is not None else (None if output.json or output.jsonl or not sys.stdout.isatty() else _SHOWN)
    kept: list[dict[str, Any]] = []
    seen = 0
    for item in found.once():
        seen += 1
        told = row_of(item)
        if output.jsonl:
            emit(json_.dumps(told) + "\n")
        else:
            kept.append(dict(item) if not output.json else told)
        if seen == cut:
            search["cut"] = True
            break
    search |= count_missing(search, len(found.known))
    total = account_of(search, len(found.known))["total"]
    if search["missing"] and not seen:
        raise SearchError(f"Intercom said that {total} {resource} match, and listed none.")
    code = SearchIncomplete.exit_code if search["missing"] else 3 if search.get("unusable") else 0
    if output.data:
        aside = left_out(search)
        more = search.get("cut") and isinstance(total, int) and total > len(found.known)
        complete = not search["missing"] and bool(seen or not search.get("unusable")) and not more
        about = {"selection": found.words, "total": total} if found.words else {}
        _report(output, {"resource": resource, **about, "count": seen, "complete": complete, **aside}, kept, code)
    else:
        _table(kept, resource, names)
        of = f" of {total:,}" if isinstance(total, int) and total > seen else ""
        if not output.quiet:
            from ..report.texts import left_out_words
            from ..terminal.formatting import one

            noun = one(resource) if seen == 1 and not of else resource
            note(f"{seen:,}{of} {noun}{' where ' if found.words else ''}{found.words}")
            for said in left_out_words({**search, "missing": 0}):
                note(said)
    if search["missing"]:
        note(f"{missing_words(search)}.")
    return code


def _report(output: Shown, said: dict[str, Any], items: list[dict[str, Any]], code: int = 0) -> None:
    """What was found, for programs: one object; or its end, behind a line for each item."""
    from ..terminal.json_lines import done_line

    report = {"schema": "find/1", "ok": not code, "exit": code, **said}
    emit(done_line({**report, "run": None}, said["count"] + 1) if output.jsonl else json_.dumps({**report, "items": items}) + "\n")


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
