"""export: whole items as files. A run like any other, so it is gone on with after anything, and no item is lost or written twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from intercom_bulk_updater.operations.export_page import as_html, as_text
from intercom_bulk_updater.operations.plain_text import plain

from .desk import QUERY, Desk, until

SANDBOX = {"conversations": 150, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.002, "jitter": 0}
PLAIN = ("--json", "--progress", "none")
SELECTIONS = {
    "conversations": ("--where", QUERY), "contacts": ("--where", "role = user"), "tickets": ("--where", "open = true"),
    "companies": ("--ids", "ids"),
}  # fmt: skip


def lines(path: Path) -> dict[str, dict[str, Any]]:
    """The items of a file, each there once."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({one["id"] for one in found}) == len(found)
    return {one["id"]: one for one in found}


def looked(desk: Desk) -> int:
    """How often a conversation was read."""
    return sum(line["method"] == "GET" and line["path"].startswith("/conversations/") for line in desk.box.log(1000))


@pytest.mark.parametrize("resource", SELECTIONS)
def test_each_item_is_there_whole_and_nothing_is_changed(desk: Desk, resource: str) -> None:
    """A dry run writes no file; the export asks nobody, has every item as a GET gives it, and leaves Intercom as it was."""
    (desk.home / "ids").write_text("\n".join(str(one["id"]) for one in desk.box.companies()))
    export = (resource, "export", *SELECTIONS[resource], "-o", "all.jsonl", *PLAIN)
    looked = desk.here(*export, "--dry-run")
    assert looked.code == 0 and not (desk.home / "all.jsonl").exists(), looked.err
    done = desk.here(*export)
    found = lines(desk.home / "all.jsonl")
    assert (done.code, done.counts) == (0, {"selected": len(found), "done": len(found)}), done.err
    assert looked.counts == {"selected": len(found), "pending": len(found)} and desk.writes() == 0
    assert done.json["next"] == [f"intercom-bulk runs show {done.run}"]
    key, one = next(iter(found.items()))
    held = {"conversations": desk.box.conversation, "contacts": desk.box.contact, "companies": desk.box.company, "tickets": desk.box.ticket}
    if resource == "conversations":
        assert one == held[resource](key) and one["conversation_parts"]["conversation_parts"]
    assert one["type"] == resource[:-1].replace("companie", "company")
    undone = desk.here("undo", done.run, "--yes")
    assert undone.code == 5 and "changes nothing in Intercom" in undone.err


def test_a_contact_has_all_its_notes_and_tags(desk: Desk) -> None:
    """A contact carries ten tags and no note's text; the export has all of them."""
    one = desk.box.contacts(role="user")[0]["id"]
    (desk.home / "ids").write_text(one)
    for number in range(12):
        body = f"note {number}"
        assert desk.here("contacts", "note", "--ids", "ids", "--body", body, "--yes", *PLAIN).code == 0
    assert desk.here("contacts", "export", "--ids", "ids", "-o", "c.jsonl", *PLAIN).code == 0
    notes = lines(desk.home / "c.jsonl")[one]["notes"]["data"]
    assert len([note for note in notes if "note " in note["body"]]) == 12


@pytest.mark.parametrize("form", ["text", "html", "jsonl"])
def test_a_folder_has_one_file_an_item(desk: Desk, form: str) -> None:
    """Text and HTML show the messages with who wrote them and when, in the workspace's time."""
    done = desk.here("conversations", "export", "--where", QUERY, "--limit", "8", "-o", "folder", "--format", form, *PLAIN)
    assert (done.code, done.counts["done"]) == (0, 8), done.err
    files = sorted((desk.home / "folder").iterdir())
    assert len(files) == 8
    one = desk.box.conversation(files[0].stem)
    text = files[0].read_text("utf-8")
    if form == "jsonl":
        assert json.loads(text) == one
    else:
        assert one["source"]["author"]["name"] in text and plain(one["source"]["body"]).split("\n")[0][:40] in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-o", "x.csv"), "find -o FILE"), (("-o", "x.jsonl", "--format", "html"), "name a folder"),
        (("-o", "x", "--format", "pdf"), "one of"),
        (("-o", "full"), "not empty"), (("-o", "no/x.jsonl"), "no folder"), (("-o", "full/a.jsonl"), "not empty"), ((), "--output"),
    ],
)
def test_a_place_that_will_not_do_is_exit_2(desk: Desk, words: tuple[str, ...], said: str) -> None:
    """Before any item is read: another ending, a place in use, a folder that is not there."""
    (desk.home / "full").mkdir()
    (desk.home / "full" / "a.jsonl").write_text("{}\n")
    answer = desk.here("conversations", "export", "--where", QUERY, *words, *PLAIN)
    assert answer.code == 2 and said in answer.err, answer.err
    assert (desk.home / "full" / "a.jsonl").read_text() == "{}\n" and desk.sent("/search") == 0


