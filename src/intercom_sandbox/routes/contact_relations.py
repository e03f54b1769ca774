"""What hangs on a contact: tags, notes, companies, subscriptions."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.contact_objects import company_object
from intercom_sandbox.context import Context
from intercom_sandbox.problems import Problem, invalid, not_found
from intercom_sandbox.records import Company, Contact
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import one_of, required, text
from intercom_sandbox.routes.lists import numbered
from intercom_sandbox.routes.people import admin_object
from intercom_sandbox.routes.segments import segment_object
from intercom_sandbox.routes.tags import tag_object
from intercom_sandbox.wire import Request
from intercom_sandbox.workspace import ADMIN_ID, SUBSCRIPTIONS

MAX_COMPANIES = 1000


def _write(app: Context, row: Contact, kind: str, **values: Any) -> None:
    space = app.space
    space.contacts.begin(row.id)
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_at = max(space.stamp(), row.updated_at)
    space.contacts.commit(row.id)
    space.wrote(kind, row)


def tags(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """GET /contacts/{id}/tags."""
    row = app.space.contact(contact_id)
    known = app.space.tags
    return {"type": "list", "data": [tag_object(known[key]) for key in row.tag_ids if key in known]}


def add_tag(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """POST /contacts/{id}/tags."""
    body = request.json()
    row = app.space.contact(contact_id)
    required(body, "id")
    tag = app.space.tag(body["id"])
    if tag.id not in row.tag_ids:
        _write(app, row, "tag", tag_ids=(*row.tag_ids, tag.id))
    else:
        app.space.wrote("tag", row)
    return tag_object(tag)


def remove_tag(app: Context, request: Request, contact_id: str, tag_id: str) -> dict[str, Any]:
    """DELETE /contacts/{id}/tags/{tag_id}."""
    row = app.space.contact(contact_id)
    tag = app.space.tag(tag_id)
    if tag.id not in row.tag_ids:
        if app.settings.untag_missing == "404":
            raise not_found()
        return tag_object(tag)
    _write(app, row, "untag", tag_ids=tuple(key for key in row.tag_ids if key != tag.id))
    return tag_object(tag)


def notes(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """GET /contacts/{id}/notes."""
    row = app.space.contact(contact_id)
    chosen, pages, total = numbered(request, app.settings, list(row.notes)[::-1], 50, 150)
    return {"type": "list", "data": chosen, "total_count": total, "pages": pages}


def new_note(app: Context, body: dict[str, Any], owner: str, key: str) -> dict[str, Any]:
    """A note on a contact or company, as both endpoints make it."""
    required(body, "body")
    words = text(body["body"], "body")
    admin = app.space.admin(body.get("admin_id") or ADMIN_ID, "not_found", "Resource Not Found")
    note = {
        "type": "note",
        "id": str(next(app.space.ids)),
        "created_at": app.space.stamp(),
        owner: {"type": owner, "id": key},
        "author": admin_object(admin),
        "body": words if words.startswith("<") else f"<p>{words}</p>",
    }
    app.space.notes[str(note["id"])] = note
    return note


def add_note(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """POST /contacts/{id}/notes."""
    row = app.space.contact(contact_id)
    note = new_note(app, request.json(), "contact", row.id)
    _write(app, row, "note", notes=(*row.notes, note))
    app.space.ledger.said(row, note["author"]["id"], note["body"])
    return note


def note(app: Context, request: Request, note_id: str) -> dict[str, Any]:
    """GET /notes/{id}."""
    found = app.space.notes.get(note_id)
    if found is None:
        raise not_found()
    return found


def companies(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """GET /contacts/{id}/companies."""
    space = app.space
    row = space.contact(contact_id)
    chosen, pages, total = numbered(request, app.settings, space.companies_of(row), 50, 60)
    shown = [company_object(space, one) for one in chosen]
    key = app.settings.attached_companies_key
    lists = {name: shown for name in ("companies", "data") if key in ("both", name)}
    return {"type": "list", **lists, "pages": pages, "total_count": total}


def attach(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """POST /contacts/{id}/companies."""
    body = request.json()
    row = app.space.contact(contact_id)
    if body.get("id") is None:
        raise Problem(400, "parameter_not_found", "company not specified")
    company = app.space.company(body["id"])
    if company.id not in row.company_ids:
        if len(row.company_ids) >= MAX_COMPANIES:
            raise Problem(
                400,
                "contact_company_limit_exceeded",
                f"Contact has reached the maximum of {MAX_COMPANIES} company associations",
            )
        _write(app, row, "attach_company", company_ids=(*row.company_ids, company.id))
        company.user_count += 1
    else:
        app.space.wrote("attach_company", row)
    return company_object(app.space, company)


def detach(app: Context, request: Request, contact_id: str, company_id: str) -> dict[str, Any]:
    """DELETE /contacts/{id}/companies/{company_id}."""
    row = app.space.contact(contact_id)
    company: Company = app.space.company(company_id)
    if company.id not in row.company_ids:
        raise not_found("Company Not Found", "company_not_found")
    _write(app, row, "detach_company", company_ids=tuple(key for key in row.company_ids if key != company.id))
    company.user_count = max(0, company.user_count - 1)
    return company_object(app.space, company)


def segments(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """GET /contacts/{id}/segments: the one of its role."""
    row = app.space.contact(contact_id)
    return {"type": "list", "data": [segment_object(app.space, "seg-users" if row.role == "user" else "seg-leads")]}


def subscription_object(key: str) -> dict[str, Any]:
    """A subscription type as JSON."""
    name, consent = SUBSCRIPTIONS[key]
    words = {"name": name, "description": name, "locale": "en"}
    return {
        "type": "subscription",
        "id": key,
        "state": "live",
        "consent_type": consent,
        "default_translation": words,
        "translations": [words],
        "content_types": ["email"],
    }


def subscription_types(app: Context, request: Request) -> dict[str, Any]:
    """GET /subscription_types."""
    return {"type": "list", "data": [subscription_object(key) for key in SUBSCRIPTIONS]}


def subscriptions(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """GET /contacts/{id}/subscriptions: only what differs from the default is listed."""
    row = app.space.contact(contact_id)
    return {"type": "list", "data": [subscription_object(key) for key, _ in row.subscriptions]}


def subscribe(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """POST /contacts/{id}/subscriptions; attaching an opt_out type opts the contact out."""
    body = request.json()
    row = app.space.contact(contact_id)
    required(body, "id")
    consent = one_of(body, "consent_type", ("opt_in", "opt_out"))
    key = str(body["id"])
    if key not in SUBSCRIPTIONS:
        raise not_found()
    if SUBSCRIPTIONS[key][1] != consent:
        raise invalid(f"consent_type of this subscription is {SUBSCRIPTIONS[key][1]}", "consent_type")
    kept = tuple(entry for entry in row.subscriptions if entry[0] != key)
    _write(app, row, "subscribe", subscriptions=(*kept, (key, consent)))
    return subscription_object(key)


def unsubscribe(app: Context, request: Request, contact_id: str, key: str) -> dict[str, Any]:
    """DELETE /contacts/{id}/subscriptions/{subscription_id}."""
    row = app.space.contact(contact_id)
    if key not in SUBSCRIPTIONS:
        raise not_found()
    kept = tuple(entry for entry in row.subscriptions if entry[0] != key)
    _write(app, row, "unsubscribe", subscriptions=kept)
    return subscription_object(key)


ROUTES = [
    Route("GET", "/contacts/{id}/tags", tags, "read_users"),
    Route("POST", "/contacts/{id}/tags", add_tag, "write_users"),
    Route("DELETE", "/contacts/{id}/tags/{tag_id}", remove_tag, "write_users"),
    Route("GET", "/contacts/{id}/notes", notes, "read_users"),
    Route("POST", "/contacts/{id}/notes", add_note, "write_users"),
    Route("GET", "/notes/{id}", note, "read_users"),
    Route("GET", "/contacts/{id}/companies", companies, "read_users"),
    Route("POST", "/contacts/{id}/companies", attach, "write_users"),
    Route("DELETE", "/contacts/{id}/companies/{company_id}", detach, "write_users"),
    Route("GET", "/contacts/{id}/segments", segments, "read_users"),
    Route("GET", "/subscription_types", subscription_types),
    Route("GET", "/contacts/{id}/subscriptions", subscriptions, "read_users"),
    Route("POST", "/contacts/{id}/subscriptions", subscribe, "write_users"),
    Route("DELETE", "/contacts/{id}/subscriptions/{subscription_id}", unsubscribe, "write_users"),
]
