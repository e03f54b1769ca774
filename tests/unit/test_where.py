"""--where compiled to Intercom's queries."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from official_contract import official_contract
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.search.language.fields import resource as find_resource
from intercom_bulk_updater.search.language.where import Resolved, compile_where, explain, hints, validate_query
from intercom_bulk_updater.search.names import WorkspaceNames

# A Tuesday, 06:00 in Dublin.
NOW = 1795500000.0
DAY = 86400
TEAMS = {"teams": [{"id": "5001", "name": "Support"}, {"id": "5002", "name": "Customer Care"}]}
TAGS = {"data": [{"id": "86", "name": "incident"}, {"id": "87", "name": "vip"}]}
ADMINS = {"admins": [{"id": "7", "name": "Ann Lee", "email": "ann@example.com"}]}
NAMES = WorkspaceNames({"teams": TEAMS, "tags": TAGS, "admins": ADMINS}.__getitem__)


def compiled(text: str, resource: str = "conversations", **options: Any) -> dict[str, Any]:
    return compile_where(text, resource, **{"resolve": NAMES.resolve, "now": NOW, "timezone": "Europe/Dublin", **options})


def filters(text: str, resource: str = "conversations", **options: Any) -> list[tuple[str, str, Any]]:
    """The filters of a query that is one flat AND."""
    body = compiled(text, resource, **options)
    assert body["operator"] == "AND"
    return [(leaf["field"], leaf["operator"], leaf["value"]) for leaf in body["value"]]


SIMPLE: list[tuple[str, list[tuple[str, str, Any]]]] = [
    ("state = open", [("state", "=", "open")]),
    ("team = 5001 and state = open", [("team_assignee_id", "=", 5001), ("state", "=", "open")]),
    ("team = Support", [("team_assignee_id", "=", 5001)]),
    ("TEAM = 'customer care' AND State=Open", [("team_assignee_id", "=", 5002), ("state", "=", "open")]),
    ('assignee = "Ann Lee"', [("admin_assignee_id", "=", 7)]),
    ("assignee = ann@example.com", [("admin_assignee_id", "=", 7)]),
    ("assignee = none", [("admin_assignee_id", "=", 0)]),
    ("admin_assignee_id != unassigned", [("admin_assignee_id", "!=", 0)]),
    ("tag = incident", [("tag_ids", "=", "86")]),
    ("tag in (incident, vip)", [("tag_ids", "IN", ["86", "87"])]),
    ("tag not in (incident, 87)", [("tag_ids", "NIN", ["86", "87"])]),
    ("team_assignee_id in (5001, 5002)", [("team_assignee_id", "IN", [5001, 5002])]),
    ("state is not closed", [("state", "!=", "closed")]),
    ("priority = none", [("priority", "=", "none")]),
    ("open = true and read = no", [("open", "=", True), ("read", "=", False)]),
    ("contact = 6762f1261bb69f9f2193bba7", [("contact_ids", "=", "6762f1261bb69f9f2193bba7")]),
    ("body = outage", [("source.body", "=", "outage")]),
    ("body ~ 'out of order'", [("source.body", "~", "out of order")]),
    ("subject ~ 'Re: O\\'Brien'", [("source.subject", "~", "Re: O'Brien")]),
    ("author = O'Brien", [("source.author.name", "=", "O'Brien")]),
    ("subject ^ Re and subject $ now and subject !~ spam", [
        ("source.subject", "^", "Re"), ("source.subject", "$", "now"), ("source.subject", "!~", "spam")]),
    ("channel = messenger", [("source.type", "=", "conversation")]),
    ("email $ @example.com", [("source.author.email", "$", "@example.com")]),
    ("reopens >= 3 and rating < 3", [
        ("statistics.count_reopens", ">=", 3), ("conversation_rating.score", "<", 3)]),
    ("statistics.time_to_first_close > 2h", [("statistics.time_to_first_close", ">", 7200)]),
    ("waiting_since = none", [("waiting_since", "=", None)]),
    ("custom_attributes.plan = pro", [("custom_attributes.plan", "=", "pro")]),
    ("custom_attributes.'Plan name' = 'Pro 2'", [("custom_attributes.Plan name", "=", "Pro 2")]),
    ("custom_attributes.seats > 5", [("custom_attributes.seats", ">", 5)]),
    ("custom_attributes.code = '007' and custom_attributes.beta = true", [
        ("custom_attributes.code", "=", "007"), ("custom_attributes.beta", "=", True)]),
    ("custom_attributes.x not in (1, true)", [
        ("custom_attributes.x", "!=", 1), ("custom_attributes.x", "!=", True)]),
    ("state ≠ open and rating ≤ 2", [("state", "!=", "open"), ("conversation_rating.score", "<=", 2)]),
    ("state == open && read <> true", [("state", "=", "open"), ("read", "!=", True)]),
    ("not state = open and not (reopens > 2 or tag = vip)", [
        ("state", "!=", "open"), ("statistics.count_reopens", "<", 3), ("tag_ids", "!=", "87")]),
    ("not age > 1w and not updated < 1d", [("created_at", ">", int(NOW) - 7 * DAY - 1), ("updated_at", ">", int(NOW) - DAY - 1)]),
    ("state = open and (team = 5001 and (read = true))", [
        ("state", "=", "open"), ("team_assignee_id", "=", 5001), ("read", "=", True)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SIMPLE, ids=[text for text, _ in SIMPLE])
def test_simple(text: str, expected: list[tuple[str, str, Any]]) -> None:
    """Conditions become filters in Intercom's own fields, operators and types, in one AND."""
    found = filters(text)
    assert found == expected
    assert [type(value) for *_, value in found] == [type(value) for *_, value in expected]


