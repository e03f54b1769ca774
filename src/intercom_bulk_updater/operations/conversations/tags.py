"""tag, untag: put tags on conversations and take them off.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags/attachtagtoconversation
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...api.client import Client
from ...model import Item
from ..operation import Json
from ..tagging import PutTags, TagVerb, TakeTagsOff
from .state import applied, converge, image
from .verb import ConversationState


class _Tagging(TagVerb, ConversationState):
    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        # Only our tags count: others may have been put or taken by somebody else meanwhile.
        now = image(payload, self.fields)
        return set(self.target(now)["tags"]) == set(now["tags"]) if "tags" in now else None

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        ours = set(self.tags) - set((item.before or {}).get("tags") or ())
        known = {**(item.before or {}), **self.target(item.before or {})}
        return {**known, **image(payload, self.fields), "applied": applied(payload, ours)}

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        have = {"tags": self._assumed(), **(image(now, self.fields) if now is not None else item.before or {})}
        return converge(client, item.id, have, self.target(have))

    def _assumed(self) -> list[str]:
        return []


class Tag(PutTags, _Tagging):
    """Put tags on the conversation. A tag that --create-tag allows to create is created before the first write."""

    name: ClassVar[str] = "tag"
    summary = "Put tags on conversations."
    examples = (
        "--where 'body ~ outage and created_at > 2d' --tag incident --create-tag --dry-run",
        "--ids ids.txt --tag vip --tag incident",
        "--csv sheet.csv --tag '{{tag}}' --expect 200",
    )


class Untag(TakeTagsOff, _Tagging):
    """Take tags off the conversation."""

    name: ClassVar[str] = "untag"
    summary = "Take tags off conversations."
    examples = (
        "--where 'tag = incident' --tag incident --dry-run",
        "--ids ids.txt --tag vip --yes",
        "--from-run latest --outcome done --tag incident",
    )

    def _assumed(self) -> list[str]:
        return list(self.tags)
