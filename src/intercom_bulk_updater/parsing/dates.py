"""Points in time that people type, in the workspace's time zone. `now` is given: tests own the clock."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import UsageError
from .amounts import parse_duration
from .day_forms import WEEKDAYS, in_our_way, nearest, other_ways

_CLOCK = (
    r"(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9])(?:\.[0-9]{1,9})?)?|noon"
    r"|(?P<hour12>1[0-2]|[1-9])(?::(?P<minute12>[0-5][0-9]))?\s?(?P<half>am|pm)"
)
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DAY = rf"{_ISO}|(?:next |last )?[a-z]+"
_NAMED = 4
"""Forms that a refusal names at most."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time: unix seconds, and the day when a whole day was meant (`at` is its first second)."""

    at: int
    day: date | None = None


def parse_moment(text: str, now: float, timezone: str = "UTC") -> int:
    """Unix seconds of a future moment: ISO 8601, `+3d`, `tomorrow 9:00`, `monday 9:00`, `2026-12-01`, ...

    Times without a zone are in `timezone` (the workspace's). A day alone is its first second. A time that happens
    twice at the end of summer time is the first. `+3d` is 72 hours. Unix seconds are taken too. Raises UsageError for
    anything else, for a time that the change to summer time leaves out, and for the past.
    """
    instant = _parse(text, now, timezone, weekdays=True)
    if instant.at <= now:
        when = moment_in(instant.at, timezone)
        late = next((form for form in ("today 17:00", "today 23:59") if _is_taken(form, now, timezone, weekdays=True)), "")
        hint = f" For a time of today, write {late}." if late and text.strip().lower() == "today" else ""
        raise UsageError(f"{text!r} is in the past: {when}.{hint}")
    return instant.at


def parse_instant(text: str, now: float, timezone: str = "UTC") -> Instant:
    """Any moment, past or future: also `now`, `30d ago`, `-30d`, `now-30d`, `yesterday`, `last monday`; no weekday
    alone, as that could mean the last or the next. Raises UsageError.
    """
    return _parse(text, now, timezone, weekdays=False)


def _parse(text: str, now: float, timezone: str, *, weekdays: bool) -> Instant:
    typed = in_our_way(" ".join(text.replace("\N{MINUS SIGN}", "-").split()).lower())
    if (found := _read(typed, now, timezone, weekdays=weekdays)) is None:
        raise _refusal(text, typed, now, timezone, weekdays=weekdays)
    return found


def _read(typed: str, now: float, timezone: str, *, weekdays: bool) -> Instant | None:
    try:
        return _relative(typed, now) or _absolute(typed) or _calendar(typed, now, timezone, weekdays)
    except (OverflowError, ValueError, OSError):
        return None


def _refusal(text: str, typed: str, now: float, timezone: str, *, weekdays: bool) -> UsageError:
    """Why it is not taken, with what is: the nearest forms, of which each has been tried."""
    today = day_of(now, timezone)

    def taken(forms: Iterable[str]) -> str:
        return " or ".join(islice(dict.fromkeys(form for form in forms if _is_taken(form, now, timezone, weekdays=weekdays)), _NAMED))

    if re.fullmatch(r"[0-9]{13}", typed):
        return UsageError(f"{text!r} looks like milliseconds: give unix seconds, {typed[:10]} for {describe(int(typed[:10]), timezone)}.")
    first, _, rest = typed.partition(" ")
    if forms := taken(f"{day} {rest}".strip() for day in other_ways(first)):
        return UsageError(f"{text!r} can be read in two ways: write {forms}.")
    forms = taken(nearest(typed, today, ahead=weekdays))
    gone = (*other_ways(first), *nearest(typed, today, ahead=True))
    if not forms and any(_is_taken(form, now, timezone, weekdays=False) for form in gone):
        return UsageError(f"{text!r} is in the past.")
    if not forms:
        later = today + timedelta(days=7)
        forms = f"+3d, in 3 days, tomorrow 9:00, next monday 9:00, {later} 9:00, {later:%d.%m.%Y}, or ISO 8601 ({later}T09:00:00Z)"
    elif re.fullmatch(_CLOCK, typed):
        return UsageError(f"{text!r} names no day: write {forms}.")
    elif first in WEEKDAYS and forms.startswith("last "):
        return UsageError(f"{text!r} could be the last or the next: write {forms}.")
    return UsageError(f"{text!r} is not a time that I can read: write {forms}.")


