"""close, open, snooze, set: verbs of conversations that bring their state or their fields to what is wanted.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.effects import message_stands
from ...api.messages import SentRequest
from ...api.paths import item_path
from ...errors import StopRun
from ...model import Item
from ...parsing.dates import local_moment
from ..messages import AGAIN, MessageOperation, people_of
from ..operation import Json, SeenRequests
from ..spec import Kind, parameter
from ..values import SetValues, values_of
from .history import closed_by_another, mark
from .resource import RESOURCE
from .restore import PARTS_STAY
from .state import STATE, image, write
from .verb import ConversationState


class Close(MessageOperation, ConversationState):
    """Close the conversation; with a message, the customer sees it as the last one."""

    name: ClassVar[str] = "close"
    summary = "Close conversations."
    past, unchanged, rank = "closed", "already closed", 1
    examples = (
        "--where 'team = Support and state = open and idle > 30d' --dry-run",
        "--ids ids.txt --yes",
        "--where 'tag = incident and state = open' --body 'All is well again.' --customer-visible",
    )
    fields = STATE
    seen_with = "--body"
    seen_requests: ClassVar[SeenRequests] = {"POST parts": lambda body: bool(body.get("body"))}

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        body: str | None = parameter(Kind.MESSAGE, "A last message, seen by the customer: TEXT or @FILE.", required=False)
        again: bool = parameter(Kind.FLAG, AGAIN, required=False)

    def __init__(self, body: str = "", again: bool = False) -> None:
        self.body = body
        self.again = again
        self.customer_visible = bool(body)
        # Closing twice ends in the same state; writing to the customer twice does not.
        self.idempotent = not body
        if body:
            self.side_effects = f"the message that the customer has got, {PARTS_STAY}"

    @property
    def parameters(self) -> dict[str, Any]:
        return {"body": self.body, "again": self.again} if self.body else {}

    def describe(self) -> str:
        return "close with a message" if self.body else "close"

    def target(self, before: Json) -> dict[str, Any]:
        return {"state": "closed"}

    def consequences(self, before: Json) -> dict[str, Any]:
        return {"snoozed_until": None}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        if not self.message(item):
            return super().stands(payload, item, since=since, client=client)
        return message_stands(payload, self._message(client, item), since, ours=not item.doubt)

    def others_first(self, payload: Json, since: float, client: Client) -> str:
        return closed_by_another(payload, client.admin_id, math.inf)  # what we had closed ourselves would be signed by us

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        if not self.message(item):
            return super().perform(client, item, {"state": "open"} if item.before is None and now is None else now)
        had = image(now, STATE) if now is not None else item.before or {}
        closed = {"state": "closed", "snoozed_until": None}
        message = SentRequest("POST", item_path("conversations", item.id, "parts"), self._message(client, item))
        payload, shown = write(client, item.id, message, had, closed, STATE)
        return {**closed, **shown, **mark(payload)}

    def capture(self, payload: Json) -> dict[str, Any] | None:
        before = super().capture(payload)
        return before if before is None or not self.body else {**before, **people_of(payload), **self.fields_seen(payload)}

    def _message(self, client: Client, item: Item) -> dict[str, Any]:
        return {"message_type": "close", "type": "admin", "admin_id": client.actor(), "body": self.message(item)}


class Open(ConversationState):
    """Open the conversation again (also wakes a snoozed one)."""

    name: ClassVar[str] = "open"
    summary = "Open conversations again."
    past, unchanged, rank = "opened", "already open", 2
    examples = (
        "--ids ids.txt --dry-run",
        "--where 'state = snoozed and team = Billing' --plan open.jsonl",
        "--from-run latest --outcome done",
    )
    fields = STATE

    def target(self, before: Json) -> dict[str, Any]:
        return {"state": "open"}

    def consequences(self, before: Json) -> dict[str, Any]:
        return {"snoozed_until": None}


class Snooze(ConversationState):
    """Snooze the conversation until a moment."""

    name: ClassVar[str] = "snooze"
    summary = "Snooze conversations until a moment."
    past, unchanged, rank = "snoozed", "already snoozed until then", 3
    examples = (
        "--where 'team = Support and state = open' --until 'tomorrow 9:00' --dry-run",
        "--ids ids.txt --until +3d",
        "--csv sheet.csv --until '{{date}}' --canary 5",
    )
    fields = STATE

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        until: str = parameter(Kind.MOMENT, "When they wake: 'tomorrow 9:00', +3d, ISO 8601 (the workspace's time zone).")

    def __init__(self, until: int) -> None:
        self.until = int(until)

    @property
    def parameters(self) -> dict[str, Any]:
        return {"until": self.until}

    def describe(self) -> str:
        return f"snooze until {local_moment(self.until)}"

    def target(self, before: Json) -> dict[str, Any]:
        return {"state": "snoozed", "snoozed_until": self.until}

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        if self.until <= client.server_time():
            # Asked to snooze until a moment that has passed, Intercom might open what is closed.
            raise StopRun(f"the moment to {self.describe()} has come; what is left would not be snoozed any more")
        return super().perform(client, item, now)


class Set(SetValues, ConversationState):
    """Write fields (title, read, company_id) and custom attributes."""

    name: ClassVar[str] = "set"
    summary = "Write fields and custom attributes of conversations."
    side_effects = "a history entry of Intercom for each attribute"
    examples = (
        "title='Refund asked for' --ids ids.txt --dry-run",
        "read=true --where 'team = Support and state = closed'",
        "'order_id={{order}}' --csv sheet.csv",
    )
    Parameters = values_of(RESOURCE)
    signs = False

    def target(self, before: Json) -> dict[str, Any]:
        """See SetValues. An empty title is none, as in what is read."""
        return {field: value or None if field == "title" else value for field, value in self.values.items()}
