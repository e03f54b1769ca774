"""What a selection takes, and how it speaks: in flags to the command, in arguments to Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from intercom_bulk_updater import Options, Reversibility, SafetyStop, UsageError
from intercom_bulk_updater.operations.conversations.messages import Reply
from intercom_bulk_updater.operations.conversations.verbs import Close
from intercom_bulk_updater.service.consent import Consent
from intercom_bulk_updater.service.options import options_of
from intercom_bulk_updater.service.selection import Selection, drop_repeats, one_way, read_ids
from intercom_bulk_updater.service.spreadsheet import checked_places, operation_for, read_rows

PYTHON, FLAGS = Options(python=True), Options()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "none is given"),
        ({"where": "state = open", "ids": ["1"]}, "given are where and ids"),
        ({"ids": ["1"], "id_column": "x"}, "id_column names a column of csv"),
    ],
)
def test_exactly_one_way_in_the_words_of_the_caller(asked: dict[str, Any], said: str) -> None:
    """None, two, and what belongs to another way are refused, for Python without a flag, for the command with flags."""
    with pytest.raises(UsageError, match=said) as python:
        one_way(Selection(**asked), "conversations", PYTHON)
    assert "--" not in python.value.message
    with pytest.raises(UsageError, match="--(ids|id-column)"):
        one_way(Selection(**asked), "conversations", FLAGS)


def test_ids_are_given_or_read(tmp_path: Path) -> None:
    """A list of ids means what a file with them means; what is not an id is named with its place."""
    file = tmp_path / "ids.txt"
    file.write_text("007\n8\n8\n")
    heard: list[str] = []
    assert drop_repeats(read_ids(str(file)), "conversations") == drop_repeats(read_ids(["007", "8", "8"]), "conversations", heard.append)
    assert heard == ["1 id stands more than once; it is done once."]
    with pytest.raises(UsageError, match=r"ids\[1\]: 'no id' is not an id"):
        read_ids(["1", "no id"], PYTHON)
    with pytest.raises(UsageError, match="ids is empty"):
        read_ids([], PYTHON)


def test_rows_are_given_or_read(tmp_path: Path) -> None:
    """Rows of a program mean what the same rows of a file mean."""
    file = tmp_path / "rows.csv"
    file.write_text("key,body\n01,Hello\n2,\n")
    given = read_rows([{"key": "01", "body": "Hello"}, {"key": 2, "body": None}], "key", "conversations", options=PYTHON)
    read = read_rows(str(file), "key", "conversations")
    assert [(row.id, dict(row.cells)) for row in given.rows] == [(row.id, dict(row.cells)) for row in read.rows]
    assert given.columns == read.columns


@pytest.mark.parametrize(
    ("rows", "column", "said"),
    [
        ([], None, "csv has no rows"),
        ([{"x": 1}], None, "in which column of csv the ids are: id_column, one of x"),
        ([{"id": 1}], "key", "csv has no column 'key'"),
        ([{"id": 1, "x": 2}, {"id": 3}], None, r"csv\[1\] has the columns id"),
        ([{"id": "a b"}], None, r"csv\[0\]: 'a b' is not an id"),
        ([{"id": 1, "x": 1}, {"id": 1, "x": 2}], None, "with other values"),
    ],
)
def test_rows_that_leave_it_open_are_refused(rows: list[dict[str, Any]], column: str | None, said: str) -> None:
    """Whatever leaves open which items are meant is refused, in the words of Python."""
    with pytest.raises(UsageError, match=said) as refused:
        read_rows(rows, column, "conversations", options=PYTHON)
    assert "--" not in refused.value.message


def test_a_place_without_rows_names_what_is_missing() -> None:
    """`{{col}}` without rows says where they would come from."""
    with pytest.raises(UsageError, match="no csv= is given"):
        checked_places({"body": "Hi {{name}}"}, None, PYTHON)
    with pytest.raises(UsageError, match="no --csv FILE is given"):
        checked_places({"body": "Hi {{name}}"}, None, FLAGS)


def test_each_row_has_its_own_operation() -> None:
    """The parameters of a row are filled with its cells, and the operation stands for all of them."""
    rows = read_rows([{"id": 1, "name": "Ann"}, {"id": 2, "name": "Ben"}], None, "conversations")
    operation, items = operation_for({"body": "Hi {{name}}"}, rows, lambda given: Reply(str(given["body"])))
    assert [dict(item.data or {})["with"]["body"] for item in items or ()] == ["Hi Ann", "Hi Ben"]
    assert operation.describe() == "reply by {{name}} of csv"


@pytest.mark.parametrize(
    ("operation", "consent", "said"),
    [
        (Reply("x"), Consent(), "customer_visible=True"),
        (Close("Bye"), Consent(irreversible=True), "customer_visible=True"),
        (Reply("x"), Consent(customer_visible=True), ""),
        (Close(), Consent(), ""),
    ],
)
def test_consent(operation: Any, consent: Consent, said: str) -> None:
    """What customers see needs a word more, in the words of the caller."""
    if not said:
        consent.check(operation, PYTHON)
        return
    with pytest.raises(SafetyStop, match=said):
        consent.check(operation, PYTHON)
    with pytest.raises(SafetyStop, match="say --customer-visible"):
        consent.check(operation, FLAGS)


def test_what_has_no_way_back_needs_consent() -> None:
    """An operation that nothing brings back needs `irreversible`."""
    operation = Close()
    operation.reversibility = Reversibility.IRREVERSIBLE
    with pytest.raises(SafetyStop, match="Say irreversible=True"):
        Consent().check(operation, PYTHON)
    Consent(irreversible=True).check(operation, PYTHON)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"share": "40%"}, {"share": 0.4}),
        ({"rate": "600/min"}, {"rate": 10.0, "rate_words": "600/min"}),
        ({"workers": "auto", "deadline": "2h", "patience": 90}, {"workers": None, "deadline": 7200.0, "patience": 90.0}),
        ({"expect": 164, "max": "10%", "canary": None}, {"expect": "164", "max": "10%", "canary": ""}),
    ],
)
def test_options_are_numbers_or_texts(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Python gives numbers, or the texts that the flags take; None is "not given"."""
    options = options_of(given)
    assert {name: getattr(options, name) for name in wanted} == wanted
    assert options.python


@pytest.mark.parametrize("given", [{"rate": 3}, {"share": 40}, {"verify": "some"}, {"expect": "many"}, {"retries": -1}, {"dry_run": "yes"}])
def test_malformed_options_name_the_argument(given: dict[str, Any]) -> None:
    """What cannot be an option is refused by its name in Python."""
    with pytest.raises(UsageError) as refused:
        options_of(given)
    assert refused.value.message.startswith(next(iter(given))) and "--" not in refused.value.message


def test_the_way_on_is_said_in_the_words_of_the_caller() -> None:
    """A command for who typed one, a method for who called one."""
    assert FLAGS.command("1126-x", "resume", max_failures="100%") == "intercom-bulk runs resume 1126-x --max-failures 100%"
    assert PYTHON.command("1126-x", "resume", max_failures="100%") == "open_run('1126-x').resume(max_failures='100%')"
    assert (FLAGS.word("dry_run", True), PYTHON.word("dry_run", True)) == ("--dry-run", "dry_run=True")
