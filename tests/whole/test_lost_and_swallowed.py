"""A person's code that goes on after the answer to a message was lost: the message stands once, and "done" has a proof."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater import IntercomBulkUpdater
from intercom_bulk_updater.errors import RunStopped, StopRun, UpdaterFailed

from .network import MemorySandbox

BODY = {"message_type": "comment", "type": "admin", "body": "We are back."}


class Own(IntercomBulkUpdater):
    """What they have in common."""

    customer_visible = True
    once = ""
    below = ""

    def get_search_endpoint(self) -> str:
        return "conversations/search"

    def get_search_query(self, **_: Any) -> dict[str, Any]:
        return {"field": "team_assignee_id", "operator": "=", "value": 5001}

    def get_item_id(self, item: Any) -> str:
        return str(item["id"])

    def reply(self, item_id: str, **other: Any) -> dict[str, Any]:
        return self.client.post(f"{self.below}conversations/{item_id}/reply", {**BODY, "admin_id": self.admin_id, **other}, once=self.once)

    def title(self, item_id: str) -> dict[str, Any]:
        return self.client.put(f"conversations/{item_id}", {"title": "x"})


class Swallows(Own):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        with suppress(Exception):
            self.reply(item_id)
        return self.title(item_id)


class SwallowsNamed(Swallows):
    once = "reply"


class SwallowsBelow(Swallows):
    below = "/"


class SwallowsAndKnowsItsFields(Swallows):
    def before(self, item: dict[str, Any]) -> dict[str, Any]:
        return {"title": item.get("title")}

    def change(self, item_id: str, before: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {} if before["title"] == "x" else {"title": (before["title"], "x")}


class SwallowsAndReturnsNothing(Swallows):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        super().perform_action(item_id)


class NotesInTheEnd(Own):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        try:
            return self.reply(item_id)
        finally:
            self.reply(item_id, message_type="note", body="told")


class TriesAgain(Own):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        for tried in range(3):
            try:
                return self.reply(item_id)
            except Exception:
                if tried == 2:
                    raise
        return None


class TriesAgainNamed(TriesAgain):
    once = "reply"


def run(updater: type[Own]) -> Any:
    return updater().bulk_process(max_items=6, progress="none", parallel_workers=1, retries=5)


def messages(box: MemorySandbox, kind: str = "comment") -> tuple[int, int]:
    """Items that got one, and more than one."""
    found = box.audit()["kinds"].get(kind) or {"1": 0, "2+": 0}
    return found["1"], found["2+"]


LOST: dict[str, dict[str, Any]] = {
    "503, and it stands": {"kind": "error_after", "status": 503},
    "504, and it stands": {"kind": "error_after", "status": 504},
    "cut off, and it stands": {"kind": "drop_after"},
    "cut off, and it never came": {"kind": "drop_before"},
    "late": {"kind": "slow", "seconds": 40},
}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("updater", [Swallows, SwallowsNamed, SwallowsBelow, SwallowsAndKnowsItsFields])
def test_a_later_request_fails_too(box: MemorySandbox, updater: type[Own], lost: str) -> None:
    """The message is looked for before the action runs again, and sent again only where it certainly is not there."""
    box.fault(path="/reply$", count=1, **LOST[lost])
    box.fault("status", status=503, method="PUT", count=1)
    result = run(updater)
    assert messages(box) == (6, 0) and (result["success"], result["failed"]) == (6, 0), result.failures


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("updater", [Swallows, SwallowsNamed, SwallowsBelow, SwallowsAndKnowsItsFields, SwallowsAndReturnsNothing])
def test_the_rest_goes_well(box: MemorySandbox, updater: type[Own], lost: str) -> None:
    """Done where the message is seen; where it is not, in doubt, for the action had said that it was done with it."""
    box.fault(path="/reply$", count=1, **LOST[lost])
    result = run(updater)
    once, twice = messages(box)
    assert twice == 0 and result["failed"] == 0
    if updater is not SwallowsAndReturnsNothing:
        assert (result["success"], result.in_doubt) == (once, 6 - once), result.failures


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("lost", LOST)
def test_another_message_follows(box: MemorySandbox, lost: str, count: int) -> None:
    """It does not leave before the run has seen what became of the first: then the action goes on, and each is there once."""
    box.fault(path="/reply$", count=count, **LOST[lost])
    result = run(NotesInTheEnd)
    assert messages(box) == messages(box, "note") == (6, 0)
    assert (result["success"], result["failed"], result.in_doubt) == (6, 0, 0), result.failures


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("updater", [TriesAgain, TriesAgainNamed])
def test_a_loop_of_its_own(box: MemorySandbox, updater: type[Own], lost: str) -> None:
    """The same message is not sent while the first may stand; the run looks for it, and does what is left."""
    box.fault(path="/reply$", every=2, count=3, **LOST[lost])
    result = run(updater)
    assert messages(box) == (6, 0) and (result["success"], result["failed"]) == (6, 0), result.failures


def test_a_loop_is_told_why(box: MemorySandbox) -> None:
    """The error of the first comes again, and says that it was not sent again."""
    said: list[str] = []

    class Listens(TriesAgain):
        def reply(self, item_id: str, **other: Any) -> dict[str, Any]:
            try:
                return super().reply(item_id)
            except Exception as exc:
                said.append(str(exc))
                raise

    box.fault("error_after", status=503, path="/reply$", count=1)
    assert run(Listens)["success"] == 6 and messages(box) == (6, 0)
    assert len(said) == 3 and "not sent again" not in said[0] and "the first one may have been carried out" in said[1]


def test_a_loop_of_what_may_be_repeated_is_left_to_it(box: MemorySandbox) -> None:
    """An updater that is declared so may send as often as it likes."""

    class Declared(TriesAgain):
        idempotent = True

    box.fault("drop_before", path="/reply$", count=2)
    result = run(Declared)
    assert messages(box) == (6, 0) and result["success"] == 6 and result.requests["action"] == 8 and not result.requests["retried"]


class WritesInAThread(Own):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        path, body = f"conversations/{item_id}/reply", {**BODY, "admin_id": self.admin_id}
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self.client.post, path, body).result()


class AsksForItsClientInAThread(Own):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self.reply, item_id).result()


class ReadsInAThread(Own):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(self.client.get, f"conversations/{item_id}").result()["id"] == item_id
        return self.reply(item_id)


@pytest.mark.parametrize("updater", [WritesInAThread, AsksForItsClientInAThread])
def test_a_thread_of_the_actions_own_may_not_write(box: MemorySandbox, updater: type[Own]) -> None:
    """Nothing there remembers what was sent: it is refused before it leaves, and the run ends with the way out."""
    box.fault("drop_after", path="/reply$", every=3)
    with pytest.raises(UpdaterFailed, match="a thread that belongs to no item.*Call self.client in the action's own thread"):
        run(updater)
    assert messages(box) == (0, 0)


def test_a_thread_of_the_actions_own_may_read(box: MemorySandbox) -> None:
    """A look is no harm, and the message goes out once."""
    box.fault("drop_after", path="/reply$", every=3)
    assert run(ReadsInAThread)["success"] == 6 and messages(box) == (6, 0)


def test_whoever_called_may_write_meanwhile(box: MemorySandbox) -> None:
    """What `on_event` sends belongs to no item, and is sent by nobody's repetition."""
    mine = Swallows()
    tags: list[Any] = []

    def hear(event: dict[str, Any]) -> None:
        if event["event"] == "run.done":
            tags.append(mine.client.post("tags", {"name": "told"}))

    assert mine.bulk_process(max_items=2, progress="none", on_event=hear)["success"] == 2
    assert [tag["name"] for tag in tags] == ["told"]


