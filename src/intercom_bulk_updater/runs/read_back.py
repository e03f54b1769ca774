"""Verification: the server's word that a run is complete, never the run's own counter.

First items are read back by GET. Then the selection is searched again, until nothing matching is left, or what is left
is explained: new since the run began, failed, drifted, in doubt, or an index that still shows the old state. Items that
no pass has seen are acted on (the runner does that) and the search goes on.

Step 10 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from ..api.client import Client
from ..api.redact import redact
from ..api.retry import classify
from ..engine.attempt import Attempt, RetryLater
from ..errors import AuthenticationError, NotFound, RunStopped, SafetyStop
from ..journal import ItemRow, Store
from ..model import Explanation, Item, ItemResult, Outcome
from ..operations.field_values import describe_field, describe_value
from ..operations.operation import Json, Operation
from ..operations.per_item import WITH
from ..operations.watched import SEEN

SAMPLE = 50
# What a search still shows in its old state, or not at all, and is asked for by GET at once, before any waiting for the index.
ASKED_AT_ONCE = 200
_KEPT = 100
# Items of the search whose old state is kept to be asked for by GET: flat memory, and more than an index is ever behind.
_STALE = 50_000


_EXPLAINS = {
    Outcome.FAILED: Explanation.FAILED,
    Outcome.DRIFTED: Explanation.DRIFTED,
    Outcome.IN_DOUBT: Explanation.IN_DOUBT,
    Outcome.IN_FLIGHT: Explanation.IN_FLIGHT,
}


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
    explained: dict[Explanation, int] = field(default_factory=dict)
    waited: float = 0.0
    unreadable: str = ""
    ids: set[str] = field(default_factory=set)
    """All ids that are not as wanted, each once, however often it was met."""
    as_wanted: set[str] = field(default_factory=set)
    """Ids that a search could not tell of and a GET has shown to be as wanted: they are not asked again."""
    unread: set[str] = field(default_factory=set)
    """Ids that could not be read back: nothing is known of them."""
    undecided: set[str] = field(default_factory=set)
    """Ids that were read back, or are not readable at all, and where nothing tells whether the change stands."""
    doubted: set[str] = field(default_factory=set)
    """Those of them that a search still finds as they were."""
    why_unread: str = ""
    sample: tuple[int, int, int] | None = None
    """Of a random sample: items judged, how many of them are wrong, and of how many it was taken."""
    search_failed: bool = False
    """The search could not be asked again: whether something is left is not known."""
    unseen: int = 0
    """Items that match the selection and that no pass of the run has seen; among `remaining`."""
    undone: int = 0
    """Of those that are not as wanted, the ones that other runs have undone."""
    missing: str = ""
    """What the search announced and did not show, in words."""
    read: int = 0
    """Read-backs that have come to their end, of `to_read`: for displays."""
    to_read: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was found that is not as wanted."""
        return not self.wrong_count and not self.remaining and not self.missing

    @property
    def left(self) -> int | None:
        """Items not as wanted; None while some (or all) could not be asked about and none of the others is wrong."""
        found = (self.remaining or 0) + self.wrong_count
        return found if found or not (self.unread or self.undecided or self.search_failed) else None

    @property
    def note(self) -> str:
        """Why something is not known; "" when everything is."""
        return self.unreadable or self.why_unread

    def as_json(self) -> dict[str, Any]:
        """The `verified` object of the JSON contract."""
        return {
            "level": self.level,
            "remaining": self.left,
            "checked": self.checked,
            **({"sample": dict(zip(("read", "wrong", "of"), self.sample, strict=True))} if self.sample else {}),
            "wrong": [{"id": i, "is": what} for i, what in self.wrong],
            "passes": self.passes,
            "explained": {str(why): count for why, count in self.explained.items()},
            "waited": round(self.waited, 1),
            **({"unread": len(self.unread)} if self.unread else {}),
            **({"unseen": self.unseen} if self.unseen else {}),
            **({"search": "failed"} if self.search_failed else {}),
            **({"undone": self.undone} if self.undone else {}),
            **({"undecided": len(self.undecided)} if self.undecided else {}),
            **({"still_found": len(self.doubted)} if self.doubted else {}),
            **({"missing": self.missing} if self.missing else {}),
            **({"note": self.note} if self.note else {}),
        }


