"""How many items of a kind the workspace holds, for `--max P%`: one request."""

from __future__ import annotations

from typing import Any

from .session import Session

# What each kind is counted by; only the total is read. Tickets have no list, and every one of them was created some time.
_COUNTED: dict[str, tuple[str, str, Any]] = {
    "conversations": ("GET", "conversations", None),
    "contacts": ("GET", "contacts", None),
    "companies": ("POST", "companies/list", {"per_page": 1}),
    "tickets": (
        "POST", "tickets/search",
        {"query": {"field": "created_at", "operator": ">", "value": 0}, "pagination": {"per_page": 1}},
    ),
}


def population(session: Session, resource: str) -> int | None:
    """The number of all items of a kind; None where Intercom does not tell."""
    if resource not in _COUNTED:
        return None
    method, path, body = _COUNTED[resource]

    def ask() -> dict[str, Any]:
        params = {"per_page": 1} if method == "GET" else None
        return session.client.call(method, path, json=body, params=params, purpose="search")

    total = session.patiently(ask).get("total_count")
    return total if isinstance(total, int) else None
