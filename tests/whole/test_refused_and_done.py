"""Refused by its answer, and carried out all the same: what is ours is called done and undone, and no message is sent twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.errors import PermissionDenied, RefusedInBetween, SafetyStop
from intercom_bulk_updater.model import FoundItem
from intercom_bulk_updater.operations.registry import build
from intercom_bulk_updater.report.texts import message_words
from intercom_bulk_updater.runs.messages import SentBefore
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.runs.session import open_session
from intercom_bulk_updater.settings import load
from intercom_bulk_updater.stop import Stop

from .network import MemorySandbox

SANDBOX = {"conversations": 120}
SUPPORT = "team = Support and state = open"
STATES: dict[str, tuple[dict[str, Any], Callable[[MemorySandbox], object]]] = {
    # A verb and what it needs, and what of the server it changes.
    "conversations.close": ({"where": SUPPORT}, lambda box: len(box.conversations(state="closed"))),
    "conversations.assign": ({"where": SUPPORT, "to_team": "Billing"}, lambda box: len(box.conversations(team=5002))),
    "conversations.tag": ({"where": SUPPORT, "tag": ["stale"]}, lambda box: len(box.conversations(tag=7005))),
    "contacts.set": ({"where": "role = user", "values": {"name": "zz"}}, lambda box: len(box.contacts(name="zz"))),
}
MESSAGES: dict[str, str] = {
    # A verb that writes, and how the server's books call its message.
    "conversations.reply": "comment", "conversations.note": "note", "tickets.reply": "comment", "contacts.note": "note",
    "companies.note": "note",
}  # fmt: skip


class OwnReply(bulk.IntercomBulkUpdater):
    """A person's own code that declares nothing of what it sends."""

    customer_visible = True

    def get_search_endpoint(self) -> str:
        """See IntercomBulkUpdater."""
        return "conversations/search"

    def get_search_query(self) -> dict[str, Any]:
        """See IntercomBulkUpdater."""
        return {"query": {"field": "created_at", "operator": ">", "value": 0}}

    def get_item_id(self, item: dict[str, Any]) -> str:
        """See IntercomBulkUpdater."""
        return str(item["id"])

    def perform_action(self, item_id: str, **_: Any) -> Any:
        """Reply."""
        body = {"message_type": "comment", "type": "admin", "admin_id": self.admin_id, "body": "Hello"}
        return self.client.post(f"conversations/{item_id}/reply", body)


class OwnNote(bulk.IntercomBulkUpdater):
    """The same, with a note on contacts."""

    def get_search_endpoint(self) -> str:
        """See IntercomBulkUpdater."""
        return "contacts/search"

    def get_search_query(self) -> dict[str, Any]:
        """See IntercomBulkUpdater."""
        return {"query": {"field": "created_at", "operator": ">", "value": 0}}

    def get_item_id(self, item: dict[str, Any]) -> str:
        """See IntercomBulkUpdater."""
        return str(item["id"])

    def perform_action(self, item_id: str, **_: Any) -> Any:
        """Leave a note."""
        return self.client.post(f"contacts/{item_id}/notes", {"body": "Hello", "admin_id": self.admin_id})


def ids_of(box: MemorySandbox, verb: str) -> list[str]:
    """Six items of the verb's resource."""
    return [str(row["id"]) for row in getattr(box, verb.partition(".")[0])()][:6]


def written(box: MemorySandbox, resource: str, kind: str) -> tuple[int, int]:
    """How many messages stand, and on how many items more than one."""
    book = box.audit(resource)["kinds"].get(kind, {"writes": 0, "twice": []})
    return book["writes"], len(book["twice"])


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
@pytest.mark.parametrize("verb", STATES)
def test_what_was_otherwise_before_is_ours_and_undone(box: MemorySandbox, verb: str, status: int) -> None:
    """Each item was read without the effect: with it after a refusal it is done, and the undo takes back all of it."""
    given, count = STATES[verb]
    before = count(box)
    box.fault("error_after", status=status, on="write", every=3)
    run = bulk.run(verb, limit=6, workers=1, **given)
    box.clear_faults()
    assert (run.counts.done, run.counts.unchanged) == (6, 0) and count(box) != before, run.report()
    assert any(f"refused: {status}" in (item.note or "") for item in run.items("done"))
    assert run.undo(workers=1).counts.done == 6
    assert count(box) == before


