"""Faults on order: rules that match requests and say what goes wrong. The seed decides, so it repeats."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from intercom_sandbox.limits import draw

KINDS = {
    "status": "Answers with `status` (and `code`, `message`) without doing anything.",
    "drop_before": "Closes the connection before anything is done.",
    "drop_after": "Does it, then closes the connection without an answer.",
    "slow": "Answers `seconds` later; done at once, or with `commit: after` only then.",
    "truncated": "Does it, then sends half the body under the full Content-Length and closes.",
    "html200": "Answers 200 with a page of HTML; nothing is done, or with `commit: before` it is.",
    "html502": "Answers 502 with a page of HTML; nothing is done, or with `commit: before` it is.",
    "empty200": "Answers 200 without a body; nothing is done, or with `commit: before` it is.",
    "garbage": "Answers 200 with bytes that are not JSON; nothing is done, or with `commit: before` it is.",
    "error_after": "Does it, then answers with `status` (default 504).",
    "limit": "429 in the words of the window, whatever the budget says.",
    "overload": "429 `too_many_requests`: the resource, not the window.",
    "jobs": "429 in the words of the cap on pending jobs.",
}

STATUS_CODES = {
    400: ("client_error", "Bad request"),
    401: ("unauthorized", "Access Token Invalid"),
    402: ("api_plan_restricted", "Active subscription needed."),
    403: ("forbidden", "You do not have the required scope (write_conversations) to access this resource"),
    404: ("not_found", "Resource Not Found"),
    408: ("request_timeout", "Request timeout"),
    409: ("conflict", "Conflict"),
    422: ("unprocessable_entity", "Unprocessable entity"),
    500: ("server_error", "Internal server error"),
    502: ("server_error", "Bad gateway"),
    503: ("service_unavailable", "Sorry, the API service is temporarily unavailable"),
    504: ("server_error", "Gateway timeout"),
}


@dataclass
class Rule:
    """One fault: what it matches, what happens, how often."""

    kind: str = field(metadata={"doc": "One of the kinds below."})
    method: str = field(default="", metadata={"doc": "HTTP method; empty: any."})
    path: str = field(default="", metadata={"doc": "Regular expression, searched in the path; empty: any."})
    body: str = field(default="", metadata={"doc": "Text that the request body contains; empty: any."})
    share: float = field(default=1.0, metadata={"doc": "Share of the matching requests, 0 to 1."})
    every: int = field(default=0, metadata={"doc": "Every n-th matching request; 0: see `share`."})
    after: int = field(default=0, metadata={"doc": "Matching requests let through first."})
    count: int = field(default=0, metadata={"doc": "Times it happens; 0: without end."})
    status: int = field(default=0, metadata={"doc": "For status and error_after."})
    code: str = field(default="", metadata={"doc": "Error code in the body; empty: the usual one."})
    message: str = field(default="", metadata={"doc": "Message in the body; empty: the usual one."})
    seconds: float = field(default=1.0, metadata={"doc": "For slow."})
    commit: str = field(default="", metadata={"doc": "before or after, where the kind says so."})
    matched: int = field(default=0, metadata={"doc": "Requests matched so far (read only)."})
    fired: int = field(default=0, metadata={"doc": "Times it happened so far (read only)."})

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; the sandbox knows {', '.join(KINDS)}")
        self._pattern = re.compile(self.path) if self.path else None
        self._text = self.body.encode()

    def fires(self, method: str, path: str, body: bytes, seed: int, number: int) -> bool:
        """Whether this request gets the fault; counts it."""
        if self.method and method != self.method:
            return False
        if self._pattern is not None and not self._pattern.search(path):
            return False
        if self._text and self._text not in body:
            return False
        self.matched += 1
        if self.matched <= self.after or (self.count and self.fired >= self.count):
            return False
        turn = self.matched - self.after
        if self.every:
            hit = turn % self.every == 0
        else:
            hit = self.share >= 1 or draw(seed + number * 7919, turn) < self.share
        self.fired += hit
        return hit

    def error(self) -> tuple[int, str, str]:
        """(status, code, message) of the error it answers with."""
        status = self.status or (504 if self.kind == "error_after" else 500)
        code, message = STATUS_CODES.get(status, ("server_error", "Error"))
        return status, self.code or code, self.message or message


class Faults:
    """The rules in force, first match wins."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.rules: list[Rule] = []

    def add(self, description: dict[str, Any]) -> Rule:
        """Add a rule from its JSON form. `match` may hold method, path and body. Raises ValueError."""
        values = dict(description)
        values.update(values.pop("match", None) or {})
        try:
            rule = Rule(**values)
        except (TypeError, re.error) as wrong:
            raise ValueError(f"bad fault: {wrong}") from None
        self.rules.append(rule)
        return rule

    def pick(self, method: str, path: str, body: bytes) -> Rule | None:
        """The fault that this request gets, if any."""
        for number, rule in enumerate(self.rules):
            if rule.fires(method, path, body, self._seed, number):
                return rule
        return None
