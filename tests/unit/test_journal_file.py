"""The journal's file: who may read it, which file is refused, and how its schema changes."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from intercom_bulk_updater.errors import ConfigurationError, JournalError, RunLocked
from intercom_bulk_updater.journal import Journal, journal_path
from intercom_bulk_updater.journal.lock import RunLock
from intercom_bulk_updater.model import FoundItem, Outcome

ROOT = Path(__file__).parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def pragma(journal: Journal, name: str) -> object:
    with journal._database.transaction() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_default_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The journal is in INTERCOM_BULK_HOME, or else in the platform's state folder."""
    monkeypatch.setenv("INTERCOM_BULK_HOME", str(tmp_path / "state"))
    assert journal_path() == tmp_path / "state" / "journal.db"
    with Journal() as journal:
        assert journal.home == tmp_path / "state"
    monkeypatch.delenv("INTERCOM_BULK_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert journal_path().name == "journal.db"
    assert journal_path(tmp_path) == tmp_path / "journal.db"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_private(tmp_path: Path) -> None:
    """The folder is 0700 and every file in it 0600, while the journal is open and after, under any umask."""
    home = tmp_path / "deep" / "home"
    before = os.umask(0)
    try:
        with Journal(home / "journal.db") as journal:
            run = journal.create_run(operation="close").id
            with RunLock(journal.home, run):
                files = {path.name for path in home.rglob("*") if path.is_file()}
                assert {"journal.db", "journal.db-wal", "journal.db-shm", f"{run}.lock"} <= files
                assert {mode(path) for path in home.rglob("*") if path.is_file()} == {0o600}
                assert mode(home) == mode(home / "locks") == 0o700
    finally:
        os.umask(before)
    home.joinpath("journal.db").chmod(0o644)
    Journal(home / "journal.db").close()
    assert mode(home / "journal.db") == 0o600


def test_durable(tmp_path: Path) -> None:
    """A commit is on the disk when it returns, and other processes are waited for."""
    with Journal(tmp_path / "journal.db") as journal:
        assert pragma(journal, "journal_mode") == "wal"
        assert pragma(journal, "synchronous") == 2
        assert pragma(journal, "busy_timeout") == 30_000
        assert pragma(journal, "auto_vacuum") == 2


def test_closed(tmp_path: Path) -> None:
    """A closed journal says so, leaves one file behind, and may be closed again."""
    journal = Journal(tmp_path / "journal.db")
    run = journal.create_run(operation="close").id
    journal.close()
    journal.close()
    assert sorted(path.name for path in tmp_path.glob("journal.db*")) == ["journal.db"]
    for call in (lambda: journal.run(run), lambda: journal.add_items(run, [FoundItem("1")])):
        with pytest.raises(JournalError, match="closed"):
            call()


@pytest.mark.parametrize("content", [b"not a database, just some text that is long enough to be read " * 20, b"x"])
def test_not_a_database(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is refused by name and left as it is."""
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.db") as caught:
        Journal(path)
    assert "Move it away" in caught.value.message
    assert path.read_bytes() == content


def test_database_of_something_else(tmp_path: Path) -> None:
    """Another program's database is refused, and no table is added to it."""
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE run (x)")
    other.close()
    with pytest.raises(JournalError, match="database of something else"):
        Journal(path)
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("run",)]
    other.close()


def test_damaged(tmp_path: Path) -> None:
    """A damaged page is reported as damage, with the file's name, when it is met."""
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        run = journal.create_run(operation="close").id
        journal.add_items(run, [FoundItem(str(n), {"state": "open"}) for n in range(3000)])
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\xa5" * (len(content) - 12288)
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.db"), Journal(path) as journal:
        list(journal.items(run))


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    """A state folder that cannot be made, and a journal that is a folder, are refused with the way out."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="INTERCOM_BULK_HOME"):
        Journal(tmp_path / "file" / "journal.db")
    (tmp_path / "journal.db").mkdir()
    with pytest.raises(ConfigurationError, match="INTERCOM_BULK_HOME"):
        Journal(tmp_path / "journal.db")


def test_url_refused() -> None:
    """A database URL is not mistaken for a file's name."""
    with pytest.raises(JournalError, match="URL"):
        Journal("postgresql://host/db")


def test_newer_schema_refused(tmp_path: Path) -> None:
    """A journal of a newer program is refused with the command that upgrades, and left as it is."""
    path = tmp_path / "journal.db"
    Journal(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    raw.close()
    with pytest.raises(JournalError, match=r"schema 99.*pip install -U"):
        Journal(path)


def test_statements_are_compiled_once_for_all_journals(tmp_path: Path) -> None:
    """What one journal has asked for, another in the same process compiles no more, and neither does one in memory."""
    from intercom_bulk_updater.journal import sqlite

    compiled: list[int] = []
    for path in (tmp_path / "a.db", tmp_path / "b.db", ":memory:"):
        with Journal(path) as journal:
            run = journal.create_run(operation="close").id
            journal.add_items(run, [FoundItem("1")])
            assert [item.id for item in journal.turn(run, [], 1)] == ["1"] and journal.counts(run).in_flight == 1
        compiled.append(len(sqlite._COMPILED))
    assert compiled[0] == compiled[1] == compiled[2] > 0


def test_migration(tmp_path: Path) -> None:
    """A step runs once, in order, and a step that fails leaves the version before it."""
    from sqlalchemy import Connection

    from intercom_bulk_updater.journal import migrations, schema

    path = tmp_path / "journal.db"
    ran: list[int] = []

    following = schema.VERSION + 1

    def next_step(connection: Connection) -> None:
        ran.append(following)
        connection.exec_driver_sql("ALTER TABLE item ADD COLUMN holder TEXT")

    def broken(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE item ADD COLUMN half TEXT")
        raise JournalError("broken step")

    with Journal(path) as journal:
        assert max(migrations.STEPS) == schema.VERSION
        steps = {**migrations.STEPS, following: next_step}
        for _ in range(2):
            with journal._database.transaction() as connection:
                migrations.migrate(connection, "x", steps)
        with pytest.raises(JournalError, match="broken step"), journal._database.transaction() as connection:
            migrations.migrate(connection, "x", {**steps, following + 1: broken})
        with journal._database.transaction() as connection:
            assert migrations.version(connection) == following
            columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(item)")]
    assert ran == [following]
    assert "holder" in columns and "half" not in columns


def test_recipes_of_an_older_program_have_no_time_zone(tmp_path: Path) -> None:
    """They are listed before the first write has added the column, and after it."""
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        begun = journal.create_recipe(name="x", file="", text="", consent={}, timezone="Europe/Dublin")
        assert journal.recipe(begun.id).timezone == "Europe/Dublin"
        with journal._database.transaction() as connection:
            connection.exec_driver_sql("ALTER TABLE recipe DROP COLUMN timezone")
            connection.exec_driver_sql("UPDATE meta SET value = '4' WHERE key = 'schema_version'")
    for read_only in (True, False, True):
        with Journal(path, read_only=read_only) as journal:
            assert [(one.id, one.timezone) for one in journal.recipes()] == [(begun.id, None)]


def test_errors_hold_no_values(tmp_path: Path) -> None:
    """An error of the database, however printed, shows nothing of what was being written."""
    with Journal(tmp_path / "journal.db") as journal:
        run = journal.create_run(operation="close").id
        with journal._database.transaction() as connection:
            connection.exec_driver_sql("DROP TABLE item")
        with pytest.raises(JournalError) as caught:
            journal.add_items(run, [FoundItem("secret@example.com", {"body": "secret@example.com"})])
    assert "secret" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


def test_interrupted_between_begin_and_write(tmp_path: Path) -> None:
    """A transaction that an interrupt left open is undone, and the next write goes through."""
    with Journal(tmp_path / "journal.db") as journal:
        run = journal.create_run(operation="close").id
        writer = journal._database._writer
        writer.begin()
        writer.exec_driver_sql("DELETE FROM run")
        assert journal.add_items(run, [FoundItem("1")]) == 1
        assert journal.run(run).id == run


def test_light_to_import() -> None:
    """Importing the journal's names loads neither the database library nor the lock's."""
    code = (
        "import sys, intercom_bulk_updater.journal as j; "
        "assert j.Journal and j.Lease and j.RunRecord; "
        "sys.exit(any(name in sys.modules for name in ('sqlalchemy', 'sqlite3', 'filelock', 'platformdirs')))"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # which loads sqlite3 itself
    assert subprocess.run([sys.executable, "-c", code], check=False, env=env).returncode == 0


def test_every_table_and_column_is_explained() -> None:
    """The schema's comments are the page docs/reference/journal-file.md."""
    from intercom_bulk_updater.journal import schema

    for table in schema.metadata.tables.values():
        assert table.comment
        assert all(column.comment for column in table.columns)


def test_tables_fit_postgresql() -> None:
    """Tables and statements say nothing that PostgreSQL would not understand."""
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateIndex, CreateTable

    from intercom_bulk_updater.journal import item_writes as items
    from intercom_bulk_updater.journal import schema

    dialect = postgresql.dialect()
    for table in schema.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "INDEX" in str(CreateIndex(index).compile(dialect=dialect))
    assert "FOR UPDATE SKIP LOCKED" in str(items._lowest.compile(dialect=dialect))


def test_codes_cover_every_outcome() -> None:
    """Every outcome has a code of its own that leads back to it."""
    from intercom_bulk_updater.journal import schema

    assert set(schema.CODE) == set(Outcome)
    assert [schema.OUTCOME[schema.CODE[outcome]] for outcome in Outcome] == list(Outcome)


def test_lock_of_this_process(tmp_path: Path) -> None:
    """A held run is refused to a second holder with exit 12, shows as held, and is free again afterwards."""
    assert not RunLock.held(tmp_path, "r")
    with RunLock(tmp_path, "r") as lock:
        assert RunLock.held(tmp_path, "r") and not RunLock.held(tmp_path, "other")
        with pytest.raises(RunLocked, match="runs watch r") as caught, RunLock(tmp_path, "r"):
            pass
        assert (caught.value.exit_code, caught.value.run_id) == (12, "r")
        assert RunLock.held(tmp_path, "r")
    assert not RunLock.held(tmp_path, "r")
    lock.release()
    with lock:
        assert RunLock.held(tmp_path, "r")
