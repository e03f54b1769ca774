"""A list of items in a file: ids one a line, links of the inbox, or any file that this tool has written.

What is known by its form: CSV, tab-separated tables, workbooks and Parquet (the column of ids by its heading), JSON Lines and JSON of
`find`, `runs export` and plans.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import UsageError
from .table import Note, delimiter_of, typed_lines
from .text_file import decode, read_bytes

_HEADINGS = (
    "id", "conversation_id", "contact_id", "item_id", "item", "ids", "conversation", "contact", "ticket",
    "company", "conversations", "contacts", "tickets", "companies", "user_id", "link", "url",
)  # fmt: skip
"""What a column of ids is called, the surest first."""
_INBOX, _PEOPLE, _FIRMS = ("conversations", "tickets"), ("contacts",), ("companies",)
"""What a link leads to; the inbox shows a ticket as it shows a conversation."""
_KINDS = r"(conversation|ticket|user|contact|lead|compan(?:y|ie))s?"
_OF_KIND = {
    "conversation": _INBOX, "ticket": _INBOX, "user": _PEOPLE, "contact": _PEOPLE, "lead": _PEOPLE, "company": _FIRMS, "companie": _FIRMS,
}  # fmt: skip
_IN_LINK = re.compile(rf"/{_KINDS}/([A-Za-z0-9_-]*\d[A-Za-z0-9_-]*)(?=[/?#]|$)")
_WORKSPACE = re.compile(r"/a/(?:apps|inbox)/([A-Za-z0-9_-]+)/")
_HOST = re.compile(r"app(?:\.(?:eu|au))?\.intercom\.(?:com|io)")


def read_id_file(path: str, name: str, note: Note, resource: str = "") -> Iterator[tuple[int, str]]:
    """(line, id or link as it stands there) for each item that a file names, or standard input for `-`; see `ids_in`.

    `name` says what it is in errors, `note` hears what was taken where that had to be guessed, `resource` is what is wanted.
    """
    raw = read_bytes(path, name)
    if (lines := typed_lines(raw, name, note)) is not None:
        yield from _from_sheet(lines, path)
    else:
        yield from ids_in(decode(raw, name, note).replace("\r\n", "\n").replace("\r", "\n"), path, resource)


def ids_in(text: str, name: str, resource: str = "") -> Iterator[tuple[int, str]]:
    """(line, id or link as it stands there) for each item that a file names, in its order; the link where it has both.

    `name` says which file it is in errors. Blank lines and what follows a # are skipped in plain lists. Raises UsageError, also
    for a file that says of itself that it lists something else than `resource`.
    """
    first = next((line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")), "")
    if first.lstrip()[:1] in ("{", "["):
        yield from _from_json(text, name, resource)
        return
    delimiter = delimiter_of(first)
    cells = [_bare(cell) for cell in next(csv.reader([first], delimiter=delimiter), [])]
    column = _heading(cells)
    if column is not None and len(cells) > 1:
        yield from _from_table(text, name, delimiter, column)
        return
    heading = column is not None
    for number, line in enumerate(text.split("\n"), 1):
        word = _without_comment(line).strip().strip('",;').strip()
        if not word:
            continue
        if heading:
            heading = False  # the name of the only column
            continue
        yield number, word


def of_link(word: str) -> str:
    """The id in a link of Intercom's inbox or contact pages; anything else as it is."""
    found = _IN_LINK.findall(_path(word) + "/")
    return str(found[-1][1]) if found else word


def linked(identity: str, link: object) -> str:
    """The link to an item beside its id, as it says more: of which workspace, and of what; the id where there is none."""
    return link if isinstance(link, str) and link != identity and of_link(link) == identity else identity


def refuse_other_kind(word: str, where: str, resource: str) -> None:
    """Raises UsageError for a link to something else than `resource`, saying where it stands."""
    found = _IN_LINK.findall(_path(word) + "/")
    if found and resource in (*_INBOX, *_PEOPLE, *_FIRMS) and resource not in (kinds := _OF_KIND[found[-1][0]]):
        raise UsageError(f"{where}: this is the link of one of the {kinds[0]}, and {resource} are asked for. Nothing was done.")


def _refuse_other_list(head: Mapping[str, Any], name: str, resource: str) -> None:
    """The same for the head of a plan, and for what `find` says of its list."""
    of = str(head.get("resource") or str(head.get("operation")).partition(".")[0])
    if of != resource and {of, resource} <= {*_INBOX, *_PEOPLE, *_FIRMS}:
        raise UsageError(f"{name} lists {of}, and {resource} are asked for. Nothing was done.")


