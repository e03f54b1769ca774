"""How many items of a kind the workspace holds, for `--max P%`: one request."""

from __future__ import annotations

from typing import Any

from ..operations.resource import resources
from .session import Session


def population(session: Session, resource: str) -> int | None:
    """The number of all items of a kind; None where Intercom does not tell."""
    if resource not in resources():
        return None
    count = resources()[resource].count

    def ask() -> dict[str, Any]:
        params = {"per_page": 1} if count.method == "GET" else None
        return session.client.call(count.method, count.path, json=count.body, params=params, purpose="search")

    total = session.patiently(ask).get("total_count")
    return total if isinstance(total, int) else None
