"""What others have changed of an item since it was selected, for what nothing takes back: told by marks that its before-image keeps.

A mark tells whether a field is as it was, and not what it was: names, addresses and texts stay out of plans and journals.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..api.effects import parts_of
from ..api.lists import is_part, row_ids
from ..model import Item
from .conversations.history import tags_of, touched_since, touched_since_plan
from .field_values import describe_field
from .operation import Json
from .resource import resources, value_at

SEEN = "seen"
"""Where a before-image holds the marks of the fields that are watched."""
_AT, _PART = "updated_at", "part"
_MEANS = {
    "last_replied_at": "the contact has written since", "last_contacted_at": "the contact has been written to since",
    "user_count": "people have joined or left it since",
}  # fmt: skip
"""What the field stands for that is other now, where its name does not say it."""
_OF_ANY_LIST = ("name", "title", "state", _AT)
"""What is watched of items of which nothing is declared, as far as they show it."""


def seen_of(resource: str, payload: Json, also: Iterable[str] = (), *, fields_alone: bool = False) -> dict[str, Any]:
    """`SEEN`, for a before-image: the watched fields of an item, and some more, as a search, a list or a GET shows them.

    `fields_alone`: without those that tell what happened with it, such as that the contact has written.
    """
    watched = [name for name in _watched(resource) if not (fields_alone and name in _MEANS)]
    marks: dict[str, Any] = _marks(payload, (*watched, *also))
    if _carries_parts(resource) and isinstance(payload.get(_AT), int):
        marks[_AT] = payload[_AT]
        if parts := parts_of(payload):
            marks[_PART] = str(parts[-1].get("id"))
    return {SEEN: marks} if marks else {}


def changed_since(resource: str, payload: Json, item: Item) -> str:
    """Who has been at an item since it was looked at, or what of it has changed, in words; "" for nothing, or where no marks were kept."""
    seen = (item.before or {}).get(SEEN)
    if not seen:
        return ""
    if not _carries_parts(resource):
        return _differences(payload, seen)
    return _touched(payload, item, seen) or _differences(payload, {name: mark for name, mark in seen.items() if name not in (_AT, _PART)})


def is_as_seen(payload: Json, item: Item, field: str) -> bool | None:
    """Whether a field is as it was when the item was looked at; None where that is not known."""
    was, now = ((item.before or {}).get(SEEN) or {}).get(field), _marks(payload, (field,)).get(field)
    return None if was is None or now is None else bool(was == now)


def _touched(payload: Json, item: Item, seen: Json) -> str:
    """Who of the people wrote to the conversation or ticket meanwhile; its parts tell, and bots do not count (see touched_since)."""
    data = item.data or {}
    if data.get("as_of") is not None:
        # The tags are compared by their mark; of the parts that came within the same second, the last one tells.
        there = [str(tag.get("id")) for tag in tags_of(payload)]
        return touched_since_plan(payload, item, {"updated_at": 0, **{n: seen[n] for n in (_AT, _PART) if n in seen}, "there": there})
    if seen.get(_AT) is None:
        return ""
    # A part may be stamped a second after the change that it is of. In doubt, so that a later moment alone, which may move by
    # itself, tells nothing: a plan is of other people's days, a run is of its own minutes.
    return touched_since(payload, replace(item, doubt=True, data={**data, "marks": {_AT: seen[_AT] + 1}}))


def _differences(payload: Json, seen: Json) -> str:
    """The fields that are other now; a later moment alone says that something is."""
    now = _marks(payload, seen)
    other = [name for name, mark in seen.items() if name in now and now[name] != mark]
    said = [_MEANS[name] for name in other if name in _MEANS]
    named = list(dict.fromkeys(describe_field(name) for name in other if name not in (_AT, *_MEANS)))
    said += [f"{', '.join(named)} changed"] if named else []
    return "; ".join(said) if said else "changed by somebody" if other else ""


def _watched(resource: str) -> tuple[str, ...]:
    return resources()[resource].watched if resource in resources() else _OF_ANY_LIST


def _carries_parts(resource: str) -> bool:
    return resource in resources() and resources()[resource].of_contacts


def _marks(payload: Json, fields: Iterable[str]) -> dict[str, str]:
    """Of the fields that a payload shows; of "custom_attributes.plan" it shows the attributes."""
    return {name: _mark(value_at(payload, name)) for name in fields if name.partition(".")[0] in payload}


def _mark(value: Any) -> str:
    """The same for the same value, and nothing that tells what it is."""
    text = json.dumps(_core(value), sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def _core(value: Any) -> Any:
    """What two endpoints show alike: of a list of things, and of a thing, the ids; nothing for nothing.

    Of a list that is shown in part (a contact carries the first ten) also how many there are.
    """
    if not isinstance(value, Mapping):
        return value if isinstance(value, bool | list) else str(value or "")
    kind = str(value.get("type", ""))
    if kind.endswith("list"):
        rows = next((ids for ids in map(row_ids, value.values()) if ids is not None), [])
        return [*sorted(rows), *([value.get("total_count")] if is_part(value) else [])]
    return str(value["id"]) if kind and "id" in value else value
