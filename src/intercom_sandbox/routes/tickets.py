"""Tickets: search, read, update, reply, tag, create, change of type, delete."""

from __future__ import annotations

from functools import partial
from typing import Any

from intercom_sandbox import fields
from intercom_sandbox.context import Context
from intercom_sandbox.fields import Field
from intercom_sandbox.paging import search
from intercom_sandbox.problems import Problem, invalid, not_found, number
from intercom_sandbox.records import Part, Ticket
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import integer, required
from intercom_sandbox.search import Compiler
from intercom_sandbox.ticket_objects import ticket_object, ticket_text
from intercom_sandbox.wire import Request
from intercom_sandbox.workspace import ADMIN_ID, OPERATOR_ID, TicketAttribute, TicketState, TicketType

WORDS = {"Customer": "request", "Back-office": "task", "Tracker": "tracker"}
WRONG_STATE = "Ticket state id is not valid or is not associated with the ticket type"


def find(app: Context, request: Request) -> dict[str, Any]:
    """POST /tickets/search."""
    body, settings = dict(request.json()), app.settings
    if settings.sort == "rejected" and body.get("sort") is not None:
        raise invalid("sort is not supported", "sort")
    if settings.sort == "ignored":
        body.pop("sort", None)
    known = dict(fields.TICKET)
    for attribute in (one for kind in app.space.ticket_types.values() for one in kind.attributes.values()):
        key = f"ticket_attribute.{attribute.id}"
        known[key] = Field(key, "str", partial(_attribute, attribute))
    page = search(
        app.space.tickets,
        Compiler(known, settings, request.version),
        body,
        settings=settings,
        walks=app.walks,
        default_order=("updated_at", True),
    )
    return {
        "type": "ticket.list",
        "pages": page.pages,
        "total_count": page.total,
        "tickets": [ticket_object(app.space, row) for row in page.rows],
    }


def _attribute(attribute: TicketAttribute, row: Ticket) -> Any:
    value = row.attributes.get(attribute.name)
    return value if value is None or isinstance(value, str) else str(value).lower()


def read(app: Context, request: Request, ticket_id: str) -> str:
    """GET /tickets/{id}."""
    return ticket_text(app.space, app.space.ticket(ticket_id))


def create_ticket(app: Context, body: dict[str, Any]) -> Ticket:
    """Make a ticket from a body, as POST /tickets and the queued job do."""
    space = app.space
    required(body, "ticket_type_id", "contacts")
    kind = space.ticket_types.get(integer(body["ticket_type_id"], "ticket_type_id"))
    if kind is None:
        raise not_found("Ticket type not found", "ticket_type_not_found")
    given = body["contacts"]
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], dict):
        raise invalid("contacts must hold exactly one contact", "contacts")
    contact = ticket_contact(app, given[0])
    state = next(one for one in space.ticket_states.values() if kind.id in one.type_ids)
    assignment = body.get("assignment") or {}
    at = space.stamp()
    key = max(space.tickets.rows, default=600_000) + 1
    row = Ticket(
        id=key,
        ticket_id=len(space.tickets.rows) + 1,
        type_id=kind.id,
        state_id=state.id,
        created_at=integer(body["created_at"], "created_at") if body.get("created_at") else at,
        updated_at=at,
        contact_ids=(contact,),
        category_word=WORDS[kind.category],
        state_word=state.category,
        attributes=checked_ticket_attributes(kind, body.get("ticket_attributes") or {}),
        admin=_known(app, assignment.get("admin_assignee_id"), app.space.admins),
        team=_known(app, assignment.get("team_assignee_id"), app.space.teams),
        shared=kind.category == "Customer",
        company_id=space.company(body["company_id"]).id if body.get("company_id") else None,
    )
    space.tickets.add(row.id, row)
    space.wrote("create", row)
    return row


def create(app: Context, request: Request) -> str:
    """POST /tickets."""
    return ticket_text(app.space, create_ticket(app, request.json()))


