"""`find`: what a search found, as a table. Names and first words to recognise an item by; no e-mail addresses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .formatting import ago, number, shorten, subject, without_addresses
from .table import Sheet

Item = Mapping[str, Any]
WorkspaceNames = Mapping[str, str]


def findings_table(items: Iterable[Item], resource: str, *, names: WorkspaceNames | None = None, now: float | None = None) -> Sheet:
    """The items of a search, as Intercom's JSON gave them.

    Parameters
    ----------
    resource:
        "conversations", "contacts", "companies", "tickets"; anything else shows ids.
    names:
        Team and admin ids to names, where they are known.
    """
    at = time.time() if now is None else now
    columns = _COLUMNS.get(resource, _OTHERS)
    sheet = Sheet(tuple(columns), flex=list(columns)[-1], empty="Nothing matched.")
    for item in items:
        sheet.rows.append([_safe(show(item, names or {}, at)) for show in columns.values()])
    return sheet


def _safe(cell: str) -> str:
    return shorten(without_addresses(cell), 60)


def _text(*path: str) -> Callable[[Item, WorkspaceNames, float], str]:
    def show(item: Item, names: WorkspaceNames, at: float) -> str:
        value: Any = item
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return "" if value is None else str(value)

    return show


def _updated(item: Item, names: WorkspaceNames, at: float) -> str:
    when = item.get("updated_at")
    return ago(float(when), at) if isinstance(when, int | float) else "-"


def _assignee(item: Item, names: WorkspaceNames, at: float) -> str:
    said = []
    for kind, key in (("team", "team_assignee_id"), ("admin", "admin_assignee_id")):
        who = item.get(key)
        if who not in (None, "", 0, "0"):
            said.append(names.get(str(who)) or f"{kind} {who}")
    return ", ".join(said) or "nobody"


def _about(item: Item, names: WorkspaceNames, at: float) -> str:
    source = item.get("source")
    told = source if isinstance(source, Mapping) else {}
    return subject(item.get("title") or told.get("subject")) or subject(told.get("body"))


def _ticket(item: Item, names: WorkspaceNames, at: float) -> str:
    told = item.get("ticket_attributes")
    return subject((told if isinstance(told, Mapping) else {}).get("_default_title_"))


def _ticket_state(item: Item, names: WorkspaceNames, at: float) -> str:
    state = item.get("ticket_state")
    if isinstance(state, Mapping):
        return str(state.get("internal_label") or state.get("category") or "")
    return str(state or "")


def _users(item: Item, names: WorkspaceNames, at: float) -> str:
    count = item.get("user_count")
    return number(count) if isinstance(count, int) else ""


_OTHERS: dict[str, Callable[[Item, WorkspaceNames, float], str]] = {"id": _text("id"), "updated": _updated}
_COLUMNS: dict[str, dict[str, Callable[[Item, WorkspaceNames, float], str]]] = {
    "conversations": {
        "id": _text("id"),
        "state": _text("state"),
        "assigned to": _assignee,
        "updated": _updated,
        "about": _about,
    },
    "contacts": {
        "id": _text("id"),
        "role": _text("role"),
        "external id": _text("external_id"),
        "updated": _updated,
        "name": _text("name"),
    },
    "companies": {
        "id": _text("id"),
        "company id": _text("company_id"),
        "users": _users,
        "updated": _updated,
        "name": _text("name"),
    },
    "tickets": {
        "id": _text("id"),
        "state": _ticket_state,
        "type": _text("ticket_type", "name"),
        "assigned to": _assignee,
        "updated": _updated,
        "about": _ticket,
    },
}
