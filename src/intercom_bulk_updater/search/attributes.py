"""The custom attributes of a workspace: their types and options, for filters (`--where`) and for values (`set`) alike."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from intercom_bulk_updater.errors import InvalidRequest, NotFound, UsageError
from intercom_bulk_updater.parsing.printable import printable_name

Attribute = Mapping[str, Any]
"""As Intercom describes one: `name`, `data_type`, `options` ..."""

_MODELS = {"conversations": "conversation", "contacts": "contact", "companies": "company"}
_NUMBERS = ("float", "decimal", "number")


class WorkspaceAttributes:
    """The attributes of each resource, read when first needed, and once. `get("data_attributes")` performs a GET."""

    def __init__(self, get: Callable[[str], Mapping[str, Any]]) -> None:
        self._get = get
        self._known: dict[str, dict[str, Attribute]] = {}

    def of(self, resource: str) -> dict[str, Attribute]:
        """The attributes of "conversations", "contacts", "companies" by name, those of "tickets" by id; archived ones, too."""
        if resource not in self._known:
            self._known[resource] = self._of_tickets() if resource == "tickets" else self._of_model(_MODELS[resource])
        return self._known[resource]

    def _of_model(self, model: str) -> dict[str, Attribute]:
        if model == "conversation":
            try:
                return _by_name(_entries(self._get("conversations/attributes")))
            except (NotFound, InvalidRequest):
                pass  # before 2.16 they stand among the data attributes
        listed = _entries(self._get("data_attributes"))
        return _by_name([one for one in listed if one.get("model") == model and one.get("custom", True)])

    def _of_tickets(self) -> dict[str, Attribute]:
        types = _entries(self._get("ticket_types"))
        return {str(one.get("id")): one for kind in types for one in _entries(kind.get("ticket_type_attributes"))}


def _by_name(entries: list[Attribute]) -> dict[str, Attribute]:
    return {str(one.get("name")): one for one in sorted(entries, key=lambda one: not one.get("archived"))}


def _entries(listing: Any) -> list[Attribute]:
    """The objects of a list as Intercom gives it."""
    data = listing.get("data") if isinstance(listing, Mapping) else None
    return [one for one in data if isinstance(one, Mapping)] if isinstance(data, list) else []


def type_of(attribute: Attribute) -> str:
    """What its values are: "text", "integer", "number", "boolean", "date" or "option"; another type as Intercom names it."""
    named = str(attribute.get("data_type") or "string").lower()
    if attribute.get("options") or named == "list":
        return "option"
    if named in _NUMBERS:
        return "number"
    return {"string": "text", "datetime": "date"}.get(named, named)


def option_of(attribute: Attribute, typed: str) -> str:
    """The label of an option, by its label or id; options are told by their words. Raises UsageError."""
    options = [o if isinstance(o, Mapping) else {"label": o, "id": o} for o in attribute.get("options") or ()]
    labels = {str(o.get("label") or o.get("value")): str(o.get("id")) for o in options if not o.get("archived")}
    for fits in (lambda label: label == typed, lambda label: labels[label] == typed, lambda label: label.lower() == typed.lower()):
        for label in labels:
            if fits(label):
                return label
    near = difflib.get_close_matches(typed, labels, 3, 0.4) or list(labels)
    nearest = ", ".join(map(printable_name, near[:10]))
    raise UsageError(f"{printable_name(attribute.get('name'))} has no option {printable_name(typed)!r}. Nearest: {nearest}.")
