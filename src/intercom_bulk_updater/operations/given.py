"""The parameters of a verb as they were given, turned into the texts that the command takes, whoever gave them.

    given = check_given("snooze", Snooze.Parameters, {"until": datetime(2027, 1, 1, 9)})

A program has ids as numbers, moments as datetimes, several as a set or a column of a frame: each stands for what a person would
have typed. What cannot be meant is refused in words, before anything is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..parsing.plain_value import is_missing, is_value, plain, whole_number
from ..parsing.table import cell_text
from ..parsing.text_file import LARGEST_MESSAGE, read_text
from .spec import Kind, Parameter, parameters_of

_NAMED = "a name or an id"
_WORDS = {
    Kind.TEXT: "a text", Kind.MESSAGE: "a text, or the Path of a file with it", Kind.FILE: "the path of a file or a folder",
    Kind.MOMENT: "a datetime, a date, unix seconds, or a text such as 'tomorrow 9:00'", Kind.ID: "an id", Kind.NAMED: _NAMED,
    Kind.TEAM: _NAMED, Kind.ADMIN: "a name, an e-mail address or an id", Kind.TICKET_TYPE: _NAMED, Kind.TICKET_STATE: _NAMED,
    Kind.IDS: "a list of ids", Kind.TAGS: "a list of names or ids", Kind.VALUES: "a dict of fields and their values",
}  # fmt: skip
"""What a parameter is, for a program."""


def check_given(verb: str, declared: type, given: Mapping[str, Any], *, python: bool = False) -> dict[str, Any]:
    """What was given with the defaults of what was not. Raises UsageError for what is unknown, missing or of the wrong form.

    `python`: said to a program.
    """
    known = {one.name: one for one in parameters_of(declared)}
    for name in given:
        if name not in known:
            raise UsageError(f"{verb} has no parameter {name!r}. It has: {', '.join(known) or 'none'}.")
    filled = {one.name: _read(verb, one, plain(given.get(one.name))) for one in known.values()}
    for one in known.values():
        if one.required and filled[one.name] in (None, []):
            said = f"{_WORDS[one.kind]}." if python and one.kind in (Kind.MESSAGE, Kind.VALUES) else one.help
            raise UsageError(f"{verb} needs {one.name}: {said}")
    return filled


def _read(verb: str, one: Parameter, value: Any) -> Any:
    """A parameter as text, as several texts, or as a flag; what was not given as its default."""
    if one.kind is Kind.FLAG:
        if value is not None and not isinstance(value, bool):
            raise UsageError(f"{verb}: {one.name} is true or false, and is {value!r}.")
        return bool(value)
    if value is None:
        return [] if one.kind.many else None
    if one.kind is Kind.VALUES and isinstance(value, Mapping):
        return [_pair(verb, f"{one.name}[{key!r}]", str(key), part) for key, part in value.items()]
    if not one.kind.many:
        return _text(verb, one, value)
    several = [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
    if isinstance(several, Mapping | bytes):
        raise _refusal(verb, one, value)
    texts = [_text(verb, one, plain(part)) for part in several]
    return list(map(_closed, texts)) if one.kind is Kind.VALUES else texts


def _closed(text: str) -> str:
    """KEY=VALUE without the blanks that people put around the equals sign; a value of blanks alone is meant."""
    key, equals, value = text.partition("=")
    return f"{key.strip()}={value.lstrip(' ') or value}" if equals else text


def _text(verb: str, one: Parameter, value: Any) -> str:
    if isinstance(value, str):
        return value
    found = None if isinstance(value, bool) or is_missing(value) else _OF_KIND.get(one.kind, _identity)(value)
    if found is None:
        raise _refusal(verb, one, value)
    return found


def _identity(value: Any) -> str | None:
    number = whole_number(value)
    return str(number) if isinstance(number, int) else None


def _moment(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():+.0f}s"
    return str(int(value)) if isinstance(value, int | float) and 10**8 <= value < 10**15 else None  # milliseconds are told apart later


def _message(value: Any) -> str | None:
    return read_text(str(value), str(value), most=LARGEST_MESSAGE) if isinstance(value, Path) else None


def refuse_unread_file(declared: type, given: Mapping[str, Any]) -> None:
    """Raises UsageError for a message of a program that is `@FILE` of a file that is there: it would be sent as it stands."""
    for one in parameters_of(declared):
        text = given.get(one.name) if one.kind is Kind.MESSAGE else None
        if isinstance(text, str) and text.startswith("@") and len(text) < 256 and Path(text[1:]).is_file():
            raise UsageError(f"{one.name}={text!r} would be sent as it stands. The text of that file is {one.name}=Path({text[1:]!r}).")


_OF_KIND: dict[Kind, Callable[[Any], str | None]] = {
    Kind.MOMENT: _moment, Kind.MESSAGE: _message, Kind.FILE: lambda value: str(value) if isinstance(value, Path) else None,
    Kind.TEXT: lambda _: None, Kind.VALUES: lambda _: None,
}  # fmt: skip
"""What is no text as the text that it stands for, None for what stands for none; other kinds are ids."""


def _pair(verb: str, where: str, key: str, value: Any) -> str:
    """`values={"title": "x"}` of Python as `title=x` of the command; None clears."""
    value = plain(value)
    if value is not None and is_missing(value):
        raise UsageError(f"{verb}: {where} is {value!r}, which is no value: None clears a field; leave it out to keep it.")
    if value is not None and not is_value(value):
        raise UsageError(f"{verb}: {where} is a text, a number, True or False, a date or a datetime, not {value!r}.")
    if "=" in key:
        raise UsageError(f"{verb}: {where} is no field: the name of a field has no = in it.")
    return f"{key}={value if isinstance(value, str) else cell_text(value)}"


def _refusal(verb: str, one: Parameter, value: Any) -> UsageError:
    """What it is to be, and what it was; of a message only its type, where it may hold what nobody else should read."""
    told = type(value).__name__ if one.kind is Kind.MESSAGE and isinstance(value, bytes | Iterable) else repr(value)
    return UsageError(f"{verb}: {one.name} is {_WORDS[one.kind]}, not {told if len(told) <= 80 else f'{told[:80]}...'}.")
