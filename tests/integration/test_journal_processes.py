"""The journal among processes that are killed, that compete, and that run out of disk."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from intercom_bulk_updater.errors import JournalError, RunLocked
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.journal.error_messages import not_made
from intercom_bulk_updater.journal.lock import RunLock
from intercom_bulk_updater.model import FoundItem, ItemResult, Outcome

CHILD = Path(__file__).with_name("journal_child.py")


def child(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, str(CHILD), *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> list[list[str]]:
    """The lines that a child said in whole."""
    assert process.stdout is not None
    if process.stdin is not None:
        process.stdin.close()
    out = process.stdout.read()  # communicate() would lose what an earlier readline() has read ahead
    process.stdout.close()
    process.wait(timeout=30)
    return [line.split() for line in out.splitlines(keepends=True) if line.endswith("\n")]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as journal:
        yield journal


@pytest.fixture
def run(journal: Journal) -> str:
    return journal.create_run(operation="close", workspace="w").id


@pytest.mark.further
def test_killed_at_any_instant(journal: Journal, run: str, tmp_path: Path) -> None:
    """After kill -9 at a random moment the file is sound and everything that was said to be on disk is there.

    What was in flight is in doubt, what was done stays done, and the search goes on behind the last item found.
    """
    chance = random.Random(7)
    done: set[int] = set()
    for _ in range(5):
        process = child("work", tmp_path, run)
        assert process.stdout is not None
        process.stdout.readline()
        assert RunLock.held(tmp_path, run)
        threading.Event().wait(chance.uniform(0.0, 0.15))
        process.kill()
        said = finish(process)
        assert not RunLock.held(tmp_path, run)
        with sqlite3.connect(tmp_path / "journal.db") as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raw.close()
        flying: set[int] = set()
        for word, *numbers in said:
            seqs = set(map(int, numbers))
            if word == "found":
                assert journal.counts(run).selected >= max(seqs)
            elif word == "claimed":
                assert not seqs & done, "an item that was done was handed out again"
                flying |= seqs
            else:
                flying -= seqs
                done |= seqs if word == "done" else set()
        rows = {row.seq: row for row in journal.items(run)}
        assert sorted(rows) == list(range(1, len(rows) + 1))
        assert journal.run(run).search["next"] == len(rows)
        on_disk = {seq for seq, row in rows.items() if row.outcome is Outcome.DONE}
        left = {seq for seq, row in rows.items() if row.outcome is Outcome.IN_FLIGHT}
        # The last write may be on disk without having been said; nothing said may be missing.
        assert done <= on_disk and on_disk - done <= flying
        assert flying <= left | on_disk | {seq for seq, row in rows.items() if row.outcome is Outcome.PENDING}
        assert journal.recover(run) == len(left)
        assert all(row.doubt for row in journal.items(run, ids=[rows[seq].id for seq in left]))
        done = on_disk


@pytest.mark.parametrize("moved", ["", "moved"])
def test_killed_between_any_two_steps_of_a_claim(tmp_path: Path, moved: str) -> None:
    """A run of this folder is never taken for one that was copied or restored, wherever between claim and mark its process died."""
    found = finish(child("killed", tmp_path, moved))
    before, after = ("1", "2") if moved else ("0", "1")
    assert found[-1] == ["ended", after, "None"]
    assert {line[1] for line in found[:-1]} == {before, after}, "it was killed before the claim was on the disk, and after"
    assert [line for line in found if line[2:] != ["None"]] == []


def test_lock_of_another_process(journal: Journal, run: str, tmp_path: Path) -> None:
    """A run held by a live process is refused to others at once, and free the moment that process is killed."""
    process = child("hold", tmp_path, run)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    assert RunLock.held(tmp_path, run)
    with pytest.raises(RunLocked), RunLock(tmp_path, run):
        pass
    process.kill()
    finish(process)
    with RunLock(tmp_path, run):
        assert RunLock.held(tmp_path, run)


def test_asking_a_lock_does_not_take_it(tmp_path: Path) -> None:
    """Somebody who only asks whether runs are held never makes a run look held to its holder-to-be."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "r.lock").touch()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            RunLock.held(tmp_path, "r")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(50):
            with RunLock(tmp_path, "r"):
                pass
    finally:
        over.set()
        asking.join()


@pytest.mark.parametrize("again", [{}, {"read_only": True}])
def test_a_second_door_of_one_process_leaves_the_first_locked(journal: Journal, run: str, tmp_path: Path, again: dict[str, bool]) -> None:
    """Opening the file to look at it let go of the locks: another process then took itself for the last, and tore the journal down."""
    with Journal(tmp_path / "journal.db", **again):
        pass
    wal = tmp_path / "journal.db-wal"
    assert wal.exists()
    look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM run').fetchone(); c.close()"
    subprocess.run([sys.executable, "-c", look, str(tmp_path / "journal.db")], check=True)
    assert wal.exists(), "the last to close a database removes its WAL"
    assert journal.run(run).id == run


