"""Intercom's manners: base URL, token, version header, budget, errors. It never retries; see processor.py and paginator.py.

Every call through a `Client` is governed: it waits for its permit, tells the budget what the answer's headers said, and
turns refusals into errors that say whether trying again makes sense.
API: https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from ..errors import (
    ApiError,
    BadAnswer,
    ConfigurationError,
    ConnectionFailed,
    IntercomBulkError,
    NotFound,
    RateLimited,
    RunStopped,
    SafetyStop,
    TransportError,
)
from ..model import Requests, Workspace
from ..ratelimit.headers import read_date
from ..ratelimit.limiter import RateLimiter
from ..ratelimit.permit import Permit
from .answer import Json, read_answer, web_page, workspace_in
from .clock_skew import ClockSkew
from .error_body import shows_item
from .error_map import refusal, throttle_kind
from .messages import Exchange, Request, Response, SentRequest, Transport, UnsendableBody
from .paths import relative
from .permit_lease import PermitLease
from .purpose import purpose_at, purpose_of
from .redact import redact
from .replay import Carrying, CompletedRequests
from .retry import LASTING, TIMEOUT, UNUSABLE, ErrorClassification, unread_answer

log = logging.getLogger("intercom_bulk_updater")

LEAVES = "intercom_bulk.leaves"
"""The audit event before each request, with method, host and path: whoever watches a person's own code hears of it."""
_PROBE = "me"
"""What is asked to find out whether the service is back: it touches nobody's data, and any token may."""
_PROBE_SECONDS = 10.0


class _InHand(threading.local):
    """What the item in a thread's hands has carried out."""

    value: CompletedRequests | None = None


