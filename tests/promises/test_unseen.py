"""What an action may have sent by ways that nobody sees through is never called failed, and never sent a second time."""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import json
import socket
import subprocess
import threading
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from intercom_bulk_updater import IntercomBulkError, SafetyStop, Skip, StopRun, open_run
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater


class Replies(CustomUpdater):
    """Replies by some way, and tells what it is told to."""

    ends: Any = None

    def perform_action(self, item_id: str, **_: Any) -> Any:
        self.send(item_id)
        if isinstance(self.ends, BaseException):
            raise self.ends
        return self.client.put(f"conversations/{item_id}", {"title": "x"}) if self.ends == "put" else self.ends

    def send(self, item_id: str) -> None:
        raise NotImplementedError

    def body(self) -> dict[str, Any]:
        return {"message_type": "comment", "type": "admin", "admin_id": self.admin_id, "body": "We are back."}

    def post_by(self, way: socket.socket, item_id: str) -> bytes:
        body = json.dumps(self.body()).encode()
        head = f"POST /conversations/{item_id}/reply HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.access_token}\r\n"
        way.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return way.recv(100_000)

    def connect(self) -> socket.socket:
        there = urlsplit(self.base_url)
        return socket.create_connection((there.hostname, there.port))


class BySocket(Replies):
    def send(self, item_id: str) -> None:
        with self.connect() as way:
            self.post_by(way, item_id)


class ByKeptSocket(Replies):
    """One connection for all items: it is opened once."""

    kept: ClassVar[list[socket.socket]] = []
    one_at_a_time = threading.Lock()

    def send(self, item_id: str) -> None:
        with self.one_at_a_time:
            if not self.kept:
                self.kept.append(self.connect())
            self.post_by(self.kept[0], item_id)


class BySubprocess(Replies):
    def send(self, item_id: str) -> None:
        subprocess.run(["true"], check=True)


class ByLibraryInC(Replies):
    def send(self, item_id: str) -> None:
        ctypes.CDLL(None).getpid()


class ByThread(Replies):
    def send(self, item_id: str) -> None:
        url = f"{self.base_url}/conversations/{item_id}/reply"
        ended = threading.Event()

        def post() -> None:
            requests.post(url, headers=self.headers, json=self.body(), timeout=5)
            ended.set()

        _thread.start_new_thread(post, ())
        assert ended.wait(10)


WAYS = [BySocket, ByKeptSocket, BySubprocess, ByLibraryInC, ByThread]


@pytest.mark.parametrize("ends", [None, False, {}, ValueError("no")], ids=repr)
@pytest.mark.parametrize("way", WAYS)
def test_what_may_have_left_is_in_doubt(box: Sandbox, way: type[Replies], ends: Any) -> None:
    """It is not said that nothing was sent, and a retry of failures has nothing to do."""
    ending = type(way.__name__, (way,), {"ends": ends, "__module__": __name__})
    try:
        result = ending().bulk_process(team_id="5001", max_items=3, parallel_workers=1, progress="none")
    finally:
        while ByKeptSocket.kept:
            ByKeptSocket.kept.pop().close()
    seen = 3 if way is ByThread and ends == {} else 0  # its path names the item, and its answer says enough for an empty value
    assert (result["success"], result["failed"], result.in_doubt) == (seen, 0, 3 - seen)
    assert not any("sent nothing" in f"{group.cause} {group.example.message}" for group in result.failures)
    assert twice(box) == 0
    open_run(result.run_id).retry()
    assert twice(box) == 0


@pytest.mark.parametrize("way", [BySocket, BySubprocess])
def test_what_may_have_left_before_a_skip_is_in_doubt(box: Sandbox, way: type[Replies]) -> None:
    """It was called unchanged. An item whose action opened nothing is skipped as it says."""
    ending = type(way.__name__, (way,), {"ends": Skip("no"), "__module__": __name__})
    assert ending().bulk_process(team_id="5001", max_items=2, parallel_workers=1, progress="none").in_doubt == 2
    quiet = type(way.__name__, (ending,), {"send": lambda *_: None, "__module__": __name__})
    assert quiet().bulk_process(team_id="5001", max_items=2, parallel_workers=1, progress="none").unchanged == 2


class ByRequests(Replies):
    """Whatever becomes of it."""

    def send(self, item_id: str) -> None:
        with contextlib.suppress(requests.RequestException):
            requests.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=self.body(), timeout=5)


ENDS_THE_RUN = (StopRun("enough"), SystemExit(2), KeyboardInterrupt(), SafetyStop("no"), "put")


