"""Moments as people type them."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, date, datetime

import pytest

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.parsing.dates import (
    day_of,
    describe,
    local_moment,
    next_day,
    parse_instant,
    parse_moment,
    people_in,
    start_of_day,
)

# A Tuesday, 06:00 in Dublin.
NOW = 1795500000.0
DUBLIN = "Europe/Dublin"


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("tomorrow 9:00", "2026-11-25 09:00"),
        ("Tomorrow  at 09:00", "2026-11-25 09:00"),
        ("tomorrow", "2026-11-25 00:00"),
        ("today 17:00", "2026-11-24 17:00"),
        ("today 5pm", "2026-11-24 17:00"),
        ("monday 9:00", "2026-11-30 09:00"),
        ("tuesday 9:00", "2026-11-24 09:00"),
        ("tuesday 5:00", "2026-12-01 05:00"),
        ("+3d", "2026-11-27 06:00"),
        ("in 3 days", "2026-11-27 06:00"),
        ("next monday 9:00", "2026-11-30 09:00"),
        ("Next Tuesday", "2026-12-01 00:00"),
        ("monday", "2026-11-30 00:00"),
        ("26.11.2026", "2026-11-26 00:00"),
        ("26.11.2026 9:00", "2026-11-26 09:00"),
        ("1.2.2027 9:00", "2027-02-01 09:00"),
        ("01.02.2027", "2027-02-01 00:00"),
        ("31/1/2027 at 9:00", "2027-01-31 09:00"),
        ("2027/1/31", "2027-01-31 00:00"),
        ("+2h30m", "2026-11-24 08:30"),
        ("2026-12-01", "2026-12-01 00:00"),
        ("2026-12-01 9:00", "2026-12-01 09:00"),
        ("2026-12-01T09:00", "2026-12-01 09:00"),
        ("2026-12-01T09:00:00Z", "2026-12-01 09:00"),
        ("2026-12-01T09:00:00+05:30", "2026-12-01 03:30"),
        ("1795600000", "2026-11-25 09:46:40"),
        ("2027-07-01 9:00", "2027-07-01 09:00"),
        ("26 Nov 2026", "2026-11-26 00:00"),
        ("26. November 2026 9:00", "2026-11-26 09:00"),
        ("Nov 26, 2026 at 9:30pm", "2026-11-26 21:30"),
        ("1st Sept 2027", "2027-09-01 00:00"),
        ("today 9:00pm", "2026-11-24 21:00"),
        ("tomorrow 12:30 am", "2026-11-25 00:30"),
        ("today noon", "2026-11-24 12:00"),
    ],
)
def test_moment(text: str, local: str) -> None:
    """A moment without a zone is in the workspace's, and summer time counts."""
    assert describe(parse_moment(text, NOW, DUBLIN), DUBLIN) == f"{local} {DUBLIN}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot|not a time"),
        ("banana", "not a time"),
        ("9:00", "tomorrow 9:00"),
        ("2026-02-30 9:00", "not a time"),
        ("31/01/2026", r"Sat 31 Jan 2026 00:00 \(Dublin\)"),
        ("1/2/2027", "write 2027-02-01 or 2027-01-02\\."),
        ("1-2-2027 9:00", "write 2027-02-01 9:00 or 2027-01-02 9:00\\."),
        ("last monday", "in the past"),
        ("next moonday", "not a time"),
        ("41/41/2026", "not a time"),
        ("2.13.2027", "not a time"),
        ("monday 25:00", "not a time"),
        ("+5", "no unit"),
        ("1795600000000", "milliseconds"),
        ("9999-12-31T23:59:59.999999-23:59x", "not a time"),
        ("0000-01-01", "not a time"),
        ("now", "in the past"),
        ("today", "today 17:00"),
        ("yesterday", "in the past"),
        ("-3d", "in the past"),
        ("2020-01-01", "in the past"),
        ("today 5:00", "in the past"),
    ],
)
def test_bad_moment(text: str, says: str) -> None:
    """What is no moment, or is past, is refused with the reason."""
    with pytest.raises(UsageError, match=says):
        parse_moment(text, NOW, DUBLIN)


NEAREST = {
    "26.11.26": "26.11.2026", "26.11.": "26.11.2026", "26.11": "26.11.2026", "26/11/26 9:00": "26.11.2026 9:00", "31.1.": "31.01.2027",
    "Nov 26": "26 Nov 2026", "26 november": "26 Nov 2026", "feb 3 9": "3 Feb 2027 9:00 or 3 Feb 2027 21:00",
    "Thu 26 Nov 2026": "26 nov 2026",
    "today 9": "today 9:00 or today 21:00", "today 15": "today 15:00", "tomorrow 9.30": "tomorrow 9:30 or tomorrow 21:30",
    "9pm": "today 9pm or tomorrow 9pm", "noon": "today noon or tomorrow noon", "midnight": "tomorrow 0:00",
    "next week": "+7d or 2026-11-30", "next month": "+30d or 2026-12-01", "monday next week": "2026-11-30",
    "next fri": "next friday", "tomorow 9:00": "tomorrow 9:00",
}  # fmt: skip


