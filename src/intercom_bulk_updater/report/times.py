"""Unix seconds in words: RFC 3339 for programs, a date and a duration for people. Programs get UTC, people their own clock."""

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


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `3 min 07 s`, `2 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
