"""--where: whatever is written means the same in the query that is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.search.language.where import compile_where, explain, matches, validate_query

NOW = 1795500000.0
Test = Callable[[dict[str, Any]], bool]
STATES = ("open", "closed", "snoozed")


def conversation(state: str, team: int | None, tags: list[str], updated: int, read: bool, reopens: int) -> dict[str, Any]:
    return {
        "id": "1",
        "state": state,
        "open": state != "closed",
        "team_assignee_id": team,
        "tags": {"tags": [{"id": tag} for tag in tags]},
        "updated_at": updated,
        "read": read,
        "statistics": {"count_reopens": reopens},
    }


items = st.builds(
    conversation,
    st.sampled_from(STATES),
    st.sampled_from([None, 0, 1, 2]),
    st.lists(st.sampled_from(["86", "87"]), unique=True),
    st.integers(int(NOW) - 5 * 86400, int(NOW)),
    st.booleans(),
    st.integers(0, 4),
)


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, Test]:
    """A condition as people write it, beside what it means."""
    kind = draw(st.integers(0, 5))
    if kind == 0:
        chosen = draw(st.lists(st.sampled_from(STATES), min_size=1, unique=True))
        word, wanted = draw(st.sampled_from([("in", True), ("not in", False), ("IN", True)]))
        return f"state {word} ({', '.join(chosen)})", lambda item: (item["state"] in chosen) is wanted
    if kind == 1:
        team = draw(st.sampled_from([0, 1, 2]))
        sign = draw(st.sampled_from(["=", "!=", "is", "is not"]))
        typed = str(team) if team else "none"
        return (
            f"team {sign} {typed}",
            lambda item: ((item["team_assignee_id"] or 0) == team) is (sign in ("=", "is")),
        )
    if kind == 2:
        tag, sign = draw(st.sampled_from(["86", "87"])), draw(st.sampled_from(["=", "!="]))
        return (
            f"tag{sign}{tag}",
            lambda item: (tag in [t["id"] for t in item["tags"]["tags"]]) is (sign == "="),
        )
    if kind == 3:
        hours, sign = draw(st.integers(0, 130)), draw(st.sampled_from([">", "<", ">=", "<="]))
        return f"idle {sign} {hours}h", lambda item: compare(sign, NOW - item["updated_at"], hours * 3600)
    if kind == 4:
        number, sign = draw(st.integers(0, 4)), draw(st.sampled_from([">", "<", ">=", "<=", "=", "!="]))
        return f"reopens {sign} {number}", lambda item: compare(sign, item["statistics"]["count_reopens"], number)
    value = draw(st.booleans())
    return f"read = {str(value).lower()}", lambda item: item["read"] is value


def compare(sign: str, left: float, right: float) -> bool:
    table = {
        ">": left > right,
        "<": left < right,
        ">=": left >= right,
        "<=": left <= right,
        "=": left == right,
    }
    return left != right if sign == "!=" else table[sign]


def join(parts: list[tuple[str, Test]], joint: str) -> tuple[str, Test]:
    text = f" {joint} ".join(f"({text})" for text, _ in parts)
    decide = all if joint == "and" else any
    return text, lambda item: decide(test(item) for _, test in parts)


def opposite(part: tuple[str, Test]) -> tuple[str, Test]:
    text, test = part
    return f"not ({text})", lambda item: not test(item)


expressions = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.builds(join, st.lists(inner, min_size=2, max_size=4), st.sampled_from(["and", "or"])),
        st.builds(opposite, inner),
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(expressions, st.lists(items, min_size=1, max_size=8))
def test_same_meaning(expression: tuple[str, Test], found: list[dict[str, Any]]) -> None:
    """A filter of any depth keeps its meaning in the two levels that Intercom takes, item by item."""
    text, test = expression
    try:
        body = compile_where(text, "conversations", now=NOW)
    except UsageError as error:
        assert "too large" in error.message
        return
    assert validate_query(body, "conversations") == body
    assert homogeneous(body)
    for item in found:
        assert matches(body, item, "conversations") is test(item), text
    assert explain(body, "conversations")


def homogeneous(body: dict[str, Any]) -> bool:
    """No filter beside a group, as the contract wants it."""
    inner = [node for node in body["value"] if "field" not in node]
    return not inner or (len(inner) == len(body["value"]) and all(map(homogeneous, inner)))


WORDS = "state team idle created body = != > < ~ in not ( ) , and or open 5001 30d 2026-01-31 none true"
PIECES = [*WORDS.split(), "not in", "custom_attributes.x", "'a b'", '"', "'", "\\", "$", "\x00", "…"]
RESOURCES = ["conversations", "contacts", "tickets", "companies"]


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join)),
    st.sampled_from(RESOURCES),
)
def test_never_a_crash(text: str, resource: str) -> None:
    """Whatever is typed is compiled and said in words, or refused as a usage error."""
    try:
        body = compile_where(text, resource, now=NOW, timezone="Europe/Dublin")
    except UsageError as error:
        assert error.message
        return
    assert validate_query(body, resource) == body
    assert explain(body, resource, timezone="Europe/Dublin")


values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
leaves = st.builds(
    lambda field, operator, value: {
        "field": field,
        "operator": operator,
        "value": [value] if "IN" in operator else value,
    },
    st.sampled_from(["state", "updated_at", "tag_ids", "team_assignee_id", "read", "x.y", "created_at", "tag_id", "email"]),
    st.sampled_from(["=", "!=", "IN", "NIN", ">", "<", ">=", "<=", "~", "!~", "^", "$"]),
    values,
)
groups = st.builds(
    lambda operator, value: {"operator": operator, "value": value},
    st.sampled_from(["AND", "OR"]),
    st.lists(leaves, min_size=1, max_size=4),
)


OPEN = conversation("open", None, [], 1_795_068_000, False, 0)


@settings(max_examples=300, deadline=None)
@given(st.one_of(leaves, groups), items, st.sampled_from(RESOURCES))
@example({"field": "updated_at", "operator": "=", "value": -62_135_596_801}, OPEN, "contacts")  # before the calendar begins
@example({"field": "updated_at", "operator": ">", "value": 10**15}, OPEN, "contacts")
def test_raw_queries(query: dict[str, Any], item: dict[str, Any], resource: str) -> None:
    """Any raw query of the right shape is said in words and judged without a crash."""
    assert explain(query, resource)
    assert matches(query, item, resource) in (True, False, None)