def test_a_plan_of_an_export_is_carried_out_without_a_question(desk: Desk) -> None:
    """What only reads asks nobody, whichever way it is begun."""
    assert desk.here("conversations", "export", "--where", QUERY, "-o", "x.jsonl", "--plan", "plan.jsonl", *PLAIN).code == 0
    assert not (desk.home / "x.jsonl").exists()
    done = desk.here("apply", "plan.jsonl", *PLAIN)
    assert (done.code, set(lines(desk.home / "x.jsonl"))) == (0, set(desk.open_ids())), done.err


@pytest.mark.parametrize("place", ["all.jsonl", "folder"])
def test_an_export_that_was_killed_is_gone_on_with(desk: Desk, place: str) -> None:
    """kill -9 in the middle, half a line left behind, and some of what was written is lost: in the end every item is there once."""
    desk.box.fault("slow", seconds=60, method="GET", path=r"^/conversations/\d+$", after=14)  # there it stands until it is killed
    process = desk.start("conversations", "export", "--where", "state != snoozed", "-o", place, "--workers", "4", *PLAIN)
    path = desk.home / place

    def some() -> int:
        return 0 if not path.exists() else len(list(path.iterdir())) if path.is_dir() else path.read_bytes().count(b"\n")

    assert until(lambda: some() >= 12, process)
    process.kill()
    process.communicate()
    desk.box.clear_faults()
    before = some()
    died = desk.here("runs", "show", "latest", "--json").json
    assert died["counts"]["in_doubt"] == 0 < died["counts"]["pending"] and not died["failures"], died
    assert "in doubt until" not in desk.here("runs", "show", "latest").out
    assert not desk.here("runs", "export", "latest", "--outcome", "in_doubt", "--jsonl").out
    if path.is_file():
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[2:]) + b'{"id": "21547')
    else:
        gone, empty, *_ = sorted(path.glob("*.json"))
        gone.unlink()
        empty.write_bytes(b"")
        (path / f"{gone.name}.1.writing").write_bytes(b"{")
    done = desk.here("runs", "resume", "latest", *PLAIN)
    assert done.code == 0 and "doubt" not in done.err, done.err
    wanted = {str(one["id"]) for one in desk.box.conversations() if one["state"] != "snoozed"}
    found = set(lines(path)) if path.is_file() else {str(json.loads(one.read_bytes())["id"]) for one in path.iterdir()}
    assert found == wanted and 12 <= before < len(wanted) and done.counts == {"selected": len(wanted), "done": len(wanted)}


@pytest.mark.parametrize("form", ["text", "html", "jsonl"])
def test_a_file_that_was_lost_is_written_again(desk: Desk, form: str) -> None:
    """Removed, emptied, cut at the end of a line: `runs resume` says how many, and writes these alone."""
    done = desk.here("conversations", "export", "--where", QUERY, "--limit", "8", "-o", "folder", "--format", form, *PLAIN)
    files = sorted((desk.home / "folder").iterdir())
    were, looks = {one: one.read_bytes() for one in files}, looked(desk)
    files[0].unlink()
    files[1].write_bytes(b"")
    files[2].write_bytes(were[files[2]][:5] + b"\n")
    again = desk.here("runs", "resume", done.run, *PLAIN)
    assert (again.code, again.counts) == (0, {"selected": 8, "done": 8}) and "3 items of what was written gone" in again.err, again.err
    assert {one: one.read_bytes() for one in (desk.home / "folder").iterdir()} == were
    assert looked(desk) - looks == 3


def test_an_item_that_has_gone_fails_alone(desk: Desk) -> None:
    """The others are there; the account names it."""
    ids = desk.open_ids()[:5]
    desk.box.touch([ids[2]], "delete")
    (desk.home / "ids").write_text("\n".join(ids))
    done = desk.here("conversations", "export", "--ids", "ids", "-o", "x.jsonl", *PLAIN)
    assert (done.code, done.counts) == (3, {"selected": 5, "done": 4, "failed": 1}), done.err
    assert set(lines(desk.home / "x.jsonl")) == set(ids) - {ids[2]}


