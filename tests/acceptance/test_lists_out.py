"""What find shows and what a run did, as files that people open: read back with another library than the one that wrote them."""

from __future__ import annotations

import csv
import datetime
import io
import json
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from python_calamine import load_workbook

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.report import table_file
from intercom_bulk_updater.report.table_file import CellKind, TableColumn, write_table_file

from .desk import QUERY, Desk

SANDBOX = {"conversations": 200, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.001, "jitter": 0, "timezone": "Europe/Berlin"}
PLAIN = ("--json", "--progress", "none")
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1")  # noqa: RUF001 - the full-width form is the point
FORMS = (".csv", ".xlsx", ".jsonl", ".parquet")


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a written file, as a reader of its kind has them."""
    if path.suffix == ".xlsx":
        head, *rows = load_workbook(str(path)).get_sheet_by_index(0).to_python()
        return [dict(zip(head, row, strict=True)) for row in rows]
    if path.suffix == ".parquet":
        import pyarrow.parquet

        found: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return found
    text = path.read_bytes().decode("utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("ending", FORMS)
def test_a_list_has_names_beside_ids_dates_and_links(desk: Desk, ending: str) -> None:
    """Each form holds every item that matches, its ids as text, the name of its team, its tags, when it was made, and where to look."""
    written = desk.here("conversations", "find", "--where", QUERY, "-o", f"list{ending}", *PLAIN)
    assert (written.code, written.json["file"]) == (0, f"list{ending}"), written.err
    path = desk.home / f"list{ending}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = {row["id"]: row for row in read(path)}
    assert set(rows) == set(desk.open_ids()) and written.json["count"] == len(rows)
    for one in [desk.box.conversation(key) for key in list(rows)[:20]]:
        row = rows[str(one["id"])]
        assert (row["team_assignee_id"], row["team"]) == ("5001", "Support")
        assert row["link"] == f"https://app.intercom.com/a/inbox/sandbox1/inbox/conversation/{one['id']}"
        names = [tag["name"] for tag in one["tags"]["tags"]]
        assert row["tags"] == (names if ending == ".jsonl" else ", ".join(names))
        made = datetime.datetime.fromtimestamp(one["created_at"], ZoneInfo("Europe/Berlin"))
        if ending == ".xlsx":
            assert row["created_at"] == made.replace(tzinfo=None)
        else:
            assert (row["created_at"] if ending == ".parquet" else datetime.datetime.fromisoformat(row["created_at"])) == made


def test_a_sheet_has_its_header_frozen_and_real_links(desk: Desk) -> None:
    """XLSX: the first row stays in sight, numbers are numbers, links can be clicked, ids of digits are text."""
    assert desk.here("companies", "find", "-o", "list.xlsx").code == 0
    with zipfile.ZipFile(desk.home / "list.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert '<pane ySplit="1"' in sheet and 'state="frozen"' in sheet and "<hyperlink " in sheet
    row = read(desk.home / "list.xlsx")[0]
    one = desk.box.company(row["id"])
    assert type(row["monthly_spend"]) is float and row["monthly_spend"] == one["monthly_spend"]


def put_name(desk: Desk, name: str, email: str) -> str:
    """A contact that somebody has given this name."""
    headers = {"Authorization": f"Bearer {desk.box.token}", "Intercom-Version": "2.16"}
    made = requests.post(f"{desk.box.url}/contacts", json={"role": "user", "email": email, "name": name}, headers=headers, timeout=10)
    return str(made.json()["id"])


@pytest.mark.parametrize("ending", FORMS)
def test_no_name_of_the_server_is_a_formula(desk: Desk, ending: str) -> None:
    """What looks like a formula is a text with an apostrophe in CSV, a text cell in XLSX, and itself for programs."""
    ids = {put_name(desk, name, f"n{place}@example.test"): name for place, name in enumerate(FORMULAS)}
    (desk.home / "ids").write_text("\n".join(ids))
    answer = desk.here("contacts", "find", "--ids", "ids", "--columns", "id,name", "-o", f"list{ending}")
    assert answer.code == 0, answer.err
    rows = {row["id"]: row["name"] for row in read(desk.home / f"list{ending}")}
    held = {key: desk.box.contact(key)["name"] for key in ids}
    assert len(rows) == len(FORMULAS)
    for key, name in held.items():
        assert rows[key] == (f"'{name}" if ending == ".csv" else name)
    if ending == ".xlsx":
        with zipfile.ZipFile(desk.home / "list.xlsx") as book:
            assert b"<f>" not in book.read("xl/worksheets/sheet1.xml") and b'quotePrefix="1"' in book.read("xl/styles.xml")


@pytest.mark.parametrize("ending", FORMS)
def test_a_run_is_exported_by_the_ending_of_the_file(desk: Desk, ending: str) -> None:
    """Each form has each item with its outcome, and can be given back as --ids (Parquet is for programs)."""
    run = desk.close().run
    written = desk.here("runs", "export", run, "-o", f"run{ending}")
    assert written.code == 0, written.err
    rows = read(desk.home / f"run{ending}")
    assert {row["outcome"] for row in rows} == {"done"} and all(row["finished_at"] for row in rows)
    if ending != ".parquet":
        found = desk.here("conversations", "find", "--ids", f"run{ending}", "--json").json
        assert [item["id"] for item in found["items"]] == [row["id"] for row in rows]


def test_another_ending_is_refused_before_anything_is_asked(desk: Desk) -> None:
    """Exit 2 that names the endings; no request, no file."""
    run, before = desk.close("--limit", "1").run, len(desk.box.log(1000))
    for command in (
        ["conversations", "find", "--where", QUERY, "-o", "x.pdf"], ["runs", "export", run, "-o", "x.pdf"],
        ["runs", "report", run, "-o", "x.xlsx"], ["runs", "report", run, "-o", "x.csv"],
    ):
        answer = desk.here(*command)
        assert answer.code == 2 and "ends in" in answer.err, answer.err
    both = desk.here("conversations", "find", "--where", QUERY, "-o", "x.csv", "--count")
    assert both.code == 2 and "two answers" in both.err
    assert len(desk.box.log(1000)) == before and not list(desk.home.glob("x.*"))


def test_columns_are_chosen_listed_and_checked(desk: Desk) -> None:
    """`--columns` in a table, as data and in a file; `help` lists them without a token; an unknown one is exit 2 with the nearest."""
    find = ("conversations", "find", "--where", QUERY, "--limit", "3", "--columns")
    table = [line.split("\t") for line in desk.here(*find, "id,team,created").out.splitlines()]
    assert table[0] == ["id", "team", "created"] and {row[1] for row in table[1:]} == {"Support"} and len(table) == 4
    assert datetime.datetime.fromisoformat(table[1][2])
    items = desk.here(*find, "id,assignee", "--json").json["items"]
    assert [list(item) for item in items] == [["id", "assignee"]] * 3
    wrong = desk.here(*find, "id,taem", "-o", "x.csv")
    assert wrong.code == 2 and "Nearest: team" in wrong.err and not (desk.home / "x.csv").exists()
    environment = {**desk.env}
    del environment["INTERCOM_ACCESS_TOKEN"]
    command = [sys.executable, "-m", "intercom_bulk_updater", "contacts", "find", "--columns", "help"]
    told = subprocess.run(command, env=environment, cwd=desk.home, capture_output=True, text=True)
    assert told.returncode == 0 and "owner\tthe name of the teammate" in told.stdout and "custom_attributes.NAME" in told.stdout


def test_count_and_explain_say_what_find_would(desk: Desk) -> None:
    """--count is the number alone, with one search; --explain shows the query and searches nothing."""
    before = desk.sent("/conversations/search")
    assert desk.here("conversations", "find", "--where", QUERY, "--count").out == f"{len(desk.open_ids())}\n"
    assert desk.sent("/conversations/search") == before + 1
    assert desk.here("companies", "find", "--count", "--json").json["count"] == len(desk.box.companies())
    explained = desk.here("conversations", "find", "--where", QUERY, "--explain")
    assert explained.code == 0 and "team is Support (5001)" in explained.out and '"field": "team_assignee_id"' in explained.out
    assert desk.sent("/conversations/search") == before + 1
    (desk.home / "ids").write_text("\n".join(desk.open_ids()[:7]))
    (desk.home / "not").write_text(desk.open_ids()[0])
    assert desk.here("conversations", "find", "--ids", "ids", "--exclude", "not", "--count").out == "6\n"
    assert desk.here("conversations", "find", "--where", QUERY, "--exclude", "not", "--count").out == f"{len(desk.open_ids()) - 1}\n"


@pytest.mark.parametrize("ending", FORMS)
def test_rows_are_written_as_they_come(tmp_path: Path, ending: str) -> None:
    """A row is taken only when the one before it is written: at most a batch is held, however many there are."""
    most = lives = 0

    class Row(dict[str, Any]):
        def __init__(self, number: int) -> None:
            nonlocal lives, most
            lives += 1
            most = max(most, lives)
            super().__init__(id=str(number), name="=x", at=1_700_000_000 + number)

        def __del__(self) -> None:
            nonlocal lives
            lives -= 1

    def rows() -> Iterator[Row]:
        for number in range(8000):
            yield Row(number)

    columns = [TableColumn("id"), TableColumn("name"), TableColumn("at", CellKind.MOMENT)]
    assert write_table_file(tmp_path / f"x{ending}", columns, rows()) == 8000
    assert most <= (2 * table_file._BATCH + 2 if ending == ".parquet" else 3)
    assert len(read(tmp_path / f"x{ending}")) == 8000


def test_a_list_that_breaks_off_leaves_no_file(desk: Desk) -> None:
    """Half a list would be taken for the whole: the file is there when all of it is, or stays as it was."""
    (desk.home / "list.csv").write_text("as it was")
    desk.box.fault("status", status=500, method="POST", path="/search$", count=50)
    answer = desk.here("conversations", "find", "--where", QUERY, "-o", "list.csv", "--retries", "0", "--patience", "0s")
    desk.box.clear_faults()
    assert answer.code not in (0, 3) and (desk.home / "list.csv").read_text() == "as it was", answer.err
    assert not list(desk.home.glob("*.writing"))


def test_more_than_a_sheet_holds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet that is cut short would lack items without a word."""
    monkeypatch.setattr(table_file, "_ROWS", 3)
    with pytest.raises(UsageError, match="csv"):
        write_table_file(tmp_path / "x.xlsx", [TableColumn("id")], ({"id": str(n)} for n in range(4)))
    assert not list(tmp_path.iterdir())


def test_parquet_without_its_library_says_how_to_get_it(desk: Desk) -> None:
    """The extra is named before anything is asked."""
    blocked = "import sys; sys.modules['pyarrow'] = None\nfrom intercom_bulk_updater.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", blocked, "conversations", "find", "--where", QUERY, "-o", "x.parquet"]
    before = len(desk.box.log(1000))
    answer = subprocess.run(command, env=desk.env, cwd=desk.home, capture_output=True, text=True)
    assert answer.returncode == 2 and "intercom-bulk-updater[parquet]" in answer.stderr, answer.stderr
    assert len(desk.box.log(1000)) == before
