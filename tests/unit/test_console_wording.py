"""Reviews, summaries, errors and tables: the words and numbers, in little room and in plain text."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import pytest
from rich.console import Console, RenderableType

from intercom_bulk_updater.journal.records import Event, FailureExample, FailureGroup, RunRecord
from intercom_bulk_updater.model import Counts, Outcome, RunStatus
from intercom_bulk_updater.ratelimit.permit import BudgetState
from intercom_bulk_updater.runs.judgement import Judgement, judge
from intercom_bulk_updater.runs.preview import Preview
from intercom_bulk_updater.terminal import tables
from intercom_bulk_updater.terminal.phrases import Title
from intercom_bulk_updater.terminal.search_table import findings_table
from intercom_bulk_updater.terminal.table import Sheet, Sheets, _widths, write
from intercom_bulk_updater.terminal.texts import review_text, summary_text

TITLE = Title("conversations.close", "close", "Acme", "team = 5001")


def shown(renderable: RenderableType, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, highlight=False, markup=False).print(renderable, crop=False)
    return out.getvalue()


def report(**other: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "schema": "run/1", "ok": False, "exit": 3,
        "run": {"id": "1123-close-7f3a", "kind": "run", "status": "finished", "operation": "conversations.close",
                "workspace": "abc", "message": ""},
        "counts": {"selected": 4291, "done": 4281, "unchanged": 7, "failed": 3, "drifted": 0, "in_doubt": 0, "pending": 0},
        "requests": {"total": 4431, "search": 30, "action": 4300, "read": 101, "retried": 2, "throttled": 0},
        "seconds": 80.2, "rate": 53.5, "search": {"total": 4300, "seen": 4291, "passes": 2, "new_since": 4},
        "failures": [{"cause": "404 conversation_not_found", "outcome": "failed", "count": 3, "advice": "It was deleted.",
                      "example": {"id": "12345", "status": 404, "code": "c", "message": "Not found", "request_id": "000ab"}}],
        "verified": {"level": "sample", "remaining": 0, "checked": 50, "passes": 2, "explained": {}, "wrong": []},
        "next": ["intercom-bulk runs retry 1123-close-7f3a", "intercom-bulk undo 1123-close-7f3a"],
    }  # fmt: skip
    return told | other


@pytest.mark.parametrize("width", [60, 120])
def test_summary(width: int) -> None:
    """The end of a run: outcomes, speed, requests, 429s, verification, failures with an example and advice, then undo."""
    text = " ".join(shown(summary_text(report(), TITLE), width).split())
    for words in (
        "4,281 closed · 7 already closed · 3 failed", "4,291 conversations in 1 min 20 s", "54 a second",
        "4,431 requests", "none refused by the rate limit (429)", "50 of 4,281 read back, all in the requested state · 2 passes",
        "404 conversation_not_found",
        "item 12345", "request id 000ab", "It was deleted.",
    ):  # fmt: skip
        assert words in text, words
    assert text.endswith("To take it back: intercom-bulk undo 1123-close-7f3a")


def test_stopped_summary() -> None:
    """The last line of a stopped run is the command that continues it, in one piece however narrow the terminal is."""
    counts = {"selected": 4291, "done": 2000, "unchanged": 7, "failed": 0, "drifted": 0, "in_doubt": 2, "pending": 2282}
    run = {"id": "r", "kind": "run", "status": "interrupted", "operation": "conversations.close"}
    command = "intercom-bulk runs resume 1123-close-7f3a"
    told = report(exit=130, counts=counts, run=run, failures=[], next=[command, "intercom-bulk undo 1123-close-7f3a"])
    text = shown(summary_text(told, TITLE), 30)
    assert text.rstrip().splitlines()[-1].strip() == command
    wide = shown(summary_text(told, TITLE), 120)
    assert "Interrupted; it can be resumed: 2,000 closed · 7 already closed · 2 in doubt · 2,282 not begun" in wide
    assert "2,009 of 4,291 conversations" in wide


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"exit": 0, "ok": True, "counts": {"selected": 0, "done": 0}}, "Nothing to do: nothing matched"),
        ({"exit": 5, "error": {"message": "5,000 items, more than --max 500."}}, "5,000 items, more than --max 500."),
        ({"exit": 6, "verified": {"level": "all", "remaining": 2, "wrong": [{"id": "9", "is": "state is open"}]}},
         "9 is not in the requested state"),
        ({"verified": {"level": "none", "remaining": None}}, "not asked for (--verify none)"),
        ({"run": None, "exit": 4, "error": {"message": "The token is rejected."}}, "The token is rejected."),
        ({"exit": 0, "ok": True, "run": {"kind": "dry_run", "operation": "conversations.close"},
          "counts": {"selected": 9, "unchanged": 2, "pending": 7}}, "nothing was written: 2 already closed · 7 would change"),
        ({"exit": 130, "run": {"kind": "dry_run", "operation": "conversations.close"}},
         "Interrupted; a dry run is simply started again: 4,281 closed"),
        ({"exit": 130}, "Interrupted; the run itself is over"),
        ({"counts": {"selected": 2, "failed": 2}, "verified": {"level": "sample", "remaining": 0, "checked": 0, "passes": 2}},
         "no item is done, so none was read back · 2 passes of the search"),
        ({"verified": {"level": "sample", "remaining": None, "note": "Tag: it cannot be read back"}},
         "could not be verified: Tag: it cannot be read back"),
        ({"verified": {"level": "all", "remaining": 2, "checked": 9, "wrong": [{"id": "9", "is": "x"}]}},
         "9 of 4,281 read back; 2 are not in the requested state\n"),
        ({"undone_by": "1124-undo-1"}, "undone by"),
        ({"left_alone": [{"id": "7", "why": "note by Ben"}], "counts": {"selected": 3, "drifted": 3}}, "and 2 more"),
    ],
)  # fmt: skip
def test_endings(other: dict[str, Any], words: str) -> None:
    """Every kind of ending says what it was."""
    assert words in shown(summary_text(report(**other), TITLE), 120)


def review(**other: Any) -> Preview:
    made = Preview("close", selected=4312, would_change=4281, unchanged=24, reversibility="restores fields, not side effects")
    made.groups = Counter({"state: open → closed": 4281})
    made.sample = [("1234567", "state: open → closed")]
    made.side_effects, made.requests, made.seconds, made.quota_share = "statistics stay", 4310, 26.0, 1.0
    for name, value in other.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("width", [60, 120])
def test_review(width: int) -> None:
    """A review says how many, what becomes of them, examples, the way back, who sees it, and what it takes."""
    text = " ".join(shown(review_text(review(), TITLE), width).split())
    for words in (
        "Close conversations in Acme", "team = 5001", "4,312 conversations", "4,281", "24 already closed", "state: open → closed",
        "1234567", "undo restores the fields", "statistics stay", "see nothing of it", "about 4,310 requests, 26 s", "rate limit",
    ):  # fmt: skip
        assert words in text, words


def test_grave_review() -> None:
    """What customers see and what has no way back is said in words."""
    text = shown(review_text(review(customer_visible=True, customers=1, reversibility="irreversible"), TITLE), 120)
    assert "1 customer would be written to" in text
    assert "none: irreversible" in text


def test_many_groups() -> None:
    """Groups beyond the first few are summed up, and nothing is lost from the count."""
    groups = Counter({f"plan: a → {n}": 10 for n in range(20)})
    text = shown(review_text(review(groups=groups, would_change=200), TITLE), 120)
    assert "120  in 12 other ways" in text


def record(**other: Any) -> RunRecord:
    values: dict[str, Any] = {
        "id": "1123-close-7f3a", "number": 1, "kind": "run", "operation": "conversations.close", "parameters": {},
        "selection": {"words": "team = 5001"}, "workspace": "abc", "base_url": "http://127.0.0.1", "admin_id": "1",
        "author": "ada", "host": "h", "pid": 1, "status": RunStatus.FINISHED, "control": "", "created_at": 1e9,
        "updated_at": 1e9, "started_at": 1e9, "finished_at": 1e9 + 80, "settings": {}, "search": {},
        "progress": {"counts": {"selected": 1200, "done": 1200}}, "totals": {"seconds": 80.2, "requests": {"total": 1300}},
        "parent": None, "plan_hash": None, "exit_code": 0, "message": "",
    }  # fmt: skip
    return RunRecord(**(values | other))


def judged(run: RunRecord, counts: Counts) -> tuple[RunRecord, Judgement]:
    return run, judge(kind=run.kind, status=run.status, counts=counts, verified=run.totals.get("verified"))


def written(*sheets: Sheet) -> str:
    out = io.StringIO()
    write(Sheets(sheets), out)
    return out.getvalue()


def test_runs_table() -> None:
    """The list of runs has a line for each, tab-separated where no person looks."""
    lines = written(tables.runs_table([judged(record(), Counts(1200, 1200))], now=1e9 + 3600)).splitlines()
    assert lines[0].split("\t") == ["run", "status", "items", "outcome", "what", "when", "by"]
    expected = "1123-close-7f3a finished 1,200 1,200_closed close_conversations:_team_=_5001 1_h_ago ada"
    assert lines[1].split("\t") == [cell.replace("_", " ") if "-" not in cell else cell for cell in expected.split(" ")]


def test_a_narrow_terminal_goes_without_some_columns() -> None:
    """What matters most stays whole: which run, and how it went; a pipe gets every column at any width."""
    rows = [judged(record(), Counts(3930, 3733, failed=26, drifted=171))]
    heads = {width: shown(tables.runs_table(rows, now=1e9), width).split("\n")[0].split() for width in (120, 80, 45)}
    assert heads == {
        120: ["run", "status", "items", "outcome", "what", "when", "by"],
        80: ["run", "status", "outcome", "when"],
        45: ["run", "outcome"],
    }


def test_title_of_a_run() -> None:
    """A run of the journal has its title: what, where, which."""
    title = Title.of(record(selection={"words": "team = 5001", "resource": "conversations"}))
    assert (title.headline(), title.workspace, title.run) == ("Close conversations", "abc", "1123-close-7f3a")


def test_run_table() -> None:
    """One run: facts, counts, failures by cause, what happened."""
    failures = [FailureGroup("404 not_found", 3, FailureExample("12", 404, "not_found", "Gone", "000ab"), Outcome.FAILED)]
    events = [Event(1e9, "canary", {"items": 20, "failed": 0, "wrong": 0})]
    text = written(*tables.run_table(*judged(record(exit_code=3), Counts(1200, 1197, 0, 3)), failures, events))
    for words in ("status\tfinished, exit 3", "took\t1 min 20 s", "done\t1,197", "404 not_found\t12\tGone\t000ab", "canary: the first 20"):
        assert words in text, words
    cut = record(search={"total": 51, "complete": True, "cut": True})
    assert "search\t12 of 51 that match" in written(*tables.run_table(*judged(cut, Counts(12, 12))))


def test_plan_table() -> None:
    """A plan: what it does, and its first items."""
    header = {"operation": "conversations.close", "words": "close", "count": 2000, "hash": "a" * 64}
    lines = [{"id": str(n), "change": "state: open → closed", "name": "No mail"} for n in range(30)]
    facts, items = both = tables.plan_table(header, iter(lines), most=5)
    assert items.title == "The first 5 of 2,000 items"
    assert "The first 5 of 2,000 items" in shown(both, 80)
    assert "4\tNo mail\tstate: open → closed" in written(facts, items)


def test_limits_and_doctor() -> None:
    """The limit in words; doctor marks each check in words, and says what to do."""
    state = BudgetState(1667, 1503, 1500, 164, 10.0, 2.1, 0.0, 160.0, "window")
    assert "limit\t1,667 calls per 10 s" in written(tables.limits_table(state))
    checks = [tables.Check("token", True, "accepted"), tables.Check("write", False, "403", "Add the scope.")]
    text = shown(tables.doctor_lines(checks), 80)
    assert "ok     accepted" in text
    assert "wrong  403" in text
    assert "Add the scope." in text
    assert text.rstrip().endswith("1 problem.")


@pytest.mark.parametrize(
    ("resource", "item", "cells"),
    [
        (
            "conversations",
            {"id": 123, "state": "open", "team_assignee_id": 5001, "updated_at": 1000,
             "source": {"body": "<p>Hello\t<b>\x1b[31mworld</b> &amp; joe@acme.com</p>" + "x" * 90}},
            ["123", "open", "Billing", "10 min ago", "Hello world & (e-mail) " + "x" * 16 + "…"],
        ),
        ("contacts", {"id": "c1", "role": "user", "email": "joe@acme.com", "name": "joe@acme.com"}, ["c1", "user", "", "-", "(e-mail)"]),
        ("companies", {"id": "1", "company_id": "x", "user_count": 1200, "name": "Acme"}, ["1", "x", "1,200", "-", "Acme"]),
        ("tickets", {"id": "1", "ticket_state": {"internal_label": "Open"}, "ticket_type": {"name": "Bug"}},
         ["1", "Open", "Bug", "nobody", "-", ""]),
        ("tags", {"id": "1", "updated_at": None}, ["1", "-"]),
    ],
)  # fmt: skip
def test_findings(resource: str, item: dict[str, Any], cells: list[str]) -> None:
    """What a search found is recognised by id, state and first words; no e-mail address, no markup, no escape code."""
    sheet = findings_table([item], resource, names={"team 5001": "Billing"}, now=1600)
    assert written(sheet).splitlines()[1].split("\t") == cells
    assert "@" not in written(sheet)


def test_wide_table_gives_way() -> None:
    """On a narrow terminal the first column keeps its width: ids are to be copied."""
    sheet = Sheet(("id", "what", "about"), [("123456789012", "w" * 30, "a" * 80)], flex="about")
    widths = _widths(sheet, 50)
    assert widths[0] == 12
    assert sum(widths) + 6 <= 50
