"""Numbers that are some: JSON has no `NaN` and no infinity, and `1e400` is one to Python."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def finite_json(text: str) -> Any:
    """The value of a JSON text. Raises ValueError for text that is not JSON, and for numbers that are not finite."""
    return json.loads(text, parse_float=_finite, parse_constant=_finite)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number that JSON has")
    return number


def endless(value: Any) -> bool:
    """Whether a value is, or holds, a number that is none or has no end."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(map(endless, value.values()))
    return isinstance(value, list | tuple | set | frozenset) and any(map(endless, value))
