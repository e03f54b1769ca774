"""Segments: one of users, one of leads."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.context import Context
from intercom_sandbox.problems import not_found
from intercom_sandbox.router import Route
from intercom_sandbox.wire import Request
from intercom_sandbox.workspace import Workspace

SEGMENTS = {"seg-users": ("All users", "user"), "seg-leads": ("All leads", "contact")}


def segment_object(space: Workspace, key: str, *, counted: bool = False) -> dict[str, Any]:
    """A segment as JSON, with the number of its contacts where that is asked for."""
    name, kind = SEGMENTS[key]
    at = space.epoch - 86_400 * 600
    made: dict[str, Any] = {"type": "segment", "id": key, "name": name, "created_at": at, "updated_at": at, "person_type": kind}
    if counted:
        role = "user" if kind == "user" else "lead"
        made["count"] = sum(row.role == role and row.merged_into is None and not row.archived for row in space.contacts.rows.values())
    return made


def segments(app: Context, request: Request) -> dict[str, Any]:
    """GET /segments?include_count=."""
    counted = request.query.get("include_count") == "true"
    return {"type": "segment.list", "segments": [segment_object(app.space, key, counted=counted) for key in SEGMENTS]}


def segment(app: Context, request: Request, key: str) -> dict[str, Any]:
    """GET /segments/{id}."""
    if key not in SEGMENTS:
        raise not_found()
    return segment_object(app.space, key, counted=request.query.get("include_count") == "true")


ROUTES = [
    Route("GET", "/segments", segments),
    Route("GET", "/segments/{id}", segment),
]
