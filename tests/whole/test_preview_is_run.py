"""What a dry run counts, the run does: items that a verb cannot be done to, targets that are not there, messages that come out empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.desk import Answer, Desk, at_desk
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.model import Item
from intercom_bulk_updater.operations.registry import build

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")


@pytest.fixture
def desk(shop: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(shop, tmp_path) as made:
        yield made


def looked_and_done(desk: Desk, *command: str) -> tuple[Answer, Answer]:
    """A dry run and the run, of which the first wrote nothing."""
    before = desk.writes()
    looked = desk.here(*command, "--dry-run", *PLAIN)
    assert desk.writes() == before
    return looked, desk.here(*command, "--yes", *PLAIN)


def as_done(counts: dict[str, int]) -> dict[str, int]:
    """The counts of a dry run as they are once it is done."""
    return {"done" if name == "pending" else name: count for name, count in counts.items()}


def people(desk: Desk, role: str) -> list[dict[str, Any]]:
    """The contacts with a role."""
    return [one for one in desk.box.contacts() if one["role"] == role]


def test_a_user_is_not_merged(desk: Desk) -> None:
    """Its role, which the search shows, speaks against it; the dry run says so, and the run sends nothing."""
    into = str(people(desk, "user")[0]["id"])
    command = ("contacts", "merge", "--where", "role = user", "--limit", "3", "--into", into, "--irreversible")
    looked, done = looked_and_done(desk, *command)
    assert looked.counts == done.counts == {"selected": 3, "failed": 3}, (looked.err, done.err)
    assert looked.code == done.code == 3 and not desk.writes()
    assert "only a lead can be merged" in done.json["failures"][0]["example"]["message"]
    assert "3 cannot be done" in " ".join(desk.here(*command, "--dry-run").err.split())


@pytest.mark.parametrize("key", ["id", "email", "external_id"])
def test_the_user_is_found_by_whatever_names_it(desk: Desk, key: str) -> None:
    """Intercom's id, an e-mail address, an external id: the lead is merged into that user."""
    lead, user = people(desk, "lead")[0], next(one for one in people(desk, "user") if one["email"] and one["external_id"])
    (desk.home / "lead.txt").write_text(str(lead["id"]))
    command = ("contacts", "merge", "--ids", "lead.txt", "--into", str(user[key]), "--skip-duplicate-validation", "--irreversible")
    looked, done = looked_and_done(desk, *command)
    assert as_done(looked.counts) == done.counts == {"selected": 1, "done": 1}, (looked.err, done.err)
    assert next(one for one in desk.box.contacts() if one["id"] == lead["id"])["merged_into"] == user["id"]


GONE: dict[str, tuple[tuple[str, ...], str]] = {
    "a contact by id": (("contacts", "merge", "--into", "f" * 24, "--irreversible"), "no contact has"),
    "a contact by e-mail": (("contacts", "merge", "--into", "nobody@example.test", "--irreversible"), "no contact has the e-mail address"),
    "a conversation": (("conversations", "merge", "--into", "999", "--irreversible"), "no conversation has"),
    "what is linked": (("tickets", "link", "--conversation", "999"), "no conversation has"),
}


@pytest.mark.parametrize("name", GONE)
def test_a_target_that_is_not_there_is_refused_before_anything_else(desk: Desk, name: str) -> None:
    """By the dry run as by the run, with one request for it."""
    words, said = GONE[name]
    noun = words[0]
    one = {"contacts": desk.box.contacts, "conversations": desk.box.conversations, "tickets": desk.box.tickets}[noun]()[0]["id"]
    (desk.home / "ids.txt").write_text(str(one))
    for answer in looked_and_done(desk, *words, "--ids", "ids.txt"):
        assert answer.code == 2 and said in answer.err, answer.err
    assert not desk.writes()


