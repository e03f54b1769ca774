"""The main job from outside: the installed command and the promised modules against a server on a real socket.

What is asserted is read from the server's own books, never from the client's counters alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intercom_sandbox import Sandbox, running

OPEN = "team = 5001 and state = open"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with running(conversations=400, seed=3, limit=100_000, latency=0.004, jitter=0.002, in_process=False) as sandbox:
        yield sandbox


def command(box: Sandbox, home: Path, *arguments: str, **extra: str) -> tuple[int, dict[str, Any]]:
    """The command with --json; its exit code and its object."""
    done = popen(box, home, *arguments, "--json", **extra)
    out, err = done.communicate(timeout=100)
    assert out, err
    told = json.loads(out)
    assert told["exit"] == done.returncode, err
    return done.returncode, told


def popen(box: Sandbox, home: Path, *arguments: str, **extra: str) -> subprocess.Popen[str]:
    env = {**os.environ, **box.env(), "INTERCOM_BULK_HOME": str(home), **extra}
    return subprocess.Popen(
        [sys.executable, "-m", "intercom_bulk_updater", *arguments],
        env=env, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )


def opened(box: Sandbox) -> set[str]:
    return {c["id"] for c in box.conversations(team=5001, state="open")}


def closes(box: Sandbox) -> dict[str, int]:
    told: dict[str, int] = box.audit()["kinds"].get("close", {})
    return told


def test_closes_every_match_once(box: Sandbox, tmp_path: Path) -> None:
    """Every open conversation of the team is closed once, and verified by the server."""
    before = opened(box)
    code, told = command(box, tmp_path, "conversations", "close", "--where", OPEN, "--yes")
    assert (code, told["counts"]["done"], told["verified"]["remaining"]) == (0, len(before), 0)
    assert opened(box) == set()
    assert closes(box)["1"] == len(before)
    assert closes(box)["2+"] == 0


def test_dry_run_writes_nothing_and_counts_as_the_run_does(box: Sandbox, tmp_path: Path) -> None:
    """A dry run sends no write, and its counts are those of the run that follows."""
    code, dry = command(box, tmp_path, "conversations", "close", "--where", OPEN, "--dry-run")
    assert code == 0
    assert all(route.startswith("GET") or route.endswith("/search") for route in box.stats()["routes"])
    _, run = command(box, tmp_path, "conversations", "close", "--where", OPEN, "--yes")
    assert dry["counts"]["pending"] == run["counts"]["done"]
    assert dry["counts"]["selected"] == run["counts"]["selected"]


def test_what_is_excluded_is_left_alone_and_the_search_still_verifies(box: Sandbox, tmp_path: Path) -> None:
    """--exclude leaves its ids alone; what remains is searched again and verified all the same."""
    before = sorted(opened(box))
    (tmp_path / "keep.txt").write_text("\n".join(before[:5]) + "\n", "utf-8")
    code, told = command(box, tmp_path, "conversations", "close", "--where", OPEN, "--exclude", "keep.txt", "--yes")
    assert (code, told["counts"]["done"]) == (0, len(before) - 5)
    assert opened(box) == set(before[:5])
    assert told["verified"]["passes"] >= 2
    assert told["verified"]["remaining"] == 0
