"""Name → operation. The catalogue that the command, resume, undo and `operations list` read.

The verbs of a resource are the operations declared in the modules of its folder here; nothing else lists them. A folder is
read when one of its verbs is asked for, so that `--help` imports none. Other packages add theirs through the entry-point
group `intercom_bulk_updater.operations`, by "resource.verb"; one that cannot be used is missing, and told by `broken`.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True, slots=True)
class Broken:
    """An operation of another package that cannot be used, and why."""

    name: str
    package: str
    why: str

    @property
    def words(self) -> str:
        """What there is to say of it, as a sentence."""
        return f"The operation {printable_name(self.name)} of the package {self.package} cannot be used: {self.why}"


@cache
def _plugins() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="intercom_bulk_updater.operations")}


@cache
def _plugin(name: str) -> type[Operation] | Broken:
    point = _plugins()[name]
    try:
        found = point.load()
        why = _unfit(found, point)
    except (Exception, SystemExit) as exc:  # whatever somebody's file does when it is imported
        why = f"its entry point {point.value} cannot be imported ({type(exc).__name__}: {exc})."
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "that has no name"
    return Broken(name, package, why) if why else found


def _unfit(found: Any, point: EntryPoint) -> str:
    if not (inspect.isclass(found) and issubclass(found, Operation)):
        other = "A function with @operation and a class of IntercomBulkUpdater need none"
        return f"its entry point {point.value} is not a class that extends Operation. {other}: intercom-bulk run {point.value}"
    verb = point.name.partition(".")[2]
    if found.name != verb:
        return f"an entry point is called RESOURCE.VERB, and the `name` of {point.value} is {found.name!r}, not {verb!r}."
    parameters_of(found.Parameters)  # what is wrong with them is told here, not by everything that lists it
    return ""


def broken(resource: str = "") -> list[Broken]:
    """The operations of other packages that cannot be used, of one resource or of all."""
    found = [_plugin(name) for name in _plugins() if resource in ("", name.partition(".")[0])]
    return [one for one in found if isinstance(one, Broken)]


def verbs_of(resource: str) -> dict[str, type[Operation]]:
    """The verbs of a resource that a person can name, in the order of its help."""
    own = [cls for cls in (operations_in(resource) if resource in resources() else {}).values() if cls.summary]
    added = [_plugin(name) for name in _plugins() if name.partition(".")[0] == resource]
    usable = [cls for cls in added if not isinstance(cls, Broken)]
    return {cls.name: cls for cls in sorted([*own, *usable], key=lambda cls: (cls.rank, cls.name))}


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

    Raises UsageError for an unknown name, with the nearest ones, and for one that cannot be used.
    """
    found = _find(name)
    if found is None:
        known, verb = [*names(), *(one.name for one in broken())], name.rpartition(".")[2]
        verbs = difflib.get_close_matches(verb, {one.rpartition(".")[2]: None for one in known}, 2)
        same = [one for each in verbs for one in known if one.endswith(f".{each}")]
        near = (difflib.get_close_matches(name, known, 3) if "." in name else []) or same[:8]
        nearest = f" Nearest: {', '.join(near)}." if near else ""
        raise UsageError(f"Unknown operation {printable_name(name)!r}.{nearest}", hint="All of them: intercom-bulk operations list.")
    return found


def _find(name: str) -> type[Operation] | None:
    resource, _, verb = name.partition(".")
    if verb == Each.name and resource:
        return Each
    found = operations_in(resource).get(verb) if resource in resources() else None
    if found is None and verb == Undo.name and resource in resources():
        return Undo
    if found is None and name in _plugins():
        plugin = _plugin(name)
        if isinstance(plugin, Broken):
            raise UsageError(plugin.words, hint="")
        return plugin
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
        if not isinstance(back, Undo):  # it was one in an older version
            raise UsageError(f"{parameters['of']} cannot be undone: {forward.why_no_undo()}.")
        back.words = parameters.get("words", "")
        if parameters.get("sparing"):
            back.judge(())
        return back
    each = parameters.get("each")
    return cls(**parameters) if each is None else PerItemOperation(lambda given: cls(**given), **each)
