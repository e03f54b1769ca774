"""The shape of a query: two levels of groups, 15 filters in each, and never a filter beside a group.

The API reference gives the limits. Its schema adds one that its text does not say: the `value` of a group
holds filters alone or groups alone, so a filter beside a group is put in a group of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from intercom_bulk_updater.errors import UsageError

MOST = 15
"""Filters in one group; also values in one IN list."""

_OTHER = {"AND": "OR", "OR": "AND"}
HERE = {"!^": "^", "!$": "$"}
"""Operators that Intercom does not have, judged on this machine; what each is the opposite of."""
_OPPOSITE = {"=": "!=", "!=": "=", "IN": "NIN", "NIN": "IN", "~": "!~", "!~": "~", "^": "!^", "$": "!$", **HERE}
# Times and counts are whole numbers, so each order has its opposite among the operators that are documented.
_TURNED = {">": ("<", 1), "<": (">", -1), ">=": ("<", 0), "<=": (">", 0)}


@dataclass(frozen=True, slots=True)
class Filter:
    """One comparison, in Intercom's words. `operators`: those that its field takes."""

    field: str
    operator: str
    value: Any
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """`AND` or `OR` over filters and groups."""

    operator: str
    parts: tuple[Filter | Group, ...]


Node = Filter | Group


def every(parts: Iterable[Node]) -> Node:
    """AND."""
    return _group("AND", parts)


def some(parts: Iterable[Node]) -> Node:
    """OR."""
    return _group("OR", parts)


_NEVER_EMPTY = ("created_at", "updated_at", "statistics.count_")
"""Begin the fields that always have a value."""


def negate(node: Node) -> Node:
    """NOT, pushed down to the comparisons, as Intercom has none. UsageError where there is no opposite.

    What has no value is neither more nor less than anything.
    """
    if isinstance(node, Group):
        return _group(_OTHER[node.operator], (negate(part) for part in node.parts))
    if opposite := _OPPOSITE.get(node.operator):
        operator, value = opposite, node.value
    elif node.operator in _TURNED and isinstance(node.value, int):
        operator, step = _TURNED[node.operator]
        value = node.value + step
        if "!=" not in node.operators:  # contact dates: rounded to days, so a second more means nothing
            operator = ""
    else:
        operator, value = "", None
    if HERE.get(operator, operator) not in node.operators:
        hint = "" if node.operator in HERE.values() else " Write what is meant with <, >= and the like, and = none for what has no date."
        raise UsageError(f"not cannot stand before {node.field} {node.operator} ...: Intercom has no opposite of it.{hint}")
    found = Filter(node.field, operator, value, node.operators)
    return or_empty(found, found) if node.operator in _TURNED else found


def or_empty(node: Node, one: Filter) -> Node:
    """`node`, or no value at all, where the field of `one` may have none."""
    return node if one.field.startswith(_NEVER_EMPTY) else some([node, Filter(one.field, "=", None, one.operators)])


def to_query(node: Node) -> dict[str, Any]:
    """The query of an expression, as a group. Raises UsageError when it is too large for Intercom."""
    if isinstance(node, Filter):
        return _body("AND", [_leaf(node)])
    if direct := _direct(node):
        return direct
    rewritten = [_direct(form) for form in (_normal_form(node, "AND"), _normal_form(node, "OR")) if form]
    fitting = [query for query in rewritten if query]
    if not fitting:
        raise UsageError(
            f"This filter is too large for one search: Intercom takes two levels of groups, {MOST} "
            "conditions in each. Write `field in (a, b, c)` instead of many `or`, or do it in several runs."
        )
    return min(fitting, key=lambda query: len(str(query)))


def _group(operator: str, parts: Iterable[Node]) -> Node:
    flat: dict[str, Node] = {}  # by repr, as True equals 1
    for part in parts:
        inner = part.parts if isinstance(part, Group) and part.operator == operator else (part,)
        flat.update({repr(one): one for one in inner})
    found = tuple(flat.values())
    return found[0] if len(found) == 1 else Group(operator, found)


def _direct(node: Node) -> dict[str, Any] | None:
    """The query of an expression that has the right shape, or needs but to be cut in pieces; or None."""
    if isinstance(node, Filter):
        return _body("AND", [_leaf(node)])
    leaves = [_leaf(part) for part in node.parts if isinstance(part, Filter)]
    groups = [part for part in node.parts if isinstance(part, Group)]
    if not groups and len(leaves) <= MOST:
        return _body(node.operator, leaves)
    inner = [_body(node.operator, leaves[i : i + MOST]) for i in range(0, len(leaves), MOST)]
    for group in groups:
        below = [_leaf(part) for part in group.parts if isinstance(part, Filter)]
        if len(below) != len(group.parts) or len(below) > MOST:
            return None
        inner.append(_body(group.operator, below))
    return _body(node.operator, inner) if len(inner) <= MOST else None


