"""Conversations: search, list, read, update, delete."""

from __future__ import annotations

from typing import Any

from intercom_sandbox import fields, lifecycle, render
from intercom_sandbox.context import Context
from intercom_sandbox.conversation_parts import left, stale, whole
from intercom_sandbox.paging import Page, search
from intercom_sandbox.problems import Problem, invalid
from intercom_sandbox.records import Conversation
from intercom_sandbox.router import Route
from intercom_sandbox.routes.lists import numbered
from intercom_sandbox.search import Compiler
from intercom_sandbox.wire import Request
from intercom_sandbox.workspace import ADMIN_ID, ATTRIBUTE_KINDS, Attribute, Workspace

ORDERS = {
    "updated_at desc": ("updated_at", True),
    "updated_at asc": ("updated_at", False),
    "created_at desc": ("created_at", True),
    "id asc": ("id", False),
}


def find(app: Context, request: Request) -> dict[str, Any]:
    """POST /conversations/search."""
    body = dict(request.json())
    if app.settings.sort == "rejected" and body.get("sort") is not None:
        raise invalid("sort is not supported", "sort")
    if app.settings.sort == "ignored":
        body.pop("sort", None)
    page = _page(app, request, body, match_all=False)
    return _list(app.space, page, request.version)


def index(app: Context, request: Request) -> dict[str, Any]:
    """GET /conversations."""
    query = request.query
    pagination = {name: query[name] for name in ("per_page", "starting_after") if query.get(name)}
    page = _page(app, request, {"pagination": pagination}, match_all=True)
    return _list(app.space, page, request.version)


def _page(app: Context, request: Request, body: dict[str, Any], *, match_all: bool) -> Page:
    space, settings = app.space, app.settings
    known = None
    if settings.custom_attribute_search:
        known = {name: ATTRIBUTE_KINDS[one.kind] for name, one in space.attributes["conversation"].items()}
    return search(
        space.conversations,
        Compiler(fields.conversation_fields(space, request.version), settings, request.version, known),
        body,
        settings=settings,
        walks=app.walks,
        default_order=ORDERS[settings.default_order],
        base=_shown,
        hides=True,
        match_all=match_all,
    )


def _shown(row: Conversation) -> bool:
    return not row.suspended


def _list(space: Workspace, page: Page, version: int) -> dict[str, Any]:
    shown = [render.conversation(space, row, version=version) for row in page.rows]
    for lacking in space.settings.search_lacks:
        for item in shown:
            item.pop(lacking, None)
    return {
        "type": "conversation.list",
        "pages": page.pages,
        "total_count": page.total,
        "conversations": shown,
    }


def read(app: Context, request: Request, conversation_id: str) -> str:
    """GET /conversations/{id}."""
    row = app.space.conversation(conversation_id)
    query = request.query
    text = whole(app.space, row, request.version, plain=query.get("display_as") == "plaintext")
    for asked, name in (("include_monitors", "monitor_evaluations"), ("include_scorecards", "scorecards")):
        if query.get(asked) == "true" and request.version >= 216:
            text = f'{text[:-1]},"{name}":[]}}'
    return text


def update(app: Context, request: Request, conversation_id: str) -> str:
    """PUT /conversations/{id}: read, title, company, custom attributes."""
    space, body = app.space, request.json()
    row = space.conversation(conversation_id)
    values: dict[str, Any] = {}
    if "read" in body:
        if not isinstance(body["read"], bool):
            raise invalid("read must be true or false", "read")
        values["read"] = body["read"]
    if "title" in body:
        values["title"] = None if body["title"] is None else str(body["title"])
    if "company_id" in body:
        values["company_id"] = space.company(body["company_id"]).id if body["company_id"] else None
    if "priority" in body and request.version >= 999:
        if body["priority"] not in ("none", "low", "medium", "high", "urgent"):
            raise invalid("priority is invalid", "priority")
        values["priority"] = body["priority"]
    attributes = body.get("custom_attributes")
    if attributes is not None:
        attributes = checked_attributes(app, "conversation", attributes)
    before = stale(space, row, request.version)
    if values:
        lifecycle.set_fields(space, row, values)
    if attributes:
        lifecycle.set_attributes(space, row, attributes)
    space.wrote("update", row)
    return left(space, row, before, request.version, plain=request.query.get("display_as") == "plaintext")


