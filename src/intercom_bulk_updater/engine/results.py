"""What decide.py says, carried out as far as it sends nothing: counted, judged beside others, and as the result that the journal takes.

Step 9 of the life of an item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..api.client import Client
from ..api.effects import effect_of
from ..api.replay import CompletedRequests, repeatable
from ..api.retry import ErrorClassification, ErrorKind, RetryPolicy
from ..errors import PermissionDenied
from ..model import Failure, ItemResult, Outcome
from ..operations.operation import Json, Operation
from ..stop import Stop
from .attempt import Attempt, RetryLater, known_of
from .decide import Decision, Failed, Known, Observed, Step, decide, put_back
from .effect_reader import EffectReader
from .failure_reader import tells
from .refusals import RefusalStreak

STILL_THERE = ", and the item is there"
"""Ends the cause of a 404 that a look has contradicted."""
_LAST_LOOK = 10.0
"""For so many seconds a run that ends waits for its turn to look at what was refused: a window of the rate limit."""
_INTERRUPTED = Failure("interrupted", "the run ended while it was in flight")


@dataclass(frozen=True, slots=True)
class Decider:
    """Asks decide.py, and gives what it says as the pool takes it; see ItemProcessor."""

    operation: Operation
    client: Client
    stop: Stop
    retry: RetryPolicy
    refusals: RefusalStreak
    reader: EffectReader
    clock: Callable[[], float]

    def ask(self, attempt: Attempt, observed: Observed, known: Known | None = None) -> Decision:
        """What decide.py says of an item after this observation."""
        return decide(known or known_of(attempt), observed, now=self.clock(), retry_after=self.retry.after)

    def conclude(
        self, attempt: Attempt, observed: Observed, *, refusal: ErrorClassification | None = None
    ) -> ItemResult | RetryLater:
        """What follows from an observation that sends nothing more now."""
        decision = self.ask(attempt, observed)
        attempt.known = decision.known
        if decision.repetition:
            self.client.count_retry()
        standing = self._seen_all_the_same(attempt, observed, decision, refusal) if refusal is not None else None
        if isinstance(standing, ItemResult):
            return standing
        if standing is not None:
            attempt.known = replace(decision.known, refused=True)
            return standing
        if refusal is not None and (stopped := self.judge_refusal(attempt, decision, refusal)) is not None:
            return stopped
        return self.result(attempt, decision)

    def _seen_all_the_same(
        self, attempt: Attempt, observed: Observed, decision: Decision, refusal: ErrorClassification
    ) -> ItemResult | RetryLater | None:
        """The result of an item that a refusal of the token's kind (403) would fail, where a look shows that it, or a part, is as wanted.

        None where it does not; put back where the end of the run lets nobody look now: see `last_look`.
        """
        if not isinstance(observed, Failed) or observed.may_be_so or refusal.kind is not ErrorKind.PERMANENT:
            return None
        if decision.outcome is not Outcome.FAILED or not self.operation.reads_back or effect_of(refusal.sent) is None:
            return None
        attempt.in_question = () if attempt.together or refusal.sent is None else (refusal.sent,)
        try:
            seen, payload = self.reader.look(attempt)
        except Exception:
            return RetryLater(attempt, 0.0) if self.stop.asked else None  # it says nothing
        again = self.ask(attempt, seen, replace(decision.known, refused=True, repeatable=observed.repeatable, out_of_retries=True))
        if again.step is not Step.SETTLE or again.outcome is Outcome.FAILED or again.untold:
            return None
        attempt.known = again.known
        return self.result(attempt, again, payload)

    def judge_refusal(self, attempt: Attempt, decision: Decision, verdict: ErrorClassification) -> RetryLater | None:
        """See whether the refusal is one of many alike: a permission that is missing for all."""
        known = decision.known
        asked_twice = decision.untold and known.repeatable and not known.maybe_running
        if verdict.kind is not ErrorKind.PERMANENT or not (decision.outcome is Outcome.FAILED or asked_twice):
            return None
        denied = self.refusals.add(attempt.item.seq, verdict.failure)
        if denied is None:
            return None
        self.stop.ask(denied)
        attempt.known = self._put_back(attempt, known, unread=asked_twice or known.read_errors > 0)
        return RetryLater(attempt, 0.0)

    def _put_back(self, attempt: Attempt, known: Known, *, unread: bool = False) -> Known:
        """What is put back of an item whose refusal is meant for all, as a look has told, or it alone; a message is looked for again."""
        return Known(maybe_applied=unread or self._looks_again(attempt), requests=known.requests)

    def last_look(self, attempt: Attempt) -> ItemResult | None:
        """The result of an item that was refused when the run ended: one look tells whether the refusal is true.

        None where it does not, where it is meant for all, and where the service lets nobody look soon.
        """
        if self.client.gate.away() is not None or self.client.gate.state().blocked_for > _LAST_LOOK:
            return None
        with self.client.carrying(carried := CompletedRequests()):
            carried.begun = True  # so that the stop lets it through
            try:
                seen, payload = self.reader.look(attempt)
            except Exception:
                return None
        decision = self.ask(attempt, seen)
        if decision.step is not Step.SETTLE:
            return None
        for_all = attempt.last is not None and attempt.last.kind is ErrorKind.PERMANENT and isinstance(self.stop.reason, PermissionDenied)
        if for_all and decision.outcome is Outcome.FAILED:
            attempt.known = self._put_back(attempt, decision.known)
            return None
        attempt.known = decision.known
        return self.settled(attempt, decision, payload)

    def result(self, attempt: Attempt, decision: Decision, payload: Json | None = None) -> ItemResult | RetryLater:
        """A decision as the pool takes it."""
        if decision.step is Step.SETTLE:
            return self.settled(attempt, decision, payload)
        return RetryLater(attempt, decision.seconds)

    def settled(self, attempt: Attempt, decision: Decision, payload: Json | None = None) -> ItemResult:
        """The result of an item that a decision settles; `payload` is the item as it was just read."""
        done = decision.outcome is Outcome.DONE and payload is not None
        after = self.reader.after_image(attempt, payload) if done and payload is not None else None
        result = result_of(decision, attempt, after, there=payload is not None)
        if result.outcome is not Outcome.FAILED or not self._looks_again(attempt):
            return result
        assert result.failure is not None  # noqa: S101 - it failed of something
        return replace(result, doubt=True, failure=replace(result.failure, asked=attempt.asked))

    def moved(self, attempt: Attempt, looked: ItemResult) -> ItemResult:
        """The result of an item that is not written now; in doubt where others have changed what has a part of the change already."""
        if looked.outcome is not Outcome.DRIFTED or not attempt.stands:
            return looked
        why = f"{attempt.stands}; then it was left alone, for it has changed since: {looked.note}"
        return self.settled(attempt, put_back(known_of(attempt), stands=why, wrote=True))

    def _looks_again(self, attempt: Attempt) -> bool:
        """Whether a retry looks before it sends what was refused: a message whose refusal was untrue may have come after the look.

        Where no look can tell, the refusal is all there is.
        """
        sent = attempt.last.sent if attempt.last is not None else None
        message = sent is not None and not repeatable(sent) and self.operation.idempotent is not True
        return message and (self.operation.reads_back or (attempt.asked is not None and tells(sent)))


def as_stopped(result: ItemResult, unseen: str) -> ItemResult:
    """The result of an item that the end of the run cut short, with the words for it; `unseen`: by what way it may have sent something."""
    if result.failure is not None:
        return replace(result, failure=replace(result.failure, cause="stopped after a write"))
    return replace(result, failure=Failure("stopped on its way", f"{unseen}, and what it sends is not seen")) if unseen else result


def result_of(
    decision: Decision, attempt: Attempt, after: Mapping[str, Any] | None = None, *, there: bool = False
) -> ItemResult:
    """The result of an item that a decision settles.

    `after`: its after-image, where it is done and could be read; `there`: the last look has shown the item.
    """
    assert decision.outcome is not None  # noqa: S101 - a settled item has its outcome
    known, item = decision.known, attempt.item
    failure = attempt.last.failure if attempt.last else item.why
    if there and failure is not None and failure.status == 404 and not failure.cause.endswith(STILL_THERE):
        failure = replace(failure, cause=f"{failure.cause}{STILL_THERE}")
    if decision.outcome is Outcome.IN_DOUBT:
        if failure is None:
            failure = _INTERRUPTED if item.doubt else Failure("skipped after a write")
        more = "" if decision.why in failure.message else decision.why
        said = "; ".join(said for said in (failure.message, more) if said)
        failure = replace(failure, message=said, untold=decision.untold, asked=attempt.asked)
        return ItemResult(
            item.seq, Outcome.IN_DOUBT, attempts=known.requests, failure=failure, doubt=True, slow=known.maybe_running,
            older=item.older, partly=bool(attempt.stands), after=attempt.partial_after if decision.rest_failed else None,
        )  # fmt: skip
    if decision.outcome is Outcome.FAILED:
        failure = failure or Failure("unknown")
        return ItemResult(item.seq, Outcome.FAILED, attempts=known.requests, failure=failure)
    if decision.outcome is Outcome.PENDING:
        if known.maybe_applied and attempt.in_question:
            failure = replace(failure or _INTERRUPTED, asked=attempt.asked)
        return ItemResult(
            item.seq, Outcome.PENDING, attempts=known.requests, failure=failure, doubt=known.maybe_applied, slow=known.maybe_running,
            older=item.older and known.maybe_applied,
        )  # fmt: skip
    if decision.outcome is Outcome.UNCHANGED:
        return ItemResult(item.seq, Outcome.UNCHANGED, attempts=known.requests, note=decision.note)
    refusal = f", though it was refused: {attempt.last.failure.cause}" if known.refused and attempt.last is not None else ""
    note = f"{decision.note}{refusal}"
    return ItemResult(item.seq, Outcome.DONE, attempts=max(1, known.requests), after=after, note=note)
