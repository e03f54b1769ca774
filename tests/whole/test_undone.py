"""A run that was undone, in part or whole, and what is said of it afterwards: each face says what is so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Desk, at_desk
from intercom_bulk_updater.journal import Journal

from .network import MemorySandbox

WHERE = ("--where", "team = Support and state = open", "--limit", "3")
PLAIN = ("--yes", "--progress", "none", "--workers", "1")


HEADS = {"all": "Done and verified", "sample": "Done, and a sample of it verified", "none": "Done"}


@pytest.fixture
def desk(shop: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(shop, tmp_path) as made:
        yield made


def one_failed(desk: Desk, *command: str) -> str:
    """A run of three items of which one failed and two are done."""
    desk.box.fault("status", status=422, on="write", count=1)
    ran = desk.here(*command, *PLAIN, "--json")
    desk.box.clear_faults()
    assert ran.counts == {"selected": 3, "failed": 1, "done": 2}, ran.err
    return ran.run


def listed(desk: Desk, run: str) -> str:
    return next(line for line in desk.here("runs", "list").out.splitlines() if line.startswith(run))


@pytest.mark.parametrize("verify", HEADS)
def test_a_retry_after_an_undo_stands_beside_it(desk: Desk, verify: str) -> None:
    """Two items were undone, the third was done since: every face tells the two apart, and the third can be undone."""
    run = one_failed(desk, "conversations", "close", *WHERE)
    undo = desk.here("undo", run, *PLAIN, "--json").run
    assert desk.here("runs", "show", run, "--json").json["next"] == [
        f"intercom-bulk runs retry {run}", f"intercom-bulk verify {undo}"
    ]  # fmt: skip
    retried = desk.here("runs", "retry", run, *PLAIN, "--verify", verify)
    assert retried.code == 0, retried.err
    assert f"{HEADS[verify]}: 3 closed, 2 of them undone since" in retried.err, retried.err
    assert  f"undone by    {undo} (2 of 3)" in retried.err, retried.err
    assert retried.err.rstrip().endswith(f"intercom-bulk undo {run}")
    told = desk.here("runs", "show", run, "--json").json
    assert (told["exit"], told["undone_by"], told["undone"], told["next"]) == (0, undo, 2, [f"intercom-bulk undo {run}"])
    shown = desk.here("runs", "show", run).out
    assert f"undone by\t{undo} (2 of 3)" in shown and "All 3 done, 2 of them undone since" in shown, shown
    assert "3 closed, 2 of them undone since" in listed(desk, run)
    desk.here("runs", "report", run, "-o", str(desk.home / "r.html"))
    page = (desk.home / "r.html").read_text("utf-8")
    assert "All 3 done, 2 of them undone since" in page and f"{undo} (2 of 3)" in page

    looked = desk.here("verify", run, "--verify", "all", "--json")
    assert (looked.code, looked.json["verified"]["remaining"], looked.json["verified"]["undone"]) == (6, 2, 2), looked.err
    assert desk.here("runs", "show", run, "--json").json["exit"] == 0
    second = desk.here("undo", run, *PLAIN, "--json")
    assert (second.code, second.counts) == (0, {"selected": 1, "done": 1}), second.err
    told = desk.here("runs", "show", run, "--json").json
    assert (told["undone_by"], told["undone"], told["next"]) == (second.run, 3, [f"intercom-bulk verify {second.run}"])
    assert "3 closed, all of them undone since" in listed(desk, run)
    assert desk.here("undo", undo, *PLAIN, "--json").code == 0
    told = desk.here("runs", "show", run, "--json").json
    assert (told["undone_by"], told["undone"], told["exit"]) == (second.run, 1, 0)


def test_a_resume_after_an_undo_brings_back_nothing(desk: Desk) -> None:
    """What was undone matches the selection again: the resume neither acts on it nor calls it wrong."""
    ids = desk.open_ids()
    desk.box.fault("outage", on="write", after=2)
    stopped = desk.here("conversations", "close", *WHERE[:2], *PLAIN, "--patience", "30s", "--json")
    assert stopped.counts["done"] == 2, stopped.err
    desk.box.clear_faults()
    undo = desk.here("undo", stopped.run, *PLAIN, "--json")
    assert undo.counts["done"] == 2
    resumed = desk.here("runs", "resume", stopped.run, *PLAIN, "--verify", "all", "--json")
    assert (resumed.code, resumed.json["undone"], resumed.counts) == (0, 2, {"selected": len(ids), "done": len(ids)}), resumed.err
    assert resumed.json["next"] == [f"intercom-bulk undo {stopped.run}"] and len(desk.open_ids()) == 2
    assert resumed.json["verified"]["explained"] == {"undone since": 2}


def test_what_is_verified_while_it_is_undone_says_nothing_later(desk: Desk) -> None:
    """The undo is undone: what a verification found in between is not held against the run."""
    closed = desk.here("conversations", "close", *WHERE, *PLAIN, "--json").run
    undo = desk.here("undo", closed, *PLAIN, "--json").run
    assert desk.here("verify", closed, "--verify", "all", "--json").code == 6
    assert desk.here("undo", undo, *PLAIN, "--json").code == 0
    told = desk.here("runs", "show", closed, "--json").json
    assert (told["exit"], told["ok"], "undone_by" in told) == (0, True, False)


def test_an_item_in_doubt_that_was_undone_hides_none_that_stands(box: MemorySandbox) -> None:
    """One is done, of one the answer is lost, one is refused and was not looked at: the undo finds the first two."""
    box.fault("drop_after", on="write", count=1)
    box.fault("status", status=422, on="write", count=1, after=1)
    box.fault("status", status=500, on="look")
    run = bulk.run("conversations.close", "team = Support and state = open", limit=3, workers=1, retries=1, verify="none")
    assert (run.counts.done, run.counts.in_doubt, run.counts.failed) == (1, 2, 0), run.report()
    box.clear_faults()
    undo = run.undo(workers=1)
    assert undo.counts.done == 2, undo.report()
    assert (run.report()["undone"], "1 undone since" in repr(run)) == (1, True)
    run.retry(only="422", workers=1)
    told = run.report()
    assert (told["counts"]["done"], told["undone"], told["next"][-1]) == (2, 1, f"intercom-bulk undo {run.id}")
    assert run.undo(workers=1).counts.done == 1


def test_what_was_undone_is_not_undone_again(desk: Desk) -> None:
    """A colleague has set it by hand since, to what the run had set: the second undo takes up only what the run did after the first."""
    ids = desk.open_ids()[:3]
    desk.box.touch(ids, "set", custom_attributes={"reviewed": False})
    (desk.home / "ids.txt").write_text("\n".join(ids))
    run = one_failed(desk, "conversations", "set", "reviewed=true", "--ids", "ids.txt")
    undo = desk.here("undo", run, *PLAIN, "--json")
    with Journal(desk.home / "journal.db", read_only=True) as journal:
        theirs = [row.id for row in journal.items(undo.run)]
    desk.box.touch(theirs, "set", custom_attributes={"reviewed": True})
    assert desk.here("runs", "retry", run, *PLAIN, "--json").counts["done"] == 3
    again = desk.here("undo", run, *PLAIN, "--json")
    assert again.counts == {"selected": 1, "done": 1}, again.err
    assert all(desk.box.conversation(one)["custom_attributes"]["reviewed"] is True for one in theirs)


def test_a_row_that_was_created_is_known_by_its_key(desk: Desk) -> None:
    """An undo of an upsert goes by Intercom's ids, and the run by the keys of its rows: both are the same item."""
    (desk.home / "new.csv").write_text("external_id,name\n" + "".join(f"k{n},N{n}\n" for n in range(3)))
    run = one_failed(desk, "contacts", "upsert", "--csv", "new.csv", "--id-column", "external_id", "name={{name}}")
    undo = desk.here("undo", run, *PLAIN, "--json")
    assert undo.counts["done"] == 2, undo.err
    retried = desk.here("runs", "retry", run, *PLAIN, "--json")
    assert (retried.json["undone"], retried.json["next"][-1]) == (2, f"intercom-bulk undo {run}"), retried.err
    with Journal(desk.home / "journal.db", read_only=True) as journal:
        undone = journal.undone(run)
        assert undone is not None and undone.ids == {"k1", "k2"}



