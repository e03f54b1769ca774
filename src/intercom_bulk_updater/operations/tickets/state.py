"""close, open: close tickets and open them again, with a state of their type where one is named.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets/updateticket
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..operation import Json, Operation
from ..spec import Kind, Resolver, parameter
from .fields import NotPossible, TicketFields
from .states import states_by_type


@dataclass(frozen=True, kw_only=True)
class _Parameters:
    ticket_state: str | None = parameter(
        Kind.TICKET_STATE, "The state to put them in, too, by name, category or id of the ticket's type.", required=False
    )


class _Switch(TicketFields):
    Parameters = _Parameters
    on: ClassVar[bool]

    def __init__(self, states: Mapping[str, str] | None = None, called: str = "") -> None:
        self.states, self.called = dict(states or {}), called
        self.fields = (*type(self).fields, *(("ticket_state", "ticket_type") if states else ()))

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        return cls(*states_by_type(resolver, given["ticket_state"])) if given["ticket_state"] else cls()

    @property
    def parameters(self) -> dict[str, Any]:
        return {"states": self.states, "called": self.called} if self.states else {}

    def describe(self) -> str:
        ids = sorted(set(map(str, self.states.values())))
        return f"{self.name} as {self.called} ({', '.join(ids)})" if ids else self.name

    def target(self, before: Json) -> dict[str, Any]:
        if not self.states:
            return {"open": self.on}
        lacking = NotPossible(f"the ticket's type has no state {self.called!r}")
        return {"open": self.on, "ticket_state": self.states.get(str(before.get("ticket_type")), lacking)}


class Close(_Switch):
    """Close the ticket, which ends a snooze. Its state ("In progress") stays, unless --ticket-state names another."""

    name: ClassVar[str] = "close"
    summary = "Close tickets."
    past, unchanged, rank = "closed", "already closed", 1
    examples = (
        "--where 'open = true and idle > 30d' --dry-run",
        "--ids ids.txt --ticket-state Resolved",
        "--where 'type = Incident and open = true' --ticket-state resolved --plan close.jsonl",
    )
    fields, on = ("open", "snoozed_until"), False

    def target(self, before: Json) -> dict[str, Any]:
        return {**super().target(before), "snoozed_until": None}


class Open(_Switch):
    """Open the ticket again. Its state stays, unless --ticket-state names another."""

    name: ClassVar[str] = "open"
    summary = "Open tickets again."
    past, unchanged, rank = "opened", "already open", 2
    examples = (
        "--ids ids.txt --dry-run",
        "--ids ids.txt --ticket-state 'In progress'",
        "--from-run latest --outcome done",
    )
    fields, on = ("open",), True
