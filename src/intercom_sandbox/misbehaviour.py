"""What a fault makes of a request: the reply that goes out instead of the true one, or in its clothes."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from email.utils import formatdate

from intercom_sandbox.context import Context
from intercom_sandbox.damage import gzip_bomb, nested
from intercom_sandbox.error_bodies import error_body
from intercom_sandbox.faults import Rule, item_id, purpose
from intercom_sandbox.limits import Verdict
from intercom_sandbox.problems import Problem
from intercom_sandbox.wire import Reply, Request, given_token

Answer = Callable[[Context, Request, Rule, str], Reply]
HTML = b"<!DOCTYPE html><html><head><title>Intercom</title></head><body>We will be right back</body></html>"
BOMB = 256 * 1024 * 1024  # bytes
PAUSE = "text/html; charset=utf-8"


def misbehave(app: Context, request: Request, rule: Rule, verdict: Verdict, head: str) -> Reply:
    """Answer a request as its fault wants; does the work before, or some time after, where the fault says so."""
    reply = _reply(app, request, rule, verdict, head)
    if rule.commit == "after" and rule.kind != "slow":

        def late() -> None:
            request.now = app.space.now()
            app.work(request, head)

        reply.afterwards = rule.seconds, late
    return reply


def _reply(app: Context, request: Request, rule: Rule, verdict: Verdict, head: str) -> Reply:
    kind = rule.kind
    if kind == "limit":
        return app.problem(app.window_problem(verdict.limit, verdict.reset, request.now), head)
    if kind == "slow" and rule.commit == "after":
        waiting = Reply(200, b"", delay=rule.seconds)
        waiting.later = lambda: app.work(request, head)
        return waiting
    if kind in ("ignored", "rolled_back"):
        return _ignored(app, request, head) if kind == "ignored" else _rolled_back(app, request, head)
    true = app.work(request, head) if rule.done() else None
    if kind == "outage" and rule.how != "status":
        if rule.how == "refused":
            app.close_door(rule.left())
        return Reply(0, b"", how="reset")
    if kind in _ANSWERS:
        return _ANSWERS[kind](app, request, rule, head)
    if kind == "redirect":
        return _redirected(request, rule, head, true)
    reply = true or _stand_in(request, head)
    if kind == "slow":
        reply.delay += rule.seconds
    elif kind in ("drop_before", "drop_after"):
        reply.how = "drop"
    else:  # truncated, drip
        reply.how = kind
        reply.pace = rule.seconds
    return reply


def _error(app: Context, request: Request, rule: Rule, head: str) -> Reply:
    status, code, message = rule.error()
    if status >= 500 and request.path == "/companies/scroll":
        app.space.scrolls.pop(request.app, None)  # Intercom then says to start it again
    body, content_type = error_body(rule.shape, code, message, app.request_key())
    extra = _retry_after(rule, app.server_time())
    return Reply(status, body, ("" if status == 401 else head) + extra, content_type=content_type)


def _retry_after(rule: Rule, now: float) -> str:
    if not rule.retry_after:
        return ""
    text = rule.retry_after
    if text == "left":
        text = str(max(1, round(rule.left() + 0.5)))
    elif text == "date":
        text = formatdate(int(now + rule.left() + 1), usegmt=True)
    return f"Retry-After: {text}\r\n"


def _overload(app: Context, request: Request, rule: Rule, head: str) -> Reply:
    message = "The server is receiving too many requests for this resource; retry later"
    return app.problem(Problem(429, "too_many_requests", message, head=_retry_after(rule, app.server_time())), head)


def _jobs(app: Context, request: Request, rule: Rule, head: str) -> Reply:
    message = "Exceeded rate limit of 1 pending message data export jobs"
    return app.problem(Problem(429, "rate_limit_exceeded", message), head)


def _echo(app: Context, request: Request, rule: Rule, head: str) -> Reply:
    """An error that repeats the token that came with the request."""
    token = given_token(request)
    where = rule.places("code", "message", "request_id", "header")
    status, code, message = rule.error()
    body, content_type = error_body(
        rule.shape,
        token if "code" in where else code,
        f"{message} (token {token})" if "message" in where else message,
        token if "request_id" in where else app.request_key(),
    )
    extra = f"X-Request-Id: {token}\r\nX-Echo: Bearer {token}\r\n" if "header" in where else ""
    return Reply(status, body, head + extra, content_type=content_type)


def _wrong(app: Context, request: Request, rule: Rule, head: str) -> Reply:
    return Reply(rule.status or 200, json.dumps(rule.value).encode(), head)


def _nested(app: Context, request: Request, rule: Rule, head: str) -> Reply:
    return Reply(rule.status or 200, nested(rule.depth), head)


def _endless(app: Context, request: Request, rule: Rule, head: str) -> Reply:
    reply = Reply(rule.status or 200, b'{"type":"list","text":"', head, how="endless")
    reply.size = rule.size
    return reply


def _bomb(app: Context, request: Request, rule: Rule, head: str) -> Reply:
    return Reply(rule.status or 200, gzip_bomb(rule.size or BOMB), head + "Content-Encoding: gzip\r\n")


def _redirected(request: Request, rule: Rule, head: str, true: Reply | None) -> Reply:
    location = rule.location or f"https://elsewhere.test{request.path}"
    body = b""
    if rule.value is not None:
        body = json.dumps(rule.value).encode()
    elif rule.plausible:
        body = (true or _stand_in(request, head)).body
    return Reply(rule.status or 302, body, f"{head}Location: {location}\r\n")


def _stand_in(request: Request, head: str) -> Reply:
    """What looks like success where nothing was done."""
    if purpose(request) == "search":
        name = "conversations" if "conversations" in request.path else "tickets" if "tickets" in request.path else "data"
        return Reply(200, json.dumps({"type": "list", name: [], "data": [], "total_count": 0, "pages": {"type": "pages"}}).encode(), head)
    kind = request.path.strip("/").partition("/")[0].rstrip("s").replace("companie", "company")
    return Reply(200, json.dumps({"type": kind, "id": item_id(request)}).encode(), head)


def _ignored(app: Context, request: Request, head: str) -> Reply:
    """The item as it stands."""
    key = item_id(request)
    if purpose(request) != "write":
        return app.work(request, head)
    if key is None:
        return _stand_in(request, head)
    resource = request.path.strip("/").partition("/")[0]
    look = Request("GET", f"/{resource}/{key}", "", {**request.headers, b"content-type": b""}, b"")
    look.app, look.now = request.app, request.now
    return app.work(look, head)


def _rolled_back(app: Context, request: Request, head: str) -> Reply:
    """Do it, remember the answer, undo it."""
    key = item_id(request)
    held = app.space.item(request.path.strip("/").partition("/")[0], key) if key and purpose(request) == "write" else None
    if held is None:
        return _stand_in(request, head) if purpose(request) == "write" else app.work(request, head)
    table, row = held
    before = copy(row)
    page = app.space.ledger.page(row)
    reply = app.work(request, head)
    if hasattr(table, "begin"):
        table.begin(row.id)
    for name in type(row).__slots__:
        setattr(row, name, getattr(before, name))
    (table.rows if hasattr(table, "rows") else table)[row.id] = row
    if hasattr(table, "commit"):
        table.commit(row.id)
    app.space.ledger.put_back(row, page)
    return reply


def _bytes(status: int, body: bytes, content_type: str = "application/json; charset=utf-8", *, limits: bool = True) -> Answer:
    return lambda app, request, rule, head: Reply(status, body, head if limits else "", content_type=content_type)


_ANSWERS: dict[str, Answer] = {
    "status": _error,
    "error_after": _error,
    "outage": _error,
    "overload": _overload,
    "jobs": _jobs,
    "echo": _echo,
    "wrong": _wrong,
    "nested": _nested,
    "endless": _endless,
    "bomb": _bomb,
    "html200": _bytes(200, HTML, PAUSE),
    "html502": _bytes(502, HTML, PAUSE, limits=False),
    "empty200": _bytes(200, b""),
    "garbage": _bytes(200, b'{"type":"conversation","id":'),
}
