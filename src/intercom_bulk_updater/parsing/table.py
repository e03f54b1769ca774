"""The rows of a table that people name: CSV, TSV, a workbook (XLSX, XLS, ODS) or Parquet, told apart by what is in the file.

Workbooks are read with calamine (https://pypi.org/project/python-calamine/), which runs nothing that is in them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zipfile import ZipFile, is_zipfile

from ..errors import UsageError
from .formula import original_cell
from .identity import count_words
from .parquet import is_parquet, parquet_rows
from .plain_value import is_missing, plain, whole_number
from .text_file import decode, read_bytes
from .xlsx_cells import Cells, cells_of, shown

Note = Callable[[str], None]
Line = tuple[int, list[str]]
"""The number of a row as its program shows it, and the text of its cells."""
_DELIMITERS = ",;\t|"
_CALLED = {";": "semicolons", "\t": "tabs", "|": "bars"}
_SAID = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_EXACT = 10**15
"""A spreadsheet keeps fifteen digits of a number."""
ERRORS = frozenset((
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#ERROR!",
    "#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#N/D", "#VALEUR!", "#NOM?", "#NOMBRE!", "#VALORE!", "#NOME?", "#RIF!", "#VALOR!",
    "#¡REF!", "#¡VALOR!", "#¡DIV/0!", "#¿NOMBRE?", "#¡NUM!",
))  # fmt: skip
"""What spreadsheets in several languages show, and write to a CSV, where a formula came to an error."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file that hold anything, the names of the columns among them.

    `unit`: what its program calls a row: "line" or "row". `otherwise`: of each column (from 0) whose cells show something else
    than the number that was taken, the first of them in words; filled while the lines are read.
    """

    lines: Iterator[Line]
    unit: str = "line"
    otherwise: dict[int, str] = field(default_factory=dict)


def read_table(path: str, name: str, note: Note) -> Table:
    """The table in a file, or in standard input for `-`.

    Parameters
    ----------
    name:
        What the file is, as errors begin: "--csv people.csv".
    note:
        Hears which encoding, and which sheet of several, was taken.

    Raises UsageError, also while the rows are read.
    """
    raw = read_bytes(path, name)
    otherwise: dict[int, str] = {}
    if (lines := typed_lines(raw, name, note, otherwise)) is not None:
        return Table(lines, "row", otherwise)
    text = decode(raw, name, note)
    if text.lstrip().startswith('{"'):
        raise UsageError(
            f"{name} holds JSON Lines, and no table. Write it as .csv or .xlsx.", hint="For the ids in it alone, give it as --ids instead."
        )
    return Table(_text_lines(text, path, name, note))


def typed_lines(raw: bytes, name: str, note: Note, otherwise: dict[int, str] | None = None) -> Iterator[Line] | None:
    """The rows of a workbook or of Parquet, told by its first bytes; None for a text. `otherwise`: see Table."""
    if is_parquet(raw):
        return ((number, [cell_text(cell) for cell in cells]) for number, cells in enumerate(parquet_rows(raw, name), 1))
    return workbook_lines(raw, name, note, {} if otherwise is None else otherwise) if raw.startswith(_WORKBOOKS) else None


def workbook_lines(raw: bytes, name: str, note: Note, otherwise: dict[int, str]) -> Iterator[Line]:
    """The rows of the first sheet of a workbook that holds any; see Table. Raises UsageError for what is no workbook."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(raw)) as book:
            seen = [one.name for one in book.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
            sheets = [sheet for sheet in map(book.get_sheet_by_name, seen) if sheet.height]
    except PasswordError:
        raise UsageError(f"{name} cannot be read: it is protected by a password. Save it without one.") from None
    except (CalamineError, OSError, ValueError) as exc:
        raise UsageError(f"{name} cannot be read: it is a broken Excel workbook, or another ZIP archive ({exc}). Save it again.") from None
    if len(sheets) > 1:
        note(f"{name} has {len(sheets)} sheets with rows; {sheets[0].name!r}, the first, was taken.")
    for sheet in sheets[:1]:
        cells = _checked_cells(raw, book.sheet_names.index(sheet.name), name)
        hidden = 0
        for number, texts in _sheet_lines(sheet.to_python(skip_empty_area=True), sheet.start or (0, 0), name, cells, otherwise):
            hidden += number in cells.hidden
            yield number, texts
        if hidden:
            note(
                f"{name} hides {count_words(hidden, 'row')}, as a filter does: {'it is' if hidden == 1 else 'they are'} taken like the "
                "others. To leave out what is hidden, copy what the sheet shows to a new one."
            )


def _checked_cells(raw: bytes, place: int, name: str) -> Cells:
    """What an XLSX says of a sheet's cells. Raises UsageError for a formula without a value and for an error: empty cells else."""
    if not is_zipfile(io.BytesIO(raw)):
        return Cells()
    with ZipFile(io.BytesIO(raw)) as book:
        cells = cells_of(book, place)
    if cell := cells.formula:
        raise UsageError(
            f"{name}, row {re.sub('[^0-9]', '', cell)}: the formula in cell {cell} has no value in the file: the program that wrote it "
            "did not work it out. Open the file in a spreadsheet program and save it, or write the value in place of the formula."
        )
    if cells.error:
        raise UsageError(_no_value(name, re.sub("[^0-9]", "", cells.error), f"{cells.wrong} in cell {cells.error}"))
    return cells


def _no_value(name: str, row: int | str, error: str) -> str:
    return f"{name}, row {row}: a formula of the sheet has no value there ({error})."


def _sheet_lines(
    rows: Sequence[Sequence[Any]], start: tuple[int, int], name: str, known: Cells, otherwise: dict[int, str]
) -> Iterator[Line]:
    width, (above, left) = 0, start
    for number, cells in enumerate(rows, above + 1):
        texts = [cell_text(cell) for cell in cells]
        if known.formats:
            codes = [known.formats.get((number - 1, left + place), "") for place in range(len(cells))]
            _as_shown(texts, cells, codes, number, otherwise)
        wrong = "" if known.told else next((text for text in texts if text in ERRORS), "")
        if wrong:
            raise UsageError(_no_value(name, number, wrong))
        held = max((place for place, text in enumerate(texts, 1) if text.strip()), default=0)
        if held:
            width = width or held  # cells without a name that hold nothing were only coloured
            yield number, texts[: max(held, width)]


def _as_shown(texts: list[str], cells: Sequence[Any], codes: Sequence[str], number: int, otherwise: dict[int, str]) -> None:
    """Put zeros in front where the sheet shows them, and take down what else it shows."""
    for place, cell in enumerate(cells):
        if not codes[place] or not isinstance(cell, float) or abs(cell) >= _EXACT:
            continue
        seen = shown(cell, codes[place])
        texts[place] = seen or texts[place]
        if seen is None:
            otherwise.setdefault(place, f"row {number}: {texts[place]}, shown by the format {codes[place]}")


def cell_text(value: Any) -> str:
    """The text of a typed cell: `7` for 7.0, `2026-01-31` for a day, `true`; a number that a spreadsheet rounds as it shows it.

    What says that there is no value is an empty cell: None, and NaN, as pandas has them.
    """
    value = whole_number(plain(value))
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.14E}" if abs(value) >= _EXACT else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() and value.tzinfo is None else value.isoformat(" ")
    if isinstance(value, list | tuple):
        return ", ".join(map(cell_text, value))
    return value.isoformat() if isinstance(value, date | time) else format(value, "f") if isinstance(value, Decimal) else str(value)


def _text_lines(text: str, path: str, name: str, note: Note) -> Iterator[Line]:
    said = _SAID.match(text)  # how Excel is told what stands between the cells; no row
    delimiter, text, above = (said[1], text[said.end() :], 1) if said else (delimiter_of(text), text, 0)
    if not said and delimiter in _CALLED:
        note(f"{name} has {_CALLED[delimiter]} between its cells: it was read so.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1 + above
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1 + above
            if any(cell.strip() for cell in cells):
                yield line, [original_cell(cell) for cell in cells]
    except csv.Error as exc:
        raise UsageError(f"{path}, line {reader.line_num + above}, cannot be read: {exc}.") from exc


def delimiter_of(text: str) -> str:
    """What stands between the cells of the first line, quoted ones left out."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(_DELIMITERS, key=re.sub(r'"[^"]*"', "", first).count)
