"""What an answer says about the budget: `X-RateLimit-*` and `Retry-After`, read with distrust.

https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

_MOST = 1e9
"""A limit above this is garbage."""
_EARLIEST, _LATEST = 1e8, 1e11
"""Unix seconds that a Reset may be (1973 to the year 5138): less is a duration, more are milliseconds or
garbage."""
_LONGEST = 30 * 86_400.0
"""A Retry-After above this (seconds) is garbage."""


class RateLimitHeaders(NamedTuple):
    """The usable part of an answer's rate-limit headers; None for what was absent or nonsense.

    `limit` and `remaining` are calls per window, `reset` is unix seconds by the server's clock, `retry_after`
    seconds.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None
    retry_after: float | None = None


NOTHING = RateLimitHeaders()


def read(headers: Mapping[str, str] | None, *, refused: bool = False) -> RateLimitHeaders:
    """Read the headers of an answer (lower-case or canonical names); `refused` when it is a 429."""
    if not headers:
        return NOTHING
    limit = _number(headers, "x-ratelimit-limit", "X-RateLimit-Limit")
    remaining = _number(headers, "x-ratelimit-remaining", "X-RateLimit-Remaining")
    reset = _number(headers, "x-ratelimit-reset", "X-RateLimit-Reset")
    if limit is not None and not 1 <= limit <= _MOST:
        limit = None
    if remaining is not None:
        if refused and remaining < 0:
            remaining = 0.0  # some servers count on below zero once the window is empty
        if not 0 <= remaining <= (_MOST if limit is None else limit):
            remaining = None
    if reset is not None and not _EARLIEST < reset < _LATEST:
        reset = None
    retry = retry_after(headers) if refused else None
    return RateLimitHeaders(None if limit is None else int(limit), None if remaining is None else int(remaining), reset, retry)


def retry_after(headers: Mapping[str, str] | None) -> float | None:
    """The seconds that an answer asks to wait; a date is taken by the server's own clock, where the answer has its time."""
    text = headers.get("retry-after", headers.get("Retry-After")) if headers else None
    if headers is None or text is None:
        return None
    seconds = _parse(text)
    if seconds is None and (moment := read_date(text)) is not None:
        now = read_date(headers.get("date", headers.get("Date")))
        seconds = max(0.0, moment - (time.time() if now is None else now))
    return seconds if seconds is not None and 0 <= seconds <= _LONGEST else None


@lru_cache(maxsize=16)  # a second's answers all carry the same date
def read_date(value: str | None) -> float | None:
    """An HTTP date in unix seconds; None for what is none."""
    if not value:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _number(headers: Mapping[str, str], name: str, canonical: str) -> float | None:
    text = headers.get(name)
    if text is None:
        text = headers.get(canonical)
        if text is None:
            return None
    return _parse(text)


@lru_cache(maxsize=64)  # limit and reset are the same text answer after answer
def _parse(text: str) -> float | None:
    try:
        value = float(text)
    except (ValueError, TypeError):
        return None
    return value if -math.inf < value < math.inf else None
