"""What the verbs share that end a contact: what is lost with it is kept first."""

from __future__ import annotations

from typing import Any, ClassVar

from ...api.client import Client
from ...model import Reversibility
from ..fields import FieldsOperation
from ..operation import Json, Operation
from .attached import listed, whole_ids


class NoWayBack(FieldsOperation):
    """Something that Intercom's API cannot take back from a contact."""

    resource: ClassVar[str] = "contacts"
    reversibility = Reversibility.IRREVERSIBLE

    def whole(self, client: Client, item_id: str, payload: Json | None) -> Json:
        """See Operation. With its notes, which a contact names by their ids alone, and with all of its tags and companies."""
        contact = super().whole(client, item_id, payload)
        lacking: list[Any] = [kind for kind in ("tags", "companies") if whole_ids(contact.get(kind)) is None]
        if whole_ids(contact.get("notes")) != []:
            lacking.append("notes")
        return {**contact, **{kind: listed(client, item_id, kind) for kind in lacking}}

    def inverse(self) -> Operation | None:
        """See Operation."""
        return None
