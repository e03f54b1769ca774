"""`delete`: what the verb of every resource shares. A resource says why there is no way back, and what goes with an item."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from ..api.client import Client
from ..api.paths import item_path
from ..errors import NotFound
from ..model import Reversibility
from .fields import FieldsOperation
from .operation import Json


class Deletion(FieldsOperation):
    """Delete the item. One that is not there, or not any more, is as wanted."""

    name: ClassVar[str] = "delete"
    past, unchanged, rank = "deleted", "already gone", 90
    reversibility = Reversibility.IRREVERSIBLE
    watches = True
    fields = ("deleted",)

    def image(self, payload: Json) -> dict[str, Any]:
        return {"deleted": payload.get("deleted") is True}

    def read(self, client: Client, item_id: str) -> Json | None:
        try:
            return super().read(client, item_id)
        except NotFound as exc:
            if exc.status != 404:
                raise
            return {"id": item_id, "deleted": True}

    def target(self, before: Json) -> dict[str, Any]:
        return {"deleted": True}

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        client.delete(item_path(self.resource, item_id))
        return {"deleted": True}

    @abstractmethod
    def why_no_undo(self) -> str:
        """See Operation."""
