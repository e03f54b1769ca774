"""An item, or several, in the hands of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..api.messages import SentRequest
from ..api.replay import CompletedRequests
from ..api.retry import ErrorClassification
from ..model import Item
from .decide import Known, Step, next_step


@dataclass(slots=True)
class Attempt:
    """An item in the hands of the engine, with what this process knows of its earlier attempts."""

    item: Item
    known: Known | None = None
    """What decide.py goes by; None until a worker takes the item up."""
    persisted: bool = False
    """The journal knows that a request of it may still be under way."""
    unjudged: tuple[Exception, Known] | None = None
    """A request that ran out of time, and what was known before it: judged once the journal has `persisted` it."""
    together: bool = False
    """The last request was one for a whole batch: it says nothing of this item alone."""
    first_sent_at: float = 0.0
    """Server time (unix s) before the first send; read-backs look for effects since then."""
    last: ErrorClassification | None = None
    """What the last failure of an attempt to act meant (api/retry.py)."""
    in_question: tuple[SentRequest, ...] = ()
    """The requests whose effect is not known, the last of them last."""
    swallowed: bool = False
    """The action went on after a message of it was lost: what else it did says nothing of that message."""
    partial_after: dict[str, Any] | None = None
    """The after-image of an item of which only the first requests of the action stand."""
    carried: CompletedRequests = field(default_factory=CompletedRequests)
    """What its attempts in this process have carried out."""

    def take_up(self, known: Known) -> None:
        """Begin with what an earlier process knew of it."""
        asked = self.item.why.asked if known.maybe_applied and self.item.why is not None else None
        self.known = known if asked is None else replace(known, via_client=asked["step"] is not None)
        if asked is not None:
            sent = SentRequest(asked["method"], asked["path"], asked["json"])
            self.in_question = (sent,)
            self.carried.broke_off = asked["broke_off"]
            if asked["step"] is not None:
                self.carried.recall(sent, asked["step"])

    @property
    def asked(self) -> dict[str, Any] | None:
        """The one request in question, for a look of a later process; None where it is not all that the item got."""
        if len(self.in_question) != 1 or self.stands or not isinstance(self.in_question[0].json, dict | None):
            return None
        sent = self.in_question[0]
        step = list(self.carried.step_of(sent)) if self.known is not None and self.known.via_client else None
        return {"method": sent.method, "path": sent.path, "json": sent.json, "step": step, "broke_off": self.carried.broke_off}

    @property
    def left(self) -> bool:
        """Whether a write of it may have left in this process, and was not refused: seen or unseen, whoever sent it."""
        carried = self.carried
        seen = any(one.writes and not one.refused for one in carried.exchanges)
        return bool(carried.writes or carried.lost or carried.unseen or seen)

    @property
    def wrote(self) -> str:
        """What its attempts in this process wrote, in words; "" for nothing."""
        writes = self.carried.writes
        return f"{writes[0].method} {writes[0].path} had gone through before" if writes else ""

    @property
    def stands(self) -> str:
        """What they left standing, in words; "" for nothing."""
        return self.carried.stands or self.wrote or ("a part of the change is there" if self.partial_after else "")

    @property
    def sent(self) -> bool:
        """Whether a request of it may have left, now or earlier."""
        known = self.known
        return self.item.doubt or self.left or (known is not None and bool(known.requests or known.maybe_applied))


def known_of(attempt: Attempt) -> Known:
    """What is known of an item that a worker has taken up."""
    assert attempt.known is not None  # noqa: S101 - set when it is taken up
    return attempt.known


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that one request acts on together; each comes to its own outcome."""

    attempts: tuple[Attempt, ...]


Unit = Attempt | Batch
"""What a worker takes up at a time."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Give this to a worker again, in `seconds`. Workers never sleep."""

    unit: Unit
    seconds: float


def attempts_in(units: Iterable[Unit]) -> Iterator[Attempt]:
    """Each attempt by itself."""
    for unit in units:
        if isinstance(unit, Batch):
            yield from unit.attempts
        else:
            yield unit


@dataclass(frozen=True, slots=True)
class Waits:
    """What items that are put aside wait for, for displays."""

    late: int = 0
    """Items whose effect may still come: they are looked at until then."""
    seconds: float = 0.0
    """Until the last of those is settled; where there is none, until the next item is tried again."""


def waits_of(delayed: Sequence[tuple[float, int, Unit]], now: float) -> Waits:
    """What these wait for, each with the moment at which it is taken up again; monotonic seconds."""
    due = min((at for at, _, _ in delayed), default=now)
    looks = [
        max(at, attempt.known.settle_until)
        for at, _, unit in delayed for attempt in attempts_in((unit,))
        if attempt.known is not None and next_step(attempt.known) is Step.LOOK
    ]  # fmt: skip
    return Waits(len(looks), max(0.0, max(looks, default=due) - now))
