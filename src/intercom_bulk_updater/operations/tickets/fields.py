"""Tickets as fields: how to read them, and the one request that writes them. All verbs but messages and deletion stand on it.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets/updateticket
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from ...api.client import Client
from ...api.messages import SentRequest
from ...api.paths import item_path
from ...api.retry import no_effect
from ...model import Item
from ..assignment import ASSIGNEES, assignees, number
from ..conversations.history import looked, mark, our_mark, touched_since, touched_since_plan
from ..endings import CannotApply
from ..field_values import SWITCHES, describe_field, describe_value
from ..fields import FieldsOperation
from ..operation import Json

ATTRIBUTE = "ticket_attributes."
"""Begins the field of an attribute of the ticket's type."""
_EXACT = ("open", "ticket_state", *ASSIGNEES)
"""Fields that come out as they were written, or are not written."""


class NotPossible(str):
    """A wanted value that no ticket of this type can have: why, in words. It fails the item, before the run too."""


def image(payload: Json, fields: Iterable[str]) -> dict[str, Any]:
    """Those of the fields that a ticket's payload has, in one plain form."""
    got: dict[str, Any] = {}
    attributes = payload.get("ticket_attributes")
    for field in fields:
        if field in ("ticket_state", "ticket_type"):
            held = payload.get(field)
            if isinstance(held, Mapping) and held.get("id") is not None:
                got[field] = str(held["id"])
        elif field.startswith(ATTRIBUTE):
            if isinstance(attributes, Mapping):
                got[field] = attributes.get(field.removeprefix(ATTRIBUTE))
        elif field == "snoozed_until":
            if "open" in payload:  # a ticket that is not snoozed may lack it
                got[field] = payload.get(field)
        elif field in ASSIGNEES:
            got.update(assignees(payload, (field,)))
        elif field in payload and (field not in SWITCHES or isinstance(payload[field], bool)):
            got[field] = payload[field]
    return got


def body_of(have: Json, want: Json) -> dict[str, Any]:
    """What a PUT has to write: the wanted fields that differ. Raises CannotApply."""
    body: dict[str, Any] = {}
    for field, value in want.items():
        if isinstance(value, NotPossible):
            raise CannotApply(str(value))
        if (field in have and have[field] == value) or field == "ticket_type":
            continue
        if field.startswith(ATTRIBUTE):
            body.setdefault("ticket_attributes", {})[field.removeprefix(ATTRIBUTE)] = value
        elif field == "ticket_state":
            body["ticket_state_id"] = value
        elif field != "snoozed_until" or (value and value > time.time()):
            body[field] = value
    return body


class TicketFields(FieldsOperation):
    """Bring some fields of a ticket to a wanted state. Nobody is notified: what the customer sees changes silently."""

    resource: ClassVar[str] = "tickets"
    side_effects = "history entries, and what workflows did when the ticket changed"
    signs = True

    def image(self, payload: Json) -> dict[str, Any]:
        return image(payload, self.fields)

    def impossible(self, item: Item) -> str:
        """See Operation. What the type of the ticket has not."""
        wanted = {} if item.before is None else self.target(item.before)
        return next((str(value) for value in wanted.values() if isinstance(value, NotPossible)), "")

    def looked_at(self, payload: Json) -> dict[str, Any]:
        return {**super().looked_at(payload), **(looked(payload, self.planned) or {})}

    def touched(self, payload: Json, item: Item) -> str:
        return touched_since_plan(payload, item)

    def marks(self, payload: Json, client: Client, since: float | None = None) -> dict[str, Any]:
        return mark(payload) if since is None else our_mark(payload, client.admin_id, since)

    def came_after(self, payload: Json, item: Item) -> str:
        ours = "a later run has written to it" if (item.data or {}).get("own") else ""
        return touched_since(payload, item, self.label) or ours

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        body = body_of(have, want)
        return self.put(client, item_id, body, want) if body else None

    def put(self, client: Client, item_id: str, body: Json, want: Json) -> Json:
        """Write to the ticket; returns the ticket after it. Raises BadAnswer where it shows that this had no effect."""
        # The admin is named so that the history does, and workflows run as for a change by hand.
        sent = {**body, "admin_id": number(client.actor()), "skip_notifications": True}
        path = item_path("tickets", item_id)
        answer = client.put(path, sent)
        now = self.image(answer)
        still = [f for f in _EXACT if f in want and f in now and now[f] != want[f]]
        if still:
            raise no_effect(SentRequest("PUT", path, sent), ", ".join(f"{describe_field(f)} is {describe_value(now[f], f)}" for f in still))
        return answer
