"""What nothing takes back is not done to what others have changed since it was selected: by a plan, a resume, a search that is behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater import errors
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import Reversibility, RunStatus
from intercom_bulk_updater.operations.built_in import operations_in
from intercom_bulk_updater.operations.resource import resources
from intercom_bulk_updater.runs import plan as plans

from .network import MemorySandbox

WORDS: dict[str, Any] = {"irreversible": True, "customer_visible": True}
Touch = Callable[[Client, MemorySandbox, str], object]


def written_to(them: Client, box: MemorySandbox, one: str) -> None:
    """The customer writes."""
    box.touch([one], "contact_reply")


def noted(them: Client, box: MemorySandbox, one: str) -> None:
    """A teammate leaves a note, which shows in no field but the thread."""
    box.touch([one], "note")


def replied(them: Client, box: MemorySandbox, one: str) -> None:
    """The same on a ticket."""
    them.post(f"tickets/{one}/reply", {"message_type": "comment", "type": "admin", "admin_id": "991267701", "body": "We look again."})


def tagged(kind: str) -> Touch:
    """A tag is put on it."""
    body = {"id": "7001", **({} if kind == "contacts" else {"admin_id": "991267701"})}
    return lambda them, box, one: them.post(f"{kind}/{one}/tags", body)


def put(kind: str, **fields: Any) -> Touch:
    """A field of it is changed."""
    return lambda them, box, one: them.put(f"{kind}/{one}", fields)


def began(them: Client, box: MemorySandbox, one: str) -> None:
    """The contact begins a conversation, which would go with it."""
    them.post("conversations", {"from": {"type": "user", "id": one}, "body": "One more thing."})


def subscribed(them: Client, box: MemorySandbox, one: str) -> None:
    """A teammate opts the contact in."""
    them.post(f"contacts/{one}/subscriptions", {"id": "37846", "consent_type": "opt_in"})


def joined(them: Client, box: MemorySandbox, one: str) -> None:
    """Somebody more belongs to the company."""
    other = next(str(row["id"]) for row in box.contacts() if one not in str(row["companies"]))
    them.post(f"contacts/{other}/companies", {"id": one})


CONVERSATIONS = (written_to, noted, tagged("conversations"), put("conversations", title="Keep this"))
CONTACTS = (
    put("contacts", name="Of importance"), tagged("contacts"), put("contacts", custom_attributes={"seats": 77}), began, subscribed,
    put("contacts", language_override="fr"), put("contacts", signed_up_at=1_700_000_000),
)  # fmt: skip
COMPANIES = (put("companies", plan="Enterprise"), put("companies", custom_attributes={"tier": "gold"}), joined)
TICKETS = (put("tickets", open=True), replied, put("tickets", assignee_id="991267702", admin_id=991267701))
BY: dict[str, tuple[Touch, ...]] = {"conversations": CONVERSATIONS, "contacts": CONTACTS, "companies": COMPANIES, "tickets": TICKETS}

VERBS: dict[str, tuple[str, dict[str, Any]]] = {
    "conversations.delete": ("state = closed", {}),
    "conversations.convert": ("state = open", {"ticket_type": "Bug report"}),
    "conversations.merge": ("state = open", {"into": "another"}),
    "conversations.redact": ("state = closed", {"all": True}),
    "contacts.delete": ("role = lead", {}),
    "contacts.archive": ("role = lead", {}),
    "contacts.block": ("role = lead", {}),
    "contacts.merge": ("role = lead", {"into": "a user", "skip_duplicate_validation": True}),
    "companies.delete": ("users > 0", {}),
    "tickets.delete": ("open = false", {}),
}
"""Verbs that nothing takes back, and those that an item does not show: which items, and what the verb is given."""
PER_VERB = [(verb, touch) for verb in VERBS for touch in range(len(BY[verb.partition(".")[0]]))]


def given(box: MemorySandbox, verb: str) -> dict[str, Any]:
    """The verb's parameters, with an id that there is."""
    names = {"another": str(box.conversations(state="snoozed")[0]["id"]), "a user": str(box.contacts(role="user")[0]["id"])}
    return {name: names.get(value, value) if isinstance(value, str) else value for name, value in VERBS[verb][1].items()}


def planned(file: str = "p.jsonl") -> list[str]:
    """The ids of a plan's items."""
    return [json.loads(line)["id"] for line in Path(file).read_text().splitlines()[1:]]


