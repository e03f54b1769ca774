"""Unix seconds in words: RFC 3339 in UTC for programs, a date by their own clock for people."""

from __future__ import annotations

from datetime import UTC, datetime

from intercom_bulk_updater.parsing.dates import people_time


def rfc3339(at: float | None) -> str | None:
    """`2026-11-23T09:15:02.418Z`, or None for None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(at: float | None) -> str:
    """`Mon 23 November 2026, 09:15 (Los Angeles)`; "not yet" for None."""
    if at is None:
        return "not yet"
    when, where = people_time(at)
    return f"{when:%a} {when.day} {when:%B %Y, %H:%M} ({where})"


def clock(at: float) -> str:
    """`09:15:02`."""
    return f"{people_time(at)[0]:%H:%M:%S}"
