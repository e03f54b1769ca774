"""each looks before it overwrites what others have changed, and afterwards whether what it sent is there: neither more nor less."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acceptance.desk import Desk
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.model import Item
from intercom_bulk_updater.operations.each import Each

PLAIN = ("--json", "--progress", "none")
BOTH = ("--irreversible", "--customer-visible")
ARTICLES = ("each", "articles", "PUT", "articles/{{id}}")
CONTACTS = ("each", "contacts", "PUT", "contacts/{{id}}", '{"name": "Z {{name}}"}', "--where", "role = user")
PUBLISHED = ("--where", "state = published")


def planned(desk: Desk, *command: str, limit: int = 3) -> list[str]:
    """A plan of so many items; their ids."""
    made = desk.here(*command, "--limit", str(limit), "--plan", "p.jsonl", *PLAIN)
    assert made.code == 0, made.err
    return [json.loads(line)["id"] for line in (desk.home / "p.jsonl").read_text().splitlines()[1:]]


def applied(desk: Desk, *more: str) -> dict[str, int]:
    """The counts of a plan that is carried out."""
    done = desk.here("apply", "p.jsonl", "--yes", *BOTH, "--workers", "1", *more, *PLAIN)
    assert done.code in (0, 5), done.err
    return done.counts


@pytest.mark.parametrize("body", ['{"title": "Z {{title}}"}', '{"title": "Z"}', '{"description": "New"}'])
def test_a_plan_leaves_a_colleagues_work_alone(desk: Desk, others: Client, body: str) -> None:
    """Where a place stands, where the very field is written, and where another is; the rehearsal says it too."""
    _, second, _ = planned(desk, *ARTICLES, body, *PUBLISHED)
    others.put(f"articles/{second}", {"title": "Changed by a colleague"})
    looked = desk.here("apply", "p.jsonl", "--dry-run", *PLAIN)
    assert looked.counts == {"selected": 3, "pending": 2, "drifted": 1}, looked.err
    assert looked.json["review"]["estimate"]["requests"] == 2 * 2
    assert desk.here("apply", "p.jsonl", "--dry-run", "--on-drift", "stop", *PLAIN).code == 5
    assert applied(desk) == {"selected": 3, "done": 2, "drifted": 1}
    assert others.get(f"articles/{second}")["title"] == "Changed by a colleague"


def test_a_plan_overwrites_where_that_is_asked_for(desk: Desk, others: Client) -> None:
    """`--on-drift force`."""
    ids = planned(desk, *ARTICLES, '{"title": "Z"}', *PUBLISHED)
    others.put(f"articles/{ids[0]}", {"title": "Changed by a colleague"})
    assert applied(desk, "--on-drift", "force") == {"selected": 3, "done": 3}


def test_a_contact_that_only_visits_has_not_changed(desk: Desk, others: Client) -> None:
    """A visit moves `updated_at`; a name or a tag is somebody's work."""
    visited, renamed, tagged, _ = planned(desk, *CONTACTS, limit=4)
    others.put(f"contacts/{visited}", {"last_seen_at": 1_790_000_000})
    others.put(f"contacts/{renamed}", {"name": "Changed by a colleague"})
    others.post(f"contacts/{tagged}/tags", {"id": "7001"})
    assert applied(desk) == {"selected": 4, "done": 2, "drifted": 2}
    assert others.get(f"contacts/{renamed}")["name"] == "Changed by a colleague"


@pytest.mark.parametrize(("request_", "drifted"), [
    (("PUT", "contacts/{{id}}", '{"name": "Z {{name}}"}'), 0), (("PUT", "contacts/{{id}}", '{"custom_attributes": {"plan": "other"}}'), 0),
    (("DELETE", "contacts/{{id}}"), 1), (("POST", "contacts/{{id}}/archive"), 1),
])  # fmt: skip
def test_who_has_written_since_is_nothing_to_named_fields(desk: Desk, others: Client, request_: tuple[str, ...], drifted: int) -> None:
    """A request that writes fields by their names overwrites nobody's message; one that takes the whole contact away does."""
    wrote, *_ = planned(desk, "each", "contacts", *request_, "--where", "role = user")
    body = {"from": {"type": "user", "id": wrote}, "body": "One more question"}
    others.post("conversations", body)
    assert others.get(f"contacts/{wrote}")["last_replied_at"]
    done = {"selected": 3, "done": 3 - drifted, "drifted": drifted}
    assert applied(desk, "--verify", "none") == {name: count for name, count in done.items() if count}


def test_a_contact_that_its_filter_does_not_take_any_more_is_left_alone(desk: Desk, others: Client) -> None:
    """Whatever fields the body names."""
    put = ("each", "contacts", "PUT", "contacts/{{id}}", '{"name": "Z"}', "--where", "role = user and last_seen_at < 2030-01-01")
    seen, *_ = planned(desk, *put)
    others.put(f"contacts/{seen}", {"last_seen_at": 1_924_000_000})
    assert applied(desk, "--verify", "none") == {"selected": 3, "done": 2, "drifted": 1}


def test_a_customer_who_has_written_since_gets_no_reply(desk: Desk, others: Client) -> None:
    """As of the verb: the path names the conversation, so it is read, whatever is sent there."""
    body = json.dumps({"message_type": "comment", "type": "admin", "admin_id": "991267700", "body": "Hi {{source.author.name}}"})
    first, *_ = planned(desk, "each", "conversations", "POST", "conversations/{{id}}/reply", body, "--where", "state = open")
    desk.box.touch([first], "contact_reply")
    assert applied(desk) == {"selected": 3, "done": 2, "drifted": 1}


