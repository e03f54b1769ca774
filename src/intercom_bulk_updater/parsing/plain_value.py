"""Single values as programs hold them (numpy, pandas, Decimal), as the plain Python values that they stand for.

Nothing is imported for it: a value is known by what it can do.
"""

from __future__ import annotations

import json
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from ..errors import UsageError
from .finite import endless

_EXACT = 10**15
"""A float of more digits has been rounded, as a spreadsheet rounds it: an id is no longer the one that was meant."""


def plain(value: Any) -> Any:
    """A number, flag, text or moment of numpy or pandas as Python's own; anything else as it is.

        plain(numpy.int64(7)) == 7
    """
    if type(value).__name__ == "Timestamp" and hasattr(value, "to_pydatetime"):
        return value.to_pydatetime(warn=False)
    if type(value).__module__ != "numpy" or getattr(value, "ndim", None) != 0:
        return value
    if value.dtype.kind == "M":  # of a finer unit than Python knows it would be a bare number
        return value.astype("datetime64[us]").item()
    return value.item()


def is_missing(value: Any) -> bool:
    """Whether a value says that there is none: None, NaN, and pandas' NaT and NA, as an empty cell of a frame is one of them.

        is_missing(float("nan"))
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, float) and value != value


def is_value(value: Any) -> bool:
    """Whether it is what one cell or one field holds: a text, a number, a flag, a day, a moment, a UUID.

        is_value("pro") and not is_value(["pro"])
    """
    return isinstance(plain(value), str | int | float | Decimal | date | time | UUID)


def whole_number(value: Any) -> Any:
    """A number without a fraction as an int, as an id and a count are in a column that has gaps; anything else as it is.

        whole_number(7.0) == 7
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    return value


def as_json(value: Any, name: str) -> str:
    """A value of a program as JSON. Raises UsageError, which begins with `name`, for what JSON has not: a day, a NaN, a set.

        as_json({"seats": numpy.int64(7)}, "body") == '{"seats": 7}'
    """

    def otherwise(part: Any) -> Any:
        if (known := plain(part)) is part:
            raise UsageError(f"{name} holds {part!r}, and JSON has texts, numbers, true, false, null, lists and objects.")
        return known

    if endless(value):
        raise UsageError(f"{name} holds a number that is none, or has no end.")
    try:
        return json.dumps(value, default=otherwise, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as exc:
        raise UsageError(f"{name} is no JSON: {exc}.") from None
