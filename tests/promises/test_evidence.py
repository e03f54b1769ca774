"""Done only on evidence, failed only when nothing stands: what an action returns, against what the server saw."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from intercom_bulk_updater import BulkResult, Skip
from intercom_bulk_updater.api.messages import Exchange
from intercom_bulk_updater.updaters.hearing import guarding, watching
from intercom_bulk_updater.updaters.host_guard import HostGuard
from intercom_bulk_updater.updaters.request_watcher import RequestWatcher
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater


class Contacts(CustomUpdater):
    """One request to a contact by `requests`, and then whatever `ending` makes of the answer."""

    ending: Any = staticmethod(lambda response: None)
    path = "contacts"

    def perform_action(self, item_id: str, **_: Any) -> Any:
        return self.ending(requests.delete(f"{self.base_url}/{self.path}/{item_id}", headers=self.headers, timeout=30))


class ByClient(Contacts):
    """The same through the updater's own client."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        return self.ending(self.client.delete(f"{self.path}/{item_id}"))


class InAThread(Contacts):
    """The same in a thread that the action starts."""

    def perform_action(self, item_id: str, **more: Any) -> Any:
        found: list[Any] = []
        url = f"{self.base_url}/{self.path}/{item_id}"
        thread = threading.Thread(target=lambda: found.append(requests.delete(url, headers=self.headers, timeout=30)))
        thread.start()
        thread.join()
        return self.ending(found[0])




def ended(updater: type[Contacts], ending: Any, box: Sandbox, *, count: int = 2, path: str = "contacts", **more: Any) -> BulkResult:
    """Run it on some contacts, or on ids that are no contacts."""
    cls = type("Deletes", (updater,), {"ending": staticmethod(ending), "path": path})
    ids = [str(row["id"]) for row in box.contacts()[:count]] if hasattr(box, "contacts") else contacts(box, count)
    result: BulkResult = cls().bulk_process(item_ids=ids, progress="none", retries=1, **more)
    return result


def contacts(box: Sandbox, count: int) -> list[str]:
    answer = requests.get(f"{box.url}/contacts?per_page={count}", headers={"Authorization": f"Bearer {box.token}"}, timeout=30)
    return [row["id"] for row in answer.json()["data"]][:count]


def raises(_: Any) -> Any:
    raise KeyError("id")


def skips(_: Any) -> Any:
    raise Skip("not this one")


@pytest.mark.parametrize("updater", [Contacts, ByClient, InAThread])
@pytest.mark.parametrize(
    "ending",
    [lambda _: None, lambda _: False, lambda _: {"success": False}, lambda _: {"ok": False}, lambda _: (False, "no"),
     lambda _: {"error": "no"}, lambda _: (x for x in ()), raises, skips],
    ids=["None", "False", "success", "ok", "tuple", "error", "generator", "raises", "skips"],
)  # fmt: skip
def test_what_was_carried_out_is_never_failed(box: Sandbox, updater: type[Contacts], ending: Any) -> None:
    """A DELETE that was answered 200 stands, whatever the action says of it: done or in doubt, never failed or unchanged."""
    result = ended(updater, ending, box)
    assert (result.failed, result.skipped) == (0, 0)
    assert result.success + result.in_doubt == 2


@pytest.mark.parametrize("updater", [Contacts, InAThread])
@pytest.mark.parametrize(
    "ending",
    [lambda r: r, lambda r: r.ok, lambda r: True, lambda r: None, lambda r: "", lambda r: {}, lambda r: {"success": False},
     lambda r: (r.status_code, r.json()), lambda r: {"id": "1"}],
    ids=["response", "ok", "True", "None", "empty", "dict", "success", "tuple", "answer"],
)  # fmt: skip
def test_what_was_refused_is_never_done(box: Sandbox, updater: type[Contacts], ending: Any) -> None:
    """A write that was answered 404 is failed with that cause, whatever the action returns."""
    result = ended(updater, ending, box, path="contacts/gone")
    assert (result.success, result.failed, result.in_doubt) == (0, 2, 0), result.failures
    assert result.failures[0].cause.startswith("404")


def test_what_may_pass_is_tried_again_whatever_is_returned(box: Sandbox) -> None:
    """A 503 that the action swallows is a 503; a 429 waits for its window."""
    box.fault("status", status=503, method="DELETE", path="/contacts", count=1)
    box.fault("limit", method="DELETE", path="/contacts", every=3, count=1)
    result = ended(Contacts, lambda r: r.ok or False, box, count=3)
    assert (result.success, result.failed, result.in_doubt) == (3, 0, 0), result.failures
    assert result.retried >= 2 and result.throttled == 1


def test_an_action_that_handles_a_refusal_is_believed(box: Sandbox) -> None:
    """The last write decides: an own second try that succeeds is done."""
    box.fault("status", status=409, method="DELETE", path="/contacts", count=1)

    class TriesTwice(Contacts):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            super().perform_action(item_id)
            return super().perform_action(item_id)

    result = ended(TriesTwice, lambda r: {"ok": r.ok}, box, count=1)
    assert (result.success, result.failed) == (1, 0), result.failures


def test_a_lost_answer_that_is_swallowed_is_no_success(box: Sandbox) -> None:
    """A request that left and was never answered is no evidence, though the action returns a dict."""

    class Swallows(Contacts):
        def perform_action(self, item_id: str, **more: Any) -> Any:
            try:
                return super().perform_action(item_id)
            except requests.RequestException:
                return {"ok": True}

    box.fault("drop_before", method="DELETE", path="/contacts")
    assert ended(Swallows, lambda r: r.json(), box).success == 0


