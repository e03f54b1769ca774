"""How fast a run goes, changed while it is at work."""

from __future__ import annotations

import time

from .desk import QUERY, Desk

SANDBOX = {"conversations": 120, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.001, "jitter": 0}


def test_a_running_run_takes_another_speed_from_outside(desk: Desk) -> None:
    """At one request in six seconds it would take minutes; told to go at full speed it does the rest and says so."""
    ids = desk.open_ids()
    process = desk.start("conversations", "close", "--where", QUERY, "--yes", "--rate", "10/min", "--verify", "none", "--jsonl")
    for _ in range(600):
        listed = desk.here("runs", "list", "--json")
        if '"running"' in listed.out:
            break
        time.sleep(0.05)
    told = desk.here("runs", "speed", "latest", "--rate", "auto", "--share", "100%")
    assert told.code == 0 and "--rate auto" in told.err, told.err
    done = desk.wait(process)
    assert done.code == 0 and done.out.count('"event": "speed"') == 1, done.err
    desk.once("close", ids)


def test_a_speed_that_cannot_be_is_refused(desk: Desk) -> None:
    """Nothing said, no timetable, a run that is over."""
    assert desk.here("conversations", "close", "--where", QUERY, "--yes", "--share", "22:00=5%, else 40%").code == 2
    done = desk.here("conversations", "close", "--where", QUERY, "--yes", "--share", "22:00-06:00=100%, else 90%", "--verify", "none")
    assert done.code == 0, done.err
    assert desk.here("runs", "speed", "latest").code == 2
    over = desk.here("runs", "speed", "latest", "--share", "40%")
    assert over.code == 2 and "finished" in over.err, over.err


def test_the_speed_of_a_run_that_stands_holds_from_its_resume_on(desk: Desk) -> None:
    """It was said to go on with it, and nothing went on."""
    stopped = desk.close("--expect", "1")
    assert stopped.code == 5 and stopped.run, stopped.err
    told = desk.here("runs", "speed", stopped.run, "--rate", "auto")
    assert told.code == 0 and f"{stopped.run} takes up --rate auto when it goes on" in told.err, told.err
