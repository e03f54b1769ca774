"""assign: give conversations to a team, an admin, or nobody.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/manageconversation
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...errors import BadAnswer
from ...model import Item
from ..assignment import ASSIGNEES, Assigned, AssignVerb
from ..operation import Json
from ..spec import Kind, parameter
from .state import STATE, converge, image
from .verb import ConversationState


class Assign(AssignVerb, ConversationState):
    """Assign the conversation to a team, an admin, or nobody.

    Assigning reopens a closed conversation and wakes a snoozed one; --keep-state puts it back as it was.
    """

    name: ClassVar[str] = "assign"
    summary = "Assign conversations to a team, an admin, or nobody."
    examples = (
        '--where \'admin = "Ben Okafor" and state = open\' --to-team Billing --no-admin --dry-run',
        "--ids ids.txt --to-admin 'Ben Okafor' --keep-state",
        "--csv sheet.csv --to-team '{{team}}'",
    )
    fields = (*ASSIGNEES, *STATE)

    @dataclass(frozen=True, kw_only=True)
    class Parameters(Assigned):
        keep_state: bool = parameter(Kind.FLAG, "Put the state back: assigning reopens.", required=False)

    def __init__(
        self, team: str | None = None, admin: str | None = None, keep_state: bool = False, called: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(team, admin, called)
        self.keep_state = keep_state

    @property
    def parameters(self) -> dict[str, Any]:
        return {"keep_state": self.keep_state, **super().parameters}

    def target(self, before: Json) -> dict[str, Any]:
        kept = {field: before.get(field) for field in STATE} if self.keep_state and "state" in before else {}
        return {**super().target(before), **kept}

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        have = image(now, self.fields) if now is not None else dict(item.before or {})
        if self.keep_state and "state" not in (item.before or have):
            path = item_path("conversations", item.id)
            raise BadAnswer(f"GET {path} does not show the state, which is to be kept: nothing was written", method="GET", path=path)
        return converge(client, item.id, have, self.and_kept(item, have))

    def consequences(self, before: Json) -> dict[str, Any]:
        reopens = not self.keep_state and before.get("state") == "closed"
        return {"state": "open"} if reopens else {}