@pytest.mark.parametrize("late", [{"commit": "before"}, {"commit": "after", "seconds": 0.3}], ids=["done", "done a little later"])
@pytest.mark.parametrize("verb", ["conversations.assign", "conversations.tag"])
def test_the_last_request_of_several_was_refused_and_done(box: MemorySandbox, verb: str, late: dict[str, Any]) -> None:
    """A look finds all of it as wanted: done, whatever the refusal says, and not in doubt for the requests before it."""
    given = {"to_team": "Billing", "to_admin": "Ben Okafor"} if verb.endswith("assign") else {"tag": ["stale", "vip"]}
    # No item has any of it, so that each takes two requests.
    where = f'{SUPPORT} and admin != "Ben Okafor" and tag != stale and tag != vip'
    box.fault("status", status=403, on="write", every=2, **late)
    run = bulk.run(verb, where=where, limit=4, workers=1, **given)
    assert (run.counts.done, run.counts.selected) == (4, 4), run.report()
    assert all("refused: 403" in (item.note or "") for item in run.items("done"))


def test_what_a_plan_saw_otherwise_is_ours_too(box: MemorySandbox) -> None:
    """The item is read right before its write, and was not as wanted then."""
    bulk.plan("conversations.close", SUPPORT, file="p.jsonl", limit=6)
    box.fault("error_after", status=409, on="write", every=2)
    run = bulk.apply("p.jsonl", workers=1)
    box.clear_faults()
    assert run.counts.done == 6 and run.undo(workers=1).counts.done == 6


def test_a_batch_of_a_plan_that_was_refused_and_done_is_ours(box: MemorySandbox) -> None:
    """Its items are looked at one by one, and are not called already so."""
    bulk.plan("contacts.tag", "role = user", file="p.jsonl", limit=6, tag=["vip"])
    before = len(box.contacts(tag=7001))
    box.fault("error_after", status=409, path="/tags$", method="POST", count=1)
    run = bulk.apply("p.jsonl", workers=1, batch=6)
    box.clear_faults()
    assert (run.counts.done, run.counts.unchanged) == (6, 0), run.report()
    assert run.undo(workers=1).counts.done == 6 and len(box.contacts(tag=7001)) == before


def test_a_contact_that_was_created_though_refused_is_ours(box: MemorySandbox) -> None:
    """The undo archives it."""
    Path("new.csv").write_text("external_id\nnew-1\n")
    box.fault("error_after", status=409, path="/contacts$", method="POST", count=1)
    run = bulk.run("contacts.upsert", csv="new.csv", id_column="external_id", values=["name=Z"])
    box.clear_faults()
    assert run.counts.done == 1, run.report()
    assert run.undo().counts.done == 1


def test_what_others_deleted_before_is_already_gone(box: MemorySandbox) -> None:
    """A DELETE that is answered 404 says so."""
    ids = ids_of(box, "conversations.delete")
    box.fault("error_after", status=404, method="DELETE")
    run = bulk.run("conversations.delete", ids=ids, irreversible=True)
    assert run.counts.unchanged == len(ids)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422])
@pytest.mark.parametrize("verb", MESSAGES)
def test_a_message_is_looked_for_whatever_refused_it(box: MemorySandbox, verb: str, status: int) -> None:
    """Some were written and refused, some were refused alone: done and failed, and the same command again sends the rest."""
    ids, resource = ids_of(box, verb), verb.partition(".")[0]
    box.fault("error_after", status=status, on="write", every=3)
    box.fault("status", status=status, on="write", count=1)
    run = bulk.run(verb, ids=ids, body="Hello", workers=1, **_consent(verb))
    box.clear_faults()
    assert (run.counts.done, run.counts.failed) == (5, 1), run.report()
    bulk.run(verb, ids=ids, body="Hello", workers=1, **_consent(verb))
    assert written(box, resource, MESSAGES[verb]) == (6, 0)


@pytest.mark.parametrize(("status", "late", "wait"), [(400, 8, 0), (403, 3, 4), (404, 8, 4)])
@pytest.mark.parametrize("verb", MESSAGES)
def test_a_retry_looks_for_a_message_that_was_refused_and_came_later(
    box: MemorySandbox, verb: str, status: int, late: int, wait: int
) -> None:
    """The look right after the refusal found nothing, and seconds later it stood: the retry posted it again."""
    ids, resource = ids_of(box, verb)[:3], verb.partition(".")[0]
    box.fault("status", status=status, commit="after", seconds=late, on="write", count=3)
    run = bulk.run(verb, ids=ids, body="Hello", **_consent(verb))
    box.clear_faults()
    assert run.counts.failed == 3, run.report()
    box.pass_time(wait)
    assert run.retry().counts.done == 3
    box.pass_time(10)
    assert written(box, resource, MESSAGES[verb]) == (3, 0)


