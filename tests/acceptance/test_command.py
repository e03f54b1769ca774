"""The command to the letter: flags, guards that a resume can correct, exit codes, streams."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

import pytest

from .desk import QUERY, Desk

SANDBOX = {"conversations": 60, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.001, "jitter": 0}
PLAIN = ("--json", "--progress", "none")


def test_a_guard_that_stopped_a_run_is_corrected_by_its_resume(desk: Desk) -> None:
    """--expect stops before the first write; resuming stops again, and goes on with the right number."""
    ids = desk.open_ids()
    stopped = desk.close("--expect", "7")
    assert (stopped.code, desk.writes()) == (5, 0)
    assert desk.here("runs", "resume", stopped.run, *PLAIN).code == 5
    assert desk.writes() == 0
    offered = f"intercom-bulk runs resume {stopped.run} --expect {len(ids)}"
    assert stopped.json["next"][0] == offered and stopped.err.strip().splitlines()[-1].strip() == offered
    resumed = desk.here(*offered.split()[1:], "--workers", "3", *PLAIN)
    assert (resumed.code, resumed.counts["done"]) == (0, len(ids)), resumed.err
    desk.once("close", ids)


def test_what_was_never_confirmed_is_not_done_by_a_second_try(desk: Desk) -> None:
    """A run or a plan that a person did not say yes to is not carried out by resume or by a second apply without --yes."""
    assert desk.close("--plan", "plan.jsonl").code == 0
    assert desk.here("apply", "plan.jsonl", *PLAIN).code == 5
    refused = desk.here("runs", "list", "--json").json["runs"]
    assert len(refused) == 1, "a refused apply leaves no run"
    unasked = _typed(desk, "n\n", "apply", "plan.jsonl")
    assert unasked == 5
    latest = desk.here("runs", "show", "latest", "--json").json
    assert latest["run"]["kind"] == "apply"
    for command in (("apply", "plan.jsonl"), ("runs", "resume", "latest")):
        answer = desk.here(*command, *PLAIN)
        assert answer.code == 5, answer.err
    assert desk.writes() == 0
    done = desk.here("apply", "plan.jsonl", "--yes", *PLAIN)
    assert (done.code, done.run) == (0, latest["run"]["id"])


@pytest.mark.parametrize("guards", [["--expect", "7", "--max", "1%"], ["--max", "1%"], []], ids=" ".join)
def test_what_is_offered_after_a_guard_goes_on(desk: Desk, guards: list[str]) -> None:
    """The first of `next` continues what --expect, --max or the cap stopped, all of them at once; the numbers agree."""
    desk.box.add_conversations(1001 if not guards else 200, team=5001, state="open")
    ids = desk.open_ids()
    stopped = desk.close(*guards)
    assert (stopped.code, desk.writes()) == (5, 0)
    assert f"{len(ids):,} items are selected" in stopped.err and f"0 closed · {len(ids):,} not begun" in stopped.err
    assert "If the items are the right ones, to go on all the same:" in stopped.err
    if not guards:
        return
    resumed = desk.here(*stopped.json["next"][0].split()[1:], *PLAIN)
    assert (resumed.code, resumed.counts["done"]) == (0, len(ids)), resumed.err
    assert "guard" not in resumed.json


def test_latest_is_never_a_dry_run_and_never_an_older_run(desk: Desk) -> None:
    """What did nothing is no `latest` to undo, verify or resume; but behind a run that changed nothing `undo` does not go back."""
    done = desk.close("--limit", "3")
    for command in (["conversations", "close", "--where", QUERY, "--dry-run"], ["undo", "latest", "--dry-run"]):
        assert desk.here(*command, *PLAIN).code == 0
    assert desk.here("verify", "latest", *PLAIN).run == done.run
    stopped = desk.close("--expect", "7")
    assert desk.here("conversations", "close", "--where", QUERY, "--dry-run", *PLAIN).code == 0
    resumed = desk.here("runs", "resume", *PLAIN)
    assert (resumed.run, resumed.code) == (stopped.run, 5), resumed.err
    nothing = desk.here("undo", "latest", "--yes", *PLAIN)
    assert (nothing.json["run"]["parent"], nothing.counts.get("done", 0)) == (stopped.run, 0), nothing.err
    assert f"{stopped.run} changed nothing" in nothing.err and "No undo takes this back" not in nothing.err
    undone = desk.here("undo", done.run, "--yes", *PLAIN)
    assert (undone.json["run"]["parent"], undone.counts["done"]) == (done.run, 3), undone.err


def test_the_clock_stands_at_the_question(desk: Desk) -> None:
    """The time that a person takes to answer is not a part of the run's time and speed."""
    assert _typed(desk, "y\n", "conversations", "close", "--where", QUERY, after=0.6) == 0
    told = desk.here("runs", "show", "--json").json
    began, ended = (datetime.fromisoformat(told["run"][name]) for name in ("started_at", "finished_at"))
    assert (ended - began).total_seconds() - told["seconds"] > 0.3


