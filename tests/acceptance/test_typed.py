"""What is typed: values that begin with a dash, standard input, numbers that are none, filters that the server refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from intercom_bulk_updater.cli.argv import join_values

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
    assert join_values(["--ids", "-", "--", "--ids", "-"], lambda: {"--ids", "--body"}) == ["--ids=-", "--", "--ids", "-"]
    assert join_values(["--ids", "-n", "--body", "--", "-"], lambda: {"--ids", "--body"}) == ["--ids", "-n", "--body", "--", "-"]


@pytest.mark.parametrize("verb", ["find", "close"])
def test_a_filter_that_the_server_refuses_is_a_bad_filter(desk: Desk, verb: str) -> None:
    """Exit 2, with what Intercom said of it, and nothing written."""
    typed = () if verb == "find" else ("--yes", "--max", "5", "--progress", "none")
    for field in ("nonsense", "custom_attributes.nonsense"):
        (desk.home / "q.json").write_text(json.dumps({"field": field, "operator": "=", "value": "gold"}))
        answer = desk.here("conversations", verb, "--query", "q.json", *typed, "--json")
        error = answer.json["error"]
        assert (answer.code, error["type"], error["status"]) == (2, "FilterRefused", 400), answer.err
        assert error["code"] and error["request_id"] and "refuses the filter" in answer.err
        assert "Check the fields" in error["hint"]
    assert desk.writes() == 0


@pytest.mark.parametrize("retries", [0, 2])
def test_retries_are_counted_in_what_is_read_first_too(desk: Desk, retries: int) -> None:
    """N repetitions are N+1 requests; a 429 of the window is none of them."""
    path = "/tags$"
    desk.box.fault("status", status=503, method="GET", path=path, count=50)
    before = asked(desk, "/tags")
    failed = desk.here("conversations", "tag", "--where", QUERY, "--tag", "vip", "-n", "--retries", str(retries), *PLAIN)
    assert (failed.code, asked(desk, "/tags") - before) == (7, retries + 1), failed.err


def asked(desk: Desk, path: str) -> int:
    return sum(line["method"] == "GET" and line["path"] == path for line in desk.box.log(1000))


def test_numbers_that_are_none_are_refused_by_name(desk: Desk) -> None:
    """A flag is named by what is said of its value; nothing is rounded."""
    for flag, value in (
        ("--limit", "1.5"), ("--limit", "-1"), ("--retries", "1.5"), ("--retries", "x"), ("--max", "abc"), ("--expect", "abc"),
        ("--canary", "abc"), ("--max-failures", "abc"), ("--share", "3"), ("--rate", "5"), ("--deadline", "9"),
    ):
        refused = desk.here(*CLOSE, "--where", QUERY, "-n", flag, value)
        assert refused.code == 2 and f"intercom-bulk: {flag}" in refused.err and value.strip("-") in refused.err, refused.err


def test_the_last_line_of_events_is_the_object(desk: Desk) -> None:
    """run.done is run/1 as --json prints it: of a run, of a dry run, of what ended before there was one; find ends with it too."""

    def last(*arguments: str) -> tuple[Answer, dict[str, Any], list[dict[str, Any]]]:
        answer = desk.here(*arguments, "--jsonl", "--progress", "none")
        *lines, end = [json.loads(line) for line in answer.out.splitlines()]
        assert (end.pop("event"), end.pop("seq")) == ("run.done", len(lines) + 1), end
        assert end.pop("ts")
        return answer, end, lines

    done, told, events = last(*CLOSE, "--where", QUERY, "--yes", "--limit", "3")
    assert told == desk.here("runs", "show", "latest", "--json").json, done.err
    assert {(line["schema"], line["run"]) for line in events} == {("event/1", told["run"]["id"])}
    for code, bad in ((2, (*CLOSE, "--where", "nonsense", "-n")), (2, CLOSE), (2, (*CLOSE, "--nonsense")), (2, ("undo", "0000"))):
        answer, told, events = last(*bad)
        assert (answer.code, told["schema"], told["exit"], told["run"], events) == (code, "run/1", code, None, []), answer.err
    for noun, where in (("conversations", ("--where", QUERY)), ("companies", ())):
        answer, told, items = last(noun, "find", *where)
        assert (told["schema"], told["run"], told["count"], told["exit"]) == ("find/1", None, len(items), 0)
        assert items and all(item["id"] for item in items)


def test_one_form_at_a_time_and_quiet_is_quiet(desk: Desk) -> None:
    """--json --jsonl is refused; standard output is data; -q leaves only errors."""
    for both in (("conversations", "find", "--where", QUERY), (*CLOSE, "--where", QUERY, "-n"), ("runs", "list"), ("runs", "export")):
        refused = desk.here(*both, "--json", "--jsonl")
        assert refused.code == 2 and "not both" in refused.err, refused.err
    empty = desk.here("runs", "list")
    assert (empty.code, empty.out) == (0, "") and "Nothing has been run yet" in empty.err
    found = desk.here("conversations", "find", "--where", QUERY, "-q")
    assert found.out and found.err == ""
    assert desk.here(*CLOSE, "--where", QUERY, "--yes", "-q").err == ""
    run = desk.here("runs", "show", "latest", "--json").run
    assert "No undo takes this back" in desk.here("undo", run, "-n").err
    assert desk.here("undo", run, "--yes", "-q").err == ""
