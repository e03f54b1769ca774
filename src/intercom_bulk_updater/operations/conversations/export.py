"""export: keep conversations whole, with all their messages, as files.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/retrieveconversation
"""

from __future__ import annotations

from typing import ClassVar

from ..export import Export


class ExportConversations(Export):
    """Read each conversation whole and write it to a file."""

    resource: ClassVar[str] = "conversations"
    has_parts: ClassVar[bool] = True
    summary = "Export conversations whole, with all their messages, to files."
    examples = (
        "--where 'team = Support and created > 30d' -o support.jsonl --dry-run",
        "--ids ids.txt -o folder --format text",
        "--from-run latest --outcome failed -o folder --format html",
    )