@pytest.mark.parametrize(
    ("way", "ends"),
    [*((way, ends) for way in (BySocket, ByRequests) for ends in ENDS_THE_RUN), (BySubprocess, StopRun("enough")), (ByThread, "put")],
    ids=lambda one: one.__name__ if isinstance(one, type) else repr(one),
)
def test_what_may_have_left_is_in_doubt_when_the_action_ends_the_run(
    box: Sandbox, way: type[Replies], ends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resume looks, and leaves it where nothing tells; the other items it does."""
    begun: list[str] = []
    send = way.send
    monkeypatch.setattr(way, "send", lambda self, item_id: (begun.append(item_id), send(self, item_id)))
    monkeypatch.setattr(way, "ends", ends)
    box.fault("status", status=401, method="PUT")
    if way is ByRequests:
        box.fault("drop_after", path="/reply$", count=1)
    with pytest.raises((IntercomBulkError, KeyboardInterrupt)) as ended:
        way().bulk_process(team_id="5001", max_items=3, parallel_workers=1, progress="none")
    box.clear_faults()
    monkeypatch.setattr(way, "ends", True)
    run = open_run(ended.value.run_id)  # type: ignore[union-attr] # KeyboardInterrupt has it too
    in_doubt = set(begun)
    assert len(begun) == 1 or not isinstance(ends, BaseException), begun  # nobody begins another item after that
    assert ended.value.result.in_doubt == len(begun) > 0  # type: ignore[union-attr]
    run = run.resume()
    assert {item.id for item in run.items("in_doubt")} == in_doubt and len(list(run.items("done"))) == 3 - len(in_doubt)
    run.retry()
    assert len(begun) == len(set(begun)) == 3 and twice(box) == 0


class ThenReads(BySocket):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        self.send(item_id)
        return self.client.get(f"conversations/{item_id}")


class ThenWrites(BySocket):
    ends: Any = "put"


class ThenIsRefused(BySocket):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        """It swallows the error."""
        self.send(item_id)
        with contextlib.suppress(IntercomBulkError):
            self.client.put(f"conversations/{item_id}", {"title": "x"})


@pytest.mark.parametrize("tells", [False, True])
@pytest.mark.parametrize(
    ("then", "fault"),
    [
        (ThenWrites, {"kind": "limit"}),
        (ThenWrites, {"kind": "status", "status": 422}),
        (ThenReads, {"kind": "status", "status": 503}),
        (ThenReads, {"kind": "status", "status": 403}),
        (ThenIsRefused, {"kind": "status", "status": 422}),
    ],
    ids=lambda one: one.__name__ if isinstance(one, type) else str(one),
)
def test_a_later_request_that_is_refused_proves_nothing(box: Sandbox, then: type[BySocket], fault: dict[str, Any], tells: bool) -> None:
    """Neither that nothing was sent, nor that all may be sent again: is_done is asked first, where there is one."""

    def is_done(self: Replies, item_id: str) -> bool:
        return "We are back." in str(self.client.get(f"conversations/{item_id}"))

    updater = type(then.__name__, (then,), {"__module__": __name__, **({"is_done": is_done} if tells else {})})
    box.fault(path=r"/conversations/\d+$", count=1, **fault)
    result = updater().bulk_process(team_id="5001", max_items=2, parallel_workers=1, progress="none", timeout=2.0)
    assert (result["failed"], twice(box)) == (0, 0)
    assert (result["success"] == 2) is tells and (result.in_doubt > 0) is not tells


def test_what_it_says_is_done(box: Sandbox) -> None:
    """A return value that says so is believed, as ever."""
    done = type("Done", (BySocket,), {"ends": {"ok": True}, "__module__": __name__})
    assert done().bulk_process(team_id="5001", max_items=3, progress="none")["success"] == 3


def test_a_database_is_no_way_to_intercom(box: Sandbox) -> None:
    """Looking something up there, and failing, is failing."""

    class LooksUp(Replies):
        def send(self, item_id: str) -> None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", 5432), timeout=1).close()

    result = LooksUp().bulk_process(team_id="5001", max_items=2, progress="none")
    assert (result["failed"], result.in_doubt) == (2, 0)


def test_a_subprocess_that_has_ended_sends_nothing_for_a_later_item(box: Sandbox) -> None:
    """One that fetched a secret before the run, say."""

    class Fetches(CustomUpdater):
        def __init__(self, *args: Any, **given: Any) -> None:
            super().__init__(*args, **given)
            subprocess.run(["true"], check=True)

        def get_search_query(self, **given: Any) -> dict[str, Any]:
            subprocess.run(["true"], check=True)
            return super().get_search_query(**given)

        def perform_action(self, item_id: str, **_: Any) -> Any:
            return None

    result = Fetches().bulk_process(team_id="5001", max_items=2, progress="none")
    assert (result["failed"], result.in_doubt) == (2, 0)


def test_a_subprocess_that_still_runs_may(box: Sandbox) -> None:
    """It is started once, and gets each item by its standard input."""

    class Feeds(Replies):
        fed: ClassVar[list[subprocess.Popen[bytes]]] = []

        def send(self, item_id: str) -> None:
            if not self.fed:
                self.fed.append(subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))

    result = Feeds().bulk_process(team_id="5001", max_items=3, progress="none", parallel_workers=1)
    assert (result["failed"], result.in_doubt) == (0, 3)
    with Feeds.fed[0]:
        pass
    again = Feeds().bulk_process(team_id="5001", max_items=3, progress="none", parallel_workers=1)
    assert (again["failed"], again.in_doubt) == (3, 0)


def test_is_done_tells(box: Sandbox) -> None:
    """What it finds is done; that it finds nothing is no proof that nothing comes."""

    class Tells(BySocket):
        def is_done(self, item_id: str) -> bool:
            parts = self.client.get(f"conversations/{item_id}")["conversation_parts"]["conversation_parts"]
            return any("We are back." in str(part["body"]) for part in parts)

    result = Tells().bulk_process(team_id="5001", max_items=3, progress="none")
    assert (result["success"], twice(box)) == (3, 0)


def test_a_later_request_of_ours_that_may_pass_does_not_send_it_again(box: Sandbox) -> None:
    """The action is not run a second time."""

    class Then(BySocket):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            self.send(item_id)
            return self.client.put(f"conversations/{item_id}", {"title": "x"})

    box.fault("status", status=503, method="PUT", every=2)
    result = Then().bulk_process(team_id="5001", max_items=4, progress="none")
    assert (result["success"], result.in_doubt, twice(box)) == (2, 2, 0)


def test_a_batch_is_not_done_again_one_by_one(box: Sandbox) -> None:
    """Nor are its items."""

    class Together(BySocket):
        items_per_request = 5

        def before(self, item: dict[str, Any]) -> dict[str, Any]:
            return {"state": item["state"]}

        def perform_batch(self, item_ids: list[str], **_: Any) -> Any:
            for one in item_ids:
                self.send(one)

    result = Together().bulk_process(team_id="5001", max_items=5, progress="none")
    assert (result["failed"], result.in_doubt, twice(box)) == (0, 5, 0)


def retrying() -> requests.Session:
    """As many have it for all their requests."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=Retry(3, status_forcelist=[502, 503, 504], allowed_methods=None, backoff_factor=0)))
    return session


class RetriesByUrllib3(Replies):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        url = f"{self.base_url}/conversations/{item_id}/reply"
        return retrying().post(url, headers=self.headers, json=self.body(), timeout=10).json()


class RetriesItself(Replies):
    ends: Any = True

    def send(self, item_id: str) -> None:
        for last in (False, False, True):
            try:
                url = f"{self.base_url}/conversations/{item_id}/reply"
                requests.post(url, headers=self.headers, json=self.body(), timeout=10).raise_for_status()
                return
            except Exception:
                if last:
                    raise


class ChangesOver(RetriesItself):
    """By another library the second time."""

    def send(self, item_id: str) -> None:
        try:
            super().send(item_id)
        except Exception:
            self.client.post(f"conversations/{item_id}/reply", self.body())


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "error_after", "status": 503}, {"kind": "drop_before"}], ids=str)
@pytest.mark.parametrize(("updater", "proven"), [(RetriesByUrllib3, 9), (RetriesItself, 6), (ChangesOver, 6)])
def test_a_lost_message_is_not_sent_again_by_a_retry_of_theirs(
    box: Sandbox, updater: type[Replies], proven: int, fault: dict[str, Any]
) -> None:
    """The second is refused before it leaves; the first is looked for, and done again where it came to nothing.

    It proves the whole where nothing was to follow in the action's code.
    """
    box.fault(path="/reply$", every=3, **fault)
    result = updater().bulk_process(team_id="5001", max_items=9, progress="none", timeout=2.0)
    assert (result["failed"], result["success"] + result.in_doubt, twice(box)) == (0, 9, 0)
    assert result["success"] >= proven and box.audit()["kinds"]["comment"]["1"] == 9


