"""An updater as an operation: how a person's four methods (and the optional ones) become what the engine runs.

User code that brings its own HTTP is treated fairly without patching anybody's library: the item holds a permit while
`perform_action` runs, and what an exception carries (response, request) tells what happened.
"""

from __future__ import annotations

import getpass
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .actions.state import mark, our_mark
from .actions.touched import touched_since
from .api.carried import stands_before
from .api.client import Client
from .api.outside import Watch, watching
from .api.retry import Kind, RetryPolicy, classify
from .errors import IntercomBulkError, UsageError
from .journal import RunRecord
from .model import Item, NewItem, Reversibility
from .operation import Change, HalfDone, Json, Operation
from .peritem import WITH
from .processing.feeds import Feed, ListFeed, QueryFeed
from .processing.observer import Observer
from .processing.options import Options
from .processing.result import BulkResult
from .processing.runner import Job, Runner
from .processing.session import Session, open_session
from .report.summary import summarize
from .search.endpoints import endpoint_for
from .search.source import EndpointSource
from .stop import Stop

if TYPE_CHECKING:
    from .updater import IntercomBulkUpdater


class ActionReturnedNone(Exception):
    """The item failed, and its updater did not say why."""

    cause = "perform_action returned None"

    def __init__(self) -> None:
        super().__init__("perform_action returned None, which means failed; raise an exception to say why")


class Updating(Operation):
    """The operation of one updater with its parameters."""

    def __init__(self, updater: IntercomBulkUpdater, params: Mapping[str, Any]) -> None:
        self.updater = updater
        self.params = dict(params)
        self.idempotent = updater.idempotent
        self.requests_per_item = updater.requests_per_item
        self.customer_visible = updater.customer_visible
        self.side_effects = updater.side_effects
        undoable = hasattr(updater, "undo_action") and hasattr(updater, "before")
        self.reversibility = updater.reversibility or (
            Reversibility.FIELDS if undoable else Reversibility.UNKNOWN
        )
        self._can_undo = undoable
        self._kind = updater.get_search_endpoint().strip("/").split("/")[0]

    def describe(self) -> str:
        """See Operation."""
        return type(self.updater).__name__

    @property
    def parameters(self) -> dict[str, Any]:
        """See Operation."""
        return jsonable(self.params)

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """See Operation."""
        before = getattr(self.updater, "before", None)
        return None if before is None else dict(before(dict(payload)))

    def change(self, item: Item) -> Change | None:
        """See Operation."""
        change = getattr(self.updater, "change", None)
        if change is None or item.before is None:
            return None
        return dict(change(item.id, dict(item.before), **accepted(change, self._params(item))))

    def read(self, client: Client, item_id: str) -> Json | None:
        """See Operation. Known when the updater says what its before-image is, or how to see that it is done."""
        if hasattr(self.updater, "read_item"):
            with through(self.updater, client):
                return dict(self.updater.read_item(item_id))
        if hasattr(self.updater, "before"):
            return client.get(f"{self._kind}/{item_id}")
        return {"id": item_id} if hasattr(self.updater, "is_done") else None

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation."""
        is_done = getattr(self.updater, "is_done", None)
        if is_done is not None:
            with through(self.updater, client):
                told = is_done(item.id, **accepted(is_done, self._params(item)))
            return None if told is None else bool(told)
        image = self.capture(payload)
        if image is None:
            return None
        change = self.change(Item(item.seq, item.id, image, item.data))
        return None if change is None else change == {}

    def drift(self, payload: Json, item: Item) -> str:
        """See Operation."""
        now = self.capture(payload)
        if now is None or item.before is None:
            return ""
        ours = self._ours(item) if item.doubt or (item.data or {}).get("unsure") else {}
        return ", ".join(
            f"{k} is {now.get(k)}, was {v}" for k, v in item.before.items() if now.get(k) != v and now.get(k) != ours.get(k, v)
        )

    def _ours(self, item: Item) -> dict[str, Any]:
        """What acting would make of the item's fields."""
        return {k: new for k, (_, new) in (self.change(item) or {}).items()}

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation."""
        act = self.updater.perform_action
        result = in_hand(self.updater, client, lambda: act(item.id, **accepted(act, self._params(item))))
        if result is None:
            raise ActionReturnedNone
        return self._after(result, item)

    def _params(self, item: Item) -> Mapping[str, Any]:
        """The parameters of one item: its row's, where it comes from a spreadsheet."""
        return {**self.params, **((item.data or {}).get(WITH) or {})}

    def _after(self, result: Any, item: Item) -> dict[str, Any]:
        """The after-image: as the answer shows it, when that is the item itself; else as the updater says what it changes."""
        for image in (self._shown, self._told):
            try:
                after = image(result, item)
            except Exception:  # noqa: S112 - what has been done stays done, whatever the updater makes of the answer
                continue
            if after:
                return after
        return {"ok": True}

    def _shown(self, result: Any, item: Item) -> dict[str, Any] | None:
        if not isinstance(result, Mapping) or str(result.get("id")) != item.id:
            return None
        image = self.capture(result)
        return image and {**image, **(mark(result) if self._kind == "conversations" else {})}

    def _told(self, result: Any, item: Item) -> dict[str, Any] | None:
        ours = self._ours(item)
        return {**(item.before or {}), **ours} if ours else None

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        """See Operation."""
        image = self.capture(payload)
        if image is None or self._kind != "conversations":
            return image
        return {**image, **our_mark(payload, client.admin_id, since)}

    def inverse(self) -> Operation | None:
        """See Operation."""
        return UndoUpdating(self.updater, self.params) if self._can_undo else None

    def why_no_undo(self) -> str:
        """See Operation."""
        return f"{self.describe()} has no undo_action (and before) method"


