"""IntercomBulkUpdater: the framework's front door. A subclass says what to find and what to do; the rest is done for it.

It binds a selection (the search methods) and an operation (`perform_action`) and hands both to the same runner that the
command uses. There is no loop and no request here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..api.client import Client
from ..errors import UsageError
from ..model import Reversibility
from ..parsing.identity import id_text
from ..runs.options import Options, one_of, seconds, whole
from ..runs.session import Session, headers
from ..service.options import with_options
from ..service.run import BulkResult
from ..stop import Stop
from .arguments import named, sort
from .bulk_process import run_updater
from .calls import client_of
from .declaration import check_declaration

if TYPE_CHECKING:
    import httpx

    from ..settings import Settings

_DEFAULT = Options()
_settings: ContextVar[tuple[Settings | None, Session | None]] = ContextVar("_settings", default=(None, None))
BATCH = 50
"""The promised default of `batch_size`."""


@contextmanager
def settings_of(settings: Settings, session: Session | None = None) -> Iterator[None]:
    """While this lasts, an updater that is given no settings of its own has these, in place of the environment's.

    It belongs to the run of `session` from the start: what its `__init__` sends is the run's, too.
    """
    token = _settings.set((settings, session))
    try:
        yield
    finally:
        _settings.reset(token)


class IntercomBulkUpdater:
    """Search, act and account for every item: subclass it and write four methods.

    Parameters
    ----------
    access_token:
        The workspace's token; by default INTERCOM_ACCESS_TOKEN (environment or `.env`).
    admin_id:
        The admin in whose name writes happen; by default INTERCOM_ADMIN_ID, else the token's own admin.
    base_url, region, api_version, home:
        As in the settings reference; by default from the environment.

    The four methods that a subclass writes are below. What else it may say about itself, each optional:

    `idempotent = True`
        doing it twice ends in the same state, so that an interrupted item may simply be done again. When it is not
        said, the request that was sent decides, as far as Intercom's API is known.
    `before(self, item) -> dict`
        the fields that the action touches, from a search item: the before-image. Makes reviews, drift and undo possible.
    `change(self, item_id, before, **params) -> dict`
        field → (before, after); `{}` says that the item already is as wanted.
    `is_done(self, item_id, **params) -> bool | None`
        reads whether the effect is there: asked after a lost answer, and by the verification.
    `undo_action(self, item_id, before, **params)`
        the way back; without it `undo` refuses, and says so before the run.
    `customer_visible = True` (or False)
        whether customers see something of it: the command then asks for `--customer-visible`. When it is not said, dry
        runs say so.
    `requests_per_item`, `reversibility`, `side_effects`
        as in `intercom-bulk operations show`.
    `read_only = True`
        it only reads: nobody is asked, and a write that it sends is refused.
    `items_per_request = 50`, `perform_batch(self, item_ids, **params)`
        where the API acts on several items with one request: see "Several items with one request" in the how-to.
    `allowed_hosts = ("api.intercom.io",)`
        hosts of Intercom that its code may send to although the run is for another one (a sandbox, a proxy, another region).

    `perform_action` runs in many threads at once: keep nothing of an item on `self`. `self.client` may be shared.
    """

    idempotent: ClassVar[bool | None] = None
    requests_per_item: ClassVar[int] = 1
    customer_visible: ClassVar[bool | None] = None
    side_effects: ClassVar[str] = ""
    reversibility: ClassVar[Reversibility | None] = None
    allowed_hosts: ClassVar[tuple[str, ...]] = ()
    read_only: ClassVar[bool] = False
    items_per_request: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_declaration(cls)

    def __init__(
        self,
        access_token: str | None = None,
        admin_id: str | int | None = None,
        *,
        base_url: str | None = None,
        region: str | None = None,
        api_version: str | None = None,
        home: Path | str | None = None,
    ) -> None:
        from ..settings import load

        given: dict[str, Any] = {
            "access_token": access_token,
            "admin_id": None if admin_id is None else str(admin_id),
            "base_url": base_url,
            "region": region,
            "api_version": api_version,
            "home": home,
        }
        own = {k: v for k, v in given.items() if v is not None}
        self.settings: Settings = load(**own) if own else _settings.get()[0] or load()
        self.access_token: str = self.settings.require_token()
        self.base_url: str = self.settings.base_url
        self.headers: dict[str, str] = headers(self.settings)
        self._admin_id = self.settings.admin_id or ""
        self._session: Session | None = _settings.get()[1]
        self._running: list[Session] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    # -- what a subclass writes -------------------------------------------------------------------------------------

    def get_search_endpoint(self) -> str:
        """Where to search: "conversations/search", "contacts/search", "companies/list", "contacts", any paginated endpoint."""
        raise NotImplementedError(f"{type(self).__name__} must write get_search_endpoint()")

    def get_search_query(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What to find: an Intercom query object. It gets the keyword arguments of `bulk_process`.

        https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/search
        """
        raise NotImplementedError(f"{type(self).__name__} must write get_search_query()")

    def get_item_id(self, item: dict[str, Any]) -> str:
        """The id of an item as the search gave it."""
        raise NotImplementedError(f"{type(self).__name__} must write get_item_id()")

    def perform_action(self, item_id: str, /, *args: Any, **kwargs: Any) -> Any:
        """Act on one item. None means failed; an exception says why.

        It gets the keyword arguments of `bulk_process`. Raise `Skip(reason)` to leave the item, `StopRun(reason)` to
        end the run. Each call through `self.client` is rate limited; a call by another library uses the permit that the
        item holds, and its 429 and 5xx are understood from the exception it raises.
        """
        raise NotImplementedError(f"{type(self).__name__} must write perform_action()")

    # -- what it gets -----------------------------------------------------------------------------------------------

    @property
    def admin_id(self) -> str:
        """The admin in whose name writes happen: as given, else the token's own (`GET /me`, once).

        Raises ConfigurationError where neither says one.
        """
        return self._admin_id or self.client.actor()

    @admin_id.setter
    def admin_id(self, value: str | int) -> None:
        self._admin_id = str(value)

    @property
    def client(self) -> Client:
        """The governed client: `self.client.post(path, json)`, `get`, `put`, `delete`."""
        client = client_of(self)
        if client is None:
            if self._session is None:
                self._session = Session(self.settings)
            client = (self._running[-1] if self._running else self._session).client
        client.admin_id = client.admin_id or self._admin_id
        return client

    def httpx_client(self, **options: Any) -> httpx.Client:
        """An httpx client whose requests are seen as they leave; Intercom's SDK takes it as `httpx_client`.

        `options` are those of `httpx.Client`, such as `timeout`. Make one for each item, or one in `__init__`.
        """
        from .httpx_client import governed_client

        return governed_client(
            self.base_url, self.headers, lambda: client_of(self) is None and self._session is not None and self._session.closed, **options
        )

    def bulk_process(
        self,
        *,
        parallel_workers: int | None = None,
        batch_size: int | None = BATCH,
        max_items: int | None = None,
        timeout: float | None = _DEFAULT.timeout,
        retries: int | None = None,
        dry_run: bool | None = None,
        verify: str | None = None,
        progress: str = "auto",
        item_ids: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        options: Options | None = None,
        stop: Stop | None = None,
        on_event: Callable[[Mapping[str, Any]], object] | None = None,
        **params: Any,
    ) -> BulkResult:
        """Search, act on what is found as it is found, and account for every item.

        Parameters
        ----------
        parallel_workers:
            Threads. Default: 15 at the start, then as many as budget and latency need; a number given is kept.
        batch_size:
            How coarsely items are fetched: a search page holds three batches (default: 50, so 150 items a page, the most
            that Intercom gives). Nothing waits for a batch to be full or done.
        max_items:
            Act on so many items at most; never exceeded.
        timeout:
            Seconds that a request of `self.client` may take.
        retries:
            Repetitions of a request that failed for a passing reason. Default: 3.
        dry_run:
            Search and look, write nothing. Default: False.
        verify:
            `none`, `sample` or `all`: read back at the end (needs `is_done`), and search again until nothing is left.
            Default: `none`.
        progress:
            `auto`, `bar`, `plain` or `none`, on stderr.
        item_ids:
            Act on these instead of searching.
        exclude:
            Ids to leave out.
        on_event:
            A function that is called with each event of the run, a dict as a line of `--jsonl` has it: `event` is
            "run.began", "progress", "item.failed", "pass", "run.done" ... It is called in the thread that called, one at a
            time; what it raises ends the run in order.
        options:
            All options at once; an argument that is given besides wins over them.
        params:
            The guards and speeds of the command are arguments too: `expect`, `max`, `canary`, `max_failures`, `limit`,
            `deadline`, `share`, `rate`, `on_drift`, with the values of its flags (or numbers). Unless one of the
            updater's methods names such a parameter: then it is the updater's. Everything else reaches
            `get_search_query` and `perform_action`, a text as the annotation of its parameter wants it. What no method
            takes, and what looks like an option (`ids`, `dry`), is a UsageError before anything is sent.

        Returns a BulkResult: a mapping with `success`, `failed`, `total_time`, and an object with the rest.
        Raises the errors of errors.py for what ends a run (a rejected token, a search that breaks off); the run can
        then be resumed, and `exc.run_id` names it. Items that fail never end a run. Ctrl-C ends it in order, as in the
        command, and is raised as KeyboardInterrupt when what was in flight is done, so that no `except Exception`
        around a series of runs goes on with the next one. In another thread than the main one there is no Ctrl-C:
        give `stop` and ask it.
        """
        extra, params = sort(type(self), params)
        given: dict[str, Any] = {
            "workers": whole("parallel_workers", parallel_workers),
            "limit": whole("max_items", max_items, least=0),
            "timeout": _unless_default(seconds("timeout", timeout), _DEFAULT.timeout),
            "retries": whole("retries", retries, least=0),
            "dry_run": dry_run,
            "verify": None if verify is None else one_of("verify", verify, ("none", "sample", "all")),
            "page_size": _unless_default(min(_DEFAULT.page_size, 3 * (whole("batch_size", batch_size) or BATCH)), _DEFAULT.page_size),
        }
        given = {**extra, **{name: value for name, value in given.items() if value is not None}}
        limits = [limit for limit in (max_items, extra.get("limit")) if limit is not None]
        if limits:
            given["limit"] = min(limits)
        chosen = with_options(options or Options(verify="none"), {**given, "python": True})
        if "item_id" in params:
            raise UsageError("item_id is what perform_action gets for each item: give your parameter another name")
        if exclude is not None and "exclude" in named(type(self)):
            params, exclude = {**params, "exclude": exclude}, None
        ids, without = _checked_ids("item_ids", item_ids), _checked_ids("exclude", exclude)
        return run_updater(self, chosen, params, ids=ids, exclude=without, progress=progress, stop=stop, on_event=on_event)

    def close(self) -> None:
        """Close the connections of `self.client`."""
        if self._session is not None:
            self._session.close()
            self._session = None


def _checked_ids(name: str, ids: Any) -> list[str] | None:
    """Ids as texts. Raises UsageError for what is no list of ids."""
    if isinstance(ids, str | bytes):
        raise UsageError(f"{name} must be a list of ids, not the text {ids!r}: write {name}=[{ids!r}]")
    if ids is None:
        return None
    if isinstance(ids, Mapping) or not isinstance(ids, Iterable):
        raise UsageError(f"{name} must be a list of ids, and is {ids!r}. Nothing was written.", hint="")
    return [_checked_id(name, place, item) for place, item in enumerate(ids)]


def _checked_id(name: str, place: int, item: Any) -> str:
    """An id as text. Raises UsageError for what is none: it would be sent as part of an address."""
    text = id_text(item)
    if not text or any(character.isspace() or character in "/?#\\" for character in text):
        raise UsageError(f"{name}[{place}] is {item!r}, which is not an id: give texts or whole numbers. Nothing was written.", hint="")
    return text


def _unless_default(value: float, default: float) -> float | None:
    """None for a default: whether it was given cannot be told then, and options win."""
    return None if value == default else value
