"""Rows for spreadsheets and programs."""

import csv
import io
import json
import stat
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_runs import a_run, done, mixed

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.journal.lock import RunLock
from intercom_bulk_updater.model import Failure, FoundItem, Item, ItemResult, Outcome, RunStatus
from intercom_bulk_updater.report.export import COLUMNS, export, export_file

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",  # noqa: RUF001 - the full-width form is the point
    'a "quoted", cell\nof two lines; \u2028 with 😀 and \ud83d half',
    "\0=1",
]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def rows_of(text: str) -> list[dict[str, str]]:
    """What a CSV reader makes of an export."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def exported(journal: Journal, run: str, **options: Any) -> str:
    """An export as text."""
    stream = io.StringIO(newline="")
    export(journal, run, stream, **options)
    return stream.getvalue()


def test_every_item_is_one_row_in_both_forms(journal: Journal) -> None:
    """5,000 items are 5,000 rows, in order, with the same values as CSV and as JSON Lines."""
    run = a_run(journal, 5000, mixed)
    stream = io.StringIO(newline="")
    assert export(journal, run.id, stream, format="csv") == 5000
    as_csv = rows_of(stream.getvalue())
    as_jsonl = [json.loads(line) for line in exported(journal, run.id, format="jsonl").splitlines()]
    assert tuple(as_csv[0]) == COLUMNS == tuple(as_jsonl[0])
    assert [int(row["seq"]) for row in as_csv] == [row["seq"] for row in as_jsonl] == list(range(1, 5001))
    for name in ("id", "outcome", "change", "cause", "code", "message", "request_id", "note"):
        assert [row[name] for row in as_csv] == [row[name] for row in as_jsonl]
    failed = as_jsonl[0]
    assert (failed["outcome"], failed["cause"], failed["status"]) == ("failed", "404 not_found", 404)
    assert (failed["message"], failed["request_id"]) == ("Resource Not Found", "req-404")
    changed = as_jsonl[20]
    assert changed["change"] == "state: open -> closed"
    assert (changed["before"], changed["after"]) == ({"state": "open"}, {"state": "closed", "updated_at": 5})


def test_no_cell_is_a_formula(journal: Journal) -> None:
    """Whatever an updater or a server put there, no cell begins as a formula does; text stays whole."""

    def fate(item: Item) -> ItemResult:
        text = HOSTILE[item.seq - 1]
        return ItemResult(item.seq, Outcome.FAILED, failure=Failure(text, text, 400, text, text), note=text)

    run = a_run(journal, len(HOSTILE), fate, ids=lambda n: HOSTILE[n - 1].replace("\ud83d", "") + str(n))
    rows = rows_of(exported(journal, run.id))
    assert len(rows) == len(HOSTILE)
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))  # noqa: RUF001
            assert "\0" not in cell
    assert rows[0]["message"] == "'=cmd|' /C calc'!A0"
    assert '"quoted", cell\nof two lines' in rows[8]["message"]
    exported(journal, run.id).encode("utf-8")
    for line in exported(journal, run.id, format="jsonl").splitlines():
        json.loads(line)


def test_ids_are_text(journal: Journal) -> None:
    """Ids keep their digits and leading zeros: quoted in CSV, strings in JSON Lines."""
    run = a_run(journal, 1, ids=lambda n: "000215470000000001")
    assert '"000215470000000001"' in exported(journal, run.id)
    assert json.loads(exported(journal, run.id, format="jsonl"))["id"] == "000215470000000001"


def test_private_text_is_left_out_unless_asked_for(journal: Journal) -> None:
    """E-mail addresses and bodies only when asked for; tokens never."""
    secret = "dG9rOmFhYWFhYWFhYWFhYWFh"
    failure = Failure("409 conflict", f"anna@example.com exists, Bearer {secret}", 409, "conflict")
    run = a_run(
        journal,
        1,
        lambda item: ItemResult(item.seq, Outcome.FAILED, failure=failure),
        before=lambda n: {"body": "Dear Anna", "email": "anna@example.com"},
    )
    for form in ("csv", "jsonl"):
        without = exported(journal, run.id, format=form)
        assert "anna@example.com" not in without
        assert "Dear Anna" not in without
        everything = exported(journal, run.id, format=form, with_bodies=True)
        assert everything.count("anna@example.com") == 2
        assert "Dear Anna" in everything
        assert secret not in without + everything


def test_only_the_outcomes_that_are_asked_for(journal: Journal) -> None:
    """`outcomes` narrows the rows down, and items a dead process left in flight count as in doubt."""
    run = a_run(journal, 300, mixed)
    assert exported(journal, run.id, outcomes=[Outcome.FAILED]).count("\r\n") == 1 + 15
    dead = journal.create_run(operation="conversations.close")
    journal.add_items(dead.id, [FoundItem("1"), FoundItem("2")])
    journal.turn(dead.id, [], 1)
    journal.update_run(dead.id, status=RunStatus.RUNNING)
    assert [r["id"] for r in rows_of(exported(journal, dead.id, outcomes=[Outcome.IN_DOUBT]))] == ["1"]
    with RunLock(journal.home, dead.id):
        assert [r["outcome"] for r in rows_of(exported(journal, dead.id))] == ["pending", "pending"]


def test_tags_are_told_one_by_one(journal: Journal) -> None:
    """A change of tags says what was added and what was removed, and begins with no sign."""
    run = a_run(
        journal,
        1,
        lambda item: ItemResult(item.seq, Outcome.DONE, after={"tags": ["7", "86"], "part": "9"}),
        before=lambda n: {"tags": ["7", "12"]},
        finish={"totals": {"names": {"86": "incident (86)"}}},
    )
    assert rows_of(exported(journal, run.id))[0]["change"] == "added tag incident (86), removed tag 12"


@pytest.mark.further
def test_memory_does_not_grow_with_the_run(journal: Journal) -> None:
    """The second half of an export needs no more memory than the first."""
    peaks: list[int] = []

    class Nowhere(io.StringIO):
        def write(self, text: str) -> int:
            if text.startswith(("1200,", "2400,")):
                peaks.append(tracemalloc.get_traced_memory()[1])
            return len(text)

    run = a_run(journal, 2400, done)
    tracemalloc.start()
    export(journal, run.id, Nowhere())
    tracemalloc.stop()
    assert len(peaks) == 2
    assert peaks[1] < 1.2 * peaks[0]


def test_a_file_is_private_and_whole_or_not_there(journal: Journal, tmp_path: Path) -> None:
    """Only its owner can read the file; one that cannot be written is an error and leaves nothing behind."""
    run = a_run(journal, 3)
    target = tmp_path / "out" / "items.csv"
    with pytest.raises(UsageError, match="cannot be written"):
        export_file(target, journal, run.id)
    target.parent.mkdir()
    assert export_file(target, journal, run.id) == 3
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["items.csv"]
    with pytest.raises(UsageError, match="csv, jsonl or json"):
        export(journal, run.id, io.StringIO(), format="xlsx")  # type: ignore[arg-type]
