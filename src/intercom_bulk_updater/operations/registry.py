"""Name → operation. The catalogue that the command, resume, undo and `operations list` read.

Built-in operations are named here by module and class and imported only when they are used, so that `--help` imports none.
Other packages add theirs through the entry-point group `intercom_bulk_updater.operations`.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

from ..api.redact import keep_private
from ..errors import UsageError
from .operation import Operation
from .per_item import PerItemOperation

_CONVERSATIONS = "intercom_bulk_updater.operations.conversations"

BUILT_IN: dict[str, str] = {
    f"conversations.{verb}": f"{_CONVERSATIONS}.{where}"
    for verb, where in {
        "close": "verbs:Close",
        "open": "verbs:Open",
        "snooze": "verbs:Snooze",
        "assign": "verbs:Assign",
        "tag": "verbs:Tag",
        "untag": "verbs:Untag",
        "set": "verbs:Set",
        "note": "messages:Note",
        "reply": "messages:Reply",
        "undo": "restore:Restore",
    }.items()
}


def operation_class(name: str) -> type[Operation]:
    """The class of an operation, by "resource.verb".

    Raises UsageError for an unknown name, with the nearest ones.
    """
    target = BUILT_IN.get(name) or _plugins().get(name)
    if target is None:
        known = [*BUILT_IN, *_plugins()]
        near = difflib.get_close_matches(name, known, 3) or known
        raise UsageError(f"Unknown operation {name!r}. Nearest: {', '.join(near)} (intercom-bulk operations list).")
    module, _, cls = target.partition(":")
    found: type[Operation] = getattr(importlib.import_module(module), cls)
    if not issubclass(found, Operation):
        raise UsageError(f"{target} is not an operation")
    return found


def build(name: str, parameters: Mapping[str, Any]) -> Operation:
    """An operation with its parameters, as a run or a plan recorded them."""
    cls = operation_class(name)
    keep_private(parameters)
    each = parameters.get("each")
    return cls(**parameters) if each is None else PerItemOperation(lambda given: cls(**given), each["shared"], each["words"])


def names() -> list[str]:
    """All operations that a person can name."""
    return [name for name in (*BUILT_IN, *_plugins()) if not name.endswith(".undo")]


def _plugins() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group="intercom_bulk_updater.operations")}
