"""Errors of other HTTP libraries, told in our own words. By their shape: none of those libraries is imported.

People's updaters bring their own HTTP: requests, httpx, aiohttp, urllib, urllib3, Intercom's own Python SDK. Their code
often wraps what those raise in an error of its own, so the whole chain of causes is looked at.

Step 8 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from ..errors import AnswerLost, ApiError, BadAnswer, ConnectionFailed, TimedOut, TransportError
from .error_body import read_error_body
from .error_map import refusal
from .messages import Response, SentRequest

_LIBRARIES = frozenset(
    ("requests", "httpx", "httpx2", "httpcore", "httpcore2", "urllib3", "aiohttp", "http", "urllib", "intercom", "anyio")
)
_UNCONNECTED = frozenset(
    (
        "ConnectTimeout", "ConnectError", "PoolTimeout", "NewConnectionError", "ConnectTimeoutError", "ClientConnectorError",
        "ConnectionTimeoutError", "gaierror", "NameResolutionError", "ClientConnectorDNSError", "ClientConnectorCertificateError",
        "ClientConnectorSSLError",
    )
)  # fmt: skip
_SLOW = frozenset(("Timeout", "ReadTimeout", "TimeoutException", "ReadTimeoutError", "ServerTimeoutError"))
_LOST = frozenset(
    (
        "ConnectionError", "ChunkedEncodingError", "TransportError", "ProtocolError", "HTTPError", "HTTPException",
        "ClientConnectionError", "ClientPayloadError",
    )
)  # fmt: skip
_DEEPEST = 8
_NOTE = "_intercom_bulk_sent"
_BODY = "_intercom_bulk_body"


def told(exc: BaseException) -> tuple[ApiError | TransportError, SentRequest | None] | None:
    """What an exception of somebody else's code says about a request, as one of our errors, and which request it was.

    None: it is about no request.
    """
    if getattr(exc, "elsewhere", False):
        return None  # it went to another server
    known: SentRequest | None = getattr(exc, _NOTE, None)
    for one in _chain(exc):
        found = _told(one)
        if found is None and known is not None and type(one).__name__ == "JSONDecodeError":
            found = _no_answer("2xx"), known
        if found is not None:
            error, sent = found
            # What was seen leaving has its body; an answer may not tell of it.
            return error, known if known is not None and (sent is None or sent.json is None) else sent
        if of_a_library(one):
            return None  # what a library's error came from is its own affair
    return None


def of_another(exc: BaseException, *, answered: bool) -> bool:
    """Whether an error that names no request is of another one than was seen leaving last.

    That one had a connection; and where it was `answered` with success, it was not lost.
    """
    found = told(exc)
    lost = found is not None and found[1] is None and isinstance(found[0], TransportError)
    return lost and found is not None and (answered or isinstance(found[0], ConnectionFailed))


def host_of(exc: BaseException) -> str:
    """The host and port that the request of an error went to; "" where no error in the chain says."""
    for one in _chain(exc):
        if not of_a_library(one):
            continue
        request = getattr(getattr(one, "response", None), "request", None) or _quietly(one, "request")
        # Of urllib the error itself has the address; of urllib3 it has the pool of connections that it is of.
        url = getattr(request, "url", None) or getattr(request, "full_url", None) or _quietly(one, "filename")
        pool = vars(one).get("pool")  # the property of newer versions warns
        if host := urlsplit(str(url or "")).netloc.rpartition("@")[2].lower():
            return host
        if pool is not None and getattr(pool, "host", None):
            return f"{pool.host}:{pool.port}".lower()
    return ""


def library_of(exc: BaseException) -> str:
    """The HTTP library that raised an error, or one that it came from: "requests", "httpx", ...; "" for none."""
    for one in _chain(exc):
        for cls in type(one).__mro__:
            name = cls.__module__.split(".")[0]
            if name in _LIBRARIES:
                return name
    return ""


def note(exc: BaseException, sent: SentRequest) -> None:
    """Remember with an error which request left last, for libraries whose errors do not say."""
    with suppress(AttributeError):
        setattr(exc, _NOTE, sent)


class ReturnedError(Exception):
    """An action returned what Intercom refused it with, or no usable answer, and raised nothing."""

    def __init__(self, error: ApiError | TransportError, words: str = "") -> None:
        self.__cause__ = error
        super().__init__(words)


def answered(result: Any) -> ApiError | TransportError | None:
    """The refusal in what an action returned as its result: an error body, or a response that nobody has looked into."""
    status = _number(getattr(result, "status_code", None)) or _number(getattr(result, "status", None))
    if status and (elsewhere := _led_away(result)) is not None:
        return elsewhere
    if status:
        sent, content = _sent(getattr(result, "request", None)), getattr(result, "content", None)
        if status >= 300:
            return _refusal(status, getattr(result, "headers", None), content, sent)
        return _no_answer(status) if isinstance(content, bytes) and status == 200 and not _is_json(content) else None
    if isinstance(result, Mapping) and result.get("type") == "error.list" and result.get("errors"):
        return _refusal(_status_of(result), None, _dumped(result), None)
    return None


def _led_away(result: Any) -> ApiError | TransportError | None:
    """What a library that follows redirects got at another address, or by another method, is not an answer to what was asked."""
    history = getattr(result, "history", None)
    if not isinstance(history, list | tuple) or not history:
        return None
    first, last = getattr(history[0], "request", None), getattr(result, "request", None)
    hosts = [urlsplit(str(getattr(one, "url", ""))).netloc for one in (first, last)]
    if hosts[0] == hosts[1] and getattr(first, "method", "") == getattr(last, "method", ""):
        return None
    return _refusal(_number(getattr(history[0], "status_code", None)), getattr(history[0], "headers", None), b"", _sent(first))


def _told(exc: BaseException) -> tuple[ApiError | TransportError, SentRequest | None] | None:
    if isinstance(exc, ApiError | TransportError):
        return exc, SentRequest(exc.method, exc.path, exc.parts.get("json")) if exc.method else None
    response = getattr(exc, "response", None)
    request = getattr(response, "request", None) or _quietly(exc, "request") or getattr(exc, "request_info", None)
    names = {cls.__name__ for cls in type(exc).__mro__}
    if response is None and "JSONDecodeError" in names:
        # A 2xx whose body is not JSON: requests raises it without the response, which its own frame still holds.
        response = _response_in(exc.__traceback__)
        request = getattr(response, "request", None)
        if response is not None:
            return _no_answer(getattr(response, "status_code", "?")), _sent(request)
    # Requests and httpx give the response with the error; in Intercom's SDK, aiohttp and urllib the error is both.
    status = _number(getattr(response, "status_code", None))
    if response is not None and (led := _led_away(response)) is not None:
        return led, _sent(getattr(response.history[0], "request", None))
    if status >= 300:
        sent = _sent(request)
        return _refusal(status, getattr(response, "headers", None), getattr(response, "content", b""), sent), sent
    if not of_a_library(exc):
        return _by_system(exc)
    own = next((n for n in (_number(getattr(exc, name, None)) for name in ("status_code", "status", "code")) if n >= 300), 0)
    if own:
        sent = _sent(request) or _sent(exc)
        return _refusal(own, getattr(exc, "headers", None), _body_of(exc), sent), sent
    if _number(getattr(exc, "status_code", None)):
        return _no_answer(exc.status_code), _sent(request)  # type: ignore[attr-defined]
    return _by_name(exc, names, _sent(request))


def _by_name(exc: BaseException, names: set[str], sent: SentRequest | None) -> tuple[TransportError, SentRequest | None] | None:
    if isinstance(exc, ValueError) or "InvalidURL" in names:
        return None  # a request that cannot even be made
    reason = getattr(exc, "reason", None)
    if "URLError" in names and isinstance(reason, BaseException):
        # urllib wraps what went wrong before the answer began.
        return _by_system(reason) or (AnswerLost(str(exc)), sent)
    if names & _UNCONNECTED or _never_connected(exc):
        return ConnectionFailed(str(exc)), sent
    if names & _SLOW or isinstance(exc, TimeoutError):
        return TimedOut("no answer within the timeout that perform_action gave its request"), sent
    if names & _LOST:
        return AnswerLost(str(exc)), sent
    return None


def _never_connected(exc: BaseException) -> bool:
    """Whether requests wraps an error of urllib3 about a connection that was never made: refused, no such name, no such proxy."""
    inner = exc.args[0] if exc.args else None
    reason = getattr(inner, "reason", inner)
    cause = getattr(reason, "original_error", None)  # of a ProxyError
    names = {cls.__name__ for one in (reason, cause) for cls in type(one).__mro__}
    return bool(names & (_UNCONNECTED | {"ConnectionRefusedError"})) or "SSLCertVerificationError" in repr(reason)


def _by_system(exc: BaseException) -> tuple[TransportError, SentRequest | None] | None:
    if isinstance(exc, TimeoutError):
        return TimedOut(str(exc)), None
    if isinstance(exc, ConnectionRefusedError) or type(exc).__name__ == "gaierror":
        return ConnectionFailed(str(exc)), None
    return (AnswerLost(str(exc)), None) if isinstance(exc, ConnectionError) else None


def of_a_library(exc: BaseException) -> bool:
    """Whether an HTTP library raised it. Not isinstance(exc, OSError): requests makes each of its errors one, a bad URL included."""
    return any(cls.__module__.split(".")[0] in _LIBRARIES for cls in type(exc).__mro__)


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    one: BaseException | None = exc
    for _ in range(_DEEPEST):
        if one is None:
            return
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _no_answer(status: Any) -> BadAnswer:
    return BadAnswer(f"the answer ({status}) is empty, cut off or not JSON")


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def _refusal(status: int, headers: Any, content: Any, sent: SentRequest | None) -> ApiError:
    lower = {str(k).lower(): str(v) for k, v in dict(headers or {}).items()}
    body = content if isinstance(content, bytes) else b""
    return refusal(Response(status, lower, body), sent.method if sent else "", sent.path if sent else "")


_STATUS = {
    "rate_limit_exceeded": 429, "too_many_requests": 429, "unauthorized": 401, "token_unauthorized": 401, "token_not_found": 401,
    "token_revoked": 401, "token_suspended": 401, "token_blocked": 401, "token_expired": 401, "forbidden": 403,
    "api_plan_restricted": 403, "action_forbidden": 403, "not_found": 404, "server_error": 500, "service_unavailable": 503,
    "request_timeout": 408, "client_error": 400, "bad_request": 400,
}  # fmt: skip
"""The status of Intercom's error codes, for an error body without its status line.
https://developers.intercom.com/docs/references/rest-api/errors/error-codes"""