def _is_taken(form: str, now: float, timezone: str, *, weekdays: bool) -> bool:
    with suppress(UsageError):
        found = _read(in_our_way(form.lower()), now, timezone, weekdays=weekdays)
        return found is not None and (found.at > now or not weekdays)
    return False


def start_of_day(day: date, timezone: str) -> int:
    """Unix seconds of the first second of a day; where midnight is skipped, of the first that exists."""
    return _unix(datetime.combine(day, time()), zone(timezone))


def next_day(day: date, timezone: str) -> int:
    """Unix seconds of the first second after a day: 23, 24 or 25 hours after its start."""
    return start_of_day(day + timedelta(days=1), timezone)


def day_of(at: float, timezone: str) -> date:
    """The day that a moment falls on; for what the calendar does not reach, its first or its last day."""
    try:
        return datetime.fromtimestamp(at, zone(timezone)).date()
    except (ValueError, OverflowError, OSError):
        return date.min if at < 0 else date.max


def describe(at: float, timezone: str = "UTC") -> str:
    """`2026-12-01 09:00 Europe/Dublin`; the bare number for what the calendar does not reach. Never fails."""
    where = clock_of(timezone)
    try:
        moment = datetime.fromtimestamp(at, where)
    except (OverflowError, ValueError, OSError):
        return str(at)
    shown = moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")
    return f"{shown} {'UTC' if where is UTC else timezone}"


def moment_in(at: float, timezone: str) -> str:
    """`Tue 1 Dec 2026 09:00 (Dublin)`, as `local_moment` with the year; the bare number for what the calendar does not reach."""
    where = clock_of(timezone)
    try:
        when = datetime.fromtimestamp(at, where)
    except (OverflowError, ValueError, OSError):
        return str(at)
    return f"{day_in_words(when.date())} {when:%H:%M} ({'UTC' if where is UTC else city_of(timezone)})"


def day_in_words(day: date) -> str:
    """`Tue 1 Dec 2026`."""
    return f"{day:%a} {day.day} {day:%b} {day.year}"


def city_of(timezone: str) -> str:
    """`America/Los_Angeles` → `Los Angeles`."""
    return timezone.rpartition("/")[2].replace("_", " ")


_Clock = tuple[tzinfo | None, str]
# Of the thread that works for a workspace; the last that was told is for threads that only draw what happens.
_own: ContextVar[_Clock] = ContextVar("people_in")
_last: _Clock = (None, "")


def people_in(timezone: str) -> None:
    """Tell moments in this time zone from now on, the workspace's; until then, and for one that nobody knows, in the machine's.

    It holds for the thread that says so and for the workers that it starts: two workspaces in one process keep their clocks.
    The city always stands beside a moment, so that one told in another zone than expected is true all the same.
    """
    global _last
    with suppress(UsageError):
        _last = (zone(timezone), city_of(timezone)) if timezone else (None, "")
        _own.set(_last)


def people_time(at: float) -> tuple[datetime, str]:
    """A moment on the clock of the workspace's people, and the city whose clock it is. Raises what `datetime` raises."""
    where, name = _own.get(_last)
    when = datetime.fromtimestamp(at, UTC).astimezone(where)
    return when, name or str(when.tzname())


def local_moment(at: float, *, city: bool = True) -> str:
    """Unix seconds as the workspace's people say it: `Mon 30 Nov 09:00 (Los Angeles)`, with the year where it is another one."""
    try:
        when, where = people_time(at)
    except (OverflowError, ValueError, OSError):
        return f"{at:g}"
    year = f" {when.year}" if when.year != datetime.now(when.tzinfo).year else ""
    said = f"{when:%a} {when.day} {when:%b}{year} {when:%H:%M}"
    return f"{said} ({where})" if city else said


