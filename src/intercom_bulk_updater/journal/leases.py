"""Rows of the lease table: who works on a run, whether it lives, and what each process has spent on it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, insert, or_, select, update

from intercom_bulk_updater.errors import RunLocked
from intercom_bulk_updater.model import Requests

from . import schema
from .database import Database
from .lease import Lease
from .lock import RunLock
from .records import Account

_lease = schema.lease
_SPENT = ("search", "action", "read", "retried", "throttled")
# Built once: the one is asked whenever a run is read, the other twice a second.
_spent = (
    select(_lease.c.run, *(func.sum(_lease.c[name]) for name in _SPENT), func.sum(_lease.c.seconds))
    .where(_lease.c.run.in_(bindparam("runs", expanding=True)))
    .group_by(_lease.c.run)
)
_renew = (
    update(_lease)
    .where(_lease.c.number == bindparam("lease_"), _lease.c.ended.is_(None))
    .values(
        heartbeat=bindparam("now_"),
        expires=bindparam("now_") + _lease.c.expires - _lease.c.heartbeat,
        **{name: bindparam(f"{name}_") for name in (*_SPENT, "seconds")},
    )
)


class Leases:
    """Rows of the lease table, and those that this process holds."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._home = home
        self._held: dict[int, Lease] = {}

    def take(self, run: str, run_number: int, *, shared: bool, seconds: float, now: float | None) -> Lease:
        """A lease on the run. Raises `RunLocked` when another live process holds the run for itself, or (not `shared`) at all."""
        if run_number in self._held:
            raise RunLocked(f"This process works on run {run} already.", run_id=run)
        # A journal in memory has no locks: its only process is this one.
        in_file = self._database.path is not None
        lock = RunLock(self._home, run).acquire() if in_file and not shared else None
        try:
            if in_file and shared:
                RunLock.refuse_held(self._home, run)
            with self._database.transaction() as connection:
                number = self._take(connection, run, run_number, shared, seconds, time.time() if now is None else now)
            lease = Lease(run, number, exclusive=not shared, let_go=lambda lease: self._end(lease, run_number, lock))
            self._held[run_number] = lease
            return lease
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def _take(self, connection: Connection, run: str, run_number: int, shared: bool, seconds: float, now: float) -> int:
        if not shared:
            live = self.live(run, run_number, now)
            beside = select(_lease.c.host, _lease.c.pid).where(_lease.c.number.in_(live), _lease.c.exclusive == 0)
            other = connection.execute(beside).first()
            if other is not None:
                raise RunLocked(
                    f"Process {other.pid} on {other.host} works on run {run}. "
                    f"Follow it with: intercom-bulk runs watch {run}; end it with: intercom-bulk runs cancel {run}",
                    run_id=run,
                )
        row = {
            "run": run_number, "host": socket.gethostname(), "pid": os.getpid(), "exclusive": int(not shared),
            "began": now, "heartbeat": now, "expires": now + seconds, **dict.fromkeys(_SPENT, 0), "seconds": 0.0,
        }  # fmt: skip
        return int(connection.execute(insert(_lease).values(row).returning(_lease.c.number)).scalar_one())

    def renew(self, connection: Connection, lease: Lease, spent: Account, now: float) -> None:
        """A sign of life, and what this process has spent so far. Raises `RunLocked` when another has taken over."""
        spent_on = {**asdict(spent.requests), "seconds": spent.seconds}
        values = {"lease_": lease.number, "now_": now, **{f"{name}_": value for name, value in spent_on.items()}}
        if connection.execute(_renew, values).rowcount == 0:
            raise RunLocked(
                f"Run {lease.run} was taken over by another process, because this one had not been heard of for too long. "
                f"Follow it with: intercom-bulk runs watch {lease.run}",
                run_id=lease.run,
            )

    def _end(self, lease: Lease, run: int, lock: RunLock | None) -> None:
        try:
            if self._held.pop(run, None) is lease:
                ended = update(_lease).where(_lease.c.number == lease.number, _lease.c.ended.is_(None)).values(ended=time.time())
                with self._database.transaction() as connection:
                    connection.execute(ended)
        finally:
            if lock is not None:
                lock.release()

    def holder(self, run: int) -> int | None:
        """The number of this process's lease on a run."""
        lease = self._held.get(run)
        return None if lease is None else lease.number

    def end_dead(self, connection: Connection, run: int, live: Select[Any], now: float) -> int | None:
        """End the leases of processes that died; return the number of the newest one."""
        dead = (_lease.c.run == run, _lease.c.ended.is_(None), _lease.c.number.not_in(live))
        newest: int | None = connection.scalar(select(func.max(_lease.c.number)).where(*dead))
        if newest is not None:
            connection.execute(update(_lease).where(*dead).values(ended=now))
        return newest

    def live(self, run: str, run_number: int, now: float) -> Select[Any]:
        """Numbers of the leases whose process lives: this one, the holder of the run's lock, and whose heartbeat is fresh."""
        mine = self._held.get(run_number)
        lives = and_(_lease.c.exclusive == 0, _lease.c.expires > now)
        if (mine is None or not mine.exclusive) and self._database.path is not None and RunLock.held(self._home, run):
            lives = or_(lives, _lease.c.exclusive == 1)
        if mine is not None:
            lives = or_(lives, _lease.c.number == mine.number)
        return select(_lease.c.number).where(_lease.c.run == run_number, _lease.c.ended.is_(None), lives)

    def make_up(self, connection: Connection, run: int, lease: int, actions: int) -> None:
        """Raise the account of a dead process where the run's items show more write requests (`actions`) than all accounts."""
        lacking = actions - int(connection.scalar(select(func.sum(_lease.c.action)).where(_lease.c.run == run)) or 0)
        if lacking > 0:
            connection.execute(update(_lease).where(_lease.c.number == lease).values(action=_lease.c.action + lacking))

    def is_live(self, run: str, run_number: int, now: float | None = None) -> bool:
        """Whether any process works on the run."""
        if RunLock.held(self._home, run):
            return True
        with self._database.reading() as connection:
            live = self.live(run, run_number, time.time() if now is None else now)
            return connection.scalar(live.limit(1)) is not None

    def account(self, run: int) -> Account:
        """What all processes together have spent on the run."""
        with self._database.reading() as connection:
            return accounts(connection, [run]).get(run) or Account()

def accounts(connection: Connection, runs: Iterable[int]) -> dict[int, Account]:
    """What the processes of each run have spent together; a run that nobody worked on is left out."""
    found = connection.execute(_spent, {"runs": list(runs)})
    return {run: Account(Requests(*map(int, spent)), float(seconds)) for run, *spent, seconds in found}
