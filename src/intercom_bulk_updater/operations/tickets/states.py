"""Ticket states by name: which state a name means for each ticket type."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ...errors import UnknownName, UsageError
from ...parsing.printable import printable_name
from ..spec import Resolver


def states_by_type(resolver: Resolver, typed: str) -> tuple[dict[str, str], str]:
    """The state of that id, label or category for each ticket type, by the id of the type; and what it is called.

    An id wins, then the label that teammates see, the one that customers see, the category. Raises UsageError.
    """
    states = [state for state in resolver.entries("ticket_state") if not state.get("archived")]
    wanted = " ".join(typed.split()).casefold()
    for key in ("id", "internal_label", "external_label", "category"):
        fitting = [state for state in states if _folded(state.get(key)) == wanted]
        found: dict[str, str] = {}
        for state in fitting:
            for kind in types_of(state):
                if kind in found:
                    several = ", ".join(f"{one['id']} ({one.get('internal_label')})" for one in fitting)
                    raise UsageError(f"{len(fitting)} ticket states are called {printable_name(typed)!r}: give the id, one of {several}.")
                found[kind] = str(state["id"])
        if fitting:
            return found, printable_name(fitting[0].get("internal_label") or typed)
    known = {_folded(state.get("internal_label")): f"{state.get('internal_label')} ({state['id']})" for state in states}
    nearest = ", ".join(known[name] for name in difflib.get_close_matches(wanted, known, 3, 0))
    raise UnknownName(f"There is no ticket state {printable_name(typed)!r} among {len(states)}. Nearest: {nearest}.", nearest=nearest)


def types_of(state: Mapping[str, Any]) -> list[str]:
    """The ids of the ticket types that may be in a state."""
    return [str(kind["id"]) for kind in (state.get("ticket_types") or {}).get("data") or []]


def _folded(value: Any) -> str:
    return " ".join(str(value or "").split()).casefold()
