"""Divides a filter between Intercom and this machine: what it cannot search by is judged here, on what its narrower search finds.

state = open and title ~ refund      Intercom is asked for state = open; of those, title ~ refund is judged here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.search.language.fields import resource as _resource
from intercom_bulk_updater.search.language.query_tree import HERE, MOST, leaves
from intercom_bulk_updater.search.language.terms import Resource

Query = Mapping[str, Any]

_ASKED_AS = {"ticket_state.category": "state"}
"""What is judged here by one field and searched for by another."""
_OPPOSITES = {"!^": "what {} does not begin with", "!$": "what {} does not end with"}
_ALL = {"operator": "AND", "value": [{"field": "created_at", "operator": ">", "value": 0}]}


@dataclass(frozen=True, slots=True)
class Division:
    """`asked`: what Intercom is asked for; `here`: what is judged on each item that it finds."""

    asked: dict[str, Any]
    here: dict[str, Any]

    def words(self, resource: str) -> str:
        """What is judged here, for people."""
        table = _resource(resource)
        ours = [leaf for leaf in leaves(self.here) if _is_ours(leaf, table)]
        fields = dict.fromkeys(str(leaf["field"]) for leaf in ours)
        by = {str(leaf["field"]): _OPPOSITES.get(str(leaf["operator"]), "{}") for leaf in ours}
        names = list(dict.fromkeys(by[field].format(table.word(field)) for field in fields if field not in _ASKED_AS or len(fields) == 1))
        reads = f"all {resource} are read" if self.asked == _ALL else f"on what {self._found_by(fields)}"
        some = any(leaf["field"] == "companies" for leaf in leaves(self.here))
        more = "; a contact in more than 10 companies takes a request more" if some else ""
        return f"Intercom cannot search by {' and '.join(names)}: judged here, {reads}{more}"

    def _found_by(self, fields: Collection[str]) -> str:
        """What Intercom searches by instead. The category of a ticket state that was named follows from it, and nobody typed it."""
        derived = {name for field, name in _ASKED_AS.items() if field in fields and len(fields) > 1}
        rest = any(str(leaf["field"]) not in derived for leaf in leaves(self.asked))
        return "its category and the rest find" if derived and rest else "its category finds" if derived else "the rest finds"


def divide(query: Query, resource: str, api_version: str = "2.16") -> Division | None:
    """How a compiled filter is divided; None where Intercom judges all of it.

    Every item that matches `query` matches `asked`. Raises UsageError where an `or` joins what only Intercom can judge
    with what only this machine can.
    """
    table = _resource(resource, api_version)
    parts = _conjuncts(query)
    here = [part for part in parts if _is_judged_here(part, table)]
    if not here:
        return None
    for part in here:
        _refuse_undecidable(part, table)
    narrower = [found for part in parts if (found := _narrowed(part, table)) is not None]
    return Division(_conjunction(narrower) if narrower else _ALL, {"operator": "AND", "value": here})


def _conjuncts(node: Query) -> list[Query]:
    """What all have to hold: a filter each, or a group of alternatives."""
    if "field" in node or (node["operator"] == "OR" and len(node["value"]) > 1):
        return [node]
    return [part for inner in node["value"] for part in _conjuncts(inner)]


def _is_judged_here(node: Query, table: Resource) -> bool:
    return any(_is_ours(leaf, table) for leaf in leaves(node))


def _is_ours(leaf: Query, table: Resource) -> bool:
    """Whether Intercom cannot judge a filter, by its field or by its operator."""
    return str(leaf["field"]) in table.shown or leaf["operator"] in HERE


def _refuse_undecidable(node: Query, table: Resource) -> None:
    for leaf in leaves(node):
        field = table.find(str(leaf["field"]))
        if field is not None and not table.shows(field):
            here = next(table.word(str(one["field"])) for one in leaves(node) if _is_ours(one, table))
            if leaf["operator"] in HERE:
                raise UsageError(f"not cannot stand before {here} {HERE[leaf['operator']]} ...: Intercom has no opposite of it.")
            raise UsageError(
                f"{table.word(field.name)} can only be judged by Intercom, and {here} only here, so `or` cannot join them. "
                "Do it in two runs."
            )


def _narrowed(node: Query, table: Resource) -> dict[str, Any] | None:
    """What Intercom can be asked so that nothing of `node` is missing; None for nothing."""
    if not _is_judged_here(node, table):
        return dict(node)
    if "field" in node:
        name = _ASKED_AS.get(str(node["field"]))
        return {**node, "field": name} if name else None
    below = [_narrowed(part, table) for part in node["value"]]
    found = [part for part in below if part is not None]
    if not found or (node["operator"] == "OR" and len(found) < len(below)):
        return None
    return {"operator": node["operator"], "value": found}


def _conjunction(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """AND of filters and groups: a filter never stands beside a group."""
    leaves = [one for one in parts if "field" in one]
    cuts = [{"operator": "AND", "value": leaves[i : i + MOST]} for i in range(0, len(leaves), MOST)]
    inner = [*cuts, *(one for one in parts if "field" not in one)]
    return inner[0] if len(inner) == 1 else {"operator": "AND", "value": inner}