@pytest.mark.parametrize("wait", [0, 4])
@pytest.mark.parametrize("verb", MESSAGES)
def test_the_same_message_of_another_run_is_looked_for(box: MemorySandbox, verb: str, wait: int) -> None:
    """It was refused and came later: the next run with the same text finds it, and sends what did not come."""
    ids, resource = ids_of(box, verb)[:4], verb.partition(".")[0]
    box.fault("status", status=422, commit="after", seconds=3, on="write", count=2)
    box.fault("status", status=422, on="write", count=2)
    run = bulk.run(verb, ids=ids, body="Hello", **_consent(verb))
    box.clear_faults()
    assert run.counts.failed == 4, run.report()
    box.pass_time(wait)
    again = bulk.run(verb, from_run=run, body="Hello", **_consent(verb))
    assert (again.counts.done, again.counts.unchanged) == (2, 2), again.report()
    said = f"2 without it: an earlier run had called it failed, and it came after its refusal ({run.id}, "
    assert said in " ".join(message_words(again.report()))
    assert {item.note for item in again.items("unchanged")} == {f"sent by {run.id}, which had called it failed: it came after its refusal"}
    box.pass_time(10)
    assert written(box, resource, MESSAGES[verb]) == (4, 0)


def test_of_two_runs_that_are_about_to_send_the_same_one_sends(box: MemorySandbox) -> None:
    """Both have the item in flight: whoever looks first leaves it to the other, and says so. Neither would reach nobody, both twice."""
    (one, *_), found = ids_of(box, "conversations.reply"), []
    with open_session(load(), Options(), Stop()) as session:
        for _ in range(2):
            run = session.journal.create_run(operation="conversations.reply", workspace="w", parameters={"body": "Hello"})
            session.journal.add_items(run.id, [FoundItem(one, {"state": "open"})])
            (item,) = session.journal.turn(run.id, [], 1, now=time.time())
            found.append((SentBefore(session.journal, run, build(run.operation, run.parameters)), item))
        first, second = (sent.of(item, session.client) for sent, item in found)
        assert first is not None and first.failure is not None and first.failure.cause == "another run may have sent it", first
        assert second is None, second
        assert found[0][0].of(found[0][1], session.client) is not None


@pytest.mark.parametrize(("status", "wait"), [(400, 0), (403, 4)])
@pytest.mark.parametrize(("own", "resource", "kind"), [
    (OwnReply, "conversations", "comment"), (OwnNote, "contacts", "note"), ("POST conversations/{{id}}/reply", "conversations", "comment"),
])  # fmt: skip
def test_a_retry_looks_for_a_message_of_own_code_that_came_later(
    box: MemorySandbox, own: Any, resource: str, kind: str, status: int, wait: int
) -> None:
    """Nothing of the updater tells whether it is done; the request that was refused does."""
    box.fault("status", status=status, commit="after", seconds=3, on="write", count=3)
    if isinstance(own, str):
        body = json.dumps({"message_type": "comment", "type": "admin", "admin_id": box.admin_id, "body": "Hello"})
        run = bulk.each("conversations", *own.split(), ids=ids_of(box, "conversations.reply")[:3], body=body, customer_visible=True)
    else:
        own().bulk_process(max_items=3)
        run = bulk.open_run("latest")
    box.clear_faults()
    assert run.counts.failed == 3, run.report()
    box.pass_time(wait)
    again = run.retry()
    assert again.counts.done == 3, again.report()
    box.pass_time(10)
    assert written(box, resource, kind) == (3, 0)


@pytest.mark.parametrize(("kind", "done"), [("drop_after", True), ("drop_before", False)])
@pytest.mark.parametrize("own", [OwnReply, OwnNote])
def test_a_retry_settles_what_own_code_left_in_doubt(
    box: MemorySandbox, own: type[bulk.IntercomBulkUpdater], kind: str, done: bool
) -> None:
    """The answers were lost and no look was answered; once looks are, each message is seen, or seen to lack and sent."""
    resource, message = ("contacts", "note") if own is OwnNote else ("conversations", "comment")
    box.fault(kind, on="write")
    box.fault("status", status=422, method="GET", path=rf"^/{resource}/\w+(/notes)?$")
    own().bulk_process(max_items=3)
    run = bulk.open_run("latest")
    assert run.counts.in_doubt == 3, run.report()
    box.clear_faults()
    assert written(box, resource, message)[0] == (3 if done else 0)
    assert run.retry().counts.done == 3
    assert written(box, resource, message) == (3, 0)


