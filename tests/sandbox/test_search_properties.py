"""The sandbox's searches against a filter that is written here, on the objects that the API itself answers."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intercom_bulk_updater.search.language.matching import surely_matches
from intercom_sandbox import Sandbox, running

Item = dict[str, Any]
Leaf = dict[str, Any]
ZONE = ZoneInfo("America/Los_Angeles")
TEXT = ("=", "!=", "IN", "NIN", "~", "!~", "^", "$")
WHOLE = ("=", "!=", "IN", "NIN", "<", ">", "<=", ">=")
SAME = ("=", "!=", "IN", "NIN")

# field -> (operators, the values of an item: a list, empty for none)
Read = Callable[[Item], list[Any]]


def at(*path: str) -> Read:
    def read(item: Item) -> list[Any]:
        found: Any = item
        for step in path:
            found = None if found is None else found.get(step)
        return [] if found is None else [found]

    return read


CONVERSATIONS: dict[str, tuple[tuple[str, ...], Read]] = {
    "id": (WHOLE, lambda item: [int(item["id"])]),
    "state": (TEXT, at("state")),
    "title": (TEXT, at("title")),
    "priority": (TEXT, at("priority")),
    "source.type": (TEXT, at("source", "type")),
    "source.subject": (TEXT, at("source", "subject")),
    "source.author.email": (TEXT, at("source", "author", "email")),
    "source.author.name": (TEXT, at("source", "author", "name")),
    "source.body": (("=", "!="), lambda item: re.findall(r"\w+", re.sub("<[^>]*>", " ", item["source"]["body"]).lower())),
    "tag_ids": (SAME, lambda item: [tag["id"] for tag in item["tags"]["tags"]]),
    "contact_ids": (SAME, lambda item: [one["id"] for one in item["contacts"]["contacts"]]),
    "team_assignee_id": (WHOLE, lambda item: [item["team_assignee_id"]] if item["team_assignee_id"] else []),
    "admin_assignee_id": (WHOLE, lambda item: [item["admin_assignee_id"]] if item["admin_assignee_id"] else []),
    "open": (SAME, at("open")),
    "read": (SAME, at("read")),
    "created_at": (WHOLE, at("created_at")),
    "updated_at": (WHOLE, at("updated_at")),
    "snoozed_until": (WHOLE, at("snoozed_until")),
    "waiting_since": (WHOLE, at("waiting_since")),
    "statistics.last_close_at": (WHOLE, at("statistics", "last_close_at")),
    "statistics.time_to_assignment": (WHOLE, at("statistics", "time_to_assignment")),
    "statistics.count_conversation_parts": (WHOLE, at("statistics", "count_conversation_parts")),
    "custom_attributes.issue_type": (TEXT, at("custom_attributes", "issue_type")),
    "custom_attributes.reviewed": (SAME, at("custom_attributes", "reviewed")),
}
DAYS = ("created_at", "signed_up_at", "last_seen_at", "last_replied_at", "custom_attributes.renews_at")
CONTACTS: dict[str, tuple[tuple[str, ...], Read]] = {
    "id": (SAME, at("id")),
    "role": (TEXT, at("role")),
    "email": (TEXT, at("email")),
    "email_domain": (TEXT, at("email_domain")),
    "external_id": (TEXT, at("external_id")),
    "owner_id": (SAME, at("owner_id")),
    "location.city": (TEXT, at("location", "city")),
    "unsubscribed_from_emails": (SAME, at("unsubscribed_from_emails")),
    "tag_id": (("=", "!="), lambda item: [tag["id"] for tag in item["tags"]["data"]]),
    "custom_attributes.plan": (TEXT, at("custom_attributes", "plan")),
    "custom_attributes.seats": (WHOLE, at("custom_attributes", "seats")),
    **{name: (("=", "<", ">"), at(*name.split("."))) for name in DAYS},
}
TABLES = {"conversations": CONVERSATIONS, "contacts": CONTACTS}
SORTS = {
    "conversations": ("id", "created_at", "updated_at", "snoozed_until", "title"),
    "contacts": ("created_at", "last_seen_at", "name", "email"),
}


def folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def day(value: int) -> int:
    return datetime.fromtimestamp(value, ZONE).toordinal()


def judged(table: dict[str, Any], leaf: Leaf, item: Item) -> bool:
    """Whether an item passes one filter."""
    operator, value = leaf["operator"], leaf["value"]
    if operator in ("!=", "NIN", "!~"):
        return not judged(table, {**leaf, "operator": {"!=": "=", "NIN": "IN", "!~": "~"}[operator]}, item)
    if operator == "IN":
        return any(judged(table, {**leaf, "operator": "=", "value": one}, item) for one in value)
    found, wanted = [folded(one) for one in table[leaf["field"]][1](item)], folded(value)
    if isinstance(wanted, str) and any(isinstance(one, int) for one in found):
        wanted = int(wanted)
    if table is CONTACTS and leaf["field"] in DAYS and wanted is not None:
        found, wanted = [day(one) for one in found], day(wanted)
    if operator == "=":
        return wanted in found if wanted is not None else not found
    tests: dict[str, Callable[[Any], bool]] = {
        "~": lambda one: wanted in one,
        "^": lambda one: one.startswith(wanted),
        "$": lambda one: one.endswith(wanted),
        "<": lambda one: one < wanted,
        "<=": lambda one: one <= wanted,
        ">": lambda one: one > wanted,
        ">=": lambda one: one >= wanted,
    }
    return any(tests[operator](one) for one in found)


def passes(table: dict[str, Any], node: Leaf, item: Item) -> bool:
    if "field" in node:
        return judged(table, node, item)
    verdicts = [passes(table, part, item) for part in node["value"]]
    return all(verdicts) if node["operator"] == "AND" else any(verdicts)


class World:
    """A sandbox, all its items, and a connection."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.headers = {
            "Authorization": f"Bearer {box.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Intercom-Version": "2.16",
        }
        self.connection = http.client.HTTPConnection("127.0.0.1", urlsplit(box.url).port, timeout=30)
        everything = {"conversations": {"field": "created_at", "operator": ">", "value": 1},
                      "contacts": {"field": "role", "operator": "IN", "value": ["user", "lead"]}}  # fmt: skip
        self.items = {name: self.walk(name, query)[0] for name, query in everything.items()}

    def walk(self, name: str, query: Leaf, per_page: int = 150, sort: Any = None) -> tuple[list[Item], list[int]]:
        """All items that a search finds, page by page, and the total of each page."""
        found: list[Item] = []
        totals: list[int] = []
        cursor = None
        while True:
            body = {"query": query, "pagination": {"per_page": per_page, "starting_after": cursor}}
            self.connection.request("POST", f"/{name}/search", json.dumps(body | ({"sort": sort} if sort else {})), self.headers)
            answer = self.connection.getresponse()
            page = json.loads(answer.read())
            assert answer.status == 200, (page, query)
            found += page["conversations" if name == "conversations" else "data"]
            totals.append(page["total_count"])
            if "next" not in page["pages"]:
                return found, totals
            cursor = page["pages"]["next"]["starting_after"]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running(conversations=90, contacts=80, seed=11, limit=10_000_000, workspace_limit=10_000_000) as box:
        yield World(box)


