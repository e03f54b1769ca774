"""The verbs of companies, against the sandbox's own books."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intercom_sandbox import running

from .contract import broken
from .desk import Desk, until

SANDBOX = {"conversations": 20, "contacts": 400, "companies": 90, "latency": 0.0, "jitter": 0.0}
TAG = 7003
PLAIN = ("--json", "--progress", "none")
# verb: what is typed, what tells that it was done, and what it tells then.
VERBS: dict[str, tuple[list[str], Callable[[dict[str, Any]], Any], Any]] = {
    "tag": (["--tag", str(TAG)], lambda one: TAG in one["tags"], True),
    "untag": (["--tag", str(TAG)], lambda one: TAG in one["tags"], False),
    "set": (["plan=Platinum"], lambda one: one["plan"] == "Platinum", True),
    "note": (["--body", "Renewal in May."], lambda one: sum("Renewal" in body for body in one["notes"]), 1),
    "delete": (["--irreversible"], lambda one: one["deleted"], True),
}


def some(desk: Desk, verb: str) -> list[str]:
    """Eight companies that the verb has something to do for, in the file `ids`."""
    free = [str(one["id"]) for one in desk.box.companies() if TAG not in one["tags"] and one["users"]][:8]
    (desk.home / "ids").write_text("\n".join(free))
    if verb == "untag":
        assert desk.here("companies", "tag", "--tag", str(TAG), "--ids", "ids", "--yes", *PLAIN).code == 0
    return free


def listed(desk: Desk) -> int:
    """Requests for pages of the list."""
    return sum("/companies/list" in line["path"] for line in desk.box.log(100))


def asked(desk: Desk, path: str, body: Any) -> Any:
    """One request past the client."""
    headers = {"Authorization": f"Bearer {desk.box.token}", "Content-Type": "application/json", "Accept": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{desk.box.url}{path}", json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


def standing(desk: Desk, verb: str, ids: list[str]) -> list[Any]:
    """What the server holds of each."""
    rows = {str(one["id"]): one for one in desk.box.companies()}
    return [VERBS[verb][1](rows[one]) for one in ids]


@pytest.mark.parametrize("verb", VERBS)
def test_a_lost_answer_is_found_out(desk: Desk, verb: str) -> None:
    """Written, and the connection broken: the company is read before anything is sent again, and a note stands once."""
    words, _, after = VERBS[verb]
    ids = some(desk, verb)
    desk.box.fault("drop_after", path="/tags$|/companies/", on="write", count=3)
    done = desk.here("companies", verb, *words, "--ids", "ids", "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 8, "done": 8}), done.err
    assert standing(desk, verb, ids) == [after] * 8


@pytest.mark.parametrize("verb", ["note", *(pytest.param(one, marks=pytest.mark.slow) for one in ("set", "delete"))])
def test_killed_in_the_middle(desk: Desk, verb: str) -> None:
    """kill -9 while some are written: a resume looks at what was in flight, does the rest, and a note stands once."""
    words, _, after = VERBS[verb]
    ids = some(desk, verb)
    desk.box.fault("slow", seconds=30, path="/companies/", on="write", after=3, commit="before")
    process = desk.start("companies", verb, *words, "--ids", "ids", "--yes", "--workers", "2", "--timeout", "3", *PLAIN)
    assert until(lambda: sum(line["method"] in ("POST", "PUT", "DELETE") for line in desk.box.log(500)) >= 5, process)
    process.kill()
    process.communicate()
    desk.box.clear_faults()
    done = desk.here("runs", "resume", "latest", "--yes", *[word for word in words if word == "--irreversible"], *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 8, "done": 8}), done.err
    assert standing(desk, verb, ids) == [after] * 8


def test_what_is_deleted_is_kept_whole_and_gone_later(desk: Desk) -> None:
    """Each company is in the backup; those that were gone before count as such, and the run waits until the others are."""
    ids = some(desk, "delete")
    first = desk.here("companies", "delete", "--ids", "ids", "--yes", "--irreversible", "--limit", "3", "--backup", "kept.jsonl", *PLAIN)
    assert first.counts == {"selected": 3, "done": 3} and first.json["verified"]["checked"] == 3, first.err
    assert len((desk.home / "kept.jsonl").read_text().splitlines()) == 3
    again = desk.here("companies", "delete", "--ids", "ids", "--yes", "--irreversible", *PLAIN)
    assert again.counts == {"selected": 8, "done": 5, "unchanged": 3}, again.err
    assert all(row["deleted"] for row in desk.box.companies() if str(row["id"]) in ids)


def test_a_company_that_stays_after_its_delete_is_not_called_wrong(desk: Desk) -> None:
    """Accepted and not carried out yet: nothing tells, and a later verify does."""
    some(desk, "delete")
    desk.switch(job_seconds=60.0)
    done = desk.here("companies", "delete", "--ids", "ids", "--yes", "--irreversible", "--retries", "0", *PLAIN)
    assert done.counts == {"selected": 8, "done": 8} and done.json["verified"]["undecided"] == 8
    assert "tells later" in done.json["verified"]["note"]


def test_fields_are_set_and_cleared_in_their_types(desk: Desk) -> None:
    """Texts, whole numbers, custom attributes; KEY= clears, and undo brings back what was there, or nothing."""
    (first, *_) = ids = some(desk, "set")
    was = [desk.box.company(one) for one in ids]
    words = ("website=https://x.example", "size=40", "industry=Retail", "custom_attributes.tier=gold")
    assert desk.here("companies", "set", *words, "--ids", "ids", "--yes", *PLAIN).code == 0
    one = desk.box.company(first)
    assert (one["website"], one["size"], one["industry"]) == ("https://x.example", 40, "Retail")
    cleared = desk.here("companies", "set", "website=", "size=", "--ids", "ids", "--yes", *PLAIN)
    assert cleared.counts == {"selected": 8, "done": 8}, cleared.err
    assert not desk.box.company(first).get("website") and not desk.box.company(first).get("size")
    for run in (cleared.run, "latest"):
        assert desk.here("undo", run, "--yes", *PLAIN).code == 0
    assert [desk.box.company(i).get("plan") for i in ids] == [row.get("plan") for row in was]
    assert broken(desk) == []
    wrong = desk.here("companies", "set", "company_id=x", "--ids", "ids", "--yes", *PLAIN)
    assert wrong.code == 2 and "company_id" in wrong.err


def test_a_filter_is_judged_here(desk: Desk) -> None:
    """Intercom has no search of companies: all are listed, the filter is judged by their fields, and the run says so."""
    shown = {str(one["id"]): one for one in desk.box.companies() if one["users"]}
    wanted = {key for key, one in shown.items() if one["plan"] == "pro" and one["users"] > 1}
    found = desk.here("companies", "find", "--where", "plan = Pro and users > 1", "--json")
    assert {one["id"] for one in found.json["items"]} == wanted and wanted, found.err
    assert "Intercom cannot search companies" in found.json["selection"]
    done = desk.here("companies", "tag", "--where", "plan = Pro and users > 1", "--tag", str(TAG), "--yes", *PLAIN)
    assert done.counts["selected"] == len(wanted) and wanted <= {str(one["id"]) for one in desk.box.companies(tag=TAG)}, done.err
    again = desk.here("companies", "tag", "--where", f"plan = Pro and users > 1 and tag != {TAG}", "--tag", str(TAG), "--yes", *PLAIN)
    assert again.code == 0 and not again.counts


def test_killed_while_the_list_is_read(desk: Desk) -> None:
    """Nothing is written before the list is whole; a resume reads it again."""
    wanted = {str(one["id"]) for one in desk.box.companies() if one["users"] and TAG not in one["tags"]}
    desk.box.fault("slow", seconds=30, path="/companies/list", after=1)
    process = desk.start("companies", "tag", "--where", f"tag != {TAG}", "--tag", str(TAG), "--yes", *PLAIN)
    assert until(lambda: listed(desk) >= 2, process)
    process.kill()
    process.communicate()
    desk.box.clear_faults()
    assert not desk.writes()
    done = desk.here("runs", "resume", "latest", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": len(wanted), "done": len(wanted)}), done.err
    assert wanted <= {str(one["id"]) for one in desk.box.companies(tag=TAG)}


def test_a_list_that_moves_is_read_again(desk: Desk) -> None:
    """A company that is seen moves to the top of Intercom's list, and pushes another over the edge of a page that was read."""
    every = {str(one["id"]) for one in desk.box.companies() if one["users"]}
    behind = asked(desk, "/companies/list?per_page=60&page=2", {})["data"]
    desk.box.fault("slow", seconds=3.0, path="/companies/list", count=1)
    process = desk.start("companies", "find", "--where", "users > 0", "--json")
    assert until(lambda: listed(desk) >= 2, process)
    for one in behind[:10]:
        asked(desk, "/companies", {"company_id": one["company_id"], "update_last_request_at": True})
    found = desk.wait(process)
    assert listed(desk) > 4
    assert {one["id"] for one in found.json["items"]} == every and len(found.json["items"]) == len(every), found.err