class Client:
    """One workspace's API. Safe to share between threads.

    Parameters
    ----------
    transport:
        Carries requests; see transport.py.
    gate:
        Gives leave to send; shared by everything that uses the same token.
    admin_id:
        The admin in whose name writes happen (many bodies need `admin_id`).
    base_url:
        Where the transport goes; paths may be given as addresses below it.
    """

    def __init__(self, transport: Transport, gate: RateLimiter, *, admin_id: str = "", base_url: str = "") -> None:
        self._transport = transport
        self.base_url = base_url.rstrip("/")
        self.gate = gate
        self.admin_id = admin_id
        self.requests = Requests()
        self.leaving: Callable[[str, str], None] | None = None
        """Called with method and path before each request; what it raises keeps it from leaving."""
        self.looking = False
        """Whether all it serves is a dry run: no write leaves."""
        self.refused: SafetyStop | None = None
        """The write that it has refused in a dry run; also when the code that called it has swallowed the error."""
        self._host = urlsplit(base_url).netloc.rpartition("@")[2]
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._hand = threading.local()
        self._carried = _InHand()
        self._skew = ClockSkew()
        self._workspace: Workspace | None = None

    @property
    def timeout(self) -> float:
        """Seconds that a whole answer may take, where a request names no other."""
        return self._transport.timeout

    # -- the four verbs ---------------------------------------------------------------------------------------------

    def get(self, path: str, *, params: Mapping[str, Any] | None = None, timeout: float | None = None) -> Json:
        """GET `path`; returns the JSON object. Raises ApiError or TransportError (errors.py)."""
        return self.call("GET", path, params=params, timeout=timeout)

    def post(self, path: str, json: Any = None, *, timeout: float | None = None, once: str = "") -> Json:
        """POST `json` to `path`. `once` names a step of an action; see `call`."""
        return self.call("POST", path, json=json, timeout=timeout, once=once)

    def put(self, path: str, json: Any = None, *, timeout: float | None = None, once: str = "") -> Json:
        """PUT `json` to `path`."""
        return self.call("PUT", path, json=json, timeout=timeout, once=once)

    def delete(self, path: str, json: Any = None, *, timeout: float | None = None, once: str = "") -> Json:
        """DELETE `path`; some of Intercom's deletes want a body."""
        return self.call("DELETE", path, json=json, timeout=timeout, once=once)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        purpose: str = "",
        once: str = "",
        before_reading: Callable[[], object] | None = None,
    ) -> Json:
        """Send one governed request and return its JSON object.

        `purpose` ("search", "action" or "read") decides who goes first at the gate and what the request is counted as;
        by default GET is "read" and everything else "action". `once` names a step of an updater's action ("reply"): it is
        carried out once for each item, and a further attempt gets its first answer, whatever the body is then.
        `before_reading` is called when the answer is there, as the bytes that it came in: a page takes several times as much
        memory once it is read, and may have to wait for its turn.
        """
        purpose = purpose or ("read" if method == "GET" else "action")
        path = relative(path, self.base_url)
        refused = self._refusal(method, path)
        self.refused = refused or self.refused
        sys.audit(LEAVES, method, self._host, path.partition("?")[0])  # who hears it may have better words
        if refused is not None:
            raise refused
        if self.leaving is not None:
            self.leaving(method, path)
        purpose = purpose_at(purpose, path)
        carried = self.carried if purpose == "action" else None
        sent = SentRequest(method, path.strip("/"), json)
        if carried is not None:
            carried.look_for_refused(self.get)
            carried.refuse_again(sent, once)
        if carried is not None and (known := carried.answer(sent, once)) is not None:
            carried.exchanges.append(Exchange(method, sent.path, json, 200, ours=True))
            return known
        exchange = Exchange(method, sent.path, json, ours=True, once=once)
        try:
            came = self._carry(Request(method, path, json, params, timeout), purpose, self._permit(purpose), exchange)
            if before_reading is not None:
                before_reading()
            answer = read_answer(came, method, path)
            if carried is not None:
                carried.keep(sent, answer, once)
            return answer
        except UnsendableBody:
            raise
        except BaseException as exc:
            error = exc if carried is None else unread_answer(sent, exc)
            if isinstance(error, IntercomBulkError):
                error.parts.setdefault("json", json)  # what an ambiguous failure is judged by; see effects.py
                if carried is not None:
                    carried.lose(exchange, error)
            if error is exc or not isinstance(exc, Exception):
                raise
            raise error from exc

    def _refusal(self, method: str, path: str) -> SafetyStop | None:
        """What to raise for a write in a dry run."""
        if not (self.looking and Exchange(method, path.partition("?")[0].strip("/")).writes):
            return None
        what = f"{method} {redact(path)} was about to be sent in a dry run"
        return SafetyStop(f"{what}. Nothing was sent: put what writes into perform_action.", hint="")

    def _carry(self, request: Request, purpose: str, permit: Permit, exchange: Exchange | None = None) -> Response:
        """Send a request and settle its permit; raises what an answer refuses, or one that is no answer of Intercom's."""
        method, path = request.method, request.path
        began = time.monotonic()
        self._count(purpose)
        seen = self.exchanges
        if exchange is not None:
            seen.append(exchange)
        try:
            answer = self._transport.send(request)
        except BaseException as exc:
            if exchange is not None and isinstance(exc, ConnectionFailed | UnsendableBody):
                seen.remove(exchange)  # it never left
            failure = exc if isinstance(exc, TransportError) else None
            self.gate.leave(permit, status=None, headers=None, failure=failure, subject=path.strip("/"))
            raise
        if exchange is not None:
            exchange.status = answer.status
        took = time.monotonic() - began
        log.debug("%s %s %s %.0f ms", method, path, answer.status, took * 1000)
        date = read_date(answer.headers.get("date"))
        if date is not None:
            self._skew.learn(date, time.time() - took)
        if answer.status == 429:
            raise self._throttled(permit, answer, method, path)
        page = web_page(answer, method, path) if answer.status < 300 else None
        subject = path.strip("/")
        self.gate.leave(permit, status=answer.status, headers=answer.headers, server_date=date, failure=page, subject=subject)
        if page is not None:
            raise page
        if 400 <= answer.status < 500 and shows_item(answer.body):
            said = f"{method} {path} was answered {answer.status} with an item instead of an error"
            raise BadAnswer(said, method=method, path=path, status=answer.status)
        if answer.status >= 300:
            raise refusal(answer, method, path)
        return answer

    # -- a service that is away -------------------------------------------------------------------------------------

    def excuses(self, failure: ErrorClassification, *, last: bool) -> bool:
        """Whether a request failed because the service is away, so that it costs its item no attempt.

        `last`: there is no attempt left. Before the item pays for it, one probe asks whether the service is there.
        """
        if failure.kind in LASTING or (failure.failure.cause == UNUSABLE and not failure.page):
            return False
        subject = failure.sent.path.strip("/") if failure.sent is not None else ""
        purpose = purpose_of(failure.sent)
        if purpose == "search" and failure.failure.cause == TIMEOUT:
            subject = ""
        if self.gate.explains(purpose, subject):
            return True
        if not (last or self.gate.suspects) or failure.failure.status == 429:
            return False
        with self._asking:
            if self.gate.in_doubt(purpose) and not self.gate.explains(purpose, subject):
                try:
                    self._probe(self.gate.enter("names", probe=True))
                except RunStopped:
                    # Nobody was asked. It must not come out of here: what the request may have done would be forgotten.
                    return True
        return self.gate.explains(purpose, subject)

    def _probe(self, permit: Permit) -> None:
        """Ask whether the service is there; the gate hears the answer."""
        try:
            self._carry(Request("GET", _PROBE, timeout=_PROBE_SECONDS), "names", permit)
        except (ApiError, TransportError) as exc:
            log.info("asked whether Intercom is back: %s", exc)

    def carrying(self, carried: CompletedRequests, *, idempotent: bool = False) -> AbstractContextManager[None]:
        """While this lasts, writes of this thread that an earlier attempt carried out are answered from memory.

        `idempotent`: all of the action may be repeated.
        """
        carried.begin(idempotent=idempotent)
        return Carrying(self._carried, carried)

    @property
    def exchanges(self) -> list[Exchange]:
        """The requests of the action that runs in this thread, in order; a list of no consequence when none does."""
        carried = self.carried
        return [] if carried is None else carried.exchanges

    @property
    def carried(self) -> CompletedRequests | None:
        """What the item in this thread's hands has carried out; None when there is none."""
        return self._carried.value

    def one_more(self, hand: PermitLease) -> None:
        """Another library is about to send a request beyond the one whose permit is in `hand`: wait for its own.

        The one in hand is settled first, whichever thread of the action sends: actions that hold a permit each while they wait
        for the next would wait for each other without end where only so many requests may be in flight.
        """
        used = hand.take()
        if used is not None:
            self.gate.leave(used, status=None, headers=None)
        permit = self._admitted("action", finishing=True, held=used is not None)
        self._count("action")
        if used is None or not hand.give_back(permit):
            self.gate.leave(permit, status=None, headers=None)

    # -- permits ----------------------------------------------------------------------------------------------------

    @contextmanager
    def in_hand(self, purpose: str = "action") -> Iterator[PermitLease]:
        """Hold one permit while code runs that may send a request by its own HTTP library.

        A call through this client inside the block uses the permit in hand first. What is left unused at the end is
        settled as one request without headers, or with those of an error; counted as one unless it is `unused`.
        """
        hand = PermitLease(self._enter(purpose))
        self._hand.value = hand
        try:
            yield hand
        finally:
            self._hand.value = None
            if hand.permit is not None:
                if not hand.unused:
                    self._count(purpose)
                if hand.throttle:
                    self._count_throttled()
                    hand.wait = self.gate.throttled(hand.permit, headers=hand.headers, kind=hand.throttle)
                else:
                    self.gate.leave(
                        hand.permit, status=hand.status, headers=hand.headers, failure=hand.failure, subject=hand.subject,
                        came_through=hand.came_through,
                    )

    def _permit(self, purpose: str) -> Permit:
        hand: PermitLease | None = getattr(self._hand, "value", None)
        if hand is not None and hand.permit is not None:
            permit, hand.permit = hand.permit, None
            return permit._replace(purpose=purpose)
        return self._enter(purpose)

    def _enter(self, purpose: str) -> Permit:
        """Wait for a permit. From its first one on, an action is in flight: a stop waits for its other requests."""
        carried = self.carried
        permit = self._admitted(purpose, finishing=carried is not None and carried.begun)
        if carried is not None:
            carried.begun = True
        return permit

    def _admitted(self, purpose: str, *, finishing: bool, held: bool = False) -> Permit:
        """A permit for the request itself: while the service is away, who is first in the queue asks whether it is back."""
        while (permit := self.gate.enter(purpose, finishing=finishing, held=held)).probe:
            self._probe(permit)
        return permit

    # -- facts about the workspace ----------------------------------------------------------------------------------

    def workspace(self) -> Workspace:
        """Who the token speaks for: `GET /me`, once. https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/identifyadmin"""
        if self._workspace is None:
            self._workspace = workspace_in(self.get("me"))
            self.admin_id = self.admin_id or self._workspace.admin_id
        return self._workspace

    def assume(self, workspace: Workspace) -> Workspace:
        """Take this for the answer of `GET /me`, where a server has none."""
        self._workspace = workspace
        return workspace

    def actor(self) -> str:
        """The admin in whose name writes happen. Raises ConfigurationError when neither a setting nor `GET /me` says."""
        if not self.admin_id and self._workspace is None:
            with suppress(NotFound):
                self.workspace()
        if not self.admin_id:
            raise ConfigurationError(
                "There is no admin to act as: GET /me names none for this token. Set INTERCOM_ADMIN_ID "
                "(or give admin_id) to the id of a teammate."
            )
        return self.admin_id

    def server_time(self) -> float:
        """Unix seconds by the server's clock: what it shows at the least, as far as the `Date` headers told."""
        return time.time() + self._skew.at_least

    def count_retry(self) -> None:
        """One more request is a repetition."""
        with self._lock:
            self.requests.retried += 1

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _count(self, purpose: str) -> None:
        with self._lock:
            if purpose == "search":
                self.requests.search += 1
            elif purpose == "action":
                self.requests.action += 1
            else:
                self.requests.read += 1

    def _count_throttled(self) -> None:
        with self._lock:
            self.requests.throttled += 1

    def _throttled(self, permit: Permit, answer: Response, method: str, path: str) -> RateLimited:
        self._count_throttled()
        error = refusal(answer, method, path)
        assert isinstance(error, RateLimited)  # noqa: S101 - refusal() maps 429 to nothing else
        kind = throttle_kind(error.code, error.api_message)
        wait = self.gate.throttled(permit, headers=answer.headers, kind="window" if kind == "window" else "overload")
        error.parts.update(kind=kind, wait=wait)
        return error