def checked_attributes(app: Context, model: str, values: Any) -> dict[str, Any]:
    """Custom attributes of a body, each known and of its type. Raises Problem 400."""
    if not isinstance(values, dict):
        raise invalid("custom_attributes must be an object", "custom_attributes")
    known = app.space.attributes[model]
    checked: dict[str, Any] = {}
    for name, value in values.items():
        attribute = known.get(name)
        if attribute is None or attribute.archived:
            if app.settings.unknown_attribute == "error":
                raise invalid(f"Custom attribute '{name}' does not exist", "custom_attributes")
            if app.settings.unknown_attribute == "create":
                checked[name] = value
            continue
        if value is not None and not _fits(attribute.kind, value):
            raise invalid(f"Custom attribute '{name}' must be of type {attribute.kind}", "custom_attributes")
        if attribute.options and value is not None and value not in attribute.options:
            raise invalid(f"'{value}' is not an option of custom attribute '{name}'", "custom_attributes")
        checked[name] = value
    return checked


def _fits(kind: str, value: Any) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "date"):
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def delete(app: Context, request: Request, conversation_id: str) -> dict[str, Any]:
    """DELETE /conversations/{id}."""
    space = app.space
    keep = request.query.get("retain_metrics", "true") != "false"
    scope = "delete_conversations_and_metrics"
    if not keep and scope in app.settings.missing_scopes:
        raise Problem(403, "forbidden", f"You do not have the required scope ({scope}) to access this resource")
    gone = any(entry["id"] == conversation_id for entry in space.deleted)
    if gone and app.settings.second_delete == "200":
        return {"id": conversation_id, "object": "conversation", "deleted": True}
    row = space.conversation(conversation_id)
    space.conversations.remove(row.id)
    space.deleted.append({"type": "conversation", "id": str(row.id), "metrics_retained": keep, "deleted_at": space.stamp()})
    space.wrote("delete", row)
    return {"id": str(row.id), "object": "conversation", "deleted": True}


def deleted(app: Context, request: Request) -> dict[str, Any]:
    """GET /conversations/deleted: page numbers, `next` a URL."""
    query = request.query
    rows = app.space.deleted if query.get("order") == "asc" else app.space.deleted[::-1]
    chosen, pages, total = numbered(request, app.settings, rows, 20, 60)
    return {"type": "conversations.list", "conversations": chosen, "total_count": total, "pages": pages}


def attributes(app: Context, request: Request) -> dict[str, Any]:
    """GET /conversations/attributes."""
    return {
        "type": "list",
        "data": [_attribute(app, one) for one in app.space.attributes["conversation"].values()],
    }


def _attribute(app: Context, one: Attribute) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "conversation_attribute",
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "data_type": one.kind,
        "required": False,
        "visible_to_team_ids": [],
        "archived": one.archived,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "admin_id": str(ADMIN_ID),
    }
    if one.kind == "list":
        made["options"] = [{"id": f"{one.id}-{number}", "label": label, "archived": False} for number, label in enumerate(one.options)]
    elif one.kind == "string":
        made["multiline"] = False
    return made


ROUTES = [
    Route("POST", "/conversations/search", find, "read_conversations"),
    Route("GET", "/conversations", index, "read_conversations"),
    Route("GET", "/conversations/deleted", deleted, "read_conversations", since=216),
    Route("GET", "/conversations/attributes", attributes, since=216),
    Route("GET", "/conversations/{id}", read, "read_conversations"),
    Route("PUT", "/conversations/{id}", update, "write_conversations"),
    Route("DELETE", "/conversations/{id}", delete, "write_conversations"),
]
