"""export: keep contacts whole, with their tags, notes and companies, as files.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/showcontact
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ..export import Export
from ..operation import Json

_LISTS = ("tags", "companies", "notes")


class ExportContacts(Export):
    """Read each contact whole and write it to a file."""

    resource: ClassVar[str] = "contacts"
    name: ClassVar[str] = "export"
    summary = "Export contacts whole, with their tags, notes and companies, to files."
    examples = (
        "--where 'role = lead' -o leads.jsonl --dry-run",
        "--ids ids.txt -o folder --format text",
        "--from-run latest --outcome failed -o folder --format html",
    )
    requests_per_item = 2

    def whole(self, client: Client, item: Json) -> Json:
        """See Export. A contact carries its first ten tags and companies alone, and of its notes the ids."""
        more = {name: name in item and (name == "notes" or (item[name] or {}).get("has_more")) for name in _LISTS}
        return {**item, **{name: _all(client, str(item["id"]), name) for name, wanted in more.items() if wanted}}


def _all(client: Client, contact: str, name: str) -> Json:
    """A list that belongs to a contact, all pages of it."""
    found: list[Any] = []
    page = pages = 1
    while page <= pages:
        answer = client.get(item_path("contacts", contact, name), params={"page": page, "per_page": 50})
        listed = answer.get("data") or answer.get(name) or []
        found += listed
        pages = int((answer.get("pages") or {}).get("total_pages") or 1) if listed else 0
        page += 1
    return {"type": "list", "data": found, "total_count": len(found), "has_more": False}
