"""Searches: the query checked and compiled to a predicate, then one page of it by cursor."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from intercom_sandbox.chance import draw
from intercom_sandbox.fields import OPERATORS, Field, words
from intercom_sandbox.problems import Problem, invalid
from intercom_sandbox.settings import Settings

Test = Callable[[Any], bool]

MAX_FILTERS = 15
MAX_DEPTH = 2


@dataclass(frozen=True, slots=True)
class Compiler:
    """Turns queries on one kind of row into predicates. `zone` is the workspace's, for contact dates."""

    fields: dict[str, Field]
    settings: Settings
    version: int = 216
    attributes: dict[str, str] | None = None  # custom attribute -> type; None: not searchable
    attribute_prefix: str = "custom_attributes."

    def compile(self, query: Any) -> Test:
        """The predicate of a query. Raises Problem 400."""
        if not isinstance(query, dict) or not query:
            raise Problem(400, "parameter_missing", "query is a required parameter", "query")
        return self._node(query, 0)

    def _node(self, node: Any, depth: int) -> Test:
        if not isinstance(node, dict):
            raise invalid("A filter must be an object", "query")
        if "field" in node:
            return self._leaf(node)
        operator, value = node.get("operator"), node.get("value")
        if operator not in ("AND", "OR") or not isinstance(value, list) or not value:
            raise invalid("A group needs the operator AND or OR and a list of filters", "query")
        if len(value) > MAX_FILTERS:
            raise invalid(f"A group may hold at most {MAX_FILTERS} filters", "query")
        if depth >= MAX_DEPTH:
            raise invalid(f"Groups may be nested at most {MAX_DEPTH} levels deep", "query")
        return _join(operator, [self._node(child, depth + 1) for child in value])

    def _field(self, name: Any) -> Field:
        found = self.fields.get(name)
        if found is not None:
            read = _undated(found.read, self.settings) if name == "created_at" and self.settings.undated_share else found.read
            return Field(found.name, "datetime" if found.type == "day" and self.version >= 217 else found.type, read)
        if isinstance(name, str) and self.attributes is not None and name.startswith(self.attribute_prefix):
            key = name[len(self.attribute_prefix) :]
            if key in self.attributes:
                return Field(name, self.attributes[key], lambda row: row.attributes.get(key))
        raise self._wrong(f"Invalid field: {name}", "field")

    def _wrong(self, message: str, field: str) -> Problem:
        return Problem(400, self.settings.search_error_code, message, field)

    def _leaf(self, node: dict[str, Any]) -> Test:
        field = self._field(node.get("field"))
        operator = node.get("operator")
        if "value" not in node:
            raise self._wrong(f"A filter on {field.name} needs a value", "value")
        if operator not in OPERATORS[field.type]:
            raise self._wrong(f"Operator {operator} is not allowed for {field.name}", "operator")
        value = node["value"]
        if operator in ("IN", "NIN"):
            if not isinstance(value, list) or not value:
                raise self._wrong(f"{operator} on {field.name} needs a list of values", "value")
            if self.settings.in_list_max and len(value) > self.settings.in_list_max:
                raise self._wrong(f"{operator} takes at most {self.settings.in_list_max} values", "value")
            return _member(field, [self._typed(field, one) for one in value], operator == "NIN", self.settings)
        if isinstance(value, list):
            raise self._wrong(f"{operator} on {field.name} needs one value, not a list", "value")
        typed = self._typed(field, value)
        if field.type == "day":
            return self._days(field, str(operator), typed)
        if operator in ("=", "!="):
            return _equal(field, typed, operator == "!=", self.settings)
        if operator in ("~", "!~", "^", "$"):
            return _text(field, str(operator), str(typed), self.settings)
        return _order(field, str(operator), typed, self.settings)

    def _typed(self, field: Field, value: Any) -> Any:
        """The value in the type of the field."""
        kind = field.type
        if value is None:
            return None
        if kind in ("int", "date", "day", "datetime"):
            return self._typed_number(field, value)
        if kind == "bool":
            if isinstance(value, bool):
                return value
            if value in ("true", "false") and self.settings.int_filters == "lenient":
                return value == "true"
            raise self._wrong(f"{field.name} needs true or false, not {value!r}", "value")
        if isinstance(value, bool | list | dict):
            raise self._wrong(f"{field.name} needs a string, not {value!r}", "value")
        text = str(value)
        if kind == "number" and text.isascii() and text.isdigit():
            return int(text)
        if kind == "number" and text == "":
            return -1  # `id > ""` is how some begin a walk: every id is greater
        return text

    def _typed_number(self, field: Field, value: Any) -> int | float:
        if isinstance(value, bool):
            raise self._wrong(f"{field.name} needs a number", "value")
        if isinstance(value, int | float):
            return value
        if isinstance(value, str) and self.settings.int_filters == "lenient":
            text = value.strip()
            if text.lstrip("-").isdigit():
                return int(text)
        raise self._wrong(f"{field.name} needs a number, not {value!r}", "value")

    def _days(self, field: Field, operator: str, value: Any) -> Test:
        """Contact dates: the moment counts as its whole day in the workspace's time zone."""
        if value is None and operator == "=":
            return _equal(field, None, False, self.settings)
        if value is None:
            raise self._wrong(f"Operator {operator} needs a value", "value")
        zone = ZoneInfo(self.settings.timezone)
        start = datetime.fromtimestamp(value, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        first, after = start.timestamp(), (start + timedelta(days=1)).timestamp()
        read, null = field.read, self.settings.less_than_matches_null
        if operator == "=":
            return lambda row: (at := read(row)) is not None and first <= at < after
        if operator == "<":
            return lambda row: null if (at := read(row)) is None else at < first
        return lambda row: (at := read(row)) is not None and at >= after


def _join(operator: str, tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    first, second = tests[0], tests[1]
    if operator == "AND":
        if len(tests) == 2:
            return lambda row: first(row) and second(row)
        return lambda row: all(test(row) for test in tests)
    if len(tests) == 2:
        return lambda row: first(row) or second(row)
    return lambda row: any(test(row) for test in tests)


def _undated(read: Callable[[Any], Any], settings: Settings) -> Callable[[Any], Any]:
    """A date that some rows do not have."""
    share, seed = settings.undated_share, settings.seed ^ 0xDA7E
    return lambda row: None if draw(seed, zlib.crc32(str(row.id).encode())) < share else read(row)


def _fold(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _equal(field: Field, value: Any, negate: bool, settings: Settings) -> Test:
    read, empty_differs = field.read, settings.untagged_matches_not
    if field.type == "words" and value is not None:
        word = str(value).lower()
        return lambda row: (word in words(read(row))) is not negate
    if field.type in ("int",) and value in (None, 0):  # unassigned is null or 0
        return lambda row: (read(row) in (None, 0)) is not negate
    if field.type in ("int", "date", "bool", "datetime", "number") and not isinstance(value, str):
        if negate:
            return lambda row: (at := read(row)) != value and (at is not None or empty_differs)
        return lambda row: read(row) == value
    wanted = _fold(value)

    def same(row: Any) -> bool:
        found = read(row)
        if found is None or found == ():
            return (wanted is None) is not negate if wanted is None else negate and empty_differs
        if isinstance(found, tuple):
            return (wanted in found) is not negate
        return (_fold(found if isinstance(found, str) else str(found)) == wanted) is not negate

    return same


def _member(field: Field, values: list[Any], negate: bool, settings: Settings) -> Test:
    if field.type in ("int", "date", "number") and all(isinstance(value, int) and value for value in values):
        wanted, read, empty_differs = frozenset(values), field.read, settings.untagged_matches_not
        if not negate:
            return lambda row: read(row) in wanted
        return lambda row: (at := read(row)) not in wanted and (at is not None or empty_differs)
    tests = [_equal(field, value, negate, settings) for value in values]
    if negate:
        return lambda row: all(test(row) for test in tests)
    return lambda row: any(test(row) for test in tests)


def _text(field: Field, operator: str, value: str, settings: Settings) -> Test:
    needle, read = value.lower(), field.read

    def one(text: Any) -> bool:
        folded = str(text).lower()
        if operator == "^":
            return folded.startswith(needle)
        if operator == "$":
            return folded.endswith(needle)
        return needle in folded

    def test(row: Any) -> bool:
        found = read(row)
        if isinstance(found, tuple):
            hit = any(one(text) for text in found)
        else:
            hit = found is not None and one(found)
        return hit is not (operator == "!~")

    return test


def _order(field: Field, operator: str, value: Any, settings: Settings) -> Test:
    if value is None:
        raise Problem(400, settings.search_error_code, f"Operator {operator} needs a value", "value")
    if field.type == "number" and isinstance(value, str):
        raise Problem(400, settings.search_error_code, f"{field.name} needs a number, not {value!r}", "value")
    read, null = field.read, settings.less_than_matches_null
    if settings.inclusive_order and field.type not in ("id", "number"):
        operator = {">": ">=", "<": "<="}.get(operator, operator)
    if operator == ">":
        return lambda row: (at := read(row)) is not None and at > value
    if operator == ">=":
        return lambda row: (at := read(row)) is not None and at >= value
    if operator == "<":
        return lambda row: null if (at := read(row)) is None else at < value
    return lambda row: null if (at := read(row)) is None else at <= value


def freeze(value: Any) -> Hashable:
    """A JSON value as a dictionary key."""
    if isinstance(value, dict):
        return tuple(sorted((key, freeze(entry)) for key, entry in value.items()))
    if isinstance(value, list):
        return tuple(freeze(entry) for entry in value)
    return (type(value).__name__, value)
