"""Items of several writes of which the first stands and the second is refused: in doubt, told as such, finished or taken back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.api.retry import RetryPolicy
from intercom_bulk_updater.api.transport import HttpTransport
from intercom_bulk_updater.engine.attempt import Attempt
from intercom_bulk_updater.engine.decide import Known
from intercom_bulk_updater.engine.processor import ItemProcessor
from intercom_bulk_updater.model import Item
from intercom_bulk_updater.operations.conversations.tags import Tag
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.stop import Stop

from .desk import Desk

SANDBOX = {"conversations": 40, "tickets": 20, "contacts": 20, "latency": 0.0, "jitter": 0.0}
TWO = ("--tag", "7003", "--tag", "7004")
ONE_BY_ONE = ("--yes", "--json", "--progress", "none", "--workers", "1", "--max-failures", "100%")
VERBS = {
    "conversations assign": ("state = open and team != 5003 and assignee != 991267702", ("--to-team", "5003", "--to-admin", "991267702")),
    "contacts untag": ("role = user", TWO),
    "tickets tag": ("open = true", TWO),
    "tickets link": ("type = Incident", ("--conversation", "{0}", "--conversation", "{1}")),
}
PART = "part of the change stands"
UPDATER = """
from intercom_bulk_updater import IntercomBulkUpdater

class TwoWrites(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "conversations/search"
    def perform_action(self, item_id, **_):
        self.client.post(f"conversations/{item_id}/tags", {"id": "7003", "admin_id": self.admin_id})
        raise ValueError("no")
"""


@pytest.mark.parametrize("verb", VERBS)
def test_what_stands_in_part_is_in_doubt_and_every_face_says_so(desk: Desk, verb: str) -> None:
    """Counts, screen, list, report and export agree; undo takes the part back; what is gone on with does the rest only."""
    where, given = VERBS[verb]
    noun, name = verb.split()
    if name == "untag":
        assert desk.here(noun, "tag", "--where", where, "--limit", "3", *given, *ONE_BY_ONE).code == 0
        where += " and tag = 7003"
    given = tuple(one.format(*desk.open_ids()) for one in given)
    many = 1 if name == "link" else 3  # a conversation has one tracker at most
    chosen = desk.here(noun, "find", "--where", where, "--limit", str(many), "--columns", "id", "--jsonl").out.splitlines()
    ids = [str(row["id"]) for row in map(json.loads, chosen) if "id" in row]
    (desk.home / "ids").write_text("\n".join(ids))
    typed = (noun, name, "--ids", "ids", *given, *ONE_BY_ONE)
    desk.box.fault("status", status=422, on="write", every=2)
    answer = desk.here(*typed, "--report", "r.html")
    desk.box.clear_faults()
    assert (answer.code, answer.counts) == (3, {"selected": many, "in_doubt": many}), answer.err
    assert [(one["outcome"], one["count"], one["partly"]) for one in answer.json["failures"]] == [("in_doubt", many, many)]
    assert "had gone through before" in answer.json["failures"][0]["example"]["message"]
    faces = (answer.err, desk.here("runs", "show", answer.run).out, (desk.home / "r.html").read_text("utf-8"))
    assert all(PART in " ".join(face.split()) for face in faces), faces[0]
    undone = desk.here("undo", answer.run, *ONE_BY_ONE[:4])
    assert (undone.code, undone.counts) == (0, {"selected": many, "done": many}), undone.err
    desk.box.fault("status", status=422, on="write", every=2)
    again = desk.here(*typed)
    desk.box.clear_faults()
    before = desk.box.log(1000)
    on = desk.here("runs", "resume", again.run, *ONE_BY_ONE[:4])
    assert (on.code, on.counts) == (0, {"selected": many, "done": many}), on.err
    writes = [line for line in desk.box.log(1000)[len(before):] if line["method"] != "GET" and not line["path"].endswith("/search")]
    # Intercom shows no tags of a ticket: both are sent, which comes to the same.
    assert len(writes) == (6 if verb == "tickets tag" else many), writes


def test_an_action_that_breaks_off_after_a_write_is_told_with_its_part(desk: Desk) -> None:
    """A person's own code: what was seen leaving counts."""
    (desk.home / "mine.py").write_text(UPDATER)
    (desk.home / "ids").write_text("\n".join(desk.open_ids()[:3]))
    answer = desk.here("run", "mine.py:TwoWrites", "--ids", "ids", *ONE_BY_ONE)
    assert (answer.code, answer.counts) == (3, {"selected": 3, "in_doubt": 3}), answer.err
    assert [one["partly"] for one in answer.json["failures"]] == [3]


def test_a_part_that_a_look_has_shown_is_not_forgotten_by_a_stop() -> None:
    """One of two tags was found on it, and the run ended before the second was sent: it goes back as one to be looked at."""
    stop = Stop()
    client = Client(HttpTransport("http://127.0.0.1:1", {}, timeout=1), RateLimiter(Budget(), stop))
    processor = ItemProcessor(Tag(["7001", "7004"]), client, stop, RetryPolicy(2))
    looked = Attempt(Item(1, "215", before={"tags": []}), known=Known(requests=1), partial_after={"tags": ["7001"]})
    assert processor.put_back(looked).doubt and not processor.put_back(replace(looked, partial_after=None)).doubt