def test_a_plan_says_what_it_leaves_out(desk: Desk) -> None:
    """Of three ids one cannot be read: the plan, whoever looks at it, and whoever applies it, are told; it was silent."""
    ids = [str(one["id"]) for one in desk.box.conversations() if one["state"] == "open"][:2]
    (desk.home / "ids.txt").write_text("\n".join([*ids, "999"]))
    planned = desk.here("conversations", "close", "--ids", "ids.txt", "--plan", "p.jsonl", *PLAIN)
    header = json.loads((desk.home / "p.jsonl").read_text("utf-8").splitlines()[0])
    assert (planned.code, header["count"], header["failed"]) == (3, 2, {"count": 1, "ids": ["999"]}), planned.err
    said = "1 item that could not be read or cannot be done (999)"
    assert said in desk.here("runs", "show", "p.jsonl").out
    applied = desk.here("apply", "p.jsonl", "--yes", *PLAIN)
    assert (applied.code, applied.counts) == (0, {"selected": 2, "done": 2}) and said in applied.err, applied.err


def test_nothing_is_merged_into_a_lead(desk: Desk) -> None:
    """What is there and cannot be meant: each item fails, in the dry run as in the run, and nothing is sent."""
    one, other = (str(lead["id"]) for lead in people(desk, "lead")[:2])
    (desk.home / "ids.txt").write_text(one)
    looked, done = looked_and_done(desk, "contacts", "merge", "--into", other, "--ids", "ids.txt", "--irreversible")
    assert looked.counts == done.counts == {"selected": 1, "failed": 1} and not desk.writes(), (looked.err, done.err)
    assert "is a lead" in done.json["failures"][0]["example"]["message"]


def test_a_row_whose_target_is_not_there_fails_alone(desk: Desk) -> None:
    """In the dry run too; the targets of all rows are found by one search."""
    leads, user = people(desk, "lead")[:3], next(one for one in people(desk, "user") if one["email"])
    rows = [f"{leads[0]['id']},{user['email']}", f"{leads[1]['id']},{'f' * 24}", f"{leads[2]['id']},{user['id']}"]
    (desk.home / "sheet.csv").write_text("\n".join(["id,user", *rows]))
    words = ("--csv", "sheet.csv", "--into", "{{user}}", "--skip-duplicate-validation", "--irreversible")
    looked, done = looked_and_done(desk, "contacts", "merge", *words)
    assert as_done(looked.counts) == done.counts == {"selected": 3, "done": 2, "failed": 1}, (looked.err, done.err)


def test_nobody_is_written_to_where_all_have_the_text(desk: Desk) -> None:
    """The rest of a verb that does more than writing is done, and the preview says how many get a message: none."""
    which = ("--where", "team = Support and state = open", "--body", "We are back.")
    sent = desk.here("conversations", "reply", *which, "--yes", "--customer-visible", *PLAIN)
    looked = desk.here("conversations", "close", *which, "--dry-run", *PLAIN)
    review, done = looked.json["review"], sent.counts.get("done", 0)
    assert (review["would_change"], review["without_text"], review["customers"]) == (done, done, 0) and done > 1, review
    said = " ".join(desk.here("conversations", "close", *which, "--dry-run").err.split())
    assert "0 customers would be written to" in said, said


def test_rows_of_one_tracker_add_up(desk: Desk) -> None:
    """Several conversations of one tracker, a row each; the rest of a tracker with a row that is wrong is not linked either."""
    trackers = [str(one["id"]) for one in desk.box.tickets() if one["type"] == 103][:2]
    ids = [str(one["id"]) for one in desk.box.conversations()[10:14]]
    rows = [f"{trackers[0]},{one}" for one in ids[:3]] + [f"{trackers[1]},{ids[3]}", f"{trackers[1]},999"]
    (desk.home / "sheet.csv").write_text("\n".join(["id,conversation", *rows]))
    sheet = ("--csv", "sheet.csv", "--conversation", "{{conversation}}")
    looked, done = looked_and_done(desk, "tickets", "link", *sheet)
    assert as_done(looked.counts) == done.counts == {"selected": 2, "done": 1, "failed": 1}, (looked.err, done.err)
    assert looked.json["review"]["estimate"]["requests"] == 3
    linked = [{one["id"] for one in desk.box.ticket(tracker)["linked_objects"]["data"]} for tracker in trackers]
    assert linked[0] >= set(ids[:3]) and ids[3] not in linked[1]
    assert desk.here("tickets", "unlink", *sheet, "--yes", *PLAIN).code == 0
    assert not {one["id"] for one in desk.box.ticket(trackers[0])["linked_objects"]["data"]} & set(ids)


