"""KEY=VALUE for tickets: an attribute of each ticket's own type. Where one type has a list, another may have a text of the same name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...errors import UsageError
from ...parsing.printable import printable_name
from ...search.attributes import type_of
from ..registry import verbs_for
from ..spec import Resolver

_CALLED = {"title": "_default_title_", "description": "_default_description_"}
CLEARS = ("", "null")


def attribute_name(key: str) -> str:
    """An attribute as Intercom names it: `title` is `_default_title_`."""
    bare = key.strip().removeprefix("ticket_attributes.").removeprefix("ticket_attribute.")
    return _CALLED.get(bare, bare)


def attributes_of(kind: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The attributes of a ticket type by name, each with its `options`; archived ones left out."""
    listed = (kind.get("ticket_type_attributes") or {}).get("data") or []
    return {str(one.get("name")): {**one, "options": _options(one)} for one in listed if not one.get("archived")}


def _options(attribute: Mapping[str, Any]) -> list[dict[str, str]]:
    """The entries of a list. The contract says that the ticket type holds their ids, and not under which name."""
    for held in (attribute, attribute.get("input_options") or {}):
        for entries in held.values() if isinstance(held, Mapping) else ():
            if isinstance(entries, list) and entries and all(isinstance(one, Mapping) and "id" in one for one in entries):
                return [{"id": str(one["id"]), "label": str(one.get("label") or one.get("name") or one["id"])} for one in entries]
    return []


def typed_values(resolver: Resolver, texts: Sequence[str], kinds: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each ticket type, by its id: `values` of its attributes, and `refused`, why it cannot have those that it lacks.

    Raises UsageError for an attribute that no type has, and for a value that fits none of those that have it.
    """
    known = [kind for kind in kinds if not kind.get("archived")]
    made: dict[str, dict[str, Any]] = {str(kind["id"]): {"values": {}, "refused": {}} for kind in known}
    for text in texts:
        key, equals, value = text.partition("=")
        name = attribute_name(key)
        if not equals or not name:
            raise UsageError(f"{text!r} is not KEY=VALUE.")
        if any(name in one["values"] or name in one["refused"] for one in made.values()):
            raise UsageError(f"{key.strip()} is given twice.")
        wrong: list[UsageError] = []
        for kind in known:
            own, into = attributes_of(kind), made[str(kind["id"])]
            try:
                if name not in own:
                    raise _unknown(key.strip(), [kind])
                into["values"][name] = None if value.strip() in CLEARS else _typed(resolver, own[name], value)
            except UsageError as exc:
                into["refused"][name] = exc.message
                wrong += [exc] if name in own else []
        if not any(name in one["values"] for one in made.values()):
            raise wrong[0] if wrong else _unknown(key.strip(), known)
    return made


def _typed(resolver: Resolver, attribute: Mapping[str, Any], text: str) -> Any:
    """In the type of the attribute; of a list the id of the entry."""
    value = resolver.value(attribute, text)
    if type_of(attribute) == "option":
        return next(one["id"] for one in attribute["options"] if one["label"] == value)
    return value


def _unknown(key: str, kinds: Sequence[Mapping[str, Any]]) -> UsageError:
    """That these types have no such attribute, with the nearest."""
    known = list(dict.fromkeys(name for kind in kinds for name in attributes_of(kind)))
    known += [short for short, name in _CALLED.items() if name in known]
    if len(kinds) != 1 and (others := verbs_for("tickets", key)):
        return UsageError(f"No ticket type has an attribute {printable_name(key)!r}.{others}")
    near = difflib.get_close_matches(key, known, 3, 0.4) or known
    of = f"ticket type {printable_name(kinds[0].get('name'))}" if len(kinds) == 1 else "ticket type"
    has = "has no attribute" if len(kinds) == 1 else "has an attribute"
    said = f"The {of} {has}" if len(kinds) == 1 else f"No {of} {has}"
    nearest = f" Nearest: {', '.join(map(printable_name, near))}." if near else ""
    return UsageError(f"{said} {printable_name(key)!r}.{nearest}")