def test_what_may_be_repeated_they_may_repeat(box: Sandbox) -> None:
    """A title, by a retry of theirs."""

    class Titles(Replies):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            return retrying().put(f"{self.base_url}/conversations/{item_id}", headers=self.headers, json={"title": "x"}, timeout=10).json()

    box.fault("status", status=503, method="PUT", every=3)
    assert Titles().bulk_process(team_id="5001", max_items=6, progress="none")["success"] == 6


def test_what_was_seen_only_when_it_was_answered_is_told(box: Sandbox) -> None:
    """httpx, with a loop of its own: two may have gone out, and done would be too much to say."""
    httpx = pytest.importorskip("httpx")  # where the updater's file imports it, what it sends is in doubt for that reason alone

    class ByHttpx(Replies):
        ends: Any = True

        def send(self, item_id: str) -> None:
            for _ in range(2):
                answer = httpx.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=self.body())
                if answer.is_success:
                    return

    box.fault("error_after", status=503, path="/reply$", count=1)
    result = ByHttpx().bulk_process(team_id="5001", max_items=3, progress="none", parallel_workers=1)
    assert (result["success"], result["failed"], result.in_doubt) == (2, 0, 1)
    assert "sent the same message 2 times" in result.failures[0].cause


@pytest.mark.parametrize("lost", [True, False])
def test_what_httpx_was_not_answered_may_have_left_besides(box: Sandbox, lost: bool) -> None:
    """Then the same by requests: both went out, and it was called done. A question by httpx that is answered says nothing."""
    httpx = pytest.importorskip("httpx")

    class ByBoth(Replies):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            if not lost:
                httpx.get(f"{self.base_url}/me", headers=self.headers)
            else:
                with contextlib.suppress(httpx.HTTPError):
                    return httpx.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=self.body()).json()
            url = f"{self.base_url}/conversations/{item_id}/reply"
            return requests.post(url, headers=self.headers, json=self.body(), timeout=5).json()

    if lost:
        box.fault("drop_after", path="/reply$", count=1)
    result = ByBoth().bulk_process(team_id="5001", max_items=2, progress="none", parallel_workers=1)
    assert (result["success"], result["failed"], result.in_doubt) == (2 - lost, 0, int(lost)), result.failures


