"""Two doors to one database: one write transaction at a time, and reads on connections of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from intercom_bulk_updater.errors import JournalError

from . import sqlite
from .error_messages import trouble
from .migrations import migrate


class Database:
    """The journal's database. Any thread may call; database errors come out as `JournalError`.

    `path` is None for a journal in memory: it lives as long as this object, and all threads share its one
    connection.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.where = ":memory:" if path is None else str(path)
        self._lock = threading.Lock()
        self._closed = False
        self._write_engine = sqlite.writer(path)
        self._read_engine = None if path is None else sqlite.reader(path)
        with self._telling():
            self._writer = self._write_engine.connect()
        try:
            with self.transaction() as connection:
                migrate(connection, self.where)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One write transaction: all of it on disk when the block ends, or nothing when it raises.

        Not to be nested: there is one write connection.
        """
        with self._lock, self._telling():
            self._ask_open()
            if self._writer.in_transaction():
                # A second Ctrl-C can strike between BEGIN and the block below; nothing of that is wanted.
                self._writer.rollback()
            with self._writer.begin():
                yield self._writer

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read from; keep the block short. Sees every transaction that has ended."""
        if self._read_engine is None:
            with self.transaction() as connection:
                yield connection
            return
        with self._telling():
            self._ask_open()
            with self._read_engine.connect() as connection:
                yield connection

    def give_back_space(self) -> None:
        """Return what deleted rows took to the file system."""
        with self._lock, self._telling():
            sqlite.give_back_space(self._writer)
            self._writer.rollback()

    def close(self) -> None:
        """Close every connection; the WAL goes back into the file. Harmless when already closed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            # Only tidiness: what is in the WAL is safe, and the next one to open the file reads it.
            with suppress(Exception):
                sqlite.truncate_wal(self._writer)
            self._writer.close()
            self._write_engine.dispose()
            if self._read_engine is not None:
                self._read_engine.dispose()

    def _ask_open(self) -> None:
        if self._closed:
            raise JournalError(f"The journal {self.where} is closed.")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise trouble(error, self.where) from error
