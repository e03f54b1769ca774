"""What somebody has changed since it was looked at is left alone by all that does not come back, whatever of it has changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from acceptance.desk import Desk
from intercom_bulk_updater.api.client import Client

PLAIN = ("--json", "--progress", "none")
BOTH = ("--irreversible", "--customer-visible")


Touch = Callable[[Client, str], object]
TAGGED: Touch = lambda them, one: them.post(f"conversations/{one}/tags", {"id": "7001", "admin_id": "991267701"})  # noqa: E731
RENAMED: Touch = lambda them, one: them.put(f"contacts/{one}", {"name": "Another"})  # noqa: E731
GOLD = {"custom_attributes": {"plan": "gold"}}
VERBS: dict[str, tuple[tuple[str, ...], Touch]] = {
    "conversations delete": ((), TAGGED),
    "conversations convert": (("--ticket-type", "Bug report"), TAGGED),
    "conversations redact --all": ((), TAGGED),
    "conversations merge": (("--into", "{last}"), TAGGED),
    "contacts delete": ((), RENAMED),
    "contacts archive": ((), RENAMED),
    "contacts block": ((), RENAMED),
    "tickets delete": ((), lambda them, one: them.put(f"tickets/{one}", {"ticket_attributes": {"_default_title_": "Another"}})),
    "companies delete": ((), lambda them, one: them.put(f"companies/{one}", {"plan": "Gold"})),
    "each articles DELETE articles/{{id}}": ((), lambda them, one: them.put(f"articles/{one}", {"title": "Another"})),
    'each articles PUT articles/{{id}} {"title":"New"}': ((), lambda them, one: them.put(f"articles/{one}", {"title": "Another"})),
    'each contacts PUT contacts/{{id}} {"name":"{{name}}!"}': ((), RENAMED),
}
"""A verb, what it needs, and how somebody changes one of its items."""


def three(desk: Desk, them: Client, verb: str) -> list[str]:
    """The ids of three items of a verb, and of one more."""
    noun = verb.split()[1] if verb.startswith("each") else verb.split()[0]
    if noun == "articles":
        return [str(one["id"]) for one in them.get("articles")["data"]][:4]
    rows: list[dict[str, Any]] = getattr(desk.box, noun)()
    return [str(one["id"]) for one in rows if not one.get("archived")][:4]


@pytest.mark.parametrize("verb", VERBS)
def test_a_plan_leaves_alone_what_has_changed_since(desk: Desk, others: Client, verb: str) -> None:
    """`--on-drift stop` does nothing at all; by default the others are done, in the dry run as in the run."""
    more, touch = VERBS[verb]
    ids = three(desk, others, verb)
    (desk.home / "ids").write_text("\n".join(ids[:3]))
    which = ("--where", " or ".join(f"id = {one}" for one in ids[:3])) if "{{name}}" in verb else ("--ids", "ids")
    planned = desk.here(*verb.split(), *(word.format(last=ids[3]) for word in more), *which, "--plan", "p.jsonl", *PLAIN)
    assert planned.code == 0, planned.err
    touch(others, ids[1])
    looked = desk.here("apply", "p.jsonl", "--dry-run", *PLAIN)
    assert looked.counts == {"selected": 3, "pending": 2, "drifted": 1}, looked.err
    stopped = desk.here("apply", "p.jsonl", "--dry-run", "--on-drift", "stop", *PLAIN)
    assert stopped.code == 5 and "has changed since it was looked at" in stopped.err, stopped.err
    done = desk.here("apply", "p.jsonl", "--yes", *BOTH, "--verify", "none", *PLAIN)
    assert done.counts == {"selected": 3, "done": 2, "drifted": 1}, done.err


@pytest.mark.parametrize(("verb", "where"), [
    ("conversations delete", "state = closed"), ("conversations redact --all", "state = closed"),
    ("contacts block", "role = lead and tag != vip"),
    ("tickets delete", "open = false"), ("contacts delete", "role = lead and tag != vip"),
])  # fmt: skip
def test_what_a_search_shows_too_late_is_left_alone(desk: Desk, others: Client, verb: str, where: str) -> None:
    """Its index is behind: the item, which is read right before a write that nothing takes back, says that it has changed since."""
    noun = verb.split()[0]
    desk.switch(index_lag=600.0, contact_lag=600.0)
    found = [one["id"] for one in desk.here(noun, "find", "--where", where, "--json").json["items"]]
    match noun:
        case "conversations":
            others.post(f"conversations/{found[0]}/parts", {"message_type": "open", "type": "admin", "admin_id": "991267701"})
        case "contacts":
            others.post(f"contacts/{found[0]}/tags", {"id": "7001"})
        case _:
            others.put(f"tickets/{found[0]}", {"open": True})
    done = desk.here(*verb.split(), "--where", where, "--yes", "--max", "100%", "--verify", "none", *BOTH, *PLAIN)
    assert done.counts["drifted"] == 1 and done.counts["done"] + done.counts.get("unchanged", 0) == len(found) - 1, done.err
    left = desk.here("runs", "export", done.run, "--outcome", "drifted", "-o", "left.csv")
    assert left.code == 0 and found[0] in (desk.home / "left.csv").read_text()


@pytest.mark.parametrize(("verb", "where", "touch"), [
    ("contacts set seats=3", "custom_attributes.plan != gold", lambda them, one: them.put(f"contacts/{one}", GOLD)),
    ("contacts tag --tag 7012", "role = user and name != Another", RENAMED),
])  # fmt: skip
def test_a_plan_leaves_alone_what_its_filter_does_not_take(desk: Desk, others: Client, verb: str, where: str, touch: Touch) -> None:
    """`apply` reads each item anyway: the filter is judged on what it read, also where the verb writes none of its fields."""
    noun, *words = verb.split()
    planned = desk.here(noun, *words, "--where", where, "--limit", "3", "--plan", "p.jsonl", *PLAIN)
    assert planned.counts == {"selected": 3, "pending": 3}, planned.err
    touch(others, json.loads((desk.home / "p.jsonl").read_text().splitlines()[2])["id"])
    looked = desk.here("apply", "p.jsonl", "--dry-run", *PLAIN)
    assert looked.counts == {"selected": 3, "pending": 2, "drifted": 1}, looked.err
    done = desk.here("apply", "p.jsonl", "--yes", "--verify", "none", *PLAIN)
    assert done.counts == {"selected": 3, "done": 2, "drifted": 1}, done.err
    note = desk.here("runs", "export", done.run, "--outcome", "drifted", "-o", "left.csv")
    assert note.code == 0 and "does not match the filter any more" in (desk.home / "left.csv").read_text()


def test_a_request_without_effect_is_not_explained_away(desk: Desk, others: Client) -> None:
    """`each` reads back what its request wrote, places of the body filled: an item that was not changed at all is not done, exit 6."""
    ids = [str(one["id"]) for one in others.get("articles")["data"]][:6]
    (desk.home / "ids.csv").write_text("\n".join(["id,word", *(f"{one},w{one}" for one in ids)]))
    put = ("each", "articles", "PUT", "articles/{{id}}", '{"description": "For {{word}}"}', "--csv", "ids.csv", "--yes", "--verify", "all")
    desk.box.fault("ignored", method="PUT", every=3)
    done = desk.here(*put, *PLAIN)
    stand = sum(others.get(f"articles/{one}")["description"] == f"For w{one}" for one in ids)
    assert stand == 4 and done.code == 6 and len(done.json["verified"]["wrong"]) == 2, done.err
    desk.box.clear_faults()
    done = desk.here(*put, "--workers", "2", *PLAIN)
    assert done.code == 0 and not done.json["verified"].get("undecided"), done.err
    desk.box.fault("ignored", method="DELETE", every=3)
    deleted = desk.here(
        "each", "articles", "DELETE", "articles/{{id}}", "--where", "state = draft", "--limit", "6", "--yes", "--irreversible",
        "--verify", "all", *PLAIN,
    )  # fmt: skip
    assert deleted.code == 6 and len(deleted.json["verified"]["wrong"]) == 2, deleted.err


@pytest.mark.parametrize("verb", ["conversations delete", "conversations convert --ticket-type 101", "conversations reply --body Hello"])
@pytest.mark.parametrize("by", ["tag", "note --body Seen"])
def test_what_the_plan_has_seen_is_no_change_since(desk: Desk, verb: str, by: str) -> None:
    """Two commands of one script: what the first wrote right before the plan, within the same second, is what the plan has seen."""
    (desk.home / "ids").write_text("\n".join(str(one["id"]) for one in desk.box.conversations(state="open")[:3]))
    for second in range(3):
        marked = ("--tag", f"700{second + 1}") if by == "tag" else ("--again",)
        assert desk.here("conversations", *by.split(), *marked, "--ids", "ids", "--yes", "--verify", "none", *PLAIN).code == 0
        planned = desk.here(*verb.split(), "--ids", "ids", "--plan", f"p{second}.jsonl", *PLAIN)
        assert planned.code == 0, planned.err
        looked = desk.here("apply", f"p{second}.jsonl", "--dry-run", *PLAIN)
        assert looked.counts == {"selected": 3, "pending": 3}, looked.err


@pytest.mark.parametrize("touch", [
    TAGGED, lambda them, one: them.post(f"conversations/{one}/parts", {"message_type": "close", "type": "admin", "admin_id": "991267701"}),
])  # fmt: skip
def test_what_came_after_the_plan_within_its_second_is_a_change(desk: Desk, others: Client, touch: Touch) -> None:
    """The item was written to right before the plan, and is written to right after it: all of it in one second."""
    ids = [str(one["id"]) for one in desk.box.conversations(state="open")[:2]]
    (desk.home / "ids").write_text("\n".join(ids))
    for second in range(3):
        assert desk.here("conversations", "note", "--body", "A", "--again", "--ids", "ids", "--yes", "--verify", "none", *PLAIN).code == 0
        assert desk.here("conversations", "delete", "--ids", "ids", "--plan", f"p{second}.jsonl", *PLAIN).code == 0
        touch(others, ids[0])
        looked = desk.here("apply", f"p{second}.jsonl", "--dry-run", *PLAIN)
        assert looked.counts == {"selected": 2, "pending": 1, "drifted": 1}, looked.err
        desk.box.pass_time(5)
        if touch is TAGGED:
            others.delete(f"conversations/{ids[0]}/tags/7001", {"admin_id": "991267701"})


OURS = {"tag": ("--tag", "7011"), "note": ("--body", "Seen", "--again"), "close": (), "reply": ("--body", "Hello", "--customer-visible")}
"""What a script does to items right before it plans for them."""
NOTED: Touch = lambda them, one: them.post(  # noqa: E731
    f"{one}/reply", {"message_type": "note", "type": "admin", "admin_id": "991267701", "body": f"Theirs {time.monotonic()}"}
)


@pytest.mark.parametrize(("verb", "by", "which"), [
    ("conversations close", "tag", "ids"), ("conversations close", "a colleague", "where"),
    ("conversations close --body Bye", "note", "where"),
    ("conversations assign --to-team 5002", "close", "where"), ("conversations assign --to-team 5002", "a colleague", "ids"),
    ("conversations snooze --until 2027-03-01", "note", "ids"), ("conversations tag --tag 7012", "note", "where"),
    ("conversations tag --tag {{tag}}", "note", "csv"), ("conversations note --body Hi", "tag", "where"),
    ("tickets assign --to-team 5002", "note", "ids"), ("tickets tag --tag 7012", "a colleague", "where"),
])  # fmt: skip
def test_what_came_before_the_plan_within_its_second_is_no_change(desk: Desk, others: Client, verb: str, by: str, which: str) -> None:
    """Of our own runs and of other people. What comes after the plan within that second is one."""
    noun, *words = verb.split()
    rows = desk.box.conversations(state="open") if noun == "conversations" else desk.box.tickets()
    ids = [str(one["id"]) for one in rows if str(one.get("team_assignee_id")) != "5002"][:3]
    (desk.home / "ids").write_text("\n".join(ids))
    (desk.home / "ids.csv").write_text("\n".join(["id,tag", *(f"{one},7012" for one in ids)]))
    asked = {"ids": ("--ids", "ids"), "csv": ("--csv", "ids.csv"), "where": ("--where", " or ".join(f"id = {one}" for one in ids))}[which]
    if by == "a colleague":
        for one in ids:
            NOTED(others, f"{noun}/{one}")
    else:
        assert desk.here(noun, by, *OURS[by], "--ids", "ids", "--yes", "--verify", "none", *PLAIN).code == 0
    planned = desk.here(noun, *words, *asked, "--plan", "p.jsonl", *PLAIN)
    assert planned.code == 0 and "looked" not in (desk.home / "p.jsonl").read_text().partition('"data"')[0], planned.err
    NOTED(others, f"{noun}/{ids[0]}")
    done = desk.here("apply", "p.jsonl", "--yes", "--customer-visible", "--verify", "none", *PLAIN)
    assert done.counts == {"selected": 3, "done": 2, "drifted": 1}, done.err


@pytest.mark.parametrize("verb", ["tag", "close", "note"])
def test_an_undo_is_planned_within_the_second_of_its_run(desk: Desk, others: Client, verb: str) -> None:
    """Of a run, and of one that a later run of our own has written to."""
    ids = [str(one["id"]) for one in desk.box.conversations(state="open")[:3]]
    (desk.home / "ids").write_text("\n".join(ids))
    first = "close" if verb == "note" else verb
    run = desk.here("conversations", first, *OURS[first], "--ids", "ids", "--yes", "--verify", "none", *PLAIN).run
    if verb == "note":
        assert desk.here("conversations", verb, *OURS[verb], "--ids", "ids", "--yes", "--verify", "none", *PLAIN).code == 0
    planned = desk.here("undo", run, "--plan", "p.jsonl", *PLAIN)
    assert planned.counts == {"selected": 3, "pending": 3}, planned.err
    NOTED(others, f"conversations/{ids[0]}")
    done = desk.here("apply", "p.jsonl", "--yes", "--verify", "none", *PLAIN)
    assert done.counts == {"selected": 3, "done": 2, "drifted": 1}, done.err
