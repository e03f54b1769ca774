"""The mark beside the journal, damaged journals, and clocks that go backwards."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from intercom_bulk_updater.errors import IntercomBulkError
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import FoundItem, ItemResult, Outcome


def worked(home: Path, claims: int = 3) -> str:
    """A run with so many claims, and items left."""
    with Journal(home / "journal.db") as journal:
        run = journal.create_run(operation="note").id
        journal.add_items(run, [FoundItem(str(number), {"state": "open"}) for number in range(20)])
        fates: list[ItemResult] = []
        for now in range(claims):
            items = journal.turn(run, fates, 2, now=1000.0 + now)
            fates = [ItemResult(item.seq, Outcome.DONE) for item in items]
        journal.turn(run, fates, 0)
        return run


def why(home: Path, run: str) -> str:
    with Journal(home / "journal.db") as journal:
        age = journal.age(run)
        return "" if age is None else age.why


def test_a_journal_that_nobody_touched_is_up_to_date(tmp_path: Path) -> None:
    """Opened again, gone on with, moved as a whole, and with more claims than were marked: nothing is said."""
    run = worked(tmp_path / "a")
    assert why(tmp_path / "a", run) == ""
    (tmp_path / "a").rename(tmp_path / "b")
    assert why(tmp_path / "b", run) == ""
    mark = tmp_path / "b" / "locks" / f"{run}.mark"
    with mark.open("r+b") as file:
        file.write(b"%020d" % 2)  # the process died between its commit and its mark
    assert why(tmp_path / "b", run) == ""
    with Journal(tmp_path / "b" / "journal.db") as journal:
        assert journal.turn(run, [], 2) and journal.age(run) is None
        fresh = journal.create_run(operation="note").id
        assert journal.age(fresh) is None


def without_mark(home: Path, run: str) -> None:
    (home / "locks" / f"{run}.mark").unlink()


def unreadable_mark(home: Path, run: str) -> None:
    (home / "locks" / f"{run}.mark").write_bytes(b"\0" * 60)


def earlier_database(home: Path, run: str) -> None:
    with sqlite3.connect(home / "journal.db") as raw:
        raw.execute("UPDATE turn SET number = number - 1")
    raw.close()


def another_file(home: Path, run: str) -> None:
    shutil.copy2(home / "journal.db", home / "copy")
    (home / "copy").replace(home / "journal.db")


@pytest.mark.parametrize("damage", [without_mark, unreadable_mark, earlier_database, another_file])
def test_a_journal_of_the_past_is_noticed_once(tmp_path: Path, damage: Callable[[Path, str], None]) -> None:
    """Whatever is not done is then in doubt since the last claim that is known, what the search still finds is as well."""
    run = worked(tmp_path)
    damage(tmp_path, run)
    with Journal(tmp_path / "journal.db") as journal:
        age = journal.age(run)
        assert age is not None
        assert journal.distrust(run, age, since=5.0) == 14
        assert journal.age(run) is None
        journal.add_items(run, [FoundItem("late")])
        items = journal.turn(run, [], 20)
        assert len(items) == 15 and all(item.doubt and item.older and item.sent_at == 1002.0 for item in items)
        back = [ItemResult(item.seq, Outcome.PENDING, doubt=True, older=True) for item in items]
        assert all(item.older for item in journal.turn(run, back, 20))
    assert why(tmp_path, run) == ""


def test_processes_that_share_a_run_keep_one_mark(tmp_path: Path) -> None:
    """However their claims follow each other, the journal counts as up to date, and one of the past is noticed."""
    run = worked(tmp_path)
    with Journal(tmp_path / "journal.db") as one, Journal(tmp_path / "journal.db") as two:
        for journal in (one, two, two, one, two):
            assert journal.turn(run, [], 1) and one.age(run) is None and two.age(run) is None
    assert why(tmp_path, run) == ""
    shutil.copy2(tmp_path / "journal.db", tmp_path / "earlier")
    with Journal(tmp_path / "journal.db") as journal:
        journal.turn(run, [], 1)
    (tmp_path / "earlier").replace(tmp_path / "journal.db")
    assert "last changes are missing" in why(tmp_path, run)


def test_a_process_that_keeps_the_mark_is_not_put_aside(tmp_path: Path) -> None:
    """Of two processes that share a run each counts in the file that is there: what the first claims later is known to it."""
    run = worked(tmp_path)
    with Journal(tmp_path / "journal.db") as one, Journal(tmp_path / "journal.db") as two:
        for journal in (one, two, one):
            assert journal.turn(run, [], 1)
        shutil.copy2(tmp_path / "journal.db", tmp_path / "earlier")
        shutil.copy2(tmp_path / "journal.db-wal", tmp_path / "earlier-wal")
        assert one.turn(run, [], 1)
    (tmp_path / "earlier").replace(tmp_path / "journal.db")
    (tmp_path / "earlier-wal").replace(tmp_path / "journal.db-wal")
    assert "last changes are missing" in why(tmp_path, run)


def test_a_mark_whose_first_count_was_not_written_says_nothing_of_its_time(tmp_path: Path) -> None:
    """Its process died, after a slow disk, between the file's coming into place and its first count."""
    run = worked(tmp_path)
    with (tmp_path / "locks" / f"{run}.mark").open("r+b") as file:
        file.write(b"%020d %020d" % (3, 0))
    assert why(tmp_path, run) == ""


