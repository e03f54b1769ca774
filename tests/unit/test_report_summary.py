"""The run/1 object."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from report_runs import a_run, done, mixed

from intercom_bulk_updater.api.error_map import NOT_INTERCOM
from intercom_bulk_updater.errors import (
    AuthenticationError,
    DeadlineReached,
    IntercomBulkError,
    Interrupted,
    MissingToken,
    NoSuchRun,
    PermissionDenied,
    RefusedInBetween,
    RunStopped,
    SafetyStop,
    ServiceUnavailable,
    TimedOut,
    VerificationFailed,
)
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.journal.lock import RunLock
from intercom_bulk_updater.model import Failure, FoundItem, Item, ItemResult, Outcome, RunStatus
from intercom_bulk_updater.operations.endings import CannotApply
from intercom_bulk_updater.report.summary import exit_of, summarize, summary_without_run
from intercom_bulk_updater.report.texts import error_hint

STOPPED = {"status": RunStatus.STOPPED, "exit_code": 7, "message": "The deadline came"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def test_the_object_has_every_key_of_the_contract(journal: Journal) -> None:
    """`--json` holds the keys of the contract, with these types, and is JSON."""
    run = a_run(journal, 200, mixed, finish={"exit_code": 3})
    told = json.loads(json.dumps(summarize(journal, run.id)))
    assert told["schema"] == "run/1"
    assert (told["ok"], told["exit"]) == (False, 3)
    assert {"id", "operation", "workspace", "started_at", "finished_at", "selection"} <= told["run"].keys()
    assert told["run"]["id"] == run.id
    assert told["run"]["operation"] == "conversations.close"
    assert told["counts"] == {
        "selected": 200, "done": 178, "unchanged": 4, "failed": 10, "drifted": 6, "in_doubt": 2, "pending": 0,
    }  # fmt: skip
    assert {"total", "search", "action", "retried", "throttled"} <= told["requests"].keys()
    assert told["requests"]["total"] == 7
    assert told["seconds"] == 90.5
    assert told["verified"] == {"level": "none", "remaining": None}
    assert all(isinstance(line, str) for line in told["next"])


def test_times_are_rfc_3339_in_utc(journal: Journal) -> None:
    """Times are RFC 3339 in UTC, and a run that goes on has not finished."""
    run = a_run(journal, 1)
    told = summarize(journal, run.id)["run"]
    for at in (told["started_at"], told["finished_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
    journal.update_run(run.id, status=RunStatus.RUNNING)
    with RunLock(journal.home, run.id):
        assert summarize(journal, run.id)["run"]["finished_at"] is None


def test_failures_are_grouped_with_example_and_advice(journal: Journal) -> None:
    """Each cause has its count, an example with Intercom's words and request id, and what to do about it."""
    run = a_run(journal, 200, mixed)
    first, second = summarize(journal, run.id)["failures"]
    assert (first["cause"], first["count"], first["outcome"]) == ("404 not_found", 10, "failed")
    assert first["example"] == {
        "id": "215400000001", "name": "", "status": 404, "code": "not_found", "message": "Resource Not Found",
        "request_id": "req-404",
    }  # fmt: skip
    assert "does not exist any more" in first["advice"]
    assert (second["cause"], second["count"], second["outcome"]) == ("timeout", 2, "in_doubt")
    assert second["advice"]


def test_a_finished_run_ends_with_the_command_that_undoes_it(journal: Journal) -> None:
    """The last command of a finished run takes it back; failures are offered to be tried again only where that may help."""
    clean = a_run(journal, 3)
    assert summarize(journal, clean.id)["next"] == [f"intercom-bulk undo {clean.id}"]
    failed = a_run(journal, 104, lambda item: mixed(item))
    told = summarize(journal, failed.id)["next"]
    assert told == [
        f"intercom-bulk runs resume {failed.id}",
        f"intercom-bulk runs export {failed.id} --outcome drifted",
        f"intercom-bulk undo {failed.id}",
    ]
    assert [group["retry"] for group in summarize(journal, failed.id)["failures"]] == [False, True]