def test_only_a_tracker_ticket_is_linked(desk: Desk) -> None:
    """Its category, which the search and a GET show, says so before anything is sent."""
    kinds = {one["type"]: str(one["id"]) for one in desk.box.tickets()}
    assert set(kinds) == {101, 102, 103}
    (desk.home / "ids.txt").write_text("\n".join(kinds.values()))
    conversation = str(desk.box.conversations()[0]["id"])
    for which in (("--where", " or ".join(f"id = {one}" for one in kinds.values())), ("--ids", "ids.txt")):
        before = desk.writes()
        looked, done = looked_and_done(desk, "tickets", "link", *which, "--conversation", conversation)
        assert looked.code == done.code == 3 and looked.counts["failed"] == done.counts["failed"] == 2, (looked.err, done.err)
        assert done.counts.get("done", 0) == desk.writes() - before <= 1
        assert "Only tracker tickets" in done.json["failures"][0]["example"]["message"]


@pytest.mark.parametrize("pairs", [((0, 1), (2, 3), (1, 0)), ((0, 1), (2, 3), (1, 4))], ids=["circle", "chain"])
@pytest.mark.parametrize("noun", ["conversations", "contacts"])
def test_what_lives_on_is_not_merged_away_by_another_row(desk: Desk, noun: str, pairs: tuple[tuple[int, int], ...]) -> None:
    """The rows are named, and none of the merges is sent, nor shown as one that would be."""
    ids = [str(one["id"]) for one in (desk.box.conversations() if noun == "conversations" else people(desk, "user"))[:5]]
    (desk.home / "sheet.csv").write_text("\n".join(["id,into", *(f"{ids[one]},{ids[other]}" for one, other in pairs)]))
    for answer in looked_and_done(desk, noun, "merge", "--csv", "sheet.csv", "--into", "{{into}}", "--irreversible"):
        assert answer.code == 2 and f"line 2 goes into {ids[1]}, which line 4 merges away" in answer.err, answer.err
        assert "line 3" not in answer.err
    assert not desk.writes()


def test_an_attribute_that_a_type_of_ticket_has_not_is_said_before(desk: Desk) -> None:
    """It was counted as a change, and shown as one, to "not possible"."""
    looked, done = looked_and_done(desk, "tickets", "set", "affected_users=6", "--where", "open = true")
    assert as_done(looked.counts) == done.counts and 0 < done.counts["failed"] < done.counts["selected"], (looked.err, done.err)
    assert looked.code == done.code == 3


@pytest.mark.parametrize("body", ["{{contact.phone|}}", "<p>{{contact.phone|}}<br></p>"])
def test_a_message_that_comes_out_empty_is_refused(desk: Desk, body: str) -> None:
    """Before anything is sent to anybody, with the items that it is empty for: what shows nothing is empty, too."""
    words = ("conversations", "reply", "--where", "state = open", "--limit", "4", "--body", body, "--customer-visible")
    for answer in looked_and_done(desk, *words):
        assert answer.code == 5 and "comes out empty for" in answer.err and "leave these items out" in answer.err, answer.err
    assert not desk.writes()


@pytest.mark.parametrize("verb", ["note", "reply"])
def test_that_a_message_wakes_a_snoozed_conversation_is_counted(desk: Desk, verb: str) -> None:
    """As a change of its state, in the question, the plan and the account."""
    words = ("conversations", verb, "--where", "state = snoozed", "--limit", "2", "--body", "Hello", "--customer-visible")
    looked, done = looked_and_done(desk, *words)
    assert looked.json["review"]["groups"] == {f"one more {verb}, state: snoozed -> open": 2}
    assert done.counts == {"selected": 2, "done": 2}, done.err
    asleep = desk.here("conversations", verb, "--where", "state = open", "--limit", "2", "--body", "Good day", "--dry-run", *PLAIN)
    assert asleep.json["review"]["groups"] == {f"one more {verb}": 2}