@pytest.mark.parametrize(("words", "code", "said"), [("colour = red", 2, "colour"), ("users > 1 and", 2, "missing")])
def test_a_filter_that_cannot_be_judged_is_refused(desk: Desk, words: str, code: int, said: str) -> None:
    """Before anything is listed."""
    refused = desk.here("companies", "find", "--where", words, "--json")
    assert refused.code == code and said in refused.err
    assert not any("companies" in line["path"] for line in desk.box.log(1000))


def test_beyond_the_end_of_the_list_the_scroll_is_read(tmp_path: Path) -> None:
    """The list ends at 10,000 companies without a word; the scroll has them all, and each is acted on."""
    with running(in_process=False, conversations=1, contacts=40_000, companies=12_000, latency=0.0, jitter=0.0) as box:
        desk = Desk(box, tmp_path)
        every = sum(one["users"] > 0 for one in box.companies())
        assert every > 10_000
        words = ("--where", "users > 0", "--tag", str(TAG), "--yes", "--max", "100%", "--verify", "none")
        done = desk.here("companies", "tag", *words, *PLAIN)
        assert done.counts["selected"] == every == len(box.companies(tag=TAG)), done.err
        routes = box.stats()["routes"]
        assert routes["GET /companies/scroll"] == -(-every // 100) + 1 and routes["POST /tags"] <= -(-every // 50)
        assert done.json["requests"]["total"] < 1.6 * every / 50


def test_what_is_missing_is_created_and_what_exists_is_set(desk: Desk) -> None:
    """Dry run equals run; a second run writes nothing; undo deletes what it created and restores what it changed."""
    there = [one for one in desk.box.companies() if one["users"]][:3]
    lines = [f"{key},Account {place},{place + 1}" for place, key in enumerate([*(one["company_id"] for one in there), "new-1", "new-2"])]
    (desk.home / "accounts.csv").write_text("\n".join(["company_id,name,size", *lines]))
    words = ("companies", "upsert", "name={{name}}", "size={{size}}", "--csv", "accounts.csv", "--id-column", "company_id")
    written = desk.writes()
    dry = desk.here(*words, "--dry-run", *PLAIN)
    assert dry.counts == {"selected": 5, "pending": 5} and desk.writes() == written, dry.err
    done = desk.here(*words, "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 5, "done": 5}) and desk.writes() - written == 5, done.err
    made = {one["company_id"]: one for one in desk.box.companies()}
    assert [made[line.split(",")[0]]["name"] for line in lines] == [f"Account {place}" for place in range(5)]
    assert desk.here("verify", "latest").code == 0
    assert desk.here(*words, "--yes", *PLAIN).counts == {"selected": 5, "unchanged": 5}
    back = desk.here("undo", done.run, "--yes", "--irreversible", *PLAIN)
    assert (back.code, back.counts) == (0, {"selected": 5, "done": 5}), back.err
    assert broken(desk) == []
    rows = {one["company_id"]: one for one in desk.box.companies()}
    assert all(rows[one["company_id"]]["name"] == one["name"] for one in there) and rows["new-1"]["deleted"] and rows["new-2"]["deleted"]


def test_a_lost_answer_makes_no_second_company(desk: Desk) -> None:
    """Created, and the connection broken: it is looked for by its company_id."""
    (desk.home / "accounts.csv").write_text("company_id,name\n" + "\n".join(f"new-{place},N{place}" for place in range(6)))
    desk.box.fault("drop_after", method="POST", path="/companies$", count=3)
    words = ("companies", "upsert", "name={{name}}", "--csv", "accounts.csv", "--id-column", "company_id", "--yes")
    done = desk.here(*words, *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 6, "done": 6}), done.err
    assert sum(one["company_id"].startswith("new-") for one in desk.box.companies()) == 6


def test_a_company_that_came_meanwhile_is_set(desk: Desk) -> None:
    """It was missing when it was looked for: it is looked at anew and set, and undo brings its fields back, not its absence."""
    (one, *_) = [row for row in desk.box.companies() if row["users"]]
    (desk.home / "accounts.csv").write_text(f"company_id,name\n{one['company_id']},Another name")
    desk.box.fault("status", status=404, method="GET", path="/companies$", count=1)
    done = desk.here("companies", "upsert", "name={{name}}", "--csv", "accounts.csv", "--id-column", "company_id", "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 1, "done": 1}), done.err
    assert desk.box.company(str(one["id"]))["name"] == "Another name"
    back = desk.here("undo", done.run, "--yes", *PLAIN)
    assert back.counts == {"selected": 1, "done": 1}, back.err
    (now,) = [row for row in desk.box.companies() if row["id"] == one["id"]]
    assert (now["name"], now["deleted"]) == (one["name"], one["deleted"])
