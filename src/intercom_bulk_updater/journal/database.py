"""Two doors to one database: one write transaction at a time, and reads on connections of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from intercom_bulk_updater.errors import JournalError

from . import sqlite
from .error_messages import not_made, trouble
from .migrations import check_version, migrate
from .schema import VERSION


class Database:
    """The journal's database. Any thread may call; database errors come out as `JournalError`.

    `path` is None for a journal in memory: it lives as long as this object, and all threads share its one
    connection. `read_only`: nothing is written, nothing waits for a writer, and a file that is missing reads as an empty
    journal.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self._resources = ExitStack()
        mode = "mode=rw"
        self.read_only = read_only
        if read_only and path is not None:
            with self._telling(str(path)):
                found = self._resources.enter_context(sqlite.readable(path))
            path, mode = found if found is not None else (None, mode)
        self.path = path
        self.where = ":memory:" if path is None else str(path)
        self._lock = threading.Lock()
        self._closed = False
        self._patient = False
        self._writer: Connection | None = None
        is_new = not read_only and path is not None and not (path.exists() and path.stat().st_size)
        self._write_engine = None if read_only and path is not None else sqlite.writer(path)
        self._read_engine = None if path is None else sqlite.reader(path, mode)
        try:
            with self._telling():
                self._writer = None if self._write_engine is None else self._write_engine.connect()
            self._migrate()
        except BaseException as error:
            self.close()
            if is_new and path is not None:
                with suppress(Exception):
                    sqlite.empty_again(path)
                if isinstance(error.__cause__, DBAPIError):
                    raise not_made(error.__cause__, self.where) from error
            raise

    def _migrate(self) -> None:
        # Looked at first: a journal of the right version is opened without waiting for anybody's write.
        with self.reading() if self.path is not None else self.transaction() as connection:
            found = check_version(connection, self.where)
        if found < VERSION and (self.path is None or not self.read_only):
            with self._transaction() as connection:
                migrate(connection, self.where)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One write transaction: all of it on disk when the block ends, or nothing when it raises.

        Not to be nested: there is one write connection.
        """
        if self.read_only and self.path is not None:
            raise JournalError(f"The journal {self.where} was opened for reading only.")
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._lock, self._telling():
            self._ask_open()
            writer = self._writer
            assert writer is not None  # noqa: S101 - only a database opened for reading has none
            if writer.in_transaction():
                # A second Ctrl-C can strike between BEGIN and the block below; nothing of that is wanted.
                writer.rollback()
            with writer.begin():
                yield writer
            if not self._patient:
                self._patient = True
                sqlite.be_patient(writer)

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
            if self._writer is not None:
                sqlite.give_back_space(self._writer)
                self._writer.rollback()

    def close(self) -> None:
        """Close every connection; the WAL goes back into the file. Harmless when already closed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            # Only tidiness: what is in the WAL is safe, and the next one to open the file reads it.
            if self._writer is not None:
                with suppress(Exception):
                    sqlite.truncate_wal(self._writer)
                self._writer.close()
            for engine in (self._write_engine, self._read_engine):
                if engine is not None:
                    engine.pool.dispose()
            self._resources.close()

    def _ask_open(self) -> None:
        if self._closed:
            raise JournalError(f"The journal {self.where} is closed.")

    @contextmanager
    def _telling(self, where: str | None = None) -> Iterator[None]:
        where = self.where if where is None else where
        try:
            yield
        except DBAPIError as error:
            raise trouble(error, where) from error
        except OSError as error:
            raise JournalError(f"The journal {where} cannot be read: {error.strerror or error}.") from error
