"""What acting does to the search: whatever the order, the lag and the paging, every item once and no new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .desk import Desk

SANDBOX = {"conversations": 300, "latency": 0.005, "limit": 20_000, "workspace_limit": 50_000}

SWITCHES: dict[str, dict[str, Any]] = {
    "sort honoured": {},
    "newest first": {"default_order": "created_at desc"},
    "oldest change first": {"default_order": "updated_at asc"},
    "sort ignored, lag": {"sort": "ignored", "index_lag": 1.0},
    "sort rejected": {"sort": "rejected"},
    "hidden for a pass": {"hide_share": 0.1},
    "hidden for a search, lag": {"hide_share": 0.1, "hide_until": "search", "index_lag": 0.5},
    "offsets": {"cursor": "offset"},
    "offsets, lag": {"cursor": "offset", "index_lag": 0.5, "default_order": "updated_at asc"},
    "offsets, hidden": {"cursor": "offset", "hide_share": 0.05},
    "shuffled": {"cursor": "shuffled"},
}

SLOW = {"newest first", "sort rejected", "offsets", "hidden for a pass", "shuffled"}


@pytest.fixture
def many(desk: Desk) -> Callable[..., list[str]]:
    """A workspace with so many open conversations of the team that a search takes four pages."""

    def make(**switches: Any) -> list[str]:
        desk.switch(index_lag=0.0)
        desk.box.add_conversations(350, team=5001, state="open")
        desk.switch(**switches)
        return desk.open_ids()

    return make


@pytest.mark.parametrize(
    "switches",
    [pytest.param(value, id=name, marks=pytest.mark.slow if name in SLOW else ()) for name, value in SWITCHES.items()],
)
def test_every_item_that_matched_is_acted_on_once(desk: Desk, many: Callable[..., list[str]], switches: dict[str, Any]) -> None:
    """Closing changes what the search finds; still each conversation that matched is closed exactly once."""
    ids = many(**switches)
    answer = desk.close("--max", "100%")
    assert (answer.code, answer.counts.get("done")) == (0, len(ids)), answer.err
    desk.once("close", ids)
    assert not desk.open_ids()
    if "hide_share" in switches:
        assert answer.json["verified"]["passes"] > 1


def test_what_comes_in_during_a_run_is_left_alone(desk: Desk, many: Callable[..., list[str]]) -> None:
    """Conversations created after the run began do not belong to it: still open at the end, and counted as new."""
    ids = many(latency=0.1)
    process = desk.start("conversations", "close", "--where", "team = 5001 and state = open", "--yes", "--max", "1000",
                         "--json", "--workers", "8")
    while desk.writes() < 30 and process.poll() is None:
        pass
    # Times are whole seconds: what is created within the second in which a run began is taken for its own.
    fresh = desk.box.add_conversations(5, team=5001, state="open", created_at=int(desk.box.stats()["now"]) + 1)
    desk.box.control(latency=0.0)
    answer = desk.wait(process)
    assert (answer.code, answer.counts.get("done")) == (0, len(ids)), answer.err
    desk.once("close", ids)
    assert sorted(desk.open_ids()) == sorted(fresh)
    assert answer.json["verified"]["explained"]["new since the run began"] >= 5
