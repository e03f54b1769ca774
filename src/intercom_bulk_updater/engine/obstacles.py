"""What is not a fault of an item, and costs it no attempt: the way there, the rate limit, an answer from in between, the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..api.client import Client
from ..api.messages import only_looks
from ..api.replay import repeatable
from ..api.retry import NO_CONNECTION, ErrorClassification, ErrorKind
from ..errors import ApiError, RunStopped, SafetyStop, StopRun
from ..stop import Stop
from .attempt import Attempt, RetryLater, known_of
from .failure_reader import FailureReader
from .failures import run_error
from .refusals import RefusalStreak

# What failed because the service is away goes back to the gate, and waits there until it is back (seconds).
_AT_THE_DOOR = 0.1
# What something in between has answered is tried again so many seconds later, as long as not all is answered so.
_AFTER_REFUSAL = 0.5


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Meets them for the items of one run; see ItemProcessor."""

    client: Client
    stop: Stop
    refusals: RefusalStreak
    failures: FailureReader
    clock: Callable[[], float]

    def end_run(self, exc: StopRun | SafetyStop) -> None:
        """Stop the run for what an operation or a guard raised."""
        self.stop.ask(RunStopped(exc.reason) if isinstance(exc, StopRun) else exc)

    def heed_unseen(self, attempt: Attempt) -> None:
        """Take down that something may have left unseen before an attempt failed: it is looked for before a repetition."""
        if attempt.carried.unseen and self.failures.operation.idempotent is not True:
            known = known_of(attempt)
            settle_until = max(known.settle_until, self.clock() + self.failures.timeout)
            attempt.known = replace(known, repeatable=False, maybe_applied=True, settle_until=settle_until)

    def hold_back(
        self, attempt: Attempt, exc: Exception, verdict: ErrorClassification, others: Sequence[Attempt] = ()
    ) -> RetryLater | None:
        """What is not a fault of the item, and costs it no attempt: the way, the rate limit, the end of the run.

        `others` are the items of the same request.
        """
        if verdict.failure.cause == NO_CONNECTION and self.client.excuses(verdict, last=True):
            self.client.count_retry()
            return RetryLater(attempt, _AT_THE_DOOR)
        in_between = verdict.kind is ErrorKind.IN_BETWEEN
        if verdict.sent is not None and not only_looks(verdict.sent.method, verdict.sent.path):
            # Whoever answered may have let it through first.
            for one in (attempt, *others) if in_between or (verdict.foreign and not repeatable(verdict.sent)) else ():
                self.doubt(one, exc, verdict)
        if verdict.kind is ErrorKind.RATE_LIMITED:
            # The gate holds everybody until the window is over; the request was not carried out and costs no attempt.
            self.client.count_retry()
            return RetryLater(attempt, min(verdict.wait, 1.0))
        if in_between:
            self.count_in_between(verdict)
            return RetryLater(attempt, _AFTER_REFUSAL)
        if verdict.kind is ErrorKind.FATAL:
            self.stop.ask(run_error(exc, verdict))
            return RetryLater(attempt, 0.0)
        return None

    def count_in_between(self, verdict: ErrorClassification) -> None:
        """One more that something in between answered; too many of them end the run."""
        denied = self.refusals.add_in_between(verdict.failure)
        if denied is not None:
            self.stop.ask(denied)

    def doubt(self, attempt: Attempt, exc: Exception, verdict: ErrorClassification) -> None:
        """Take down that a write may stand, whatever somebody in between says of it: it is looked for before a repetition."""
        attempt.last = verdict
        attempt.in_question = () if attempt.together or attempt.carried.unseen or verdict.sent is None else (verdict.sent,)
        known, again = known_of(attempt), self.failures.repeatable(verdict)
        attempt.known = replace(
            known, repeatable=again and (known.repeatable or not known.maybe_applied), maybe_applied=True,
            settle_until=max(known.settle_until, self.clock() + self.failures.late(verdict)), via_client=isinstance(exc, ApiError),
        )  # fmt: skip
