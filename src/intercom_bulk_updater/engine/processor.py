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
from ..api.messages import SentRequest, only_looks
from ..api.replay import repeatable
from ..api.retry import (
    NO_CONNECTION,
    REFUSALS,
    ErrorClassification,
    ErrorKind,
    RetryPolicy,
    classify,
)
from ..errors import (
    ApiError,
    RunStopped,
    SafetyStop,
    Skip,
    StopRun,
)
from ..model import Item, ItemResult, Outcome
from ..operations.operation import Json, NothingChanged, Operation, OutcomeUnknown, PartiallyApplied
from ..stop import Stop
from .attempt import Attempt, RetryLater
from .backup import Backup
from .decide import Decision, EndedWithoutProof, Failed, Known, LookFailed, Observed, Skipped, Step, decide, next_step, put_back
from .effect_reader import EffectReader
from .failure_reader import AFTER_ERROR, FailureReader
from .failures import explain_unreadable, run_error
from .refusals import RefusalStreak
from .results import result_of
from .write_check import WriteCheck

# What failed because the service is away goes back to the gate, and waits there until it is back (seconds).
_AT_THE_DOOR = 0.1
# What something in between has answered is tried again so many seconds later, as long as not all is answered so.
_AFTER_REFUSAL = 0.5

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
    sent_before:
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
    backup: Backup | None = None
    """Keeps each item whole, as read right before its first write; for what has no way back."""
    clock: Callable[[], float] = time.monotonic
    reader: EffectReader = field(init=False)
    failures: FailureReader = field(init=False)
    check: WriteCheck = field(init=False)
    _born: float = field(init=False)

    def __post_init__(self) -> None:
        """Take down when this process began, and make ready to look."""
        self._born = self.clock()
        self.reader = EffectReader(self.operation, self.client)
        self.failures = FailureReader(self.operation, self.client, self.retry, self.timeout)
        self.check = WriteCheck(self.operation, self.client, self.on_drift, *([self.sent_before] if self.sent_before else []))

    def __call__(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Take an item up: its outcome, or when to try it again."""
        began = time.time()
        if attempt.known is None:
            attempt.known = self._known_from(attempt.item)
        if attempt.unjudged is not None:
            result = self._guarded(attempt, self._judge)
        elif next_step(attempt.known) is Step.LOOK:
            result = self._guarded(attempt, self._look)
        else:
            result = self._guarded(attempt, self._begin)
        if isinstance(result, ItemResult) and result.outcome is Outcome.DONE:
            self.refusals.broken(began)
            note = "; ".join(said for said in (result.note, self.operation.remark(attempt.item)) if said)
            return replace(result, note=note) if note != result.note else result
        return result

    def _known_from(self, item: Item) -> Known:
        """What an item in doubt brings along. Without a send of this process, it was one that died before this one began."""
        return Known.from_journal(
            maybe_applied=item.doubt,
            maybe_running=item.slow,
            repeatable=self.operation.idempotent is True,
            settle_until=self._born + self.failures.late_after_crash(item),
        )

    def _guarded(self, attempt: Attempt, do: Callable[[Attempt], T]) -> T | RetryLater:
        """Do one step; what asks for the end of the run ends it, and the item goes back as it is known."""
        try:
            return do(attempt)
        except (StopRun, SafetyStop) as exc:
            self.end_run(exc)
        return RetryLater(attempt, 0.0)

    def end_run(self, exc: StopRun | SafetyStop) -> None:
        """Stop the run for what an operation or a guard raised."""
        self.stop.ask(RunStopped(exc.reason) if isinstance(exc, StopRun) else exc)

    # -- 7. look, where looking is asked for, then act ----------------------------------------------------------------

    def _begin(self, attempt: Attempt) -> ItemResult | RetryLater:
        result, payload = self._check(attempt)
        return result if result is not None else self._perform(attempt, payload)

    def check_before_write(self, attempt: Attempt) -> ItemResult | RetryLater | None:
        """For a batch: what becomes of an item that is not written with others now; None when it is ready to be written."""
        if attempt.known is None:
            attempt.known = self._known_from(attempt.item)
        if next_step(attempt.known) is Step.LOOK:
            return self(attempt)
        return self._guarded(attempt, lambda one: self._check(one)[0])

    def _check(self, attempt: Attempt) -> tuple[ItemResult | RetryLater | None, Json | None]:
        """Read the item where that is needed: the result of one that is not written now, and the item as read."""
        item = attempt.item
        payload = None
        try:
            if self.reread or item.before is None or (self.backup is not None and item.seq not in self.backup):
                payload = self.operation.read(self.client, item.id)
            result = self.check.result_without_write(item, payload)
            if result is None or result.outcome is Outcome.PENDING:
                self._keep(item, payload)
            return result, payload
        except Skip as exc:
            return self._decide(attempt, Skipped(exc.reason, attempt.wrote)), payload
        except (RunStopped, StopRun, SafetyStop):
            raise
        except Exception as exc:
            return self._read_failed(attempt, exc), payload

    def _keep(self, item: Item, payload: Json | None = None) -> None:
        """Have the item whole in the backup before its first write."""
        if self.backup is not None and item.seq not in self.backup:
            payload = payload if payload is not None else self.operation.read(self.client, item.id)
            self.backup.keep(item.seq, self.operation.whole(self.client, payload or {"id": item.id}))

    def begin_write(self, attempts: Sequence[Attempt]) -> None:
        """Take down when the request of these items leaves, and whether it is a repetition."""
        now = self.client.server_time()
        for attempt in attempts:
            attempt.first_sent_at = attempt.first_sent_at or now
        if any(_known(attempt).requests for attempt in attempts):
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
        return ItemResult(attempt.item.seq, Outcome.DONE, attempts=_known(attempt).requests + 1, after=after)

    # -- 8. what went wrong -------------------------------------------------------------------------------------------

    def _read_failed(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        """The read before the first write failed: nothing of the item can stand."""
        verdict = classify(explain_unreadable(exc))
        held = self.held_back(attempt, exc, verdict)
        if held is not None:
            return held
        attempt.last = verdict
        excused = self.failures.excused(attempt, verdict)
        observed = Failed(verdict.kind, wait=verdict.wait, read_only=True, stands=attempt.stands, excused=excused)
        return self._decide(attempt, observed, refusal=verdict)

    def settle_failure(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        """An attempt to act failed, or broke off, or ended without proof, or chose to leave the item."""
        match exc:
            case NothingChanged():
                return ItemResult(attempt.item.seq, Outcome.UNCHANGED, attempts=_known(attempt).requests + 1, note=exc.reason)
            case Skip():
                return self._decide(attempt, Skipped(exc.reason, attempt.wrote))
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
        messages = _messages(attempt)
        if messages and verdict.kind is ErrorKind.FATAL:
            self._doubt(attempt, error := attempt.carried.lost_messages[-1].error, classify(error))
        elif messages and (len(messages) > 1 or verdict.sent != messages[0]):
            # The action went on after a lost message, and broke off later: that message is what is in question.
            attempt.swallowed = True
            if len(messages) > 1:
                return self._ended_without_proof(attempt, exc, messages, returned=False)
            exc = attempt.carried.lost_messages[0].error
            verdict = classify(exc)
        if verdict.sent is None and verdict.kind is ErrorKind.PERMANENT and attempt.carried.writes:
            return self._ended_without_proof(attempt, exc, tuple(attempt.carried.writes), returned=False)
        held = self.held_back(attempt, exc, verdict)
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
            attempt.in_question = () if verdict.sent is None or attempt.together else (verdict.sent,)
        result = self._decide(attempt, observed, refusal=verdict)
        if isinstance(result, ItemResult) and result.outcome is Outcome.FAILED and getattr(exc, "unsure", False):
            return replace(result, doubt=True)
        return result

    def _record_timeout(self, attempt: Attempt, exc: Exception) -> RetryLater:
        """Have it on disk before anything else is asked: a crash from here on leaves an item whose request may be under way."""
        known = _known(attempt)
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
        known = attempt.known = replace(_known(attempt), requests=_known(attempt).requests + 1)
        if verdict.kind is ErrorKind.FATAL:
            self.stop.ask(run_error(half.cause, verdict))
        elif verdict.kind is ErrorKind.IN_BETWEEN:
            self._count_in_between(verdict)
        return self._settled(attempt, put_back(known, stands=half.words, wrote=True))

    def _ended_without_proof(
        self, attempt: Attempt, cause: Exception, sent: tuple[SentRequest, ...], *, returned: bool, unseen: str = ""
    ) -> ItemResult | RetryLater:
        verdict = classify(cause)
        had_left = f"{sent[-1].method} {sent[-1].path} had left" if sent else unseen
        attempt.last = replace(verdict, failure=replace(verdict.failure, message=f"{verdict.failure.message} after {had_left}"))
        attempt.in_question = sent
        return self._decide(attempt, EndedWithoutProof(had_left, settle=AFTER_ERROR, returned=returned))

    def held_back(
        self, attempt: Attempt, exc: Exception, verdict: ErrorClassification, others: Sequence[Attempt] = ()
    ) -> RetryLater | None:
        """What is no fault of the item, and costs it no attempt: the way, the rate limit, the end of the run.

        `others` are the items of the same request.
        """
        if verdict.failure.cause == NO_CONNECTION and self.client.excuses(verdict, last=True):
            self.client.count_retry()
            return RetryLater(attempt, _AT_THE_DOOR)
        in_between = verdict.kind is ErrorKind.IN_BETWEEN
        if verdict.sent is not None and not only_looks(verdict.sent.method, verdict.sent.path):
            # Whoever answered may have let it through first.
            for one in (attempt, *others) if in_between or (verdict.foreign and not repeatable(verdict.sent)) else ():
                self._doubt(one, exc, verdict)
        if verdict.kind is ErrorKind.RATE_LIMITED:
            # The gate holds everybody until the window is over; the request was not carried out and costs no attempt.
            self.client.count_retry()
            return RetryLater(attempt, min(verdict.wait, 1.0))
        if in_between:
            self._count_in_between(verdict)
            return RetryLater(attempt, _AFTER_REFUSAL)
        if verdict.kind is ErrorKind.FATAL:
            self.stop.ask(run_error(exc, verdict))
            return RetryLater(attempt, 0.0)
        return None

    def _count_in_between(self, verdict: ErrorClassification) -> None:
        """One more that something in between answered; too many of them end the run."""
        denied = self.refusals.add_in_between(verdict.failure)
        if denied is not None:
            self.stop.ask(denied)

    def _doubt(self, attempt: Attempt, exc: Exception, verdict: ErrorClassification) -> None:
        """Take down that a write may stand, whatever somebody in between says of it: it is looked for before a repetition."""
        attempt.last = verdict
        attempt.in_question = () if attempt.together or verdict.sent is None else (verdict.sent,)
        known, again = _known(attempt), self.failures.repeatable(verdict)
        attempt.known = replace(
            known, repeatable=again and (known.repeatable or not known.maybe_applied), maybe_applied=True,
            settle_until=max(known.settle_until, self.clock() + self.failures.late(verdict)), via_client=isinstance(exc, ApiError),
        )  # fmt: skip

    # -- in doubt: look before anything else --------------------------------------------------------------------------

    def _look(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Read whether the effect of what may have been carried out is there."""
        item = attempt.item
        try:
            seen, payload = self.reader.look(attempt)
            if payload is not None and item.before is None and not _known(attempt).requests:
                looked = self.check.capture_before(item, payload)
                if looked is not None and looked.outcome is Outcome.PENDING:
                    if not item.older and self.operation.idempotent is not False:
                        return looked  # nothing is sent without a before-image on disk: there was none, so there is no doubt
                    if seen.stands is False:
                        # The journal may have lost it, or the first look showed none; the item is looked at again.
                        return replace(looked, doubt=True)
            decision = self._ask(attempt, seen)
            moved = None
            if self.reread and decision.step is Step.PERFORM and not decision.remember and payload is not None and item.before is not None:
                moved = self.check.check_drift_in_doubt(item, payload)
            if moved is not None and decision.known.maybe_applied:
                # It is not written again, so only what is certain counts.
                decision = self._ask(attempt, seen, known=replace(_known(attempt), repeatable=False))
        except (RunStopped, StopRun, SafetyStop):
            raise
        except Exception as exc:
            return self._look_failed(attempt, exc)
        attempt.known = decision.known
        if decision.step is not Step.PERFORM:
            stopped = self._judge_refusal(attempt, decision, attempt.last) if attempt.last is not None else None
            return stopped or self._result(attempt, decision, payload)
        if moved is not None:
            return moved
        if decision.remember:
            attempt.carried.found(attempt.in_question[-1], payload or {})
        return self._perform(attempt, payload)

    def _look_failed(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        verdict = classify(explain_unreadable(exc))
        held = self.held_back(attempt, exc, verdict)
        if held is not None:
            return held
        known, status, refusal = _known(attempt), verdict.failure.status, attempt.last
        last = self.retry.after(known.read_errors + 1) is None
        alike = known.refused and refusal is not None and status in REFUSALS and status == refusal.failure.status
        observed = LookFailed(
            verdict.failure.message or str(exc),
            final=status in (404, 410) or alike,
            excused=self.client.excuses(verdict, last=last),
            also_stands=attempt.stands,
        )
        result = self._decide(attempt, observed, refusal=refusal)
        # No look could tell: a retry looks first.
        unsure = alike and isinstance(result, ItemResult) and result.outcome is Outcome.FAILED
        return replace(result, doubt=True) if unsure and isinstance(result, ItemResult) else result

    # -- 9. the decision, carried out ---------------------------------------------------------------------------------

    def _ask(self, attempt: Attempt, observed: Observed, known: Known | None = None) -> Decision:
        return decide(known or _known(attempt), observed, now=self.clock(), retry_after=self.retry.after)

    def _decide(
        self, attempt: Attempt, observed: Observed, *, refusal: ErrorClassification | None = None
    ) -> ItemResult | RetryLater:
        """What follows from an observation that sends nothing more now."""
        decision = self._ask(attempt, observed)
        attempt.known = decision.known
        if decision.repetition:
            self.client.count_retry()
        if refusal is not None and (stopped := self._judge_refusal(attempt, decision, refusal)) is not None:
            return stopped
        return self._result(attempt, decision)

    def _judge_refusal(self, attempt: Attempt, decision: Decision, verdict: ErrorClassification) -> RetryLater | None:
        """See whether the refusal is one of many alike: a permission that is missing for all."""
        if verdict.kind is not ErrorKind.PERMANENT or decision.outcome is not Outcome.FAILED:
            return None
        denied = self.refusals.add(attempt.item.seq, verdict.failure)
        if denied is None:
            return None
        self.stop.ask(denied)
        # Put back as one that was never begun, as a look has told, or the refusal alone; a message is looked for again.
        attempt.known = Known(maybe_applied=decision.known.read_errors > 0 or self._looks_again(attempt))
        return RetryLater(attempt, 0.0)

    def _result(self, attempt: Attempt, decision: Decision, payload: Json | None = None) -> ItemResult | RetryLater:
        """A decision as the pool takes it."""
        if decision.step is Step.SETTLE:
            return self._settled(attempt, decision, payload)
        return RetryLater(attempt, decision.seconds)

    def _settled(self, attempt: Attempt, decision: Decision, payload: Json | None = None) -> ItemResult:
        done = decision.outcome is Outcome.DONE and payload is not None
        after = self._after_image(attempt, payload) if done and payload is not None else None
        result = result_of(decision, attempt, after, there=payload is not None)
        return replace(result, doubt=True) if result.outcome is Outcome.FAILED and self._looks_again(attempt) else result

    def _looks_again(self, attempt: Attempt) -> bool:
        """Whether a retry looks before it sends what was refused: a message whose refusal was untrue may have come after the look.

        Where no look can tell, the refusal is all there is.
        """
        sent = attempt.last.sent if attempt.last is not None else None
        message = sent is not None and not repeatable(sent) and self.operation.idempotent is not True
        return message and self.operation.reads_back

    def _after_image(self, attempt: Attempt, payload: Json) -> dict[str, Any] | None:
        """What the item looks like now; None where that cannot be read: it is done all the same."""
        since = attempt.first_sent_at or attempt.item.sent_at
        try:
            return self.operation.left(payload, attempt.item, since=since, client=self.client)
        except Exception:
            return None

    # -- for previews and drains --------------------------------------------------------------------------------------

    def look(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Read an item and say whether acting would change it; never writes. For previews of items without a before-image."""
        attempt.known = attempt.known or Known()
        return self._guarded(attempt, self._preview)

    def _preview(self, attempt: Attempt) -> ItemResult | RetryLater:
        item = attempt.item
        try:
            payload = self.operation.read(self.client, item.id)
            if payload is not None and item.before is not None:
                return self.check.check_drift_unless_sent(item, payload) or ItemResult(item.seq, Outcome.PENDING, attempts=0)
            looked = self.check.capture_before(item, payload) if payload is not None else None
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
        wrote = attempt.left or attempt.partial_after is not None
        result = self._settled(attempt, put_back(known, stands=attempt.carried.stands, wrote=wrote))
        if result.failure is not None and attempt.last is None and not attempt.item.doubt:
            return replace(result, failure=replace(result.failure, cause="stopped after a write"))
        return result


def _messages(attempt: Attempt) -> tuple[SentRequest, ...]:
    """What left in the last attempt, must not be sent twice, and was not answered for sure."""
    return tuple(one.sent for one in attempt.carried.lost_messages)


def _known(attempt: Attempt) -> Known:
    assert attempt.known is not None  # noqa: S101 - set when the item is taken up
    return attempt.known