class UndoUpdating(Updating):
    """The way back that an updater's `undo_action` knows."""

    own_change_only = True

    def describe(self) -> str:
        """See Operation."""
        return f"undo {super().describe()}"

    def change(self, item: Item) -> Change | None:
        """See Operation."""
        to = (item.data or {}).get("to") or {}
        left = item.before or {}
        return {k: (left.get(k), v) for k, v in to.items() if left.get(k) != v}

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """See Operation."""
        now = self.capture(payload)
        to = (item.data or {}).get("to") or {}
        return None if now is None else all(now.get(k) == v for k, v in to.items())

    def drift(self, payload: Json, item: Item) -> str:
        """See Operation."""
        if (item.before or {}).get("ok") is not True:
            said = super().drift(payload, item)
        else:
            # What the run left was not to be seen in the answer, nor does the updater say what it changes.
            is_done = getattr(self.updater, "is_done", None)
            gone = is_done is not None and is_done(item.id, **accepted(is_done, self._params(item))) is False
            said = "it is no longer as the run left it" if gone else ""
        # An action may write more than the answer it returns shows: what our admin wrote is no touch of others.
        since = touched_since(payload, replace(item, doubt=True)) if self._kind == "conversations" else ""
        return "; ".join(part for part in (said, since) if part)

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation."""
        undo = self.updater.undo_action  # type: ignore[attr-defined]
        to = dict((item.data or {}).get("to") or {})
        result = in_hand(self.updater, client, lambda: undo(item.id, to, **accepted(undo, self._params(item))))
        return self._shown_or(result, item, to)

    def _shown_or(self, result: Any, item: Item, otherwise: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._shown(result, item) or otherwise
        except Exception:
            return otherwise

    def inverse(self) -> Operation | None:
        """See Operation."""
        return RedoUpdating(self.updater, self.params)


class RedoUpdating(UndoUpdating):
    """The way back from an undo: the action again, for the items that the undo took back."""

    def describe(self) -> str:
        """See Operation."""
        return f"undo {super().describe()}"

    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """See Operation."""
        Updating.perform(self, client, item, now)
        return dict((item.data or {}).get("to") or {})

    def inverse(self) -> Operation | None:
        """See Operation."""
        return UndoUpdating(self.updater, self.params)


_used: ContextVar[tuple[IntercomBulkUpdater, Client] | None] = ContextVar("_used", default=None)


def client_of(updater: IntercomBulkUpdater) -> Client | None:
    """The client of the run that has called the updater in this thread: one updater may serve several runs at once."""
    used = _used.get()
    return used[1] if used is not None and used[0] is updater else None


@contextmanager
def through(updater: IntercomBulkUpdater, client: Client) -> Iterator[None]:
    """While user code of `updater` runs in this thread, `updater.client` is this client."""
    token = _used.set((updater, client))
    try:
        yield
    finally:
        _used.reset(token)


def in_hand(updater: IntercomBulkUpdater, client: Client, act: Callable[[], Any]) -> Any:
    """Run user code with a permit in hand, and tell the budget what an exception says about the answer."""
    with through(updater, client), client.in_hand() as hand:
        watch = Watch(urlsplit(updater.base_url).netloc.rpartition("@")[2], lambda: client.one_more() if watch.sent else None)
        try:
            with watching(watch):
                return act()
        except Exception as exc:
            verdict = classify(exc)
            if hand.permit is not None:
                hand.headers, hand.status = verdict.headers, verdict.failure.status or None
                if verdict.failure.status == 429:
                    hand.throttle = "window" if verdict.kind is Kind.WINDOW else "overload"
            stands = stands_before(watch.sent, verdict.sent)
            if stands is not None and not updater.idempotent:
                words = f"{stands.method} {stands.path} had gone through before, so perform_action is not run a second time"
                raise HalfDone(exc, words) from exc
            raise


def accepted(function: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters that a function takes: old updaters may write `perform_action(self, item_id)` alone."""
    given = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in given):
        return dict(params)
    names = {p.name for p in given if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    return {k: v for k, v in params.items() if k in names}


def jsonable(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the journal keeps them; what is not JSON is kept as text."""
    return {
        k: v if isinstance(v, str | int | float | bool | list | dict | type(None)) else repr(v) for k, v in params.items()
    }


def reference_to(cls: type) -> dict[str, str]:
    """Where a class can be found again by `runs resume`: `FILE.py:Class` or `module:Class`."""
    if cls.__module__ == "__main__":
        file = getattr(sys.modules.get("__main__"), "__file__", None)
        return {"file": str(Path(file).resolve()), "class": cls.__qualname__} if file else {"class": cls.__qualname__}
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if cls.__module__.startswith("_intercom_bulk_file_") and file:
        return {"file": str(Path(file).resolve()), "class": cls.__qualname__}
    return {"module": cls.__module__, "class": cls.__qualname__}


def feed_of(updater: IntercomBulkUpdater, operation: Operation, session: Session, selection: Mapping[str, Any],
            options: Options, ids: list[str] | None = None) -> Feed:
    """Where an updater's items come from: its search, or ids."""
    exclude = frozenset(selection.get("exclude") or ())
    if selection["kind"] == "ids" or ids is not None:
        return ListFeed([NewItem(i) for i in ids or ()], total=len(ids or ()), exclude=exclude)
    source = EndpointSource(
        session.client,
        session.stop,
        endpoint_for(selection["endpoint"]),
        selection["query"],
        page_size=min(options.page_size, options.limit or options.page_size),
        retry=RetryPolicy(options.retries),
        timeout=options.timeout,
    )
    return QueryFeed(
        source,
        lambda payload: updater.get_item_id(dict(payload)),
        operation.capture,
        session.client.server_time,
        page_size=options.page_size,
        exclude=exclude,
    )


def resource_of(updater: IntercomBulkUpdater) -> str:
    """What an updater's items are: "conversations", "contacts" ..."""
    return endpoint_for(updater.get_search_endpoint()).resource


def select(updater: IntercomBulkUpdater, params: Mapping[str, Any], ids: list[str] | None = None) -> dict[str, Any]:
    """The selection of an updater, as the journal keeps it. Raises UsageError for a query that is not one."""
    base = {"updater": reference_to(type(updater))}
    if ids is not None:
        return {**base, "kind": "ids", "words": f"{len(ids)} ids"}
    endpoint = updater.get_search_endpoint()
    end = endpoint_for(endpoint)
    query = updater.get_search_query(**accepted(updater.get_search_query, params))
    if not isinstance(query, Mapping):
        raise UsageError(f"{type(updater).__name__}.get_search_query() must return a dict, and returned {type(query).__name__}")
    if end.searches and not query:
        raise UsageError(f"{type(updater).__name__}.get_search_query() returned nothing to search {endpoint} for")
    return {
        **base, "kind": "query", "endpoint": end.path, "query": dict(query), "resource": end.resource,
        "words": f"{end.path} by {type(updater).__name__}",
    }


def run_updater(
    updater: IntercomBulkUpdater,
    options: Options,
    params: Mapping[str, Any],
    *,
    ids: list[str] | None = None,
    progress: str = "auto",
    stop: Stop | None = None,
    observer: Observer | None = None,
) -> BulkResult:
    """One call of `bulk_process`: build the job, run it, return its account. Step 1 of the life of an item."""
    options.amounts()
    selection = select(updater, params, ids)
    session = open_session(updater.settings, options, stop)
    updater._running.append(session)
    try:
        workspace = session.workspace()
        session.client.admin_id = updater._admin_id or workspace.admin_id
        operation = Updating(updater, params)
        run = session.journal.create_run(
            operation=f"{operation.describe()}", kind="dry_run" if options.dry_run else "run",
            parameters=operation.parameters, selection=selection, workspace=workspace.id,
            base_url=updater.base_url, admin_id=session.client.admin_id, author=login(), settings=options.as_json(),
        )
        job = Job(run, operation, feed_of(updater, operation, session, selection, options, ids), options,
                  review_only=options.dry_run)
        return perform(session, job, observer or _observer(progress, operation.describe(), selection.get("resource") or "items"))
    finally:
        updater._running.remove(session)
        session.close()


def perform(session: Session, job: Job, observer: Observer) -> BulkResult:
    """Run a job and give its account; what ends the run is raised with `run_id` and `result` on it."""
    runner = Runner(session, job, observer)
    try:
        run = runner.execute()
    except IntercomBulkError as exc:
        exc.run_id = job.run.id
        exc.parts["result"] = result_of(session, job.run, job.operation.inverse() is not None)
        raise
    finally:
        close = getattr(observer, "close", None)
        if close is not None:
            close()
    return result_of(session, run, job.operation.inverse() is not None)


def result_of(session: Session, run: RunRecord, undoable: bool | None = None) -> BulkResult:
    """The account of a run, read from the journal."""
    journal = session.journal
    report = summarize(journal, run.id, undoable=undoable)
    return BulkResult(run.id, journal.counts(run.id), journal.failures(run.id), report)


def login() -> str:
    """Who runs this, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def _observer(progress: str, words: str, resource: str) -> Observer:
    if progress == "none":
        return Observer()
    from .console.verbs import Title
    from .console.watch import observer_for

    return observer_for(progress=progress, title=Title(words=words, resource=resource))

