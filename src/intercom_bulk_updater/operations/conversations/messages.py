"""The verbs of conversations that write to somebody: reply and note. Never done twice.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/replyconversation
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.effects import find_message, message_stands
from ...api.paths import item_path
from ...model import Item, Reversibility
from ..messages import AGAIN, MessageOperation, people_of
from ..operation import Change, Json, SeenRequests
from ..spec import Kind, parameter
from .history import differences, looked, mark, touched_since_plan
from .state import STATE, image


class _Message(MessageOperation):
    """Add a message. Never done twice: after a lost answer the thread is read before anything else."""

    resource: ClassVar[str] = "conversations"
    reversibility = Reversibility.REDACT
    idempotent = False
    appends = signs = True
    kind: ClassVar[str] = ""

    def __init__(self, body: str, skip_notifications: bool = False, again: bool = False) -> None:
        self.body = body
        self.skip_notifications = skip_notifications
        self.again = again

    @property
    def parameters(self) -> dict[str, Any]:
        return {"body": self.body, "skip_notifications": self.skip_notifications, "again": self.again}

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. Besides the state, whom it would write to, for the review."""
        at, touched = payload.get("updated_at"), looked(payload, self.planned)
        if touched is None:
            return None
        seen = {"updated_at": at} if isinstance(at, int) else {}
        return {**self.state_of(payload), **seen, **touched, "contacts": [], **people_of(payload), **self.fields_seen(payload)}

    def state_of(self, payload: Json) -> dict[str, Any]:
        """What somebody may have changed meanwhile, so that the message is not sent."""
        return image(payload, STATE)

    def drift(self, payload: Json, item: Item) -> str:
        now = self.state_of(payload)
        return differences({field: value for field, value in (item.before or {}).items() if field in now}, now, label=self.label)

    def touched(self, payload: Json, item: Item) -> str:
        return touched_since_plan(payload, item)

    def change(self, item: Item) -> Change | None:
        """See Operation. A message wakes a conversation that is snoozed."""
        before = item.before or {}
        woken: Change = {"state": ("snoozed", "open"), "snoozed_until": (before.get("snoozed_until"), None)}
        return {self.name: (None, "one more message"), **(woken if before.get("state") == "snoozed" else {})}

    def read(self, client: Client, item_id: str) -> Json | None:
        return client.get(item_path(self.resource, item_id))

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        return message_stands(payload, self._message(client, item), since, _seen(item), ours=not item.doubt)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        message = self._message(client, item)
        answer = client.post(item_path(self.resource, item.id, "reply"), message)
        since = client.server_time() - 120
        seen = _seen(item)
        # A ticket answers with the part alone.
        part = answer if "part_type" in answer else find_message(answer, message, since if seen is None else min(since, seen))
        return {**self.state_of(answer), **mark(answer), **({"part": str(part.get("id"))} if part else {})}

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        part = find_message(payload, self._message(client, item), since)
        return {**self.state_of(payload), **mark(payload), **({"part": str(part.get("id"))} if part else {})}

    def why_no_undo(self) -> str:
        return "a message cannot be taken back; Intercom can only redact it, part by part"

    def _message(self, client: Client, item: Item) -> dict[str, Any]:
        message = {"message_type": self.kind, "type": "admin", "admin_id": client.actor(), "body": self.message(item)}
        return {**message, "skip_notifications": True} if self.skip_notifications else message


def _seen(item: Item) -> float | None:
    """When the conversation was last changed, by the server's clock, as the run saw it."""
    at = (item.before or {}).get("updated_at")
    return float(at) if isinstance(at, int) else None


class Reply(_Message):
    """Reply to the customer."""

    name: ClassVar[str] = "reply"
    summary = "Reply to the customers."
    past, unchanged, lead, rank = "replied to", "already replied to", "Reply to", 9
    examples = (
        "--where 'tag = incident and state = open' --body @reply.txt --dry-run",
        "--ids ids.txt --body 'All is well again.' --customer-visible",
        "--csv sheet.csv --body 'Your order {{order}} is on its way.' --customer-visible",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        body: str = parameter(Kind.MESSAGE, "The message: TEXT or @FILE.")
        skip_notifications: bool = parameter(Kind.FLAG, "Notify nobody.", required=False)
        again: bool = parameter(Kind.FLAG, AGAIN, required=False)

    kind: ClassVar[str] = "comment"
    customer_visible = True
    seen_requests: ClassVar[SeenRequests] = {"POST reply": lambda body: body.get("message_type") != "note"}
    side_effects = "the message to the customer, and that it wakes a snoozed conversation"


class Note(_Message):
    """Leave an internal note."""

    name: ClassVar[str] = "note"
    summary = "Leave an internal note."
    past, unchanged, lead, rank = "noted", "already noted", "Add a note to", 8
    examples = (
        "--where 'team = Support and state = open' --body 'Asked for by finance.' --dry-run",
        "--ids ids.txt --body @note.txt",
        "--csv sheet.csv --body 'Order {{order}}' --skip-notifications",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        body: str = parameter(Kind.MESSAGE, "The note: TEXT or @FILE.")
        skip_notifications: bool = parameter(Kind.FLAG, "Notify nobody.", required=False)
        again: bool = parameter(Kind.FLAG, AGAIN, required=False)

    kind: ClassVar[str] = "note"
    side_effects = "the notifications of teammates, and that a note wakes a snoozed conversation"