def applied(**more: Any) -> bulk.Run:
    """Carry the plan out."""
    return bulk.apply("p.jsonl", **{**WORDS, "workers": 1, **more})


def test_none_is_left_out() -> None:
    """Every verb that has no way back is here."""
    every = {f"{kind}.{name}" for kind in resources() for name, verb in operations_in(kind).items()
             if verb.reversibility is Reversibility.IRREVERSIBLE}  # fmt: skip
    assert every <= VERBS.keys()


@pytest.mark.parametrize(("verb", "number"), PER_VERB)
def test_a_plan_leaves_alone_what_others_have_changed(box: MemorySandbox, others: Client, verb: str, number: int) -> None:
    """The rehearsal says it, the run does it, and what nobody has touched is done."""
    bulk.plan(verb, VERBS[verb][0], file="p.jsonl", limit=3, **given(box, verb))
    first, *rest = planned()
    BY[verb.partition(".")[0]][number](others, box, first)
    looked = bulk.apply("p.jsonl", dry_run=True)
    assert (looked.counts.drifted, looked.counts.pending) == (1, len(rest)), looked.report()
    run = applied()
    assert [one.id for one in run.items("drifted")] == [first], run.report()
    assert [one.id for one in run.items("done")] == rest and run.ok, run.report()
    assert "changed" in (note := next(run.items("drifted")).note) or "since" in note, note


def test_a_contact_who_was_answered_since_is_left_alone(box: MemorySandbox, others: Client) -> None:
    """In a conversation that was there before; it would be deleted with the contact. The note says what came."""
    thread = str(box.conversations()[0]["id"])
    mine = str(others.get(f"conversations/{thread}")["contacts"]["contacts"][0]["id"])
    bulk.plan("contacts.delete", ids=[mine], file="p.jsonl")
    box.touch([thread], "comment")
    run = applied()
    assert [(one.id, one.note) for one in run.items("drifted")] == [(mine, "the contact has been written to since")], run.report()


@pytest.mark.parametrize("verb", VERBS)
def test_a_plan_ends_or_goes_on_where_that_is_asked_for(box: MemorySandbox, others: Client, verb: str) -> None:
    """`--on-drift stop` writes nothing to it nor behind it; `force` does all."""
    bulk.plan(verb, VERBS[verb][0], file="p.jsonl", limit=2, **given(box, verb))
    BY[verb.partition(".")[0]][0](others, box, planned()[0])
    with pytest.raises(errors.SafetyStop):
        applied(on_drift="stop")
    assert bulk.open_run("latest").counts.done == 0
    assert applied(on_drift="force").counts.done == 2


@pytest.mark.parametrize("verb", VERBS)
def test_what_moves_by_itself_is_no_change(box: MemorySandbox, others: Client, verb: str) -> None:
    """Visits, and what bots write; nor does an item keep another from being done."""
    bulk.plan(verb, VERBS[verb][0], file="p.jsonl", limit=4, **given(box, verb))
    ids, kind = planned(), verb.partition(".")[0]
    if kind == "contacts":
        others.put(f"contacts/{ids[0]}", {"last_seen_at": 1_800_000_000})
    run = applied(workers=4)
    assert (run.counts.done, run.counts.drifted) == (len(ids), 0), run.report()


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("contacts.archive", "conversations.redact")])
def test_a_resume_leaves_alone_what_others_have_changed(box: MemorySandbox, others: Client, verb: str) -> None:
    """What is read before its write anyway is compared with what was seen when it was selected."""
    with pytest.raises(errors.RunStopped):
        box.fault("outage", on="write", after=1)
        bulk.run(verb, VERBS[verb][0], limit=3, workers=1, patience=30, expect=None, **WORDS, **given(box, verb))
    box.clear_faults()
    run = bulk.open_run("latest")
    left = [one.id for one in run.items("pending")]
    assert left and run.counts.done == 1, run.report()
    BY[verb.partition(".")[0]][0](others, box, left[-1])
    again = run.resume(workers=1)
    assert [one.id for one in again.items("drifted")] == left[-1:], again.report()
    assert again.counts.done == 3 - 1


