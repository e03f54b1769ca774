"""The run table: create, find by what people type, change."""

from __future__ import annotations

import difflib
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update

from intercom_bulk_updater.errors import JournalError, NoSuchRun
from intercom_bulk_updater.model import RunKind, RunStatus

from . import schema
from .database import Database
from .leases import accounts
from .records import NewRun, Orders, RunRecord
from .serialization import clean, pack_json, unpack_or_empty

_JSON_FIELDS = frozenset({"parameters", "selection", "settings", "search", "progress", "totals"})
_TEXTS = ("workspace", "base_url", "admin_id", "author")
_FIXED = frozenset({"id", "number", "created_at", "updated_at"})
_FIELDS = frozenset(column.name for column in schema.run.c) - _FIXED

_run = schema.run
_exact = select(_run).where(_run.c.id == bindparam("id"))
_number = select(_run.c.number).where(_run.c.id == bindparam("id"))
_totals = select(_run.c.totals).where(_run.c.number == bindparam("number"))
_search = select(_run.c.search).where(_run.c.number == bindparam("number"))
_orders = select(_run.c.control, _run.c.settings).where(_run.c.number == bindparam("number"))
_children = (
    select(_run.c.id).where(_run.c.parent == bindparam("parent"), _run.c.kind == bindparam("kind")).order_by(_run.c.number.desc())
)


def _record(connection: Connection, row: RowMapping) -> RunRecord:
    return _records(connection, [row])[0]


def _records(connection: Connection, rows: Sequence[RowMapping]) -> list[RunRecord]:
    spent = accounts(connection, [row["number"] for row in rows])
    records = []
    for row in rows:
        values: dict[str, Any] = dict(row)
        for name in _JSON_FIELDS:
            values[name] = unpack_or_empty(values[name])
        values["status"], values["kind"] = RunStatus(values["status"]), RunKind(values["kind"])
        account = spent.get(row["number"])
        if account is not None:
            values["totals"] |= {"requests": account.requests.as_json(), "seconds": round(account.seconds, 3)}
        records.append(RunRecord(**values))
    return records


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(fields) - _FIELDS
    if unknown:
        raise JournalError(f"A run has no field {', '.join(sorted(unknown))} that could be changed.")
    return {
        name: pack_json(value or {}) if name in _JSON_FIELDS else clean(value) if isinstance(value, str) else value
        for name, value in fields.items()
    }


def new_id(kind: str, operation: str, now: float) -> str:
    """`1123-close-7f3a`: sortable within a year, sayable on the telephone, unique (the caller checks)."""
    word = re.split(r"[.:/\s]", operation.strip())[-1]
    # CloseStale -> close-stale
    word = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", word).lower()).strip("-")[:24].strip("-")
    if kind == RunKind.UNDO and not word.startswith("undo"):
        word = f"undo-{word}".strip("-")
    day = datetime.fromtimestamp(now, UTC).astimezone().strftime("%m%d")
    return f"{day}-{word or 'run'}-{secrets.token_hex(2)}"


