"""Deleting old runs, so that the journal does not grow for ever."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Table, delete, func, select

from intercom_bulk_updater.errors import RunLocked
from intercom_bulk_updater.model import RunStatus

from . import schema
from .database import Database
from .lock import RunLock
from .mark import RunMark

_run = schema.run
_recipe = schema.recipe
_lease = schema.lease

_ROWS_AT_ONCE = 20_000
"""Deleted per transaction: bounds the WAL, and the time that a running process waits for its turn."""


def prune(database: Database, home: Path, older_than_days: float, keep: Collection[str]) -> list[str]:
    """Delete runs that nobody touched for so many days; return their ids, oldest first.

    Kept are those of `keep`, those that a live process holds, and the steps of recipes that have not ended. The space goes back
    to the file system.
    """
    before = time.time() - older_than_days * 86_400
    # What a recipe that waits has done is what its next step begins with.
    waiting = select(_recipe.c.id).where(_recipe.c.ended_at.is_(None))
    old_enough = (_run.c.updated_at < before) & (_run.c.parent.is_(None) | _run.c.parent.not_in(waiting))
    query = select(_run.c.id, _run.c.number, _run.c.status).where(old_enough).order_by(_run.c.number)
    with database.reading() as connection:
        old = connection.execute(query).all()
    gone: list[str] = []
    for run, number, status in old:
        if run in keep:
            continue
        if database.path is None:
            # A journal in memory has no locks, and its only process is this one.
            if status not in (RunStatus.RUNNING, RunStatus.PAUSED) and _delete(database, number, before):
                gone.append(run)
            continue
        try:
            # Held while it goes, so that nobody resumes what is being deleted.
            with RunLock(home, run) as lock:
                if _delete(database, number, before):
                    gone.append(run)
                    lock.forget()
                    RunMark(home, run, database.path).forget()
        except RunLocked:
            continue
    with database.transaction() as connection:
        connection.execute(delete(_recipe).where(_recipe.c.ended_at < before))
    if _sweep(database) or gone:
        database.give_back_space()
    return gone


def _delete(database: Database, number: int, before: float) -> bool:
    # The run's row goes first: a crash from here on leaves rows that belong to no run, never half a run.
    at_work = select(_lease.c.number).where(
        _lease.c.run == number, _lease.c.ended.is_(None), _lease.c.exclusive == 0, _lease.c.expires > time.time()
    )
    still_old = delete(_run).where(_run.c.number == number, _run.c.updated_at < before, ~at_work.exists())
    with database.transaction() as connection:
        return connection.execute(still_old).rowcount > 0


def _sweep(database: Database) -> bool:
    """Delete the rows that belong to no run."""
    found = False
    for table in schema.OF_A_RUN:
        at = 0
        while True:
            with database.reading() as connection:
                owner = connection.scalar(select(func.min(table.c.run)).where(table.c.run > at))
                if owner is None:
                    break
                lives = connection.scalar(select(_run.c.number).where(_run.c.number == owner)) is not None
            at = owner
            if not lives:
                found = True
                _empty(database, table, owner)
    return found


def _empty(database: Database, table: Table, owner: int) -> None:
    key = table.c.seq if "seq" in table.c else table.c.number
    while True:
        with database.transaction() as connection:
            rows = select(key).where(table.c.run == owner).order_by(key).limit(_ROWS_AT_ONCE).subquery()
            last = connection.scalar(select(func.max(rows.c[key.name])))
            if last is None:
                return
            connection.execute(delete(table).where(table.c.run == owner, key <= last))
