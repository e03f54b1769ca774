"""What is written into a ticket's thread or hung on it: replies, tags, links."""

from __future__ import annotations

from typing import Any

from intercom_sandbox import lifecycle, render
from intercom_sandbox.context import Context
from intercom_sandbox.conversation_parts import encode
from intercom_sandbox.problems import Problem, missing, not_found, number
from intercom_sandbox.records import Conversation, Ticket
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import one_of, required, text
from intercom_sandbox.routes.tickets import append, ticket_contact
from intercom_sandbox.ticket_objects import linked_ticket, ticket_part_text
from intercom_sandbox.wire import Request

MAX_LINKED = 2_500


def reply(app: Context, request: Request, ticket_id: str) -> str:
    """POST /tickets/{id}/reply: answers the part, not the ticket."""
    space, body = app.space, request.json()
    row = space.ticket(ticket_id)
    by_admin = one_of(body, "type", ("admin", "user")) == "admin"
    kind = one_of(body, "message_type", ("comment", "note", "quick_reply") if by_admin else ("comment",))
    if not by_admin and row.category_word == "task":
        raise Problem(400, "parameter_mismatch", "User replies are not allowed on Backoffice tickets")
    words = None
    if kind == "quick_reply":
        if not isinstance(body.get("reply_options"), list):
            raise missing("reply_options")
    else:
        required(body, "body")
        words = text(body["body"], "body")
    if by_admin:
        required(body, "admin_id")
        author = ("admin", str(space.admin(body["admin_id"]).id))
    else:
        author = ("user", ticket_contact(app, {"id": body.get("intercom_user_id"), **body}))
    space.tickets.begin(row.id)
    if app.settings.ticket_reply_wakes or not by_admin:
        row.snoozed_until = None
    part = append(app, row, kind, author[1], author[0], words)
    space.tickets.commit(row.id)
    if not by_admin:
        lifecycle.written(space, (author[1],), "last_replied_at", part.at)
    elif kind != "note":
        lifecycle.written(space, row.contact_ids, "last_contacted_at", part.at)
    space.wrote(kind if by_admin else "contact_reply", row)
    space.ledger.said(row, author[1], words)
    return ticket_part_text(space, part)


def add_tag(app: Context, request: Request, ticket_id: str) -> dict[str, Any]:
    """POST /tickets/{id}/tags."""
    space, body = app.space, request.json()
    row = space.ticket(ticket_id, "ticket_not_found", "Ticket not found")
    required(body, "id", "admin_id")
    admin = space.admin(body["admin_id"])
    tag = space.tag(body["id"], "tag_not_found", "Tag not found")
    applied = next((one for one in row.tags if one[0] == tag.id), None)
    if applied is None:
        applied = (tag.id, space.stamp(), "admin", str(admin.id))
        space.tickets.begin(row.id)
        row.tags = (*row.tags, applied)
        space.tickets.commit(row.id)
    space.wrote("tag", row)
    return render.applied_tag(space, applied)


def remove_tag(app: Context, request: Request, ticket_id: str, tag_id: str) -> dict[str, Any]:
    """DELETE /tickets/{id}/tags/{tag_id}, with a body."""
    space, body = app.space, request.json()
    row = space.ticket(ticket_id, "ticket_not_found", "Ticket not found")
    required(body, "admin_id")
    space.admin(body["admin_id"])
    tag = space.tag(tag_id, "tag_not_found", "Tag not found")
    applied = next((one for one in row.tags if one[0] == tag.id), None)
    if applied is None:
        if app.settings.untag_missing == "404":
            raise not_found("Tag not found", "tag_not_found")
        return {"type": "tag", "id": str(tag.id), "name": tag.name, "applied_at": None, "applied_by": None}
    space.tickets.begin(row.id)
    row.tags = tuple(one for one in row.tags if one[0] != tag.id)
    space.tickets.commit(row.id)
    space.wrote("untag", row)
    return render.applied_tag(space, applied)


def link(app: Context, request: Request, ticket_id: str) -> str:
    """POST /tickets/{id}/linked_conversations: only tracker tickets; answers the conversation."""
    body = request.json()
    row = _tracker(app, ticket_id, "linking")
    if body.get("conversation_id") is None:
        raise Problem(400, "parameter_not_found", "conversation_id not specified")
    found = _conversation(app, body["conversation_id"])
    if found is None:
        raise not_found("Conversation not found", "conversation_not_found")
    if found.tracker_id is not None:
        raise Problem(400, "already_linked_to_tracker", "A conversation can only have one tracker ticket")
    if len(row.linked) >= MAX_LINKED:
        message = "Ticket has reached the maximum number of conversations that can be linked"
        raise Problem(400, "linked_conversation_limit_exceeded", message)
    return _linked(app, request, row, found, (*row.linked, found.id), row.id)


def unlink(app: Context, request: Request, ticket_id: str, conversation_id: str) -> str:
    """DELETE /tickets/{id}/linked_conversations/{id}."""
    row = _tracker(app, ticket_id, "unlinking")
    found = _conversation(app, conversation_id)
    if found is None or found.id not in row.linked:
        raise not_found("Conversation is not linked to this ticket", "conversation_not_found")
    return _linked(app, request, row, found, tuple(key for key in row.linked if key != found.id), None)


def _conversation(app: Context, value: Any) -> Conversation | Ticket | None:
    """What can be linked: a conversation, or a customer ticket."""
    space, key = app.space, number(value) or 0
    ticket = space.tickets.rows.get(key)
    return space.conversations.rows.get(key) or (ticket if ticket is not None and ticket.category_word == "request" else None)


def _tracker(app: Context, ticket_id: str, doing: str) -> Ticket:
    row = app.space.ticket(ticket_id, "ticket_not_found", "Ticket not found")
    if row.category_word != "tracker":
        raise Problem(400, "invalid_ticket_type", f"Only tracker tickets support {doing} conversations")
    return row


def _linked(
    app: Context, request: Request, row: Ticket, found: Conversation | Ticket, linked: tuple[int, ...], tracker: int | None
) -> str:
    space = app.space
    space.tickets.begin(row.id)
    row.linked = linked
    space.tickets.commit(row.id)
    table = space.tickets if isinstance(found, Ticket) else space.conversations
    table.begin(found.id)
    found.tracker_id = tracker
    found.updated_at = max(space.stamp(), found.updated_at)
    table.commit(found.id)
    space.wrote("unlink" if tracker is None else "link", found)
    if isinstance(found, Ticket):
        return encode(linked_ticket(space, found))
    return encode(render.conversation(space, found, version=request.version))


ROUTES = [
    Route("POST", "/tickets/{id}/reply", reply, "write_tickets"),
    Route("POST", "/tickets/{id}/tags", add_tag, "write_tickets"),
    Route("DELETE", "/tickets/{id}/tags/{tag_id}", remove_tag, "write_tickets"),
    Route("POST", "/tickets/{id}/linked_conversations", link, "write_tickets", since=216),
    Route("DELETE", "/tickets/{id}/linked_conversations/{conversation_id}", unlink, "write_tickets", since=216),
]