def _status_of(body: Mapping[str, Any]) -> int:
    code = read_error_body(_dumped(body)).code
    return _STATUS.get(code, 404 if code.endswith("_not_found") else 422)


def _body_of(exc: BaseException) -> bytes:
    """The body that an error carries: parsed (the SDK), or still to be read (urllib)."""
    body = getattr(exc, "body", getattr(exc, _BODY, None))
    for dump in ("model_dump", "dict"):
        if hasattr(body, dump):
            body = getattr(body, dump)()
            break
    if body is None and hasattr(exc, "read"):
        try:
            body = exc.read()
        except (OSError, ValueError):
            body = b""
        setattr(exc, _BODY, body)  # it can be read once
    if isinstance(body, bytes | str):
        return body.encode() if isinstance(body, str) else body
    return _dumped(body) if body is not None else b""


def _dumped(body: Any) -> bytes:
    try:
        return json.dumps(body, default=str).encode()
    except (ValueError, TypeError, RecursionError):
        return b""  # keys that are no texts, or a body that holds itself


def _number(value: Any) -> int:
    """A status; aiohttp and http call it so, and other things are called that too."""
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else 0


def _quietly(exc: BaseException, name: str) -> Any:
    try:
        return getattr(exc, name, None)
    except RuntimeError:
        return None  # httpx raises when an error has no request


def _sent(request: Any) -> SentRequest | None:
    """Method, path and body of another library's request object."""
    method, url = getattr(request, "method", None), getattr(request, "url", None)
    if not method or not url:
        return None
    body = getattr(request, "body", None) or getattr(request, "content", None)
    parsed: Any = None
    if isinstance(body, bytes | str):
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = None
    path = str(url).split("://", 1)[-1].partition("/")[2].split("?")[0]
    return SentRequest(str(method).upper(), path, parsed)


def _response_in(trace: TracebackType | None) -> Any:
    """The response object in the innermost frames of a traceback, if one is there."""
    found = None
    while trace is not None:
        candidate = trace.tb_frame.f_locals.get("self")
        if hasattr(candidate, "status_code") and hasattr(candidate, "headers"):
            found = candidate
        trace = trace.tb_next
    return found
