"""What the journal costs: CPU per item at several group sizes, bytes on disk for a million items, time of a count.

    python benchmarks/journal_cost.py [--items 1000000] [--folder DIR]

CPU is that of this process (user + system), which does nothing but journal: add, claim, settle. Disk is the file and its
WAL at their largest, looked at after every group of pages.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import FoundItem, ItemResult, Outcome

PAGE = 150
BEFORE = {"state": "open"}
AFTER = {"state": "closed", "open": False, "updated_at": 1795479892, "admin_assignee_id": 5001}


def disk(folder: Path) -> int:
    """Bytes that the journal takes now, with its WAL."""
    return sum(file.stat().st_size for file in folder.glob("journal.db*"))


def pages(items: int) -> Iterator[list[FoundItem]]:
    """Pages of a search: ids of 15 digits in no order."""
    for start in range(0, items, PAGE):
        yield [
            FoundItem(f"{(number * 7919) % 10**9 + 215 * 10**12:015d}", BEFORE)
            for number in range(start, min(start + PAGE, items))
        ]


def journal_all(folder: Path, items: int, group: int) -> tuple[float, float, int]:
    """Journal a run of `items`, settling `group` at a time as pages arrive; CPU s, wall s, most bytes on disk."""
    most = 0
    cpu, wall = time.process_time(), time.perf_counter()
    with Journal(folder / "journal.db") as journal:
        run = journal.create_run(operation="close", workspace="bench").id
        lease = journal.hold(run)
        flying: list[int] = []
        for number, page in enumerate(pages(items)):
            journal.add_items(run, page, search={"cursor": f"{number:0120d}", "pass": 1})
            for _ in range(max(1, PAGE // group)):
                flying = step(journal, run, flying, group)
            if number % 50 == 0:
                most = max(most, disk(folder))
        while flying:
            flying = step(journal, run, flying, group)
        lease.release()
        most = max(most, disk(folder))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        counted = time.perf_counter()
        counts = journal.counts(run)
        counted = time.perf_counter() - counted
        assert counts.done == counts.selected == items, counts
        print(f"  count of {items:,} items: {counted * 1000:.0f} ms")
    return cpu, wall, most


def step(journal: Journal, run: str, flying: list[int], group: int) -> list[int]:
    """One turn of the engine: these are done, give me others."""
    fates = [ItemResult(seq, Outcome.DONE, after=AFTER) for seq in flying]
    return [item.seq for item in journal.turn(run, fates, group)]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--items", type=int, default=1_000_000, help="items of the run whose disk is measured"
    )
    arguments.add_argument(
        "--folder", type=Path, default=None, help="where to journal (default: a temporary folder)"
    )
    asked = arguments.parse_args()
    for group, items in ((16, 30_000), (150, 60_000), (150, asked.items)):
        folder = Path(tempfile.mkdtemp(prefix="journal-cost-", dir=asked.folder))
        try:
            print(f"{items:,} items, settled {group} at a time")
            cpu, wall, most = journal_all(folder, items, group)
            left = disk(folder)
        finally:
            shutil.rmtree(folder)
        print(f"  CPU {cpu / items * 1000:.3f} ms an item; {items / wall:,.0f} items/s")
        print(
            f"  disk {most / 1e6:.0f} MB at most, {left / 1e6:.0f} MB at the end, {left / items:.0f} bytes an item"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
