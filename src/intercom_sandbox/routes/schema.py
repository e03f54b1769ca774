"""What the workspace is made of: attributes, ticket types and states, segments; and events."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.context import Context
from intercom_sandbox.problems import Problem, invalid, not_found, number
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import integer, one_of, required, text
from intercom_sandbox.ticket_objects import state_object, type_object
from intercom_sandbox.wire import Reply, Request
from intercom_sandbox.workspace import ADMIN_ID, Attribute

STANDARD = {"contact": ("email", "name", "phone", "external_id"), "company": ("name", "company_id", "plan")}
NO_CONVERSATIONS = "model=conversation is no longer supported. Use GET /conversations/attributes instead"


def data_attributes(app: Context, request: Request) -> dict[str, Any]:
    """GET /data_attributes?model=contact|company; conversations moved away in 2.16."""
    query = request.query
    model = query.get("model")
    if model == "conversation" and request.version >= 216:
        raise Problem(422, "parameter_invalid", NO_CONVERSATIONS)
    models = [model] if model else ["contact", "company"] if request.version >= 216 else ["contact", "company", "conversation"]
    data: list[dict[str, Any]] = []
    for one in models:
        if one not in app.space.attributes:
            raise invalid("model is invalid", "model")
        data += [_standard(one, name) for name in STANDARD.get(one, ())]
        data += [
            _custom(app, one, attribute)
            for attribute in app.space.attributes[one].values()
            if not attribute.archived or query.get("include_archived") == "true"
        ]
    return {"type": "list", "data": data}


def _standard(model: str, name: str) -> dict[str, Any]:
    return {
        "type": "data_attribute",
        "name": name,
        "full_name": name,
        "label": name.replace("_", " ").capitalize(),
        "description": "",
        "data_type": "string",
        "api_writable": True,
        "ui_writable": True,
        "messenger_writable": False,
        "custom": False,
        "archived": False,
        "model": model,
    }


def _custom(app: Context, model: str, row: Attribute) -> dict[str, Any]:
    made = {
        **_standard(model, row.name),
        "id": row.id,
        "full_name": f"custom_attributes.{row.name}",
        "label": row.name,
        "description": row.description,
        "data_type": "string" if row.kind == "list" else row.kind,
        "custom": True,
        "archived": row.archived,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "admin_id": str(ADMIN_ID),
    }
    if row.options:
        made["options"] = list(row.options)
    return made


def create_attribute(app: Context, request: Request) -> dict[str, Any]:
    """POST /data_attributes."""
    body = request.json()
    required(body, "name")
    model = one_of(body, "model", ("contact", "company"))
    kind = one_of(body, "data_type", ("string", "integer", "float", "boolean", "date", "datetime", "options"))
    kind = "list" if kind == "options" else kind
    name = text(body["name"], "name")
    if name in app.space.attributes[model]:
        raise invalid(f"You already have '{name}' in your {model} data. To save this as new data, use a different name.")
    kind = "date" if kind == "datetime" else kind
    at = app.space.stamp()
    row = Attribute(next(app.space.ids), name, kind, _options(body), str(body.get("description") or ""), created_at=at, updated_at=at)
    app.space.attributes[model][name] = row
    return _custom(app, model, row)


def update_attribute(app: Context, request: Request, key: str) -> dict[str, Any]:
    """PUT /data_attributes/{id}: archive, describe, change the options."""
    body = request.json()
    for model in ("contact", "company"):
        for row in app.space.attributes[model].values():
            if str(row.id) == key:
                if isinstance(body.get("archived"), bool):
                    row.archived = body["archived"]
                if "description" in body:
                    row.description = str(body["description"] or "")
                row.options = _options(body) or row.options
                row.updated_at = max(app.space.stamp(), row.updated_at)
                return _custom(app, model, row)
    raise not_found("We couldn't find that data attribute to update", "field_not_found")


def _options(body: dict[str, Any]) -> tuple[str, ...]:
    """The values that a body allows: objects with a value, or texts."""
    given = body.get("options") or ()
    if not isinstance(given, list | tuple):
        raise invalid("options must be a list", "options")
    return tuple(str(one.get("value") if isinstance(one, dict) else one) for one in given)


def ticket_types(app: Context, request: Request) -> dict[str, Any]:
    """GET /ticket_types."""
    space = app.space
    return {"type": "list", "data": [type_object(space, row) for row in space.ticket_types.values()]}


def ticket_type(app: Context, request: Request, key: str) -> dict[str, Any]:
    """GET /ticket_types/{id}."""
    row = app.space.ticket_types.get(number(key) or 0)
    if row is None:
        raise not_found("Ticket type not found", "ticket_type_not_found")
    return type_object(app.space, row)


def ticket_states(app: Context, request: Request) -> dict[str, Any]:
    """GET /ticket_states."""
    space = app.space
    return {
        "type": "list",
        "data": [
            {
                **state_object(row),
                "archived": False,
                "ticket_types": {
                    "type": "list",
                    "data": [type_object(space, space.ticket_types[key]) for key in row.type_ids],
                },
            }
            for row in space.ticket_states.values()
        ],
    }


def event(app: Context, request: Request) -> Reply:
    """POST /events: 202 without a body; the same event twice is one."""
    body = request.json()
    required(body, "event_name", "created_at")
    at = integer(body["created_at"], "created_at")
    who = next((str(body[name]) for name in ("user_id", "id", "email") if body.get(name)), None)
    if who is None:
        raise Problem(400, "parameter_missing", "user_id, id or email is a required parameter")
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict) or len(metadata) > 10:
        raise invalid("metadata may hold at most 10 keys", "metadata")
    app.space.events[(who, str(body["event_name"]), at)] = metadata
    app.space.wrote("event", who)
    return Reply(202, b"")


ROUTES = [
    Route("GET", "/data_attributes", data_attributes),
    Route("POST", "/data_attributes", create_attribute),
    Route("PUT", "/data_attributes/{id}", update_attribute),
    Route("GET", "/ticket_types", ticket_types, "read_tickets"),
    Route("GET", "/ticket_types/{id}", ticket_type, "read_tickets"),
    Route("GET", "/ticket_states", ticket_states, "read_tickets"),
    Route("POST", "/events", event, "write_events"),
]
