"""A long list whose pages have numbers is read in ranges of pages at the same time; it shows what it shows page after page."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from intercom_bulk_updater.model import Page
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.runs.session import Session
from intercom_bulk_updater.runs.stored_query import pages_of
from intercom_bulk_updater.search.endpoints import endpoint_for
from intercom_bulk_updater.search.paginator import EndpointSource
from intercom_bulk_updater.settings import load
from intercom_sandbox import Sandbox

from .desk import Desk

SANDBOX = {"conversations": 1, "contacts": 900, "companies": 260, "latency": 0.02}
SIZE = 10  # companies a page: 260 are 26 pages


@pytest.fixture
def session(desk: Desk) -> Iterator[Session]:
    with Session(load(access_token="sandbox-token", base_url=desk.box.url, home=desk.home)) as made:
        yield made
    assert not [thread for thread in threading.enumerate() if thread.name == "search"]


def ids(found: list[Page]) -> list[str]:
    return [str(item["id"]) for page in found for item in page.items]


def one_by_one(session: Session) -> list[str]:
    """What the list shows page after page: companies that have users."""
    end = endpoint_for("companies/list")
    shown = ids(list(EndpointSource(session.client, session.stop, end, page_size=SIZE).pages()))
    assert len(shown) == len(set(shown)) > 20 * SIZE
    return shown


def listing(session: Session, cursor: str | None = None) -> Iterator[Page]:
    return pages_of(session, {"endpoint": "companies/list", "query": {}}, Options(page_size=SIZE, retries=1)).pages(cursor)


def listings(box: Sandbox) -> list[str]:
    return [line["path"] for line in box.log(1000) if "companies/list" in line["path"]]


def test_a_list_whose_pages_have_numbers_is_read_in_ranges(session: Session, desk: Desk) -> None:
    """Each page is asked for once, several at a time, and the total once more; it goes on where each range stood."""
    expected = one_by_one(session)
    asked, pages = len(listings(desk.box)), -(-len(expected) // SIZE)
    assert desk.box.stats()["max_in_flight"] == 1
    assert sorted(ids(list(listing(session)))) == sorted(expected)
    assert len(listings(desk.box)) - asked == pages + 1
    assert desk.box.stats()["max_in_flight"] > 2
    reading = listing(session)
    had = [next(reading) for _ in range(9)]
    reading.close()  # type: ignore[attr-defined]
    assert sorted({*ids(had), *ids(list(listing(session, had[-1].cursor)))}) == sorted(expected)


def test_a_list_that_refuses_a_page_is_read_page_after_page(session: Session, desk: Desk) -> None:
    """One that has become shorter meanwhile may: what it shows from its start is all of it."""
    expected = one_by_one(session)
    desk.box.fault(kind="status", status=404, path="/companies/list", after=5, count=1)
    found = list(listing(session))
    assert sum(page.anew for page in found) == 1
    assert set(ids(found)) == set(expected)
