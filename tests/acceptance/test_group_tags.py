"""Tags of contacts and companies, fifty with one request: what it costs, and each item exact all the same."""

from __future__ import annotations

import json
import math
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from intercom_sandbox import running

from .contract import broken
from .desk import Desk, until

SANDBOX = {"conversations": 20, "contacts": 900, "companies": 200, "latency": 0.0, "jitter": 0.0}
TAG = 7003
PLAIN = ("--yes", "--json", "--progress", "none")
RESOURCES = ("contacts", "companies")


def rows(desk: Desk, resource: str) -> list[dict[str, Any]]:
    """All that the server lists of a resource."""
    found = desk.box.contacts() if resource == "contacts" else desk.box.companies()
    return [one for one in found if one.get("users", 1)]


def tagged(desk: Desk, resource: str, tag: int = TAG) -> set[str]:
    """Who has the tag, by the server's books."""
    return {str(one["id"]) for one in rows(desk, resource) if tag in one["tags"]}


def some(desk: Desk, resource: str, number: int) -> list[str]:
    """So many without the tag, in the file `ids`."""
    free = [str(one["id"]) for one in rows(desk, resource) if TAG not in one["tags"]][:number]
    (desk.home / "ids").write_text("\n".join(free))
    return free


def sent(desk: Desk, method: str = "POST", path: str = "/tags") -> int:
    """Requests that came to a path."""
    return sum(line["method"] == method and line["path"] == path for line in desk.box.log(5000))


def rename(desk: Desk, name: str) -> None:
    """Somebody gives the tag another name."""
    headers = {"Authorization": f"Bearer {desk.box.token}", "Content-Type": "application/json", "Accept": "application/json"}
    body = json.dumps({"id": str(TAG), "name": name}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{desk.box.url}/tags", body, headers, method="POST")) as answer:
        assert answer.status == 200


def test_ten_thousand_contacts_would_take_at_most_275_requests(desk: Desk) -> None:
    """One request for 150 found and one for 50 tagged, and three besides: the workspace, its tags, what the tag is called."""
    free = {str(one["id"]) for one in rows(desk, "contacts") if TAG not in one["tags"]}
    where = ("--where", "role = user or role = lead")
    dry = desk.here("contacts", "tag", *where, "--tag", str(TAG), "--dry-run", "--json", "--progress", "none")
    assert dry.json["review"]["estimate"]["requests"] == math.ceil(len(free) / 50)
    before = desk.box.stats()["requests"]
    done = desk.here("contacts", "tag", *where, "--tag", str(TAG), "--max", "100%", "--verify", "none", *PLAIN)
    assert done.counts["done"] == len(free) and free <= tagged(desk, "contacts"), done.err
    took = desk.box.stats()["requests"] - before
    assert broken(desk) == []
    assert took == done.json["requests"]["total"] == math.ceil(900 / 150) + math.ceil(len(free) / 50) + 3
    assert math.ceil(10_000 / 150) + math.ceil(10_000 / 50) + 3 <= 275


def test_a_large_selection_costs_no_request_more(tmp_path: Path) -> None:
    """The search of a verb that writes to many at once is read by one cursor, as parts would cost a count each."""
    with running(seed=5, conversations=1, contacts=3_300, tags_max=0, limit=100_000, latency=0.0, jitter=0) as box:
        desk = Desk(box, tmp_path)
        free = [one for one in rows(desk, "contacts") if TAG not in one["tags"]]
        where = ("--where", "role = user or role = lead", "--max", "100%", "--verify", "none")
        done = desk.here("contacts", "tag", *where, "--tag", str(TAG), *PLAIN)
        assert done.counts["done"] == len(free) > 3_000, done.err
        assert box.stats()["requests"] == math.ceil(3_300 / 150) + math.ceil(len(free) / 50) + 3


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_bad_item_fails_alone(desk: Desk, resource: str) -> None:
    """The group of the bad one is refused and done item by item; the others stand."""
    ids = some(desk, resource, 60)
    desk.box.fault("status", status=400, code="parameter_invalid", method="POST", path="^/tags$", body=ids[13])
    desk.box.fault("status", status=400, code="parameter_invalid", method="POST", path=f"/contacts/{ids[13]}/tags$")
    done = desk.here(resource, "tag", "--tag", str(TAG), "--ids", "ids", *PLAIN)
    assert (done.code, done.counts) == (3, {"selected": 60, "done": 59, "failed": 1}), done.err
    assert tagged(desk, resource) & set(ids) == set(ids) - {ids[13]}


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_lost_answer_is_read_back_item_by_item(desk: Desk, resource: str) -> None:
    """Each item of the group is looked at; nothing is sent twice."""
    ids = some(desk, resource, 40)
    desk.box.fault("drop_after", method="POST", path="^/tags$", count=1)
    done = desk.here(resource, "tag", "--tag", str(TAG), "--ids", "ids", "--verify", "none", *PLAIN)
    assert done.counts == {"selected": 40, "done": 40} and set(ids) <= tagged(desk, resource), done.err
    assert desk.writes() == 40


def test_a_contact_that_the_answer_leaves_out_has_failed(desk: Desk) -> None:
    """The search still shows a contact that is gone: Intercom skips it without a word, and its outcome says so."""
    desk.switch(contact_lag=60.0)
    (gone, *_) = some(desk, "contacts", 1)
    headers = {"Authorization": f"Bearer {desk.box.token}"}
    urllib.request.urlopen(urllib.request.Request(f"{desk.box.url}/contacts/{gone}", headers=headers, method="DELETE")).close()
    where = ("--where", "role = user or role = lead", "--max", "900", "--verify", "none")
    done = desk.here("contacts", "tag", "--tag", str(TAG), *where, *PLAIN)
    assert done.code == 3 and done.counts["failed"] == 1, done.err
    assert done.json["failures"][0]["example"]["id"] == gone and done.counts["done"] + done.counts["unchanged"] == 899


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "fields", "set": {"id": None}},
        {"kind": "wrong", "commit": "never", "value": {"type": "tag", "id": None, "users": [{"id": None}], "companies": [{"id": None}]}},
    ],
    ids=["done", "not done"],
)
def test_an_answer_of_which_nothing_can_be_matched_is_looked_after(desk: Desk, resource: str, fault: dict[str, Any]) -> None:
    """Ids that are null say neither that the tag was renamed nor that it was put on: each item is read, and done where it is not."""
    ids = some(desk, resource, 20)
    desk.box.fault(**fault, method="POST", path="^/tags$", count=1)
    done = desk.here(resource, "tag", "--tag", str(TAG), "--ids", "ids", "--verify", "none", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 20, "done": 20}), done.err
    assert set(ids) <= tagged(desk, resource) and desk.writes() == 20


