"""What calamine does not tell of an XLSX: formulas that nobody has worked out, errors, how a number is shown, hidden rows.

A formula without a value and an error are empty cells to calamine, and 1234 that is shown as 01234 is 1234.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from zipfile import BadZipFile, ZipFile

_PREFIX = rb"(?:\w+:)?"


def _element(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern.replace(b"P:", _PREFIX))


_FORMULA = _element(rb"<P:c\s([^>]*)>\s*<P:f\b(?:[^>]*/>|[^>]*>[^<]*</P:f>)\s*(?:<P:v\s*/>|<P:v\s*>\s*</P:v>)?\s*</P:c>")
_ERROR = _element(rb"""(?s)<P:c\s([^>]*\bt\s*=\s*["']e["'][^>/]*)>(?:(?!</P:c>).)*?<P:v[^>]*>([^<]*)""")
_ROW = _element(rb"<P:row\s([^>]*)")
_SHEET = _element(rb"<P:sheet\s([^>]*)")
_TARGET = _element(rb"<P:Relationship\s([^>]*)")
_FORMAT = _element(rb"<P:numFmt\s([^>]*)")
_STYLES = _element(rb"(?s)<P:cellXfs\b.*?</P:cellXfs>")
_STYLE = _element(rb"<P:xf\s([^>]*)")
_ATTRIBUTE = re.compile(rb"""([\w:]+)\s*=\s*["']([^"']*)["']""")
_LITERAL = re.compile(r"\"[^\"]*\"|\[[^\]]*\]|\\.")
_NOT_OF_NUMBERS = re.compile("general|@|[ymdhs]", re.IGNORECASE)
"""What formats of dates hold, of times and of texts, beside what they show as it is."""
_PLACE = re.compile("([A-Z]+)([0-9]+)")
_KNOWN = {
    "1": "0", "2": "0.00", "3": "#,##0", "4": "#,##0.00", "9": "0%", "10": "0.00%", "11": "0.00E+00", "12": "# ?/?", "13": "# ??/??",
    **dict.fromkeys(("5", "6", "37", "38", "41", "42"), "#,##0 $"), **dict.fromkeys(("7", "8", "39", "40", "43", "44"), "#,##0.00 $"),
}  # fmt: skip
"""The formats of numbers that every workbook has, by their numbers; those of dates left out."""


@dataclass(frozen=True, slots=True)
class Cells:
    """What a sheet says of some of its cells.

    `formats`: of cells whose format is not the general one, by row and column, both counted from 0.
    """

    formula: str = ""
    """The first cell ("B2") that holds a formula and no value. A formula whose value is an empty text has one."""
    error: str = ""
    """The first cell that holds an error, which is `wrong`: "#N/A"."""
    wrong: str = ""
    formats: dict[tuple[int, int], str] = field(default_factory=dict)
    hidden: frozenset[int] = frozenset()
    """The numbers of the rows that the sheet does not show, as where a filter hides them."""
    told: bool = False
    """Whether the file tells errors from texts that look like them."""


def cells_of(book: ZipFile, place: int) -> Cells:
    """The cells of a sheet of an XLSX, counted from 0 in the order of the workbook; none where the file does not tell."""
    try:
        raw = book.read(_path(book, place))
        formats = dict(_formats(raw, book))
    except (KeyError, IndexError, BadZipFile):
        return Cells()
    formulas = (cell for cell in map(_attributes, _FORMULA.findall(raw)) if cell.get("t") != "str")
    errors = ((_attributes(given), value.decode("utf-8", "replace").strip()) for given, value in _ERROR.findall(raw))
    formula = next((cell.get("r", "?") for cell in formulas), "")
    error, wrong = next(((cell.get("r", "?"), value) for cell, value in errors), ("", ""))
    rows = map(_attributes, _ROW.findall(raw))
    hidden = frozenset(int(row["r"]) for row in rows if row.get("hidden") in ("1", "true") and row.get("r", "").isdigit())
    return Cells(formula, error, wrong, formats, hidden, told=True)


def shown(value: float, code: str) -> str | None:
    """The text of a number as its format shows it, where that is the number with zeros in front; None where it shows something else.

    >>> shown(1234.0, "00000"), shown(3.0, "0.00"), shown(0.5, "0%")
    ('01234', '', None)
    """
    code = code.split(";")[0]
    if re.fullmatch("0{2,}", code) and float(value).is_integer():
        return f"{int(value):0{len(code) + (value < 0)}d}"
    plain = re.fullmatch(r"(?:#,##)?0(\.0+)?", code)
    if not plain or (code.startswith("#") and abs(value) >= 1000) or round(value, len(plain[1] or ".") - 1) != value:
        return None
    return ""


def _formats(raw: bytes, book: ZipFile) -> Iterator[tuple[tuple[int, int], str]]:
    styles = book.read("xl/styles.xml") if "xl/styles.xml" in book.namelist() else b""
    own = {one["numFmtId"]: html.unescape(one["formatCode"]) for one in map(_attributes, _FORMAT.findall(styles)) if "formatCode" in one}
    codes = {**_KNOWN, **{name: code for name, code in own.items() if not _NOT_OF_NUMBERS.search(_LITERAL.sub("", code))}}
    used = [_attributes(one).get("numFmtId", "") for part in _STYLES.findall(styles)[:1] for one in _STYLE.findall(part)]
    of_style = {str(number): codes[name] for number, name in enumerate(used) if name in codes}
    if not of_style:
        return
    cell = _element(rb"""<P:c\s([^>]*\bs\s*=\s*["'](?:%s)["'][^>]*)>""" % "|".join(of_style).encode())
    for one in map(_attributes, cell.findall(raw)):
        if at := _PLACE.fullmatch(one.get("r", "")):
            yield (int(at[2]) - 1, _column(at[1])), of_style[one["s"]]


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _path(book: ZipFile, place: int) -> str:
    """Which file of the workbook holds a sheet."""
    sheet = _attributes(_SHEET.findall(book.read("xl/workbook.xml"))[place])
    identity = next((value for name, value in sheet.items() if name.endswith(":id")), "")
    files = [_attributes(one) for one in _TARGET.findall(book.read("xl/_rels/workbook.xml.rels"))]
    target = next((one["Target"] for one in files if one.get("Id") == identity), "")
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _attributes(text: bytes) -> dict[str, str]:
    return {name.decode(): value.decode("utf-8", "replace") for name, value in _ATTRIBUTE.findall(text)}
