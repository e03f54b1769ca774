"""What is written in a filter or a file means one thing: types from the workspace, one id for one item, no silent zero."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.request import Request, urlopen

import pytest

from intercom_bulk_updater.errors import SafetyStop
from intercom_bulk_updater.operations.registry import build
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.runs.runner import Job, Runner
from intercom_bulk_updater.runs.session import open_session
from intercom_bulk_updater.runs.sources import ListSource
from intercom_bulk_updater.runs.undo import inverse_of, undo_items
from intercom_bulk_updater.settings import load
from intercom_bulk_updater.stop import Stop

from .desk import QUERY, Desk

SANDBOX = {"conversations": 60, "contacts": 40, "limit": 50_000, "workspace_limit": 100_000, "latency": 0.0, "jitter": 0}
PLAIN = ("--json", "--progress", "none")


def found(desk: Desk, where: str, noun: str = "conversations") -> list[str]:
    answer = desk.here(noun, "find", "--where", where, "--json")
    assert answer.code == 0, answer.err
    return [item["id"] for item in answer.json["items"]]


def put(desk: Desk, conversation: str, **attributes: Any) -> None:
    pairs = [f"{name}={value}" for name, value in attributes.items()]
    (desk.home / "one").write_text(conversation)
    assert desk.here("conversations", "set", *pairs, "--ids", "one", "--yes", *PLAIN).code == 0


def test_a_literal_has_the_type_of_its_attribute(desk: Desk) -> None:
    """On a text attribute 00123, true and 2026-01-01 are texts: in comparisons and in lists."""
    ids = desk.open_ids()[:4]
    for conversation, value in zip(ids, ("00123", "123", "true", "2026-01-01"), strict=True):
        put(desk, conversation, order_id=value)
    for where, wanted in (
        ("custom_attributes.order_id = 00123", ids[:1]),
        ("custom_attributes.order_id = 123", ids[1:2]),
        ("custom_attributes.order_id in (00123, 123)", ids[:2]),
        ("custom_attributes.order_id = true", ids[2:3]),
        ("custom_attributes.order_id = 2026-01-01", ids[3:]),
        ("custom_attributes.order_id in (true, 2026-01-01)", ids[2:]),
        ("custom_attributes.issue_type = bug and custom_attributes.order_id = nothing", []),
    ):
        assert sorted(found(desk, where)) == sorted(wanted), where
    before = desk.box.stats()["requests"]
    found(desk, "state = open")
    assert desk.box.stats()["requests"] - before == 2, "attributes are read only for a filter that names one"


@pytest.mark.parametrize(
    ("noun", "where", "said"),
    [
        ("conversations", "custom_attributes.refund_amount = much", "refund_amount is a whole number, and 'much' is not one"),
        ("conversations", "custom_attributes.reviewed = 7", "reviewed is true or false, not '7'"),
        ("conversations", "custom_attributes.order_id > 7", "order_id is a text: it does not take >"),
        ("conversations", "custom_attributes.issue_type = Bugs", "no option 'Bugs'. Nearest: Bug"),
        ("contacts", "custom_attributes.seats = many", "seats is a whole number"),
        ("contacts", "custom_attributes.renews_at ~ 2026", "renews_at is a date, matched by whole days: it does not take ~"),
        ("contacts", "custom_attributes.paid_subscriber = gold", "true or false"),
    ],
)
def test_a_literal_of_another_type_is_refused_by_the_type(desk: Desk, noun: str, where: str, said: str) -> None:
    """The error names the attribute and the type that the workspace gives it."""
    answer = desk.here(noun, "find", "--where", where)
    assert answer.code == 2 and said in answer.err, answer.err


def test_ids_with_zeros_before_them_are_one_item(desk: Desk) -> None:
    """Leading zeros, spaces and a byte order mark make no second item: done once, said once, left out when excluded."""
    one, two, three = desk.open_ids()[:3]
    (desk.home / "ids").write_text(f"\ufeff{one}\n00{one}\n {two}\n{two}\n0{three}\n", "utf-8")
    answer = desk.here("conversations", "note", "--body", "x", "--ids", "ids", "--yes", *PLAIN)
    assert (answer.code, answer.counts) == (0, {"selected": 3, "done": 3}), answer.err
    assert "2 ids stand more than once; each is done once." in answer.err
    assert answer.json["run"]["selection"]["words"] == "3 ids from ids"
    desk.once("note", [one, two, three])
    (desk.home / "single").write_text(f"000{one}")
    single = desk.here("conversations", "close", "--ids", "single", "--dry-run", *PLAIN)
    assert single.json["run"]["selection"]["words"] == "1 id from single"
    left = desk.here("conversations", "close", "--where", QUERY, "--exclude", "single", "--dry-run", *PLAIN)
    assert left.counts["selected"] == len(desk.open_ids()) - 1


def test_rows_with_two_spellings_of_one_id_must_agree(desk: Desk) -> None:
    """Two teams for one conversation are refused with both lines; the same values count as one row, which is said."""
    one = desk.open_ids()[0]
    assign = ("conversations", "assign", "--csv", "rows.csv", "--to-team", "{{team}}", "--dry-run", *PLAIN)
    (desk.home / "rows.csv").write_text(f"id,team\n{one},5002\n0{one},5003\n")
    refused = desk.here(*assign)
    assert refused.code == 2 and f"{one} stands in line 2 and, with other values, in line 3" in refused.err, refused.err
    (desk.home / "rows.csv").write_text(f"id,team\n{one},5002\n0{one},5002\n")
    agreed = desk.here(*assign)
    assert agreed.counts == {"selected": 1, "pending": 1} and "1 row stands more than once; it is done once." in agreed.err
    assert agreed.json["run"]["selection"]["words"] == "2 rows of rows.csv, for 1 of the conversations"


NOTES = """
from intercom_bulk_updater import IntercomBulkUpdater

