"""What `assign` shares, whatever is assigned: to which team, to which admin, to nobody, in one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import UsageError
from ..model import Item
from ..parsing.identity import id_text
from .operation import Change, Json, Operation
from .spec import Kind, Resolver, parameter

ASSIGNEES = ("admin_assignee_id", "team_assignee_id")
"""The fields that hold the assignees. A team may be assigned beside an admin."""


def number(value: Any) -> int:
    """An assignee id as an int; 0 for nobody (the API says 0, null or a string)."""
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def assignees(payload: Json, fields: Iterable[str]) -> dict[str, int]:
    """Those of the fields that a payload has, as `number` gives them. What is not an id does not say "nobody": it says nothing."""
    shown = {}
    for field in fields:
        if field in payload and ((value := payload[field]) in (None, "") or id_text(value).isdecimal()):
            shown[field] = number(value)
    return shown


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """The parameters of a verb that assigns; `Parameters = Assigned`, or a dataclass below it."""

    to_team: str | None = parameter(Kind.TEAM, "The team, by name or id.", required=False)
    to_admin: str | None = parameter(Kind.ADMIN, "The admin, by name, e-mail or id.", required=False)
    no_team: bool = parameter(Kind.FLAG, "Take the team away.", required=False)
    no_admin: bool = parameter(Kind.FLAG, "Take the admin away.", required=False)
    unassign: bool = parameter(Kind.FLAG, "Assign to nobody: neither team nor admin.", required=False)


def in_passing(now: Json) -> dict[str, Any]:
    """What assigning may make of an item on its way: a new team takes the admin away, and what is closed or snoozed is open."""
    nobody = {field: now[field] for field in ASSIGNEES if field in now and not now[field]}
    return {**nobody, **({"state": "open", "snoozed_until": None} if now.get("state") == "open" else {})}


class AssignVerb(Operation):
    """Assign to a team, an admin, or nobody. What is not named stays: a team beside a new admin, an admin beside a new team."""

    past, unchanged, rank = "assigned", "already assigned that way", 4
    keep_state = False

    def __init__(
        self, team: str | None = None, admin: str | None = None, called: Mapping[str, str] | None = None
    ) -> None:
        self.team = None if team is None else number(team)
        self.admin = None if admin is None else number(admin)
        # The names of the team and the admin by their ids, for people.
        self.called = dict(called or {})
        self.requests_per_item = max(1, (team is not None) + (admin is not None))

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        named = [flag for flag in ("to_team", "to_admin", "no_team", "no_admin") if given[flag]]
        if bool(named) is bool(given["unassign"]):
            raise UsageError("assign needs --to-team or --no-team, --to-admin or --no-admin (or one of each), or --unassign alone.")
        wanted: dict[str, str] = {}
        called: dict[str, str] = {}
        for kind in ("team", "admin"):
            typed = given[f"to_{kind}"]
            if typed and given[f"no_{kind}"]:
                raise UsageError(f"--to-{kind} and --no-{kind} exclude each other: give one of them.")
            if given["unassign"] or given[f"no_{kind}"]:
                wanted[kind] = "0"
            elif typed:
                found = resolver.named(kind, typed)
                wanted[kind], called[found.id] = found.id, found.name
        more = {"keep_state": given["keep_state"]} if "keep_state" in given else {}
        return cls(**wanted, called=called, **more)

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        called = {key: name for one in several if isinstance(one, AssignVerb) for key, name in one.called.items()}
        return cls(**{**several[0].parameters, "called": called})

    @property
    def parameters(self) -> dict[str, Any]:
        given: dict[str, Any] = {"called": self.called}
        if self.team is not None:
            given["team"] = str(self.team)
        if self.admin is not None:
            given["admin"] = str(self.admin)
        return given

    @property
    def names(self) -> Mapping[str, str]:
        return {number: f"{name} ({number})" for number, name in self.called.items()}

    def describe(self) -> str:
        if self.team == 0 and self.admin == 0:
            return "unassign"
        given = [(kind, value) for kind, value in (("team", self.team), ("admin", self.admin)) if value is not None]
        to = " and ".join(f"{kind} {self.names.get(str(value), value)}" if value else f"no {kind}" for kind, value in given)
        return f"assign to {to}" + (" (keeping the state)" if self.keep_state else "")

    def target(self, before: Json) -> dict[str, Any]:
        """The wanted assignees."""
        wanted = {"admin_assignee_id": self.admin, "team_assignee_id": self.team}
        return {field: value for field, value in wanted.items() if value is not None}

    def and_kept(self, item: Item, have: Json) -> dict[str, Any]:
        """The wanted fields, and who is not named and stays: in some workspaces a new team takes the admin away.

        What a run that died on its way has taken away is known from the before-image.
        """
        before = (item.before if item.doubt else None) or {}
        kept = {field: have.get(field) or before.get(field) for field in ASSIGNEES}
        return {**{field: value for field, value in kept.items() if value}, **self.target(item.before or have)}

    def drift(self, payload: Json, item: Item) -> str:
        if item.doubt and item.before:
            item = replace(item, before={**item.before, **in_passing(self.capture(payload) or {})})
        return super().drift(payload, item)

    def change(self, item: Item) -> Change | None:
        """See Operation. Who stays assigned is said too: `admin: stays Ben Okafor`."""
        change, before = super().change(item), item.before or {}
        stays = {field: (before[field], before[field]) for field in ASSIGNEES if before.get(field) and field not in self.target(before)}
        return {**change, **stays} if change else change
