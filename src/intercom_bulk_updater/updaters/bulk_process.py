"""`bulk_process` as a job: an updater with its parameters becomes a selection, a feed and a run, and the run an account."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import copy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from ..api.redact import is_message, is_secret, keep_private, redact
from ..errors import Interrupted, UsageError
from ..journal import decode_parameters, encode_parameters
from ..model import FoundItem
from ..operations.operation import Operation
from ..parsing.identity import canonical_id, count_words, id_text
from ..parsing.printable import printable
from ..runs.guards import bad_in_words
from ..runs.listing import listed
from ..runs.observer import Observer
from ..runs.options import Options
from ..runs.session import Session, open_session
from ..runs.sources import ItemSource, ListSource, SearchSource
from ..runs.stored_query import filter_judge, judged_here, pages_of
from ..search.endpoints import endpoint_for
from ..search.language.where import refuse_milliseconds
from ..search.values import in_their_types
from ..service.rebuild import Loader
from ..service.run import BulkResult, carry_out
from ..service.signals import orderly_here
from ..service.work import Work, create_run
from ..service.workspace import Workspace, interrupted
from ..stop import Stop
from .adapter import UpdaterOperation
from .calls import asked, complete, endpoint_of, query_of, refuse_too_many, refuse_while_importing
from .protocol import Updater

T = TypeVar("T")
FROM_FILE = "_intercom_bulk_file_"
"""How the modules are called that were loaded by FILE.py:Class."""


def reference_to(cls: type) -> dict[str, str]:
    """Where a class can be found again by `runs resume`: its file, and the name of its module."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    found = {"class": cls.__qualname__}
    if file:
        found["file"] = str(Path(file).resolve())
    # The module's name as well: a class in a package needs its package around it.
    module = cls.__module__
    if module == "__main__":
        module = getattr(getattr(sys.modules.get(module), "__spec__", None), "name", "")  # python -m package.module
    if module and not module.startswith(FROM_FILE):
        found["module"] = module
    return found


def feed_of(
    updater: Updater,
    operation: Operation,
    session: Session,
    selection: Mapping[str, Any],
    options: Options,
    ids: list[str] | None = None,
) -> ItemSource:
    """Where an updater's items come from: its search, or ids."""
    exclude = frozenset(selection.get("exclude") or ())
    if selection["kind"] == "ids" or ids is not None:
        given = unique_ids(updater, ids or ())
        return ListSource([FoundItem(i) for i in given], total=len(given), exclude=exclude)
    end = endpoint_for(selection["endpoint"])
    query = selection["query"]
    here = selection.get("here")
    if "where" in selection and not end.searches:
        query, here = {}, query
    return SearchSource(
        pages_of(session, {"endpoint": selection["endpoint"], "query": query}, options),
        lambda payload: _of_item(updater, "get_item_id", payload, lambda: _id_of(updater.get_item_id(dict(payload)))),
        lambda payload: _of_item(updater, "before", payload, lambda: operation.capture(payload)),
        session.client.server_time,
        page_size=options.page_size,
        exclude=exclude,
        judge=filter_judge(session, query, end.resource) if end.searches else None,
        keep=judged_here(session, here, listed(selection).name if "shown" in selection else end.resource) if here else None,
    )


def resource_of(updater: Updater) -> str:
    """What an updater's items are: "conversations", "contacts" ..."""
    return endpoint_for(endpoint_of(updater)).resource


def _id_of(said: Any) -> str:
    """What get_item_id returned, if it is an id."""
    if not id_text(said):
        raise TypeError(f"it returned {said!r}, which is not an id")
    return str(said)


def unique_ids(updater: Updater, ids: Iterable[str]) -> list[str]:
    """Each item's id once, as Intercom writes it."""
    kind = kind_of(updater)
    return list(dict.fromkeys(canonical_id(i, kind) for i in ids))


def kind_of(updater: Updater) -> str:
    """The first word of an updater's endpoint, whether or not it is one that can be searched: "conversations" ..."""
    return endpoint_of(updater).strip("/").split("/")[0]