def test_nothing_that_a_customer_wrote_runs_in_a_browser() -> None:
    """Markup of theirs is text; scripts and styles are left out; a time is in the workspace's zone."""
    body = "<p>Hi <b>there</b>&lt;script&gt;alert(1)&lt;/script&gt;</p><script>alert(2)</script><p>Bye<br>now</p>"
    note = {"type": "note", "body": body, "created_at": 1_764_000_000, "author": {"name": "<img src=x onerror=alert(3)>"}}
    item = {"type": "contact", "id": "1", "name": "<script>alert(4)</script>", "notes": {"data": [note]}, "created_at": 1_764_000_000}
    page = as_html(item, "Europe/Berlin")
    assert "<script" not in page.replace("<style>", "") and "<img" not in page and "alert(2)" not in page
    assert "2025-11-24 17:00" in page and "Hi there&lt;script&gt;" in page
    assert plain(body) == "Hi there<script>alert(1)</script>\nBye\nnow"
    assert as_text(item).startswith("Contact 1\n")


def long_one(desk: Desk, resource: str) -> tuple[str, int]:
    """An item with more than two messages or events, named in the file `ids`, and how many."""
    look = getattr(desk.box, resource[:-1])
    kind = f"{resource[:-1]}_parts"
    one = max((row["id"] for row in getattr(desk.box, resource)()), key=lambda one: look(one)[kind]["total_count"])
    (desk.home / "ids").write_text(one)
    for body in () if look(one)[kind]["total_count"] > 2 else "123":
        assert desk.here(resource, "note", "--ids", "ids", "--body", body, "--yes", *PLAIN).code == 0
    return one, look(one)[kind]["total_count"]


@pytest.mark.parametrize("resource", ["conversations", "tickets"])
def test_messages_that_intercom_does_not_give_are_said(desk: Desk, resource: str) -> None:
    """It gives the newest 500; the rest is in no file, which the screen, runs show, JSON, the item and its page say."""
    one, total = long_one(desk, resource)
    desk.switch(max_parts=2)
    done = desk.here(resource, "export", "--ids", "ids", "-o", "pages", "--format", "text", "--progress", "none")
    told = desk.here("runs", "show", "--json").json
    assert (done.code, told["not_whole"]) == (0, 1), done.err
    words = f"only the newest 2 of its {total} messages and events: Intercom gives no more"
    assert "verified" not in done.err  # nothing was changed, so that nobody could ask for it
    assert "of 1 only the newest: Intercom gives no more" in done.err and "of 1 only the newest" in desk.here("runs", "show").out
    assert words in desk.here("runs", "export").out and words in (desk.home / "pages" / f"{one}.txt").read_text()
    desk.switch(max_parts=500)
    whole = desk.here(resource, "export", "--ids", "ids", "-o", "whole", "--format", "text", *PLAIN)
    assert "not_whole" not in whole.json and "only the newest" not in (desk.home / "whole" / f"{one}.txt").read_text()


@pytest.mark.parametrize(("resource", "spoilt"), [
    ("conversations", {"drop": ["conversation_parts"]}), ("conversations", {"set": {"conversation_parts": {"total_count": 3}}}),
    ("tickets", {"drop": ["ticket_parts"]}),
])  # fmt: skip
@pytest.mark.parametrize("times", [1, None])
def test_an_answer_without_its_messages_is_no_whole_item(desk: Desk, resource: str, spoilt: dict[str, Any], times: int | None) -> None:
    """It is asked again, and fails in the end: a file without messages would pass for one of an item that has none."""
    _, total = long_one(desk, resource)
    desk.box.fault("fields", on="look", **spoilt, **({"count": times} if times else {}))
    done = desk.here(resource, "export", "--ids", "ids", "-o", "all.jsonl", "--retries", "2", *PLAIN)
    assert done.counts == {"selected": 1, "done" if times else "failed": 1}, done.err
    if times:
        assert next(iter(lines(desk.home / "all.jsonl").values()))[f"{resource[:-1]}_parts"]["total_count"] == total
    else:
        assert "without the messages of the item" in done.json["failures"][0]["example"]["message"]
        assert not (desk.home / "all.jsonl").exists()


def test_a_list_of_a_contact_that_is_cut_short_is_not_all_of_it(desk: Desk) -> None:
    """It announces twelve notes and shows some."""
    one = desk.box.contacts(role="user")[0]["id"]
    (desk.home / "ids").write_text(one)
    assert desk.here("contacts", "note", "--ids", "ids", "--body", "A note.", "--yes", *PLAIN).code == 0
    desk.box.fault("fields", path="/notes$", method="GET", set={"total_count": 12})
    done = desk.here("contacts", "export", "--ids", "ids", "-o", "c.jsonl", "--retries", "1", *PLAIN)
    assert done.counts == {"selected": 1, "failed": 1} and "announced 12 and showed 1" in done.err + done.out, done.err
