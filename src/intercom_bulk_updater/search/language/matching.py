"""Judges on this side whether an item matches a query: True, False, or None when the item does not tell.

Used to re-check an item after it was read, where the search index may be behind. None spreads as in logic: an
AND with a False is False whatever else is unknown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from intercom_bulk_updater.api.lists import is_part
from intercom_bulk_updater.parsing.dates import day_of
from intercom_bulk_updater.search.language.fields import resource as _resource
from intercom_bulk_updater.search.language.query_tree import HERE
from intercom_bulk_updater.search.language.terms import Field, Resource

Leaf = Callable[[Field, Mapping[str, Any], Any], bool | None]
"""Judges one filter by what an item holds."""

_UNKNOWN = object()
"""The item does not hold this field."""

# Fields that lie elsewhere in an item than their name says. A list is matched by any of its entries.
_ELSEWHERE: dict[str, dict[str, str]] = {
    "conversations": {
        "tag_ids": "tags.tags[].id",
        "contact_ids": "contacts.contacts[].id",
        "teammate_ids": "teammates.teammates[].id",
        "conversation_rating.contact_id": "conversation_rating.contact.id",
        "conversation_rating.admin_d": "conversation_rating.teammate.id",
        "conversation_rating.requested_at": "conversation_rating.created_at",
        "conversation_rating.score": "conversation_rating.rating",
        "topics": "topics.topics[].name",
    },
    "contacts": {
        "tag_id": "tags.data[].id",
        "companies": "companies.data[].id",
        "social_profiles.data": "social_profiles.data[].name",
    },
    "tickets": {
        "contact_ids": "contacts.contacts[].id",
        "ticket_type_id": "ticket_type.id",
        "title": "ticket_attributes._default_title_",
        "description": "ticket_attributes._default_description_",
    },
    "companies": {"tag_id": "tags.tags[].id", "segment_id": "segments.segments[].id", "plan": "plan.name"},
}
_CATEGORIES = {"Customer": "request", "Back-office": "task", "Tracker": "tracker"}


def matches(
    query: Mapping[str, Any],
    item: Mapping[str, Any],
    resource: str,
    *,
    timezone: str = "UTC",
    api_version: str = "2.16",
) -> bool | None:
    """Whether an item, as a GET or a search returns it, matches a query; None when it does not tell.

    `timezone` is the workspace's, for contact dates, which match by whole days.
    """
    return _walk(query, item, resource, api_version, partial(_judge, timezone=timezone))


def decides(query: Mapping[str, Any], item: Mapping[str, Any], resource: str, *, timezone: str = "UTC", api_version: str = "2.16") -> bool:
    """Whether an item matches where nobody else is asked: capitals do not count, and what the item does not show is empty."""

    def judge(field: Field, node: Mapping[str, Any], found: Any) -> bool:
        verdict = _judge(field, node, None if found is _UNKNOWN else found, timezone)
        return node["operator"] in ("=", "IN", "~", "^", "$") if verdict is None else verdict

    return _walk(query, item, resource, api_version, judge) is True


def surely_matches(
    query: Mapping[str, Any],
    item: Mapping[str, Any],
    resource: str,
    *,
    timezone: str = "UTC",
    api_version: str = "2.16",
) -> bool | None:
    """As `matches`, but None wherever Intercom may judge otherwise than the words of its documentation say.

    False means that the item contradicts the query, however Intercom treats capitals, missing values and limits.
    """
    return _walk(query, item, resource, api_version, partial(_surely, timezone=timezone))


def is_checkable(query: Mapping[str, Any], item: Mapping[str, Any], resource: str, *, api_version: str = "2.16") -> bool:
    """Whether the item holds what it takes to contradict the query, so that an item that does not match would be noticed."""
    return _checks(query.get("query", query), item, _resource(resource, api_version))


def _checks(node: Mapping[str, Any], item: Mapping[str, Any], table: Resource) -> bool:
    if "field" in node:
        field = table.find(str(node["field"]))
        return field is not None and _is_checkable(field, node, _all_of(_read(item, table.name, field.name)))
    combine = all if node["operator"] == "OR" else any
    return combine(_checks(part, item, table) for part in node["value"])


def _walk(
    query: Mapping[str, Any], item: Mapping[str, Any], resource: str, api_version: str, leaf: Leaf
) -> bool | None:
    return _verdict(query.get("query", query), item, _resource(resource, api_version), leaf)


def _verdict(node: Mapping[str, Any], item: Mapping[str, Any], table: Resource, leaf: Leaf) -> bool | None:
    # Not a function inside of the other one: that would hold itself, and the whole item, until garbage is looked for.
    if "field" in node:
        field = table.find(str(node["field"]))
        return None if field is None else leaf(field, node, _read(item, table.name, field.name))
    verdicts = [_verdict(part, item, table, leaf) for part in node["value"]]
    decisive: bool = node["operator"] == "OR"
    if decisive in verdicts:
        return decisive
    return None if None in verdicts else not decisive


def _read(item: Mapping[str, Any], resource: str, name: str) -> Any:
    if resource == "tickets" and name == "category":
        return _CATEGORIES.get(item.get("category", ""), _UNKNOWN)
    if resource == "tickets" and (name == "state" or name.startswith("ticket_attribute.")):
        return _UNKNOWN
    if resource == "tickets" and name == "ticket_id":  # the number of the inbox, which is shown as a text
        number = str(item.get(name, ""))
        return int(number) if number.isdecimal() else item.get(name, _UNKNOWN)
    steps, of_each = _way(resource, name)
    found: Any = item
    partial = False
    for step in steps:
        partial = partial or (bool(of_each) and isinstance(found, Mapping) and is_part(found))
        found = _step(found, step)
    if not of_each:
        return found
    if not isinstance(found, list):
        return _UNKNOWN
    entries = [str(entry[of_each]) for entry in found if isinstance(entry, Mapping) and of_each in entry]
    return [*entries, _UNKNOWN] if partial or len(entries) != len(found) else entries


@lru_cache(maxsize=64)  # each item of a search is judged by the same few fields
def _way(resource: str, name: str) -> tuple[tuple[str, ...], str]:
    """The steps from an item to a field, and which part of each entry counts where those lead to a list ("" where they do not)."""
    path = _ELSEWHERE.get(resource, {}).get(name, name)
    if path.startswith("custom_attributes."):
        return ("custom_attributes", path.removeprefix("custom_attributes.")), ""
    holder, _, of_each = path.partition("[].")
    return tuple(holder.split(".")), of_each


def _step(found: Any, name: str) -> Any:
    if found is _UNKNOWN or found is None:
        return found
    # The first is ten times as quick to ask.
    return found.get(name, _UNKNOWN) if type(found) is dict or isinstance(found, Mapping) else _UNKNOWN


# Beside ids, choices, numbers, dates and yes or no: texts that are compared as a whole, never word by word.
_WHOLE_TEXTS = frozenset(
    ("id", "contact_ids", "email", "email_domain", "external_id", "company_id", "source.author.email", "source.author.id")
)
_FREE_TEXTS = frozenset(("source.subject", "source.author.name", "title", "name"))
"""Texts that may be compared word by word."""
# What is counted late, or by rules that are documented nowhere.
_VAGUE = ("statistics.", "ai_agent", "teammate_ids", "ios_", "android_")
_DAY = 86_400
_SMALL = 10**8
"""Numbers of a custom attribute beyond this may be dates, which match by whole days."""
_OPTION_ID = re.compile(r"[0-9]+|[0-9a-fA-F-]{16,}")
_EQUAL, _ORDER, _CONTAIN = ("=", "!=", "IN", "NIN"), (">", "<", ">=", "<="), ("~", "!~", "^", "$")


def _all_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_checkable(field: Field, node: Mapping[str, Any], founds: list[Any]) -> bool:
    """Whether this filter can be judged on an item that holds `founds`."""
    operator = str(node["operator"])
    vague = field.name.startswith(_VAGUE) or (field.name.startswith("conversation_rating.") and field.type != "integer")
    if vague or field.type == "words" or _UNKNOWN in founds:
        return False
    if operator in _ORDER:  # whether less than a limit takes what has no value is not documented
        return field.type in ("any", "date", "day", "integer") and not field.kind and None not in founds
    text = field.name in _WHOLE_TEXTS or field.name in _FREE_TEXTS or field.type == "any"
    if operator in _CONTAIN:
        return text
    return operator in _EQUAL and (text or bool(field.kind) or bool(field.choices) or field.type != "text")


def _surely(field: Field, node: Mapping[str, Any], found: Any, timezone: str) -> bool | None:
    """What there is but one way to judge; None for the rest."""
    operator, values, founds = str(node["operator"]), _all_of(node["value"]), _all_of(found)
    if not _is_checkable(field, node, founds):
        return _shows(field, operator, values, found)
    if operator in ("=", "!=") and values == [None]:
        empty = (found or None) is None if isinstance(found, list) or field.kind else None if found in (None, "") else False
        return None if empty is None else empty is (operator == "=")
    if found is None and operator in ("=", "IN", "~", "^", "$") and all(values):
        return False
    if field.type == "any" and any(isinstance(one, str) and _OPTION_ID.fullmatch(one) for one in (found, *values)):
        return None  # the one may be the id of an option and the other its name
    if field.name in _FREE_TEXTS or operator in _CONTAIN or (field.type == "any" and isinstance(found, str)):
        return _surely_text(operator, values, found, whole=field.name in _WHOLE_TEXTS)
    return _judge(field, node, found, timezone) if _is_exact(field, operator, values, founds) else None


def _shows(field: Field, operator: str, values: list[Any], found: Any) -> bool | None:
    """What an item tells for a filter that it could not contradict: it has a value, or all the words that are asked for."""
    if not isinstance(found, str) or not found:
        return None
    if operator in ("=", "!=") and values == [None]:
        return operator == "!=" or None
    words = [word for one in values if isinstance(one, str) for word in re.findall(r"\w+", _fold(one))]
    there = set(re.findall(r"\w+", _fold(found)))
    return True if field.type == "words" and operator in ("~", "=") and words and there.issuperset(words) else None


def _surely_text(operator: str, values: list[Any], found: Any, *, whole: bool) -> bool | None:
    """A text contradicts a filter when it has nothing of it, or, where it must not, has it word for word."""
    if not isinstance(found, str) or not all(isinstance(one, str) and one for one in values):
        return None
    folded = _fold(found)
    if operator in ("!=", "NIN", "!~"):
        contains = operator == "!~" and any(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", found) for one in values)
        return False if found in values or contains else None
    parts = [_fold(one) if whole else word for one in values for word in re.findall(r"\w+", _fold(one)) or [""]]
    if not any(part in folded for part in parts):
        return False
    return True if found in values else None


def _fold(text: str) -> str:
    """A text without capitals and accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))


