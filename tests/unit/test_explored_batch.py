"""Batches, explored: two items with one request, in every interleaving of a server that misbehaves and a process that dies."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from test_explored import DEPTHS, TIMEOUT, WAITS, Choices, Killed, _answer, worlds

from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.api.messages import Request, Response
from intercom_bulk_updater.api.retry import RetryPolicy
from intercom_bulk_updater.engine.attempt import Attempt, Batch, RetryLater, Unit, attempts_in
from intercom_bulk_updater.engine.batches import BatchProcessor
from intercom_bulk_updater.engine.processor import ItemProcessor
from intercom_bulk_updater.errors import AnswerLost, ConnectionFailed, NotFound, TimedOut
from intercom_bulk_updater.model import Item, ItemResult, Outcome
from intercom_bulk_updater.operations.operation import Change, Json, Operation
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.stop import Stop

WRITES = (
    "answered", "answered in part", "refused for the second", "answer lost", "request lost", "late by 2 s", "late by 15 s",
    "under way for ever", "forbidden", "no way", "500", "500, done", "nested", "wrong type", "out of memory", "killed before",
    "killed after",
)  # fmt: skip
READS = ("answered", "nested", "500", "404", "killed before")


@dataclass
class Server:
    """Items with a mark each, and the books: how often each was marked."""

    choices: Choices
    now: float = 1000.0
    marks: Counter[str] = field(default_factory=Counter)
    late: list[tuple[float, list[str]]] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        """The transport's seam."""
        self.go_on(0.05)
        return self.write(request) if request.method != "GET" else self.read(request.path.rpartition("/")[2])

    def close(self) -> None:
        """Nothing to close."""

    def go_on(self, seconds: float) -> None:
        """Time passes, and what was under way arrives."""
        self.now += seconds
        due = [ids for at, ids in self.late if at <= self.now]
        self.late = [(at, ids) for at, ids in self.late if at > self.now]
        for ids in due:
            self.marks.update(ids)

    def write(self, request: Request) -> Response:
        """What becomes of a write."""
        fate, ids = self.choices.pick(WRITES), list(request.json["ids"])
        if fate in ("answered", "answer lost", "500, done", "nested", "wrong type", "out of memory", "killed after"):
            self.marks.update(ids)
        if fate.startswith("killed"):
            raise Killed
        if fate == "out of memory":
            raise MemoryError
        if fate == "no way":
            raise ConnectionFailed("refused", method=request.method, path=request.path)
        if fate in ("answer lost", "request lost"):
            raise AnswerLost("reset", method=request.method, path=request.path)
        if fate.startswith(("late", "under way")):
            self.late.append((self.now + {"late by 2 s": 2.0, "late by 15 s": 15.0}.get(fate, 1e9), ids))
            error = AnswerLost if fate == "late by 2 s" else TimedOut
            raise error("no answer", method=request.method, path=request.path)
        if fate == "nested":
            return _answer(200, b"[" * 100_000)
        if fate == "wrong type":
            return _answer(200, b'{"done": 7}')
        if fate == "answered in part" or (fate == "refused for the second" and "2" not in ids):
            done = [one for one in ids if one != "2"]
            self.marks.update(done)
            return _answer(200, json.dumps({"done": done}).encode())
        status = {"refused for the second": 400, "forbidden": 403, "500": 500, "500, done": 500}.get(fate, 200)
        said = {"done": ids} if status == 200 else {"type": "error.list", "errors": [{"code": "c"}]}
        return _answer(status, json.dumps(said).encode())

    def read(self, item: str) -> Response:
        """What becomes of a look."""
        fate = self.choices.pick(READS)
        if fate == "killed before":
            raise Killed
        if fate == "nested":
            return _answer(200, b"[" * 100_000)
        if fate == "answered":
            return _answer(200, json.dumps({"type": "thing", "id": item, "marked": bool(self.marks[item])}).encode())
        return _answer(int(fate), b"")


class Mark(Operation):
    """Marks two things with one request. Marking twice ends in the same state."""

    idempotent: bool | None = True
    batch_size = 2
    fields = ("marked",)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation."""
        (answer,) = self.perform_batch(client, [item])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def perform_batch(self, client: Client, items: Sequence[Item]) -> Sequence[dict[str, Any] | Exception | None]:
        """See Operation."""
        done = client.post("things/mark", {"ids": [item.id for item in items]})["done"]
        gone = NotFound("not marked", status=404, code="not_found", api_message="the answer does not name it")
        return [{"marked": True} if item.id in done else gone for item in items]

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation."""
        return client.get(f"things/{item_id}")

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation."""
        return {"marked": payload["marked"]}

    def change(self, item: Item) -> Change | None:
        """See Operation."""
        return None if item.before is None else {} if item.before["marked"] else {"marked": (False, True)}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation."""
        return bool(payload["marked"])


