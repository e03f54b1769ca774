"""The verbs of conversations that bring them to a state: close to set. Messages: messages.py; the way back: restore.py.

API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...api.client import Client
from ...api.effects import message_stands
from ...api.messages import SentRequest
from ...api.paths import item_path
from ...errors import StopRun, UsageError
from ...model import Item, Reversibility
from ...parsing.dates import local_moment
from ..operation import Change, Json, Operation
from ..spec import Kind, Resolver, parameter
from ..tag_names import NEW_TAG, create_tag, resolve_tag
from ..values import SetValues, values_of
from .history import differences, mark, our_mark
from .resource import RESOURCE
from .restore import PARTS_STAY, ConversationOperation, Restore
from .state import ASSIGNEES, STATE, applied, awake, converge, image, number, so, write


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
        return Restore(self.fields)


class Close(ConversationState):
    """Close the conversation; with a message, the customer sees it as the last one."""

    name: ClassVar[str] = "close"
    summary = "Close conversations."
    past, unchanged, rank = "closed", "already closed", 1
    examples = (
        "--where 'team = Support and state = open and idle > 30d' --dry-run",
        "--ids ids.txt --yes",
        "--where 'tag = incident and state = open' --body 'All is well again.' --customer-visible",
    )
    fields = STATE

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        """See Operation."""

        body: str | None = parameter(Kind.MESSAGE, "A last message, seen by the customer: TEXT or @FILE.", required=False)

    def __init__(self, body: str = "") -> None:
        self.body = body
        self.customer_visible = bool(body)
        # Closing twice ends in the same state; writing to the customer twice does not.
        self.idempotent = not body
        if body:
            self.side_effects = f"the message that the customer has got, {PARTS_STAY}"

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
        message = SentRequest("POST", item_path("conversations", item.id, "parts"), self._message(client))
        payload, shown = write(client, item.id, message, had, closed, STATE)
        return {**closed, **shown, **mark(payload)}

    def _message(self, client: Client) -> dict[str, Any]:
        body = {"message_type": "close", "type": "admin", "admin_id": client.actor()}
        return {**body, "body": self.body} if self.body else body


class Open(ConversationState):
    """Open the conversation again (also wakes a snoozed one)."""

    name: ClassVar[str] = "open"
    summary = "Open conversations again."
    past, unchanged, rank = "opened", "already open", 2
    examples = (
        "--ids ids.txt --dry-run",
        "--where 'state = snoozed and team = Billing' --plan open.jsonl",
        "--from-run latest --outcome done",
    )
    fields = STATE

    def target(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"state": "open"}

    def consequences(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"snoozed_until": None}


class Snooze(ConversationState):
    """Snooze the conversation until a moment."""

    name: ClassVar[str] = "snooze"
    summary = "Snooze conversations until a moment."
    past, unchanged, rank = "snoozed", "already snoozed until then", 3
    examples = (
        "--where 'team = Support and state = open' --until 'tomorrow 9:00' --dry-run",
        "--ids ids.txt --until +3d",
        "--csv sheet.csv --until '{{date}}' --canary 5",
    )
    fields = STATE

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        """See Operation."""

        until: str = parameter(Kind.MOMENT, "When they wake: 'tomorrow 9:00', +3d, ISO 8601 (the workspace's time zone).")

    def __init__(self, until: int) -> None:
        self.until = int(until)

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return {"until": self.until}

    def describe(self) -> str:
        """See Operation."""
        return f"snooze until {local_moment(self.until)}"

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

    Assigning reopens a closed conversation and wakes a snoozed one; --keep-state puts it back as it was.
    """

    name: ClassVar[str] = "assign"
    summary = "Assign conversations to a team, an admin, or nobody."
    past, unchanged, rank = "assigned", "already assigned that way", 4
    examples = (
        '--where \'admin = "Ben Okafor" and state = open\' --to-team Billing --dry-run',
        "--ids ids.txt --to-admin 'Ben Okafor' --keep-state",
        "--csv sheet.csv --to-team '{{team}}'",
    )
    fields = (*ASSIGNEES, *STATE)

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        """See Operation."""

        to_team: str | None = parameter(Kind.TEAM, "The team, by name or id.", required=False)
        to_admin: str | None = parameter(Kind.ADMIN, "The admin, by name, e-mail or id.", required=False)
        unassign: bool = parameter(Kind.FLAG, "Assign to nobody.", required=False)
        keep_state: bool = parameter(Kind.FLAG, "Put the state back: assigning reopens.", required=False)

    def __init__(
        self, team: str | None = None, admin: str | None = None, keep_state: bool = False, called: Mapping[str, str] | None = None
    ) -> None:
        self.team = None if team is None else number(team)
        self.admin = None if admin is None else number(admin)
        self.keep_state = keep_state
        # The names of the team and the admin by their ids, for people.
        self.called = dict(called or {})
        self.requests_per_item = max(1, (team is not None) + (admin is not None))

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        """See Operation."""
        to_team, to_admin, nobody, keep_state = (given[name] for name in ("to_team", "to_admin", "unassign", "keep_state"))
        if nobody == bool(to_team or to_admin):
            raise UsageError("assign needs --to-team or --to-admin (or both), or --unassign alone.")
        if nobody:
            return cls("0", "0", keep_state)
        found = {
            kind: resolver.named(kind, typed) for kind, typed in (("team", to_team), ("admin", to_admin)) if typed is not None
        }
        team, admin = (found[kind].id if kind in found else None for kind in ("team", "admin"))
        return cls(team, admin, keep_state, {one.id: one.name for one in found.values()})

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        given: dict[str, Any] = {"keep_state": self.keep_state, "called": self.called}
        if self.team is not None:
            given["team"] = str(self.team)
        if self.admin is not None:
            given["admin"] = str(self.admin)
        return given

    @property
    def names(self) -> Mapping[str, str]:
        """See Operation."""
        return {number: f"{name} ({number})" for number, name in self.called.items()}

    def describe(self) -> str:
        """See Operation."""
        if self.team == 0 and self.admin == 0:
            return "unassign"
        given = [(kind, value) for kind, value in (("team", self.team), ("admin", self.admin)) if value is not None]
        to = " and ".join(f"{kind} {self.names.get(str(value), value)}" for kind, value in given)
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


