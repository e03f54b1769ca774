"""Runs that stop and go on, plans that are no longer true, and what is asked of a run from outside: all without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater import errors
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.journal.lock import RunLock
from intercom_bulk_updater.model import RunStatus
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.service.consent import Consent
from intercom_bulk_updater.service.selection import Selection
from intercom_bulk_updater.service.verbs import VerbRequest
from intercom_bulk_updater.service.work import prepare
from intercom_bulk_updater.stop import Stop

from .network import MemorySandbox

WHERE = "team = Support and state = open"
CLOSE, NOTE = "conversations.close", "conversations.note"
FEW: dict[str, Any] = {"limit": 6, "workers": 1}


SOME: list[tuple[str, dict[str, Any]]] = [
    (CLOSE, {}), (NOTE, {"body": "Seen."}), ("conversations.tag", {"tag": ["new"], "create_tag": True}),
]  # fmt: skip


def written(box: MemorySandbox) -> int:
    """Writes to conversations that the server carried out."""
    return sum(int(kind["writes"]) for kind in box.audit("conversations")["kinds"].values())


def stopped(box: MemorySandbox, verb: str = CLOSE, **given: Any) -> bulk.Run:
    """A run that Intercom's absence has ended in the middle."""
    box.fault("outage", on="write", after=2)
    with pytest.raises(errors.ServiceUnavailable) as ended:
        bulk.run(verb, WHERE, patience=30, **{**FEW, **given})
    box.clear_faults()
    run: bulk.Run = ended.value.run  # type: ignore[attr-defined]
    return run


@pytest.mark.parametrize(("verb", "given"), SOME)
def test_a_run_goes_on(box: MemorySandbox, verb: str, given: dict[str, Any]) -> None:
    """What it had done is not done again, and what was left is done."""
    run = stopped(box, verb, **given)
    assert run.status == "stopped" and 0 < run.counts.done < 6
    assert run.resume(workers=2).counts.done == 6 and run.ok


@pytest.mark.parametrize("days", [0, 1])
def test_a_process_dies(box: MemorySandbox, days: int) -> None:
    """What it left in flight is in doubt; what it asked for is looked at before anything is repeated."""
    run = stopped(box, NOTE, body="Seen.")
    with Journal(run.workspace.journal) as journal:
        record = journal.run(run.id)
        journal.turn(run.id, [], 1, now=(record.started_at or 0.0) + 1)
        journal.update_run(run.id, status=RunStatus.RUNNING, started_at=(record.started_at or 0.0) - days * 86_400)
    assert run.status == "interrupted"
    assert run.resume(workers=1).counts.done == 6 and written(box) == 6


PUT_ON: list[tuple[str, dict[str, Any]]] = [
    ("contacts.attach-company", {"company": "acme-00001"}), ("contacts.tag", {"tag": ["vip"]}), ("contacts.set", {"values": ["name=Q"]}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "given"), PUT_ON)
def test_what_was_as_wanted_before_a_process_died_is_not_its_work(box: MemorySandbox, verb: str, given: dict[str, Any]) -> None:
    """It was in flight, and nothing was sent for it: the resume counts it as unchanged, and the undo leaves it alone."""
    some = [one["id"] for one in box.contacts(role="user") if not one["companies"] and not one["tags"]][:5]
    bulk.run("contacts.tag", ids=some, tag=["bug"])
    ids = [one["id"] for one in bulk.find("contacts", "tag = bug")]
    bulk.run(verb, ids=ids[2:], **given)
    selection = Selection(where="tag = bug")
    request = VerbRequest(verb=verb, parameters=given, selection=selection, options=Options(python=True), consent=Consent())
    with bulk.Workspace().session(request.options) as (session, names):
        work = request.check().begin(session, names)
        with pytest.raises(errors.SafetyStop), prepare(work):
            while session.journal.counts(work.run.id).selected < 5:
                Event().wait(0.01)  # the reader is a thread of its own
            assert len(session.journal.turn(work.run.id, [], 5)) == 5
        session.journal.update_run(work.run.id, status=RunStatus.RUNNING)
    run = bulk.open_run(work.run.id)
    counts = run.resume(workers=1).counts
    assert (counts.done, counts.unchanged) == (2, 3), run.report()
    assert run.undo().counts.done == 2