class Notes(IntercomBulkUpdater):
    def get_search_endpoint(self): return "conversations/search"
    def get_search_query(self, **_): return {"field": "created_at", "operator": "<", "value": 1700000000000}
    def get_item_id(self, item): return item["id"]
    def perform_action(self, item_id, **_):
        return self.client.post(f"conversations/{item_id}/reply", json={
            "message_type": "note", "type": "admin", "admin_id": self.admin_id, "body": "x"})
"""


def test_an_updater_gets_one_id_for_one_item(desk: Desk) -> None:
    """Ids and rows for a person's own updater are told apart as those of the built-in verbs are."""
    one, two = desk.open_ids()[:2]
    (desk.home / "notes.py").write_text(NOTES)
    (desk.home / "ids").write_text(f"{one}\n0{one}\n{two}\n")
    (desk.home / "rows.csv").write_text(f"id\n{one}\n00{one}\n")
    for more, count in ((("--ids", "ids"), 2), (("--csv", "rows.csv"), 1)):
        answer = desk.here("run", "notes.py:Notes", *more, "--yes", *PLAIN)
        assert (answer.code, answer.counts) == (0, {"selected": count, "done": count}), answer.err
    assert desk.written("note")["writes"] == 3


def test_milliseconds_are_refused_with_what_was_meant(desk: Desk) -> None:
    """A limit in milliseconds would take the whole workspace: --where, --query and an updater's query name the seconds."""
    (desk.home / "notes.py").write_text(NOTES)
    leaf = {"field": "created_at", "operator": "<", "value": 1700000000000}
    for name, query in (("flat", leaf), ("deep", {"query": {"operator": "OR", "value": [{"operator": "AND", "value": [leaf]}]}}),
                        ("text", {**leaf, "value": "1700000000000"}), ("list", {**leaf, "operator": "IN", "value": [1, 1700000000000]})):
        (desk.home / f"{name}.json").write_text(json.dumps(query))
    for command in (
        ("conversations", "close", "--where", "created_at < 1700000000000", "--yes"),
        ("conversations", "find", "--where", "created_at < 1700000000000"),
        *(("conversations", "find", "--query", f"{name}.json") for name in ("flat", "deep", "text", "list")),
        ("run", "notes.py:Notes", "--yes"),
    ):
        answer = desk.here(*command)
        assert answer.code == 2 and "milliseconds" in answer.err and "1700000000" in answer.err, answer.err
        assert "2023-11-14" in answer.err.replace("\n", " "), answer.err


def test_a_contact_is_found_by_its_e_mail_or_external_id(desk: Desk) -> None:
    """An e-mail address stands for its contacts; one that nobody has is an error, never an empty selection."""
    people = [desk.box.conversation(row["id"])["contacts"]["contacts"][0] for row in desk.box.conversations()]
    contact, external = next((one["id"], one["external_id"]) for one in people if one.get("external_id"))
    headers = {"Authorization": f"Bearer {desk.box.token}", "Intercom-Version": "2.16"}
    with urlopen(Request(f"{desk.box.url}/contacts/{contact}", headers=headers)) as answer:
        email = json.load(answer)["email"]
    wanted = sorted(found(desk, f"contact = {contact}"))
    assert wanted
    assert sorted(found(desk, f"contact = {email}")) == wanted
    assert sorted(found(desk, f"contact in ({email}, {contact})")) == wanted
    assert sorted(found(desk, f"contact = '{external}'")) == wanted
    assert not set(wanted) & set(found(desk, f"contact != {email}"))
    assert found(desk, f"contact = {email}", "contacts") == [contact]
    for where in ("contact = nobody@nowhere.test", "contact = 'Ann Smith'"):
        refused = desk.here("conversations", "close", "--where", where, "--yes")
        assert refused.code == 2 and "There is no contact with the" in refused.err, refused.err
    for noun, field in (("tickets", "contact"), ("contacts", "id"), ("conversations", "conversation_rating.contact_id")):
        refused = desk.here(noun, "find", "--where", f"{field} = nobody@nowhere.test")
        assert refused.code == 2 and "There is no contact with the e-mail address" in refused.err, refused.err


