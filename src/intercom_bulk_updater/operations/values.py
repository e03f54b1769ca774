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
from ..errors import BadAnswer
from ..parsing.dates import is_moment, local_moment
from .endings import PartiallyApplied
from .field_values import KINDS, SWITCHES, describe_field, unseen
from .operation import Json, Operation
from .resource import Resource
from .spec import Kind, Resolver, parameter

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
            if isinstance(held := payload.get("custom_attributes"), Mapping):
                got[field] = held.get(field.removeprefix(CUSTOM))
        elif field in payload and (field not in SWITCHES or isinstance(payload[field], bool)):
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

    def __init__(self, values: Mapping[str, Any], names: Mapping[str, str] | None = None) -> None:
        self.values = dict(values)
        self.fields = tuple(sorted(self.values))
        # What the teammates among the values are called, for people.
        self._names = dict(names or {})

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        values = resolver.values(cls.resource, given["values"])
        return cls(values, names_in(values, resolver))

    def see_unwritten(self, have: Json, want: Json, kept: Json) -> None:
        """See FieldsOperation. What was read as wanted already was left alone; the answer shows whether it was so."""
        otherwise = [field for field, value in want.items() if field in have and have[field] == value and kept.get(field, value) != value]
        if otherwise:
            named = ", ".join(otherwise)
            raise PartiallyApplied(BadAnswer(f"the answer shows {named} otherwise than as read", status=200), f"{named} was left alone")

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        rows = [one for one in several if isinstance(one, SetValues)]
        return cls(*merged(rows))

    @property
    def parameters(self) -> dict[str, Any]:
        return {"values": self.values, **({"names": self._names} if self._names else {})}

    @property
    def names(self) -> Mapping[str, str]:
        return self._names

    def describe(self) -> str:
        said = {field: self._names.get(str(value)) or for_people(field, value) for field, value in self.values.items()}
        called = {field: describe_field(field) if field in KINDS else field.removeprefix(CUSTOM) for field in said}
        return "set " + ", ".join(f"{called[field]}={value}" for field, value in said.items())

    def target(self, before: Json) -> dict[str, Any]:
        """The wanted fields, whatever they were before."""
        return dict(self.values)


def names_in(values: Mapping[str, Any], resolver: Resolver) -> dict[str, str]:
    """What those of the values are called that are ids: {"991267700": "Ben Okafor (991267700)"}."""
    people = {str(value): KINDS[field] for field, value in values.items() if field in KINDS and value}
    return {identity: f"{resolver.named(kind, identity).name} ({identity})" for identity, kind in people.items()}


def merged(rows: Sequence[SetValues]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of several, the later ones before the earlier, and the names of all."""
    values = {field: value for one in rows for field, value in one.values.items()}
    return values, {identity: name for one in rows for identity, name in one.names.items()}


def for_people(field: str, value: Any) -> Any:
    """A value as people say it: none is empty, blanks are said to be that, a time is a date; one that must not be shown is masked."""
    if value is None or is_moment(field, value):
        return "empty" if value is None else local_moment(value)
    return str(value).lower() if isinstance(value, bool) else unseen(value) or mask(value, field)
