"""Which items: from what a caller asks for to a selection (as the journal keeps it) and a feed (as the runner reads it)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from ..journal import ItemRow, Journal, RunRecord
from ..model import FINAL, FoundItem, Outcome, RunKind, Workspace
from ..operations.operation import Operation
from ..operations.resource import name_of, resources
from ..parsing.dates import moment_in
from ..parsing.finite import finite_json
from ..parsing.id_file import of_link, read_id_file, refuse_other_kind, workspace_of
from ..parsing.identity import canonical_id, count_words, repeat_words
from ..parsing.text_file import LARGEST_QUERY, read_text
from ..report.summary import items_told
from ..runs.identity import has_keys, id_in_intercom
from ..runs.listing import listed, matching, still_matching
from ..runs.options import Options
from ..runs.session import Session
from ..runs.sources import ItemSource, ListSource, SearchSource, image_of
from ..runs.stored_query import counts_of_wanted, filter_judge, judged_here, pages_of
from ..search.endpoints import endpoint_for
from ..search.language.division import divide
from ..search.language.where import compile_where, explain, hints, refuse_unknown_fields, validate_query
from ..search.names import WorkspaceNames
from .notes import Note, ignore
from .run_reference import pick, real, refuse_elsewhere


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which items a caller asks for: exactly one of `where`, `query`, `ids`, `csv` and `from_run`; the rest narrows it.

    `where` beside `from_run` narrows too: the items of that run are read, and judged as they are now. `silent_since` (unix
    seconds) narrows to the conversations in which no customer has written since.

    `query` is a file or the query itself, `ids` and `exclude` are a file or the ids themselves, `csv` is a file or its rows;
    `exclude_run` leaves out what an earlier run had. A file is named by its path; `-` is standard input.
    """

    where: str | None = None
    query: str | Mapping[str, Any] | None = None
    ids: str | Sequence[str] | None = None
    csv: str | Iterable[Mapping[str, Any]] | None = None
    id_column: str | None = None
    from_run: str | None = None
    outcome: str = "failed"
    exclude: str | Sequence[str] | None = None
    exclude_run: str | None = None
    limit: int | None = None
    silent_since: float | None = None

    @property
    def given(self) -> list[str]:
        """The ways in which it says which items."""
        narrowing = "where" if self.from_run is not None else ""
        return [name for name in _WAYS if getattr(self, name) is not None and name != narrowing]


@dataclass(slots=True)
class Selected:
    """A selection and its feed."""

    selection: dict[str, Any]
    feed: ItemSource


_OUTCOMES = tuple(str(outcome) for outcome in (*FINAL, Outcome.PENDING))
_WAYS = ("where", "query", "ids", "csv", "from_run")


def one_way(asked: Selection, resource: str, options: Options, *, least: int = 1) -> None:
    """Exactly one way to say which items. Raises UsageError for none, for two, and for what belongs to another way."""
    given, word = asked.given, options.word
    if not least <= len(given) <= 1:
        said = "none is given" if not given else "given are " + " and ".join(map(word, given))
        raise UsageError(f"Say which {resource} by one of {', '.join(map(word, _WAYS))}; {said}.")
    if asked.id_column is not None and asked.csv is None:
        raise UsageError(f"{word('id_column')} names a column of {word('csv')}{'' if options.python else ' FILE'}, and no file is given.")


def select(
    asked: Selection,
    resource: str,
    session: Session,
    names: WorkspaceNames,
    operation: Operation,
    options: Options,
    items: list[FoundItem] | None = None,
    note: Note = ignore,
    read: int = 0,
) -> Selected:
    """The selection that is asked for; `items` are those of the `read` rows of `csv`, `note` hears what is worth a remark."""
    one_way(asked, resource, options)
    if items is not None:
        words = f"{count_words(read or len(items), 'row')} of {_named(asked.csv, 'the rows given')}"
        words += f", for {len(items):,} of the {resource}" if read > len(items) else ""
        selection: dict[str, Any] = {"kind": "csv", "words": words, "resource": resource}
    elif asked.ids is not None:
        ids = drop_repeats(read_ids(asked.ids, options, note=note, workspace=session.workspace(), resource=resource), resource, note)
        items = [FoundItem(i) for i in ids]
        said = count_words(len(ids), "id")
        words = f"{said} from {_named(asked.ids)}" if isinstance(asked.ids, str) else said
        selection = {"kind": "ids", "words": words, "resource": resource}
    elif asked.from_run is not None:
        earlier = _earlier(session, asked.from_run, resource, "give its items", note)
        if asked.outcome not in _OUTCOMES:
            raise UsageError(f"{options.word('outcome')} is one of {', '.join(_OUTCOMES)}, not {asked.outcome!r}.")
        _explain_none(session.journal, earlier.id, asked.outcome, options, note)
        selection = {
            "kind": "run", "run": earlier.id, "outcome": asked.outcome, "resource": resource,
            "words": _items_of(earlier, asked.outcome),
        }
        if asked.where is not None:
            selection["query"], selection["where"] = _query(asked, resource, session, names, options, note), asked.where
            selection["words"] += f" that match now: {_explained(selection['query'], resource, session, names)}"
        if asked.silent_since is not None:
            selection["silent_since"] = asked.silent_since
            # Of that moment on our own clock, as the run's own account has it: Intercom's is told in whole seconds.
            since = moment_in(earlier.started_at or earlier.created_at, session.workspace().timezone or "UTC")
            selection["words"] += f" without an answer since {since}"
    else:
        query = _query(asked, resource, session, names, options, note)
        declared = resources()[resource]
        selection = {
            "kind": "query", "endpoint": declared.search or declared.listing, "query": query, "resource": resource,
            "words": _explained(query, resource, session, names),
            "where": asked.where or "",
        }
        if "sort" in query:
            selection["words"] += f" (in the order of {query['sort']['field']}, {query['sort'].get('order', 'descending')})"
        if not declared.search:
            selection["words"] += f" (all are listed and judged here: Intercom cannot search {resource})"
        elif asked.where and (parts := divide(query, resource, session.settings.api_version)):
            selection |= {"query": parts.asked, "here": parts.here, "words": f"{selection['words']} ({parts.words(resource)})"}
    leave_out(asked, selection, resource, session, options, note)
    return Selected(selection, feed(selection, session, operation, options, items=items or ()))


