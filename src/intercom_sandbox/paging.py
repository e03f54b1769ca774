"""One page of a search: the view, the order, the cursor, and what can be wrong with each on order."""

from __future__ import annotations

import base64
import json
import math
import time
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from intercom_sandbox.chance import draw
from intercom_sandbox.fields import Field
from intercom_sandbox.problems import Problem, invalid, number
from intercom_sandbox.search import Compiler, freeze
from intercom_sandbox.settings import Settings
from intercom_sandbox.table import Table

_TWO_DAYS = 2 * 86_400


@dataclass(slots=True)
class Page:
    """What a search answers: the rows, the `pages` object and `total_count`."""

    rows: list[Any]
    pages: dict[str, Any]
    total: int


@dataclass(slots=True)
class Walks:
    """What is remembered about the walks over each query: for hiding items and for pages that fail once."""

    begun: dict[Hashable, float] = field(default_factory=dict)
    searches: dict[Hashable, int] = field(default_factory=dict)
    ended: set[Hashable] = field(default_factory=set)
    shown: set[Hashable] = field(default_factory=set)
    first_cursor: dict[Hashable, str] = field(default_factory=dict)
    failures: int = 0


def search(
    table: Table[Any],
    compiler: Compiler,
    body: dict[str, Any],
    *,
    settings: Settings,
    walks: Walks,
    default_order: tuple[str, bool],
    default_per_page: int = 20,
    max_per_page: int = 150,
    base: Callable[[Any], bool] | None = None,
    hides: bool = False,
    match_all: bool = False,
) -> Page:
    """Answer one search request. `base` is a test that every row must pass whatever the query says."""
    query = body.get("query")
    pagination = body.get("pagination") or {}
    if not isinstance(pagination, dict):
        raise invalid("pagination must be an object", "pagination")
    per_page = page_size(pagination.get("per_page"), default_per_page, max_per_page, settings)
    field_name, descending = _order(body.get("sort"), compiler, default_order)
    shuffled = settings.cursor == "shuffled"
    scale = 1000 if compiler.fields[field_name].type in ("date", "day", "datetime") and not shuffled else 1
    test: Callable[[Any], bool] = _any
    low: Any = None
    if not match_all:
        test = compiler.compile(query)  # the whole of it, so that every mistake is found
        if not shuffled:
            query, low = _split(query, compiler.fields[field_name], settings)
            test = _any if query is None else compiler.compile(query)
    cursor = pagination.get("starting_after")

    kind = id(table)
    name = (kind, freeze(body.get("query")))
    hiding = hides and settings.hide_share > 0 and _hiding(name, cursor, walks, settings)
    share, seed = settings.hide_share, settings.seed

    def matches(row: Any) -> bool:
        if base is not None and not base(row):
            return False
        return test(row) and not (hiding and draw(seed ^ 0x5EED, _number(row.id)) < share)

    if shuffled:
        sort_value: Callable[[Any], Any] = lambda row: draw(seed, _number(row.id))  # noqa: E731
    else:
        read = compiler.fields[field_name].read
        empty: Any = "" if compiler.fields[field_name].type == "str" else -1
        sort_value = lambda row: empty if (at := read(row)) is None else at  # noqa: E731
    created = None if settings.undated_share else _created(query)
    view = table.view((freeze(query), field_name, hiding, shuffled, compiler.version, id(base)), matches, sort_value, created)
    keys = view.keys
    first = 0 if low is None else bisect_left(keys, low)
    last = len(keys)
    total = max(0, last - first)

    at, page = _position(cursor, keys, first, last, descending, scale, settings)
    if page == settings.fail_page and settings.fail_page_times != 0:
        walks.failures += 1
        if settings.fail_page_times < 0 or walks.failures <= settings.fail_page_times:
            raise Problem(500, "server_error", "Internal server error")
    if settings.deep_paging_cap and (page - 1) * per_page >= settings.deep_paging_cap:
        raise Problem(400, "client_error", "Invalid starting_after param: too deep")
    if descending:
        chosen = keys[max(first, at - per_page) : at][::-1]
        more = at - per_page > first
    else:
        chosen = keys[at : min(last, at + per_page)]
        more = at + per_page < last
    rows = [row for key in chosen if (row := table.visible(key[1])) is not None]

    pages: dict[str, Any] = {
        "type": "pages",
        "page": page,
        "per_page": per_page,
        "total_pages": -(-total // per_page),
    }
    if more and chosen:
        after = _cursor(chosen[-1], scale, page, per_page, name, walks, settings)
        pages["next"] = {"page": page + 1, "starting_after": after}
    else:
        walks.ended.add(name)
    return Page(rows, pages, max(0, total + settings.count_error))


def page_size(value: Any, default: int, maximum: int, settings: Settings) -> int:
    """`per_page` as asked for, within its bounds. Raises Problem 400."""
    if value is None:
        return default
    try:
        size = int(value)
    except (TypeError, ValueError):
        raise invalid("per_page must be a number", "per_page") from None
    if size < 1:
        raise invalid("per_page must be at least 1", "per_page")
    if size > maximum and settings.per_page_over_max == "reject":
        raise invalid(f"per_page must be at most {maximum}", "per_page")
    return min(size, maximum)


def _order(sort: Any, compiler: Compiler, default: tuple[str, bool]) -> tuple[str, bool]:
    """(field, descending)."""
    if sort is None:
        return default
    if not isinstance(sort, dict) or not isinstance(sort.get("field"), str):
        raise invalid("sort needs a field", "sort")
    order = sort.get("order", "descending")
    if order not in ("ascending", "descending"):
        raise Problem(400, "invalid_sort_order", f"Invalid sort order '{order}'. Must be one of: ascending, descending")
    found = compiler.fields.get(sort["field"])
    if found is None or found.type not in ("date", "day", "datetime", "int", "id", "number", "str"):
        raise Problem(400, "parameter_invalid", f"Invalid sort field: {sort['field']}", "sort")
    return sort["field"], order == "descending"


def _split(query: Any, order: Field, settings: Settings) -> tuple[Any, Any]:
    """Take a lower bound on the field that is sorted by out of a query: (rest, first key).

    A walk that restarts with `id > last` on every page would otherwise make a new view for each.
    """
    single = isinstance(query, dict) and "field" in query
    if order.type not in ("number", "date") or not (single or query.get("operator") == "AND"):
        return query, None
    low: Any = None
    rest = []
    for part in [query] if single else query["value"]:
        value = part.get("value")
        found = number(value) if isinstance(value, str) else value
        if (
            low is None
            and part.get("field") == order.name
            and part.get("operator") in (">", ">=")
            and isinstance(found, int)
            and not isinstance(found, bool)
        ):
            above = part["operator"] == ">" and not (settings.inclusive_order and order.type != "number")
            low = (found + 1,) if above else (found,)
        else:
            rest.append(part)
    if low is None:
        return query, None
    return ({"operator": "AND", "value": rest} if rest else None), low


def _created(query: Any) -> tuple[float, float] | None:
    """What created_at a query asks for, at least and at most; None for any. Roughly: it may be compared by days."""
    low, high = -math.inf, math.inf
    for part in [query] if "field" in (query or {}) else query["value"] if query and query["operator"] == "AND" else []:
        value, operator = part.get("value"), part.get("operator")
        if "field" not in part:
            low, high = max(low, (inner := _created(part) or (low, high))[0]), min(high, inner[1])
        elif part["field"] == "created_at" and isinstance(value, int | float):
            low = max(low, value - _TWO_DAYS) if operator in (">", ">=") else low
            high = min(high, value + _TWO_DAYS) if operator in ("<", "<=") else high
    return None if (low, high) == (-math.inf, math.inf) else (low, high)


def _hiding(name: Hashable, cursor: Any, walks: Walks, settings: Settings) -> bool:
    """Whether this query still does not show the hidden items."""
    now = time.monotonic()
    begun = walks.begun.setdefault(name, now)
    if name in walks.shown:
        return False
    if cursor is None:
        walks.searches[name] = walks.searches.get(name, 0) + 1
    if settings.hide_until == "seconds":
        over = now - begun >= settings.hide_seconds
    elif settings.hide_until == "search":
        over = walks.searches.get(name, 0) >= 2
    else:
        over = cursor is None and name in walks.ended
    if over:
        walks.shown.add(name)
    return not over


def _position(cursor: Any, keys: list[Any], first: int, last: int, descending: bool, scale: int, settings: Settings) -> tuple[int, int]:
    """Where the page starts (descending: ends) in the keys, and its number."""
    if cursor is None:
        return (last if descending else first), 1
    try:
        value, key, page = json.loads(base64.b64decode(cursor, validate=True))
        page = int(page)
        if settings.cursor == "offset":
            return (max(first, last - int(key)) if descending else min(last, first + int(key))), page
        mark = (value // 1000 if scale == 1000 and value > 0 else value, key)
        place = bisect_left(keys, mark) if descending else bisect_right(keys, mark)
    except (ValueError, TypeError):
        raise Problem(400, "client_error", "Invalid starting_after param") from None
    return max(first, min(last, place)), page


def _cursor(
    key: tuple[Any, Any],
    scale: int,
    page: int,
    per_page: int,
    name: Hashable,
    walks: Walks,
    settings: Settings,
) -> str:
    value, row_id = key
    if settings.cursor == "offset":
        content: list[Any] = [0, page * per_page, page + 1]
    else:
        content = [value * scale if value != -1 else value, row_id, page + 1]
    made = base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
    if settings.cursor == "repeat":
        return _repeated(made, page, name, walks, settings)
    return made


def _repeated(made: str, page: int, name: Hashable, walks: Walks, settings: Settings) -> str:
    if page == 1:
        walks.first_cursor[name] = made
    return walks.first_cursor.get(name, made) if page >= settings.repeat_after else made


def _any(row: Any) -> bool:
    return True


def _number(row_id: Any) -> int:
    return row_id & 0xFFFFFFFF if isinstance(row_id, int) else zlib.crc32(str(row_id).encode())
