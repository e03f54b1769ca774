"""A query in words: "state is open and team is Support (5001)"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from intercom_bulk_updater.errors import IntercomBulkError
from intercom_bulk_updater.parsing.dates import city_of, day_in_words, day_of, moment_in, start_of_day
from intercom_bulk_updater.parsing.printable import printable_name
from intercom_bulk_updater.search.attributes import type_of
from intercom_bulk_updater.search.language.compiler import EVER, Attributes
from intercom_bulk_updater.search.language.fields import resource as _resource
from intercom_bulk_updater.search.language.fields import whole_days
from intercom_bulk_updater.search.language.query_tree import leaves
from intercom_bulk_updater.search.language.terms import Field, Resource

_SAID = {
    "=": "is",
    "!=": "is not",
    "IN": "is one of",
    "NIN": "is none of",
    ">": "is above",
    "<": "is below",
    ">=": "is at least",
    "<=": "is at most",
    "~": "contains",
    "!~": "does not contain",
    "^": "begins with",
    "$": "ends with",
    "!^": "does not begin with",
    "!$": "does not end with",
}
_SAID_OF_TIME = {">": "is after", "<": "is before", ">=": "is at or after", "<=": "is at or before"}
_SAID_OF_WORDS = {"=": "has the word", "!=": "does not have the word", "~": "contains", "!~": "does not contain"}
_SAID_OF_DAYS = {"=": "is on", ">": "is after the whole of", "<": "is before the start of"}


class Labels(Protocol):
    """Gives names to ids: `label("team", "5001")` is "Support (5001)"."""

    def label(self, kind: str, identity: str) -> str:
        """The name and the id, or the id alone."""


def explain(
    body: Mapping[str, Any],
    resource: str,
    names: Labels | None = None,
    *,
    timezone: str = "UTC",
    api_version: str = "2.16",
    attributes: Attributes | None = None,
) -> str:
    """The filter in words, for what `validate_query` takes. Times are in `timezone` (the workspace's).

    `attributes` tells which custom attributes are dates, and what those of tickets are called.
    """
    query, table = body.get("query", body), _resource(resource, api_version)
    days = resource == "contacts" and whole_days(api_version)
    return _node(query, table if attributes is None else _told(table, query, attributes, days=days), names, timezone, "")


def _told(table: Resource, query: Mapping[str, Any], attributes: Attributes, *, days: bool) -> Resource:
    """The table with the custom attributes that a query names."""
    named = {name for leaf in leaves(query) if (field := table.find(name := str(leaf["field"]))) and field.type == "any"}
    try:
        known = attributes(table.name) if named else {}
    except IntercomBulkError:  # words are decoration; what really is wrong shows where it matters
        return table
    fields, words = dict(table.fields), dict(table.words)
    for name in named:
        key = name.removeprefix(table.open_prefix)
        if attribute := known.get(key):
            is_date = type_of(attribute) == "date"
            fields[name] = Field(name, ("day" if days else "date") if is_date else "any")
            if attribute.get("name") != key and name not in words.values():
                words[f"{printable_name(attribute.get('name'))} ({key})"] = name
    return replace(table, fields=fields, words=words)


def _node(node: Mapping[str, Any], table: Resource, names: Labels | None, timezone: str, outer: str) -> str:
    if "field" in node:
        return _filter(node, table, names, timezone)
    parts = _without_implied(node)
    if len(parts) == 1:
        return _node(parts[0], table, names, timezone, outer)
    joint = str(node["operator"]).lower()
    said = f" {joint} ".join(_node(part, table, names, timezone, joint) for part in parts)
    return f"({said})" if outer not in ("", joint) else said


def _without_implied(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Without what follows from the filter behind it and is there for Intercom to search by: the category of a ticket state."""
    parts, operators = list(node["value"]), ("=", "IN") if node["operator"] == "AND" else ("!=", "NIN")

    def implied(one: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        fields = (one.get("field"), after.get("field"))
        return fields == ("ticket_state.category", "ticket_state.id") and {one["operator"], after["operator"]} <= {*operators}

    return [one for one, after in zip(parts, [*parts[1:], {}], strict=True) if not implied(one, after)]


def _filter(node: Mapping[str, Any], table: Resource, names: Labels | None, timezone: str) -> str:
    field = table.find(str(node["field"])) or Field(str(node["field"]), "text")
    word, operator, value = table.word(field.name), str(node["operator"]), node["value"]
    if isinstance(value, list):
        listed = ", ".join(_value(field, one, names) for one in value)
        return f"{word} {_SAID.get(operator, operator)} {listed}"
    if field.type in ("date", "day") and isinstance(value, int) and not isinstance(value, bool):
        return _time(word, field, operator, value, timezone)
    if value is None:
        return f"{word} {'is set' if operator == '!=' else 'is not set'}"
    said = _SAID_OF_WORDS.get(operator) if field.type == "words" else None
    if said:
        word = "the first message (Intercom searches no other)"
    return f"{word} {said or _SAID.get(operator, operator)} {_value(field, value, names)}"


def _time(word: str, field: Field, operator: str, at: int, timezone: str) -> str:
    if operator == ">" and at <= EVER:
        return f"{word} is set"
    if field.type == "day" and operator in _SAID_OF_DAYS:
        try:
            return f"{word} {_SAID_OF_DAYS[operator]} {day_in_words(day_of(at, timezone))} ({city_of(timezone) or 'UTC'})"
        except (OverflowError, ValueError, OSError):
            return f"{word} {operator} {at}"
    # `> 23:59:59` reads better as what it means: from midnight on.
    if operator == ">" and _is_midnight(at + 1, timezone):
        operator, at = ">=", at + 1
    return f"{word} {_SAID_OF_TIME.get(operator) or _SAID.get(operator, operator)} {moment_in(at, timezone)}"


def _is_midnight(at: int, timezone: str) -> bool:
    try:
        return start_of_day(day_of(at, timezone), timezone) == at
    except (OverflowError, ValueError, OSError):
        return False


def _value(field: Field, value: Any, names: Labels | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if field.kind and isinstance(value, int | str):
        if str(value) == "0":
            return "nobody" if field.kind == "admin" else "none"
        return names.label(field.kind, str(value)) if names else str(value)
    if isinstance(value, int) and field.seconds:
        return f"{value} s"
    for word, ours in field.spoken:
        # "users" for user says nothing more; "customer" is what people know Intercom's request by.
        if value == ours and not word.startswith(ours):
            return f"{word} ({value})"
    if isinstance(value, str) and (not value or " " in value):
        return f'"{value}"'
    return str(value)
