"""Which items a call of the library means: its parameters as the selection that the command's flags make."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..parsing.plain_value import as_json, plain, whole_number
from .run import Run
from .selection import Selection

Ids = str | Path | Iterable[str | int]
"""The path of a file that names items (`-` is standard input), or their ids."""


def selection_of(
    where: str | None,
    query: str | Path | Mapping[str, Any] | None,
    ids: Ids | None,
    csv: str | Path | Iterable[Mapping[str, Any]] | None,
    id_column: str | None,
    from_run: str | Run | None,
    outcome: str,
    exclude: Ids | None,
    exclude_run: str | Run | None,
    limit: int | None,
) -> Selection:
    """The selection. Raises UsageError for an id that is none."""
    return Selection(
        where=where, query=_query(query), ids=_ids(ids, "ids"),
        csv=str(csv) if isinstance(csv, Path) else csv, id_column=id_column,
        from_run=from_run.id if isinstance(from_run, Run) else from_run, outcome=outcome, exclude=_ids(exclude, "exclude"),
        exclude_run=exclude_run.id if isinstance(exclude_run, Run) else exclude_run, limit=limit,
    )  # fmt: skip


def _query(given: str | Path | Mapping[str, Any] | None) -> str | Mapping[str, Any] | None:
    if given is None or isinstance(given, str):
        return given
    read: Mapping[str, Any] | None = None if isinstance(given, Path) else json.loads(as_json(given, "query"))
    return str(given) if read is None else read


def _ids(given: Ids | None, name: str) -> str | Sequence[str] | None:
    if isinstance(given, str) and re.fullmatch("[0-9]{1,32}|[0-9a-f]{24}", given) and not Path(given).exists():
        raise UsageError(f"{name}={given!r} is the path of a file, and there is none. One id is given as a list: {name}=[{given!r}].")
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, Path):
        return str(given)
    if isinstance(given, Mapping) or getattr(given, "ndim", 1) != 1:  # whose first parts are names of columns
        raise UsageError(f"{name} is a {type(given).__name__}: give a list of ids, one column of a frame, or the path of a file.")
    return [_id(one, f"{name}[{place}]") for place, one in enumerate(given)]


def _id(one: Any, where: str) -> str:
    known = whole_number(plain(one))
    if isinstance(known, bool) or not isinstance(known, str | int):
        raise UsageError(f"{where}: {one!r} is not an id: give texts or whole numbers.")
    return str(known)
