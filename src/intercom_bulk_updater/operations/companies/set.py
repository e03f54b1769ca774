"""set: write fields and custom attributes of companies.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/updatecompany
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ..fields import FieldsOperation
from ..operation import Json
from ..values import CUSTOM, SetValues, body_of, plain_fields, values_of
from .resource import RESOURCE

_EMPTY = {"size": 0, "monthly_spend": 0}
"""What stands for nothing where it is not an empty text: the contract has no null for fields of a company."""


class Set(SetValues, FieldsOperation):
    """Write fields (name, plan, website ...) and custom attributes of the company. Its company_id is set once, when it is created."""

    name: ClassVar[str] = "set"
    resource: ClassVar[str] = "companies"
    summary = "Write fields and custom attributes of companies."
    side_effects = "what workflows did when a value changed"
    examples = (
        "industry=Retail --where 'spend > 1000' --dry-run",
        "plan=Pro website= --ids ids.txt",
        "'size={{employees}}' 'region={{region}}' --csv sheet.csv --id-column company",
    )
    Parameters = values_of(RESOURCE)

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. Intercom leaves out what is empty, and shows a plan with its id."""
        empty = dict.fromkeys(self.fields if "company_id" in payload else ())
        got = {name: value for name, value in {**empty, **plain_fields(payload, self.fields)}.items() if name in self.fields}
        if isinstance(got.get("plan"), dict):
            got["plan"] = got["plan"].get("name")
        return _without_empty(got)

    def target(self, before: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        return _without_empty(self.values)

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation."""
        body = body_of(have, want)
        cleared = {name: _EMPTY.get(name, "") for name, value in body.items() if value is None}
        return client.put(item_path("companies", item_id), body | cleared)


def _without_empty(fields: Json) -> dict[str, Any]:
    return {name: None if not name.startswith(CUSTOM) and value == _EMPTY.get(name, "") else value for name, value in fields.items()}
