"""What a caller from Python gave, looked at before anything else is done: a wrong type is an error in words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from ..errors import UsageError
from ..stop import Stop
from .run import Run
from .workspace import Workspace

P = ParamSpec("P")
R = TypeVar("R")

_IDS: tuple[tuple[type, ...], str] = ((str, Path, Iterable), "ids, or the path of a file that holds them")
_RUN: tuple[tuple[type, ...], str] = ((str, Run), "the id of a run, 'latest', or a Run")
_PATH: tuple[tuple[type, ...], str] = ((str, Path), "the path of a file")
_WANTED: dict[str, tuple[tuple[type, ...], str]] = {
    "resource": ((str,), "the name of a resource"),
    "ref": _RUN,
    "file": _PATH,
    "backup": _PATH,
    "where": ((str,), "a filter in words"),
    "query": ((str, Path, Mapping), "a query of Intercom's, or the path of a file that holds one"),
    "ids": _IDS,
    "exclude": _IDS,
    "csv": ((str, Path, Iterable), "the path of a sheet, or its rows"),
    "id_column": ((str,), "the name of a column"),
    "from_run": _RUN,
    "exclude_run": _RUN,
    "outcome": ((str,), "the name of an outcome, such as 'failed'"),
    "columns": ((Iterable,), "names of columns"),
    "limit": ((int,), "a whole number"),
    "workspace": ((Workspace,), "a Workspace"),
    "stop": ((Stop,), "a Stop"),
    "on_event": ((Callable,), "a function"),  # type: ignore[dict-item]
}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """The same function; it raises UsageError for an argument of another type than it takes, before it does anything."""
    signature = inspect.signature(function)

    @wraps(function)
    def careful(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            kinds, words = _WANTED.get(name, ((object,), ""))
            left_out = value is None and signature.parameters[name].default is None
            if not left_out and (not isinstance(value, kinds) or (value == "" and name == "file")):
                # Its type alone: it may be a token, given in place of a Workspace.
                raise UsageError(f"{name} of {function.__name__}() is {words}, not {type(value).__name__ if value != '' else 'empty'}.")
        return function(*args, **kwargs)

    return careful
