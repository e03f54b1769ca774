"""Every way that a run takes, from the library call to the server's books, without a socket."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater.errors import RunStopped, SafetyStop, SearchError, UsageError
from intercom_bulk_updater.service.run import Run

from .network import MemorySandbox

WHERE = "team = Support and state = open"
FEW: dict[str, Any] = {"limit": 3, "workers": 1}
CONSENT: dict[str, Any] = {"customer_visible": True, "irreversible": True}
TRIPS: dict[str, tuple[dict[str, Any], bool]] = {
    # A verb, with what it needs; whether undo takes it back.
    "conversations.close": ({"where": WHERE}, True),
    "conversations.snooze": ({"where": WHERE, "until": "+3d"}, True),
    "conversations.assign": ({"where": WHERE, "to_team": "Billing", "keep_state": True}, True),
    "conversations.tag": ({"where": WHERE, "tag": ["whole"], "create_tag": True}, True),
    "conversations.set": ({"where": WHERE, "values": {"title": "Seen"}}, True),
    "conversations.reply": ({"where": WHERE, "body": "We are back."}, False),
    "conversations.note": ({"where": WHERE, "body": "Seen."}, False),
    "conversations.redact": ({"where": WHERE, "all": True}, False),
    "conversations.delete": ({"where": WHERE}, False),
    "contacts.set": ({"where": "role = lead", "values": {"name": "Guest"}}, True),
    "contacts.tag": ({"where": "role = user", "tag": ["whole"], "create_tag": True}, True),
    "companies.set": ({"where": "name ~ a", "values": {"plan": "Trial"}}, True),
    "tickets.set": ({"where": "open = true", "values": {"_default_title_": "Seen"}}, True),
}


@pytest.mark.parametrize("verb", TRIPS)
def test_a_verb_goes_there_and_back(box: MemorySandbox, verb: str, tmp_path: Path) -> None:
    """Preview, plan, apply, verify, undo: each counts the same items, and only the undo of what has no way back is refused."""
    given, undoable = TRIPS[verb]
    seen = bulk.preview(verb, **FEW, **given)
    assert (seen.selected, seen.would_change) == (3, 3)
    planned = bulk.plan(verb, file="p.jsonl", limit=3, **given)
    assert (planned.kind, planned.counts.pending) == ("dry_run", 3)
    done = bulk.apply("p.jsonl", workers=1, **CONSENT)
    assert (done.kind, done.counts.done, done.ok) == ("apply", 3, True), done.report()
    assert done.verify("all", workers=1)["remaining"] in (0, None)
    assert done.verify("sample", workers=1)["level"] == "sample"
    if undoable:
        assert done.undo(dry_run=True).counts.pending == 3
        back = done.undo(workers=1)
        assert (back.kind, back.counts.done) == ("undo", 3), back.report()
        assert done.undo(workers=1).counts.done == 0
    else:
        with pytest.raises(SafetyStop):
            done.undo(workers=1, **CONSENT)


def test_a_run_is_a_run(box: MemorySandbox, tmp_path: Path) -> None:
    """What a run says of itself, in all its forms."""
    heard: list[str] = []
    run = bulk.run("conversations.close", WHERE, on_event=lambda event: heard.append(str(event["event"])), **FEW)
    assert bulk.open_run("latest") == run and [one.id for one in bulk.runs(limit=1)] == [run.id] and hash(run)
    assert (run.status, run.operation, run.counts.done) == ("finished", "conversations.close", 3)
    assert len(list(run.items())) == len(list(run.items("done"))) == 3 and not list(run.items("failed"))
    assert {"run.done", "progress"} <= set(heard) and not run.events() and "3 done" in repr(run) and "<table" in run._repr_html_()
    for file in ("report.html", "report.json"):
        run.report(file, with_bodies=True)
        assert Path(file).stat().st_size
    assert json.loads(Path("report.json").read_text())["counts"]["done"] == 3
    for wrong in (lambda: run.report("report.txt"), lambda: run.items("dune"), run.pause, run.cancel, lambda: run.speed(share="50%")):
        with pytest.raises(UsageError):
            wrong()
    assert run.resume().counts.done == 3
    with pytest.raises(UsageError):
        run.retry(only="429")


@pytest.mark.parametrize("way", ["ids", "file", "csv", "rows", "query", "query file", "from_run", "narrowed", "exclude", "nothing"])
def test_a_selection(box: MemorySandbox, way: str, tmp_path: Path) -> None:
    """Each way to say which items; a fourth item is in none of them."""
    ids = [str(row["id"]) for row in box.conversations(team=5001, state="open")]
    three = ids[:3]
    query = {"operator": "AND", "value": [
        {"field": "team_assignee_id", "operator": "=", "value": 5001}, {"field": "state", "operator": "=", "value": "open"},
    ]}
    link = f"https://app.intercom.com/a/inbox/sandbox1/inbox/shared/all/conversation/{three[1]}"
    Path("ids.txt").write_text("\n".join([*three, three[0], link]))
    Path("query.json").write_text(json.dumps(query))
    with Path("sheet.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "team"), *((one, "Billing") for one in three)])
    verb, selection, count = "conversations.close", {}, 3
    if way == "ids":
        selection = {"ids": three}
    elif way == "file":
        selection = {"ids": Path("ids.txt")}
    elif way == "csv":
        verb, selection = "conversations.assign", {"csv": Path("sheet.csv"), "to_team": "{{team}}"}
    elif way == "rows":
        verb, selection = "conversations.assign", {"csv": [{"id": one, "team": "Billing"} for one in three], "to_team": "{{team}}"}
    elif way == "query":
        selection, count = {"query": query}, len(ids)
    elif way == "query file":
        selection, count = {"query": Path("query.json")}, len(ids)
    elif way in ("from_run", "narrowed"):
        box.fault("status", status=422, ids=three, on="write")
        first = bulk.run(verb, WHERE, verify="none", workers=2)
        assert first.counts.failed == 3
        box.clear_faults()
        selection = {"from_run": first, **({"where": "state = open"} if way == "narrowed" else {})}
    elif way == "exclude":
        first = bulk.run(verb, ids=three, dry_run=True)
        selection, count = {"where": WHERE, "exclude": Path("ids.txt"), "exclude_run": first.id}, len(ids) - 3
    else:
        selection, count = {"where": "team = Support and state = snoozed and tag = nosuch"}, 0
        with pytest.raises(UsageError):
            bulk.run(verb, **selection)
        selection = {"where": "team = Support and state = closed and subject ~ zzzz"}
    run = bulk.run(verb, workers=2, verify="none", **selection)
    assert run.counts.selected == run.counts.done + run.counts.unchanged == count, run.report()


def test_find(box: MemorySandbox) -> None:
    """What is found is what would be selected, with the columns that are asked for; what cannot be searched is listed."""
    ids = [str(row["id"]) for row in box.conversations(team=5001, state="open")]
    assert {row["id"] for row in bulk.find("conversations", WHERE)} == set(ids)
    columns = ["id", "link", "subject", "team", "assignee", "tags", "contact", "source.type"]
    rows = list(bulk.find("conversations", WHERE, columns=columns, limit=4, workers=1))
    assert len(rows) == 4 and list(rows[0]) == columns and {row["team"] for row in rows} == {"Support"}
    assert [row["id"] for row in bulk.find("conversations", ids=ids[:2])] == ids[:2]
    assert [row["id"] for row in bulk.find("conversations", csv=[{"id": ids[0]}, {"id": ids[0]}])] == ids[:1]
    assert len(list(bulk.find("companies"))) == 12
    assert 0 < len(list(bulk.find("companies", "name ~ a"))) <= 12
    person = next(row for row in box.contacts() if row["email"])
    assert [row["id"] for row in bulk.find("contacts", csv=[{"email": person["email"]}], id_column="email")] == [person["id"]]
    with pytest.raises(UsageError):
        next(iter(bulk.find("articles", "x = 1")))


VALUES: list[tuple[dict[str, Any], str, Any]] = [
    ({"plan": "pro"}, "plan", "pro"), ({"plan": None}, "plan", None), ({"seats": 7}, "seats", 7), ({"seats": "8"}, "seats", 8),
    ({"paid_subscriber": True}, "paid_subscriber", True), ({"custom_attributes.paid_subscriber": "no"}, "paid_subscriber", False),
    ({"renews_at": "2031-02-03"}, "renews_at", None), ({"renews_at": ""}, "renews_at", None),
]  # fmt: skip


@pytest.mark.parametrize(("values", "name", "value"), VALUES)
def test_a_value_has_the_type_of_its_attribute(box: MemorySandbox, values: dict[str, Any], name: str, value: Any) -> None:
    """What is typed is written as Intercom's own description of the attribute wants it."""
    run = bulk.run("contacts.set", "role = user", values=values, verify="none", **FEW)
    written = box.contact(next(run.items()).id)["custom_attributes"].get(name)
    assert written == value or (name == "renews_at" and (value is None) == (written is None or values[name] != ""))


