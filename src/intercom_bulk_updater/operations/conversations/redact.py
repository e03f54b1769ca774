"""redact: delete what was written in conversations, and leave the conversations.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/redactconversation
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...api.client import Client
from ...api.effects import parts_of
from ...errors import UsageError
from ...model import Item, Reversibility
from ...parsing.identity import id_text
from ..endings import CannotApply
from ..fields import FieldsOperation
from ..operation import Json, Operation
from ..spec import Kind, Resolver, parameter

_SOURCE = "source:"
"""Before the id of the first message, which is no part."""


class Redact(FieldsOperation):
    """Replace what was written by "This message was deleted": one part, several, the first message, or all.

    What has no text cannot be redacted, nor a first message that a teammate wrote.
    """

    name: ClassVar[str] = "redact"
    resource: ClassVar[str] = "conversations"
    summary = "Delete what was written in conversations."
    past, unchanged, rank = "redacted", "already redacted", 31
    reversibility = Reversibility.IRREVERSIBLE
    watches = True
    side_effects = "what was written there"
    fields = ("texts", "others", "not_shown")
    final_requests: ClassVar[tuple[str, ...]] = ("POST conversations/redact",)
    examples = (
        "--ids ids.txt --all --dry-run",
        "--csv sheet.csv --part '{{part}}' --irreversible",
        "--ids ids.txt --first-message --irreversible --canary 1",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        part: list[str] = parameter(Kind.IDS, "The part, by its id; may be given again.", required=False)
        first_message: bool = parameter(Kind.FLAG, "The first message, where the customer wrote it.", required=False)
        all: bool = parameter(Kind.FLAG, "All that has a text.", required=False)

    def __init__(self, parts: Sequence[str] = (), first_message: bool = False, everything: bool = False) -> None:
        self.parts, self.first_message, self.everything = list(parts), first_message, everything

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        some = bool(given["part"] or given["first_message"])
        if some is bool(given["all"]):
            raise UsageError("redact needs --part ID, --first-message (or both), or --all alone.")
        return cls([part.strip() for part in given["part"] or ()], given["first_message"], given["all"])

    @property
    def parameters(self) -> dict[str, Any]:
        return {"parts": self.parts, "first_message": self.first_message, "everything": self.everything}

    def describe(self) -> str:
        said = [*(["the first message"] if self.first_message else []), *(f"part {part}" for part in self.parts)]
        return f"redact {'all that was written' if self.everything else ', '.join(said)}"

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. `texts`: the ids of what can be redacted; `others`: of the other parts."""
        source, parts = payload.get("source"), parts_of(payload)
        if parts is None or not isinstance(source, Mapping) or "body" not in source or not id_text(source.get("id")):
            return {}
        first = source.get("body") and not source.get("redacted") and (source.get("author") or {}).get("type") != "admin"
        total = payload["conversation_parts"].get("total_count")
        texts = [str(part.get("id")) for part in parts if part.get("body") and not part.get("redacted")]
        return {
            "texts": [*([f"{_SOURCE}{source.get('id')}"] if first else []), *texts],
            "others": [str(part.get("id")) for part in parts if str(part.get("id")) not in texts],
            "not_shown": max(0, total - len(parts)) if isinstance(total, int) else 0,
        }

    def drift(self, payload: Json, item: Item) -> str:
        """See Operation. Not by the ids of what was written; what the run may have redacted itself has no text any more."""
        now, before = self.image(payload), item.before or {}
        if item.doubt and now and before:
            gone = set(before["texts"]) - set(now["texts"])
            if set(now["others"]) == {*before["others"], *(text for text in gone if not text.startswith(_SOURCE))}:
                item = replace(item, before={**before, "others": now["others"]})
        return "what was written there changed" if super().drift(payload, item) else ""

    def target(self, before: Json) -> dict[str, Any]:
        return {"texts": [text for text in before.get("texts", []) if not self._meant(text)]}

    def impossible(self, item: Item) -> str:
        """See Operation. What is named is not there, or what would stay is not shown."""
        return "" if item.before is None else self._hindrance(item.before)

    def _hindrance(self, have: Json) -> str:
        lost = [part for part in self.parts if part not in have["texts"] and part not in have["others"]]
        if lost:
            return f"the conversation has no part {', '.join(lost)} (that Intercom shows)"
        if self.everything and have["not_shown"] and have["texts"]:
            return f"{have['not_shown']} older parts are not shown by Intercom, and would stay; redact them in Intercom"
        return ""

    def _meant(self, text: str) -> bool:
        return self.everything or (self.first_message if text.startswith(_SOURCE) else text in self.parts)

    def requests_between(self, have: Json, want: Json) -> int:
        """See FieldsOperation. One for each message."""
        return len(have["texts"]) - len(want["texts"])

    def write(self, client: Client, item_id: str, have: Json, want: Json) -> Json | None:
        if why := self._hindrance(have):
            raise CannotApply(why)
        answer = None
        for text in have["texts"]:
            if text not in want["texts"]:
                kind = "source" if text.startswith(_SOURCE) else "conversation_part"
                body = {"type": kind, "conversation_id": item_id, f"{kind}_id": text.removeprefix(_SOURCE)}
                answer = client.post("conversations/redact", body, once=text)
        return answer

    def why_no_undo(self) -> str:
        return "what is redacted cannot be brought back"