@pytest.mark.parametrize("resource", RESOURCES)
def test_before_2_16_a_success_is_one_of_all(desk: Desk, resource: str) -> None:
    """The answer tells of no item, as it stands for all of them: none is read again."""
    ids = some(desk, resource, 30)
    before = {"INTERCOM_API_VERSION": "2.15"}
    done = desk.here(resource, "tag", "--tag", str(TAG), "--ids", "ids", "--verify", "none", *PLAIN, env=before)
    assert done.counts == {"selected": 30, "done": 30} and set(ids) <= tagged(desk, resource), done.err
    assert sent(desk) <= 3 and done.json["requests"]["total"] <= 30 + 3 + 3


@pytest.mark.parametrize("resource", RESOURCES)
def test_several_tags_take_a_request_each_for_a_group(desk: Desk, resource: str) -> None:
    """And where the second is refused, the items are done by themselves."""
    ids = some(desk, resource, 50)
    done = desk.here(resource, "tag", "--tag", "vip", "--tag", str(TAG), "--ids", "ids", "--verify", "none", *PLAIN)
    assert done.counts == {"selected": 50, "done": 50} and sent(desk) == 2, done.err
    assert desk.here("undo", done.run, *PLAIN).counts == {"selected": 50, "done": 50} and not tagged(desk, resource) & set(ids)
    desk.box.fault("status", status=400, code="parameter_invalid", method="POST", path="^/tags$", after=1, count=1)
    again = desk.here(resource, "tag", "--tag", "vip", "--tag", str(TAG), "--ids", "ids", "--verify", "none", *PLAIN)
    assert again.counts == {"selected": 50, "done": 50} and set(ids) <= tagged(desk, resource) & tagged(desk, resource, 7001), again.err


def test_companies_are_untagged_in_groups_and_so_is_the_way_back(desk: Desk) -> None:
    """120 companies: three requests to put the tag on, three to take it off, three to undo that."""
    ids = some(desk, "companies", 120)
    for place, words in enumerate((("tag", "--tag", str(TAG), "--ids", "ids"), ("untag", "--tag", str(TAG), "--ids", "ids")), 1):
        done = desk.here("companies", *words, "--verify", "none", *PLAIN)
        assert done.counts == {"selected": 120, "done": 120} and 3 * place <= sent(desk) <= 3 * place + 2, done.err
        assert bool(tagged(desk, "companies") & set(ids)) is (words[0] == "tag")
    assert broken(desk) == []
    had = sent(desk)
    back = desk.here("undo", done.run, "--verify", "none", *PLAIN)
    assert back.counts == {"selected": 120, "done": 120} and set(ids) <= tagged(desk, "companies"), back.err
    assert sent(desk) - had <= 10


