"""What the verbs of conversations share that bring some fields to a state: one of them says which fields, and to what.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ...api.client import Client
from ...model import Item
from ..operation import Change, Json, Operation
from .history import differences, our_mark
from .restore import ConversationOperation, Restore
from .state import awake, converge, image, requests_between, so


class ConversationState(ConversationOperation):
    """Bring some fields of a conversation to a wanted state. Its subclasses say which and to what."""

    signs = True

    @abstractmethod
    def target(self, before: Json) -> dict[str, Any]:
        """The wanted value of each field that the requests set."""

    def consequences(self, before: Json) -> dict[str, Any]:
        """Fields that Intercom changes by itself on the way."""
        return {}

    def change(self, item: Item) -> Change | None:
        if item.before is None:
            return None
        before = item.before
        wanted = self.target(before)
        if all(before.get(field) == value for field, value in wanted.items()):
            return {}
        after = {**wanted, **self.consequences(before)}
        return {f: (before.get(f), v) for f, v in after.items() if before.get(f) != v}

    def requests_for(self, item: Item) -> int:
        """See Operation. A message is a request where nothing else is."""
        before = item.before
        return self.requests_per_item if before is None else max(1, requests_between(before, self.target(before)))

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        now = image(payload, self.fields)
        wanted = awake(self.target(item.before if item.before is not None else now), client.server_time())
        return so(now, wanted)

    def drift(self, payload: Json, item: Item) -> str:
        before = {field: value for field, value in (item.before or {}).items() if field in self.fields}
        # In doubt: what we may have brought to its wanted value ourselves has not moved.
        ours = {**self.target(before), **self.consequences(before)} if item.doubt else {}
        return differences(before, image(payload, self.fields), ours, self.label)

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        before = item.before or {}
        # What the payload does not show is as the requests leave it.
        known = {**before, **self.target(before), **self.consequences(before)}
        return {**known, **image(payload, self.fields), **our_mark(payload, client.admin_id, since)}

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        have = image(now, self.fields) if now is not None else dict(item.before or {})
        return converge(client, item.id, have, self.target(item.before or have))

    def inverse(self) -> Operation | None:
        return Restore(self.fields)
