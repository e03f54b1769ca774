"""The ledger's file: who finds whom, who is taken for dead, and what is done with a file that is damaged."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.ledger import FOLDER, Entry, Ledger, open_ledger
from intercom_bulk_updater.ratelimit.permit import Permit

TOKEN, URL = "dG9rOnNlY3JldA==", "http://127.0.0.1:1"
CHILD = """
import sys, time
from pathlib import Path
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.ledger import open_ledger
budget = Budget(ledger=open_ledger(Path(sys.argv[1]), *sys.argv[2:]))
budget.ask()
print("here", flush=True)
sys.stdin.read()
"""
pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9 and modes of files")


def opened(home: Path, token: str = TOKEN, url: str = URL) -> Ledger:
    ledger = open_ledger(home, token, url)
    assert ledger is not None
    return ledger


def file_of(home: Path) -> Path:
    return next(path for path in (home / FOLDER).iterdir() if path.suffix != ".lock")


def test_a_slot_each_and_one_file_a_token_and_address(tmp_path: Path) -> None:
    """Two of one token share a file; another token, or another address, has its own. Names and bytes tell no token."""
    ledgers = [opened(tmp_path), opened(tmp_path), opened(tmp_path, "other"), opened(tmp_path, url="http://127.0.0.1:2")]
    assert [ledger.own for ledger in ledgers] == [0, 1, 0, 0]
    ledgers[0].write(Entry(seen=5.0, wants=7.0))
    seen = ledgers[1].read(ledgers[1].raw(0))
    assert seen is not None and seen.wants == 7.0
    assert ledgers[2].read(ledgers[2].raw(0)) is None
    everything = list((tmp_path / FOLDER).iterdir())
    assert {path.stat().st_mode & 0o777 for path in everything} == {0o600}
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o700
    for path in everything:
        assert TOKEN not in path.name and TOKEN.encode() not in path.read_bytes()
    for ledger in ledgers:
        ledger.close()
    assert opened(tmp_path).own == 0


def test_a_killed_process_is_known_to_be_dead(tmp_path: Path) -> None:
    """kill -9: its lock is gone with it, what it had in the air counts as spent, and its slot goes to the next."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path), TOKEN, URL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "here\n"
    ledger = opened(tmp_path)
    assert (ledger.own, ledger.alive(0)) == (1, True)
    entry = ledger.read(ledger.raw(0))
    assert entry is not None and entry.flying == 1
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not ledger.alive(0)
    heir = opened(tmp_path)
    assert heir.own == 0
    Budget(ledger=heir).ask()
    entry = ledger.read(ledger.raw(0))
    assert entry is not None and (entry.bare, entry.flying) == (1, 1)


def age(home: Path) -> None:
    """Two hours pass for the files of a ledger."""
    for path in (home / FOLDER).iterdir():
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 7200))


def test_files_that_no_process_uses_are_removed(tmp_path: Path) -> None:
    """An hour after their last use, by whoever opens another ledger; one that a process has stays, however old it is."""
    for number in range(3):
        opened(tmp_path, url=f"http://127.0.0.1:{number}").close()
    in_use = [opened(tmp_path, "used"), opened(tmp_path, "used")]
    in_use[0].close()
    (tmp_path / FOLDER / "0123.v1-77-abcdef01").write_bytes(b"")
    age(tmp_path)
    opened(tmp_path, "recent").close()
    opened(tmp_path)
    left = sorted(path.suffix for path in (tmp_path / FOLDER).iterdir())
    assert left == [".lock"] * 4 + [".v1"] * 3  # of the used one, which has two locks, the recent one and our own
    # Who has a ledger goes on with it, and who comes finds it there.
    in_use[1].write(Entry(seen=5.0, wants=7.0))
    another = opened(tmp_path, "used")
    entry = another.read(another.raw(1))
    assert another.own == 0 and entry is not None and entry.wants == 7.0


def test_nobody_loses_a_ledger_that_is_removed_while_others_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is free is removed at once: two who have a ledger of one token still see each other, and share no slot."""
    monkeypatch.setattr("intercom_bulk_updater.ratelimit.ledger._KEPT", -3600.0)
    slots, lock, met = set[tuple[str, int]](), threading.Lock(), list[str]()

    def come_and_go(number: int) -> None:
        for turn in range(60):
            token = "ab"[(number + turn) % 2]
            first, second = open_ledger(tmp_path, token, URL), open_ledger(tmp_path, token, URL)
            for one in (first, second):
                if one is not None:  # the files were just being removed: as where there can be none
                    with lock:
                        assert (token, one.own) not in slots
                        slots.add((token, one.own))
            if first is not None and second is not None:
                first.write(Entry(seen=float(turn), wants=float(number)))
                entry = second.read(second.raw(first.own))
                assert entry is not None and (entry.seen, entry.wants) == (turn, number)
                met.append(token)
            for one in (first, second):
                if one is not None:
                    with lock:
                        slots.remove((token, one.own))
                    one.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert {"a", "b"} == set(met)


@pytest.mark.parametrize("content", [b"", b"something else", b"intercom-bulk budget\n" * 500], ids=["empty", "short", "long"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    """A file that is none of ours is replaced, not written over: who has it in memory goes on with the old one."""
    first = opened(tmp_path)
    path = file_of(tmp_path)
    path.unlink()
    path.write_bytes(content)
    second, third = opened(tmp_path), opened(tmp_path)
    second.write(Entry(seen=1.0, wants=3.0))
    seen = third.read(third.raw(second.own))
    assert seen is not None and seen.wants == 3.0
    first.write(Entry(seen=2.0))


@pytest.mark.parametrize("what", ["a file", "a folder in its place", "nobody may write"])
def test_where_there_can_be_none_all_is_as_without(tmp_path: Path, what: str) -> None:
    """A state folder that cannot hold it is not an error; the budget goes by the headers."""
    home = tmp_path / "home"
    if what == "a file":
        home.write_text("")
    elif what == "a folder in its place":
        opened(home).close()
        path = file_of(home)
        path.unlink()
        (path / "in").mkdir(parents=True)
    else:
        (home / FOLDER).mkdir(parents=True)
        (home / FOLDER).chmod(0o500)
        if os.access(home / FOLDER, os.W_OK):
            pytest.skip("this user may write everywhere")
    assert open_ledger(home, TOKEN, URL) is None
    assert isinstance(Budget(ledger=None).ask(), Permit)


def test_garbage_in_slots_never_raises(tmp_path: Path) -> None:
    """Whatever bytes and numbers stand in the slots of others, the budget gives permits and takes answers."""
    rng = random.Random(7)
    odd = [0.0, -1.0, 1e300, float("inf"), float("nan"), 1.79e9, 0.5, -1e18]
    ledger, other = opened(tmp_path), opened(tmp_path)
    now = 100.0
    budget = Budget(ledger=ledger, clock=lambda: now)
    given = 0
    for turn in range(400):
        if turn % 2:
            other.write(tuple(rng.choice([now, now - 1, *odd]) for _ in Entry._fields))
        else:
            with file_of(tmp_path).open("r+b") as file:
                file.seek(64 + 160 * rng.randrange(2, 64))
                file.write(rng.randbytes(160))
        now += 0.06
        permit = budget.ask()
        if isinstance(permit, Permit):
            given += 1
            headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "50", "x-ratelimit-reset": "1487332520"}
            budget.answered(permit, headers=headers if turn < 5 else None)
        budget.state()
    assert given
