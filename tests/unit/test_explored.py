"""Delivery, explored: every interleaving of a server that misbehaves and a process that dies, to a stated depth.

The processor, the operations and the client are the real ones; the server is a model of one conversation behind the
transport's seam, and the clock is told to go on. A world is a list of choices: what becomes of each write, each read, each
wait. All worlds with up to two mishaps are walked (three with `-m slow`), and the end of each is compared with the
server's books.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.api.messages import Request, Response
from intercom_bulk_updater.api.retry import RetryPolicy
from intercom_bulk_updater.engine.attempt import Attempt, RetryLater
from intercom_bulk_updater.engine.processor import ItemProcessor
from intercom_bulk_updater.errors import AnswerLost, IntercomBulkError, TimedOut
from intercom_bulk_updater.model import Item, ItemResult, Outcome
from intercom_bulk_updater.operations.conversations.assign import Assign
from intercom_bulk_updater.operations.conversations.messages import Reply
from intercom_bulk_updater.operations.conversations.restore import Restore
from intercom_bulk_updater.operations.conversations.verbs import Close
from intercom_bulk_updater.operations.endings import OutcomeUnknown
from intercom_bulk_updater.operations.operation import Json, Operation
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.stop import Stop

TIMEOUT = 10.0
WRITES = (
    "answered", "answer lost", "request lost", "late by 2 s", "late by 15 s", "under way for ever", "refused", "forbidden", "500",
    "500, done", "nested", "wrong type", "no effect", "out of memory", "led away", "led away, done", "killed before", "killed after",
)
READS = ("answered", "a list", "no parts", "odd tags", "nested", "500", "404", "led away", "killed before")
WAITS = ("waited", "stopped")


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Choices:
    """One world: takes the choices of `path`, then the first of each; `seen` tells how many there were at each place."""

    path: tuple[int, ...]
    seen: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    def pick(self, options: tuple[str, ...]) -> str:
        """The next choice."""
        place = len(self.taken)
        chosen = self.path[place] if place < len(self.path) else 0
        self.seen.append(len(options))
        self.taken.append(chosen)
        return options[chosen]


def worlds(run: Callable[[Choices], None], depth: int) -> int:
    """Run every world with up to `depth` mishaps; how many there were."""
    todo: list[tuple[int, ...]] = [()]
    count = 0
    while todo:
        path = todo.pop()
        choices = Choices(path)
        random.seed(1)  # the same world waits as long each time
        run(choices)
        count += 1
        if sum(map(bool, path)) < depth:
            for place in range(len(path), len(choices.seen)):
                start = tuple(choices.taken[:place])
                todo.extend((*start, option) for option in range(1, choices.seen[place]))
    return count


@dataclass
class Server:
    """One conversation, with its books: which writes took effect."""

    choices: Choices
    now: float = 1000.0
    state: str = "open"
    team: int = 0
    admin: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)
    effects: int = 0
    late: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    refused: bool = False

    def send(self, request: Request) -> Response:
        """The transport's seam."""
        self.go_on(0.05)
        return self.write(request) if request.method != "GET" else self.read()

    def close(self) -> None:
        """Nothing to close."""

    def go_on(self, seconds: float) -> None:
        """Time passes, and what was under way arrives."""
        self.now += seconds
        due = [body for at, body in self.late if at <= self.now]
        self.late = [(at, body) for at, body in self.late if at > self.now]
        for body in due:
            self.apply(body)

    def apply(self, body: dict[str, Any]) -> None:
        """A write takes effect."""
        self.effects += 1
        kind = body["message_type"]
        if kind in ("close", "open"):
            self.state = "closed" if kind == "close" else "open"
        elif kind == "assignment":
            setattr(self, "team" if body["type"] == "team" else "admin", int(body["assignee_id"]))
        else:
            part = {"id": str(len(self.messages) + 1), "part_type": kind, "body": f"<p>{body['body']}</p>",
                    "created_at": int(time.time()), "author": {"type": "admin", "id": body["admin_id"]}}
            self.messages.append(part)

    def write(self, request: Request) -> Response:
        """What becomes of a write."""
        fate, body = self.choices.pick(WRITES), dict(request.json)
        if fate in ("answered", "answer lost", "500, done", "nested", "wrong type", "out of memory", "led away, done", "killed after"):
            self.apply(body)
        if fate.startswith("killed"):
            raise Killed
        if fate == "out of memory":
            raise MemoryError
        if fate in ("answer lost", "request lost"):
            raise AnswerLost("reset", method=request.method, path=request.path)
        if fate.startswith(("late", "under way")):
            self.late.append((self.now + {"late by 2 s": 2.0, "late by 15 s": 15.0}.get(fate, 1e9), body))
            error = AnswerLost if fate == "late by 2 s" else TimedOut
            raise error("no answer", method=request.method, path=request.path)
        if fate == "nested":
            return _answer(200, b"[" * 100_000)
        if fate == "wrong type":
            return _answer(200, b'{"type": "conversation", "id": "1", "conversation_parts": [1], "tags": 7, "updated_at": "x"}')
        status = {"refused": 422, "forbidden": 403, "500": 500, "500, done": 500, "led away": 302, "led away, done": 302}.get(fate, 200)
        self.refused = self.refused or status in (422, 403)
        return self.shown() if status == 200 else _answer(status, b'{"type": "error.list", "errors": [{"code": "c"}]}')

    def read(self) -> Response:
        """What becomes of a look."""
        fate = self.choices.pick(READS)
        if fate == "killed before":
            raise Killed
        bare = json.dumps({"id": "1", "state": self.state, "conversation_parts": None}).encode()
        odd = {"a list": b"[]", "nested": b"[" * 100_000, "no parts": bare,
               "odd tags": b'{"id": "1", "state": ["x"], "conversation_parts": {"conversation_parts": [3]}, "tags": [1]}'}
        if fate in odd:
            return _answer(200, odd[fate])
        return self.shown() if fate == "answered" else _answer(302 if fate == "led away" else int(fate), b"")

    def shown(self) -> Response:
        """The conversation."""
        body = {"type": "conversation", "id": "1", "state": self.state, "snoozed_until": None, "updated_at": 5,
                "team_assignee_id": self.team, "admin_assignee_id": self.admin, "tags": {"tags": []},
                "conversation_parts": {"conversation_parts": self.messages, "total_count": len(self.messages)}}
        return _answer(200, json.dumps(body).encode())


