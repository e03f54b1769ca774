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
import random
import sys
import traceback
import uuid
from collections.abc import Callable

from intercom_sandbox import control, lifecycle
from intercom_sandbox.conversation_parts import encode
from intercom_sandbox.faults import Faults, Rule
from intercom_sandbox.limits import Limiter, Verdict, draw
from intercom_sandbox.misbehaviour import misbehave
from intercom_sandbox.mutation import Mutations
from intercom_sandbox.paging import Walks
from intercom_sandbox.problems import Problem
from intercom_sandbox.router import Router, call
from intercom_sandbox.routes import ROUTES
from intercom_sandbox.seeds import seed
from intercom_sandbox.settings import Settings
from intercom_sandbox.shaping import shape, without_query
from intercom_sandbox.statistics import Books
from intercom_sandbox.wire import Reply, Request, given_token, reset
from intercom_sandbox.workspace import Workspace

VERSIONS = {f"1.{minor}": 100 + minor for minor in range(5)} | {f"2.{minor}": 200 + minor for minor in range(18)}
VERSIONS |= {"Preview": 999, "Unstable": 999}
MAIN = "app"
REFUSALS = {
    "revoked": ("token_revoked", "The access token was revoked"),
    "suspended": ("token_suspended", "The access token is suspended"),
    "unauthorized": ("unauthorized", "Access Token Invalid"),
}


class Application:
    """The whole simulated service."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.space = Workspace(settings)
        seed(self.space, settings)
        self.limiter = Limiter(settings, self.space.now())
        self.faults = Faults(settings.seed, settings.faults)
        self.mutations = Mutations(settings)
        self.books = Books(settings.log_size)
        self.walks = Walks()
        self.chance = random.Random(settings.seed)
        self._router = Router(ROUTES)
        self._serial = 0
        self.transports: set[asyncio.Transport] = set()
        self._clients: set[asyncio.Transport] = set()
        self.door: Callable[[float | None], None] = lambda seconds: None  # the server puts its own here
        self.control_port = 0  # where the control endpoint answers while the port is closed

    # For the connections
    def opened(self, transport: asyncio.Transport) -> None:
        """Know of a connection, to close it at the end."""
        self.transports.add(transport)

    def answered(self) -> None:
        """Count the end of a request."""
        self.books.in_flight -= 1

    def idle_seconds(self) -> float:
        """How long a kept connection may be silent."""
        return self.settings.idle_seconds

    def closed(self, transport: asyncio.Transport) -> None:
        """Forget it."""
        self.transports.discard(transport)
        if transport in self._clients:
            self._clients.discard(transport)
            self.books.open -= 1

    def close_door(self, seconds: float) -> None:
        """Refuse connections for that long (0: until the faults are cleared), and reset those that are open."""
        self.door(seconds)
        for transport in list(self._clients):
            reset(transport)

    def order(self, faults: Faults) -> None:
        """Put these faults in the place of those in force."""
        self.door(None)
        self.faults = faults
        for rule in faults.rules:
            self.schedule(rule)

    def schedule(self, rule: Rule) -> None:
        """Close the port when the moment of a rule comes."""
        if rule.how == "refused" and rule.at > 0:
            asyncio.get_running_loop().call_later(rule.at, self._at_moment, rule)

    def _at_moment(self, rule: Rule) -> None:
        if rule in self.faults.rules:
            self.close_door(rule.lasts)

    def server_time(self) -> float:
        """Server time, Unix seconds."""
        return self.space.now()

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
        return self.mutations.mutate(request, reply)

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

    def window_problem(self, limit: int, reset: int, now: float) -> Problem:
        """The 429 of a window that is spent."""
        head = f"Retry-After: {max(1, round(reset - now))}\r\n" if self.settings.retry_after else ""
        window = f"{self.settings.window:g}"
        return Problem(429, "rate_limit_exceeded", f"Exceeded rate limit of {limit} in {window}_seconds", head=head)

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

    def problem(self, problem: Problem, head: str) -> Reply:
        """An error answer."""
        return Reply(problem.status, problem.body(self.request_key()), problem.head + head)

    def request_key(self) -> str:
        """A new `request_id`."""
        # Ids of requests come from a generator of their own, so that faults stay the same whatever is asked.
        self._serial += 1
        return str(uuid.UUID(int=(self.settings.seed << 64) + self._serial + (4 << 76) + (8 << 60)))
