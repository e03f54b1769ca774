"""Every fault that the sandbox knows, on actions and on searches, alone and mixed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from .desk import QUERY, Desk

SANDBOX = {"window": 2.0, "limit": 2000}

# Each variant costs a second or two: the quick half always, all of them with `-m slow`.
def quick(names: Iterable[str], *some: str) -> list[Any]:
    """Names as parameters; those not among `some` are marked slow."""
    return [pytest.param(name, id=name, marks=() if name in some else pytest.mark.slow) for name in names]


PARTS = {"method": "POST", "path": "/parts$"}
REPLIES = {"method": "POST", "path": "/reply$"}
SEARCH = {"method": "POST", "path": "/search$"}

ON_ACTIONS: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502},
    "503": {"kind": "status", "status": 503},
    "504": {"kind": "status", "status": 504},
    "408": {"kind": "status", "status": 408},
    "dropped before": {"kind": "drop_before"},
    "dropped after": {"kind": "drop_after"},
    "truncated": {"kind": "truncated"},
    "html": {"kind": "html200"},
    "html 502, done": {"kind": "html502", "commit": "before"},
    "empty": {"kind": "empty200"},
    "empty, done": {"kind": "empty200", "commit": "before"},
    "garbage, done": {"kind": "garbage", "commit": "before"},
    "done, then 504": {"kind": "error_after", "status": 504},
    "done, then 500": {"kind": "error_after", "status": 500},
    "429 window": {"kind": "limit"},
    "429 overload": {"kind": "overload"},
    "429 jobs": {"kind": "jobs"},
}


@pytest.mark.parametrize(
    "name", quick(ON_ACTIONS, "503", "dropped before", "dropped after", "truncated", "empty, done", "done, then 504", "429 window")
)
def test_a_passing_fault_on_an_action_costs_no_item_and_no_second_close(desk: Desk, name: str) -> None:
    """Whatever becomes of an answer, each conversation is closed exactly once at the server, and the run says so."""
    ids = desk.open_ids()
    desk.box.fault(**ON_ACTIONS[name], **PARTS, every=8, count=4)
    answer = desk.close()
    assert answer.code == 0, answer.err
    assert answer.counts == {"selected": len(ids), "done": len(ids)}
    assert sum(rule["fired"] for rule in desk.box.faults()) == 4
    desk.once("close", ids)
    assert not desk.open_ids()


def test_all_faults_at_once_on_actions(desk: Desk) -> None:
    """A mixture of every fault, on a fifth of the requests, still closes each conversation exactly once."""
    ids = desk.open_ids()
    for fault in ON_ACTIONS.values():
        desk.box.fault(**fault, **PARTS, share=0.02, count=3)
    answer = desk.close("--retries", "8")
    assert (answer.code, answer.counts) == (0, {"selected": len(ids), "done": len(ids)}), answer.err
    desk.once("close", ids)


LOST = ["dropped after", "truncated", "html 502, done", "empty, done", "garbage, done", "done, then 504", "dropped before", "503"]


@pytest.mark.parametrize("name", quick(LOST, "dropped after", "html 502, done", "empty, done", "dropped before"))
def test_a_lost_answer_never_writes_to_a_customer_twice(desk: Desk, name: str) -> None:
    """A reply whose answer was lost is looked for in the thread, and written again only where it does not stand."""
    ids = desk.open_ids()[:12]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault(**ON_ACTIONS[name], **REPLIES, every=3)
    answer = desk.here(
        "conversations", "reply", "--ids", "ids", "--body", "Sorry, we were away.", "--customer-visible", "--yes", "--json",
        "--timeout", "1",
    )
    audit = desk.box.audit()
    assert audit["duplicate_replies"] == 0
    found = desk.written("comment")
    assert found["2+"] == 0
    assert answer.counts.get("done", 0) + answer.counts.get("in_doubt", 0) == len(ids)
    assert found["1"] >= answer.counts.get("done", 0)
    assert answer.code == (3 if answer.counts.get("in_doubt") else 0)


def test_a_reply_slower_than_the_timeout_is_never_repeated(desk: Desk) -> None:
    """A reply that is carried out after its timeout stands once: it is found, or left in doubt, never sent again."""
    ids = desk.open_ids()[:12]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("slow", seconds=1.6, commit="after", **REPLIES, every=3, count=4)
    answer = desk.here(
        "conversations", "reply", "--ids", "ids", "--body", "Sorry.", "--customer-visible", "--yes", "--json", "--timeout", "0.7",
    )
    assert desk.box.audit()["duplicate_replies"] == 0
    # The sandbox carries a late write out only while somebody still waits for its answer.
    assert answer.counts.get("done", 0) <= desk.written("comment")["writes"] <= len(ids)
    assert answer.counts.get("done", 0) + answer.counts.get("in_doubt", 0) == len(ids)


@pytest.mark.parametrize("retries", [0, 2])
def test_retries_n_means_n_plus_one_requests(desk: Desk, retries: int) -> None:
    """--retries N sends N+1 requests for an item that never succeeds, counted at the server, and exits with 3."""
    one = desk.open_ids()[0]
    (desk.home / "ids").write_text(one)
    desk.box.fault("status", status=503, **PARTS)
    answer = desk.here(
        "conversations", "close", "--ids", "ids", "--yes", "--json", "--retries", str(retries), "--verify", "none"
    )
    assert desk.sent("/parts") == retries + 1
    assert (answer.code, answer.counts) == (3, {"selected": 1, "failed": 1})
    failure = answer.json["failures"][0]
    assert failure["count"] == 1 and failure["example"]["id"] == one and failure["example"]["status"] == 503
    assert failure["example"]["request_id"] and failure["advice"]


def test_a_window_429_costs_no_attempt(desk: Desk) -> None:
    """With --retries 0 an item that the window turned away is still done."""
    ids = desk.open_ids()
    desk.box.fault("limit", **PARTS, count=3)
    answer = desk.close("--retries", "0")
    assert (answer.code, answer.counts["done"]) == (0, len(ids)), answer.err
    desk.once("close", ids)


@pytest.mark.parametrize(("status", "after"), [(402, 0), (403, 0), (401, 20)])
def test_a_refused_permission_ends_the_run(desk: Desk, status: int, after: int) -> None:
    """401 at once, 402 and 403 of the first five items alike end the run with exit 4; all that was refused resumes."""
    ids = desk.open_ids()
    desk.box.fault("status", status=status, after=after, **PARTS)
    answer = desk.close("--workers", "4")
    assert answer.code == 4, answer.err
    sent = desk.sent("/parts")
    # Four workers: what is under way when the last refusal counts is finished first.
    assert after < sent <= after + 4 + (4 if status != 401 else 0)
    assert answer.counts.get("done", 0) == after and answer.counts["pending"] == len(ids) - after
    assert any("resume" in command for command in answer.json["next"])
    desk.box.clear_faults()
    again = desk.here("runs", "resume", answer.run, "--json")
    assert (again.code, again.counts["done"]) == (0, len(ids)), again.err
    desk.once("close", ids)


PASSING = ["500", "503", "dropped before", "dropped after", "truncated", "html", "empty", "garbage, done", "429 window", "429 overload"]


@pytest.mark.parametrize("name", quick(PASSING, "503", "dropped after", "html", "429 overload"))
def test_a_passing_fault_on_a_search_loses_nothing(desk: Desk, name: str) -> None:
    """A search page that fails once, the first or the last, is asked for again, and the selection is whole."""
    ids = desk.open_ids()
    desk.box.fault(**ON_ACTIONS[name], **SEARCH, every=2, count=2)
    answer = desk.close()
    assert (answer.code, answer.counts) == (0, {"selected": len(ids), "done": len(ids)}), answer.err
    desk.once("close", ids)


FOR_GOOD = ["500", "dropped before", "truncated", "html", "empty", "garbage, done", "429 overload"]


@pytest.mark.parametrize("name", quick(FOR_GOOD, "500", "truncated", "empty"))
def test_a_failed_search_is_never_an_empty_one(desk: Desk, name: str) -> None:
    """A search that fails for good ends with a non-zero exit and an error, never with nothing to do."""
    desk.box.fault(**ON_ACTIONS[name], **SEARCH)
    answer = desk.close("--retries", "0")
    assert answer.code not in (0, 2, 3), answer.err
    assert answer.json["ok"] is False
    assert answer.json["exit"] == answer.code
    assert desk.writes() == 0
    assert "search" in answer.err.lower()
    assert desk.sent("/search") == 1


def test_a_later_page_that_fails_for_good_is_an_error(desk: Desk) -> None:
    """What the first pages found may be done; the run is still not complete, says so, and resumes."""
    desk.box.add_conversations(200, team=5001, state="open")
    ids = desk.open_ids()
    desk.switch(fail_page=2, fail_page_times=-1)
    answer = desk.close("--retries", "1")
    assert answer.code not in (0, 2, 3) and not answer.json["ok"]
    assert answer.counts["selected"] < len(ids)
    desk.switch(fail_page=0)
    again = desk.here("runs", "resume", answer.run, "--json")
    assert (again.code, again.counts) == (0, {"selected": len(ids), "done": len(ids)}), again.err
    desk.once("close", ids)


def test_a_cursor_that_comes_back_is_an_error(desk: Desk) -> None:
    """Pages that go in circles end the run with an error and not never."""
    desk.box.add_conversations(500, team=5001, state="open")
    desk.switch(cursor="repeat", repeat_after=2)
    answer = desk.close("--max", "1000")
    assert answer.code not in (0, 2, 3), answer.err
    assert not answer.json["ok"]
    assert desk.written("close")["2+"] == 0


@pytest.mark.parametrize("error", [-20, 30])
def test_a_wrong_total_is_reported_and_loses_nothing(desk: Desk, error: int) -> None:
    """A total_count that is off changes nothing of what is done; one that announces more than is shown is exit 6."""
    ids = desk.open_ids()
    desk.switch(count_error=error)
    answer = desk.close()
    assert (answer.code, answer.counts["done"]) == (6 if error > 0 else 0, len(ids)), answer.err
    assert answer.json["search"].get("missing", 0) == max(0, error)
    assert answer.json["search"]["total"] == len(ids) + error
    desk.once("close", ids)


def test_one_bad_item_fails_alone(desk: Desk) -> None:
    """An item that is gone fails with its reason; the others are done, and the exit is 3."""
    ids = desk.open_ids()
    (desk.home / "ids").write_text("\n".join([*ids[:5], "999999999999999", *ids[5:]]))
    answer = desk.command("conversations", "close", "--ids", "ids", "--yes", "--json")
    assert (answer.code, answer.counts) == (3, {"selected": len(ids) + 1, "done": len(ids), "failed": 1})
    assert answer.json["failures"][0]["example"]["status"] == 404
    desk.once("close", ids)


def test_a_token_that_was_revoked_before_the_run(desk: Desk) -> None:
    """A rejected token is exit 4, with no run and no counts, after one request."""
    desk.switch(token_state="revoked")
    answer = desk.command("conversations", "close", "--where", QUERY, "--yes", "--json")
    assert answer.code == 4
    assert answer.json["run"] is None and "counts" not in answer.json
    assert desk.box.stats()["requests"] == 1


@pytest.mark.parametrize("path", ["/me$", "/teams$"])
def test_a_passing_fault_on_the_first_requests_is_waited_out(desk: Desk, path: str) -> None:
    """A 503 on what is asked before the search does not end a run that any other request would have survived."""
    ids = desk.open_ids()
    desk.box.fault("status", status=503, path=path, count=1)
    answer = desk.close()
    assert (answer.code, answer.counts.get("done")) == (0, len(ids)), answer.err
