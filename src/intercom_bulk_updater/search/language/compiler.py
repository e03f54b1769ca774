"""One condition, `field operator value`, made into filters of the types that Intercom wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from difflib import get_close_matches
from math import isfinite
from typing import Any

from intercom_bulk_updater.errors import UnknownName, UsageError
from intercom_bulk_updater.parsing.amounts import parse_duration
from intercom_bulk_updater.parsing.dates import Instant, day_of, next_day, parse_instant, start_of_day
from intercom_bulk_updater.parsing.printable import printable_name
from intercom_bulk_updater.search.attributes import Attribute, option_of, type_of
from intercom_bulk_updater.search.language.query_tree import MOST, Filter, Node, every, negate, or_empty, some
from intercom_bulk_updater.search.language.terms import OPERATORS, TYPE_WORDS, Field, Resource, Term

ORDER = (">", "<", ">=", "<=")
_TEXT = ("~", "!~", "^", "$")
_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
EVER = -2_208_988_800
"""1900: every date is after it, and what has none is not."""
_NOBODY = ("none", "null", "nobody", "unassigned", "empty")
_SPELLED = {"IN": "in", "NIN": "not in"}
# What Intercom refuses, and what is sent as others that it takes: lists, and dates of contacts by whole days.
_WRITTEN_OUT = {("tag", "IN"), ("tag", "NIN"), *(("day", one) for one in ("!=", "IN", "NIN", ">=", "<="))}


@dataclass(frozen=True, slots=True)
class Resolved:
    """An item of the workspace that a name stands for."""

    id: str
    name: str = ""
    category: str = ""
    """Of a ticket state."""


@dataclass(frozen=True, slots=True)
class Several:
    """What one value stands for when it is several items: an e-mail address that two contacts have."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class States:
    """The ticket states that one name stands for, as each ticket type may have its own, and the categories that they are in."""

    ids: tuple[str, ...]
    categories: tuple[str, ...]


Attributes = Callable[[str], Mapping[str, Attribute]]
"""Resource -> its custom attributes by name; see search/attributes.py."""

Resolve = Callable[[str, str], Resolved]
"""(kind, name or id) -> the one item of that kind. Raises UsageError for an unknown or ambiguous name."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a condition is read against. `now`: unix seconds; `timezone`: the workspace's."""

    resource: Resource
    resolve: Resolve | None
    now: float
    timezone: str
    whole_days: bool
    attributes: Attributes | None = None
    contacts: Callable[[str], Sequence[Resolved]] | None = None
    states: Callable[[str], Sequence[Resolved]] | None = None


def resolve_types(context: Context, term: Term) -> list[Term]:
    """The term with the type that the workspace gives its custom attribute, by its name, or for a ticket also by its id.

    Several where more than one ticket type has an attribute of that name. Raises UsageError with the nearest names.
    """
    prefix = context.resource.open_prefix
    if term.field.type != "any" or context.attributes is None:
        return [term]
    known, name = context.attributes(context.resource.name), term.field.name.removeprefix(prefix)
    keys = [name] if name in known else [key for key, one in known.items() if str(one.get("name")) == name]
    if not keys:
        names = dict.fromkeys(str(one.get("name")) for one in known.values())
        near = ", ".join(map(printable_name, get_close_matches(name, names, 3, 0) or names)) or "the workspace has none"
        raise UsageError(f"{context.resource.name.capitalize()} have no attribute {printable_name(name)!r}. Nearest: {near}.")
    return [_typed(context, replace(term, field=replace(term.field, name=prefix + key)), known[key]) for key in keys]


def _typed(context: Context, term: Term, attribute: Attribute) -> Term:
    kind = {"option": "text", "date": "day" if context.resource.name == "contacts" and context.whole_days else "date"}
    named = type_of(attribute)
    type_ = kind.get(named, named if named in TYPE_WORDS else "any")
    return replace(term, field=replace(term.field, type=type_), attribute=attribute if named == "option" else None)


