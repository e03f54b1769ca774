"""Several processes of the command on one token at once: how well they use the windows together.

    python benchmarks/many_processes.py [--processes 2 4] [--windows 6] [--limit 1667] [--separate] [--kill]

Each closes conversations of its own (`--ids`) with its default settings against one sandbox, which runs in a process of
its own and keeps the books. --separate gives each a state folder of its own, so that they know nothing of each other;
--kill ends the first one by kill -9 in the middle.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from main_job import REAL, TEAM, full_windows

from intercom_sandbox import running

CLOSE = ["conversations", "close", "--yes", "--max", "100%", "--progress", "none", "--json", "--verify", "none"]


def measure(processes: int, windows: int, limit: int, *, separate: bool, kill: bool) -> str:
    """One row of the table."""
    items = limit * windows // processes
    settings = {**REAL, "limit": limit, "conversations": 100, "seed": 7, "log_size": 2 * processes * items + 1000}
    with tempfile.TemporaryDirectory(prefix="intercom-bulk-bench-") as folder, running(in_process=False, **settings) as box:
        box.add_conversations(processes * items, team=TEAM, state="open")
        ids = [str(one["id"]) for one in box.conversations(team=TEAM, state="open")]
        commands = []
        for number in range(processes):
            home = Path(folder) / (str(number) if separate else "home")
            home.mkdir(exist_ok=True)
            chosen = Path(folder) / f"ids-{number}"
            chosen.write_text("\n".join(ids[number * items : (number + 1) * items]))
            environment = {**os.environ, **box.env(), "INTERCOM_BULK_HOME": str(home)}
            commands.append(([sys.executable, "-m", "intercom_bulk_updater", *CLOSE, "--ids", str(chosen)], environment))
        box.control(phase=(time.time() + 3) % 10)
        box.reset_stats()
        running_ones = [
            subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
            for command, environment in commands
        ]
        if kill:
            while box.stats()["audit"]["writes"] < processes * items // 3:
                time.sleep(0.5)  # noqa: TID251 - nothing here is to be stopped
            running_ones[0].kill()
        ends = [one.wait() for one in running_ones]
        stats = box.stats()
        use = full_windows(stats["windows"], box.log(last=settings["log_size"]))
        refused = stats["statuses"].get("429", 0)
    mean = sum(use) / len(use) if use else float("nan")
    return f"| {processes} | {mean:.2f} | {min(use, default=float('nan')):.2f} | {len(use)} | {refused} | {ends} |"


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--processes", type=int, nargs="+", default=[2, 4])
    options.add_argument("--windows", type=int, default=6, help="full windows of work")
    options.add_argument("--limit", type=int, default=1667)
    options.add_argument("--separate", action="store_true", help="a state folder each")
    options.add_argument("--kill", action="store_true", help="kill -9 of the first, in the middle")
    chosen = options.parse_args()
    print("| processes | use of full windows together % | lowest % | windows | own 429s | exits |")
    print("|---:|---:|---:|---:|---:|---|")
    for number in chosen.processes:
        print(measure(number, chosen.windows, chosen.limit, separate=chosen.separate, kill=chosen.kill), flush=True)


if __name__ == "__main__":
    main()
