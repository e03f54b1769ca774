"""The main job (close a team's open conversations) against the sandbox, side by side with the old way of doing it.

    python benchmarks/main_job.py [--quick | --large]
    python benchmarks/main_job.py --only --latency 2 --jitter 0.3 --items 8200
    python benchmarks/main_job.py --only --limit 0 --latency 0 --jitter 0 --items 40000

The server runs in a process of its own and keeps the books: use of each full window, refused calls, items written twice,
connections. The client runs as the command does, with its default settings, and is measured by the operating system:
processor time and peak memory. The old way is a script with 15 threads, `requests` without a session, and batches of 50
with a barrier. Prints a table; writes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intercom_sandbox import Sandbox, running

TEAM = 5001
REAL = {"limit": 1667, "workspace_limit": 4167, "latency": 0.15, "jitter": 0.05}
FREE = {"limit": 1_000_000, "workspace_limit": 1_000_000, "latency": 0.0, "jitter": 0.0}
HEAVY = ("sqlalchemy", "httpcore2", "pydantic", "requests", "rich.progress")
WHERE = f"team = {TEAM} and state = open"
NEW = [
    sys.executable, "-m", "intercom_bulk_updater", "conversations", "close",
    "--yes", "--max", "100%", "--progress", "none", "--json",
]  # fmt: skip
SEARCHED = [*NEW, "--where", WHERE]
LISTED = [*NEW, "--ids", "ids.txt"]
OLD = [sys.executable, __file__, "--as-old-way"]


@dataclass
class Figures:
    """What one job came to."""

    items: int
    seconds: float
    exit: int
    cpu: float
    """Processor seconds of the client."""
    megabytes: float
    """Peak memory of the client."""
    windows: list[float]
    """Use of each full window, in %."""
    refused: int
    duplicates: int
    connections: int
    left: int

    @property
    def rate(self) -> float:
        return self.items / self.seconds

    @property
    def milliseconds_each(self) -> float:
        return self.cpu * 1000 / self.items

    @property
    def use(self) -> float:
        return sum(self.windows) / len(self.windows) if self.windows else float("nan")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="half a minute in all")
    options.add_argument("--large", action="store_true", help="memory with 100,000 items too (minutes)")
    options.add_argument("--only", action="store_true", help="this program alone, in one row: no old way, no memory, no start")
    options.add_argument("--latency", type=float, default=REAL["latency"], help="seconds until an answer comes (0.15)")
    options.add_argument("--jitter", type=float, default=REAL["jitter"], help="how much more or less it may be (0.05)")
    options.add_argument("--limit", type=int, default=REAL["limit"], help="calls in 10 s (1667); 0 for no limit")
    options.add_argument("--items", type=int, help="how many conversations to close")
    options.add_argument("--workers", type=int, help="for --workers of the command")
    options.add_argument("--ids", action="store_true", help="give their ids in a file: no search, and each is read before its write")
    options.add_argument("--as-old-way", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.as_old_way:
        old_way()
        return
    limit = chosen.limit or FREE["limit"]
    settings = {"limit": limit, "workspace_limit": max(limit, REAL["workspace_limit"]), "latency": chosen.latency, "jitter": chosen.jitter}
    command = LISTED if chosen.ids else SEARCHED
    if chosen.workers is not None:
        command = [*command, "--workers", str(chosen.workers)]
    new = measure(command, chosen.items or (2_200 if chosen.quick else 7_300), settings)
    if chosen.only:
        print(one_row(settings, new))
        return
    old = measure(OLD, 850 if chosen.quick else 2_600, settings)
    compare(new, old, settings)
    # The target says "not growing with the number of items": two sizes, without a limit and without latency.
    sizes = (500, 1_500) if chosen.quick else (10_000, 100_000) if chosen.large else (3_000, 10_000)
    memory([measure(SEARCHED, size, FREE) for size in sizes])
    start(3 if chosen.quick else 7)


def measure(command: list[str], items: int, settings: dict[str, Any]) -> Figures:
    """Run a client to its end against a fresh sandbox with that many open conversations in the team."""
    with sandbox(items, settings) as (box, home):
        Path(home, "ids.txt").write_text("\n".join(str(row["id"]) for row in box.conversations(team=TEAM, state="open")))
        # A window begins soon after the client, so that a short run holds full ones too.
        box.control(phase=(time.time() + 2) % 10)
        box.reset_stats()
        environment = {**os.environ, **box.env(), "INTERCOM_BULK_HOME": home, "INTERCOM_INBOX_ID": str(TEAM)}
        began = time.perf_counter()
        # wait4 and not getrusage(RUSAGE_CHILDREN): the figures of this child alone.
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        stats = box.stats()
        return Figures(
            items=items,
            seconds=seconds,
            exit=process.returncode,
            cpu=usage.ru_utime + usage.ru_stime,
            megabytes=usage.ru_maxrss / 1024,
            windows=full_windows(stats["windows"], box.log(last=20_000)),
            refused=stats["statuses"].get("429", 0),
            duplicates=more_than_once(stats["audit"]),
            connections=stats["connections"]["opened"],
            left=len(box.conversations(team=TEAM, state="open")),
        )


@contextlib.contextmanager
def sandbox(items: int, settings: dict[str, Any]) -> Iterator[tuple[Sandbox, str]]:
    """A server in a process of its own whose team holds exactly `items` open conversations, and an empty state folder."""
    with (
        tempfile.TemporaryDirectory(prefix="intercom-bulk-bench-") as home,
        running(in_process=False, conversations=100, seed=7, log_size=20_000, **settings) as box,
    ):
        have = len(box.conversations(team=TEAM, state="open"))
        box.add_conversations(items - have, team=TEAM, state="open")
        yield box, home


def full_windows(windows: list[dict[str, Any]], log: list[dict[str, Any]]) -> list[float]:
    """Use of each window that lay wholly between the first call and the last write, in %."""
    writes = [entry["time"] for entry in log if entry["method"] == "POST" and entry["path"].endswith("/parts")]
    if not writes:
        return []
    length = min((b["start"] - a["start"] for a, b in itertools.pairwise(windows)), default=10.0)
    inside = [window for window in windows if window["start"] + length <= writes[-1]]
    return [100 * window["accepted"] / window["limit"] for window in inside[1:]]


def more_than_once(audit: dict[str, Any]) -> int:
    """Items that got the same kind of write twice or more."""
    return sum(int(kind.get("2+", 0)) for kind in audit["kinds"].values())


# -- the old way ------------------------------------------------------------------------------------------------------


def old_way() -> None:
    """The client that people write first: search everything, then threads in batches that wait for their slowest."""
    import requests

    base = os.environ["INTERCOM_BASE_URL"]
    headers = {"Authorization": f"Bearer {os.environ['INTERCOM_ACCESS_TOKEN']}", "Intercom-Version": "2.16"}
    query = {"operator": "AND", "value": [
        {"field": "team_assignee_id", "operator": "=", "value": TEAM},
        {"field": "state", "operator": "=", "value": "open"},
    ]}  # fmt: skip
    ids: list[str] = []
    cursor = None
    while True:
        body = {"query": query, "pagination": {"per_page": 150, "starting_after": cursor}}
        if cursor is None:
            del body["pagination"]["starting_after"]
        answer = requests.post(f"{base}/conversations/search", headers=headers, json=body, timeout=30)
        answer.raise_for_status()
        page = answer.json()
        ids += [item["id"] for item in page["conversations"]]
        cursor = ((page.get("pages") or {}).get("next") or {}).get("starting_after")
        if not cursor:
            break

    def close(item: str) -> bool:
        payload = {"message_type": "close", "type": "admin", "admin_id": os.environ["INTERCOM_ADMIN_ID"]}
        url = f"{base}/conversations/{item}/parts"
        return requests.post(url, headers=headers, json=payload, timeout=30).ok

    with ThreadPoolExecutor(15) as pool:
        for first in range(0, len(ids), 50):
            list(pool.map(close, ids[first : first + 50]))


# -- printing ---------------------------------------------------------------------------------------------------------


def one_row(settings: dict[str, Any], new: Figures) -> str:
    """What one job came to, in one line."""
    windows = " ".join(f"{use:.1f}" for use in new.windows) or "none"
    return (
        f"latency {settings['latency'] * 1000:.0f} +- {settings['jitter'] * 1000:.0f} ms, limit {settings['limit']:,}: "
        f"{new.items:,} items, exit {new.exit}, {new.left} left, {new.rate:.1f} a second; full windows {new.use:.1f} % ({windows}), "
        f"{new.refused} x 429, {new.duplicates} twice; {new.milliseconds_each:.2f} ms processor an item, {new.megabytes:.0f} MB, "
        f"{new.connections} connections"
    )


def compare(new: Figures, old: Figures, settings: dict[str, Any]) -> None:
    """The two ways, and their ratio."""
    latency, jitter = settings["latency"] * 1000, settings["jitter"] * 1000
    print(f"Limit {settings['limit']:,} calls in 10 s, latency {latency:.0f} +- {jitter:.0f} ms, default settings\n")
    row("", "intercom-bulk", "old way", "ratio", "target")
    row("items", f"{new.items:,}", f"{old.items:,}")
    row("exit code", str(new.exit), str(old.exit), "", "0")
    row("items left undone", str(new.left), str(old.left), "", "0")
    row("items a second", f"{new.rate:.1f}", f"{old.rate:.1f}", ratio(new.rate, old.rate))
    row("use of full windows, %", f"{new.use:.1f}", f"{old.use:.1f}", ratio(new.use, old.use), ">= 98")
    row("lowest full window, %", lowest(new), lowest(old), "", ">= 98")
    row("full windows", str(len(new.windows)), str(len(old.windows)))
    row("calls refused (429)", str(new.refused), str(old.refused), "", "0")
    row("items written twice", str(new.duplicates), str(old.duplicates), "", "0")
    row("connections", f"{new.connections:,}", f"{old.connections:,}", ratio(new.connections, old.connections))
    each = (new.milliseconds_each, old.milliseconds_each)
    row("processor ms an item", f"{each[0]:.2f}", f"{each[1]:.2f}", ratio(*each), "<= 2")
    row("peak memory, MB", f"{new.megabytes:.0f}", f"{old.megabytes:.0f}", ratio(new.megabytes, old.megabytes), "<= 120")
    print()


def memory(runs: list[Figures]) -> None:
    """What grows with the number of items."""
    print("No limit, no latency\n")
    first, second = runs
    row("items", f"{first.items:,}", f"{second.items:,}", "ratio", "target")
    row("exit code", str(first.exit), str(second.exit), "", "0")
    row("items a second", f"{first.rate:.0f}", f"{second.rate:.0f}", ratio(second.rate, first.rate))
    each = (first.milliseconds_each, second.milliseconds_each)
    row("processor ms an item", f"{each[0]:.2f}", f"{each[1]:.2f}", ratio(each[1], each[0]), "<= 2")
    row("peak memory, MB", f"{first.megabytes:.0f}", f"{second.megabytes:.0f}", ratio(second.megabytes, first.megabytes), "flat")
    print()


def start(times: int) -> None:
    """How long the help takes, and what it loads."""
    command = [sys.executable, "-m", "intercom_bulk_updater", "--help"]
    took = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        took.append(time.perf_counter() - began)
    probe = (
        "import contextlib, io, json, sys\nfrom intercom_bulk_updater.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(['--help'])\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    loaded = json.loads(subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True).stdout)
    row("intercom-bulk --help, s", f"{min(took):.2f}", f"(best of {times})", "", "<= 0.35")
    row("heavy modules it loads", ", ".join(loaded) or "none", "", "", "none")


def lowest(figures: Figures) -> str:
    """The worst full window."""
    return f"{min(figures.windows):.1f}" if figures.windows else "-"


def ratio(one: float, other: float) -> str:
    """One as a multiple of the other."""
    return f"{one / other:.2f}" if other else "-"


def row(name: str, one: str, other: str = "", third: str = "", target: str = "") -> None:
    """One line of the table."""
    print(f"{name:<26}{one:>15}{other:>15}{third:>9}{target:>9}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
