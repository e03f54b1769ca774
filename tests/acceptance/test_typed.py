"""What is typed: values that begin with a dash, standard input, numbers that are none, filters that the server refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from intercom_bulk_updater.cli.dashes import joined

from .desk import QUERY, Answer, Desk

SANDBOX = {"conversations": 40, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.001, "jitter": 0}
PLAIN = ("--json", "--progress", "none")
CLOSE = ("conversations", "close")


def piped(desk: Desk, text: str, *arguments: str) -> Answer:
    done = subprocess.run(
        [sys.executable, "-m", "intercom_bulk_updater", *arguments], input=text, env=desk.env, cwd=desk.home, capture_output=True,
        text=True, timeout=60, check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "typed", [("--ids", "-", "--dry-run"), ("--dry-run", "--ids", "-"), ("--where", QUERY, "-n", "--exclude", "-")], ids=" ".join
)
def test_ids_come_through_a_pipe(desk: Desk, typed: tuple[str, ...]) -> None:
    """A lone dash is standard input, wherever it stands."""
    ids = desk.open_ids()
    answer = piped(desk, f"\ufeff# the first\n{ids[0]}\n{ids[1]}\n", *CLOSE, *typed, *PLAIN)
    assert (answer.code, answer.counts.get("pending")) == (0, len(ids) - 2 if "--exclude" in typed else 2), answer.err
    assert "standard input" in answer.json["run"]["selection"]["words"]


def test_a_query_and_a_sheet_come_through_a_pipe(desk: Desk) -> None:
    """As ids do."""
    ids = desk.open_ids()
    query = {"field": "team_assignee_id", "operator": "=", "value": 5001}
    found = piped(desk, json.dumps(query), "conversations", "find", "--query", "-", "--json")
    assert found.code == 0 and set(ids) <= {item["id"] for item in found.json["items"]}, found.err
    sheet = piped(desk, f"id,team\n{ids[0]},Billing\n", "conversations", "assign", "--csv", "-", "--to-team", "{{team}}", "-n", *PLAIN)
    assert (sheet.code, sheet.counts["pending"]) == (0, 1), sheet.err


def test_values_that_begin_with_a_dash(desk: Desk) -> None:
    """A text with a dash is a text; a flag behind a flag means that a value was forgotten."""
    where = ("--where", QUERY)
    assert desk.here("conversations", "note", "--body", "- one\n- two", *where, "-n", *PLAIN).code == 0
    past = desk.here("conversations", "snooze", "--until", "-3d", *where, "-n", *PLAIN)
    assert past.code == 2 and "in the past" in past.err
    for flag, more in (("--ids", ()), ("--exclude", where), ("--where", ()), ("--csv", ())):
        forgotten = desk.here(*CLOSE, *more, flag, "--yes")
        assert forgotten.code == 2 and f"{flag} needs a value" in forgotten.err, forgotten.err
    assert joined(["--ids", "-", "--", "--ids", "-"]) == ["--ids=-", "--", "--ids", "-"]
    assert joined(["--ids", "-n", "--body", "--", "-"]) == ["--ids", "-n", "--body", "--", "-"]
