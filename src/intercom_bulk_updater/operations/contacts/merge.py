"""merge: merge leads into users.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/mergecontact
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import NotFound
from ..operation import Json
from ..spec import Kind, parameter
from .no_way_back import NoWayBack


class Merge(NoWayBack):
    """Merge the contact, a lead, into a user: tags, companies, notes and conversations move there, and the lead is gone."""

    name: ClassVar[str] = "merge"
    summary = "Merge leads into users, for good."
    past, unchanged, rank = "merged", "already merged into it", 8
    side_effects = "the lead itself; its tags, notes, companies and conversations are the user's"
    fields = ("merged_into",)
    examples = (
        "--csv leads.csv --into '{{user}}' --dry-run",
        "--csv leads.csv --into '{{user}}' --irreversible --canary 3",
        "--ids lead.txt --into 6762f0d51bb69f9f2193bb80 --skip-duplicate-validation --irreversible",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        """See Operation."""

        into: str = parameter(Kind.ID, "The user, by id.")
        skip_duplicate_validation: bool = parameter(Kind.FLAG, "Also where lead and user share no e-mail or phone.", required=False)

    def __init__(self, into: str, skip_duplicate_validation: bool = False) -> None:
        self.into = into
        self.skip_duplicate_validation = skip_duplicate_validation

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {"into": self.into, "skip_duplicate_validation": self.skip_duplicate_validation}

    def describe(self) -> str:
        """See Operation."""
        return f"merge into {self.into}"

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        return {"merged_into": payload.get("merged_into")}

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation. A lead that was merged answers 410 with where it went, or 404: then the user's history tells."""
        try:
            return super().read(client, item_id)
        except NotFound as exc:
            found = re.search(r"</contacts/([^/>]+)>", exc.headers.get("link", ""))
            into = found[1] if found else self._from_history(client, item_id)
            if into is None:
                raise
            return {"id": item_id, "merged_into": into}

    def _from_history(self, client: Client, item_id: str) -> str | None:
        user = client.get(item_path("contacts", self.into), params={"include_merge_history": "true"})
        merged = any(str(one.get("source_contact_id")) == item_id for one in user.get("merge_history") or ())
        return self.into if merged else None

    def target(self, before: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        return {"merged_into": self.into}

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation."""
        body: dict[str, Any] = {"from": item_id, "into": self.into}
        client.post("contacts/merge", body | ({"skip_duplicate_validation": True} if self.skip_duplicate_validation else {}))
        return None

    def why_no_undo(self) -> str:
        """See Operation."""
        return "Intercom cannot part contacts that were merged"
