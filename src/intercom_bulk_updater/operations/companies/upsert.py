"""upsert: create companies that are missing, set those that exist, by your own company_id.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/createorupdatecompany
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import InvalidRequest, NotFound
from ..created import as_made
from ..endings import CannotApply, SeenOtherwise
from ..field_values import THERE
from ..operation import Json
from ..upsert import Upsert
from ..values import CUSTOM
from .set import CompanyValues


class UpsertCompanies(CompanyValues, Upsert):
    """Create the company, or set its fields. Without users it is in no list of Intercom's, and found by its company_id alone."""

    name: ClassVar[str] = "upsert"
    summary = "Create companies that are missing, and set those that exist, by a spreadsheet."
    side_effects = "what workflows did when a value changed; a company that undo deletes does not come back"
    way_back = "restores what was changed; what was created it deletes for good, with --irreversible"
    keys = ("company_id",)
    takes_effect_later = True
    removes_for_good = True
    examples = (
        "'name={{name}}' 'plan={{plan}}' --csv accounts.csv --id-column company_id --dry-run",
        "'monthly_spend={{mrr}}' --csv accounts.csv --id-column company_id --expect 200",
        "industry=Retail --csv accounts.csv --id-column company_id --plan upsert.jsonl",
    )

    def find(self, client: Client, key: str) -> Json | None:
        """See Upsert. Versions differ in whether a company_id is answered with the company or with a list of it."""
        try:
            answer = client.get("companies", params={"company_id": key})
        except NotFound as exc:
            if exc.status != 404:
                raise
            return None
        rows = answer["data"] if isinstance(answer.get("data"), list) else [answer]
        return next((row for row in rows if str(row.get("company_id")) == key), None)

    def create(self, client: Client, key: str, body: dict[str, Any]) -> Json:
        """See Upsert. The request would set a company that exists, so it is looked for right before, and the answer is looked at."""
        if (there := self.find(client, key)) is not None:
            raise SeenOtherwise(there)
        sent = {"company_id": key, **{name: value for name, value in body.items() if value is not None}}
        made = client.post("companies", sent)
        if _has_more(made, sent):
            raise SeenOtherwise(made)
        return made

    def taken_by(self, refusal: InvalidRequest) -> str:
        """See Upsert. Intercom refuses no company_id."""
        return ""

    def look(self, client: Client, item_id: str) -> Json:
        try:
            return super().look(client, item_id)
        except NotFound as exc:
            if exc.status != 404:
                raise
            return {"id": item_id, "deleted": True}

    def bring(self, client: Client, item_id: str, state: str) -> None:
        if state == THERE:
            raise CannotApply("Intercom's API cannot bring a deleted company back")
        client.delete(item_path("companies", item_id))


def _has_more(made: Json, sent: Json) -> bool:
    """Whether a company has what we have not given it, or was changed after it was created: then others had just created it."""
    given = {*sent, *(f"{CUSTOM}{name}" for name in sent.get("custom_attributes") or {})}
    at_once = (made.get("company_id"), made.get("created_at"))
    return any(name not in given and value not in at_once for name, value in as_made(made, "companies").items())