def test_a_message_that_went_out_may_be_followed_by_another(box: Sandbox) -> None:
    """Only what was lost is not sent again."""

    class Twice(RetriesByUrllib3):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            url = f"{self.base_url}/conversations/{item_id}/reply"
            for text in ("We are back.", "And gone."):
                answer = retrying().post(url, headers=self.headers, json={**self.body(), "body": text}, timeout=10)
            return answer.json()

    assert Twice().bulk_process(team_id="5001", max_items=2, progress="none")["success"] == 2


def twice(box: Sandbox) -> int:
    """Conversations that have a reply more than once."""
    return int((box.audit()["kinds"].get("comment") or {"2+": 0})["2+"])


class InItsOwnWords(ByRequests):
    """A message by another library, then a change whose failure it tells in words of its own."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        self.send(item_id)
        answer = requests.put(f"{self.base_url}/conversations/{item_id}", headers=self.headers, json={"title": "x"}, timeout=5)
        if answer.status_code != 200:
            raise ValueError("the title was not set")
        return answer.json()


@pytest.mark.parametrize("fault", [
    {"kind": "status", "status": 503}, {"kind": "limit"}, {"kind": "redirect", "commit": "before"}, {"kind": "html502"},
], ids=lambda fault: fault["kind"])  # fmt: skip
def test_a_message_before_what_it_tells_in_its_own_words_is_not_sent_twice(box: Sandbox, fault: dict[str, Any]) -> None:
    """The passing error of the last request alone decided, and the action ran again from its start."""
    box.fault(method="PUT", path=r"/conversations/\d+$", count=1, **fault)
    result = InItsOwnWords().bulk_process(team_id="5001", max_items=2, parallel_workers=1, progress="none")
    assert (result["success"], result["failed"], result.in_doubt, twice(box)) == (1, 0, 1, 0)
    open_run(result.run_id).retry()
    assert twice(box) == 0


class InALoop(Replies):
    """Tries again by itself, whatever comes."""

    def send(self, item_id: str) -> None:
        for _ in range(3):
            with contextlib.suppress(requests.RequestException):
                requests.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=self.body(), timeout=5)
                return


def test_a_message_whose_answer_is_cut_off_is_not_sent_again_by_a_loop(box: Sandbox) -> None:
    """Its status had come, and its end did not: the loop sent it three times. As after any lost answer, the look finds it."""
    box.fault("truncated", path="/reply$", method="POST", count=2)
    result = InALoop().bulk_process(team_id="5001", max_items=2, parallel_workers=1, progress="none")
    assert (twice(box), result["failed"], result.in_doubt) == (0, 0, 2), result.failures
    assert "POST conversations/" in result.failures[0].example.message and "was carried out" in result.failures[0].example.message
