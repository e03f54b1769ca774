"""The verbs of conversations that bring them to a state: close to set. Messages: messages.py; the way back: restore.py.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...api.client import Client
from ...api.effects import message_stands
from ...api.messages import SentRequest
from ...errors import StopRun
from ...model import Item, Reversibility
from ..operation import Change, Json, Operation
from .history import differences, touched_since_plan
from .state import ASSIGNEES, STATE, applied, awake, converge, image, mark, number, our_mark, so, write

_PARTS_STAY = "history entries, statistics, and what workflows or CSAT surveys did meanwhile"


class ConversationOperation(Operation):
    """What the verbs and their way back have in common: which fields of a conversation they read, and how."""

    resource: ClassVar[str] = "conversations"
    reversibility = Reversibility.FIELDS
    side_effects = _PARTS_STAY
    idempotent = True
    sees_effect = True

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation. An image that lacks a field is none: what is absent is not known, and a GET may tell."""
        got = image(payload, self.fields)
        return got if len(got) == len(self.fields) else None

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation."""
        return client.get(f"conversations/{item_id}")

    def touched(self, payload: Json, item: Item) -> str:
        """See Operation."""
        return touched_since_plan(payload, item)


class ConversationState(ConversationOperation):
    """Bring some fields of a conversation to a wanted state. Its subclasses say which and to what."""

    @abstractmethod
    def target(self, before: Json) -> dict[str, Any]:
        """The wanted value of each field that the requests set."""

    def consequences(self, before: Json) -> dict[str, Any]:
        """Fields that Intercom changes by itself on the way."""
        return {}

    def change(self, item: Item) -> Change | None:
        """See Operation."""
        if item.before is None:
            return None
        before = item.before
        wanted = self.target(before)
        if all(before.get(field) == value for field, value in wanted.items()):
            return {}
        after = {**wanted, **self.consequences(before)}
        return {f: (before.get(f), v) for f, v in after.items() if before.get(f) != v}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation."""
        now = image(payload, self.fields)
        wanted = awake(self.target(item.before if item.before is not None else now), client.server_time())
        return so(now, wanted)

    def drift(self, payload: Json, item: Item) -> str:
        """See Operation."""
        before = item.before or {}
        # In doubt: what we may have brought to its wanted value ourselves has not moved.
        ours = {**self.target(before), **self.consequences(before)} if item.doubt else {}
        return differences(before, image(payload, self.fields), ours)

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        """See Operation."""
        before = item.before or {}
        # What the payload does not show is as the requests leave it.
        known = {**before, **self.target(before), **self.consequences(before)}
        return {**known, **image(payload, self.fields), **our_mark(payload, client.admin_id, since)}

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation."""
        have = image(now, self.fields) if now is not None else dict(item.before or {})
        return converge(client, item.id, have, self.target(item.before or have))

    def inverse(self) -> Operation | None:
        """See Operation."""
        from .restore import Restore

        return Restore(self.fields)


class Close(ConversationState):
    """Close the conversation; with `body`, the customer sees a last message."""

    name: ClassVar[str] = "close"
    fields = STATE

    def __init__(self, body: str = "") -> None:
        self.body = body
        self.customer_visible = bool(body)
        # Closing twice ends in the same state; writing to the customer twice does not.
        self.idempotent = not body
        if body:
            self.side_effects = f"the message that the customer has got, {_PARTS_STAY}"

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {"body": self.body} if self.body else {}

    def describe(self) -> str:
        """See Operation."""
        return "close with a message" if self.body else "close"

    def target(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"state": "closed"}

    def consequences(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"snoozed_until": None}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation."""
        if not self.body:
            return super().stands(payload, item, since=since, client=client)
        return message_stands(payload, self._message(client), since)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation."""
        if not self.body and item.before is None and now is None:
            now = {"state": "open"}
        if not self.body:
            return super().perform(client, item, now)
        had = image(now, STATE) if now is not None else item.before or {}
        closed = {"state": "closed", "snoozed_until": None}
        message = SentRequest("POST", f"conversations/{item.id}/parts", self._message(client))
        payload, shown = write(client, item.id, message, had, closed, STATE)
        return {**closed, **shown, **mark(payload)}

    def _message(self, client: Client) -> dict[str, Any]:
        body = {"message_type": "close", "type": "admin", "admin_id": client.actor()}
        return {**body, "body": self.body} if self.body else body


class Open(ConversationState):
    """Open the conversation again (also wakes a snoozed one)."""

    name: ClassVar[str] = "open"
    fields = STATE

    def target(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"state": "open"}

    def consequences(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"snoozed_until": None}


class Snooze(ConversationState):
    """Snooze the conversation until a moment (unix seconds)."""

    name: ClassVar[str] = "snooze"
    fields = STATE

    def __init__(self, until: int) -> None:
        self.until = int(until)

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {"until": self.until}

    def describe(self) -> str:
        """See Operation."""
        from datetime import UTC, datetime

        return f"snooze until {datetime.fromtimestamp(self.until, UTC):%Y-%m-%d %H:%M} UTC"

    def target(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"state": "snoozed", "snoozed_until": self.until}

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation."""
        if self.until <= client.server_time():
            # Asked to snooze until a moment that has passed, Intercom might open what is closed.
            raise StopRun(f"the moment to {self.describe()} has come; what is left would not be snoozed any more")
        return super().perform(client, item, now)


