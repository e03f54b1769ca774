"""Text as the methods of an updater want it: `--param value=7` for `value: int` arrives as 7, and so does a cell of a sheet.

By the annotations of the methods that take a parameter, in pydantic's understanding. A parameter without annotation stays
as it is.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from types import FunctionType
from typing import Any, get_origin, get_type_hints

from ..api.redact import mask
from ..errors import UsageError
from ..parsing.day_forms import in_our_way, other_ways
from ..parsing.finite import endless, finite_json
from ..parsing.plain_value import plain

METHODS = {"get_search_query": 0, "perform_action": 1, "perform_batch": 1, "change": 2, "is_done": 1, "undo_action": 2}
"""The methods that get the parameters, and how many arguments come before those."""
_SEVERAL = (list, set, frozenset, tuple)
_FORMS = {
    "int": "write a whole number", "float": "write a number", "decimal": "write a number", "finite": "write a finite number",
    "bool": "write true or false", "date": "write it as 2026-11-26", "datetime": "write it as 2026-11-26 or 2026-11-26T09:00",
}  # fmt: skip
"""What is to be written, by how the name of pydantic's error begins."""


def coerce(updater: type, params: Mapping[str, Any], hints: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Parameters with each text as its annotation wants it; UsageError names the one that cannot be read so.

    A number of numpy and a moment of pandas are Python's own.
    """
    params = {name: plain(value) for name, value in params.items()}
    hints = annotated(updater) if hints is None else hints
    return {name: _coerced(name, value, hints[name], updater) if name in hints else value for name, value in params.items()}


@cache
def annotated(updater: type) -> dict[str, Any]:
    """The annotations of the parameters that an updater's methods name; those of perform_action come first."""
    found: dict[str, Any] = {}
    for method in sorted(METHODS, key=lambda name: name != "perform_action"):
        for cls in updater.__mro__:
            function = getattr(vars(cls).get(method), "__func__", vars(cls).get(method))
            if not isinstance(function, FunctionType):
                continue
            try:
                hints = get_type_hints(function)
            except Exception:  # noqa: S112 - a name that only a type checker knows: nothing is known then
                continue
            plain = list(inspect.signature(function).parameters.values())[1 + METHODS[method] :]
            for one in plain:
                if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) and hints.get(one.name, Any) is not Any:
                    found.setdefault(one.name, hints[one.name])
    return found


def _coerced(name: str, value: Any, wanted: Any, updater: type) -> Any:
    if not isinstance(value, str) or wanted is str:
        return value
    from pydantic import ConfigDict, PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(wanted, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticSchemaGenerationError, PydanticUserError):
        try:
            adapter = TypeAdapter(wanted)  # it has a configuration of its own
        except (PydanticSchemaGenerationError, PydanticUserError):
            return value
    why = ""
    for reading in _readings(value, wanted):
        try:
            found = adapter.validate_python(reading)
        except ValidationError as exc:
            why = why or _why(value, exc.errors()[0])
            continue
        if not endless(found):
            return found
        why = why or _FORMS["finite"]
    kind = getattr(wanted, "__name__", None) if get_origin(wanted) is None else None
    given = mask(value, name)[:60]
    raise UsageError(
        f"{name}: {updater.__name__} takes {name}: {kind or str(wanted).replace('typing.', '')}, and {given!r} is none ({why}). "
        "Nothing was written.",
        hint="",
    )


def _why(text: str, error: Mapping[str, Any]) -> str:
    """What is to be written instead; what pydantic says where that is not known."""
    kind = str(error["type"]).partition("_")[0]
    if kind in ("date", "datetime") and len(days := other_ways(text.strip().partition(" ")[0])) > 1:
        return f"it can be read in two ways: write {' or '.join(days)}"
    return _FORMS.get(kind) or str(error["msg"])


def _readings(text: str, wanted: Any) -> list[Any]:
    """What a text may stand for: itself, JSON, a day as people write it, or a list with commas. `true` is no number, as Python has it."""
    readings: list[Any] = [text, *([_iso(text)] if _iso(text) != text else [])]
    with suppress(ValueError):
        readings += [] if isinstance(reading := finite_json(text), bool) else [reading]
    readings += [] if text.strip() else [None]  # an empty cell, where the annotation takes None
    if (get_origin(wanted) or wanted) in _SEVERAL:
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        readings = [*readings[1:], parts, [_iso(part) for part in parts]]
    return readings


def _iso(text: str) -> str:
    """`26.11.2026 9:00` as `2026-11-26 09:00`, where there is but one way to read it; anything else as it is."""
    plain = text.strip()
    ours = in_our_way(plain)
    return text if ours == plain else re.sub(r" (?=[0-9]:)", " 0", ours)
