"""Where commands put what they show: standard output for data, through rich on a terminal and plainly elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .flags import Shown
from .stdout import emit


def out(thing: Any) -> None:
    """Show a text or a table on standard output: tables on a terminal, tab-separated lines elsewhere."""
    if isinstance(thing, str):
        emit(thing if thing.endswith("\n") else thing + "\n")
        return
    from ..terminal.table import write

    write(thing)


def out_json(thing: Any) -> None:
    """One JSON object on standard output."""
    emit(json.dumps(thing) + "\n")


def out_data(shown: Shown, thing: Callable[[], Any]) -> bool:
    """With --json or --jsonl, what a command that runs nothing has to say: one object. False when neither was asked for."""
    if shown.data:
        out_json(thing())
    return shown.data
