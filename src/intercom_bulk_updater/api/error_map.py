"""From an answer of 400 or more to the error that says what it means.

Intercom's error shape and codes: https://developers.intercom.com/docs/references/rest-api/errors/error-codes
"""

from __future__ import annotations

import json

from ..errors import (
    ApiError,
    AuthenticationError,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from .messages import Response
from .redact import redact


def throttle_kind(code: str, message: str) -> str:
    """Which of the three 429s this is: "window", "jobs" (a cap on pending jobs) or "overload"."""
    if "pending" in message and "job" in message:
        return "jobs"
    return "overload" if code == "too_many_requests" else "window"


def refusal(answer: Response, method: str, path: str) -> ApiError:
    """The error for an answer of 400 or more, whatever its body looks like."""
    code, message, request_id = "", "", answer.headers.get("x-request-id", "")
    try:
        body = json.loads(answer.body)
        if not isinstance(body, dict):
            body = {}
        request_id = str(body.get("request_id") or request_id)
        errors = body.get("errors") or []
        first = errors[0] if errors and isinstance(errors[0], dict) else {}
        code, message = str(first.get("code") or ""), str(first.get("message") or "")
    except ValueError:
        message = "an HTML page" if answer.body.lstrip()[:1] == b"<" else "a body that is not JSON"
    kind: type[ApiError]
    if answer.status == 401:
        kind = AuthenticationError
    elif answer.status in (402, 403):
        kind = PermissionDenied
    elif answer.status in (404, 410):
        kind = NotFound
    elif answer.status == 429:
        kind = RateLimited
    elif answer.status == 408 or answer.status >= 500:
        kind = ServerError
    else:
        kind = InvalidRequest
    return kind(
        status=answer.status,
        code=code,
        api_message=redact(message)[:500],  # a proxy or a server may echo what it was sent
        request_id=request_id,
        method=method,
        path=path,
        headers=dict(answer.headers),
    )
