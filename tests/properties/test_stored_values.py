"""What a run is given comes back from the journal as what it was, or is refused before anything is sent."""

from __future__ import annotations

import json
from datetime import UTC, date, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.journal import decode_parameters, encode_parameters
from intercom_bulk_updater.journal.serialization import pack, unpack


class Plan(Enum):
    FREE = "free"
    PAID = ("paid", 2)


class Level(IntEnum):
    LOW = 1


class Kind(StrEnum):
    NOTE = "note"


class Flags(IntFlag):
    A = 1
    B = 2


ZONES = st.none() | st.just(UTC) | st.sampled_from([ZoneInfo("Europe/Dublin"), ZoneInfo("UTC"), timezone(timedelta(minutes=-210))])
HASHABLE = (
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False) | st.binary() | st.dates()
    | st.datetimes(timezones=ZONES) | st.datetimes() | st.times() | st.timedeltas() | st.decimals(allow_nan=False) | st.uuids()
    | st.sampled_from([*Plan, Level.LOW, Kind.NOTE, Flags.A, Flags.A | Flags.B, Path("a/b"), PurePosixPath("/x"), PureWindowsPath("c:/y")])
)  # fmt: skip
HASHABLE_DEEP = st.recursive(HASHABLE, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    HASHABLE_DEEP,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(HASHABLE_DEEP | st.sampled_from(["$type", "$value"]), inner, max_size=3)
    | st.sets(HASHABLE_DEEP, max_size=3)
    | st.tuples(inner)
    | st.binary().map(bytearray),
    max_leaves=8,
)


def shape(value: Any) -> Any:
    """A value with the type of each of its parts, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return type(value), [(shape(k), shape(v)) for k, v in value.items()]
    if isinstance(value, set | frozenset):
        return type(value), sorted(repr(shape(one)) for one in value)
    if isinstance(value, list | tuple):
        return type(value), [shape(one) for one in value]
    return type(value), repr(value)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=3))
def test_every_value_comes_back_as_what_it_was(params: dict[str, Any]) -> None:
    """Through JSON on disk, with its type, as a parameter and as a field of an image."""
    stored = json.loads(json.dumps(encode_parameters(params)))
    assert shape(decode_parameters(stored)) == shape(params)
    assert shape(unpack(pack(params))) == shape(params)


class Custom:
    pass


class Words(str):
    __slots__ = ()


def local() -> Any:
    class Inside(Enum):
        A = 1

    return Inside.A


def endless() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


REFUSED = {
    "object": (Custom(), "Custom"),
    "nested": ({"a": [1, {Custom}]}, "type"),
    "subclass of a text": (Words("x"), "Words"),
    "function": (print, "builtin_function_or_method"),
    "generator": (iter([1]), "list_iterator"),
    "enum in a function": (local(), "Inside"),
    "endless": (endless(), "contains itself"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_come_back_is_refused(name: str) -> None:
    """The parameter and the type are named, and nothing becomes its `repr`."""
    value, said = REFUSED[name]
    with pytest.raises(UsageError, match="parameter until cannot be stored") as caught:
        encode_parameters({"until": value})
    assert said in caught.value.message and "Nothing was written" in caught.value.message


def test_what_cannot_be_read_any_more_is_refused() -> None:
    """An enum that is gone, or a type of a newer program, ends the resume before it writes."""
    gone = {"plan": {"$type": "enum", "$value": ["no.such.module", "", "Plan", "free"]}}
    newer = {"plan": [{"$type": "galaxy", "$value": "M31"}]}
    for stored, name in ((gone, "Plan"), (newer, "galaxy")):
        with pytest.raises(UsageError, match=f"parameter plan cannot be read back: {name}"):
            decode_parameters(stored)


def test_plain_parameters_are_plain_json() -> None:
    """What JSON knows is written as ever: other programs may read the journal."""
    plain = {"team_id": "5001", "tags": ["a"], "values": {"x": 1.5, "y": None}}
    assert encode_parameters(plain) == plain
    assert encode_parameters({"until": date(2026, 1, 31), "at": UUID(int=1), "sum": Decimal("1.10")}) == {
        "until": {"$type": "date", "$value": "2026-01-31"},
        "at": {"$type": "uuid", "$value": str(UUID(int=1))},
        "sum": {"$type": "decimal", "$value": "1.10"},
    }
