"""What an error means for the item: pure decisions, no waiting, no sending, no import of any HTTP library.

`classify` understands our own errors, and those of other libraries (foreign_errors.py), because people's updaters bring their own
HTTP. What it does not know is not retried.

Step 8 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ..errors import (
    ApiError,
    BadAnswer,
    ConnectionFailed,
    IntercomBulkError,
    RateLimited,
    RefusedInBetween,
    TimedOut,
    TransportError,
)
from ..model import Failure
from .error_map import throttle_kind
from .foreign_errors import of_a_library, told
from .messages import SentRequest
from .redact import redact, redact_theirs


class ErrorKind(StrEnum):
    """What an error means."""

    RATE_LIMITED = "window"
    """429 of the rate window: not carried out, costs no attempt."""
    NOT_APPLIED = "busy"
    """Known not to have been carried out; try again later: overload, no connection."""
    MAYBE_APPLIED = "lost"
    """May have been carried out: 5xx, a broken connection, an unusable answer."""
    MAYBE_RUNNING = "slow"
    """May *still* be carried out: timeout, 408, 504."""
    PERMANENT = "permanent"
    """This item will never succeed."""
    FATAL = "fatal"
    """No item will succeed: rejected token, no admin to act as."""
    IN_BETWEEN = "in between"
    """A firewall, a proxy or another server answered in Intercom's stead: no item's fault, and it may have been carried out."""


LASTING = (ErrorKind.PERMANENT, ErrorKind.FATAL, ErrorKind.IN_BETWEEN)
"""What ends the same way when it is tried again at once, and is not an outage."""


@dataclass(frozen=True, slots=True)
class ErrorClassification:
    """What an error means, why the item failed if it is to fail, and the least seconds to wait."""

    kind: ErrorKind
    failure: Failure
    wait: float = 0.0
    sent: SentRequest | None = None
    headers: Mapping[str, str] | None = None
    page: bool = False
    """The answer was a web page, as services give that are away."""
    foreign: bool = False
    """A 429 that Intercom did not write: it says nothing of what became of the request."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter.

    Parameters
    ----------
    retries:
        Repetitions after the first request: N means at most N+1 requests.
    base, cap:
        Seconds before the first repetition, and the most before any.
    """

    retries: int = 3
    base: float = 0.5
    cap: float = 30.0

    def after(self, attempt: int) -> float | None:
        """Seconds to wait after `attempt` requests failed; None to give up. Between half and the full backoff."""
        if attempt > self.retries:
            return None
        full: float = min(self.cap, self.base * 2.0 ** (attempt - 1))
        return full * random.uniform(0.5, 1.0)


NO_CONNECTION = "no connection"
"""The cause of what failed before anything was sent."""
TIMEOUT = "timeout"
"""The cause of what was not answered in time."""
UNUSABLE = "unusable answer"
"""The cause of an answer that is not what the API promises."""
NO_EFFECT = "no effect"
"""The cause of a write that was answered with success and changed nothing."""
REFUSALS = frozenset((402, 403, 405, 406, 415))
"""Statuses that refuse one item, or all of them alike: engine/refusals.py tells which."""


SHAPE_ERRORS = (AttributeError, TypeError, LookupError, ValueError, ArithmeticError, RecursionError, MemoryError)
"""What our own code raises when it reads an answer of another shape than the API promises."""


def classify(exc: BaseException) -> ErrorClassification:
    """What `exc`, raised while an item was acted on, means for it."""
    if isinstance(exc, ApiError):
        return _by_status(exc)
    if isinstance(exc, TransportError):
        return _transport(exc)
    if isinstance(exc, IntercomBulkError):
        return ErrorClassification(ErrorKind.FATAL, _failure(type(exc).__name__, exc))
    return _foreign(exc)


def unread_answer(sent: SentRequest, exc: BaseException) -> BaseException:
    """The error of a write that left: where its answer broke something that is not an error of ours, the answer is lost."""
    if isinstance(exc, IntercomBulkError):
        return exc
    said = f"{type(exc).__name__}: {redact_theirs(str(exc))}" if str(exc) else type(exc).__name__
    said = redact(f"the answer to {sent.method} {sent.path} could not be read ({said})")[:500]
    return BadAnswer(said, method=sent.method, path=sent.path)


def no_effect(sent: SentRequest, why: str) -> BadAnswer:
    """The error for a write that was answered with success, and changed nothing."""
    message = f"{sent.method} {sent.path} was answered with success and had no effect: {why}"
    return BadAnswer(message, method=sent.method, path=sent.path, json=sent.json, cause=NO_EFFECT)


def _by_status(exc: ApiError) -> ErrorClassification:
    failure = Failure(
        cause=f"{exc.status} {exc.code}".strip(),
        message=redact(exc.api_message or exc.message),
        status=exc.status,
        code=exc.code,
        request_id=exc.request_id,
    )
    sent = SentRequest(exc.method, exc.path.strip("/"), exc.parts.get("json"))
    common: dict[str, Any] = {"failure": failure, "sent": sent, "headers": exc.headers, "foreign": bool(exc.parts.get("foreign"))}
    if isinstance(exc, RateLimited):
        kind = exc.parts.get("kind") or throttle_kind(exc.code, exc.api_message)
        if kind == "window":
            return ErrorClassification(ErrorKind.RATE_LIMITED, wait=float(exc.parts.get("wait") or 0.0), **common)
        return ErrorClassification(ErrorKind.NOT_APPLIED, wait=float(exc.parts.get("wait") or 0.0), **common)
    if isinstance(exc, RefusedInBetween):
        return ErrorClassification(ErrorKind.IN_BETWEEN, **common)
    if exc.status in (408, 504):
        return ErrorClassification(ErrorKind.MAYBE_RUNNING, **common)
    if exc.transient:
        return ErrorClassification(ErrorKind.MAYBE_APPLIED, **common)
    return ErrorClassification(ErrorKind.FATAL if exc.status == 401 or acts_for_nobody(exc) else ErrorKind.PERMANENT, **common)


def acts_for_nobody(exc: ApiError) -> bool:
    """Whether the admin in whose name we write is unknown, so that no item will succeed. (An assignee may be unknown, too.)"""
    body = exc.parts.get("json")
    written = isinstance(body, Mapping) and "admin_id" in body and body.get("message_type") != "assignment"
    return exc.code == "admin_not_found" and written


def _transport(exc: TransportError) -> ErrorClassification:
    sent = SentRequest(exc.method, exc.path.strip("/"), exc.parts.get("json"))
    if isinstance(exc, ConnectionFailed):
        return ErrorClassification(ErrorKind.NOT_APPLIED, _failure(NO_CONNECTION, exc), sent=sent)
    if isinstance(exc, TimedOut):
        return ErrorClassification(ErrorKind.MAYBE_RUNNING, _failure(TIMEOUT, exc), sent=sent)
    cause = str(exc.parts.get("cause") or (UNUSABLE if isinstance(exc, BadAnswer) else "connection lost"))
    return ErrorClassification(ErrorKind.MAYBE_APPLIED, _failure(cause, exc), sent=sent, page=bool(exc.parts.get("page")))


def _foreign(exc: BaseException) -> ErrorClassification:
    """An exception of another library, or of the updater itself, or one that wraps such."""
    found = told(exc)
    if found is None:
        return ErrorClassification(ErrorKind.PERMANENT, _failure(str(getattr(exc, "cause", "") or type(exc).__name__), exc))
    error, sent = found
    verdict = replace(_by_status(error) if isinstance(error, ApiError) else _transport(error), sent=sent)
    if not _wraps(exc, error):
        return verdict
    words = redact(f"{redact_theirs(str(exc))}: {verdict.failure.message}")[:500]
    return replace(verdict, failure=replace(verdict.failure, message=words))


def failure_of(exc: BaseException) -> TransportError | None:
    """Why a request of another library has no answer; None where it has one, or where there was no request."""
    found = told(exc)
    return found[0] if found is not None and isinstance(found[0], TransportError) else None


def _wraps(exc: BaseException, error: BaseException) -> bool:
    """Whether the outermost error is the updater's own, with words of its own about what it came from."""
    said = str(exc)
    return not of_a_library(exc) and bool(said) and said not in str(error)


def _failure(cause: str, exc: BaseException) -> Failure:
    return Failure(cause=cause, message=redact(str(exc) or type(exc).__name__)[:500])
