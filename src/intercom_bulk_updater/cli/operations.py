"""`intercom-bulk operations`: the catalogue, read from the declarations of the verbs."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter

from ..model import Reversibility
from ..operations.operation import Operation
from ..operations.registry import broken, find_operations, iterate
from ..operations.spec import parameters_of, schema_of
from .flags import Shown
from .show import out as show_out
from .show import out_json
from .stdout import note

_OUT = Shown()


def list_operations(*, out: Shown = _OUT) -> int:
    """All operations, with what undo can take back."""
    rows = [describe(name, cls) for name, cls in iterate()]
    if out.data:
        out_json({"schema": "operations/1", "ok": True, "exit": 0, "operations": rows, "broken": [asdict(one) for one in broken()]})
        return 0
    from ..terminal.tables import operations_table

    show_out(operations_table(rows))
    for one in broken():
        note(one.words)
    return 0


def show(
    name: Annotated[str, Parameter(help="Its name, such as contacts.tag; tag alone for that of every resource.")], *, out: Shown = _OUT
) -> int:
    """One operation: what it takes, what it touches, whether there is a way back."""
    found = [describe(*one) for one in find_operations(name)]
    if out.data:
        out_json({"schema": "operations/1", "ok": True, "exit": 0, **(found[0] if len(found) == 1 else {"operations": found})})
        return 0
    from ..terminal.tables import operation_table

    for about in found:
        show_out(operation_table(about))
    return 0


GIVEN = "the fields and attributes that it is given"


def _touches(cls: type[Operation]) -> str:
    """The fields of every item that it changes; with `set` they are known only when it is called."""
    if isinstance(cls.fields, tuple) and cls.fields:
        return ", ".join(cls.fields)
    return GIVEN if cls.reversibility in (Reversibility.REVERSIBLE, Reversibility.FIELDS) else ""


def describe(name: str, cls: type[Operation]) -> dict[str, Any]:
    """What the catalogue says of an operation."""
    return {
        "name": name,
        "summary": cls.summary,
        "what": " ".join((inspect.getdoc(cls) or cls.summary).split()),
        "parameters": [
            {"name": one.name, "flag": one.flag_text, "kind": str(one.kind), "required": one.required, "help": one.help}
            for one in parameters_of(cls.Parameters)
        ],
        "touches": _touches(cls),
        "reversibility": str(cls.reversibility),
        "way_back": cls.way_back,
        "side_effects": cls.side_effects,
        "customer_visible": cls.customer_visible,
        "customer_visible_with": cls.seen_with,
        "repeating_is_harmless": bool(cls.idempotent),
        "examples": list(cls.command_examples()),
        "words": {"past": cls.past, "unchanged": cls.unchanged},
        "json_schema": schema_of(cls.Parameters),
    }
