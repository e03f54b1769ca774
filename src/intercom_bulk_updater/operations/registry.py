"""Name → operation. The catalogue that the command, resume, undo and `operations list` read.

The verbs of a resource are the operations declared in the modules of its folder here; nothing else lists them. A folder is
read when one of its verbs is asked for, so that `--help` imports none. Other packages add theirs through the entry-point
group `intercom_bulk_updater.operations`, by "resource.verb".
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ..api.redact import keep_private
from ..errors import UsageError
from ..parsing.printable import printable_name
from ..search.language.fields import resource as fields_of
from .built_in import operations_in
from .each import Each
from .fields import FieldsOperation, Undo
from .operation import Operation
from .per_item import PerItemOperation
from .resource import resources
from .spec import parameters_of


@cache
def _plugins() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group="intercom_bulk_updater.operations")}


def verbs_of(resource: str) -> dict[str, type[Operation]]:
    """The verbs of a resource that a person can name, in the order of its help."""
    own = [cls for cls in (operations_in(resource) if resource in resources() else {}).values() if cls.summary]
    added = [operation_class(name) for name in _plugins() if name.partition(".")[0] == resource]
    return {cls.name: cls for cls in sorted([*own, *added], key=lambda cls: (cls.rank, cls.name))}


def names() -> list[str]:
    """All operations that a person can name, by "resource.verb"."""
    every = dict.fromkeys([*resources(), *(name.partition(".")[0] for name in _plugins())])
    return [f"{resource}.{verb}" for resource in every for verb in verbs_of(resource)]


def verbs_for(resource: str, key: str) -> str:
    """What to say of a `KEY=VALUE` that `set` does not know, where other verbs change it; empty where none does."""
    said = {key, f"{key}s", f"ticket_{key}", fields_of(resource).words.get(key, key)}
    found: dict[str, str] = {}
    for name, cls in verbs_of(resource).items():
        taken = [one for one in parameters_of(cls.Parameters) if one.name in said]
        if taken or said & {*(cls.fields if isinstance(cls.fields, tuple) else ()), *cls.also_changes}:
            found[f"{resource} {name}"] = f" ({taken[0].name})" if taken else ""
    listed = [f"{verb}{by}" for verb, by in found.items()][:3]
    return f" {printable_name(key)} is changed by {' or '.join(listed)}." if listed else ""


def operation_class(name: str) -> type[Operation]:
    """The class of an operation, by "resource.verb".

    Raises UsageError for an unknown name, with the nearest ones.
    """
    found = _find(name)
    if found is None:
        known, verb = names(), name.rpartition(".")[2]
        verbs = difflib.get_close_matches(verb, {one.rpartition(".")[2]: None for one in known}, 2)
        same = [one for each in verbs for one in known if one.endswith(f".{each}")]
        near = (difflib.get_close_matches(name, known, 3) if "." in name else []) or same[:8]
        nearest = f" Nearest: {', '.join(near)}" if near else " They are listed by"
        listed = " (intercom-bulk operations list)." if near else " intercom-bulk operations list."
        raise UsageError(f"Unknown operation {printable_name(name)!r}.{nearest}{listed}")
    return found


def _find(name: str) -> type[Operation] | None:
    resource, _, verb = name.partition(".")
    if verb == Each.name and resource:
        return Each
    found = operations_in(resource).get(verb) if resource in resources() else None
    if found is None and verb == Undo.name and resource in resources():
        return Undo
    return _load(name, _plugins()[name]) if found is None and name in _plugins() else found


def _load(name: str, target: str) -> type[Operation]:
    module, _, cls = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), cls)
    except (ImportError, AttributeError) as exc:
        raise UsageError(f"The operation {name!r} of another package cannot be imported from {target}: {exc}.") from exc
    if not (inspect.isclass(found) and issubclass(found, Operation)):
        raise UsageError(f"{target} is not an operation")
    return found


def find_operations(typed: str) -> list[tuple[str, type[Operation]]]:
    """The operations that a person means by "resource.verb", or by the verb alone: then of every resource that has it.

    Raises UsageError for an unknown name.
    """
    fitting = [name for name in names() if typed in (name, name.partition(".")[2])]
    if not fitting and _find(typed) is not None:
        raise UsageError(f"{printable_name(typed)!r} is not an operation to be named")
    return [(name, operation_class(name)) for name in fitting or [typed]]


def declared(name: str) -> type[Operation] | None:
    """The class of an operation for its words; None for one that is not known here (a person's updater, a package that has gone)."""
    try:
        return _find(name)
    except UsageError:
        return None


def built_in() -> Iterator[tuple[str, type[Operation]]]:
    """The operations of this package that a person can name, with their classes; none that other packages have added."""
    return ((name, cls) for name, cls in iterate() if name not in _plugins())


def iterate() -> Iterator[tuple[str, type[Operation]]]:
    """Every operation that a person can name, with its class."""
    for name in names():
        yield name, operation_class(name)


def build(name: str, parameters: Mapping[str, Any]) -> Operation:
    """An operation with its parameters, as a run or a plan recorded them."""
    cls = operation_class(name)
    keep_private(parameters)
    if cls is Undo:
        forward = build(parameters["of"], parameters["given"])
        if not isinstance(forward, FieldsOperation):
            raise UsageError(f"{parameters['of']} does not restore fields, so that nothing is known of its way back.")
        back = forward.inverse()
        assert isinstance(back, Undo)  # noqa: S101 - it was one when the run was made
        back.words = parameters.get("words", "")
        return back
    each = parameters.get("each")
    return cls(**parameters) if each is None else PerItemOperation(lambda given: cls(**given), **each)
