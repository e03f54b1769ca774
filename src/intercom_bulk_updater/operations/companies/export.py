"""export: keep companies whole, as files.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/retrieveacompanybyid
"""

from __future__ import annotations

from typing import ClassVar

from ..export import Export


class ExportCompanies(Export):
    """Read each company whole and write it to a file."""

    resource: ClassVar[str] = "companies"
    summary = "Export companies whole, to files."
    examples = (
        "--where 'plan = Pro' -o companies.jsonl --dry-run",
        "--csv companies.csv --id-column company_id -o folder --format text",
        "--ids ids.txt -o folder --format html",
    )