def failing(status: int, code: str) -> Callable[[Item], ItemResult]:
    failure = Failure(f"{status} {code}".strip(), "", status, code)
    return lambda item: ItemResult(item.seq, Outcome.FAILED, failure=failure) if item.seq == 2 else done(item)


@pytest.mark.parametrize(
    ("status", "code", "offered"),
    [
        (404, "not_found", False), (404, "company_not_found", False), (410, "gone", False), (409, "conflict", False),
        (422, "merge_failed", False), (422, "conversation_part_not_redactable", False), (415, "", False),
        (503, "service_unavailable", True), (429, "too_many_requests", True), (403, "forbidden", True), (400, "parameter_invalid", False),
        (422, "parameter_invalid", False), (409, "resource_conflict", False), (404, "assignee_not_found", False),
        (418, "teapot", True),
    ],
)  # fmt: skip
def test_a_retry_is_offered_only_where_it_may_help(journal: Journal, status: int, code: str, offered: bool) -> None:
    """What is refused for good is not offered to be tried again, beside advice that says so."""
    run = a_run(journal, 3, failing(status, code))
    assert (f"intercom-bulk runs retry {run.id}" in summarize(journal, run.id)["next"]) is offered


@pytest.mark.parametrize("message", ["", "It has already been merged", "already exists", "not found", "required scope (x)"])
def test_words_of_the_server_decide_nothing_about_a_retry(journal: Journal, message: str) -> None:
    """The same status and code are offered, or not, whatever stands beside them."""

    def offered(status: int, code: str) -> bool:
        failure = Failure(f"{status} {code}", message, status, code)
        run = a_run(journal, 2, lambda item: ItemResult(item.seq, Outcome.FAILED, failure=failure))
        return any(" retry " in line for line in summarize(journal, run.id)["next"])

    assert not (offered(422, "merge_failed") or offered(409, "conflict"))
    assert offered(403, "forbidden") and offered(500, "x")


def test_what_is_not_possible_is_not_tried_again(journal: Journal) -> None:
    """A user that was to be merged stays one; beside another failure that may pass, retry is offered."""
    never = Failure(CannotApply.cause, "it is a user, and only a lead can be merged into another contact")
    run = a_run(journal, 2, lambda item: ItemResult(item.seq, Outcome.FAILED, failure=never))
    told = summarize(journal, run.id)
    assert not any(" retry " in line for line in told["next"]) and "Leave them out" in told["failures"][0]["advice"]
    passes = Failure("500 x", "", 500, "x")
    mixed_run = a_run(journal, 2, lambda item: ItemResult(item.seq, Outcome.FAILED, failure=passes if item.seq == 1 else never))
    assert f"intercom-bulk runs retry {mixed_run.id}" in summarize(journal, mixed_run.id)["next"]


def test_a_request_of_ones_own_can_be_corrected(journal: Journal) -> None:
    """A verb sends the same again; a person's own code may send another request, so the retry is offered."""
    run = a_run(journal, 3, failing(422, "parameter_invalid"), selection={"updater": {"file": "mine.py", "name": "Mine"}})
    assert f"intercom-bulk runs retry {run.id}" in summarize(journal, run.id)["next"]


def test_a_message_that_was_refused_is_looked_for_again(journal: Journal) -> None:
    """It may have come after the look: the retry that finds it is offered, and the advice names the run."""
    run = a_run(journal, 3, failing(422, "parameter_invalid"), operation="conversations.note")
    told = summarize(journal, run.id)
    assert f"intercom-bulk runs retry {run.id}" in told["next"] and f"--from-run {run.id} in place" in told["failures"][0]["advice"]


def test_undo_is_offered_only_where_it_can_be_done(journal: Journal) -> None:
    """`undo` is not offered for what has no way back, nor for a message, nor where nothing was done."""
    run = a_run(journal, 3)
    assert not any(" undo " in line for line in summarize(journal, run.id, undoable=False)["next"])
    reply = a_run(journal, 3, operation="conversations.reply")
    assert summarize(journal, reply.id)["next"] == [f"intercom-bulk runs show {reply.id}"]
    assert any(" undo " in line for line in summarize(journal, reply.id, undoable=True)["next"])
    empty = a_run(journal, 0)
    assert summarize(journal, empty.id, undoable=True)["next"] == [f"intercom-bulk runs show {empty.id}"]


