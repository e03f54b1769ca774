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
from .error_body import read_error_body
from .messages import Response
from .redact import redact

NOT_INTERCOM = "not_from_intercom"
"""The code of a refusal that Intercom did not write."""
_OF_INTERCOM = frozenset((401, 402, 403, 404, 410))
"""What Intercom says in JSON. With another body it is said by a firewall, a proxy or another server: the token is not
rejected and the item is not gone."""


def throttle_kind(code: str, message: str) -> str:
    """Which of the three 429s this is: "window", "jobs" (a cap on pending jobs) or "overload"."""
    if "pending" in message and "job" in message:
        return "jobs"
    return "overload" if code == "too_many_requests" else "window"


def _redirected(answer: Response, method: str, path: str) -> InvalidRequest:
    """An answer that points elsewhere. It is never followed, for the token would go there, and its body is not believed."""
    try:
        host = urlsplit(answer.headers.get("location", "")).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    target = re.sub(r"[^A-Za-z0-9.:\[\]-]", "", host)[:100]
    said = f"redirected to {target}" if target else "redirected to another address of the same server"
    return InvalidRequest(
        f"{method} {path} was {said} ({answer.status}), which is not followed, and nothing of the answer is believed. "
        "A login page or a proxy may stand in between, or the base URL be wrong: `intercom-bulk doctor` shows them.",
        status=answer.status, code="redirected", api_message=said, method=method, path=path, headers=dict(answer.headers),
        foreign=True,
    )


def refusal(answer: Response, method: str, path: str) -> ApiError:
    """The error for an answer of 300 or more, whatever its body looks like."""
    if answer.status < 400:
        return _redirected(answer, method, path)
    body = read_error_body(answer.body)
    kind: type[ApiError]
    if answer.status == 407 or (not body.json and answer.status in _OF_INTERCOM):
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
        api_message=body.message,
        request_id=body.request_id or redact(printable(answer.headers.get("x-request-id", "")))[:80],
        method=method,
        path=path,
        headers={name: redact(value) for name, value in answer.headers.items()},
        foreign=not body.json and answer.status not in (407, 408) and answer.status < 500,
    )
