"""export: keep companies whole, as files.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/retrieveacompanybyid
"""

from __future__ import annotations

from typing import ClassVar

from ...api.client import Client
from ..export import Export
from ..operation import Json


class ExportCompanies(Export):
    """Read each company whole and write it to a file."""

    resource: ClassVar[str] = "companies"
    name: ClassVar[str] = "export"
    summary = "Export companies whole, to files."
    examples = (
        "--where 'plan = Pro' -o companies.jsonl --dry-run",
        "--csv companies.csv --id-column company_id -o folder --format text",
        "--ids ids.txt -o folder --format html",
    )

    def whole(self, client: Client, item: Json) -> Json:
        """See Export."""
        return item
