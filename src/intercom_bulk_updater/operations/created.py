"""How an item was when a run had created it: what an undo compares, before it takes the item away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..api.lists import is_part, row_ids
from .fields import UPDATED
from .resource import resources

MADE = "made"
"""Where an after-image holds it."""
SEEN = "last_seen_at"
BUILT_ON = ("companies", "notes", "tags", "user_count")
"""What an item has only because somebody has given it to it, after it was created."""
_ALSO = ("last_contacted_at", "last_replied_at", "role", UPDATED)
"""What somebody has done with it."""
_LISTS = ("opted_in_subscription_types", "opted_out_subscription_types")


def as_made(payload: Mapping[str, Any], resource: str) -> dict[str, Any]:
    """What a person, a teammate or a program gives to an item, as it shows it; what is empty is left out.

    Not what Intercom finds out by itself, such as a place or a browser.
    """
    known = resources()[resource]
    names = {*known.settable, *known.keys, *_ALSO, *BUILT_ON, *_LISTS}
    found = {name: _plain(payload.get(name)) for name in names}
    found |= {f"custom_attributes.{name}": value for name, value in (payload.get("custom_attributes") or {}).items()}
    return {name: value for name, value in sorted(found.items()) if value not in (None, "", 0, [], {})}


def touched(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether an item that shows all it had has been changed since, in what it does not show. A contact who visited again was not."""
    return bool(now.get(UPDATED, 0) > was.get(UPDATED, 0) and now.get(SEEN, 0) <= was.get(SEEN, 0))


def _plain(value: Any) -> Any:
    """Of a list that an item carries the ids, and how many there are: it carries the first ten."""
    rows = next((one for one in value.values() if isinstance(one, list)), None) if isinstance(value, Mapping) else None
    if rows is None or not isinstance(value, Mapping):
        return value
    ids = row_ids(rows)
    return [*sorted(ids), *([value.get("total_count")] if is_part(value) else [])] if ids else []