def test_a_folder_that_was_moved_is_where_it_is(tmp_path: Path) -> None:
    """A mark that was begun in another place is begun anew: a copy names the folder that the run is in now."""
    run = worked(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    with Journal(tmp_path / "b" / "journal.db") as journal:
        journal.turn(run, [], 1)
    shutil.copytree(tmp_path / "b", tmp_path / "c")
    with Journal(tmp_path / "c" / "journal.db") as journal:
        age = journal.age(run)
        assert age is not None and age.home == tmp_path / "b"


def test_a_clock_that_goes_backwards_claims_the_same(tmp_path: Path) -> None:
    """Claims are counted, not timed: with a clock set back nothing is taken for older, and nothing is claimed twice."""
    with Journal(tmp_path / "journal.db") as journal:
        run = journal.create_run(operation="note").id
        journal.add_items(run, [FoundItem(str(number)) for number in range(4)])
        first = journal.turn(run, [], 2, now=2000.0)
        second = journal.turn(run, [ItemResult(item.seq, Outcome.DONE) for item in first], 2, now=1000.0)
        assert [item.seq for item in (*first, *second)] == [1, 2, 3, 4]
        assert journal.age(run) is None


def test_damage_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    """Truncated at each page, overwritten at random, emptied: each opens, or is refused by one of our errors."""
    worked(tmp_path / "whole")
    whole = (tmp_path / "whole" / "journal.db").read_bytes()
    chance = random.Random(7)
    cases = [whole[:size] for size in range(0, len(whole), 4096)]
    for _ in range(20):
        broken = bytearray(whole)
        start = chance.randrange(len(broken))
        broken[start : start + 400] = chance.randbytes(len(broken[start : start + 400]))
        cases.append(bytes(broken))
    refused = 0
    for number, content in enumerate(cases):
        for read_only in (True, False):
            home = tmp_path / f"{number}-{read_only}"
            home.mkdir()
            (home / "journal.db").write_bytes(content)
            try:
                with Journal(home / "journal.db", read_only=read_only) as journal:
                    for run in journal.runs():
                        journal.counts(run.id)
                        list(journal.items(run.id))
            except IntercomBulkError as error:
                refused += 1
                assert error.message.endswith((".", "rows.")) or "INTERCOM_BULK_HOME" in error.message, error.message
            if read_only:
                assert (home / "journal.db").read_bytes() == content
    assert refused > 10
