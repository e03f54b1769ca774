"""What the run says of an item is so: refusals of one and of all, failures all alike, undo with lost answers, writes without effect."""

from __future__ import annotations

from typing import Any

import pytest

from intercom_bulk_updater.runs.guards import ALL_ALIKE, REFUSED_AT_FIRST

from .desk import QUERY, Desk

SANDBOX = {"conversations": 240, "limit": 20_000, "workspace_limit": 50_000}
IN_MEMORY = True
PARTS = {"method": "POST", "path": "/parts$"}
TOUCHES = """
from intercom_bulk_updater import IntercomBulkUpdater

class Renames(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "contacts/search"

    def get_search_query(self, **_):
        return {"field": "role", "operator": "=", "value": "user"}

    def get_item_id(self, item):
        return item["id"]

    def perform_action(self, item_id, **_):
        return self.client.put(f"contacts/{item_id}", {"name": "Renamed"})

class Deletes(Renames):
    def perform_action(self, item_id, **_):
        return self.client.delete(f"contacts/{item_id}")

class Breaks(Renames):
    def perform_action(self, item_id, **_):
        answer = self.client.put(f"contacts/{item_id}", {"name": "Renamed"})
        return answer["no such field"]

class SkipsTooLate(Renames):
    def perform_action(self, item_id, **_):
        from intercom_bulk_updater import Skip
        self.client.put(f"contacts/{item_id}", {"name": "Renamed"})
        raise Skip("thought better of it")
"""


def run(desk: Desk, name: str, *more: str) -> Any:
    """Run one of the updaters above on eight contacts."""
    (desk.home / "mine.py").write_text(TOUCHES)
    return desk.here("run", f"mine.py:{name}", "--limit", "8", "--yes", "--json", "--verify", "none", "--workers", "4", *more)


@pytest.mark.parametrize("status", [402, 403, 415])
def test_one_items_refusal_is_that_items_failure(desk: Desk, status: int) -> None:
    """A few conversations that are refused fail with their reason; all others are done, in the same run."""
    ids = desk.open_ids()
    forbidden = [ids[1], ids[7], ids[20], ids[-1]]
    desk.box.fault("status", status=status, method="POST", path=f"/({'|'.join(forbidden)})/parts$")
    answer = desk.close("--verify", "none", "--workers", "1")
    assert (answer.code, answer.counts) == (3, {"selected": len(ids), "done": len(ids) - 4, "failed": 4}), answer.err
    assert sorted(desk.open_ids()) == sorted(forbidden)
    assert answer.json["failures"][0]["example"]["status"] == status


def test_a_run_gets_past_items_that_are_refused_one_by_one(desk: Desk) -> None:
    """Where the very first items are forbidden, the run stops for their permission; resumed, it tries more and gets past them."""
    ids = desk.open_ids()
    first = [str(row["id"]) for row in desk.here("conversations", "find", "--where", QUERY, "--json").json["items"]][:8]
    desk.box.fault("status", status=403, method="POST", path=f"/({'|'.join(first)})/parts$")
    stopped = desk.close("--verify", "none", "--workers", "1")
    assert stopped.code == 4 and stopped.counts["pending"] == len(ids), stopped.err
    assert desk.sent("/parts") == REFUSED_AT_FIRST
    resumed = desk.here("runs", "resume", stopped.run, "--json")
    assert (resumed.code, resumed.counts) == (3, {"selected": len(ids), "done": len(ids) - 8, "failed": 8}), resumed.err


def test_a_permission_taken_away_in_the_middle_ends_the_run(desk: Desk) -> None:
    """After some were done, a long row of refusals alike ends the run; with the permission back, resume does all of them."""
    ids = [str(row["id"]) for row in desk.box.conversations(state="open")]
    desk.box.fault("status", status=403, after=5, **PARTS)
    where = "--where", "state = open", "--yes", "--json"
    stopped = desk.here("conversations", "close", *where, "--verify", "none", "--workers", "2")
    assert stopped.code == 4 and stopped.counts["done"] == 5 and not stopped.counts.get("failed"), stopped.err
    desk.box.clear_faults()
    assert desk.here("runs", "resume", stopped.run, "--json").counts == {"selected": len(ids), "done": len(ids)}


def test_a_run_whose_first_items_all_fail_alike_stops_by_itself(desk: Desk) -> None:
    """Twenty failures of one cause and nothing done: exit 5, the cause, the rest pending, and the command that goes on."""
    ids = desk.open_ids()
    desk.box.fault("status", status=422, **PARTS)
    answer = desk.close("--workers", "2", "--verify", "none")
    assert answer.code == 5, answer.err
    assert ALL_ALIKE <= answer.counts["failed"] < len(ids)
    assert answer.counts["failed"] + answer.counts["pending"] == len(ids)
    go_on = f"runs resume {answer.run} --max-failures 100%"
    assert f"intercom-bulk {go_on}" in answer.json["next"] and "422" in answer.err and go_on in answer.err
    desk.box.clear_faults()
    resumed = desk.here(*go_on.split(), "--json")
    assert (resumed.code, resumed.counts["done"]) == (3, answer.counts["pending"]), resumed.err


def test_a_hundred_percent_of_failures_is_allowed_when_it_is_said(desk: Desk) -> None:
    """--max-failures 100% lets a run go on to its last item."""
    desk.box.fault("status", status=422, **PARTS)
    answer = desk.close("--verify", "none", "--max-failures", "100%", "--limit", "30")
    assert (answer.code, answer.counts) == (3, {"selected": 30, "failed": 30}), answer.err


VERBS = {
    "close": ["close"], "assign": ["assign", "--to-team", "5002"], "tag": ["tag", "--tag", "7003"], "snooze": ["snooze", "--until", "+3d"],
}


