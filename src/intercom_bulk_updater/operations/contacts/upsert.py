"""upsert: create contacts that are missing, set those that exist, by e-mail address or external id.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/createcontact
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import InvalidRequest, NotFound
from ...model import Item
from ..field_values import MISSING, THERE
from ..operation import Json
from ..upsert import Upsert
from .lifecycle import NOT_TOLD, archived_since
from .set import ContactValues, without_null


class AmbiguousKey(ValueError):
    """Several contacts have the e-mail address of a row; the row fails and the run goes on."""

    cause = "ambiguous e-mail address"


class UpsertContacts(ContactValues, Upsert):
    """Create the contact as a user, or set its fields; by e-mail address a lead is set where there is no user."""

    name: ClassVar[str] = "upsert"
    summary = "Create contacts that are missing, and set those that exist, by a spreadsheet."
    side_effects = "what workflows did when a contact came or a value changed"
    way_back = "archives what was created, and restores what was changed"
    keys = ("external_id", "email")
    examples = (
        "'name={{name}}' 'plan={{plan}}' --csv people.csv --id-column external_id --dry-run",
        "'name={{name}}' --csv people.csv --id-column email --expect 200",
        "plan=pro --csv people.csv --id-column external_id --plan upsert.jsonl",
    )

    def sure(self) -> bool:
        """See Upsert. E-mail addresses are found by a search alone, which may be minutes behind."""
        return self.by == "external_id"

    def impossible(self, item: Item) -> str:
        """See Operation. Intercom shows an archived contact as any other, but what our own runs archived is known."""
        before = item.before or {}
        for run, left in self.earlier(str(before["id"])) if self.earlier is not None and "id" in before else ():
            if self.existence in left or "archived" in left:
                gone = left.get(self.existence) == MISSING or left.get("archived") is True
                back = f"bring it back first, with contacts unarchive or intercom-bulk undo {run}"
                return f"{run} has archived this contact ({before['id']}): {back}" if gone else ""
        return ""

    def find(self, client: Client, key: str) -> Json | None:
        if self.by == "external_id":
            try:
                return client.get(item_path("contacts", "find_by_external_id", key))
            except NotFound as exc:
                if exc.status != 404:
                    raise
                return None
        query = {"query": {"field": "email", "operator": "=", "value": key}, "pagination": {"per_page": 150}}
        rows = client.call("POST", "contacts/search", json=query, purpose="read").get("data") or []
        alike = [one for one in rows if one.get("role") == "user"] or rows
        if len(alike) > 1:
            raise AmbiguousKey(f"{len(alike)} contacts have this e-mail address: {', '.join(str(one['id']) for one in alike[:5])}")
        return alike[0] if alike else None

    def create(self, client: Client, key: str, body: dict[str, Any]) -> Json:
        return client.post("contacts", {"role": "user", self.by: key, **without_null(body)})

    def taken_by(self, refusal: InvalidRequest) -> str:
        there = re.search(r"^A contact .* already exists with id=([0-9a-f]{24})", refusal.api_message)
        return there[1] if refusal.status == 409 and there else ""

    def back_is_found(self, client: Client, payload: Json, want: Json, since: float) -> bool:
        return archived_since(client, payload, since) is (want[self.existence] == MISSING)

    def why_not_told(self) -> str:
        return NOT_TOLD

    def bring(self, client: Client, item_id: str, state: str) -> None:
        client.post(item_path("contacts", item_id, "unarchive" if state == THERE else "archive"))