class Runs:
    """Rows of the run table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()

    def number(self, run: str) -> int:
        """The key of a run by its exact id; remembered, for the hot path asks it every time."""
        known = self._numbers.get(run)
        if known is not None:
            return known
        with self._database.reading() as connection:
            found = connection.scalar(_number, {"id": run})
        if found is None:
            raise NoSuchRun(f"There is no run {run!r} in the journal {self._database.where}.", run_id=run)
        with self._lock:
            self._numbers[run] = found
        return int(found)

    def create(self, fields: NewRun) -> RunRecord:
        """A new row, PLANNED, with an id of its own."""
        now = time.time()
        kind = RunKind(fields.get("kind", RunKind.RUN))
        values = {
            "status": RunStatus.PLANNED.value,
            "control": "",
            "message": "",
            "host": socket.gethostname(),
            "pid": os.getpid(),
            **_columns({**dict.fromkeys(_JSON_FIELDS), **dict.fromkeys(_TEXTS, ""), **fields, "kind": kind}),
            "created_at": now,
            "updated_at": now,
        }
        with self._database.transaction() as connection:
            while True:
                run = new_id(kind, fields["operation"], now)
                if connection.scalar(_number, {"id": run}) is None:
                    break
            connection.execute(insert(_run).values(id=run, **values))
            return self._by_id(connection, run)

    def find(self, ref: str, workspace: str | None, base_url: str | None) -> RunRecord:
        """A run by exact id, `latest`, or unique prefix.

        `workspace` and `base_url` narrow the last two down where they can. Of a run without a base URL nobody knows better.
        """
        ref = ref.strip()
        with self._database.reading() as connection:
            exact = connection.execute(_exact, {"id": ref}).mappings().first()
            if exact is not None:
                return _record(connection, exact)
            here = [
                *([_run.c.workspace == workspace] if workspace is not None else []),
                *([_run.c.base_url.in_((base_url, ""))] if base_url is not None else []),
            ]
            newest_first = select(_run).order_by(_run.c.number.desc())
            if ref == "latest":
                latest = connection.execute(newest_first.where(*here).limit(1)).mappings().first()
                if latest is not None:
                    return _record(connection, latest)
                elsewhere = connection.execute(newest_first.limit(1)).mappings().first()
                if elsewhere is None:
                    raise NoSuchRun("There is no run yet.")
                raise NoSuchRun(
                    f"There is no run of {base_url or 'this workspace'} yet. The newest of another is {elsewhere['id']}, of workspace "
                    f"{elsewhere['workspace']!r} at {elsewhere['base_url']}: give its id if that is what you mean."
                )
            found = []
            if ref:
                prefixed = newest_first.where(func.lower(_run.c.id).startswith(ref.lower(), autoescape=True))
                found = list(connection.execute(prefixed.limit(20)).mappings())
            ours = [row for row in found if row["workspace"] == workspace or row["base_url"] == base_url]
            found = ours or found
            if len(found) == 1:
                return _record(connection, found[0])
            if found:
                names = ", ".join(row["id"] for row in found[:8])
                more = " ..." if len(found) > 8 else ""
                raise NoSuchRun(f"{ref!r} is the beginning of {len(found)} runs: {names}{more}. Type more of it.")
            ids = list(connection.scalars(select(_run.c.id).order_by(_run.c.number.desc()).limit(500)))
        raise NoSuchRun(f"There is no run {ref!r}. {_nearest(ref, ids)}", hint="intercom-bulk runs list shows all." if ids else None)

    def newest(self, limit: int | None) -> list[RunRecord]:
        """Runs, newest first."""
        query = select(_run).order_by(_run.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            return _records(connection, connection.execute(query).mappings().all())

    def children(self, run: str, kind: str) -> list[str]:
        """Ids of the runs of this kind that came from a run, newest first."""
        with self._database.reading() as connection:
            return list(connection.scalars(_children, {"parent": run, "kind": kind}))

    def update(self, run: str, fields: Mapping[str, Any]) -> RunRecord:
        """Change any field but the identity; `totals` are merged, and a total that is None goes."""
        totals = fields.get("totals")
        columns = _columns({name: value for name, value in fields.items() if name != "totals"})
        number = self.number(run)
        with self._database.transaction() as connection:
            if totals:
                stored = unpack_or_empty(connection.scalar(_totals, {"number": number}))
                merged = {name: value for name, value in {**stored, **totals}.items() if value is not None}
                columns["totals"] = pack_json(merged)
            connection.execute(update(_run).where(_run.c.number == number).values(updated_at=time.time(), **columns))
            return self._by_id(connection, run)

    def merge_search(self, connection: Connection, number: int, fields: Mapping[str, Any]) -> None:
        """Merge into the search state, inside the caller's transaction."""
        stored = connection.scalar(_search, {"number": number})
        merged = pack_json({**unpack_or_empty(stored), **fields})
        connection.execute(update(_run).where(_run.c.number == number).values(search=merged, updated_at=time.time()))

    def set_progress(self, connection: Connection, number: int, progress: Mapping[str, Any]) -> None:
        """Set the last snapshot, inside the caller's transaction."""
        values = {"progress": pack_json(progress), "updated_at": time.time()}
        connection.execute(update(_run).where(_run.c.number == number).values(values))

    def orders(self, run: str) -> Orders:
        """What other processes ask of it."""
        number = self.number(run)
        with self._database.reading() as connection:
            control, settings = connection.execute(_orders, {"number": number}).first() or ("", None)
        return Orders(control or "", unpack_or_empty(settings))

    def forget(self, run: str) -> None:
        """A pruned run's number is not to be remembered."""
        with self._lock:
            self._numbers.pop(run, None)

    def _by_id(self, connection: Connection, run: str) -> RunRecord:
        row = connection.execute(_exact, {"id": run}).mappings().first()
        if row is None:
            raise NoSuchRun(f"There is no run {run!r} any more: it was pruned.", run_id=run)
        return _record(connection, row)


def _nearest(ref: str, ids: list[str]) -> str:
    if not ids:
        return "The journal holds no run yet."
    near = [run for run in ids if ref and ref.lower() in run][:3] or difflib.get_close_matches(ref, ids, 3, 0.5)
    if near:
        return f"Did you mean {', '.join(near)}?"
    return f"The newest are {', '.join(ids[:3])}."
