"""A message that was refused though it stands, or whose answer is no use, and that the action's own code sends again."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import httpx
import pytest
import requests

from intercom_sandbox import Sandbox, running

from .test_original_readme import CustomUpdater
from .test_unseen import twice


def replies(box: Sandbox) -> int:
    """Conversations that have a reply of ours once."""
    return int((box.audit()["kinds"].get("comment") or {"1": 0})["1"])


class Sends(CustomUpdater):
    """The same reply, by three libraries."""

    def body(self, text: str = "We are back.") -> dict[str, Any]:
        return {"message_type": "comment", "type": "admin", "admin_id": self.admin_id, "body": text}

    def by_client(self, item_id: str) -> Any:
        return self.client.post(f"conversations/{item_id}/reply", self.body())

    def by_requests(self, item_id: str) -> Any:
        answer = requests.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=self.body(), timeout=5)
        answer.raise_for_status()
        return answer.json()

    def by_urllib(self, item_id: str) -> Any:
        url, body = f"{self.base_url}/conversations/{item_id}/reply", json.dumps(self.body()).encode()
        request = urllib.request.Request(url, body, {**self.headers, "Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())


class ClientThenRequests(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        with contextlib.suppress(Exception):
            return self.by_client(item_id)
        return self.by_requests(item_id)


class ClientThenUrllib(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        with contextlib.suppress(Exception):
            return self.by_client(item_id)
        return self.by_urllib(item_id)


class UntilItCanBeRead(Sends):
    """Three times at most."""

    passes: type[Exception] = ValueError

    def perform_action(self, item_id: str, **_: Any) -> Any:
        for _ in range(3):
            with contextlib.suppress(self.passes):
                return self.by_requests(item_id)
        return None


class ByAnotherName(UntilItCanBeRead):
    """This machine has several."""

    passes = Exception

    def by_requests(self, item_id: str) -> Any:
        url = f"{self.base_url}/conversations/{item_id}/reply".replace("127.0.0.1", "localhost")
        answer = requests.post(url, headers=self.headers, json=self.body(), timeout=5)
        answer.raise_for_status()
        return answer.json()


class FromAPool(Sends):
    """In a thread that the action starts, in a loop."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            for _ in range(3):
                sent = pool.submit(self.by_requests, item_id)
                if not sent.exception():
                    return sent.result()
        return None


@pytest.mark.parametrize("status", [422, 403])
@pytest.mark.parametrize("updater", [ClientThenRequests, ClientThenUrllib, FromAPool, ByAnotherName])
def test_what_was_refused_and_stands_does_not_leave_again(box: Sandbox, updater: type[Sends], status: int) -> None:
    """The look shows it; the second, which another library is to send, is refused before it leaves."""
    box.fault("error_after", status=status, on="write", path="/reply$", count=1)
    result = updater().bulk_process(team_id="5001", max_items=2, parallel_workers=1, progress="none", timeout=2.0)
    assert (twice(box), result["failed"], result["success"] + result.in_doubt) == (0, 0, 2), result.failures
    assert box.audit()["kinds"]["comment"]["1"] == 2


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "error_after", "status": 503}], ids=str)
def test_what_was_lost_does_not_leave_again_from_a_pool(box: Sandbox, fault: dict[str, Any]) -> None:
    """As in the action's own thread."""
    box.fault(on="write", path="/reply$", count=1, **fault)
    result = FromAPool().bulk_process(team_id="5001", max_items=2, parallel_workers=1, progress="none", timeout=2.0)
    assert (twice(box), result["failed"], result["success"] + result.in_doubt) == (0, 0, 2), result.failures


