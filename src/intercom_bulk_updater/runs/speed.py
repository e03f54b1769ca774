"""How fast a run may go now: what was asked for at its start, by the hour, or since then from another process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from ..parsing.amounts import parse_rate, parse_share
from ..parsing.dates import zone
from ..parsing.timetable import Timetable
from .options import Options


def with_speed(options: Options, *, share: str | None = None, rate: str | None = None) -> Options:
    """The options with another share or rate, each a value or a timetable; the slowest of it until a run reads the clock.

    Raises UsageError.
    """
    if share is not None:
        options = replace(options, share=min(Timetable.parse(share, parse_share).values), share_words=share)
    if rate is not None:
        ceilings = [one for one in Timetable.parse(rate, parse_rate).values if one is not None]
        options = replace(options, rate=min(ceilings, default=None), rate_words=rate)
    return options


def speed_at(options: Options, now: float, timezone: Callable[[], str]) -> Options:
    """The options with the share and the rate that hold now (unix seconds), by the workspace's clock, which is asked for if need be."""
    by_the_hour = "=" in options.share_words + options.rate_words
    when = datetime.fromtimestamp(now, zone(timezone() or "UTC") if by_the_hour else UTC)
    share = Timetable.parse(options.share_words, parse_share).at(when) if options.share_words else options.share
    rate = Timetable.parse(options.rate_words, parse_rate).at(when) if options.rate_words else options.rate
    return options if (share, rate) == (options.share, options.rate) else replace(options, share=share, rate=rate)