@pytest.mark.parametrize("own", [OwnReply, OwnNote])
def test_a_retry_sends_a_message_of_own_code_that_was_refused_alone(box: MemorySandbox, own: type[bulk.IntercomBulkUpdater]) -> None:
    """The look finds nothing of it, now as before."""
    resource, kind = ("contacts", "note") if own is OwnNote else ("conversations", "comment")
    box.fault("status", status=422, on="write", count=3)
    own().bulk_process(max_items=3)
    box.clear_faults()
    assert bulk.open_run("latest").retry().counts.done == 3
    assert written(box, resource, kind) == (3, 0)


@pytest.mark.parametrize("verb", MESSAGES)
def test_a_resume_looks_for_messages_whose_refusals_ended_the_run(box: MemorySandbox, verb: str) -> None:
    """A permission that is missing for all ends it; the messages came all the same, after they were looked at."""
    ids, resource = [str(row["id"]) for row in getattr(box, verb.partition(".")[0])()][:12], verb.partition(".")[0]
    box.fault("status", status=403, commit="after", seconds=3, on="write")
    with pytest.raises(PermissionDenied) as caught:
        bulk.run(verb, ids=ids, body="Hello", workers=1, **_consent(verb))
    box.clear_faults()
    box.pass_time(4)
    assert caught.value.run is not None and caught.value.run.resume().counts.done == 12
    box.pass_time(10)
    assert written(box, resource, MESSAGES[verb]) == (12, 0)


@pytest.mark.parametrize("status", [403, 413])
@pytest.mark.parametrize(("own", "resource", "kind"), [(OwnReply, "conversations", "comment"), (OwnNote, "contacts", "note")])
def test_a_message_of_own_code_is_looked_for(
    box: MemorySandbox, own: type[bulk.IntercomBulkUpdater], resource: str, kind: str, status: int
) -> None:
    """Done where it stands, and a retry sends none a second time."""
    box.fault("error_after", status=status, on="write", every=3)
    own().bulk_process(max_items=6)
    box.clear_faults()
    run = bulk.open_run("latest")
    assert run.counts.done == 6, run.report()
    assert written(box, resource, kind) == (6, 0)


@pytest.mark.parametrize("looks", [False, True], ids=["looks are answered", "looks are refused too"])
def test_a_permission_that_is_missing_for_all_stops_the_run_early(box: MemorySandbox, looks: bool) -> None:
    """A look for each of a few refusals and no more; all resumes, and each message is written once."""
    count = len(box.conversations(state="open"))
    before = len(box.log(10_000))
    box.fault("status", status=403, method="POST", path="/reply$")
    if looks:
        box.fault("status", status=403, on="look")
    with pytest.raises(PermissionDenied) as caught:
        bulk.run("conversations.reply", "state = open", body="Hello", workers=1, customer_visible=True)
    lines = box.log(10_000)[before:]
    asked = [one for one in lines if one["method"] == "GET" and "/conversations/" in one["path"]]
    assert count > 40 and 5 <= len(asked) <= 12, len(asked)
    box.clear_faults()
    run = caught.value.run
    assert run is not None and run.counts.done == run.counts.failed == 0
    assert run.resume().counts.done == count
    assert written(box, "conversations", "comment") == (count, 0)


@pytest.mark.parametrize("verb", ["conversations.close", "conversations.note", "contacts.archive"])
def test_a_permission_that_is_lost_a_few_items_before_the_end_leaves_them_to_a_resume(box: MemorySandbox, verb: str) -> None:
    """As where more are left: they were called failed. While it stays lost, a resume calls them so."""
    rows = box.conversations(state="open") if verb.startswith("conv") else box.contacts()
    ids, given = [str(row["id"]) for row in rows][:12], {"body": "Hello"} if verb.endswith("note") else {}
    box.fault("status", status=403, on="write", after=5)
    with pytest.raises(PermissionDenied) as caught:
        bulk.run(verb, ids=ids, workers=1, verify="none", **given)
    run = caught.value.run
    assert run is not None and (run.counts.done, run.counts.failed) == (5, 0), run.report()
    again = run.resume()
    assert again.counts.done == 5 and again.counts.failed + again.counts.in_doubt == 7, again.report()
    box.clear_faults()
    assert again.retry().counts.done == 12


def test_a_few_refusals_at_the_end_are_their_items_own(box: MemorySandbox) -> None:
    """Three tell nothing of a permission."""
    ids = [str(row["id"]) for row in box.conversations(state="open")][:12]
    box.fault("status", status=403, on="write", after=9)
    run = bulk.run("conversations.close", ids=ids, workers=1, verify="none")
    assert (run.counts.done, run.counts.failed) == (9, 3), run.report()


