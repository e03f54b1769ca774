"""A large search is read in parts at the same time: what it shows is what one cursor shows, whatever comes between."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from intercom_bulk_updater import PermissionDenied
from intercom_bulk_updater.model import Page
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.runs.session import Session
from intercom_bulk_updater.runs.sources import count_missing
from intercom_bulk_updater.runs.stored_query import pages_of
from intercom_bulk_updater.search.names import WorkspaceNames
from intercom_bulk_updater.search.parts import Parts
from intercom_bulk_updater.service.find import find
from intercom_bulk_updater.service.selection import Selection
from intercom_bulk_updater.settings import load
from intercom_sandbox import Sandbox

from .desk import Desk, until

SANDBOX = {"conversations": 420, "contacts": 420, "latency": 0.0}
EVERY = {"field": "updated_at", "operator": ">", "value": 1}
SIZE = 10  # items a page: 420 are 42 pages


@pytest.fixture
def session(desk: Desk) -> Iterator[Session]:
    with Session(load(access_token="sandbox-token", base_url=desk.box.url, home=desk.home)) as made:
        yield made
    assert not [thread for thread in threading.enumerate() if thread.name == "search"]


def pages(
    session: Session, cursor: str | None = None, *, resource: str = "conversations", query: Any = EVERY, limit: int = 0
) -> Iterator[Page]:
    options = Options(page_size=SIZE, limit=limit or None, retries=1)
    return pages_of(session, {"endpoint": f"{resource}/search", "query": query}, options).pages(cursor)


def ids(found: list[Page]) -> list[str]:
    return [str(item["id"]) for page in found for item in page.items]


def searches(box: Sandbox) -> list[dict[str, Any]]:
    return [json.loads(line["body"]) for line in box.log(1000) if line["path"].endswith("/search")]


def counts(box: Sandbox) -> int:
    return sum(body["pagination"]["per_page"] == 1 for body in searches(box))


@pytest.mark.parametrize(
    ("world", "resource"),
    [
        ({}, "conversations"),
        ({}, "contacts"),
        ({}, "tickets"),
        ({"timezone": "Pacific/Auckland"}, "contacts"),
        ({"inclusive_order": True}, "conversations"),
        ({"default_order": "updated_at asc"}, "conversations"),
        ({"cursor": "offset"}, "conversations"),
        ({"cursor": "shuffled"}, "conversations"),
        ({"undated_share": 0.05}, "conversations"),
        ({"undated_share": 0.05, "less_than_matches_null": True}, "conversations"),
        ({"count_error": -2}, "conversations"),
        ({"headers": "never"}, "conversations"),
    ],
    ids=str,
)
def test_each_item_is_shown_once_and_few_requests_are_asked_for_it(
    world: dict[str, Any], resource: str, session: Session, desk: Desk
) -> None:
    """However the server sorts, compares and counts; where the parts do not add up, by one cursor."""
    desk.switch(**world)
    expected = {str(one["id"]) for one in getattr(desk.box, resource)()}
    desk.box.reset_stats()
    before = len(searches(desk.box))
    found = list(pages(session, resource=resource))
    assert set(ids(found)) == expected and len(ids(found)) == len(expected)
    asked = len(searches(desk.box)) - before
    assert asked <= 1.3 * len(expected) / SIZE + 20
    assert found[0].total == len(expected) + world.get("count_error", 0) and found[-1].cursor is None


@pytest.mark.parametrize(("sent", "thought"), [("2.16", "2.17"), ("2.17", "2.16")])
def test_dates_that_are_compared_otherwise_than_is_known_leave_no_gap(sent: str, thought: str, desk: Desk) -> None:
    """Days for seconds, and seconds for days: the parts overlap, or do not add up, and then the next pass is one cursor."""
    with Session(load(access_token="sandbox-token", base_url=desk.box.url, home=desk.home, api_version=sent)) as session:
        session.settings = replace(session.settings, api_version=thought)
        source = pages_of(session, {"endpoint": "contacts/search", "query": EVERY}, Options(page_size=SIZE))
        first = ids(list(source.pages()))
        assert {*first, *ids(list(source.pages()))} == {str(one["id"]) for one in desk.box.contacts()}


@pytest.mark.parametrize("moment", [1, 400 * 86_400])
def test_many_items_of_one_second_are_shown_too(moment: int, session: Session, desk: Desk) -> None:
    """An import: half of all were created in the same second."""
    at = desk.box.conversations()[0]["updated_at"] - moment
    desk.box.add_conversations(400, created_at=at)
    found = ids(list(pages(session)))
    assert len(found) == len(set(found)) == 820


def test_a_small_selection_an_order_and_a_limit_are_one_cursor(session: Session, desk: Desk) -> None:
    """Nothing is counted, and no request more is asked for than there are pages."""
    one = {"query": EVERY, "sort": {"field": "updated_at", "order": "ascending"}}
    small = {"field": "state", "operator": "=", "value": "snoozed"}
    for query, limit in ((one, 0), (small, 0), (EVERY, 400)):
        before = len(searches(desk.box))
        found = list(pages(session, query=query, limit=limit))
        assert len(searches(desk.box)) - before == len(found) and counts(desk.box) == 0 and found[0].items
        times = [item["updated_at"] for page in found for item in page.items]
        assert times == sorted(times, reverse=query is not one)


def test_it_goes_on_where_each_part_stood(session: Session, desk: Desk) -> None:
    """Broken off after any number of pages: the rest comes, nothing of it twice, and with fewer requests than from the start."""
    expected = {str(one["id"]) for one in desk.box.conversations()}
    whole = len(list(pages(session)))
    for after in (2, 9, 30, whole - 1):
        reading = pages(session)
        had = [next(reading) for _ in range(after)]
        reading.close()  # type: ignore[attr-defined]
        cursor = had[-1].cursor
        before = len(searches(desk.box))
        rest = list(pages(session, cursor))
        assert sorted(ids(had) + ids(rest)) == sorted(expected)
        # One page of each part, as it may be that what is left of it is a page without items.
        assert len(rest) == len(searches(desk.box)) - before <= whole - after + 1


def test_few_pages_are_in_memory_however_many_parts_there_are(session: Session, desk: Desk) -> None:
    """Whoever reads takes its time: few parts are asked meanwhile, and most answers wait as the bytes that came."""
    desk.box.add_conversations(600)

    def in_memory() -> int:
        return sum(one.get("type") == "conversation" and "source" in one for one in gc.get_objects() if type(one) is dict)

    gc.freeze()  # what was there before is no subject, and takes long to look through
    most = 0
    reading = pages(session)
    next(reading)
    begun = Parts.of(next(reading).cursor)
    assert begun is not None and len(begun.left) > 15
    # The page before the division, and eight of parts, of which one was taken: nobody has shown yet that more would not just wait.
    assert until(lambda: len(searches(desk.box)) - counts(desk.box) == 9)
    for _ in reading:
        most = max(most, in_memory())
    gc.unfreeze()
    assert SIZE <= most <= 5 * SIZE, most


def test_a_stored_cursor_that_died_and_one_of_an_older_journal(session: Session, desk: Desk) -> None:
    """The one is read from the start, and says so; the other goes on as the one cursor that it is."""
    expected = {str(one["id"]) for one in desk.box.conversations()}
    reading = pages(session)
    begun = (page.cursor for page in reading if (seen := Parts.of(page.cursor)) and any(part.cursor for part in seen.left))
    parts = next(begun)
    reading.close()  # type: ignore[attr-defined]
    dead = Parts.of(parts)
    assert dead is not None
    for part in dead.left:
        part.cursor = part.cursor and "bm8gY3Vyc29y"
    anew = list(pages(session, dead.cursor))
    # A part that had not begun has no cursor that could die, and may come first.
    first_anew = [page.anew for page in anew].index(True)
    assert sum(page.anew for page in anew) == 1 and set(ids(anew[first_anew:])) == expected
    first = next(pages(session))
    rest = list(pages(session, first.cursor))
    assert sorted(ids([first]) + ids(rest)) == sorted(expected) and counts(desk.box) > 0 and Parts.of(rest[0].cursor) is None


def test_what_is_new_and_what_leaves_while_it_is_read(session: Session, desk: Desk) -> None:
    """Items that were there at the beginning and still are, are all shown."""
    at_first = {str(one["id"]) for one in desk.box.conversations(state="open")}
    reading = pages(session, query={"field": "state", "operator": "!=", "value": "closed"})
    had, gone = [], set[str]()
    for number, page in enumerate(reading):
        had.append(page)
        if number % 5 == 0:
            desk.box.add_conversations(3, state="open")
            gone |= set(desk.box.touch(sorted(at_first - gone)[number : number + 2], "close"))
    assert at_first - gone <= set(ids(had)) and len(ids(had)) == len(set(ids(had)))


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 403}, {"kind": "garbage"}], ids=["403", "garbage"])
def test_what_breaks_one_part_is_raised_once_and_the_others_end(fault: dict[str, Any], session: Session, desk: Desk) -> None:
    """Their threads too; what was shown before stays."""
    desk.box.fault(body='"operator":"<"', after=12, **fault)
    had = []
    with pytest.raises(PermissionDenied if "status" in fault else Exception) as caught:
        had.extend(pages(session))  # as far as it comes
    assert had and not isinstance(caught.value, StopIteration) and Parts.of(had[-1].cursor)
    desk.box.clear_faults()
    rest = list(pages(session, had[-1].cursor))
    assert len({*ids(had), *ids(rest)}) == 420


def test_what_cannot_be_counted_is_one_cursor(session: Session, desk: Desk) -> None:
    """A server that refuses the range, or ignores it."""
    desk.box.fault("status", status=400, body='"per_page":1}')
    assert len(set(ids(list(pages(session))))) == 420
    desk.box.clear_faults()
    desk.box.fault("unfiltered")
    found = list(pages(session))
    assert len(ids(found)) == len(set(ids(found))) == 420


def test_a_second_pass_counts_nothing_again(session: Session, desk: Desk) -> None:
    """The cuts of the first pass are good for the next."""
    source = pages_of(session, {"endpoint": "conversations/search", "query": EVERY}, Options(page_size=SIZE))
    assert len(ids(list(source.pages()))) == 420
    first = counts(desk.box)
    assert len(ids(list(source.pages()))) == 420
    assert counts(desk.box) - first == 3 < first


OWN = """
import sys

