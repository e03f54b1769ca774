"""Values of fields in words for people."""

from __future__ import annotations

from typing import Any

from ..parsing.dates import is_moment, local_moment


def describe_value(value: Any, field: str = "") -> str:
    """A field's value: a moment as people write one, a list by its parts, "empty" for nothing."""
    if is_moment(field, value):
        return local_moment(value)
    if value is None or value == "":
        return "empty"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)
