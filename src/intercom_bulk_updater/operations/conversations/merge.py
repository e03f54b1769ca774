"""merge: merge conversations into another one.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/mergeconversation
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import ApiError
from ...model import Item
from ..endings import NothingChanged
from ..merging import Merging
from ..operation import Json
from ..spec import Kind, parameter


class Merge(Merging):
    """Merge the conversation into another, which lives on. The merged one is closed and linked to it."""

    resource: ClassVar[str] = "conversations"
    summary = "Merge conversations into another."
    unchanged, rank = "already merged", 32
    side_effects = "that the conversations are one thread"
    fields = ("merged_with",)
    final_requests: ClassVar[tuple[str, ...]] = ("POST conversations/*/merge",)
    targets: ClassVar[Mapping[str, str]] = {"into": "conversations"}
    examples = (
        "--ids ids.txt --into 215470000000024 --dry-run",
        "--csv sheet.csv --into '{{primary}}' --irreversible",
        "--ids duplicates.txt --into 215470000000024 --irreversible --max 20",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        into: str = parameter(Kind.ID, "The conversation that lives on, by its id or link.")

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. What was merged away is closed and linked to what it was merged into."""
        held = payload.get("linked_objects")
        if not isinstance(held, Mapping) or "state" not in payload:
            return {}
        linked = sorted(str(one.get("id")) for one in held.get("data") or [] if one.get("type") == "conversation")
        return {"merged_with": linked if payload["state"] == "closed" else []}

    def target(self, before: Json) -> dict[str, Any]:
        return {"merged_with": sorted({*before.get("merged_with", ()), self.into})}

    def impossible(self, item: Item) -> str:
        """See Operation. In Intercom's own words."""
        if self.unfit:
            return "Primary conversation not found"
        return "Cannot merge a conversation into itself" if item.id == self.into else ""

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        """See FieldsOperation. The answer is the conversation that lives on."""
        try:
            client.post(item_path("conversations", item_id, "merge"), {"merge_into_conversation_id": int(self.into)})
        except ApiError as exc:
            if exc.code != "merge_failed" or "already been merged" not in exc.api_message:
                raise
            raise NothingChanged("already merged, perhaps into another conversation") from exc
        return None

    def why_no_undo(self) -> str:
        return "merged conversations cannot be taken apart"
