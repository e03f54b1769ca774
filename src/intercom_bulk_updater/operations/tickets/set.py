"""set: write attributes of tickets, by the type of each.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets/updateticket
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...model import Item, Reversibility
from ..field_values import describe_field
from ..messages import people_of
from ..operation import Json, Operation, SeenRequests
from ..spec import Kind, Resolver, parameter
from ..values import for_people
from .attributes import CLEARS, attribute_name, attributes_of, typed_values
from .fields import ATTRIBUTE, NotPossible, TicketFields

_SHARED, _COMPANY = "is_shared", "company_id"
_UNSEEN = "not shown"
"""What a ticket had, where Intercom does not show it."""

_NEW_TYPE = "the ticket has a type that was not there when the run began; give the command again with --from-run RUN --outcome failed"


def _company(resolver: Resolver, text: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The field as it is written, and what the company is called. Raises UsageError for one that there is not."""
    if text in CLEARS:
        return {_COMPANY: None}, {}
    found = resolver.named("company", text)
    return {_COMPANY: found.id}, {found.id: f"{found.name} ({found.id})"}


class Set(TicketFields):
    """Write attributes of the ticket's type (title, description, your own). A ticket whose type lacks one of them fails, untouched.

    `company_id=` gives it to a company. It has no way back: Intercom does not show which one the ticket had.
    """

    name: ClassVar[str] = "set"
    summary = "Write attributes of tickets."
    past, unchanged, rank = "set", "already set to that", 7
    examples = (
        "severity=high --where 'type = \"Bug report\" and state = submitted' --dry-run",
        "title='Refund asked for' urgency=High --ids ids.txt",
        "'severity={{severity}}' --csv sheet.csv --id-column ticket",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        values: list[str] = parameter(
            Kind.VALUES, "KEY=VALUE: title, description, is_shared, company_id, or an attribute of the ticket's type; KEY= clears it."
        )

    seen_with = "is_shared=true"
    seen_requests: ClassVar[SeenRequests] = {"PUT": lambda body: bool(body.get("is_shared"))}

    def __init__(
        self, by_type: Mapping[str, Mapping[str, Any]], shared: bool | None = None, options: Mapping[str, str] | None = None,
        company: Mapping[str, Any] | None = None,
    ) -> None:
        self.by_type = dict(by_type)
        self.shared = shared
        # The entries of lists by their ids, for people; and for a ticket that shows them so. And what the company is called.
        self.options = dict(options or {})
        self.company = dict(company or {})
        self.attributes = sorted({name for own in self.by_type.values() for name in (*own["values"], *own["refused"])})
        self.fields = ("ticket_type", *(f"{ATTRIBUTE}{name}" for name in self.attributes), *((_SHARED,) if shared is not None else ()))
        self.fields += tuple(self.company)
        self.customer_visible = shared is True
        if self.company:
            self.reversibility, self.not_shown = Reversibility.IRREVERSIBLE, "Intercom does not show the company of a ticket"

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        names = [attribute_name(text.partition("=")[0]) for text in given["values"]]
        kinds = resolver.entries("ticket_type")
        shares = [text.partition("=")[2] for name, text in zip(names, given["values"], strict=True) if name == _SHARED]
        shared = resolver.value({"name": _SHARED, "data_type": "boolean"}, shares[-1]) if shares else None
        own = [text for name, text in zip(names, given["values"], strict=True) if name not in (_SHARED, _COMPANY)]
        lists = [held["options"] for kind in kinds for name, held in attributes_of(kind).items() if name in names]
        options = {one["id"]: one["label"] for entries in lists for one in entries}
        named = [text.partition("=")[2].strip() for name, text in zip(names, given["values"], strict=True) if name == _COMPANY]
        company, called = _company(resolver, named[-1]) if named else ({}, {})
        return cls(typed_values(resolver, own, kinds), shared, {**options, **called}, company)

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        """See Operation. One row that shares its ticket, or that gives it a company, is enough to ask for the word more."""
        rows = [one for one in several if isinstance(one, Set)]
        made = next((one for one in rows if one.customer_visible), rows[0])
        company = next((one.company for one in rows if one.company), {})
        return cls(made.by_type, made.shared, {id: name for one in rows for id, name in one.options.items()}, company)

    @property
    def parameters(self) -> dict[str, Any]:
        company = {"company": self.company} if self.company else {}
        return {"by_type": self.by_type, "shared": self.shared, "options": self.options, **company}

    @property
    def names(self) -> Mapping[str, str]:
        return self.options

    def describe(self) -> str:
        said = {} if self.shared is None else {_SHARED: self.shared}
        said = {**said, **{describe_field(name): one for name, one in self.company.items()}}
        for own in self.by_type.values():
            said = {**own["values"], **said}
        called = {name: self.options.get(str(value)) or for_people(name, value) for name, value in said.items()}
        return "set " + ", ".join(f"{name.strip('_').removeprefix('default_')}={value}" for name, value in called.items())

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. An entry of a list is known by its id, whichever of the two is shown."""
        now = super().image(payload)
        wanted = self.by_type.get(str(now.get("ticket_type")), {}).get("values", {})
        for name in self.attributes:
            shown, value = now.get(f"{ATTRIBUTE}{name}"), wanted.get(name)
            if isinstance(value, str) and value in self.options and shown == self.options[value]:
                now[f"{ATTRIBUTE}{name}"] = value
        return now

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. Besides, who sees it, for the review."""
        before = super().capture({**dict.fromkeys(self.company, _UNSEEN), **payload})
        return before and {**before, **(people_of(payload) if self.customer_visible else {})}

    def shows(self, item: Item) -> bool:
        """See Operation. One that is shared already comes to nobody's eyes anew."""
        return _SHARED in (self.change(item) or {_SHARED})

    def target(self, before: Json) -> dict[str, Any]:
        own = self.by_type.get(str(before.get("ticket_type")))
        wanted: dict[str, Any] = {**({} if self.shared is None else {_SHARED: self.shared}), **self.company}
        for name in self.attributes:
            if own is not None and name in own["values"]:
                wanted[f"{ATTRIBUTE}{name}"] = own["values"][name]
            else:
                why = own["refused"].get(name) if own is not None else _NEW_TYPE
                wanted[f"{ATTRIBUTE}{name}"] = NotPossible(why)
        return wanted

    def why_no_undo(self) -> str:
        return f"{self.not_shown}, so that nothing tells which it was"

    def why_unverifiable(self) -> str:
        return self.not_shown or super().why_unverifiable()
