"""KEY=VALUE of `set`: a field or a custom attribute, in the type that the workspace gives it."""

from __future__ import annotations

import difflib
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UsageError
from ..operations.registry import verbs_for
from ..operations.resource import resources
from ..operations.spec import Named
from ..parsing.dates import parse_instant
from ..parsing.identity import is_email
from ..parsing.printable import printable_name
from ..runs.session import Session
from ..search.attributes import WorkspaceAttributes, option_of, type_of
from ..search.language.fields import resource as fields_of

_NULL = ("null",)
_CLEARS = ("", *_NULL)
_YES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Attributes:
    """The fields and attributes of a resource that can be set, read once when first needed."""

    def __init__(self, session: Session, resource: str, named: Callable[[str, str], Named]) -> None:
        self._session = session
        self._named = named
        self._resource = resources()[resource]
        self._attributes = WorkspaceAttributes(session.look)

    def values(self, texts: list[str]) -> dict[str, Any]:
        """Fields and values of `KEY=VALUE` texts. `KEY=` and `KEY=null` clear. Raises UsageError."""
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
        fields = self._resource.settable
        if not custom and key not in fields and fields_of(self._resource.name).words.get(key) in fields and key not in self._known():
            key = fields_of(self._resource.name).words[key]  # as filters and columns call it
        if key in fields and not custom:
            kind = fields[key]
            if kind != "boolean" and value in (_NULL if kind == "text" else _CLEARS):
                return key, None
            if kind in ("admin", "team", "company"):
                return key, self._named(kind, value).id
            return key, value if kind == "text" else typed_value({"name": key, "data_type": kind}, value, self._session)
        known = self._known()
        attribute = known.get(key)
        if attribute is None:
            if others := verbs_for(self._resource.name, key):
                raise UsageError(f"There is no {self._resource.singular} attribute {printable_name(key)!r}.{others}")
            near = difflib.get_close_matches(key, [*known, *fields], 3, 0.4) or [*known, *fields]
            nearest = ", ".join(map(printable_name, near))
            raise UsageError(f"There is no {self._resource.singular} attribute {printable_name(key)!r}. Nearest: {nearest}.")
        return f"custom_attributes.{key}", None if value in _CLEARS else typed_value(attribute, value, self._session)

    def _known(self) -> dict[str, Any]:
        return {name: one for name, one in self._attributes.of(self._resource.name).items() if not one.get("archived")}


def typed_value(attribute: Mapping[str, Any], value: str, session: Session) -> Any:
    """A value as typed, in the type of an attribute as Intercom describes it. Raises UsageError."""
    name, kind = attribute.get("name"), type_of(attribute)
    typed = value.strip()
    try:
        if kind == "integer":
            return int(typed)
        if kind == "number":
            number = float(typed)
            if not math.isfinite(number):
                raise ValueError
            return number
        if kind == "boolean":
            return _YES[typed.lower()]
    except (ValueError, KeyError):
        forms = {"integer": "a whole number", "boolean": "true or false"}.get(kind, "a number")
        raise UsageError(f"{name} is of type {kind}, and {value!r} is not: write {forms}.") from None
    if kind == "email" and not is_email(typed):
        raise UsageError(f"{name} takes an e-mail address, and what is given is none.")
    if kind == "date":
        return parse_instant(typed, time.time(), session.workspace().timezone or "UTC").at
    if kind == "option":
        return option_of(attribute, typed)
    if kind in ("relationship", "files"):
        raise UsageError(f"{name} is of type {kind}, which cannot be set here; write an updater for it.")
    return value

