"""What a search announces, shows and contradicts: told in every verb and stage, never acted upon in silence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from .desk import QUERY, Desk
from .search_proxy import rewriting, searched

SANDBOX = {"conversations": 60, "limit": 50_000, "workspace_limit": 100_000, "latency": 0.0, "jitter": 0}
PLAIN = ("--json", "--progress", "none")
ALL = "created > 2000-01-01"
TAG = ("conversations", "tag", "--where", ALL, "--tag", "7003")


def no_pages(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
    if searched(path):
        body.pop("pages", None)
    return status, body


def empty_second(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
    if searched(path) and asked["pagination"].get("starting_after"):
        body["conversations"], body["pages"]["next"] = [], None
    return status, body


def short_pages(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
    if searched(path):
        body["conversations"] = body["conversations"][: len(body["conversations"]) // 2]
    return status, body


def same_page_again(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
    if searched(path):
        if asked["pagination"].get("starting_after"):
            body["pages"]["next"] = None
            body["conversations"] = FIRST[:]
        else:
            FIRST[:] = body["conversations"]
    return status, body


FIRST: list[Any] = []


@pytest.mark.parametrize("cut", [no_pages, empty_second, short_pages, same_page_again])
def test_a_search_that_shows_less_than_it_announces_is_exit_6(desk: Desk, cut: Any) -> None:
    """What was shown is done, what was never shown is counted, and a resume asks again and finishes the run."""
    with rewriting(desk, cut) as behind:
        answer = behind.here(*TAG, "--yes", "--max", "100%", *PLAIN)
    assert answer.code == 6, answer.err
    search = answer.json["search"]
    shown = answer.counts["selected"]
    assert not search["complete"] and search["missing"] == 60 - shown > 0
    assert answer.counts["done"] + answer.counts.get("unchanged", 0) == shown
    said = f"Intercom announced 60 and showed {shown}; {search['missing']} were never shown"
    assert said in answer.json["error"]["message"]
    assert answer.json["next"][0] == f"intercom-bulk runs resume {answer.run}"
    resumed = desk.here("runs", "resume", answer.run, *PLAIN)
    assert (resumed.code, resumed.counts["selected"]) == (0, 60), resumed.err
    assert resumed.json["search"]["complete"] and "missing" not in resumed.json["search"]


def test_a_run_that_is_refused_says_what_was_tried_and_what_was_never_shown(desk: Desk) -> None:
    """They were called not begun, just after they had been called refused; and the search was said to be read to its end."""
    desk.box.fault("announced", extra=9, on="search")
    desk.box.fault("status", status=403, on="write")
    answer = desk.here(*TAG, "--yes", "--max", "100%", "--progress", "none", "--workers", "1")
    desk.box.clear_faults()
    tried = len({one["path"] for one in desk.box.log(10_000) if "/conversations/" in one["path"] and one["path"].endswith("/tags")})
    assert answer.code == 4 and "refused the first" in answer.err and tried >= 5
    assert f"0 tagged · {tried} tried, and not done yet · {60 - tried} not begun" in answer.err
    assert "60 of 69 matches were read before it stopped" in answer.err
    resumed = desk.here("runs", "resume", "latest", *PLAIN)
    assert (resumed.code, resumed.counts["selected"], resumed.counts.get("pending", 0)) == (0, 60, 0), resumed.err


def test_the_shortfall_is_told_by_dry_run_plan_find_and_verify(desk: Desk) -> None:
    """Whatever only reads the search says how many were never shown, in words and in data, with exit 6."""
    with rewriting(desk, no_pages) as behind:
        done = behind.here(*TAG, "--yes", "--max", "100%", *PLAIN)
        dry = behind.here("conversations", "note", "--body", "x", "--where", ALL, "--dry-run", *PLAIN)
        assert (dry.code, dry.json["search"]["missing"], dry.counts) == (6, 40, {"selected": 20, "pending": 20})
        assert dry.json["review"]["search"] == {"missing": 40}
        assert not dry.json["search"]["complete"]
        shown = behind.here("conversations", "note", "--body", "x", "--where", ALL, "--dry-run")
        assert "20 would change" in shown.err
        assert shown.code == 6 and "incomplete: 40 more were announced by Intercom and never shown" in shown.err
        plan = behind.here("conversations", "note", "--body", "x", "--where", ALL, "--plan", "part.jsonl", *PLAIN)
        assert plan.code == 6
        header = json.loads((desk.home / "part.jsonl").read_text("utf-8").splitlines()[0])
        assert header["incomplete"] == "Intercom announced 60 and showed 20; 40 were never shown" and header["count"] == 20
        for flags in (("--json",), ("--jsonl",)):
            found = behind.here("conversations", "find", "--where", ALL, *flags)
            last = json.loads(found.out.splitlines()[-1])
            assert (found.code, last["exit"], last["complete"], last["missing"], last["count"]) == (6, 6, False, 40, 20)
        table = behind.here("conversations", "find", "--where", ALL)
        assert table.code == 6 and "announced 60 and showed 20; 40 were never shown" in table.err
        verified = behind.here("verify", done.run, *PLAIN)
        assert verified.code == 6 and "40 were never shown" in verified.json["error"]["message"]
    applied = desk.here("apply", "part.jsonl", "--yes", "--progress", "none")
    assert applied.code == 0 and "incomplete search" in applied.err


def test_items_that_leave_the_search_while_it_is_read_are_no_shortfall(desk: Desk) -> None:
    """Where others close conversations between two pages, the total falls with them and nothing is missing."""
    ids = sorted((str(row["id"]) for row in desk.box.conversations(state="open")), key=int)

    def others_act(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if searched(path) and ids:
            desk.box.touch([ids.pop() for _ in range(5)], "close")
        return status, body

    with rewriting(desk, others_act) as behind:
        answer = behind.here("conversations", "tag", "--where", "state = open", "--tag", "7003", "--dry-run", *PLAIN)
    assert answer.code == 0 and answer.json["search"]["complete"], answer.err


def without_query(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
    return status, EVERYTHING if searched(path) and asked["query"] != MATCH_ALL else body


EVERYTHING: dict[str, Any] = {}
MATCH_ALL = {"field": "created_at", "operator": ">", "value": 0}


def search_of(desk: Desk, query: dict[str, Any]) -> Request:
    body = json.dumps({"query": query, "pagination": {"per_page": 60}}).encode()
    headers = {"Authorization": f"Bearer {desk.box.token}", "Content-Type": "application/json", "Intercom-Version": "2.16"}
    return Request(f"{desk.box.url}/conversations/search", body, headers)


@pytest.fixture
def ignoring(desk: Desk) -> Iterator[Desk]:
    """A server that answers every search with all that it has."""
    with urlopen(search_of(desk, MATCH_ALL)) as answer:
        page = json.load(answer)
    page["pages"]["next"], page["total_count"] = None, len(page["conversations"])
    EVERYTHING.clear()
    EVERYTHING.update(page)
    with rewriting(desk, without_query) as behind:
        yield behind


UPDATER = """
from intercom_bulk_updater import IntercomBulkUpdater

