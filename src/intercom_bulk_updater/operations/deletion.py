"""What `delete` shares, whatever is deleted: nothing brings it back, and what is gone already is left so.

    class Delete(DeleteVerb):
        name, resource, summary = "delete", "tickets", "Delete tickets, for good."
"""

from __future__ import annotations

from typing import Any

from ..api.client import Client
from ..api.paths import item_path
from ..errors import NotFound
from ..model import Reversibility
from .fields import FieldsOperation
from .operation import Json, NothingChanged, Operation


class DeleteVerb(FieldsOperation):
    """Delete the item. One that Intercom does not know is gone already."""

    reversibility = Reversibility.IRREVERSIBLE
    past, unchanged, rank = "deleted", "gone already", 40
    fields = ("deleted",)

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        return {"deleted": payload.get("deleted") is True}

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation."""
        try:
            return super().read(client, item_id)
        except NotFound:
            return {"id": item_id, "deleted": True}

    def target(self, before: Json) -> dict[str, Any]:
        """See FieldsOperation."""
        return {"deleted": True}

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation."""
        try:
            return self.delete(client, item_path(self.resource, item_id))
        except NotFound:
            raise NothingChanged(self.unchanged) from None

    def delete(self, client: Client, path: str) -> Json:
        """The request."""
        return client.delete(path)

    def inverse(self) -> Operation | None:
        """See Operation."""
        return None

    def why_no_undo(self) -> str:
        """See Operation."""
        return "what is deleted cannot be brought back"