def _items_of(run: RunRecord, outcome: str) -> str:
    looked = run.kind == RunKind.DRY_RUN and outcome == Outcome.PENDING
    return f"the items that {run.id} would change" if looked else f"the {outcome} items of {run.id}"


def _explained(query: Mapping[str, Any], resource: str, session: Session, names: WorkspaceNames) -> str:
    zone, version = session.workspace().timezone or "UTC", session.settings.api_version
    return explain(query.get("query", query), resource, names, timezone=zone, api_version=version, attributes=names.attributes.of)


def leave_out(
    asked: Selection, selection: dict[str, Any], resource: str, session: Session, options: Options, note: Note = ignore
) -> None:
    """Put what `exclude` and `exclude_run` name into a selection, and say so in its words."""
    if asked.exclude is not None:
        ids = read_ids(asked.exclude, options, "exclude", note, session.workspace(), resource)
        listed = [canonical_id(i, resource) for i in ids]
        selection["exclude"] = listed
        named = f" of {_named(asked.exclude)}" if isinstance(asked.exclude, str) else ""
        selection["words"] += f", without {count_words(len(listed), 'id')}{named}"
    if asked.exclude_run is not None:
        earlier = _earlier(session, asked.exclude_run, resource, "say what to leave out", note)
        known_as = _known_as(earlier)
        had = [known_as(row) for row in session.journal.items(earlier.id)]
        selection["exclude"] = [*selection.get("exclude", ()), *had]
        selection["words"] += f", without the {count_words(len(had), 'item')} of {earlier.id}"


def _earlier(session: Session, run: str, resource: str, purpose: str, note: Note) -> RunRecord:
    """An earlier run of this workspace and this resource."""
    earlier = pick(session.journal, run, real, purpose, session.settings.base_url, note)
    refuse_elsewhere(session, earlier)
    kind = earlier.selection.get("resource")
    if kind and kind != resource:
        raise UsageError(f"The items of {earlier.id} are {kind}, not {resource}.")
    return earlier


def _explain_none(journal: Journal, run: str, outcome: str, options: Options, note: Note) -> None:
    """Say what the run has instead, where it has no item with this outcome."""
    counts = journal.counts(run).as_json()
    counts.pop("selected")
    if counts[outcome]:
        return
    others = [f"{options.word('outcome', name)} takes {count:,}" for name, count in counts.items() if count]
    none = f"{outcome.replace('_', ' ')} items; {', '.join(others)}" if others else "items at all"
    note(f"{run} has no {none}.")


def _query(
    asked: Selection, resource: str, session: Session, names: WorkspaceNames, options: Options, note: Note
) -> dict[str, Any]:
    if asked.where is not None:
        zone = session.workspace().timezone or "UTC"
        for hint in hints(asked.where):
            note(hint)
        return compile_where(asked.where, resource, resolve=names.resolve, now=session.client.server_time(), timezone=zone,
                             api_version=session.settings.api_version, attributes=names.attributes.of,
                             contacts=names.contacts, states=names.states)
    assert asked.query is not None  # noqa: S101
    raw: Any = asked.query
    name = options.word("query", raw) if isinstance(raw, str) else "query"
    if isinstance(raw, str):
        try:
            raw = finite_json(read_text(raw, name, most=LARGEST_QUERY))
        except RecursionError:
            raise UsageError(f"{name} is nested too deep: Intercom takes two levels of groups.") from None
        except ValueError as exc:
            raise UsageError(f"{name} is not JSON: {exc}") from exc
    if not isinstance(raw, Mapping):
        raise UsageError(f"{name} must hold one JSON object, an Intercom query with field, operator and value.")
    query = validate_query(dict(raw), resource, session.settings.api_version)
    searched = bool(resources()[resource].search)
    if not searched:
        refuse_unknown_fields(query, resource, session.settings.api_version)
    if (order := raw.get("sort") if "query" in raw else None) is None:
        return query
    if not searched:
        raise UsageError(f"{name} asks for an order (sort), and Intercom has no search of {resource}: they come as they are listed.")
    if not (isinstance(order, Mapping) and isinstance(order.get("field"), str)):
        raise UsageError(f'The sort of {name} must be {{"field": ..., "order": "ascending" or "descending"}}.')
    return {"query": query, "sort": dict(order)}


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
    if selection["kind"] == "query" and not endpoint_for(selection["endpoint"]).searches:
        found = matching(session, listed(selection), selection["query"], options)
        made = (FoundItem(str(one["id"]), image_of(operation.capture, one), name=name_of(one)) for one in found)
        return ListSource(made, exclude=exclude)
    if selection["kind"] == "query":
        searched = query_feed(selection, session, operation.capture, options, exclude, operation.batch_size)
        searched.counts_wanted = counts_of_wanted(session, selection, options, operation)
        return searched
    if selection["kind"] == "run" and not selection.get("undo"):
        outcome = Outcome(selection.get("outcome") or "failed")
        had = of_run(session.journal, selection["run"], outcome)
        if "query" in selection or "silent_since" in selection:
            had = still_matching(session, had, selection, operation.capture)
        return ListSource(had, exclude=exclude)
    return ListSource(items, total=len(items), exclude=exclude)


