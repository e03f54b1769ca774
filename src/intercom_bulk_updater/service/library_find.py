"""`find` for Python: what a selection finds, as rows; how many that are; and what is asked for them. Never writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Unpack

from ..errors import UsageError
from ..operations.resource import Resource, resources
from ..runs.options import Options
from ..stop import Stop
from .columns import Columns
from .contact_names import with_contact_names
from .find import check_shortfall, explained, row_of
from .find import count as counted
from .find import find as find_items
from .given import checked
from .library_selection import Ids, selection_of
from .options import RunOptions, options_of
from .run import Run
from .run_log import log_note
from .selection import Selection
from .workspace import Workspace, given_or_own


@checked
def find(
    resource: str,
    where: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    query: str | Path | Mapping[str, Any] | None = None,
    ids: Ids | None = None,
    csv: str | Path | Iterable[Mapping[str, Any]] | None = None,
    id_column: str | None = None,
    from_run: str | Run | None = None,
    outcome: str = "failed",
    exclude: Ids | None = None,
    exclude_run: str | Run | None = None,
    limit: int | None = None,
    workspace: Workspace | None = None,
    stop: Stop | None = None,
    **options: Unpack[RunOptions],
) -> Iterator[dict[str, Any]]:
    """The items that a selection finds, a row each, read as they are asked for. Never writes.

        for row in bulk.find("conversations", where="state = open", columns=["id", "subject", "assignee"]):
            print(row["id"], row["subject"], row["assignee"])

        pandas.DataFrame(bulk.find("conversations", where="team = Support"))

    Parameters
    ----------
    resource:
        `"conversations"`, `"contacts"`, `"tickets"`, or `"companies"`, of which all are listed where no selection is given.
    where, query, ids, csv, id_column, from_run, outcome, exclude, exclude_run, limit:
        Which items: see `run`.
    columns:
        What a row holds: `link`, `subject`, `team`, `assignee`, `owner`, `tags` (names), `contact` (an id) ..., or fields as
        Intercom names them, with dots between (`source.type`, `custom_attributes.plan`). By default the row is what
        `find --json` prints of an item, which leaves message bodies and e-mail addresses out.
    workspace, stop, options:
        See `run`; of the options those of speed count.

    Raises UsageError for a filter that cannot be read, SearchIncomplete after the last row where Intercom announced more items
    than it showed, AuthenticationError, and what else a search breaks off with.
    """
    chosen = options_of({**options, "limit": limit})
    asked = selection_of(where, query, ids, csv, id_column, from_run, outcome, exclude, exclude_run, limit)
    return _rows(_known(resource), asked, chosen, columns, given_or_own(workspace), stop)


@checked
def count(
    resource: str,
    where: str | None = None,
    *,
    query: str | Path | Mapping[str, Any] | None = None,
    ids: Ids | None = None,
    csv: str | Path | Iterable[Mapping[str, Any]] | None = None,
    id_column: str | None = None,
    from_run: str | Run | None = None,
    outcome: str = "failed",
    exclude: Ids | None = None,
    exclude_run: str | Run | None = None,
    limit: int | None = None,
    workspace: Workspace | None = None,
    stop: Stop | None = None,
    **options: Unpack[RunOptions],
) -> int:
    """How many items a selection finds. Where Intercom tells it with one request, none of them is listed. Never writes.

        bulk.count("conversations", where="team = Support and state = open")

    The parameters are those of `find`. Ids that are given and not there are not counted. Raises what `find` does.
    """
    chosen = options_of({**options, "limit": limit})
    asked = selection_of(where, query, ids, csv, id_column, from_run, outcome, exclude, exclude_run, limit)
    known = _known(resource)
    with given_or_own(workspace).session(chosen, stop) as (session, names):
        total = counted(find_items(session, names, known.name, asked, chosen, log_note(), counting=True))
    return total if limit is None else min(total, limit)


@checked
def explain(
    resource: str,
    where: str | None = None,
    *,
    query: str | Path | Mapping[str, Any] | None = None,
    ids: Ids | None = None,
    csv: str | Path | Iterable[Mapping[str, Any]] | None = None,
    id_column: str | None = None,
    from_run: str | Run | None = None,
    outcome: str = "failed",
    exclude: Ids | None = None,
    exclude_run: str | Run | None = None,
    limit: int | None = None,
    workspace: Workspace | None = None,
    stop: Stop | None = None,
    **options: Unpack[RunOptions],
) -> dict[str, Any]:
    """What Intercom would be asked for a selection, and in words what that means. Names are looked up; nothing is searched.

        bulk.explain("conversations", where="team = Support and body ~ refund and title = none")["selection"]

    The parameters are those of `find`. Returns what `find --explain --json` prints: `selection` (words), `endpoint`, `query`,
    `here` (what is judged here, by each item's own fields) and `reading` (whether a large one is read in parts).
    """
    chosen = options_of({**options, "limit": limit})
    asked = selection_of(where, query, ids, csv, id_column, from_run, outcome, exclude, exclude_run, limit)
    known = _known(resource)
    with given_or_own(workspace).session(chosen, stop) as (session, names):
        return explained(find_items(session, names, known.name, asked, chosen, log_note()), known.name, chosen)


def _known(resource: str) -> Resource:
    known = resources()
    if resource not in known:
        raise UsageError(f"There is no resource {resource!r}: it is one of {', '.join(known)}.")
    return known[resource]


def _rows(
    resource: Resource, asked: Selection, options: Options, columns: Sequence[str] | None, workspace: Workspace, stop: Stop | None
) -> Iterator[dict[str, Any]]:
    with workspace.session(options, stop) as (session, names):
        found = find_items(session, names, resource.name, asked, options, log_note())
        chosen = None if columns is None else Columns(resource, columns, names, session.workspace())
        count = 0
        for item in with_contact_names(islice(found.once(), options.limit), chosen, session, names):
            count += 1
            yield row_of(item) if chosen is None else chosen.row(item)
        if count == options.limit:
            return
        check_shortfall(found, resource.name, count)