def _answer(status: int, body: bytes) -> Response:
    limit = {"x-ratelimit-limit": "100000", "x-ratelimit-remaining": "90000", "x-ratelimit-reset": str(int(time.time()) + 5)}
    return Response(status, limit, body)


@dataclass
class Process:
    """A process that works on one item until it has its outcome, as the pool and the journal do; killed, it is begun anew."""

    operation: Operation
    server: Server
    item: Item

    def __post_init__(self) -> None:
        """Begin."""
        self.begin()

    def begin(self) -> None:
        """A process begins."""
        self.stop = Stop()
        gate = RateLimiter(Budget(clock=lambda: self.server.now), self.stop)
        client = Client(self.server, gate, admin_id="7")
        policy = RetryPolicy(1, base=0.5)
        undo = isinstance(self.operation, Restore)
        self.processor = ItemProcessor(
            self.operation, client, self.stop, policy, timeout=TIMEOUT, reread=undo, clock=lambda: self.server.now
        )
        self.attempt = Attempt(self.item)

    def settle(self) -> ItemResult:
        """The outcome of the item."""
        for _ in range(200):
            try:
                result = self.processor(self.attempt)
            except Killed:
                self.again(doubt=True, slow=self.item.slow or self.attempt.persisted)
                continue
            if isinstance(result, RetryLater):
                known = self.attempt.known
                self.attempt.persisted = self.attempt.persisted or bool(known and known.maybe_running)
                if self.server.choices.pick(WAITS) == "waited":
                    self.server.go_on(result.seconds)
                    continue
                untouched = ItemResult(1, Outcome.PENDING, doubt=self.item.doubt)
                try:
                    result = self.processor.put_back(self.attempt) if self.attempt.sent else untouched
                except Killed:
                    self.again(doubt=True, slow=self.item.slow or self.attempt.persisted)
                    continue
                if result.outcome is Outcome.PENDING:
                    self.again(doubt=result.doubt or result.slow, slow=result.slow)
                    continue
            if result.outcome is not Outcome.PENDING:
                return result
            self.item = replace(self.item, before=result.before or self.item.before, doubt=result.doubt)
            self.attempt = Attempt(self.item)
        raise AssertionError("it never ends")

    def again(self, *, doubt: bool, slow: bool) -> None:
        """A further process takes the item up."""
        self.item = replace(self.item, doubt=doubt, slow=slow)
        self.begin()


