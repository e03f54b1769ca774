"""Processor time of one governed call, from one thread and from forty, beside the standard library's bare connection.

    python benchmarks/call_cost.py

The sandbox answers from a process of its own, so only the client's time counts.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

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
    with running(in_process=False, conversations=3_000, limit=1_000_000, workspace_limit=1_000_000) as box:
        ids = [str(row["id"]) for row in box.conversations(team=5001, state="open")][:800]
        headers = {
            "Authorization": "Bearer sandbox-token", "Accept": "application/json", "Content-Type": "application/json",
            "Intercom-Version": "2.16",
        }  # fmt: skip
        transport = HttpTransport(box.url, headers, timeout=30)
        client = Client(transport, RateLimiter(Budget(), Stop()))
        plain = http.client.HTTPConnection(box.url.partition("//")[2], timeout=30)

        def bare(key: str) -> Any:
            plain.request("POST", f"/conversations/{key}/parts", json.dumps(CLOSE), headers)
            return json.loads(plain.getresponse().read())

        print(f"{'':<44}{'processor ms a call':>20}")
        each("http.client, one connection, no governance", ids, bare)
        each("transport", ids, lambda key: transport.send(Request("POST", f"conversations/{key}/parts", CLOSE)))
        each("client: permit, headers, JSON", ids, lambda key: client.post(f"conversations/{key}/parts", CLOSE))
        box.control(latency=0.15, jitter=0.05)
        each("client, 40 threads, 150 ms latency", ids * 2, lambda key: client.post(f"conversations/{key}/parts", CLOSE), 40)


def each(name: str, ids: Sequence[str], send: Callable[[str], Any], threads: int = 1) -> None:
    """Send for each id and print the processor time that took."""

    def some(part: Sequence[str]) -> None:
        for key in part:
            send(key)

    began = time.process_time()
    crew = [threading.Thread(target=some, args=(ids[number::threads],)) for number in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    print(f"{name:<44}{(time.process_time() - began) * 1000 / len(ids):>20.2f}", flush=True)


if __name__ == "__main__":
    main()