def takes_words(term: Term, operator: str) -> bool:
    """Whether a value may be several words without quotes: `30 days ago`, `2026-01-31 09:00`."""
    kind = term.field.type
    return term.since or kind in ("date", "day") or term.field.seconds or (kind == "any" and operator in ORDER)


def check_operator(term: Term, typed: str, operator: str) -> None:
    """Raise UsageError, with what is allowed, when the field does not take the operator."""
    field = term.field
    if term.since:
        if operator not in ORDER:
            raise UsageError(f"{typed} is a length of time up to now: write {typed} > 30d or {typed} < 2h.")
        operator = _TURNED[operator]
        if operator in field.operators or (field.type, operator) in _WRITTEN_OUT:
            return
    elif operator in field.operators or (field.type, operator) in _WRITTEN_OUT:
        return
    shown = _SPELLED.get(operator, operator)
    allowed = " ".join(_SPELLED.get(one, one) for one in field.operators)
    raise UsageError(f"{typed} is {field.type_words}: it does not take {shown}. It takes {allowed}.")


def parse_value(context: Context, term: Term, operator: str, text: str, *, quoted: bool = False) -> Any:
    """A typed value: an id, a number, a text, True or False, None, or an Instant. Raises UsageError."""
    field, lower = term.field, text.lower()
    if term.since:
        return Instant(int(context.now - _length(text)))
    if operator not in _TEXT:
        if field.kind == "ticket_state":
            return _states(context, field, text)
        if field.choices and not (field.optional and lower in _NOBODY):
            return _choice(field, text)
        if lower in _NOBODY and not quoted:
            return _nobody(field, operator)
        if field.kind == "contact":
            return _contacts(context, text)
        if field.kind:
            return _named(context, field, text)
    if term.attribute is not None and operator not in _TEXT:
        return option_of(term.attribute, text)
    return _of_type(context, field, operator, text, quoted)


def _of_type(context: Context, field: Field, operator: str, text: str, quoted: bool) -> Any:
    match field.type:
        case "date" | "day":
            return _instant(context, text)
        case "number":
            return _number(field, text)
        case "integer":
            return _whole_number(field, text)
        case "boolean":
            return _yes_or_no(field, text)
        case "any":
            return _guessed(context, field, operator, text, quoted)
    if field.type == "words" and operator in ("=", "!=", "IN", "NIN") and len(text.split()) != 1:
        both = " and ".join(f"body = {word}" for word in text.split()) or "body = refund"
        raise UsageError(f"Intercom compares single words of a message: write {both}.")
    if not text:
        raise UsageError(f"An empty text matches nothing: write none for {field.name} without a value.")
    return text


def build(context: Context, term: Term, operator: str, values: Sequence[Any]) -> Node:
    """The filters of a condition whose values are typed."""
    field = term.field
    operator = _TURNED[operator] if term.since else operator
    if any(isinstance(value, Several) for value in values):
        operator = {"=": "IN", "!=": "NIN"}.get(operator, operator)
        values = [one for value in values for one in (value.ids if isinstance(value, Several) else (value,))]
    values = list({repr(value): value for value in values}.values())  # by repr: True is not 1
    if any(isinstance(value, States) for value in values):
        return _in_states(context, operator, values)
    if operator in ("IN", "NIN"):
        # The contract has texts and whole numbers in lists, and nothing else.
        listable = all(isinstance(value, str | int) and not isinstance(value, bool) for value in values)
        if field.type == "tag" or not listable:
            one, join = ("=", some) if operator == "IN" else ("!=", every)
            return join(_compare(context, field, one, value) for value in values)
        cuts = [list(values[i : i + MOST]) for i in range(0, len(values), MOST)]
        filters = [Filter(field.name, operator, cut, field.operators) for cut in cuts]
        return some(filters) if operator == "IN" else every(filters)
    return _compare(context, field, operator, values[0])