class ReadBack:
    """Reads items back and compares them with what the run left; a `do` for the engine."""

    def __init__(
        self, operation: Operation, client: Client, since: float, result: VerificationResult, *, remember: bool = False, retries: int = 4
    ) -> None:
        self._looks = min(4, retries)
        self._remember = remember
        self._operation = operation
        self._client = client
        self._since = since
        self._result = result
        self._lock = threading.Lock()
        self._failures: dict[int, int] = {}

    def without_shown(self, items: Sequence[Item]) -> Sequence[Item]:
        """Those of some items that a search does not show as wanted: the others need no request each."""
        try:
            shown = self._operation.look_at_many(self._client, items) if items else {}
        except (RunStopped, SafetyStop, AuthenticationError):
            raise
        except Exception:
            return items  # a GET of each tells, and what is wrong
        left = [item for item in items if not self._stands(shown.get(item.id), item)]
        with self._lock:
            self._result.checked += len(items) - len(left)
            self._result.read += len(items) - len(left)
        return left

    def _stands(self, payload: Json | None, item: Item) -> bool:
        try:
            since = item.sent_at or self._since
            return payload is not None and self._operation.stands(payload, item, since=since, client=self._client) is True
        except Exception:
            return False

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
        except (RunStopped, SafetyStop):
            raise
        except Exception as exc:
            errors = self._failures.get(item.seq, 0)
            last = errors >= self._looks
            if self._client.excuses(classify(exc), last=last):
                return RetryLater(attempt, 0.1)  # the gate lets it through when the service is back
            self._failures[item.seq] = errors = errors + 1
            if last or not getattr(exc, "transient", False):
                if isinstance(exc, AuthenticationError):
                    raise
                self._unread(item.id, str(exc))
                return ItemResult(item.seq, Outcome.DONE)
            return RetryLater(attempt, 0.5 * 2**errors)
        looks = self._failures.get(item.seq, 0)
        if not self._judge(payload, item, last=not self._operation.takes_effect_later or looks >= self._looks):
            self._failures[item.seq] = looks + 1
            return RetryLater(attempt, 0.5 * 2**looks)
        return ItemResult(item.seq, Outcome.DONE)

    def _judge(self, payload: Json | None, item: Item, *, last: bool) -> bool:
        """Compare an item as it was read with what the run left; False to look again, unless this look is the `last`.

        What cannot be judged is never called wrong.
        """
        standing, instead = None, ""
        try:
            if payload is not None:
                since = item.sent_at or self._since
                standing = self._operation.stands(payload, item, since=since, client=self._client)
                instead = self._instead(payload, item) if standing is False else ""
        except (RunStopped, SafetyStop):
            raise
        except Exception as exc:
            # The answer is of another shape than Intercom's, or a person's own code failed on it.
            self._unread(item.id, f"the answer cannot be judged ({type(exc).__name__}: {exc})")
            return True
        with self._lock:
            if standing is None and not last:
                return False
            if standing is None:
                self._result.undecided.add(item.id)
                if payload is not None and self._operation.is_doubted(payload):
                    self._result.doubted.add(item.id)
                self._result.unreadable = self._result.unreadable or self._operation.why_unverifiable()
                return True
            self._result.checked += 1
            if standing and self._remember:
                self._result.as_wanted.add(item.id)
        if not standing:
            self._wrong(item.id, instead)
        return True

    def _unread(self, item_id: str, why: str) -> None:
        with self._lock:
            self._result.unread.add(item_id)
            self._result.why_unread = redact(f"{item_id}: {why}")

    def _instead(self, payload: Mapping[str, Any], item: Item) -> str:
        """What an item is instead of as wanted, in words."""
        if said := self._operation.not_written(payload, item):
            return said
        image = self._operation.capture(payload) or {}
        # Of a message the fields tell nothing; and where they are all as wanted, it is the message that is missing.
        writes = self._operation.idempotent is False
        if self._operation.appends or (writes and image and self._operation.change(Item(item.seq, item.id, image, item.data)) == {}):
            return "the message was not found"
        names, aside = self._operation.names, {"contacts", SEEN, *((item.data or {}).get(WITH) or ())}
        shown = {name: describe_value(value, name, lambda _, number: names.get(number, number)) for name, value in image.items()}
        return ", ".join(f"{describe_field(name)} is {value}" for name, value in shown.items() if name not in aside)

    def _wrong(self, item_id: str, what: str) -> None:
        with self._lock:
            if item_id in self._result.ids:
                return
            self._result.ids.add(item_id)
            self._result.wrong_count += 1
            if len(self._result.wrong) < _KEPT:
                self._result.wrong.append((item_id, what))