class MarkInTwo(Mark):
    """The same with two requests for a batch: the first may stand when the second is refused."""

    requests_per_item = 2

    def perform_batch(self, client: Client, items: Sequence[Item]) -> Sequence[dict[str, Any] | Exception | None]:
        """See Operation."""
        client.post("things/mark", {"ids": [item.id for item in items], "first": True})
        return super().perform_batch(client, items)


class MarkOnce(Mark):
    """The same where a second mark would show twice."""

    idempotent = None


class MarkUnseen(MarkOnce):
    """The same where nothing tells whether a thing is marked."""

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """It does not know."""
        return None


@dataclass
class Process:
    """A process that works on two items until both have their outcome, as the pool and the journal do; killed, it is begun anew."""

    operation: Operation
    server: Server
    items: dict[int, Item]
    results: dict[int, ItemResult] = field(default_factory=dict)

    def begin(self) -> list[tuple[float, Unit]]:
        """A process begins: what is in doubt goes alone, the rest together."""
        self.stop = Stop()
        gate = RateLimiter(Budget(clock=lambda: self.server.now), self.stop)
        client = Client(self.server, gate, admin_id="7")
        policy = RetryPolicy(1, base=0.5)
        self.one = ItemProcessor(self.operation, client, self.stop, policy, timeout=TIMEOUT, clock=lambda: self.server.now)
        self.together = BatchProcessor(self.one, 2)
        self.attempts = {seq: Attempt(item) for seq, item in self.items.items() if seq not in self.results}
        alone: list[Unit] = [one for one in self.attempts.values() if one.item.doubt]
        rest = tuple(one for one in self.attempts.values() if not one.item.doubt)
        return [(self.server.now, unit) for unit in (*alone, *([Batch(rest)] if rest else []))]

    def settle(self) -> dict[int, ItemResult]:
        """The outcomes."""
        todo = self.begin()
        for _ in range(400):
            if not todo:
                if len(self.results) == len(self.items):
                    return self.results
                todo = self.begin()
            todo.sort(key=lambda one: one[0])
            due, unit = todo.pop(0)
            self.server.go_on(max(0.0, due - self.server.now))
            try:
                waits = self.take_up(unit)
                for fate in waits:
                    for attempt in attempts_in((fate.unit,)):
                        attempt.persisted = attempt.persisted or bool(attempt.known and attempt.known.maybe_running)
                todo += [(self.server.now + fate.seconds, fate.unit) for fate in waits]
                if waits and self.server.choices.pick(WAITS) == "stopped":
                    self.put_back()
                    todo = []
            except Killed:
                for seq, attempt in self.attempts.items():
                    if seq not in self.results:
                        self.items[seq] = replace(self.items[seq], doubt=True, slow=attempt.item.slow or attempt.persisted)
                todo = self.begin()
        raise AssertionError("it never ends")

    def take_up(self, unit: Unit) -> list[RetryLater]:
        """Do a unit; what is to be done again."""
        waits = []
        for fate in self.together(unit) if isinstance(unit, Batch) else [self.one(unit)]:
            if isinstance(fate, RetryLater):
                waits.append(fate)
            else:
                self.record(fate)
        return waits

    def record(self, result: ItemResult) -> None:
        """What the journal keeps of a result."""
        assert result.seq not in self.results
        if result.outcome is Outcome.PENDING:
            item = self.items[result.seq]
            self.items[result.seq] = replace(item, before=result.before or item.before, doubt=result.doubt or result.slow, slow=result.slow)
        else:
            self.results[result.seq] = result

    def put_back(self) -> None:
        """A stop: what was sent keeps what is known of it."""
        for seq, attempt in self.attempts.items():
            if seq not in self.results and attempt.sent:
                self.record(self.one.put_back(attempt))


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("operation", [Mark(), MarkInTwo(), MarkOnce(), MarkUnseen()], ids=lambda one: type(one).__name__)
def test_every_world_of_a_batch_ends_truly(operation: Operation, depth: int) -> None:
    """In no world is an item done that is not marked, failed that is or may be, or marked twice where that would show."""

    def run(choices: Choices) -> None:
        server = Server(choices)
        items = {seq: Item(seq, str(seq), {"marked": False}, sent_at=time.time()) for seq in (1, 2)}
        results = Process(operation, server, items).settle()
        at_the_end, coming = Counter(server.marks), {one for _, ids in server.late for one in ids}
        server.go_on(1e10)
        for seq, result in results.items():
            key = str(seq)
            if result.outcome is Outcome.DONE:
                assert at_the_end[key], (choices.taken, result)
            else:
                assert result.outcome is Outcome.IN_DOUBT or (not server.marks[key] and key not in coming), (choices.taken, result)
            if not operation.idempotent:
                assert server.marks[key] <= 1, choices.taken
        if not any(choices.taken):
            assert all(result.outcome is Outcome.DONE for result in results.values())

    assert worlds(run, depth) > 100
