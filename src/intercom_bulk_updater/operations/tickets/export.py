"""export: keep tickets whole, with all their messages, as files.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets/getticket
"""

from __future__ import annotations

from typing import ClassVar

from ..export import Export


class ExportTickets(Export):
    """Read each ticket whole and write it to a file."""

    resource: ClassVar[str] = "tickets"
    has_parts: ClassVar[bool] = True
    summary = "Export tickets whole, with all their messages, to files."
    examples = (
        "--where 'open = true' -o open.jsonl --dry-run",
        "--ids ids.txt -o folder --format text",
        "--from-run latest --outcome failed -o folder --format html",
    )
