"""docs/reference/journal-file.md, made from the comments of the journal's schema."""

from __future__ import annotations

from sqlalchemy import Column, Table
from sqlalchemy.dialects import sqlite

from intercom_bulk_updater.journal import schema

_HEAD = """# The journal's file

One SQLite database, `journal.db` in the state folder (`INTERCOM_BULK_HOME`, or the platform's own), holds
every run and every item of it. Only its owner can read it (mode 0600, folder 0700). No token is ever in it;
before-images and parameters are, messages and the secrets among an updater's parameters included, because a
run that is resumed needs them. They are shown nowhere, but treat the file as you treat the data in Intercom.

- An item's row is on disk before a worker sees the item, `in_flight` on disk before its request leaves, and
  holds the outcome after. A commit is on the disk when it returns (`synchronous=FULL`): a power cut loses
  none.
- It is in WAL mode, so anybody may read while a run writes, for instance with
  `sqlite3 -readonly journal.db "SELECT id, status FROM run"`. While it is open, `journal.db-wal` and `journal.db-shm` stand beside it and
  belong to it; copy it with `sqlite3 journal.db ".backup copy.db"`. Commands that only look (`runs list`, `show`, `report`,
  `export`, `watch`) write nothing and wait for no writer; they also read a folder that they may not write to.
- `locks/RUN.mark` counts the claims of a run beside the database, and says which file the database is. When the two
  differ, the journal is older than the run ([delivery](../explanation/delivery.md)): move the folder as a whole.
- A run is held by a lock on `locks/RUN.lock`, not by a row: the system lets go of it however the process
  dies.
- JSON is compact, and NULL where there is nothing to say. Times are unix seconds. In parameters and images, what JSON does
  not know is written with its type: `{{"$type": "date", "$value": "2026-01-31"}}`.
- A program older than the file's `schema_version` (now {version}) refuses the file, a newer one migrates
  it. Write to it through the program only.

This page is made from the schema by `make docs`.
"""


def page() -> str:
    """docs/reference/journal-file.md."""
    tables = (schema.run, schema.recipe, schema.item, schema.turn, schema.window, schema.event, schema.meta)
    return "\n".join([_HEAD.format(version=schema.VERSION), *map(_table, tables)])


def _table(table: Table) -> str:
    lines = [
        f"## {table.name}",
        "",
        table.comment or "",
        "",
        "| column | type | what it holds |",
        "|---|---|---|",
    ]
    lines += [f"| `{column.name}` | {_kind(column)} | {_text(column)} |" for column in table.columns]
    key = ", ".join(f"`{column.name}`" for column in table.primary_key.columns)
    lines += ["", f"Primary key: {key}."]
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        columns = ", ".join(f"`{column.name}`" for column in index.columns)
        lines.append(f"{'Unique index' if index.unique else 'Index'} `{index.name}`: {columns}.")
    return "\n".join([*lines, ""])


def _text(column: Column[object]) -> str:
    text = (column.comment or "").removeprefix(schema.JSON)
    return text[:1].upper() + text[1:]


def _kind(column: Column[object]) -> str:
    is_json = (column.comment or "").startswith(schema.JSON)
    kind = "json" if is_json else column.type.compile(sqlite.dialect()).lower()
    return f"{kind}, or null" if column.nullable else kind