@pytest.mark.parametrize("verb", ["tag", "untag"])
def test_what_intercom_does_not_show_is_said(desk: Desk, verb: str) -> None:
    """The tags of a ticket: the dry run says that some may be so already, where the run finds out."""
    words = ("tickets", verb, "--where", "open = true", "--limit", "2", "--tag", "vip")
    looked = desk.here(*words, "--dry-run")
    assert "may be already" in " ".join(looked.err.split()) and "does not show the tags of a ticket" in " ".join(looked.err.split())
    assert desk.here(*words, "--dry-run", *PLAIN).json["review"]["not_shown"] == "Intercom does not show the tags of a ticket"
    shown = desk.here("conversations", verb, "--where", "state = open", "--limit", "2", "--tag", "vip", "--dry-run", *PLAIN)
    assert "not_shown" not in shown.json["review"]


def test_several_rows_for_one_contact_add_up(desk: Desk) -> None:
    """Companies and subscriptions, as tags do: one item, with what all its rows say."""
    one, (first, second) = str(people(desk, "user")[0]["id"]), [str(company["id"]) for company in desk.box.companies()[:2]]
    lines = [f"{one},{first},Newsletter", f"{one},{second},Product updates"]
    (desk.home / "rows.csv").write_text("\n".join(["id,company,list", *lines]))
    looked, done = looked_and_done(desk, "contacts", "attach-company", "--csv", "rows.csv", "--company", "{{company}}")
    assert as_done(looked.counts) == done.counts == {"selected": 1, "done": 1}, (looked.err, done.err)
    assert {first, second} <= set(next(row for row in desk.box.contacts() if row["id"] == one)["companies"])
    for verb in ("unsubscribe", "subscribe"):
        _, done = looked_and_done(desk, "contacts", verb, "--csv", "rows.csv", "--subscription", "{{list}}")
        assert done.code == 0 and done.counts["selected"] == 1, done.err


def test_the_way_back_of_an_upsert_says_what_it_does(desk: Desk) -> None:
    """By its file, and not by the values of one row. What it has archived is no longer "already so" until it is brought back."""
    (desk.home / "people.csv").write_text("external_id,name\nnew-1,Ada\nnew-2,Bo\n")
    done = desk.here("contacts", "upsert", "name={{name}}", "--csv", "people.csv", "--id-column", "external_id", "--yes", *PLAIN)
    assert done.counts == {"selected": 2, "done": 2}, done.err
    back = desk.here("undo", done.run, "--dry-run")
    assert "Undo upsert by {{name}} of people.csv: restore contacts" in " ".join(back.err.split()), back.err
    assert "Ada" not in back.err.partition("changes")[0] and "contact archived" in back.err and "missing" not in back.err
    undone = desk.here("undo", done.run, "--yes", *PLAIN)
    assert undone.counts == {"selected": 2, "done": 2}, undone.err
    assert desk.here("runs", "show", undone.run).code == 0
    looked, again = looked_and_done(desk, "contacts", "upsert", "name={{name}}", "--csv", "people.csv", "--id-column", "external_id")
    assert looked.counts == again.counts == {"selected": 2, "failed": 2}, (looked.err, again.err)
    assert f"{undone.run} has archived this contact" in again.json["failures"][0]["example"]["message"]
    back_again = desk.here("undo", undone.run, "--yes", *PLAIN)
    assert back_again.counts == {"selected": 2, "done": 2}, back_again.err
    _, so = looked_and_done(desk, "contacts", "upsert", "name={{name}}", "--csv", "people.csv", "--id-column", "external_id")
    assert so.counts == {"selected": 2, "unchanged": 2}, so.err


