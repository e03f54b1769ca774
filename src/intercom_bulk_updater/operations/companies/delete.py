"""delete: have Intercom archive companies for good, which it does some time after it has accepted it.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/deletecompany
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import NotFound
from ...model import Item, Reversibility
from ..fields import FieldsOperation
from ..operation import Json, Operation


class Delete(FieldsOperation):
    """Delete the company. Its contacts stay, without it; an integration that syncs companies may create it again."""

    name: ClassVar[str] = "delete"
    resource: ClassVar[str] = "companies"
    summary = "Delete companies, for good."
    past, unchanged, rank = "deleted", "already gone", 9
    reversibility = Reversibility.IRREVERSIBLE
    side_effects = "that the company's contacts were detached from it"
    fields = ("deleted",)
    takes_effect_later = True
    examples = (
        "--where 'users = 1 and seen < 365d' --dry-run", "--ids gone.txt --irreversible --canary 3",
        "--where 'tag = test' --irreversible --max 50 --backup companies.jsonl",
    )  # fmt: skip

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        return {"deleted": payload.get("deleted") is True}

    def target(self, before: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        return {"deleted": True}

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation. What is not there has been deleted."""
        try:
            return client.get(item_path("companies", item_id))
        except NotFound as exc:
            if exc.code not in ("company_not_found", "not_found"):
                raise
            return {"id": item_id, "deleted": True}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation. A company that is still there may be on its way out."""
        return True if payload.get("deleted") is True else None

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation."""
        return client.delete(item_path("companies", item_id))

    def why_unverifiable(self) -> str:
        """See Operation."""
        return "Intercom deletes companies some time after it has accepted it, and still shows them: `verify` tells later"

    def inverse(self) -> Operation | None:
        """See Operation."""
        return None

    def why_no_undo(self) -> str:
        """See Operation."""
        return "Intercom's API cannot bring a company back"