def test_a_draft_that_was_published_since_is_not_deleted(desk: Desk, others: Client) -> None:
    """Whatever the body, a DELETE takes all of it."""
    first, *_ = planned(desk, "each", "articles", "DELETE", "articles/{{id}}", "--where", "state = draft")
    others.put(f"articles/{first}", {"state": "published"})
    assert applied(desk) == {"selected": 3, "done": 2, "drifted": 1}
    assert others.get(f"articles/{first}")["state"] == "published"


BODIES = [
    '{"description": "Fx"}',
    '{"description": "For {{title}}"}',
    '{"title": "{{title}} (old)"}',
    '{"description": "Fx", "state": "published"}',
]


@pytest.mark.parametrize("just_changed", [False, True])
@pytest.mark.parametrize("body", BODIES)
def test_what_was_answered_and_not_done_is_found(desk: Desk, others: Client, body: str, just_changed: bool) -> None:
    """Every third PUT has no effect: those articles show the field as before, however lately others have changed them."""
    if just_changed:
        for one in others.get("articles")["data"][:6]:
            others.put(f"articles/{one['id']}", {"state": "published", "description": "As it was"})
    desk.box.fault("ignored", method="PUT", every=3)
    done = desk.here(*ARTICLES, body, *PUBLISHED, "--limit", "6", "--yes", "--customer-visible", "--verify", "all", *PLAIN)
    assert (done.code, done.json["verified"]["remaining"]) == (6, 2), done.err
    assert not done.json["verified"].get("undecided") and all(
        one["is"] in ("description as before", "title as before") for one in done.json["verified"]["wrong"]
    ), done.json["verified"]
    again = desk.here("verify", "latest", *PLAIN)
    assert (again.code, again.json["verified"]["remaining"]) == (6, 2), again.err
    desk.box.clear_faults()
    right = desk.here(
        *ARTICLES, body.replace("Fx", "Gx"), *PUBLISHED, "--limit", "6", "--yes", "--customer-visible", "--verify", "all", *PLAIN
    )
    assert right.code == 0 and right.json["verified"]["checked"] == 6 and not right.json["verified"].get("undecided"), right.err


def test_what_is_not_shown_stays_unverified(desk: Desk) -> None:
    """A field that a GET does not show tells nothing."""
    put = (*ARTICLES, '{"description": "Fx", "nowhere": "y"}', *PUBLISHED, "--limit", "3", "--yes", "--customer-visible", "--verify", "all")
    done = desk.here(*put, *PLAIN)
    assert (done.code, done.json["verified"]["undecided"]) == (0, 3), done.err


Shown = dict[str, Any]
MADE_OVER: list[tuple[Shown, Shown, Shown, bool | None]] = [
    ({"body": "<p>Hi</p>"}, {"body": ""}, {"body": '<p class="no-margin">Hi</p>\n'}, True),
    ({"body": "<p>Hi</p>"}, {"body": "<p>Old</p>"}, {"body": "<p>Old</p>"}, False),
    ({"body": "<p>Hi <video/></p>"}, {"body": "<p>Old</p>"}, {"body": "<p>Something else</p>"}, None),
    ({"title": " Getting started "}, {"title": "Getting started"}, {"title": "Getting started"}, True),
    ({"title": "getting started"}, {"title": "Getting Started"}, {"title": "Getting Started"}, None),
    ({"title": "Old and new"}, {"title": "Old"}, {"title": "Old"}, False),
    ({"email": "Ann@Example.com"}, {"email": "bob@example.com"}, {"email": "ann@example.com"}, True),
    ({"signed_up_at": "2026-01-01"}, {"signed_up_at": None}, {"signed_up_at": 1_767_225_600}, None),
    ({"owner_id": None}, {"owner_id": "5"}, {"owner_id": "5"}, False),
    ({"owner_id": None}, {"owner_id": "5"}, {"owner_id": None}, True),
    ({"on": True}, {"on": False}, {"on": False}, False),
    ({"custom_attributes": {"seats": 5}}, {"custom_attributes": {"seats": 3, "plan": "Pro"}},
     {"custom_attributes": {"seats": 3, "plan": "Pro"}}, False),
    ({"custom_attributes": {"seats": 5}}, {"custom_attributes": {"seats": 3}}, {"custom_attributes": {"seats": 5}}, True),
    ({"nowhere": 1}, {"title": "x"}, {"title": "x"}, None),
    ({"title": "New", "nowhere": 1}, {"title": "Old"}, {"title": "Old"}, False),
]  # fmt: skip
"""What is sent, what was there, what a GET shows: whether it stands."""


@pytest.mark.parametrize(("sent", "was", "shown", "stands"), MADE_OVER)
def test_what_intercom_makes_over_is_not_called_wrong(sent: Shown, was: Shown, shown: Shown, stands: bool | None) -> None:
    """As before is not done; what is neither as before nor as sent may be what was sent, made over."""
    each = Each("PUT", "articles/{{id}}", json.dumps(sent), home="articles")
    item = Item(1, "5", each.capture({"id": "5", "updated_at": 1_700_000_000, **was}))
    payload = {"id": "5", "updated_at": 1_800_000_000, **shown}
    assert each.stands(payload, item, since=1_800_000_000.0, client=None) is stands  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [(), ("--csv", "sheet.csv")])
def test_a_type_is_for_a_column_that_has_a_place(desk: Desk, more: tuple[str, ...]) -> None:
    """One that nothing would use is a slip of the pen."""
    (desk.home / "sheet.csv").write_text("id,seats\n1,3\n")
    each = ("each", "contacts", "PUT", "contacts/{{id}}", '{"custom_attributes": {"seats": "{{seats}}"}}')
    refused = desk.here(*each, *more, "--param-type", "nope=number", "--dry-run")
    assert refused.code == 2 and "nope" in refused.err and "seats" in refused.err, refused.err
