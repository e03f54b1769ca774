"""What the control endpoint shows of items: straight from the rows, however the index lags, archived ones too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from intercom_sandbox.contact_objects import company_object, contact_object
from intercom_sandbox.conversation_parts import whole
from intercom_sandbox.records import Company, Contact, Conversation, Ticket
from intercom_sandbox.ticket_objects import ticket_object
from intercom_sandbox.workspace import Workspace


def _conversation(row: Conversation) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "state": row.state,
        "team": row.team,
        "admin": row.admin,
        "updated_at": row.updated_at,
        "tags": [applied[0] for applied in row.tags],
        "parts": row.part_count,
    }


def _contact(row: Contact) -> dict[str, Any]:
    return {
        "id": row.id,
        "role": row.role,
        "email": row.email,
        "external_id": row.external_id,
        "name": row.name,
        "owner": row.owner_id,
        "updated_at": row.updated_at,
        "tags": list(row.tag_ids),
        "companies": list(row.company_ids),
        "notes": [note["body"] for note in row.notes],
        "subscriptions": [key for key, _ in row.subscriptions],
        "custom_attributes": row.attributes,
        "archived": row.archived,
        "blocked": row.blocked,
        "bounced": row.bounced,
        "merged_into": row.merged_into,
    }


def _company(row: Company) -> dict[str, Any]:
    return {
        "id": row.id,
        "company_id": row.company_id,
        "name": row.name,
        "plan": row.plan,
        "updated_at": row.updated_at,
        "tags": list(row.tag_ids),
        "notes": [note["body"] for note in row.notes],
        "users": row.user_count,
        "custom_attributes": row.attributes,
        "deleted": row.gone_at is not None,
    }


def _ticket(row: Ticket) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "ticket_id": str(row.ticket_id),
        "type": row.type_id,
        "state": row.state_word,
        "team": row.team or None,
        "admin": row.admin or None,
        "open": row.open,
        "updated_at": row.updated_at,
        "tags": [applied[0] for applied in row.tags],
        "company_id": row.company_id,
        "parts": len(row.parts),
        "ticket_attributes": row.attributes,
    }


ROWS: dict[str, tuple[Callable[[Workspace], Iterable[Any]], Callable[[Any], dict[str, Any]]]] = {
    "conversations": (lambda space: space.conversations.rows.values(), _conversation),
    "contacts": (lambda space: space.contacts.rows.values(), _contact),
    "companies": (lambda space: space.companies.values(), _company),
    "tickets": (lambda space: space.tickets.rows.values(), _ticket),
    "tags": (lambda space: space.tags.values(), lambda row: {"id": str(row.id), "name": row.name}),
    "teams": (lambda space: space.teams.values(), lambda row: {"id": str(row.id), "name": row.name, "admins": row.admin_ids}),
    "admins": (
        lambda space: space.admins.values(),
        lambda row: {"id": str(row.id), "name": row.name, "email": row.email, "away": row.away},
    ),
}
WHOLE: dict[str, Callable[[Workspace, Any], dict[str, Any]]] = {
    "conversations": lambda space, row: json.loads(whole(space, row, every_part=True)),
    "contacts": lambda space, row: {**contact_object(space, row), "archived": row.archived, "blocked": row.blocked},
    "companies": company_object,
    "tickets": ticket_object,
}


def rows(space: Workspace, resource: str, filters: dict[str, str]) -> list[dict[str, Any]]:
    """All rows of a resource where every filter fits: the value, or an entry of the list. Raises ValueError.

    `tag` reads the list `tags`, and likewise for the other lists; 0 and none stand for what is not there.
    """
    every, view = ROWS[resource]
    shown = [view(row) for row in every(space)]
    for name, wanted in filters.items():
        key = name if not shown or name in shown[0] else {"company": "companies"}.get(name, f"{name}s")
        if shown and key not in shown[0]:
            raise ValueError(f"{resource} have no {name!r} to filter by; they have {', '.join(shown[0])}")
        shown = [row for row in shown if _fits(row[key], wanted)]
    return shown


def _fits(value: Any, wanted: str) -> bool:
    if isinstance(value, list):
        return wanted in {str(entry) for entry in value}
    if value is None:
        return wanted.lower() in ("0", "none", "")
    return str(value).lower() == wanted.lower()


def item(space: Workspace, resource: str, key: str) -> dict[str, Any]:
    """One item as its own endpoint answers it, with all that hangs on it. Raises KeyError."""
    found = space.item(resource, key)
    if found is None or resource not in WHOLE:
        raise KeyError(f"{resource}/{key}")
    return WHOLE[resource](space, found[1])
