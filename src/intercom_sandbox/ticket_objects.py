"""Tickets, their types, states and parts to JSON."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.conversation_parts import encode
from intercom_sandbox.records import Part, Ticket
from intercom_sandbox.workspace import WORKSPACE_ID, TicketState, TicketType, Workspace


def ticket_text(space: Workspace, row: Ticket) -> str:
    """A ticket as JSON text."""
    return encode(ticket_object(space, row))


def ticket_part_text(space: Workspace, part: Part) -> str:
    """A part of a ticket as JSON text."""
    return encode(_part(space, part))


def _part(space: Workspace, one: Part) -> dict[str, Any]:
    name, email = space.author(one.author_type, one.author_id)
    return {
        "type": "ticket_part",
        "id": str(one.id),
        "part_type": one.type,
        "body": one.body,
        "created_at": one.at,
        "updated_at": one.at,
        "author": {"type": one.author_type, "id": one.author_id, "name": name, "email": email},
        "attachments": [],
        "redacted": one.redacted,
        "external_id": one.external_id,
        "ticket_state": one.state,
        "previous_ticket_state": (one.details or {}).get("previous", one.state),
    }


def ticket_object(space: Workspace, row: Ticket) -> dict[str, Any]:
    """A ticket with its parts."""
    contacts = space.contacts.rows
    linked = [_linked(space, key) for key in row.linked]
    if row.tracker_id is not None:
        linked.append({"type": "ticket", "id": str(row.tracker_id), "category": "Tracker"})
    made: dict[str, Any] = {
        "type": "ticket",
        "id": str(row.id),
        "ticket_id": str(row.ticket_id),
        "category": space.ticket_types[row.type_id].category,
        "ticket_attributes": _attributes(space, row),
        "ticket_state": state_object(space.ticket_states[row.state_id]),
        "ticket_type": type_object(space, space.ticket_types[row.type_id]),
        "contacts": {
            "type": "contact.list",
            "contacts": [
                {
                    "type": "contact",
                    "id": key,
                    "external_id": contacts[key].external_id if key in contacts else None,
                }
                for key in row.contact_ids
            ],
        },
        "admin_assignee_id": row.admin,
        "team_assignee_id": row.team,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "open": row.open,
        "snoozed_until": row.snoozed_until if row.snoozed_until and row.snoozed_until > space.now() else None,
        "is_shared": row.shared,
        "previous_ticket_state_id": None if row.previous_state_id is None else str(row.previous_state_id),
        "linked_objects": {"type": "list", "data": linked, "total_count": len(linked), "has_more": False},
        "ticket_parts": {
            "type": "ticket_part.list",
            "ticket_parts": [_part(space, one) for one in row.parts[-space.settings.max_parts :]],
            "total_count": len(row.parts),
        },
    }
    if space.settings.ticket_tags == "shown":
        applied = [{"type": "tag", "id": str(tag[0]), "name": space.tags[tag[0]].name, "applied_at": tag[1]} for tag in row.tags]
        made["tags"] = {"type": "tag.list", "tags": applied}
    return made


def _linked(space: Workspace, key: int) -> dict[str, Any]:
    known = key in space.conversations.rows
    return {"type": "conversation" if known else "ticket", "id": str(key), "category": None if known else "Customer"}


def linked_ticket(space: Workspace, row: Ticket) -> dict[str, Any]:
    """A customer ticket as the conversation that it is for linking: only what both of them have."""
    whole = ticket_object(space, row)
    same = ("id", "created_at", "updated_at", "contacts", "open", "admin_assignee_id", "team_assignee_id", "linked_objects")
    return {"type": "conversation", "state": "open" if row.open else "closed", **{name: whole[name] for name in same}}


def _attributes(space: Workspace, row: Ticket) -> dict[str, Any]:
    if space.settings.ticket_list_values == "id":
        return row.attributes
    labels = {key: label for one in space.ticket_types[row.type_id].attributes.values() for key, label in one.options}
    return {name: labels.get(value, value) if isinstance(value, str) else value for name, value in row.attributes.items()}


def state_object(row: TicketState) -> dict[str, Any]:
    """A ticket state."""
    return {
        "type": "ticket_state",
        "id": str(row.id),
        "category": row.category,
        "internal_label": row.label,
        "external_label": row.external,
    }


def type_object(space: Workspace, row: TicketType) -> dict[str, Any]:
    """A ticket type with its attributes."""
    attributes = [
        {
            "type": "ticket_type_attribute",
            "id": str(one.id),
            "workspace_id": WORKSPACE_ID,
            "name": one.name,
            "description": "",
            "data_type": one.kind,
            "input_options": {"list_options": [{"id": key, "label": label} for key, label in one.options]}
            if one.options
            else {"multiline": False},
            "order": number,
            "required_to_create": False,
            "required_to_create_for_contacts": False,
            "visible_on_create": True,
            "visible_to_contacts": True,
            "default": one.name.startswith("_default_"),
            "ticket_type_id": row.id,
            "archived": False,
            "created_at": space.epoch - 86_400 * 800,
            "updated_at": space.epoch - 86_400 * 800,
        }
        for number, one in enumerate(row.attributes.values())
    ]
    return {
        "type": "ticket_type",
        "id": str(row.id),
        "name": row.name,
        "description": row.name,
        "icon": "\N{ADMISSION TICKETS}",
        "workspace_id": WORKSPACE_ID,
        "archived": False,
        "created_at": space.epoch - 86_400 * 800,
        "updated_at": space.epoch - 86_400 * 800,
        "is_internal": row.category != "Customer",
        "category": row.category,
        "ticket_type_attributes": {"type": "list", "data": attributes},
        "ticket_states": {"type": "list", "data": [state_object(one) for one in space.ticket_states.values() if row.id in one.type_ids]},
    }
