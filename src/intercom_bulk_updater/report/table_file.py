"""Rows written as CSV, XLSX, JSON Lines or Parquet, by the ending of the file: one row at a time, in flat memory.

XLSX is written with XlsxWriter (https://xlsxwriter.readthedocs.io), Parquet with pyarrow, which is an extra.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from ..api.redact import without_known_tokens
from ..errors import UsageError
from ..parsing.dates import clock_of
from ..parsing.formula import like_formula, safe_cell
from ..parsing.output_file import replacing, replacing_path
from ..parsing.parquet import pyarrow
from ..parsing.plain_value import whole_number
from .times import rfc3339

Row = Mapping[str, Any]
Format = Literal["csv", "jsonl", "json", "xlsx", "parquet"]
ENDINGS: dict[str, Format] = {".csv": "csv", ".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""What a table is written as, by the ending of its file."""

_ROWS, _LINKS, _CELL = 1_048_575, 65_530, 32_767
"""The rows below the header, the links and the characters of a cell that Excel takes."""
_EXACT = 10**15
"""A spreadsheet rounds numbers of more than fifteen digits."""
_BATCH = 1000


class CellKind(StrEnum):
    """What the cells of a column are."""

    TEXT = "text"
    """Also ids: a number is written as text, so that no spreadsheet rounds it."""
    NUMBER = "number"
    INTEGER = "whole number"
    FLAG = "true or false"
    MOMENT = "date"
    """Unix seconds; written as a date in the time zone of the table."""
    LINK = "link"
    ANY = "any"
    """Each cell as its value is."""


NUMBERS = (CellKind.NUMBER, CellKind.INTEGER)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column by its name, and what its cells are."""

    name: str
    kind: CellKind = CellKind.TEXT


class Writable(Protocol):
    """What takes text: a file, standard output."""

    def write(self, text: str, /) -> int:
        """Write a piece."""


def format_of(path: Path) -> Format:
    """What a file is written as. Raises UsageError where that needs a library that is not installed, or for another ending."""
    found = ENDINGS.get(path.suffix.lower())
    if found is None:
        raise UsageError(f"{path} ends in {path.suffix or 'nothing'}; a table is written to {', '.join(ENDINGS)}.")
    if found == "parquet":
        pyarrow()
    return found


def write_table_file(
    path: Path, columns: Sequence[TableColumn], rows: Iterable[Row], *, form: Format | None = None, zone: str = "", what: str = "The list"
) -> int:
    """Write rows to a file that only its owner can read, replaced as a whole or not at all; returns how many.

        write_table_file(Path("list.xlsx"), [TableColumn("id"), TableColumn("created_at", CellKind.MOMENT)], rows, zone="Europe/Berlin")

    Parameters
    ----------
    form:
        What it is written as; by its ending if not given.
    zone:
        The time zone of dates, by its IANA name; UTC by default, and for one that this machine does not know.
    what:
        What the file is, as an error begins.

    Raises UsageError for a file that cannot be written, and for more rows than a sheet of XLSX holds.
    """
    form, clock = form or format_of(path), clock_of(zone)
    if form in ("csv", "jsonl", "json"):
        with replacing(path, what, newline="") as stream:
            return write_table(stream, columns, rows, form, clock)
    write = _xlsx if form == "xlsx" else _parquet
    with replacing_path(path, what) as temporary:
        return write(temporary, columns, rows, clock)


def write_table(stream: Writable, columns: Sequence[TableColumn], rows: Iterable[Row], form: Format, zone: tzinfo) -> int:
    """Write rows as "csv", "jsonl" or "json" (one object with all items) to a stream of text; returns how many."""
    if form == "csv":
        return _csv(stream, columns, rows, zone)
    plain = ({one.name: _plain(one, row.get(one.name), zone) for one in columns} for row in rows)
    return _json(stream, plain) if form == "json" else _jsonl(stream, plain)


def text_of_moment(at: float, zone: tzinfo) -> str:
    """`2026-11-23T10:15:02+01:00`; in UTC `2026-11-23T09:15:02.418Z`."""
    here = datetime.fromtimestamp(at, zone)
    return here.isoformat(timespec="seconds") if here.utcoffset() else rfc3339(at) or ""


def shown_cell(column: TableColumn, value: Any, zone: tzinfo) -> str:
    """The text of a cell, for people: a moment as a date, a list with commas between."""
    if column.kind is CellKind.MOMENT and _is_moment(value):
        return f"{datetime.fromtimestamp(value, zone):%Y-%m-%d %H:%M}"
    return _text(value)


def _plain(column: TableColumn, value: Any, zone: tzinfo) -> Any:
    """A value as JSON has it."""
    if column.kind is CellKind.MOMENT and _is_moment(value):
        return text_of_moment(value, zone)
    if column.kind is CellKind.TEXT and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _is_moment(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 253_402_300_800


def _text(value: Any) -> str:
    """Whatever is not a number, as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple) and not any(isinstance(part, Mapping | list | tuple) for part in value):
        return ", ".join(_text(part) for part in value)
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return without_known_tokens(str(value)).replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _number(column: TableColumn, value: Any) -> bool:
    """Whether a cell is to hold a number."""
    known = column.kind in (*NUMBERS, CellKind.ANY) and isinstance(value, int | float) and not isinstance(value, bool)
    return known and math.isfinite(value) and abs(value) < _EXACT


