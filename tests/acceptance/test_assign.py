"""assign in one step: a team and no admin, an admin and no team; who is not named stays."""

from __future__ import annotations

from typing import Any

import pytest

from .desk import Desk

SANDBOX = {"conversations": 80, "latency": 0.0, "jitter": 0.0}
PLAIN = ("--json", "--progress", "none")
BEN, VIP = 991267702, 5004


def some(desk: Desk, state: str = "open") -> list[str]:
    """Conversations of Support with an admin, in the file `ids`."""
    rows = [one for one in desk.box.conversations(state=state, team=5001) if one["admin"]][:4]
    ids = [str(one["id"]) for one in rows]
    (desk.home / "ids").write_text("\n".join(ids))
    return ids


def assigned(desk: Desk, ids: list[str]) -> list[tuple[Any, Any]]:
    """Team and admin of each."""
    rows = {str(one["id"]): one for one in desk.box.conversations()}
    return [(rows[one]["team"] or 0, rows[one]["admin"] or 0) for one in ids]


@pytest.mark.parametrize(
    ("words", "team", "admin"),
    [
        (("--to-team", "VIP desk", "--no-admin"), VIP, 0),
        (("--to-admin", "Ben Okafor", "--no-team"), 0, BEN),
        (("--to-team", "VIP desk", "--to-admin", "me"), VIP, 991267700),
        (("--no-admin",), 5001, 0),
        (("--no-team",), 0, None),
        (("--to-team", "VIP desk"), VIP, None),
        (("--unassign",), 0, 0),
    ],
)
@pytest.mark.parametrize("clears", [False, True], ids=["team keeps the admin", "team clears the admin"])
def test_who_is_not_named_stays(desk: Desk, words: tuple[str, ...], team: int, admin: int | None, clears: bool) -> None:
    """Whatever the workspace does by itself; undo puts both back."""
    desk.switch(team_assign_clears_admin=clears)
    ids = some(desk)
    before = assigned(desk, ids)
    done = desk.here("conversations", "assign", *words, "--ids", "ids", "--yes", *PLAIN)
    assert done.code == 0, done.err
    assert assigned(desk, ids) == [(team, was if admin is None else admin) for _, was in before]
    assert desk.here("undo", done.run, "--yes", *PLAIN).code == 0
    assert assigned(desk, ids) == before


def test_the_preview_says_who_stays(desk: Desk) -> None:
    """By name; and that a closed conversation is reopened, unless --keep-state."""
    some(desk)
    shown = desk.here("conversations", "assign", "--to-team", "VIP desk", "--where", "admin = 'Ben Okafor' and team = Support", "--dry-run")
    assert "team: Support (5001) -> VIP desk (5004), admin: stays Ben Okafor (991267702)" in " ".join(shown.err.split()), shown.err
    ids = some(desk, "closed")
    shown = desk.here("conversations", "assign", "--to-team", "VIP desk", "--ids", "ids", "--dry-run")
    assert "state: closed -> open" in shown.err
    done = desk.here("conversations", "assign", "--to-team", "VIP desk", "--keep-state", "--ids", "ids", "--yes", *PLAIN)
    assert done.code == 0 and {desk.box.conversation(one)["state"] for one in ids} == {"closed"}
    some(desk, "closed")
    done = desk.here("conversations", "assign", "--to-team", "Billing", "--ids", "ids", "--yes", *PLAIN)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "needs --to-team"),
        (("--unassign", "--to-team", "Billing"), "alone"),
        (("--no-admin", "--to-admin", "me"), "exclude each other"),
    ],
)
def test_what_contradicts_itself_is_refused(desk: Desk, words: tuple[str, ...], said: str) -> None:
    """Before anything is asked."""
    some(desk)
    refused = desk.here("conversations", "assign", *words, "--ids", "ids", "--yes")
    assert refused.code == 2 and said in " ".join(refused.err.split()), refused.err