def _consent(verb: str) -> dict[str, Any]:
    return {"customer_visible": True} if verb.endswith("reply") else {}


TOLD_BY_THE_ITEM: dict[str, dict[str, Any]] = {
    # Verbs whose request leaves what only the item itself shows.
    "tickets.link": {"conversation": "ID"},
    "conversations.convert": {"ticket_type": "Bug report", "customer_visible": True, "irreversible": True},
    "conversations.merge": {"into": "ID", "irreversible": True},
    "conversations.redact": {"all": True, "irreversible": True},
}


@pytest.mark.parametrize("verb", TOLD_BY_THE_ITEM)
def test_what_was_lost_and_then_refused_failed_where_the_item_shows_that_nothing_stands(box: MemorySandbox, verb: str) -> None:
    """The look found it not done, and its second request was refused."""
    where = "type = Incident" if verb == "tickets.link" else "state = open"
    box.fault("drop_before", on="write", count=1)
    box.fault("status", status=400, on="write")
    other = str(box.conversations(state="closed")[0]["id"])
    given = {name: {"ID": other}.get(one, one) if isinstance(one, str) else one for name, one in TOLD_BY_THE_ITEM[verb].items()}
    run = bulk.run(verb, where, limit=2, workers=1, **given)
    assert (run.counts.failed, run.counts.in_doubt) == (2, 0), run.report()


@pytest.mark.parametrize("resource", ["companies", "contacts"])
def test_a_group_that_was_tagged_and_refused_is_the_runs_own(box: MemorySandbox, resource: str) -> None:
    """A company's updated_at does not tell of its tags: what the run had tagged was called already tagged, and undo left it."""
    ids = [row["id"] for row in getattr(box, resource)() if 7001 not in row["tags"]][:6]
    box.fault("error_after", status=404, code="not_found", on="write", count=4)
    run = bulk.run(f"{resource}.tag", ids=ids, tag=["vip"])
    assert run.counts.done == 6, run.report()
    box.clear_faults()
    run.undo()
    assert not any(7001 in row["tags"] for row in getattr(box, resource)() if row["id"] in ids)


@pytest.mark.parametrize("status", [402, 403, 405])
@pytest.mark.parametrize(("resource", "key"), [("contacts", "external_id"), ("companies", "company_id")])
def test_what_an_upsert_created_and_was_refused_is_its_own(box: MemorySandbox, resource: str, key: str, status: int) -> None:
    """The look shows it: it was called failed, and undo left what the run had created."""
    rows = [{key: f"new-{number}", "name": f"New {number}"} for number in range(3)]
    before = len(getattr(box, resource)())
    box.fault("error_after", status=status, code="forbidden", on="write", count=2)
    run = bulk.run(f"{resource}.upsert", csv=rows, id_column=key, values=["name={{name}}"], workers=1)
    assert run.counts.done == 3, run.report()
    box.clear_faults()
    assert len(getattr(box, resource)()) == before + 3


def test_what_a_stop_left_on_its_way_is_in_doubt_for_whoever_asks(box: MemorySandbox) -> None:
    """Items, report, and what another run takes from it, by one rule; own code sent again what was taken for pending."""
    box.fault("redirect", on="write", after=3, count=9, commit="before")
    with pytest.raises(RefusedInBetween) as caught:
        bulk.run("conversations.note", ids=[str(row["id"]) for row in box.conversations()[:12]], body="Hello", workers=1)
    box.clear_faults()
    run = caught.value.run
    assert run is not None
    told = {name: count for name, count in run.report()["counts"].items() if count and name != "selected"}
    found = {name: count for name in told if (count := len(list(run.items(name))))}
    assert found == told and {item.outcome for item in run.items()} == set(told) and "in_doubt" in told, (found, told)
    again = bulk.run("conversations.tag", from_run=run, outcome="in_doubt", tag=["stale"])
    assert again.counts.selected == told["in_doubt"]
    assert bulk.run("conversations.tag", from_run=run, outcome="pending", tag=["vip"]).counts.selected == told.get("pending", 0)


