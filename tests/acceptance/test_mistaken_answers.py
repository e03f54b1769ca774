"""Answers that contradict what was done: refused although carried out, lost in the midst of an action, of another shape."""

from __future__ import annotations

import time

import pytest

from .desk import QUERY, Desk

SANDBOX = {"conversations": 60, "limit": 20_000, "workspace_limit": 50_000}
PLAIN = ("--json", "--progress", "none")
NOTE = ("conversations", "note", "--body", "We are back.")
ACTIONS = """
import httpx
import requests
from intercom_bulk_updater import IntercomBulkUpdater

class Own(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "conversations/search"
    def send(self, path, **body):
        body = {"type": "admin", "admin_id": self.admin_id, **body}
        answer = requests.post(f"{self.base_url}/conversations/{path}", headers=self.headers, json=body, timeout=5)
        answer.raise_for_status()
        return answer.json()

class Note(Own):
    def perform_action(self, item_id, **_):
        return self.send(f"{item_id}/reply", message_type="note", body="Hello")

class ReturnsTrue(Own):
    def perform_action(self, item_id, **_):
        self.send(f"{item_id}/reply", message_type="note", body="Hello")
        return True

    def send(self, path, **body):
        body = {"type": "admin", "admin_id": self.admin_id, **body}
        return requests.post(f"{self.base_url}/conversations/{path}", headers=self.headers, json=body, timeout=5)

class Swallows(Own):
    def perform_action(self, item_id, **_):
        try:
            self.send(f"{item_id}/reply", message_type="note", body="Hello")
        except requests.HTTPError:
            pass
        return self.send(f"{item_id}/parts", message_type="close")

class TriesAgain(Own):
    def perform_action(self, item_id, **_):
        for tried in range(3):
            try:
                return self.send(f"{item_id}/reply", message_type="note", body="Hello")
            except requests.HTTPError as exc:
                last = exc
        raise last

class FallsBack(Own):
    def perform_action(self, item_id, **_):
        try:
            return self.send(f"{item_id}/reply", message_type="note", body="Hello")
        except requests.HTTPError:
            return self.send(f"{item_id}/reply", message_type="note", body="Other words")

class TwoWays(Own):
    customer_visible = True
    def perform_action(self, item_id, **_):
        body = {"type": "admin", "admin_id": self.admin_id}
        httpx.post(
            f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json={**body, "message_type": "note", "body": "First"}
        ).raise_for_status()
        return self.client.post(f"conversations/{item_id}/reply", {**body, "message_type": "comment", "body": "Second"})

class KeptFromLeaving(Own):
    def perform_action(self, item_id, **_):
        body = {"type": "admin", "admin_id": self.admin_id, "message_type": "note"}
        try:
            self.client.post(f"conversations/{item_id}/reply", {**body, "body": "First"})
        except Exception:
            pass
        try:
            self.send(f"{item_id}/reply", message_type="note", body="Second")
        except Exception:
            pass
        return True

class NoteThenClose(Own):
    def perform_action(self, item_id, **_):
        self.send(f"{item_id}/reply", message_type="note", body="Hello")
        return self.send(f"{item_id}/parts", message_type="close")
"""


def chosen(desk: Desk, number: int = 6) -> list[str]:
    """Some open conversations, their ids in the file `ids`; and the actions in mine.py."""
    ids = desk.open_ids()[:number]
    (desk.home / "ids").write_text("\n".join(ids))
    (desk.home / "mine.py").write_text(ACTIONS)
    return ids


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_message_that_was_refused_and_stands_is_done(desk: Desk, status: int) -> None:
    """The note was written and its request answered with a refusal: a look finds it, and no retry sends it again."""
    ids = chosen(desk)
    desk.box.fault("error_after", status=status, on="write")
    answer = desk.here(*NOTE, "--ids", "ids", "--yes", "--json", "--verify", "none")
    assert (answer.code, answer.counts) == (0, {"selected": len(ids), "done": len(ids)}), answer.err
    desk.once("note", ids)


def test_a_person_s_message_that_was_refused_and_stands_is_done(desk: Desk) -> None:
    """The same through requests, in an updater that declares nothing."""
    ids = chosen(desk)
    desk.box.fault("error_after", status=400, on="write", count=2)
    answer = desk.here("run", "mine.py:Note", "--ids", "ids", "--yes", "--json", "--verify", "none")
    assert (answer.code, answer.counts) == (0, {"selected": len(ids), "done": len(ids)}), answer.err
    desk.once("note", ids)


def test_a_refusal_that_is_true_fails_the_item(desk: Desk) -> None:
    """The look finds nothing of it: failed, with the refusal as its reason."""
    ids = chosen(desk)
    desk.box.fault("status", status=422, on="write", ids=ids[:2])
    answer = desk.here(*NOTE, "--ids", "ids", "--yes", "--json", "--verify", "none")
    assert (answer.code, answer.counts) == (3, {"selected": len(ids), "done": len(ids) - 2, "failed": 2}), answer.err
    assert answer.json["failures"][0]["example"]["status"] == 422


