"""set: write fields and custom attributes of contacts.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/updatecontact
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...model import Item
from ..fields import FieldsOperation
from ..operation import Change, Json
from ..values import SetValues, body_of, plain_fields, values_of
from .resource import RESOURCE
from .unique import UNIQUE, taken_of_users


class ContactValues(SetValues):
    """How fields and custom attributes of a contact are read and written."""

    resource: ClassVar[str] = "contacts"
    Parameters = values_of(RESOURCE)

    def shown(self, payload: Json) -> dict[str, Any]:
        """Those of the fields that a contact has, in one plain form: an owner is a text, an avatar its address."""
        got = plain_fields(payload, self.values)
        if "owner_id" in got:
            got["owner_id"] = str(got["owner_id"]) if got["owner_id"] else None
        if isinstance(got.get("avatar"), dict):
            got["avatar"] = got["avatar"].get("image_url")
        return got

    @property
    def may_be_taken(self) -> bool:
        return not self.values.keys().isdisjoint(UNIQUE)

    def taken(self, client: Client, wanted: Sequence[tuple[Item, Change]], had: dict[Any, Any]) -> Mapping[int, str]:
        return taken_of_users(client, wanted, had)

    def update(self, client: Client, item_id: str, body: dict[str, Any]) -> Json:
        """Write these fields."""
        return client.put(item_path("contacts", item_id), without_null(body))


def without_null(body: dict[str, Any]) -> dict[str, Any]:
    """A body as the contract has it: an e-mail address and an external id are texts alone, cleared by an empty one."""
    return {name: "" if value is None and name in ("email", "external_id") else value for name, value in body.items()}


class Set(ContactValues, FieldsOperation):
    """Write fields (name, email, phone ...) and custom attributes of the contact. Its role cannot be set: `merge` makes a lead a user."""

    name: ClassVar[str] = "set"
    summary = "Write fields and custom attributes of contacts."
    side_effects = "what workflows did when a value changed"
    examples = (
        "plan=pro --where 'role = user and custom_attributes.plan = trial' --dry-run",
        "owner_id='Ben Okafor' phone= --ids ids.txt",
        "'seats={{seats}}' 'renews_at={{renewal}}' --csv sheet.csv --id-column contact",
    )

    def image(self, payload: Json) -> dict[str, Any]:
        return self.shown(payload)

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        return self.update(client, item_id, body_of(have, want))
