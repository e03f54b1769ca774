"""What the journal takes of the throughput: the same machine closing the same conversations, with the journal and without.

    python benchmarks/journal_share.py [--items 6000] [--rounds 3] [--latency 0.15] [--workers 128]

No rate limit, Intercom's latency, and as many workers as a run ever takes. With `--latency 0 --workers 32` nothing is left
but the processor, as at no real workspace: there each microsecond of the journal is one of throughput.

With the journal: a reader writes down page after page, each item is claimed on disk before its request and its outcome is
written after. Without: ids from a list. Rounds alternate; the median counts.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.api.retry import RetryPolicy
from intercom_bulk_updater.api.transport import HttpTransport
from intercom_bulk_updater.engine.pool import PoolSize, WorkerPool
from intercom_bulk_updater.engine.processor import ItemProcessor
from intercom_bulk_updater.engine.work import WorkSource
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import FoundItem, Item, ItemResult
from intercom_bulk_updater.operations.conversations.verbs import Close
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.stop import Stop
from intercom_sandbox import Sandbox, running

PAGE = 150
BEFORE = {"state": "open", "snoozed_until": None}


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--items", type=int, default=6_000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--latency", type=float, default=0.15, help="seconds before each answer")
    asked.add_argument("--workers", type=int, default=128)
    given = asked.parse_args()
    took: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    with running(in_process=False, conversations=50, limit=10_000_000, workspace_limit=10_000_000, latency=given.latency) as box:
        for _ in range(given.rounds):
            for name, figures in took.items():
                ids = box.add_conversations(given.items, team=5001, state="open")
                before = box.stats()["requests"]
                with tempfile.TemporaryDirectory(prefix="journal-share-") as folder:
                    figures.append(close(box, ids, Path(folder) if name == "with" else None, given.workers))
                assert box.stats()["requests"] - before == given.items, "one request an item, by the server's books"
    seconds = {name: statistics.median(s for s, _ in figures) for name, figures in took.items()}
    cpu = {name: statistics.median(c for _, c in figures) for name, figures in took.items()}
    for name in took:
        each = cpu[name] * 1000 / given.items
        print(f"{name + ' journal':<18}{given.items / seconds[name]:>8,.0f} items/s{each:>8.2f} processor ms an item")
    lost = 100 * (1 - seconds["without"] / seconds["with"])
    print(f"the journal takes {lost:.1f} % of the throughput and {(cpu['with'] - cpu['without']) * 1000 / given.items:.2f} ms an item")


def close(box: Sandbox, ids: list[str], folder: Path | None, workers: int) -> tuple[float, float]:
    """Close them all; wall and processor seconds."""
    stop = Stop()
    headers = {"Authorization": "Bearer sandbox-token", "Content-Type": "application/json", "Intercom-Version": "2.16"}
    gate = RateLimiter(Budget(), stop)
    client = Client(HttpTransport(box.url, headers, timeout=30), gate, admin_id="991267700")
    worker = ItemProcessor(Close(), client, stop, RetryPolicy())
    wall, cpu = time.perf_counter(), time.process_time()
    if folder is None:
        run(gate, stop, worker, Plain(ids), workers)
    else:
        with Journal(folder / "journal.db") as journal:
            key = journal.create_run(operation="conversations.close", workspace="bench").id

            def read() -> None:
                for start in range(0, len(ids), PAGE):
                    journal.add_items(key, [FoundItem(i, BEFORE) for i in ids[start : start + PAGE]], search={"cursor": str(start)})

            reader = threading.Thread(target=read)
            reader.start()
            run(gate, stop, worker, Recorded(journal, key, reader), workers)
            counts = journal.counts(key)
            assert counts.done == len(ids), counts
    taken = time.perf_counter() - wall, time.process_time() - cpu
    client.close()
    return taken


class Plain(WorkSource):
    """Hands out a list, and forgets what became of it."""

    def __init__(self, ids: list[str]) -> None:
        self._rest = iter([Item(seq, key, BEFORE) for seq, key in enumerate(ids, 1)])

    def settle_and_claim(self, results: Sequence[ItemResult], number: int) -> list[Item]:
        """See WorkSource."""
        return list(itertools.islice(self._rest, number))


class Recorded(WorkSource):
    """Hands out what a reader writes into the journal, and writes down what became of it."""

    def __init__(self, journal: Journal, run: str, reader: threading.Thread) -> None:
        self._journal = journal
        self._run = run
        self._reader = reader

    def settle_and_claim(self, results: Sequence[ItemResult], number: int) -> list[Item]:
        """See WorkSource."""
        return self._journal.turn(self._run, results, number)

    def may_grow(self) -> bool:
        """See WorkSource."""
        return self._reader.is_alive()


def run(gate: RateLimiter, stop: Stop, worker: ItemProcessor, work: WorkSource, workers: int) -> None:
    """The engine as a run has it."""
    pool = PoolSize(fixed=workers)
    WorkerPool(gate=gate, stop=stop, crew=pool, work=work, do=worker, put_back=worker.put_back, tick=lambda _: None).run()


if __name__ == "__main__":
    main()
