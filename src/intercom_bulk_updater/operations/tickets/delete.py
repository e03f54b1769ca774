"""delete: delete tickets, for good.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets/deleteticket
"""

from __future__ import annotations

from typing import ClassVar

from ..deletion import Deletion


class Delete(Deletion):
    """Delete the ticket with its replies, attributes and files. It stays in reports, without its content."""

    resource: ClassVar[str] = "tickets"
    summary = "Delete tickets, for good."
    side_effects = "the tickets, with their replies and files"
    examples = (
        "--ids ids.txt --dry-run",
        "--ids ids.txt --irreversible --canary 1",
        "--where 'type = Incident and idle > 365d' --irreversible --max 50",
    )

    def why_no_undo(self) -> str:
        return "Intercom cannot bring a deleted ticket back"
