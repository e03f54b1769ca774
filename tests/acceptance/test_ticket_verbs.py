"""The verbs of tickets, against the sandbox's own books."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from .contract import broken
from .desk import Desk, until

SANDBOX = {"conversations": 60, "tickets": 60, "latency": 0.0, "jitter": 0.0}
TAG = 7003
PLAIN = ("--json", "--progress", "none")
Row = dict[str, Any]
# verb: what is typed, what shows that it was done, and what it shows then; None: what it was before.
VERBS: dict[str, tuple[list[str], Callable[[Row], Any], Any]] = {
    "set": (["severity=urgent", "urgency=high", "affected_users=12", "due_at=2026-03-01"], lambda one: [
        one["ticket_attributes"].get(name) for name in ("severity", "urgency", "affected_users", "reproducible")
    ], ["urgent", "0b7e2f11-8c52-41aa", 12, None]),
    "assign": (["--to-team", "VIP desk", "--no-admin"], lambda one: (one["team_assignee_id"], one["admin_assignee_id"]), (5004, 0)),
    "close": (["--ticket-state", "resolved"], lambda one: (one["open"], one["ticket_state"]["category"]), (False, "resolved")),
    "open": ([], lambda one: one["open"], True),
    "tag": (["--tag", str(TAG)], lambda one: TAG in one["tags"], True),
    "untag": (["--tag", str(TAG)], lambda one: TAG in one["tags"], False),
    "reply": (["--body", "All is well again.", "--customer-visible"], lambda one: said(one, "comment"), 1),
    "note": (["--body", "All is well again."], lambda one: said(one, "note"), 1),
    "link": (["--conversation", "{{conversation}}"], lambda one: len(one["linked_objects"]["data"]), 1),
    "unlink": (["--conversation", "{{conversation}}"], lambda one: len(one["linked_objects"]["data"]), 0),
    "delete": (["--irreversible"], lambda one: not one, True),
}  # fmt: skip
BEFORE = {"open": ["close"], "untag": ["tag", "--tag", str(TAG)], "unlink": ["link", "--conversation", "{{conversation}}"]}
NO_WAY_BACK = {"reply", "note", "delete"}
GATES = ("--irreversible", "--customer-visible")


def said(ticket: Row, kind: str) -> int:
    """How many messages of that kind a ticket has with our words."""
    return sum(part["part_type"] == kind and "All is well" in (part["body"] or "") for part in ticket["ticket_parts"]["ticket_parts"])


def some(desk: Desk, verb: str) -> tuple[list[str], tuple[str, ...]]:
    """Four tickets that the verb has something to do for, and how they are chosen."""
    kind = 103 if verb in ("link", "unlink") else 101
    rows = [one for one in desk.box.tickets() if one["type"] == kind and (kind == 103 or (one["open"] and one["admin"] is not None))]
    ids = [str(one["id"]) for one in rows if TAG not in one["tags"]][:4]
    (desk.home / "ids").write_text("\n".join(ids))
    conversations = [str(one["id"]) for one in desk.box.conversations()]
    lines = [f"{ticket},{other}" for ticket, other in zip(ids, conversations, strict=False)]
    (desk.home / "sheet.csv").write_text("\n".join(["ticket,conversation", *lines]))
    chosen = ("--csv", "sheet.csv", "--id-column", "ticket") if verb in ("link", "unlink") else ("--ids", "ids")
    if verb in BEFORE:
        assert desk.here("tickets", *BEFORE[verb], *chosen, "--yes", *PLAIN).code == 0
    return ids, chosen


def standing(desk: Desk, verb: str, ids: list[str]) -> list[Any]:
    """What the server holds of each."""
    found = []
    for one in ids:
        rows = [row for row in desk.box.tickets() if str(row["id"]) == one]
        found.append(VERBS[verb][1]({**desk.box.ticket(one), "tags": rows[0]["tags"]} if rows else {}))
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_a_lost_answer_is_found_out(desk: Desk, verb: str) -> None:
    """Written, and the connection broken: the ticket is read before anything is sent again, and a message stands once."""
    words, _, after = VERBS[verb]
    ids, chosen = some(desk, verb)
    desk.box.fault("drop_after", path="/tickets/[0-9]+.*", on="write", count=2)
    done = desk.here("tickets", verb, *words, *chosen, "--yes", *PLAIN)
    assert done.code == 0 and done.counts.get("done", 0) + done.counts.get("unchanged", 0) == 4, done.err
    assert standing(desk, verb, ids) == [after] * 4
    assert desk.box.audit("tickets")["duplicate_replies"] == 0


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in NO_WAY_BACK])
def test_what_is_in_the_requested_state_is_left_alone(desk: Desk, verb: str) -> None:
    """A second run changes nothing, also where only the answer tells that (tags)."""
    words, _, after = VERBS[verb]
    ids, chosen = some(desk, verb)
    assert desk.here("tickets", verb, *words, *chosen, "--yes", *PLAIN).code == 0
    desk.switch(clock_skew=5.0)  # times are whole seconds: a tag of the same one may be our own
    again = desk.here("tickets", verb, *words, *chosen, "--yes", *PLAIN)
    assert again.counts == {"selected": 4, "unchanged": 4}, again.err
    assert standing(desk, verb, ids) == [after] * 4


def test_nobody_is_notified_and_the_admin_is_named(desk: Desk) -> None:
    """A change of a ticket goes out with skip_notifications, in the name of the admin."""
    ids, chosen = some(desk, "close")
    assert desk.here("tickets", "close", *chosen, "--yes", *PLAIN).code == 0
    sent = [line for line in desk.box.log(1000) if line["method"] == "PUT"]
    assert len(sent) == 4
    for one in ids:
        part = desk.box.ticket(one)["ticket_parts"]["ticket_parts"][-1]
        assert (part["part_type"], part["author"]["id"]) == ("close", desk.box.admin_id)


def test_who_stays_assigned_is_said(desk: Desk) -> None:
    """A team beside the admin that stays; the admin is there still when Intercom has taken both away on the way."""
    ids, chosen = some(desk, "assign")
    admins = [desk.box.ticket(one)["admin_assignee_id"] for one in ids]
    shown = desk.here("tickets", "assign", "--to-team", "VIP desk", *chosen, "--dry-run")
    assert "admin: stays " in shown.err and "team: " in shown.err
    done = desk.here("tickets", "assign", "--no-team", *chosen, "--yes", *PLAIN)
    assert done.code == 0, done.err
    assert [desk.box.ticket(one)["admin_assignee_id"] for one in ids] == admins
    assert {desk.box.ticket(one)["team_assignee_id"] for one in ids} == {0}


def test_a_workspace_that_keeps_the_team_says_so(desk: Desk) -> None:
    """Where assignee_id=0 takes the admin alone, --no-team fails and says why; nothing is called done."""
    ids = [str(one["id"]) for one in desk.box.tickets() if one["team"]][:3]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.switch(ticket_unassign="admin")
    done = desk.here("tickets", "assign", "--no-team", "--ids", "ids", "--yes", "--retries", "1", *PLAIN)
    assert done.code == 3 and done.counts.get("done", 0) == 0, done.err
    assert "team" in done.json["failures"][0]["example"]["message"]


def test_a_type_without_the_attribute_fails_alone(desk: Desk) -> None:
    """The preview says which type cannot have it; the others are written. Lists of two types have entries of their own."""
    rows = desk.box.tickets()
    ids = {kind: next(str(one["id"]) for one in rows if one["type"] == kind) for kind in (101, 102, 103)}
    (desk.home / "ids").write_text("\n".join(ids.values()))
    shown = desk.here("tickets", "set", "urgency=High", "--ids", "ids", "--dry-run")
    assert "The ticket type Incident has no attribute 'urgency'" in " ".join(shown.err.split()), shown.err
    done = desk.here("tickets", "set", "urgency=High", "--ids", "ids", "--yes", *PLAIN)
    assert (done.code, done.counts) == (3, {"selected": 3, "done": 2, "failed": 1}), done.err
    assert [desk.box.ticket(ids[kind])["ticket_attributes"].get("urgency") for kind in ids] == [
        "0b7e2f11-8c52-41aa", "c4f0e9d2-6b3a-4e55", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "urgenci=High"), "urgency"),
        (("set", "urgency=Extreme"), "Low, High"),
        (("set", "affected_users=many"), "a whole number"),
        (("close", "--ticket-state", "Reslved"), "Resolved"),
        (("assign", "--to-team", "Billing", "--no-team"), "exclude each other"),
        (("assign", "--unassign", "--no-team"), "--unassign alone"),
        (("link", "--conversation", "abc"), "abc is not an id"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(desk: Desk, words: tuple[str, ...], said: str) -> None:
    """With the nearest, or the next step."""
    some(desk, "set")
    written = desk.writes()
    refused = desk.here("tickets", *words, "--ids", "ids", "--yes", *PLAIN)
    assert refused.code == 2 and said in " ".join(refused.err.split()), refused.err
    assert desk.writes() == written


def test_lists_shown_by_their_names_are_known_by_their_ids(desk: Desk) -> None:
    """Whichever of the two a ticket shows, what is set already is left alone."""
    _, chosen = some(desk, "set")
    assert desk.here("tickets", "set", "urgency=High", *chosen, "--yes", *PLAIN).code == 0
    desk.switch(ticket_list_values="label")
    again = desk.here("tickets", "set", "urgency=High", *chosen, "--yes", *PLAIN)
    assert again.counts == {"selected": 4, "unchanged": 4}, again.err


def test_a_conversation_has_one_tracker(desk: Desk) -> None:
    """A conversation that has another tracker fails alone, with the one that it has; nothing is sent."""
    _, chosen = some(desk, "link")
    assert desk.here("tickets", "link", *VERBS["link"][0], *chosen, "--yes", *PLAIN).code == 0
    rows = (desk.home / "sheet.csv").read_text().splitlines()
    first, second = rows[1].split(","), rows[2].split(",")
    (desk.home / "one.csv").write_text(f"ticket,conversation\n{first[0]},{second[1]}")
    again = desk.here("tickets", "link", *VERBS["link"][0], "--csv", "one.csv", "--id-column", "ticket", "--yes", *PLAIN)
    assert again.code == 3 and not again.json["requests"]["action"], again.err
    assert f"is linked to the tracker ticket {second[0]}" in again.json["failures"][0]["example"]["message"], again.err


@pytest.mark.parametrize("verb", ["set", *(pytest.param(one, marks=pytest.mark.slow) for one in ("tag", "reply", "delete"))])
def test_a_killed_run_goes_on(desk: Desk, verb: str) -> None:
    """kill -9 in the middle, then resume: each ticket is done, a message stands once."""
    words, _, after = VERBS[verb]
    rows = [one for one in desk.box.tickets() if one["type"] == 101 and TAG not in one["tags"]]
    ids = [str(one["id"]) for one in rows][:20]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.switch(latency=0.03)
    already = desk.writes()
    process = desk.start("tickets", verb, *words, "--ids", "ids", "--yes", "--workers", "3", "--verify", "none", *PLAIN)
    if until(lambda: desk.writes() - already >= 5, process):
        process.send_signal(signal.SIGKILL)
    assert desk.wait(process).code == -signal.SIGKILL
    gates = [word for word in words if word in GATES]
    done = desk.here("runs", "resume", "latest", *gates, "--json")
    assert done.code == 0 and done.counts["done"] + done.counts.get("unchanged", 0) == 20, done.err
    assert standing(desk, verb, ids) == [after] * 20
    assert desk.box.audit("tickets")["duplicate_replies"] == 0


def test_tags_that_are_shown_are_looked_at(desk: Desk) -> None:
    """Where a workspace shows the tags of a ticket, nothing is sent for one that has them, and a run is verified."""
    desk.switch(ticket_tags="shown")
    _, chosen = some(desk, "tag")
    assert desk.here("tickets", "tag", "--tag", str(TAG), *chosen, "--yes", *PLAIN).json["verified"]["remaining"] == 0
    written = desk.writes()
    again = desk.here("tickets", "tag", "--tag", str(TAG), *chosen, "--yes", *PLAIN)
    assert again.counts == {"selected": 4, "unchanged": 4} and desk.writes() == written


def test_showing_a_ticket_to_its_customer_takes_a_word_more(desk: Desk) -> None:
    """is_shared=true, also where one row of a sheet alone says so."""
    ids, _ = some(desk, "set")
    lines = [f"{one},{shared}" for one, shared in zip(ids, ("false", "true", "false", "false"), strict=True)]
    (desk.home / "sheet.csv").write_text("\n".join(["id,shared", *lines]))
    command = ("tickets", "set", "is_shared={{shared}}", "--csv", "sheet.csv", "--yes")
    refused = desk.here(*command)
    assert refused.code == 5 and "--customer-visible" in refused.err
    done = desk.here(*command, "--customer-visible", *PLAIN)
    assert done.code == 0, done.err
    assert [desk.box.ticket(one)["is_shared"] for one in ids] == [False, True, False, False]


def test_tags_that_are_not_shown_are_not_waited_for(desk: Desk) -> None:
    """A search that tells nothing of the tags is not behind, and the run says that it could not be verified."""
    done = desk.here("tickets", "tag", "--tag", str(TAG), "--where", "type = Incident", "--yes", *PLAIN)
    assert done.code == 0 and done.json["verified"]["waited"] == 0, done.json["verified"]
    assert "does not show the tags of a ticket" in done.err


def company_of(desk: Desk, one: str) -> str | None:
    """The company of a ticket, which no answer of Intercom shows."""
    found: str | None = next(row["company_id"] for row in desk.box.tickets() if str(row["id"]) == one)
    return found


def test_a_ticket_is_given_to_a_company(desk: Desk) -> None:
    """By its name or id; what it had is not shown, so that there is no way back and a word more is asked for, as for what is deleted."""
    ids, chosen = some(desk, "set")
    acme = desk.box.companies()[0]
    command = ("tickets", "set", f"company_id={acme['name']}", "severity=urgent", *chosen)
    dry = desk.here(*command, "--dry-run")
    assert dry.code == 0 and f"company: not shown -> {acme['name']} ({acme['id']})" in dry.err, dry.err
    assert "way back none" in " ".join(dry.err.split()) and "does not show the company of a ticket" in dry.err, dry.err
    refused = desk.here(*command, "--yes")
    assert refused.code == 5 and "--irreversible" in refused.err and not desk.writes(), refused.err
    done = desk.here(*command, "--yes", "--irreversible", *PLAIN)
    assert done.code == 0 and done.counts == {"selected": 4, "done": 4} and done.json["verified"]["undecided"] == 4, done.err
    assert [company_of(desk, one) for one in ids] == [acme["id"]] * 4
    assert standing(desk, "set", ids)[0][0] == "urgent"
    undone = desk.here("undo", done.run, "--yes")
    assert undone.code == 5 and "does not show the company of a ticket, so that nothing tells which it was" in undone.err, undone.err
    wrong = desk.here("tickets", "set", "company_id=nope", *chosen, "--dry-run")
    assert wrong.code == 2 and "There is no company" in wrong.err
    cleared = desk.here("tickets", "set", "company_id=", *chosen, "--yes", "--irreversible", *PLAIN)
    assert cleared.counts == {"selected": 4, "done": 4} and company_of(desk, ids[0]) is None, cleared.err
    desk.box.fault("drop_after", on="write", count=2)
    lost = desk.here(*command, "--yes", "--irreversible", *PLAIN)
    assert lost.counts == {"selected": 4, "done": 4} and company_of(desk, ids[0]) == acme["id"], lost.err
    assert broken(desk) == []


def test_the_company_of_each_row(desk: Desk) -> None:
    """One row that gives its ticket a company is enough to ask for the word more; an empty cell leaves the company of its ticket."""
    ids, _ = some(desk, "set")
    one, two = desk.box.companies()[:2]
    rows = [f"{ids[0]},", f"{ids[1]},{one['id']}", f"{ids[2]},{two['company_id']}"]
    (desk.home / "sheet.csv").write_text("\n".join(["ticket,company", *rows]))
    command = ("tickets", "set", "company_id={{company}}", "severity=urgent", "--csv", "sheet.csv", "--id-column", "ticket", "--yes")
    had = company_of(desk, ids[0])
    assert desk.here(*command).code == 5
    planned = desk.here(*command, "--plan", "p.jsonl", *PLAIN)
    assert planned.counts == {"selected": 3, "pending": 3}, planned.err
    done = desk.here("apply", "p.jsonl", "--yes", "--irreversible", *PLAIN)
    assert done.counts == {"selected": 3, "done": 3}, done.err
    assert [company_of(desk, ticket) for ticket in ids[:3]] == [had, one["id"], two["id"]]
