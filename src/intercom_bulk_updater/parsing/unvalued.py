"""Formulas of an XLSX without a value: nobody has worked them out, or what came out is an error (#N/A).

calamine reads such a cell as empty, so that only the file itself can tell it from one.
"""

from __future__ import annotations

import re
from zipfile import BadZipFile, ZipFile

_PREFIX = rb"(?:\w+:)?"
_FORMULA = re.compile(
    rb"<P:c\s([^>]*)>\s*<P:f\b(?:[^>]*/>|[^>]*>[^<]*</P:f>)\s*(?:<P:v\s*/>|<P:v\s*>\s*</P:v>)?\s*</P:c>".replace(b"P:", _PREFIX)
)
_ERROR = re.compile(rb"""<P:c\s([^>]*\bt\s*=\s*["']e["'][^>/]*)>(?:(?!</P:c>).)*?<P:v[^>]*>([^<]*)""".replace(b"P:", _PREFIX), re.DOTALL)
_SHEET = re.compile(rb"<P:sheet\s([^>]*)".replace(b"P:", _PREFIX))
_TARGET = re.compile(rb"<P:Relationship\s([^>]*)".replace(b"P:", _PREFIX))
_ATTRIBUTE = re.compile(rb"""([\w:]+)\s*=\s*["']([^"']*)["']""")


def formula_without_value(book: ZipFile, place: int) -> str:
    """The first cell ("B2") of a sheet of an XLSX that holds a formula and no value; "" for none, and where the file does not tell.

    `place`: which sheet, counted from 0 in the order of the workbook. A formula whose value is an empty text has a value.
    """
    for found in _FORMULA.finditer(_rows(book, place)):
        cell = _attributes(found[1])
        if cell.get("t") != "str":
            return cell.get("r", "?")
    return ""


def error_cell(book: ZipFile, place: int) -> tuple[str, str]:
    """The first cell ("B2") of such a sheet that holds an error, and the error ("#N/A"); two empty texts for none."""
    found = _ERROR.search(_rows(book, place))
    return (_attributes(found[1]).get("r", "?"), found[2].decode("utf-8", "replace")) if found else ("", "")


def _rows(book: ZipFile, place: int) -> bytes:
    """What the file holds of a sheet; nothing where it does not tell."""
    try:
        return book.read(_path(book, place))
    except (KeyError, IndexError, BadZipFile):
        return b""


def _path(book: ZipFile, place: int) -> str:
    """Which file of the workbook holds a sheet."""
    sheet = _attributes(_SHEET.findall(book.read("xl/workbook.xml"))[place])
    identity = next((value for name, value in sheet.items() if name.endswith(":id")), "")
    files = [_attributes(one) for one in _TARGET.findall(book.read("xl/_rels/workbook.xml.rels"))]
    target = next((one["Target"] for one in files if one.get("Id") == identity), "")
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _attributes(text: bytes) -> dict[str, str]:
    return {name.decode(): value.decode("utf-8", "replace") for name, value in _ATTRIBUTE.findall(text)}
