"""Scattered failures: how fast a run goes on while a part of its writes is answered 503, against one without failures.

    python benchmarks/scattered_failures.py                           0 to 80 % of the writes answered 503
    python benchmarks/scattered_failures.py 500 0.1 0.5               500 in their place, at these rates
    python benchmarks/scattered_failures.py drop_before 0.1 0.5       the connection is closed before anything is done

The limit is Intercom's, scaled down to 40 requests a second so that it holds the run back and the machine does not. Each write
that failed costs a look before it is sent again, and both are spent from the limit: at a rate of p no more than
(1 - p) / (1 + p) of the speed is possible.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from measuring import environment, more_than_once, sandbox

ITEMS = 500
LIMIT, WINDOW = 80, 2.0
RATES = (0.0, 0.02, 0.1, 0.3, 0.5, 0.8)


def measure(fault: str, rate: float) -> dict[str, Any]:
    """Close all items while `rate` of the writes fails; what it came to."""
    settings: dict[str, Any] = {"limit": LIMIT, "workspace_limit": 10 * LIMIT, "window": WINDOW, "latency": 0.1, "jitter": 0.03}
    with sandbox(ITEMS, **settings) as (box, home):
        if rate:
            kind = {"kind": "status", "status": int(fault)} if fault.isdigit() else {"kind": fault}
            box.fault(**kind, on="write", share=rate)
        words = ["close", "--where", "team = 5001 and state = open", "--yes", "--json", "--progress", "none"]
        done = subprocess.run(
            [sys.executable, "-m", "intercom_bulk_updater", "conversations", *words],
            env=environment(box, home), cwd=home, capture_output=True, text=True,
        )
        told = json.loads(done.stdout)
        return {
            "exit": done.returncode, **told["counts"], "seconds": told["seconds"], "requests": told["requests"]["total"],
            "twice": more_than_once(box.audit()),
        }


def main() -> int:
    """Measure one rate after the other, and print the table."""
    fault = sys.argv[1] if len(sys.argv) > 1 else "503"
    rates = [float(word) for word in sys.argv[2:]] or RATES
    columns = [f"writes that fail ({fault})", "exit", "done", "failed", "in doubt", "twice", "seconds", "items/s", "of 0 %", "possible"]
    print(f"| {' | '.join(columns)} | use of the limit |")
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    best, well = 0.0, True
    for rate in (0.0, *(rate for rate in rates if rate)):
        got = measure(fault, rate)
        speed = got["done"] / got["seconds"]
        best = best or speed
        use = got["requests"] / got["seconds"] / (LIMIT / WINDOW)
        well = well and got["exit"] == 0 and got["done"] == ITEMS and not got["twice"]
        print(
            f"| {rate:.0%} | {got['exit']} | {got['done']} | {got['failed']} | {got['in_doubt']} | {got['twice']} | {got['seconds']:.0f} | "
            f"{speed:.1f} | {speed / best:.0%} | {(1 - rate) / (1 + rate):.0%} | {use:.0%} |", flush=True,
        )  # fmt: skip
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