def update(app: Context, request: Request, ticket_id: str) -> str:
    """PUT /tickets/{id}."""
    space, body = app.space, request.json()
    row = space.ticket(ticket_id)
    kind = space.ticket_types[row.type_id]
    admin = str(ADMIN_ID)
    if body.get("admin_id") is not None:
        admin = str(space.admin(body["admin_id"], "assignee_not_found", "Assignee not found").id)
    attributes = checked_ticket_attributes(kind, body.get("ticket_attributes") or {})
    state = _state(app, body["ticket_state_id"], kind) if body.get("ticket_state_id") is not None else None
    assignee = _assignee(app, body["assignee_id"]) if body.get("assignee_id") is not None else None
    company = row.company_id
    if "company_id" in body:
        company = space.company(body["company_id"]).id if body["company_id"] else None
    for name in ("open", "is_shared"):
        if name in body and not isinstance(body[name], bool):
            raise invalid(f"{name} must be true or false", name)
    snooze = integer(body["snoozed_until"], "snoozed_until") if body.get("snoozed_until") is not None else None
    space.tickets.begin(row.id)
    row.company_id = company
    _write_attributes(app, row, attributes)
    if state is not None and state.id != row.state_id:
        row.previous_state_id, row.state_id, row.state_word = row.state_id, state.id, state.category
        row.open = state.category != "resolved"
        append(app, row, "ticket_state_updated_by_admin", admin)
    if assignee is not None:
        _assign(app, row, *assignee)
        append(app, row, "assignment", admin)
    if "open" in body and body["open"] is not row.open:
        row.open = body["open"]
        append(app, row, "open" if row.open else "close", admin)
    if body.get("open") is False:
        row.snoozed_until = None
    if snooze is not None:
        row.snoozed_until = snooze
        append(app, row, "snoozed", admin)
    if "is_shared" in body:
        row.shared = body["is_shared"]
    row.updated_at = max(space.stamp(), row.updated_at)
    space.tickets.commit(row.id)
    space.wrote("update", row)
    return ticket_text(space, row)


def _write_attributes(app: Context, row: Ticket, values: dict[str, Any]) -> None:
    """One part of the bot for each that changes."""
    for name, value in values.items():
        if row.attributes.get(name) != value:
            row.attributes = {**row.attributes, name: value}
            append(app, row, "ticket_attribute_updated_by_admin", str(OPERATOR_ID), "bot")


def _assign(app: Context, row: Ticket, kind: str, key: int) -> None:
    if kind == "admin":
        row.admin = key
    elif kind == "team":
        row.team = key
    elif app.settings.ticket_unassign == "both":
        row.admin = row.team = 0
    else:
        row.admin = 0


def change_type(app: Context, request: Request, ticket_id: str) -> str:
    """POST /tickets/{id}/change_type: within one category."""
    space, body = app.space, request.json()
    row = space.ticket(ticket_id)
    for name in ("ticket_type_id", "ticket_state_id"):
        if body.get(name) is None:
            raise Problem(400, "parameter_not_found", f"{name} is a required parameter")
    kind = space.ticket_types.get(integer(body["ticket_type_id"], "ticket_type_id"))
    if kind is None:
        raise not_found()
    if kind.id == row.type_id:
        raise invalid("Cannot change to the same ticket type")
    if kind.category != space.ticket_types[row.type_id].category:
        raise invalid("Cannot change to a ticket type of another category")
    state = space.ticket_states.get(integer(body["ticket_state_id"], "ticket_state_id"))
    if state is None or kind.id not in state.type_ids:
        raise invalid("Ticket custom state doesn't belong to the new ticket type")
    extra = [name for name in body.get("ticket_attributes") or {} if name not in kind.attributes]
    if extra:
        raise invalid(f"Extra attributes provided that are not found on ticket type: {', '.join(extra)}")
    space.tickets.begin(row.id)
    kept = {name: value for name, value in row.attributes.items() if name in kind.attributes}
    row.attributes = {**kept, **(body.get("ticket_attributes") or {})}
    row.type_id, row.state_id, row.state_word = kind.id, state.id, state.category
    append(app, row, "ticket_type_changed", str(ADMIN_ID))
    space.tickets.commit(row.id)
    space.wrote("change_type", row)
    return ticket_text(space, row)