class TagsAndDeletes(Contacts):
    """A write that may be repeated and stands, and then one that is refused."""

    send, other = "requests", ""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        if self.send == "client":
            self.client.put(f"contacts/{item_id}", {"name": "Ann"})
            return self.client.delete(f"contacts/{self.other}")
        requests.put(f"{self.base_url}/contacts/{item_id}", headers=self.headers, json={"name": "Ann"}, timeout=30).raise_for_status()
        answer = requests.delete(f"{self.base_url}/contacts/{self.other}", headers=self.headers, timeout=30)
        answer.raise_for_status()
        return answer.json()


@pytest.mark.parametrize("lost", [False, True], ids=["", "lost at first"])
@pytest.mark.parametrize("status", [404, 409])
@pytest.mark.parametrize("send", ["client", "requests"])
def test_half_an_action_is_not_failed(box: Sandbox, send: str, status: int, lost: bool) -> None:
    """Where an earlier write of the item stands, the refusal of a later one leaves it in doubt, and says which went through.

    What it was to delete is there: of what is not, a look after a lost answer says that the deletion stands.
    """
    other = str(box.contacts()[-1]["id"])
    if lost:
        box.fault("drop_before", method="DELETE", count=1)
    box.fault("status", status=status, method="DELETE")
    cls = type("Half", (TagsAndDeletes,), {"send": send, "other": other})
    result = ended(cls, None, box)
    assert (result.success, result.failed, result.in_doubt) == (0, 0, 2)
    assert "had gone through before" in result.failures[0].example.message


def test_each_answer_belongs_to_its_request(box: Sandbox) -> None:
    """A connection that is used again after a lost answer: the first request stays unanswered, and the library is as it was."""
    from http.client import HTTPConnection, HTTPResponse

    exchanges: list[Exchange] = []
    guard, watch = HostGuard(box.url, (), "Mine"), RequestWatcher("", exchanges, lambda *_: None, lambda *_: None, 30.0)
    headers = {"Authorization": f"Bearer {box.token}"}
    connection = HTTPConnection(box.url.removeprefix("http://"))
    with guarding(guard), watching(watch):
        connection.request("POST", "/tags", body=b'{"name":', headers=headers)
        connection.close()
        connection.request("GET", "/me", headers=headers)
        connection.getresponse().read()
        connection.request("GET", "/nowhere?x=1", headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
    seen = [(one.method, one.path, one.status) for one in exchanges]
    assert seen == [("POST", "tags", 0), ("GET", "me", 200), ("GET", "nowhere", answer.status)] and answer.status >= 400
    assert type(answer) is HTTPResponse and "response_class" not in vars(connection)


def test_nothing_left_and_none_returned_is_failed(box: Sandbox) -> None:
    """Where certainly nothing was sent, None is a failure that says so."""

    class SendsNothing(Contacts):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            return self.ending(None)

    result = ended(SendsNothing, lambda _: None, box)
    assert (result.failed, result.in_doubt) == (2, 0)
    assert result.failures[0].cause == "perform_action returned None"


def test_a_name_that_does_not_resolve_sends_nothing(box: Sandbox) -> None:
    """A DNS failure, a refused proxy and a bad certificate under requests are no lost answers."""
    from urllib3.exceptions import MaxRetryError, NameResolutionError, ProxyError, SSLError

    from intercom_bulk_updater.api.retry import ErrorKind, classify

    for inner in (
        NameResolutionError("api.intercom.io", None, OSError(-2, "Name or service not known")),  # type: ignore[arg-type]
        ProxyError("Cannot connect to proxy", ConnectionRefusedError(111, "refused")),
        SSLError("SSLCertVerificationError(1, 'certificate verify failed')"),
    ):
        found = classify(requests.ConnectionError(MaxRetryError(None, "/x", inner)))  # type: ignore[arg-type]
        assert (found.kind, found.failure.cause) == (ErrorKind.NOT_APPLIED, "no connection"), inner


def test_another_server_is_not_intercom(box: Sandbox) -> None:
    """A refused connection, a 401 or a 503 of somebody else's server fails the item once, and says nothing about Intercom."""
    calls: list[str] = []

    class AsksACrm(CustomUpdater):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            calls.append(item_id)
            return requests.get("http://127.0.0.1:9/crm", timeout=5).json()

    result = AsksACrm().bulk_process(team_id="5001", max_items=2, progress="none", retries=0)
    assert (result.failed, len(calls)) == (2, 2)
    assert result.failures[0].cause == "ConnectionError"


class InAPool(Contacts):
    """From the threads of a pool that the action makes."""

    def perform_action(self, item_id: str, **more: Any) -> Any:
        with ThreadPoolExecutor(2) as pool:
            return pool.submit(super().perform_action, item_id, **more).result()


def test_what_a_pool_of_the_action_sends_is_seen(box: Sandbox) -> None:
    """Its threads are the action's own: what they were refused has failed, and what was carried out stands."""
    refused = ended(InAPool, lambda _: True, box, path="contacts/gone")
    assert (refused.success, refused.failed) == (0, 2), refused.failures
    carried_out = ended(InAPool, raises, box)
    assert carried_out.failed == 0 and carried_out.success + carried_out.in_doubt == 2, carried_out.failures
