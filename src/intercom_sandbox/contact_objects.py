"""Contacts and companies to JSON."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.fields import MOBILE
from intercom_sandbox.records import Company, Contact
from intercom_sandbox.workspace import WORKSPACE_ID, Workspace

INLINE = 10  # tags, notes and companies that a contact carries itself; the rest is behind `url`


def contact_object(space: Workspace, row: Contact) -> dict[str, Any]:
    """A contact as every endpoint answers it."""
    base = f"/contacts/{row.id}"
    return {
        "type": "contact",
        "id": row.id,
        "workspace_id": WORKSPACE_ID,
        "external_id": row.external_id,
        "role": row.role,
        "email": row.email,
        "email_domain": row.email.partition("@")[2] if row.email else None,
        "phone": row.phone,
        "name": row.name,
        "avatar": None if row.avatar is None else {"type": "avatar", "image_url": row.avatar},
        "owner_id": None if row.owner_id is None else str(row.owner_id),
        "social_profiles": {"type": "list", "data": []},
        "has_hard_bounced": row.bounced,
        "marked_email_as_spam": row.spam,
        "unsubscribed_from_emails": row.unsubscribed,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "signed_up_at": row.signed_up_at,
        "last_seen_at": row.last_seen_at,
        "last_replied_at": row.last_replied_at,
        "last_contacted_at": row.last_contacted_at,
        "last_email_opened_at": None,
        "last_email_clicked_at": None,
        "language_override": row.language,
        "browser": row.browser,
        "browser_version": None,
        "browser_language": row.language,
        "os": row.os,
        "location": {"type": "location", "country": row.country, "region": row.region, "city": row.city},
        **{name: None for name in MOBILE if not name.startswith("andoid")},
        "ios_last_seen_at": None,
        "android_last_seen_at": None,
        "custom_attributes": row.attributes,
        "tags": _inline(base, "tags", [{"type": "tag", "id": str(key), "url": f"/tags/{key}"} for key in row.tag_ids]),
        "notes": _inline(
            base,
            "notes",
            [{"type": "note", "id": note["id"], "url": f"/notes/{note['id']}"} for note in row.notes],
        ),
        "companies": _inline(
            base,
            "companies",
            [{"type": "company", "id": one.id, "url": f"/companies/{one.id}"} for one in space.companies_of(row)],
        ),
        "opted_out_subscription_types": _opted(base, row, "opt_out"),
        "opted_in_subscription_types": _opted(base, row, "opt_in"),
    }


def _opted(base: str, row: Contact, consent: str) -> dict[str, Any]:
    chosen = [key for key, given in row.subscriptions if given == consent]
    return _inline(base, "subscriptions", [{"type": "subscription", "id": key, "url": f"/subscription_types/{key}"} for key in chosen])


def _inline(base: str, name: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "list",
        "data": entries[:INLINE],
        "url": f"{base}/{name}",
        "total_count": len(entries),
        "has_more": len(entries) > INLINE,
    }


def company_object(space: Workspace, row: Company) -> dict[str, Any]:
    """A company as every endpoint answers it; fields without a value are left out."""
    made: dict[str, Any] = {
        "type": "company",
        "company_id": row.company_id,
        "id": row.id,
        "app_id": WORKSPACE_ID,
        "name": row.name,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "monthly_spend": row.monthly_spend,
        "session_count": row.session_count,
        "user_count": row.user_count,
        "tags": {
            "type": "tag.list",
            "tags": [{"type": "tag", "id": str(key), "name": space.tags[key].name} for key in row.tag_ids if key in space.tags],
        },
        "segments": {"type": "segment.list", "segments": []},
        "plan": {"type": "plan", "id": f"plan-{row.plan}", "name": row.plan} if row.plan else {},
        "custom_attributes": row.attributes,
        "notes": {"type": "note.list", "notes": list(row.notes[-INLINE:])},
    }
    for name in ("remote_created_at", "last_request_at", "size", "website", "industry"):
        value = getattr(row, name)
        if value is not None:
            made[name] = value
    return made
