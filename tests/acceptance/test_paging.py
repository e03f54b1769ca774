"""Every way Intercom turns pages, read from a server on a real socket: nothing missed, nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from intercom_bulk_updater import IntercomBulkUpdater, UsageError
from intercom_bulk_updater.search.endpoints import endpoint_for
from intercom_bulk_updater.search.paginator import EndpointSource
from intercom_bulk_updater.stop import Stop
from intercom_sandbox import running
from whole.network import in_memory


class Reader(IntercomBulkUpdater):
    """Reads an endpoint; acting is one more GET, so that nothing changes."""

    endpoint = ""

    def get_search_endpoint(self) -> str:
        return self.endpoint

    def get_search_query(self, **_: Any) -> dict[str, Any]:
        resource = self.endpoint.split("/")[0]
        if self.endpoint == f"{resource}/search":
            return {"field": "created_at", "operator": ">", "value": 1}
        return {}

    def get_item_id(self, item: dict[str, Any]) -> str:
        return str(item["id"])

    def perform_action(self, item_id: str, **_: Any) -> dict[str, Any] | None:
        return self.client.get(f"{self.endpoint.split('/')[0]}/{item_id}")


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        ("contacts/search", "contacts"),
        ("contacts", "contacts"),
        ("conversations", "conversations"),
        ("tickets/search", "tickets"),
        ("companies/list", "companies"),
        ("companies/scroll", "companies"),
    ],
)
def test_an_endpoint_is_read_to_its_end(
    endpoint: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cursors, lists, page numbers and the scroll each give every item once."""
    sizes = {"conversations": 310, "contacts": 320, "companies": 250, "tickets": 170}
    with running(seed=5, limit=100_000, in_process=False, **sizes) as box:
        for name, value in box.env().items():
            monkeypatch.setenv(name, value)
        updater = type("Reading", (Reader,), {"endpoint": endpoint})(home=tmp_path)
        result = updater.bulk_process(progress="none")
        assert result.failed == 0, result.failures
        # Companies without users are never listed, so the server's own count is what is to be reached.
        expected = updater.client.post("companies/list")["total_count"] if kind == "companies" else sizes[kind]
        assert expected > 120
        assert result.success == result.selected == expected
        reads = [line for line in box.log(2000) if line["method"] == "GET" and line["path"].count("/") == 2]
        paths = [line["path"] for line in reads if f"/{kind}/" in line["path"] and "scroll" not in line["path"]]
        assert len(paths) == len(set(paths)) == expected
        updater.close()


def test_an_unknown_endpoint_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place of the items is never guessed: an endpoint that is not known is an error that names those that are."""
    monkeypatch.setenv("INTERCOM_ACCESS_TOKEN", "sandbox-token")
    monkeypatch.setenv("INTERCOM_BASE_URL", "http://127.0.0.1:9")
    updater = type("Reading", (Reader,), {"endpoint": "gadgets/search"})(home=tmp_path)
    with pytest.raises(UsageError, match="conversations/search"):
        updater.bulk_process(progress="none")


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "drop_after"}, {"kind": "html200", "commit": "before"}])
def test_a_scroll_whose_answer_was_lost_begins_again(fault: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer moves the scroll on, so that asking again would skip a page: it is read from its start instead."""
    with in_memory(seed=5, conversations=20, contacts=900, companies=250, limit=100_000) as box:
        for name, value in box.env().items():
            monkeypatch.setenv(name, value)
        updater = Reader(home=tmp_path)
        listed = updater.client.post("companies/list")["total_count"]
        box.fault(path="/companies/scroll$", after=1, count=1, **fault)
        source = EndpointSource(updater.client, Stop(), endpoint_for("companies/scroll"))
        assert len({one["id"] for page in source.pages() for one in page.items}) == listed > 200
        updater.close()


@pytest.mark.parametrize(("times", "read"), [(1, 229), (0, 200)])
def test_a_scroll_that_is_gone_after_a_full_page_begins_again(
    times: int, read: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some scrolls end with a 404, and a scroll that has died answers so too: two readings that end alike are the end."""
    with running(seed=5, conversations=20, contacts=900, companies=250, scroll_seconds=0.3, limit=100_000) as box:
        for name, value in box.env().items():
            monkeypatch.setenv(name, value)
        updater = Reader(home=tmp_path)
        assert updater.client.post("companies/list")["total_count"] == 229
        # The third page of the first reading, or of each; a page is asked for by its scroll's parameter.
        box.fault(kind="status", path="/companies/scroll$", status=404, every=3, count=times)
        source = EndpointSource(updater.client, Stop(), endpoint_for("companies/scroll"))
        assert len({one["id"] for page in source.pages() for one in page.items}) == read
        updater.close()


def test_the_companies_of_a_contact_are_found_under_either_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference says `companies` in its schema and `data` in its example; both are read, nothing else is."""
    with running(seed=5, conversations=20, contacts=60, limit=100_000) as box:
        for name, value in box.env().items():
            monkeypatch.setenv(name, value)
        updater = Reader(home=tmp_path)
        users = updater.client.get("contacts", params={"per_page": 50})["data"]
        contact = next(one["id"] for one in users if one["companies"]["data"])
        for key in ("companies", "data"):
            box.control(attached_companies_key=key)
            source = EndpointSource(updater.client, Stop(), endpoint_for(f"contacts/{contact}/companies"))
            assert [one["type"] for page in source.pages() for one in page.items] == ["company"]
        updater.close()
