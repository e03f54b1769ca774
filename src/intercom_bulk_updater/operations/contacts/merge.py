"""merge: merge leads into users.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/mergecontact
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import NotFound
from ...model import Item
from ..merging import Merging
from ..operation import Json
from ..spec import Kind, parameter
from .no_way_back import NoWayBack


def _reached_by(contact: Mapping[str, Any]) -> list[str] | None:
    """By what Intercom tells duplicates: address and phone, as marks, for they are nobody's business here. None: not shown."""
    if not {"email", "phone"} <= contact.keys():
        return None
    values = [str(contact[key]).strip().casefold() for key in ("email", "phone") if contact[key]]
    return [hashlib.sha256(value.encode()).hexdigest()[:16] for value in values]


class Merge(Merging, NoWayBack):
    """Merge the contact, a lead, into a user: tags, companies, notes and conversations move there, and the lead is gone."""

    summary = "Merge leads into users, for good."
    unchanged, rank = "already merged into it", 8
    side_effects = "the lead itself; its tags, notes, companies and conversations are the user's"
    fields = ("merged_into",)
    also_changes: ClassVar[tuple[str, ...]] = ("role",)
    final_requests: ClassVar[tuple[str, ...]] = ("POST contacts/merge",)
    targets: ClassVar[Mapping[str, str]] = {"into": "contacts"}
    examples = (
        "--csv leads.csv --into '{{user}}' --skip-duplicate-validation --dry-run",
        "--csv leads.csv --into '{{user}}' --irreversible --canary 3",
        "--ids lead.txt --into 6762f0d51bb69f9f2193bb80 --skip-duplicate-validation --irreversible",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        into: str = parameter(Kind.ID, "The user, by id, e-mail address or external id.")
        skip_duplicate_validation: bool = parameter(Kind.FLAG, "Also where lead and user share no e-mail or phone.", required=False)

    def __init__(
        self, into: str, unfit: str = "", called: Mapping[str, str] | None = None, *, skip_duplicate_validation: bool = False,
        reached_by: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(into, unfit, called)
        self.skip_duplicate_validation = skip_duplicate_validation
        self.reached_by = None if reached_by is None else list(reached_by)

    @classmethod
    def kept_of(cls, target: Mapping[str, Any]) -> dict[str, Any]:
        return {"reached_by": _reached_by(target)}

    @property
    def parameters(self) -> dict[str, Any]:
        own = {"skip_duplicate_validation": self.skip_duplicate_validation, "reached_by": self.reached_by}
        return {**super().parameters, **own}

    def image(self, payload: Json) -> dict[str, Any]:
        return {"merged_into": payload.get("merged_into")}

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. With the role, as a user is not merged, and whether the two are duplicates, as others are not either."""
        before, lead = super().capture(payload), _reached_by(payload)
        known = lead is not None and self.reached_by is not None
        return before and {
            **before,
            **({"role": payload["role"]} if "role" in payload else {}),
            **({"duplicate": not set(lead or ()).isdisjoint(self.reached_by or ())} if known else {}),
        }

    def impossible(self, item: Item) -> str:
        before = item.before or {}
        if self.unfit:
            return self.unfit
        if before.get("role") == "user":
            return "it is a user: only a lead can be merged, into a user"
        if before.get("duplicate") is False and not self.skip_duplicate_validation:
            return "it shares no e-mail address or phone number with the user: --skip-duplicate-validation merges them all the same"
        return ""

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
        return {"merged_into": self.into}

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        body: dict[str, Any] = {"from": item_id, "into": self.into}
        client.post("contacts/merge", body | ({"skip_duplicate_validation": True} if self.skip_duplicate_validation else {}))
        return None

    def why_no_undo(self) -> str:
        return "Intercom cannot part contacts that were merged"
