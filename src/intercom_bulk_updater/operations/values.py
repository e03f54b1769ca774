"""What the verb `set` of every resource shares: KEY=VALUE by the workspace's own attributes and types.

    class Set(SetValues, FieldsOperation):
        name, resource, Parameters = "set", "contacts", values_of(RESOURCE)

        def image(self, payload): return plain_fields(payload, self.fields)
        def write(self, client, item_id, have, want): return client.put(item_path("contacts", item_id), body_of(have, want))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import make_dataclass
from typing import Any

from ..api.redact import mask
from ..parsing.dates import is_moment, local_moment
from .operation import Json, Operation
from .resource import Resource
from .spec import Kind, parameter

CUSTOM = "custom_attributes."
"""Begins the field of a custom attribute."""


def values_of(resource: Resource) -> type:
    """The `Parameters` of a resource's `set`: its fields that can be set, and its custom attributes."""
    known = ", ".join(resource.settable)
    words = f"KEY=VALUE: {known}, or a custom attribute; KEY= clears it. Types come from the workspace."
    return make_dataclass("Parameters", [("values", list[str], parameter(Kind.VALUES, words))], frozen=True, kw_only=True)


def plain_fields(payload: Json, fields: Iterable[str]) -> dict[str, Any]:
    """Those of the fields that a payload has; a custom attribute that is not listed has no value."""
    got: dict[str, Any] = {}
    for field in fields:
        if field.startswith(CUSTOM):
            if "custom_attributes" in payload:
                got[field] = (payload["custom_attributes"] or {}).get(field.removeprefix(CUSTOM))
        elif field in payload:
            got[field] = payload[field]
    return got


def body_of(have: Json, want: Json) -> dict[str, Any]:
    """What a PUT has to write: the wanted fields that differ, or are not known."""
    body: dict[str, Any] = {}
    for field, value in want.items():
        if field in have and have[field] == value:
            continue
        if field.startswith(CUSTOM):
            body.setdefault("custom_attributes", {})[field.removeprefix(CUSTOM)] = value
        else:
            body[field] = value
    return body


class SetValues(Operation):
    """Write fields and custom attributes. To be combined with what reads and writes the fields of a resource."""

    past, unchanged, rank = "set", "already set to that", 7

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self.fields = tuple(sorted(self.values))

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        """See Operation."""
        return cls({field: value for one in several if isinstance(one, SetValues) for field, value in one.values.items()})

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {"values": self.values}

    def describe(self) -> str:
        """See Operation."""
        return "set " + ", ".join(f"{field.removeprefix(CUSTOM)}={_typed(field, value)}" for field, value in self.values.items())

    def target(self, before: Json) -> dict[str, Any]:
        """The wanted fields, whatever they were before."""
        return dict(self.values)


def _typed(field: str, value: Any) -> Any:
    """A value as a person types it; one that must not be shown is masked."""
    if value is None or is_moment(field, value):
        return "" if value is None else local_moment(value)
    return str(value).lower() if isinstance(value, bool) else mask(value, field)
