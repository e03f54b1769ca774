"""Numbered steps from one schema version to the next. A step, once released, is never changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, insert, inspect, select, text, update
from sqlalchemy.schema import CreateIndex, CreateTable

from intercom_bulk_updater.errors import JournalError

from . import schema, sqlite

Step = Callable[[Connection], None]


@cache
def _tables() -> tuple[str, ...]:
    """What a new journal is made of, as text: a process that makes many compiles it once."""
    dialect, tables = sqlite.Dialect(), schema.metadata.sorted_tables
    made = [CreateTable(table) for table in tables] + [CreateIndex(index) for table in tables for index in table.indexes]
    return tuple(str(each.compile(dialect=dialect)) for each in made)


def _create(connection: Connection) -> None:
    for statement in _tables():
        connection.exec_driver_sql(statement)
    facts = {"created_at": str(int(time.time())), "schema_version": str(schema.VERSION)}
    connection.execute(insert(schema.meta), [{"key": key, "value": value} for key, value in facts.items()])


def _second(connection: Connection) -> None:
    schema.turn.create(connection, checkfirst=True)


def _third(connection: Connection) -> None:
    schema.lease.create(connection, checkfirst=True)
    _add(connection, schema.item.c.claimed_by)


def _fourth(connection: Connection) -> None:
    schema.recipe.create(connection, checkfirst=True)
    _add(connection, schema.item.c.name)


def _fifth(connection: Connection) -> None:
    _add(connection, schema.recipe.c.timezone)


def _add(connection: Connection, column: Column[Any]) -> None:
    if column.name not in {found["name"] for found in inspect(connection).get_columns(column.table.name)}:
        kind = column.type.compile(connection.dialect)
        connection.execute(text(f"ALTER TABLE {column.table.name} ADD COLUMN {column.name} {kind}"))


STEPS: Mapping[int, Step] = {2: _second, 3: _third, 4: _fourth, 5: _fifth}
"""Step n turns a journal of version n - 1 into one of version n, in one transaction with its new number. A new one needs none."""


def version(connection: Connection) -> int:
    """The schema version of the file; 0 for an empty one."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    if schema.meta.name not in tables:
        raise JournalError("is a database of something else")
    found = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "schema_version"))
    return int(found) if found is not None and str(found).isdigit() else 0


def check_version(connection: Connection, where: str, steps: Mapping[int, Step] = STEPS) -> int:
    """The version of the journal at `where`. Raises JournalError for one of a newer program, and for another's database."""
    newest = max(steps)
    try:
        found = version(connection)
    except JournalError as error:
        raise JournalError(f"{where} {error.message}. Point INTERCOM_BULK_HOME at another folder.") from None
    if found > newest:
        raise JournalError(
            f"The journal {where} was written by a newer version of this program "
            f"(schema {found}, this one knows {newest}): upgrade with: pip install -U intercom-bulk-updater"
        )
    return found


def migrate(connection: Connection, where: str, steps: Mapping[int, Step] = STEPS) -> int:
    """Bring the journal to the newest version, inside the caller's transaction; return the version found."""
    found = check_version(connection, where, steps)
    if not found:
        _create(connection)
    for number in range((found or schema.VERSION) + 1, max(steps) + 1):
        steps[number](connection)
        connection.execute(update(schema.meta).where(schema.meta.c.key == "schema_version").values(value=str(number)))
    return found
