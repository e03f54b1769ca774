"""A dry run of a person's own code writes nothing: what it was about to send, by whatever way and to whatever server, is refused."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Desk, at_desk
from intercom_bulk_updater import SafetyStop

from .network import MemorySandbox

SANDBOX = {"conversations": 20, "contacts": 0, "companies": 0, "tickets": 0}
MINE = '''
import os, threading, urllib.request
from concurrent.futures import ThreadPoolExecutor
import httpx, requests
from intercom_bulk_updater import IntercomBulkUpdater

OTHER = os.environ.get("OTHER", "")
NOTE = {"message_type": "note", "type": "admin", "admin_id": "991267700", "body": "hello"}


def by_client(self): self.client.post(f"conversations/{self.one}/reply", NOTE)
def by_swallowing(self):
    try: by_client(self)
    except Exception: pass
def by_thread(self):
    with ThreadPoolExecutor(1) as threads: threads.submit(by_client, self).result()
def by_lone_thread(self):
    thread = threading.Thread(target=by_swallowing, args=(self,))
    thread.start()
    thread.join()
def by_requests(self): requests.post(f"{OTHER}/hook?key=secret", json={"a": 1}, timeout=5)
def by_urllib(self): urllib.request.urlopen(urllib.request.Request(f"{OTHER}/hook", data=b"{}", method="PUT"), timeout=5)
def by_httpx_client(self):
    with self.httpx_client(timeout=5) as client: client.delete(f"{OTHER}/hook")
def by_httpx(self): httpx.post(f"{OTHER}/hook", json={}, timeout=5)
def by_search_elsewhere(self): requests.post(f"{OTHER}/contacts/search", json={}, timeout=5)
def by_reading(self):
    self.client.post("conversations/search", {"query": {"field": "state", "operator": "=", "value": "open"}})
    self.client.get("admins"); requests.get(f"{OTHER}/look", timeout=5)


class Writes(IntercomBulkUpdater):
    """Writes by `way` where `place` says."""
    customer_visible = False
    place = way = None
    def now(self, place):
        if place == self.place: self.way()
    def __init__(self, *args, **given):
        super().__init__(*args, **given)
        self.one = "1"
        self.now("__init__")
    def get_search_endpoint(self):
        self.now("get_search_endpoint")
        return "conversations/search"
    def get_search_query(self):
        self.now("get_search_query")
        return {"field": "state", "operator": "=", "value": "open"}
    def get_item_id(self, item):
        self.now("get_item_id")
        return item["id"]
    def before(self, item):
        self.now("before")
        return {"title": item["title"]}
    def change(self, item_id, before):
        self.now("change")
        return {"title": (before["title"], "x")}
    def is_done(self, item_id):
        self.now("is_done")
        return False
    def undo_action(self, item_id, before): return self.client.put(f"conversations/{item_id}", before)
    def perform_action(self, item_id): return self.client.put(f"conversations/{item_id}", {"title": "x"})


def attribute(name, value):
    def read(self):
        by_client(self)
        return value
    return type(f"reads_{name}", (Writes,), {name: property(read), "__module__": __name__})
for name, value in (("idempotent", True), ("requests_per_item", 1), ("items_per_request", 1), ("customer_visible", False),
                    ("side_effects", ""), ("reversibility", None), ("read_only", False)):
    globals()[f"reads_{name}"] = attribute(name, value)


PLACES = ("__init__", "get_search_endpoint", "get_search_query", "get_item_id", "before", "change", "is_done")
for name, way in [(name, way) for name, way in list(globals().items()) if name.startswith("by_")]:
    for place in PLACES:
        called = f"{place.strip('_')}_{name}"
        globals()[called] = type(called, (Writes,), {"place": place, "way": way, "__module__": __name__})
'''
PLAIN = ("--dry-run", "--limit", "3", "--progress", "none")


class Elsewhere:
    """Another server, which counts what it gets."""

    def __init__(self) -> None:
        self.got: list[str] = []
        got = self.got

        class Answers(http.server.BaseHTTPRequestHandler):
            def _answer(self) -> None:
                got.append(self.command)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    """A server that is not Intercom's."""
    there = Elsewhere()
    monkeypatch.setenv("OTHER", there.url)
    serving = threading.Thread(target=there.server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield there
    there.server.shutdown()
    serving.join()
    there.server.server_close()


@pytest.fixture
def desk(shop: MemorySandbox, tmp_path: Path, elsewhere: Elsewhere) -> Iterator[Desk]:
    """The command in this process, with own code beside it."""
    with at_desk(shop, tmp_path) as made:
        (made.home / "mine.py").write_text(MINE)
        yield made


@pytest.mark.parametrize("place", ["__init__", "get_search_endpoint", "get_search_query", "get_item_id", "before", "change"])
@pytest.mark.parametrize("way", ["client", "swallowing", "requests"])
def test_a_dry_run_lets_no_method_write(desk: Desk, elsewhere: Elsewhere, place: str, way: str) -> None:
    """It stops, says who was about to send what, that nothing was sent, and where it belongs."""
    refused = desk.here("run", f"mine.py:{place.strip('_')}_by_{way}", *PLAIN)
    assert (refused.code, desk.writes(), elsewhere.got) == (5, 0, [])
    said = " ".join(refused.err.split())
    what = f"POST hook to {elsewhere.url[7:]}" if way == "requests" else "POST conversations/1/reply to "
    assert f"_by_{way}.{place} was about to send {what}" in said and "secret" not in said
    assert "in a dry run. Nothing was sent: put what writes into perform_action" in said
    assert "nothing was written" not in said


@pytest.mark.parametrize(
    "name", ["idempotent", "requests_per_item", "items_per_request", "customer_visible", "side_effects", "reversibility", "read_only"]
)
def test_nor_may_a_property(desk: Desk, name: str) -> None:
    """What a class says about itself may be worked out, and is code like any other."""
    refused = desk.here("run", f"mine.py:reads_{name}", *PLAIN)
    assert (refused.code, desk.writes()) == (5, 0)
    assert f"reads_{name}.{name} was about to send POST conversations/1/reply to " in " ".join(refused.err.split())


@pytest.mark.parametrize("way", ["urllib", "httpx_client", "search_elsewhere"])
def test_whatever_library_sends_it(desk: Desk, elsewhere: Elsewhere, way: str) -> None:
    """Also what would be a search, were it Intercom's."""
    refused = desk.here("run", f"mine.py:before_by_{way}", *PLAIN)
    assert (refused.code, elsewhere.got) == (5, []) and "Nothing was sent" in refused.err


def test_what_is_seen_too_late_is_told(desk: Desk, elsewhere: Elsewhere) -> None:
    """httpx with sockets of its own: once, and the dry run does not end well."""
    told = desk.here("run", "mine.py:before_by_httpx", *PLAIN)
    assert (told.code, elsewhere.got) == (5, ["POST"])
    assert "before has sent POST hook to" in told.err and "too late to be refused" in told.err


def test_what_self_client_sends_from_a_thread_is_refused(desk: Desk) -> None:
    """Where no Python tells whose thread it is, too."""
    refused = desk.here("run", "mine.py:before_by_thread", *PLAIN)
    assert (refused.code, desk.writes()) == (5, 0) and "in a dry run. Nothing was sent: put what writes into perform_action" in refused.err


@pytest.mark.parametrize("place", ["__init__", "get_search_query", "get_item_id", "before", "change"])
def test_a_refusal_that_only_a_thread_has_heard_stops_it_too(desk: Desk, place: str) -> None:
    """Whatever became of the error there: the dry run does not end well."""
    refused = desk.here("run", f"mine.py:{place.strip('_')}_by_lone_thread", *PLAIN)
    assert (refused.code, desk.writes()) == (5, 0)
    assert "POST conversations/1/reply" in refused.err and "Nothing was sent: put what writes into perform_action" in refused.err


@pytest.mark.parametrize("place", ["__init__", "get_search_query", "get_item_id", "before", "change"])
def test_reading_is_no_write(desk: Desk, elsewhere: Elsewhere, place: str) -> None:
    """Lists, searches of Intercom, and a GET from another server."""
    looked = desk.here("run", f"mine.py:{place.strip('_')}_by_reading", *PLAIN)
    assert looked.code == 0 and desk.writes() == 0 and set(elsewhere.got) == {"GET"}, looked.err


def test_every_rehearsal_refuses(desk: Desk, box: MemorySandbox, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan, a preview, `bulk_process(dry_run=True)`, the dry run of an undo; a run does as it is told."""
    done = desk.here("run", "mine.py:before_by_requests", "--yes", "--limit", "2", "--progress", "none", "--json")
    assert done.counts["done"] == 2 and elsewhere.got
    elsewhere.got.clear()
    for command in (("run", "mine.py:before_by_client", "--plan", "p.jsonl", "--limit", "3"), ("undo", "latest", "--dry-run")):
        refused = desk.here(*command)
        assert refused.code == 5 and ".before was about to send" in refused.err and "Nothing was sent" in refused.err
    monkeypatch.syspath_prepend(str(desk.home))
    import mine  # type: ignore[import-not-found]

    before = desk.writes()
    with pytest.raises(SafetyStop, match="change_by_client.change was about to send"):
        bulk.preview(mine.change_by_client, limit=3)
    for place in ("get_search_query", "get_item_id", "before", "change"):
        with pytest.raises(SafetyStop, match=f"{place}_by_requests.{place} was about to send POST hook"):
            getattr(mine, f"{place}_by_requests")().bulk_process(dry_run=True, max_items=3, progress="none")
    assert (desk.writes(), elsewhere.got) == (before, [])


def test_a_run_after_a_dry_run_writes(box: MemorySandbox, desk: Desk, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same object; what its methods write in a run is their own affair."""
    monkeypatch.syspath_prepend(str(desk.home))
    import mine

    updater = mine.Writes()
    assert updater.bulk_process(dry_run=True, max_items=3, progress="none").pending == 3
    assert updater.bulk_process(max_items=3, progress="none")["success"] == 3