TIMES = [
    ("updated < 30d", "<", NOW - 30 * DAY),
    ("updated < 30 days ago", "<", NOW - 30 * DAY),
    ("updated < -30d and state = open", "<", NOW - 30 * DAY),
    ("updated > now-2h", ">", NOW - 7200),
    ("idle > 30d", "<", NOW - 30 * DAY),
    ("idle >= 2h", "<=", NOW - 7200),
    ("idle < 1h30m", ">", NOW - 5400),
    ("updated > 1795000000", ">", 1795000000),
    ("updated >= 2026-01-31T09:00:00Z", ">=", 1769850000),
    ("updated < 2026-07-01 09:00", "<", 1782892800),
    ("updated > today", ">", 1795564800 - 1),
    ("updated >= today", ">", 1795478400 - 1),
    ("updated < today", "<", 1795478400),
    ("updated <= yesterday", "<", 1795478400),
    ("snoozed < now + 3d", "<", NOW + 3 * DAY),
]


@pytest.mark.parametrize(("text", "operator", "at"), TIMES)
def test_times(text: str, operator: str, at: float) -> None:
    """Times count from now or from the workspace's midnight, and a day alone is the whole day."""
    assert filters(text)[0][1:] == (operator, int(at))


def test_one_day() -> None:
    """`created = DAY` is a range that begins and ends at midnight, also on the day the clocks change."""
    low, high = filters("created = 2026-10-25")
    assert (low[1], high[1], high[2] - low[2] - 1) == (">", "<", 25 * 3600)


def test_simplest_is_a_group() -> None:
    """A single condition is an AND of one."""
    assert compiled("state = open") == {
        "operator": "AND",
        "value": [{"field": "state", "operator": "=", "value": "open"}],
    }


def test_filter_beside_a_group() -> None:
    """A filter beside a group goes into a group of its own, as the contract allows no mixture."""
    body = compiled("(tag = incident or body = outage) and state = open")
    assert [[leaf["field"] for leaf in group["value"]] for group in body["value"]] == [
        ["state"],
        ["tag_ids", "source.body"],
    ]
    assert [group["operator"] for group in body["value"]] == ["AND", "OR"]


def test_and_binds_more_than_or() -> None:
    """`a or b and c` is `a or (b and c)`."""
    text = "state = open or state = closed and read = true"
    assert compiled(text) == compiled("state = open or (state = closed and read = true)")


