"""What stands in the column of ids of a spreadsheet: ids, inbox links, or e-mail addresses and external ids, which a search finds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..api.redact import redact
from ..api.retry import RetryPolicy
from ..errors import NotFound, UsageError
from ..operations.resource import Resource, resources
from ..parsing.id_file import linked, of_link
from ..parsing.identity import is_email
from ..parsing.printable import printable_name
from ..runs.session import Session
from ..search.endpoints import endpoint_for
from ..search.paginator import EndpointSource
from .notes import Note
from .selection import check_id, id_of

_GROUP = 15
"""Conditions that Intercom takes in a group, and groups in a query; the answer to ten groups fits on one page."""
_GROUPS = 10
_SHOWN = 40
_NAMED = 5
_CALLED = {"email": "e-mail address", "external_id": "external id", "company_id": "company id"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it begins at, what names its item, and what stands in each column."""

    line: int
    id: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file. `unit`: what its program calls one. `given`: by a program, as a list; `line` is the place in it."""

    path: str
    columns: list[str]
    rows: list[Row]
    column: str = ""
    """The column that holds the ids."""
    unit: str = "line"
    read: int = 0
    """How many rows there are, those that are joined included."""
    otherwise: Mapping[str, str] = field(default_factory=dict)
    """The columns that show something else than the numbers that were taken, each with its first cell in words."""
    given: bool = False
    no_values: Mapping[str, str] = field(default_factory=dict)
    """The columns that hold what is no value of a cell, each with what is said of the first of them."""

    def place(self, row: Row) -> str:
        """Where a row stands: `people.csv, line 3`; of rows that a program gives `csv[3]`."""
        return f"{self.path}[{row.line}]" if self.given else f"{self.path}, {self.unit} {row.line}"

    def say_otherwise(self, wanted: Sequence[str], note: Note) -> None:
        """Tell of the `wanted` columns which do not show what was taken from them. Raises UsageError for what is no value of a cell."""
        for name in wanted:
            if name in self.no_values:
                raise UsageError(self.no_values[name])
            if name in self.otherwise:
                note(
                    f"{Path(self.path).name} shows other numbers in {name} than it holds ({self.otherwise[name]}): what it holds was "
                    "taken. To have what is shown, make them texts."
                )


def check_reference(cell: str, where: str, resource: str) -> str:
    """What names the item of a row, links taken for their ids. Raises UsageError for what cannot name one, saying where it stands."""
    word = of_link(cell.strip())
    keys = resources()[resource].keys if resource in resources() else ()
    if keys and word.isprintable() and 0 < len(word) <= 255 and not re.fullmatch(r"[0-9][.,][0-9]+E\+?[0-9]+", word):
        return word
    kind = resource if resource in resources() else "these items"
    return check_id(word, where, f"The column holds ids of {kind}, or links of the inbox.")


def resolve_rows(rows: Rows, resource: str, session: Session) -> Rows:
    """Rows under the ids that Intercom gives their items; see `find_ids`. A link of another workspace is refused.

    Raises UsageError that names the lines of what is unknown, and of what several items have.
    """
    for row in rows.rows:
        word = linked(row.cells.get(rows.column, ""), row.cells.get("link"))
        id_of(word, rows.place(row), session.workspace(), resource)
    found = find_ids(rows, resource, session)
    wrong = list(_complaints(rows, resource, found))
    if wrong:
        late = " One that was made in the last minutes may not be found yet." if resources()[resource].search else ""
        raise UsageError(f"{rows.path}: {'; '.join(wrong)}. Nothing was done: correct these rows, or take them out.{late}")
    return replace(rows, rows=[replace(row, id=found[row.line][0]) if row.line in found else row for row in rows.rows])


def refuse_no_addresses(rows: Rows) -> None:
    """Raises UsageError, with the lines, for keys that are no e-mail addresses; the keys themselves are left out."""
    if wrong := [row.line for row in rows.rows if not is_email(row.id)]:
        raise UsageError(f"{rows.path}: what stands in {rows.column} of {_lines(wrong, rows.unit)} is no e-mail address. Nothing was done.")


def find_ids(rows: Rows, resource: str, session: Session) -> dict[int, list[str]]:
    """Line → the ids of the items that its reference stands for: none, one, or several. Rows with an id of Intercom's are left out.

    E-mail addresses and external ids of contacts are searched for, 150 with one request; company ids are looked up one by one,
    or the companies are listed where that takes fewer requests. A column that is called as a key (`email`, `external_id`,
    `company_id`) holds that key; in any other one what looks like an id of Intercom's is one.
    """
    known = resources().get(resource)
    wanted: dict[str, dict[str, list[int]]] = {}
    for row in rows.rows:
        if key := key_of(row.id, rows.column, known):
            wanted.setdefault(key, {}).setdefault(folded(key, row.id), []).append(row.line)
    ids: dict[int, list[str]] = {}
    for key, lines_of in wanted.items():
        found = _found(resources()[resource], key, list(lines_of), session)
        ids |= {line: found.get(value, []) for value, lines in lines_of.items() for line in lines}
    return ids


def key_of(reference: str, column: str, resource: Resource | None) -> str:
    """Which key of the resource a reference is, in a column that is called so; "" for Intercom's own id."""
    keys = () if resource is None else resource.keys
    if (named := key_called(column)) in keys:
        return named
    if "@" in reference and "email" in keys:
        return "email"
    own = next((key for key in keys if key != "email"), "")
    return "" if re.fullmatch("[0-9a-f]{24}", reference) else own


