"""Companies: page-numbered lists, the scroll, upsert, update, and a delete that is only accepted at first."""

from __future__ import annotations

import uuid
from typing import Any

from intercom_sandbox.contact_objects import company_object, contact_object
from intercom_sandbox.context import Context
from intercom_sandbox.problems import Problem, not_found
from intercom_sandbox.records import Company
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import integer
from intercom_sandbox.routes.contact_relations import new_note
from intercom_sandbox.routes.conversations import checked_attributes
from intercom_sandbox.routes.lists import numbered
from intercom_sandbox.seeds import hex_id
from intercom_sandbox.wire import Request

SCROLL_PAGE = 100


def _live(app: Context, *, with_users: bool = True) -> list[Company]:
    """Companies that lists show: not deleted, with at least one user; newest request first."""
    now = app.space.now()
    rows = [
        row for row in app.space.companies.values() if (row.gone_at is None or row.gone_at > now) and (row.user_count > 0 or not with_users)
    ]
    return sorted(rows, key=lambda row: (row.last_request_at or 0, row.id), reverse=True)


def _answer(app: Context, request: Request, rows: list[Company]) -> dict[str, Any]:
    chosen, pages, total = numbered(request, app.settings, rows, 15, 60, app.settings.companies_cap)
    return {
        "type": "list",
        "data": [company_object(app.space, row) for row in chosen],
        "pages": pages,
        "total_count": total,
    }


def listing(app: Context, request: Request) -> dict[str, Any]:
    """POST /companies/list?page&per_page&order."""
    rows = _live(app)
    return _answer(app, request, rows[::-1] if request.query.get("order") == "asc" else rows)


def index(app: Context, request: Request) -> dict[str, Any]:
    """GET /companies, perhaps by name, company_id, tag_id or segment_id."""
    query, rows = request.query, _live(app)
    for name in ("name", "company_id"):
        if query.get(name):
            rows = [row for row in _live(app, with_users=False) if getattr(row, name) == query[name]]
            if not rows:
                raise not_found("Company Not Found", "company_not_found")
            if {"object": True, "list": False}.get(app.settings.company_lookup, request.version < 207):
                return company_object(app.space, rows[0])
    if query.get("tag_id"):
        rows = [row for row in rows if int(query["tag_id"]) in row.tag_ids]
    return _answer(app, request, rows)


def scroll(app: Context, request: Request) -> dict[str, Any]:
    """GET /companies/scroll: one at a time for each app; ends with an empty page, dies when idle."""
    space, now = app.space, app.space.now()
    held = space.scrolls.get(request.app)
    if held is not None and now - held["at"] > app.settings.scroll_seconds:
        del space.scrolls[request.app]
        held = None
    key = request.query.get("scroll_param")
    if not key:
        if held is not None:
            raise Problem(400, "scroll_exists", "scroll already exists for this workspace")
        held = {"key": str(uuid.uuid4()), "rows": [row.id for row in _live(app)], "at": now, "from": 0}
        space.scrolls[request.app] = held
    elif held is None or held["key"] != key:
        raise not_found("scroll parameter not found")
    chosen = held["rows"][held["from"] : held["from"] + SCROLL_PAGE]
    held["from"] += SCROLL_PAGE
    held["at"] = now
    if not chosen:
        del space.scrolls[request.app]
    answer = {
        "type": "list",
        "data": [company_object(space, space.companies[one]) for one in chosen if one in space.companies],
        "pages": None,
        "total_count": None,
    }
    return answer if not chosen and not app.settings.scroll_param_at_end else {**answer, "scroll_param": held["key"]}


def read(app: Context, request: Request, company_id: str) -> dict[str, Any]:
    """GET /companies/{id}."""
    return company_object(app.space, app.space.company(company_id))


def upsert(app: Context, request: Request) -> dict[str, Any]:
    """POST /companies: create, or update the one with that company_id."""
    space, body = app.space, request.json()
    if not body.get("company_id"):
        raise Problem(400, "bad_request", "bad 'company_id' parameter")
    own = str(body["company_id"])
    row = next((one for one in space.companies.values() if one.company_id == own and one.gone_at is None), None)
    if row is None:
        at = space.stamp()
        row = Company(hex_id(next(space.ids), at), own, str(body.get("name") or own), at, at)
        space.companies[row.id] = row
    _change(app, row, body)
    return company_object(space, row)


