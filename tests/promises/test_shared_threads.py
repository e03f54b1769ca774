"""Messages sent by threads that serve every item: each counts for the item whose action handed it on, or that its path names."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import Any, ClassVar

import httpx
import pytest
import requests

from intercom_bulk_updater import Skip, open_run, run
from intercom_bulk_updater.errors import RunStopped
from intercom_sandbox import Sandbox

from .queue_worker import QUEUED
from .test_sent_again_by_others import Sends, replies
from .test_unseen import twice

POOL: ThreadPoolExecutor
"""Its threads are started under the first items, and send for all."""
STRANGERS: ThreadPool
"""Its threads are started by nobody's action, and what is handed to them is not seen."""


@pytest.fixture(scope="module", autouse=True)
def _pools() -> Iterator[None]:
    """Not made where this file is only collected: nobody would close them."""
    global POOL, STRANGERS
    POOL, STRANGERS = ThreadPoolExecutor(3), ThreadPool(3)
    yield
    POOL.shutdown()
    STRANGERS.terminate()
    STRANGERS.join()


class Plain(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        return POOL.submit(self.by_requests, item_id).result()


class Loop(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        for _ in range(3):
            sent = POOL.submit(self.by_requests, item_id)
            if not sent.exception():
                return sent.result()
        return None


class LoopOfStrangers(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        for _ in range(3):
            try:
                return STRANGERS.apply(self.by_requests, (item_id,))
            except Exception as exc:
                error = exc
        raise error


class Swallows(Sends):
    """It takes no notice of the answer."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        POOL.submit(self.by_requests, item_id).exception()
        return {"sent": True}


class GivesAway(Sends):
    """It gives its message to a thread, and ends before that has sent it."""

    start: ClassVar[Any] = staticmethod(lambda work: POOL.submit(work))

    def perform_action(self, item_id: str, **_: Any) -> Any:
        def soon() -> None:
            time.sleep(0.1)
            with contextlib.suppress(requests.HTTPError):
                self.by_requests(item_id)

        self.start(soon)
        return self.end()

    def end(self) -> Any:
        raise ValueError("the CRM has no such customer")


class GivesAwayToThread(GivesAway):
    start: ClassVar[Any] = staticmethod(lambda work: threading.Thread(target=work).start())


class GivesOn(GivesAway):
    """What it has started gives the message on, some time after the action's end."""

    start: ClassVar[Any] = staticmethod(lambda work: POOL.submit(lambda: (time.sleep(0.1), POOL.submit(work))))


class GivesOnFromThread(GivesAway):
    start: ClassVar[Any] = staticmethod(lambda work: threading.Timer(0.1, lambda: threading.Thread(target=work).start()).start())


class CallsBack(GivesAway):
    start: ClassVar[Any] = staticmethod(lambda work: POOL.submit(time.sleep, 0.1).add_done_callback(lambda _: work()))


class SkipsAfter(GivesAway):
    def end(self) -> Any:
        raise Skip("not mine")


class SaysDone(GivesAway):
    def end(self) -> Any:
        return {"sent": True}


FAULTS: list[dict[str, Any]] = [{"kind": "drop_after"}, {"kind": "error_after", "status": 422}, {"kind": "garbage", "commit": "before"}]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one["kind"])
@pytest.mark.parametrize("updater", [Plain, Loop, LoopOfStrangers])
def test_a_shared_thread_sends_no_message_twice(box: Sandbox, updater: type[Sends], fault: dict[str, Any]) -> None:
    """Another item had started the thread, and had the message booked; the run ran the action again, as if nothing had left."""
    ids = [one["id"] for one in box.conversations(state="open")][:8]
    for one in ids[3:]:
        box.fault(on="write", path=f"/{one}/reply$", count=1, **fault)
    result = updater().bulk_process(item_ids=ids, parallel_workers=4, progress="none", timeout=2.0)
    loops = updater is not Plain and fault["kind"] == "garbage"  # only the action sees that, and sends again: in doubt, as the pages say
    assert (twice(box) == 0 or loops, result["failed"]) == (True, 0), result.failures
    assert result["success"] + result.in_doubt == 8
    assert not loops or result.in_doubt == 5, result.failures
    if not loops:
        open_run(result.run_id).resume()
        assert twice(box) == 0


def test_what_a_shared_thread_was_refused_is_not_done(box: Sandbox) -> None:
    """The action's own word was all that counted, for the refusal was booked on another item."""
    ids = [one["id"] for one in box.conversations(state="open")][:8]
    for one in ids[3:]:
        box.fault("status", status=403, on="write", path=f"/{one}/reply$")
    result = Swallows().bulk_process(item_ids=ids, parallel_workers=4, progress="none", timeout=2.0, max_failures="100%")
    assert (result["success"], result["failed"]) == (3, 5), result.failures


class ToAnother(Sends):
    """Messages to a conversation that is no item of the run: nothing tells whose they are."""

    other: ClassVar[str] = ""

    def send(self, text: str) -> Any:
        url = f"{self.base_url}/conversations/{self.other}/reply"
        return requests.post(url, headers=self.headers, json=self.body(text), timeout=5)

    def perform_action(self, item_id: str, **_: Any) -> Any:
        for _ in range(2):
            with contextlib.suppress(Exception):
                STRANGERS.apply(self.send, (item_id,)).raise_for_status()
                break
        return True


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "error_after", "status": 422}], ids=lambda one: one["kind"])
def test_what_nothing_tells_of_leaves_all_in_hand_in_doubt(box: Sandbox, fault: dict[str, Any]) -> None:
    """And it is not sent again while they are."""
    ToAnother.other, *ids = [one["id"] for one in box.conversations(state="open")][:3]
    box.fault(on="write", path="/reply$", count=1, **fault)
    result = ToAnother().bulk_process(item_ids=ids, parallel_workers=1, progress="none", timeout=2.0)
    assert (result["success"], result["failed"], result.in_doubt) == (1, 0, 1), result.failures
    assert box.audit()["kinds"]["comment"]["writes"] == 2


