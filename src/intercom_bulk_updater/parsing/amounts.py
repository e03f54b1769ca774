"""Amounts that people type: counts and percentages, durations, rates, shares. Pure text to value.

`50` and `50%` are never taken for each other, so nothing here guesses: what is not one of the forms is a
UsageError that names them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from math import floor, isfinite

from ..errors import UsageError

_COUNT = r"[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3}"
_PERCENT = r"[0-9]{1,3}(?:\.[0-9]{1,6})?"


@dataclass(frozen=True, slots=True)
class Amount:
    """`N` items, or `P%` of a total. `value` is N, or P as typed (2.5 for `2.5%`)."""

    value: Decimal
    percent: bool = False

    @classmethod
    def parse(cls, text: str) -> Amount:
        """`50`, `1,000`, `50%`, `2.5%`. Raises UsageError."""
        typed = text.strip()
        if re.fullmatch(_COUNT, typed):
            return cls(_count(typed))
        if found := re.fullmatch(rf"({_PERCENT})\s?%", typed):
            return cls(_percent(found[1], text), percent=True)
        hint = " A part of an item does not exist." if re.fullmatch(r"[0-9]*\.[0-9]+", typed) else ""
        raise UsageError(f"{text!r} is not an amount: write a whole number (50) or a percentage (50%).{hint}")

    def of(self, total: int, *, up: bool = False) -> int:
        """How many items of `total`: rounded down (a cap is a cap) or `up` (a canary is at least one)."""
        if not self.percent:
            return int(self.value)
        whole, rest = divmod(self.value * total, 100)
        return int(whole) + (1 if up and rest else 0)

    def __str__(self) -> str:
        return f"{_plain(self.value)}%" if self.percent else _plain(self.value)


@dataclass(frozen=True, slots=True)
class Expect:
    """`N` items exactly, or `N±P%`."""

    count: int
    tolerance: Decimal = Decimal(0)
    """Percent of `count`, either way."""

    @classmethod
    def parse(cls, text: str) -> Expect:
        """`4312`, `4312±1%`; `+-` and `+/-` stand for `±`. Raises UsageError."""
        count, sign, around = (part.strip() for part in re.sub(r"\+/-|\+-|\+/−", "±", text).partition("±"))  # noqa: RUF001
        if re.fullmatch(_COUNT, count):
            if not sign:
                return cls(int(_count(count)))
            if found := re.fullmatch(rf"({_PERCENT})\s?%", around):
                return cls(int(_count(count)), _percent(found[1], text))
        hint = " The part after ± needs its %." if sign and around.isdigit() else ""
        raise UsageError(
            f"{text!r} is not an expected count: write a whole number (4312), or one with its tolerance "
            f"(4312±1%, also 4312+-1%).{hint}"
        )

    @property
    def highest(self) -> int:
        """The most items that are as expected."""
        return floor(self.count * (100 + self.tolerance) / 100)

    def allows(self, n: int) -> bool:
        """Whether `n` items are as expected; both ends of the range are."""
        return abs(n - self.count) * 100 <= self.count * self.tolerance

    def __str__(self) -> str:
        return f"{self.count}±{_plain(self.tolerance)}%" if self.tolerance else str(self.count)


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNIT_WORDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
_CENTURY = 100 * 366 * 86_400


def parse_duration(text: str) -> float:
    """Seconds in `90s`, `30m`, `2h`, `1h30m`, `3d`, `2w`, `30 days`. UsageError for a number without unit."""
    typed = text.strip().lower()
    forms = "write a number with its unit: 90s, 30m, 2h, 1h30m, 3d, 2w"
    if re.fullmatch(r"[0-9.]+", typed):
        raise UsageError(f"{text!r} has no unit: {typed}s, {typed}m, {typed}h or {typed}d?")
    if re.fullmatch(r"[0-9.]+\s*(mo|months?|y|years?)", typed):
        raise UsageError(f"{text!r} has no fixed length: count it in days or weeks (30d, 52w).")
    pieces = re.findall(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([a-z]+)\s*", typed)
    if not pieces or "".join(re.split(r"\s+", typed)) != "".join(n + unit for n, unit in pieces):
        raise UsageError(f"{text!r} is not a duration: {forms}.")
    units = [_UNIT_WORDS.get(unit) for _, unit in pieces]
    if None in units or len(set(units)) != len(units):
        raise UsageError(f"{text!r} is not a duration: {forms}.")
    seconds = sum(float(n) * _UNITS[unit] for (n, _), unit in zip(pieces, units, strict=True) if unit)
    if not isfinite(seconds) or seconds > _CENTURY:
        raise UsageError(f"{text!r} is longer than a hundred years.")
    return seconds


def duration_words(value: float) -> str:
    """A duration: `0.4 s`, `27 s`, `1 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    value = max(0.0, value)
    if value < 9.95:
        return f"{value:.1f}".removesuffix(".0") + " s"
    whole = round(value)
    for big, small, size, part in (("d", "h", 86_400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {big}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


_PER = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "10s": 10}


def parse_rate(text: str) -> float | None:
    """Calls per second in `6000/min`, `100/s`, `1667/10s`; None for `auto`. Raises UsageError."""
    typed = text.strip().lower()
    if typed == "auto":
        return None
    found = re.fullmatch(rf"({_COUNT})\s?(?:/|per)\s?([a-z0-9]+)", typed)
    if found and found[2] in _PER and (calls := int(_count(found[1]))):
        return calls / _PER[found[2]]
    hint = " The number alone does not say per what." if re.fullmatch(_COUNT, typed) else ""
    raise UsageError(f"{text!r} is not a rate: write auto, 6000/min or 100/s.{hint}")


def parse_share(text: str) -> float:
    """The share in `40%`, as 0.4; more than 0%, up to 100%. Raises UsageError."""
    found = re.fullmatch(rf"({_PERCENT})\s?%", text.strip())
    if found:
        percent = _percent(found[1], text)
        if percent:
            return float(percent / 100)
        raise UsageError(f"{text!r} would leave no calls at all: write a share from 1% to 100%.")
    raise UsageError(f"{text!r} is not a share: write a percentage of the rate limit, such as 40%.")


def _count(typed: str) -> Decimal:
    return Decimal(typed.replace(",", ""))


def _percent(typed: str, text: str) -> Decimal:
    percent = Decimal(typed)
    if percent > 100:
        raise UsageError(f"{text!r} is more than all of it: the most is 100%.")
    return percent


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