def test_items_of_the_latest_run_are_those_of_no_dry_run(desk: Desk) -> None:
    """`--from-run latest` skips dry runs, and says which outcomes a run has when it has none of those asked for."""
    closed = desk.close("--limit", "5")
    assert desk.here("conversations", "tag", "--tag", "7003", "--where", QUERY, "--dry-run", *PLAIN).code == 0
    tag = ("conversations", "tag", "--tag", "7003", "--from-run", "latest", "--dry-run", *PLAIN)
    nothing = desk.here(*tag)
    assert nothing.counts == {} and f"{closed.run} has no failed items; --outcome done takes 5." in nothing.err, nothing.err
    assert desk.here(*tag, "--outcome", "done").counts["selected"] == 5


def test_a_limit_is_shown_with_what_matches(desk: Desk) -> None:
    """The preview of --limit names both numbers."""
    shown = desk.here("conversations", "close", "--where", QUERY, "--limit", "5", "--dry-run")
    assert f"5 conversations of {len(desk.open_ids())} that match" in " ".join(shown.err.split()), shown.err


def test_the_preview_of_an_undo_counts_what_still_is_as_the_run_left_it(desk: Desk) -> None:
    """Items that moved since are left out of the number that would change."""
    ids = desk.open_ids()[:6]
    (desk.home / "ids").write_text("\n".join(ids))
    run = desk.here("conversations", "close", "--ids", "ids", "--yes", *PLAIN).run
    desk.box.touch(ids[:2], "reopen")
    answer = desk.here("undo", run, "--dry-run", *PLAIN)
    assert (answer.json["review"]["would_change"], answer.counts.get("drifted")) == (4, 2), answer.out
    shown = desk.here("undo", run, "--dry-run")
    said = " ".join(shown.err.split())
    assert "would change 4" in said and "moved since 2" in said, shown.err


def test_a_canary_of_nothing_says_nothing(desk: Desk, tmp_path: Path) -> None:
    """Where nothing matched there was no canary to come through."""
    answer = desk.here("conversations", "close", "--where", "id = 1", "--canary", "20", "--yes", "--progress", "plain")
    assert answer.code == 0 and "canary" not in answer.err, answer.err
    few = desk.close("--canary", "2000")
    assert few.json["canary"]["items"] == few.counts["done"]


def test_the_question_of_an_undo_leaves_out_what_has_moved(desk: Desk) -> None:
    """Whoever is asked is told the number that will change, not the number that once did."""
    ids = desk.open_ids()[:6]
    (desk.home / "ids").write_text("\n".join(ids))
    run = desk.here("conversations", "close", "--ids", "ids", "--yes", *PLAIN).run
    desk.box.touch(ids[:2], "reopen")
    with patch.dict(os.environ, desk.env, clear=True), open_session(load(), Options(), Stop()) as session:
        parent = session.journal.run(run)
        session.workspace()
        was = build("conversations.close", parent.parameters)
        operation = inverse_of(was, run)
        record = session.journal.create_run(
            operation="conversations.undo", kind="undo", parameters=operation.parameters,
            selection={"kind": "run", "undo": True, "run": run, "words": "", "resource": "conversations"},
            workspace=parent.workspace, base_url=parent.base_url, admin_id=parent.admin_id, author="", settings={}, parent=run,
        )
        feed = ListSource(undo_items(session.journal, parent, was))
        runner = Runner(session, Job(record, operation, feed, Options(reread=True), ask=True))
        with pytest.raises(SafetyStop, match="Not confirmed"):
            runner.execute()
    assert runner.review is not None
    assert (runner.review.would_change, runner.review.drifted) == (4, 2)


@pytest.mark.parametrize("resource", ["conversations", "tickets"])
def test_find_names_teams_and_teammates_whatever_the_filter(desk: Desk, resource: str) -> None:
    """As with `team = Support`: no filter, raw query or pipe turns the names into numbers."""
    (desk.home / "q.json").write_text('{"field": "created_at", "operator": ">", "value": 1}')
    for how in (("--where", "created > 2000-01-01"), ("--query", "q.json")):
        found = desk.here(resource, "find", *how)
        assert found.code == 0 and "team 5" not in found.out and "admin 9" not in found.out, found.out
        assert "Support" in found.out or not found.out
