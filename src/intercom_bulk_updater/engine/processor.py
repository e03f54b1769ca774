"""One item, from the queue to its outcome: observes, asks decide.py, and carries out what it says.

Steps 6 to 9 of the life of an item (docs/explanation/life-of-an-item.md). It knows nothing of other items, of SQL, or of
threads, and decides nothing about lost answers: that is in decide.py, which is pure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..api.client import Client
from ..api.effects import effect_of
from ..api.messages import SentRequest
from ..api.retry import (
    NO_CONNECTION,
    SHAPE_ERRORS,
    ErrorClassification,
    ErrorKind,
    RetryPolicy,
    acts_for_nobody,
    classify,
    classify_unanswered,
)
from ..errors import (
    ApiError,
    AuthenticationError,
    BadAnswer,
    ConfigurationError,
    IntercomBulkError,
    RunStopped,
    SafetyStop,
    Skip,
    StopRun,
    TransportError,
)
from ..model import Failure, Item, ItemResult, Outcome
from ..operations.operation import Json, NothingChanged, Operation, OutcomeUnknown, PartiallyApplied
from ..stop import Stop
from .decide import Decision, EndedWithoutProof, Failed, Known, LookFailed, Observed, Skipped, Step, decide, next_step, put_back
from .effect_reader import EffectReader
from .pool import Attempt, RetryLater
from .refusals import RefusalStreak

# How long a request may still take to show its effect (seconds): of a process that died, counted from the resume, because
# nobody knows when it died; after a connection that broke, or a gateway that spoke in the API's stead; after the API's own
# "it failed", and after an action that came to its end.
_SETTLE_AFTER_CRASH = 5.0
_SETTLE_AFTER_LOSS = 3.0
_SETTLE_AFTER_ERROR = 1.0
# What failed because the service is away goes back to the gate, and waits there until it is back (seconds).
_AT_THE_DOOR = 0.1
# Refusals that a look may contradict: something in between may have answered, or a tag to be removed may not be there.
_MISTAKEN = (400, 404, 409, 422)
_INTERRUPTED = Failure("interrupted", "the process ended while it was in flight")


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
    """

    operation: Operation
    client: Client
    stop: Stop
    retry: RetryPolicy
    timeout: float = 30.0
    reread: bool = False
    on_drift: str = "skip"
    refusals: RefusalStreak = field(default_factory=RefusalStreak)
    clock: Callable[[], float] = time.monotonic
    reader: EffectReader = field(init=False)
    _born: float = field(init=False)

    def __post_init__(self) -> None:
        """Take down when this process began, and make ready to look."""
        self._born = self.clock()
        self.reader = EffectReader(self.operation, self.client)

    def __call__(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Take an item up: its outcome, or when to try it again."""
        began = time.time()
        if attempt.known is None:
            attempt.known = self._known_from(attempt.item)
        if next_step(attempt.known) is Step.LOOK:
            result = self._guarded(attempt, self._look)
        else:
            result = self._guarded(attempt, self._begin)
        if isinstance(result, ItemResult) and result.outcome is Outcome.DONE:
            self.refusals.broken(began)
        return result

    def _known_from(self, item: Item) -> Known:
        """What an item in doubt brings along. Without a send of this process, it was one that died before this one began."""
        late = 2 * self.timeout if item.slow else min(self.timeout, _SETTLE_AFTER_CRASH)
        return Known.from_journal(
            maybe_applied=item.doubt,
            maybe_running=item.slow,
            repeatable=self.operation.idempotent is True,
            settle_until=self._born + late,
        )

    def _guarded(self, attempt: Attempt, do: Callable[[Attempt], ItemResult | RetryLater]) -> ItemResult | RetryLater:
        """Do one step; what asks for the end of the run ends it, and the item goes back as it is known."""
        try:
            return do(attempt)
        except StopRun as exc:
            self.stop.ask(RunStopped(exc.reason))
        except SafetyStop as exc:
            self.stop.ask(exc)
        return RetryLater(attempt, 0.0)

    # -- 7. look, where looking is asked for, then act ----------------------------------------------------------------

    def _begin(self, attempt: Attempt) -> ItemResult | RetryLater:
        item = attempt.item
        payload = None
        try:
            if self.reread or item.before is None:
                payload = self.operation.read(self.client, item.id)
            left_alone = self._left_alone(item, payload)
        except Skip as exc:
            return self._decide(attempt, Skipped(exc.reason, attempt.wrote))
        except (RunStopped, StopRun, SafetyStop):
            raise
        except Exception as exc:
            return self._read_failed(attempt, exc)
        return left_alone if left_alone is not None else self._perform(attempt, payload)

    def _left_alone(self, item: Item, payload: Json | None) -> ItemResult | None:
        """The result of an item that is not to be written now; None to go on."""
        if payload is not None and item.before is None:
            return self._first_look(item, payload)
        if payload is not None:
            return self._moved(item, payload)
        if self.operation.change(item) == {}:
            return ItemResult(item.seq, Outcome.UNCHANGED, attempts=0)
        return None

    def _first_look(self, item: Item, payload: Json) -> ItemResult | None:
        """Return the item with its before-image so that it is stored before any write; None if the operation captures none."""
        before = self.operation.capture(payload)
        if before is None:
            return None
        already = self.operation.change(replace(item, before=before)) == {}
        return ItemResult(item.seq, Outcome.UNCHANGED if already else Outcome.PENDING, attempts=0, before=before)

    def _moved(self, item: Item, payload: Json) -> ItemResult | None:
        """The result of an item that is no longer as the plan saw it; None to go on."""
        drift = self.operation.drift(payload, item) or self.operation.touched(payload, item)
        # What our own later runs did (an earlier undo, say) is no drift; what others did is, even if it comes to the same.
        others = bool(drift) and self.operation.own_change_only and "own" not in (item.data or {})
        if not self.operation.appends and not others:
            since = self.client.server_time()
            if self.operation.stands(payload, item, since=since, client=self.client):
                return ItemResult(item.seq, Outcome.UNCHANGED, attempts=0, note="already so")
        if not drift or self.on_drift == "force":
            return None
        if self.on_drift == "stop":
            raise SafetyStop(
                f"{item.id} has changed since it was looked at: {drift}. It and the rest were left alone (on drift: stop).",
                guard={"go_on": "--on-drift skip"},
            )
        return ItemResult(item.seq, Outcome.DRIFTED, attempts=0, note=drift)

    def _perform(self, attempt: Attempt, payload: Json | None) -> ItemResult | RetryLater:
        known = _known(attempt)
        attempt.first_sent_at = attempt.first_sent_at or self.client.server_time()
        if not self.operation.sees_effect:
            attempt.carried.judge_since = attempt.first_sent_at
        if known.requests:
            self.client.count_retry()
        try:
            with self.client.carrying(attempt.carried):
                after = self.operation.perform(self.client, attempt.item, payload)
        except NothingChanged as exc:
            return ItemResult(attempt.item.seq, Outcome.UNCHANGED, attempts=known.requests + 1, note=exc.reason)
        except Skip as exc:
            return self._decide(attempt, Skipped(exc.reason, attempt.wrote))
        except (RunStopped, StopRun, SafetyStop):
            raise
        except Exception as exc:
            return self._write_failed(attempt, exc)
        return ItemResult(attempt.item.seq, Outcome.DONE, attempts=known.requests + 1, after=after)

    # -- 8. what went wrong -------------------------------------------------------------------------------------------

    def _read_failed(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        """The read before the first write failed: nothing of the item can stand."""
        verdict = classify(_in_words(exc))
        held = self._held_back(attempt, exc, verdict)
        if held is not None:
            return held
        attempt.last = verdict
        excused = self._excused(attempt, verdict)
        observed = Failed(verdict.kind, wait=verdict.wait, read_only=True, stands=attempt.stands, excused=excused)
        return self._decide(attempt, observed, refusal=verdict)

    def _write_failed(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        """An attempt to act failed, or broke off, or ended without proof."""
        if isinstance(exc, PartiallyApplied):
            return self._broke_off(attempt, exc)
        if isinstance(exc, OutcomeUnknown):
            return self._ended_without_proof(attempt, exc.cause, exc.sent, returned=exc.returned)
        verdict = classify(exc)
        lost = attempt.carried.unanswered
        if verdict.sent is None and lost is not None:
            # It left, and whatever went wrong with its answer, the answer is lost.
            verdict = classify_unanswered(exc, lost)
        if verdict.sent is None and verdict.kind is ErrorKind.PERMANENT and attempt.carried.writes:
            return self._ended_without_proof(attempt, exc, tuple(attempt.carried.writes), returned=False)
        held = self._held_back(attempt, exc, verdict)
        if held is not None:
            return held
        attempt.last = verdict
        attempt.partial_after = getattr(exc, "parts", {}).get("left") or attempt.partial_after
        if verdict.sent is not None:
            attempt.carried.withdraw(verdict.sent)
        observed = self._failure(attempt, exc, verdict)
        if observed.may_be_so or (observed.kind in (ErrorKind.MAYBE_APPLIED, ErrorKind.MAYBE_RUNNING) and not observed.read_only):
            attempt.in_question = (verdict.sent,) if verdict.sent is not None else ()
        result = self._decide(attempt, observed, refusal=verdict)
        if isinstance(result, ItemResult) and result.outcome is Outcome.FAILED and getattr(exc, "unsure", False):
            return replace(result, doubt=True)
        return result

    def _failure(self, attempt: Attempt, exc: Exception, verdict: ErrorClassification) -> Failed:
        """What decide.py needs to know of a request that failed."""
        effect = effect_of(verdict.sent)
        declared = self.operation.idempotent
        tells = effect is not None and effect.stands is not None
        if verdict.kind is ErrorKind.MAYBE_RUNNING:
            settle = 2 * self.timeout
        else:
            settle = _SETTLE_AFTER_ERROR if verdict.failure.status in (500, 503) else _SETTLE_AFTER_LOSS
        return Failed(
            verdict.kind,
            wait=verdict.wait,
            settle=settle,
            repeatable=declared if declared is not None else effect is not None and effect.repeatable,
            read_only=verdict.sent is not None and verdict.sent.method in ("GET", "HEAD"),
            may_be_so=_may_be_mistaken(verdict.failure.status) and (tells or (declared is True and attempt.item.before is not None)),
            stands=attempt.stands,
            via_client=isinstance(exc, ApiError | TransportError) or attempt.carried.unanswered is not None,
            excused=self._excused(attempt, verdict),
        )

    def _broke_off(self, attempt: Attempt, half: PartiallyApplied) -> ItemResult:
        """An action of several requests broke off after one that must not be sent again: so it is not run again."""
        verdict = attempt.last = classify(half.cause)
        known = attempt.known = replace(_known(attempt), requests=_known(attempt).requests + 1)
        if verdict.kind is ErrorKind.FATAL:
            self.stop.ask(_fatal(half.cause, verdict))
        return self._settled(attempt, put_back(known, stands=half.words, wrote=True))

    def _ended_without_proof(
        self, attempt: Attempt, cause: Exception, sent: tuple[SentRequest, ...], *, returned: bool
    ) -> ItemResult | RetryLater:
        verdict = classify(cause)
        had_left = f"{sent[-1].method} {sent[-1].path} had left" if sent else "a request had left"
        attempt.last = replace(verdict, failure=replace(verdict.failure, message=f"{verdict.failure.message} after {had_left}"))
        attempt.in_question = sent
        return self._decide(attempt, EndedWithoutProof(had_left, settle=_SETTLE_AFTER_ERROR, returned=returned))

    def _held_back(self, attempt: Attempt, exc: Exception, verdict: ErrorClassification) -> RetryLater | None:
        """What is no fault of the item, and leaves what is known of it as it was: the way, the rate limit, the end of the run."""
        if verdict.failure.cause == NO_CONNECTION and self.client.excuses(verdict, last=True):
            self.client.count_retry()
            return RetryLater(attempt, _AT_THE_DOOR)
        if verdict.kind is ErrorKind.RATE_LIMITED:
            # The gate holds everybody until the window is over; the request was not carried out and costs no attempt.
            self.client.count_retry()
            return RetryLater(attempt, min(verdict.wait, 1.0))
        if verdict.kind is ErrorKind.FATAL:
            self.stop.ask(_fatal(exc, verdict))
            return RetryLater(attempt, 0.0)
        return None

    def _excused(self, attempt: Attempt, verdict: ErrorClassification) -> bool:
        """Whether the service is to blame for a failed attempt, so that it costs the item nothing."""
        known = _known(attempt)
        return self.client.excuses(verdict, last=self.retry.after(known.requests + 1 - known.excused) is None)

    # -- in doubt: look before anything else --------------------------------------------------------------------------

    def _look(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Read whether the effect of what may have been carried out is there."""
        item = attempt.item
        try:
            seen, payload = self.reader.look(attempt)
            if payload is not None and item.before is None and not _known(attempt).requests:
                looked = self._first_look(item, payload)
                if looked is not None and looked.outcome is Outcome.PENDING:
                    if not item.older and self.operation.idempotent is not False:
                        return looked  # nothing is sent without a before-image on disk: there was none, so there is no doubt
                    if seen.stands is False:
                        # The journal may have lost it, or the first look showed none; the item is looked at again.
                        return replace(looked, doubt=True)
            decision = self._ask(attempt, seen)
            moved = None
            if decision.step is Step.PERFORM and not decision.remember and payload is not None:
                moved = self._moved_meanwhile(item, payload)
            if moved is not None and decision.known.maybe_applied:
                # It is not written again, so only what is certain counts.
                decision = self._ask(attempt, seen, known=replace(_known(attempt), repeatable=False))
        except (RunStopped, StopRun, SafetyStop):
            raise
        except Exception as exc:
            return self._look_failed(attempt, exc)
        attempt.known = decision.known
        if decision.step is not Step.PERFORM:
            return self._result(attempt, decision, payload)
        if moved is not None:
            return moved
        if decision.remember:
            attempt.carried.found(attempt.in_question[-1], payload or {})
        return self._perform(attempt, payload)

    def _moved_meanwhile(self, item: Item, payload: Json) -> ItemResult | None:
        """Somebody else may have been there since; what we may have done of it ourselves is no drift."""
        if not self.reread or item.before is None:
            return None
        return self._moved(replace(item, doubt=True, data={**(item.data or {}), "by": self.client.admin_id}), payload)

    def _look_failed(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        verdict = classify(_in_words(exc))
        held = self._held_back(attempt, exc, verdict)
        if held is not None:
            return held
        last = self.retry.after(_known(attempt).read_errors + 1) is None
        return self._decide(
            attempt,
            LookFailed(
                verdict.failure.message or str(exc),
                final=verdict.failure.status in (404, 410),
                excused=self.client.excuses(verdict, last=last),
            ),
        )

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
        # Put back as one that was never begun: nothing of it stands.
        attempt.known = Known()
        return RetryLater(attempt, 0.0)

    def _result(self, attempt: Attempt, decision: Decision, payload: Json | None = None) -> ItemResult | RetryLater:
        """A decision as the pool takes it."""
        if decision.step is Step.SETTLE:
            return self._settled(attempt, decision, payload)
        return RetryLater(attempt, decision.seconds)

    def _settled(self, attempt: Attempt, decision: Decision, payload: Json | None = None) -> ItemResult:
        assert decision.outcome is not None  # noqa: S101 - a settled item has its outcome
        known, item = decision.known, attempt.item
        failure = attempt.last.failure if attempt.last else None
        if decision.outcome is Outcome.IN_DOUBT:
            if failure is None:
                failure = _INTERRUPTED if item.doubt else Failure("skipped after a write")
            failure = replace(failure, message="; ".join(said for said in (failure.message, decision.why) if said))
            return ItemResult(
                item.seq, Outcome.IN_DOUBT, attempts=known.requests, failure=failure, doubt=True, slow=known.maybe_running,
                older=item.older,
            )  # fmt: skip
        if decision.outcome is Outcome.FAILED:
            failure = failure or Failure("unknown")
            return ItemResult(item.seq, Outcome.FAILED, attempts=known.requests, failure=failure, after=attempt.partial_after)
        if decision.outcome is Outcome.PENDING:
            return ItemResult(
                item.seq, Outcome.PENDING, attempts=known.requests, doubt=known.maybe_applied, slow=known.maybe_running,
                older=item.older and known.maybe_applied,
            )  # fmt: skip
        if decision.outcome is Outcome.UNCHANGED:
            return ItemResult(item.seq, Outcome.UNCHANGED, attempts=known.requests, note=decision.note)
        after = self._after_image(attempt, payload) if payload is not None else None
        return ItemResult(item.seq, Outcome.DONE, attempts=max(1, known.requests), after=after, note=decision.note)

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
                return self._moved(item, payload) or ItemResult(item.seq, Outcome.PENDING, attempts=0)
            looked = self._first_look(item, payload) if payload is not None else None
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
        return self._settled(attempt, put_back(known, stands=attempt.carried.stands, wrote=attempt.left))


def _may_be_mistaken(status: int) -> bool:
    """Whether Intercom may have done what was refused all the same, or need not do it any more."""
    return status in _MISTAKEN or 300 <= status < 400


def _known(attempt: Attempt) -> Known:
    assert attempt.known is not None  # noqa: S101 - set when the item is taken up
    return attempt.known


def _in_words(exc: Exception) -> Exception:
    """What an operation raises when it reads a payload that it does not understand, as an answer that cannot be used."""
    if not isinstance(exc, SHAPE_ERRORS):
        return exc
    return exc if classify(exc).sent is not None else BadAnswer(f"what was read has another shape than the API promises ({exc!r})")


def _fatal(exc: Exception, verdict: ErrorClassification) -> IntercomBulkError:
    """One of our errors for what ends the run, also when another library raised it."""
    if isinstance(exc, ApiError) and acts_for_nobody(exc):
        return ConfigurationError(
            f"Intercom knows no admin {exc.parts['json']['admin_id']}, in whose name to write ({verdict.failure.cause}): "
            "check INTERCOM_ADMIN_ID. `intercom-bulk doctor` names the nearest."
        )
    if isinstance(exc, IntercomBulkError):
        return exc
    failure = verdict.failure
    parts: dict[str, Any] = {"status": failure.status, "code": failure.code, "request_id": failure.request_id}
    said = f"{failure.status} {failure.code}: {failure.message}"
    if failure.status == 401:
        return AuthenticationError(f"The token is rejected ({said}): check INTERCOM_ACCESS_TOKEN.", **parts)
    return ApiError(said, **parts)