def test_three_levels_become_two() -> None:
    """A deeper expression is rewritten to two levels with the same meaning."""
    body = compiled("team = 1 or (read = true and (tag = 86 or (tag = 87 and open = true)))", resolve=None)
    assert depth(body) == 2
    assert compiled("team = 1 or read = true and tag = 86 or read = true and tag = 87 and open = true", resolve=None) == body


def test_long_lists_are_cut() -> None:
    """A list of more than 15 goes into several, and more than fit are refused."""
    body = compiled(f"id in ({', '.join(str(n) for n in range(40))}) and state = open")
    assert [len(leaf["value"]) for leaf in body["value"][1]["value"]] == [15, 15, 10]
    assert body["value"][1]["operator"] == "OR"
    without = compiled(f"id not in ({', '.join(str(n) for n in range(40))})")
    assert (without["operator"], [leaf["operator"] for leaf in without["value"]]) == ("AND", ["NIN"] * 3)
    with pytest.raises(UsageError, match="too large"):
        compiled(f"state = open and id in ({', '.join(str(n) for n in range(226))})")


def test_many_conditions() -> None:
    """More than 15 conditions go into several groups; more than 225 are refused."""
    many = [f"subject ~ word{n}" for n in range(225)]
    for joint in ("and", "or"):
        body = compiled(f" {joint} ".join(many))
        assert [len(group["value"]) for group in body["value"]] == [15] * 15
        with pytest.raises(UsageError, match="too large"):
            compiled(f" {joint} ".join([*many, "subject ~ more"]))


