"""From selection flags to a selection (as the journal keeps it) and a feed (as the runner reads it)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.retry import RetryPolicy
from ..errors import UsageError, WrongWorkspace
from ..journal import Journal
from ..model import FINAL, FoundItem, Outcome
from ..operations.operation import Operation
from ..parsing.id_file import ids_in
from ..parsing.identity import canonical_id, count_words, repeat_words
from ..parsing.text_file import LARGEST_QUERY, read_text
from ..runs.options import Options
from ..runs.session import Session
from ..runs.sources import ItemSource, ListSource, SearchSource, filter_judge
from ..search.attributes import WorkspaceAttributes
from ..search.endpoints import endpoint_for
from ..search.language.where import compile_where, explain, hints, validate_query
from ..search.names import WorkspaceNames
from ..search.paginator import EndpointSource
from .flags import Selection
from .run_reference import pick, real
from .stdout import note


@dataclass(slots=True)
class Selected:
    """A selection and its feed."""

    selection: dict[str, Any]
    feed: ItemSource


_OUTCOMES = tuple(str(outcome) for outcome in (*FINAL, Outcome.PENDING))
_WAYS = ("where", "query", "ids", "csv", "from_run")


def one_way(flags: Selection, resource: str, *, least: int = 1) -> None:
    """Exactly one way to say which items. Raises UsageError for none, for two, and for a flag that belongs to another way."""
    given = [n for n in _WAYS if getattr(flags, n) is not None]
    if not least <= len(given) <= 1:
        said = "none is given" if not given else "given are " + " and ".join("--" + n.replace("_", "-") for n in given)
        raise UsageError(f"Say which {resource} by one of --where, --query, --ids, --csv, --from-run; {said}.")
    if flags.id_column is not None and flags.csv is None:
        raise UsageError("--id-column names a column of --csv FILE, and no file is given.")


def select(
    flags: Selection,
    resource: str,
    session: Session,
    names: WorkspaceNames,
    operation: Operation,
    options: Options,
    items: list[FoundItem] | None = None,
) -> Selected:
    """The selection that the flags name; `items` are the rows of --csv."""
    one_way(flags, resource)
    if items is not None:
        selection: dict[str, Any] = {
            "kind": "csv", "words": f"{count_words(len(items), 'row')} of {_named(str(flags.csv))}", "resource": resource,
        }
    elif flags.ids is not None:
        ids = drop_repeats(read_ids(flags.ids), resource)
        items = [FoundItem(i) for i in ids]
        selection = {"kind": "ids", "words": f"{count_words(len(ids), 'id')} from {_named(flags.ids)}", "resource": resource}
    elif flags.from_run is not None:
        earlier = pick(session.journal, flags.from_run, real, "give its items")
        if earlier.workspace != session.workspace().id:
            raise WrongWorkspace(
                f"{earlier.id} belongs to workspace {earlier.workspace!r}, and the token is of {session.workspace().id!r}. "
                "Nothing was written. Use the token of that workspace."
            )
        kind = earlier.selection.get("resource")
        if kind and kind != resource:
            raise UsageError(f"The items of {earlier.id} are {kind}, not {resource}.")
        if flags.outcome not in _OUTCOMES:
            raise UsageError(f"--outcome is one of {', '.join(_OUTCOMES)}, not {flags.outcome!r}.")
        _explain_none(session.journal, earlier.id, flags.outcome)
        selection = {
            "kind": "run", "run": earlier.id, "outcome": flags.outcome, "resource": resource,
            "words": f"the {flags.outcome} items of {earlier.id}",
        }
    else:
        query = _query(flags, resource, session, names)
        body = query.get("query", query)
        selection = {
            "kind": "query", "endpoint": f"{resource}/search", "query": query, "resource": resource,
            "words": explain(body, resource, names, timezone=session.workspace().timezone or "UTC",
                             api_version=session.settings.api_version),
            "where": flags.where or "",
        }
    if flags.exclude is not None:
        selection["exclude"] = [canonical_id(i, resource) for i in read_ids(flags.exclude)]
        selection["words"] += f", without {count_words(len(selection['exclude']), 'id')} of {_named(flags.exclude)}"
    return Selected(selection, feed(selection, session, operation, options, items=items or ()))


def _explain_none(journal: Journal, run: str, outcome: str) -> None:
    """Say what the run has instead, where it has no item with this outcome."""
    counts = journal.counts(run).as_json()
    counts.pop("selected")
    if counts[outcome]:
        return
    others = [f"--outcome {name} takes {count:,}" for name, count in counts.items() if count]
    none = f"{outcome.replace('_', ' ')} items; {', '.join(others)}" if others else "items at all"
    note(f"{run} has no {none}.")


def _query(flags: Selection, resource: str, session: Session, names: WorkspaceNames) -> dict[str, Any]:
    if flags.where is not None:
        zone = session.workspace().timezone or "UTC"
        for hint in hints(flags.where):
            note(hint)
        return compile_where(flags.where, resource, resolve=names.resolve, now=session.client.server_time(), timezone=zone,
                             api_version=session.settings.api_version, attributes=WorkspaceAttributes(session.look).of,
                             contacts=names.contacts)
    assert flags.query is not None  # noqa: S101
    try:
        raw = json.loads(read_text(flags.query, f"--query {flags.query}", most=LARGEST_QUERY))
    except RecursionError:
        raise UsageError(f"--query {flags.query} is nested too deep: Intercom takes two levels of groups.") from None
    except ValueError as exc:
        raise UsageError(f"--query {flags.query} is not JSON: {exc}") from exc
    if not isinstance(raw, dict):
        raise UsageError(f"--query {flags.query} must hold one JSON object, an Intercom query with field, operator and value.")
    return validate_query(raw, resource, session.settings.api_version)


def feed(
    selection: Mapping[str, Any],
    session: Session,
    operation: Operation,
    options: Options,
    *,
    items: Sequence[FoundItem] = (),
) -> ItemSource:
    """The feed of a selection; also what a resumed run goes on with."""
    exclude = frozenset(selection.get("exclude") or ())
    if selection["kind"] == "query":
        return query_feed(selection, session, operation.capture, options, exclude)
    if selection["kind"] == "run" and not selection.get("undo"):
        outcome = Outcome(selection.get("outcome") or "failed")
        return ListSource(of_run(session.journal, selection["run"], outcome), exclude=exclude)
    return ListSource(items, total=len(items), exclude=exclude)


def query_feed(
    selection: Mapping[str, Any],
    session: Session,
    capture: Callable[[Mapping[str, Any]], Mapping[str, Any] | None],
    options: Options,
    exclude: frozenset[str] = frozenset(),
) -> SearchSource:
    """The feed of a stored query."""
    size = min(options.page_size, options.limit or options.page_size)
    source = EndpointSource(
        session.client, session.stop, endpoint_for(selection["endpoint"]), selection["query"], page_size=size,
        retry=RetryPolicy(options.retries), timeout=options.timeout,
    )
    return SearchSource(
        source, lambda item: str(item["id"]), capture, session.client.server_time, page_size=size, exclude=exclude,
        judge=filter_judge(session, selection["query"], selection["resource"]),
    )


def of_run(journal: Journal, run: str, outcome: Outcome) -> Iterator[FoundItem]:
    """The items of an earlier run with one outcome; in doubt includes what a dead process left in flight."""
    outcomes = [outcome, Outcome.IN_FLIGHT] if outcome is Outcome.IN_DOUBT else [outcome]
    for row in journal.items(run, outcomes=outcomes):
        # Its data were parameters of that run, not of this one.
        yield FoundItem(row.id)


def _named(path: str) -> str:
    return "standard input" if path == "-" else path


def read_ids(path: str) -> list[str]:
    """The ids that a file names (parsing/id_file.py), as they stand there. Raises UsageError."""
    ids = [
        check_id(word, f"{path}, line {number}", "Write one id a line; # begins a comment.")
        for number, word in ids_in(read_text(path, f"The ids in {_named(path)}"), path)
    ]
    if not ids:
        raise UsageError(f"{'Standard input' if path == '-' else path} holds no ids. Write one id a line.")
    return ids


def drop_repeats(ids: Sequence[str], resource: str) -> list[str]:
    """Each id once, as Intercom writes it; says on stderr how many stand more than once."""
    times = Counter(canonical_id(i, resource) for i in ids)
    if repeated := sum(count > 1 for count in times.values()):
        note(repeat_words(repeated, "id"))
    return list(times)


def check_id(word: str, where: str, hint: str = "") -> str:
    """An id as it is. Raises UsageError for what cannot be one, saying where it stands."""
    word = canonical_id(word, "")
    if re.fullmatch("[A-Za-z0-9_-]{1,64}", word):
        return word
    if not word:
        raise UsageError(f"{where}: the id is empty. Fill it in, or take the row out.")
    if re.fullmatch(r"[0-9][.,][0-9]+E\+?[0-9]+", word):
        hint = "A spreadsheet has rounded it: format the column as text, and export it again."
    raise UsageError(f"{where}: {word[:40]!r} is not an id. {hint}".rstrip())