def test_the_size_of_a_group_can_be_chosen(desk: Desk) -> None:
    """--batch 10: the preview and the run count twelve requests."""
    some(desk, "contacts", 120)
    words = ("contacts", "tag", "--tag", str(TAG), "--where", f"tag != {TAG}", "--limit", "120", "--batch", "10", "--verify", "none")
    dry = desk.here(*words, "--dry-run", "--json")
    assert dry.json["review"]["estimate"]["requests"] == 12
    assert desk.here(*words, *PLAIN).counts == {"selected": 120, "done": 120} and sent(desk) == 12
    refused = desk.here(*words[:-4], "--batch", "0", *PLAIN)
    assert refused.code == 2 and "--batch" in refused.err


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_tag_is_created_only_when_that_is_asked_for(desk: Desk, resource: str) -> None:
    """Without --create-tag an unknown name is refused; a dry run with it creates nothing, the run makes one."""
    ids, names = some(desk, resource, 20), [one["name"] for one in desk.box.tags()]
    words = (resource, "tag", "--tag", "fresh", "--ids", "ids")
    assert desk.here(*words, *PLAIN).code == 2
    assert desk.here(*words, "--create-tag", "--dry-run", "--json").counts == {"selected": 20, "pending": 20}
    assert [one["name"] for one in desk.box.tags()] == names
    done = desk.here(*words, "--create-tag", *PLAIN)
    (key,) = (int(one["id"]) for one in desk.box.tags() if one["name"] == "fresh")
    assert done.counts == {"selected": 20, "done": 20} and tagged(desk, resource, key) == set(ids), done.err
    assert desk.here("undo", done.run, *PLAIN).counts == {"selected": 20, "done": 20} and not tagged(desk, resource, key)


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_tag_that_is_renamed_meanwhile_stops_the_run(desk: Desk, resource: str) -> None:
    """Intercom tags by name, and makes a tag of a name that it does not find: the run sees another id and stops; a resume goes on."""
    ids = some(desk, resource, 120)
    desk.box.fault("slow", seconds=2.0, method="POST", path="^/tags$", after=1, count=1)
    process = desk.start(resource, "tag", "--tag", str(TAG), "--ids", "ids", "--workers", "1", *PLAIN)
    assert until(lambda: sent(desk) >= 2, process)
    rename(desk, "renamed")
    stopped = desk.wait(process)
    assert stopped.code == 5 and "renamed or deleted" in stopped.err, stopped.err
    desk.box.clear_faults()
    done = desk.here("runs", "resume", "latest", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 120, "done": 120}) and set(ids) <= tagged(desk, resource), done.err


@pytest.mark.parametrize(("resource", "verb"), [("contacts", "tag"), ("companies", "tag"), ("companies", "untag")])
def test_killed_in_the_middle_of_a_group(desk: Desk, resource: str, verb: str) -> None:
    """kill -9 while groups are on their way: a resume looks at each item of them, and none is lost."""
    ids = some(desk, resource, 120)
    if verb == "untag":
        assert desk.here(resource, "tag", "--tag", str(TAG), "--ids", "ids", *PLAIN).code == 0
    had = sent(desk)
    desk.box.fault("slow", seconds=30, method="POST", path="^/tags$", after=1)
    process = desk.start(resource, verb, "--tag", str(TAG), "--ids", "ids", *PLAIN)
    assert until(lambda: sent(desk) - had >= 2, process)
    process.kill()
    process.communicate()
    desk.box.clear_faults()
    done = desk.here("runs", "resume", "latest", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 120, "done": 120}), done.err
    assert bool(set(ids) <= tagged(desk, resource)) is (verb == "tag") and bool(tagged(desk, resource) & set(ids)) is (verb == "tag")


@pytest.mark.parametrize("resource", RESOURCES)
def test_each_row_of_a_sheet_names_its_tag(desk: Desk, resource: str) -> None:
    """A tag by {{column}}: one request for each row, and one for each tag."""
    ids = some(desk, resource, 12)
    (desk.home / "sheet.csv").write_text("id,tag\n" + "\n".join(f"{one},{'vip' if place % 2 else TAG}" for place, one in enumerate(ids)))
    done = desk.here(resource, "tag", "--tag", "{{tag}}", "--csv", "sheet.csv", "--verify", "none", *PLAIN)
    assert done.counts == {"selected": 12, "done": 12}, done.err
    assert tagged(desk, resource) & set(ids) == set(ids[::2]) and set(ids[1::2]) <= tagged(desk, resource, 7001)
    assert sum(line["path"].startswith("/tags/") for line in desk.box.log(5000)) == 2
