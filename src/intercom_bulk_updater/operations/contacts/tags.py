"""tag, untag: put tags on contacts and take them off.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/attachtagtocontact
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import NotFound
from ...model import Item
from ..group_tags import TOGETHER, GroupTagging
from ..messages import contacts_shown
from ..operation import Json
from ..tagging import ToPutOn, ToTakeOff


class _OfContacts(GroupTagging):
    resource: ClassVar[str] = "contacts"
    listed_as = "users"

    def read(self, client: Client, item_id: str) -> Json | None:
        contact = client.get(item_path("contacts", item_id))
        if self.image(contact):
            return contact
        tags = client.get(item_path("contacts", item_id, "tags"))
        return {**contact, "tags": {"total_count": len(tags.get("data") or ()), **tags}}  # by its description, this list counts nothing

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. The list that a contact carries always says how many there are: one that does not tells nothing."""
        held = payload.get("tags")
        return super().image(payload) if isinstance(held, Mapping) and "total_count" in held else {}

    def look_at_many(self, client: Client, items: Sequence[Item]) -> Mapping[str, Json]:
        return contacts_shown(client, [item.id for item in items])

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        for tag in sorted(set(want["tags"]) - set(have["tags"])):
            client.post(item_path("contacts", item_id, "tags"), {"id": tag})
        for tag in sorted(set(have["tags"]) - set(want["tags"])):
            try:
                client.delete(item_path("contacts", item_id, "tags", tag))
            except NotFound:
                # Raises where it is the contact that has gone; where the tag is still there, the refusal was untrue.
                if tag in self.image(self.read(client, item_id) or {}).get("tags", ()):
                    raise
        return None


class Tag(_OfContacts):
    """Put tags on the contact, on fifty with one request. A tag that --create-tag allows is created before the first write."""

    name: ClassVar[str] = "tag"
    summary = "Put tags on contacts."
    past, unchanged, rank = "tagged", "already tagged", 1
    batch_size = TOGETHER

    @property
    def wanted_filters(self) -> Sequence[dict[str, Any]]:
        return [{"field": "tag_id", "operator": "=", "value": tag} for tag in self.tags]

    examples = ("--where 'role = lead' --tag vip --dry-run", "--ids ids.txt --tag vip", "--csv sheet.csv --tag '{{tag}}' --expect 200")
    Parameters = ToPutOn


class Untag(_OfContacts):
    """Take tags off the contact, one contact a request: Intercom has no other way."""

    name: ClassVar[str] = "untag"
    summary = "Take tags off contacts."
    past, unchanged, rank = "untagged", "already without the tag", 2
    undo_batch_size = TOGETHER
    examples = ("--where 'tag = vip' --tag vip --dry-run", "--ids ids.txt --tag vip --yes", "--from-run latest --outcome done --tag vip")
    Parameters, on = ToTakeOff, False
