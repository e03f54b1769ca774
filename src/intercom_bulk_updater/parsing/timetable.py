"""A value for each time of the day: `22:00-06:00=100%, else 40%`. A value alone holds all day."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from ..errors import UsageError

T = TypeVar("T")
_ENTRY = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s*=\s*(.+)")
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Timetable(Generic[T]):
    """Values by the minutes of a day; `entries` are (from, to, value), none of which overlap."""

    entries: tuple[tuple[int, int, T], ...]
    otherwise: T

    @classmethod
    def parse(cls, text: str, value: Callable[[str], T]) -> Timetable[T]:
        """`value` reads each value. Raises UsageError."""
        entries: list[tuple[int, int, T]] = []
        taken: set[int] = set()
        pieces = [piece.strip() for piece in text.split(",")] if "=" in text else [f"else {text.strip()}"]
        for piece in pieces[:-1]:
            found = _ENTRY.fullmatch(piece)
            if found is None:
                raise _unreadable(text)
            begins, ends = _minute(found[1], found[2], text), _minute(found[3], found[4], text)
            if begins == ends and found[3] != "24":
                raise UsageError(f"{text!r}: {piece} has no minute; a value alone holds all day.")
            minutes = range(begins, ends if begins < ends else ends + _DAY)
            if not taken.isdisjoint(minute % _DAY for minute in minutes):
                raise UsageError(f"{text!r}: {piece} overlaps the hours before it: let it begin where they end.")
            taken.update(minute % _DAY for minute in minutes)
            entries.append((begins, ends, value(found[5])))
        last = re.fullmatch(r"(?i:else)\s+(.+)", pieces[-1])
        if last is None:
            raise _unreadable(text)
        return cls(tuple(entries), value(last[1]))

    def at(self, when: datetime) -> T:
        """What holds then; `22:00-06:00` goes over midnight, and the minute it ends with is not a part of it."""
        minute = when.hour * 60 + when.minute
        for begins, ends, value in self.entries:
            if (begins <= minute < ends) if begins < ends else (minute >= begins or minute < ends):
                return value
        return self.otherwise

    @property
    def values(self) -> list[T]:
        """All of them."""
        return [*(value for _, _, value in self.entries), self.otherwise]


def _minute(hour: str, minute: str, text: str) -> int:
    if int(minute) > 59 or not (int(hour) < 24 or (int(hour), int(minute)) == (24, 0)):
        raise UsageError(f"{text!r}: {hour}:{minute} is not a time of the day.")
    return (int(hour) * 60 + int(minute)) % _DAY


def _unreadable(text: str) -> UsageError:
    return UsageError(f"{text!r} is not a timetable: write hours with their values, and what else holds: '22:00-06:00=100%, else 40%'.")