@pytest.mark.parametrize("updater", [GivesAway, GivesAwayToThread, GivesOn, GivesOnFromThread, CallsBack, SkipsAfter])
def test_what_a_thread_is_still_to_send_is_waited_for(box: Sandbox, updater: type[Sends]) -> None:
    """The action had failed, or left the item alone; the message left a moment later, and a retry sent it again."""
    before = len(box.log(10_000))
    result = updater().bulk_process(team_id="5001", max_items=4, progress="none")
    assert (result["failed"], result.in_doubt) == (0, 4), result.failures
    open_run(result.run_id).retry()
    assert len([one for one in box.log(10_000)[before:] if one["path"].endswith("/reply")]) == 4 and twice(box) == 0


def test_what_a_thread_is_refused_later_is_not_done(box: Sandbox) -> None:
    """The word of the action was all that counted."""
    box.fault("status", status=422, on="write")
    result = SaysDone().bulk_process(team_id="5001", max_items=4, progress="none")
    assert (result["success"], result["failed"]) == (0, 4), result.failures


class Queues(GivesAway):
    """A thread that nobody's action has started sends when the action has ended."""

    start: ClassVar[Any] = staticmethod(QUEUED.put)


class QueuesAndSkips(Queues):
    def end(self) -> Any:
        raise Skip("not mine")


class QueuesAndExits(Queues):
    def end(self) -> Any:
        sys.exit("enough")


class GivesToStrangers(Queues):
    start: ClassVar[Any] = staticmethod(lambda work: STRANGERS.apply_async(work))


class QueuesByHttpx(Queues):
    def by_requests(self, item_id: str) -> Any:
        return httpx.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=self.body())


class QueuesAndComesAgain(Queues):
    """What breaks its first attempt off is no fault of the item, so that it is tried again."""

    def end(self) -> Any:
        return self.client.put(f"conversations/{self.of}", {"title": "x"})

    def perform_action(self, item_id: str, **given: Any) -> Any:
        self.of = item_id
        return super().perform_action(item_id, **given)


