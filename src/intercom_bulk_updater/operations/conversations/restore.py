"""What all operations on a conversation share, and the way back from each: what undo does to one of them.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ...api.client import Client
from ...api.paths import item_path
from ...model import Item, Reversibility
from ..assignment import ASSIGNEES, in_passing
from ..field_values import taken_back
from ..operation import Change, Json, Operation
from .history import closed_before, differences, looked, our_mark, tagged_again, tags_of, touched_since, touched_since_plan
from .state import applied, awake, converge, image, requests_between, so

PARTS_STAY = "history entries, statistics, and what workflows or CSAT surveys did meanwhile"


class ConversationOperation(Operation):
    """What the verbs and their way back have in common: which fields of a conversation they read, and how."""

    resource: ClassVar[str] = "conversations"
    reversibility = Reversibility.FIELDS
    side_effects = PARTS_STAY
    idempotent = True
    sees_effect = True

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. An image that lacks a field is none: what is absent is not known, and a GET may tell."""
        got, seen = image(payload, self.fields), looked(payload, self.planned)
        return {**got, **seen} if len(got) == len(self.fields) and seen is not None else None

    def read(self, client: Client, item_id: str) -> Json | None:
        return client.get(item_path("conversations", item_id))

    def touched(self, payload: Json, item: Item) -> str:
        return touched_since_plan(payload, item)


class Restore(ConversationOperation):
    """The way back: bring the touched fields from what a run left to what they were before it.

    `item.before` is what the run left (the drift check compares with it), `item.data["to"]` what was before it. `of`: the verb in
    words; `again`: it does that again, as the undo of an undo.
    """

    name: ClassVar[str] = "undo"
    past, unchanged, lead = "restored", "already as before", "Restore"
    own_change_only = True

    def __init__(self, fields: tuple[str, ...] | list[str] = (), of: str = "", again: bool = False) -> None:
        self.fields = tuple(fields)
        self.of = of
        self.does_again = again

    @property
    def parameters(self) -> dict[str, Any]:
        return {"fields": list(self.fields), "of": self.of, **({"again": True} if self.does_again else {})}

    def describe(self) -> str:
        return f"{self.of} again" if self.does_again else f"undo {self.of}".strip()

    def change(self, item: Item) -> Change | None:
        left = item.before or {}
        wanted = self._wanted(item, left, time.time())
        return {f: (left.get(f), v) for f, v in wanted.items() if left.get(f) != v}

    def requests_for(self, item: Item) -> int:
        left = item.before or {}
        return max(1, requests_between(left, self._wanted(item, left, time.time())))

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        now = image(payload, self.fields)
        return so(now, self._wanted(item, now, client.server_time()))

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        left, now = item.before or {}, image(payload, self.fields)
        wanted = self._wanted(item, now, client.server_time())
        put_on = set(wanted.get("tags") or ()) - set(left.get("tags") or ())
        again = {"applied": applied(payload, put_on)} if put_on else {}
        return {**left, **wanted, **now, **our_mark(payload, client.admin_id, since), **again}

    def drift(self, payload: Json, item: Item) -> str:
        now, data = image(payload, self.fields), item.data or {}
        # A snooze of the run that is over has ended as the run meant it to.
        left = awake({f: v for f, v in (item.before or {}).items() if f in self.fields}, time.time())
        unsure = item.doubt or data.get("unsure")
        if unsure and ASSIGNEES[0] in self.fields:
            left |= in_passing(now)
        ours = self._wanted(item, now, time.time()) if unsure else taken_back(left, data.get("to") or {}, now)
        if "tags" in left and "tags" in now:
            there = set(now["tags"])
            # Only our own change counts: the tags of others are left as they are.
            put, taken = set(left.pop("tags")), set(data.get("to", {}).get("tags") or ())
            added = put - taken - set((data.get("marks") or {}).get("theirs") or ())
            named = {str(tag.get("id")): f"{tag['name']} ({tag.get('id')})" for tag in tags_of(payload) if tag.get("name")}
            off, on = (", ".join(self._called(one, named) for one in sorted(some)) for some in (added - there, (taken - put) & there))
            stands = ours or added & there or (taken - put) - there
            if (off or on) and not (unsure or stands):
                return f"the tag {off} was taken off since" if off else f"the tag {on} was put on since"
            again = tagged_again(payload, item, added, self.label)
            if again:
                return again
        if "state" in self.fields and (who := closed_before(payload, item)):
            return f"{who} had closed it before the run did"
        return "; ".join(said for said in (differences(left, now, ours, self.label), touched_since(payload, item, self.label)) if said)

    def _called(self, tag: str, named: Mapping[str, str]) -> str:
        return named.get(tag) or (self.label("tag", tag) if self.label is not None else tag)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        # What a look does not show is as the run left it: without the tags there would be nothing to take off.
        left = {name: value for name, value in (item.before or {}).items() if name in self.fields}
        have = {**left, **image(now or {}, self.fields)}
        return converge(client, item.id, have, self._wanted(item, have, client.server_time()))

    def inverse(self) -> Operation | None:
        return Restore(self.fields, self.of, not self.does_again)

    def _wanted(self, item: Item, now: Json, at: float) -> dict[str, Any]:
        data = item.data or {}
        to = {f: v for f, v in (data.get("to") or {}).items() if f in self.fields}
        if "tags" in to:
            left, was = set((item.before or {}).get("tags") or ()), set(to["tags"])
            theirs = set((data.get("marks") or {}).get("theirs") or ())
            to["tags"] = sorted((set(now.get("tags") or ()) - (left - was - theirs)) | (was - left))
        return awake(to, at)