def test_what_upsert_needs_is_said_whole(desk: Desk) -> None:
    """Without values: the help text, which is no secret."""
    (desk.home / "people.csv").write_text("email,name\na@example.test,Ada\n")
    refused = desk.here("contacts", "upsert", "--csv", "people.csv", "--id-column", "email")
    assert refused.code == 2 and "KEY=VALUE: name, email" in refused.err and "not shown" not in refused.err, refused.err


def test_the_catalogue_says_with_what_customers_see_it(desk: Desk) -> None:
    """Closing with a body, sharing a ticket; a reply always, an assignment never."""
    said = {name: " ".join(desk.here("operations", "show", name).out.split()) for name in (
        "conversations.close", "tickets.set", "conversations.reply", "conversations.assign",
    )}  # fmt: skip
    assert "customers see it with --body, which needs --customer-visible" in said["conversations.close"]
    assert "customers see it with is_shared=true" in said["tickets.set"]
    assert "customers see it yes" in said["conversations.reply"] and "customers see it no" in said["conversations.assign"]


COSTS: dict[str, tuple[str, ...]] = {
    "each message of a conversation": ("conversations", "redact", "--all", "--irreversible"),
    "the first message alone": ("conversations", "redact", "--first-message", "--irreversible"),
    "the state put back": ("conversations", "assign", "--to-team", "VIP desk", "--to-admin", "Ben Okafor", "--keep-state"),
    "each tag that is lacking": ("conversations", "tag", "--tag", "vip", "--tag", "bug"),
    "two assignees of a ticket at once": ("tickets", "assign", "--unassign"),
    "a ticket's team, and its admin anew": ("tickets", "assign", "--no-team"),
}


@pytest.mark.parametrize("name", COSTS)
def test_what_it_takes_is_said_before(desk: Desk, name: str) -> None:
    """The requests of the preview are those of the run, besides what looks for the items; so it is with the way back."""
    resource, verb, *_ = command = COSTS[name]
    state = "closed" if "--keep-state" in command else "open"
    rows = [one for one in getattr(desk.box, resource)() if resource == "tickets" or one["state"] == state]
    (desk.home / "ids").write_text("\n".join(str(one["id"]) for one in rows[:12]))
    looked, done = looked_and_done(desk, *command, "--ids", "ids", "--verify", "none")
    told, spent = looked.json["review"]["estimate"], done.json["requests"]
    # A backup takes the item whole, in the request that reads it.
    kept = looked.counts["pending"] if verb == "redact" else 0
    assert told["requests"] == spent["action"] + kept > 0, (told, spent, done.err)
    if verb == "redact":
        return
    back = desk.here("undo", done.run, "--dry-run", *PLAIN).json["review"]
    undone = desk.here("undo", done.run, "--yes", "--verify", "none", *PLAIN)
    assert back["estimate"]["requests"] - back["would_change"] == undone.json["requests"]["action"], (back, undone.err)


def test_what_may_take_more_says_so(desk: Desk) -> None:
    """The notes of a contact are read for its backup, and show only then how many they are."""
    (desk.home / "ids").write_text(str(people(desk, "user")[0]["id"]))
    command = ("contacts", "block", "--ids", "ids", "--dry-run")
    assert desk.here(*command, *PLAIN).json["review"]["estimate"]["at_least"] is True
    assert "takes at least 2 requests" in " ".join(desk.here(*command).err.split())


def test_a_conversation_that_has_a_tracker_is_told_before(desk: Desk) -> None:
    """It has one at most: the dry run says whose it is, as does the run, and nothing is sent."""
    one = str(desk.box.conversations()[0]["id"])
    first, second = [str(row["id"]) for row in desk.box.tickets() if row["type"] == 103][:2]
    for tracker in (first, second):
        (desk.home / "ids").write_text(tracker)
        looked, done = looked_and_done(desk, "tickets", "link", "--ids", "ids", "--conversation", one)
        assert as_done(looked.counts) == done.counts, (looked.err, done.err)
    assert done.counts == {"selected": 1, "failed": 1} and not done.json["requests"]["action"], done.err
    assert f"the tracker ticket {first}" in done.json["failures"][0]["example"]["message"]