class Together(Sends):
    """Two replies to one conversation at the same time, each with its own text."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        url = f"{self.base_url}/conversations/{item_id}/reply"
        with ThreadPoolExecutor(2) as pool:
            sent = [pool.submit(self.post, url, headers=self.headers, json=self.body(text), timeout=5) for text in ("One.", "Two.")]
        return all(one.result().status_code == 200 for one in sent)

    def post(self, url: str, **how: Any) -> Any:
        return requests.post(url, **how)


class TogetherByHttpx(Together):
    def post(self, url: str, **how: Any) -> Any:
        return self.httpx_client().post(url, **how)


@pytest.mark.parametrize("updater", [Together, TogetherByHttpx])
def test_two_messages_at_the_same_time_are_no_repetition(box: Sandbox, updater: type[Sends]) -> None:
    """The first is still on its way when the second leaves; neither is lost."""
    box.fault("slow", seconds=0.3, on="write", path="/reply$")
    result = updater().bulk_process(team_id="5001", max_items=1, progress="none")
    assert (result["success"], box.audit()["kinds"]["comment"]["writes"]) == (1, 2), result.failures


class NamedWithAnotherText(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        for tried in range(3):
            with contextlib.suppress(Exception):
                return self.client.post(f"conversations/{item_id}/reply", self.body(f"We are back, {tried}."), once="reply")
        return None


@pytest.mark.parametrize("look", [{"kind": "status", "status": 503}, {"kind": "wrong", "value": []}], ids=lambda look: look["kind"])
def test_the_first_text_of_a_named_step_stands_where_its_look_fails(box: Sandbox, look: dict[str, Any]) -> None:
    """It was refused, and nobody could see whether it stands: no other text leaves in its place."""
    box.fault("error_after", status=404, on="write", path="/reply$", count=1)
    box.fault(on="look", path=r"^/conversations/\d+$", count=1, **look)
    result = NamedWithAnotherText().bulk_process(team_id="5001", max_items=1, progress="none", timeout=2.0)
    assert (twice(box), result["failed"], result["success"] + result.in_doubt) == (0, 0, 1), result.failures
    assert box.audit()["kinds"]["comment"]["writes"] == 1


class InPieces(UntilItCanBeRead):
    """The body leaves in chunks."""

    def by_requests(self, item_id: str) -> Any:
        body = json.dumps(self.body()).encode()
        headers = {**self.headers, "Content-Type": "application/json"}
        url = f"{self.base_url}/conversations/{item_id}/reply"
        return requests.post(url, headers=headers, data=iter([body[:9], body[9:]]), timeout=5).json()


class RequestsThenClient(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        with contextlib.suppress(ValueError):
            return self.by_requests(item_id)
        return self.by_client(item_id)


@pytest.mark.parametrize("updater", [UntilItCanBeRead, InPieces, RequestsThenClient])
def test_the_same_message_twice_is_not_done(box: Sandbox, updater: type[Sends]) -> None:
    """Answered 200 with what is no JSON, which only the action sees: two may be there, and done would be too much to say."""
    box.fault("garbage", commit="before", on="write", path="/reply$", count=1)
    result = updater().bulk_process(team_id="5001", max_items=2, parallel_workers=1, progress="none", timeout=2.0)
    assert (result["success"], result["failed"], result.in_doubt) == (1, 0, 1), result.failures
    assert "sent the same message 2 times" in result.failures[0].cause


class ThenAsksAnother(Sends):
    """A reply, and then a server of its own that is not there; urllib's error names neither."""

    sends = "by_client"

    def perform_action(self, item_id: str, **_: Any) -> Any:
        sent = getattr(self, self.sends)(item_id)
        urllib.request.urlopen("http://127.0.0.1:1/crm", timeout=5)
        return sent


@pytest.mark.parametrize("sends", ["by_client", "by_requests", "by_urllib"])
def test_that_another_server_is_not_there_is_no_word_on_what_was_sent(box: Sandbox, sends: str) -> None:
    """The reply was taken for the request that had found no server: it went out four times, and was called failed."""
    result = type("Asks", (ThenAsksAnother,), {"sends": sends})().bulk_process(team_id="5001", max_items=1, progress="none")
    assert (result.success + result.in_doubt, result.failed, twice(box)) == (1, 0, 0), result.failures
    assert box.audit()["kinds"]["comment"]["1"] == 1