def delete(app: Context, request: Request, ticket_id: str) -> dict[str, Any]:
    """DELETE /tickets/{id}."""
    space = app.space
    if ticket_id in space.gone and app.settings.second_delete == "200":
        return {"id": ticket_id, "object": "ticket", "deleted": True}
    row = space.ticket(ticket_id, "ticket_not_found", "Ticket not found")
    space.tickets.remove(row.id)
    space.gone.add(str(row.id))
    space.wrote("delete", row)
    return {"id": str(row.id), "object": "ticket", "deleted": True}


def checked_ticket_attributes(kind: TicketType, values: Any) -> dict[str, Any]:
    """Ticket attributes of a body, each known to the type. Raises Problem 400."""
    if not isinstance(values, dict):
        raise invalid("ticket_attributes must be an object", "ticket_attributes")
    for name, value in values.items():
        attribute = kind.attributes.get(name)
        if attribute is None:
            raise invalid(f"Ticket attribute '{name}' does not exist on ticket type {kind.name}", "ticket_attributes")
        if value is not None and not _fits(attribute, value):
            raise invalid(f"Ticket attribute '{name}' must be of type {attribute.kind}", "ticket_attributes")
    return values


def _fits(attribute: TicketAttribute, value: Any) -> bool:
    match attribute.kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "datetime":
            return isinstance(value, int) and not isinstance(value, bool)
        case "decimal":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "list":
            return value in [key for key, _ in attribute.options]
    return isinstance(value, str)


def append(app: Context, row: Ticket, kind: str, author: str, by: str = "admin", body: str | None = None) -> Part:
    """Add a part; between begin and commit."""
    at = app.space.stamp()
    part = Part(app.space.part_id(), kind, at, by, author, body, state=row.state_word)
    row.parts = [*row.parts, part]
    row.updated_at = max(at, row.updated_at)
    return part


def _state(app: Context, value: Any, kind: TicketType) -> TicketState:
    found = app.space.ticket_states.get(number(value) or 0)
    if found is None or kind.id not in found.type_ids:
        raise Problem(400, "ticket_state_id_invalid", WRONG_STATE)
    return found


def _assignee(app: Context, value: Any) -> tuple[str, int]:
    key = integer(value, "assignee_id")
    if key == 0:
        return "nobody", 0
    if key in app.space.admins:
        return "admin", key
    if key in app.space.teams:
        return "team", key
    raise Problem(404, "assignee_not_found", "Assignee not found")


def _known(app: Context, value: Any, among: dict[int, Any]) -> int:
    if not value:
        return 0
    key = integer(value, "assignment")
    if key not in among:
        raise Problem(404, "assignee_not_found", "Assignee not found")
    return key


def ticket_contact(app: Context, given: dict[str, Any]) -> str:
    """The id of the contact that a body names. Raises Problem 404."""
    rows = app.space.contacts.rows
    if given.get("id") is not None:
        return app.space.contact(given["id"]).id
    for name, attribute in (("external_id", "external_id"), ("user_id", "external_id"), ("email", "email")):
        if given.get(name) is not None:
            for row in rows.values():
                if getattr(row, attribute) == given[name] and row.merged_into is None:
                    return row.id
    raise not_found("User Not Found")


ROUTES = [
    Route("POST", "/tickets/search", find, "read_tickets"),
    Route("POST", "/tickets", create, "write_tickets"),
    Route("GET", "/tickets/{id}", read, "read_tickets"),
    Route("PUT", "/tickets/{id}", update, "write_tickets"),
    Route("DELETE", "/tickets/{id}", delete, "write_tickets"),
    Route("POST", "/tickets/{id}/change_type", change_type, "write_tickets", since=216),
]