def is_moment(field: str, value: object) -> bool:
    """Whether a field's value is a time in unix seconds, by the field's name as Intercom forms them."""
    return field.endswith(("_until", "_at")) and isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def zone(name: str) -> tzinfo:
    """The time zone of that name; UTC for "". Raises UsageError."""
    if name in ("", "UTC", "Etc/UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"The time zone {name!r} is not known on this machine: give times with their offset "
            "(2026-12-01T09:00:00+01:00), or install the tzdata package."
        ) from None


def clock_of(name: str) -> tzinfo:
    """The time zone of that name to show times in; UTC where this machine does not know it, as that is no reason to show none."""
    try:
        return zone(name)
    except UsageError:
        return UTC


def _relative(typed: str, now: float) -> Instant | None:
    if typed == "now":
        return Instant(int(now))
    if found := re.fullmatch(r"(?:now\s?)?([+-])\s?([0-9].*)", typed):
        sign, length = (1 if found[1] == "+" else -1), found[2]
    elif found := re.fullmatch(r"in ([0-9].*)", typed):
        sign, length = 1, found[1]
    elif found := re.fullmatch(r"([0-9].*) ago", typed):
        sign, length = -1, found[1]
    else:
        return None
    return Instant(int(now + sign * parse_duration(length)))


def _absolute(typed: str) -> Instant | None:
    if re.fullmatch(r"[0-9]{9,11}", typed):
        return Instant(int(typed))
    if re.match(_ISO + "[t ]", typed) and re.search(r"[0-9](z|[+-][0-9]{2}:?[0-9]{2})$", typed):
        return Instant(int(datetime.fromisoformat(typed.upper()).timestamp()))
    return None


def _calendar(typed: str, now: float, timezone: str, weekdays: bool) -> Instant | None:
    """A day by name or date, and perhaps a time of it, in the workspace's zone."""
    found = re.fullmatch(rf"({_DAY})(?:(?:t| at | )(?P<clock>{_CLOCK}))?", typed)
    if not found:
        return None
    today, clock = day_of(now, timezone), _clock(found)
    which, _, name = found[1].rpartition(" ")
    if name in WEEKDAYS and which:
        ahead = (WEEKDAYS.index(name) - today.weekday()) % 7
        day = today + timedelta(days=ahead or 7) if which == "next" else today + timedelta(days=ahead - 7)
    elif weekdays and name in WEEKDAYS:
        day = today + timedelta(days=(WEEKDAYS.index(name) - today.weekday()) % 7)
        if _unix(datetime.combine(day, clock or time()), zone(timezone)) <= now:
            day += timedelta(days=7)
    elif found[1] in ("yesterday", "today", "tomorrow"):
        day = today + timedelta(days=("yesterday", "today", "tomorrow").index(found[1]) - 1)
    else:
        day = date.fromisoformat(found[1])
    if clock is None:
        return Instant(start_of_day(day, timezone), day)
    local, where = datetime.combine(day, clock), zone(timezone)
    at = _unix(local, where)
    if (real := datetime.fromtimestamp(at, where).replace(tzinfo=None)) != local:
        raise UsageError(
            f"{local:%Y-%m-%d %H:%M} does not exist in {timezone}: the clocks go forward then. "
            f"Write {real:%Y-%m-%d %H:%M}, or the time you mean."
        )
    return Instant(at)


def _clock(found: re.Match[str]) -> time | None:
    if not found["clock"]:
        return None
    if found["half"]:
        return time(int(found["hour12"]) % 12 + (12 if found["half"] == "pm" else 0), int(found["minute12"] or 0))
    return time(int(found["hour"] or 12), int(found["minute"] or 0), int(found["second"] or 0))  # noon has no figures


def _unix(local: datetime, where: tzinfo) -> int:
    # fold=0: the first of two equal times; in a gap the offset before it, so later by the length of the gap.
    return int(local.replace(tzinfo=where, fold=0).timestamp())