def workspace_of(word: str) -> str:
    """The id of the workspace in a link of Intercom's pages; "" where there is none."""
    found = _WORKSPACE.match(_path(word))
    return str(found[1]) if found else ""


def _path(word: str) -> str:
    """The path of a link of Intercom's pages; "" for anything else."""
    if "intercom." not in word or "/" not in word:
        return ""
    parts = urlsplit(word if "://" in word else f"https://{word}")
    return parts.path if _HOST.fullmatch((parts.hostname or "").lower()) else ""


def _without_comment(line: str) -> str:
    """The line up to its comment. In a link a # is part of the address."""
    return line if "://" in line.split("#", 1)[0] else line.split("#", 1)[0]


def _bare(cell: str) -> str:
    return re.sub(r"[\s_-]+", "_", cell.strip().strip("'\"").lower())


def _heading(cells: list[str]) -> int | None:
    """Which cell of a first line names the column of ids; None when it is not a heading."""
    return next((cells.index(name) for name in _HEADINGS if name in cells), None)


def _from_sheet(lines: Iterator[tuple[int, list[str]]], name: str) -> Iterator[tuple[int, str]]:
    """The ids of a sheet: the column with a heading of ids, or the only column that there is."""
    column: int | None = None
    link: int | None = None
    for number, cells in lines:
        if column is None:
            heads = [_bare(cell) for cell in cells]
            column, link = _heading(heads), _link_in(heads)
            if column is not None:
                continue
            if len([cell for cell in cells if cell.strip()]) > 1:
                raise UsageError(f"{name}: no column is called id or as what the ids are of. It has: {', '.join(cells)}.")
            column = next(place for place, cell in enumerate(cells) if cell.strip())
        yield number, _of_row(cells, column, link) if column < len(cells) else ""


def _link_in(heads: list[str]) -> int | None:
    return heads.index("link") if "link" in heads else None


def _of_row(cells: list[str], column: int, link: int | None) -> str:
    # A spreadsheet is kept from taking a text for a formula by an apostrophe before it.
    identity = cells[column].strip().removeprefix("'")
    return linked(identity, cells[link].strip()) if link is not None and link < len(cells) else identity


def _from_table(text: str, name: str, delimiter: str, column: int) -> Iterator[tuple[int, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins, headed, link = 1, False, None
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                continue
            if not headed:
                headed, link = True, _link_in([_bare(cell) for cell in cells])
                continue
            if column >= len(cells):
                raise UsageError(f"{name}, line {line}: there is no cell in the column of ids (the {column + 1}th).")
            yield line, _of_row(cells, column, link)
    except csv.Error as exc:
        raise UsageError(f"{name}, line {reader.line_num}, cannot be read: {exc}.") from exc


def _from_json(text: str, name: str, resource: str) -> Iterator[tuple[int, str]]:
    try:
        whole = json.loads(text)
    except RecursionError:
        raise UsageError(f"{name} is nested too deeply to be read.") from None
    except ValueError:
        whole = None
    if whole is not None and not (isinstance(whole, dict) and "\n" not in text.strip() and "id" in whole):
        yield from _of_document(whole, name, resource)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise UsageError(f"{name}, line {number}, is not JSON: {exc}") from exc
        if isinstance(row, dict) and "id" not in row and ("schema" in row or "event" in row):
            _refuse_other_list(row, name, resource)
            continue  # the head of a plan, the end of a search
        yield number, _id_of(row, f"{name}, line {number}")


def _of_document(whole: Any, name: str, resource: str) -> Iterator[tuple[int, str]]:
    rows = whole
    if isinstance(whole, dict):
        _refuse_other_list(whole, name, resource)
        lists = ("items", "data", "conversations", "contacts", "tickets", "companies")
        rows = next((whole[key] for key in lists if isinstance(whole.get(key), list)), None)
    if not isinstance(rows, list):
        raise UsageError(f"{name} is JSON without a list of items.")
    for place, row in enumerate(rows, 1):
        yield place, _id_of(row, f"{name}, item {place}")


def _id_of(row: Any, where: str) -> str:
    found = row.get("id") if isinstance(row, dict) else row
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise UsageError(f"{where}, names no item: it has no id.")
    return linked(str(found), row.get("link")) if isinstance(row, dict) else str(found)