class Notes(IntercomBulkUpdater):
    def get_search_endpoint(self): return "conversations/search"
    def get_search_query(self, **_): return {"operator": "AND", "value": [
        {"field": "team_assignee_id", "operator": "=", "value": 5002}, {"field": "state", "operator": "=", "value": "open"}]}
    def get_item_id(self, item): return item["id"]
    def perform_action(self, item_id, **_):
        return self.client.post(f"conversations/{item_id}/reply", json={
            "message_type": "note", "type": "admin", "admin_id": self.admin_id, "body": "x"})
"""


@pytest.mark.parametrize(
    "command",
    [
        ("conversations", "tag", "--tag", "7003", "--where", "team = Billing and state = open", "--dry-run"),
        ("conversations", "tag", "--tag", "7003", "--where", "team = Billing and state = open", "--yes"),
        ("conversations", "tag", "--tag", "7003", "--where", "team = Billing and state = open", "--yes", "--limit", "3"),
        ("conversations", "close", "--query", "raw.json", "--yes"),
        ("conversations", "note", "--body", "x", "--where", "tag = 7009 and state = closed", "--plan", "p.jsonl"),
        ("conversations", "find", "--where", "created < 2001-01-01"),
        ("conversations", "tag", "--tag", "7003", "--where", "subject = zzzz", "--dry-run"),
        ("conversations", "tag", "--tag", "7003", "--where", "team = Billing or subject ~ zzzz", "--yes"),
        ("conversations", "tag", "--tag", "7003", "--where", "contact = none", "--yes"),
        ("conversations", "tag", "--tag", "7003", "--where", "email = nobody@nowhere.example", "--yes"),
        ("conversations", "tag", "--tag", "7003", "--where", "rating = 9", "--yes"),
        ("run", "notes.py:Notes", "--yes"),
    ],
)
def test_a_server_that_ignores_the_filter_is_found_out(desk: Desk, ignoring: Desk, command: tuple[str, ...]) -> None:
    """Items whose own fields contradict the filter are never acted upon, whoever wrote the filter."""
    (desk.home / "notes.py").write_text(UPDATER)
    raw = {"query": {"operator": "AND", "value": [{"field": "admin_assignee_id", "operator": "=", "value": 1}]}}
    (desk.home / "raw.json").write_text(json.dumps(raw))
    answer = ignoring.here(*command, "--json")
    assert answer.code == 6, answer.err
    assert "does not apply the filter" in answer.out + answer.err
    assert desk.writes() == 0 and not (desk.home / "p.jsonl").exists()


def test_a_filter_that_no_item_can_be_held_against_is_told_before_anything_is_done(desk: Desk, ignoring: Desk) -> None:
    """The preview, the account and the data of both say that nobody but Intercom vouches for the selection."""
    where = ("conversations", "tag", "--tag", "7003", "--where", "body = zzzz")
    dry = ignoring.here(*where, "--dry-run")
    assert "the filter could not be checked against the items: it is Intercom's word alone" in " ".join(dry.err.split()), dry.err
    data = ignoring.here(*where, "--dry-run", "--json").json
    assert data["review"]["search"]["unchecked"] == data["search"]["unchecked"] == 60
    found = ignoring.here("conversations", "find", "--where", "body = zzzz", "--json").json
    assert found["unchecked"] == 60
    assert "unchecked" not in desk.here("conversations", "tag", "--tag", "7003", "--where", QUERY, "--dry-run", "--json").json["search"]


@pytest.fixture
def replaced(desk: Desk) -> Iterator[Desk]:
    """A server that puts an item of another team in the place of one in ten, on the first look only."""
    others = [desk.box.conversation(i) for i in desk.box.add_conversations(8, team=5002, state="open")]
    looks: list[str] = []

    def rewrite(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if searched(path) and body.get("conversations") and len(looks) < REPLACED["looks"]:
            looks.append(path)
            body["conversations"][0] = others[len(looks) - 1]
        return status, body

    with rewriting(desk, rewrite, per_page=10) as behind:
        yield behind


REPLACED = {"looks": 0}


@pytest.mark.parametrize(
    "command",
    [
        ("conversations", "tag", "--tag", "7003", "--where", QUERY, "--dry-run", "--json"),
        ("conversations", "tag", "--tag", "7003", "--where", QUERY, "--plan", "p.jsonl", "--json"),
        ("conversations", "find", "--where", QUERY, "--json"),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_an_item_in_the_place_of_another_counts_as_one_not_shown(
    desk: Desk, replaced: Desk, command: tuple[str, ...], again: bool
) -> None:
    """The search is asked once more; what stays replaced is missing, with exit 6, as in the run itself."""
    every = len(desk.open_ids())
    REPLACED["looks"] = 8 if again else 1
    answer = replaced.here(*command)
    told = answer.json if command[1] == "find" else answer.json["search"]
    count = answer.json["count"] if command[1] == "find" else answer.json["counts"]["selected"]
    if again:
        assert (answer.code, told["complete"]) == (6, False) and told["missing"] == every - count > 0, answer.err
    else:
        assert (answer.code, told["complete"], count) == (0, True, every), answer.err
    assert told["contradicting"] >= 1


def test_single_items_that_contradict_the_filter_are_left_out_and_counted(desk: Desk) -> None:
    """Three of another team among those of the filter: the others are done, the three are untouched and told."""
    mine, others = desk.open_ids(), desk.box.add_conversations(3, team=5002, state="open")

    def three_more(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if searched(path) and body.get("conversations"):
            body["conversations"] += [desk.box.conversation(i) for i in others]
        return status, body

    with rewriting(desk, three_more) as behind:
        dry = behind.here("conversations", "close", "--where", QUERY, "--dry-run")
        assert dry.code == 0 and "3 items that the search showed contradict the filter, left out" in dry.err, dry.err
        answer = behind.close()
    assert (answer.code, answer.counts) == (0, {"selected": len(mine), "done": len(mine)}), answer.err
    assert answer.json["search"]["contradicting"] == 3
    desk.once("close", mine)


@pytest.mark.parametrize("entry", [None, "text", 7, [], {}, {"id": None}, {"id": ""}, {"id": {"a": 1}}, {"id": True}])
def test_an_entry_without_a_usable_id_is_left_out_and_counted(desk: Desk, entry: Any) -> None:
    """One malformed entry stops nothing: the others are done, exit 3, and the account says how many there were."""
    ids = desk.open_ids()

    def spoiled(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if searched(path):
            body["conversations"].insert(1, entry)
            body["total_count"] += 1
        return status, body

    with rewriting(desk, spoiled) as behind:
        answer = behind.close()
    assert (answer.code, answer.counts) == (3, {"selected": len(ids), "done": len(ids)}), answer.err
    assert answer.json["search"]["unusable"] == 1 and answer.json["search"]["complete"]
    desk.once("close", ids)


def test_an_item_that_one_pass_hid_and_another_showed_is_seen_once(desk: Desk) -> None:
    """What the search can still show after its items are tagged is spoilt now here, now there: nothing is counted twice."""
    every = len(desk.open_ids())
    desk.box.fault("malformed", method="POST", path="/search$")
    told = desk.here("conversations", "tag", "--where", QUERY, "--tag", "7003", "--yes", *PLAIN).json
    assert told["search"]["seen"] == told["search"]["total"] == every >= told["counts"]["selected"]


def test_malformed_entries_are_told_in_words_and_found_by_find(desk: Desk) -> None:
    """The preview, the account and `find` say that entries had no usable id; `find` shows the others."""
    def spoiled(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if searched(path):
            body["conversations"] += [None, {"type": "conversation"}]
        return status, body

    desk.box.add_conversations(4, team=5002, state="open")
    with rewriting(desk, spoiled) as behind:
        dry = behind.here("conversations", "close", "--where", "team = 'VIP desk' and state = open", "--dry-run")
        assert dry.code == 3 and "2 entries of the search had no usable id, left out" in dry.err, dry.err
        found = behind.here("conversations", "find", "--where", QUERY, "--json")
        assert (found.code, found.json["unusable"], found.json["count"]) == (3, 2, len(desk.open_ids()))
        (desk.home / "notes.py").write_text(UPDATER)
        own = behind.here("run", "notes.py:Notes", "--yes", "--report", "r.html", *PLAIN)
        assert "2 entries of the search had no usable id, left out" in desk.here("runs", "show", own.run).out
        assert "2 entries of the search had no usable id, left out" in (desk.home / "r.html").read_text("utf-8")
        assert (own.code, own.json["search"]["unusable"]) == (3, 2) and own.counts["done"] == own.counts["selected"]


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_search_that_is_refused_on_a_later_page_speaks_of_the_search(desk: Desk, status: int) -> None:
    """The advice is that of a search, not of an item or a parameter, and a resume asks for the rest."""
    ids = desk.open_ids()

    def refuse(path: str, asked: Any, code: int, body: Any) -> tuple[int, Any]:
        if searched(path) and asked["pagination"].get("starting_after"):
            return status, {"type": "error.list", "request_id": "r-1", "errors": [{"code": "not_found", "message": "Resource Not Found"}]}
        return code, body

    with rewriting(desk, refuse, per_page=10) as behind:
        dry = behind.here("conversations", "close", "--where", QUERY, "--dry-run")
        found = behind.here("conversations", "find", "--where", QUERY)
        assert (dry.code, found.code) == (7, 7)
        answer = behind.close()
    assert answer.code == 7 and "refused on page 2" in answer.json["error"]["message"], answer.err
    assert answer.json["error"]["hint"] == f"Nothing is lost: intercom-bulk runs resume {answer.run} asks again for what was not found yet."
    for said in (dry.err, found.err):
        assert "refused on page 2" in said and "Run the command again" in said, said
        assert "--exclude" not in said and "parameters" not in said
    assert desk.here("runs", "resume", answer.run, *PLAIN).counts == {"selected": len(ids), "done": len(ids)}
    desk.once("close", ids)


def test_a_search_that_is_refused_on_its_first_page_writes_nothing(desk: Desk) -> None:
    """A 404 or a 500 of the search itself is no item's: nothing to leave out, and nothing was done."""
    for status, said in ((404, "refused on page 1"), (500, "The search broke off")):
        desk.box.fault("status", status=status, method="POST", path="/search$", count=5)
        for more in (("find",), ("close", "--dry-run")):
            answer = desk.here("conversations", *more, "--where", QUERY, "--retries", "0")
            assert answer.code == 7 and said in answer.err and "--exclude" not in answer.err, answer.err
        desk.box.clear_faults()


