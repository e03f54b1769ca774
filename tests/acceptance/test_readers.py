"""Who only looks never waits for who writes; who cannot write says who is in the way."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest

from intercom_bulk_updater.journal import Journal

from .desk import QUERY, Desk, until

SANDBOX = {"conversations": 60, "limit": 20_000, "workspace_limit": 50_000}
LOOKS = {
    "list": ["runs", "list", "--json"],
    "show": ["runs", "show", "latest", "--json"],
    "report": ["runs", "report", "latest", "--json"],
    "export": ["runs", "export", "latest"],
    "watch": ["runs", "watch", "latest", "--json"],
}
HOLDER = """
import os, signal, sqlite3, sys
from intercom_bulk_updater.journal.lock import RunLock
home, run = sys.argv[1:]
book = sqlite3.connect(f"{home}/journal.db", isolation_level=None)
book.execute("BEGIN IMMEDIATE")
with RunLock(home, run):
    print("held", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.fixture
def stopped(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    """A run whose holder was stopped in the middle of a write."""
    (desk.home / "ids").write_text("\n".join(desk.open_ids()[:3]))
    run = desk.close("--limit", "3").run
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(desk.home), run], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    holder.stdout.readline()
    os.waitpid(holder.pid, os.WUNTRACED)
    try:
        yield holder
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()


def test_looking_never_waits_for_a_writer(desk: Desk, stopped: subprocess.Popen[str]) -> None:
    """With a process stopped in the middle of a write, every command that only reads answers in full."""
    with patch("intercom_bulk_updater.journal.sqlite.FIRST_SECONDS", 0.1), patch("intercom_bulk_updater.journal.sqlite.READ_SECONDS", 0.1):
        for name, words in LOOKS.items():
            answer = desk.here(*words)
            assert answer.code == 0 and answer.out, (name, answer.err)
    assert not (desk.home / "latest.html").exists()


@pytest.mark.parametrize("verb", [["runs", "resume"], ["runs", "retry"], ["undo"]])
def test_a_run_whose_holder_is_stopped_is_held(desk: Desk, stopped: subprocess.Popen[str], verb: list[str]) -> None:
    """A second process is refused with exit 12 and asks nothing of Intercom but, at most, whose token it has."""
    before = len(desk.box.log(1000))
    answer = desk.here(*verb, "latest", "--yes", "--json")
    assert answer.code == 12 and "Another live process holds run" in answer.err, answer.err
    assert len(desk.box.log(1000)) - before <= 1


@pytest.mark.skipif(sys.platform != "linux", reason="who holds a lock is told by /proc")
def test_a_writer_in_the_way_is_named(desk: Desk, stopped: subprocess.Popen[str]) -> None:
    """A command that has to write gives up after a while with exit 12, and says which process is in the way."""
    with patch("intercom_bulk_updater.journal.sqlite.FIRST_SECONDS", 0.1):
        answer = desk.here("conversations", "close", "--where", QUERY, "--yes", "--json")
    assert answer.code == 12 and not desk.written("close")["2+"], answer.err
    assert f"Process {stopped.pid} (python" in answer.err and "which is stopped" in answer.err, answer.err


def test_a_run_outlives_a_lock_of_somebody_else(desk: Desk) -> None:
    """A run at work waits while another program has the journal locked, and goes on."""
    desk.switch(latency=0.05)
    ids = desk.open_ids()
    process = desk.start("conversations", "close", "--where", QUERY, "--yes", "--json", "--workers", "2", "--verify", "none")
    assert until(lambda: desk.writes() >= 3, process)
    book = sqlite3.connect(desk.home / "journal.db", isolation_level=None, timeout=10)
    book.execute("BEGIN IMMEDIATE")
    desk.here("runs", "list")
    book.execute("ROLLBACK")
    book.close()
    answer = desk.wait(process)
    assert answer.code == 0 and answer.counts["done"] == len(ids), answer.err


def test_looking_writes_nothing(desk: Desk) -> None:
    """A state folder without a journal stays as it is, and a journal keeps every byte."""
    bare = Desk(desk.box, desk.home / "bare")
    bare.home.mkdir()
    assert bare.here("runs", "list", "--json").json["runs"] == []
    assert bare.here("runs", "show", "latest").code == 2
    assert list(bare.home.iterdir()) == []
    desk.close("--limit", "3")
    before = (desk.home / "journal.db").read_bytes()
    for words in LOOKS.values():
        assert desk.here(*words).code == 0
    assert (desk.home / "journal.db").read_bytes() == before


def killed_folder(desk: Desk) -> Path:
    """A state folder as a killed process left it: the run is in the write-ahead log alone."""
    folder = desk.home / "left"
    folder.mkdir()
    with Journal(desk.home / "journal.db") as journal:
        journal.create_run(operation="close")
        for file in desk.home.glob("journal.db*"):
            if not file.name.endswith("-shm"):
                shutil.copyfile(file, folder / file.name)
    return folder


READS_AS_ANOTHER_USER = """
import os, sys
from intercom_bulk_updater.errors import IntercomBulkError
from intercom_bulk_updater.journal import Journal
Journal(":memory:").create_run(operation="close")
if os.geteuid() == 0:
    os.seteuid(65534)
with Journal(sys.argv[1], read_only=True) as journal:
    print(len(journal.runs()))
try:
    Journal(sys.argv[1])
except IntercomBulkError as error:
    print(error.exit_code, error.message)
"""


def test_a_folder_that_may_only_be_read(desk: Desk) -> None:
    """In a folder where nothing may be written the journal can be read, what is in its log included; writing says why not."""
    with TemporaryDirectory() as name:
        public = Path(shutil.copytree(killed_folder(desk), Path(name) / "state"))
        for file in public.iterdir():
            file.chmod(0o444)
        public.chmod(0o555)
        Path(name).chmod(0o755)
        words = [sys.executable, "-c", READS_AS_ANOTHER_USER, str(public / "journal.db")]
        found = subprocess.run(words, capture_output=True, text=True, check=False)
        public.chmod(0o755)
    assert found.stdout.startswith("1\n10 ") and "check who owns it" in found.stdout, found


@pytest.mark.parametrize("wal", [True, False])
def test_a_log_that_cannot_be_shared_is_read_from_a_copy(desk: Desk, wal: bool) -> None:
    """Where SQLite cannot make the file that readers share, the database is read all the same, its log included."""
    folder = killed_folder(desk)
    if not wal:
        (folder / "journal.db-wal").unlink()
        with Journal(folder / "journal.db") as journal:
            journal.create_run(operation="close")
    (folder / "journal.db-shm").mkdir()
    with Journal(folder / "journal.db", read_only=True) as journal:
        assert len(journal.runs()) == 1


def test_a_pipe_is_no_journal(desk: Desk) -> None:
    """A journal that is a pipe is refused at once, by readers and by writers."""
    os.mkfifo(desk.home / "journal.db")
    for words in (["runs", "list"], ["conversations", "close", "--where", QUERY, "--yes"]):
        answer = desk.here(*words)
        assert answer.code == 10 and "is not a file (it is a pipe)" in answer.err, answer.err