def _is_exact(field: Field, operator: str, values: list[Any], founds: list[Any]) -> bool:
    """Whether there is one way to compare these values."""
    if None in values:
        return False
    if field.choices:
        return all(one in field.choices for one in founds)
    if field.type == "any":
        kinds = {type(one) for one in (*values, *founds)}
        small = all(isinstance(one, int | float) and abs(one) < _SMALL and one not in values for one in founds)
        return kinds == {bool} or (kinds <= {int, float} and bool(kinds) and small)
    if field.type in ("date", "day", "integer") and not field.kind:
        if not all(isinstance(one, int) and not isinstance(one, bool) for one in (*values, *founds)):
            return False
        # Greater may mean greater or equal; a day may begin in another zone.
        near = 2 * _DAY if field.type == "day" or (field.type == "date" and operator in _EQUAL) else 0
        return all(abs(one - other) > near for one in founds for other in values)
    if field.type == "boolean":
        return all(isinstance(one, bool) for one in (*values, *founds))
    return True


def _judge(field: Field, node: Mapping[str, Any], found: Any, timezone: str) -> bool | None:
    operator, value = str(node["operator"]), node["value"]
    if found is _UNKNOWN or field.type == "words":
        return None
    if operator in ("IN", "NIN", "!=", "!~", *HERE):
        positive = {"IN": "=", "NIN": "=", "!=": "=", "!~": "~", **HERE}[operator]
        wanted = value if isinstance(value, list) else [value]
        verdicts = [_judge(field, {"operator": positive, "value": one}, found, timezone) for one in wanted]
        verdict = True if True in verdicts else None if None in verdicts else False
        return verdict if operator == "IN" else None if verdict is None else not verdict
    if isinstance(found, list):
        return _any(lambda entry: _one(field, operator, value, entry, timezone), found, value)
    if field.kind and field.type == "integer":  # unassigned is 0 or null
        found, value = found or 0, value or 0
    if found is None or value is None:  # a text of nothing is none, to Intercom's search as well
        return found in (None, "") and value is None and operator == "="
    return _one(field, operator, value, found, timezone)


