"""Items judged on this side."""

import gc
from typing import Any

import pytest

from intercom_bulk_updater.search.language.matching import is_checkable, surely_matches
from intercom_bulk_updater.search.language.where import compile_where, decides, matches

NOW = 1795500000.0
CONVERSATION: dict[str, Any] = {
    "id": "503",
    "state": "open",
    "open": True,
    "admin_assignee_id": None,
    "team_assignee_id": 5001,
    "waiting_since": None,
    "updated_at": int(NOW) - 86400,
    "source": {"type": "email", "subject": "Refund", "body": "<p>refund me</p>", "author": {}},
    "tags": {"type": "tag.list", "tags": [{"id": "86"}]},
    "contacts": {"contacts": [{"id": "abc"}]},
    "custom_attributes": {"plan": "pro", "a.b": 1, "seats": 5},
    "statistics": None,
}  # fmt: skip
CONTACT: dict[str, Any] = {
    "id": "abc",
    "role": "user",
    "email": "Ann@Example.com",
    "created_at": 1769860000,  # 2026-01-31, noon in Dublin
    "owner_id": None,
    "tags": {"data": [{"id": "86"}], "has_more": False},
    "custom_attributes": {},
}  # fmt: skip


def judged(text: str, item: dict[str, Any], resource: str) -> bool | None:
    body = compile_where(text, resource, now=NOW, timezone="Europe/Dublin")
    return matches(body, item, resource, timezone="Europe/Dublin")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("state = open and team = 5001", True),
        ("state = closed", False),
        ("tag = 86", True),
        ("tag != 86", False),
        ("tag = 87", False),
        ("tag not in (87, 88)", True),
        ("contact = abc", True),
        ("assignee = none", True),
        ("assignee = 7", False),
        ("waiting_since = none", True),
        ("waiting > 1h", False),
        ("idle > 12h", True),
        ("closed > 2026-01-01", False),
        ("subject ~ efun and subject ^ Ref and subject $ und", True),
        ("subject = refund", None),
        ("subject ~ REF", None),
        ("subject ~ xyz", False),
        ("channel in (email, sms)", True),
        ("body = refund", None),
        ("body = refund and state = closed", False),
        ("body = refund or state = open", True),
        ("body = refund and state = open", None),
        (
            "custom_attributes.plan = pro and custom_attributes.'a.b' = 1 and custom_attributes.seats > 4",
            True,
        ),
        ("custom_attributes.other = 1", None),
        ("author = Ann", None),
        ("teammate = 7", None),
    ],
)
def test_conversations(text: str, verdict: bool | None) -> None:
    """An item matches, does not, or does not tell: what it lacks, single words, and capitals."""
    assert judged(text, CONVERSATION, "conversations") is verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("created = 2026-01-31", True),
        ("created > 2026-01-31", False),
        ("created > 2026-01-30", True),
        ("created < 2026-01-31", False),
        ("created < 2026-02-01", True),
        ("created > 2026-01-31T00:00:01Z", False),
        ("role = user and tag = 86", True),
        ("owner = none", True),
        ("email = ann@example.com", None),
        ("segment = 5", None),
    ],
)
def test_contacts(text: str, verdict: bool | None) -> None:
    """Contact dates are judged by whole days of the workspace, as Intercom does."""
    assert judged(text, CONTACT, "contacts") is verdict


def test_exact_dates_from_2_17() -> None:
    """From 2.17 on contact dates are judged by the second."""
    body = {"field": "created_at", "operator": ">", "value": CONTACT["created_at"] - 1}
    assert matches(body, CONTACT, "contacts", api_version="2.16") is False
    assert matches(body, CONTACT, "contacts", api_version="2.17") is True


def test_tags_that_are_cut_off() -> None:
    """A contact that shows only some of its tags tells of those, and of no other."""
    item = {**CONTACT, "tags": {"data": [{"id": "86"}], "has_more": True}}
    verdicts = [judged(text, item, "contacts") for text in ("tag = 86", "tag = 87", "tag != 86", "tag != 87")]
    assert verdicts == [True, None, False, None]