def _of_item(updater: Updater, method: str, payload: Mapping[str, Any], ask: Callable[[], T]) -> T:
    """What a method says of an item that the search gave."""
    return asked(updater, method, ask, f" The item has the fields {', '.join(payload)}.")


def select(
    updater: Updater, params: Mapping[str, Any], ids: list[str] | None = None, *, typed: bool = False
) -> dict[str, Any]:
    """The selection of an updater that is complete, as the journal keeps it. `typed`: the parameters come from `--param`.

    Raises UsageError for a query that is not one.
    """
    base = {"updater": reference_to(type(updater))}
    if ids is not None:
        return {**base, "kind": "ids", "words": count_words(len(unique_ids(updater, ids)), "id")}
    endpoint = endpoint_of(updater)
    end = endpoint_for(endpoint)
    query = query_of(updater, params, typed=typed)
    if query is None and not end.searches:
        query = {}  # a list takes no filter, so a method without `return` says as much
    if not isinstance(query, Mapping):
        raise UsageError(f"{type(updater).__name__}.get_search_query() must return a dict, and returned {type(query).__name__}")
    if end.searches and not query:
        raise UsageError(f"{type(updater).__name__}.get_search_query() returned nothing to search {endpoint} for")
    if end.searches:
        refuse_milliseconds(query, end.resource)
    return {
        **base,
        "kind": "query",
        "endpoint": end.path,
        "query": in_their_types(query, end.resource) if end.searches else dict(query),
        "resource": end.resource,
        "words": f"{end.path} by {type(updater).__name__}{in_words(params)}",
    }


def in_words(params: Mapping[str, Any]) -> str:
    """Parameters for people: ` (team_id 5001, value true)`; nothing secret, nothing that is written to somebody."""
    said = [f"{name} {_value(name, value)}" for name, value in params.items() if value is not None]
    return f" ({', '.join(said)})" if said else ""


def _value(name: str, value: Any) -> str:
    if is_secret(name) or is_message(name):
        return "(not shown)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple | set | frozenset | dict):
        return f"({len(value)} values)"
    text = redact(str(value)) if isinstance(value, str | int | float | date | Decimal) else type(value).__name__
    return text if len(text) <= 40 else f"({len(text)} characters)"


def run_updater(
    updater: Updater,
    options: Options,
    params: Mapping[str, Any],
    *,
    ids: list[str] | None = None,
    exclude: list[str] | None = None,
    progress: str = "auto",
    stop: Stop | None = None,
    observer: Observer | None = None,
    on_event: Callable[[Mapping[str, Any]], object] | None = None,
) -> BulkResult:
    """One call of `bulk_process`: build the job, run it, return its account. Step 1 of the life of an item."""
    refuse_while_importing(updater)
    options.amounts()
    keep_private(params)
    encode_parameters(params)
    complete(updater, params, searches=ids is None)
    with ExitStack() as begun:
        session = begun.enter_context(_running(updater, options, stop))
        selection = select(updater, params, ids)
        if exclude:
            selection["exclude"] = unique_ids(updater, exclude)
            selection["words"] += f", without {count_words(len(selection['exclude']), 'id')}"
        running = begun.pop_all()
    with orderly_here(session.stop) as heard:
        try:
            with running:
                done = _run(updater, session, options, params, selection, ids=ids, progress=progress, observer=observer, on_event=on_event)
            if observer is None and progress != "none" and not (progress in ("auto", "bar") and sys.stderr.isatty()):
                _say_failures(done)
            return done
        except (Interrupted, KeyboardInterrupt) as exc:
            result = getattr(exc, "result", None)
            said = "" if result is None else _how_to_go_on(result, selection)
            if result is not None and (heard or isinstance(exc, KeyboardInterrupt)):
                if progress != "none":
                    _say_account(result)
                sys.stderr.write(f"{said}\n")
            if not heard:
                raise
            ended = exc
    # Ctrl-C is a KeyboardInterrupt to Python: `except Exception` around a loop of runs must not go on with the next.
    # Uncaught it ends the process with 130, and its words are the last line.
    raise interrupted(ended, said)


