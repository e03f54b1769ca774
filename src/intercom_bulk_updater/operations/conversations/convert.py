"""convert: make customer tickets of conversations.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/convertconversationtoticket
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import UsageError
from ...model import Item, Reversibility
from ...parsing.identity import id_text
from ..fields import FieldsOperation
from ..messages import people_of
from ..operation import Change, Json, Operation, SeenRequests
from ..spec import Kind, Resolver, parameter
from ..tickets.attributes import typed_values
from ..tickets.states import states_by_type


class Convert(FieldsOperation):
    """Make a customer ticket of the conversation. The customer is told, and no ticket becomes a conversation again."""

    name: ClassVar[str] = "convert"
    resource: ClassVar[str] = "conversations"
    summary = "Make customer tickets of conversations."
    past, unchanged, rank = "converted", "already a ticket", 30
    reversibility = Reversibility.IRREVERSIBLE
    watches = True
    side_effects = "the tickets, and what the customers were told of them"
    customer_visible = True
    seen_requests: ClassVar[SeenRequests] = {"POST convert": lambda body: True}
    fields = ("ticket",)
    final_requests: ClassVar[tuple[str, ...]] = ("POST conversations/*/convert",)
    examples = (
        "--ids ids.txt --ticket-type 'Bug report' --dry-run",
        "--where 'tag = bug' --ticket-type 'Bug report' severity=high --irreversible --customer-visible",
        "--csv s.csv --ticket-type 'Bug report' 'title={{title}}' --irreversible --customer-visible",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        ticket_type: str = parameter(Kind.TICKET_TYPE, "The ticket type, a customer type, by name or id.")
        ticket_state: str | None = parameter(Kind.TICKET_STATE, "Its state, by name, category or id.", required=False)
        values: list[str] = parameter(Kind.VALUES, "KEY=VALUE: attributes of its type: title, description ...", required=False)

    def __init__(self, request: Mapping[str, Any], called: str, state: str = "") -> None:
        self.request, self.called, self.state = dict(request), called, state

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        found = resolver.named("ticket_type", given["ticket_type"])
        kinds = resolver.entries("ticket_type")
        kind = next(one for one in kinds if str(one["id"]) == found.id)
        if kind.get("category") != "Customer":
            known = ", ".join(f"{one.get('name')} ({one['id']})" for one in kinds if one.get("category") == "Customer")
            raise UsageError(f"{found.name} is no type of customer tickets. A conversation becomes one of: {known or 'there is none'}.")
        request, state = dict[str, Any]({"ticket_type_id": found.id}), ""
        if given["ticket_state"]:
            states, label = states_by_type(resolver, given["ticket_state"])
            if found.id not in states:
                raise UsageError(f"The ticket type {found.name} has no state {label!r}.")
            request["ticket_state_id"], state = states[found.id], f"{label} ({states[found.id]})"
        if given["values"]:
            request["attributes"] = typed_values(resolver, given["values"], [kind])[found.id]["values"]
        return cls(request, f"{found.name} ({found.id})", state)

    @property
    def parameters(self) -> dict[str, Any]:
        return {"request": self.request, "called": self.called, "state": self.state}

    def describe(self) -> str:
        return f"convert to {self.called}" + (f" as {self.state}" if self.state else "")

    def change(self, item: Item) -> Change | None:
        """See Operation. What the ticket will have, too."""
        change = super().change(item)
        if not change:
            return change
        values = {name.removeprefix("_default_").strip("_"): value for name, value in self.request.get("attributes", {}).items()}
        has = {"ticket": self.called, **({"ticket_state": self.state} if self.state else {}), **values}
        return {name: (None, value) for name, value in has.items()}

    def image(self, payload: Json) -> dict[str, Any]:
        ticket = payload.get("ticket", ...)
        told = ticket is None or (isinstance(ticket, Mapping) and ticket.get("type", "ticket") == "ticket" and id_text(ticket.get("id")))
        return {"ticket": ticket is not None} if told else {}

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. Besides, who is told, for the review."""
        before = super().capture(payload)
        return before and {**before, **people_of(payload)}

    def target(self, before: Json) -> dict[str, Any]:
        return {"ticket": True}

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation. The answer is the ticket."""
        client.post(item_path("conversations", item_id, "convert"), self.request)
        return None

    def why_no_undo(self) -> str:
        return "a ticket does not become a conversation again"
