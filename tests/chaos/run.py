"""`make chaos`: the cases in worker processes, each with a sandbox of its own; each finding is a line of a file of results.

    python tests/chaos/run.py --cases 1500 --mutations 3000 --workers 6

The same command again goes on where it was stopped (Ctrl-C, --seconds): cases that stand in the file of results, found on
the same sources, are left out. `tables.py` makes the tables of one or several such files.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import json
import math
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from acceptance.desk import at_desk
from chaos.cases import Case, cases, mutations
from chaos.judge import judge
from chaos.tables import COLUMNS, is_wrong, tables
from intercom_bulk_updater.api import retry
from intercom_bulk_updater.engine import decide, failure_reader, processor
from intercom_bulk_updater.ratelimit import request_class
from intercom_bulk_updater.runs.options import Options
from intercom_sandbox import running

ROOT = Path(__file__).parents[2]
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where state folders lie: a power failure is not among the faults."""
HANGS_AFTER = 120
"""Seconds after which a case counts as hanging; most take less than two."""
INDEX_WAIT = 2.0
"""Seconds that a search is waited for which never shows the new state; two minutes otherwise, in each run."""
BOX = {
    "conversations": 150, "contacts": 60, "companies": 24, "tickets": 24, "limit": 50_000, "workspace_limit": 50_000, "window": 2.0,
    "epoch": int(time.time()) // 3600 * 3600,  # each reset gives the same workspace, also over the hour
}  # fmt: skip


def hasten() -> None:
    """Shorten what the engine waits for the real service, which may be late by seconds: the sandbox never is, unless it says so.

    The times themselves have tests of their own (test_decide.py, test_outage.py).
    """
    failure_reader.AFTER_CRASH, failure_reader.AFTER_LOSS, failure_reader.AFTER_ERROR = 1.0, 0.4, 0.2
    processor.AFTER_ERROR = 0.2  # type: ignore[attr-defined]
    decide._BEFORE_LAST_LOOK = 0.4
    request_class._FIRST_GAP, request_class._LONGEST_GAP = 0.1, 0.5
    whole = retry.RetryPolicy.after
    retry.RetryPolicy.after = lambda self, attempt: None if (full := whole(self, attempt)) is None else full * 0.1  # type: ignore[method-assign]
    kept = Options.__init__.__defaults__ or ()
    Options.__init__.__defaults__ = tuple(INDEX_WAIT if value == 120.0 else value for value in kept)  # type: ignore[attr-defined]


def table_of(name: str, number: int, seed: int) -> list[Case]:
    """`number` cases of "cases", all of them for 0; or so many of "mutations"."""
    if name == "mutations":
        return mutations(number, seed)
    every = cases(seed)
    return every[: number or len(every)]


def sources() -> str:
    """A mark of all code that has a part in a result."""
    mark = hashlib.sha1()
    for path in sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "tests" / "chaos").glob("*.py"), ROOT / "tests/acceptance/desk.py"]):
        mark.update(path.read_bytes())
    return mark.hexdigest()[:12]