CONTACTS: list[tuple[str, list[tuple[str, str, Any]]]] = [
    ("role = lead and last_seen < 2026-01-31", [("role", "=", "lead"), ("last_seen_at", "<", 1769817600)]),
    ("created > 2026-07-01", [("created_at", ">", 1782860400)]),
    ("created = today", [("created_at", "=", 1795478400)]),
    ("unseen > 90d", [("last_seen_at", "<", int(NOW) - 90 * DAY)]),
    ("tag = vip", [("tag_id", "=", "87")]),
    ("tag not in (vip, incident)", [("tag_id", "!=", "87"), ("tag_id", "!=", "86")]),
    ("email = ann@example.com and owner = 'ann lee'", [
        ("email", "=", "ann@example.com"), ("owner_id", "=", "7")]),
    ("country = Ireland and bounced = true", [
        ("location.country", "=", "Ireland"), ("has_hard_bounced", "=", True)]),
    ("plan = pro", [("custom_attributes.plan", "=", "pro")]),
    ("custom_attributes.renewal < 2026-01-31", [("custom_attributes.renewal", "<", 1769817600)]),
    ("owner = none", [("owner_id", "=", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CONTACTS, ids=[text for text, _ in CONTACTS])
def test_contacts(text: str, expected: list[tuple[str, str, Any]]) -> None:
    """Contacts have fields and rules of their own: a day is its midnight in the workspace's zone."""
    assert filters(text, "contacts") == expected


_FEBRUARY, _JANUARY_31, _JANUARY_30 = 1769904000, 1769817600, 1769731200


@pytest.mark.parametrize(("text", "said"), [
    ("created >= 2026-01-31", [(">", _JANUARY_30)]),
    ("created <= 2026-01-31", [("<", _FEBRUARY)]),
    ("created >= 2026-01-31T09:00:00Z", [(">", _JANUARY_30)]),
    ("created != 2026-01-31", [("<", _JANUARY_31), (">", _JANUARY_31), ("=", None)]),
    ("created not in (2026-01-31)", [("<", _JANUARY_31), (">", _JANUARY_31), ("=", None)]),
    ("created != none", [(">", -2_208_988_800)]),
    ("age <= 30d and age >= 10d", [(">", 1792796400), ("<", 1794700800)]),
])  # fmt: skip
def test_contact_dates_know_three_operators(text: str, said: list[tuple[str, int | None]]) -> None:
    """On contact dates Intercom takes only = < > up to 2.16: the others are said by those, by whole days."""
    body = compiled(text, "contacts")
    assert [(leaf["operator"], leaf["value"]) for leaf in body["value"]] == said
    assert body["operator"] == ("OR" if len(said) == 3 else "AND")
    assert compiled(text, "contacts", api_version="2.17")
    assert compiled(text, "contacts", api_version="Preview")


def test_lists_that_contacts_cannot_do() -> None:
    """A list of tags or days is written out, as Intercom takes no list there."""
    assert compiled("tag in (vip, incident)", "contacts")["operator"] == "OR"
    days = compiled("created in (2026-01-01, 2026-01-02)", "contacts")
    assert [leaf["operator"] for leaf in days["value"]] == ["=", "="]


def test_tickets_and_companies() -> None:
    """Tickets have their ids as texts and their category in Intercom's words; companies have counts."""
    assert filters("category = customer and team = 5001 and assignee = none", "tickets") == [
        ("category", "=", "request"),
        ("team_assignee_id", "=", "5001"),
        ("admin_assignee_id", "=", "0"),
    ]
    assert filters("attribute.123 = x", "tickets") == [("ticket_attribute.123", "=", "x")]
    assert filters("users > 5 and tag = vip", "companies") == [("user_count", ">", 5), ("tag_id", "=", "87")]


WRONG = [
    ("", "empty", ""),
    ("   ", "empty", ""),
    ("stat = open", "Did you mean state", "^^^^"),
    ("plan = pro", r"custom_attributes\.plan", "^^^^"),
    ("name = 5", "cannot be searched by name", "^^^^"),
    ("state = opne", "Did you mean open", "        ^^^^"),
    ("state > open", "does not take >", "      ^"),
    ("state in (open, lost)", "never 'lost'", "                ^^^^"),
    ("read ~ yes", "true or false", "     ^"),
    ("read = perhaps", "true or false", "       ^^^^^^^"),
    ("open = open", "state = open", "       ^^^^"),
    ("open", "state = open", "    ^"),
    ("reopens = many", "whole number", "          ^^^^"),
    ("created = 7", "7d", "          ^"),
    ("created = soon", "not a time", "          ^^^^"),
    ("idle = 30d", "length of time", "     ^"),
    ("idle > 30", "30s, 30m", "       ^^"),
    ("idle > 2026-01-31", "is a date", "       ^^^^^^^^^^"),
    ("team = Suport", r"Nearest: Support \(5001\)", "       ^^^^^^"),
    ("team = Customer Care", "quotes: 'Customer Care'", "                ^^^^"),
    ("body = 'need support'", "body = need and body = support", "       ^^^^^^^^^^^^^^"),
    ("subject = ''", "empty", "          ^^"),
    ("state = open and", "condition is missing", "                ^"),
    ("and state = open", "condition is missing", "^^^"),
    ("state = open or or read = true", "condition is missing", "                ^^"),
    ("state =", "value is missing", "       ^"),
    ("state = and read = true", "value is missing", "        ^^^"),
    ("= open", "name of a field", "^"),
    ("(state = open", "never closed", "^"),
    ("state = open)", "never opened", "            ^"),
    ("state = 'open", "never closed", "        ^"),
    ("state in open", "in (a, b)", "         ^^^^"),
    ("state in (open closed)", "comma", "               ^^^^^^"),
    ("state in (open,", "value is missing", "               ^"),
    ("state in (open", "never closed", "         ^"),
    ("state in ()", "value is missing", "          ^"),
    ("state = open read = true", "and/or, or a comma", "             ^^^^"),
    ("state = open, read = true", "and/or is missing", "            ^"),
    ("created > none", "= none", "          ^^^^"),
    ("state = open\nand\tread > true", "does not take >", "                      ^"),
]


@pytest.mark.parametrize(("text", "says", "caret"), WRONG, ids=[text or "empty" for text, *_ in WRONG])
def test_wrong(text: str, says: str, caret: str) -> None:
    """What cannot be understood is refused with the reason, the place and what would do."""
    with pytest.raises(UsageError) as caught:
        compiled(text)
    message, *place = caught.value.message.split("\n")
    assert says.replace("\\", "") in message
    if caret:
        line = text.replace("\n", " ").replace("\t", " ")
        assert place == [f"  {line}", f"  {caret}"]


def test_endless_parentheses() -> None:
    """Absurd depth is refused, not a crash."""
    with pytest.raises(UsageError, match="Too many"):
        compiled("(" * 5000 + "state = open" + ")" * 5000)
    with pytest.raises(UsageError, match="Too many"):
        compiled("not " * 5000 + "state = open")


def test_names_need_lists() -> None:
    """Without the workspace's lists only ids are taken."""
    assert filters("team = 5001", resolve=None) == [("team_assignee_id", "=", 5001)]
    with pytest.raises(UsageError, match="give the id"):
        compiled("team = Support", resolve=None)


def test_resolver_gets_kind_and_name() -> None:
    """Each name is resolved by its kind, and text operators compare as typed."""
    asked: list[tuple[str, str]] = []

    def resolve(kind: str, name: str) -> Resolved:
        asked.append((kind, name))
        return Resolved("1", name)

    compiled("team = a and assignee = b and tag in (c, 'd e') and closed_by = f and subject ~ g", resolve=resolve)
    compiled("type = h", "tickets", resolve=resolve)
    compiled("segment = i", "contacts", resolve=resolve)
    kinds = ["team", "admin", "tag", "tag", "admin", "ticket_type", "segment"]
    assert asked == list(zip(kinds, ["a", "b", "c", "d e", "f", "h", "i"], strict=True))


@pytest.mark.parametrize(("text", "resource"), [
    ("tag ~ vip", "conversations"), ("tag !~ vip", "conversations"), ("team ^ Sup", "tickets"), ("state ~ clos", "conversations"),
    ("role !~ lea", "contacts"), ("contact $ 5", "conversations"), ("segment ~ new", "contacts"), ("category ~ task", "tickets"),
])  # fmt: skip
def test_what_is_told_by_its_name_has_no_parts(text: str, resource: str) -> None:
    """Intercom would compare ids, or its own words, and find nothing, or, turned round, everything."""
    with pytest.raises(UsageError, match="whole name"):
        compiled(text, resource)


@pytest.mark.parametrize(("text", "resource"), [
    ("ai_agent.resolution_state != escalatd", "conversations"), ("ai_agent.last_answer_type = ai", "conversations"),
    ("ai_agent.source_type = flow", "conversations"), ("sales_agent.outcome != junk", "conversations"),
    ("sla_status = mist", "conversations"), ("channel = emial", "conversations"), ("priority != hihg", "conversations"),
    ("role = custmer", "contacts"), ("category = trakker", "tickets"), ("ticket_state.category != done", "tickets"),
])  # fmt: skip
def test_a_word_that_none_has_is_refused(text: str, resource: str) -> None:
    """With the words there are; never searched for, which would find nothing, or with != everything."""
    with pytest.raises(UsageError, match="is one of"):
        compiled(text, resource)


def test_what_may_have_none_of_the_words() -> None:
    """Fin was not asked, no agreement applies."""
    assert filters("ai_agent.resolution_state = none") == [("ai_agent.resolution_state", "=", None)]
    assert filters("sla_status != none") == [("sla_applied.sla_status", "!=", None)]


@pytest.mark.parametrize("pair", ["\u201c\u201d", "\u2018\u2019", "\u201e\u201c", "«»"])
def test_typographic_quotes(pair: str) -> None:
    """Quotes that a word processor made are understood, with a word of advice."""
    text = f"state = {pair[0]}open{pair[1]}"
    assert filters(text) == [("state", "=", "open")]
    assert len(hints(text)) == 1
    assert hints("state = 'open'") == []


def test_hint_on_recent_times() -> None:
    """`updated > 30d` means within the last 30 days, which may not be what was meant, so it is said."""
    assert hints("state = open and updated > 30d") == ["updated > 30d means within the last 30d; for longer ago write updated < 30d."]
    assert hints("idle > 30d and waiting >= 2h and updated < 30d") == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2000", "write 2000-01-01 for the first day of that year, or 2000d for 2000 days ago"),
        ("20000131", "write 2000-01-31"),
        ("30", "write 30d for 30 days ago"),
        ("2000-13-01", "there is no such day: year, month and day are written 2026-01-31"),
        ("2001-02-29 09:00", "there is no such day"),
        ("9999-12-31", "9999-12-31 is beyond the calendar: the last day is 9999-12-30"),
    ],
)
def test_what_is_no_date_is_answered_with_what_was_meant(typed: str, meant: str) -> None:
    """A year, a date without its dashes, a day that there is not, the end of time: each says how it is written."""
    for operator in (">", "<=", "="):
        with pytest.raises(UsageError) as refused:
            compiled(f"created {operator} '{typed}'")
        assert meant in refused.value.message


SAID = [
    ("conversations", "state = open and team = Support", "state is open and team is Support (5001)"),
    ("conversations", "assignee = none or tag in (vip, 86)",
     "assignee is nobody or tag is one of vip (87), incident (86)"),
    ("conversations", "(tag = vip or body = outage) and read = false",
     "read is false and (tag is vip (87) or the first message (Intercom searches no other) has the word outage)"),
    ("conversations", "idle > 30d", "updated is before Sun 25 Oct 2026 06:00 (Dublin)"),
    ("conversations", "created >= 2026-01-31", "created is at or after Sat 31 Jan 2026 00:00 (Dublin)"),
    ("conversations", "created > 2026-01-31", "created is at or after Sun 1 Feb 2026 00:00 (Dublin)"),
    ("conversations", "subject ~ 'a b' and snoozed = none", 'subject contains "a b" and snoozed is not set'),
    ("conversations", "custom_attributes.plan != pro", "custom_attributes.plan is not pro"),
    ("tickets", "category = customer or category = tracker", "category is customer (request) or category is tracker"),
    ("contacts", "role = users", "role is user"),
    ("contacts", "seen != none", "seen is set"),
    ("contacts", "created > 2026-01-31", "created is after the whole of Sat 31 Jan 2026 (Dublin)"),
    ("contacts", "seen < 2026-01-31 and owner = 7",
     "seen is before the start of Sat 31 Jan 2026 (Dublin) and owner is Ann Lee (7)"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "text", "said"), SAID)
def test_explain(resource: str, text: str, said: str) -> None:
    """A query is said in words, with names beside ids and times in the workspace's zone."""
    assert explain(compiled(text, resource), resource, NAMES, timezone="Europe/Dublin") == said


def test_explanation_is_a_filter_again() -> None:
    """The words for states and teams can be typed again: `is` and `is not` are operators."""
    assert compiled("state is open and priority is not urgent") == compiled("state = open and priority != urgent")


def group(operator: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"operator": operator, "value": list(parts)}


RAW_LEAF = {"field": "state", "operator": "=", "value": "open"}


@pytest.mark.parametrize(
    "query",
    [
        RAW_LEAF,
        {"operator": "AND", "value": [RAW_LEAF]},
        {"operator": "AND", "value": [{"operator": "OR", "value": [RAW_LEAF] * 15}] * 15},
        {"operator": "AND", "value": [RAW_LEAF, {"operator": "OR", "value": [RAW_LEAF]}]},
        {"field": "anything.new", "operator": "IN", "value": [1, "a"]},
        {"field": "id", "operator": ">", "value": "5"},
        {"field": "waiting_since", "operator": "!=", "value": None},
    ],
)
def test_raw_query(query: dict[str, Any]) -> None:
    """A raw query is taken as it is, bare or in a whole search body, whatever field it names."""
    assert validate_query(query, "conversations") == query
    assert validate_query({"query": query, "pagination": {"per_page": 5}}, "conversations") == query
    assert explain(query, "conversations")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({}, "must be"),
        ({"query": []}, "must be"),
        ({"operator": "AND", "value": []}, "not be empty|not empty"),
        ({"operator": "XOR", "value": [RAW_LEAF]}, "AND or OR"),
        ({"operator": "AND", "value": [RAW_LEAF] * 16}, "16 filters"),
        (group("AND", group("OR", group("AND", RAW_LEAF))), "three levels"),
        ({"operator": "AND", "value": [{"field": "state", "value": "open"}]}, r"query\.value\[0\]"),
        ({**RAW_LEAF, "operator": "LIKE"}, "LIKE"),
        ({**RAW_LEAF, "operator": "IN"}, "list"),
        ({**RAW_LEAF, "value": ["open"]}, "list"),
        ({**RAW_LEAF, "value": {"a": 1}}, "text, a number"),
        ({**RAW_LEAF, "field": 5}, "name of a field"),
    ],
)  # fmt: skip
def test_bad_raw_query(query: dict[str, Any], says: str) -> None:
    """A raw query of the wrong shape is refused with the path to what is wrong."""
    with pytest.raises(UsageError, match=says):
        validate_query(query, "conversations")