from intercom_bulk_updater import IntercomBulkUpdater

class Reading(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "conversations/search"

    def get_search_query(self, **params):
        return {"field": "updated_at", "operator": ">", "value": 1}

    def get_item_id(self, item):
        return item["id"]

    def perform_action(self, item_id, **params):
        return {"id": item_id}

if __name__ == "__main__":
    Reading().bulk_process(batch_size=3, progress="none", verify=sys.argv[1])
"""


def test_a_run_that_is_killed_while_it_reads_goes_on_in_its_parts(desk: Desk) -> None:
    """`kill -9` in the midst of it: all are there in the end, and less is asked for than from the start."""
    desk.switch(latency=0.02)
    (desk.home / "own.py").write_text(OWN)
    process = subprocess.Popen([sys.executable, "own.py", "none"], env=desk.env, cwd=desk.home)
    assert until(lambda: len(searches(desk.box)) > 55, process)
    process.kill()
    process.wait()
    before = len(searches(desk.box))
    done = desk.here("runs", "resume", "latest", "--json", "--progress", "none", "--max-failures", "100%")
    # What was in flight at that moment is in doubt: an updater that does not say how it looks cannot be asked.
    assert done.counts["selected"] == done.counts["done"] + done.counts.get("in_doubt", 0) == 420, done.err
    assert len(searches(desk.box)) - before < before


def test_what_the_index_hides_at_first_is_found_by_a_later_pass(desk: Desk) -> None:
    """A search behind the truth: the parts are asked again, with the same cuts, until a pass brings nothing new."""
    desk.switch(hide_share=0.2)
    (desk.home / "own.py").write_text(OWN)
    subprocess.run([sys.executable, "own.py", "sample"], env=desk.env, cwd=desk.home, check=True)
    shown = desk.here("runs", "show", "latest", "--json").json
    assert (shown["counts"]["done"], shown["search"]["complete"]) == (420, True) and shown["search"]["passes"] > 1, shown


def test_an_outage_in_the_midst_of_the_reading_is_waited_for(session: Session, desk: Desk) -> None:
    """Nothing is missing after it, and meanwhile next to nothing is asked for."""
    desk.box.fault("outage", after=30, lasts=2.0)
    found = ids(list(pages(session)))
    assert len(found) == len(set(found)) == 420
    refused = sum(line["status"] == 503 for line in desk.box.log(1000))
    assert 0 < refused < 40, refused


def test_find_gives_each_item_once_and_explain_says_how_it_would_be_read(session: Session, desk: Desk) -> None:
    """In parts; with a limit, and where Intercom takes no filter, page after page."""
    names = WorkspaceNames(session.look, session.find_contacts)
    found = find(session, names, "conversations", Selection(where="created > 2001-01-01"), Options(page_size=SIZE))
    assert sorted(str(one["id"]) for one in found.once()) == sorted(str(one["id"]) for one in desk.box.conversations())
    assert counts(desk.box) and count_missing(found.search, len(found.known))["missing"] == 0
    explain = ("find", "--where", "created > 2001-01-01", "--explain", "--json")
    assert desk.here("conversations", *explain).json["reading"] == {"parts": True}
    few = desk.here("conversations", *explain, "--limit", "9").json["reading"]
    assert few == {"parts": False, "why": "--limit takes the first that come"}
    assert desk.here("companies", *explain).json["reading"] == {"parts": True}
    told = desk.here("companies", *explain, "--limit", "9")
    assert told.json["reading"]["parts"] is False, told.err


def test_a_list_is_read_with_the_memory_of_work_and_not_of_a_start(desk: Desk) -> None:
    """Garbage was looked for after 300,000 objects, as while modules are imported: a list of 12,000 took twice the memory."""
    code = (
        "import gc, sys; from intercom_bulk_updater.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\nprint(gc.get_threshold()[0], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "conversations", "find", "--where", "state = open", "--limit", "3"]
    done = subprocess.run(command, env=desk.env, cwd=desk.home, check=True, capture_output=True, text=True)
    assert done.stderr.split()[-1] == "10000", done.stderr
