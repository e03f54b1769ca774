"""Where a file is to be written that is not a file, or a link to one; and what an inherited method takes."""

from __future__ import annotations

import os

from .desk import QUERY, Desk

SANDBOX = {"conversations": 60, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.001, "jitter": 0}
PLAIN = ("--json", "--progress", "none")
CLASSES = """
from intercom_bulk_updater import IntercomBulkUpdater


class Base(IntercomBulkUpdater):
    def get_search_endpoint(self): return "conversations/search"
    def get_search_query(self, **more): return {"field": "state", "operator": "=", "value": "open"}
    def get_item_id(self, item): return item["id"]
    def perform_action(self, item_id, **more): return {}


class Narrow(Base):
    def get_search_query(self): return {"field": "state", "operator": "=", "value": "open"}
    def perform_action(self, item_id): return {}


class Handing(Base):
    def get_search_query(self, **more): return super().get_search_query(**more)
"""


def test_a_pipe_is_not_lost_under_a_file(desk: Desk) -> None:
    """A plan, a report and a list are refused where a pipe or a device stands; it is still there."""
    for name in ("plan.jsonl", "report.html", "list.csv"):
        os.mkfifo(desk.home / name)
    close = ("conversations", "close", "--where", QUERY, *PLAIN)
    for command in (
        (*close, "--plan", "plan.jsonl"), (*close, "--yes", "--report", "report.html"),
        ("conversations", "find", "--where", QUERY, "-o", "list.csv"),
    ):
        refused = desk.here(*command)
        assert refused.code == 2 and "pipe" in refused.err, refused.err
    assert all((desk.home / name).is_fifo() for name in ("plan.jsonl", "report.html", "list.csv"))
    assert not desk.writes()


def test_what_a_link_leads_to_is_written(desk: Desk) -> None:
    """The link stays."""
    (desk.home / "list.csv").symlink_to(desk.home / "real.csv")
    found = desk.here("conversations", "find", "--where", QUERY, "-o", "list.csv")
    assert found.code == 0 and (desk.home / "list.csv").is_symlink(), found.err
    assert (desk.home / "real.csv").read_text().count("\n") == len(desk.open_ids()) + 1


def test_a_method_that_was_overridden_takes_nothing_more(desk: Desk) -> None:
    """What stands behind a method without **kwargs gets no parameter, so that a misspelled one is refused; one that hands on takes it."""
    (desk.home / "mine.py").write_text(CLASSES)
    refused = desk.here("run", "mine.py:Narrow", "--param", "x=1", "--yes", *PLAIN)
    assert refused.code == 2 and "x" in refused.err and not desk.writes(), refused.err
    assert desk.here("run", "mine.py:Handing", "--param", "x=1", "--dry-run", *PLAIN).code == 0


def test_redacting_goes_on_after_a_lost_answer_in_its_middle(desk: Desk) -> None:
    """Redacting twice ends in the same state: what was cut off is looked at and finished within the run."""
    ids = desk.open_ids()[:6]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("drop_after", on="write", every=3)  # not by chance: four in a row would be the end of the item
    done = desk.here("conversations", "redact", "--ids", "ids", "--all", "--irreversible", "--yes", "--workers", "1", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 6, "done": 6}), done.err
    assert desk.box.faults()[0]["fired"] >= 2
    for one in ids:
        shown = desk.box.conversation(one)["conversation_parts"]["conversation_parts"]
        assert all(part["redacted"] for part in shown if part["part_type"] in ("comment", "note"))
