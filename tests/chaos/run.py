"""`make chaos`: the cases in worker processes, each with a sandbox of its own, and the tables of what was found.

    python tests/chaos/run.py --cases 1200 --mutations 3000 [--workers 2]
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from acceptance.desk import at_desk
from chaos.cases import Case, cases, mutations
from chaos.judge import judge
from intercom_bulk_updater.api import retry
from intercom_bulk_updater.engine import decide, processor
from intercom_bulk_updater.ratelimit import request_class
from intercom_sandbox import running

IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where state folders lie: a power failure is not among the faults."""
HANGS_AFTER = 400
"""Seconds after which a case counts as hanging: a search that never shows the new state is waited for for two minutes, in each run."""
BOX = {"conversations": 150, "contacts": 40, "companies": 12, "tickets": 12, "limit": 50_000, "workspace_limit": 50_000}


def hasten() -> None:
    """Shorten what the engine waits for the real service, which may be late by seconds: the sandbox never is, unless it says so.

    The times themselves have tests of their own (test_decide.py, test_outage.py).
    """
    processor._SETTLE_AFTER_CRASH, processor._SETTLE_AFTER_LOSS, processor._SETTLE_AFTER_ERROR = 1.0, 0.4, 0.2
    decide._BEFORE_LAST_LOOK = 0.4
    request_class._FIRST_GAP, request_class._LONGEST_GAP = 0.1, 0.5
    whole = retry.RetryPolicy.after
    retry.RetryPolicy.after = lambda self, attempt: None if (full := whole(self, attempt)) is None else full * 0.1  # type: ignore[method-assign]


def chosen(number: int, mutated: bool = False) -> list[Case]:
    """`number` cases spread over the whole table, all of them for 0; or so many with mutated answers."""
    if mutated:
        return mutations(number)
    every = cases()
    return every[: number or len(every)]


def work(every: list[Case], first: int, step: int) -> None:
    """Judge every `step`-th case from `first` on; a line of JSON before and after each."""
    hasten()
    with running(in_process=False, **BOX) as box:
        for place in range(first, len(every), step):
            print(json.dumps({"begun": place}), flush=True)
            faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
            with tempfile.TemporaryDirectory(dir=IN_MEMORY) as home, at_desk(box, Path(home)) as desk:
                began = time.monotonic()
                found = judge(desk, every[place])
                desk.box.clear_faults()
            faulthandler.cancel_dump_traceback_later()
            line = {"place": place, "seconds": round(time.monotonic() - began, 2), "in_doubt": found.in_doubt, **vars(found)}
            print(json.dumps(line), flush=True)


def collect(number: int, workers: int, mutated: bool, start: int, seconds: float) -> list[dict[str, Any]]:
    """The findings of all cases from `start` on, or as many as `seconds` allow; a worker that hangs is replaced, and its case counted."""
    end = time.monotonic() + (seconds or math.inf)
    every = chosen(number, mutated)
    found: list[dict[str, Any]] = []

    def follow(lane: int) -> None:
        first = lane
        while first < len(every) and time.monotonic() < end:
            first = _follow(every, first, workers, found, end, [f"--{'mutations' if mutated else 'cases'}", str(number)])

    threads = [threading.Thread(target=follow, args=(start + lane,)) for lane in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _follow(every: list[Case], first: int, workers: int, found: list[dict[str, Any]], end: float, what: list[str]) -> int:
    """Take what one process finds; the place of the case after the last one that it began."""
    command = [sys.executable, __file__, *what, "--lane", str(first), "--workers", str(workers)]
    begun = first
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            line = json.loads(text)
            if "begun" in line:
                begun = line["begun"]
                continue
            found.append(line)
            if any(line.get(column) for column in COLUMNS):
                words = json.dumps({key: value for key, value in line.items() if value})[:1500]
                print(f"{every[line['place']].name}\n    {words}", flush=True)
            if len(found) % 100 == 0:
                print(f"{len(found)} of {len(every)}", file=sys.stderr, flush=True)
            if time.monotonic() >= end:
                process.kill()
                return len(every)
    if process.returncode != 0:
        found.append({"place": begun, "hang": True, "in_doubt": 0})
        print(f"HANG {every[begun].name}", flush=True)
    return begun + workers


COLUMNS = ("lost", "doubled", "untrue", "crashed", "hang")


def table(found: list[dict[str, Any]], every: list[Case], mutated: bool) -> str:
    """The findings by fault (mutations: by what was mutated), as Markdown."""
    sums: dict[str, Counter[str]] = {}
    for line in sorted(found, key=lambda line: int(line["place"])):
        case = every[line["place"]]
        row = sums.setdefault(case.stage if mutated else case.fault, Counter())
        row["cases"] += 1
        row["in_doubt"] += line["in_doubt"]
        for column in COLUMNS:
            row[column] += bool(line.get(column))
    first = "mutated answers to" if mutated else "fault"
    lines = [
        f"| {first} | cases | lost | doubled | untrue accounts | tracebacks | hangs | items left in doubt |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    whole: Counter[str] = Counter()
    for name in sorted(sums):
        whole.update(sums[name])
        lines.append(_row(name, sums[name]))
    return "\n".join([*lines, _row("**all**", whole)]) + "\n"


def _row(name: str, row: Counter[str]) -> str:
    return f"| {name} | {row['cases']:,} | " + " | ".join(f"{row[column]:,}" for column in COLUMNS) + f" | {row['in_doubt']:,} |"


def main() -> int:
    """Exit 1 when anything was found."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cases", type=int, help="how many of the table; 0: all")
    asked.add_argument("--mutations", type=int, help="how many with answers mutated at random")
    asked.add_argument("--from", dest="start", type=int, default=0, metavar="PLACE", help="leave out the cases before this one")
    asked.add_argument("--seconds", type=float, default=0, help="for each of the two tables; 0: until all cases are done")
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--lane", type=int, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.lane is not None:
        mutated = given.mutations is not None
        work(chosen(given.mutations if mutated else given.cases, mutated), given.lane, given.workers)
        return 0
    wrong = False
    for number, mutated in ((given.cases, False), (given.mutations, True)):
        if number is None:
            continue
        began = time.monotonic()
        found = collect(number, given.workers, mutated, given.start, given.seconds)
        print(table(found, chosen(number, mutated), mutated))
        print(f"{len(found):,} cases in {time.monotonic() - began:,.0f} s on {time.strftime('%Y-%m-%d')}\n", flush=True)
        wrong = wrong or any(line.get(column) for line in found for column in COLUMNS)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
