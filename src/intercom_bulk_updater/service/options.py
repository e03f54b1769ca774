"""The options of a run as Python gives them: numbers, or the texts that the flags take."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypedDict

from ..errors import UsageError
from ..parsing.amounts import parse_duration, parse_rate, parse_share
from ..parsing.plain_value import plain
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


def options_of(given: Mapping[str, Any], base: Options | None = None, *, flags: bool = False) -> Options:
    """Options of what a caller has given (None is "not given"), on top of `base`.

    Raises UsageError, naming the argument, or its flag.
    """
    base = replace(base or Options(), python=not flags)
    return with_options(base, {name: read_option(name, value, base.word(name)) for name, value in given.items() if value is not None})


def with_options(base: Options, told: Mapping[str, Any]) -> Options:
    """`base` with the options that `read_option` has read."""
    speeds = {name: told[name] for name in ("share", "rate") if told.get(name) is not None}
    return with_speed(replace(base, **{name: value for name, value in told.items() if name not in ("share", "rate")}), **speeds)


def read_option(name: str, value: Any, called: str = "") -> Any:
    """An option as Options has it, from what the command takes, or a number. UsageError names what it is `called`."""
    value = value.total_seconds() if isinstance(value, timedelta) else float(value) if isinstance(value, Decimal) else plain(value)
    if name not in _READ:
        raise UsageError(f"There is no option {name!r}. There are: {', '.join(RunOptions.__annotations__)}.")
    if value is None:
        return "" if name in ("expect", "max", "canary", "max_failures") else _NONE.get(name)
    called = called or name
    try:
        return _READ[name](called, value)
    except UsageError as exc:
        raise UsageError(exc.message if exc.message.startswith(called) else f"{called}: {exc.message}") from None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _workers(called: str, value: Any) -> int | None:
    if value == "auto":
        return None
    typed = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,4}", value) else value
    if isinstance(typed, bool) or not isinstance(typed, int) or not 1 <= typed <= _MOST_WORKERS:
        raise UsageError(f"{called} must be auto or a number from 1 to {_MOST_WORKERS}, and is {value!r}")
    return typed


def _share(called: str, value: Any) -> str:
    if _number(value):
        if not 0 < value <= 1:
            raise UsageError(f"{called} must be more than 0 and at most 1 (or a text such as '40%'), and is {value!r}")
        return f"{value:%}"
    Timetable.parse(str(value), parse_share)
    return str(value)


def _rate(called: str, value: Any) -> str:
    if _number(value):
        raise UsageError(f"{called} needs its unit, as in rate='{value:g}/min' or rate='{value:g}/s', and is {value!r}")
    Timetable.parse(str(value), parse_rate)
    return str(value)


def _page(called: str, value: Any) -> int:
    return min(150, whole(called, value) or 150)


def _time(called: str, value: Any) -> float:
    return seconds(called, value) if _number(value) else parse_duration(str(value))


def _flag(called: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{called} must be True or False, and is {value!r}")
    return value


def _file(called: str, value: Any) -> str:
    if not isinstance(value, str | Path):
        raise UsageError(f"{called} must be the path of a file, and is {value!r}")
    return str(Path(value).resolve())


_MOST_WORKERS = 1024
_NONE: dict[str, Any] = {"share": "100%", "page_size": 150, "on_drift": "skip", "reread": False, "index_wait": 120.0}
"""What None means, where it is not None."""
_READ: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("expect", "max", "canary", "max_failures"), amount),
    **dict.fromkeys(("limit", "batch"), whole),
    **dict.fromkeys(("patience", "deadline"), _time),
    **dict.fromkeys(("timeout", "index_wait"), seconds),
    **dict.fromkeys(("reread", "dry_run"), _flag),
    "workers": _workers,
    "share": _share,
    "rate": _rate,
    "page_size": _page,
    "on_drift": lambda called, value: one_of(called, value, ("skip", "stop", "force")),
    "verify": lambda called, value: one_of(called, value, ("none", "sample", "all")),
    "retries": lambda called, value: whole(called, value, least=0),
    "backup": _file,
}
