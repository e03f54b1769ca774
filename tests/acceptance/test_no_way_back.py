"""convert, redact, merge, delete of conversations: what nothing brings back, against the sandbox's own books."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intercom_bulk_updater.operations.registry import operation_class

from .contract import broken
from .desk import Desk, until

SANDBOX = {"conversations": 80, "latency": 0.0, "jitter": 0.0}
PLAIN = ("--json", "--progress", "none")
Row = dict[str, Any]


def texts(conversation: Row) -> int:
    """How much of it can be read still."""
    parts = conversation["conversation_parts"]["conversation_parts"]
    source = conversation["source"]
    hidden = source["redacted"] or source["author"]["type"] == "admin"
    return sum(bool(part["body"]) and not part["redacted"] for part in parts) + (not hidden)


# verb: what is typed, and whether it was done to a conversation ({} for one that is gone).
VERBS: dict[str, tuple[list[str], Callable[[Row], bool]]] = {
    "convert": (
        ["--ticket-type", "Bug report", "--ticket-state", "In progress", "title={{title}}", "urgency=high", "--customer-visible"],
        lambda one: one["ticket"] is not None,
    ),
    "redact": (["--all"], lambda one: texts(one) == 0),
    "merge": (["--into", "{{primary}}"], lambda one: one["state"] == "closed" and bool(one["linked_objects"]["data"])),
    "delete": ([], lambda one: not one),
}


def some(desk: Desk, count: int = 4) -> list[str]:
    """Open conversations of customers, in a sheet; the primaries are others."""
    rows = [str(one["id"]) for one in desk.box.conversations(state="open")]
    mine = [one for one in rows if desk.box.conversation(one)["source"]["author"]["type"] != "admin"]
    ids, others = mine[:count], mine[count : 2 * count]
    lines = [f"{one},Ticket of {one},{other}" for one, other in zip(ids, others, strict=True)]
    (desk.home / "sheet.csv").write_text("\n".join(["id,title,primary", *lines]))
    return ids


def standing(desk: Desk, verb: str, ids: list[str]) -> list[bool]:
    """Whether the verb was done to each."""
    known = {str(one["id"]) for one in desk.box.conversations()}
    return [VERBS[verb][1](desk.box.conversation(one) if one in known else {}) for one in ids]


@pytest.mark.parametrize("verb", VERBS)
def test_it_takes_two_words_more_and_keeps_each_item(desk: Desk, verb: str) -> None:
    """Refused without --irreversible; dry run, plan and apply agree; each is in the backup whole; undo says why not."""
    words = VERBS[verb][0]
    ids = some(desk)
    were = {one: desk.box.conversation(one)["source"]["body"] for one in ids}
    already = desk.writes()
    chosen = ("--csv", "sheet.csv")
    refused = desk.here("conversations", verb, *words, *chosen, "--yes")
    assert refused.code == 5 and "--irreversible" in refused.err
    dry = desk.here("conversations", verb, *words, *chosen, "--dry-run", *PLAIN)
    assert (dry.code, dry.counts) == (0, {"selected": 4, "pending": 4}), dry.err
    if verb == "convert":
        assert dry.json["review"]["customers"] == len({desk.box.conversation(one)["contacts"]["contacts"][0]["id"] for one in ids})
    assert desk.here("conversations", verb, *words, *chosen, "--plan", "p.jsonl").code == 0
    assert desk.writes() == already
    visible = ("--customer-visible",) if verb == "convert" else ()
    done = desk.here("apply", "p.jsonl", "--yes", "--irreversible", *visible, *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 4, "done": 4}), done.err
    assert standing(desk, verb, ids) == [True] * 4 and broken(desk) == []
    assert done.json["verified"]["remaining"] == 0, done.json["verified"]
    kept = [json.loads(line) for line in Path(done.json["backup"]["file"]).read_text().splitlines()]
    assert {one["id"]: one["source"]["body"] for one in kept} == were
    assert all(one["conversation_parts"]["conversation_parts"] for one in kept)
    back = desk.here("undo", done.run, "--yes")
    assert back.code == 5 and operation_class(f"conversations.{verb}").why_no_undo(None) in " ".join(back.err.split())  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", VERBS)
def test_a_lost_answer_is_found_out(desk: Desk, verb: str) -> None:
    """Written, and the connection broken: the conversation is read before anything is sent again."""
    words = VERBS[verb][0]
    ids = some(desk)
    desk.box.fault("drop_after", path="/conversations/.*", on="write", count=3)
    done = desk.here("conversations", verb, *words, "--csv", "sheet.csv", "--yes", "--irreversible", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 4, "done": 4}), done.err
    assert standing(desk, verb, ids) == [True] * 4
    again = desk.here("conversations", verb, *words, "--csv", "sheet.csv", "--yes", "--irreversible", *PLAIN)
    assert again.counts == {"selected": 4, "unchanged": 4}, again.err


@pytest.mark.parametrize("verb", [one if one == "redact" else pytest.param(one, marks=pytest.mark.slow) for one in VERBS])
def test_a_killed_run_goes_on(desk: Desk, verb: str) -> None:
    """kill -9 in the middle, then resume: each conversation is done."""
    words = VERBS[verb][0]
    ids = some(desk, 12)
    desk.switch(latency=0.03)
    already = desk.writes()
    command = ("conversations", verb, *words, "--csv", "sheet.csv", "--yes", "--irreversible", "--workers", "2", "--verify", "none")
    process = desk.start(*command, *PLAIN)
    if until(lambda: desk.writes() - already >= 4, process):
        process.send_signal(signal.SIGKILL)
    assert desk.wait(process).code == -signal.SIGKILL
    visible = ("--customer-visible",) if verb == "convert" else ()
    done = desk.here("runs", "resume", "latest", "--irreversible", *visible, "--json")
    assert done.code == 0 and done.counts["done"] + done.counts.get("unchanged", 0) == 12, done.err
    assert standing(desk, verb, ids) == [True] * 12


def test_a_converted_conversation_is_the_ticket_that_was_asked_for(desk: Desk) -> None:
    """Type, state and attributes, in the types of the ticket type; each row its own title."""
    ids = some(desk, 2)
    assert desk.here("conversations", "convert", *VERBS["convert"][0], "--csv", "sheet.csv", "--yes", "--irreversible", *PLAIN).code == 0
    for one in ids:
        ticket = desk.box.ticket(one)
        assert (ticket["ticket_type"]["name"], ticket["ticket_state"]["internal_label"]) == ("Bug report", "In progress")
        assert ticket["ticket_attributes"] == {"_default_title_": f"Ticket of {one}", "urgency": "0b7e2f11-8c52-41aa"}


def test_one_part_or_the_first_message_is_redacted(desk: Desk) -> None:
    """What was named goes, the rest stays."""
    (one,) = some(desk, 1)
    (desk.home / "ids").write_text(one)
    part = next(p for p in desk.box.conversation(one)["conversation_parts"]["conversation_parts"] if p["body"])
    left = texts(desk.box.conversation(one))
    for words in (("--part", part["id"]), ("--first-message",)):
        done = desk.here("conversations", "redact", *words, "--ids", "ids", "--yes", "--irreversible", *PLAIN)
        assert (done.code, done.counts) == (0, {"selected": 1, "done": 1}), done.err
        left -= 1
        assert texts(desk.box.conversation(one)) == left
    for how in ("--dry-run", "--yes"):
        lost = desk.here("conversations", "redact", "--part", "17", "--ids", "ids", how, "--irreversible", *PLAIN)
        assert (lost.code, lost.counts) == (3, {"selected": 1, "failed": 1}), lost.out
        assert "no part 17" in lost.json["failures"][0]["example"]["message"], lost.out
    again = desk.here("conversations", "redact", "--part", part["id"], "--ids", "ids", "--yes", "--irreversible", *PLAIN)
    assert again.counts == {"selected": 1, "unchanged": 1}
    desk.switch(max_parts=1)
    for how in ("--dry-run", "--yes"):
        cut = desk.here("conversations", "redact", "--all", "--ids", "ids", how, "--irreversible", *PLAIN)
        assert cut.code == 3 and "older parts are not shown" in cut.json["failures"][0]["example"]["message"], cut.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("convert", "--ticket-type", "Incident"), "Bug report (101)"),
        (("convert", "--ticket-type", "Bug"), "Bug report"),
        (("convert", "--ticket-type", "Bug report", "--ticket-state", "Nowhere"), "Submitted"),
        (("convert", "--ticket-type", "Bug report", "cost=1"), "has no attribute 'cost'"),
        (("redact",), "--first-message"),
        (("redact", "--all", "--first-message"), "--all alone"),
        (("merge", "--into", "x"), "not an id of a conversation"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(desk: Desk, words: tuple[str, ...], said: str) -> None:
    """With the nearest, or the next step."""
    some(desk)
    refused = desk.here("conversations", *words, "--csv", "sheet.csv", "--yes", "--irreversible", "--customer-visible")
    assert refused.code == 2 and said in " ".join(refused.err.split()), refused.err


def test_merging_away_what_lives_on_fails_alone(desk: Desk) -> None:
    """Into itself, or into one that does not exist: Intercom's own words, and nothing else is touched."""
    ids = some(desk, 3)
    (desk.home / "sheet.csv").write_text(f"id,primary\n{ids[0]},{ids[0]}\n{ids[1]},1\n{ids[2]},{ids[0]}")
    done = desk.here("conversations", "merge", "--into", "{{primary}}", "--csv", "sheet.csv", "--yes", "--irreversible", *PLAIN)
    assert (done.code, done.counts) == (3, {"selected": 3, "done": 1, "failed": 2}), done.err
    assert {one["example"]["message"] for one in done.json["failures"]} <= {
        "Cannot merge a conversation into itself", "Primary conversation not found",
    }  # fmt: skip


def test_figures_in_reports_go_only_where_asked(desk: Desk) -> None:
    """delete keeps them; --drop-metrics says so in its preview, and a missing permission stops the run."""
    some(desk, 2)
    assert desk.here("conversations", "delete", "--csv", "sheet.csv", "--yes", "--irreversible", *PLAIN).code == 0
    some(desk, 2)
    desk.switch(missing_scopes=["delete_conversations_and_metrics"])
    done = desk.here("conversations", "delete", "--drop-metrics", "--csv", "sheet.csv", "--yes", "--irreversible", *PLAIN)
    assert done.code in (3, 4) and done.counts.get("done", 0) == 0, done.err
