"""What ends a contact, or nearly so: archive, block, delete, merge."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.contact_objects import contact_object
from intercom_sandbox.context import Context
from intercom_sandbox.problems import Problem, not_found
from intercom_sandbox.records import Contact
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import required
from intercom_sandbox.wire import Request


def _flag(app: Context, row: Contact, **flags: bool) -> None:
    space = app.space
    space.contacts.begin(row.id)
    for name, value in flags.items():
        setattr(row, name, value)
    row.updated_at = max(space.stamp(), row.updated_at)
    space.contacts.commit(row.id)
    hidden = row.archived or row.blocked
    for conversation in list(space.conversations.rows.values()):
        if row.id in conversation.contact_ids and conversation.suspended is not hidden:
            space.conversations.begin(conversation.id)
            conversation.suspended = hidden
            space.conversations.commit(conversation.id)


def archive(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """POST /contacts/{id}/archive: suspends the contact's conversations too."""
    row = app.space.contact(contact_id)
    if row.archived and app.settings.archive_again == "404":
        raise not_found("User Not Found")
    _flag(app, row, archived=True)
    app.space.wrote("archive", row)
    return {"type": "contact", "id": row.id, "external_id": row.external_id, "archived": True}


def unarchive(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """POST /contacts/{id}/unarchive."""
    row = app.space.contact(contact_id)
    _flag(app, row, archived=False)
    app.space.wrote("unarchive", row)
    return {"type": "contact", "id": row.id, "external_id": row.external_id, "archived": False}


def block(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """POST /contacts/{id}/block: there is no way back in the API."""
    row = app.space.contact(contact_id)
    if row.blocked and app.settings.archive_again == "404":
        raise not_found("User Not Found")
    _flag(app, row, blocked=True)
    app.space.wrote("block", row)
    return {"type": "contact", "id": row.id, "external_id": row.external_id, "blocked": True}


def delete(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """DELETE /contacts/{id}: with all its conversations."""
    space = app.space
    if contact_id in space.gone and app.settings.second_delete == "200":
        return {"type": "contact", "id": contact_id, "external_id": None, "deleted": True}
    row = space.contact(contact_id)
    space.contacts.remove(row.id)
    space.gone.add(row.id)
    for conversation in list(space.conversations.rows.values()):
        if conversation.contact_ids == (row.id,):
            space.conversations.remove(conversation.id)
    space.wrote("delete", row)
    return {"type": "contact", "id": row.id, "external_id": row.external_id, "deleted": True}


def merge(app: Context, request: Request) -> dict[str, Any]:
    """POST /contacts/merge: a lead into a user."""
    space, body = app.space, request.json()
    required(body, "from", "into")
    source, target = space.contact(body["from"]), space.contact(body["into"])
    if source.role != "lead" or target.role != "user" or source is target:
        raise Problem(400, "invalid_merge", "Only a lead can be merged into a user")
    alike = (source.email and source.email == target.email) or (source.phone and source.phone == target.phone)
    if not alike and request.version >= 216 and body.get("skip_duplicate_validation") is not True:
        raise Problem(
            400,
            "invalid_merge",
            "Contacts can only be merged when they are duplicates (matching email or phone). "
            "Pass skip_duplicate_validation=true to override this check.",
        )
    for row in (source, target):
        space.contacts.begin(row.id)
    source.merged_into = target.id
    target.tag_ids = tuple(dict.fromkeys(target.tag_ids + source.tag_ids))
    target.company_ids = tuple(dict.fromkeys(target.company_ids + source.company_ids))
    target.notes += source.notes
    target.updated_at = max(space.stamp(), target.updated_at)
    for row in (source, target):
        space.contacts.commit(row.id)
    for conversation in list(space.conversations.rows.values()):
        if source.id in conversation.contact_ids:
            space.conversations.begin(conversation.id)
            moved = (target.id if key == source.id else key for key in conversation.contact_ids)
            conversation.contact_ids = tuple(dict.fromkeys(moved))
            space.conversations.commit(conversation.id)
    space.wrote("merge", source)
    return contact_object(space, target)


ROUTES = [
    Route("POST", "/contacts/merge", merge, "write_users"),
    Route("DELETE", "/contacts/{id}", delete, "write_users"),
    Route("POST", "/contacts/{id}/archive", archive, "write_users"),
    Route("POST", "/contacts/{id}/unarchive", unarchive, "write_users"),
    Route("POST", "/contacts/{id}/block", block, "write_users"),
]
