"""A spreadsheet as a selection: `--csv FILE --id-column COL`, whose other columns stand as `{{col}}` in parameters.

`read_rows` reads and checks the file alone; `resolve_rows` (row_references.py) then turns e-mail addresses and external ids
into Intercom's ids, for whoever wants items that exist.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..api.redact import is_message
from ..errors import UsageError
from ..model import FoundItem
from ..operations.message_template import PLACE, cell_of_message, escape, fields_of, is_field, refuse_two_bars
from ..operations.operation import Operation
from ..operations.per_item import WITH, PerItemOperation
from ..operations.resource import resources
from ..parsing.identity import canonical_id, count_words, repeat_words
from ..parsing.plain_value import is_missing, is_value
from ..parsing.table import ERRORS, cell_text, read_table
from ..runs.options import Options
from .notes import Note, ignore
from .row_references import Row, Rows, check_reference

_NO_CELL = ", and a cell is a text, a number, True or False, a day or a moment."
Word = Callable[..., str]
"""Options.word: what an option is called by whoever chose it."""


def read_rows(
    source: str | Iterable[Mapping[str, Any]],
    id_column: str | None,
    resource: str = "",
    *,
    several: bool = False,
    options: Options | None = None,
    note: Note = ignore,
) -> Rows:
    """The rows of a table, its first line the names of the columns; or rows that are given as mappings of column to value.

    A table is CSV (comma, semicolon, tab or bar between cells; a line `sep=;` above, as for Excel, says which) or a workbook,
    told apart by what is in the file. Empty lines are skipped; a row that is repeated counts once, and `note` hears it, and
    which encoding was taken where it had to be guessed.

    Parameters
    ----------
    resource:
        What the ids are of.
    several:
        Whether an item may have several rows with different values.

    Raises UsageError for everything that leaves open which items are meant: no such column, an empty or odd id, rows of
    another length, one item with two sets of values.
    """
    word = (options or Options()).word
    if isinstance(source, str):
        rows = _read_file(source, id_column, resource, word, note)
    else:
        rows = _given_rows(source, id_column, resource, word)
    if resource in resources() and rows.column.strip().lower() in resources()[resource].not_ids:
        raise UsageError(
            f"{rows.path}: {rows.column} is the number that people see, and not the id: other {resource} may have these numbers for their "
            "ids. Name the column of ids; find -o FILE writes both."
        )
    return drop_repeats(rows, resource, note, several=several)


def _given_rows(source: Iterable[Mapping[str, Any]], id_column: str | None, resource: str, word: Word) -> Rows:
    """Rows of a program: `[{"id": "1", "plan": "pro"}, ...]`. What is None is an empty cell, and so is NaN, as frames have it."""
    name, given = "csv", list(source)
    if not given:
        raise UsageError(f"{name} has no rows.")
    for place, one in enumerate(given):
        if not isinstance(one, Mapping):
            raise UsageError(f'{name}[{place}] is {one!r}: a row is a dict of column to value. Of a frame: frame.to_dict("records").')
    columns = [str(column) for column in given[0]]
    at = columns[_column(name, columns, id_column, word)]
    rows, no_values = list[Row](), dict[str, str]()
    for place, one in enumerate(given):
        cells = {str(column): cell_text(value) for column, value in one.items()}
        if set(cells) != set(columns):
            raise UsageError(f"{name}[{place}] has the columns {', '.join(cells)}, and the first row has {', '.join(columns)}.")
        for column, value in one.items():
            if not all(is_missing(part) or is_value(part) for part in (value if isinstance(value, list | tuple) else (value,))):
                no_values.setdefault(str(column), f"{name}[{place}][{column!r}] is a {type(value).__name__}{_NO_CELL}")
        rows.append(Row(place, check_reference(cells[at], f"{name}[{place}]", resource), cells))
    found = Rows(name, columns, rows, at, "row", len(rows), given=True, no_values=no_values)
    found.say_otherwise([at], ignore)
    return found


def _read_file(path: str, id_column: str | None, resource: str, word: Word, note: Note) -> Rows:
    name = word("csv", path)
    table = read_table(path, name, note)
    rows: list[Row] = []
    columns: list[str] = []
    no_values: dict[str, str] = {}
    for line, cells in table.lines:
        if not columns:
            columns = _columns(path, cells)
            at = _column(path, columns, id_column, word)
            continue
        where = f"{path}, {table.unit} {line}"
        if len(cells) != len(columns):
            counts = f"{count_words(len(cells), 'cell')} under {count_words(len(columns), 'column')}"
            raise UsageError(f"{where}: {counts} ({', '.join(columns)}).")
        rows.append(Row(line, check_reference(cells[at], where, resource), dict(zip(columns, cells, strict=True))))
        if table.unit == "line" and not ERRORS.isdisjoint(cells):  # a workbook tells an error from a text that reads so
            no_values = {**_errors_in(rows[-1], where), **no_values}
    if not columns:
        raise UsageError(f"{name} is empty: its first line must name the columns.")
    if not rows:
        raise UsageError(f"{name} has no rows below the names of its columns.")
    otherwise = {columns[place]: said for place, said in table.otherwise.items()}
    found = Rows(path, columns, rows, columns[at], table.unit, len(rows), otherwise, no_values=no_values)
    found.say_otherwise([found.column], ignore)
    return found


def _errors_in(row: Row, where: str) -> dict[str, str]:
    """The columns in which a row of a text has the error of a formula, each with what is said of it."""
    return {
        name: f"{where}: {name} holds {cell}, which a spreadsheet writes for a formula that came to an error. Correct the sheet. Where the "
        "text is meant, save it as .xlsx, which tells the two apart."
        for name, cell in row.cells.items() if cell in ERRORS
    }  # fmt: skip


def drop_repeats(rows: Rows, resource: str, note: Note = ignore, *, several: bool = False) -> Rows:
    """Each row once, under the id that Intercom gives its item; `note` hears how many items have a row more than once.

    Raises UsageError where two rows have different values for one item, unless it may have `several`.
    """
    kept: dict[Any, Row] = {}
    repeated: set[str] = set()
    for row in rows.rows:
        one = replace(row, id=canonical_id(row.id, resource))
        values = {**one.cells, rows.column: ""}
        first = kept.setdefault((one.id, *values.items()) if several else one.id, one)
        if first is one:
            continue
        repeated.add(one.id)
        if not several and values != {**first.cells, rows.column: ""}:
            item = "One item" if "@" in one.id else one.id
            raise UsageError(
                f"{rows.path}: {item} stands in {rows.unit} {first.line} and, with other values, in {rows.unit} {one.line}. "
                "Leave one of them."
            )
    if repeated:
        note(repeat_words(len(repeated), "row"))
    return replace(rows, rows=list(kept.values()))


def _columns(path: str, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    for name in names:
        if not name:
            raise UsageError(f"{path}: column {names.index('') + 1} has no name in the first line.")
        if names.count(name) > 1:
            raise UsageError(f"{path}: two columns are called {name!r}.")
    return names


def _column(path: str, columns: list[str], wanted: str | None, word: Word) -> int:
    if wanted is None:
        if "id" in columns:
            return columns.index("id")
        raise UsageError(f"Say in which column of {path} the ids are: {word('id_column')}, one of {', '.join(columns)}.")
    if wanted.strip() not in columns:
        raise _unknown(path, columns, wanted)
    return columns.index(wanted.strip())


def _unknown(path: str, columns: list[str], wanted: str) -> UsageError:
    near = difflib.get_close_matches(wanted.lower(), [c.lower() for c in columns], 1)
    hint = next((f" Do you mean {c!r}?" for c in columns if c.lower() in near), "")
    return UsageError(f"{path} has no column {wanted!r}.{hint} It has: {', '.join(columns)}.")


def places(value: Any) -> list[str]:
    """The columns that stand as `{{col}}` in parameters, each once, in their order. Raises UsageError for one with two bars."""
    if isinstance(value, str):
        refuse_two_bars(value)
        found = [place[1] for place in PLACE.finditer(value)]
    elif isinstance(value, Mapping):
        found = [
            place for name, part in value.items() for place in places(part) if not (is_message(str(name)) and is_field(place))
        ]
    elif isinstance(value, list | tuple):
        found = [name for part in value for name in places(part)]
    else:
        found = []
    return list(dict.fromkeys(found))


def _fields_in_messages(given: Any) -> list[str]:
    """The fields of Intercom that stand as places in the messages among parameters."""
    if not isinstance(given, Mapping):
        return []
    messages = (text for name, text in given.items() if is_message(str(name)) and isinstance(text, str))
    return [name for text in messages for name in fields_of(text) if is_field(name)]


def fill(value: Any, cells: Mapping[str, str], *, message: bool = False) -> Any:
    """The parameters with the cells of one row in their places. What stands in a cell is never a place itself.

    Raises UsageError for a cell of a message that is empty, where the message does not say what stands there then.
    """
    if isinstance(value, str):
        return PLACE.sub(lambda place: _cell(place, cells, message), value)
    if isinstance(value, Mapping):
        return {name: fill(part, cells, message=is_message(str(name))) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [fill(part, cells, message=message) for part in value]
    return value


def bare(cell: str) -> str:
    """A cell without the blanks around it, which nobody means; a tab or a line end before a text is what a field holds."""
    return cell.strip(" \N{NO-BREAK SPACE}") if cell.strip() else ""


def _cell(place: re.Match[str], cells: Mapping[str, str], message: bool) -> str:
    name = place[1]
    if message and name not in cells:
        return place[0]  # a field, filled when the item has been read
    cell = bare(cells[name]) or (place[2] or "").strip()
    if message and not cell and place[2] is None:
        raise UsageError(f"{name} is empty, and the message does not say what stands there then: {{{{{name}|...}}}}.")
    return escape(cell_of_message(name, cell)) if message else cell


def _without_empty(given: Mapping[str, Any], cells: Mapping[str, str]) -> tuple[Mapping[str, Any], list[str]]:
    """What is given without each KEY=VALUE whose cell is empty and that does not say what stands there then; and those columns.

    A cell that nobody has filled in says nothing about a field, least of all that it is to be cleared.
    """
    kept: list[str] = []
    empty: list[str] = []
    for text in given.get("values") or ():
        missing = [place[1] for place in PLACE.finditer(text) if place[2] is None and not cells[place[1]].strip()]
        empty += missing[:1]
        kept += () if missing else (text,)
    return {**given, "values": kept} if empty else given, empty


def checked_places(given: Any, rows: Rows | None, options: Options | None = None) -> list[str]:
    """The columns that `given` names. Raises UsageError for one that the file lacks, and for any without a file."""
    wanted = places(given)
    taken = [name for name in _fields_in_messages(given) if rows is not None and name in rows.columns]
    if taken and rows is not None:
        raise UsageError(
            f"{rows.path} has a column {taken[0]}, and {{{{{taken[0]}}}}} in a message is what Intercom knows of the item: give the column "
            "another name, and write that one where the column is meant."
        )
    if wanted and rows is None:
        file = "--csv FILE" if options is None or not options.python else "csv="
        raise UsageError(f"{{{{{wanted[0]}}}}} stands for a column, and no {file} is given to take it from.")
    if rows is not None:
        for name in wanted:
            if name not in rows.columns:
                raise _unknown(rows.path, rows.columns, name)
        _refuse_lone_braces(given, rows)
    return wanted


def _refuse_lone_braces(given: Any, rows: Rows) -> None:
    """Raises UsageError for a KEY=VALUE with the name of a column in braces that make no place: all rows would get that text."""
    for text in (given.get("values") or ()) if isinstance(given, Mapping) else ():
        for odd in re.finditer(r"\{\s*([^{}]*?)\s*\}", PLACE.sub("", text)):
            if odd[1] in rows.columns:
                raise UsageError(
                    f"{text!r} has {odd[0]} in it, which is no place: that of the column {odd[1]} is written {{{{{odd[1]}}}}}, with two "
                    "braces on each side. Braces that are meant stand in a cell of the sheet."
                )


def operation_for(
    given: Mapping[str, Any],
    rows: Rows | None,
    build: Callable[[Mapping[str, Any]], Operation],
    options: Options | None = None,
    note: Note = ignore,
) -> tuple[Operation, list[FoundItem] | None]:
    """The operation of a command and, with a spreadsheet, its items, each with its own parameters.

    `build` makes an operation of parameters as typed. Every row is looked at before anything is done: the error of a row
    names its line. `note` hears how many cells are empty and leave their fields as they are.
    """
    wanted = checked_places(given, rows, options)
    if rows is None:
        return build(given), None
    rows.say_otherwise(wanted, note)
    ids = dict.fromkeys(row.id for row in rows.rows)
    if not wanted:
        return build(given), [FoundItem(one) for one in ids]
    made: dict[tuple[str, ...], Operation] = {}
    of_item: dict[str, list[Operation]] = {one: [] for one in ids}
    left: list[str] = []
    for row in rows.rows:
        told, empty = _without_empty(given, row.cells)
        left += empty
        key = tuple(row.cells[name] for name in wanted)
        if key not in made:
            try:
                made[key] = build(fill(told, row.cells))
            except UsageError as exc:
                raise UsageError(f"{rows.place(row)}: {exc.message}") from exc
        of_item[row.id].append(made[key])
    if left:
        one = len(left) == 1
        note(
            f"{count_words(len(left), 'cell')} of {Path(rows.path).name} {'is' if one else 'are'} empty: the "
            f"{'field stays as it is' if one else 'fields stay as they are'}. To clear {'it' if one else 'them'}, write "
            f"{', '.join(f'{{{{{name}|null}}}}' for name in dict.fromkeys(left))}."
        )
    several = list(made.values())
    kind = type(several[0])
    all_of_them = kind.covering(several)
    items = [FoundItem(one, None, {WITH: (own[0] if len(own) == 1 else kind.covering(own)).parameters}) for one, own in of_item.items()]
    words = f"{all_of_them.name} by {', '.join(f'{{{{{name}}}}}' for name in wanted)} of {Path(rows.path).name}"
    if left:
        words += f" ({count_words(len(left), 'empty cell')} of it {'changes' if len(left) == 1 else 'change'} nothing)"
    body = str(given.get("body") or "")
    operation = PerItemOperation(lambda parameters: type(all_of_them)(**parameters), all_of_them.parameters, words, body)
    operation.requests_per_item = all_of_them.requests_per_item
    return operation, items


def refuse_chains(rows: Rows, items: Sequence[FoundItem], name: str) -> None:
    """Raises UsageError, with the rows, where an item is merged into one that another row merges away.

    Which of the two would come first is open, and nothing parts them again. `name`: the parameter that names what lives on.
    """
    lines = {row.id: row.line for row in rows.rows}
    into = {item.id: str(item.data[WITH][name]) for item in items if item.data is not None}
    away = {one: None for one, other in into.items() if one != other}  # in the order of the rows
    chained = [one for one in away if into[one] in away]
    if not chained:
        return
    unit = rows.unit
    said = "; ".join(f"{unit} {lines[one]} goes into {into[one]}, which {unit} {lines[into[one]]} merges away" for one in chained[:5])
    more = f"; and {count_words(len(chained) - 5, 'more row')}" if len(chained) > 5 else ""
    raise UsageError(f"{rows.path}: {said}{more}. Name in each row what lives on in the end. Nothing was done.")