def either(conditions: Sequence[Callable[[], tuple[Node, Sequence[Any]]]], operator: str) -> Node:
    """One condition on several attributes of the same name; one that cannot have the value is left out. Raises UsageError if all are."""
    built, refused = [], []
    for condition in conditions:
        try:
            built.append(condition())
        except UsageError as error:
            refused.append(error)
    if not built:
        raise refused[0]
    empty = list(built[0][1]) == [None]
    return (every if (operator in ("!=", "NIN", "!~")) != empty else some)(node for node, _ in built)


def _compare(context: Context, field: Field, operator: str, value: Any) -> Node:
    by_days = field.type == "day" or (field.type == "any" and context.resource.name == "contacts" and context.whole_days)
    if by_days and (isinstance(value, Instant) or (value is None and field.type == "day")):
        return _by_days(context, field, operator, value)
    if not isinstance(value, Instant):
        return Filter(field.name, operator, value, field.operators)
    allowed = field.operators
    if value.day is None or "!=" not in allowed:
        return Filter(field.name, operator, value.at, allowed)
    # A day on a field that is exact to the second: the whole of it, in seconds, by the two documented orders.
    first, after = start_of_day(value.day, context.timezone), next_day(value.day, context.timezone)

    def part(order: str, at: int) -> Filter:
        return Filter(field.name, order, at, allowed)

    parts: dict[str, Node] = {
        "=": every([part(">", first - 1), part("<", after)]),
        "!=": or_empty(some([part("<", first), part(">", after - 1)]), part("<", first)),
        ">": part(">", after - 1),
        ">=": part(">", first - 1),
        "<": part("<", first),
        "<=": part("<", after),
    }
    return parts[operator]


def _by_days(context: Context, field: Field, operator: str, value: Instant | None) -> Node:
    """A date of contacts, of which Intercom knows the day, the days before (<) and the days after (>)."""

    def part(order: str, at: int | None) -> Filter:
        return Filter(field.name, order, at, OPERATORS["day"])

    if operator in OPERATORS["day"]:
        return part(operator, None if value is None else value.at)
    if value is None:  # any day; whether < takes what has none is not documented
        return part(">", EVER)
    day = value.day or day_of(value.at, context.timezone)
    first = start_of_day(day, context.timezone)
    if operator == "!=":
        return some([part("<", first), part(">", first), part("=", None)])
    eve = start_of_day(day - timedelta(days=1), context.timezone)
    return part(">", eve) if operator == ">=" else part("<", next_day(day, context.timezone))


def _length(text: str) -> float:
    try:
        return parse_duration(text)
    except UsageError as error:
        if re.match(r"[0-9]{4}-", text):
            raise UsageError(f"{text} is a date; this takes a length of time (30d). For dates: created, updated.") from None
        raise error


def _instant(context: Context, text: str) -> Instant:
    if re.fullmatch(r"[0-9.]+ ?[a-zA-Z]+( ?[0-9.]+ ?[a-zA-Z]+)*", text) and not text.lower().startswith("now"):
        return Instant(int(context.now - parse_duration(text)))  # `30d`: thirty days ago
    if re.fullmatch(r"[0-9]{8}", text):
        raise UsageError(f"{text} is not a date: write {text[:4]}-{text[4:6]}-{text[6:]}.")
    if re.fullmatch(r"[0-9]{1,7}", text):
        year = f"{text}-01-01 for the first day of that year, or " if re.fullmatch("19..|20..", text) else ""
        raise UsageError(f"{text} is not a date: write {year}{text}d for {text} days ago, or a date such as 2026-01-31.")
    if found := re.match(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?![0-9])", text):
        try:
            if date(*map(int, found.groups())) == date.max:
                raise UsageError(f"{text} is beyond the calendar: the last day is {date.max - timedelta(days=1)}.")
        except ValueError:
            raise UsageError(f"{text}: there is no such day: year, month and day are written 2026-01-31.") from None
    return parse_instant(text, context.now, context.timezone)