def test_what_is_refused_while_a_run_stops_is_looked_at_too(box: MemorySandbox) -> None:
    """A 403 to one item is looked at before it fails the item: when the run ended there and then, closed ones were called failed."""
    ids = [str(row["id"]) for row in box.conversations(state="open")][:24]
    box.control(latency=0.1)
    box.fault("status", status=422, on="write", ids=ids[:2])
    box.fault("error_after", status=403, on="write", ids=ids[2:])
    with pytest.raises(SafetyStop) as caught:
        bulk.run("conversations.close", ids=ids, workers=8, max_failures=1)
    assert caught.value.run is not None
    told = {item.id: item.outcome for item in caught.value.run.items()}
    untrue = [one for one in ids if told[one] in ("failed", "pending") and box.conversation(one)["state"] == "closed"]
    assert not untrue and "failed" in told.values(), told


HIDDEN = {"contacts.archive": "archived", "contacts.unarchive": "archived", "contacts.block": "blocked"}


def switched(box: MemorySandbox, verb: str, ids: list[str]) -> int:
    """How many of these the verb has done, by the server's books."""
    return sum(box.contact(one)[HIDDEN[verb]] is (verb != "contacts.unarchive") for one in ids)


@pytest.mark.parametrize(("verb", "status"), [*zip(HIDDEN, (404, 409, 422), strict=True), *zip(HIDDEN, (402, 403, 405), strict=True)])
def test_a_refusal_that_no_look_can_check_is_in_doubt(box: MemorySandbox, verb: str, status: int) -> None:
    """Intercom shows nowhere that a contact is archived or blocked: it was called failed, and stood; undo said nothing of it."""
    ids = ids_of(box, verb)
    if verb == "contacts.unarchive":
        bulk.run("contacts.archive", ids=ids)
    # Five that are refused so at first end the run: it is said of the token then.
    ids = ids if status in (404, 409, 422) else ids[:4]
    box.fault("error_after", status=status, on="write")
    run = bulk.run(verb, ids=ids, irreversible=verb == "contacts.block", verify="none")
    box.clear_faults()
    assert switched(box, verb, ids) == len(ids)
    assert (run.counts.in_doubt, run.counts.failed) == (len(ids), 0), run.report()
    if verb != "contacts.block":
        assert run.undo(workers=1).counts.done == len(ids) and switched(box, verb, ids) == 0


@pytest.mark.parametrize("status", [403, 422])
def test_such_a_refusal_is_asked_again(box: MemorySandbox, status: int) -> None:
    """The second answer tells, and it is asked for once."""
    ids = ids_of(box, "contacts.archive")
    box.fault("error_after", status=status, on="write", count=1)
    run = bulk.run("contacts.archive", ids=ids, workers=1, verify="none")
    assert (run.counts.done, run.report()["requests"]["action"]) == (6, 7), run.report()
    assert switched(box, "contacts.archive", ids) == 6


@pytest.mark.parametrize("status", [402, 403, 405, 422])
@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize(("verb", "where", "given"), [
    ("companies.delete", "created > 2015-01-01", {"irreversible": True}), ("tickets.tag", "open = true", {"tag": "vip"}),
])  # fmt: skip
def test_what_is_seen_late_or_not_at_all_is_asked_again(
    box: MemorySandbox, verb: str, where: str, given: dict[str, Any], times: int, status: int
) -> None:
    """A company goes some time after the answer, and few accounts are shown the tags of a ticket: nothing of it was called failed."""
    box.control(job_seconds=600)
    box.fault("error_after", status=status, on="write", count=times)
    run = bulk.run(verb, where, limit=3, workers=1, verify="none", **given)
    assert run.counts.failed == 0, run.report()
    assert (run.counts.in_doubt > 0) is (times > 1), run.report()


@pytest.mark.parametrize("done", [True, False])
def test_a_permission_that_is_missing_for_what_no_look_shows_stops_the_run_early(box: MemorySandbox, done: bool) -> None:
    """A few are asked for, some of them twice; what is not known of those is in doubt, and a resume does all."""
    ids = [str(row["id"]) for row in box.contacts()]
    box.fault("error_after" if done else "status", status=403, on="write")
    with pytest.raises(PermissionDenied) as caught:
        bulk.run("contacts.archive", ids=ids, workers=1, verify="none")
    run = caught.value.run
    assert run is not None and run.counts.failed == run.counts.done == 0
    assert 10 <= run.report()["requests"]["action"] < len(ids) / 2, run.report()
    assert all(not box.contact(item.id)["archived"] for item in run.items("pending"))
    box.clear_faults()
    assert run.resume().counts.done == len(ids) == switched(box, "contacts.archive", ids)


