"""Where the processor time of an item goes: each layer of a call beside the HTTP libraries alone, and a whole run.

    python benchmarks/call_cost.py [--items 3000]

The sandbox answers from a process of its own, so only the client's time counts. Each row is the least of three measurements:
what else the machine does makes them longer, never shorter. The ratio is to the first row, the library alone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpcore2
from contenders import OURS
from measuring import environment, run, sandbox
from scenarios import LIMIT, WORKSPACE_LIMIT

from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.api.messages import Request
from intercom_bulk_updater.api.transport import HttpTransport
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.stop import Stop
from intercom_sandbox import running

CLOSE = {"message_type": "close", "type": "admin", "admin_id": "991267700"}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--items", type=int, default=3_000, help="of the whole run")
    items = options.parse_args().items
    with running(in_process=False, conversations=3_000, limit=1_000_000, workspace_limit=1_000_000) as box:
        ids = [str(row["id"]) for row in box.conversations(team=5001, state="open")][:800]
        headers = {
            "Authorization": "Bearer sandbox-token", "Accept": "application/json", "Content-Type": "application/json",
            "Intercom-Version": "2.16",
        }  # fmt: skip
        transport = HttpTransport(box.url, headers, timeout=30)
        client = Client(transport, RateLimiter(Budget(), Stop()))
        pool = httpcore2.ConnectionPool()
        plain = http.client.HTTPConnection(box.url.partition("//")[2], timeout=30)

        def library(key: str) -> Any:
            answer = pool.request("POST", f"{box.url}/conversations/{key}/parts", headers=headers, content=json.dumps(CLOSE).encode())
            return json.loads(answer.content)

        def standard(key: str) -> Any:
            plain.request("POST", f"/conversations/{key}/parts", json.dumps(CLOSE), headers)
            return json.loads(plain.getresponse().read())

        print("| what | processor ms | ratio |\n|---|---:|---:|")
        floor = each("httpcore2 alone, one connection", ids, library)
        each("`http.client` of the standard library", ids, standard, of=floor)
        each("our transport", ids, lambda key: transport.send(Request("POST", f"conversations/{key}/parts", CLOSE)), of=floor)
        each("our client: permit, headers, JSON", ids, lambda key: client.post(f"conversations/{key}/parts", CLOSE), of=floor)
        box.control(latency=0.15, jitter=0.05)
        each("the same, 40 threads at 150 ms", ids * 2, lambda key: client.post(f"conversations/{key}/parts", CLOSE), 40, of=floor)
    whole, start = (min(whole_run(number) for _ in range(2)) for number in (items, 1))
    row("a whole item: search, journal, call, account", (whole - start) / items, floor)
    row(f"start and end of a run, shared by {items:,} items", start / items, floor)


def whole_run(items: int) -> float:
    """Processor milliseconds of the command that closes so many conversations."""
    with sandbox(items, limit=LIMIT, workspace_limit=WORKSPACE_LIMIT, latency=0.15, jitter=0.05, log_size=100) as (box, home):
        return run(OURS.command, environment(box, home), home, within=600).cpu * 1000


def each(name: str, ids: Sequence[str], send: Callable[[str], Any], threads: int = 1, *, of: float = 0.0) -> float:
    """Send for each id, three times over, and print the least processor time that took; returns it in ms a call."""

    def some(part: Sequence[str]) -> None:
        for key in part:
            send(key)

    took = []
    for _ in range(3):
        began = time.process_time()
        crew = [threading.Thread(target=some, args=(ids[number::threads],)) for number in range(threads)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
        took.append((time.process_time() - began) * 1000 / len(ids))
    row(name, min(took), of or min(took))
    return min(took)


def row(name: str, milliseconds: float, of: float) -> None:
    """One line of the table."""
    print(f"| {name} | {milliseconds:.2f} | {milliseconds / of:.2f} |", flush=True)


if __name__ == "__main__":
    main()
