"""A change to an item in words for people: the text of previews, plans, reports and exports. Each is said once, here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..api.redact import is_secret
from ..operations.operation import Change
from ..parsing.dates import is_moment, local_moment

# What is before a field's name for Intercom alone.
_OF_WHAT = re.compile(r"^custom_attributes\.|^ticket_(attributes\.(_default)?)?")
KINDS = {"team_assignee_id": "team", "admin_assignee_id": "admin", "tags": "tag", "ticket_state": "ticket_state"}
"""Fields that hold an id, and what it is the id of."""
_LISTED = {"tags": "tag", "companies": "company", "subscriptions": "subscription", "linked": "conversation"}
"""Fields that are lists of ids; what one of them is."""
_FLAGS = {
    "archived": ("not archived", "archived"), "blocked": ("not blocked", "blocked"), "deleted": ("there", "deleted"),
    "exported": ("not exported", "exported"), "open": ("closed", "open"),
}  # fmt: skip
"""Fields that are yes or no; what an item is called that has them not, and that has them."""
Label = Callable[[str, str], str]
"""What the item of a kind ("team", "admin", "tag") with an id is called: `Support (5001)`."""


def words(change: Change | None, names: Mapping[str, str] | None = None, label: Label | None = None, *, moments: bool = True) -> str:
    """A change in words: `state: open -> closed`, `+tag incident (7004)`.

    Parameters
    ----------
    names:
        What the operation's own ids are called.
    label:
        Looks the others up, where the workspace can be asked.
    moments:
        Whether a time that ends by the change is named; without, changes that differ by it alone read alike.
    """
    if change is None:
        return "acted on (the change is not known beforehand)"
    if not change:
        return "already in the requested state"

    def called(name: str, value: Any) -> str:
        known = (names or {}).get(str(value))
        return known or (label(KINDS[name], str(value)) if label is not None and name in KINDS else str(value))

    said = []
    for name, (old, new) in _without_ended_snooze(change, moments=moments).items():
        if name in _LISTED:
            said += [f"+{_LISTED[name]} {called(name, one)}" for one in new if one not in (old or ())]
            said += [f"-{_LISTED[name]} {called(name, one)}" for one in (old or ()) if one not in new]
        elif old is None and str(new).startswith("one more "):
            said.append(name if " " in name else f"one more {name}")
        else:
            field = _OF_WHAT.sub("", name).removesuffix("_assignee_id").replace("_until", " until").strip("_")
            if is_secret(name):
                said.append(f"{field}: changed (not shown)")
                continue
            if name in _FLAGS and isinstance(new, bool):
                said.append(f"{_FLAGS[name][bool(old)]} -> {_FLAGS[name][new]}")
                continue
            if old == new:
                said.append(f"{field}: stays {_value(name, new, called)}")
                continue
            was = "another time" if is_moment(name, old) and not moments else _value(name, old, called)
            said.append(f"{field}: {was} -> {_value(name, new, called)}")
    return ", ".join(said)


def _without_ended_snooze(change: Change, *, moments: bool) -> Change:
    """A snooze and its end in one: `state: snoozed until Mon 30 Nov 09:00 -> open` instead of two fields."""
    if "state" not in change or "snoozed_until" not in change:
        return change
    whole = tuple(
        f"snoozed until {local_moment(until)}" if state == "snoozed" and is_moment("snoozed_until", until) and (moments or place) else state
        for place, (state, until) in enumerate(zip(change["state"], change["snoozed_until"], strict=True))
    )
    return {name: (whole[0], whole[1]) if name == "state" else pair for name, pair in change.items() if name != "snoozed_until"}


def _value(name: str, value: Any, called: Callable[[str, Any], str]) -> str:
    if value is None or value == "":
        return "empty"
    if value == 0 and not isinstance(value, bool):
        return "nobody" if name in KINDS else "0"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(called(name, part) for part in value) or "none"
    return local_moment(value) if is_moment(name, value) else called(name, value)