def _typed(desk: Desk, keys: str, *arguments: str, after: float = 0.0) -> int:
    """The command on a terminal of its own, with these keys typed; its exit code."""
    import os
    import pty

    process, terminal = pty.fork()
    if not process:
        os.chdir(desk.home)
        os.execve(sys.executable, [sys.executable, "-m", "intercom_bulk_updater", *arguments], desk.env)
    seen = b""
    while b"[y/N]" not in seen and b"go ahead" not in seen:
        seen += os.read(terminal, 4096)
    time.sleep(after)
    os.write(terminal, keys.encode())
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:
        pass  # how a terminal says that its last process is gone
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_retry_takes_the_failures_and_nothing_else(desk: Desk) -> None:
    """After a run that stopped at its fifth failure, retry does the failures alone; resume does what was not begun."""
    ids = desk.open_ids()
    desk.box.fault("status", status=404, method="POST", path="/parts$", count=5)
    stopped = desk.close("--max-failures", "4", "--workers", "1")
    assert (stopped.code, stopped.counts["failed"]) == (5, 5), stopped.err
    done = stopped.counts.get("done", 0)
    assert desk.here("runs", "retry", stopped.run, "--only", "500", *PLAIN).code == 2
    retried = desk.here("runs", "retry", stopped.run, "--only", "404", *PLAIN)
    assert (retried.code, retried.counts["done"], retried.json["counts"]["failed"]) == (7, done + 5, 0), retried.err
    assert retried.json["next"][0] == f"intercom-bulk runs resume {stopped.run}"
    assert len(desk.open_ids()) == len(ids) - done - 5
    assert desk.here("runs", "resume", stopped.run, *PLAIN).code == 0
    desk.once("close", ids)


def test_a_file_that_cannot_be_written_is_said_first(desk: Desk) -> None:
    """A --report or --plan into nowhere is refused before any request."""
    for flag in ("--report", "--plan"):
        answer = desk.close(flag, "nowhere/x")
        assert (answer.code, answer.json["run"]) == (2, None)
        assert "nowhere" in answer.err
    assert desk.box.stats()["requests"] == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--timeout", "nan"], 2),
        (["--timeout", "inf"], 2),
        (["--limit", "0"], 2),
        (["--workers", "x"], 2),
        (["--expect", "50%"], 2),
        (["--expect", "50+-0%"], 5),
        (["--expect", "50+/-1%"], 5),
        (["--access-token", "sesame"], 2),
        (["--api-key=sesame"], 2),
    ],
    ids=str,
)
def test_flags_that_are_refused(desk: Desk, arguments: list[str], code: int) -> None:
    """A malformed value is exit 2 and a guard 5, with nothing written; a secret on the command line is not said back."""
    answer = desk.close(*arguments)
    assert answer.code == code == answer.json["exit"], answer.err
    assert "sesame" not in answer.out + answer.err
    assert ("INTERCOM_ACCESS_TOKEN" in answer.err) == ("sesame" in "".join(arguments))
    assert desk.writes() == 0


