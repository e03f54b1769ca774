"""Killed, interrupted, stopped: nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from intercom_sandbox import Sandbox

from .desk import QUERY, Desk, until

SANDBOX = {"conversations": 120, "latency": 0.02, "jitter": 0.02}
VERBS: dict[str, tuple[list[str], str]] = {
    "close": (["close"], "close"),
    "tag": (["tag", "--tag", "7003"], "tag"),
    "assign": (["assign", "--to-team", "5003"], "assignment"),
    "reply": (["reply", "--body", "We are back.", "--customer-visible"], "comment"),
}
ELSEWHERE = """
import asyncio, sys
from intercom_sandbox import workspace
workspace.WORKSPACE_ID = "elsewhere"
from intercom_sandbox import __main__ as server
asyncio.run(server.run({"conversations": 20}, 0, True))
"""


def runs(desk: Desk) -> int:
    """How many runs the journal holds; 0 before there is one."""
    try:
        book = sqlite3.connect(f"file:{desk.home / 'journal.db'}?mode=ro", uri=True)
        try:
            return int(book.execute("select count(*) from run").fetchone()[0])
        finally:
            book.close()
    except sqlite3.OperationalError:
        return 0


def in_flight(desk: Desk) -> set[str]:
    """The ids whose request may have left when the process died, as the journal on disk holds them."""
    book = sqlite3.connect(desk.home / "journal.db")
    try:
        return {str(row[0]) for row in book.execute("select id from item where status in (1, 6) or doubt = 1")}
    finally:
        book.close()


def kill_and_resume(desk: Desk, verb: str, chance: random.Random) -> int:
    """One run, killed one to three times at random moments and resumed until done. Returns the kills that hit."""
    words, kind = VERBS[verb]
    chosen = [str(r["id"]) for r in desk.box.conversations(team=5001, state="open") if 7003 not in r["tags"]][:45]
    (desk.home / "ids").write_text("\n".join(chosen))
    command = ["conversations", *words, "--ids", "ids", "--yes", "--json", "--workers", "6", "--verify", "none", "--timeout", "3"]
    kills, doubtful, answer = 0, set[str](), None
    for life in range(4):
        process = desk.start(*command)
        moment = chance.randrange(1, len(chosen))
        already = desk.writes()
        if life < 3 and until(lambda: desk.writes() - already >= moment, process):  # noqa: B023
            process.send_signal(signal.SIGKILL)
        answer = desk.wait(process)
        if answer.code != -signal.SIGKILL:
            break
        kills += 1
        if runs(desk):
            doubtful |= in_flight(desk)
            command = ["runs", "resume", "latest", "--json", "--timeout", "3"]
    assert answer is not None and answer.code == 0, answer
    assert answer.counts["done"] + answer.counts.get("unchanged", 0) == len(chosen), answer.out
    audit = desk.box.audit()
    assert audit["duplicate_replies"] == 0
    # What a killed process sent since it last wrote its figures down shows in the items; only what is in doubt may not.
    assert answer.json["requests"]["action"] >= len(chosen) - len(doubtful)
    found = desk.written(kind)
    assert found["1"] + found["2+"] == len(chosen), found
    assert set(found["twice"]) <= doubtful
    if kind == "comment":
        assert found["2+"] == 0
    for one in chosen:
        now: dict[str, Any] = desk.box.conversation(one)
        tags = {tag["id"] for tag in now["tags"]["tags"]}
        assert {
            "close": now["state"] == "closed", "tag": "7003" in tags, "assign": str(now["team_assignee_id"]) == "5003",
            "reply": True,
        }[verb]
    return kills


@pytest.mark.parametrize("verb", VERBS)
def test_a_killed_run_goes_on_as_if_nothing_had_been(desk: Desk, verb: str) -> None:
    """kill -9 at random moments, resumed until done: nothing lost, no second write but for items in doubt, no second reply."""
    assert kill_and_resume(desk, verb, random.Random(f"{verb} 5")) >= 1


def test_a_list_that_never_reached_the_disk_is_not_taken_for_a_short_one(desk: Desk) -> None:
    """Killed while its ids are being written down, a run has done nothing, and its resume says so instead of doing half."""
    (desk.home / "ids").write_text("\n".join(str(90_000_000 + i) for i in range(40_000)))
    process = desk.start("conversations", "close", "--ids", "ids", "--yes", "--json")
    assert until(lambda: runs(desk) > 0, process)
    process.send_signal(signal.SIGKILL)
    desk.wait(process)
    assert desk.sent("/parts") == 0
    answer = desk.here("runs", "resume", "latest", "--json")
    assert answer.code == 2 and "Run its command again" in answer.err
    assert desk.writes() == 0


@pytest.mark.slow
def test_two_hundred_kills(desk: Desk) -> None:
    """The same, until KILLS kills have hit (200)."""
    chance, kills, turn = random.Random(31), 0, 0
    while kills < int(os.environ.get("KILLS", "200")):
        desk.box.reset()
        for file in desk.home.iterdir():
            if file.is_file():
                file.unlink()
        kills += kill_and_resume(desk, list(VERBS)[turn % 4], chance)
        turn += 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_drains_and_the_run_resumes(desk: Desk, number: signal.Signals, code: int) -> None:
    """The first signal finishes what is in flight and leaves nothing in doubt; the last line is the resume command."""
    ids = desk.open_ids()
    desk.switch(latency=0.1)
    process = desk.start("conversations", "close", "--where", QUERY, "--yes", "--json", "--workers", "2")
    assert until(lambda: desk.writes() >= 5, process)
    process.send_signal(number)
    answer = desk.wait(process)
    assert answer.code == code, answer.err
    assert answer.counts.get("in_doubt", 0) == 0 and answer.counts["pending"] > 0
    assert answer.counts["done"] == desk.writes()
    assert f"runs resume {answer.run}" in answer.err.strip().splitlines()[-1]
    desk.switch(latency=0.0)
    again = desk.here("runs", "resume", answer.run, "--json")
    assert (again.code, again.counts["done"]) == (0, len(ids)), again.err
    desk.once("close", ids)


def test_a_second_signal_leaves_at_once_and_names_the_way_on(desk: Desk) -> None:
    """The last line is the whole command that goes on."""
    desk.switch(latency=0.3)
    process = desk.start("conversations", "close", "--where", QUERY, "--yes", "--json", "--workers", "2")
    assert until(lambda: desk.writes() > 0, process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    left = desk.wait(process)
    run = desk.here("runs", "list", "--json").json["runs"][0]["run"]["id"]
    if not left.out:  # the second came before the first had drained
        assert left.err.strip().splitlines()[-1].endswith(f"intercom-bulk runs resume {run}")


def test_a_deadline_stops_softly(desk: Desk) -> None:
    """--deadline ends a run with exit 7, nothing in doubt, and the run resumes."""
    ids = desk.open_ids()
    desk.switch(latency=0.2)
    answer = desk.close("--deadline", "1s", "--workers", "2")
    assert answer.code == 7, answer.err
    assert answer.counts.get("in_doubt", 0) == 0 and answer.counts["pending"] > 0
    assert answer.json["error"]["hint"] == "Nothing is lost: resume the run."  # nobody else is to blame
    desk.switch(latency=0.0)
    assert desk.here("runs", "resume", "latest", "--json").counts["done"] == len(ids)
    desk.once("close", ids)


def test_one_process_holds_a_run_and_others_may_ask_it(desk: Desk) -> None:
    """A second process gets exit 12; pause and cancel reach the first, and what is left resumes."""
    ids = desk.open_ids()
    desk.switch(latency=0.2)
    process = desk.start("conversations", "close", "--where", QUERY, "--yes", "--json", "--workers", "2")
    assert until(lambda: desk.writes() >= 2, process)
    assert desk.here("runs", "resume", "latest", "--json").code == 12
    pausing = desk.here("runs", "pause", "latest")
    assert pausing.code == 0 and "intercom-bulk runs resume " in pausing.err
    quiet = 0
    last = desk.writes()

    def paused() -> bool:
        nonlocal quiet, last
        import time

        time.sleep(0.3)
        now = desk.writes()
        quiet = quiet + 1 if now == last else 0
        last = now
        return quiet >= 3

    assert until(paused, process)
    assert last < len(ids)
    assert " runs resume " in desk.here("runs", "show", "latest", "--json").json["next"][0]
    assert desk.here("runs", "resume", "latest").code == 0
    assert until(lambda: desk.writes() > last, process)
    assert desk.here("runs", "cancel", "latest").code == 0
    answer = desk.wait(process)
    assert answer.counts["pending"] > 0 and answer.counts.get("in_doubt", 0) == 0
    assert answer.code not in (0, 1)
    desk.switch(latency=0.0)
    assert desk.here("runs", "resume", "latest", "--json").counts["done"] == len(ids)
    desk.once("close", ids)


def test_a_run_resumes_only_in_its_own_workspace(desk: Desk, tmp_path: Path) -> None:
    """Against another workspace resume, undo and verify end with exit 10, and write nothing there."""
    done = desk.close("--limit", "5")
    assert done.code == 0, done.err
    with subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            import json

            other = Desk(Sandbox(json.loads(process.stdout.readline())["url"]), tmp_path)
            assert other.box.workspace_id == "elsewhere"
            for command in (["runs", "resume", done.run], ["undo", done.run, "--yes"], ["verify", done.run]):
                assert other.here(*command, "--json").code == 10
            assert other.writes() == 0
        finally:
            process.terminate()


def test_retry_takes_the_failures_of_one_cause(desk: Desk) -> None:
    """`runs retry --only CAUSE` sends again what failed by that cause and leaves the rest of the run alone."""
    ids = desk.open_ids()
    desk.box.fault("status", status=404, method="POST", path="/parts$", count=4)
    desk.box.fault("status", status=422, method="POST", path="/parts$", count=3)
    first = desk.close()
    assert (first.code, first.counts["failed"]) == (3, 7)
    causes = {group["count"]: group["cause"] for group in first.json["failures"]}
    before = desk.sent("/parts")
    again = desk.here("runs", "retry", first.run, "--only", causes[3], "--json")
    assert (again.code, again.counts["failed"]) == (3, 4), again.err
    assert desk.sent("/parts") - before == 3
    last = desk.here("runs", "retry", first.run, "--json")
    assert (last.code, last.counts["done"]) == (0, len(ids)), last.err
    desk.once("close", ids)
