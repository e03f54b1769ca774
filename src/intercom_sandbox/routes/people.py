"""GET /me, admins and teams."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.context import Context
from intercom_sandbox.problems import not_found, number
from intercom_sandbox.records import Admin, Team
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import required
from intercom_sandbox.wire import Request
from intercom_sandbox.workspace import ADMIN_ID, WORKSPACE_ID


def admin_object(row: Admin) -> dict[str, Any]:
    """An admin as JSON."""
    return {
        "type": "admin",
        "id": str(row.id),
        "name": row.name,
        "email": row.email,
        "job_title": "Support",
        "away_mode_enabled": row.away,
        "away_mode_reassign": row.reassign,
        "away_status_reason_id": None,
        "has_inbox_seat": row.has_inbox_seat,
        "team_ids": row.team_ids,
        "avatar": None,
        "team_priority_level": {"primary_team_ids": row.team_ids, "secondary_team_ids": []},
    }


def team_object(row: Team) -> dict[str, Any]:
    """A team as JSON."""
    return {
        "type": "team",
        "id": str(row.id),
        "name": row.name,
        "admin_ids": row.admin_ids,
        "distribution_method": "manual",
        "admin_priority_level": {"primary_admin_ids": row.admin_ids, "secondary_admin_ids": []},
    }


def me(app: Context, request: Request) -> dict[str, Any]:
    """The token's own admin and its workspace."""
    row = app.space.admins[ADMIN_ID]
    return {
        **admin_object(row),
        "email_verified": True,
        "avatar": {"type": "avatar", "image_url": None},
        "app": {
            "type": "app",
            "id_code": WORKSPACE_ID,
            "name": "Sandbox",
            "created_at": app.space.epoch - 900 * 86_400,
            "secure": False,
            "identity_verification": False,
            "timezone": app.settings.timezone,
            "region": app.settings.region,
        },
    }


def admins(app: Context, request: Request) -> dict[str, Any]:
    """All admins."""
    return {"type": "admin.list", "admins": [admin_object(row) for row in app.space.admins.values()]}


def admin(app: Context, request: Request, admin_id: str) -> dict[str, Any]:
    """One admin."""
    return admin_object(app.space.admin(admin_id, "admin_not_found", "Admin not found"))


def away(app: Context, request: Request, admin_id: str) -> dict[str, Any]:
    """PUT /admins/{id}/away."""
    body = request.json()
    row = app.space.admin(admin_id, message="Admin for admin_id not found")
    required(body, "away_mode_enabled", "away_mode_reassign")
    row.away, row.reassign = bool(body["away_mode_enabled"]), bool(body["away_mode_reassign"])
    return admin_object(row)


def teams(app: Context, request: Request) -> dict[str, Any]:
    """All teams."""
    return {"type": "team.list", "teams": [team_object(row) for row in app.space.teams.values()]}


def team(app: Context, request: Request, team_id: str) -> dict[str, Any]:
    """One team."""
    row = app.space.teams.get(number(team_id) or 0)
    if row is None:
        raise not_found("Team not found", "team_not_found")
    return team_object(row)


ROUTES = [
    Route("GET", "/me", me),
    Route("GET", "/admins", admins),
    Route("GET", "/admins/{id}", admin),
    Route("PUT", "/admins/{id}/away", away),
    Route("GET", "/teams", teams),
    Route("GET", "/teams/{id}", team),
]
