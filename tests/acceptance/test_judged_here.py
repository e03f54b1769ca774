"""Conditions that Intercom cannot judge, on the items that its narrower search finds."""

from __future__ import annotations

import json

import pytest

from .desk import Desk

SANDBOX = {"conversations": 150, "companies": 90, "tickets": 60, "latency": 0.0, "jitter": 0.0}
PLAIN = ("--json", "--progress", "none")
OWN = """
from intercom_bulk_updater import IntercomBulkUpdater

class Mark(IntercomBulkUpdater):
    def get_search_endpoint(self): return {endpoint!r}
    def get_search_query(self, **_): return {{}}
    def get_item_id(self, item): return item["id"]
    def perform_action(self, item_id, **_):
        return self.client.put({path!r}.format(item_id), {body!r})
"""


@pytest.fixture
def wanted(desk: Desk) -> list[str]:
    """Five open conversations of Support get a title that others of another state and team have too."""
    mine = sorted(desk.open_ids())[:5]
    others = [str(one["id"]) for one in desk.box.conversations(state="closed")][:3]
    (desk.home / "titled").write_text("\n".join([*mine, *others]))
    assert desk.here("conversations", "set", "title=Refund of an order", "--ids", "titled", "--yes", *PLAIN).code == 0
    return mine


WHERE = "team = Support and state = open and title ~ Refund"


def test_find_count_and_explain(desk: Desk, wanted: list[str]) -> None:
    """What is found is what matches; said is which part Intercom judged."""
    found = desk.here("conversations", "find", "--where", WHERE, "--json")
    assert sorted(one["id"] for one in found.json["items"]) == wanted
    assert (found.json["count"], found.json["total"], found.json["complete"]) == (5, 5, True)
    assert desk.here("conversations", "find", "--where", WHERE, "--count").out == "5\n"
    cut = desk.here("conversations", "find", "--where", WHERE, "--limit", "2", "--json")
    assert (cut.json["count"], cut.json["complete"]) == (2, False)
    told = desk.here("conversations", "find", "--where", WHERE, "--explain", "--json").json
    assert [one["field"] for one in told["query"]["value"]] == ["team_assignee_id", "state"]
    assert [one["field"] for one in told["here"]["value"]] == ["title"]
    words = desk.here("conversations", "find", "--where", WHERE, "--explain").out
    assert "Intercom cannot search by title: judged here, on what the rest finds" in words and "and judges here" in words


def test_a_run_acts_on_no_other(desk: Desk, wanted: list[str]) -> None:
    """Dry run, guards, run and verification see the same items; the number is exact before the first write."""
    dry = desk.here("conversations", "tag", "--where", WHERE, "--tag", "7003", "--dry-run", *PLAIN)
    assert dry.counts["selected"] == 5, dry.err
    refused = desk.here("conversations", "tag", "--where", WHERE, "--tag", "7003", "--yes", "--expect", "4", *PLAIN)
    assert refused.code == 5 and "5 items are selected" in refused.err
    done = desk.here("runs", "resume", refused.run, "--expect", "5", "--yes", *PLAIN)
    assert done.code == 0 and done.counts["selected"] == 5 and done.json["verified"]["remaining"] == 0, done.err
    assert done.json["run"]["selection"]["words"].endswith("judged here, on what the rest finds)")
    tagged = [str(one["id"]) for one in desk.box.conversations() if 7003 in one["tags"]]
    assert set(wanted) <= set(tagged)
    assert set(desk.box.audit()["kinds"]["tag"].get("twice", [])) == set()


@pytest.mark.parametrize(("endpoint", "path", "body", "where", "expected"), [
    ("conversations/search", "conversations/{}", {"title": "Mine"}, WHERE, 5),
    ("companies/list", "companies/{}", {"plan": "Mine"}, "plan = Pro", None),
])  # fmt: skip
def test_an_updater_of_ones_own_acts_on_no_other(
    desk: Desk, wanted: list[str], endpoint: str, path: str, body: dict[str, str], where: str, expected: int | None
) -> None:
    """--where in place of the updater's own search: what is judged here counts there, too."""
    (desk.home / "mine.py").write_text(OWN.format(endpoint=endpoint, path=path, body=body))
    expected = expected or int(desk.here("companies", "find", "--where", where, "--count").out)
    assert 0 < expected < 20
    written = desk.writes()
    done = desk.here("run", "mine.py:Mark", "--where", where, "--yes", "--max", "100%", *PLAIN)
    assert done.code == 0 and done.counts["selected"] == expected, done.err
    assert desk.writes() - written == expected


def test_the_number_that_people_see_finds_its_ticket(desk: Desk) -> None:
    """Nothing narrows the search, so all tickets are read, and that is said."""
    ticket = desk.box.tickets()[5]["id"]
    number = desk.box.ticket(ticket)["ticket_id"]
    found = desk.here("tickets", "find", "--where", f"number = {number}", "--json")
    assert [one["id"] for one in found.json["items"]] == [str(ticket)]
    assert "all tickets are read" in found.json["selection"]
    below = desk.here("tickets", "find", "--where", f"number < {number} and number != 1", "--json")
    numbers = {str(one["id"]): int(desk.box.ticket(one["id"])["ticket_id"]) for one in desk.box.tickets()}
    wanted = {one for one, shown in numbers.items() if 1 < shown < int(number)}
    assert {one["id"] for one in below.json["items"]} == wanted and wanted, below.err


def test_what_only_intercom_knows_is_not_joined_with_what_it_does_not(desk: Desk) -> None:
    """Refused with the way out, before anything is searched."""
    refused = desk.here("conversations", "find", "--where", "body = refund or title ~ refund")
    assert refused.code == 2 and "two runs" in refused.err
    assert not any(line["path"].endswith("/search") for line in desk.box.log(100))


def test_body_says_what_is_searched(desk: Desk) -> None:
    """Only the first message."""
    told = desk.here("conversations", "find", "--where", "body = refund", "--explain", "--json")
    assert "the first message (Intercom searches no other) has the word refund" in json.dumps(told.json)
