"""What cannot be taken back, or moves a conversation: create, contacts of it, convert, merge, redact."""

from __future__ import annotations

import random
from typing import Any

from intercom_sandbox import lifecycle
from intercom_sandbox.context import Context
from intercom_sandbox.conversation_parts import seeded_parts, whole
from intercom_sandbox.problems import Problem, invalid, missing, not_found, number
from intercom_sandbox.records import Contact, Conversation, Part, Source, Ticket
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import integer, one_of, required, text
from intercom_sandbox.routes.contacts import new_contact
from intercom_sandbox.routes.parts import find_contact
from intercom_sandbox.routes.tickets import WORDS, checked_ticket_attributes
from intercom_sandbox.ticket_objects import ticket_text
from intercom_sandbox.wire import Request
from intercom_sandbox.workspace import OPERATOR_ID


def create(app: Context, request: Request) -> dict[str, Any]:
    """POST /conversations: a contact writes."""
    space, body = app.space, request.json()
    required(body, "from", "body")
    sender = body["from"]
    if not isinstance(sender, dict):
        raise invalid("from must be an object", "from")
    required(sender, "type", "id")
    contact = space.contact(sender["id"])
    words = text(body["body"], "body")
    at = integer(body["created_at"], "created_at") if body.get("created_at") is not None else space.stamp()
    space.next_conversation += random.Random(space.next_conversation).randrange(3, 12)
    first = space.part_id()
    row = Conversation(
        id=space.next_conversation,
        created_at=at,
        updated_at=at,
        source=Source("conversation", "customer_initiated", "", words, None),
        first_part=first,
        seeded_parts=0,
        contact_ids=(contact.id,),
        author_id=contact.id,
        waiting_since=at,
        last_contact_reply_at=at,
        read=False,
    )
    space.conversations.add(row.id, row)
    lifecycle.written(space, (contact.id,), "last_replied_at", at)
    space.wrote("create", row)
    return {
        "type": "user_message",
        "id": str(first),
        "created_at": at,
        "body": words,
        "message_type": "inapp",
        "conversation_id": str(row.id),
    }


def attach(app: Context, request: Request, conversation_id: str) -> Any:
    """POST /conversations/{id}/customers; an unknown email makes a lead."""
    space, body = app.space, request.json()
    row = space.conversation(conversation_id)
    required(body, "admin_id", "customer")
    admin = space.admin(body["admin_id"])
    customer = body["customer"]
    if not isinstance(customer, dict):
        raise invalid("customer must be an object", "customer")
    try:
        contact = find_contact(app, customer)
    except Problem as problem:
        if problem.status != 404 or customer.get("email") is None:
            raise
        contact = new_contact(app, "lead", {"email": str(customer["email"])})
    if contact.id not in row.contact_ids:
        space.conversations.begin(row.id)
        row.contact_ids = (*row.contact_ids, contact.id)
        lifecycle.append(space, row, "participant_added", ("admin", str(admin.id)))
        space.conversations.commit(row.id)
    space.wrote("attach_contact", row)
    return _customers(app, request, row)


def detach(app: Context, request: Request, conversation_id: str, contact_id: str) -> Any:
    """DELETE /conversations/{id}/customers/{contact_id}, with a body."""
    space, body = app.space, request.json()
    row = space.conversation(conversation_id)
    required(body, "admin_id")
    admin = space.admin(body["admin_id"])
    if contact_id not in row.contact_ids:
        raise not_found("User Not Found")
    if len(row.contact_ids) == 1:
        raise Problem(422, "parameter_invalid", "Removing the last customer is not allowed")
    space.conversations.begin(row.id)
    row.contact_ids = tuple(key for key in row.contact_ids if key != contact_id)
    lifecycle.append(space, row, "participant_removed", ("admin", str(admin.id)))
    space.conversations.commit(row.id)
    space.wrote("detach_contact", row)
    return _customers(app, request, row)


def _customers(app: Context, request: Request, row: Conversation) -> Any:
    if app.settings.customers_answer == "schema":
        return whole(app.space, row, request.version)
    contacts: list[Contact | None] = [app.space.contacts.rows.get(key) for key in row.contact_ids]
    return {"customers": [{"type": one.role, "id": one.id} for one in contacts if one is not None]}


