"""Session: one token, one budget, one journal, held together for a command or a call of `bulk_process`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ..api.client import Client
from ..api.redact import keep_secret
from ..api.retry import LASTING, SHAPE_ERRORS, ErrorKind, RetryPolicy, classify
from ..errors import BadAnswer, ConfigurationError, IntercomBulkError, InvalidRequest, NotFound, ServiceUnavailable
from ..journal import Journal, RunRecord
from ..model import Workspace
from ..parsing.amounts import parse_duration
from ..parsing.dates import people_in
from ..ratelimit.budget import Budget
from ..ratelimit.ledger import open_ledger
from ..ratelimit.limiter import RateLimiter
from ..ratelimit.outage import PATIENCE, OutageDetector
from ..ratelimit.usage import WindowStats
from ..search.names import whole_listing
from ..stop import Stop
from ..version import __version__

if TYPE_CHECKING:
    from ..settings import Settings
    from .options import Options

T = TypeVar("T")


class Session:
    """Everything a run needs of the outside. Close it, or use it in a `with`.

    Parameters
    ----------
    settings:
        Token, workspace address, state folder.
    stop:
        What ends it.
    share, rate:
        See Options; one budget serves search, action and read-back.
    timeout:
        Seconds a request may take.
    retries:
        Repetitions of a preparatory read that failed for a passing reason: N means N+1 requests.
    patience:
        Seconds that a service that is away is waited for.
    """

    def __init__(
        self,
        settings: Settings,
        stop: Stop | None = None,
        *,
        share: float = 1.0,
        rate: float | None = None,
        timeout: float = 30.0,
        retries: int = 3,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Here and not above: help and the commands that only read the journal have no use for the HTTP library.
        from ..api.transport import HttpTransport

        self.settings = settings
        self.stop = stop or Stop()
        self.timeout = timeout
        self.retries = retries
        self.windows: list[tuple[float, WindowStats]] = []
        self._windows_lock = threading.Lock()
        token = settings.require_token()
        keep_secret(token)
        ledger = open_ledger(settings.home, token, settings.base_url)
        self.budget = Budget(share=share, rate=rate, clock=clock, on_window=self._window, ledger=ledger)
        self.gate = RateLimiter(self.budget, self.stop, OutageDetector(patience, clock))
        self.client = Client(
            HttpTransport(settings.base_url, headers(settings), timeout=timeout),
            self.gate,
            admin_id=settings.admin_id or "",
            base_url=settings.base_url,
        )
        self._journal: Journal | None = None
        self.closed = False
        """Whether what it was for is over."""

    @property
    def journal(self) -> Journal:
        """The journal, opened when first needed."""
        if self._journal is None:
            self._journal = Journal(self.settings.journal)
        return self._journal

    def workspace(self) -> Workspace:
        """Whose token it is; a server without `GET /me` is taken as an unnamed workspace.

        Raises ConfigurationError where the request, which is always the same, is refused as such.
        """
        try:
            found = self.patiently(self.client.workspace)
        except NotFound:
            found = self.client.assume(Workspace(id="", admin_id=self.settings.admin_id or ""))
        except InvalidRequest as exc:
            said = f"Intercom refuses GET me, the first request of every command: {exc.message}."
            raise ConfigurationError(f"{said} Check INTERCOM_API_VERSION and INTERCOM_BASE_URL.") from exc
        people_in(found.timezone)
        return found

    def began(self, run: RunRecord) -> float:
        """When a run began, by the server's clock."""
        return (run.started_at or run.created_at) + self.client.server_time() - time.time()

    def look(self, path: str) -> Mapping[str, Any]:
        """GET a list or an object that the preparation needs; tried again where that may help."""
        return self.patiently(lambda: whole_listing(path, self.client.call("GET", path, purpose="read")))

    def find_contacts(self, field: str, value: str) -> list[str]:
        """The ids of the contacts that have this `email` or `external_id`: one request."""
        query = {"query": {"field": field, "operator": "=", "value": value}, "pagination": {"per_page": 150}}
        body = self.patiently(lambda: self.client.call("POST", "contacts/search", json=query, purpose="search"))
        return [str(one["id"]) for one in body.get("data") or () if one.get("id")]

    def patiently(self, ask: Callable[[], T]) -> T:
        """Do a read again while it fails for a passing reason, `retries` times. Raises its last error.

        An answer of another shape than the API promises is such a reason.
        """
        policy, attempt = RetryPolicy(self.retries, cap=5.0), 0
        while True:
            try:
                try:
                    return ask()
                except SHAPE_ERRORS as exc:
                    raise BadAnswer(f"what was read has another shape than the API promises ({exc!r})") from exc
            except IntercomBulkError as exc:
                verdict = classify(exc)
                if verdict.kind in LASTING:
                    raise
                if verdict.kind is ErrorKind.RATE_LIMITED:
                    wait = policy.base  # the gate holds everybody until the window is over; it costs no attempt
                else:
                    after = policy.after(attempt + 1)
                    if self.client.excuses(verdict, last=after is None):
                        wait = 0.0  # the gate lets nobody through until the service is back
                    elif after is None:
                        raise
                    else:
                        attempt, wait = attempt + 1, max(after, verdict.wait)
                self.client.count_retry()
                if self.stop.wait(wait):
                    raise self.stop.reason if isinstance(self.stop.reason, ServiceUnavailable) else exc from exc

    def take_windows(self, *, present: bool = False) -> list[tuple[float, WindowStats]]:
        """The finished windows since the last call, with the unix time each was seen to end.

        With `present` also the one that is not over, for whoever has finished in it.
        """
        if present:
            self.gate.present()
        with self._windows_lock:
            taken, self.windows = self.windows, []
        return taken

    def _window(self, use: WindowStats) -> None:
        with self._windows_lock:
            self.windows.append((time.time(), use))

    def close(self) -> None:
        """Close connections and journal."""
        self.closed = True
        self.client.close()
        self.gate.close()
        if self._journal is not None:
            self._journal.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_session(settings: Settings, options: Options, stop: Stop | None = None) -> Session:
    """A session as the options want it."""
    stop = stop or Stop(options.deadline)
    patience = parse_duration(settings.patience) if options.patience is None else options.patience
    session = Session(settings, stop, share=options.share, rate=options.rate, timeout=options.timeout,
                      retries=options.retries, patience=patience)
    session.client.looking = options.dry_run
    return session


def headers(settings: Settings) -> dict[str, str]:
    """The headers of every request. https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis"""
    return {
        "Authorization": f"Bearer {settings.require_token()}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Intercom-Version": settings.api_version,
        "User-Agent": f"intercom-bulk-updater/{__version__}",
    }