@pytest.mark.parametrize("form", ["list", "sheet"])
def test_two_trackers_for_one_conversation_are_told_before(desk: Desk, form: str) -> None:
    """The first gets it; the other is told so by the dry run as by the run, and nothing is sent for it."""
    one = str(desk.box.conversations()[0]["id"])
    trackers = [str(row["id"]) for row in desk.box.tickets() if row["type"] == 103][:2]
    (desk.home / "ids").write_text("\n".join(trackers))
    (desk.home / "sheet.csv").write_text("\n".join(["id,conversation", *(f"{tracker},{one}" for tracker in trackers)]))
    sheet = ("--csv", "sheet.csv", "--conversation", "{{conversation}}")
    looked, done = looked_and_done(desk, "tickets", "link", *(sheet if form == "sheet" else ("--ids", "ids", "--conversation", one)))
    assert as_done(looked.counts) == done.counts == {"selected": 2, "done": 1, "failed": 1}, (looked.err, done.err)
    assert done.json["requests"]["action"] == 1 and "by the same run" in done.json["failures"][0]["example"]["message"], done.err


def test_an_address_stays_taken_from_one_question_to_the_next(box: MemorySandbox, others: Client) -> None:
    """Contacts are asked for 150 at a time: whoever gets the address in an earlier lot has it in the later ones."""
    users = [str(one["id"]) for one in box.contacts(role="user") if not one["archived"]][:3]
    lead = next(str(one["id"]) for one in box.contacts(role="lead") if not one["archived"])
    verb = build("contacts.set", {"values": {"email": "one@example.test"}})
    had: dict[Any, Any] = {}
    told = [
        dict(verb.taken(others, [(Item(seq, one, {"email": None}, None), {"email": (None, "one@example.test")})], had))
        for seq, one in enumerate([lead, *users])
    ]
    assert told[:2] == [{}, {}] and all(f"the user {users[0]} gets" in one[seq] for seq, one in enumerate(told) if seq > 1), told

def test_an_item_is_refused_once(box: MemorySandbox, others: Client) -> None:
    """One whose address another user has is told in its own lot, and in no later one."""
    first, *rest = [one for one in box.contacts(role="user") if not one["archived"] and one["email"]][:3]
    verb = build("contacts.set", {"values": {"email": first["email"]}})
    had: dict[Any, Any] = {}
    for seq, one in enumerate(rest):
        told = verb.taken(others, [(Item(seq, str(one["id"]), {"email": None}, None), {"email": (None, first["email"])})], had)
        assert list(told) == [seq] and str(first["id"]) in told[seq], told


def test_a_ticket_that_is_shared_already_is_shown_to_nobody_anew(desk: Desk) -> None:
    """The preview counts the customers of those that are not, by hand and by a sheet."""
    shared = [str(one["id"]) for one in desk.box.tickets() if one["type"] == 101 and desk.box.ticket(str(one["id"]))["is_shared"]][:3]
    (desk.home / "sheet.csv").write_text("\n".join(["id,shared", *(f"{one},true" for one in shared)]))
    ways = (("is_shared=true", "--ids", "sheet.csv"), ("is_shared={{shared}}", "--csv", "sheet.csv"))
    for words in ways:
        looked = desk.here("tickets", "set", "title=Seen", *words, "--dry-run", *PLAIN)
        assert (looked.json["review"]["would_change"], looked.json["review"]["customers"]) == (3, 0), looked.err
    back = desk.here("tickets", "set", "is_shared=false", "--ids", "sheet.csv", "--limit", "1", "--yes", *PLAIN)
    assert back.counts == {"selected": 1, "done": 1}, back.err
    for words in ways:
        looked = desk.here("tickets", "set", "title=Seen", *words, "--dry-run", *PLAIN)
        assert (looked.json["review"]["would_change"], looked.json["review"]["customers"]) == (3, 1), looked.err
