"""note: leave an internal note on contacts. Never done twice.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/notes/createnote
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.effects import note_stands
from ...api.paths import item_path
from ...model import Item, Reversibility
from ..messages import AGAIN, MessageOperation
from ..operation import Change, Json
from ..spec import Kind, parameter


class Note(MessageOperation):
    """Leave an internal note on the contact. After a lost answer the contact's notes are read before anything else."""

    name: ClassVar[str] = "note"
    resource: ClassVar[str] = "contacts"
    summary = "Leave an internal note on contacts."
    past, unchanged, lead, rank = "noted", "already noted", "Add a note to", 6
    reversibility = Reversibility.BY_HAND
    side_effects = "the note"
    idempotent = False
    appends = signs = True
    examples = ("--where 'tag = vip' --body 'Renewal in May.' --dry-run", "--ids ids.txt --body @note.txt", "--csv s.csv --body '{{text}}'")

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        body: str = parameter(Kind.MESSAGE, "The note: TEXT or @FILE.")
        again: bool = parameter(Kind.FLAG, AGAIN, required=False)

    def __init__(self, body: str, again: bool = False) -> None:
        self.body = body
        self.again = again

    @property
    def parameters(self) -> dict[str, Any]:
        return {"body": self.body, "again": self.again}

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. A note changes no field."""
        return self.fields_seen(payload)

    def change(self, item: Item) -> Change | None:
        return {"note": (None, "one more note")}

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation. What is read are its newest notes."""
        return client.get(item_path(self.resource, item_id, "notes"))

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        return note_stands(payload, self._note(client, item), since, ours=not item.doubt)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        made = client.post(item_path(self.resource, item.id, "notes"), self._note(client, item))
        return {"part": str(made["id"])} if "id" in made else {}

    def _note(self, client: Client, item: Item) -> dict[str, Any]:
        return {"body": self.message(item), "admin_id": client.actor()}

    def why_no_undo(self) -> str:
        return "Intercom's API cannot delete a note; a teammate can, in Intercom"
