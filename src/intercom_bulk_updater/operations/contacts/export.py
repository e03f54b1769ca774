"""export: keep contacts whole, with their tags, notes and companies, as files.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/showcontact
"""

from __future__ import annotations

from typing import ClassVar

from ...api.client import Client
from ..export import Export
from ..operation import Json
from .whole import whole_contact


class ExportContacts(Export):
    """Read each contact whole and write it to a file."""

    resource: ClassVar[str] = "contacts"
    summary = "Export contacts whole, with their tags, notes and companies, to files."
    examples = (
        "--where 'role = lead' -o leads.jsonl --dry-run",
        "--ids ids.txt -o folder --format text",
        "--from-run latest --outcome failed -o folder --format html",
    )
    requests_per_item = 2

    def whole(self, client: Client, item: Json) -> Json:
        return whole_contact(client, item)
