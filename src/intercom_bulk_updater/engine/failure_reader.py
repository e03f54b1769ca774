"""What a request that failed says to decide.py: whether it may be sent again, how late its effect may be, who is to blame."""

from __future__ import annotations

from dataclasses import dataclass

from ..api.client import Client
from ..api.effects import effect_of
from ..api.messages import SentRequest
from ..api.replay import repeatable
from ..api.retry import ErrorClassification, ErrorKind, RetryPolicy
from ..errors import ApiError, TransportError
from ..model import Item
from ..operations.operation import Operation
from .attempt import Attempt, known_of
from .decide import Failed

# How long a request may still take to show its effect (seconds): of a process that died, counted from the resume, because
# nobody knows when it died; after a connection that broke, or a gateway that spoke in the API's stead; after the API's own
# "it failed", and after an action that came to its end. A message is waited for as long as an answer to it would be: the
# server may still be at work on a request whose connection a proxy has given up.
AFTER_CRASH = 5.0
AFTER_LOSS = 3.0
AFTER_ERROR = 1.0
# Refusals that a look may contradict: Intercom may have done it all the same, or a tag to be removed may not be there.
# Every refusal is looked at of what must not be repeated, of what hardly any look shows, of an item of which a part stands, and
# where the request alone tells what there is to see (an updater without `is_done`).
_MISTAKEN = (400, 404, 409, 422)


def tells(sent: SentRequest | None) -> bool:
    """Whether the effect of a request can be looked at."""
    effect = effect_of(sent)
    return effect is not None and effect.stands is not None


@dataclass(frozen=True, slots=True)
class FailureReader:
    """Reads the failures of one operation; see ItemProcessor."""

    operation: Operation
    client: Client
    retry: RetryPolicy
    timeout: float

    def observed(self, attempt: Attempt, exc: Exception, verdict: ErrorClassification) -> Failed:
        """What decide.py needs to know of a request that failed."""
        status, again = verdict.failure.status, self.repeatable(verdict)
        once = not again or (verdict.sent is not None and not repeatable(verdict.sent))  # an upsert that creates, too
        effect = effect_of(verdict.sent)
        hidden = effect is not None and effect.hidden
        looked_at = once or hidden or bool(attempt.stands) or not self.operation.reads_back
        mistaken = status in _MISTAKEN or (400 <= status < 500 and looked_at)
        return Failed(
            verdict.kind,
            wait=verdict.wait,
            settle=self.late(verdict),
            repeatable=again,
            read_only=verdict.sent is not None and verdict.sent.method in ("GET", "HEAD"),
            may_be_so=mistaken and (tells(verdict.sent) or (self.operation.idempotent is True and attempt.item.before is not None)),
            stands=attempt.stands,
            via_client=isinstance(exc, ApiError | TransportError),
            excused=self.excused(attempt, verdict),
        )

    def repeatable(self, verdict: ErrorClassification) -> bool:
        """Whether the request of an error ends in the same state when it is sent again."""
        declared = self.operation.idempotent
        return declared if declared is not None else verdict.sent is not None and repeatable(verdict.sent)

    def late(self, verdict: ErrorClassification) -> float:
        """How long after this failure the effect of the request may still appear (seconds)."""
        if verdict.kind is ErrorKind.MAYBE_RUNNING:
            return 2 * self.timeout
        if verdict.kind is ErrorKind.PERMANENT:
            return AFTER_ERROR
        said = verdict.failure.code and verdict.kind is not ErrorKind.IN_BETWEEN
        if not said and not self.repeatable(verdict):  # not in Intercom's own words
            return self.timeout
        return AFTER_ERROR if verdict.failure.status in (500, 503) else AFTER_LOSS

    def late_after_crash(self, item: Item) -> float:
        """The same of an item that a process had in flight when it died."""
        if item.slow:
            return 2 * self.timeout
        if item.why is not None and 400 <= item.why.status < 500 and item.why.code:
            # It was answered, in Intercom's own words; `--timeout` after it was sent, nothing more comes of it.
            return max(AFTER_LOSS, self.timeout - (self.client.server_time() - item.sent_at))
        return min(self.timeout, AFTER_CRASH) if self.operation.idempotent is True else self.timeout

    def excused(self, attempt: Attempt, verdict: ErrorClassification) -> bool:
        """Whether the service is to blame for a failed attempt, so that it costs the item nothing."""
        known = known_of(attempt)
        return self.client.excuses(verdict, last=self.retry.after(known.requests + 1 - known.excused) is None)