class SwallowsInABatch(Swallows):
    items_per_request = 3

    def before(self, item: dict[str, Any]) -> dict[str, Any]:
        return {"title": item.get("title")}

    def perform_batch(self, ids: list[str], **_: Any) -> Any:
        for item_id in ids:
            with suppress(Exception):
                self.reply(item_id)
        return {}


@pytest.mark.parametrize("lost", LOST)
def test_a_batch_that_swallows_one(box: MemorySandbox, lost: str) -> None:
    """Nobody gets it twice, and what is called done has it."""
    box.fault(path="/reply$", count=1, **LOST[lost])
    result = run(SwallowsInABatch)
    once, twice = messages(box)
    assert twice == 0 and result["success"] <= once and result["failed"] == 0
    assert result["success"] + result.in_doubt == 6 and result.in_doubt >= 1, result.failures


class FallsBack(Own):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        try:
            return self.reply(item_id)
        except Exception:
            return self.reply(item_id, message_type="note", body="told")


class StopsAfterIt(Own):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        with suppress(Exception):
            self.reply(item_id)
        raise StopRun("enough")


@pytest.mark.parametrize("status", [403, 422])
@pytest.mark.parametrize("passing", [False, True], ids=["alone", "with a passing failure after it"])
@pytest.mark.parametrize("own", [Swallows, TriesAgain, FallsBack])
def test_a_message_that_was_refused_and_stands_goes_out_once(
    box: MemorySandbox, own: type[Own], passing: bool, status: int
) -> None:
    """The action goes on after the refusal, sends it again, or something else; the run looks before anything leaves a second time."""
    box.fault("error_after", status=status, on="write", path="/reply$")
    if passing:
        box.fault("status", status=503, method="PUT", count=2)
    own().bulk_process(max_items=2)
    run = bulk.open_run("latest")
    assert run.counts.failed == 0, run.report()
    book = box.audit()["kinds"]["comment"]
    assert (book["1"], book["2+"]) == (2, 0), run.report()
    box.clear_faults()
    run.retry()
    book = box.audit()["kinds"]["comment"]
    assert (book["1"], book["2+"]) == (2, 0), run.report()


