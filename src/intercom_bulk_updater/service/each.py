"""One request for each item of any list: the beginning of such a run. Step 1 of the life of an item."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..api.redact import keep_private
from ..api.retry import RetryPolicy
from ..errors import IntercomBulkError, NotFound, UsageError
from ..model import FoundItem
from ..operations.each import Each
from ..operations.message_template import cell_of_message
from ..operations.per_item import WITH
from ..operations.resource import resources
from ..parsing.finite import finite_json
from ..parsing.identity import id_text
from ..runs.listing import listed
from ..runs.options import Options
from ..runs.session import Session
from ..search.endpoints import Endpoint, endpoint_for
from ..search.language.fields import types_shown
from ..search.language.where import compile_where, explain
from ..search.names import WorkspaceNames
from ..search.paginator import EndpointSource
from .consent import Consent
from .notes import Note, ignore
from .row_references import Rows, resolve_rows
from .selection import Selection, feed, one_way, select
from .spreadsheet import bare, drop_repeats, read_rows
from .work import Work, create_run

TYPES = ("text", "number", "boolean", "json")
"""What `--param-type NAME=TYPE` may make of a column."""


@dataclass(frozen=True, kw_only=True)
class EachRequest:
    """A request for each item of `endpoint`; without a selection, for all that it lists.

    `types`: what the columns of a spreadsheet are, where they are no text: {"seats": "number"}.
    """

    endpoint: str
    operation: Each
    selection: Selection
    options: Options
    consent: Consent
    types: Mapping[str, str]
    plan: Path | None = None
    cap: int | None = None
    note: Note = ignore

    def check(self) -> EachRequest:
        """Check all that can be checked without a request. Raises UsageError."""
        end, asked, options = self._endpoint(), self.selection, self.options
        one_way(asked, end.resource, options, least=0)
        if asked.where is not None and asked.from_run is not None:
            raise UsageError(f"Of a list, {options.word('from_run')} takes the items as they were; leave {options.word('where')} out.")
        if asked.query is not None:
            raise UsageError(f"{options.word('query')} is for what Intercom searches; a list is judged here, by {options.word('where')}.")
        for name in self.types:
            if asked.csv is None or name not in self.operation.places:
                there = ", ".join(self.operation.places) or "none"
                raise UsageError(
                    f"{'types' if options.python else '--param-type'}: {name!r} is no column of {options.word('csv')} that the request has "
                    f"a place for. Its places are: {there}."
                )
        return replace(self, operation=self.operation.of_list(end.path, end.resource))

    def begin(self, session: Session, names: WorkspaceNames) -> Work:
        """The run of the request, in the journal and ready to be done. Raises UsageError, SafetyStop."""
        end, asked, options = self._endpoint(), self.selection, self.options
        keep_private({"body": self.operation.body})
        session.workspace()
        rows = None
        if asked.csv is not None:
            subject = self.operation.subject or end.resource
            sheet = read_rows(asked.csv, asked.id_column, subject, options=options, note=self.note)
            rows = drop_repeats(resolve_rows(sheet, subject, session), subject, self.note)
            self._check_places([*rows.columns, "id"], f"the columns of {rows.path}")
            rows.say_otherwise(self.operation.places, self.note)
        elif asked.given and asked.where is None:
            self._check_places(["id"], "the ids")
        if not options.dry_run:
            self.consent.check(self.operation, options)
        name = f"{end.resource.replace(' ', '_')}.{self.operation.name}"
        if asked.where is None and asked.given:
            items = None if rows is None else list(self._items(rows))
            found = select(asked, end.resource, session, names, self.operation, options, items, self.note, rows.read if rows else 0)
            selection, source = found.selection, found.feed
        else:
            if end.searches:
                selection = self._searched(end, session, names)
            else:
                selection = self._listing(end, session, names)
            source = feed(selection, session, self.operation, options)
            if self.cap is not None and not (options.expect or options.max):
                options = replace(options, cap=self.cap)
        run = create_run(session, self.operation, name, "run", {**selection, "operation": name}, options)
        return Work(session, run, self.operation, source, options, plan=self.plan)

    def _endpoint(self) -> Endpoint:
        searched = resources().get(self.endpoint.strip(" /"))
        if searched is not None and not searched.listing:
            return endpoint_for(searched.search)
        end = endpoint_for(self.endpoint, asked_by="each", searches=False)
        if end.searches:
            raise UsageError(f"{end.path} is a search; name the list, such as {end.path.removesuffix('/search')}.")
        return end

    def _searched(self, end: Endpoint, session: Session, names: WorkspaceNames) -> dict[str, Any]:
        """Of what has no list, what a search finds; without `where` all of it, for each of it was created some time."""
        asked = self.selection
        every = asked if asked.where is not None else replace(asked, where="created_at > 1970-01-02")
        selection = dict(select(every, end.resource, session, names, self.operation, self.options, note=self.note).selection)
        first = next(iter(EndpointSource(session.client, session.stop, end, selection["query"], page_size=1).pages()), None)
        if first is not None and first.items:
            self._check_places(["id"], f"what Intercom shows of {end.resource}", also=first.items)
        return selection if every is asked else {**selection, "words": f"all {end.resource}", "where": ""}

    def _listing(self, end: Endpoint, session: Session, names: WorkspaceNames) -> dict[str, Any]:
        """The whole list, or what of it `where` lets through."""
        selection, first = listing(end, self.selection.where, session, names, self.options)
        nameless = sum(not id_text(item.get("id")) for item in first)
        if nameless:
            self.note(f"{nameless:,} of the first {len(first):,} {end.resource} have no id, and are left out.")
        if first:
            self._check_places(["id", *selection["shown"]], f"what Intercom lists of {end.resource}", also=first)
        return selection

    def _check_places(self, known: Iterable[str], where: str, also: Iterable[Mapping[str, Any]] = ()) -> None:
        fields = dict.fromkeys(known)
        fields |= dict.fromkeys(name for item in also for name in item)
        for name in self.operation.places:
            if name not in fields and name.partition(".")[0] not in fields:
                near = difflib.get_close_matches(name, fields, 1, 0.5)
                meant = f" Do you mean {{{{{near[0]}}}}}?" if near else ""
                raise UsageError(f"{{{{{name}}}}} is none of {where}.{meant} There is: {', '.join(fields)}.")

    def _items(self, rows: Rows) -> Iterable[FoundItem]:
        wanted = [name for name in self.operation.places if name in rows.columns]
        for row in rows.rows:
            where = rows.place(row)
            cells = {name: self._typed(name, self._cell(name, row.cells[name], where), where) for name in wanted}
            yield FoundItem(row.id, None, {WITH: cells})

    def _cell(self, name: str, cell: str, where: str) -> str:
        try:
            return cell_of_message(name, bare(cell)) if self.operation.writes_text else bare(cell)
        except UsageError as exc:
            raise UsageError(f"{where}: {exc.message}") from exc

    def _typed(self, name: str, text: str, where: str) -> Any:
        kind = self.types.get(name, "text")
        if kind == "text" or not text:
            return text
        try:
            if kind == "boolean":
                return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
            value = finite_json(text)
        except (KeyError, ValueError):
            raise UsageError(f"{where}: {text!r} in {name} is no {kind}.") from None
        if kind == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise UsageError(f"{where}: {text!r} in {name} is not a number.")
        return value


def listing(
    end: Endpoint, where: str | None, session: Session, names: WorkspaceNames, options: Options
) -> tuple[dict[str, Any], Sequence[Mapping[str, Any]]]:
    """The selection of a whole list, or of what of it `where` lets through, and the first page, by whose fields that is judged here."""
    known = resources().get(end.resource)
    # A scroll that is looked into would be open when the run begins its own, and Intercom has one at a time: their list shows the same.
    seen = endpoint_for(known.listing) if known is not None and known.scroll == end.path else end
    source = EndpointSource(session.client, session.stop, seen, retry=RetryPolicy(options.retries), timeout=options.timeout)
    try:
        first = next(iter(source.pages()), None)
    except IntercomBulkError as exc:
        if isinstance(exc.__cause__ or exc, NotFound):
            raise UsageError(f"Intercom has no list {end.path!r}, or none of that id: it answered 404.") from exc
        raise
    items = first.items if first is not None else ()
    selection: dict[str, Any] = {
        "kind": "query", "endpoint": end.path, "resource": end.resource, "shown": types_shown(items), "query": {},
        "words": f"all {end.resource}", "where": where or "",
    }
    if where is not None:
        zone = session.workspace().timezone or "UTC"
        query = compile_where(where, listed(selection).name, now=session.client.server_time(), timezone=zone)
        words = explain(query, listed(selection).name, names, timezone=zone)
        selection |= {"query": query, "words": f"{end.resource}: {words} (all are listed and judged here)"}
    return selection, items


def known_types(given: Mapping[str, str]) -> Mapping[str, str]:
    """What the columns of a spreadsheet are. Raises UsageError for a type that there is not."""
    for name, kind in given.items():
        if kind not in TYPES:
            raise UsageError(f"types: {name} is one of {', '.join(TYPES)}, not {kind!r}.")
    return given


def types_given(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=TYPE` texts as a mapping. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, kind = text.partition("=")
        if not equals or not name.strip() or kind.strip() not in TYPES:
            raise UsageError(f"{text!r} is not NAME=TYPE, of which TYPE is one of {', '.join(TYPES)}.")
        found[name.strip()] = kind.strip()
    return found