def test_an_action_that_was_cut_short_after_its_first_request_is_not_done(desk: Desk) -> None:
    """Of two requests the first stands and its answer was lost: nothing tells that the second was sent, so it is in doubt."""
    ids = chosen(desk)
    desk.box.fault("drop_after", path="/reply$")
    answer = desk.here("run", "mine.py:NoteThenClose", "--ids", "ids", "--yes", "--json", "--verify", "none")
    assert (answer.code, answer.counts) == (3, {"selected": len(ids), "in_doubt": len(ids)}), answer.err
    desk.once("note", ids)


def test_what_other_items_took_tells_whether_a_request_was_all_of_it(desk: Desk) -> None:
    """Actions of one request that came to their end show that the one whose answer was lost, and which stands, is done."""
    ids = chosen(desk)
    desk.box.fault("drop_after", path="/reply$", count=2)
    answer = desk.here("run", "mine.py:Note", "--ids", "ids", "--yes", "--json", "--verify", "none")
    assert (answer.code, answer.counts) == (0, {"selected": len(ids), "done": len(ids)}), answer.err
    desk.once("note", ids)


@pytest.mark.parametrize("fault", [
    {"kind": "fields", "set": {"app": "text"}}, {"kind": "fields", "set": {"data": 7}, "path": "/tags$"},
    {"kind": "status", "status": 302}, {"kind": "status", "status": 409}, {"kind": "wrong", "value": {"tags": {"a": 1}}},
])  # fmt: skip
def test_names_that_cannot_be_read_end_the_command_in_words(desk: Desk, fault: dict[str, object]) -> None:
    """Whatever `GET /me` and the lists of names are answered with: no traceback, and nothing written."""
    chosen(desk)
    desk.box.fault(**{"on": "names", **fault})  # type: ignore[arg-type]
    words = "conversations", "tag", "--tag", "incident", "--ids", "ids", "--yes", "--json", "--retries", "0"
    answer = desk.here(*words)
    assert answer.code in (2, 7, 10) and answer.json["run"] is None and "Traceback" not in answer.err, answer.err
    assert not desk.writes()


@pytest.mark.parametrize("status", [502, 503])
def test_what_an_outage_put_in_doubt_is_looked_at_when_it_is_over(desk: Desk, status: int) -> None:
    """Writes are carried out and answered with errors of a gateway, for longer than the patience; the resume finds each of them."""
    ids = chosen(desk, 12)
    desk.box.fault("outage", status=status, commit="before", on="write", after=3)
    stopped = desk.here(*NOTE, "--ids", "ids", "--yes", "--json", "--verify", "none", "--patience", "1s")
    assert stopped.code == 7 and not stopped.counts.get("failed"), stopped.err
    # What had left is not called "not begun": until the resume has looked, it is in doubt.
    assert 3 + stopped.counts["in_doubt"] + stopped.counts.get("pending", 0) == len(ids), stopped.err
    desk.box.clear_faults()
    resumed = desk.here("runs", "resume", stopped.run, "--json")
    assert (resumed.code, resumed.counts) == (0, {"selected": len(ids), "done": len(ids)}), resumed.err
    desk.once("note", ids)


def test_a_lost_second_message_is_told_from_the_first(desk: Desk) -> None:
    """The earlier one of the same teammate was there when the run looked; so it is not taken for what the lost request may have left."""
    ids = chosen(desk, 4)
    assert desk.here("conversations", "note", "--body", "The first.", "--ids", "ids", "--yes", "--json").code == 0
    time.sleep(2.6)  # times of messages and of answers are whole seconds: within two, nothing tells
    desk.box.fault("drop_before", on="write", count=2)
    second = desk.here(*NOTE, "--ids", "ids", "--yes", "--json", "--timeout", "2")
    assert (second.code, second.counts) == (0, {"selected": len(ids), "done": len(ids)}), second.err
    assert desk.written("note")["writes"] == 2 * len(ids)


@pytest.mark.parametrize("verb", [
    ("conversations", "close"), ("conversations", "untag", "--tag", "7003"), ("conversations", "assign", "--to-team", "5004"),
])  # fmt: skip
def test_a_404_for_what_is_there_is_told_as_one_and_tried_again(desk: Desk, verb: tuple[str, ...]) -> None:
    """The look shows the item: it does not read as deleted, and the retry that is offered does it."""
    chosen(desk, 3)
    if verb[1] == "untag":
        assert desk.here("conversations", "tag", "--tag", "7003", "--ids", "ids", "--yes", "--json").code == 0
    desk.box.fault("status", status=404, on="write")
    answer = desk.here(*verb, "--ids", "ids", "--yes", "--json")
    desk.box.clear_faults()
    (group,) = answer.json["failures"]
    assert (answer.counts["failed"], group["count"], group["retry"]) == (3, 3, True), answer.err
    assert group["cause"].endswith("the item is there") and "--exclude" not in group["advice"]
    assert f"intercom-bulk runs retry {answer.run}" in answer.json["next"]
    assert desk.here("runs", "retry", answer.run, "--yes", "--json").counts == {"selected": 3, "done": 3}