def test_a_stop_after_a_message_that_was_refused_and_stands_leaves_it_in_doubt(box: MemorySandbox) -> None:
    """The resume does not send it again."""
    box.fault("error_after", status=422, on="write", path="/reply$", count=1)
    with pytest.raises(RunStopped):
        StopsAfterIt().bulk_process(max_items=1, parallel_workers=1)
    run = bulk.open_run("latest")
    assert run.counts.in_doubt == 1, run.report()
    with suppress(RunStopped):
        run.resume()
    assert box.audit()["kinds"]["comment"]["writes"] == 1


def test_a_true_refusal_that_was_swallowed_is_believed(box: MemorySandbox) -> None:
    """Nothing of the message stands: the rest of the action is done, also where it takes two tries."""
    box.fault("status", status=422, on="write", path="/reply$")
    box.fault("status", status=503, method="PUT", count=2)
    Swallows().bulk_process(max_items=2)
    run = bulk.open_run("latest")
    assert run.counts.done == 2 and "comment" not in box.audit()["kinds"], run.report()


class Replies(Own):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        return self.reply(item_id)


@pytest.mark.parametrize("own", [Replies, Swallows, FallsBack])
def test_a_message_whose_looks_are_refused_as_it_was_is_in_doubt(box: MemorySandbox, own: type[Own]) -> None:
    """403 to the message, which stands, and 403 to the look: that says nothing of the message."""
    box.fault("error_after", status=403, on="write", path="/reply$", count=1)
    box.fault("status", status=403, method="GET", path=r"^/conversations/\d+$")
    own().bulk_process(max_items=1, parallel_workers=1)
    run = bulk.open_run("latest")
    assert (run.counts.failed, run.counts.pending) == (0, 0), run.report()
    box.clear_faults()
    run.retry()
    assert box.audit()["kinds"]["comment"]["writes"] == 1