def test_a_tag_that_was_taken_off_by_a_refused_request_is_ours(box: MemorySandbox) -> None:
    """Asked again it is not there: it was called unchanged, and the undo left it off."""
    box.control(ticket_tags="shown")
    run = bulk.run("tickets.tag", "open = true", limit=3, tag="vip")
    box.control(ticket_tags="absent")
    box.fault("error_after", status=422, method="DELETE", count=1)
    untagged = bulk.run("tickets.untag", ids=[one.id for one in run.items()], tag="vip", workers=1, verify="none")
    assert (untagged.counts.done, untagged.counts.unchanged) == (3, 0), untagged.report()
    assert untagged.undo().counts.done == 3


def tagged(box: MemorySandbox, ids: list[str]) -> int:
    """How many of these tickets have the tag vip, by the server's books."""
    return sum(7001 in row["tags"] for row in box.tickets() if str(row["id"]) in ids)


@pytest.mark.parametrize("status", [403, 404, 409, 422])
@pytest.mark.parametrize("verb", ["tickets.tag", "tickets.untag"])
def test_tags_that_an_account_is_shown_are_the_runs_own(box: MemorySandbox, verb: str, status: int) -> None:
    """A ticket's updated_at does not tell of them: what was refused and done was called unchanged, and undo left it."""
    box.control(ticket_tags="shown")
    ids = [str(row["id"]) for row in box.tickets() if 7001 not in row["tags"]][:4]
    if verb == "tickets.untag":
        bulk.run("tickets.tag", ids=ids, tag="vip")
    before = tagged(box, ids)
    box.fault("error_after", status=status, on="write", count=3)
    run = bulk.run(verb, ids=ids, tag="vip", workers=1, verify="none")
    box.clear_faults()
    assert (run.counts.done, tagged(box, ids)) == (4, 4 - before), run.report()
    box.fault("error_after", status=status, on="write", count=3)
    assert run.undo(workers=1).counts.done == 4 and tagged(box, ids) == before


def test_a_tag_that_others_had_put_on_is_theirs(box: MemorySandbox) -> None:
    """Its before-image shows it."""
    box.control(ticket_tags="shown")
    ids = [str(row["id"]) for row in box.tickets() if 7001 not in row["tags"]][:2]
    bulk.run("tickets.tag", ids=ids[:1], tag="vip")
    box.fault("status", status=404, on="write")
    run = bulk.run("tickets.tag", ids=ids, tag="vip", workers=1, verify="none")
    assert (run.counts.unchanged, run.counts.failed) == (1, 1), run.report()


@pytest.mark.parametrize("status", [403, 404, 422])
@pytest.mark.parametrize("verb", ["tickets.link", "tickets.unlink"])
def test_what_a_refused_request_has_linked_is_the_runs_own(box: MemorySandbox, verb: str, status: int) -> None:
    """A tracker's updated_at does not tell of its conversations."""
    tracker = next(str(row["id"]) for row in box.tickets() if box.ticket(str(row["id"]))["category"] == "Tracker")
    other = str(box.conversations(state="closed")[0]["id"])
    if verb == "tickets.unlink":
        bulk.run("tickets.link", ids=[tracker], conversation=[other])
    linked = box.ticket(tracker)["linked_objects"]["total_count"]
    box.fault("error_after", status=status, on="write", count=1)
    run = bulk.run(verb, ids=[tracker], conversation=[other], verify="none")
    assert run.counts.done == 1 and box.ticket(tracker)["linked_objects"]["total_count"] != linked, run.report()
    box.fault("error_after", status=status, on="write", count=1)
    assert run.undo().counts.done == 1 and box.ticket(tracker)["linked_objects"]["total_count"] == linked


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_contact_that_a_refused_request_brought_back_is_the_runs_own(
    box: MemorySandbox, monkeypatch: pytest.MonkeyPatch, status: int, tmp_path: Path
) -> None:
    """No search had found it, and one finds it now; that it was archived no run of this state folder tells."""
    ids = ids_of(box, "contacts.unarchive")[:3]
    bulk.run("contacts.archive", ids=ids)
    monkeypatch.setenv("INTERCOM_BULK_HOME", str(tmp_path / "another"))
    box.fault("error_after", status=status, on="write")
    run = bulk.run("contacts.unarchive", ids=ids, verify="none")
    box.clear_faults()
    assert run.counts.done == 3 == switched(box, "contacts.unarchive", ids), run.report()
    assert run.undo().counts.done == 3 and switched(box, "contacts.unarchive", ids) == 0


