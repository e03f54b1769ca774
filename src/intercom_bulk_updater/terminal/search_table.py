"""`find`: what a search found, as a table. Names and first words to recognise an item by; no e-mail addresses."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..operations.resource import UPDATED, Column, resources, value_at
from ..parsing.dates import zone as zone_of
from ..report.formatting import ago, number, shorten, subject, without_addresses
from ..report.table_file import NUMBERS, TableColumn, shown_cell
from .table import Sheet

Item = Mapping[str, Any]
WorkspaceNames = Mapping[str, str]


def findings_table(items: Iterable[Item], resource: str, *, names: WorkspaceNames | None = None, now: float | None = None) -> Sheet:
    """The items of a search, as Intercom's JSON gave them.

    Parameters
    ----------
    resource:
        A declared resource, which says what its columns are; anything else shows ids.
    names:
        `team 5001` and `admin 7` to names, where they are known.
    """
    at = time.time() if now is None else now
    columns = resources()[resource].columns if resource in resources() else _OTHERS
    sheet = Sheet(tuple(column.title for column in columns), flex=columns[-1].title, empty="Nothing matched.")
    for item in items:
        sheet.rows.append([_safe(_show(column, item, names or {}, at)) for column in columns])
    return sheet


def chosen_table(rows: Iterable[Item], columns: Sequence[TableColumn], zone: str) -> Sheet:
    """Rows of chosen columns; what a person asked for by its name is shown, e-mail addresses too."""
    clock = zone_of(zone)
    numeric = tuple(one.name for one in columns if one.kind in NUMBERS)
    sheet = Sheet(tuple(one.name for one in columns), numeric=numeric, flex=columns[-1].name, empty="Nothing matched.")
    for row in rows:
        sheet.rows.append([shown_cell(one, row.get(one.name), clock) for one in columns])
    return sheet


def _safe(cell: str) -> str:
    return shorten(without_addresses(cell), 60)


def _show(column: Column, item: Item, names: WorkspaceNames, at: float) -> str:
    if column.format == "assignee":
        return _assignee(item, names)
    values = [value for path in column.paths if not isinstance(value := value_at(item, path), Mapping | list | None)]
    if column.format == "subject":
        return next((said for value in values if (said := subject(value))), "")
    value = next((value for value in values if value != ""), "")
    if column.format == "ago":
        return ago(float(value), at) if isinstance(value, int | float) else "-"
    if column.format == "number":
        return number(value) if isinstance(value, int) else ""
    return str(value)


def _assignee(item: Item, names: WorkspaceNames) -> str:
    said = []
    for kind, key in (("team", "team_assignee_id"), ("admin", "admin_assignee_id")):
        who = item.get(key)
        if who not in (None, "", 0, "0"):
            said.append(names.get(f"{kind} {who}") or f"{kind} {who}")
    return ", ".join(said) or "nobody"


_OTHERS = (Column("id", ("id",)), UPDATED)
