"""Several processes of the command on one token at once: how well they use the windows together.

    python benchmarks/many_processes.py [--processes 1 2 4] [--windows 6] [--limit 1667] [--separate] [--kill]
    python benchmarks/many_processes.py --quick                windows of 2 s; half a minute, and nothing is written

Each closes conversations of its own (`--ids`) with its default settings against one sandbox, which runs in a process of
its own and keeps the books. --separate gives each a state folder of its own, so that they know nothing of each other;
--kill ends the first one by kill -9 in the middle. Both only print; otherwise the table goes to the results, and onto the page.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import time
from pathlib import Path

from measuring import RESULTS, TEAM, append, environment, load, now, read_books, sandbox
from scenarios import LIMIT, WINDOW, WORKSPACE_LIMIT

CLOSE = ["conversations", "close", "--yes", "--max", "100%", "--progress", "none", "--json", "--verify", "none"]
TITLE = "Several processes at once, on one token"
HEAD = [
    "processes", "items", "full windows", "use of full windows together", "lowest", "calls refused (429)", "items lost",
    "items written twice",
]  # fmt: skip


def measure(processes: int, windows: int, limit: int, length: float, *, separate: bool, kill: bool) -> list[str]:
    """One row of the table."""
    items = math.ceil(limit * (windows + 0.5) / processes)
    settings = {
        "limit": limit, "workspace_limit": max(limit, WORKSPACE_LIMIT), "window": length, "latency": 0.15, "jitter": 0.05,
        "log_size": 2 * processes * items + 1000,
    }  # fmt: skip
    with sandbox(processes * items, **settings) as (box, home):
        ids = [str(one["id"]) for one in box.conversations(team=TEAM, state="open")]
        commands = []
        for number in range(processes):
            own = home / (str(number) if separate else "home")
            own.mkdir(exist_ok=True)
            chosen = home / f"ids-{number}"
            chosen.write_text("\n".join(ids[number * items : (number + 1) * items]))
            commands.append(([sys.executable, "-m", "intercom_bulk_updater", *CLOSE, "--ids", str(chosen)], environment(box, own)))
        began = time.time()
        box.control(phase=(began + 3) % length)
        box.reset_stats()
        running_ones = [
            subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home) for command, env in commands
        ]
        if kill:
            while box.stats()["audit"]["kinds"]["close"]["writes"] < processes * items // 3:
                time.sleep(0.5)  # noqa: TID251 - nothing here is to be stopped
            running_ones[0].kill()
        exits = [one.wait() for one in running_ones]
        books = read_books(box, began, length, log=settings["log_size"])
    if any(exits[kill:]):
        print(f"ended with {exits}", file=sys.stderr)
    used = [100 * one["own"] / one["limit"] for one in books.windows]
    mean, lowest = (f"{figure:.2f} %" for figure in (sum(used) / len(used), min(used))) if used else ("-", "-")
    return [str(processes), f"{processes * items:,}", str(len(used)), mean, lowest, str(books.refused), str(books.lost), str(books.twice)]


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    options.add_argument("--windows", type=int, default=6, help="full windows of work")
    options.add_argument("--limit", type=int, default=LIMIT)
    options.add_argument("--separate", action="store_true", help="a state folder each")
    options.add_argument("--kill", action="store_true", help="kill -9 of the first, in the middle")
    options.add_argument("--quick", action="store_true", help="a fifth of the limit in a fifth of a window, two windows")
    options.add_argument("--results", type=Path, default=RESULTS, help="the file of results")
    chosen = options.parse_args()
    windows, limit, length = (2, 333, 2.0) if chosen.quick else (chosen.windows, chosen.limit, WINDOW)
    busy, body = load(), []
    for name in HEAD, ["---"] * len(HEAD):
        print(f"| {' | '.join(name)} |")
    for number in chosen.processes:
        body.append(measure(number, windows, limit, length, separate=chosen.separate, kill=chosen.kill))
        print(f"| {' | '.join(body[-1])} |", flush=True)
    if not (chosen.quick or chosen.separate or chosen.kill):
        append(chosen.results, "table", now(), load=busy, title=TITLE, head=HEAD, body=body)


if __name__ == "__main__":
    main()