LATE = [Queues, QueuesAndExits, GivesToStrangers, QueuesByHttpx, QueuesAndComesAgain]


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("updater", LATE)
def test_what_a_thread_of_nobody_sends_after_its_action_is_not_sent_again(box: Sandbox, updater: type[Sends]) -> None:
    """The item had failed, or was pending; whoever tried it again sent its message a second time."""
    if updater is QueuesAndComesAgain:
        box.fault("status", status=503, retry_after="1", on="write", path=r"/\d+$", count=1)
    before = len(box.log(10_000))
    with contextlib.suppress(RunStopped):
        updater().bulk_process(team_id="5001", max_items=3, parallel_workers=1, progress="none", timeout=2.0)
    QUEUED.join()
    time.sleep(0.5 if updater is GivesToStrangers else 0)
    for go_on in ("resume", "resume", "retry"):
        with contextlib.suppress(RunStopped):
            getattr(open_run(), go_on)()
        QUEUED.join()
    sent = [one["path"] for one in box.log(10_000)[before:] if one["path"].endswith("/reply")]
    assert len(sent) == len(set(sent)) == 3
    counts = open_run().counts
    assert (counts.failed, counts.unchanged, counts.done + counts.in_doubt + counts.in_flight) == (0, 0, 3), counts
    assert counts.done == (2 if updater is QueuesAndComesAgain else 0), counts


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("updater", [Queues, QueuesAndSkips])
def test_what_such_a_thread_sends_while_the_run_lasts_is_in_its_account(box: Sandbox, updater: type[GivesAway]) -> None:
    """So that another process knows of it."""

    class Lasts(updater):  # type: ignore[misc, valid-type]
        def end(self) -> Any:
            if QUEUED.unfinished_tasks > 2:
                QUEUED.join()
                return {"sent": True}
            return super().end()

    result = Lasts().bulk_process(team_id="5001", max_items=3, parallel_workers=1, progress="none")
    assert (result.success, result["failed"], result.in_doubt) == (1, 0, 2), result.failures


@pytest.mark.usefixtures("_worker")
def test_what_such_a_thread_is_refused_leaves_its_item_failed(box: Sandbox) -> None:
    box.fault("status", status=422, on="write")
    result = Queues().bulk_process(team_id="5001", max_items=1, parallel_workers=1, progress="none")
    QUEUED.join()
    assert (open_run(result.run_id).retry().counts.failed, twice(box)) == (1, 0)


class SendsABitLater(GivesToStrangers):
    def by_requests(self, item_id: str) -> Any:
        time.sleep(0.3)
        return super().by_requests(item_id)


def test_what_such_a_thread_has_in_hand_when_the_run_ends_is_waited_for(box: Sandbox) -> None:
    """It left when the run was over, so the item was failed, and stood: the run waited only for more of what it had seen."""
    result = SendsABitLater().bulk_process(team_id="5001", max_items=2, parallel_workers=2, progress="none")
    assert (result["failed"], result.in_doubt, replies(box)) == (0, 2, 2), result.failures


class KeepsItsClient(Queues):
    """Of the command: its run's session is closed when the run is over."""

    begun: ClassVar[threading.Event] = threading.Event()
    told: ClassVar[list[str]] = []

    def by_requests(self, item_id: str) -> Any:
        self.begun.wait(20)
        try:
            return self.httpx_client().post(f"conversations/{item_id}/reply", json=self.body())
        except Exception as exc:
            self.told.append(str(exc))


@pytest.mark.usefixtures("_worker")
def test_our_client_for_httpx_sends_nothing_when_its_run_is_over(box: Sandbox) -> None:
    """As self.client does not. It sent, after the account was made."""
    KeepsItsClient.begun.clear()
    done = run(KeepsItsClient, team_id="5001", limit=1, customer_visible=True)
    KeepsItsClient.begun.set()
    QUEUED.join()
    assert (done.counts.failed, replies(box)) == (1, 0)
    assert "was about to leave when its run was over" in KeepsItsClient.told[0]


class SaysDoneTooSoon(SaysDone):
    start: ClassVar[Any] = staticmethod(lambda work: POOL.submit(lambda: (time.sleep(1.5), work())))


def test_a_thread_that_outlasts_the_timeout_leaves_its_item_in_doubt(box: Sandbox) -> None:
    """The word of the action was all that counted, and the thread was refused later. The last of this file, for it still sends."""
    result = SaysDoneTooSoon().bulk_process(team_id="5001", max_items=1, progress="none", timeout=1.0)
    assert (result.success, result.in_doubt) == (0, 1), result.failures