@pytest.mark.parametrize("text", NEAREST)
def test_what_is_not_read_is_answered_with_the_nearest(text: str) -> None:
    """Of a day without its year, the next."""
    with pytest.raises(UsageError) as refused:
        parse_moment(text, NOW, DUBLIN)
    assert str(refused.value).endswith(f": write {NEAREST[text]}."), refused.value


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("last week", "7d ago or 2026-11-16"), ("this week", "2026-11-23"), ("last month", "30d ago or 2026-10-01"),
        ("monday last week", "2026-11-16"), ("monday 9:00", "last monday 9:00 or next monday 9:00"), ("mon", "last monday or next monday"),
        ("31.1.", "31.01.2026"), ("3/4/26", "03.04.2026 or 04.03.2026"), ("midnight", "today 0:00 or tomorrow 0:00"),
    ],
)  # fmt: skip
def test_what_a_filter_does_not_read_is_answered_with_the_nearest(text: str, nearest: str) -> None:
    """It may look back: of a day without its year, that of this one."""
    with pytest.raises(UsageError) as refused:
        parse_instant(text, NOW, DUBLIN)
    assert str(refused.value).endswith(f": write {nearest}."), refused.value


@pytest.mark.parametrize("now", [NOW, NOW + 17.9 * 3600, 1798761599.0, 1806193800.0])
@pytest.mark.parametrize("read", [parse_moment, parse_instant])
def test_what_a_refusal_recommends_is_taken(read: Callable[[str, float, str], object], now: float) -> None:
    """In the morning, right before midnight, at the end of the year, in the night when the clocks go forward."""
    odd = (
        "banana", "9:00", "9pm", "monday 9", "tuesday 5:00", "1/2/2027", "1/2/2020", "3/4/26", "feb 29", "yesterday 9", "today", "11pm",
        "last week", "last year", "this month", "monday last week", "2027-03-28 01:30", "28.3.27 1:30", "", "today 24:00",
    )  # fmt: skip
    for text in (*NEAREST, *odd):
        try:
            read(text, now, DUBLIN)
        except UsageError as exc:
            found = re.search(r"[Ww]rite (.*)\.$", str(exc))
            said = found[1].replace(", or the time you mean", "").replace("or ISO 8601 (", "").replace(")", "") if found else ""
            for form in filter(None, re.split(" or |, ", said)):
                read(form, now, DUBLIN)
            assert found or "in the past" in str(exc), exc


def test_time_that_summer_time_skips() -> None:
    """A time in the hour that is skipped is refused with the hour that there is; a day that begins in it is taken."""
    with pytest.raises(UsageError, match=r"2027-03-28 01:30 does not exist in Europe/Dublin.*Write 2027-03-28 02:30,"):
        parse_moment("2027-03-28 01:30", NOW, DUBLIN)


def test_time_that_happens_twice() -> None:
    """Of two equal times the first is meant."""
    twice = parse_moment("2027-10-31 01:30", NOW, DUBLIN)
    assert datetime.fromtimestamp(twice, UTC) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_days_that_are_not_24_hours() -> None:
    """A day ends where the next begins, 23 or 25 hours later when the clocks change."""
    spring, autumn = date(2027, 3, 28), date(2027, 10, 31)
    lengths = [(next_day(day, DUBLIN) - start_of_day(day, DUBLIN)) / 3600 for day in (spring, autumn)]
    assert lengths == [23, 25]
    assert day_of(start_of_day(spring, DUBLIN), DUBLIN) == spring


@pytest.mark.parametrize(
    ("text", "offset"),
    [("now", 0), ("30d ago", -30), ("-30d", -30), ("now-30d", -30), ("\u221230d", -30), ("now + 1d", 1)],
)
def test_past_instants(text: str, offset: int) -> None:
    """A filter may also look back."""
    instant = parse_instant(text, NOW, DUBLIN)
    assert (instant.at, instant.day) == (int(NOW) + offset * 86400, None)


def test_whole_days_are_marked() -> None:
    """A day without a time is told from a moment."""
    assert parse_instant("yesterday", NOW, DUBLIN).day == date(2026, 11, 23)
    assert parse_instant("yesterday 9:00", NOW, DUBLIN).day is None


def test_weekday_in_a_filter() -> None:
    """A weekday could mean the last or the next, so a filter asks which."""
    with pytest.raises(UsageError, match="write last monday 9:00 or next monday 9:00"):
        parse_instant("monday 9:00", NOW, DUBLIN)
    days = {text: parse_instant(text, NOW, DUBLIN).day for text in ("last monday", "last tuesday", "next tuesday")}
    assert days == {"last monday": date(2026, 11, 23), "last tuesday": date(2026, 11, 17), "next tuesday": date(2026, 12, 1)}


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe/"])
def test_unknown_zone(zone: str) -> None:
    """An unknown zone is refused when it is needed, and only then."""
    with pytest.raises(UsageError, match="time zone"):
        parse_moment("tomorrow 9:00", NOW, zone)
    assert parse_moment("+3d", NOW, zone) == int(NOW) + 3 * 86400
    assert describe(0, zone).endswith("UTC")


def test_two_workspaces_of_one_process_keep_their_clocks() -> None:
    """Each thread that works for one, and the workers that it starts; a thread that only draws has the last that was told."""
    both, told = threading.Barrier(2), dict[str, tuple[str, str]]()

    def work(timezone: str) -> None:
        people_in(timezone)
        both.wait(10)
        with ThreadPoolExecutor(1) as workers:
            told[timezone] = (local_moment(1_796_000_000), workers.submit(copy_context().run, local_moment, 1_796_000_000).result())

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, ("Asia/Tokyo", "America/Los_Angeles")))
    assert all(said[0] == said[1] and timezone.partition("/")[2].replace("_", " ") in said[0] for timezone, said in told.items())
    with ThreadPoolExecutor(1) as drawing:
        assert drawing.submit(local_moment, 1_796_000_000).result() in {said[0] for said in told.values()}
    people_in("")
