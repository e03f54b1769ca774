"""Name → operation. The catalogue that the command, resume, undo and `operations list` read.

The verbs of a resource are the operations declared in the modules of its folder here; nothing else lists them. A folder is
read when one of its verbs is asked for, so that `--help` imports none. Other packages add theirs through the entry-point
group `intercom_bulk_updater.operations`, by "resource.verb"; one that cannot be used is missing, and told by `broken`. None
takes the place of what is built in: plans, recipes and schedules that name it mean that.
"""

from __future__ import annotations

import difflib
import inspect
import re
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
from .spec import parameters_of, schema_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_VERB = re.compile(r"[a-z][a-z0-9-]*").fullmatch
_BESIDE = ("find", Each.name, Undo.name)
"""What stands beside the verbs of a resource, in the command or in the journal."""


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
def _points() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points

    found = entry_points(group="intercom_bulk_updater.operations")  # in the order of the file system: which of two comes first is no chance
    return tuple(sorted(found, key=lambda one: (one.name, _package(one))))


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "that has no name"


@cache
def _added(resource: str) -> tuple[dict[str, type[Operation]], list[Broken]]:
    """What other packages add to a resource, by its verb, and what of theirs cannot be used. Nothing else of theirs is imported."""
    usable: dict[str, type[Operation]] = {}
    left: list[Broken] = []
    packages: dict[str, str] = {}
    for point in _points():
        owner, _, verb = point.name.partition(".")
        if owner != resource:
            continue
        package = _package(point)
        why = _misnamed(resource, verb) or (f"the package {packages[verb]} offers {point.name}, too." if verb in packages else "")
        found = why or _load(point)
        if isinstance(found, str):
            left.append(Broken(point.name, package, found))
        else:
            usable[verb], packages[verb] = found, package
    return usable, left


def _misnamed(resource: str, verb: str) -> str:
    """Why an operation of another package cannot have this name; "" where it can."""
    if resource not in resources():
        return f"there is no resource {printable_name(resource)!r}. There is: {', '.join(resources())}."
    if not _VERB(verb):
        return "an entry point is called RESOURCE.VERB, and a verb is written in small letters, digits and hyphens."
    return f"{resource} {verb} is built in, and stays." if verb in _BESIDE or verb in operations_in(resource) else ""


def _load(point: EntryPoint) -> type[Operation] | str:
    """The class of an entry point, or why it cannot be used."""
    try:
        found = point.load()
        return _unfit(found, point) or found
    except (Exception, SystemExit) as exc:  # whatever somebody's file does when it is imported
        return f"its entry point {point.value} cannot be imported ({type(exc).__name__}: {exc})."


def _unfit(found: Any, point: EntryPoint) -> str:
    value = point.value
    if not (inspect.isclass(found) and issubclass(found, Operation)):
        other = "A function with @operation and a class of IntercomBulkUpdater need none"
        return f"its entry point {value} is not a class that extends Operation. {other}: intercom-bulk run {value}"
    resource, _, verb = point.name.partition(".")
    for name, is_, called in (("name", found.name, verb), ("resource", found.resource, resource)):
        if is_ != called:
            return f"an entry point is called RESOURCE.VERB, and the `{name}` of {value} is {is_!r}, not {called!r}."
    if inspect.isabstract(found):
        return f"{value} lacks {', '.join(sorted(found.__abstractmethods__))}."
    if not isinstance(found.rank, int) or not isinstance(found.examples, tuple):
        return f"the `rank` of {value} is a number, and its `examples` are a tuple."
    schema_of(found.Parameters)  # what is wrong with them is told here, not by everything that lists it
    return ""


def broken(resource: str = "") -> list[Broken]:
    """The operations of other packages that cannot be used, of one resource or of all."""
    owners = dict.fromkeys(one.name.partition(".")[0] for one in _points())
    return [one for owner in owners if resource in ("", owner) for one in _added(owner)[1]]


def verbs_of(resource: str) -> dict[str, type[Operation]]:
    """The verbs of a resource that a person can name, in the order of its help."""
    own = [cls for cls in operations_in(resource).values() if cls.summary]
    return {cls.name: cls for cls in sorted([*own, *_added(resource)[0].values()], key=lambda cls: (cls.rank, cls.name))}


def names() -> list[str]:
    """All operations that a person can name, by "resource.verb"."""
    return [f"{resource}.{verb}" for resource in resources() for verb in verbs_of(resource)]


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
    if resource in resources():
        found = operations_in(resource).get(verb) or _added(resource)[0].get(verb)
        if found is not None or verb == Undo.name:
            return found or Undo
    for one in broken(resource):
        if one.name == name:
            raise UsageError(one.words, hint="")
    return None


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
    for resource in resources():
        yield from ((f"{resource}.{verb}", cls) for verb, cls in verbs_of(resource).items() if verb in operations_in(resource))


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
