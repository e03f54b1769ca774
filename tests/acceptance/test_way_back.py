"""Looking first, plans, guards, and taking a run back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .desk import QUERY, Desk

SANDBOX = {"conversations": 120, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.002}
OTHER = 991267702


def states(desk: Desk) -> dict[str, Any]:
    """What the server holds of each conversation, without the times and parts that any write leaves."""
    return {
        row["id"]: (row["state"], row["team"], row["admin"], sorted(row["tags"])) for row in desk.box.conversations()
    }


def test_undo_restores_what_nobody_touched_since(desk: Desk) -> None:
    """Of 500 closed, 20 touched by another admin stay as that admin left them; 480 are open again."""
    desk.box.add_conversations(500 - len(desk.open_ids()), team=5001, state="open")
    ids = desk.open_ids()
    before = states(desk)
    closed = desk.close("--expect", "500")
    assert (closed.code, closed.counts) == (0, {"selected": 500, "done": 500}), closed.err
    for kind, chosen in (("note", ids[:5]), ("reopen", ids[5:10]), ("assign", ids[10:15]), ("contact_reply", ids[15:20])):
        desk.box.touch(chosen, kind, admin_id=OTHER)
    left = states(desk)
    undone = desk.here("undo", closed.run, "--yes", "--json")
    assert undone.counts == {"selected": 500, "done": 480, "drifted": 20}, undone.err
    now = states(desk)
    assert {i for i in ids if now[i] != left[i]} == set(ids[20:])
    assert all(now[i] == before[i] for i in ids[20:])
    assert len(undone.json["left_alone"]) == 10 and all(row["why"] and row["id"] in ids[:20] for row in undone.json["left_alone"])
    assert "and 10 more" in undone.err and f"runs export {undone.run} --outcome drifted" in undone.err
    assert undone.json["left_alone"][0]["why"] in desk.here("runs", "show", undone.run).out
    listed = desk.here("runs", "export", undone.run, "--format", "jsonl", "--outcome", "drifted")
    rows = [json.loads(line) for line in listed.out.splitlines()]
    assert {str(row["id"]) for row in rows} == set(ids[:20])
    assert all("since" in json.dumps(row) or "is open" in json.dumps(row) for row in rows)
    again = desk.here("undo", undone.run, "--yes", "--json")
    assert again.counts["done"] == 480, again.err
    assert {i for i in ids if states(desk)[i] != left[i]} == set()


@pytest.mark.parametrize(
    "verb",
    [
        ["assign", "--to-team", "5003"],
        ["tag", "--tag", "7003"],
        ["set", "priority_reason=Refund"],
        ["snooze", "--until", "+3d"],
    ],
    ids=lambda verb: verb[0],
)
def test_undo_of_other_verbs(desk: Desk, verb: list[str]) -> None:
    """Team, admin, state, tags and attributes are as before the run, whatever they were."""
    if verb[0] == "set":
        names = [a["name"] for a in _attributes(desk)]
        verb = ["set", f"{names[0]}=Refund"]
    before = states(desk)
    ids = [i for i, row in before.items() if row[0] == "closed"][:10] + desk.open_ids()[:20]
    attributes = {i: desk.box.conversation(i)["custom_attributes"] for i in ids}
    (desk.home / "ids").write_text("\n".join(ids))
    done = desk.here("conversations", *verb, "--ids", "ids", "--yes", "--json")
    assert done.code == 0, done.err
    undone = desk.here("undo", done.run, "--yes", "--json")
    assert undone.code == 0, undone.err
    assert undone.counts.get("drifted", 0) == 0
    assert states(desk) == before
    for i, was in attributes.items():
        now = desk.box.conversation(i)["custom_attributes"]
        assert {k: v for k, v in now.items() if v is not None} == {k: v for k, v in was.items() if v is not None}


def _attributes(desk: Desk) -> list[dict[str, Any]]:
    import urllib.request

    request = urllib.request.Request(f"{desk.box.url}/conversations/attributes")
    for name, value in (("Authorization", f"Bearer {desk.box.token}"), ("Intercom-Version", "2.16")):
        request.add_header(name, value)
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)["data"]
    return [a for a in found if a.get("data_type") == "string" and not a.get("options") and a.get("api_writable", True)]


def test_a_plan_does_what_it_says_and_leaves_what_moved(desk: Desk) -> None:
    """Of 100 planned, 10 that moved since are skipped and reported, also those whose state has not changed: somebody is at them.

    A second workspace, a changed byte or a late hour refuse.
    """
    desk.box.add_conversations(100 - len(desk.open_ids()), team=5001, state="open")
    ids = desk.open_ids()
    planned = desk.close("--plan", "plan.jsonl")
    assert planned.code == 0, planned.err
    assert desk.writes() == 0
    plan = desk.home / "plan.jsonl"
    text = plan.read_text()
    assert json.loads(text.splitlines()[0])["count"] == 100
    desk.box.touch(ids[:7], "snooze", admin_id=OTHER)
    desk.box.touch(ids[7:9], "note", admin_id=OTHER)
    desk.box.touch(ids[9:10], "assign", admin_id=OTHER, team_id=5002)
    desk.box.reset_stats()

    (desk.home / "altered.jsonl").write_text(text.replace('"open"', '"snoozed"', 1))
    assert desk.here("apply", "altered.jsonl", "--yes", "--json").code == 5
    header = json.loads(text.splitlines()[0])
    for key, value in (("expires", "2020-01-01T00:00:00+00:00"), ("workspace", "elsewhere")):
        other = "\n".join([json.dumps({**header, key: value}), *text.splitlines()[1:]]) + "\n"
        (desk.home / "other.jsonl").write_text(other)
        assert desk.here("apply", "other.jsonl", "--yes", "--json").code == 5
    assert desk.writes() == 0

    looked = desk.here("apply", "plan.jsonl", "--dry-run", "--json")
    assert (looked.code, looked.counts, desk.writes()) == (0, {"selected": 100, "pending": 90, "drifted": 10}, 0), looked.err
    applied = desk.here("apply", "plan.jsonl", "--yes", "--json")
    assert applied.counts == {"selected": 100, "done": 90, "drifted": 10}, applied.err
    desk.once("close", ids[10:])


def test_a_sealed_plan_that_is_late_or_of_elsewhere(desk: Desk) -> None:
    """A plan with a good hash is still refused when it has expired (5) or belongs to another workspace (10)."""
    from intercom_bulk_updater.runs.plan import _seal

    assert desk.close("--plan", "plan.jsonl").code == 0
    head, *lines = (desk.home / "plan.jsonl").read_text().splitlines(keepends=True)
    import hashlib

    body = hashlib.sha256("".join(lines).encode()).hexdigest()
    for key, value, code in (("expires", "2020-01-01T00:00:00+00:00", 5), ("workspace", "elsewhere", 10)):
        header = {**json.loads(head), key: value}
        header["hash"] = _seal(header, body)
        (desk.home / "other.jsonl").write_text("".join([json.dumps(header) + "\n", *lines]))
        answer = desk.here("apply", "other.jsonl", "--yes", "--json")
        assert answer.code == code, answer.err
    assert desk.writes() == 0


def test_a_dry_run_reads_and_its_counts_are_those_of_the_run(desk: Desk) -> None:
    """A dry run writes nothing at the server, and what it says would change is what the run then changes."""
    ids = desk.open_ids()
    some = [*ids, *(row["id"] for row in desk.box.conversations(team=5001, state="closed"))]
    (desk.home / "ids").write_text("\n".join(some))
    for selection in (["--where", "team = 5001"], ["--ids", "ids"]):
        looked = desk.here("conversations", "close", *selection, "--dry-run", "--json")
        assert looked.code == 0, looked.err
        assert desk.writes() == 0 and desk.box.stats()["requests"] > 1
        first = looked.counts
    done = desk.here("conversations", "close", "--ids", "ids", "--yes", "--json")
    assert first.get("pending") == done.counts["done"] == len(ids)
    assert first.get("unchanged") == done.counts["unchanged"] == len(some) - len(ids)


@pytest.mark.parametrize(
    ("guard", "code"),
    [
        (["--expect", "7"], 5),
        (["--expect", "{n}"], 0),
        (["--expect", "50±10%"], 5),
        (["--max", "{less}"], 5),
        (["--max", "{n}"], 0),
        (["--max", "5%"], 5),
        (["--max", "100%"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_guard_on_the_number_stops_before_the_first_write(desk: Desk, guard: list[str], code: int) -> None:
    """--expect and --max refuse a selection of another size with exit 5 and no write, and let the right one through."""
    ids = desk.open_ids()
    desk.box.add_conversations(0)
    answer = desk.close(*(part.format(n=len(ids), less=len(ids) - 1) for part in guard))
    assert answer.code == code, answer.err
    assert desk.writes() == (0 if code else len(ids))


def test_more_than_a_thousand_need_a_word_more(desk: Desk) -> None:
    """A query of more than 1,000 items with --yes alone is refused; --max 100% is the word."""
    desk.box.add_conversations(1001, team=5001, state="open")
    assert desk.close().code == 5
    assert desk.writes() == 0


def test_a_canary_that_dies_spares_the_rest(desk: Desk) -> None:
    """One failure among the first items stops the run there, with exit 5 and the rest untouched."""
    desk.switch(latency=0.01)
    desk.box.fault("status", status=404, method="POST", path="/parts$", count=1)
    answer = desk.close("--canary", "5")
    assert answer.code == 5, answer.err
    assert desk.writes() == 4
    assert answer.counts["pending"] == answer.counts["selected"] - 5


@pytest.mark.parametrize("most", ["3", "20%"])
def test_too_many_failures_stop_the_run(desk: Desk, most: str) -> None:
    """--max-failures ends a run that goes wrong with exit 5, resumable, long before its end."""
    desk.box.add_conversations(200, team=5001, state="open")
    desk.box.fault("status", status=404, method="POST", path="/parts$")
    answer = desk.close("--max-failures", most, "--workers", "4")
    assert answer.code == 5, answer.err
    assert answer.counts["failed"] < 60 and answer.counts["pending"] > 100
    if answer.counts["failed"] > int(answer.json["error"]["message"].split()[0]):
        assert f"{answer.counts['failed']} items failed in all" in answer.json["run"]["message"]


def test_what_has_no_way_back_or_is_seen_needs_its_word(desk: Desk) -> None:
    """A reply without --customer-visible, and a write without --yes and without a terminal, are refused with exit 5."""
    assert desk.here("conversations", "reply", "--where", QUERY, "--body", "Hi", "--yes").code == 5
    assert desk.here("conversations", "close", "--where", QUERY).code == 5
    assert desk.writes() == 0