def query_feed(
    selection: Mapping[str, Any],
    session: Session,
    capture: Callable[[Mapping[str, Any]], Mapping[str, Any] | None],
    options: Options,
    exclude: frozenset[str] = frozenset(),
    batch_size: int = 1,
) -> SearchSource:
    """The feed of a stored query."""
    return SearchSource(
        pages_of(session, selection, options, batch_size=batch_size), lambda item: str(item["id"]), capture, session.client.server_time,
        page_size=min(options.page_size, options.limit or options.page_size), exclude=exclude,
        judge=filter_judge(session, selection["query"], selection["resource"]),
        keep=judged_here(session, selection["here"], selection["resource"]) if "here" in selection else None,
    )


def of_run(journal: Journal, run: str, outcome: Outcome) -> Iterator[FoundItem]:
    """The items of an earlier run with one outcome, as its account tells it."""
    record = journal.run(run)
    known_as = _known_as(record)
    for row, _ in items_told(journal, record, [outcome]):
        # Its data were parameters of that run, not of this one.
        yield FoundItem(known_as(row), name=row.name)


def _known_as(run: RunRecord) -> Callable[[ItemRow], str]:
    """The id by which Intercom has an item of a run, its key where that is not known."""
    keyed = has_keys(run)
    return lambda row: id_in_intercom(row, keyed=keyed) or row.id


def _named(file: object, otherwise: str = "") -> str:
    return "standard input" if file == "-" else file if isinstance(file, str) else otherwise


def read_ids(
    source: str | Sequence[str],
    options: Options | None = None,
    name: str = "ids",
    note: Note = ignore,
    workspace: Workspace | None = None,
    resource: str = "",
) -> list[str]:
    """The ids that a file names (parsing/id_file.py), or that are given, as they stand there; `note` hears which encoding was taken.

    Raises UsageError, also for a link of another workspace than this one, and for a list of something else than `resource`.
    """
    if not isinstance(source, str):
        word = (options or Options()).word(name)
        ids = [
            check_id(id_of(str(one), f"{word}[{place}]", workspace, resource), f"{word}[{place}]", "Give texts or whole numbers.")
            for place, one in enumerate(source)
        ]
        if not ids and name == "ids":
            raise UsageError(f"{word} is empty: give at least one id.")
        return ids
    named = (options or Options()).word
    other = f" E-mail addresses and external ids: {named('csv')} and {named('id_column')}." if name == "ids" else ""
    hint = f"Write one id a line; # begins a comment.{other}"
    ids = [
        check_id(id_of(word, f"{source}, line {number}", workspace, resource), f"{source}, line {number}", hint)
        for number, word in read_id_file(source, f"The ids in {_named(source)}", note, resource)
    ]
    if not ids:
        raise UsageError(f"{'Standard input' if source == '-' else source} holds no ids. Write one id a line.")
    return ids


def id_of(word: str, where: str, workspace: Workspace | None = None, resource: str = "") -> str:
    """The id that a word is or links to. Raises UsageError for a link of another workspace or resource, saying where it stands."""
    refuse_other_kind(word, where, resource)
    linked, identity = workspace_of(word), of_link(word)
    if linked and identity == word:
        what = f" of {resource}" if resource else ""
        raise UsageError(f"{where}: this link leads to no single item. Give ids{what}, or links that end in one.")
    if workspace is not None and workspace.id and linked not in ("", workspace.id):
        raise UsageError(
            f"{where}: this link is of the workspace {linked}, and the token is of {workspace.name or 'another'} ({workspace.id}). "
            "Nothing was done: take it out, or use a token of that workspace."
        )
    return identity


def drop_repeats(ids: Sequence[str], resource: str, note: Note = ignore) -> list[str]:
    """Each id once, as Intercom writes it; `note` hears how many stand more than once."""
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
