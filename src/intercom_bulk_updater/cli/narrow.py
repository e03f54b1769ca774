"""A command line is read with the flags that are typed, and with all of them where that does not do.

A command has some forty flags, and is called with five. To make all of them ready takes longer than what most commands do.
Help, and what is wrong with a command line, need every flag: there the command stays whole.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

from cyclopts import App, Parameter


@contextmanager
def typed_flags(app: App, arguments: Sequence[str]) -> Iterator[None]:
    """Within, the command that `arguments` name has those flags of its groups alone that they, or a variable, say."""
    _, apps, _ = app.parse_commands(list(arguments))
    node, whole = apps[-1], apps[-1].default_command
    if not inspect.isfunction(whole):
        yield
        return
    node.default_command = narrowed(whole, {word.partition("=")[0] for word in arguments})
    try:
        yield
    finally:
        node.default_command = whole


def narrowed(command: Callable[..., Any], typed: set[str]) -> Callable[..., Any]:
    """The same command; of its groups, the parameters that are dataclasses, it takes the flags in `typed`, one by one."""
    hints = get_type_hints(command, include_extras=True)
    own, flags = [], []
    groups: dict[str, tuple[Any, dict[str, str]]] = {}
    for one in inspect.signature(command).parameters.values():
        kind = hints.get(one.name, one.annotation)
        if not (isinstance(kind, type) and is_dataclass(kind)):
            own.append(one.replace(annotation=kind))
            continue
        groups[one.name] = kind, (asked := {})
        for field, (hint, names) in _flags(kind).items():
            if not typed.isdisjoint(names) or _is_set(hint):
                # A name of its own: `apply PLAN` has a flag --plan too.
                asked[f"{one.name}_{field}"] = field
                annotation = Annotated[hint, Parameter(name=names)]  # type: ignore[valid-type]
                flags.append(inspect.Parameter(f"{one.name}_{field}", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))

    def run(*values: Any, **given: Any) -> Any:
        for name, (kind, asked) in groups.items():
            if said := {field: given.pop(key) for key, field in asked.items() if key in given}:
                given[name] = kind(**said)
        return command(*values, **given)

    run.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in (*own, *flags)}
    return run


@cache
def _flags(kind: type) -> dict[str, tuple[Any, tuple[str, ...]]]:
    """The fields of a group: the type of each, and what it is called on the command line."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: (hint, tuple(_about(hint).name or (f"--{name.replace('_', '-')}",))) for name, hint in hints.items()}


def _about(hint: Any) -> Parameter:
    return next(one for one in get_args(hint) if isinstance(one, Parameter))


def _is_set(hint: Any) -> bool:
    return any(variable in os.environ for variable in _about(hint).env_var or ())
