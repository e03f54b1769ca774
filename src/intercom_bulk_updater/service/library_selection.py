"""Which items a call of the library means: its parameters as the selection that the command's flags make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .run import Run
from .selection import Selection

Ids = str | Path | Iterable[str | int]
"""The path of a file that names items (`-` is standard input), or their ids."""


def selection_of(
    where: str | None,
    query: str | Path | Mapping[str, Any] | None,
    ids: Ids | None,
    csv: str | Path | Sequence[Mapping[str, Any]] | None,
    id_column: str | None,
    from_run: str | Run | None,
    outcome: str,
    exclude: Ids | None,
    exclude_run: str | Run | None,
    limit: int | None,
) -> Selection:
    """The selection. Raises UsageError for an id that is none."""
    return Selection(
        where=where, query=str(query) if isinstance(query, Path) else query, ids=_ids(ids),
        csv=str(csv) if isinstance(csv, Path) else csv, id_column=id_column,
        from_run=from_run.id if isinstance(from_run, Run) else from_run, outcome=outcome, exclude=_ids(exclude),
        exclude_run=exclude_run.id if isinstance(exclude_run, Run) else exclude_run, limit=limit,
    )  # fmt: skip


def _ids(given: Ids | None) -> str | Sequence[str] | None:
    if given is None or isinstance(given, str):
        return given
    return str(given) if isinstance(given, Path) else [_id(one) for one in given]


def _id(one: Any) -> str:
    if isinstance(one, bool) or not isinstance(one, str | int):
        raise UsageError(f"{one!r} is not an id: give texts or whole numbers.")
    return str(one)
