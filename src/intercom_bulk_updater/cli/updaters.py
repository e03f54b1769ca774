"""`intercom-bulk run FILE.py:Class`: a person's own updater, with all the same flags."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ..api.redact import keep_private
from ..errors import UsageError
from ..model import FoundItem
from ..operations.per_item import WITH
from ..runs.options import Options
from ..runs.session import Session
from ..runs.sources import ItemSource
from ..search.names import WorkspaceNames
from ..service.row_references import Row, Rows, resolve_rows
from ..service.selection import Selected, leave_out, one_way
from ..service.selection import Selection as Asked
from ..service.selection import select as select_asked
from ..service.spreadsheet import checked_places, drop_repeats, fill, places, read_rows
from ..updaters.adapter import UpdaterOperation
from ..updaters.arguments import check_typed
from ..updaters.bulk_process import begin, feed_of, kind_of, resource_of
from ..updaters.bulk_process import select as select_by
from ..updaters.calls import complete
from ..updaters.coercion import annotated, coerce
from ..updaters.loading import load_class, made
from ..updaters.updater import IntercomBulkUpdater
from .execute import TypedConsent, asked_of, cap_of, go, opened, options_of
from .flags import Output, Safety, Selection, Speed
from .stdout import note

_SEL, _SAFE, _SPEED, _OUT = Selection(), Safety(), Speed(), Output()


def run(
    target: Annotated[str, Parameter(help="FILE.py:Class or module:Class.")],
    *,
    param: Annotated[list[str] | None, Parameter(help="K=V, given to the updater; may be given again.", negative="")] = None,
    sel: Selection = _SEL, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT,
) -> int:
    """Run your own updater: a subclass of IntercomBulkUpdater. A selection that is given stands in place of its search."""
    typed = dict(_param(text) for text in param or [])
    keep_private(typed)
    options, asked = options_of(safe, speed, sel.limit), asked_of(sel)
    one_way(asked, "items", options, least=0)
    cls = load_class(target, here=True)
    check_typed(cls, typed)
    params = read_typed(cls, typed)
    with opened(options, out, safe) as (session, names):
        updater = made(cls)
        rows = None
        if sel.csv is not None:
            rows = read_rows(sel.csv, sel.id_column, kind_of(updater), note=note)
        checked_places(typed, rows)
        complete(updater, params, searches=not asked.given, typed=True)
        updater._session = session
        session.client.admin_id = updater._admin_id or session.workspace().admin_id
        operation = UpdaterOperation(updater, params)
        selected = _selected(updater, operation, params, asked, rows, session, names, options)
        if not options.dry_run:
            TypedConsent.of(safe).check(operation, options)
        cap = cap_of(safe)
        if selected.selection["kind"] == "query" and cap is not None and not (options.expect or options.max):
            options = replace(options, cap=cap)
        plan = Path(safe.plan) if safe.plan else None
        return go(begin(updater, session, operation, selected.selection, selected.feed, options, plan), safe, out)


def _selected(
    updater: IntercomBulkUpdater,
    operation: UpdaterOperation,
    params: dict[str, Any],
    asked: Asked,
    rows: Rows | None,
    session: Session,
    names: WorkspaceNames,
    options: Options,
) -> Selected:
    """The items of the flags, or else of the updater's own search."""
    if not asked.given:
        selection = select_by(updater, params, typed=True)
        leave_out(asked, selection, kind_of(updater), session, options, note)
        return Selected(selection, feed_of(updater, operation, session, selection, options))
    if rows is not None:
        rows = drop_repeats(resolve_rows(rows, kind_of(updater), session), kind_of(updater), note)
    items = None if rows is None else [FoundItem(row.id, None, {WITH: _of_row(type(updater), params, row, rows)}) for row in rows.rows]
    own = select_by(updater, params, [], typed=True)
    found = select_asked(asked, resource_of(updater), session, names, operation, options, items, note)
    selection = {**found.selection, "updater": own["updater"]}
    feed: ItemSource = found.feed
    if selection["kind"] == "query":
        feed = feed_of(updater, operation, session, selection, options)
    return Selected(selection, feed)


def _of_row(cls: type[IntercomBulkUpdater], params: dict[str, Any], row: Row, rows: Rows) -> dict[str, Any]:
    """The parameters of a row, as text. Raises UsageError, naming the line, for one that cannot be read as the updater wants it."""
    filled: dict[str, Any] = fill(params, row.cells)
    try:
        coerce(cls, filled)
    except UsageError as exc:
        raise UsageError(f"{rows.path}, {rows.unit} {row.line}: {exc.message}") from exc
    return filled


def _param(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise UsageError(f"--param {text!r} is not K=V, such as team_id=5001.")
    return key, value


def read_typed(cls: type, typed: dict[str, str]) -> dict[str, Any]:
    """Parameters as the updater's annotations want them; one that has none is JSON if it reads so, and text otherwise."""
    known = annotated(cls)
    params: dict[str, Any] = {}
    for name, text in typed.items():
        if places(text):
            params[name] = text  # what stands in the cells is read row by row
        elif name not in known:
            params[name] = _plain(text)
        else:
            try:
                params |= coerce(cls, {name: text})
            except UsageError as exc:
                raise UsageError(f"--param {exc.message}") from exc
    return params


def _plain(value: str) -> Any:
    try:
        # true, null and quoted JSON are taken for what they are; ids stay text, as the API has them.
        parsed = json.loads(value)
        return parsed if isinstance(parsed, bool | dict | list | str | type(None)) else value
    except ValueError:
        return value
