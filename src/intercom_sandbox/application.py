"""The application: one request through control, token, version, budget, faults and route to a reply.

1 /_sandbox/...        control: no token, no budget
2 token                401 without X-RateLimit headers
3 budget               429, and the headers of every later reply
4 faults               what happens instead of the work or after it (`misbehaviour.py`)
5 version, route, work
6 shaping, mutation    the true answer, changed on order (`shaping.py`, `mutation.py`)
"""

from __future__ import annotations

import asyncio
import sys
import traceback

from intercom_sandbox import control, lifecycle
from intercom_sandbox.chance import draw
from intercom_sandbox.context import Context
from intercom_sandbox.conversation_parts import encode
from intercom_sandbox.limits import Verdict
from intercom_sandbox.misbehaviour import misbehave
from intercom_sandbox.problems import Problem
from intercom_sandbox.router import Router, call
from intercom_sandbox.routes import ROUTES
from intercom_sandbox.settings import Settings
from intercom_sandbox.shaping import shape, without_query
from intercom_sandbox.wire import Reply, Request, given_token

VERSIONS = {f"1.{minor}": 100 + minor for minor in range(5)} | {f"2.{minor}": 200 + minor for minor in range(18)}
VERSIONS |= {"Preview": 999, "Unstable": 999}
MAIN = "app"
REFUSALS = {
    "revoked": ("token_revoked", "The access token was revoked"),
    "suspended": ("token_suspended", "The access token is suspended"),
    "unauthorized": ("unauthorized", "Access Token Invalid"),
}


class Application(Context):
    """The whole simulated service."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._router = Router(ROUTES)

    def handle(self, request: Request, transport: asyncio.Transport | None) -> Reply:
        """Answer one request; never raises."""
        request.now = self.space.now()
        if request.path.startswith("/_sandbox"):
            return control.answer(self, request)
        if transport is not None and transport not in self._clients:  # control connections do not count
            self._clients.add(transport)
            self.books.connected()
        self.books.begun()
        request.route = f"{request.method} (unknown)"
        reply = self._answer(request)
        reply.api = True
        self._book(request, reply)
        if self.settings.latency > 0 or self.settings.jitter > 0:
            jitter = self.settings.jitter
            reply.delay += max(0.0, self.settings.latency + self.chance.uniform(-jitter, jitter))
        return reply

    def _book(self, request: Request, reply: Reply) -> None:
        status = 0 if reply.how in ("drop", "reset") else reply.status
        self.books.count(request.route, status)
        target = f"{request.path}?{request.raw_query}" if request.raw_query else request.path
        self.books.log.append((request.now, request.method, target, status, request.body, request.app))

    def _answer(self, request: Request) -> Reply:
        try:
            self._authenticate(request)
        except Problem as problem:
            return self.problem(problem, "")
        verdict = self.limiter.spend(request.app, MAIN, request.now)
        head = self._limit_headers(verdict)
        if verdict.refused:
            limit = verdict.limit if verdict.refused == "app" else self.settings.workspace_limit
            return self.problem(self.window_problem(limit, verdict.reset, request.now), head)
        if not self.faults.rules and not self.settings.mutate:
            return self.work(request, head)
        rule, shaping = self.faults.pick(request)
        for fired in [*shaping, rule] if rule else shaping:
            self.books.faults[fired.kind] = self.books.faults.get(fired.kind, 0) + 1
        if any(one.kind == "unfiltered" for one in shaping):
            without_query(request)
        reply = misbehave(self, request, rule, verdict, head) if rule else self.work(request, head)
        if shaping:
            reply = shape(request, reply, shaping)
        return self.mutations.mutate(request, reply, self.books.faults)

    def _authenticate(self, request: Request) -> None:
        settings = self.settings
        token = given_token(request, basic=settings.basic_auth)
        if not token:
            raise Problem(401, "unauthorized", "Access Token Invalid")
        if token == settings.token:
            refusal = REFUSALS.get(settings.token_state)
            if refusal is not None:
                raise Problem(401, *refusal)
            request.app = MAIN
        elif token in settings.other_tokens:
            request.app = f"app{settings.other_tokens.index(token) + 2}"
        else:
            raise Problem(401, "unauthorized", "Access Token Invalid")

    def _limit_headers(self, verdict: Verdict) -> str:
        settings = self.settings
        if settings.headers == "never":
            return ""
        self._serial += 1
        share = settings.headers_missing_share
        if share > 0 and draw(settings.seed ^ 0x4EAD, self._serial) < share:
            return ""
        remaining = max(0, verdict.remaining + settings.remaining_off_by)
        return f"X-RateLimit-Limit: {verdict.limit}\r\nX-RateLimit-Remaining: {remaining}\r\nX-RateLimit-Reset: {verdict.reset}\r\n"

    def work(self, request: Request, head: str) -> Reply:
        """Answer it without any fault."""
        space = self.space
        if space.snoozes and space.snoozes[0][0] <= request.now:
            lifecycle.wake_due(space)
        try:
            version = request.headers.get(b"intercom-version")
            name = version.decode("latin-1") if version else self.settings.default_version
            found = VERSIONS.get(name)
            if found is None:
                raise Problem(400, "intercom_version_invalid", f"{name} is not a version of the API")
            request.version = found
            route, arguments = self._router.find(request)
            request.route = route.name
            result = call(self, request, route, arguments)
        except Problem as problem:
            return self.problem(problem, head)
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError, RecursionError) as wrong:
            # A body of the wrong shape that no check foresaw: the caller's fault as far as the API says.
            return self.problem(Problem(400, "parameter_invalid", f"Invalid parameter: {wrong}"), head)
        except Exception:
            # A fault of the sandbox's own: seen by whoever runs it, and an answer like Intercom's all the same.
            traceback.print_exc(file=sys.stderr)
            return self.problem(Problem(500, "server_error", "Internal server error"), head)
        if isinstance(result, Reply):
            result.head += head
            return result
        return Reply(200, (result if isinstance(result, str) else encode(result)).encode(), head)
