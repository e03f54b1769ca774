"""Routes: method and path to the function that answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from intercom_sandbox.context import Context
from intercom_sandbox.problems import Problem
from intercom_sandbox.unsimulated import PATHS, refuse
from intercom_sandbox.wire import Request

Handler = Callable[..., Any]  # (application, request, *path parameters) -> JSON value, JSON text (str) or Reply


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `since`: the first API version with it (216 for 2.16); `scope`: what the token needs."""

    method: str
    path: str
    handler: Handler
    scope: str = ""
    since: int = 0

    @property
    def name(self) -> str:
        """As statistics count it."""
        return f"{self.method} {self.path}"


class Router:
    """All routes; literal segments win over parameters."""

    def __init__(self, routes: list[Route]) -> None:
        self._by_shape: dict[tuple[str, int], list[tuple[Route, tuple[str | None, ...]]]] = {}
        for route in routes:
            shape = tuple(None if part.startswith("{") else part for part in route.path.strip("/").split("/"))
            self._by_shape.setdefault((shape[0] or "", len(shape)), []).append((route, shape))
        for entries in self._by_shape.values():
            entries.sort(key=lambda entry: sum(part is None for part in entry[1]))

    def find(self, request: Request) -> tuple[Route, list[str]]:
        """The route and its path parameters. Raises Problem 404 or 406, also for a wrong method."""
        parts = request.path.strip("/").split("/")
        if f"{request.method} {request.path}" in PATHS:  # before `/contacts/{id}` takes `/contacts/activities`
            refuse(request.method, parts)
        for route, shape in self._by_shape.get((parts[0], len(parts)), ()):
            if route.method != request.method:
                continue
            arguments: list[str] = []
            for wanted, got in zip(shape, parts, strict=True):
                if wanted is None:
                    arguments.append(unquote(got) if "%" in got else got)
                elif wanted != got:
                    break
            else:
                return route, arguments
        if b"json" not in request.headers.get(b"accept", b"") and b"*/*" not in request.headers.get(b"accept", b""):
            raise Problem(406, "not_acceptable", "Not Acceptable")
        refuse(request.method, parts)
        raise Problem(404, "not_found", "The requested resource could not be found")


def call(app: Context, request: Request, route: Route, arguments: list[str]) -> Any:
    """Run the handler of a route after the checks that all share."""
    if route.since > request.version:
        raise Problem(400, "intercom_version_invalid", "Requested resource is not available in current API version.")
    if route.scope and route.scope in app.settings.missing_scopes:
        raise Problem(403, "forbidden", f"You do not have the required scope ({route.scope}) to access this resource")
    if request.body:
        kind = request.headers.get(b"content-type", b"")
        if b"json" not in kind:
            raise Problem(415, "unsupported", "Content-Type must be application/json")
    return route.handler(app, request, *arguments)
