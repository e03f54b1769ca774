"""delete: have Intercom archive companies for good, which it does some time after it has accepted it.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/deletecompany
"""

from __future__ import annotations

from typing import ClassVar

from ...api.client import Client
from ...model import Item
from ..deletion import Deletion
from ..operation import Json


class Delete(Deletion):
    """Delete the company. Its contacts stay, without it; an integration that syncs companies may create it again."""

    resource: ClassVar[str] = "companies"
    summary = "Delete companies, for good."
    side_effects = "that the company's contacts were detached from it"
    takes_effect_later = True
    examples = (
        "--where 'users = 1 and seen < 365d' --dry-run",
        "--ids gone.txt --irreversible --canary 3",
        "--where 'tag = test' --irreversible --max 50 --backup companies.jsonl",
    )

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation. A company that is still there may be on its way out."""
        return True if payload.get("deleted") is True else None

    def why_unverifiable(self) -> str:
        return "Intercom deletes companies some time after it has accepted it, and still shows them: `verify` tells later"

    def why_no_undo(self) -> str:
        return "Intercom's API cannot bring a company back"