def _states(context: Context, field: Field, text: str) -> str | States:
    """A category, which Intercom searches by, or the states of that name."""
    if text in field.choices or context.states is None:
        return text
    try:
        found = context.states(text)
    except UnknownName as error:
        with suppress(UsageError):
            return _choice(field, text)
        categories = f" Or a category: {', '.join(field.choices)}." if field.choices else ""
        raise UsageError(error.message + categories) from None
    return States(tuple(one.id for one in found), tuple(dict.fromkeys(one.category for one in found)))


def _in_states(context: Context, operator: str, values: Sequence[Any]) -> Node:
    """Whether a ticket is in one of these states: judged here, of the tickets that are in their categories."""
    fields = context.resource.shown

    def one_of(name: str, found: Sequence[str]) -> Node:
        operator, value = ("IN", list(found)) if len(found) > 1 else ("=", found[0])
        return Filter(name, operator, value, fields[name].operators)

    categories = [value for value in values if not isinstance(value, States)]
    states = [value for value in values if isinstance(value, States)]
    named = one_of("ticket_state.id", list(dict.fromkeys(one for value in states for one in value.ids)))
    parts = [one_of("ticket_state.category", categories)] if categories else []
    if operator in ("!=", "NIN"):
        return every(negate(part) for part in (*parts, named))
    narrower = one_of("ticket_state.category", list(dict.fromkeys(one for value in states for one in value.categories)))
    return some([*parts, every([narrower, named])])


def _choice(field: Field, text: str) -> str:
    lower = text.lower().replace(" ", "-").replace("_", "-")
    known = {choice.replace("_", "-"): choice for choice in field.choices} | dict(field.spoken)
    if lower in known:
        return known[lower]
    near = get_close_matches(lower, known, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"{field.name} is never {text!r}: it is one of {', '.join(field.choices)}.{meant}")


def _nobody(field: Field, operator: str) -> int | str | None:
    if operator in ORDER:
        raise UsageError(f"Without a value there is no {operator}: write = none or != none.")
    if field.name in ("admin_assignee_id", "team_assignee_id"):
        return 0 if field.type == "integer" else "0"  # what an unassigned item says
    return None


def _contacts(context: Context, text: str) -> str | Several:
    """The id of a contact, or the ids of all that have an e-mail address or an external id."""
    found = context.contacts(text) if context.contacts is not None else [Resolved(text)]
    if context.contacts is None and "@" in text:
        raise UsageError(f"{text!r} is an e-mail address, and no list of contacts is at hand here: give the contact's id.")
    return found[0].id if len(found) == 1 else Several(tuple(one.id for one in found))


def _named(context: Context, field: Field, text: str) -> int | str:
    if context.resolve is not None:
        identity = context.resolve(field.kind, text).id
    elif text.isascii() and text.isdigit():
        identity = text
    else:
        raise UsageError(f"{text!r} is a name, and no list of names is at hand here: give the id.")
    return int(identity) if field.type == "integer" else identity


def _whole_number(field: Field, text: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if field.seconds:
        return int(parse_duration(text))
    raise UsageError(f"{field.name} is a whole number, and {text!r} is not one.")


def _number(field: Field, text: str) -> int | float:
    with suppress(ValueError):
        found = float(text)
        if isfinite(found):
            return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else found
    raise UsageError(f"{field.name} is a number, and {text!r} is not one.")


def _yes_or_no(field: Field, text: str) -> bool:
    known = {"true": True, "yes": True, "false": False, "no": False}
    if text.lower() not in known:
        state = " For open conversations without the snoozed ones, write state = open." if field.name == "open" else ""
        raise UsageError(f"{field.name} is true or false, not {text!r}.{state}")
    return known[text.lower()]


def _guessed(context: Context, field: Field, operator: str, text: str, quoted: bool) -> Any:
    """The value of a custom attribute of unknown type: a text in quotes; else a number, true or false, a date, or a text."""
    if operator in _TEXT or (quoted and operator not in ORDER):
        return text
    if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text):  # 00123 is not a number that anybody writes
        return int(text)
    if operator in ORDER:
        return _instant(context, text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return _instant(context, text)
    return text