class Assign(ConversationState):
    """Assign the conversation to a team, an admin, or nobody.

    Assigning reopens a closed conversation and wakes a snoozed one; `keep_state` puts it back as it was.
    """

    name: ClassVar[str] = "assign"
    fields = (*ASSIGNEES, *STATE)

    def __init__(
        self, team: str | None = None, admin: str | None = None, keep_state: bool = False, label: str = ""
    ) -> None:
        self.team = None if team is None else number(team)
        self.admin = None if admin is None else number(admin)
        self.keep_state = keep_state
        self.label = label
        self.requests_per_item = max(1, (team is not None) + (admin is not None))

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        given: dict[str, Any] = {"keep_state": self.keep_state, "label": self.label}
        if self.team is not None:
            given["team"] = str(self.team)
        if self.admin is not None:
            given["admin"] = str(self.admin)
        return given

    @property
    def names(self) -> Mapping[str, str]:
        """See Operation. The label is what the command made of names: "team Billing (5002) and admin Ada (991)"."""
        return {found[2]: found[1] for found in re.finditer(r"(?:team|admin) ([^()]+ \((\d+)\))", self.label)}

    def describe(self) -> str:
        """See Operation."""
        if self.team == 0 and self.admin == 0:
            return "unassign"
        to = self.label or " and ".join(
            f"{kind} {value}" for kind, value in (("team", self.team), ("admin", self.admin)) if value is not None
        )
        return f"assign to {to}" + (" (keeping the state)" if self.keep_state else "")

    def target(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        wanted: dict[str, Any] = {}
        if self.admin is not None:
            wanted["admin_assignee_id"] = self.admin
        if self.team is not None:
            wanted["team_assignee_id"] = self.team
        if self.keep_state and "state" in before:
            wanted["state"] = before["state"]
            wanted["snoozed_until"] = before.get("snoozed_until")
        return wanted

    def consequences(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        reopens = not self.keep_state and before.get("state") == "closed"
        return {"state": "open"} if reopens else {}


# Before the id of a tag that is yet to be made stands its name, with this before it.
NEW_TAG = "new:"


class _Tagging(ConversationState):
    fields = ("tags",)
    reversibility = Reversibility.REVERSIBLE
    side_effects = ""

    def __init__(self, tags: list[str], labels: list[str] | None = None) -> None:
        self.tags = [str(tag) for tag in tags]
        self.labels = labels or self.tags
        self.requests_per_item = max(1, len(self.tags))

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {"tags": self.tags, "labels": self.labels}

    @property
    def names(self) -> Mapping[str, str]:
        """See Operation."""
        return dict(zip(self.tags, self.labels, strict=False))

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        """See Operation."""
        called: dict[str, str] = {}
        for one in several:
            called.update(one.names)
        made = cls(list(called), list(called.values()))
        made.requests_per_item = max(one.requests_per_item for one in several)
        return made

    def describe(self) -> str:
        """See Operation."""
        return f"{self.name} {', '.join(self.labels)}"

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation."""
        # Only our tags count: others may have been put or taken by somebody else meanwhile.
        now = image(payload, self.fields)
        return set(self.target(now)["tags"]) == set(now["tags"]) if "tags" in now else None

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        """See Operation."""
        ours = set(self.tags) - set((item.before or {}).get("tags") or ())
        known = {**(item.before or {}), **self.target(item.before or {})}
        return {**known, **image(payload, self.fields), "applied": applied(payload, ours)}

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation."""
        have = {"tags": self._assumed(), **(image(now, self.fields) if now is not None else item.before or {})}
        return converge(client, item.id, have, self.target(have))

    def _assumed(self) -> list[str]:
        return []


class Tag(_Tagging):
    """Put tags on the conversation. A tag `new:NAME` is made before the first write; `made` has the ids of those."""

    name: ClassVar[str] = "tag"

    def __init__(
        self, tags: list[str], labels: list[str] | None = None, made: Mapping[str, str] | None = None
    ) -> None:
        made = made or {}
        super().__init__(
            [made.get(tag, tag) for tag in tags],
            [f"{tag.removeprefix(NEW_TAG)} ({made[tag]})" if tag in made else label
             for tag, label in zip(tags, labels or tags, strict=True)],
        )
        self._made = dict(made)

    def prepare(self, client: Client) -> None:
        """See Operation. Intercom gives the tag that exists when the name is known, so repeating this makes no second one."""
        for tag in [tag for tag in self.tags if tag.startswith(NEW_TAG)]:
            name = tag.removeprefix(NEW_TAG)
            place, number = self.tags.index(tag), str(client.post("tags", {"name": name})["id"])
            self.tags[place], self.labels[place], self._made[tag] = number, f"{name} ({number})", number

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {**super().parameters, **self.prepared}

    @property
    def prepares(self) -> bool:
        """See Operation."""
        return any(tag.startswith(NEW_TAG) for tag in self.tags)

    @property
    def prepared(self) -> dict[str, Any]:
        """See Operation."""
        return {"made": self._made} if self._made else {}

    def target(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"tags": sorted(set(before.get("tags") or ()) | set(self.tags))}


class Untag(_Tagging):
    """Take tags off the conversation."""

    name: ClassVar[str] = "untag"

    def target(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"tags": sorted(set(before.get("tags") or ()) - set(self.tags))}

    def _assumed(self) -> list[str]:
        return list(self.tags)


class Set(ConversationState):
    """Write fields (title, read, company_id) and custom attributes."""

    name: ClassVar[str] = "set"
    side_effects = "a history entry of Intercom for each attribute"

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self.fields = tuple(sorted(self.values))

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {"values": self.values}

    def describe(self) -> str:
        """See Operation."""
        shown = {field: str(value).lower() if isinstance(value, bool) else value for field, value in self.values.items()}
        return "set " + ", ".join(f"{field.removeprefix('custom_attributes.')}={value}" for field, value in shown.items())

    def target(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return dict(self.values)
