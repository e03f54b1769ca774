"""From an answer of 400 or more to the error that says what it means.

Intercom's error shape and codes: https://developers.intercom.com/docs/references/rest-api/errors/error-codes
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..errors import (
    ApiError,
    AuthenticationError,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    RateLimited,
    RefusedInBetween,
    ServerError,
)
from ..parsing.printable import printable
from .error_body import ErrorBody, read_error_body
from .messages import Response
from .redact import redact

NOT_INTERCOM = "not_from_intercom"
"""The code of an answer that Intercom did not write."""
_NEVER_INTERCOM = frozenset((407, 421, 426, 451, 511))
"""What only proxies, other servers and networks that want a login say, in whatever form."""
_WHOEVER = frozenset((408, 413, 414, 429, 431))
"""What is so whoever says it: wait, or this one request is too large."""


def throttle_kind(code: str, message: str) -> str:
    """Which of the three 429s this is: "window", "jobs" (a cap on pending jobs) or "overload"."""
    if "pending" in message and "job" in message:
        return "jobs"
    return "overload" if code == "too_many_requests" else "window"


def _from_elsewhere(status: int, body: ErrorBody) -> bool:
    """Whether a firewall, a proxy, a login page or another server wrote an answer of 300 or more, and not Intercom.

    Intercom redirects nobody, and refuses in JSON (an empty body has no author). The token is not rejected then, the item
    is not gone and the request is not wrong.
    """
    if status < 400 or status in _NEVER_INTERCOM:
        return True
    return not body.json and status < 500 and status not in _WHOEVER


def _redirected(answer: Response) -> str:
    """Where an answer points, in words. It is never followed, for the token would go there, and its body is not believed."""
    try:
        host = urlsplit(answer.headers.get("location", "")).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    target = re.sub(r"[^A-Za-z0-9.:\[\]-]", "", host)[:100]
    return f"redirected to {target or 'another address of the same server'}, which is not followed"


def refusal(answer: Response, method: str, path: str) -> ApiError:
    """The error for an answer of 300 or more, whatever its body looks like."""
    body = read_error_body(answer.body)
    kind: type[ApiError]
    if _from_elsewhere(answer.status, body):
        kind = RefusedInBetween
    elif answer.status == 401:
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
        code=NOT_INTERCOM if kind is RefusedInBetween else body.code,
        api_message=body.message if answer.status >= 400 else _redirected(answer),
        # That of a proxy tells Intercom's support nothing.
        request_id="" if kind is RefusedInBetween else body.request_id or redact(printable(answer.headers.get("x-request-id", "")))[:80],
        method=method,
        path=path,
        headers={name: redact(value) for name, value in answer.headers.items()},
        foreign=not body.json and answer.status == 429,
    )
