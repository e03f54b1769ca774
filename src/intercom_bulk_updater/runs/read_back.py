"""Verification: the server's word that a run is complete, never the run's own counter.

First items are read back by GET. Then the selection is searched again, until nothing matching is left, or what is left
is explained: new since the run began, failed, drifted, in doubt, or an index that still shows the old state. Items that
no pass has seen are acted on (the runner does that) and the search goes on.

Step 10 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..api.client import Client
from ..api.redact import redact
from ..engine.pool import Attempt, RetryLater
from ..errors import AuthenticationError, NotFound
from ..journal import ItemRow, Journal
from ..model import Item, ItemResult, Outcome
from ..operations.operation import Operation

SAMPLE = 50
# What a search still shows in its old state, or not at all, and is asked for by GET at once, before any waiting for the index.
ASKED_AT_ONCE = 200
_KEPT = 100
# Items of the search whose old state is kept to be asked for by GET: flat memory, and more than an index is ever behind.
_STALE = 50_000


@dataclass(slots=True)
class VerificationResult:
    """What the server said. `wrong` holds up to 100 ids that are not as wanted, with what they are instead."""

    level: str
    checked: int = 0
    wrong_count: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)
    passes: int = 0
    remaining: int | None = None
    """Items that still match and are not explained; None when there was no search to ask."""
    explained: dict[str, int] = field(default_factory=dict)
    waited: float = 0.0
    unreadable: str = ""
    ids: set[str] = field(default_factory=set)
    """All ids that are not as wanted, each once, however often it was met."""
    as_wanted: set[str] = field(default_factory=set)
    """Ids that a search could not tell of and a GET has shown to be as wanted: they are not asked again."""
    unread: set[str] = field(default_factory=set)
    """Ids that could not be read back: nothing is known of them."""
    why_unread: str = ""
    unseen: int = 0
    """Items that match the selection and that no pass of the run has seen; among `remaining`."""
    read: int = 0
    """Read-backs that have come to their end, of `to_read`: for displays."""
    to_read: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was found that is not as wanted."""
        return not self.wrong_count and not self.remaining

    @property
    def left(self) -> int | None:
        """Items not as wanted; None while some (or all) could not be asked about and none of the others is wrong."""
        found = (self.remaining or 0) + self.wrong_count
        return found if found or not (self.unread or self.unreadable) else None

    def as_json(self) -> dict[str, Any]:
        """The `verified` object of the JSON contract."""
        return {
            "level": self.level,
            "remaining": self.left,
            "checked": self.checked,
            "wrong": [{"id": i, "is": what} for i, what in self.wrong],
            "passes": self.passes,
            "explained": self.explained,
            "waited": round(self.waited, 1),
            **({"unread": len(self.unread)} if self.unread else {}),
            **({"unseen": self.unseen} if self.unseen else {}),
            **({"note": self.unreadable or self.why_unread} if self.unreadable or self.why_unread else {}),
        }


