"""Field, Term, Resource: how a searchable field is described, and found by what people call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.parsing.printable import printable_name

_SAME = ("=", "!=", "IN", "NIN")
_ORDER = (">", "<", ">=", "<=")
_TEXT = ("~", "!~", "^", "$")

OPERATORS = {
    "text": _SAME + _TEXT,
    "named": _SAME,  # what is told by an id, or is one of a few words: a part of it means nothing
    "words": _SAME + _TEXT,  # of a message: `=` matches one word of it
    "integer": _SAME + _ORDER,
    "boolean": _SAME,
    "date": _SAME + _ORDER,
    "day": ("=", "<", ">"),  # contact dates up to 2.16: whole days of the workspace; the others are errors
    "tag": ("=", "!="),  # contacts: every other operator is an error
    "number": _SAME + _ORDER,
    "any": _SAME + _ORDER + _TEXT,  # custom attributes: the workspace knows the type
}

TYPE_WORDS = {
    "text": "a text",
    "named": "told by a whole name or id",
    "words": "a text",
    "integer": "a whole number",
    "boolean": "true or false",
    "date": "a date",
    "day": "a date, matched by whole days",
    "tag": "a tag",
    "number": "a number",
    "any": "a custom attribute",
}


_SEARCHED_ALONE = ("formatted_phone", "andoid_sdk_version", "channel_initiated", "source.email_message_metadata.")
"""Begin the fields that Intercom searches by, and no item shows."""


@dataclass(frozen=True, slots=True)
class Field:
    """One searchable field. `kind` says whose names its values may be ("team", "admin", "tag" ...)."""

    name: str
    type: str
    kind: str = ""
    choices: tuple[str, ...] = ()
    spoken: tuple[tuple[str, str], ...] = ()
    """Friendly values and the words that Intercom has for them."""
    seconds: bool = False
    """A length of time in seconds: `2h` may be written."""
    optional: bool = False
    """Of one with choices: an item may have none of them."""

    @property
    def operators(self) -> tuple[str, ...]:
        """What Intercom accepts, as it spells it; of names and choices no parts, which would match nothing, or everything, unnoticed."""
        return OPERATORS[self._compared_as]

    @property
    def type_words(self) -> str:
        """What its values are, for people."""
        return TYPE_WORDS[self._compared_as]

    @property
    def _compared_as(self) -> str:
        return "named" if self.type == "text" and (self.kind or self.choices) else self.type


@dataclass(frozen=True, slots=True)
class Term:
    """A field as somebody named it. `since`: a length of time up to now (`idle > 30d`)."""

    field: Field
    since: bool = False
    attribute: Mapping[str, Any] | None = None
    """The custom attribute, where its values are options."""


@dataclass(frozen=True, slots=True)
class Resource:
    """The searchable side of conversations, contacts, tickets or companies."""

    name: str
    fields: dict[str, Field]
    words: dict[str, str]
    """Friendly name -> field. The first name of a field is the one that `explain` uses."""
    since: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """What people look for and Intercom cannot search, with what to do instead."""
    open_prefix: str = "custom_attributes."
    shown: dict[str, Field] = field(default_factory=dict)
    """Fields that Intercom shows and cannot search: judged here, see search/language/division.py."""
    named: dict[str, str] = field(default_factory=dict)
    """A name that an item shows -> the field of its id, which is compared in its place, so that an unknown name is an error."""

    def shows(self, field: Field) -> bool:
        """Whether an item tells, by itself and whole, what this field is searched by."""
        hidden = field.type in ("words", "tag") or field.kind == "segment" or field.name.startswith(_SEARCHED_ALONE)
        return not hidden and not (self.name == "tickets" and (field.name == "state" or field.name.startswith(self.open_prefix)))

    def by_id(self, term: Term, operator: str) -> Term:
        """The term by which a name is compared as a whole: that of its id."""
        target = self.named.get(term.field.name) if operator in _SAME else None
        found = self.find(target) if target else None
        return replace(term, field=found) if found else term

    def word(self, name: str) -> str:
        """The friendly name of a field, or the field itself."""
        return next((word for word, target in self.words.items() if target == name), name)

    def term(self, typed: str) -> Term:
        """The field that somebody named. Raises UsageError with the nearest names."""
        lower = typed.lower()
        if lower in self.since:
            return Term(self.fields[self.since[lower]], since=True)
        if found := self.find(self.words.get(lower, typed)) or self.find(lower):
            return Term(found)
        if lower in self.missing:
            raise UsageError(f"{self.name.capitalize()} cannot be searched by {lower}: {self.missing[lower]}")
        if any(sign in typed for sign in "=<>~"):
            raise UsageError(f"This is one quoted text, and a filter begins with a field. Leave these quotes out: {typed.strip()}.")
        known = [*self.words, *self.since, *self.fields, *self.shown]
        near = get_close_matches(lower, known, n=3, cutoff=0.5)
        listed = ", ".join([*self.words, *self.since] or map(printable_name, [*self.fields, *self.shown]))
        meant = f" Did you mean {', '.join(near)}?" if near else f" Known: {listed}."
        custom = f" A custom attribute is written {self.open_prefix}{printable_name(typed)}." if "." not in typed else ""
        raise UsageError(f"{self.name.capitalize()} have no field {printable_name(typed)!r} to search by.{meant}{custom}")

    def find(self, name: str) -> Field | None:
        """The field of that exact name, or None."""
        if found := self.fields.get(name) or self.shown.get(name):
            return found
        for prefix in ("custom_attributes.", "attributes.", "attribute.", "ticket_attribute.", "ticket_attributes."):
            if name.startswith(prefix) and len(name) > len(prefix):
                return Field(self.open_prefix + name[len(prefix) :], "any")
        return None
