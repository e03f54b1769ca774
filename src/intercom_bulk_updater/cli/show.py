"""Where commands put what they show: standard output for data, through rich on a terminal and plainly elsewhere."""

from __future__ import annotations

import json
import sys
from typing import Any


def out(thing: Any) -> None:
    """Show a text or a table on standard output: tables on a terminal, tab-separated lines elsewhere."""
    if isinstance(thing, str):
        sys.stdout.write(thing if thing.endswith("\n") else thing + "\n")
        return
    from ..console.sheet import write

    write(thing)


def out_json(thing: Any) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(json.dumps(thing, ensure_ascii=False) + "\n")
