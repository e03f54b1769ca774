"""A sheet: columns and rows that are a table on a terminal and tab-separated lines anywhere else, the same data in both."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TextIO

from ..report.formatting import clean
from .terminal import console_of, give_up, is_terminal

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

_GAP = 2
_LEAST = 24
_ENOUGH = 28
"""Columns that another than the flexible one may be cut to before one of the optional ones goes."""
_NARROWEST = 5


@dataclass(slots=True)
class Sheet:
    """Rows under headings. `numeric` names the columns that are numbers; `flex` the one that gives way first.

    `title`, `empty` and `optional` are for people alone: what the sheet is, what is said in place of no rows, what may go.
    """

    columns: tuple[str, ...]
    rows: list[Sequence[str]] = field(default_factory=list)
    title: str = ""
    numeric: tuple[str, ...] = ()
    flex: str = ""
    headless: bool = False
    empty: str = ""
    optional: tuple[str, ...] = ()
    """Columns that a narrow terminal goes without, the first to go first; tab-separated lines have them all."""

    def lines(self) -> list[str]:
        """As tab-separated lines, the headings first; nothing in a cell can end it or its row."""
        head = [] if self.headless else ["\t".join(self.columns)]
        return head + ["\t".join(clean(cell) for cell in row) for row in self.rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As a table, its title above it."""
        from rich.text import Text

        if self.title:
            yield Text(clean(self.title), "bold")
        if self.rows:
            yield _table(_that_fits(self, options.max_width), options.max_width)
        elif self.empty:
            yield Text(self.empty)


class Sheets(list[Sheet]):
    """Sheets that belong together, one below the other."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """All of them, with an empty line between."""
        for place, sheet in enumerate(self):
            if place:
                yield ""
            yield sheet


def write(thing: Sheet | Sheets, stream: TextIO | None = None) -> None:
    """Write on stdout (data): tables on a terminal, tab-separated lines elsewhere. A reader who left is not an error."""
    stream = stream if stream is not None else sys.stdout
    try:
        if is_terminal(stream):
            console_of(stream).print(thing)
        else:
            sheets = [thing] if isinstance(thing, Sheet) else thing
            stream.write("\n".join("".join(f"{line}\n" for line in sheet.lines()) for sheet in sheets))
        stream.flush()
    except (OSError, ValueError):
        give_up(stream)


def _table(sheet: Sheet, room: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=not sheet.headless, pad_edge=False, padding=(0, _GAP, 0, 0))
    table.header_style = "dim"
    for name, width in zip(sheet.columns, _widths(sheet, room), strict=True):
        table.add_column(
            name,
            justify="right" if name in sheet.numeric else "left",
            width=width,
            no_wrap=not sheet.headless,
            overflow="fold" if sheet.headless else "ellipsis",
            style="dim" if sheet.headless and name == sheet.columns[0] else "",
        )
    for row in sheet.rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    return table


def _that_fits(sheet: Sheet, room: int) -> Sheet:
    """The sheet without the optional columns for which there is no room."""
    for name in sheet.optional:
        whole = _widths(sheet, 10_000)
        least = [min(wide, _LEAST if column == sheet.flex else _ENOUGH) for column, wide in zip(sheet.columns, whole, strict=True)]
        if sum(least) + _GAP * len(least) <= room or len(sheet.columns) == 1:
            break
        at = sheet.columns.index(name)
        rows: list[Sequence[str]] = [tuple(cell for place, cell in enumerate(row) if place != at) for row in sheet.rows]
        columns = tuple(column for column in sheet.columns if column != name)
        sheet = replace(sheet, columns=columns, rows=rows, flex="" if sheet.flex == name else sheet.flex)
    return sheet


def _widths(sheet: Sheet, room: int) -> list[int]:
    """How wide each column is drawn: `flex` gives way first, then the widest; the first column never does."""
    from rich.cells import cell_len

    cells = [[name, *(clean(row[i]) for row in sheet.rows)] for i, name in enumerate(sheet.columns)]
    widths = [max(cell_len(cell) for cell in column) for column in cells]
    over = sum(widths) + _GAP * len(widths) - room
    if sheet.flex and over > 0:
        at = sheet.columns.index(sheet.flex)
        given = min(over, max(0, widths[at] - _LEAST))
        widths[at] -= given
        over -= given
    while over > 0 and len(widths) > 1:
        at = max(range(1, len(widths)), key=widths.__getitem__)
        if widths[at] <= _NARROWEST:
            break
        widths[at] -= 1
        over -= 1
    return widths