def test_control_from_another_process(journal: Journal, run: str, tmp_path: Path) -> None:
    """What another process asks for is seen by the holder's next poll, while the holder goes on writing."""
    process = child("ask", tmp_path, run, "pause")
    number = 0
    while journal.orders(run).control != "pause":
        assert process.poll() in (None, 0)
        journal.add_items(run, [FoundItem(str(number))])
        number += 1
    assert finish(process) == []
    assert journal.counts(run).selected == number


def test_processes_never_claim_the_same(journal: Journal, run: str, tmp_path: Path) -> None:
    """Two processes that empty one run together claim every item once."""
    journal.add_items(run, [FoundItem(str(n)) for n in range(600)])
    processes = [child("settle", tmp_path, run, group) for group in (7, 11)]
    claimed = [int(seq) for process in processes for line in finish(process) for seq in line[1:]]
    assert sorted(claimed) == list(range(1, 601))
    assert journal.counts(run).done == 600


def test_created_by_many_at_once(tmp_path: Path) -> None:
    """Processes that meet a missing journal at the same time agree on one, and none is refused."""
    home = tmp_path / "new"
    processes = [child("create", home, number) for number in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ids = {finish(process)[0][0] for process in processes}
    with Journal(home / "journal.db") as journal:
        assert {run.id for run in journal.runs()} == ids
        assert len(ids) == 3


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_threads(place: str, tmp_path: Path) -> None:
    """Any thread may call: eight that claim, settle, count and read at once do each item exactly once."""
    with Journal(":memory:" if place == "memory" else tmp_path / "journal.db") as journal:
        run = journal.create_run(operation="close").id
        journal.add_items(run, [FoundItem(str(n)) for n in range(400)])
        claimed: list[int] = []
        trouble: list[BaseException] = []

        def work() -> None:
            try:
                fates: list[ItemResult] = []
                while items := journal.turn(run, fates, 5):
                    claimed.extend(item.seq for item in items)
                    assert journal.counts(run).selected == 400
                    assert sum(1 for _ in journal.items(run, chunk=150)) == 400
                    journal.orders(run)
                    fates = [ItemResult(item.seq, Outcome.DONE) for item in items]
            except BaseException as error:
                trouble.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not trouble
        assert sorted(claimed) == list(range(1, 401))
        assert journal.counts(run).done == 400


def test_disk_full(journal: Journal, run: str) -> None:
    """A full disk undoes the write as a whole, says what to do, and the run goes on once there is room."""
    journal.add_items(run, [FoundItem(str(n)) for n in range(50)], search={"page": 1})
    journal.turn(run, [], 10)
    before = list(journal.items(run))
    with journal._database.transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    page = [FoundItem(f"new-{n}", {"text": "x" * 300}) for n in range(500)]
    with pytest.raises(JournalError, match="disk is full.*runs resume"):
        journal.add_items(run, page, search={"page": 2})
    fates = [ItemResult(1, Outcome.DONE, after={"text": "x" * 100_000})]
    with pytest.raises(JournalError, match="disk is full"):
        journal.turn(run, fates, 5)
    assert list(journal.items(run)) == before
    assert journal.run(run).search == {"page": 1}
    with journal._database.transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert [item.seq for item in journal.turn(run, fates, 5)] == [11, 12, 13, 14, 15]
    assert journal.add_items(run, page, search={"page": 2}) == 500


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX's")
def test_a_journal_that_could_not_be_made_is_an_empty_one(tmp_path: Path) -> None:
    """Its first page was left, which reads as a journal whose runs are lost."""
    import resource

    path = tmp_path / "new" / "journal.db"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(JournalError):
            Journal(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for read_only in (True, False, True):
        with Journal(path, read_only=read_only) as journal:
            assert journal.runs() == []


def test_a_full_disk_is_not_told_of_a_run_that_never_began() -> None:
    """It was told to go on with `runs resume latest`."""
    full = OperationalError("", {}, sqlite3.OperationalError("database or disk is full"))
    assert "runs" not in str(not_made(full, "j")) and "could not be made" in str(not_made(full, "j"))


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX's")
def test_write_refused_by_the_system(journal: Journal, run: str, tmp_path: Path) -> None:
    """When the system refuses to let the file grow, all that was acknowledged is there and the file is sound."""
    *found, refused = finish(child("overflow", tmp_path, run, 400_000))
    assert refused[0] == "refused" and "resume" in refused
    assert journal.counts(run).selected == int(found[-1][1])
    with sqlite3.connect(tmp_path / "journal.db") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()
    assert journal.add_items(run, [FoundItem(f"later-{n}") for n in range(1000)]) == 1000


@pytest.mark.further
def test_flat_memory(journal: Journal, run: str) -> None:
    """A hundred thousand items are read in the memory of a few pages."""
    for start in range(0, 100_000, 5_000):
        journal.add_items(run, [FoundItem(f"{n:015d}") for n in range(start, start + 5_000)])
    assert sum(1 for _ in journal.items(run, outcomes=[Outcome.PENDING, Outcome.DONE], after=98_000)) == 2_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in journal.items(run, chunk=1000)) == 100_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3_000_000


def test_small_on_disk(journal: Journal, run: str, tmp_path: Path) -> None:
    """An item with its before- and after-image costs at most 300 bytes, the file's own growth included."""
    ids = [f"{(n * 7919) % 10**9 + 215 * 10**12:015d}" for n in range(10_000)]
    for start in range(0, len(ids), 1000):
        journal.add_items(run, [FoundItem(i, {"state": "open"}) for i in ids[start : start + 1000]])
    after = {"state": "closed", "open": False, "updated_at": 1795479892, "admin_assignee_id": 5001}
    fates: list[ItemResult] = []
    while items := journal.turn(run, fates, 1000):
        fates = [ItemResult(item.seq, Outcome.DONE, after=after) for item in items]
    journal.close()
    assert (tmp_path / "journal.db").stat().st_size < 300 * len(ids)


def test_claims_do_not_slow_down(journal: Journal, run: str) -> None:
    """A claim looks at the pending items alone, however many are behind it."""
    journal.add_items(run, [FoundItem(str(n)) for n in range(10_000)])
    steps = []
    for _ in range(10):
        count = 0

        def counted() -> int:
            nonlocal count
            count += 1
            return 0

        raw = journal._database._writer.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_progress_handler(counted, 10)
        items = journal.turn(run, [], 100)
        raw.set_progress_handler(None, 0)
        steps.append(count)
        while len(items) < 1000:
            items += journal.turn(run, [], 100)
        journal.turn(run, [ItemResult(item.seq, Outcome.DONE) for item in items], 0)
    assert max(steps) < 2 * min(steps)


def test_prune(journal: Journal, run: str, tmp_path: Path) -> None:
    """Old runs go with all their rows and their space; those kept, held or young stay; numbers never return."""
    from intercom_bulk_updater.journal import WindowRow

    kept, held, young = (journal.create_run(operation=name).id for name in ("keep", "hold", "young"))
    for name in (run, kept, held, young):
        # More than one transaction's worth of deleting.
        journal.add_items(name, [FoundItem(f"{n:015d}") for n in range(25_000 if name == run else 50)])
        journal.add_event(name, "pass")
        journal.add_windows(name, [WindowRow(1.0, 2, 3)])
    with sqlite3.connect(tmp_path / "journal.db") as raw:
        raw.execute("UPDATE run SET updated_at = ? WHERE id != ?", (time.time() - 40 * 86_400, young))
    raw.close()
    size = sum(path.stat().st_size for path in tmp_path.glob("journal.db*"))
    with RunLock(tmp_path, held):
        assert journal.prune(50) == []
        assert journal.prune(30, keep=[kept]) == [run]
    assert [each.id for each in journal.runs()] == [young, held, kept]
    assert journal.counts(kept).selected == 50
    with sqlite3.connect(tmp_path / "journal.db") as raw:
        assert raw.execute("SELECT DISTINCT run FROM item").fetchall() == [(2,), (3,), (4,)]
        assert raw.execute("SELECT count(*) FROM event").fetchone() == (3,)
    raw.close()
    assert sum(path.stat().st_size for path in tmp_path.glob("journal.db*")) < size / 10
    assert set(journal.prune(-1)) == {kept, held, young}
    assert journal.create_run(operation="next").number == 5
    assert [path.name for path in (tmp_path / "locks").iterdir()] == ["journal.lock"]


def test_prune_after_a_crash(journal: Journal, run: str, tmp_path: Path) -> None:
    """A prune that died half-way left rows of no run; the next one takes them away."""
    journal.add_items(run, [FoundItem(str(n)) for n in range(100)])
    with sqlite3.connect(tmp_path / "journal.db") as raw:
        raw.execute("DELETE FROM run")
    raw.close()
    assert journal.prune(30) == []
    with sqlite3.connect(tmp_path / "journal.db") as raw:
        assert raw.execute("SELECT count(*) FROM item").fetchone() == (0,)
    raw.close()
