"""What tagging takes in requests and seconds, with its verification: 10,000 contacts, and as many companies as the sandbox lists.

    python benchmarks/group_tags.py [--contacts 10000]

The sandbox runs in a process of its own and counts the requests; the command runs as a person types it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import environment

from intercom_sandbox import running

CASES = (
    ("contacts", "role = user or role = lead", ()),
    ("contacts", "created_at > 2000-01-01", ()),
    ("contacts", "tag != bug", ()),
    ("companies", "users > 0", ()),
    ("companies", "users > 0", ("--batch", "100")),
)


def main() -> None:
    """Tag all contacts, then all companies, and print what each took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=10_000)
    contacts = parser.parse_args().contacts
    print(f"{'items':>16} {'group':>6} {'requests':>9} {'pages':>6} {'writes':>7} {'seconds':>8}")
    for resource, where, more in CASES:
        sizes = {"contacts": contacts} if resource == "contacts" else {"contacts": 5 * contacts, "companies": contacts}
        with (
            running(in_process=False, conversations=1, latency=0.0, jitter=0.0, tags_max=0, **sizes) as box,
            tempfile.TemporaryDirectory() as home,
        ):
            command = [resource, "tag", "--where", where, "--tag", "bug", "--yes", "--max", "100%", "--quiet", *more]
            began = time.monotonic()
            subprocess.run([sys.executable, "-m", "intercom_bulk_updater", *command], env=environment(box, Path(home)), check=True)
            seconds, stats = time.monotonic() - began, box.stats()
            routes = stats["routes"]
            rows = box.contacts(tag=7003) if resource == "contacts" else box.companies(tag=7003)
            pages = sum(count for route, count in routes.items() if route.split(" ")[1].startswith((f"/{resource}/search", "/companies/")))
            size = more[1] if more else "50"
            print(f"{len(rows):>6,} {resource:<9} {size:>6} {stats['requests']:>9} {pages:>6} {routes['POST /tags']:>7} {seconds:>8.1f}")


if __name__ == "__main__":
    main()