class ReadBack:
    """Reads items back and compares them with what the run left; a `do` for the engine."""

    def __init__(
        self, operation: Operation, client: Client, since: float, result: VerificationResult, *, remember: bool = False
    ) -> None:
        self._remember = remember
        self._operation = operation
        self._client = client
        self._since = since
        self._result = result
        self._lock = threading.Lock()
        self._failures: dict[int, int] = {}

    def __call__(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Read one item; its outcome in the journal stays as it is."""
        fate = self._read(attempt)
        if isinstance(fate, ItemResult):
            with self._lock:
                self._result.read += 1
        return fate

    def _read(self, attempt: Attempt) -> ItemResult | RetryLater:
        item = attempt.item
        try:
            payload = self._operation.read(self._client, item.id)
        except NotFound:
            self._wrong(item.id, "gone")
            return ItemResult(item.seq, Outcome.DONE)
        except Exception as exc:
            errors = self._failures[item.seq] = self._failures.get(item.seq, 0) + 1
            if errors > 4 or not getattr(exc, "transient", False):
                if isinstance(exc, AuthenticationError):
                    raise
                with self._lock:
                    self._result.unread.add(item.id)
                    self._result.why_unread = redact(f"{item.id} could not be read back: {exc}")
                return ItemResult(item.seq, Outcome.DONE)
            return RetryLater(attempt, 0.5 * 2**errors)
        standing = None
        if payload is not None:
            since = item.sent_at or self._since
            standing = self._operation.stands(payload, item, since=since, client=self._client)
        with self._lock:
            self._result.checked += standing is not None
            if standing and self._remember:
                self._result.as_wanted.add(item.id)
        if standing is False:
            self._wrong(item.id, self._instead(payload or {}, item))
        return ItemResult(item.seq, Outcome.DONE)

    def _instead(self, payload: Mapping[str, Any], item: Item) -> str:
        """What an item is instead of as wanted, in words."""
        image = self._operation.capture(payload) or {}
        # Of a message the fields tell nothing; and where they are all as wanted, it is the message that is missing.
        if self._operation.appends or (image and self._operation.change(Item(item.seq, item.id, image, item.data)) == {}):
            return "the message was not found"
        return ", ".join(f"{k} is {v}" for k, v in image.items() if k != "contacts")

    def _wrong(self, item_id: str, what: str) -> None:
        with self._lock:
            if item_id in self._result.ids:
                return
            self._result.ids.add(item_id)
            self._result.wrong_count += 1
            if len(self._result.wrong) < _KEPT:
                self._result.wrong.append((item_id, what))


def to_read_back(journal: Journal, run: str, level: str) -> Iterator[Item]:
    """The items to read: all that were done, or a random sample of them. Flat memory in both cases."""
    rows = journal.items(run, outcomes=[Outcome.DONE])
    if level != "all":
        rows = iter(_sample(rows))
    for row in rows:
        yield Item(row.seq, row.id, row.before, row.data, sent_at=row.claimed_at or 0.0)


def _sample(rows: Iterator[ItemRow]) -> Sequence[ItemRow]:
    """A uniform sample of a stream of unknown length (reservoir sampling)."""
    kept: list[ItemRow] = []
    for number, row in enumerate(rows):
        if number < SAMPLE:
            kept.append(row)
        elif (place := random.randrange(number + 1)) < SAMPLE:
            kept[place] = row
    return kept


class RemainingMatches:
    """What a search of the finished selection still brings, sorted by why; `watch` of a SearchSource.

    `stale` holds what is shown in its old state, `untold` what is shown without the fields that would tell; both are for
    GET to decide. `result` has what GET has said so far.
    """

    def __init__(self, journal: Journal, run: str, operation: Operation, key: Any, result: VerificationResult) -> None:
        self._journal = journal
        self._result = result
        self._run = run
        self._operation = operation
        self._key = key
        self._pending: list[Mapping[str, Any]] = []
        self.explained: dict[str, int] = {}
        self.stale: list[str] = []
        self.stale_count = 0
        self.untold: list[str] = []
        self._some = ASKED_AT_ONCE

    def __call__(self, payload: Mapping[str, Any]) -> None:
        """Take one raw item of the search."""
        self._pending.append(payload)
        if len(self._pending) >= 500:
            self.settle()

    def settle(self) -> None:
        """Sort what was taken."""
        batch = {str(self._key(p)): p for p in self._pending}
        self._pending = []
        for row in self._journal.items(self._run, ids=list(batch)):
            if row.outcome in (Outcome.DONE, Outcome.UNCHANGED):
                self._sort(row, batch[row.id])
            elif row.outcome is not Outcome.PENDING:
                self.add(str(row.outcome).replace("_", " "))

    def _sort(self, row: ItemRow, payload: Mapping[str, Any]) -> None:
        shows = self._operation.appends or self._shows(payload, Item(row.seq, row.id, row.before, row.data))
        if row.id in self._result.ids:
            self.add("not in the wanted state, by GET")
        elif shows is False:
            self.stale_count += 1
            if len(self.stale) < _STALE:
                self.stale.append(row.id)
        elif shows is None and self._operation.fields and (row.outcome is Outcome.UNCHANGED or self._some):
            # What was done was answered, and a sample of it is asked; "already so" may rest on a look alone: each is asked.
            self._some -= row.outcome is Outcome.DONE
            self.untold.append(row.id)
        else:
            self.add("done, and still matching the selection")

    def _shows(self, payload: Mapping[str, Any], item: Item) -> bool | None:
        """Whether the index already shows the wanted state; None when that cannot be told."""
        image = self._operation.capture(payload)
        if image is None:
            return None
        change = self._operation.change(Item(item.seq, item.id, image, item.data))
        return None if change is None else change == {}

    def add(self, why: str, count: int = 1) -> None:
        """Explain some items."""
        if count:
            self.explained[why] = self.explained.get(why, 0) + count
