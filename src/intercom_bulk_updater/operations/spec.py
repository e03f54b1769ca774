"""How a verb declares what it takes, so that everything else derives from it.

    class Snooze(ConversationState):
        name = "snooze"
        summary = "Snooze conversations until a moment."

        @dataclass(frozen=True, kw_only=True)
        class Parameters:
            until: str = parameter(Kind.MOMENT, "When they wake: 'tomorrow 9:00', +3d, ISO 8601.")

From this the command has `--until`, Python has `until=`, `operations show` and the reference page have the row, and the JSON
Schema its property. `Operation.resolve` turns what was typed into the operation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from ..api.redact import is_message
from ..errors import UsageError
from .message_template import check_template
from .plain_text import shows_nothing


class Kind(StrEnum):
    """What a parameter is: how it is typed, checked and shown."""

    TEXT = "text"
    FLAG = "flag"
    MESSAGE = "message"
    """A text that somebody reads: never shown in reports or logs."""
    FILE = "file"
    """Where something is written: -o."""
    MOMENT = "moment"
    ID = "id"
    """The id of something that has no name to go by, or the link to it."""
    NAMED = "named"
    """Something of the workspace, by its name or id."""
    TEAM = "team"
    ADMIN = "admin"
    TICKET_TYPE = "ticket type"
    TICKET_STATE = "ticket state"
    IDS = "ids"
    TAGS = "tags"
    VALUES = "values"
    """KEY=VALUE, several."""

    @property
    def many(self) -> bool:
        """Whether it takes a list."""
        return self in (Kind.IDS, Kind.TAGS, Kind.VALUES)

    @property
    def form(self) -> str:
        """What stands for its value in help and in errors."""
        return _FORMS[self]


_FORMS = {
    Kind.TEXT: "TEXT", Kind.FLAG: "", Kind.MESSAGE: "TEXT|@FILE", Kind.FILE: "FOLDER|FILE", Kind.MOMENT: "TIME", Kind.NAMED: "NAME|ID",
    Kind.TEAM: "NAME|ID",
    Kind.ADMIN: "NAME|EMAIL|ID", Kind.TICKET_TYPE: "NAME|ID", Kind.TICKET_STATE: "NAME|ID", Kind.ID: "ID", Kind.IDS: "ID",
    Kind.TAGS: "NAME|ID", Kind.VALUES: "KEY=VALUE",
}  # fmt: skip
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCHEMAS: dict[Kind, dict[str, Any]] = {
    Kind.FLAG: {"type": "boolean"},
    Kind.IDS: {"type": "array", "items": {"type": "string"}, "minItems": 1},
    Kind.TAGS: {"type": "array", "items": {"type": "string"}, "minItems": 1},
    Kind.VALUES: {"type": "object"},
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a verb, as it was declared."""

    name: str
    kind: Kind
    help: str
    required: bool

    @property
    def flag(self) -> str:
        """Its flag on the command line: `--to-team`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def flag_text(self) -> str:
        """The flag with what stands for its value: `--to-team NAME|ID`; for KEY=VALUE the value alone."""
        return f"{self.kind.form} ..." if self.kind is Kind.VALUES else f"{self.flag} {self.kind.form}".rstrip()


def parameter(kind: Kind, help: str, *, required: bool = True) -> Any:
    """A field of a verb's `Parameters`. What is not required is None, False or empty when it is not given."""
    if required:
        return dataclasses.field(metadata={"kind": kind, "help": help})
    absent: Any = False if kind is Kind.FLAG else () if kind.many else None
    return dataclasses.field(default=absent, metadata={"kind": kind, "help": help})


@dataclass(frozen=True)
class NoParameters:
    """Of a verb that takes nothing."""


def parameters_of(declared: type) -> Iterator[Parameter]:
    """The parameters of a `Parameters` class, in their order."""
    for one in dataclasses.fields(declared):
        kind = one.metadata["kind"]
        if kind is Kind.MESSAGE and not is_message(one.name):
            raise TypeError(f"A parameter that is a message is called body or message, not {one.name}: that name keeps it private.")
        yield Parameter(one.name, kind, one.metadata["help"], one.default is dataclasses.MISSING)


def schema_of(declared: type) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a verb's parameters, for recipes and forms."""
    properties: dict[str, Any] = {}
    for one in parameters_of(declared):
        properties[one.name] = {**_SCHEMAS.get(one.kind, {"type": "string"}), "description": one.help, "x-kind": str(one.kind)}
    required = [one.name for one in parameters_of(declared) if one.required]
    return {"$schema": DIALECT, "type": "object", "properties": properties, "required": required, "additionalProperties": False}


class Named(Protocol):
    """Something of the workspace with an id and a name."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name."""


class Resolver(Protocol):
    """What a verb may ask of the workspace to turn what was typed into ids and moments."""

    def named(self, kind: str, text: str) -> Named:
        """A team, an admin, a tag, a subscription by its name or id, a company by its ids. Raises UnknownName, with the nearest."""

    def target(self, resource: str, text: str, flag: str) -> Mapping[str, Any]:
        """Another item that `flag` names, by its id, link or key (an e-mail address). Raises UsageError where there is none.

        What cannot be meant is returned with the reason: {"id", "unfit"}. So is one that a row names, which fails alone.
        """

    def new_name(self, kind: str, text: str) -> str:
        """What one that is to be created will be called: as it was first written, for other capitals name the same."""

    def entry(self, kind: str, identity: str) -> Mapping[str, Any]:
        """The same, as the workspace lists it: for what a verb needs to know beside id and name."""

    def entries(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """All ticket types or ticket states, as Intercom lists them."""

    def moment(self, text: str) -> int:
        """A moment as people write it, in unix seconds; in the workspace's time zone."""

    def values(self, resource: str, texts: Sequence[str]) -> dict[str, Any]:
        """Fields and values of KEY=VALUE texts, in the types of the workspace's attributes."""

    def value(self, attribute: Mapping[str, Any], text: str) -> Any:
        """A value as typed, in the type of an attribute as Intercom describes it. Raises UsageError."""


def message(text: str | None, verb: str, resource: str) -> str:
    """The text of a message. Raises UsageError for an empty one, and for a place that nothing can fill."""
    if text is None or shows_nothing(text):
        raise UsageError(f"The text of {verb} is empty.", hint="Write it as --body TEXT, or --body @FILE.")
    check_template(text, resource)
    return text.strip()
