"""How values become columns: compact JSON, absent as NULL. The same on every database. No token passes.

What JSON does not know (a date, a set, a tuple, a number as a key) is written with its type, as
`{"$type": "date", "$value": "2026-01-31"}`, so that it comes back as what it was. What cannot be written so is refused
with `Unstorable`; nothing becomes its text.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec.json

from intercom_bulk_updater.api.redact import without_known_tokens
from intercom_bulk_updater.model import Failure

TYPE, VALUE = "$type", "$value"
_PLAIN = frozenset({int, float, bool, type(None)})
_SIMPLE = frozenset({bool, type(None)})
_LONGEST = 2**63

# ASCII, because half of an emoji (a lone surrogate) is legal in JSON and illegal in a database's text.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_encode_shown = json.JSONEncoder(separators=(",", ":"), default=str).encode
_decode_plainly = msgspec.json.Decoder().decode
_encode_plainly = msgspec.json.Encoder().encode


class Unstorable(TypeError):
    """A value that would not come back from the journal as what it is; `where` leads to it: `tags[2].until`."""

    def __init__(self, value: Any, where: str = "") -> None:
        kind = type(value)
        self.kind = kind.__name__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__name__}"
        self.where = where
        super().__init__(f"{where or 'the value'} is a {self.kind}, which cannot be stored with the run")


def to_json(value: Any, where: str = "") -> Any:
    """The value in JSON's own types. Raises Unstorable."""
    kind = type(value)
    if kind in _PLAIN or (kind is str and value.isascii()):
        return value
    if kind is dict and all(type(name) is str for name in value) and TYPE not in value:
        return {name: to_json(one, f"{where}.{name}" if where else name) for name, one in value.items()}
    if kind is list:
        return [to_json(one, f"{where}[{place}]") for place, one in enumerate(value)]
    write = _WRITE.get(kind)
    if write is not None:
        return write(value, where)
    if isinstance(value, Enum):
        return _tagged("enum", _enum(value, where))
    raise Unstorable(value, where)


def from_json(value: Any) -> Any:
    """The inverse of `to_json`. What this program cannot read stays as it is written."""
    if type(value) is list:
        return [from_json(one) for one in value]
    if type(value) is not dict:
        return value
    if TYPE not in value:
        return {name: from_json(one) for name, one in value.items()}
    read = _READ.get(value[TYPE])
    return Unread(value) if read is None else read(value)


class Unread(dict[str, Any]):
    """A stored value of a type that this program does not know, or whose class is gone; written again as it was."""

    __hash__ = object.__hash__  # type: ignore[assignment] # it may stand in a set, or be a key

    def __str__(self) -> str:
        return str(self[VALUE][2] if self[TYPE] == "enum" else self[TYPE])


def unread(value: Any) -> str:
    """The first type in a decoded value that this program could not read; "" for none."""
    if type(value) is Unread:
        return str(value)
    parts = [*value.keys(), *value.values()] if type(value) is dict else value
    return next(filter(None, map(unread, parts)), "") if type(value) in (dict, list, tuple, set, frozenset) else ""


def _decode(text: str) -> Any:
    """JSON as the standard library reads it, four times as fast."""
    try:
        return _decode_plainly(text)
    except ValueError:
        return json.loads(text)  # not a number, half of an emoji


def pack(value: Mapping[str, Any] | None) -> str | None:
    """Compact JSON without tokens, or None for None. Raises Unstorable."""
    if value is None:
        return None
    value = value if type(value) is dict else dict(value)
    return without_known_tokens(_encode_plainly(value).decode() if _is_simple(value) else _encode(to_json(value)))


def _is_simple(value: dict[Any, Any]) -> bool:
    """Whether any encoder writes it alike: ASCII names and texts, whole numbers, yes and no; as nearly all images are."""
    for name, one in value.items():
        kind = type(one)
        simple = one.isascii() if kind is str else -_LONGEST <= one < _LONGEST if kind is int else kind in _SIMPLE
        if not (simple and type(name) is str and name.isascii()):
            return False
    return TYPE not in value


def unpack(text: str | None) -> dict[str, Any] | None:
    """The inverse of `pack`."""
    if text is None:
        return None
    found: dict[str, Any] = _decode(text)
    return from_json(found) if TYPE in text else found


def pack_json(value: Mapping[str, Any] | None) -> str | None:
    """What is JSON already and is to be read as such, or is only shown to people: a date becomes its text."""
    return None if value is None else without_known_tokens(_encode_shown(value if type(value) is dict else dict(value)))


def unpack_or_empty(text: str | None) -> dict[str, Any]:
    """JSON as it is written, with an empty dict for NULL."""
    found: dict[str, Any] = {} if text is None else _decode(text)
    return found