class FollowsAway(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        return self.by_urllib(item_id)


def test_a_redirect_to_where_nobody_is_does_not_send_it_again(box: Sandbox) -> None:
    """Urllib follows it, and says that it found no server: the reply had left all the same."""
    box.fault("redirect", on="write", status=302, commit="before", count=1, location="http://127.0.0.1:1/away")
    result = FollowsAway().bulk_process(team_id="5001", max_items=1, progress="none")
    assert (result.success + result.in_doubt, result.failed, twice(box)) == (1, 0, 0), result.failures
    assert box.audit()["kinds"]["comment"]["1"] == 1


class ThenIsRefusedElsewhere(ThenAsksAnother):
    """A reply, and then a server of its own that has had enough."""

    other: str

    def perform_action(self, item_id: str, **_: Any) -> Any:
        sent = getattr(self, self.sends)(item_id)
        urllib.request.urlopen(self.other, b"{}", timeout=5)
        return sent


def test_what_another_server_refuses_by_urllib_is_not_intercoms_word(box: Sandbox) -> None:
    """Its 429 was taken for Intercom's own, and the reply went out with each try."""
    with running(conversations=1) as other:
        other.fault("status", status=429)
        cls = type("Refused", (ThenIsRefusedElsewhere,), {"sends": "by_requests", "other": f"{other.url}/crm"})
        result = cls().bulk_process(team_id="5001", max_items=1, progress="none")
    assert (result.in_doubt, result.failed, twice(box)) == (1, 0, 0), result.failures


class WithAWebhook(ThenIsRefusedElsewhere):
    """A reply, and httpx to a server of its own, which answers, refuses or is not there."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        with contextlib.suppress(httpx.HTTPError):
            httpx.post(self.other, json={}, timeout=5)
        sent = getattr(self, self.sends)(item_id)
        with contextlib.suppress(httpx.HTTPError):
            httpx.post(self.other, json={}, timeout=5).raise_for_status()
        return sent


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("sends", ["by_client", "by_requests"])
def test_httpx_to_another_server_puts_nothing_in_doubt(box: Sandbox, sends: str, there: bool) -> None:
    """Every item was in doubt, for it had "not been answered"."""
    with running(conversations=1) as other:
        url = f"{other.url}/crm" if there else "http://127.0.0.1:1/crm"
        result = type("Webhook", (WithAWebhook,), {"sends": sends, "other": url})().bulk_process(
            team_id="5001", max_items=2, progress="none"
        )
    assert (result.success, result.in_doubt, result.failed, twice(box)) == (2, 0, 0, 0), result.failures


def test_a_limit_that_urllib_meets_is_waited_for_without_a_look(box: Sandbox) -> None:
    """It is said of the run: a look in between, which was limited too, left the item in doubt, and nothing was sent."""
    box.fault("overload", on="write", retry_after=1, count=1)
    before = len(box.log(10_000))
    result = FollowsAway().bulk_process(team_id="5001", max_items=1, progress="none")
    assert (result.success, result.in_doubt, result.failed, twice(box)) == (1, 0, 0, 0), result.failures
    asked = [(one["method"], one["status"]) for one in box.log(10_000)[before:] if "/conversations/2" in one["path"]]
    assert asked == [("POST", 429), ("POST", 200)], asked


class OwnError(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        answer = requests.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=self.body(), timeout=5)
        if not answer.ok:
            raise RuntimeError(f"Intercom said {answer.status_code}")
        return answer.json()


def test_a_limit_of_which_the_code_makes_its_own_error_is_waited_for(box: Sandbox) -> None:
    """Retry-After was not heard of, and each item was tried again at once: 200 requests a second."""
    box.fault("outage", on="write", lasts=2, status=429, retry_after="left")
    before = len(box.log(10_000))
    result = OwnError().bulk_process(team_id="5001", max_items=4, progress="none")
    assert (result.success, result.in_doubt, result.failed, twice(box)) == (4, 0, 0, 0), result.failures
    assert len([one for one in box.log(10_000)[before:] if one["status"] == 429]) <= 8


class ReadsFirst(Sends):
    ends: ClassVar[Any] = RuntimeError("Intercom is away")

    def perform_action(self, item_id: str, **_: Any) -> Any:
        answer = requests.get(f"{self.base_url}/conversations/{item_id}", headers=self.headers, timeout=5)
        if not answer.ok and isinstance(self.ends, Exception):
            raise self.ends
        return self.by_requests(item_id) if answer.ok else self.ends


class ReadsAndReturnsNothing(ReadsFirst):
    ends = None


class ReadsAndReturnsAnEmptyDict(ReadsFirst):
    ends: ClassVar[Any] = {}


class ReadsAndSaysYes(ReadsFirst):
    ends: ClassVar[Any] = {"ok": True}


class DiesInAThread(Sends):
    """What the thread raises is lost with it."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        def work() -> None:
            answer = requests.get(f"{self.base_url}/conversations/{item_id}", headers=self.headers, timeout=5)
            if answer.ok:
                self.by_requests(item_id)

        threading.Thread(target=work).start()
        return {"ok": True}


@pytest.mark.parametrize("updater", [ReadsFirst, ReadsAndReturnsNothing, ReadsAndReturnsAnEmptyDict, ReadsAndSaysYes, DiesInAThread])
@pytest.mark.parametrize("status", [429, 503])
def test_a_refused_read_of_which_the_code_makes_its_own_error_is_waited_for(box: Sandbox, updater: type[Sends], status: int) -> None:
    """Each item was charged for it at once; and of a dict nobody asked what had been read."""
    before = replies(box)
    box.fault("outage", on="look", lasts=1.5, status=status, only_matching=True)
    result = updater().bulk_process(team_id="5001", max_items=4, progress="none")
    assert (result.success, result.in_doubt, result.failed, twice(box)) == (4, 0, 0, 0), result.failures
    assert replies(box) - before == 4


def test_an_empty_result_after_a_read_that_was_refused_is_not_done(box: Sandbox) -> None:
    """It was the only request that had left."""
    box.fault("status", on="look", status=404)
    result = ReadsAndReturnsAnEmptyDict().bulk_process(team_id="5001", max_items=4, progress="none")
    assert result.success == 0, result.failures
