"""What is SQLite's own: how a file is opened, kept small, handed back. Nothing else here knows SQLite."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import QueuePool, StaticPool
from sqlalchemy.util import LRUCache

from intercom_bulk_updater.errors import JournalError

from .paths import private_file, private_folder, refuse_what_is_no_file

if TYPE_CHECKING:
    from sqlalchemy import Connection

BUSY_SECONDS = 30.0
"""How long a run that is at work waits for another process's write."""
FIRST_SECONDS = 5.0
"""How long a command waits for its first write: nothing is lost yet, and somebody sits before it."""
READ_SECONDS = 2.0

_SMALLEST = 512
"""Bytes of the smallest page that a database has."""

# Both connections. fullfsync: macOS acknowledges a plain fsync before the disk has it.
_EVERYWHERE = ("PRAGMA foreign_keys = OFF", "PRAGMA fullfsync = ON", "PRAGMA checkpoint_fullfsync = ON")

_WRITER = (
    # FULL: a commit is on the disk when it returns, power cut or not. NORMAL would lose the last commits in
    # WAL mode, and with them the knowledge of which requests had left.
    "PRAGMA synchronous = FULL",
    # Pages of WAL after which it is copied into the file: 8 MB, and cut to that afterwards.
    "PRAGMA wal_autocheckpoint = 2000",
    "PRAGMA journal_size_limit = 8192000",
    # KiB. A larger one only grows with the run: pages that fall out are still in the operating system's cache, and
    # benchmarks/journal_cost.py finds no difference.
    "PRAGMA cache_size = -4096",
)

_READER = ("PRAGMA query_only = ON", "PRAGMA cache_size = -1024")




class Dialect(SQLiteDialect_pysqlite):
    """SQLite as each journal of this process speaks it, so that a statement is compiled once for all of them."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        """Statements are kept by their dialect: every connection's is the same one."""
        return isinstance(other, Dialect)

    def __hash__(self) -> int:
        """As `__eq__`."""
        return hash(Dialect)


class WriterDialect(Dialect):
    """The same for the write connection."""

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: Any) -> None:
        """IMMEDIATE: what reads first and writes later cannot be refused half-way (SQLITE_BUSY_SNAPSHOT)."""
        dbapi_connection.execute("BEGIN IMMEDIATE")


registry.register("sqlite.journal", __name__, Dialect.__name__)
registry.register("sqlite.journal_writer", __name__, WriterDialect.__name__)
_COMPILED: LRUCache[Any, Any] = LRUCache(500)


def _run(connection: sqlite3.Connection, pragmas: tuple[str, ...]) -> None:
    for pragma in pragmas:
        connection.execute(pragma).fetchall()


def writer(path: Path | None) -> Engine:
    """The engine of the one write connection; None for a journal in memory."""
    if path is not None:
        private_folder(path.parent)
        private_file(path)
        _refuse_other_files(path)
    engine = create_engine(
        "sqlite+journal_writer://" if path is None else f"sqlite+journal_writer:///{path}",
        poolclass=StaticPool,
        execution_options={"compiled_cache": _COMPILED},
        connect_args={"check_same_thread": False, "timeout": FIRST_SECONDS},
        hide_parameters=True,  # an error's text never holds an item's values
    )

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # the driver opens no transactions by itself: the dialect does
        if path is not None:
            _become_wal(connection, path)
        _run(connection, _EVERYWHERE + _WRITER)

    return engine


def empty_again(path: Path) -> None:
    """Take back the beginning of a journal that could not be made, or it would read as one whose WAL was lost.

    Only where no other process has it open, and nothing is in it. Its name stays: another may open it at this moment.
    """
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
        connection.execute("BEGIN EXCLUSIVE")
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            connection.execute("ROLLBACK")  # the file stays locked until it is closed
            os.truncate(path, 0)


def _refuse_other_files(path: Path) -> None:
    # SQLite itself takes a file of a few bytes for an empty database, and writes over it. Others it refuses; they are not opened
    # here to be looked at, for that would let go of the locks that this process has on them (see private_file).
    if 0 < path.stat().st_size < _SMALLEST:
        raise JournalError(f"{path} is not a journal, or it is damaged. Move it away, or point INTERCOM_BULK_HOME elsewhere.")


def be_patient(connection: Connection) -> None:
    """From now on wait for other processes as a run at work does."""
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        raw.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}").fetchall()


def reader(path: Path, mode: str = "mode=rw") -> Engine:
    """The engine of the read connections: each statement on its own, so none holds back a checkpoint.

    `mode`: how SQLite opens the file, as in its URIs.
    """

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(path))}?{mode}", uri=True, timeout=READ_SECONDS, isolation_level=None, check_same_thread=False
        )

    engine = create_engine(
        "sqlite+journal://",
        creator=connect,
        execution_options={"compiled_cache": _COMPILED},
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=28,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: Any) -> None:
        _run(connection, _EVERYWHERE + _READER)

    return engine


@contextmanager
def readable(path: Path) -> Iterator[tuple[Path, str] | None]:
    """Where and how a journal can be read without writing a byte beside it; None where there is none.

    Readers of a WAL need a file of their own beside it. Where the folder allows none, the database is read as it is if
    nothing is in its WAL, and otherwise from a copy.
    """
    if not path.exists():
        yield None
        return
    refuse_what_is_no_file(path)
    _refuse_other_files(path)
    if path.stat().st_size == 0:
        yield None
        return
    if _opens(path, "mode=ro"):
        yield path, "mode=ro"
        return
    wal = path.with_name(f"{path.name}-wal")
    if not wal.exists() or wal.stat().st_size == 0:
        yield path, "mode=ro&immutable=1"
        return
    with TemporaryDirectory(prefix="journal-") as folder:
        for file in (path, wal):
            shutil.copyfile(file, Path(folder) / file.name)
        yield Path(folder) / path.name, "mode=rw"


def _opens(path: Path, mode: str) -> bool:
    connection = None
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, timeout=READ_SECONDS)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        # Locked, damaged: opening it another way does not help, and reading it says so.
        return not any(part in str(error) for part in ("unable to open", "readonly"))
    except sqlite3.DatabaseError:
        return True
    finally:
        if connection is not None:
            connection.close()
    return True


def _become_wal(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    # Turning WAL on is refused at once, without waiting, while another process does the same.
    from filelock import FileLock

    with FileLock(private_folder(path.parent / "locks") / "journal.lock", timeout=BUSY_SECONDS, mode=0o600):
        # Before the first table: lets `prune` hand space back without rewriting the whole file.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()


def give_back_space(connection: Connection) -> None:
    """Return free pages to the file system. Outside a transaction."""
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        # As a script, because it frees one page a step and `execute` takes only the first.
        raw.executescript("PRAGMA incremental_vacuum")
        truncate_wal(connection)


def truncate_wal(connection: Connection) -> None:
    """Copy the WAL into the file and empty it, as far as others allow without a wait. Outside a transaction."""
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        raw.execute("PRAGMA busy_timeout = 0").fetchall()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
