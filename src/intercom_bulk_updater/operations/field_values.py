"""Fields and their values in words for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..parsing.dates import is_moment, local_moment
from ..parsing.printable import printable

KINDS = {
    "team_assignee_id": "team", "admin_assignee_id": "admin", "owner_id": "admin", "company_id": "company", "tags": "tag",
    "ticket_state": "ticket_state",
}  # fmt: skip
"""Fields that hold an id, and what it is the id of."""
SWITCHES = frozenset(("open", "read", "is_shared", "unsubscribed_from_emails"))
"""Fields that are true or false; another value (0, which Python takes for false) tells nothing."""
MISSING, THERE = "missing", "there"
"""Whether an item is there, as an image says it."""
LOOKED = "looked"
"""Where a plan holds, of an item that was written to in its own second, what it has seen of it."""
Label = Callable[[str, str], str]
"""What the item of a kind ("team", "admin", "tag") with an id is called: `Support (5001)`."""
# What is before a field's name for Intercom alone, and behind it.
_OF_WHAT = re.compile(r"^custom_attributes\.|^ticket_(attributes\.(_default)?)?|_assignee_id$|(?:(?<=owner)|(?<=company))_id$")


def part_stands(left: Any, was: Any, now: Any) -> bool:
    """Whether something of what a run made of a field (`was` before, `left` by it) is there now; of a list, any part of it."""
    if not (isinstance(left, list) and isinstance(was, list) and isinstance(now, list)):
        return bool(now == left != was)
    put = any(one in now and one not in was for one in left)
    return put or any(one not in now and one not in left for one in was)


def on_the_way(was: Any, wanted: Any, now: Any) -> bool:
    """Whether a field is as it was before a run, as the run wants it, or in between: of a list, any part may be done."""
    if not (isinstance(was, list) and isinstance(wanted, list) and isinstance(now, list)):
        return bool(now in (was, wanted))
    return all(one in was or one in wanted for one in now) and all(one in now or one not in wanted for one in was)


def taken_back(left: Mapping[str, Any], to: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are `now` as they were before a run (`to`) and not as it `left` them, while others of its change stand.

    A part of a write that Intercom accepted and did not carry out, or that somebody has taken back: what is left is ours to
    take back. {} where nothing of it stands.
    """
    stands = any(field in now and part_stands(value, to.get(field), now[field]) for field, value in left.items())
    return {field: was for field, was in to.items() if field in now and now[field] == was} if stands else {}


def describe_field(name: str) -> str:
    """What people call a field: "team", "snoozed until"."""
    return _OF_WHAT.sub("", name).replace("_", " ").strip()


def unseen(value: Any) -> str:
    """What stands for a text of which nothing shows, so that it does not read as if there were none; "" for any other value."""
    return "(only blanks)" if isinstance(value, str) and value and not printable(value).strip() else ""


def describe_value(value: Any, field: str = "", called: Callable[[str, str], str] = lambda field, number: number) -> str:
    """A field's value: a moment as people write one, a list by its parts, "empty" for nothing. `called`: what an id is called."""
    if is_moment(field, value):
        return local_moment(value)
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(called(field, str(part)) for part in value) or "none"
    if value == 0 and field in KINDS:
        return "no team" if KINDS[field] == "team" else "nobody"
    return unseen(value) or called(field, str(value))


def describe_difference(field: str, now: Any, was: Any, label: Label | None = None, names: Mapping[str, str] | None = None) -> str:
    """`team is Billing (5002), was Support (5001)`; of two lists what came and went. `label`, `names`: see Operation."""

    def called(field: str, number: str) -> str:
        return (names or {}).get(number) or (label(KINDS[field], number) if label is not None and field in KINDS else number)

    if isinstance(now, list) and isinstance(was, list):
        came, gone = [one for one in now if one not in was], [one for one in was if one not in now]
        said = [f"{describe_value(some, field, called)} {what}" for some, what in ((gone, "not any more"), (came, "now, too")) if some]
        return f"{describe_field(field)}: {'; '.join(said)}"
    return f"{describe_field(field)} is {describe_value(now, field, called)}, was {describe_value(was, field, called)}"