@pytest.mark.parametrize("name", VERBS)
def test_an_undo_whose_answers_are_lost_is_complete(desk: Desk, name: str) -> None:
    """Every answer to the undo is lost: it looks, finds all restored, says so, and can itself be undone."""
    before = _fields(desk)
    chosen = "--where", f"{QUERY} and tag != 7003", "--limit", "4", "--yes", "--json", "--verify", "none"
    done = desk.here("conversations", *VERBS[name], *chosen)
    after = _fields(desk)
    assert done.counts["done"] == 4, done.err
    desk.box.fault("drop_after", path="/conversations/[0-9]+(/parts|/tags.*)?$", every=2)
    undone = desk.here("undo", done.run, "--yes", "--json", "--verify", "none", "--retries", "6", "--workers", "2")
    assert (undone.code, undone.counts) == (0, {"selected": 4, "done": 4}), undone.err
    assert _fields(desk) == before
    desk.box.clear_faults()
    again = desk.here("undo", undone.run, "--yes", "--json", "--verify", "none")
    assert (again.code, again.counts) == (0, {"selected": 4, "done": 4}), again.err
    assert _fields(desk) == after


def _fields(desk: Desk) -> dict[str, Any]:
    return {str(r["id"]): (r["state"], r["team"], r["admin"], sorted(r["tags"])) for r in desk.box.conversations()}


@pytest.mark.parametrize("verb", [["close"], ["assign", "--to-team", "5002"], ["snooze", "--until", "+3d"]], ids=lambda v: v[0])
def test_a_success_that_shows_the_old_state_is_not_believed(desk: Desk, verb: list[str]) -> None:
    """200 to each write, and nothing changed: without any verification the items have failed, and say that they are as before."""
    before = _fields(desk)
    desk.switch(write_answers="ignored")
    answer = desk.here("conversations", *verb, "--where", QUERY, "--limit", "3", "--yes", "--json", "--verify", "none", "--retries", "1")
    assert (answer.code, answer.counts) == (3, {"selected": 3, "failed": 3}), answer.err
    assert answer.json["failures"][0]["cause"] == "no effect" and "still" in answer.json["failures"][0]["example"]["message"]
    assert _fields(desk) == before


def test_a_lost_answer_to_a_write_of_a_contact_is_found_out(desk: Desk) -> None:
    """A PUT or DELETE of an updater whose answers are lost is read back by what it leaves, and done once."""
    desk.box.fault("drop_after", method="PUT", path="/contacts/", every=2)
    renamed = run(desk, "Renames")
    assert (renamed.code, renamed.counts) == (0, {"selected": 8, "done": 8}), renamed.err
    desk.box.clear_faults()
    desk.box.fault("drop_after", method="DELETE", path="/contacts/")
    deleted = run(desk, "Deletes")
    assert (deleted.code, deleted.counts) == (0, {"selected": 8, "done": 8}), deleted.err
    assert desk.written("delete")["writes"] == 8


@pytest.mark.parametrize(("name", "words"), [("Breaks", "PUT contacts/"), ("SkipsTooLate", "thought better of it")])
def test_an_action_that_wrote_and_then_broke_off_is_in_doubt(desk: Desk, name: str, words: str) -> None:
    """A KeyError or a Skip after a write that was answered: neither failed nor unchanged, for something of it stands."""
    answer = run(desk, name)
    assert (answer.code, answer.counts) == (3, {"selected": 8, "in_doubt": 8}), answer.err
    assert words in answer.json["failures"][0]["example"]["message"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_an_error_while_looking_says_nothing_about_what_was_written(desk: Desk, status: int) -> None:
    """The answers to replies are lost and every look is refused: in doubt, not failed; a retry sends none of them again."""
    ids = desk.open_ids()[:3]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("drop_after", method="POST", path="/reply$")
    desk.box.fault("status", status=status, method="GET", path="/conversations/[0-9]+$", after=3)
    reply = ["conversations", "reply", "--ids", "ids", "--body", "Sorry.", "--customer-visible", "--yes", "--json", "--retries", "0"]
    answer = desk.here(*reply, "--verify", "none")
    assert (answer.code, answer.counts) == (3, {"selected": 3, "in_doubt": 3}), answer.err
    desk.box.clear_faults()
    again = desk.here("runs", "retry", answer.run, "--yes", "--json")
    assert again.counts == {"selected": 3, "done": 3}, again.err
    desk.once("comment", ids)


def test_a_canary_says_what_the_counts_say(desk: Desk) -> None:
    """One of the first three is refused, one is in doubt: the words, the event and the counts keep them apart."""
    refused, lost, _ = desk.open_ids()[:3]
    (desk.home / "ids").write_text("\n".join(desk.open_ids()[:6]))
    desk.box.fault("status", status=403, method="POST", path=f"/{refused}/reply$")
    desk.box.fault("drop_after", method="POST", path=f"/{lost}/reply$", count=1)
    desk.box.fault("status", status=403, method="GET", path=f"/{lost}$", after=1)
    answer = desk.here(
        "conversations", "reply", "--body", "Hello", "--ids", "ids", "--yes", "--customer-visible", "--canary", "3", "--timeout", "2",
        "--json", "--retries", "1",
    )  # fmt: skip
    assert (answer.code, answer.counts) == (5, {"selected": 6, "done": 1, "failed": 1, "in_doubt": 1, "pending": 3}), answer.err
    assert "of the first 3 items 1 failed, 1 is in doubt and 0 are not in the requested state" in answer.json["error"]["message"]
    assert (answer.json["canary"]["failed"], answer.json["canary"]["in_doubt"]) == (1, 1)
    assert "canary: of the first 3 items 1 failed, 1 in doubt and 0" in desk.here("runs", "show", answer.run, "-v").out
