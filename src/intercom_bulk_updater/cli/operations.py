"""`intercom-bulk operations`: the catalogue, read from the classes."""

from __future__ import annotations

import inspect
from typing import Annotated

from cyclopts import Parameter

from ..errors import UsageError
from ..model import Reversibility
from ..operations.operation import Operation
from ..operations.registry import names, operation_class
from .flags import Shown
from .show import out as show_out
from .show import out_json

_OUT = Shown()


def list_operations(*, out: Shown = _OUT) -> int:
    """All operations, with what undo can take back."""
    rows = [told(name) for name in names()]
    if out.data:
        out_json({"schema": "operations/1", "ok": True, "exit": 0, "operations": rows})
        return 0
    from ..terminal.tables import operations_table

    show_out(operations_table(rows))
    return 0


def show(name: Annotated[str, Parameter(help="Its name, such as conversations.close.")], *, out: Shown = _OUT) -> int:
    """One operation: what it does, what it touches, whether there is a way back."""
    if name not in names():
        operation_class(name)
        raise UsageError(f"{name!r} is not an operation to be named")
    about = told(name)
    if out.data:
        out_json({"schema": "operations/1", "ok": True, "exit": 0, **about})
        return 0
    from ..terminal.tables import operation_table

    show_out(operation_table(about))
    return 0


GIVEN = "the fields and attributes that it is given"


def _touches(cls: type[Operation]) -> str:
    """The fields of every item that it changes; with `set` they are known only when it is called."""
    if isinstance(cls.fields, tuple) and cls.fields:
        return ", ".join(cls.fields)
    return GIVEN if cls.reversibility in (Reversibility.REVERSIBLE, Reversibility.FIELDS) else ""


def told(name: str) -> dict[str, object]:
    """What the catalogue says of an operation, from its class."""
    cls = operation_class(name)
    return {
        "name": name,
        "what": " ".join((inspect.getdoc(cls) or "").split()),
        "touches": _touches(cls),
        "reversibility": str(cls.reversibility),
        "side_effects": cls.side_effects,
        "customer_visible": cls.customer_visible,
        "repeating_is_harmless": bool(cls.idempotent),
    }