@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/tags$", 422, 2), ("/tags$", 403, 4), ("/teams$", 400, 2), ("/me$", 400, 10), ("/me$", 403, 4), ("/subscription_types$", 422, 2),
     ("attributes$", 422, 2), ("/contacts/search$", 422, 2)],
)
def test_a_refusal_before_the_first_item_is_no_healthy_stop(desk: Desk, path: str, status: int, code: int) -> None:
    """What Intercom refuses of the preparation it refuses again: 2, 4 or 10 by its cause, and nothing is written."""
    asked = {
        "/tags$": ("conversations", "tag", "--where", QUERY, "--tag", "brand new", "--create-tag"),
        "/subscription_types$": ("contacts", "subscribe", "--where", "role = user", "--to", "Newsletter"),
        "attributes$": ("contacts", "set", "plan=pro", "--where", "role = user"),
        "/contacts/search$": ("conversations", "close", "--where", "contact = ann@example.com"),
        "/teams$": ("conversations", "close", "--where", "team = Support"),
    }.get(path, ("conversations", "close", "--where", QUERY))
    desk.box.fault("status", status=status, path=path, method="POST" if path == "/tags$" else "")
    answer = desk.here(*asked, "--yes", *PLAIN)
    assert answer.code == answer.json["exit"] == code, (answer.code, answer.err)
    assert desk.sent("/parts") == 0 and "can be resumed" not in answer.err


@pytest.mark.parametrize("passing", [False, True], ids=["alone", "with a passing failure after it"])
@pytest.mark.parametrize("own", ["Swallows", "TriesAgain", "FallsBack"])
def test_a_message_of_theirs_that_was_refused_and_stands_goes_out_once(desk: Desk, own: str, passing: bool) -> None:
    """The action goes on after the refusal, sends it again, or something else; the run looks before anything leaves."""
    ids = chosen(desk, 2)
    desk.box.fault("error_after", status=422, on="write", path="/reply$")
    if passing:
        desk.box.fault("status", status=503, method="POST", path="/parts$", count=2)
    answer = desk.here("run", f"mine.py:{own}", "--ids", "ids", "--yes", *PLAIN, "--verify", "none")
    assert "failed" not in answer.counts, answer.err
    desk.box.clear_faults()
    desk.here("runs", "retry", answer.run, "--yes", *PLAIN, "--verify", "none")
    assert (desk.written("note")["1"], desk.written("note")["2+"]) == (len(ids), 0)


@pytest.mark.parametrize("kind", ["html200", "empty200"])
def test_what_no_api_answered_is_no_proof(desk: Desk, kind: str) -> None:
    """200 with a page of a website or with nothing: the library calls it fine, and nothing was written."""
    chosen(desk, 2)
    desk.box.fault(kind, on="write", path="/reply$")
    answer = desk.here("run", "mine.py:ReturnsTrue", "--ids", "ids", "--yes", *PLAIN, "--retries", "0", "--timeout", "1")
    assert "done" not in answer.counts and answer.code != 0, answer.err
    assert desk.writes() == 0


@pytest.mark.parametrize(
    "fault", [{"kind": "garbage"}, {"kind": "status", "status": 503}, {"kind": "drop_before"}], ids=lambda one: str(one["kind"])
)
def test_a_message_by_httpx_before_one_of_ours_that_failed_goes_out_once(desk: Desk, fault: dict[str, object]) -> None:
    """The two go to one path: the first was taken for an earlier try of the second, and sent again."""
    chosen(desk, 2)
    desk.box.fault(**{"on": "write", "path": "/reply$", "after": 2, "count": 2, **fault})  # type: ignore[arg-type]
    words = "--customer-visible", "--workers", "2", "--timeout", "2"
    answer = desk.here("run", "mine.py:TwoWays", "--ids", "ids", "--yes", *PLAIN, *words)
    desk.box.clear_faults()
    assert desk.written("note")["2+"] == 0, answer.err


def test_an_action_of_which_a_message_was_kept_from_leaving_is_not_done(desk: Desk) -> None:
    """It may have been another message than the one that was lost."""
    chosen(desk, 1)
    desk.box.fault("drop_after", on="write", path="/reply$", count=1)
    answer = desk.here("run", "mine.py:KeptFromLeaving", "--ids", "ids", "--yes", *PLAIN)
    assert (answer.counts.get("in_doubt"), desk.written("note")["writes"]) == (1, 1), answer.err