def _any(test: Callable[[Any], bool | None], entries: list[Any], value: Any) -> bool | None:
    if value is None:
        return not entries
    verdicts = [None if entry is _UNKNOWN else test(entry) for entry in entries]
    return True if True in verdicts else None if None in verdicts else False


def _one(field: Field, operator: str, value: Any, found: Any, timezone: str) -> bool | None:
    if operator in ("~", "^", "$"):
        return _text(operator, str(value), str(found))
    if operator in (">", "<", ">=", "<="):
        if field.type == "day" and isinstance(found, int) and isinstance(value, int):
            found, value = day_of(found, timezone).toordinal(), day_of(value, timezone).toordinal()
        try:
            left, right = float(found), float(value)
        except (TypeError, ValueError):
            return None
        return {">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right}[operator]
    if field.type == "day" and isinstance(found, int) and isinstance(value, int):
        return day_of(found, timezone) == day_of(value, timezone)
    if isinstance(found, bool) or isinstance(value, bool):
        return found is value
    if str(found) == str(value):
        return True
    # Whether Intercom minds capitals is not documented, so a difference in them alone does not decide.
    return None if str(found).casefold() == str(value).casefold() else False


def _text(operator: str, value: str, found: str) -> bool | None:
    def test(needle: str, text: str) -> bool:
        return {"~": needle in text, "^": text.startswith(needle), "$": text.endswith(needle)}[operator]

    return True if test(value, found) else None if test(value.casefold(), found.casefold()) else False
