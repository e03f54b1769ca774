"""The processes that the journal's tests start and kill. Each line on stdout is one thing that is on the disk."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from intercom_bulk_updater.errors import JournalError
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.journal.lock import RunLock
from intercom_bulk_updater.journal.mark import RunMark
from intercom_bulk_updater.model import FoundItem, ItemResult, Outcome


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def work(home: Path, run: str) -> None:
    """Find, claim and settle for ever, saying what has been written, until killed."""
    journal = Journal(home / "journal.db")
    with RunLock(home, run):
        journal.recover(run)
        start = journal.counts(run).selected
        number = start
        while True:
            page = [FoundItem(f"{n:015d}", {"state": "open"}) for n in range(number, number + 7)]
            number += journal.add_items(run, page, search={"next": number + 7})
            say("found", number)
            items = journal.turn(run, [], 9)
            say("claimed", *(item.seq for item in items))
            journal.turn(run, [ItemResult(item.seq, Outcome.DONE, after={"state": "closed"}) for item in items[:5]], 0)
            say("done", *(item.seq for item in items[:5]))
            journal.turn(run, [ItemResult(item.seq, Outcome.PENDING) for item in items[5:]], 0)
            say("back", *(item.seq for item in items[5:]))


def hold(home: Path, run: str) -> None:
    """Hold the run until killed."""
    with RunLock(home, run):
        say("held")
        sys.stdin.read()


def ask(home: Path, run: str, control: str) -> None:
    """Ask the holder of the run for something."""
    with Journal(home / "journal.db") as journal:
        journal.request(run, control)


def settle(home: Path, run: str, group: str) -> None:
    """Claim and settle until nothing is pending, beside other processes that do the same."""
    with Journal(home / "journal.db") as journal:
        fates: list[ItemResult] = []
        while items := journal.turn(run, fates, int(group)):
            say("claimed", *(item.seq for item in items))
            fates = [ItemResult(item.seq, Outcome.DONE, note=group) for item in items]


def create(home: Path, number: str) -> None:
    """Open a journal that may not exist yet, at the same time as others, and create a run."""
    sys.stdin.readline()
    with Journal(home / "journal.db") as journal:
        say(journal.create_run(operation=f"op{number}").id)


def overflow(home: Path, run: str, limit: str) -> None:
    """Write until the system refuses to let any file grow beyond `limit` bytes; then say how it was told."""
    import resource

    with Journal(home / "journal.db") as journal:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        number = 0
        try:
            while True:
                journal.add_items(run, [FoundItem(f"{n:015d}", {"x": "y" * 99}) for n in range(number, number + 100)])
                number += 100
                say("found", number)
        except JournalError as error:
            say("refused", error.message)


def killed_at_each_step(home: Path, moved: str) -> None:
    """Kill -9 before each line that a claim carries out, a run's first one or that in a folder that was moved; say what the age is."""
    steps = (Journal.turn.__code__.co_filename, RunMark.advance.__code__.co_filename)
    with Journal(home / "0" / "journal.db") as journal:
        runs = [journal.create_run(operation="note").id for _ in range(80)]
        for run in runs:
            journal.add_items(run, [FoundItem("1"), FoundItem("2")])
            if moved:
                journal.turn(run, [], 1)
    place = (home / "0").rename(home / "1") if moved else home / "0"
    for step, run in enumerate(runs):
        process = os.fork()
        if not process:
            with Journal(place / "journal.db") as journal:
                _die_before(step, steps)
                journal.turn(run, [], 1)
                os._exit(0)
        ended = not os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with Journal(place / "journal.db", read_only=True) as journal:
            age = journal.age(run)
            say("ended" if ended else "killed", journal.counts(run).in_flight, "None" if age is None else age.why)
        if ended:
            break


def _die_before(step: int, files: tuple[str, ...]) -> None:
    left = step

    def trace(frame: FrameType, event: str, _: object) -> object:
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


if __name__ == "__main__":
    {
        "killed": killed_at_each_step, "work": work, "hold": hold, "ask": ask, "settle": settle, "create": create, "overflow": overflow,
    }[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])  # fmt: skip
