"""The options of a run as Python gives them: numbers, or the texts that the flags take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

from ..errors import UsageError
from ..parsing.amounts import parse_duration, parse_rate, parse_share
from ..parsing.timetable import Timetable
from ..runs.options import Options, amount, one_of, seconds, whole
from ..runs.speed import with_speed

OPTIONS = (
    "expect", "max", "canary", "max_failures", "limit", "workers", "share", "rate", "patience", "deadline", "page_size", "on_drift",
    "reread", "index_wait",
)  # fmt: skip
"""The options of a run that `bulk_process` takes besides its own arguments, as the command's flags have them."""


class RunOptions(TypedDict, total=False):
    """How a run is done; the words and values of the command's flags, and numbers.

    expect:
        Refuse another number of items: `120`, `"120±5%"`.
    max:
        Refuse more items: `500`, or `"10%"` of all items of the kind.
    canary:
        Do so many first, read them back, and go on only if all are in the requested state: `20`, `"5%"`.
    max_failures:
        Stop when more items fail: `50`, or `"5%"` of the last 100.
    on_drift:
        `"skip"` (the default), `"stop"` or `"force"` for items that somebody changed since the plan.
    verify:
        How many items to read back at the end: `"none"`, `"sample"` (the default) or `"all"`.
    workers:
        `"auto"` (the default), or a fixed number of threads.
    share:
        The part of the rate limit to use at most: `0.4`, `"40%"`, or by the workspace's clock `"22:00-06:00=100%, else 40%"`.
    rate:
        A ceiling, with its unit: `"6000/min"`, or a timetable.
    batch:
        Items in one request, for verbs that act on several at once. Default: 50.
    timeout:
        Seconds one request may take. Default: 30.
    retries:
        Repetitions of what failed for a passing reason. Default: 3.
    patience:
        How long to wait for Intercom when it is away: seconds, or `"10m"`.
    deadline:
        Stop softly after this long: seconds, or `"2h"`.
    backup:
        The file in which each item is kept whole before a write that nothing takes back. Default: one in the state folder.
    """

    expect: int | str | None
    max: int | str | None
    canary: int | str | None
    max_failures: int | str | None
    on_drift: str | None
    verify: str | None
    workers: int | str | None
    share: float | str | None
    rate: str | None
    batch: int | None
    timeout: float | None
    retries: int | None
    patience: float | str | None
    deadline: float | str | None
    backup: str | Path | None


def options_of(given: Mapping[str, Any], base: Options | None = None) -> Options:
    """Options of what a caller has given (None is "not given"), on top of `base`. Raises UsageError, naming the argument."""
    told = {name: read_option(name, value) for name, value in given.items() if value is not None}
    options = with_options(base or Options(), {**told, "python": True})
    options.amounts()
    return options


def with_options(base: Options, told: Mapping[str, Any]) -> Options:
    """The options with those that `read_option` has read."""
    speeds = {name: told[name] for name in ("share", "rate") if told.get(name) is not None}
    return with_speed(replace(base, **{name: value for name, value in told.items() if name not in ("share", "rate")}), **speeds)


def read_option(name: str, value: Any) -> Any:
    """An option as Options has it. Takes what the command takes, and numbers; UsageError names the argument."""
    if value is None:
        return "" if name in ("expect", "max", "canary", "max_failures") else _NONE.get(name)
    try:
        return _READ[name](value)
    except UsageError as exc:
        raise UsageError(exc.message if exc.message.startswith(name) else f"{name}: {exc.message}") from None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _share(value: Any) -> str:
    if _number(value):
        if not 0 < value <= 1:
            raise UsageError(f"share must be more than 0 and at most 1 (or a text such as '40%'), and is {value!r}")
        return f"{value:%}"
    Timetable.parse(str(value), parse_share)
    return str(value)


def _rate(value: Any) -> str:
    if _number(value):
        raise UsageError(f"rate needs its unit, as in rate='{value:g}/min' or rate='{value:g}/s', and is {value!r}")
    Timetable.parse(str(value), parse_rate)
    return str(value)


def _page(value: Any) -> int:
    return min(150, whole("page_size", value) or 150)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be True or False, and is {value!r}")
    return value


_NONE: dict[str, Any] = {"share": "100%", "page_size": 150, "on_drift": "skip", "reread": False, "index_wait": 120.0}
"""What None means, where it is not None."""
_READ: dict[str, Any] = {
    "expect": lambda value: amount("expect", value),
    "max": lambda value: amount("max", value),
    "canary": lambda value: amount("canary", value),
    "max_failures": lambda value: amount("max_failures", value),
    "limit": lambda value: whole("limit", value),
    "workers": lambda value: None if value == "auto" else whole("workers", value),
    "share": _share,
    "rate": _rate,
    "batch": lambda value: whole("batch", value),
    "patience": lambda value: seconds("patience", value) if _number(value) else parse_duration(str(value)),
    "deadline": lambda value: seconds("deadline", value) if _number(value) else parse_duration(str(value)),
    "page_size": _page,
    "on_drift": lambda value: one_of("on_drift", value, ("skip", "stop", "force")),
    "reread": lambda value: _flag("reread", value),
    "index_wait": lambda value: seconds("index_wait", value),
    "timeout": lambda value: seconds("timeout", value),
    "retries": lambda value: whole("retries", value, least=0),
    "backup": lambda value: str(Path(value).resolve()),
    "dry_run": lambda value: _flag("dry_run", value),
    "verify": lambda value: one_of("verify", value, ("none", "sample", "all")),
}
