"""One item, from the queue to its outcome: observes, asks decide.py, and carries out what it says.

Steps 6 to 9 of the life of an item (docs/explanation/life-of-an-item.md). It knows nothing of other items, of SQL, or of
threads, and decides nothing about lost answers: that is in decide.py, which is pure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ..api.client import Client
from ..api.messages import SentRequest
from ..api.retry import REFUSALS, ErrorKind, RetryPolicy, classify
from ..errors import RunStopped, SafetyStop, Skip, StopRun
from ..model import Item, ItemResult, Outcome
from ..operations.endings import NothingChanged, OutcomeUnknown, PartiallyApplied, SeenOtherwise
from ..operations.operation import Json, Operation
from ..stop import Stop
from .attempt import Attempt, RetryLater, known_of
from .backup import Backup
from .decide import NOTHING, EndedWithoutProof, Failed, Known, LookFailed, Skipped, Step, next_step, put_back
from .effect_reader import EffectReader
from .failure_reader import AFTER_ERROR, FailureReader
from .failures import explain_unreadable, run_error
from .obstacles import Obstacles
from .refusals import RefusalStreak
from .results import Decider, as_stopped
from .write_check import NotYet, WriteCheck

T = TypeVar("T")


@dataclass(slots=True)
class ItemProcessor:
    """Brings items to their outcome; safe to share between threads.

    Parameters
    ----------
    operation, client, stop, retry:
        What is done, through what, what ends it, how often it is tried again.
    timeout:
        Seconds a request may take; how long an effect may be late follows from it.
    reread:
        Read each item right before its write and leave alone what moved (plans, undo, late resumes).
    on_drift:
        "skip", "stop" or "force", for items that moved.
    refusals:
        Tells one item's refusal from a permission that is missing for all.
    sent_before, selects:
        See WriteCheck.
    """

    operation: Operation
    client: Client
    stop: Stop
    retry: RetryPolicy
    timeout: float = 30.0
    reread: bool = False
    on_drift: str = "skip"
    refusals: RefusalStreak = field(default_factory=RefusalStreak)
    sent_before: Callable[[Item], ItemResult | None] | None = None
    selects: Callable[[Mapping[str, Any]], bool | None] | None = None
    backup: Backup | None = None
    """Keeps each item whole, as read right before its first write; for what has no way back."""
    clock: Callable[[], float] = time.monotonic
    reader: EffectReader = field(init=False)
    failures: FailureReader = field(init=False)
    check: WriteCheck = field(init=False)
    obstacles: Obstacles = field(init=False)
    decider: Decider = field(init=False)
    _born: float = field(init=False)

    def __post_init__(self) -> None:
        """Take down when this process began, and make ready to look."""
        self._born = self.clock()
        self.reader = EffectReader(self.operation, self.client)
        self.failures = FailureReader(self.operation, self.client, self.retry, self.timeout)
        self.obstacles = Obstacles(self.client, self.stop, self.refusals, self.failures, self.clock)
        self.decider = Decider(self.operation, self.client, self.stop, self.retry, self.refusals, self.reader, self.clock)
        asked = {name: given for name in ("sent_before", "selects") if (given := getattr(self, name)) is not None}
        self.check = WriteCheck(self.operation, self.client, self.on_drift, **asked)

    def __call__(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Take an item up: its outcome, or when to try it again."""
        began = time.time()
        known = self._taken_up(attempt)
        if attempt.unjudged is not None:
            result = self._guarded(attempt, self._judge)
        elif next_step(known) is Step.LOOK:
            result = self._guarded(attempt, self._look)
        else:
            result = self._guarded(attempt, self._begin)
        if isinstance(result, ItemResult) and result.outcome is Outcome.DONE:
            self.refusals.broken(began)
            remark = self.operation.remark(attempt.item)
            return replace(result, note=f"{result.note}; {remark}" if result.note else remark) if remark else result
        return result

    def _taken_up(self, attempt: Attempt) -> Known:
        if attempt.known is None:
            attempt.take_up(self._known_from(attempt.item))
        return known_of(attempt)

    def _known_from(self, item: Item) -> Known:
        """What an item in doubt brings along. Without a send of this process, it was one that died before this one began."""
        if not item.doubt or self.check.left_alone(item):
            return NOTHING
        return Known.from_journal(
            maybe_running=item.slow,
            repeatable=self.operation.idempotent is True,
            settle_until=self._born + self.failures.late_after_crash(item),
        )

    def _guarded(self, attempt: Attempt, do: Callable[[Attempt], T]) -> T | RetryLater:
        """Do one step; what asks for the end of the run ends it, and the item goes back as it is known."""
        try:
            return do(attempt)
        except (StopRun, SafetyStop) as exc:
            self.obstacles.end_run(exc)
        return RetryLater(attempt, 0.0)

    # -- 7. look, where looking is asked for, then act ----------------------------------------------------------------

    def _begin(self, attempt: Attempt) -> ItemResult | RetryLater:
        result, payload = self._check(attempt)
        return result if result is not None else self._perform(attempt, payload)

    def check_before_write(self, attempt: Attempt) -> ItemResult | RetryLater | None:
        """For a batch: what becomes of an item that is not written with others now; None when it is ready to be written."""
        if next_step(self._taken_up(attempt)) is Step.LOOK:
            return self(attempt)
        return self._guarded(attempt, lambda one: self._check(one)[0])

    def _check(self, attempt: Attempt) -> tuple[ItemResult | RetryLater | None, Json | None]:
        """Read the item where that is needed: the result of one that is not written now, and the item as read."""
        item = attempt.item
        payload = None
        try:
            if self.reread or item.before is None or (self.backup is not None and item.seq not in self.backup):
                payload = self._read(item)
            result = self.check.result_without_write(self.check.tried(item) if attempt.left else item, payload)
            if result is None or result.outcome is Outcome.PENDING:
                self._keep(item, payload)
            return result and self.decider.moved(attempt, result), payload
        except Skip as exc:
            return self.decider.conclude(attempt, Skipped(exc.reason, attempt.wrote)), payload
        except NotYet as exc:
            return RetryLater(attempt, exc.seconds), payload
        except (RunStopped, StopRun, SafetyStop):
            raise
        except Exception as exc:
            return self._read_failed(attempt, exc), payload

    def _read(self, item: Item) -> Json | None:
        return self.operation.read(self.client, item.id) if item.before is None else self.operation.reread(self.client, item)

    def _keep(self, item: Item, payload: Json | None = None) -> None:
        """Have the item whole in the backup before its first write."""
        if self.backup is not None and item.seq not in self.backup:
            payload = payload if payload is not None else self.operation.read(self.client, item.id)
            self.backup.keep(item.seq, self.operation.whole(self.client, payload or {"id": item.id}))

    def begin_write(self, attempts: Sequence[Attempt]) -> None:
        """Take down when the request of these items leaves, and whether it is a repetition."""
        now, again = self.client.server_time(), 0
        for attempt in attempts:
            attempt.first_sent_at = attempt.first_sent_at or now
            again += known_of(attempt).requests
        if again:
            self.client.count_retry()

    def _perform(self, attempt: Attempt, payload: Json | None) -> ItemResult | RetryLater:
        self.begin_write((attempt,))
        attempt.together = attempt.swallowed = False
        if not self.operation.sees_effect:
            attempt.carried.judge_since = attempt.first_sent_at
        try:
            self._keep(attempt.item)
            with self.client.carrying(attempt.carried, idempotent=self.operation.idempotent is True):
                after = self.operation.perform(self.client, attempt.item, payload)
        except (RunStopped, StopRun, SafetyStop):
            raise
        except Exception as exc:
            return self.settle_failure(attempt, exc)
        if lost := attempt.carried.lost_messages:
            # The action has swallowed its error: the effect of that message is proof, or nothing is.
            attempt.swallowed = True
            return self._ended_without_proof(attempt, lost[-1].error, _messages(attempt), returned=True)
        return self.settle_success(attempt, after)

    def settle_success(self, attempt: Attempt, after: Mapping[str, Any] | None) -> ItemResult:
        """The result of an item whose change was confirmed."""
        return ItemResult(attempt.item.seq, Outcome.DONE, attempts=known_of(attempt).requests + 1, after=after)

    # -- 8. what went wrong -------------------------------------------------------------------------------------------

    def _read_failed(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        """The read before the first write failed: nothing of the item can stand."""
        verdict = classify(explain_unreadable(exc))
        held = self.obstacles.hold_back(attempt, exc, verdict)
        if held is not None:
            return held
        attempt.last = verdict
        excused = self.failures.excused(attempt, verdict)
        observed = Failed(verdict.kind, wait=verdict.wait, read_only=True, stands=attempt.stands, excused=excused)
        return self.decider.conclude(attempt, observed, refusal=verdict)

    def settle_failure(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        """An attempt to act failed, or broke off, or ended without proof, or chose to leave the item."""
        match exc:
            case NothingChanged(left=dict() as left) | SeenOtherwise(left=dict() as left) if known_of(attempt).maybe_applied:
                return self.settle_success(attempt, left)
            case NothingChanged():
                return ItemResult(attempt.item.seq, Outcome.UNCHANGED, attempts=known_of(attempt).requests + 1, note=exc.reason)
            case Skip():
                return self.decider.conclude(attempt, Skipped(exc.reason, attempt.wrote))
            case SeenOtherwise():
                moved = self.check.check_drift(attempt.item, exc.payload) if self.reread else None
                looked = moved or self.check.capture_before(attempt.item, exc.payload)
                if looked is not None and (moved or looked.before != attempt.item.before):
                    return looked
            case PartiallyApplied():
                return self._broke_off(attempt, exc)
            case OutcomeUnknown():
                sent = tuple(exc.sent)
                lost = _messages(attempt)
                if lost and (not sent or sent[-1] != lost[-1]):
                    attempt.swallowed = True
                    sent = (*(one for one in sent if one not in lost), *lost)
                return self._ended_without_proof(attempt, exc.cause, sent, returned=exc.returned, unseen=exc.unseen)
        return self._request_failed(attempt, exc)

    def _request_failed(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        verdict = classify(exc)
        self.obstacles.heed_unseen(attempt)
        messages = _messages(attempt)
        if messages and verdict.kind is ErrorKind.FATAL:
            self.obstacles.doubt(attempt, error := attempt.carried.lost_messages[-1].error, classify(error))
        elif messages and (len(messages) > 1 or verdict.sent != messages[0]):
            # The action went on after a lost message, and broke off later: that message is what is in question.
            attempt.swallowed = True
            if len(messages) > 1:
                return self._ended_without_proof(attempt, exc, messages, returned=False)
            exc = attempt.carried.lost_messages[0].error
            verdict = classify(exc)
        if verdict.sent is None and verdict.kind is ErrorKind.PERMANENT and attempt.carried.writes:
            return self._ended_without_proof(attempt, exc, tuple(attempt.carried.writes), returned=False)
        held = self.obstacles.hold_back(attempt, exc, verdict)
        if held is not None:
            return held
        reads = verdict.sent is not None and verdict.sent.method in ("GET", "HEAD")
        if verdict.kind is ErrorKind.MAYBE_RUNNING and not reads and not attempt.persisted:
            return self._record_timeout(attempt, exc)
        attempt.last = verdict
        attempt.partial_after = getattr(exc, "parts", {}).get("left") or attempt.partial_after
        if verdict.sent is not None:
            attempt.carried.withdraw(verdict.sent)
        observed = self.failures.observed(attempt, exc, verdict)
        lost = observed.kind in (ErrorKind.MAYBE_APPLIED, ErrorKind.MAYBE_RUNNING)
        if observed.may_be_so or (lost and not observed.read_only):
            several = attempt.together or attempt.carried.unseen
            attempt.in_question = () if verdict.sent is None or several else (verdict.sent,)
        result = self.decider.conclude(attempt, observed, refusal=verdict)
        if isinstance(result, ItemResult) and result.outcome is Outcome.FAILED and getattr(exc, "unsure", False):
            return replace(result, doubt=True)
        return result

    def _record_timeout(self, attempt: Attempt, exc: Exception) -> RetryLater:
        """Write it to the journal at once, so that after a crash the request is known to be possibly under way."""
        known = known_of(attempt)
        attempt.unjudged = exc, known
        attempt.known = replace(known, requests=known.requests + 1, maybe_applied=True, maybe_running=True)
        return RetryLater(attempt, 0.0)

    def _judge(self, attempt: Attempt) -> ItemResult | RetryLater:
        assert attempt.unjudged is not None  # noqa: S101 - only then it is called
        (exc, attempt.known), attempt.unjudged = attempt.unjudged, None
        attempt.persisted = True
        return self._request_failed(attempt, exc)

    def _broke_off(self, attempt: Attempt, half: PartiallyApplied) -> ItemResult:
        """An action of several requests broke off after one that must not be sent again: so it is not run again."""
        verdict = attempt.last = classify(half.cause)
        known = attempt.known = replace(known_of(attempt), requests=known_of(attempt).requests + 1)
        if verdict.kind is ErrorKind.FATAL:
            self.stop.ask(run_error(half.cause, verdict))
        elif verdict.kind is ErrorKind.IN_BETWEEN:
            self.obstacles.count_in_between(verdict)
        return self.decider.settled(attempt, put_back(known, stands=half.words, wrote=True))

    def _ended_without_proof(
        self, attempt: Attempt, cause: Exception, sent: tuple[SentRequest, ...], *, returned: bool, unseen: str = ""
    ) -> ItemResult | RetryLater:
        verdict = classify(cause)
        had_left = f"{sent[-1].method} {sent[-1].path} had left" if sent else unseen
        attempt.last = replace(verdict, failure=replace(verdict.failure, message=f"{verdict.failure.message} after {had_left}"))
        attempt.in_question = sent
        return self.decider.conclude(attempt, EndedWithoutProof(had_left, settle=AFTER_ERROR, returned=returned))

    # -- in doubt: look before anything else --------------------------------------------------------------------------

    def _look(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Read whether the effect of what may have been carried out is there."""
        item = attempt.item
        try:
            seen, payload = self.reader.look(attempt)
            if payload is not None and item.before is None and not known_of(attempt).requests:
                looked = self.check.capture_before(item, payload)
                if looked is not None and looked.outcome is Outcome.PENDING:
                    if not item.older and self.operation.idempotent is not False:
                        return looked  # nothing is sent without a before-image on disk: there was none, so there is no doubt
                    if seen.stands is False:
                        # The journal may have lost it, or the first look showed none; the item is looked at again.
                        return replace(looked, doubt=True)
            decision = self.decider.ask(attempt, seen)
            moved = None
            if decision.step is Step.PERFORM and not decision.remember and payload is not None and item.before is not None:
                moved = self.check.check_drift(self.check.tried(item), payload, fields=self.reread)
            if moved is not None and decision.known.maybe_applied:
                # It is not written again, so only what is certain counts.
                decision = self.decider.ask(attempt, seen, known=replace(known_of(attempt), repeatable=False))
        except (RunStopped, StopRun, SafetyStop):
            raise
        except Exception as exc:
            return self._look_failed(attempt, exc)
        attempt.known = decision.known
        if decision.step is not Step.PERFORM:
            stopped = self.decider.judge_refusal(attempt, decision, attempt.last) if attempt.last is not None else None
            return stopped or self.decider.result(attempt, decision, payload)
        if moved is not None:
            return self.decider.moved(attempt, moved)
        if decision.remember:
            attempt.carried.found(attempt.in_question[-1], payload or {})
        return self._perform(attempt, payload)

    def _look_failed(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        verdict = classify(explain_unreadable(exc))
        held = self.obstacles.hold_back(attempt, exc, verdict)
        if held is not None:
            return held
        known, status, refusal = known_of(attempt), verdict.failure.status, attempt.last
        last = self.retry.after(known.read_errors + 1) is None
        alike = known.refused and refusal is not None and status in REFUSALS and status == refusal.failure.status
        observed = LookFailed(
            verdict.failure.message or str(exc),
            final=status in (404, 410) or alike,
            excused=self.client.excuses(verdict, last=last),
            also_stands=attempt.stands,
        )
        result = self.decider.conclude(attempt, observed, refusal=refusal)
        if not (alike and isinstance(result, ItemResult) and result.outcome is Outcome.FAILED and result.failure is not None):
            return result
        # No look could tell. It counts among the refusals that may end the run; a message is in doubt, of the rest a retry looks first.
        said = f"{result.failure.message}; it could not be read back: {observed.why}"
        doubted = replace(result, outcome=Outcome.IN_DOUBT, failure=replace(result.failure, message=said))
        return doubted if result.doubt else replace(result, doubt=True)

    # -- for previews and drains --------------------------------------------------------------------------------------

    def look(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Read an item and say whether acting would change it; never writes. For previews of items without a before-image."""
        attempt.known = attempt.known or Known()
        return self._guarded(attempt, self._preview)

    def _preview(self, attempt: Attempt) -> ItemResult | RetryLater:
        item = attempt.item
        try:
            payload = self._read(item)
            if payload is not None and item.before is not None:
                return self.check.check_drift_unless_sent(item, payload) or self.check.still_to_do(item, payload)
            looked = self.check.capture_before(item, payload) if payload is not None else None
            if looked is None and payload is not None and self.operation.hides(payload):
                looked = self.check.hidden(item, self._read(item))
        except Skip as exc:
            return ItemResult(item.seq, Outcome.UNCHANGED, attempts=0, note=exc.reason)
        except (RunStopped, StopRun, SafetyStop):
            raise
        except Exception as exc:
            return self._read_failed(attempt, exc)
        return looked or ItemResult(item.seq, Outcome.PENDING, attempts=0)

    def put_back(self, attempt: Attempt) -> ItemResult:
        """What the journal should know of an attempt that a drain cut short."""
        known = attempt.known or self._known_from(attempt.item)
        if known.refused and not known.maybe_applied and (looked := self.decider.last_look(attempt)) is not None:
            return looked
        known = attempt.known or known
        wrote = attempt.left or attempt.partial_after is not None
        result = self.decider.settled(attempt, put_back(known, stands=attempt.carried.stands, wrote=wrote))
        return result if attempt.last is not None or attempt.item.doubt else as_stopped(result, attempt.carried.unseen)


def _messages(attempt: Attempt) -> tuple[SentRequest, ...]:
    """What left in the last attempt, must not be sent twice, and was not answered for sure."""
    return tuple(one.sent for one in attempt.carried.lost_messages)
