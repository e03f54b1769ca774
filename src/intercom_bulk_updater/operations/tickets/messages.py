"""reply, note: write to tickets. As for conversations, but that a ticket answers with the part alone.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets/replyticket
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..conversations import messages
from ..operation import Json
from .fields import image


class _OfTicket:
    resource: ClassVar[str] = "tickets"

    def state_of(self, payload: Json) -> dict[str, Any]:
        """See the messages of conversations."""
        return image(payload, ("open", "ticket_state"))


class Reply(_OfTicket, messages.Reply):
    """Reply to the customer of the ticket."""

    summary = "Reply to the customers of tickets."
    side_effects = "the message to the customer"
    examples = (
        "--where 'type = Incident and open = true' --body @reply.txt --dry-run",
        "--ids ids.txt --body 'All is well again.' --customer-visible",
        "--csv sheet.csv --body 'Your order {{order}} is on its way.' --customer-visible",
    )


class Note(_OfTicket, messages.Note):
    """Leave an internal note on the ticket."""

    summary = "Leave an internal note on tickets."
    side_effects = "the notifications of teammates"
    examples = (
        "--where 'category = task and open = true' --body 'Asked for by finance.' --dry-run",
        "--ids ids.txt --body @note.txt",
        "--csv sheet.csv --body 'Order {{order}}' --skip-notifications",
    )