def test_columns(box: MemorySandbox) -> None:
    """Each resource has its own; what people call an item's team, state and tags, and what nobody has is refused."""
    for resource, columns in {
        "contacts": ["id", "link", "owner", "tags", "tag_ids", "type", "created", "custom_attributes.plan"],
        "tickets": ["id", "link", "state", "type", "team", "assignee", "contact_ids", "subject"],
        "companies": ["id", "link", "name", "tags", "plan"],
    }.items():
        rows = list(bulk.find(resource, ids=[str(row["id"]) for row in getattr(box, resource)()][:2], columns=columns))
        assert [list(row) for row in rows] == [columns, columns] and all(row["id"] in row["link"] for row in rows)
    for wrong in ("team", ["nobody_has_it"]):
        with pytest.raises(UsageError):
            list(bulk.find("conversations", WHERE, columns=wrong, limit=1))


def test_a_cursor_that_died(box: MemorySandbox) -> None:
    """The search broke off on its second page; the resume begins at that page, or from the first where its cursor is gone."""
    more = box.add_conversations(160, team=5001, state="open")
    box.fault("status", status=500, on="search", after=1)
    with pytest.raises((SearchError, RunStopped)) as ended:
        bulk.run("conversations.close", WHERE, retries=0, patience=5, workers=4, verify="none")
    box.clear_faults()
    box.fault("status", status=404, on="search", body="starting_after", count=1)
    run: Run = ended.value.run  # type: ignore[attr-defined]
    assert run.resume(verify="none").counts.done >= len(more)


def test_pages_are_walked(box: MemorySandbox) -> None:
    """A selection of several pages, read while it is acted on, in small pages."""
    more = box.add_conversations(160, team=5001, state="open")
    run = bulk.run("conversations.close", WHERE, workers=4)
    assert run.counts.done >= len(more) and run.report()["search"]["complete"]
    assert isinstance(run, Run) and not box.conversations(team=5001, state="open")
