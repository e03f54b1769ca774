"""What a run leaves besides its items: the rate windows that went by, and its own log."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select

from . import schema
from .database import Database
from .records import Event, WindowRow
from .serialization import pack_json, unpack_or_empty

_window = schema.window
_event = schema.event


def add_windows(database: Database, run: int, windows: Sequence[WindowRow]) -> None:
    """Append windows that have ended."""
    now = time.time()
    rows = [
        {
            "run": run,
            "reset": window.reset,
            "allowed": window.limit,
            "own": window.own,
            "others": window.others,
            "throttled": window.throttled,
            "at": window.at or now,
        }
        for window in windows
    ]
    if rows:
        with database.transaction() as connection:
            connection.execute(insert(_window), rows)


def windows(database: Database, run: int) -> list[WindowRow]:
    """All windows of a run, in the order written."""
    columns = (
        _window.c.reset,
        _window.c.allowed,
        _window.c.own,
        _window.c.others,
        _window.c.throttled,
        _window.c.at,
    )
    query = select(*columns).where(_window.c.run == run).order_by(_window.c.number)
    with database.reading() as connection:
        return [WindowRow(*row) for row in connection.execute(query)]


def add_event(database: Database, run: int, kind: str, data: Mapping[str, Any]) -> None:
    """Append a line to the run's log."""
    with database.transaction() as connection:
        connection.execute(insert(_event), {"run": run, "at": time.time(), "kind": kind, "data": pack_json(data)})


def events(database: Database, run: int) -> list[Event]:
    """The run's log, oldest first."""
    query = select(_event.c.at, _event.c.kind, _event.c.data).where(_event.c.run == run).order_by(_event.c.number)
    with database.reading() as connection:
        return [Event(at, kind, unpack_or_empty(data)) for at, kind, data in connection.execute(query)]