@pytest.mark.parametrize("touched", [True, False])
@pytest.mark.parametrize("verb", ["conversations.delete", "conversations.convert", "contacts.block", "tickets.delete"])
def test_what_a_dead_process_had_in_hand_is_looked_at(box: MemorySandbox, others: Client, verb: str, touched: bool) -> None:
    """In doubt, and nothing was sent: it is compared like the rest, and what nobody has changed is done."""
    with pytest.raises(errors.RunStopped):
        box.fault("outage", on="write", after=1)
        bulk.run(verb, VERBS[verb][0], limit=3, workers=1, patience=30, **WORDS, **given(box, verb))
    box.clear_faults()
    run = bulk.open_run("latest")
    with Journal(run.workspace.journal) as journal:
        started = journal.run(run.id).started_at or 0.0
        claimed = [one.id for one in journal.turn(run.id, [], 1, now=started + 1)]
        journal.update_run(run.id, status=RunStatus.RUNNING, started_at=started)
    assert len(claimed) == 1
    if touched:
        BY[verb.partition(".")[0]][0](others, box, claimed[0])
    again = run.resume(workers=1)
    # Whether it was blocked before it was changed, no contact shows.
    left = [one.id for one in again.items("in_doubt" if verb == "contacts.block" else "drifted")]
    assert left == (claimed if touched else []) and again.counts.done == 3 - touched, again.report()


VISITS = [(f"contacts.{verb}", "role = user and last_seen < 4d") for verb in ("delete", "block", "archive")]


@pytest.mark.parametrize(("verb", "where"), VISITS)
def test_who_has_left_the_filter_by_a_visit_is_left_alone(box: MemorySandbox, others: Client, verb: str, where: str) -> None:
    """What moves by itself counts where it is what the selection asks for: by a plan, and by a search that is behind."""
    bulk.plan(verb, where, file="p.jsonl", limit=3)
    first, *rest = planned()
    box.control(contact_lag=600)
    others.put(f"contacts/{first}", {"last_seen_at": int(others.server_time())})
    assert bulk.apply("p.jsonl", dry_run=True).counts.drifted == 1
    run = applied()
    assert [one.id for one in run.items("drifted")] == [first] and run.counts.done == len(rest), run.report()
    if verb != "contacts.archive":  # which comes back, and is not read before its write
        late = bulk.run(verb, where, limit=4, **WORDS)
        assert first in {one.id for one in late.items("drifted")}, late.report()


def test_an_index_that_is_behind_deletes_nothing_that_has_come_back(box: MemorySandbox) -> None:
    """The search still shows them closed; the read right before the write shows that their customers have written."""
    box.control(index_lag=600)
    closed = [str(one["id"]) for one in box.conversations(state="closed")]
    box.touch(closed[:2], "contact_reply")
    run = bulk.run("conversations.delete", "state = closed", **WORDS)
    assert {one.id for one in run.items("drifted")} == set(closed[:2]), run.report()
    assert run.counts.done == len(closed) - 2


def test_a_plan_of_an_older_version_does_as_before(box: MemorySandbox, others: Client) -> None:
    """It lacks the marks: what it says of an item is compared, and nothing else."""
    bulk.plan("contacts.delete", "role = lead", file="p.jsonl", limit=2)
    header, *lines = [json.loads(line) for line in Path("p.jsonl").read_text().splitlines()]
    for line in lines:
        assert line["before"].pop("seen") and line["before"] == {"deleted": False}
    body = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
    header.pop("hash")
    header["hash"] = plans._seal(header, hashlib.sha256(body).hexdigest())
    Path("p.jsonl").write_bytes(plans._first_line(header) + body)  # as the version before wrote it
    CONTACTS[0](others, box, planned()[0])
    assert applied().counts.done == 2


def test_it_keeps_no_name_in_the_plan_and_takes_no_request_more(box: MemorySandbox) -> None:
    """Marks of the fields; each item is read once and written once, as before."""
    bulk.plan("contacts.delete", "role = lead", file="p.jsonl", limit=3)
    text = Path("p.jsonl").read_text()
    rows = [box.contact(one) for one in planned()]
    assert not any(row["email"] and json.dumps({"email": row["email"]})[1:-1] in text for row in rows)
    box.reset_stats()
    run = applied(verify="none")
    asked = [one for one in box.log() if one["path"].startswith("/contacts/") and one["method"] in ("GET", "DELETE")]
    whole = [one for one in asked if one["path"].count("/") == 2]
    assert run.counts.done == 3 and len(whole) == 6, [(one["method"], one["path"]) for one in asked]
