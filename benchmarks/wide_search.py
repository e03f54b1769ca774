"""A large search by one cursor and in parts: the time of `find`, the requests, and the ratio of both.

    python benchmarks/wide_search.py               23,800 conversations, 400 ms a page; about 90 s
    python benchmarks/wide_search.py 6000 0.1      so many, and so many seconds a page

Both are the command, start included, against a sandbox of their own. `--limit` with the number of all items is read by one
cursor: whoever asks for the first N gets those that come first.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from intercom_sandbox import running


def find(env: dict[str, str], *options: str) -> tuple[float, int, int]:
    """Seconds, items and processor milliseconds of a `find` over everything."""
    command = [sys.executable, "-m", "intercom_bulk_updater", "conversations", "find", "--where", "created > 2001-01-01", "--jsonl"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([*command, *options], env=env, capture_output=True, text=True, check=True)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({line["id"] for line in lines if "id" in line}) == lines[-1]["count"], "an item is missing, or there twice"
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, lines[-1]["count"], int(1000 * spent)


def main(items: int = 23_800, latency: float = 0.4) -> None:
    """Print both, and their ratio."""
    with tempfile.TemporaryDirectory() as home:
        seconds = {}
        for name, options in (("in parts", ()), ("one cursor", ("--limit", str(items)))):
            with running(conversations=items, latency=latency, in_process=False) as box:
                env = {**os.environ, **box.env(), "INTERCOM_BULK_HOME": f"{home}/{name}"}
                seconds[name], found, spent = find(env, *options)
                searches = sum(line["path"].endswith("/search") for line in box.log(10_000))
                print(f"{name:10}  {seconds[name]:6.1f} s  {found:,} items  {searches} search requests  {spent} ms CPU", flush=True)
        print(f"ratio 1/{seconds['one cursor'] / seconds['in parts']:.1f}")


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((int, float), sys.argv[1:], strict=False)))
