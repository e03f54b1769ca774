"""A change to an item in words for people: the text of previews, plans, reports and exports. Each is said once, here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..api.redact import is_secret
from ..operations.field_values import KINDS, MISSING, Label, describe_field, describe_value
from ..operations.operation import Change
from ..parsing.dates import is_moment, local_moment
from ..parsing.printable import printable

_LISTED = {"tags": "tag", "companies": "company", "subscriptions": "subscription", "linked": "conversation"}
"""Fields that are lists of ids; what one of them is."""
_FLAGS = {
    "archived": ("unarchived", "archived"), "blocked": ("unblocked", "blocked"), "deleted": ("there again", "deleted"),
    "exported": ("not exported", "exported"), "open": ("closed", "opened"),
}  # fmt: skip
"""Fields that are yes or no; what an item is called that has them no more, and that has them now."""
_MERGED = ("merged_with", "merged_into")
_TAKEN_AWAY = {"contact": "contact archived", "company": "company deleted"}
"""What it is called that an undo takes away what `upsert` has created."""
Called = Callable[[str, str], str]


def words(
    change: Change | None, names: Mapping[str, str] | None = None, label: Label | None = None, *, moments: bool = True, done: bool = False
) -> str:
    """A change in words: `state: open -> closed`, `+tag incident (7004)`.

    Parameters
    ----------
    names:
        What the operation's own ids are called.
    label:
        Looks the others up, where the workspace can be asked.
    moments:
        Whether a time that ends by the change is named; without, changes that differ by it alone read alike.
    done:
        Whether it has been done: `added tag incident (7004)`.
    """
    if change is None:
        return "acted on (the change is not known beforehand)"
    if not change:
        return "already in the requested state"

    def called(name: str, value: str) -> str:
        known = (names or {}).get(value)
        return known or (label(KINDS[name], value) if label is not None and name in KINDS else value)

    return ", ".join(
        said
        for name, (old, new) in _without_ended_snooze(change, moments=moments).items()
        for said in (_of_list(name, old or (), new or (), called, done=done) if _is_list(name, old, new)
                     else [_of_field(name, old, new, called, moments)])
    )


def _is_list(name: str, *values: Any) -> bool:
    """Whether a field is one of Intercom's lists of ids; somebody's own code may call another one so."""
    return name in _LISTED and all(
        value is None or (isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)) for value in values
    )


def _of_list(name: str, old: Sequence[str], new: Sequence[str], called: Called, *, done: bool) -> list[str]:
    """What came to a list of ids, and what went."""
    more, less = [one for one in new if one not in old], [one for one in old if one not in new]
    if name == "subscriptions":
        return [_subscribed(called(name, one), on=on) for some, on in ((more, True), (less, False)) for one in some]
    came, gone = ("added ", "removed ") if done else ("+", "-")
    return [f"{sign}{_LISTED[name]} {called(name, one)}" for some, sign in ((more, came), (less, gone)) for one in some]


def _of_field(name: str, old: Any, new: Any, called: Called, moments: bool) -> str:
    field = describe_field(name)
    if old is None and str(new).startswith("one more "):
        return name if " " in name else f"one more {name}"
    if is_secret(name):
        return f"{field}: changed (not shown)"
    if name in _FLAGS and isinstance(new, bool):
        return _FLAGS[name][new]
    if name in _TAKEN_AWAY and new == MISSING:
        return _TAKEN_AWAY[name]
    if name in _MERGED and new:
        return f"merged into {describe_value(new, name, called)}"
    if name == "texts" and isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return f"{len(old) - len(new)} of {len(old)} message{'' if len(old) == 1 else 's'} redacted"
    if old == new:
        return f"{field}: stays {describe_value(new, name, called)}"
    if new in (None, "") and is_moment(name, old) and not moments:
        return f"{field}: cleared"
    was = "another time" if is_moment(name, old) and not moments else describe_value(old, name, called)
    now = describe_value(new, name, called)
    unseen = " (they differ in what does not show)" if printable(was).split() == printable(now).split() else ""
    return f"{field}: {was} -> {now}{unseen}"


def _subscribed(subscription: str, *, on: bool) -> str:
    """Who stands in the list of an opt-out subscription gets none of it."""
    gets = on is not subscription.endswith("opt-out)")
    return f"{'subscribed to' if gets else 'unsubscribed from'} {subscription}"


def _without_ended_snooze(change: Change, *, moments: bool) -> Change:
    """A snooze and its end in one: `state: snoozed until Mon 30 Nov 09:00 -> open` instead of two fields."""
    if "state" not in change or "snoozed_until" not in change:
        return change
    whole = tuple(
        f"snoozed until {local_moment(until)}" if state == "snoozed" and is_moment("snoozed_until", until) and (moments or place) else state
        for place, (state, until) in enumerate(zip(change["state"], change["snoozed_until"], strict=True))
    )
    return {name: (whole[0], whole[1]) if name == "state" else pair for name, pair in change.items() if name != "snoozed_until"}