def to_read_back(journal: Store, run: str, level: str, taken_back: Set[str] = frozenset()) -> Iterator[Item]:
    """The items to read: all that were done and were not `taken_back`, or a random sample of them. Flat memory in both cases."""
    sample = None if level == "all" else SAMPLE + len(taken_back)  # as many are left of it, whichever were taken back
    rows = (row for row in journal.items(run, outcomes=[Outcome.DONE], sample=sample) if row.id not in taken_back)
    for row in rows if level == "all" else _sample(rows):
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
    GET to decide. `result` has what GET has said so far. What was `taken_back` is meant to match again.
    """

    def __init__(
        self, journal: Store, run: str, operation: Operation, key: Any, result: VerificationResult,
        taken_back: Set[str] = frozenset(),
    ) -> None:  # fmt: skip
        self._taken_back = taken_back
        self._journal = journal
        self._result = result
        self._run = run
        self._operation = operation
        self._key = key
        self._pending: list[Mapping[str, Any]] = []
        self.explained: dict[Explanation, int] = {}
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
            if row.id in self._taken_back:
                self.add(Explanation.UNDONE)
            elif row.outcome in (Outcome.DONE, Outcome.UNCHANGED):
                self._sort(row, batch[row.id])
            elif row.outcome is not Outcome.PENDING:
                self.add(_EXPLAINS[row.outcome])

    def _sort(self, row: ItemRow, payload: Mapping[str, Any]) -> None:
        shows = self._operation.appends or self._shows(payload, Item(row.seq, row.id, row.before, row.data))
        if row.id in self._result.ids:
            self.add(Explanation.WRONG)
        elif shows is False:
            self.stale_count += 1
            if len(self.stale) < _STALE:
                self.stale.append(row.id)
        elif shows is None and self._operation.fields and (row.outcome is Outcome.UNCHANGED or self._some):
            # What was done was answered, and a sample of it is asked; "already so" may rest on a look alone: each is asked.
            self._some -= row.outcome is Outcome.DONE
            self.untold.append(row.id)
        else:
            self.add(Explanation.STILL_MATCHES)

    def _shows(self, payload: Mapping[str, Any], item: Item) -> bool | None:
        """Whether the index already shows the wanted state; None when that cannot be told."""
        try:
            image = self._operation.shown(payload)
            change = None if image is None else self._operation.change(Item(item.seq, item.id, image, item.data))
        except Exception:  # an item of another shape than Intercom's tells nothing; a GET may
            return None
        return None if change is None else change == {}

    def add(self, why: Explanation, count: int = 1) -> None:
        """Explain some items."""
        if count:
            self.explained[why] = self.explained.get(why, 0) + count