def test_raw_contact_dates() -> None:
    """A raw query on contact dates is held to the three operators too."""
    with pytest.raises(UsageError, match="only = < > on created_at"):
        validate_query({"field": "created_at", "operator": ">=", "value": 5}, "contacts")


def depth(body: dict[str, Any]) -> int:
    return 0 if "field" in body else 1 + max(depth(inner) for inner in body["value"])


def contract() -> OAS30Validator:
    """The official schema of a search body; skips where the file is not at hand."""
    path = official_contract()
    text = path.read_text(encoding="utf-8")
    schemas: dict[str, Any] = {}
    # Cut out what is needed: reading the whole file takes many seconds.
    for name in (
        "search_request",
        "single_filter_search_request",
        "multiple_filter_search_request",
        "starting_after_paging",
    ):
        begin = text.index(f"\n    {name}:\n")
        rest = text[begin + 1 :].splitlines()
        block = [rest[0]]
        for line in rest[1:]:
            if line.strip() and not line.startswith("     "):
                break
            block.append(line)
        schemas |= yaml.safe_load("\n".join(block))
    root = Resource.from_contents({"components": {"schemas": schemas}}, default_specification=DRAFT4)
    registry = Registry().with_resource("", root)
    return OAS30Validator({"$ref": "#/components/schemas/search_request", "components": {"schemas": schemas}}, registry=registry)


