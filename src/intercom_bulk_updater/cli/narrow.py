"""A command line is read with the flags that are typed, and with all of them where that does not do.

A command has some forty flags, and is called with five. To make all of them ready takes longer than what most commands do.
Help, and what is wrong with a command line, need every flag: there the command stays whole.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import Field, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

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
    groups: dict[str, tuple[Any, set[str]]] = {}
    for one in inspect.signature(command).parameters.values():
        kind = hints.get(one.name, one.annotation)
        if isinstance(kind, type) and is_dataclass(kind):
            asked = {field.name: hint for field, hint, names in _flags(kind) if not names.isdisjoint(typed) or _is_set(hint)}
            groups[one.name] = kind, set(asked)
            flags += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=asked[name]) for name in asked]
        else:
            own.append(one.replace(annotation=kind))

    def run(*values: Any, **given: Any) -> Any:
        for name, (kind, asked) in groups.items():
            if said := {field: given.pop(field) for field in asked & given.keys()}:
                given[name] = kind(**said)
        return command(*values, **given)

    run.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in (*own, *flags)}
    return run


@cache
def _flags(kind: Any) -> list[tuple[Field[Any], Any, frozenset[str]]]:
    """Each field of a group, its type, and what it is called on the command line."""
    hints = get_type_hints(kind, include_extras=True)
    return [(field, hints[field.name], frozenset(_about(hints[field.name]).name or (f"--{field.name.replace('_', '-')}",)))
            for field in fields(kind)]


def _about(hint: Any) -> Parameter:
    return next(one for one in get_args(hint) if isinstance(one, Parameter))


def _is_set(hint: Any) -> bool:
    return any(variable in os.environ for variable in _about(hint).env_var or ())