def killed_in_it(desk: Desk, undo: str, items: int) -> None:
    """The journal as a process leaves it that is killed when the answers to its last requests were under way."""
    book = sqlite3.connect(desk.home / "journal.db")
    with book:
        (number,) = book.execute("select number from run where id = ?", (undo,)).fetchone()
        last = "seq in (select seq from item where run = ? order by seq desc limit ?)"
        book.execute(f"update item set status = 1, finished_at = null, after = null where run = ? and {last}", (number, number, items))
        book.execute("update run set status = 'running', finished_at = null, exit_code = null where number = ?", (number,))
    book.close()


def closed_and_half_undone(desk: Desk, killed: int = 2) -> tuple[str, str]:
    """A run of three, and its undo, which was killed when two of them were under way."""
    run = desk.here("conversations", "close", *WHERE, *PLAIN, "--json").run
    undo = desk.here("undo", run, *PLAIN, "--json").run
    killed_in_it(desk, undo, killed)
    return run, undo


def test_an_undo_that_was_killed_is_named(desk: Desk) -> None:
    """On every face, with the command that goes on with it; that one comes to the end."""
    run, undo = closed_and_half_undone(desk)
    told = desk.here("runs", "show", run, "--json").json
    assert (told["undo_unfinished"], told["next"]) == (undo, [f"intercom-bulk runs resume {undo}"])
    assert f"{undo}, which is unfinished: intercom-bulk runs resume {undo}" in desk.here("runs", "show", run).out
    assert f"{undo} is an undo of it that is unfinished" in " ".join(desk.here("undo", run, "--dry-run").err.split())
    assert desk.here("runs", "resume", undo, *PLAIN).code == 0
    told = desk.here("runs", "show", run, "--json").json
    assert ("undo_unfinished" in told, told["undone_by"], told["next"]) == (False, undo, [f"intercom-bulk verify {undo}"])