@pytest.mark.parametrize(
    ("error", "code", "first"),
    [
        (DeadlineReached(), 7, "runs resume"),
        (Interrupted(), 130, "runs resume"),
        (Interrupted(signal_number=15), 143, "runs resume"),
        (KeyboardInterrupt(), 130, "runs resume"),
        (SafetyStop("too many"), 5, "runs resume"),
        (PermissionDenied(status=403, code="forbidden"), 4, "doctor"),
        (ZeroDivisionError("x"), 1, "runs resume"),
    ],
)
def test_a_stopped_run_begins_with_what_continues_it(journal: Journal, error: BaseException, code: int, first: str) -> None:
    """The exit code is the error's; the first command continues the run, or checks a token that ended it."""
    run = a_run(journal, 3, finish=STOPPED)
    told = summarize(journal, run.id, error=error)
    assert (told["exit"], told["ok"]) == (code, False)
    assert told["next"][0].startswith(f"intercom-bulk {first}")
    assert f"intercom-bulk runs resume {run.id}" in told["next"]
    assert told["error"]["type"] == type(error).__name__
    assert told["error"]["message"]


def test_items_in_flight_are_in_doubt_once_their_process_is_dead(journal: Journal) -> None:
    """Items in flight are pending while a process holds the run, and in doubt when it is dead."""
    run = journal.create_run(operation="conversations.close")
    journal.add_items(run.id, [FoundItem("1"), FoundItem("2")])
    journal.turn(run.id, [], 1)
    journal.update_run(run.id, status=RunStatus.RUNNING)
    with RunLock(journal.home, run.id):
        live = summarize(journal, run.id)
    assert (live["run"]["status"], live["counts"]["pending"], live["counts"]["in_doubt"]) == ("running", 2, 0)
    assert live["next"] == [f"intercom-bulk runs watch {run.id}"]
    dead = summarize(journal, run.id)
    assert (dead["run"]["status"], dead["counts"]["pending"], dead["counts"]["in_doubt"]) == (
        "interrupted",
        1,
        1,
    )
    assert dead["next"][0] == f"intercom-bulk runs resume {run.id}"
    assert (dead["exit"], dead["ok"]) == (7, False)


def test_counts_add_up_to_the_selection(journal: Journal) -> None:
    """The six outcomes sum to `selected`, whatever the run's own totals claim."""
    run = a_run(journal, 1234, mixed, finish={"totals": {"counts": {"done": 99}, "seconds": 1}})
    counts = summarize(journal, run.id)["counts"]
    assert counts.pop("selected") == sum(counts.values()) == 1234


def test_nothing_private_is_in_the_object(journal: Journal) -> None:
    """No message body, e-mail address or token is in the object, wherever it stood in the journal."""
    secret = "dG9rOmFhYWFhYWFhYWFhYWFh"
    run = a_run(
        journal,
        1,
        parameters={"body": "Dear Anna, goodbye", "admin": "anna@example.com"},
        selection={
            "kind": "query",
            "words": "email = anna@example.com",
            "query": {"value": "anna@example.com"},
        },
        finish={
            "message": f"anna@example.com Bearer {secret}",
            "totals": {"verified": {"level": "all", "remaining": 1, "wrong": [{"id": "1", "is": "anna@example.com"}]}},
        },
    )
    text = json.dumps(summarize(journal, run.id))
    for private in ("anna@example.com", "Dear Anna", secret):
        assert private not in text


def test_a_note_of_the_verification_is_no_message_body(journal: Journal) -> None:
    """Why an item could not be read back is told in full."""
    verified = {"level": "sample", "remaining": 0, "note": "cannot be read back", "checked": 0}
    run = a_run(journal, 1, finish={"totals": {"verified": verified}})
    assert summarize(journal, run.id)["verified"]["note"] == "cannot be read back"