COMPANY: dict[str, Any] = {
    "id": "c1", "company_id": "acme", "name": "Acme Ltd", "created_at": int(NOW) - 40 * 86400, "user_count": 3, "monthly_spend": 0,
    "plan": {"type": "plan", "id": "9", "name": "Pro"}, "tags": {"type": "tag.list", "tags": [{"id": "86"}]},
    "segments": {"type": "segment.list", "segments": []}, "custom_attributes": {"tier": "gold", "seats": 5},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("plan = PRO and name ~ acme", True),
        ("plan != pro", False),
        ("plan in (free, pro)", True),
        ("plan not in (free, pro)", False),
        ("name !~ ACME", False),
        ("tag = 86 and users >= 3", True),
        ("tag != 86 or segment = 7", False),
        ("industry = none and website != x", True),
        ("size > 3", False),
        ("spend = 0 and age > 30d", True),
        ("seen > 30d or seen < 30d", False),
        ("custom_attributes.tier = Gold and custom_attributes.seats > 4", True),
        ("custom_attributes.other = 1", False),
    ],
)
def test_companies_are_decided_here(text: str, verdict: bool) -> None:
    """Where nobody else is asked there are two answers: capitals do not count, and what is not shown is empty."""
    body = compile_where(text, "companies", now=NOW, timezone="Europe/Dublin")
    assert decides(body, COMPANY, "companies", timezone="Europe/Dublin") is verdict


def test_tickets() -> None:
    """Tickets tell their category by Intercom's word, and not what their state search means."""
    item = {
        "category": "Back-office",
        "ticket_type": {"id": "9"},
        "ticket_attributes": {"_default_title_": "Broken"},
        "admin_assignee_id": 0,
    }
    texts = (
        "category = back-office",
        "category = customer",
        "type = 9",
        "title ~ Brok",
        "assignee = none",
        "state = open",
    )
    assert [judged(text, item, "tickets") for text in texts] == [True, False, True, True, True, None]