def key_called(column: str) -> str:
    """The name of a key, as a column has it that is called so: `external_id` of "External ID"."""
    return re.sub(r"[\s_-]+", "_", column.strip().lower()).replace("e_mail", "email")


def folded(key: str, value: Any) -> str:
    """A key as it is compared: e-mail addresses without regard to case."""
    return str(value).strip().casefold() if key == "email" else str(value).strip()


def _complaints(rows: Rows, resource: str, found: Mapping[int, Sequence[str]]) -> Iterator[str]:
    """What is wrong with the references of some lines. Of an e-mail address enough is shown to know it again."""
    lines_of: dict[tuple[str, tuple[str, ...]], list[Row]] = {}
    for row in rows.rows:
        if len(alike := found.get(row.line, ("",))) != 1:
            key = key_of(row.id, rows.column, resources()[resource])
            called = _CALLED.get(key, key)
            lines_of.setdefault((called, tuple(alike)), []).append(row)
    for (called, alike), wrong in lines_of.items():
        lines = [row.line for row in wrong]
        if alike:
            some = f"{len(alike)} {resource} have the {called} of {_lines(lines, rows.unit)} ({', '.join(alike[:5])})"
            yield f"{some}: write the id of the one that is meant"
        else:
            values = list(dict.fromkeys(_recognisable(row.id) for row in wrong))
            more = ", ..." if len(values) > _NAMED else ""
            yield f"no {resources()[resource].singular} has the {called} of {_lines(lines, rows.unit)} ({', '.join(values[:_NAMED])}{more})"


def _recognisable(reference: str) -> str:
    """A reference as it may be shown: of an e-mail address the first letters."""
    name, at, domain = reference.rpartition("@")
    return printable_name(f"{name[:1]}…@{domain[:1]}…" if at else redact(reference))


def _lines(numbers: Sequence[int], unit: str) -> str:
    """`line 3`, `lines 3, 17 and 29`."""
    shown = [str(number) for number in sorted(numbers)[:_SHOWN]]
    more = len(numbers) - len(shown)
    last = f"{more:,} more" if more else shown.pop() if len(shown) > 1 else ""
    return f"{unit}{'s' if last else ''} {', '.join(shown)}{f' and {last}' if last else ''}"


def _found(resource: Resource, key: str, values: list[str], session: Session) -> dict[str, list[str]]:
    """Value of the key → the ids of the items that have it, by what the items themselves say: an index may be minutes behind."""
    found: dict[str, list[str]] = {}
    for item in searched(resource, key, values, session) if resource.search else _listed(resource, key, values, session):
        value, one = folded(key, item.get(key) or ""), str(item.get("id"))
        if one not in found.setdefault(value, []):
            found[value].append(one)
    return found


def searched(resource: Resource, key: str, values: list[str], session: Session) -> Iterator[Mapping[str, Any]]:
    """The items of a resource that Intercom searches whose key has one of the values, 150 with one request."""
    for part in _chunks(values, _GROUP * _GROUPS):
        groups = [
            {"operator": "OR", "value": [{"field": key, "operator": "=", "value": value} for value in group]}
            for group in _chunks(part, _GROUP)
        ]
        for page in _pages(session, resource.search, {"operator": "OR", "value": groups}):
            yield from page.items


def _listed(resource: Resource, key: str, values: list[str], session: Session) -> Iterator[Mapping[str, Any]]:
    """Of a resource without a search: the whole list where that takes fewer requests than values, then what it lacks one by one."""
    endpoint, left = endpoint_for(resource.listing), set(values)
    pages = _pages(session, resource.listing, {})
    total = next(pages).total if len(values) > 1 else None
    if total is not None and total <= min(endpoint.cap or total, len(values) * endpoint.page_size):
        for page in _pages(session, resource.listing, {}):
            left -= {str(item.get(key)) for item in page.items}
            yield from page.items
    for value in sorted(left):
        try:
            answer = session.look(f"{resource.name}?{key}={quote(value, safe='')}")
        except NotFound:
            continue
        yield from answer["data"] if isinstance(answer.get("data"), list) else [answer]


def _chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (values[at : at + size] for at in range(0, len(values), size))


def _pages(session: Session, endpoint: str, query: Mapping[str, Any]) -> Iterator[Any]:
    source = EndpointSource(session.client, session.stop, endpoint_for(endpoint), query, retry=RetryPolicy(session.retries))
    return source.pages(None)