def _run(
    updater: Updater,
    session: Session,
    options: Options,
    params: Mapping[str, Any],
    selection: dict[str, Any],
    *,
    ids: list[str] | None,
    progress: str,
    observer: Observer | None,
    on_event: Callable[[Mapping[str, Any]], object] | None,
) -> BulkResult:
    operation = UpdaterOperation(updater, params)
    feed = feed_of(updater, operation, session, selection, options, ids)
    work = begin(updater, session, operation, selection, feed, options)
    shown = observer or _observer(progress, operation.describe(), selection.get("resource") or "items")
    return carry_out(work, Workspace.of(updater.settings), on_event, shown)


@contextmanager
def _running(updater: Updater, options: Options, stop: Stop | None) -> Iterator[Session]:
    """The session of a run of an updater, from before its first method is called."""
    refuse_too_many(updater)
    with open_session(updater.settings, options, stop) as session:
        updater._running.append(session)
        try:
            yield session
        finally:
            updater._running.remove(session)


class StoredUpdaterOf:
    """See service.rebuild.StoredUpdater."""

    def __init__(self, session: Session, operation: UpdaterOperation) -> None:
        self._session, self.operation = session, operation

    def feed(self, selection: Mapping[str, Any], options: Options) -> ItemSource:
        """Its items again."""
        return feed_of(self.operation.updater, self.operation, self._session, selection, options)


def _living(updater: Updater) -> Loader:
    """For what Python does with the run afterwards: the same object, also of a class that lies in no file."""

    def load(session: Session, reference: object, parameters: Mapping[str, Any], admin_id: str) -> StoredUpdaterOf:
        again = copy(updater)
        again._session, again._running = session, []
        return StoredUpdaterOf(session, UpdaterOperation(again, decode_parameters(parameters)))

    return load


def begin(
    updater: Updater,
    session: Session,
    operation: UpdaterOperation,
    selection: Mapping[str, Any],
    feed: ItemSource,
    options: Options,
    plan: Path | None = None,
) -> Work:
    """The run of an updater, in the journal and ready to be done."""
    session.client.admin_id = updater._admin_id or session.workspace().admin_id
    run = create_run(session, operation, operation.describe(), "run", selection, options)
    return Work(session, run, operation, feed, options, plan=plan, load=_living(updater))


def _say_failures(result: BulkResult) -> None:
    """What a script without a terminal leaves on stderr of a run in which items failed."""
    if not (result.failed or result.in_doubt):
        return
    first = result.failures[0] if result.failures else None
    why = f": {printable(redact(first.example.message or first.cause))[:300]}" if first is not None else ""
    sys.stderr.write(f"{bad_in_words(result.failed, result.in_doubt)}{why}; intercom-bulk runs show {result.run_id}\n")


def _say_account(result: BulkResult) -> None:
    """The summary of an interrupted script, as the command gives it."""
    from ..terminal.terminal import say
    from ..terminal.texts import summary_text

    say(summary_text({**result.report, "next": []}))


def _how_to_go_on(result: BulkResult, selection: Mapping[str, Any]) -> str:
    """The line that an interrupted script leaves behind."""
    if result.report["run"]["kind"] == "dry_run":
        return f"Interrupted; {result.run_id} was a dry run, and leaves nothing behind"
    if "file" in selection["updater"] or "module" in selection["updater"]:
        return f"Interrupted; to go on: intercom-bulk runs resume {result.run_id}"
    return f"Interrupted; {result.run_id} was run by a class that lies in no file, and cannot be resumed"


def _observer(progress: str, words: str, resource: str) -> Observer:
    if progress == "none":
        return Observer()
    from ..terminal.observers import observer_for
    from ..terminal.phrases import Title

    return observer_for(progress=progress, title=Title(words=words, resource=resource))
