"""How many items are selected is judged once: message, counts, list and page agree, and nothing is added after the account."""

from __future__ import annotations

import json

import pytest

from .desk import QUERY, Desk


@pytest.mark.parametrize("guard", [["--max", "100"], ["--expect", "7"]], ids=" ".join)
def test_a_guard_that_judges_what_was_announced(desk: Desk, guard: list[str]) -> None:
    """The second page of the search is slow: what the guard counted is what all say, and no reader goes on behind its back."""
    desk.box.add_conversations(200, team=5001, state="open")
    total = len(desk.open_ids())
    desk.box.fault("slow", on="search", after=1, seconds=0.3)
    stopped = desk.close(*guard)
    assert stopped.code == 5 and f"{total:,} items are selected" in stopped.json["error"]["message"]
    assert stopped.counts == {"selected": total, "pending": total}
    asked = len(desk.box.log(1000))
    shown = desk.here("runs", "show", stopped.run, "--json").json
    assert (shown["counts"], shown["search"]) == (stopped.json["counts"], stopped.json["search"])
    assert shown["search"]["seen"] <= total and f"\t{total}\t" in desk.here("runs", "list").out
    assert "were read before it stopped" not in stopped.err
    assert len(desk.box.log(1000)) == asked


@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["run", "dry run"])
def test_a_run_whose_search_was_never_answered(desk: Desk, more: list[str]) -> None:
    """No page came: that nothing matched is not known, and nobody says so."""
    desk.box.fault("redirect", on="search")
    answer = desk.here("conversations", "close", "--where", QUERY, "--yes", "--progress", "none", *more)
    assert answer.code == 7 and "no page of it was read, so how many match is not known" in answer.err + answer.out
    shown = desk.here("runs", "show", "latest")
    assert "how many match is not known" in shown.out and "Nothing matched" not in shown.out
    told = json.loads(desk.here("runs", "show", "latest", "--json").out)
    assert told["search"]["total"] is None and told["search"]["complete"] is False