@pytest.mark.parametrize(
    ("text", "item", "resource", "verdict"),
    [
        ("state = closed", {"state": "open"}, "conversations", False),
        ("state = closed", {"state": "archived"}, "conversations", None),  # a state that the contract does not know
        ("team = 5002", {"team_assignee_id": 5001}, "conversations", False),
        ("team = 5002", {"team_assignee_id": None}, "conversations", False),
        ("tag = 87", {"tags": {"tags": [{"id": "86"}]}}, "conversations", False),
        ("tag != 86", {"tags": {"tags": [{"id": "86"}]}}, "conversations", False),
        ("tag = 87", {"tags": None}, "conversations", None),
        ("updated < 1795400000", {"updated_at": 1795400001}, "conversations", False),
        ("updated < 1795400000", {"updated_at": 1795400000}, "conversations", None),  # or equal?
        ("waiting_since < 1795400000", {"waiting_since": None}, "conversations", None),  # does less than take nothing?
        ("subject ~ refund", {"source": {"subject": "other"}}, "conversations", False),  # nothing of it, word by word or not
        ("subject ~ 'my refund'", {"source": {"subject": "other refund"}}, "conversations", None),  # word by word, or not?
        ("subject = refund", {"source": {"subject": "other"}}, "conversations", False),
        ("subject = refund", {"source": {"subject": "Refunds"}}, "conversations", None),
        ("subject = résumé", {"source": {"subject": "Resume"}}, "conversations", None),
        ("subject = refund", {"source": {"subject": None}}, "conversations", False),
        ("subject != refund", {"source": {"subject": "refund"}}, "conversations", False),
        ("subject !~ refund", {"source": {"subject": "my refund"}}, "conversations", False),
        ("subject !~ refund", {"source": {"subject": "refunds"}}, "conversations", None),
        ("subject = none", {"source": {"subject": "refund"}}, "conversations", False),
        ("subject = none", {"source": {"subject": ""}}, "conversations", None),
        ("email = a@b.io", {"source": {"author": {"email": "c@b.io"}}}, "conversations", False),
        ("email $ b.io", {"source": {"author": {"email": "c@d.io"}}}, "conversations", False),
        ("contact = none", {"contacts": {"contacts": [{"id": "abc"}]}}, "conversations", False),
        ("contact != none", {"contacts": {"contacts": []}}, "conversations", False),
        ("rating = 5", {"conversation_rating": None}, "conversations", False),
        ("rating = 5", {"conversation_rating": {"rating": 4}}, "conversations", False),
        ("rating < 3", {"conversation_rating": {"rating": 4}}, "conversations", False),
        ("rating < 3", {"conversation_rating": None}, "conversations", None),
        ("remark = none", {"conversation_rating": {"remark": "x"}}, "conversations", None),
        ("closed > 2026-01-01", {"statistics": None}, "conversations", None),
        ("custom_attributes.x = pro", {"custom_attributes": {"x": "free"}}, "conversations", False),
        ("custom_attributes.x = 3f2504e0-4f89-11d3-9a0c", {"custom_attributes": {"x": "free"}}, "conversations", None),  # its option's id?
        ("custom_attributes.x = pro", {"custom_attributes": {}}, "conversations", None),  # or under another name?
        ("custom_attributes.x = 5", {"custom_attributes": {"x": 6}}, "conversations", False),
        ("custom_attributes.x = true", {"custom_attributes": {"x": False}}, "conversations", False),
        ("email = a@example.com", {"email": "b@example.com"}, "contacts", False),
        ("email = a@example.com", {"email": "A@Example.com"}, "contacts", None),
        ("seen < 2026-01-31", {"last_seen_at": 1769904000}, "contacts", None),  # the day after, in some zone
        ("seen < 2026-01-31", {"last_seen_at": 1772000000}, "contacts", False),
        ("tag = 87", {"tags": {"data": [{"id": "86"}], "has_more": True}}, "contacts", None),
        ("state = open and subject ~ x", {"state": "closed", "source": {"subject": "x"}}, "conversations", False),
        ("state = open or subject ~ x", {"state": "closed", "source": {"subject": "y"}}, "conversations", False),
        ("state = open or body = x", {"state": "closed", "source": {"body": "y"}}, "conversations", None),
    ],
)
def test_a_contradiction_is_one_under_every_reading(text: str, item: dict[str, Any], resource: str, verdict: bool | None) -> None:
    """Where the documentation leaves open how Intercom compares, nothing is sure."""
    body = compile_where(text, resource, now=NOW)
    assert surely_matches(body, item, resource) is verdict


@pytest.mark.parametrize(
    ("text", "item", "checkable"),
    [
        ("subject ~ refund", {"source": {"subject": "Refunds"}}, True),
        ("body = refund", {"source": {"body": "refund"}}, False),
        ("body = refund and state = open", {"source": {"body": "refund"}, "state": "open"}, True),
        ("body = refund or state = open", {"source": {"body": "refund"}, "state": "open"}, False),
        ("custom_attributes.x = pro", {"custom_attributes": {}}, False),
        ("closed > 2026-01-01", {"statistics": {"last_close_at": 1795400000}}, False),
        ("updated > 2026-01-01", {}, False),
    ],
)
def test_an_item_tells_beforehand_whether_it_could_contradict(text: str, item: dict[str, Any], checkable: bool) -> None:
    """One part of an `and` is enough to be found out; of an `or` it takes every part."""
    assert is_checkable(compile_where(text, "conversations", now=NOW), item, "conversations") is checkable


def test_an_item_that_was_judged_is_gone_with_its_last_reference() -> None:
    """Each kept itself, the whole item included, until garbage was looked for: a twentieth of a run's processor time."""
    body = compile_where("team = 5001 and state = open", "conversations", now=NOW)
    gc.collect()
    gc.disable()
    try:
        assert surely_matches(body, CONVERSATION, "conversations") is True
        assert is_checkable(body, CONVERSATION, "conversations")
        assert gc.collect() == 0
    finally:
        gc.enable()
