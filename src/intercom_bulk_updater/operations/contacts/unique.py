"""What no two users have alike, e-mail address and external id: told by a dry run, where Intercom refuses the second as a conflict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...api.client import Client
from ...api.redact import without_mail
from ...model import Item
from ..field_values import MISSING, describe_field
from ..operation import Change

UNIQUE = ("email", "external_id")
"""What no two users have alike; leads may."""
_GROUP = 15
"""Conditions that Intercom takes in a group of a query."""


@dataclass(slots=True)
class _Holder:
    """Who has a value: the users that Intercom shows with it, and what the run itself is to give it to."""

    others: set[str]
    ours: str = ""
    """The first user of the run that gets it; "" for none so far."""
    alone: list[Item] = field(default_factory=list)
    """The one item of the run that gets it, while nobody had to ask whether it is a user."""


def users_with(client: Client, name: str, values: Sequence[str]) -> dict[str, set[str]]:
    """Value → the ids of the users that have it, as a search shows them: one request for up to 150, without regard to capitals."""
    found: dict[str, set[str]] = {}
    leaves = [{"field": name, "operator": "=", "value": value} for value in dict.fromkeys(values)]
    for start in range(0, len(leaves), 10 * _GROUP):
        some = leaves[start : start + 10 * _GROUP]
        groups = [{"operator": "OR", "value": some[at : at + _GROUP]} for at in range(0, len(some), _GROUP)]
        asked = {"query": {"operator": "OR", "value": groups}, "pagination": {"per_page": 150}}
        for one in client.call("POST", "contacts/search", json=asked, purpose="search").get("data") or []:
            if one.get("role") == "user":
                found.setdefault(str(one.get(name)).casefold(), set()).add(str(one["id"]))
    return found


def taken_of_users(client: Client, wanted: Sequence[tuple[Item, Change]], had: dict[Any, Any]) -> Mapping[int, str]:
    """`taken` of verbs that write contacts: one search for 150 values, one more where the run gives one to several of 150 contacts."""
    told: dict[int, str] = {}
    for name in UNIQUE:
        of: dict[str, list[Item]] = {}
        for item, change in wanted:
            value = change.get(name, (None, None))[1]
            if value and item.seq not in told:
                of.setdefault(str(value).casefold(), []).append(item)
        told |= {seq: f"its {describe_field(name)} is {why}" for seq, why in _taken(client, name, of, had.setdefault(name, {}))}
    return told


def _taken(client: Client, name: str, of: Mapping[str, Sequence[Item]], had: dict[str, _Holder]) -> Iterator[tuple[int, str]]:
    """Of the items that are to get each of these values those that cannot, and why."""
    new = [value for value in of if value not in had]
    whose = users_with(client, name, new) if new else {}
    had |= {value: _Holder(whose.get(value, set())) for value in new}
    rivals = [item for value, items in of.items() for item in _rivals(had[value], items)]
    users = _users_among(client, rivals) if rivals else set()
    for value, items in of.items():
        holder = had[value]
        several = (*holder.alone, *items)
        for item in several:
            others = holder.others - {_id_of(item)}
            if others or holder.ours:
                yield item.seq, _words(sorted(others), holder.ours)
            elif _id_of(item) in users:
                holder.ours = without_mail(_id_of(item))
        holder.alone = list(items) if len(several) == 1 and not holder.others else []


def _rivals(holder: _Holder, items: Sequence[Item]) -> Sequence[Item]:
    """The items of which has to be known whether they are users, as one value is to go to several."""
    several = (*holder.alone, *items)
    return several if len(several) > 1 and not (holder.ours or holder.others) else ()


def _users_among(client: Client, items: Sequence[Item]) -> set[str]:
    """Those that are users, or that the run creates as such."""
    created = {item.id for item in items if (item.before or {}).get("contact") == MISSING}
    there = [identity for item in items if (identity := _id_of(item)) not in created]
    return created.union(*users_with(client, "id", there).values()) if there else created


def _id_of(item: Item) -> str:
    """Intercom's id, or the key of a row that nobody has yet."""
    return str((item.before or {}).get("id") or item.id)


def _words(others: Sequence[str], ours: str) -> str:
    if others:
        return f"that of another user ({', '.join(others[:5])}): Intercom refuses it as a conflict"
    return f"what the user {ours} gets by this run, too: Intercom refuses the second as a conflict"
