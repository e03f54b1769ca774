"""What an error means for the item: pure decisions, no waiting, no sending, no import of any HTTP library.

`classify` understands our own errors, and by their shape those of other libraries (requests, httpx, urllib3), because
people's updaters bring their own HTTP. What it does not know is not retried.

Step 8 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Any

from ..errors import (
    ApiError,
    BadAnswer,
    ConnectionFailed,
    IntercomBulkError,
    RateLimited,
    TimedOut,
    TransportError,
)
from ..model import Failure
from .redact import redact
from .refusal import refusal, throttle_kind
from .wire import Response


class Kind(StrEnum):
    """What an error means."""

    WINDOW = "window"
    """429 of the rate window: not carried out, costs no attempt."""
    BUSY = "busy"
    """Known not to have been carried out; try again later: overload, no connection."""
    LOST = "lost"
    """May have been carried out: 5xx, a broken connection, an unusable answer."""
    SLOW = "slow"
    """May *still* be carried out: timeout, 408, 504."""
    PERMANENT = "permanent"
    """This item will never succeed."""
    FATAL = "fatal"
    """No item will succeed: rejected token, missing permission, wrong method or media type."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The request that an error is about, as far as it can be known."""

    method: str
    path: str
    json: Any = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an error means, why the item failed if it is to fail, and the least seconds to wait."""

    kind: Kind
    failure: Failure
    wait: float = 0.0
    sent: Sent | None = None
    headers: Mapping[str, str] | None = None


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
_FATAL = {401, 402, 403, 405, 406, 415}


def classify(exc: BaseException) -> Verdict:
    """What `exc`, raised while an item was acted on, means for it."""
    if isinstance(exc, ApiError):
        return _by_status(exc)
    if isinstance(exc, TransportError):
        return _transport(exc)
    if isinstance(exc, IntercomBulkError):
        return Verdict(Kind.FATAL, _failure(type(exc).__name__, exc))
    return _foreign(exc)


def _by_status(exc: ApiError) -> Verdict:
    failure = Failure(
        cause=f"{exc.status} {exc.code}".strip(),
        message=redact(exc.api_message or exc.message),
        status=exc.status,
        code=exc.code,
        request_id=exc.request_id,
    )
    sent = Sent(exc.method, exc.path, exc.parts.get("json"))
    common: dict[str, Any] = {"failure": failure, "sent": sent, "headers": exc.headers}
    if isinstance(exc, RateLimited):
        kind = exc.parts.get("kind") or throttle_kind(exc.code, exc.api_message)
        if kind == "window":
            return Verdict(Kind.WINDOW, wait=float(exc.parts.get("wait") or 0.0), **common)
        return Verdict(Kind.BUSY, wait=float(exc.parts.get("wait") or 0.0), **common)
    if exc.status in (408, 504):
        return Verdict(Kind.SLOW, **common)
    if exc.transient:
        return Verdict(Kind.LOST, **common)
    return Verdict(Kind.FATAL if exc.status in _FATAL else Kind.PERMANENT, **common)


def _transport(exc: TransportError) -> Verdict:
    sent = Sent(exc.method, exc.path, exc.parts.get("json"))
    if isinstance(exc, ConnectionFailed):
        return Verdict(Kind.BUSY, _failure(NO_CONNECTION, exc), sent=sent)
    if isinstance(exc, TimedOut):
        return Verdict(Kind.SLOW, _failure("timeout", exc), sent=sent)
    cause = "unusable answer" if isinstance(exc, BadAnswer) else "connection lost"
    return Verdict(Kind.LOST, _failure(cause, exc), sent=sent)


def _foreign(exc: BaseException) -> Verdict:
    """An exception of another library, or of the updater itself, judged by its shape."""
    response = getattr(exc, "response", None)
    request = getattr(response, "request", None) or getattr(exc, "request", None)
    names = {cls.__name__ for cls in type(exc).__mro__}
    if response is None and "JSONDecodeError" in names:
        # A 2xx whose body is not JSON: requests raises it without the response, which its own frame still holds.
        response = _response_in(exc.__traceback__)
        request = getattr(response, "request", None)
        if response is not None:
            broken = BadAnswer(f"the answer ({getattr(response, 'status_code', '?')}) is empty, cut off or not JSON")
            return replace(_transport(broken), sent=_sent(request))
    status = getattr(response, "status_code", None)
    if isinstance(status, int) and status >= 400:
        headers = {str(k).lower(): str(v) for k, v in dict(getattr(response, "headers", {})).items()}
        sent = _sent(request)
        error = refusal(
            Response(status, headers, bytes(getattr(response, "content", b"") or b"")),
            sent.method if sent else "",
            sent.path if sent else "",
        )
        return replace(_by_status(error), sent=sent)
    if _from_http_library(exc):
        if names & {"ConnectTimeout", "ConnectError", "PoolTimeout", "NewConnectionError", "ConnectTimeoutError"}:
            return Verdict(Kind.BUSY, _failure(NO_CONNECTION, exc), sent=_sent(request))
        if names & {"ConnectionError"} and "NewConnectionError" in repr(exc):
            return Verdict(Kind.BUSY, _failure(NO_CONNECTION, exc), sent=_sent(request))
        if names & {"Timeout", "ReadTimeout", "TimeoutException", "ReadTimeoutError"}:
            failure = replace(
                _failure("timeout", exc),
                message="no answer within the timeout that perform_action gave its request; it may have been carried out",
            )
            return Verdict(Kind.SLOW, failure, sent=_sent(request))
        if names & {"ConnectionError", "ChunkedEncodingError", "TransportError", "ProtocolError", "HTTPError"}:
            return Verdict(Kind.LOST, _failure("connection lost", exc), sent=_sent(request))
    if isinstance(exc, TimeoutError):
        return Verdict(Kind.SLOW, _failure("timeout", exc))
    if isinstance(exc, ConnectionRefusedError):
        return Verdict(Kind.BUSY, _failure(NO_CONNECTION, exc))
    if isinstance(exc, ConnectionError):
        return Verdict(Kind.LOST, _failure("connection lost", exc))
    return Verdict(Kind.PERMANENT, _failure(str(getattr(exc, "cause", "") or type(exc).__name__), exc))


def _from_http_library(exc: BaseException) -> bool:
    # Not isinstance(exc, OSError): requests makes every one of its errors an OSError, a bad URL included.
    return any(
        cls.__module__.split(".")[0] in ("requests", "httpx", "httpx2", "httpcore", "httpcore2", "urllib3", "aiohttp")
        for cls in type(exc).__mro__
    )


def _sent(request: Any) -> Sent | None:
    """Method, path and body of another library's request object."""
    method, url = getattr(request, "method", None), getattr(request, "url", None)
    if not method or not url:
        return None
    body = getattr(request, "body", None) or getattr(request, "content", None)
    parsed: Any = None
    if isinstance(body, bytes | str):
        import json

        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = None
    path = str(url).split("://", 1)[-1].partition("/")[2].split("?")[0]
    return Sent(str(method).upper(), path, parsed)


def _response_in(trace: TracebackType | None) -> Any:
    """The response object in the innermost frames of a traceback, if one is there."""
    found = None
    while trace is not None:
        candidate = trace.tb_frame.f_locals.get("self")
        if hasattr(candidate, "status_code") and hasattr(candidate, "headers"):
            found = candidate
        trace = trace.tb_next
    return found


def _failure(cause: str, exc: BaseException) -> Failure:
    return Failure(cause=cause, message=redact(str(exc) or type(exc).__name__)[:500])
