"""`bulk_process` as a job: an updater with its parameters becomes a selection, a feed and a run, and the run an account."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .api.retry import RetryPolicy
from .errors import IntercomBulkError, UsageError
from .journal import RunRecord
from .model import NewItem
from .operation import Operation
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
from .updating import Updating
from .usercode import accepted

if TYPE_CHECKING:
    from .updater import IntercomBulkUpdater


def reference_to(cls: type) -> dict[str, str]:
    """Where a class can be found again by `runs resume`: `FILE.py:Class` or `module:Class`."""
    if cls.__module__ == "__main__":
        file = getattr(sys.modules.get("__main__"), "__file__", None)
        return {"file": str(Path(file).resolve()), "class": cls.__qualname__} if file else {"class": cls.__qualname__}
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if cls.__module__.startswith("_intercom_bulk_file_") and file:
        return {"file": str(Path(file).resolve()), "class": cls.__qualname__}
    return {"module": cls.__module__, "class": cls.__qualname__}


def feed_of(
    updater: IntercomBulkUpdater,
    operation: Operation,
    session: Session,
    selection: Mapping[str, Any],
    options: Options,
    ids: list[str] | None = None,
) -> Feed:
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
        **base,
        "kind": "query",
        "endpoint": end.path,
        "query": dict(query),
        "resource": end.resource,
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
            operation=f"{operation.describe()}",
            kind="dry_run" if options.dry_run else "run",
            parameters=operation.parameters,
            selection=selection,
            workspace=workspace.id,
            base_url=updater.base_url,
            admin_id=session.client.admin_id,
            author=login(),
            settings=options.as_json(),
        )
        job = Job(run, operation, feed_of(updater, operation, session, selection, options, ids), options, review_only=options.dry_run)
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
