"""Calls per second that the sandbox serves on one core, so that it never is what a benchmark measures.

    python benchmarks/sandbox_rate.py [--conversations 20000] [--calls 15000] [--connections 16]

The sandbox runs in a process of its own; the load comes from raw keep-alive sockets that close conversations.
The figure that counts is calls per second of the server's own processor time: the load client may share the core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


async def talk(port: int, requests: list[bytes]) -> int:
    """Send the requests one after the other over one connection; returns how many answered 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    good = 0
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        good += head.startswith(b"HTTP/1.1 200")
        length = int(head.rsplit(b"Content-Length: ", 1)[1])
        await reader.readexactly(length)
    writer.close()
    return good


def request(method: str, path: str, body: Any = None) -> bytes:
    """The bytes of one request."""
    data = b"" if body is None else json.dumps(body).encode()
    return (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox-token\r\n"
        f"Intercom-Version: 2.16\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    ).encode() + data


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def measure(port: int, pid: int, plans: list[list[bytes]]) -> tuple[float, float, int]:
    """(seconds, server's processor seconds, answers 200)."""
    cpu, began = processor_seconds(pid), time.perf_counter()
    good = sum(await asyncio.gather(*(talk(port, plan) for plan in plans)))
    return time.perf_counter() - began, processor_seconds(pid) - cpu, good


async def ids(port: int) -> list[str]:
    """All ids of the sandbox."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("GET", "/_sandbox/conversations"))
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(head.rsplit(b"Content-Length: ", 1)[1]))
    writer.close()
    return [row["id"] for row in json.loads(body)]


def main() -> None:
    """Print the figures as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--conversations", type=int, default=20_000)
    options.add_argument("--calls", type=int, default=15_000)
    options.add_argument("--connections", type=int, default=16)
    chosen = options.parse_args()
    command = [
        sys.executable, "-m", "intercom_sandbox", "--until-stdin-closes",
        "--conversations", str(chosen.conversations), "--limit", "1000000", "--workspace-limit", "1000000",
    ]  # fmt: skip
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(json.loads(server.stdout.readline())["url"].rsplit(":", 1)[1])
        start = time.perf_counter() - began
        keys = asyncio.run(ids(port))
        close = {"message_type": "close", "type": "admin", "admin_id": "991267700"}
        closes = [request("POST", f"/conversations/{key}/parts", close) for key in (keys * 10)[: chosen.calls]]
        reads = [request("GET", f"/conversations/{key}") for key in (keys * 10)[: chosen.calls]]
        query = {"query": {"field": "team_assignee_id", "operator": "=", "value": 5001}, "pagination": {"per_page": 150}}
        searches = [request("POST", "/conversations/search", query)] * 100
        result: dict[str, Any] = {"start_seconds": round(start, 2)}
        for name, work in (("close", closes), ("get", reads), ("search_page_150", searches)):
            plans = [work[number :: chosen.connections] for number in range(chosen.connections)]
            seconds, cpu, good = asyncio.run(measure(port, server.pid, plans))
            result[name] = {
                "calls_per_second": round(len(work) / seconds),
                "calls_per_processor_second": round(len(work) / max(cpu, 0.01)),
                "microseconds_each": round(cpu / len(work) * 1e6),
                "good": good,
            }
        status = Path(f"/proc/{server.pid}/status").read_text()
        result["peak_megabytes"] = int(status.split("VmHWM:")[1].split()[0]) // 1024
        server.terminate()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