def test_a_dry_run_counts_what_would_change_as_pending(journal: Journal) -> None:
    """Of a dry run `pending` is what would change, nothing is to be resumed, and its review is told."""
    run = journal.create_run(operation="conversations.close", kind="dry_run")
    journal.add_items(run.id, [FoundItem(str(n), {"state": "open"}) for n in range(7)])
    journal.update_run(run.id, exit_code=0, totals={"review": {"would_change": 7}})
    told = summarize(journal, run.id)
    assert (told["ok"], told["exit"], told["counts"]["pending"]) == (True, 0, 7)
    assert told["next"] == [f"intercom-bulk runs show {run.id}"]
    assert told["review"] == {"would_change": 7}


def test_before_a_run_exists_run_is_null_and_counts_are_absent() -> None:
    """A failure before there is a run: `run` null, no `counts`, the exit code and what to do."""
    told = json.loads(json.dumps(summary_without_run(MissingToken())))
    assert (told["run"], told["exit"], told["ok"]) == (None, 4, False)
    assert "counts" not in told
    assert "INTERCOM_ACCESS_TOKEN is not set" in told["error"]["message"]
    assert told["next"] == ["intercom-bulk doctor"]


def test_the_object_can_be_written_as_utf_8(journal: Journal) -> None:
    """Half an emoji in what a server or an updater said does not keep the object from being printed."""
    failure = Failure("400 x", "half \ud83d", 400, "\ud83d")
    run = a_run(
        journal,
        1,
        lambda item: ItemResult(item.seq, Outcome.FAILED, failure=failure),
        parameters={"\ud83d": "\ud83d"},
        selection={"words": "name = \ud83d"},
    )
    json.dumps(summarize(journal, run.id), ensure_ascii=False).encode("utf-8")


def test_an_unknown_run_is_an_error(journal: Journal) -> None:
    """A run that is not in the journal is never told as an empty one."""
    with pytest.raises(NoSuchRun):
        summarize(journal, "nope")


@pytest.mark.parametrize(
    ("error", "run", "hint"),
    [
        (SafetyStop("Not confirmed: nothing was written.", hint=""), {}, ""),
        (SafetyStop("The canary says: nothing was written."), {}, "Nothing more was written."),
        (IntercomBulkError("x", hint="Do this."), None, "Do this."),
        (RefusedInBetween(status=302, code=NOT_INTERCOM), None, "INTERCOM_BASE_URL; then run the command again."),
        (DeadlineReached(), {"status": RunStatus.STOPPED}, "Nothing is lost: resume the run."),
        (RunStopped("enough"), {"status": RunStatus.STOPPED}, "Nothing is lost: resume the run."),
        (ServiceUnavailable(), {"status": RunStatus.STOPPED}, "resume the run when Intercom and the network are well"),
        (TimedOut(), None, "Run the command again when Intercom and the network are well."),
        (DeadlineReached(), None, "Run the command again."),
        (Interrupted(), {"kind": "dry_run"}, "A dry run is simply started again."),
        (AuthenticationError(status=401), None, "then run the command again."),
        (AuthenticationError(status=401), {"status": RunStatus.STOPPED}, "then resume."),
        (VerificationFailed(), {}, "--outcome done"),
        (VerificationFailed(), {"operation": "conversations.reply"}, "once too often"),
        (VerificationFailed(), {"kind": "undo", "parent": "1122-close-1"}, "intercom-bulk undo 1122-close-1"),
    ],
)
def test_a_hint_points_to_what_there_is(journal: Journal, error: BaseException, run: dict[str, Any] | None, hint: str) -> None:
    """Nothing is to be resumed where there is no run or nothing left of it, and nobody is to blame for a deadline."""
    status = {"status": RunStatus.FINISHED, **(run or {})}.pop("status")
    named = {name: value for name, value in (run or {}).items() if name != "status"}
    record = None if run is None else a_run(journal, 1, finish={"status": status}, **named)
    said = error_hint(error, exit_of(error), record)
    assert hint in said if hint else not said


def test_a_dry_run_has_the_pace_of_looking(journal: Journal) -> None:
    """Its rate is of what it looked at, whatever of that already was as wanted."""
    run = a_run(journal, 20, lambda item: ItemResult(item.seq, Outcome.UNCHANGED), kind="dry_run", finish={"totals": {"seconds": 0.2}})
    assert summarize(journal, run.id)["rate"] == 100.0