def clean(text: str) -> str:
    """Text as a database takes it: what is no character becomes a question mark."""
    text = without_known_tokens(text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def plain(text: str | None) -> str | None:
    """As `clean`, with None for the empty text."""
    return clean(text) if text else None


def pack_failure(failure: Failure | None) -> str | None:
    """Everything of a failure but its cause, without what is empty."""
    if failure is None:
        return None
    parts = {
        "message": failure.message,
        "status": failure.status,
        "code": failure.code,
        "request_id": failure.request_id,
        "untold": failure.untold,
        "asked": failure.asked,
    }
    return without_known_tokens(_encode({name: part for name, part in parts.items() if part}))


def unpack_failure(cause: str | None, text: str | None) -> Failure | None:
    """The inverse of `pack_failure`."""
    return None if cause is None else Failure(cause, **unpack_or_empty(text))


def _tagged(name: str, value: Any) -> dict[str, Any]:
    return {TYPE: name, VALUE: value}


def _text(value: str, where: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        # Half of an emoji is in no encoding; a plan is a file in one.
        return _tagged("text", base64.b64encode(value.encode("utf-8", "surrogatepass")).decode())
    return value


def _zone(zone: tzinfo | None, value: Any, where: str) -> Any:
    if zone is None:
        return None
    if type(zone) is timezone:
        return zone.utcoffset(None).total_seconds()
    if type(zone) is ZoneInfo and zone.key:
        return zone.key
    raise Unstorable(zone, f"the time zone of {where or 'the value'}")


def _zone_of(stored: Any) -> tzinfo | None:
    return None if stored is None else ZoneInfo(stored) if isinstance(stored, str) else timezone(timedelta(seconds=stored))


def _moment(name: str) -> Callable[[Any, str], Any]:
    def write(value: datetime | time, where: str) -> Any:
        return _tagged(name, [value.replace(tzinfo=None).isoformat(), _zone(value.tzinfo, value, where), value.fold])

    return write


def _moment_of(kind: type[datetime] | type[time]) -> Callable[[Mapping[str, Any]], Any]:
    def read(stored: Mapping[str, Any]) -> Any:
        text, zone, fold = stored[VALUE]
        return kind.fromisoformat(text).replace(tzinfo=_zone_of(zone), fold=fold)

    return read


def _several(name: str) -> Callable[[Any, str], Any]:
    return lambda value, where: _tagged(name, [to_json(one, f"{where}[{place}]") for place, one in enumerate(value)])


def _several_of(kind: Callable[[Any], Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda stored: kind(from_json(one) for one in stored[VALUE])


def _by_text(name: str) -> Callable[[Any, str], Any]:
    return lambda value, _: _tagged(name, str(value))


def _by_text_of(kind: Callable[[str], Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda stored: kind(stored[VALUE])


def _pairs(value: dict[Any, Any], where: str) -> Any:
    return _tagged("dict", [[to_json(k, f"a key of {where}"), to_json(v, f"{where}[{k!r:.40}]")] for k, v in value.items()])


def _bytes(name: str) -> Callable[[Any, str], Any]:
    return lambda value, _: _tagged(name, base64.b64encode(value).decode())


def _enum(value: Enum, where: str) -> list[Any]:
    kind = type(value)
    written = [kind.__module__, _file(sys.modules.get(kind.__module__)), kind.__qualname__, to_json(value.value, where)]
    if _enum_of(_tagged("enum", written)) is not value:
        raise Unstorable(value, where)  # defined in a function, or typed into a session: it cannot be found again
    return written


def _file(module: Any) -> str:
    file = getattr(module, "__file__", None)
    return os.path.realpath(file) if isinstance(file, str) else ""


def _enum_of(stored: Mapping[str, Any]) -> Any:
    module, file, name, value = stored[VALUE]
    # A script is `__main__` when it runs and has another name when a resume loads it: its file says which it is.
    known = [found for found in (sys.modules.get(module),) if found is not None and _file(found) == file]
    for found in known or (m for m in list(sys.modules.values()) if file and _file(m) == file):
        kind: Any = found
        for part in name.split("."):
            kind = getattr(kind, part, None)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind(from_json(value))
    return Unread(stored)


_WRITE: dict[type, Callable[[Any, str], Any]] = {
    str: _text,
    dict: _pairs,
    tuple: _several("tuple"),
    set: _several("set"),
    frozenset: _several("frozenset"),
    bytes: _bytes("bytes"),
    bytearray: _bytes("bytearray"),
    date: _by_text("date"),
    datetime: _moment("datetime"),
    time: _moment("time"),
    timedelta: lambda value, _: _tagged("timedelta", [value.days, value.seconds, value.microseconds]),
    Decimal: _by_text("decimal"),
    UUID: _by_text("uuid"),
    type(Path()): _by_text("path"),
    PurePosixPath: _by_text("posix path"),
    PureWindowsPath: _by_text("windows path"),
    Unread: lambda value, _: dict(value),
}
_READ: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "text": lambda stored: base64.b64decode(stored[VALUE]).decode("utf-8", "surrogatepass"),
    "dict": lambda stored: {from_json(k): from_json(v) for k, v in stored[VALUE]},
    "tuple": _several_of(tuple),
    "set": _several_of(set),
    "frozenset": _several_of(frozenset),
    "bytes": lambda stored: base64.b64decode(stored[VALUE]),
    "bytearray": lambda stored: bytearray(base64.b64decode(stored[VALUE])),
    "date": _by_text_of(date.fromisoformat),
    "datetime": _moment_of(datetime),
    "time": _moment_of(time),
    "timedelta": lambda stored: timedelta(*stored[VALUE]),
    "decimal": _by_text_of(Decimal),
    "uuid": _by_text_of(UUID),
    "path": _by_text_of(Path),
    "posix path": _by_text_of(PurePosixPath),
    "windows path": _by_text_of(PureWindowsPath),
    "enum": _enum_of,
}
