"""`find`: what a selection finds, as a table, as data, or as a file. Never writes to Intercom."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import IntercomBulkError, SearchError, SearchIncomplete
from ..operations.resource import Resource
from ..runs.options import Options
from ..runs.session import Session
from ..runs.sources import account_of, count_missing, left_out, missing_words
from ..search.company_names import MOST_REQUESTS
from ..search.endpoints import Paging, endpoint_for
from ..search.names import WorkspaceNames
from ..service.contact_names import with_contact_names
from ..service.find import Found, count, explained, gone_words, row_of
from ..service.find import find as find_items
from .execute import asked_of, opened, options_of, remarks
from .flags import Listing, Safety, Selection, Shown, Speed
from .memory import end_start
from .stdout import emit, note

_SHOWN = 25
_HELP = ["help"]


def find(resource: Resource, flags: Selection, listing: Listing, output: Shown, speed: Speed) -> int:
    """Show which items a selection finds; without one all of them, where Intercom has no search."""
    if listing.chosen == _HELP:
        return _say_columns(resource, output)
    options: Options = options_of(Safety(), speed, flags.limit)
    if listing.output:
        _check_file(listing.output)
    with opened(options, output) as (session, names):
        end_start()
        found = find_items(session, names, resource.name, asked_of(flags), options, remarks(output), counting=listing.count)
        if listing.explain:
            return _explain(explained(found, resource.name, options), searches=bool(resource.search), output=output)
        if listing.count:
            return _count(resource, found, flags.limit, output)
        return _List(resource, found, flags.limit, listing, output, session, names).show()


def _check_file(path: str) -> None:
    from ..report.table_file import ENDINGS, format_of
    from .output import writable

    writable(path, "--output", ENDINGS)
    format_of(Path(path))


def _say_columns(resource: Resource, output: Shown) -> int:
    from ..service.columns import describe_columns
    from ..terminal.table import Sheet
    from .show import out

    told = describe_columns(resource)
    if output.data:
        columns = [{"name": name, "holds": holds} for name, holds in told]
        emit(json_.dumps({"schema": "columns/1", "ok": True, "exit": 0, "columns": columns}) + "\n")
    else:
        out(Sheet(("column", "what it holds"), list(told), flex="what it holds"))
    return 0


def _explain(told: Mapping[str, Any], *, searches: bool, output: Shown) -> int:
    """What would be asked, and in words what that means; nothing is searched."""
    if output.data:
        emit(json_.dumps({"schema": "explain/1", "ok": True, "exit": 0, **told}) + "\n")
        return 0
    endpoint, query, reading = told["endpoint"], told["query"], told.get("reading")
    emit(f"{told['resource']}: {told['selection']}\n")
    if endpoint:
        emit(f"asks {endpoint}{'' if query is None else ' for' if searches else ' for all of them, and judges here'}\n")
    if query is not None:
        emit(json_.dumps(query, indent=2, ensure_ascii=False) + "\n")
    if here := told.get("here"):
        emit("and judges here, on each that is found:\n" + json_.dumps(here, indent=2, ensure_ascii=False) + "\n")
    if reading:
        parts = "a selection of more than 20 pages is divided by created_at, and its parts are read at the same time"
        if endpoint_for(endpoint).paging is Paging.NUMBER:
            parts = "of more than 20, several at the same time, by their numbers"
        emit(f"reads page after page{f'; {parts}' if reading['parts'] else ''}")
        emit(f": {reading['why']}\n" if "why" in reading else "\n")
    return 0


def _count(resource: Resource, found: Found, limit: int | None, output: Shown) -> int:
    total = count(found)
    total = total if limit is None else min(total, limit)
    code = 3 if found.gone else 0
    told = {"schema": "find/1", "ok": not code, "exit": code, "resource": resource.name, "selection": found.words, "count": total}
    told |= {"gone": found.gone} if found.gone else {}
    emit(json_.dumps(told) + "\n" if output.data else f"{total}\n")
    if found.gone:
        note(f"{gone_words(found.gone, resource.name)}.")
    return code


class _List:
    """The items of a selection on their way to where they are wanted, with the account of the search."""

    def __init__(
        self, resource: Resource, found: Found, limit: int | None, listing: Listing, output: Shown, session: Session, names: WorkspaceNames
    ) -> None:
        self._resource, self._found, self._limit, self._output, self._names = resource.name, found, limit, output, names
        self._file = listing.output
        self._columns = None
        self._session = session
        self._seen = 0
        if listing.output or listing.chosen is not None:
            from ..service.columns import Columns

            self._zone = session.workspace().timezone
            people = not listing.output.endswith(".jsonl") if listing.output else not output.data
            self._columns = Columns(resource, listing.chosen, names, session.workspace(), people=people)

    def show(self) -> int:
        """Read the items, give them out, and say how the search went. Returns the exit code."""
        output, search, known = self._output, self._found.search, self._found.known
        kept = self._give()
        search |= count_missing(search, len(known))
        total = self._seen if self._found.uncounted else account_of(search, len(known))["total"]
        if search["missing"] and not self._seen:
            raise SearchError(f"Intercom said that {total} {self._resource} match, and listed none.")
        gone = self._found.gone
        code = SearchIncomplete.exit_code if search["missing"] else 3 if gone or search.get("unusable") else 0
        if output.data:
            aside = left_out(search)
            more = search.get("cut") and (self._found.uncounted or (isinstance(total, int) and total > len(known)))
            complete = not search["missing"] and not gone and bool(self._seen or not search.get("unusable")) and not more
            about = {"selection": self._found.words, "total": total} if self._found.words else {}
            file = {"file": self._file} if self._file else {}
            said = {"resource": self._resource, **about, "count": self._seen, "complete": complete, **file, **aside}
            said |= {"gone": gone} if gone else {}
            _report(output, said, kept, code)
        elif not output.quiet:
            self._say(total)
        if search["missing"]:
            note(f"{missing_words(search)}.")
        if gone:
            note(f"{gone_words(gone, self._resource)}.")
        if unnamed := len(self._names.companies.unnamed):
            shown = "company is shown by its id" if unnamed == 1 else "companies are shown by their ids"
            note(f"{unnamed:,} {shown}: names are read with {MOST_REQUESTS} requests at most.")
        return code

    def _give(self) -> list[dict[str, Any]]:
        """Write the items to the file, or print them; those that `--json` has in its one object are returned."""
        output = self._output
        if self._file and self._columns is not None:
            from ..report.table_file import format_of, write_table_file

            path = Path(self._file)
            made = self._columns.row if format_of(path) == "jsonl" else self._columns.cells
            write_table_file(path, self._columns.table(), map(made, self._named()), zone=self._zone)
            return []
        row = row_of if self._columns is None else self._columns.row
        if output.jsonl:
            for item in self._named():
                emit(json_.dumps(row(item)) + "\n")
            return []
        if output.json:
            return [row(item) for item in self._named()]
        if self._columns is None:
            _table([dict(item) for item in self._items()], self._resource, self._names)
        else:
            from ..terminal.search_table import chosen_table
            from .show import out

            out(chosen_table(map(self._columns.cells, self._named()), self._columns.table(), self._zone))
        return []

    def _named(self) -> Iterator[Mapping[str, Any]]:
        return with_contact_names(self._items(), self._columns, self._session, self._names)

    def _items(self) -> Iterator[Mapping[str, Any]]:
        whole = self._file or self._output.data or not sys.stdout.isatty()
        cut = self._limit if self._limit is not None or whole else _SHOWN
        for item in self._found.once():
            self._seen += 1
            yield item
            if self._seen == cut:
                self._found.search["cut"] = True
                return

    def _say(self, total: Any) -> None:
        from ..report.formatting import one
        from ..report.texts import left_out_words

        of = f" of {total:,}" if isinstance(total, int) and total > self._seen else ""
        noun = one(self._resource) if self._seen == 1 and not of else self._resource
        words, named = self._found.words, self._found.selection.get("kind") != "query"
        if named and words and not self._seen:
            note(f"There are no {noun} among {words}.")
        else:
            joined = (" among " if named else " where ") if words else ""
            note(f"{self._seen:,}{of} {noun}{joined}{words}")
        for said in left_out_words({**self._found.search, "missing": 0}):
            note(said)
        if self._file:
            note(f"Written: {self._file}")


def _report(output: Shown, said: dict[str, Any], items: list[dict[str, Any]], code: int = 0) -> None:
    """What was found, for programs: one object; or its end, behind a line for each item."""
    from ..terminal.json_lines import done_line

    report = {"schema": "find/1", "ok": not code, "exit": code, **said}
    listed = {} if "file" in said else {"items": items}
    emit(done_line({**report, "run": None}, said["count"] + 1) if output.jsonl else json_.dumps({**report, **listed}) + "\n")


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
