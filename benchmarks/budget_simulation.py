"""How well the budget fills the server's windows, in virtual time: one row a situation.

    python benchmarks/budget_simulation.py [--seconds 80] [--seeds 2] [WORD ...]

WORD picks the situations whose names contain it. Each row is the mean over the seeds; every seed has another window
phase. The first and the last window are left out of the percentages, not of the 429s.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from typing import Any

from budget_world import Server, World

FULL = "1,667 per 10 s, 150 ± 50 ms"


def shrink(server: Server, now: float) -> None:
    """A third of the limit is taken away at 35 s, and given back at 65 s."""
    server.limit = 1111 if 35 <= now < 65 else 1667


def situation(server: dict[str, Any] | None = None, **world: Any) -> Callable[[int], World]:
    """A recipe: builds the world for a seed."""

    def build(seed: int) -> World:
        phase = random.Random(seed).uniform(0, 10)
        skew = 1_487_332_500 + phase + (server or {}).get("skew", 0.0)
        return World(Server(**{**(server or {}), "skew": skew}), seed=seed, **world)

    return build


SITUATIONS: dict[str, Callable[[int], World]] = {
    "alone, 15 workers (cannot reach the limit)": situation(workers=15),
    "alone, 28 workers": situation(workers=28),
    "alone, 32 workers": situation(workers=32),
    "alone, 64 workers": situation(),
    "server clock 45 s ahead": situation({"skew": 45}),
    "server clock 45 s behind": situation({"skew": -45}),
    "no Date header": situation({"dates": False}),
    "4 API nodes within ±100 ms": situation({"nodes": (-0.1, -0.03, 0.04, 0.1)}),
    "Reset flickers by a second": situation({"flicker": True}),
    "5 % of answers without headers": situation({"headers": 0.95}),
    "50 % of answers without headers": situation({"headers": 0.5}),
    "99 % of answers without headers": situation({"headers": 0.01}),
    "no headers ever": situation({"headers": 0.0}),
    "99 % of requests by another library": situation(bare=0.99),
    "10 % garbage in the headers": situation({"garbage": 0.1}),
    "Remaining told one too high": situation({"excess": 1}),
    "2 % of answers 2 s late": situation(slow=0.02),
    "latency 150 ± 140 ms": situation(latency=(0.01, 0.29)),
    "latency 600 ± 200 ms, 128 workers": situation(latency=(0.4, 0.8), workers=128),
    "latency 2,000 ± 300 ms, 600 workers": situation(latency=(1.7, 2.3), workers=600),
    "latency 2,000 ± 300 ms, 600 workers, competitor 0-40 %": situation(latency=(1.7, 2.3), workers=600, competitor=(0.0, 0.4)),
    "latency 2,000 ± 300 ms, counted on arrival, 600 workers": situation(latency=(1.7, 2.3), workers=600, there=(0.0, 0.01)),
    "limit 166": situation({"limit": 166}),
    "limit 10": situation({"limit": 10}),
    "limit 1,111 from 35 s to 65 s": situation({"change": shrink}),
    "limit 100,000, latency 5 ms, 16 workers": situation({"limit": 100_000}, latency=(0.004, 0.006), workers=16),
    "windows of 1 s, 167 each": situation({"limit": 167, "length": 1.0}),
    "windows of 2 s, 333 each": situation({"limit": 333, "length": 2.0}),
    "windows of 60 s, 10,000 each": situation({"limit": 10_000, "length": 60.0}),
    "sliding log, Reset slides": situation({"kind": "log"}),
    "token bucket, Reset slides": situation({"kind": "bucket"}),
    "a hidden limit of 1,200": situation({"workspace": 1200}),
    "share=0.4": situation(share=0.4),
    "rate=50 a second": situation(rate=50.0),
    "2 processes that know nothing of each other": situation(clients=2, workers=32),
    "4 processes that know nothing of each other": situation(clients=4, workers=32),
    "competitor 0-40 %": situation(competitor=(0.0, 0.4)),
    "competitor 0-40 %, polite=0": situation(competitor=(0.0, 0.4), polite=0.0),
    "competitor 0-40 %, polite=1.5": situation(competitor=(0.0, 0.4), polite=1.5),
    "competitor steady 20 %": situation(competitor=(0.2, 0.2)),
    "competitor steady 40 %": situation(competitor=(0.4, 0.4)),
    "competitor 80-90 %": situation(competitor=(0.8, 0.9)),
    "2 processes that know nothing of each other, competitor 0-40 %": situation(clients=2, workers=32, competitor=(0.0, 0.4)),
    "2 processes with a ledger": situation(clients=2, workers=32, ledger=True),
    "4 processes with a ledger": situation(clients=4, workers=32, ledger=True),
    "8 processes with a ledger": situation(clients=8, workers=32, ledger=True),
    "2 processes with a ledger, competitor 0-40 %": situation(clients=2, workers=32, ledger=True, competitor=(0.0, 0.4)),
    "4 processes with a ledger, competitor steady 20 %": situation(clients=4, workers=32, ledger=True, competitor=(0.2, 0.2)),
    "4 processes with a ledger, 99 % by another library": situation(clients=4, workers=32, ledger=True, bare=0.99),
    "4 processes with a ledger, no headers ever": situation({"headers": 0.0}, clients=4, workers=32, ledger=True),
}


def measure(name: str, seconds: float, seeds: int) -> str:
    """One row of the table."""
    results = []
    for seed in range(1, seeds + 1):
        world = SITUATIONS[name](seed)
        results.append(world.run(seconds * max(1.0, world.server.length / 10)))
    own = 100 * sum(r.own for r in results) / seeds
    total = 100 * sum(r.total for r in results) / seeds
    lowest = 100 * min(r.lowest for r in results)
    throttled = sum(60 * r.throttled / r.seconds for r in results) / seeds
    refused = 100 * sum(r.other_rejected for r in results) / seeds
    return f"| {name} | {own:.1f} | {total:.1f} | {lowest:.1f} | {throttled:.1f} | {refused:.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=80)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    began = time.perf_counter()
    print(f"{FULL} and 64 workers where nothing else is said; {args.seeds} x {args.seconds:.0f} s of virtual time\n")
    print("| situation | own % | total % | lowest window % | 429 a minute | others refused % |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in SITUATIONS:
        if not args.words or any(word in name for word in args.words):
            print(measure(name, args.seconds, args.seeds), flush=True)
    print(f"\ncomputed in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
