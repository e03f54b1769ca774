"""set: write fields and custom attributes of contacts.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/updatecontact
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ..fields import FieldsOperation
from ..operation import Json
from ..values import SetValues, body_of, plain_fields, values_of
from .resource import RESOURCE

_NEVER_NULL = ("email", "external_id")
"""The contract lets these be texts alone: an empty one clears them."""


class Set(SetValues, FieldsOperation):
    """Write fields (name, email, phone ...) and custom attributes of the contact. Its role cannot be set: `merge` makes a lead a user."""

    name: ClassVar[str] = "set"
    resource: ClassVar[str] = "contacts"
    summary = "Write fields and custom attributes of contacts."
    side_effects = "what workflows did when a value changed"
    examples = (
        "plan=pro --where 'role = user and custom_attributes.plan = trial' --dry-run",
        "owner_id='Ben Okafor' phone= --ids ids.txt",
        "'seats={{seats}}' 'renews_at={{renewal}}' --csv sheet.csv --id-column contact",
    )
    Parameters = values_of(RESOURCE)

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. An owner is a text, an avatar its address."""
        got = plain_fields(payload, self.fields)
        if "owner_id" in got:
            got["owner_id"] = str(got["owner_id"]) if got["owner_id"] else None
        if isinstance(got.get("avatar"), dict):
            got["avatar"] = got["avatar"].get("image_url")
        return got

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation."""
        body = body_of(have, want)
        return client.put(item_path("contacts", item_id), body | {name: "" for name in _NEVER_NULL if name in body and body[name] is None})
