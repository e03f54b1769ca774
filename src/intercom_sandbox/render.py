"""Rows to the JSON objects of the API: conversations, their statistics, tags and companies."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from intercom_sandbox.records import AppliedTag, Company, Conversation
from intercom_sandbox.workspace import WORKSPACE_ID, Workspace


@lru_cache
def channel(source_type: str) -> dict[str, str]:
    """The channel of a conversation with that type of source."""
    name = "messenger" if source_type == "conversation" else source_type
    return {"initial": name, "current": name}


def plaintext(html: str | None) -> str | None:
    """What `display_as=plaintext` makes of a body."""
    return None if html is None else re.sub(r"<[^>]+>", "", html)


def conversation(space: Workspace, row: Conversation, *, plain: bool = False, version: int = 216) -> dict[str, Any]:
    """The conversation object as searches answer it: without parts."""
    source = row.source
    admin_sent = source.delivered_as == "admin_initiated"
    name, email = space.author("admin" if admin_sent else "user", row.author_id)
    body = "This message was deleted" if row.source_redacted else source.body
    contacts = space.contacts.rows
    result: dict[str, Any] = {
        "type": "conversation",
        "id": str(row.id),
        "title": row.title,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "waiting_since": row.waiting_since,
        "snoozed_until": row.snoozed_until,
        "source": {
            "type": source.type,
            "id": str(row.first_part),
            "delivered_as": source.delivered_as,
            "subject": source.subject,
            "body": plaintext(body) if plain else body,
            "author": {
                "type": "admin" if admin_sent else "user",
                "id": row.author_id,
                "name": name,
                "email": email,
            },
            "attachments": [],
            "url": source.url,
            "redacted": row.source_redacted,
        },
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
        "first_contact_reply": {"created_at": row.created_at, "type": source.type, "url": source.url} if not admin_sent else None,
        "admin_assignee_id": row.admin or 0,
        "team_assignee_id": row.team or 0,
        "open": row.state != "closed",
        "state": row.state,
        "read": row.read,
        "tags": {"type": "tag.list", "tags": [applied_tag(space, tag) for tag in row.tags]},
        "priority": row.priority if version >= 216 else "not_priority" if row.priority == "none" else "priority",
        "sla_applied": None,
        "statistics": _statistics(space, row),
        "conversation_rating": _rating(row),
        "teammates": {"type": "admin.list", "teammates": [{"type": "admin", "id": str(row.admin)}]} if row.admin else None,
        "custom_attributes": row.attributes,
        "topics": {},
        "ticket": None if row.ticket_id is None else {"type": "ticket", "id": str(row.ticket_id)},
        "linked_objects": _linked(row),
        "ai_agent": None if row.ai_state is None else _ai_agent(row),
        "ai_agent_participated": row.ai_state is not None,
    }
    if source.type == "email":
        result["source"] |= _email(space, email, row)
    if version >= 215:
        owner = space.companies.get(row.company_id or "")
        result["company"] = None if owner is None else company_reference(owner)
    if version >= 216:
        result["channel"] = channel(source.type)
        result["external_references"] = []
        result["sales_agent"] = None
        result["sales_agent_participated"] = False
    return result


def _email(space: Workspace, sender: str | None, row: Conversation) -> dict[str, Any]:
    """What the first message of a conversation by e-mail says of its envelope."""
    inbox = f"support@{WORKSPACE_ID}.test"
    customer_sent = row.source.delivered_as == "customer_initiated"
    contact = space.contacts.rows.get(row.contact_ids[0]) if row.contact_ids else None
    to = inbox if customer_sent else contact.email if contact else None
    return {
        "recipients": [{"type": "to", "email": to, "drop_reason": None}] if to else [],
        "reply_to": [{"email": sender, "name": None}] if sender else [],
    }


def applied_tag(space: Workspace, tag: AppliedTag) -> dict[str, Any]:
    """A tag on an item."""
    known = space.tags.get(tag[0])
    return {
        "type": "tag",
        "id": str(tag[0]),
        "name": known.name if known else "",
        "applied_at": tag[1],
        "applied_by": {"type": tag[2], "id": tag[3]},
    }


def company_reference(row: Company) -> dict[str, Any]:
    """A company inside another object."""
    return {
        "type": "company",
        "id": row.id,
        "company_id": row.company_id,
        "name": row.name,
        "app_id": WORKSPACE_ID,
    }


def _statistics(space: Workspace, row: Conversation) -> dict[str, Any]:
    start = row.created_at

    def since(at: int | None) -> int | None:
        return None if at is None else at - start

    return {
        "type": "conversation_statistics",
        "time_to_assignment": since(row.first_assigned_at),
        "time_to_admin_reply": since(row.first_reply_at),
        "time_to_first_close": since(row.first_close_at),
        "time_to_last_close": since(row.last_close_at),
        "median_time_to_reply": since(row.first_reply_at),
        "first_contact_reply_at": start,
        "first_assignment_at": row.first_assigned_at,
        "first_admin_reply_at": row.first_reply_at,
        "first_close_at": row.first_close_at,
        "last_assignment_at": row.last_assigned_at,
        "last_assignment_admin_reply_at": row.last_admin_reply_at,
        "last_contact_reply_at": row.last_contact_reply_at,
        "last_admin_reply_at": row.last_admin_reply_at,
        "last_close_at": row.last_close_at,
        "last_closed_by_id": row.last_closed_by,
        "count_reopens": row.reopens,
        "count_assignments": row.assignments,
        "count_conversation_parts": row.part_count,
        "handling_time": since(row.last_close_at) or 0,
        "adjusted_handling_time": since(row.last_close_at),
        "assigned_team_first_response_time": _team_response(space, row),
        "assigned_team_first_response_time_in_office_hours": [],
    }


def _team_response(space: Workspace, row: Conversation) -> list[dict[str, Any]]:
    if not row.team or row.first_reply_at is None:
        return []
    team = space.teams.get(row.team)
    return [{"team_id": row.team, "team_name": team.name if team else None, "response_time": row.first_reply_at - row.created_at}]


def _rating(row: Conversation) -> dict[str, Any] | None:
    if row.rating is None:
        return None
    at, admin = row.seeded[:2]  # of then: who is assigned or closes it later does not change whom the customer has rated
    contact = row.contact_ids[0] if row.contact_ids else ""
    return {
        "rating": row.rating,
        "remark": "",
        "created_at": at,
        "updated_at": at,
        "contact": {"type": "contact", "id": contact, "external_id": None},
        "teammate": {"type": "admin", "id": str(admin)},
    }


def _linked(row: Conversation) -> dict[str, Any]:
    data: list[dict[str, Any]] = []
    if row.ticket_id is not None:
        data.append({"type": "ticket", "id": str(row.ticket_id), "category": "Customer"})
    if row.tracker_id is not None:
        data.append({"type": "ticket", "id": str(row.tracker_id), "category": "Tracker"})
    data.extend({"type": "conversation", "id": str(key), "category": None} for key in row.merged_from)
    if row.merged_into is not None:
        data.append({"type": "conversation", "id": str(row.merged_into), "category": None})
    return {"type": "list", "data": data, "total_count": len(data), "has_more": False}


def _ai_agent(row: Conversation) -> dict[str, Any]:
    return {
        "source_type": "workflow",
        "source_title": "Fin",
        "last_answer_type": "ai_answer",
        "resolution_state": row.ai_state,
        "rating": None,
        "rating_remark": None,
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "content_sources": {"type": "content_source.list", "total_count": 0, "content_sources": []},
    }
