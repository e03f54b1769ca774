"""Other ways to write a day or a time: those of one meaning in our way, and what somebody may have meant by the others."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WORDS = (*WEEKDAYS, *_MONTHS, "today", "tomorrow", "yesterday", "next", "last", "ago", "noon")
_MONTH = {**{short: number for number, name in enumerate(_MONTHS, 1) for short in (name, name[:3])}, "sept": 9}
_NUMBER, _NAME = r"([0-9]{1,2})(?:st|nd|rd|th)?", r"([a-z]{3,9})\.?"
_DAY_AND_MONTH = rf"(?:{_NUMBER}\.?[ -]{_NAME}|{_NAME} {_NUMBER})"
_IN_FULL = re.compile(rf"{_DAY_AND_MONTH},?[ -]([0-9]{{4}})(?= |$)", re.IGNORECASE)
_WITHOUT_YEAR = re.compile(_DAY_AND_MONTH)
_LOOSE_CLOCK = re.compile(r"(.*?)(?:^| at | )(midnight|([01]?[0-9]|2[0-3])(?:[.h]([0-5][0-9])?)?)")
_CLOCK = re.compile(r"(.*?)(?:^| at | )([0-9]{1,2}:[0-9:.]+ ?(?:[ap]m)?|[0-9]{1,2} ?[ap]m|noon)")


def in_our_way(typed: str) -> str:
    """`26.11.2026 9:00` and `26 Nov 2026 9:00` as `2026-11-26 9:00`, where there is but one way to read it."""
    if (named := _IN_FULL.match(typed)) and (day := _named_day(named)):
        with suppress(ValueError):
            return f"{date(int(named[5]), *day)}{typed[named.end():]}"
    first, space, rest = typed.partition(" ")
    days = other_ways(first)
    return f"{days[0]}{space}{rest}" if len(days) == 1 else typed


def other_ways(typed: str) -> list[str]:
    """What 31/01/2026, 1.2.2026 or 2026/01/31 may mean, in our way of writing; two days where nobody can tell.

    With dots between, the day comes first wherever people write so.
    """
    if found := re.fullmatch(r"([0-9]{4})[/. ]([0-9]{1,2})[/. ]([0-9]{1,2})", typed):
        orders = [(found[1], found[2], found[3])]
    elif found := re.fullmatch(r"([0-9]{1,2})[/. -]([0-9]{1,2})[/. -]([0-9]{4})", typed):
        orders = [(found[3], found[2], found[1]), (found[3], found[1], found[2])][: 1 if "." in typed else 2]
    else:
        return []
    days = []
    for year, month, day in orders:
        with suppress(ValueError):
            days.append(date(int(year), int(month), int(day)).isoformat())
    return list(dict.fromkeys(days))


def nearest(typed: str, today: date, *, ahead: bool) -> Iterator[str]:
    """What `typed` (in lower case) may mean, in forms that are read, perhaps: not all of them are. `ahead`: a day to come is meant."""
    day, clocks = _apart(typed)
    words = [day, spelled := _spelled(day)]
    if spelled.partition(" ")[0] in WEEKDAYS and (rest := day.partition(" ")[2])[:1].isdigit():
        words.append(rest)  # Thu 26 Nov 2026
    days = [one for word in words for one in (word, *_days(word, today, ahead)) if one] if day else ["today", "tomorrow"]
    return (f"{one} {clock}".strip() for one in days for clock in clocks if typed)


def _apart(typed: str) -> tuple[str, list[str]]:
    """The words of the day, and the times that the rest may mean."""
    if found := _CLOCK.fullmatch(typed):
        return found[1], [found[2]]
    found = _LOOSE_CLOCK.fullmatch(typed)
    if found is None or found[1].split()[-1:] in ([name] for name in _MONTH):  # "nov 26" is a day
        return typed, [""]
    if found[2] == "midnight":
        return found[1], ["0:00"]
    hour, minute = int(found[3]), found[4] or "00"
    return found[1], [f"{one}:{minute}" for one in ((hour, hour + 12) if 0 < hour < 12 else (hour,))]


def _days(day: str, today: date, ahead: bool) -> Iterator[str]:
    """Days that these words may mean."""
    if day in WEEKDAYS:
        yield from (f"last {day}", f"next {day}")
    elif found := re.fullmatch(r"([0-9]{1,2})[./-]([0-9]{1,2})(?:[./-]([0-9]{2})?)?", day):
        numbers = int(found[1]), int(found[2])
        for month, number in (numbers[::-1], numbers)[: 1 if "." in day else 2]:
            with suppress(ValueError):
                one = _in_year(month, number, today, ahead, found[3])
                yield f"{one.day:02}.{one.month:02}.{one.year}"
    elif (named := _WITHOUT_YEAR.fullmatch(day)) and (month_and_day := _named_day(named)):
        with suppress(ValueError):
            one = _in_year(*month_and_day, today, ahead)
            yield f"{one.day} {_MONTHS[one.month - 1][:3].capitalize()} {one.year}"
    else:
        yield from _of_a_week(day, today)


def _in_year(month: int, day: int, today: date, ahead: bool, year: str | None = None) -> date:
    """The day of a year of two figures; of none, of this year, or of the next where one to come is meant. Raises ValueError."""
    if year is not None:
        return date(today.year // 100 * 100 + int(year), month, day)
    one = date(today.year, month, day)
    return one if one >= today or not ahead else date(today.year + 1, month, day)


def _of_a_week(day: str, today: date) -> Iterator[str]:
    """Of `last week`, `monday next week` and `next month` the day that is meant, or where it begins."""
    words = day.split()
    which = next((one for one in ("last", "this", "next") if one in words), None)
    what = next((one for one in ("week", "month", "year") if one in words), None)
    if which is None or what is None:
        return
    step, rest = ("last", "this", "next").index(which) - 1, [one for one in words if one not in (which, what)]
    monday = today + timedelta(weeks=step, days=-today.weekday())
    if what == "week" and len(rest) == 1 and rest[0] in WEEKDAYS:
        yield (monday + timedelta(days=WEEKDAYS.index(rest[0]))).isoformat()
    if rest:
        return
    if step:
        length = {"week": 7, "month": 30, "year": 365}[what]
        yield f"{length}d ago" if step < 0 else f"+{length}d"
    months = today.year * 12 + today.month - 1 + step
    first = {"week": monday, "month": date(months // 12, months % 12 + 1, 1), "year": date(today.year + step, 1, 1)}[what]
    yield first.isoformat()


def _spelled(day: str) -> str:
    """The same words, each as one that is known: "mon" and "moonday" as "monday"."""
    return " ".join(_known(word) if word.isalpha() else word for word in day.split())


def _known(word: str) -> str:
    begun = [one for one in WEEKDAYS if len(word) > 2 and one.startswith(word)]
    return next(iter(begun or difflib.get_close_matches(word, _WORDS, 1)), word)


def _named_day(found: re.Match[str]) -> tuple[int, int] | None:
    """Month and day of `26 nov` or `nov 26`; None where the word is no month."""
    number, name = (found[1], found[2]) if found[1] else (found[4], found[3])
    month = _MONTH.get(name.lower())
    return None if month is None else (month, int(number))
