"""delete: delete conversations, for good.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/deleteconversation
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ..deletion import Deletion
from ..operation import Json
from ..spec import Kind, parameter


class Delete(Deletion):
    """Delete the conversation. Reports keep its figures, unless --drop-metrics deletes them, too."""

    resource: ClassVar[str] = "conversations"
    summary = "Delete conversations, for good."
    side_effects = "the conversations, with their side conversations"
    examples = (
        "--ids ids.txt --dry-run",
        "--ids ids.txt --irreversible --canary 1",
        "--where 'tag = spam and state = closed' --irreversible --max 500",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        drop_metrics: bool = parameter(Kind.FLAG, "Delete their figures in reports, too (needs a permission of its own).", required=False)

    def __init__(self, drop_metrics: bool = False) -> None:
        self.drop_metrics = drop_metrics

    @property
    def parameters(self) -> dict[str, Any]:
        return {"drop_metrics": self.drop_metrics}

    def describe(self) -> str:
        return "delete with their figures in reports" if self.drop_metrics else "delete"

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        path = item_path(self.resource, item_id)
        client.call("DELETE", path, params={"retain_metrics": "false"} if self.drop_metrics else None)
        return {"deleted": True}

    def why_no_undo(self) -> str:
        return "Intercom cannot bring a deleted conversation back"
