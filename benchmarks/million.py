"""Peak memory with a million items: plan, run, resume, verify, report, each a process of its own.

    python benchmarks/million.py [--items 1000000] [--results FILE]

There is no limit and no latency, so what takes time is the processor: a second for about a thousand items. The run is asked to stop
when the server has seen half of the items closed, and resumed. `bench_page.py` puts the figures on the page.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from measuring import RESULTS, TEAM, append, environment, load, more_than_once, now, run, sandbox
from scenarios import NO_LIMIT

from intercom_sandbox import Sandbox

COMMAND = [sys.executable, "-m", "intercom_bulk_updater"]
QUIET = ["--progress", "none"]
# The sandbox goes through all rows for the first page of each new query, and whoever asks meanwhile waits.
PATIENT = ["--timeout", "900"]
ALL = ["--where", f"team = {TEAM} and state = open", "--max", "100%"]
SECONDS_EACH = 0.02  # after so long for each item a stage is taken to hang
BETWEEN = 15.0  # seconds between two lines of progress
INTERRUPTED = 143


def main() -> int:
    """Measure stage after stage, and print a line for each; 0 when each ended as it should."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--items", type=int, default=1_000_000)
    options.add_argument("--results", type=Path, default=RESULTS)
    chosen = options.parse_args()
    items, name = chosen.items, now()
    print(f"Run {name}: making {items:,} conversations", flush=True)
    well = True
    with sandbox(items, limit=10 * NO_LIMIT, workspace_limit=10 * NO_LIMIT, latency=0.0, jitter=0.0, log_size=100) as (box, home):
        env = environment(box, home)
        stages: list[tuple[str, list[str], int, int]] = [
            ("plan", ["conversations", "close", *ALL, *PATIENT, "--plan", str(home / "plan.jsonl")], 0, 0),
            ("run, stopped half-way", ["conversations", "close", *ALL, *PATIENT, "--yes"], items // 2, INTERRUPTED),
            ("resume", ["runs", "resume", "latest", *PATIENT, "--yes"], 0, 0),
            ("verify, every item read back", ["verify", "latest", "--level", "all", *PATIENT], 0, 0),
            ("report", ["runs", "report", "latest", "-o", str(home / "report.html")], 0, 0),
        ]  # fmt: skip
        for stage, words, half, expected in stages:
            busy = load()
            follow = progress(box, stage, items, half)
            process = run([*COMMAND, *words, *QUIET], env, home, within=60 + items * SECONDS_EACH, watch=follow, log=home / "log")
            well = well and process.exit == expected
            append(chosen.results, "stage", name, load=busy, stage=stage, items=items, process=process)
            print(
                f"{stage:<30}{process.megabytes:>7.0f} MB{process.seconds:>9.1f} s{process.cpu * 1000 / items:>8.2f} ms CPU an item"
                f"{process.exit:>5} (expected {expected})", flush=True,
            )  # fmt: skip
        audit = box.audit("conversations")
        closed = audit["kinds"].get("close", {})
        lost, twice = items - int(closed.get("1", 0)) - int(closed.get("2+", 0)), more_than_once(audit)
        print(f"{lost:,} items lost, {twice:,} written twice, by the server's books")
        if not well:
            print((home / "log").read_text()[-3000:], file=sys.stderr)
    return 0 if well and not lost and not twice else 1


def progress(box: Sandbox, stage: str, items: int, half: int) -> Callable[[], bool]:
    """What is asked while a stage runs: prints how far the server is, and says when half of the items are closed."""
    # The server adds up its books at each look: with a million items that takes it a second.
    every = min(BETWEEN, max(0.5, items / 50_000))
    begun = looked = printed = time.monotonic()
    first = box.stats()["requests"]

    def watch() -> bool:
        nonlocal looked, printed
        now = time.monotonic()
        if now - looked < every:
            return False
        looked = now
        stats = box.stats()
        if now - printed >= BETWEEN:
            printed = now
            print(f"  {stage}: {now - begun:,.0f} s, {stats['requests'] - first:,} requests", flush=True)
        return bool(half) and stats["routes"].get("POST /conversations/{id}/parts", 0) >= half

    return watch


if __name__ == "__main__":
    sys.exit(main())
