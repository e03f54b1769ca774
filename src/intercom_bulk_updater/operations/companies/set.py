"""set: write fields and custom attributes of companies.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/updatecompany
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ..fields import FieldsOperation
from ..operation import Json
from ..values import CUSTOM, SetValues, body_of, plain_fields, values_of
from .resource import RESOURCE

_EMPTY = {"size": 0, "monthly_spend": 0}
"""What stands for nothing where it is not an empty text: the contract has no null for fields of a company."""


class CompanyValues(SetValues):
    """How fields and custom attributes of a company are read and written."""

    resource: ClassVar[str] = "companies"
    Parameters = values_of(RESOURCE)

    def __init__(self, values: Mapping[str, Any], *more: Any, **named: Any) -> None:
        super().__init__(_without_empty(values), *more, **named)

    def shown(self, payload: Json) -> dict[str, Any]:
        """Those of the fields that a company has. Intercom leaves out what is empty, and shows a plan with its id."""
        empty = dict.fromkeys(self.values) if "company_id" in payload else {}
        got = {**empty, **plain_fields(payload, self.values)}
        if isinstance(got.get("plan"), dict):
            got["plan"] = got["plan"].get("name")
        return _without_empty(got)

    def update(self, client: Client, item_id: str, body: dict[str, Any]) -> Json:
        """Write these fields."""
        cleared = {name: _EMPTY.get(name, "") for name, value in body.items() if value is None}
        return client.put(item_path("companies", item_id), body | cleared)


class Set(CompanyValues, FieldsOperation):
    """Write fields (name, plan, website ...) and custom attributes of the company. Its company_id is set once, when it is created."""

    name: ClassVar[str] = "set"
    summary = "Write fields and custom attributes of companies."
    side_effects = "what workflows did when a value changed"
    examples = (
        "industry=Retail --where 'spend > 1000' --dry-run",
        "plan=Pro website= --ids ids.txt",
        "'size={{employees}}' 'region={{region}}' --csv sheet.csv --id-column company",
    )

    def image(self, payload: Json) -> dict[str, Any]:
        return self.shown(payload)

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        return self.update(client, item_id, body_of(have, want))


def _without_empty(fields: Json) -> dict[str, Any]:
    return {name: None if not name.startswith(CUSTOM) and value == _EMPTY.get(name, "") else value for name, value in fields.items()}
