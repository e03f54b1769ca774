"""What a caller from Python gave, looked at before anything else is done: a wrong type is an error in words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from ..errors import UsageError
from ..parsing.plain_value import plain
from ..stop import Stop
from .run import Run
from .workspace import Workspace

P = ParamSpec("P")
R = TypeVar("R")

_IDS: tuple[tuple[type, ...], str] = ((str, Path, Iterable), "ids, or the path of a file that holds them")
_RUN: tuple[tuple[type, ...], str] = ((str, Run), "the id of a run, 'latest', or a Run")
_PATH: tuple[tuple[type, ...], str] = ((str, Path), "the path of a file")
_FLAG: tuple[tuple[type, ...], str] = ((bool,), "True or False")
_WANTED: dict[str, tuple[tuple[type, ...], str]] = {
    "verb": ((str, Callable), "the name of a verb, a function with @operation, or an updater's class"),  # type: ignore[dict-item]
    "endpoint": ((str,), "what Intercom lists, such as 'articles'"),
    "method": ((str,), "the method of a request, such as 'PUT'"),
    "path": ((str,), "the path of a request, such as 'articles/{{id}}'"),
    "body": ((str, Mapping), "a dict, or JSON as a text"),
    "types": ((Mapping,), "a dict of columns and what they are"),
    "plan": _PATH,
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
    "customer_visible": _FLAG,
    "irreversible": _FLAG,
    "again": _FLAG,
    "dry_run": _FLAG,
    "open_recipe.ref": ((str,), "the id of a recipe that was begun, or 'latest'"),
    "on_event": ((Callable,), "a function"),  # type: ignore[dict-item]
}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """The same function; it raises UsageError for an argument of another type than it takes, before it does anything."""
    signature = inspect.signature(function)

    @wraps(function)
    def careful(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as exc:
            raise UsageError(f"{function.__name__}(): {exc}.") from None
        for name, value in bound.arguments.items():
            kinds, words = _WANTED.get(f"{function.__name__}.{name}") or _WANTED.get(name, ((object,), ""))
            bound.arguments[name] = value = plain(value)
            left_out = value is None and signature.parameters[name].default is None
            empty = name in ("file", "endpoint") and isinstance(value, str) and not value
            if not left_out and (not isinstance(value, kinds) or isinstance(value, bytes) or empty):
                # Of what is no number its type alone: it may be a token, given in place of a Workspace.
                told = "empty" if empty else repr(value) if isinstance(value, int | float) else type(value).__name__
                raise UsageError(f"{name} of {function.__name__}() is {words}, not {told}.")
        return function(*bound.args, **bound.kwargs)

    return careful