def _jsonl(stream: Writable, rows: Iterable[Row]) -> int:
    # ASCII: half of an emoji is legal in JSON and in no encoding, and U+2028 ends a line for some readers.
    encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
    count = 0
    for row in rows:
        stream.write(without_known_tokens(encode(row)) + "\n")
        count += 1
    return count


def _json(stream: Writable, rows: Iterable[Row]) -> int:
    """One object, written piece by piece: the items of a large run do not fit into memory."""
    encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
    count = 0
    stream.write('{"schema":"export/1","ok":true,"exit":0,"items":[')
    for row in rows:
        stream.write((",\n" if count else "\n") + without_known_tokens(encode(row)))
        count += 1
    stream.write(f'\n],"count":{count}}}\n')
    return count


def _csv(stream: Writable, columns: Sequence[TableColumn], rows: Iterable[Row], zone: tzinfo) -> int:
    # Text is quoted and numbers are not, so that a spreadsheet can be told to keep quoted cells as text.
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([safe_cell(_text(one.name)) for one in columns])
    count = 0
    for row in rows:
        values = [(one, row.get(one.name)) for one in columns]
        writer.writerow([value if _number(one, value) else safe_cell(_text(_plain(one, value, zone))) for one, value in values])
        count += 1
    return count


def _xlsx(path: Path, columns: Sequence[TableColumn], rows: Iterable[Row], zone: tzinfo) -> int:
    from xlsxwriter import Workbook

    with Workbook(str(path), {"constant_memory": True}) as book:  # each row goes to disk when the next one begins
        sheet = _Sheet(book, columns, zone)
        for row in rows:
            sheet.write(row)
    return sheet.count


class _Sheet:
    """One sheet of XLSX with its header frozen: every text a text cell, whatever it looks like, so that nothing is a formula."""

    def __init__(self, book: Any, columns: Sequence[TableColumn], zone: tzinfo) -> None:
        self._columns, self._zone = columns, zone
        self._sheet = book.add_worksheet("Items")
        self._date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        # What looks like a formula stays a text also where somebody edits the cell.
        self._quoted = book.add_format({"quote_prefix": True})
        self._links = self.count = 0
        head = book.add_format({"bold": True})
        for place, one in enumerate(columns):
            wide = {CellKind.MOMENT: 19, CellKind.LINK: 40, **dict.fromkeys(NUMBERS, 10)}.get(one.kind, 22)
            self._sheet.set_column(place, place, wide)
            self._sheet.write_string(0, place, _text(one.name), head)
        self._sheet.freeze_panes(1, 0)

    def write(self, row: Row) -> None:
        """Write a row below the others."""
        if self.count == _ROWS:
            raise UsageError(f"A sheet of XLSX holds {_ROWS:,} items, and there are more. Write them to a .csv file.")
        self.count += 1
        for place, one in enumerate(self._columns):
            value = row.get(one.name)
            if value not in (None, "", []):
                self._cell(place, one, value)

    def _cell(self, place: int, column: TableColumn, value: Any) -> None:
        at = self.count, place
        if column.kind is CellKind.MOMENT and _is_moment(value):
            here = datetime.fromtimestamp(value, self._zone)
            if here.fold:  # a date cell has no time zone, and would be read as the first of the two hours of that name
                self._sheet.write_string(*at, text_of_moment(value, self._zone))
            else:
                self._sheet.write_datetime(*at, here.replace(tzinfo=None), self._date)
        elif _number(column, value):
            self._sheet.write_number(*at, value)
        elif isinstance(value, bool) and column.kind in (CellKind.FLAG, CellKind.ANY):
            self._sheet.write_boolean(*at, value)
        elif column.kind is CellKind.LINK and self._links < _LINKS:
            self._links += 1
            self._sheet.write_url(*at, _text(value))
        else:
            text = _text(value)[:_CELL]
            self._sheet.write_string(*at, text, self._quoted if like_formula(text) else None)


def _parquet(path: Path, columns: Sequence[TableColumn], rows: Iterable[Row], zone: tzinfo) -> int:
    arrow = pyarrow()
    types = {
        CellKind.NUMBER: arrow.float64(), CellKind.INTEGER: arrow.int64(), CellKind.FLAG: arrow.bool_(),
        CellKind.MOMENT: arrow.timestamp("ms", tz=str(zone)),
    }  # fmt: skip
    schema = arrow.schema([(one.name, types.get(one.kind, arrow.string())) for one in columns])
    count = 0
    with arrow.parquet.ParquetWriter(str(path), schema) as writer:
        for batch in _batches(rows):
            made = [{one.name: _of_type(one, row.get(one.name)) for one in columns} for row in batch]
            writer.write_batch(arrow.RecordBatch.from_pylist(made, schema=schema))
            count += len(batch)
    return count


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    stream = iter(rows)
    while batch := list(islice(stream, _BATCH)):
        yield batch


def _of_type(column: TableColumn, value: Any) -> Any:
    """A value as its column of Parquet takes it; None for what it does not."""
    fits: Callable[[Any], bool] | None = {
        CellKind.NUMBER: lambda one: isinstance(one, int | float) and not isinstance(one, bool),
        CellKind.INTEGER: lambda one: isinstance(whole_number(one), int) and abs(one) < 2**63,
        CellKind.FLAG: lambda one: isinstance(one, bool),
        CellKind.MOMENT: _is_moment,
    }.get(column.kind)
    if fits is None:
        return None if value is None else _text(value)
    if not fits(value):
        return None
    return round(value * 1000) if column.kind is CellKind.MOMENT else int(value) if column.kind is CellKind.INTEGER else value
