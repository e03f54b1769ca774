"""archive, unarchive, block: verbs whose answer alone tells how the contact stands; GET does not show it.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/archivecontact
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...model import Item
from ..fields import UPDATED, FieldsOperation
from ..operation import Json
from .no_way_back import NoWayBack

_INDEXED = 3600
"""Seconds after which a search knows a contact for certain."""
NOT_TOLD = "only searches tell whether a contact is archived, and they do not tell yet: `verify` tells later"
_FOUND = "found_by_search"
"""In a contact that was read: whether a search finds it, which may be behind."""
_SUSPENDED = "that the contact's conversations and tickets were suspended meanwhile, and missing from reports"


def _found(client: Client, contact: Json) -> Json | None:
    """The contact as a search shows it, which finds no archived one; {} where it finds none, None for another answer than the API's."""
    query = {"query": {"field": "id", "operator": "=", "value": contact.get("id")}, "pagination": {"per_page": 1}}
    answer = client.call("POST", "contacts/search", json=query, purpose="read")
    rows = answer.get("data")
    if rows == [] and answer.get("total_count") == 0:
        return {}
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], Mapping):
        return None
    return rows[0] if rows[0].get("id") == contact.get("id") else None


def _long_known(client: Client, contact: Json) -> bool:
    return int(contact.get("created_at") or 0) < client.server_time() - _INDEXED


def archived_since(client: Client, contact: Json, since: float) -> bool | None:
    """Whether a contact is archived, by a search that has taken in what was sent at `since` (server's time); None where none tells."""
    found = _found(client, contact)
    if found is None:
        return None
    if not found:
        return True if _long_known(client, contact) else None
    return False if since < client.server_time() - _INDEXED or int(found.get("updated_at") or 0) >= int(since) else None


class _Switch(FieldsOperation):
    resource: ClassVar[str] = "contacts"
    on: ClassVar[bool] = True

    def image(self, payload: Json) -> dict[str, Any]:
        return {field: payload[field] for field in self.fields if isinstance(payload.get(field), bool)}

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. What a contact does not show is taken for what has to be changed: doing it twice does no harm."""
        return dict.fromkeys(self.fields, not self.on) | self.image(payload) | self.looked_at(payload)

    def target(self, before: Json) -> dict[str, Any]:
        return dict.fromkeys(self.fields, self.on)

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        (field, on), = want.items()
        action = {"blocked": "block", "archived": "archive" if on else "unarchive"}[field]
        return client.post(item_path("contacts", item_id, action))

    @property
    def not_shown(self) -> str:  # type: ignore[override] # of the class elsewhere
        return f"Intercom does not show whether a contact is {self.fields[0]}"

    def why_unverifiable(self) -> str:
        return self.not_shown


class _Archiving(_Switch):
    """What this journal's runs have left, and whether a search finds the contact, tell together that it already is as wanted."""

    fields = ("archived",)

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation. Shows `archived` where that is known: as wanted for certain, or None where it may be either."""
        contact = super().read(client, item_id)
        return {**contact, **self._known(client, contact)} if contact else contact

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. Of what may be either, it is not told how it was before."""
        return {"archived": None, **self.looked_at(payload)} if payload.get("archived", self.on) is None else super().capture(payload)

    def _known(self, client: Client, contact: Json) -> dict[str, Any]:
        """A search finds no archived contact, but is behind: it may still find one that a run has archived, or miss one that came back."""
        earlier = self.earlier(str(contact.get("id"))) if self.earlier is not None else None
        left = next((left["archived"] for _, left in earlier or () if "archived" in left), None)
        if earlier is None or (left is True and not self.on):
            return {}
        found = _found(client, contact)
        if found == {}:
            # One that no run of ours has archived was archived, or blocked, by somebody else, unless it was made just now.
            known = self.on and left is not True and _long_known(client, contact)
            return {"archived": True} if self.on and left is True else {"archived": None} if known else {}
        return {} if not found else {_FOUND: True} if self.on else {"archived": False}

    def is_doubted(self, payload: Json) -> bool:
        return _FOUND in payload

    def not_ours(self, before: Json) -> str:
        return "may have been archived before, by somebody else" if before.get("archived", "") is None else ""

    def marks(self, payload: Json, client: Client, since: float | None = None) -> dict[str, Any]:
        """See FieldsOperation. The answer shows no moment: by the server's clock."""
        return {UPDATED: int(client.server_time())}

    def why_unverifiable(self) -> str:
        return NOT_TOLD

    def back_is_found(self, client: Client, payload: Json, want: Json, since: float) -> bool:
        return want.get("archived") is False and archived_since(client, payload, since) is False


class Archive(_Archiving):
    """Archive the contact. Its conversations and tickets are suspended and leave the reports until it comes back."""

    name: ClassVar[str] = "archive"
    summary = "Archive contacts."
    past, unchanged, rank = "archived", "already archived", 3
    watches = True
    side_effects = _SUSPENDED
    examples = ("--where 'last_seen < 365d and role = lead' --dry-run", "--ids ids.txt --canary 5", "--ids ids.txt --plan archive.jsonl")


class Unarchive(_Archiving):
    """Bring an archived contact back. Searches do not find archived contacts, so give their ids."""

    name: ClassVar[str] = "unarchive"
    summary = "Bring archived contacts back."
    past, unchanged, rank = "unarchived", "not archived", 4
    side_effects = "what the contact did while it was not archived"
    on = False
    examples = ("--ids ids.txt --dry-run", "--from-run latest --outcome done", "--csv sheet.csv --id-column contact")

    def assumes(self, item: Item) -> bool:
        """See Operation. A search had not found it when it was looked at."""
        return False

    def others_first(self, payload: Json, since: float, client: Client) -> str:
        """See Operation. A search finds it: it was archived until our write, or so new that no search had it yet."""
        return "" if _long_known(client, payload) else "it may have been too new to be found"


class Block(NoWayBack, _Switch):
    """Block the contact, and archive its conversations. Only people can unblock, in Intercom; its API cannot."""

    name: ClassVar[str] = "block"
    summary = "Block contacts, for good."
    past, unchanged, rank = "blocked", "already blocked", 5
    side_effects = "that the contact's conversations were archived"
    fields = ("blocked",)
    final_requests: ClassVar[tuple[str, ...]] = ("POST contacts/*/block",)
    examples = ("--ids spam.txt --dry-run", "--ids spam.txt --irreversible --canary 3", "--where 'tag = spam' --irreversible --max 50")

    def why_no_undo(self) -> str:
        return "Intercom's API cannot unblock a contact; a teammate can, in Intercom"