def _normal_form(node: Node, outer: str) -> Node | None:
    """An equal expression of two levels, `outer` over its opposite; None when it would be too large."""
    clauses = _clauses(node, outer)
    if clauses is None:
        return None
    return _group(outer, (_group(_OTHER[outer], clause) for clause in clauses))


def _clauses(node: Node, outer: str) -> list[tuple[Node, ...]] | None:
    if isinstance(node, Filter):
        return [(node,)]
    below = [_clauses(part, outer) for part in node.parts]
    found: list[list[tuple[Node, ...]]] = [clauses for clauses in below if clauses is not None]
    if len(found) != len(below):
        return None
    if node.operator == outer:
        result = [clause for clauses in found for clause in clauses]
        return result if len(result) <= MOST * MOST else None
    count = 1
    for clauses in found:
        count *= len(clauses)
        if count > MOST * MOST:
            return None
    return [tuple(leaf for clause in choice for leaf in clause) for choice in product(*found)]


def _leaf(part: Filter) -> dict[str, Any]:
    return {"field": part.field, "operator": part.operator, "value": part.value}


def _body(operator: str, value: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"operator": operator, "value": list(value)}


def leaves(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The single conditions of a query."""
    return [node] if "field" in node else [leaf for inner in node["value"] for leaf in leaves(inner)]


def checked_query(body: Mapping[str, Any]) -> dict[str, Any]:
    """The query in a raw search body, its shape checked. Raises UsageError."""
    query = body.get("query", body) if isinstance(body, Mapping) else body
    _check(query, 1, "query")
    return dict(query)


def and_also(query: Mapping[str, Any], filters: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """A checked query AND these filters; None where Intercom's limits leave no room for them."""
    if "field" in query:
        return _body("AND", [dict(query), *filters])
    inner, beside = list(query["value"]), _body("AND", filters)
    if all("field" in one for one in inner):
        room = query["operator"] == "AND" and len(inner) + len(filters) <= MOST
        return _body("AND", [*inner, *filters] if room else [dict(query), beside])
    if query["operator"] == "AND" and len(inner) < MOST:
        return _body("AND", [*inner, beside])
    # Alternatives that are groups: each of them takes the filters.
    below = [and_also(one, filters) for one in inner] if query["operator"] == "OR" else []
    fitting = [one for one in below if one is not None and all("field" in leaf for leaf in one["value"])]
    return _body("OR", fitting) if fitting and len(fitting) == len(inner) else None


_KNOWN = ("=", "!=", "IN", "NIN", ">", "<", ">=", "<=", "~", "!~", "^", "$")


def _check(node: Any, depth: int, path: str) -> None:
    if not isinstance(node, Mapping) or "operator" not in node or "value" not in node:
        raise UsageError(f'{path} must be {{"field", "operator", "value"}} or {{"operator": "AND"|"OR", "value": [...]}}.')
    operator, value = node["operator"], node["value"]
    if "field" in node:
        _check_filter(node, path)
        return
    if operator not in ("AND", "OR"):
        raise UsageError(f"{path}.operator is {operator!r}: a group takes AND or OR.")
    if not isinstance(value, list) or not value:
        raise UsageError(f"{path}.value must be a list of filters, and not empty.")
    if len(value) > MOST:
        raise UsageError(f"{path}.value has {len(value)} filters: Intercom takes {MOST} in a group.")
    if depth > 2:
        raise UsageError(f"{path} is a group three levels deep: Intercom takes two.")
    for index, inner in enumerate(value):
        _check(inner, depth + 1, f"{path}.value[{index}]")


def _check_filter(node: Mapping[str, Any], path: str) -> None:
    name, operator, value = node["field"], node["operator"], node["value"]
    if not isinstance(name, str) or not name:
        raise UsageError(f"{path}.field must be the name of a field.")
    if operator not in _KNOWN:
        raise UsageError(f"{path}.operator is {operator!r}: a filter takes one of {' '.join(_KNOWN)}.")
    if (operator in ("IN", "NIN")) != isinstance(value, list):
        raise UsageError(f"{path}: IN and NIN take a list of values, the other operators one value.")
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str | int | float | bool | None):
            raise UsageError(f"{path}.value must be a text, a number, true, false or null.")