@st.composite
def queries(draw: st.DrawFn, world: World, name: str) -> Leaf:
    """A query of up to two levels whose values come from the items, or close to them."""
    table = TABLES[name]

    def leaf() -> Leaf:
        field = draw(st.sampled_from(sorted(table)))
        operators, read = table[field]
        operator = draw(st.sampled_from(operators))

        def value() -> Any:
            if operator in ("=", "!=") and draw(st.integers(0, 9)) == 0:
                return None
            known = [one for item in world.items[name] for one in read(item)]
            one = draw(st.sampled_from(known)) if known else 1_700_000_000
            if isinstance(one, bool):
                return one
            if isinstance(one, int):
                return str(one) if field == "id" else one + draw(st.sampled_from((0, 0, -1, 1, 86_400)))
            if operator in ("~", "!~", "^", "$") and one:
                start = draw(st.integers(0, len(one) - 1))
                return one[start : start + draw(st.integers(1, 5))]
            return one.upper() if draw(st.booleans()) and field != "source.body" else one

        listed = operator in ("IN", "NIN")
        return {"field": field, "operator": operator, "value": [value() for _ in range(draw(st.integers(1, 4)))] if listed else value()}

    def group(depth: int) -> Leaf:
        parts = draw(st.integers(1, 3))
        value = [group(depth + 1) if depth < 2 and draw(st.integers(0, 2)) == 0 else leaf() for _ in range(parts)]
        return {"operator": draw(st.sampled_from(("AND", "OR"))), "value": value}

    return leaf() if draw(st.integers(0, 3)) == 0 else group(1)


@pytest.mark.parametrize("name", ["conversations", "contacts"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_search_finds_what_a_plain_filter_finds(world: World, name: str, data: st.DataObject) -> None:
    """Every match once, nothing else, in the order asked for, with the right total on every page."""
    query = data.draw(queries(world, name))
    sort = data.draw(st.none() | st.fixed_dictionaries(
        {"field": st.sampled_from(SORTS[name]), "order": st.sampled_from(("ascending", "descending"))}
    ))  # fmt: skip
    found, totals = world.walk(name, query, data.draw(st.sampled_from((17, 150))), sort)
    wanted = [item["id"] for item in world.items[name] if passes(TABLES[name], query, item)]
    assert sorted(item["id"] for item in found) == sorted(wanted)
    assert set(totals) == {len(wanted)}
    if sort is not None:
        empty: Any = "" if sort["field"] in ("title", "name", "email") else -1
        number: Callable[[Any], Any] = int if sort["field"] == "id" else lambda one: one
        values = [empty if item[sort["field"]] is None else number(item[sort["field"]]) for item in found]
        assert values == sorted(values, reverse=sort["order"] == "descending")


@pytest.mark.parametrize("name", ["conversations", "contacts"])
@settings(max_examples=60, deadline=None)
@given(data=st.data(), switches=st.fixed_dictionaries(
    {one: st.booleans() for one in ("inclusive_order", "less_than_matches_null", "untagged_matches_not")}
))  # fmt: skip
def test_what_a_search_finds_is_never_taken_for_a_contradiction(
    world: World, name: str, data: st.DataObject, switches: dict[str, bool]
) -> None:
    """However the server treats capitals, limits and missing values, the client's own judgement never calls its results wrong."""
    query = data.draw(queries(world, name))
    world.box.control(**switches)
    try:
        found, _ = world.walk(name, query)
    finally:
        world.box.control(inclusive_order=False, less_than_matches_null=False, untagged_matches_not=True)
    for item in found:
        assert surely_matches(query, item, name, timezone=ZONE.key) is not False, (query, item)
    for item in world.items[name]:
        if surely_matches(query, item, name, timezone=ZONE.key) is False:
            assert item["id"] not in {one["id"] for one in found}
