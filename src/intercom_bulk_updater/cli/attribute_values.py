"""KEY=VALUE of `set`: a field or a custom attribute, in the type that the workspace gives it."""

from __future__ import annotations

import difflib
import math
import time
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError
from ..parsing.dates import parse_instant
from ..runs.session import Session

_FIELDS = ("title", "read", "company_id")
_YES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Attributes:
    """The attributes of conversations, read once when first needed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, Mapping[str, Any]] | None = None

    def values(self, texts: list[str]) -> dict[str, Any]:
        """Fields and values of `KEY=VALUE` texts. `KEY=` clears. Raises UsageError."""
        found: dict[str, Any] = {}
        for text in texts:
            key, value = self._value(text)
            if key in found:
                raise UsageError(f"{key.removeprefix('custom_attributes.')} is given twice.")
            found[key] = value
        return found

    def _value(self, text: str) -> tuple[str, Any]:
        key, equals, value = text.partition("=")
        key, custom = key.strip().removeprefix("custom_attributes."), key.strip().startswith("custom_attributes.")
        if not equals or not key:
            raise UsageError(f"{text!r} is not KEY=VALUE.")
        if key in _FIELDS and not custom:
            if key == "read":
                return key, self._typed({"name": key, "data_type": "boolean"}, value)
            return key, value if value or key == "title" else None
        known = self._list()
        attribute = known.get(key)
        if attribute is None:
            near = difflib.get_close_matches(key, [*known, *_FIELDS], 3, 0.4)
            raise UsageError(f"There is no conversation attribute {key!r}. Nearest: {', '.join(near) or ', '.join([*known, *_FIELDS])}.")
        return f"custom_attributes.{key}", None if value == "" else self._typed(attribute, value)

    def _list(self) -> dict[str, Mapping[str, Any]]:
        if self._known is None:
            listed = self._session.look("conversations/attributes").get("data") or []
            self._known = {str(one.get("name")): one for one in listed if not one.get("archived")}
        return self._known

    def _typed(self, attribute: Mapping[str, Any], value: str) -> Any:
        name, kind = attribute.get("name"), str(attribute.get("data_type") or "string")
        typed = value.strip()
        try:
            if kind == "integer":
                return int(typed)
            if kind in ("float", "decimal", "number"):
                number = float(typed)
                if not math.isfinite(number):
                    raise ValueError
                return number
            if kind == "boolean":
                return _YES[typed.lower()]
        except (ValueError, KeyError):
            forms = {"integer": "a whole number", "boolean": "true or false"}.get(kind, "a number")
            raise UsageError(f"{name} is of type {kind}, and {value!r} is not: write {forms}.") from None
        if kind in ("date", "datetime"):
            return parse_instant(typed, time.time(), self._session.workspace().timezone or "UTC").at
        if kind == "list" or attribute.get("options"):
            return _option(attribute, typed)
        if kind in ("relationship", "files"):
            raise UsageError(f"{name} is of type {kind}, which cannot be set here; write an updater for it.")
        return value


def _option(attribute: Mapping[str, Any], typed: str) -> str:
    """The label of an option, by its label or id; options are told by their words in conversations."""
    options = [o if isinstance(o, Mapping) else {"label": o, "id": o} for o in attribute.get("options") or ()]
    labels = {str(o.get("label") or o.get("value")): str(o.get("id")) for o in options if not o.get("archived")}
    for fits in (lambda label: label == typed, lambda label: labels[label] == typed, lambda label: label.lower() == typed.lower()):
        for label in labels:
            if fits(label):
                return label
    near = difflib.get_close_matches(typed, labels, 3, 0.4) or list(labels)
    raise UsageError(f"{attribute.get('name')} has no option {typed!r}. Nearest: {', '.join(near)}.")
