"""From selection flags to a selection (as the journal keeps it) and a feed (as the runner reads it)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..api.retry import RetryPolicy
from ..errors import UsageError, why
from ..journal import Journal
from ..model import NewItem, Outcome
from ..operation import Operation
from ..processing.feeds import Feed, ListFeed, QueryFeed
from ..processing.options import Options
from ..processing.session import Session
from ..search.endpoints import endpoint_for
from ..search.names import Names
from ..search.source import EndpointSource
from ..search.where import compile_where, explain, hints, validate_query
from .flags import Selection


@dataclass(slots=True)
class Selected:
    """A selection and its feed."""

    selection: dict[str, Any]
    feed: Feed


def select(flags: Selection, resource: str, session: Session, names: Names, operation: Operation, options: Options) -> Selected:
    """Exactly one way to say which items. Raises UsageError for none, for two, and for a bad one."""
    given = [n for n in ("where", "query", "ids", "from_run") if getattr(flags, n) is not None]
    if len(given) != 1:
        said = "none is given" if not given else "given are " + " and ".join("--" + n.replace("_", "-") for n in given)
        raise UsageError(f"Say which {resource} by one of --where, --query, --ids, --from-run; {said}.")
    if flags.limit is not None and flags.limit < 1:
        raise UsageError(f"--limit must be 1 or more, not {flags.limit}.")
    if flags.ids is not None:
        ids = read_ids(flags.ids)
        selection: dict[str, Any] = {"kind": "ids", "words": f"{len(ids):,} ids from {flags.ids}", "resource": resource}
    elif flags.from_run is not None:
        earlier = session.journal.run(flags.from_run)
        selection = {
            "kind": "run", "run": earlier.id, "outcome": flags.outcome, "resource": resource,
            "words": f"the {flags.outcome} items of {earlier.id}",
        }
        ids = []
    else:
        query = _query(flags, resource, session, names)
        body = query.get("query", query)
        selection = {
            "kind": "query", "endpoint": f"{resource}/search", "query": query, "resource": resource,
            "words": explain(body, resource, names, timezone=session.workspace().timezone or "UTC",
                             api_version=session.settings.api_version),
            "where": flags.where or "",
        }
        ids = []
    if flags.exclude is not None:
        selection["exclude"] = read_ids(flags.exclude)
        selection["words"] += f", without {len(selection['exclude']):,} ids of {flags.exclude}"
    return Selected(selection, feed(selection, session, operation, options, ids=ids))


def _query(flags: Selection, resource: str, session: Session, names: Names) -> dict[str, Any]:
    if flags.where is not None:
        zone = session.workspace().timezone or "UTC"
        for hint in hints(flags.where):
            sys.stderr.write(f"{hint}\n")
        return compile_where(flags.where, resource, resolve=names.resolve, now=session.client.server_time(), timezone=zone,
                             api_version=session.settings.api_version)
    assert flags.query is not None  # noqa: S101
    try:
        raw = json.loads(Path(flags.query).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"--query {flags.query} cannot be read: {why(exc)}") from exc
    except ValueError as exc:
        raise UsageError(f"--query {flags.query} is not JSON: {exc}") from exc
    if not isinstance(raw, dict):
        raise UsageError(f"--query {flags.query} must hold one JSON object, an Intercom query with field, operator and value.")
    return validate_query(raw, resource, session.settings.api_version)


def feed(
    selection: Mapping[str, Any], session: Session, operation: Operation, options: Options, *, ids: Iterable[str] = ()
) -> Feed:
    """The feed of a selection; also what a resumed run goes on with."""
    exclude = frozenset(selection.get("exclude") or ())
    if selection["kind"] == "query":
        return query_feed(selection, session, operation.capture, options, exclude)
    if selection["kind"] == "run" and not selection.get("undo"):
        outcome = Outcome(selection.get("outcome") or "failed")
        return ListFeed(of_run(session.journal, selection["run"], outcome), exclude=exclude)
    known = list(ids)
    return ListFeed((NewItem(i) for i in known), total=len(known), exclude=exclude)


def query_feed(
    selection: Mapping[str, Any],
    session: Session,
    capture: Callable[[Mapping[str, Any]], Mapping[str, Any] | None],
    options: Options,
    exclude: frozenset[str] = frozenset(),
) -> QueryFeed:
    """The feed of a stored query."""
    size = min(options.page_size, options.limit or options.page_size)
    source = EndpointSource(
        session.client, session.stop, endpoint_for(selection["endpoint"]), selection["query"], page_size=size,
        retry=RetryPolicy(options.retries), timeout=options.timeout,
    )
    return QueryFeed(source, lambda item: str(item["id"]), capture, session.client.server_time, page_size=size,
                     exclude=exclude)


def of_run(journal: Journal, run: str, outcome: Outcome) -> Iterator[NewItem]:
    """The items of an earlier run with one outcome; in doubt includes what a dead process left in flight."""
    outcomes = [outcome, Outcome.IN_FLIGHT] if outcome is Outcome.IN_DOUBT else [outcome]
    for row in journal.items(run, outcomes=outcomes):
        yield NewItem(row.id, None, row.data)


def read_ids(path: str) -> list[str]:
    """Ids, one a line; blank lines and # comments are skipped, repeated ids count once. Raises UsageError."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"The ids in {path} cannot be read: {why(exc)}") from exc
    ids: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        word = line.split("#", 1)[0].strip().strip('",;')
        if not word:
            continue
        if not word.replace("-", "").replace("_", "").isalnum() or len(word) > 64:
            raise UsageError(f"{path}, line {number}: {word[:40]!r} is not an id. Write one id a line; # begins a comment.")
        ids[word] = None
    if not ids:
        raise UsageError(f"{'Standard input' if path == '-' else path} holds no ids. Write one id a line.")
    return list(ids)