class _Tagging(ConversationState):
    rows_add_up: ClassVar[bool] = True
    fields = ("tags",)

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        """See Operation."""
        found = [resolve_tag(resolver, text, bool(given.get("create_tag"))) for text in given["tag"]]
        return cls([tag for tag, _ in found], [label for _, label in found])
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
    """Put tags on the conversation. A tag that --create-tag allows to create is created before the first write."""

    name: ClassVar[str] = "tag"
    summary = "Put tags on conversations."
    past, unchanged, rank = "tagged", "already tagged", 5
    examples = (
        "--where 'body ~ outage and created_at > 2d' --tag incident --create-tag --dry-run",
        "--ids ids.txt --tag vip --tag incident",
        "--csv sheet.csv --tag '{{tag}}' --expect 200",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        """See Operation."""

        tag: list[str] = parameter(Kind.TAGS, "The tag, by name or id; may be given again.")
        create_tag: bool = parameter(Kind.FLAG, "Create a tag that does not exist.", required=False)

    def __init__(
        self, tags: list[str], labels: list[str] | None = None, made: Mapping[str, str] | None = None
    ) -> None:
        made = made or {}  # the ids of tags `new:NAME` that `prepare` has created
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
            place, number = self.tags.index(tag), create_tag(client, name)
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
    summary = "Take tags off conversations."
    past, unchanged, rank = "untagged", "already without the tag", 6
    examples = (
        "--where 'tag = incident' --tag incident --dry-run",
        "--ids ids.txt --tag vip --yes",
        "--from-run latest --outcome done --tag incident",
    )

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        """See Operation."""

        tag: list[str] = parameter(Kind.TAGS, "The tag, by name or id; may be given again.")

    def target(self, before: Json) -> dict[str, Any]:
        """See ConversationState."""
        return {"tags": sorted(set(before.get("tags") or ()) - set(self.tags))}

    def _assumed(self) -> list[str]:
        return list(self.tags)


class Set(SetValues, ConversationState):
    """Write fields (title, read, company_id) and custom attributes."""

    name: ClassVar[str] = "set"
    summary = "Write fields and custom attributes of conversations."
    side_effects = "a history entry of Intercom for each attribute"
    examples = (
        "title='Refund asked for' --ids ids.txt --dry-run",
        "read=true --where 'team = Support and state = closed'",
        "'order_id={{order}}' --csv sheet.csv",
    )
    Parameters = values_of(RESOURCE)
