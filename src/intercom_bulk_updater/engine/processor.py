"""The fate of one item, from the queue to its outcome. Knows nothing of other items, of SQL, or of threads.

Steps 6 to 9 of the life of an item (docs/explanation/life-of-an-item.md).

The rule for a lost answer, inside a run and after a crash alike: look first. Where the effect stands, the item is done;
where it does not, it is done again only if repeating is harmless or the request certainly came to nothing; where nothing
tells, it is left in doubt and reported. A customer never gets the same message twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from ..api.client import Client
from ..api.effects import effect_of
from ..api.messages import SentRequest
from ..api.replay import stands_in_words
from ..api.retry import NO_CONNECTION, ErrorClassification, ErrorKind, RetryPolicy, acts_for_nobody, classify
from ..errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    IntercomBulkError,
    NotFound,
    PermissionDenied,
    RunStopped,
    SafetyStop,
    Skip,
    StopRun,
    TransportError,
)
from ..model import Failure, Item, ItemResult, Outcome
from ..operations.operation import Json, Operation, OutcomeUnknown, PartiallyApplied
from ..stop import Stop
from .pool import Attempt, RetryLater

# How long a request may still take to show its effect (seconds): of a process that died, counted from the resume, because
# nobody knows when it died; after a connection that broke, or a gateway that spoke in the API's stead; after the API's own
# "it failed".
_SETTLE_AFTER_CRASH = 5.0
_SETTLE_AFTER_LOSS = 3.0
_SETTLE_AFTER_ERROR = 1.0
# What failed because the service is away goes back to the gate, and waits there until it is back (seconds).
_AT_THE_DOOR = 0.1


@dataclass(slots=True)
class ItemProcessor:
    """Decides the fate of items; safe to share between threads.

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
    """

    operation: Operation
    client: Client
    stop: Stop
    retry: RetryPolicy
    timeout: float = 30.0
    reread: bool = False
    on_drift: str = "skip"
    _born: float = field(default_factory=time.monotonic)

    def __call__(self, attempt: Attempt) -> ItemResult | RetryLater:
        """The fate of one item, or when to try it again."""
        try:
            fate = self._resolve(attempt) if attempt.doubt else self._fresh(attempt)
        except Skip as exc:
            return ItemResult(attempt.item.seq, Outcome.UNCHANGED, attempts=attempt.requests, note=exc.reason)
        except StopRun as exc:
            self.stop.ask(RunStopped(exc.reason))
            return RetryLater(attempt, 0.0)
        except SafetyStop as exc:
            self.stop.ask(exc)
            return RetryLater(attempt, 0.0)
        except RunStopped:
            raise
        except Exception as exc:
            return self._failed(attempt, exc)
        return fate

    # -- 7. look, then act --------------------------------------------------------------------------------------------

    def _fresh(self, attempt: Attempt) -> ItemResult | RetryLater:
        item = attempt.item
        payload = None
        if self.reread or item.before is None:
            payload = self.operation.read(self.client, item.id)
        if payload is not None and item.before is None:
            looked = self._first_look(item, payload)
            if looked is not None:
                return looked
        elif payload is not None:
            moved = self._moved(item, payload)
            if moved is not None:
                return moved
        if payload is None and self.operation.change(item) == {}:
            return ItemResult(item.seq, Outcome.UNCHANGED, attempts=0)
        return self._act(attempt, payload)

    def _first_look(self, item: Item, payload: Json) -> ItemResult | None:
        """The before-image goes to disk before anything is sent; the item comes back with it at once. None: there is none."""
        before = self.operation.capture(payload)
        if before is None:
            return None
        already = self.operation.change(replace(item, before=before)) == {}
        return ItemResult(item.seq, Outcome.UNCHANGED if already else Outcome.PENDING, attempts=0, before=before)

    def _moved(self, item: Item, payload: Json) -> ItemResult | None:
        """The fate of an item that is no longer as the plan saw it; None to go on."""
        drift = self.operation.drift(payload, item) or self.operation.touched(payload, item)
        # What our own later runs did (an earlier undo, say) is no drift; what others did is, even if it comes to the same.
        others = bool(drift) and self.operation.own_change_only and "own" not in (item.data or {})
        if not self.operation.appends and not others:
            since = self.client.server_time()
            if self.operation.stands(payload, item, since=since, client=self.client):
                return ItemResult(item.seq, Outcome.UNCHANGED, attempts=0, note="already in the requested state")
        if not drift or self.on_drift == "force":
            return None
        if self.on_drift == "stop":
            raise SafetyStop(
                f"{item.id} has changed since it was looked at: {drift}. It and the rest were left alone (on drift: stop).",
                guard={"go_on": "--on-drift skip"},
            )
        return ItemResult(item.seq, Outcome.DRIFTED, attempts=0, note=drift)

    def _act(self, attempt: Attempt, payload: Json | None) -> ItemResult:
        attempt.since = attempt.since or self.client.server_time()
        attempt.last_sent = time.monotonic()
        if attempt.requests:
            self.client.count_retry()
        with self.client.carrying(attempt.carried):
            after = self.operation.perform(self.client, attempt.item, payload)
        return ItemResult(attempt.item.seq, Outcome.DONE, attempts=attempt.requests + 1, after=after)

    # -- 8. what a failure means --------------------------------------------------------------------------------------

    def _failed(self, attempt: Attempt, exc: Exception) -> ItemResult | RetryLater:
        if isinstance(exc, PartiallyApplied):
            return self._half_done(attempt, exc)
        if isinstance(exc, OutcomeUnknown):
            attempt.last = classify(exc.cause)
            attempt.requests += 1
            return self._left(attempt, "nothing tells whether it was carried out")
        verdict = classify(exc)
        looking = attempt.doubt and verdict.sent is not None and verdict.sent.method == "GET"
        if not looking:
            attempt.last = verdict
            attempt.ours = isinstance(exc, ApiError | TransportError)
        if verdict.kind is ErrorKind.RATE_LIMITED:
            # The gate holds everybody until the window is over; the request was not carried out and costs no attempt.
            self.client.count_retry()
            return RetryLater(attempt, min(verdict.wait, 1.0))
        if verdict.kind is ErrorKind.FATAL:
            self.stop.ask(_fatal(exc, verdict))
            return RetryLater(attempt, 0.0)
        if looking:
            return self._blind(attempt, exc, verdict)
        unsent = verdict.failure.cause == NO_CONNECTION
        if unsent and self.client.excuses(verdict, last=True):
            self.client.count_retry()
            return RetryLater(attempt, _AT_THE_DOOR)
        attempt.requests += 1
        attempt.left = getattr(exc, "parts", {}).get("left") or attempt.left
        if verdict.kind is ErrorKind.PERMANENT:
            if not self._may_be_so(attempt, verdict):
                return replace(self._fail(attempt), doubt=getattr(exc, "unsure", False))
            attempt.doubt = attempt.refused = attempt.exhausted = True
            return RetryLater(attempt, 0.0)
        if verdict.kind in (ErrorKind.MAYBE_APPLIED, ErrorKind.MAYBE_RUNNING) and not _harmless(verdict):
            attempt.doubt = True
            attempt.slow = attempt.slow or verdict.kind is ErrorKind.MAYBE_RUNNING
            # It waited for its permit before it left; now is the latest moment at which it can have.
            attempt.last_sent = time.monotonic()
        after = self.retry.after(attempt.requests - attempt.excused)
        if self.client.excuses(verdict, last=after is None):
            attempt.excused += 1
            return RetryLater(attempt, _AT_THE_DOOR)
        if after is not None:
            return RetryLater(attempt, max(after, verdict.wait))
        if not attempt.doubt:
            return self._fail(attempt)
        attempt.exhausted = True
        return RetryLater(attempt, _SETTLE_AFTER_LOSS)

    def _half_done(self, attempt: Attempt, half: PartiallyApplied) -> ItemResult:
        """An action of several requests broke off after one that must not be sent again: so it is not run again."""
        attempt.last = classify(half.cause)
        attempt.requests += 1
        if attempt.last.kind is ErrorKind.FATAL:
            self.stop.ask(_fatal(half.cause, attempt.last))
        return self._left(attempt, half.words)

    def _may_be_so(self, attempt: Attempt, verdict: ErrorClassification) -> bool:
        """Whether a refusal may mean that the item is as wanted already: one look tells."""
        known = verdict.failure.status in (400, 409, 422) and self.operation.idempotent is True
        return known and attempt.item.before is not None and not attempt.refused

    def _fail(self, attempt: Attempt) -> ItemResult:
        if attempt.carried.stands:
            # Failed would say that it may simply be tried again.
            return self._left(attempt, attempt.carried.stands)
        failure = attempt.last.failure if attempt.last else Failure("unknown")
        return ItemResult(attempt.item.seq, Outcome.FAILED, attempts=attempt.requests, failure=failure, after=attempt.left)

    # -- in doubt: look before anything else --------------------------------------------------------------------------

    def _resolve(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Decide an item whose request may have been carried out."""
        item = attempt.item
        standing, payload, sent = self._look(attempt)
        if payload is not None and item.before is None and not attempt.requests:
            looked = self._first_look(item, payload)
            if looked is not None and not item.older:
                return looked  # nothing is sent without a before-image on disk: there was none, so there is no doubt
            if looked is not None and standing is False:
                return replace(looked, doubt=True)  # unless the journal lost it: then the item is looked at again
        if standing and attempt.refused and attempt.requests == 1:
            return ItemResult(item.seq, Outcome.UNCHANGED, attempts=1, note="already in the requested state")
        if standing and sent is not None and attempt.ours and payload is not None:
            # One request of the action stands; whether it was the last, only the action knows. It runs again, and is
            # answered from memory up to there.
            attempt.carried.found(sent, payload)
            attempt.doubt = False
            return self._act(attempt, payload)
        if standing and sent is not None and payload is not None and self._unfinished(attempt, payload):
            return self._left(attempt, stands_in_words(sent))
        if standing:
            after = None
            if payload is not None:
                after = self.operation.left(payload, item, since=attempt.since or item.sent_at, client=self.client)
            return ItemResult(item.seq, Outcome.DONE, attempts=max(1, attempt.requests), after=after, note="read back")
        effect = effect_of(attempt.last.sent) if attempt.last else None
        declared = self.operation.idempotent
        repeatable = declared if declared is not None else bool(effect and effect.repeatable)
        if not repeatable:
            if standing is None:
                return self._left(attempt, "nothing tells whether the request was carried out")
            wait = self._settling(attempt)
            if wait > 0:
                # Soon at first, then less and less often: each look costs a request.
                attempt.glances += 1
                return RetryLater(attempt, min(wait, 1.0 + attempt.glances))
            if attempt.slow:
                return self._left(attempt, "no effect to be seen, but the request may still be under way")
        if attempt.exhausted:
            return self._fail(attempt)
        if self.reread and payload is not None and item.before is not None:
            # Somebody else may have been there since; what we may have done of it ourselves is no drift.
            by = {**(item.data or {}), "by": self.client.admin_id}
            moved = self._moved(replace(item, doubt=True, data=by), payload)
            if moved is not None:
                return moved
        attempt.doubt = False
        return self._act(attempt, payload)

    def _unfinished(self, attempt: Attempt, payload: Json) -> bool:
        """Whether the item is known not to be as wanted."""
        since = attempt.since or attempt.item.sent_at
        return self.operation.stands(payload, attempt.item, since=since, client=self.client) is False

    def _look(self, attempt: Attempt) -> tuple[bool | None, Json | None, SentRequest | None]:
        """Whether the effect is there, the item as read, and the request by whose effect it was told, if by that."""
        item = attempt.item
        payload = self.operation.read(self.client, item.id)
        since = attempt.since or item.sent_at
        effect = effect_of(attempt.last.sent) if attempt.last else None
        if payload is not None:
            told = self.operation.stands(payload, item, since=since, client=self.client)
            # Not as wanted does not say that nothing was sent: a message before the close may stand.
            message = told is False and effect is not None and not effect.repeatable
            if not message and (told is not None or attempt.last is None):
                return told, payload, None
        if effect is not None and effect.read and effect.stands is not None:
            seen = self.client.get(effect.read)
            sent = attempt.last.sent if attempt.last else None
            return effect.stands(seen, since), payload or seen, sent
        return None, payload, None

    def _settling(self, attempt: Attempt) -> float:
        """Seconds until "not there" may be believed."""
        if attempt.slow:
            late = 2 * self.timeout
        elif not attempt.requests:
            late = min(self.timeout, _SETTLE_AFTER_CRASH)
        else:
            refused = attempt.last is not None and attempt.last.failure.status in (500, 503)
            late = _SETTLE_AFTER_ERROR if refused else _SETTLE_AFTER_LOSS
        # Without a send of this process: it was another one's, which died before this one began.
        return (attempt.last_sent or self._born) + late - time.monotonic()

    def _blind(self, attempt: Attempt, exc: Exception, verdict: ErrorClassification) -> ItemResult | RetryLater:
        """The look itself failed."""
        if isinstance(exc, NotFound):
            return ItemResult(attempt.item.seq, Outcome.FAILED, attempts=attempt.requests, failure=classify(exc).failure)
        after = self.retry.after(attempt.looks + 1)
        if self.client.excuses(verdict, last=after is None):
            return RetryLater(attempt, _AT_THE_DOOR)
        attempt.looks += 1
        if after is None:
            return self._left(attempt, f"it could not be read back: {exc}")
        self.client.count_retry()
        return RetryLater(attempt, after)

    def _left(self, attempt: Attempt, why: str) -> ItemResult:
        was = attempt.last.failure if attempt.last else Failure("interrupted", "the process ended while it was in flight")
        failure = replace(was, message=f"{was.message}; {why}")
        return ItemResult(
            attempt.item.seq, Outcome.IN_DOUBT, attempts=attempt.requests, failure=failure, doubt=True, slow=attempt.slow,
            older=attempt.item.older,
        )

    def look(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Read an item and say whether acting would change it; never writes. For reviews of items without a before-image."""
        item = attempt.item
        try:
            payload = self.operation.read(self.client, item.id)
        except RunStopped:
            raise
        except Exception as exc:
            return self._failed(attempt, exc)
        if payload is not None and item.before is not None:
            return self._moved(item, payload) or ItemResult(item.seq, Outcome.PENDING, attempts=0)
        before = self.operation.capture(payload) if payload is not None else None
        same = before is not None and self.operation.change(replace(item, before=before)) == {}
        return ItemResult(item.seq, Outcome.UNCHANGED if same else Outcome.PENDING, attempts=0, before=before)

    def put_back(self, attempt: Attempt) -> ItemResult:
        """What the journal should know of an attempt that a drain cut short."""
        if attempt.carried.stands:
            return self._left(attempt, attempt.carried.stands)
        older = attempt.item.older and attempt.doubt
        return ItemResult(
            attempt.item.seq, Outcome.PENDING, attempts=attempt.requests, doubt=attempt.doubt, slow=attempt.slow, older=older
        )


def _harmless(verdict: ErrorClassification) -> bool:
    """The request that failed only read something."""
    return verdict.sent is not None and verdict.sent.method == "GET"


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
    if failure.status in (402, 403):
        return PermissionDenied(f"The token lacks a permission ({said}).", **parts)
    return ApiError(said, **parts)