@pytest.mark.parametrize("status", [403, 404])
def test_tags_of_rows_are_the_runs_own_too(box: MemorySandbox, status: int) -> None:
    """Each row of a sheet has its own tag: a company that was refused and tagged was called unchanged."""
    ids = [row["id"] for row in box.companies() if not {7001, 7005} & {*row["tags"]}][:2]
    rows = [{"id": one, "tag": tag} for one, tag in zip(ids, ("vip", "stale"), strict=True)]
    box.fault("error_after", status=status, on="write", count=2)
    run = bulk.run("companies.tag", csv=rows, tag="{{tag}}", workers=1, verify="none")
    box.clear_faults()
    assert run.counts.done == 2, run.report()
    assert run.undo().counts.done == 2


@pytest.mark.parametrize("status", [402, 403, 404, 405])
def test_an_item_of_which_a_part_was_refused_and_done_has_not_failed(box: MemorySandbox, status: int) -> None:
    """Two requests for an item, and the first is refused and done: it was called failed after a 403, and undo left it."""
    where = f'{SUPPORT} and admin != "Ben Okafor"'
    box.fault("error_after", status=status, on="write", count=1)
    run = bulk.run("conversations.assign", where=where, limit=1, to_team="Billing", to_admin="Ben Okafor", verify="none")
    box.clear_faults()
    assert run.counts.in_doubt == 1 and len(box.conversations(team=5002, state="open")) > 0, run.report()
    (one,) = [item.id for item in run.items()]
    assert box.conversation(one)["team_assignee_id"] == 5002
    run.undo()
    assert box.conversation(one)["team_assignee_id"] == 5001


def test_a_contact_that_is_gone_has_failed(box: MemorySandbox) -> None:
    """The look is answered 404, and that is certain."""
    assert bulk.run("contacts.archive", ids=["6" * 24], verify="none").counts.failed == 1


def test_own_code_that_archives_is_in_doubt_too(box: MemorySandbox) -> None:
    """By `each`, as by an updater: it goes by the request."""
    ids = ids_of(box, "contacts.archive")
    box.fault("error_after", status=409, on="write")
    run = bulk.each("contacts", "POST", "contacts/{{id}}/archive", ids=ids)
    assert (run.counts.in_doubt, switched(box, "contacts.archive", ids)) == (6, 6), run.report()


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("verb", "answer"), [
    ("contacts.archive", {"archived": False}), ("contacts.block", {"blocked": False}), ("contacts.unarchive", {"archived": True}),
])  # fmt: skip
def test_an_answer_of_success_that_says_the_contrary_is_no_proof(
    box: MemorySandbox, verb: str, answer: dict[str, Any], named: bool
) -> None:
    """It is all that tells: where it says the contrary of what was asked, with the contact's id or without, the item is in doubt."""
    (one, *_) = ids_of(box, "contacts.note")
    if verb == "contacts.unarchive":
        bulk.run("contacts.archive", ids=[one])
    box.fault("wrong", on="write", value={"type": "contact", **answer, **({"id": one} if named else {})})
    run = bulk.run(verb, ids=[one], irreversible=True)
    box.clear_faults()
    assert (run.counts.in_doubt, run.counts.done) == (1, 0), run.report()


@pytest.mark.parametrize("verb", HIDDEN)
@pytest.mark.parametrize("times", [1, 100])
def test_an_answer_of_success_that_does_not_tell_is_asked_for_again(box: MemorySandbox, verb: str, times: int) -> None:
    """It is the contact as it was, without a word of what was asked: taken for done, it had done nothing."""
    ids = ids_of(box, "contacts.note")[:2]
    if verb == "contacts.unarchive":
        bulk.run("contacts.archive", ids=ids)
    box.fault("ignored", on="write", count=times)
    run = bulk.run(verb, ids=ids, irreversible=verb == "contacts.block", workers=1, verify="none")
    box.clear_faults()
    assert (run.counts.done, run.counts.in_doubt) == ((2, 0) if times == 1 else (0, 2)), run.report()
    assert switched(box, verb, ids) == run.counts.done


@pytest.mark.parametrize("status", [402, 403, 404, 409])
def test_what_others_had_closed_before_a_refusal_is_theirs(box: MemorySandbox, others: Client, status: int) -> None:
    """The search that showed it open was behind: it was called done after a 403, and undo opened what a colleague had closed."""
    (one, *_) = [str(row["id"]) for row in box.conversations(state="open", team=5001)]
    box.control(index_lag=600)
    others.post(f"conversations/{one}/parts", {"message_type": "close", "type": "admin", "admin_id": "991267701"})
    box.pass_time(70)
    box.fault("status", status=status, on="write", path=f"/{one}/")
    run = bulk.run("conversations.close", f"{SUPPORT} and id = {one!r}", workers=1, verify="none")
    assert (run.counts.done, run.counts.unchanged) == (0, 1), run.report()
