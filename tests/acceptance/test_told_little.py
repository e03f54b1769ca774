"""A server that tells little: answers and searches that lack fields, or show what was. Unknown is never a value."""

from __future__ import annotations

from typing import Any

import pytest

from .desk import Desk

SANDBOX = {"conversations": 60, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.0}
OTHER = 991267702


def held(desk: Desk) -> dict[str, Any]:
    """What the server holds of the conversations that a verb may change, by id."""
    return {
        str(row["id"]): (row["state"], row["team"], row["admin"], sorted(row["tags"]), desk.box.conversation(row["id"])["title"] or None)
        for row in desk.box.conversations()
    }


@pytest.mark.parametrize(
    ("answers", "state", "verb"),
    [
        ("stale", "open", ["close"]),
        ("minimal", "open", ["snooze", "--until", "+3d"]),
        ("minimal", "open", ["assign", "--to-team", "5003", "--to-admin", str(OTHER)]),
        ("stale", "open", ["assign", "--to-team", "5003", "--to-admin", str(OTHER)]),
        ("minimal", "closed", ["assign", "--to-admin", str(OTHER), "--keep-state"]),
        ("minimal", "closed", ["assign", "--to-team", "5003"]),
        ("stale", "open", ["set", "title=Other"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_an_answer_that_does_not_show_the_write(desk: Desk, answers: str, state: str, verb: list[str]) -> None:
    """An answer without the fields, or from before the write, is no after-image: every step is taken, and undo restores."""
    chosen = [str(row["id"]) for row in desk.box.conversations(team=5001, state=state)][:3]
    (desk.home / "ids").write_text("\n".join(chosen))
    before = held(desk)
    desk.switch(write_answers=answers)
    done = desk.here("conversations", *verb, "--ids", "ids", "--yes", "--json", "--verify", "all")
    assert (done.code, done.counts["done"]) == (0, len(chosen)), done.err
    now = held(desk)
    assert {i for i in now if now[i] != before[i]} == set(chosen)
    if "--keep-state" in verb:
        assert all(row["state"] == "closed" for row in desk.box.conversations() if str(row["id"]) in chosen)
    undone = desk.here("undo", done.run, "--yes", "--json")
    assert (undone.code, undone.counts["done"]) == (0, len(chosen)), undone.err
    assert held(desk) == before


@pytest.mark.parametrize(
    ("lacks", "verb"),
    [
        (["state", "open"], ["close"]),
        (["tags"], ["tag", "--tag", "7003"]),
        (["admin_assignee_id", "team_assignee_id"], ["assign", "--to-admin", str(OTHER)]),
        (["title"], ["set", "title=Other"]),
    ],
    ids=lambda value: value[0],
)
def test_a_search_that_does_not_show_the_field(desk: Desk, lacks: list[str], verb: list[str]) -> None:
    """What a search leaves out is read, not taken for "already so"; the verification asks once and does not wait."""
    ids = desk.open_ids()
    desk.switch(search_lacks=lacks)
    before = held(desk)
    done = desk.here("conversations", *verb, "--where", "team = 5001 and state = open", "--yes", "--json")
    assert (done.code, done.json["verified"]["remaining"], done.json["verified"]["waited"]) == (0, 0, 0), done.err
    assert done.counts["done"] + done.counts.get("unchanged", 0) == len(ids)
    assert done.json["requests"]["total"] < 5 * len(ids) + 10
    assert desk.here("undo", done.run, "--yes", "--json").code == 0
    assert held(desk) == before


def test_already_so_is_asked_where_the_search_does_not_tell(desk: Desk) -> None:
    """What still matches and was "already so" is explained by a GET; one that is not so any more is found: exit 6."""
    closed = [str(row["id"]) for row in desk.box.conversations(team=5001, state="closed")]
    desk.switch(search_lacks=["state", "open"])
    done = desk.here("conversations", "close", "--where", "team = 5001", "--yes", "--json")
    assert (done.code, done.counts["unchanged"]) == (0, len(closed)), done.err
    assert done.json["verified"]["explained"] == {"as wanted by GET; the search does not tell": done.counts["selected"]}
    desk.box.touch(closed[:1], "reopen", admin_id=OTHER)
    looked = desk.here("verify", done.run, "--json")
    assert (looked.code, [row["id"] for row in looked.json["verified"]["wrong"]]) == (6, closed[:1]), looked.err


@pytest.mark.parametrize("repeat", ["noop", "part"])
def test_what_another_admin_had_closed_stays_closed(desk: Desk, repeat: str) -> None:
    """The search index is behind: we close what is closed already. Undo does not reopen it, whatever that close left."""
    ids = desk.open_ids()
    desk.switch(repeat_close=repeat, index_lag=600.0)
    desk.box.touch(ids[:3], "close", admin_id=OTHER)
    desk.switch(clock_skew=5.0)
    closed = desk.close("--verify", "none")
    assert closed.counts.get("unchanged", 0) == (3 if repeat == "noop" else 0), closed.err
    undone = desk.here("undo", closed.run, "--yes", "--json")
    assert undone.counts["done"] == len(ids) - 3, undone.err
    assert set(desk.open_ids()) == set(ids[3:])


def test_a_message_that_is_not_there_is_called_that(desk: Desk) -> None:
    """A note that is gone from the thread: the account speaks of the message, not of the state."""
    where = ["--where", "team = 5001 and state = open", "--limit", "2"]
    noted = desk.here("conversations", "note", "--body", "Look", *where, "--yes", "--json")
    desk.box.reset()
    looked = desk.here("verify", noted.run, "--json")
    assert (looked.code, {row["is"] for row in looked.json["verified"]["wrong"]}) == (6, {"the message was not found"}), looked.err


def test_an_undo_that_restored_nothing_says_so(desk: Desk) -> None:
    """Every item has changed since: exit 0, and the first line is no success."""
    closed = desk.close("--limit", "3")
    desk.box.touch([str(row["id"]) for row in desk.box.conversations(team=5001, state="closed")], "reopen", admin_id=OTHER)
    undone = desk.here("undo", closed.run, "--yes")
    assert undone.code == 0
    assert "! Nothing restored: all 3 changed since" in undone.err
