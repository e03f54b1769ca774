"""What the server counted: requests, connections, windows, and how often each item was written to."""

from __future__ import annotations

from collections import deque
from typing import Any

from intercom_sandbox.workspace import Workspace


class Books:
    """Counters since the start or the last reset."""

    def __init__(self, log_size: int) -> None:
        self.routes: dict[str, int] = {}
        self.statuses: dict[int, int] = {}
        self.faults: dict[str, int] = {}
        self.requests = 0
        self.opened = 0
        self.open = 0
        self.max_open = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self.log: deque[tuple[float, str, str, int, bytes, str]] = deque(maxlen=log_size)

    def count(self, route: str, status: int) -> None:
        """One answered request."""
        self.requests += 1
        self.routes[route] = self.routes.get(route, 0) + 1
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def begun(self) -> None:
        """One more request that is not answered yet."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def connected(self) -> None:
        """One more connection that asks the API."""
        self.opened += 1
        self.open += 1
        self.max_open = max(self.max_open, self.open)

    def resize(self, log_size: int) -> None:
        """Keep that many requests from now on."""
        self.log = deque(self.log, maxlen=log_size)

    def report(self) -> dict[str, Any]:
        """As `GET /_sandbox/stats` shows it, without the windows."""
        return {
            "requests": self.requests,
            "routes": dict(sorted(self.routes.items())),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "faults": dict(self.faults),
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "connections": {"opened": self.opened, "open": self.open, "max_open": self.max_open},
        }

    def lines(self, last: int) -> list[dict[str, Any]]:
        """The newest requests, oldest first. `status` 0: the connection was cut."""
        return [
            {
                "time": at,
                "method": method,
                "path": path,
                "status": status,
                "body": body.decode("utf-8", "replace"),
                "app": app,
            }
            for at, method, path, status, body, app in list(self.log)[-last:]
        ]


def audit(space: Workspace, resource: str = "") -> dict[str, Any]:
    """The books of the workspace, of one resource if it is named."""
    sizes = {
        "conversations": len(space.conversations.rows),
        "contacts": len(space.contacts.rows),
        "companies": len(space.companies),
        "tickets": len(space.tickets.rows),
    }
    if resource and resource not in sizes:
        raise ValueError(f"unknown resource {resource!r}; the books know {', '.join(sizes)}")
    return space.ledger.audit(sizes, resource)
