"""How many requests are in flight at once, by the server's own books: as many as limit and latency ask for, or as many as were said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from intercom_sandbox import running


def most_in_flight(home: Path, items: int, *arguments: str, latency: float) -> int:
    """Close so many conversations by their ids, and see that all are; the most connections that the server had at once."""
    with running(conversations=100, seed=7, limit=4167, latency=latency, in_process=False) as box:
        ids = [str(one) for one in box.add_conversations(items, team=5001, state="open")]
        Path(home, "ids.txt").write_text("\n".join(ids))
        done = subprocess.run(
            [
                sys.executable, "-m", "intercom_bulk_updater", "conversations", "close", "--ids", "ids.txt", "--yes",
                "--max", "100%", "--verify", "none", "--json", *arguments,
            ],
            env={**os.environ, **box.env(), "INTERCOM_BULK_HOME": str(home)}, cwd=home, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        stats = box.stats()
    assert json.loads(done.stdout)["counts"]["done"] == items, done.stderr
    closes = stats["audit"]["kinds"]["close"]
    assert (closes["1"], closes["2+"]) == (items, 0) and "429" not in stats["statuses"]
    return int(stats["connections"]["max_open"])


def test_answers_that_take_long_are_waited_for_many_at_a_time(tmp_path: Path) -> None:
    """A limit of 417 a second and 0.8 s an answer: more than the 128 at a time that once were the most, without being told."""
    assert most_in_flight(tmp_path, 450, latency=0.8) > 160


def test_a_number_of_workers_that_was_given_is_kept(tmp_path: Path) -> None:
    """`--workers 20`: never more, but for the reader and the control of the service; however long an answer takes."""
    assert most_in_flight(tmp_path, 60, "--workers", "20", latency=0.3) <= 22
