"""delete: delete contacts for good, as erasure requests ask for.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/deletecontact
"""

from __future__ import annotations

from ..deletion import Deletion
from .no_way_back import NoWayBack


class Delete(NoWayBack, Deletion):
    """Delete the contact, and with it all of its conversations. The backup holds the contact, its tags, notes and companies."""

    summary = "Delete contacts and their conversations, for good."
    side_effects = "the contact's conversations, which are deleted with it"
    examples = (
        "--ids erasure.txt --dry-run",
        "--ids erasure.txt --irreversible --backup erased.jsonl",
        "--where 'tag = spam' --irreversible --max 50 --canary 3",
    )

    def why_no_undo(self) -> str:
        return "Intercom's API cannot bring a deleted contact back; its support can, within seven days"