class NoProof(Assign):
    """Assigns, and does not say what became of it: an action whose return value proves nothing."""

    idempotent = None  # type: ignore[assignment]

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """It does not know."""
        return None

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """Swallow whatever comes."""
        from intercom_bulk_updater.api.messages import SentRequest

        body = {"message_type": "assignment", "type": "team", "assignee_id": "5", "admin_id": "7"}
        try:
            client.post("conversations/1/parts", body)
        except IntercomBulkError:
            pass
        finally:
            client._carried.value = None
        raise OutcomeUnknown(Exception("the action returned nothing"), [SentRequest("POST", "conversations/1/parts", body)])


class ReplyThenClose(Operation):
    """Two requests through our client, of which the second must follow the first, as a person's action has them."""

    requests_per_item = 2

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """Write to the customer, then close."""
        client.post("conversations/1/reply", {"message_type": "comment", "type": "admin", "admin_id": "7", "body": "Hello"})
        return client.post("conversations/1/parts", {"message_type": "close", "type": "admin", "admin_id": "7"})


OPERATIONS = [Reply("Hello"), Close(), Assign(team="5"), NoProof(team="5"), Restore(("state", "snoozed_until"), "close"), ReplyThenClose()]
BEFORE = {"state": "open", "snoozed_until": None, "team_assignee_id": 0, "admin_assignee_id": 0}


def stands(server: Server, operation: Operation) -> bool:
    """Whether all of the operation is there, by the server's books."""
    if isinstance(operation, Reply):
        return bool(server.messages)
    if isinstance(operation, ReplyThenClose):
        return bool(server.messages) and server.state == "closed"
    if isinstance(operation, Close):
        return server.state == "closed"
    if isinstance(operation, Restore):
        return server.state == "open"
    return server.team == 5 and (operation.admin is None or server.admin == 6)  # type: ignore[attr-defined]


DEPTHS = [2, pytest.param(3, marks=pytest.mark.slow)]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("before", [True, False], ids=["from a search", "from ids"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: type(one).__name__)
def test_every_world_ends_truly(operation: Operation, before: bool, depth: int) -> None:
    """In no world does a message stand twice, is an item failed whose effect stands or may stand, or done whose effect does not."""

    def run(choices: Choices) -> None:
        server = Server(choices)
        image, data = {field: BEFORE[field] for field in operation.fields} or {"state": "open"}, None
        if isinstance(operation, Restore):
            server.state, image, data = "closed", {**image, "state": "closed"}, {"to": image, "marks": {"updated_at": 5}}
        process = Process(operation, server, Item(1, "1", image if before or data else None, data, sent_at=time.time()))
        result = process.settle()
        assert result.outcome is not Outcome.DRIFTED, choices.taken
        assert len(server.messages) <= 1, choices.taken
        at_the_end = stands(server, operation)
        if result.outcome is Outcome.DONE:
            assert at_the_end, choices.taken
        coming = server.late
        server.go_on(1e10)
        assert len(server.messages) <= 1, choices.taken
        if result.outcome in (Outcome.FAILED, Outcome.UNCHANGED) and not (result.outcome is Outcome.UNCHANGED and not server.effects):
            assert not coming and not server.effects, (choices.taken, result)
        if not any(choices.taken):
            assert result.outcome is Outcome.DONE

    assert worlds(run, depth) > 100


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_retry_of_what_failed_or_is_in_doubt_repeats_no_message(depth: int) -> None:
    """After every world the item is tried again, as `runs retry` does: the customer reads the message once."""

    def run(choices: Choices) -> None:
        server = Server(choices)
        process = Process(Reply("Hello"), server, Item(1, "1", {"state": "open"}, sent_at=time.time()))
        result = process.settle()
        if result.outcome in (Outcome.FAILED, Outcome.IN_DOUBT):
            server.go_on(60)
            server.choices = Choices(())
            process.again(doubt=result.doubt or result.outcome is Outcome.IN_DOUBT, slow=result.slow)
            process.settle()
        server.go_on(1e10)
        assert len(server.messages) <= 1, choices.taken

    assert worlds(run, depth) > 100


def test_a_message_in_doubt_without_a_before_image_is_looked_for() -> None:
    """The first look of a killed process may have shown no state, so that none was stored: the message was sent all the same."""
    server = Server(Choices(()))
    server.apply({"message_type": "comment", "body": "Hello", "admin_id": "7"})
    process = Process(Reply("Hello"), server, Item(1, "1", None, doubt=True, sent_at=time.time()))
    assert process.settle().outcome is Outcome.DONE
    assert len(server.messages) == 1