def convert(app: Context, request: Request, conversation_id: str) -> Any:
    """POST /conversations/{id}/convert: to a customer ticket."""
    space, body = app.space, request.json()
    row = space.conversation(conversation_id)
    if body.get("ticket_type_id") is None:
        raise Problem(400, "parameter_not_found", "ticket_type_id is a required parameter", "ticket_type_id")
    kind = space.ticket_types.get(integer(body["ticket_type_id"], "ticket_type_id"))
    if kind is None:
        raise not_found("Ticket type not found", "ticket_type_not_found")
    if kind.category != "Customer":
        raise invalid("Ticket type is not a customer ticket type")
    if row.ticket_id is not None:
        if app.settings.convert_again == "error":
            raise invalid("Conversation is already a ticket")
        return ticket_text(space, space.tickets.rows[row.ticket_id])
    states = [state for state in space.ticket_states.values() if kind.id in state.type_ids]
    state = states[0]
    if body.get("ticket_state_id") is not None:
        wanted = integer(body["ticket_state_id"], "ticket_state_id")
        chosen = next((one for one in states if one.id == wanted), None)
        if chosen is None:
            raise Problem(
                400,
                "ticket_state_id_invalid",
                "Ticket state id is not valid or is not associated with the ticket type",
            )
        state = chosen
    at = space.stamp()
    ticket = Ticket(
        id=row.id,  # the same id as the conversation's
        ticket_id=len(space.tickets.rows) + 1,
        type_id=kind.id,
        state_id=state.id,
        created_at=row.created_at,
        updated_at=at,
        contact_ids=row.contact_ids,
        category_word=WORDS[kind.category],
        state_word=state.category,
        attributes=checked_ticket_attributes(kind, body.get("attributes") or {}),
        admin=row.admin or 0,
        team=row.team or 0,
        shared=True,
    )
    ticket.parts.append(Part(space.part_id(), "ticket_state_updated_by_admin", at, "bot", str(OPERATOR_ID), state=state.category))
    space.tickets.add(ticket.id, ticket)
    space.conversations.begin(row.id)
    row.ticket_id = ticket.id
    row.updated_at = max(at, row.updated_at)
    space.conversations.commit(row.id)
    space.wrote("convert", row)
    return ticket_text(space, ticket)


def merge(app: Context, request: Request, conversation_id: str) -> str:
    """POST /conversations/{secondary}/merge: the secondary is closed and linked."""
    space, body = app.space, request.json()
    row = space.conversation(conversation_id)
    target = body.get("merge_into_conversation_id")
    if isinstance(target, bool) or number(target) is None:
        raise invalid("merge_into_conversation_id must be a valid integer conversation ID")
    if "write_tickets" in app.settings.missing_scopes and row.ticket_id is not None:
        raise Problem(401, "token_unauthorized", "Not authorized to access resource")
    if int(str(target)) == row.id:
        raise Problem(422, "merge_failed", "Cannot merge a conversation into itself")
    primary = space.conversations.rows.get(int(str(target)))
    if primary is None:
        raise Problem(422, "merge_failed", "Primary conversation not found")
    if row.merged_into is not None:
        raise Problem(422, "merge_failed", "Secondary conversation has already been merged")
    for one in (row, primary):
        space.conversations.begin(one.id)
    row.state, row.snoozed_until, row.merged_into = "closed", None, primary.id
    primary.merged_from = (*primary.merged_from, row.id)
    for one in (row, primary):
        lifecycle.append(space, one, "merged_conversation", ("bot", str(OPERATOR_ID)))
        space.conversations.commit(one.id)
    space.wrote("merge", row)
    return whole(space, primary, request.version)


def redact(app: Context, request: Request) -> str:
    """POST /conversations/redact: one part, or the first message."""
    space, body = app.space, request.json()
    kind = one_of(body, "type", ("conversation_part", "source"))
    required(body, "conversation_id")
    row = space.conversation(str(body["conversation_id"]))
    key = body.get("conversation_part_id" if kind == "conversation_part" else "source_id")
    if key is None:
        raise missing("conversation_part_id" if kind == "conversation_part" else "source_id")
    lost = not_found("Conversation part or message not found", "conversation_part_or_message_not_found")
    if kind == "source":
        if str(key) != str(row.first_part):
            raise lost
        if row.source.delivered_as == "admin_initiated":
            raise Problem(400, "conversation_part_not_redactable", "Conversation part is not redactable")
        again = row.source_redacted
    else:
        part = next((one for one in (*seeded_parts(row), *row.parts) if str(one.id) == str(key)), None)
        if part is None:
            raise lost
        if part.body is None:
            raise Problem(400, "conversation_part_not_redactable", "Conversation part is not redactable")
        again = part.id in row.redacted
    if again and app.settings.redact_again == "error":
        raise Problem(400, "conversation_part_not_redactable", "Conversation part is redacted already")
    space.conversations.begin(row.id)
    if kind == "source":
        row.source_redacted = True
    else:
        row.redacted = row.redacted | {int(str(key))}
    row.updated_at = max(space.stamp(), row.updated_at)
    space.conversations.commit(row.id)
    space.wrote("redact", row)
    return whole(space, row, request.version)


ROUTES = [
    Route("POST", "/conversations", create, "write_conversations"),
    Route("POST", "/conversations/{id}/customers", attach, "write_conversations"),
    Route("DELETE", "/conversations/{id}/customers/{contact_id}", detach, "write_conversations"),
    Route("POST", "/conversations/{id}/convert", convert, "write_tickets"),
    Route("POST", "/conversations/{id}/merge", merge, "write_conversations", since=216),
    Route("POST", "/conversations/redact", redact, "write_conversations"),
]
