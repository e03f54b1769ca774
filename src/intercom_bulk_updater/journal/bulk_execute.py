"""One statement for many rows, at little more than the driver's own cost.

SQLAlchemy prepares the parameters of each row anew, which costs about as much as the database does. Here the
statement is compiled once per database, and the rows go straight to the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Insert, Select, Update

Row = dict[str, Any]

_Compiled = tuple[str, Row, Callable[[Row], Any]]
_Statement = Insert | Update | Select[Any]
_compiled: WeakKeyDictionary[_Statement, dict[str, _Compiled]] = WeakKeyDictionary()


def execute_many(connection: Connection, statement: Insert | Update, rows: Sequence[Row]) -> int:
    """Execute for every row (dicts with the same keys); return how many rows were changed in all."""
    sql, constants, shape = _prepared(connection, statement, rows[0])
    if constants:
        rows = [constants | row for row in rows]
    return connection.exec_driver_sql(sql, [shape(row) for row in rows]).rowcount


def fetch_all(connection: Connection, statement: Select[Any], row: Row) -> Sequence[Any]:
    """The rows of a query with these values."""
    sql, constants, shape = _prepared(connection, statement, row)
    return connection.exec_driver_sql(sql, shape(constants | row)).all()


def execute_one(connection: Connection, statement: Insert | Update, row: Row) -> Any:
    """Execute for one row; return the value of its RETURNING, or None when no row was changed."""
    sql, constants, shape = _prepared(connection, statement, row)
    values = shape(constants | row)
    return connection.exec_driver_sql(sql, values if isinstance(values, dict | tuple) else (values,)).scalar()


def _prepared(connection: Connection, statement: _Statement, row: Row) -> _Compiled:
    by_dialect = _compiled.setdefault(statement, {})
    name = connection.dialect.name
    if name not in by_dialect:
        by_dialect[name] = _compile(connection, statement, row)
    return by_dialect[name]


def _compile(connection: Connection, statement: _Statement, row: Mapping[str, Any]) -> _Compiled:
    compiled = statement.compile(dialect=connection.dialect)
    constants = {name: value for name, value in compiled.params.items() if name not in row}
    order = getattr(compiled, "positiontup", None)
    # Drivers with numbered places (sqlite3) take tuples; those with names (psycopg) take the row as it is.
    return str(compiled), constants, itemgetter(*order) if order else dict