def test_a_note_like_ours_that_another_folder_wrote_is_not_taken_for_ours(
    box: MemorySandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours has arrived and its answer is lost; another state folder has written the same since: which is whose, nothing tells."""
    box.fault("drop_after", on="write", count=1)
    box.fault("status", status=500, on="look")
    run = bulk.run(NOTE, WHERE, body="Seen.", limit=1, workers=1, retries=1, verify="none")
    assert run.counts.in_doubt == 1, run.report()
    box.clear_faults()
    ids = [one.id for one in run.items()]
    monkeypatch.setenv("INTERCOM_BULK_HOME", str(tmp_path / "other"))
    other = bulk.run(NOTE, ids=ids, body="Seen.", workers=1)
    assert (other.counts.done, written(box)) == (1, 2)
    monkeypatch.setenv("INTERCOM_BULK_HOME", str(tmp_path / "home"))
    again = run.resume(workers=1, verify="none")
    assert (again.counts.in_doubt, written(box)) == (1, 2), again.report()
    # No resume will tell, so none is offered: a look by hand, and the message once more.
    told = again.report()
    failure, link = told["failures"][0], f"/conversation/{ids[0]}"
    assert (failure["untold"], failure["retry"], told["next"]) == (1, False, [f"intercom-bulk runs export {run.id} --outcome in_doubt"])
    assert link in failure["advice"] and f"--from-run {run.id} --outcome in_doubt --again" in failure["advice"], failure
    assert "resume" not in failure["advice"]
    assert bulk.run(NOTE, ids=ids, body="Seen.", workers=1).report()["failures"][0]["example"]["message"].endswith("or say --again")
    once_more = bulk.run(NOTE, from_run=run, outcome="in_doubt", body="Seen.", again=True, workers=1)
    assert (once_more.counts.done, written(box)) == (1, 3)


def test_failures_are_retried(box: MemorySandbox) -> None:
    """By their cause, and nothing else; what was never begun stays for a resume."""
    box.fault("status", status=422, on="write", every=2)
    run = bulk.run(CLOSE, WHERE, **FEW)
    assert (run.counts.done, run.counts.failed) == (3, 3)
    box.clear_faults()
    with pytest.raises(errors.UsageError):
        run.retry(only="429")
    assert run.retry(only="422").counts.done == 6
    half = stopped(box, limit=9)
    with pytest.raises(errors.RunStopped):
        half.retry()
    with pytest.raises(errors.ItemsFailed) as ended:
        _failing(box)
    result = ended.value.result  # type: ignore[attr-defined]
    assert (result.failed, len(result.failed_ids), result.success) == (2, 2, result["success"]) and "failed=2" in repr(result)
    assert result.items() and "<table" in result._repr_html_()


def _failing(box: MemorySandbox) -> None:
    box.fault("status", status=422, on="write", count=2)
    with pytest.raises(errors.SafetyStop) as ended:
        bulk.run(CLOSE, "state = open", limit=3, workers=1, canary=2)
    ended.value.result.raise_for_failures()  # type: ignore[attr-defined]


def test_somebody_asks_to_stop(box: MemorySandbox) -> None:
    """From another thread, from the callback, by Ctrl-C: in order, and it can be gone on with."""
    stop = Stop()

    def enough(event: Mapping[str, Any]) -> None:
        if event["event"] == "run.started" or written(box):
            stop.ask("Enough.")

    with pytest.raises(errors.RunStopped) as ended:
        bulk.run(CLOSE, WHERE, stop=stop, on_event=enough, rate="30/min", **FEW)
    run: bulk.Run = ended.value.run  # type: ignore[attr-defined]
    for reason, kind in ((errors.Interrupted(2), errors.Interrupted), (ValueError("broken"), ValueError)):
        again = Stop()

        def refuse(event: Mapping[str, Any], again: Stop = again, reason: BaseException = reason) -> None:
            again.ask(reason)

        with pytest.raises(kind):
            run.resume(stop=again, on_event=refuse, rate="30/min")
    assert run.resume(rate="6000/min").counts.done == 6 and written(box) == 6


@pytest.mark.parametrize("asked", ["cancel", "pause", "speed"])
def test_another_process_asks(box: MemorySandbox, asked: str) -> None:
    """To cancel it, to pause it and go on, to be slower: heeded in the middle."""
    heard: list[str] = []

    def ask(event: Mapping[str, Any]) -> None:
        heard.append(str(event["event"]))
        run = bulk.open_run("latest")
        if written(box) and asked not in heard:
            heard.append(asked)
            run.speed(share="50%", rate="90/min") if asked == "speed" else getattr(run, asked)()
        elif "paused" in heard and "resume" not in heard:
            heard.append("resume")
            assert run.status == "paused" and run.resume() == run

    if asked == "cancel":
        with pytest.raises(errors.RunStopped) as ended:
            bulk.run(CLOSE, WHERE, on_event=ask, rate="30/min", **FEW)
        run: bulk.Run = ended.value.run  # type: ignore[attr-defined]
        assert run.status == "cancelled"
        run.resume()
    else:
        run = bulk.run(CLOSE, WHERE, on_event=ask, rate="30/min", **FEW)
    assert run.counts.done == 6, heard
    assert asked != "pause" or {"paused", "resumed"} <= set(heard)


def test_somebody_has_to_confirm(box: MemorySandbox) -> None:
    """Nothing is written before that; what was not started or not confirmed stays, and what was confirmed is not asked about again."""
    options = Options(python=True, ask=True, limit=3, workers=1)
    request = VerbRequest(verb=CLOSE, parameters={}, selection=Selection(where=WHERE, limit=3), options=options, consent=Consent())
    with bulk.Workspace().session(options) as (session, names):
        checked = request.check()
        left = checked.begin(session, names)
        with pytest.raises(errors.SafetyStop), prepare(left) as prepared:
            assert prepared.asks and prepared.preview is not None
        with pytest.raises(errors.SafetyStop), prepare(checked.begin(session, names)) as prepared:
            prepared.start()
        assert not written(box)
        with prepare(checked.begin(session, names)) as prepared:
            prepared.confirm()
            prepared.start()
    assert written(box) == 3 and bulk.open_run(left.run.id).resume().ok


def test_a_run_is_held(box: MemorySandbox) -> None:
    """While a process works on it no other does: neither resume, nor undo, nor a second look."""
    run = stopped(box)
    with RunLock(run.workspace.home, run.id):
        for act in (run.resume, run.undo, run.retry, run.verify):
            with pytest.raises(errors.RunLocked):
                act()
    assert run.resume().counts.done == 6


@pytest.mark.parametrize("drift", ["skip", "stop", "force"])
def test_items_move_after_the_plan(box: MemorySandbox, drift: str) -> None:
    """Left alone, the end of the run, or done all the same; the items of a plan that is half done are not done again."""
    bulk.plan(CLOSE, WHERE, file="p.jsonl", limit=4)
    first, second = [json.loads(line)["id"] for line in Path("p.jsonl").read_text().splitlines()[1:3]]
    box.touch([first], "assign")
    box.touch([second], "close")
    if drift == "stop":
        with pytest.raises(errors.SafetyStop):
            bulk.apply("p.jsonl", on_drift=drift, workers=1)
        assert bulk.apply("p.jsonl", on_drift="skip", workers=1).counts.drifted == 1
        return
    run = bulk.apply("p.jsonl", on_drift=drift, workers=1)
    assert (run.counts.drifted, run.counts.done + run.counts.unchanged) == ((1, 3) if drift == "skip" else (0, 4)), run.report()
    changed = [one.id for one in run.items("done")][:2]
    box.touch(changed[:1], "reopen")
    undone = run.undo(workers=1)
    assert undone.counts.drifted == 1 and undone.undo(workers=1).counts.done == undone.counts.done
    with pytest.raises(errors.SafetyStop):
        bulk.preview(CLOSE, from_run=run, outcome="done").run.undo()  # type: ignore[union-attr]


def test_a_plan_that_is_no_longer_true(box: MemorySandbox) -> None:
    """Altered, expired, of another workspace, no plan at all: refused before anything is written."""
    planned = bulk.plan(CLOSE, WHERE, file="p.jsonl", limit=3)
    whole = Path("p.jsonl").read_text()
    head, rest = whole.split("\n", 1)
    wrong: list[tuple[str, type[Exception]]] = [
        (head + "\n" + rest.replace("open", "opened", 1), errors.SafetyStop), (head + " \n" + rest, errors.SafetyStop),
        (head[:-9] + "\n" + rest, errors.SafetyStop), ("[]\n", errors.UsageError), ("", errors.UsageError),
    ]  # fmt: skip
    for text, kind in wrong:
        Path("p.jsonl").write_text(text)
        with pytest.raises(kind):
            bulk.apply("p.jsonl")
    for path in ("nowhere.jsonl", "."):
        with pytest.raises(errors.UsageError):
            bulk.apply(path)
    with pytest.raises(errors.UsageError):
        bulk.plan(CLOSE, WHERE, file="nowhere/p.jsonl", limit=3)
    Path("other.txt").write_text("mine")
    with pytest.raises(errors.UsageError):
        bulk.plan(CLOSE, WHERE, file="other.txt", limit=3)
    with pytest.raises(errors.UsageError):
        planned.resume()
    with pytest.raises(errors.UsageError):
        planned.verify()
    assert not written(box)


def test_half_of_a_plan(box: MemorySandbox) -> None:
    """A plan whose run stopped is gone on with, by the same call."""
    bulk.plan(CLOSE, WHERE, file="p.jsonl", limit=5)
    box.fault("outage", on="write", after=2)
    with pytest.raises(errors.ServiceUnavailable):
        bulk.apply("p.jsonl", patience=30, workers=1)
    box.clear_faults()
    assert bulk.apply("p.jsonl", dry_run=True).counts.selected == 5
    assert bulk.apply("p.jsonl", workers=1).counts.done == 5 and written(box) == 5


def test_what_changed_since(box: MemorySandbox) -> None:
    """A verification finds what somebody undid, what is gone, and what has come to match."""
    run = bulk.run(CLOSE, WHERE, workers=2)
    ids = [one.id for one in run.items("done")]
    box.touch(ids[:1], "reopen")
    box.touch(ids[1:2], "delete")
    with pytest.raises(errors.VerificationFailed):
        run.verify("all", workers=2)
    found = run.report()["verified"]
    assert found["remaining"] and {one["is"] for one in found["wrong"]} >= {"gone"}
    box.add_conversations(3, team=5001, state="open")
    with pytest.raises(errors.VerificationFailed):
        run.verify("sample", workers=2)


def test_a_journal_that_is_older(box: MemorySandbox, tmp_path: Path) -> None:
    """A copy from before the run went on: what it does not know of is looked at, and no note stands twice."""
    run = stopped(box, NOTE, body="Seen.")
    home, journal = run.workspace.home, run.workspace.journal
    with Journal(journal):
        pass
    old = journal.read_bytes()
    run.resume()
    for file in home.glob("journal.db-*"):
        file.unlink()
    journal.write_bytes(old)
    again = bulk.open_run(run.id)
    assert again.resume(workers=1).counts.done == 6 and written(box) == 6


WRONG: dict[str, Callable[[], object]] = {
    "verb": lambda: bulk.run("conversations.shut", WHERE),
    "resource": lambda: bulk.run("chats.close", WHERE),
    "parameter": lambda: bulk.run(CLOSE, WHERE, speed=3),
    "missing": lambda: bulk.run("conversations.assign", WHERE),
    "field": lambda: bulk.run(CLOSE, "teem = Support"),
    "name": lambda: bulk.run(CLOSE, "team = Suport"),
    "text": lambda: bulk.run(CLOSE, "team ="),
    "two ways": lambda: bulk.run(CLOSE, WHERE, ids=["1"]),
    "no way": lambda: bulk.run(CLOSE),
    "id": lambda: bulk.run(CLOSE, ids=["a b"]),
    "true": lambda: bulk.run(CLOSE, ids=[True]),
    "no ids": lambda: bulk.run(CLOSE, ids=[]),
    "no file": lambda: bulk.run(CLOSE, ids=Path("nowhere.txt")),
    "rounded": lambda: bulk.run(CLOSE, ids=["2.15E+14"]),
    "query": lambda: bulk.run(CLOSE, query={"operator": "AND", "value": "x"}),
    "query of another field": lambda: bulk.run(CLOSE, query={"field": "teem", "operator": "=", "value": 1}),
    "query file": lambda: bulk.run(CLOSE, query=Path("nowhere.json")),
    "outcome": lambda: bulk.run(CLOSE, from_run="latest", outcome="dune"),
    "run": lambda: bulk.open_run("1111-close-ffff"),
    "share": lambda: bulk.run(CLOSE, WHERE, share=2.0),
    "rate": lambda: bulk.run(CLOSE, WHERE, rate=100),  # type: ignore[arg-type]
    "workers": lambda: bulk.run(CLOSE, WHERE, workers=0),
    "limit": lambda: bulk.run(CLOSE, WHERE, limit=-1),
    "max": lambda: bulk.run(CLOSE, WHERE, max="ten"),
    "verify": lambda: bulk.run(CLOSE, WHERE, verify="most"),
    "dry run": lambda: bulk.run(CLOSE, WHERE, dry_run="no"),  # type: ignore[arg-type]
    "backup": lambda: bulk.run(CLOSE, WHERE, backup="kept.jsonl"),
    "backup in no folder": lambda: bulk.run("conversations.delete", WHERE, irreversible=True, backup="nowhere/kept.jsonl"),
    "backup that is a folder": lambda: bulk.run("conversations.delete", WHERE, irreversible=True, backup="."),
    "consent": lambda: bulk.run("conversations.delete", WHERE),
    "column": lambda: bulk.run("conversations.assign", csv=[{"id": "1"}], to_team="{{team}}"),
    "cell": lambda: bulk.run("conversations.assign", csv=[{"id": "215470000000024", "team": ""}], to_team="{{team}}"),
    "rows that contradict": lambda: bulk.run(
        "conversations.assign", csv=[{"id": "215470000000024", "team": one} for one in ("Billing", "Support")], to_team="{{team}}"
    ),
    "id column": lambda: bulk.run(CLOSE, csv=[{"id": "1"}], id_column="number"),
    "a team that is not": lambda: bulk.run("conversations.assign", csv=[{"id": "215470000000024", "team": "Nobody"}], to_team="{{team}}"),
    "attribute": lambda: bulk.run("contacts.set", "role = lead", values={"plann": "pro"}),
    "value": lambda: bulk.run("contacts.set", "role = lead", values={"seats": "many"}),
    "value of a date": lambda: bulk.run("contacts.set", "role = lead", values={"renews_at": "soon"}),
    "value of yes and no": lambda: bulk.run("contacts.set", "role = lead", values={"paid_subscriber": "maybe"}),
    "owner": lambda: bulk.run("contacts.set", "role = lead", values={"owner_id": "Nobody"}),
    "no key": lambda: bulk.run("contacts.upsert", ids=["1"], values={"plan": "pro"}),
    "unknown e-mail": lambda: bulk.run("contacts.set", csv=[{"email": "no@body.test"}], id_column="email", values={"name": "x"}),
    "unknown company": lambda: bulk.run("companies.set", csv=[{"company_id": "no"}], id_column="company_id", values={"plan": "x"}),
    "empty field": lambda: bulk.run(NOTE, WHERE, body="{{contact.nothing}}"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant(box: MemorySandbox, name: str) -> None:
    """Refused, and nothing is written."""
    with pytest.raises((errors.UsageError, errors.SafetyStop, errors.FilterRefused)):
        WRONG[name]()
    assert not written(box)


def test_what_a_stop_leaves_in_doubt_is_among_the_failures(box: MemorySandbox) -> None:
    """A note whose answer is lost right before Intercom goes away: the run counts it as in doubt, and says which and why."""
    box.fault("drop_after", on="write", count=1)
    box.fault("outage", on="look")
    box.fault("outage", on="write", after=1)
    with pytest.raises(errors.ServiceUnavailable) as ended:
        bulk.run(NOTE, WHERE, body="Seen.", patience=30, **FEW)
    run, told = ended.value.run, ended.value.run.report()  # type: ignore[attr-defined]
    groups, doubted = told["failures"], told["counts"]["in_doubt"]
    assert (run.status, told["exit"]) == ("stopped", 7) and doubted
    assert {group["outcome"] for group in groups} == {"in_doubt"} and sum(group["count"] for group in groups) == doubted
    assert "connection lost" in {group["cause"] for group in groups} and groups[0]["example"]["id"]
    with pytest.raises(errors.ItemsFailed, match="connection lost"):
        ended.value.result.raise_for_failures()  # type: ignore[attr-defined]
    box.clear_faults()
    assert run.resume(workers=1).counts.done == 6 and not run.report()["failures"] and written(box) == 6


def test_what_a_dead_process_left_in_flight_is_among_the_failures(box: MemorySandbox) -> None:
    """As the counts have it; while the process lived, it was in nobody's doubt."""
    run = stopped(box)
    with Journal(run.workspace.journal) as journal, journal.hold(run.id):
        journal.turn(run.id, [], 4)
        journal.update_run(run.id, status=RunStatus.RUNNING)
        assert not run.report()["failures"] and not run.report()["counts"]["in_doubt"]
    told = run.report()
    groups = {group["cause"]: group for group in told["failures"]}
    assert run.status == "interrupted" and sum(group["count"] for group in groups.values()) == told["counts"]["in_doubt"] == 4
    assert {group["outcome"] for group in groups.values()} == {"in_doubt"} and "runs resume" in told["next"][0]
    assert "looks whether" in groups["interrupted"]["advice"]