def test_contract() -> None:
    """Every query that is compiled is one that the official contract accepts; a mixture is not."""
    validator = contract()
    texts = [text for text, _ in SIMPLE] + [text for text, *_ in TIMES]
    texts += [
        "(tag = vip or body = outage) and state = open",
        f"id in ({', '.join('1' * n for n in range(1, 40))}) and open = true",
    ]
    bodies = [compiled(text) for text in texts] + [compiled(text, "contacts") for text, _ in CONTACTS]
    for query in bodies:
        # The contract calls `value` nullable, in a way that validators of OpenAPI 3.0 do not see.
        if "None" in str(query):
            continue
        validator.validate({"query": query, "pagination": {"per_page": 150}})
    mixed = {"operator": "AND", "value": [RAW_LEAF, {"operator": "OR", "value": [RAW_LEAF]}]}
    assert not validator.is_valid({"query": mixed})


def test_filters_of_the_docs() -> None:
    """Every filter in docs/howto/choose-items.md is understood, and every field named there is one."""
    page = (Path(__file__).parents[2] / "docs/howto/choose-items.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\$ intercom-bulk (\w+) find --where '(.+)'$", page, re.M)
    assert len(shown) >= 10

    def resolve(_kind: str, name: str) -> Resolved:
        return Resolved("1", name)

    for resource, text in shown:
        assert compiled(text, resource, resolve=resolve)
    for resource, fields in re.findall(r"^\| (conversations|contacts|tickets) \| (.+) \|$", page, re.M):
        for name in re.findall(r"`(\w+)`", fields):
            assert find_resource(resource).term(name)
