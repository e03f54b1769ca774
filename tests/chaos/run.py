"""`make chaos`: the cases in worker processes, each with a sandbox of its own, and the table of what was found.

    python tests/chaos/run.py [--cases N] [--workers 2] [--table FILE.md]
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from acceptance.desk import at_desk
from chaos.cases import Case, cases
from chaos.judge import judge
from intercom_sandbox import running

HANGS_AFTER = 60
"""Seconds after which a case counts as hanging; the longest takes about ten."""
BOX = {"conversations": 150, "contacts": 40, "companies": 12, "tickets": 12, "limit": 50_000, "workspace_limit": 50_000}


def chosen(number: int) -> list[Case]:
    """`number` cases spread over the whole table; all of them for 0."""
    every = list(cases())
    if not number or number >= len(every):
        return every
    return [every[place * len(every) // number] for place in range(number)]


def work(first: int, step: int, number: int) -> None:
    """Judge every `step`-th case from `first` on; a line of JSON before and after each."""
    every = chosen(number)
    with running(in_process=False, **BOX) as box:
        for place in range(first, len(every), step):
            print(json.dumps({"begun": place}), flush=True)
            faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
            with tempfile.TemporaryDirectory() as home, at_desk(box, Path(home)) as desk:
                began = time.monotonic()
                found = judge(desk, every[place])
                desk.box.clear_faults()
            faulthandler.cancel_dump_traceback_later()
            line = {"place": place, "seconds": round(time.monotonic() - began, 2), "in_doubt": found.in_doubt, **vars(found)}
            print(json.dumps(line), flush=True)


def collect(number: int, workers: int) -> list[dict[str, Any]]:
    """The findings of all cases; a worker that hangs is replaced, and its case counted."""
    total = len(chosen(number))
    found: list[dict[str, Any]] = []
    running_now: dict[int, tuple[subprocess.Popen[str], int]] = {}

    def start(lane: int, first: int) -> None:
        command = [sys.executable, __file__, "--cases", str(number), "--lane", str(first), "--workers", str(workers)]
        running_now[lane] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True), first

    for lane in range(workers):
        start(lane, lane)
    import threading

    def follow(lane: int) -> None:
        while lane in running_now:
            process, begun = running_now[lane]
            assert process.stdout is not None
            for text in process.stdout:
                line = json.loads(text)
                if "begun" in line:
                    begun = line["begun"]
                else:
                    found.append(line)
                    if line["lost"] or line["doubled"] or line["untrue"] or line["crashed"]:
                        what = json.dumps({key: value for key, value in line.items() if value})[:1500]
                        print(f"{chosen(number)[line['place']].name}\n    {what}", flush=True)
                    if len(found) % 100 == 0:
                        print(f"{len(found)} of {total}", file=sys.stderr, flush=True)
            if process.wait() == 0 or (begun + workers >= total and len(found) >= total):
                del running_now[lane]
                return
            found.append({"place": begun, "hang": True, "lost": [], "doubled": [], "untrue": [], "crashed": [], "in_doubt": 0})
            print(f"HANG {chosen(number)[begun].name}", flush=True)
            if begun + workers >= total:
                del running_now[lane]
                return
            start(lane, begun + workers)

    threads = [threading.Thread(target=follow, args=(lane,)) for lane in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


COLUMNS = ("lost", "doubled", "untrue", "crashed", "hang")


def table(found: list[dict[str, Any]], number: int) -> str:
    """The findings by fault, as Markdown."""
    every = chosen(number)
    sums: dict[str, Counter[str]] = {}
    for line in found:
        row = sums.setdefault(every[line["place"]].fault, Counter())
        row["cases"] += 1
        row["in_doubt"] += line["in_doubt"]
        for column in COLUMNS:
            row[column] += bool(line.get(column))
    lines = [
        "| fault | cases | lost | doubled | untrue accounts | tracebacks | hangs | items left in doubt |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    whole: Counter[str] = Counter()
    for fault, row in sums.items():
        whole.update(row)
        lines.append(_row(fault, row))
    return "\n".join([*lines, _row("**all**", whole)]) + "\n"


def _row(name: str, row: Counter[str]) -> str:
    return f"| {name} | {row['cases']:,} | " + " | ".join(f"{row[column]:,}" for column in COLUMNS) + f" | {row['in_doubt']:,} |"


def main() -> int:
    """Exit 1 when anything was found."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cases", type=int, default=0, help="how many, spread over the table; 0: all")
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--table", type=Path, help="write the table to this file too")
    asked.add_argument("--lane", type=int, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.lane is not None:
        work(given.lane, given.workers, given.cases)
        return 0
    found = collect(given.cases, given.workers)
    text = table(found, given.cases)
    print(text)
    if given.table:
        given.table.write_text(text, "utf-8")
    return int(any(line.get(column) for line in found for column in COLUMNS))


if __name__ == "__main__":
    sys.exit(main())