def update(app: Context, request: Request, company_id: str) -> dict[str, Any]:
    """PUT /companies/{id}: by Intercom's id; company_id cannot change."""
    row = app.space.company(company_id)
    _change(app, row, request.json())
    return company_object(app.space, row)


def _change(app: Context, row: Company, body: dict[str, Any]) -> None:
    if body.get("custom_attributes") is not None:
        given = checked_attributes(app, "company", body["custom_attributes"])
        merged = {**row.attributes, **given}
        row.attributes = {name: value for name, value in merged.items() if value is not None}
    for name in ("name", "website", "industry", "plan"):
        if name in body:
            if body[name] is not None and not isinstance(body[name], str):
                raise Problem(400, "bad_request", f"bad '{name}' parameter")
            setattr(row, name, body[name])
    for name in ("size", "remote_created_at", "monthly_spend"):
        if body.get(name) is not None:
            value = body[name]
            setattr(row, name, int(value) if isinstance(value, float) else integer(value, name))
    if body.get("update_last_request_at") is True:
        row.last_request_at = app.space.stamp()
    row.updated_at = app.space.stamp()
    app.space.wrote("update", row)


def delete(app: Context, request: Request, company_id: str) -> dict[str, Any]:
    """DELETE /companies/{id}: accepted at once, done after `job_seconds`."""
    row = app.space.company(company_id)
    row.gone_at = row.gone_at or app.space.now() + app.settings.job_seconds
    app.space.wrote("delete", row)
    return {"id": row.id, "object": "company", "deleted": True}


def contacts(app: Context, request: Request, company_id: str) -> dict[str, Any]:
    """GET /companies/{id}/contacts."""
    row = app.space.company(company_id)
    rows = [one for one in app.space.contacts.rows.values() if row.id in one.company_ids and not one.merged_into]
    chosen, pages, total = numbered(request, app.settings, rows, 50, 60)
    return {
        "type": "list",
        "data": [contact_object(app.space, one) for one in chosen],
        "total_count": total,
        "pages": pages,
    }


def notes(app: Context, request: Request, company_id: str) -> dict[str, Any]:
    """GET /companies/{id}/notes."""
    row = app.space.company(company_id)
    chosen, pages, total = numbered(request, app.settings, list(row.notes)[::-1], 50, 150)
    return {"type": "list", "data": chosen, "total_count": total, "pages": pages}


def add_note(app: Context, request: Request, company_id: str) -> dict[str, Any]:
    """POST /companies/{id}/notes."""
    row = app.space.company(company_id)
    note = new_note(app, request.json(), "company", row.id)
    row.notes = (*row.notes, note)
    app.space.wrote("note", row)
    app.space.ledger.said(row, note["author"]["id"], note["body"])
    return note


def segments(app: Context, request: Request, company_id: str) -> dict[str, Any]:
    """GET /companies/{id}/segments: the sandbox has none of companies."""
    app.space.company(company_id)
    return {"type": "list", "data": []}


ROUTES = [
    Route("POST", "/companies/list", listing, "read_companies"),
    Route("GET", "/companies", index, "read_companies"),
    Route("GET", "/companies/scroll", scroll, "read_companies"),
    Route("POST", "/companies", upsert, "write_companies"),
    Route("GET", "/companies/{id}", read, "read_companies"),
    Route("PUT", "/companies/{id}", update, "write_companies"),
    Route("DELETE", "/companies/{id}", delete, "write_companies"),
    Route("GET", "/companies/{id}/contacts", contacts, "read_companies"),
    Route("GET", "/companies/{id}/segments", segments, "read_companies"),
    Route("GET", "/companies/{id}/notes", notes, "read_companies", since=216),
    Route("POST", "/companies/{id}/notes", add_note, "write_companies", since=216),
]
