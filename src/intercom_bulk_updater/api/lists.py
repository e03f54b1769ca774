"""Lists as Intercom gives them, inside an item or by themselves: what they show, and whether that is all.

A list that has more than it shows, or does not say how many it has, proves nothing of what is not in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..parsing.identity import id_text

Json = Mapping[str, Any]


def tag_ids(payload: Json) -> set[str] | None:
    """The ids of all tags of a conversation, contact, company or ticket; None where it does not show them, or a part of them."""
    held = payload.get("tags")
    rows = next((held[key] for key in ("tags", "data") if key in held), None) if isinstance(held, Mapping) else None
    ids = row_ids(rows)
    return None if ids is None or is_part(payload["tags"]) else set(ids)


def row_ids(rows: Any) -> list[str] | None:
    """The id of each row of a list; None for what is no list of things with ids: nothing is known of what it holds."""
    if not isinstance(rows, list):
        return None
    ids = [id_text(row.get("id")) if isinstance(row, Mapping) else "" for row in rows]
    return ids if all(ids) else None


def is_part(held: Json) -> bool:
    """Whether a list says that there are more (a contact carries its first ten tags), or says it in a way that does not tell."""
    rows, pages = next((rows for rows in held.values() if isinstance(rows, list)), []), held.get("pages")
    return bool(held.get("has_more") or (isinstance(pages, Mapping) and pages.get("next"))) or (total_of(held) or 0) > len(rows)


def total_of(held: Json) -> float | None:
    """How many rows a list says that there are; None where it does not say, and no end where what it says is no count."""
    total = held.get("total_count")
    if type(total) is int and total >= 0:
        return total
    return math.inf if "total_count" in held else None


def is_listed(listing: Any, wanted: str, present: bool, key: str = "id") -> bool | None:
    """Whether a list has the row with this id, or name (not `present`: has it not); None where what it shows does not tell."""
    if not isinstance(listing, Mapping):
        return None
    rows = next((listing[name] for name in ("data", "tags", "companies") if isinstance(listing.get(name), list)), None)
    if rows is None:
        return None
    if any(isinstance(row, Mapping) and str(row.get(key)) == wanted for row in rows):
        return present
    return None if is_part(listing) else not present
