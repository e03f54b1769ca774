"""A person's updater with its parameters and a selection: the beginning of a run, for the command and for Python.

Step 1 of the life of an item. The twin of service.verbs, for code that the catalogue does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..api.redact import keep_private
from ..errors import UsageError
from ..model import FoundItem
from ..operations.per_item import WITH
from ..operations.resource import resources
from ..parsing.finite import finite_json
from ..runs.options import Options
from ..runs.session import Session
from ..search.endpoints import endpoint_for
from ..search.names import WorkspaceNames
from ..service.consent import Consent
from ..service.each import listing
from ..service.notes import Note, ignore
from ..service.row_references import Row, Rows, resolve_rows
from ..service.selection import Selected, Selection, leave_out, one_way
from ..service.selection import select as select_asked
from ..service.spreadsheet import checked_places, drop_repeats, fill, places, read_rows
from ..service.work import Work
from .adapter import UpdaterOperation
from .arguments import check_typed
from .bulk_process import begin, feed_of, kind_of, resource_of
from .bulk_process import select as select_by
from .calls import complete, endpoint_of, refuse_while_importing
from .coercion import annotated, coerce
from .function import updater_of
from .loading import made
from .updater import IntercomBulkUpdater


@dataclass(frozen=True, kw_only=True)
class UpdaterRequest:
    """An updater's class, or a function with `@operation`, with its parameters as they were given, and its items.

    A selection that is given stands in place of the updater's own search. `cap`: see service.verbs.
    """

    verb: object
    parameters: Mapping[str, Any]
    selection: Selection
    options: Options
    consent: Consent
    plan: Path | None = None
    cap: int | None = None
    note: Note = ignore

    def check(self) -> CheckedUpdater:
        """Check all that can be checked without a request. Raises UsageError."""
        cls = updater_of(self.verb)
        if cls is None:
            what = getattr(self.verb, "__name__", repr(self.verb))
            raise UsageError(
                f"{what} is no operation: give the name of a verb, a subclass of IntercomBulkUpdater, or a function with @operation."
            )
        keep_private(self.parameters)
        finds = cls.get_search_query is not IntercomBulkUpdater.get_search_query
        one_way(self.selection, "items", self.options, least=0 if finds else 1)
        check_typed(cls, self.parameters, python=self.options.python)
        return CheckedUpdater(self, cls, read_parameters(cls, self.parameters, self.options))


@dataclass(frozen=True)
class CheckedUpdater:
    """A request whose parameters are what the updater's annotations want."""

    request: UpdaterRequest
    cls: type[IntercomBulkUpdater]
    params: Mapping[str, Any]

    def begin(self, session: Session, names: WorkspaceNames) -> Work:
        """The run of the request, in the journal and ready to be done. Raises UsageError, SafetyStop."""
        asked = self.request
        selection, options = asked.selection, asked.options
        updater = made(self.cls, session.settings, session)
        refuse_while_importing(updater)
        rows = None
        if selection.csv is not None:
            rows = read_rows(selection.csv, selection.id_column, kind_of(updater), options=options, note=asked.note)
        wanted = checked_places(asked.parameters, rows, options)
        if rows is not None:
            rows.say_otherwise(wanted, asked.note)
        complete(updater, self.params, searches=not selection.given, typed=not options.python)
        session.client.admin_id = updater._admin_id or session.workspace().admin_id
        operation = UpdaterOperation(updater, self.params)
        if operation.only_reads:
            options = replace(options, ask=False, verify="none")
        selected = self._selected(updater, operation, rows, session, names, options)
        if not options.dry_run:
            asked.consent.check(operation, options)
        capped = asked.cap is not None and not (operation.only_reads or options.expect or options.max)
        if selected.selection["kind"] == "query" and capped:
            options = replace(options, cap=asked.cap)
        return begin(updater, session, operation, selected.selection, selected.feed, options, asked.plan)

    def _selected(
        self, updater: IntercomBulkUpdater, operation: UpdaterOperation, rows: Rows | None, session: Session, names: WorkspaceNames,
        options: Options,
    ) -> Selected:  # fmt: skip
        """The items that were asked for, or else those of the updater's own search."""
        asked, note, typed = self.request.selection, self.request.note, not options.python
        if not asked.given:
            selection = select_by(updater, self.params, typed=typed)
            leave_out(asked, selection, kind_of(updater), session, options, note)
            return Selected(selection, feed_of(updater, operation, session, selection, options))
        if rows is not None:
            rows = drop_repeats(resolve_rows(rows, kind_of(updater), session), kind_of(updater), note)
        items = None if rows is None else [FoundItem(row.id, None, {WITH: self._of_row(row, rows)}) for row in rows.rows]
        own = select_by(updater, self.params, [], typed=typed)
        if asked.where is not None and asked.from_run is None and resource_of(updater) not in resources():
            selection, _ = listing(endpoint_for(endpoint_of(updater)), asked.where, session, names, options)
            selection["updater"] = own["updater"]
            leave_out(asked, selection, kind_of(updater), session, options, note)
            return Selected(selection, feed_of(updater, operation, session, selection, options))
        found = select_asked(asked, resource_of(updater), session, names, operation, options, items, note, rows.read if rows else 0)
        selection = {**found.selection, "updater": own["updater"]}
        if selection["kind"] == "query":
            return Selected(selection, feed_of(updater, operation, session, selection, options))
        return Selected(selection, found.feed)

    def _of_row(self, row: Row, rows: Rows) -> dict[str, Any]:
        """The parameters of a row, as text. Raises UsageError, naming the line, for one that is not what the updater wants."""
        filled: dict[str, Any] = fill(self.params, row.cells)
        try:
            coerce(self.cls, filled)
        except UsageError as exc:
            raise UsageError(f"{rows.place(row)}: {exc.message}") from exc
        return filled


def read_parameters(cls: type, given: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Parameters as the updater's annotations want them; what is typed and has none is JSON if it reads so, and text otherwise."""
    known = annotated(cls)
    params: dict[str, Any] = {}
    for name, value in given.items():
        if places(value):
            params[name] = value  # what stands in the cells is read row by row
        elif name not in known and not options.python:
            params[name] = _plain(value)
        else:
            try:
                params |= coerce(cls, {name: value})
            except UsageError as exc:
                raise UsageError(f"{'' if options.python else '--param '}{exc.message}") from exc
    return params


def _plain(value: str) -> Any:
    try:
        # true, null and quoted JSON are taken for what they are; ids stay text, as the API has them.
        parsed = finite_json(value)
        return parsed if isinstance(parsed, bool | dict | list | str | type(None)) else value
    except ValueError:
        return value
