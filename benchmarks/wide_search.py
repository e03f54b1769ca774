"""A large search by one cursor and in parts: the time of `find`, the requests, and the ratio of both.

    python benchmarks/wide_search.py                   23,800 conversations, 400 ms a page; about 90 s
    python benchmarks/wide_search.py --quick           6,000, 100 ms a page; some ten seconds, and nothing is written
    python benchmarks/wide_search.py --items 2380 --page 15
                                                       pages of so many items, read without the command: as many requests for a
                                                       tenth of the processor time, for machines that have other work to do

Both are the command, start included, against a sandbox of their own. `--limit` with the number of all items is read by one
cursor: whoever asks for the first N gets those that come first. With the numbers that it has by itself the table goes to the
results, and onto the page.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import RESULTS, append, now, peak_memory
from measuring import load as busy

from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.runs.session import Session
from intercom_bulk_updater.runs.stored_query import pages_of
from intercom_bulk_updater.settings import load
from intercom_sandbox import Sandbox, running

EVERY = {"field": "updated_at", "operator": ">", "value": 1}


def find(env: dict[str, str], home: Path, *options: str) -> tuple[float, int, float, float]:
    """Seconds, items, processor seconds and peak memory (MB) of a `find` over everything."""
    command = [sys.executable, "-m", "intercom_bulk_updater", "conversations", "find", "--where", "created > 2001-01-01", "--jsonl"]
    began, peak = time.perf_counter(), 0.0
    with (home / "found").open("w+") as found:
        process = subprocess.Popen([*command, *options], env=env, stdout=found, stderr=subprocess.DEVNULL)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            peak = max(peak, peak_memory(process.pid))
            time.sleep(0.02)  # noqa: TID251 - a benchmark has nobody to stop it politely
        took, process.returncode = time.perf_counter() - began, os.waitstatus_to_exitcode(status)
        found.seek(0)
        lines = [json.loads(line) for line in found]
    assert process.returncode == 0, process.returncode
    assert len({line["id"] for line in lines if "id" in line}) == lines[-1]["count"], "an item is missing, or there twice"
    return took, lines[-1]["count"], usage.ru_utime + usage.ru_stime, peak


def read(box: Sandbox, home: Path, page: int, limit: int | None) -> tuple[float, int, float, float]:
    """The same of reading all pages of `page` items in this process."""
    with Session(load(access_token=box.token, base_url=box.url, home=home)) as session:
        source = pages_of(session, {"endpoint": "conversations/search", "query": EVERY}, Options(page_size=page, limit=limit))
        began, spent = time.perf_counter(), time.process_time()
        found = [item["id"] for one in source.pages() for item in one.items]
        assert len(set(found)) == len(found), "an item is there twice"
        return time.perf_counter() - began, len(found), time.process_time() - spent, peak_memory(os.getpid())


HEAD = ["", "seconds", "search requests", "processor seconds", "peak memory"]


def main() -> None:
    """Print both, and their ratio."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--items", type=int, default=23_800)
    options.add_argument("--latency", type=float, default=0.4, help="seconds a page")
    options.add_argument("--page", type=int, default=0, help="items a page, read without the command")
    options.add_argument("--quick", action="store_true", help="6,000 items, 0.1 s a page")
    options.add_argument("--results", type=Path, default=RESULTS, help="the file of results")
    chosen = options.parse_args()
    items, latency = (6000, 0.1) if chosen.quick else (chosen.items, chosen.latency)
    was, body, seconds = busy(), [], []
    for name, more in (("in parts", ()), ("one cursor", ("--limit", str(items)))):
        with tempfile.TemporaryDirectory() as folder, running(conversations=items, latency=latency, in_process=False) as box:
            home = Path(folder)
            env = {**os.environ, **box.env(), "INTERCOM_BULK_HOME": folder}
            limit = items if more else None
            took, found, spent, peak = read(box, home, chosen.page, limit) if chosen.page else find(env, home, *more)
            searches = sum(line["path"].endswith("/search") for line in box.log(10_000))
        seconds.append(took)
        body.append([name, f"{took:.1f}", str(searches), f"{spent:.2f}", f"{peak:.0f} MB"])
        print(f"{name:10}  {took:6.1f} s  {found:,} items  {searches} search requests  {spent:.2f} s CPU  {peak:.0f} MB", flush=True)
    ratio = f"1/{seconds[1] / seconds[0]:.1f}"
    print(f"ratio {ratio}")
    if not chosen.quick and all(getattr(chosen, name) == options.get_default(name) for name in ("items", "latency", "page")):
        title = f"`find` over {items:,} conversations, {latency * 1000:.0f} ms a page"
        body.append(["in parts, of one cursor's time", ratio, "", "", ""])
        append(chosen.results, "table", now(), load=was, title=title, head=HEAD, body=body)


if __name__ == "__main__":
    main()