LISTS = """
from intercom_bulk_updater import IntercomBulkUpdater

class Reads(IntercomBulkUpdater):
    def get_search_endpoint(self): return ENDPOINT
    def get_search_query(self, **_): return {}
    def get_item_id(self, item): return item["id"]
    def perform_action(self, item_id, **_): return self.client.get(f"{ENDPOINT.split('/')[0]}/{item_id}")
"""


@pytest.mark.parametrize("endpoint", ["contacts", "companies/list", "companies/scroll", "conversations"])
def test_lists_are_held_to_the_same_account(desk: Desk, endpoint: str) -> None:
    """Malformed entries of any list are counted and left out; a list that ends before its total is exit 6."""
    (desk.home / "reads.py").write_text(f"ENDPOINT = {endpoint!r}\n{LISTS}")
    key = "conversations" if endpoint == "conversations" else "data"

    def listed(path: str) -> bool:
        return path.split("?")[0].strip("/") == endpoint

    def spoiled(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if listed(path) and body[key]:
            body[key] = [*body[key][:3], None, {"id": {}}]
            if body.get("total_count"):
                body["total_count"] = 5
            body["pages"] = None
            if endpoint == "companies/scroll" and "scroll_param" in path:
                body[key] = []
        return status, body

    def short(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if listed(path) and body[key]:
            body[key], body["pages"] = body[key][:3], None
        return status, body

    with rewriting(desk, spoiled) as behind:
        answer = behind.here("run", "reads.py:Reads", "--yes", *PLAIN)
    assert (answer.code, answer.counts, answer.json["search"]["unusable"]) == (3, {"selected": 3, "done": 3}, 2), answer.err
    if endpoint != "companies/scroll":  # it announces nothing
        with rewriting(desk, short) as behind:
            answer = behind.here("run", "reads.py:Reads", "--yes", *PLAIN)
        assert answer.code == 6 and answer.json["search"]["missing"] > 0, answer.err


def test_companies_find_is_held_to_the_same_account(desk: Desk) -> None:
    """`companies find` says what was announced and not shown, and what had no id."""

    def cut(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if path.startswith("/companies/list"):
            body["data"], body["pages"] = [*body["data"][:3], None], None
        return status, body

    with rewriting(desk, cut) as behind:
        answer = behind.here("companies", "find", "--json")
    assert answer.code == 6 and "were never shown" in answer.err, answer.err
    assert (answer.json["count"], answer.json["unusable"], answer.json["complete"]) == (3, 1, False)
    whole = desk.here("companies", "find", "--json")
    assert whole.code == 0 and whole.json["complete"], whole.err


def test_an_entry_of_an_odd_shape_is_read_before_it_is_changed(desk: Desk) -> None:
    """Where an entry has an id and fields of other types than promised, GET says how the item stands."""
    ids = desk.open_ids()

    def odd(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if searched(path):
            for entry in body["conversations"]:
                entry.update(tags="none", contacts=7, statistics=[], updated_at="today", created_at=None, custom_attributes="")
        return status, body

    with rewriting(desk, odd) as behind:
        answer = behind.here("conversations", "tag", "--tag", "7003", "--where", QUERY, "--yes", *PLAIN)
    assert (answer.code, answer.counts["selected"]) == (0, len(ids)), answer.err


def test_a_filter_that_is_ignored_from_the_second_page_on_is_found_out(desk: Desk) -> None:
    """What the first page showed is done; the page that contradicts the filter is not touched, and ends the run."""
    desk.box.add_conversations(20, team=5001, state="open", updated_at=1_700_000_000)
    with urlopen(search_of(desk, MATCH_ALL)) as answer:
        others = [one for one in json.load(answer)["conversations"] if one["state"] == "closed"][:15]
    assert len(others) >= 10

    def ignores(path: str, asked: Any, status: int, body: Any) -> tuple[int, Any]:
        if searched(path) and asked["pagination"].get("starting_after"):
            body["conversations"] = others
        return status, body

    with rewriting(desk, ignores, per_page=10) as behind:
        answer = behind.close()
    assert answer.code == 6 and answer.json["error"]["type"] == "FilterIgnored", answer.err
    assert answer.counts["selected"] == 10 and not {one["id"] for one in others} & set(desk.written("close")["twice"])
    assert desk.written("close")["writes"] == answer.counts.get("done", 0) <= 10


def test_a_search_announces_less_or_nothing_and_all_is_well(desk: Desk) -> None:
    """Totals that are too low, missing or no number are no shortfall."""
    ids = desk.open_ids()
    for total in (0, 3, None, "many", 1.5):

        def rewritten(path: str, asked: Any, status: int, body: Any, total: Any = total) -> tuple[int, Any]:
            if searched(path):
                body["total_count"] = total
            return status, body

        with rewriting(desk, rewritten) as behind:
            answer = behind.here("conversations", "close", "--where", QUERY, "--dry-run", *PLAIN)
        assert (answer.code, answer.counts["selected"]) == (0, len(ids)), answer.err