def commit() -> str:
    """The commit that is checked out; "+" for changes on top."""
    command = ["git", "describe", "--always", "--abbrev=10", "--dirty=+"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


# -- a worker ------------------------------------------------------------------------------------------------------


def work(name: str, number: int, seed: int) -> None:
    """Judge the cases whose places come in, one a line; a line of JSON for each."""
    hasten()
    every = table_of(name, number, seed)
    with running(in_process=False, **BOX) as box:
        for text in sys.stdin:
            case = every[int(text)]
            faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
            began, spent = time.monotonic(), time.process_time()
            with tempfile.TemporaryDirectory(dir=IN_MEMORY) as home, at_desk(box, Path(home)) as desk:
                found = judge(desk, case)
                desk.box.clear_faults()
            faulthandler.cancel_dump_traceback_later()
            line = {"seconds": round(time.monotonic() - began, 2), "cpu": round(time.process_time() - spent, 2), **vars(found)}
            print(json.dumps(line), flush=True)


class Worker:
    """A process that judges; it is replaced when it hangs or dies."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._process: subprocess.Popen[str] | None = None
        self._errors: Any = None

    def judge(self, place: int) -> dict[str, Any]:
        """What the case has shown."""
        if self._process is None:
            self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
            # A session of its own: Ctrl-C is for the one process that people see.
            self._process = subprocess.Popen(
                [sys.executable, __file__, *self._words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
                start_new_session=True,
            )  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{place}\n")
        self._process.stdin.flush()
        text = self._process.stdout.readline()
        if text:
            found: dict[str, Any] = json.loads(text)
            return found
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read()[-6000:]
        self._process = None
        return {"hang" if "Timeout" in said else "broke": said}

    def end(self) -> None:
        """End it, with its sandbox and all that it began."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)


# -- who hands out the cases ---------------------------------------------------------------------------------------


class Campaign:
    """All cases that are asked for, over several workers, into one file."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._path = Path(given.results)
        self._mark = {"sources": sources(), "commit": commit(), "seed": given.seed}
        self._todo: queue.SimpleQueue[tuple[str, int, Case]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._found: list[dict[str, Any]] = []
        self._workers: list[Worker] = []
        self.stopped = False
        self._asked = 0
        self._fill()

    def _fill(self) -> None:
        old = {line["name"]: line for line in read_results([self._path]) if line["sources"] == self._mark["sources"]}
        for name in ("cases", "mutations"):
            number = getattr(self._given, name)
            if number is None:
                continue
            for place, case in enumerate(table_of(name, number, self._given.seed)):
                if place < self._given.start or self._given.only not in case.name:
                    continue
                if case.name in old and not self._given.again:
                    self._found.append(old[case.name])
                else:
                    self._todo.put((name, place, case))
        self._asked = self._todo.qsize()
        if self._found:
            self._say(f"{len(self._found):,} cases stand in {self._path} already, of these sources")

    def run(self) -> list[dict[str, Any]]:
        """Until all is done, the time is over, or Ctrl-C; what was found."""
        began, before = time.monotonic(), len(self._found)
        end = began + (self._given.seconds or math.inf)
        threads = [threading.Thread(target=self._follow, daemon=True) for _ in range(self._given.workers)]
        for thread in threads:
            thread.start()
        try:
            told = began
            while any(thread.is_alive() for thread in threads):
                time.sleep(0.2)
                if time.monotonic() > end:
                    self._stop.set()
                if time.monotonic() - told > self._given.progress:
                    told = time.monotonic()
                    self._progress(len(self._found) - before, told - began)
        except KeyboardInterrupt:
            self._say("stopped; the same command goes on from here")
            self.stopped = True
            self._stop.set()
            for worker in self._workers:
                worker.end()
        self._progress(len(self._found) - before, time.monotonic() - began)
        return self._found

    def _progress(self, number: int, seconds: float) -> None:
        wrong = sum(map(is_wrong, self._found))
        left = (self._asked - number) * seconds / number / 60 if number else 0.0
        self._say(f"{number:,} of {self._asked:,} · {wrong} wrong · {number / seconds:.1f} cases/s · about {left:.0f} min left")

    @staticmethod
    def _say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def _follow(self) -> None:
        """One worker for each table after the other."""
        workers: dict[str, Worker] = {}
        try:
            while not self._stop.is_set():
                name, place, case = self._todo.get_nowait()
                if name not in workers:
                    for other in workers.values():
                        other.end()
                    number = str(getattr(self._given, name))
                    workers[name] = Worker(["--worker", name, f"--{name}", number, "--seed", str(self._given.seed)])
                    self._workers.append(workers[name])
                self._note(case, {"table": name, "place": place, **workers[name].judge(place)})
        except queue.Empty:
            pass
        finally:
            for worker in workers.values():
                worker.end()

    def _note(self, case: Case, finding: dict[str, Any]) -> None:
        if self._stop.is_set() and "broke" in finding:
            return  # it was ended
        about = {"name": case.name, "verb": case.verb.name, "fault": case.fault, "stage": case.stage}
        line = {**about, **finding, **self._mark, "day": time.strftime("%Y-%m-%d")}
        with self._lock:
            self._found.append(line)
            with self._path.open("a") as file:
                file.write(json.dumps(line) + "\n")
            if is_wrong(line):
                words = {key: line[key] for key in COLUMNS if line.get(key)}
                print(f"{line['table']} {line['place']}: {case.name}\n    {json.dumps(words)[:2500]}", flush=True)


def read_results(paths: list[Path]) -> Iterator[dict[str, Any]]:
    """The lines of files of results; a file that is not there yet has none."""
    for path in paths:
        if path.exists():
            yield from map(json.loads, path.read_text().splitlines())


def main() -> int:
    """Exit 1 when anything was found, 130 after Ctrl-C."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--cases", type=int, metavar="N", help="how many of the table; 0: all")
    asked.add_argument("--mutations", type=int, metavar="N", help="how many with answers mutated at random")
    asked.add_argument("--seed", type=int, default=7, help="decides the order of the table, and the mutations")
    asked.add_argument("--from", dest="start", type=int, default=0, metavar="PLACE", help="leave out the cases before it, in each table")
    asked.add_argument("--only", default="", metavar="TEXT", help="only cases whose name contains this")
    asked.add_argument("--again", action="store_true", help="also cases that stand in the file of results")
    asked.add_argument("--seconds", type=float, default=0, help="stop after these; 0: when all is done")
    asked.add_argument("--workers", type=int, default=3 * (os.cpu_count() or 1), help="processes; most of them wait most of the time")
    asked.add_argument("--progress", type=float, default=15, metavar="SECONDS", help="how often it says how far it is")
    asked.add_argument("--results", default=str(ROOT / "chaos-results.jsonl"), metavar="FILE")
    asked.add_argument("--worker", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.worker:
        work(given.worker, getattr(given, given.worker), given.seed)
        return 0
    for sign in (signal.SIGINT, signal.SIGTERM):  # also where a shell has begun it in the background
        signal.signal(sign, signal.default_int_handler)
    campaign = Campaign(given)
    found = campaign.run()
    print(tables(found))
    return 130 if campaign.stopped else int(any(map(is_wrong, found)))


if __name__ == "__main__":
    sys.exit(main())