def test_what_a_killed_undo_may_have_taken_back_is_not_held_against_the_run(desk: Desk) -> None:
    """The run goes on, and its verification expects nothing of these items."""
    ids = desk.open_ids()
    desk.box.fault("outage", on="write", after=3)
    run = desk.here("conversations", "close", *WHERE[:2], *PLAIN, "--patience", "30s", "--json").run
    desk.box.clear_faults()
    undo = desk.here("undo", run, *PLAIN, "--json").run
    killed_in_it(desk, undo, 2)
    resumed = desk.here("runs", "resume", run, *PLAIN, "--verify", "all", "--json")
    assert (resumed.code, resumed.counts["done"], resumed.json["undo_unfinished"]) == (0, len(ids), undo), resumed.err
    assert resumed.json["verified"]["remaining"] == 0 and resumed.json["verified"]["explained"] == {"undone since": 3}


def test_what_a_killed_undo_did_is_no_drift_to_the_next(desk: Desk) -> None:
    """It finds them as they were before the run, and leaves them so."""
    run, _ = closed_and_half_undone(desk)
    again = desk.here("undo", run, *PLAIN, "--json")
    assert (again.code, again.counts) == (0, {"selected": 2, "unchanged": 2}), again.err


def test_what_a_colleague_did_meanwhile_is_drift_all_the_same(desk: Desk) -> None:
    """Somebody has snoozed one after the killed undo had opened it."""
    run, undo = closed_and_half_undone(desk)
    with Journal(desk.home / "journal.db", read_only=True) as journal:
        theirs = [row.id for row in journal.items(undo)][-1:]
    desk.box.touch(theirs, "snooze")
    again = desk.here("undo", run, *PLAIN, "--json")
    assert again.counts == {"selected": 2, "unchanged": 1, "drifted": 1}, again.err
