"""What the gate costs: processor time of enter and leave, 32 threads, against the same threads without a gate.

    python benchmarks/gate_cost.py [--seconds 4]

"abundant": the limit is out of reach, nobody waits. "paced": 1,667 calls in 10 s, every call waits for its turn.
Then what the ledger costs (ratelimit/ledger.py): the budget's arithmetic for one request in one thread, without a ledger,
with one, and with siblings in it that are at work; the least of several measurements.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import threading
import time
from collections import deque
from pathlib import Path

from intercom_bulk_updater.errors import RunStopped
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.ledger import open_ledger
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.ratelimit.permit import Permit
from intercom_bulk_updater.stop import Stop

THREADS = 32


class Server:
    """Fixed windows of ten seconds, and an answer after `latency` seconds."""

    def __init__(self, limit: int, latency: float) -> None:
        self.limit, self.latency = limit, latency
        self.counts: dict[int, int] = {}
        self.lock = threading.Lock()

    def call(self) -> dict[str, str]:
        """Carry out one call; its rate-limit headers."""
        time.sleep(self.latency)  # noqa: TID251 - this is the network, and nobody stops it
        with self.lock:
            window = int(time.time() / 10)
            used = self.counts[window] = self.counts.get(window, 0) + 1
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(max(0, self.limit - used)),
            "x-ratelimit-reset": str((window + 1) * 10),
        }


def run(server: Server, seconds: float, *, gated: bool, latency: float) -> tuple[float, float]:
    """(microseconds of processor time a call, calls a second)."""
    stop = Stop(deadline=seconds)
    gate = RateLimiter(Budget(), stop)

    def work() -> None:
        try:
            while not stop.asked:
                if gated:
                    permit = gate.enter("action")
                    gate.leave(permit, status=200, headers=server.call())
                else:
                    server.call()
                    stop.wait(latency)
        except RunStopped:
            pass

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    began = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calls = sum(server.counts.values())
    return (time.process_time() - began) / calls * 1e6, calls / seconds


def arithmetic(home: Path | None, siblings: int = 0, calls: int = 1_000, rounds: int = 30) -> float:
    """Microseconds of processor time that the budget takes for a request, with 16 in the air."""

    def budget() -> Budget:
        return Budget(ledger=None if home is None else open_ledger(home, "token", "address"))

    ours, others, flying, used = budget(), [budget() for _ in range(siblings)], deque[Permit](), itertools.count(1)

    def answer(one: Budget, permit: Permit) -> None:
        reset = str((int(time.time() / 10) + 1) * 10)
        told = {"x-ratelimit-limit": "100000000", "x-ratelimit-remaining": str(100_000_000 - next(used)), "x-ratelimit-reset": reset}
        one.answered(permit, headers=told)

    def send(one: Budget) -> Permit:
        while not isinstance(permit := one.ask(), Permit):
            pass
        return permit

    best = float("inf")
    for one in (ours, *others):
        answer(one, send(one))
    for _ in range(rounds):
        for one in others:
            answer(one, send(one))
        began = time.thread_time()
        for _ in range(calls):
            flying.append(send(ours))
            if len(flying) > 16:
                answer(ours, flying.popleft())
        best = min(best, time.thread_time() - began)
    for one in (ours, *others):
        one.leave()
    return best / calls * 1e6


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4)
    seconds = parser.parse_args().seconds
    print("| | calls a second | µs a call | µs a call without gate |")
    print("|---|---:|---:|---:|")
    for name, limit, latency in (("abundant", 1_000_000, 0.002), ("paced", 1667, 0.1)):
        plain, _ = run(Server(limit, latency), seconds, gated=False, latency=0.0 if name == "abundant" else 0.06)
        gated, speed = run(Server(limit, latency), seconds, gated=True, latency=0.0)
        print(f"| {name} | {speed:.0f} | {gated:.0f} | {plain:.0f} |")
    with tempfile.TemporaryDirectory() as home:
        without, alone, four = arithmetic(None), arithmetic(Path(home)), arithmetic(Path(home), 3)
    print("\n| no ledger | alone in the ledger | with three siblings |\n|---:|---:|---:|")
    print(f"| {without:.1f} µs | {alone:.1f} µs | {four:.1f} µs |")


if __name__ == "__main__":
    main()
