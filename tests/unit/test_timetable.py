"""Values by the hour of the day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.parsing.amounts import parse_rate, parse_share
from intercom_bulk_updater.parsing.timetable import Timetable
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.runs.speed import speed_at, with_speed


@pytest.mark.parametrize(
    ("at", "share"),
    [("21:59", 0.4), ("22:00", 1.0), ("23:59", 1.0), ("00:00", 1.0), ("05:59", 1.0), ("06:00", 0.4), ("12:15", 0.1), ("13:00", 0.4)],
)
def test_a_share_by_the_hour(at: str, share: float) -> None:
    """Over midnight too; what begins at a minute holds in it, what ends there does not."""
    table = Timetable.parse("22:00-06:00=100%, 12:00-13:00 = 10%, else 40%", parse_share)
    assert table.at(datetime.fromisoformat(f"2026-11-26T{at}")) == share


def test_a_value_alone_holds_all_day() -> None:
    """As before there were timetables."""
    assert Timetable.parse("40%", parse_share).at(datetime.now(UTC)) == 0.4
    assert Timetable.parse("auto", parse_rate).at(datetime.now(UTC)) is None


def test_all_day_and_the_case_of_else() -> None:
    assert Timetable.parse("00:00-24:00=10%, ELSE 40%", parse_share).at(datetime(2026, 11, 26, 23, 59, tzinfo=UTC)) == 0.1


@pytest.mark.parametrize("text", ["22:00-06:00=100%, 05:00-07:00=50%, else 40%", "00:00-00:00=10%, else 40%"])
def test_hours_of_which_two_hold_or_none_are_refused(text: str) -> None:
    """The first that fitted counted, and hours without a minute held all day."""
    with pytest.raises(UsageError, match="overlaps the hours before it|has no minute"):
        Timetable.parse(text, parse_share)


@pytest.mark.parametrize(
    "text", ["22:00-06:00=100%", "else", "22-6=100%, else 4%", "25:00-06:00=1%, else 2%", "22:00-06:70=1%, else 2%", "a=b"]
)
def test_what_is_no_timetable_is_refused(text: str) -> None:
    """With what was typed, and the form."""
    with pytest.raises(UsageError, match="22|else|a=b"):
        Timetable.parse(text, parse_share)


def test_the_clock_is_the_workspace_s_and_the_slowest_holds_until_it_is_read() -> None:
    """At 23:00 in Los Angeles it is 7:00 in London."""
    options = with_speed(Options(), share="22:00-06:00=100%, else 40%", rate="22:00-06:00=auto, else 300/min")
    assert (options.share, options.rate) == (0.4, 5.0)
    at = datetime(2026, 11, 27, 7, 0, tzinfo=UTC).timestamp()
    there, here = speed_at(options, at, lambda: "America/Los_Angeles"), speed_at(options, at, lambda: "Europe/London")
    assert (there.share, there.rate, here.share, here.rate) == (1.0, None, 0.4, 5.0)