def test_what_stops_at_drift_is_a_safety_stop(desk: Desk) -> None:
    """--on-drift stop ends an apply with exit 5; its resume with --on-drift skip does the rest."""
    ids = desk.open_ids()
    assert desk.close("--plan", "plan.jsonl").code == 0
    desk.box.touch(ids[:1], "snooze")
    stopped = desk.here("apply", "plan.jsonl", "--yes", "--on-drift", "stop", "--workers", "1", *PLAIN)
    assert (stopped.code, stopped.json["counts"]["drifted"]) == (5, 0), stopped.err
    done = desk.here("runs", "resume", stopped.run, "--on-drift", "skip", *PLAIN)
    assert (done.code, done.counts["drifted"], done.counts["done"]) == (0, 1, len(ids) - 1), done.err


def test_verify_sees_what_was_not_begun(desk: Desk) -> None:
    """verify of a run that a canary stopped counts what still matches: exit 6, and the run keeps its own ending."""
    ids = desk.open_ids()
    desk.box.fault("status", status=404, method="POST", path="/parts$", count=1)
    stopped = desk.close("--canary", "3", "--workers", "1")
    assert stopped.code == 5
    verified = desk.here("verify", stopped.run, "--verify", "all", *PLAIN)
    assert (verified.code, verified.json["verified"]["remaining"]) == (6, len(ids) - 3), verified.err
    assert desk.here("runs", "show", stopped.run, "--json").json["exit"] == 5
    again = desk.here("runs", "resume", stopped.run, *PLAIN)
    assert again.json["canary"] == {"items": 3, "failed": 0, "wrong": 0, "passed": True}
    assert again.code == 3


def test_every_command_that_tells_something_tells_it_to_programs(desk: Desk) -> None:
    """--json is one object and --jsonl objects alone, whatever the command; nothing else is on standard output."""
    done = desk.close()
    for arguments in (
        ["doctor"], ["limits"], ["operations", "list"], ["operations", "show", "conversations.close"], ["runs", "list"],
        ["runs", "show"], ["runs", "watch"], ["runs", "report"], ["runs", "export"], ["companies", "find"],
        ["conversations", "find", "--where", "state = closed"], ["undo", done.run, "--dry-run"], ["verify", done.run],
        ["runs", "prune", "--yes"], ["conversations", "close"], ["nonsense"], ["runs", "pause", done.run],
    ):  # fmt: skip
        for flag in ("--json", "--jsonl"):
            answer = desk.here(*arguments, flag)
            lines = [json.loads(line) for line in (answer.out.splitlines() if flag == "--jsonl" else [answer.out])]
            assert all(isinstance(line, dict) for line in lines), arguments
            assert lines, arguments
            if answer.code:
                assert lines[-1]["exit"] == answer.code
                assert flag == "--json" or lines[-1]["event"] == "run.done"


@pytest.mark.further
def test_streams_in_any_state(desk: Desk) -> None:
    """Closed input, plain ASCII, a reader that leaves, a full disk: no traceback, and the account is not lost in silence."""
    desk.box.add_conversations(1, team=5001, state="open", title="Grüße \N{SNOWMAN}")
    command = [sys.executable, "-m", "intercom_bulk_updater"]
    find = f"{' '.join(command)} conversations find --where 'state != snoozed'"
    close = f"{' '.join(command)} conversations close --where '{QUERY}' --limit 1"

    def shell(line: str, **more: str) -> tuple[int, str]:
        script, env = f"set -o pipefail; {line}", {**desk.env, **more}
        done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, cwd=desk.home)
        assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    assert shell(f"{find} | head -1")[0] == 0
    assert shell(f"{close} --json <&-")[0] == 5
    assert shell(f"{find} --limit 100", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")[0] == 0
    assert shell(f"{close} --yes --json >&-")[0] == 0
    code, said = shell(f"{close} --yes --json > /dev/full")
    assert code == 1 and "could not be written" in said


def test_the_journal_and_what_is_shown_name_the_operation_in_full(desk: Desk) -> None:
    """`run.operation` is noun and verb, for every kind of run."""
    closed = desk.close("--limit", "2")
    undone: dict[str, Any] = desk.here("undo", closed.run, "--yes", *PLAIN).json
    assert (closed.json["run"]["operation"], undone["run"]["operation"]) == ("conversations.close", "conversations.undo")
    assert undone["run"]["parent"] == closed.run
