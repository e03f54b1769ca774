"""Contacts: search, list, read, create, update, archive, block, delete, merge."""

from __future__ import annotations

import re
from typing import Any

from intercom_sandbox import fields
from intercom_sandbox.contact_objects import contact_object
from intercom_sandbox.context import Context
from intercom_sandbox.paging import Page, search
from intercom_sandbox.problems import Problem, invalid, missing, not_found
from intercom_sandbox.records import Contact
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import integer
from intercom_sandbox.routes.conversations import checked_attributes
from intercom_sandbox.search import Compiler
from intercom_sandbox.seeds import hex_id
from intercom_sandbox.wire import Request
from intercom_sandbox.workspace import ATTRIBUTE_KINDS

PLAIN = {  # field of the body -> attribute of the row, None: the same name
    "name": "name",
    "phone": "phone",
    "external_id": "external_id",
    "email": "email",
    "language_override": "language",
}
DATES = ("signed_up_at", "last_seen_at")


def find(app: Context, request: Request) -> dict[str, Any]:
    """POST /contacts/search."""
    return _list(app, _page(app, request, request.json(), 50, match_all=False))


def index(app: Context, request: Request) -> dict[str, Any]:
    """GET /contacts: the default page is 10, whatever the reference says."""
    query = request.query
    pagination = {name: query[name] for name in ("per_page", "starting_after") if query.get(name)}
    return _list(app, _page(app, request, {"pagination": pagination}, 10, match_all=True))


def _page(app: Context, request: Request, body: dict[str, Any], default: int, *, match_all: bool) -> Page:
    known = {name: ATTRIBUTE_KINDS[one.kind] for name, one in app.space.attributes["contact"].items()}
    known = {name: "day" if kind == "date" else kind for name, kind in known.items()}
    return search(
        app.space.contacts,
        Compiler(fields.CONTACT, app.settings, request.version, known),
        body,
        settings=app.settings,
        walks=app.walks,
        default_order=("created_at", True),
        default_per_page=default,
        base=_live if not app.settings.archived_in_search else _unmerged,
        match_all=match_all,
    )


def _live(row: Contact) -> bool:
    return row.merged_into is None and not row.archived


def _unmerged(row: Contact) -> bool:
    return row.merged_into is None


def _list(app: Context, page: Page) -> dict[str, Any]:
    return {
        "type": "list",
        "data": [contact_object(app.space, row) for row in page.rows],
        "total_count": page.total,
        "pages": page.pages,
    }


def read(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """GET /contacts/{id}; a merged one answers 410 and names where it went."""
    row = app.space.contacts.rows.get(contact_id)
    if row is None:
        raise not_found("User Not Found")
    _follow(app, row)
    found = contact_object(app.space, row)
    if request.query.get("include_merge_history") == "true" and row.role == "user":
        merged = [one for one in app.space.contacts.rows.values() if one.merged_into == row.id]
        found["merge_history"] = [
            {"type": "merge_history", "source_contact_id": one.id, "source_contact_role": one.role, "merged_at": one.updated_at}
            for one in merged
        ]
    return found


def by_external_id(app: Context, request: Request, external_id: str) -> dict[str, Any]:
    """GET /contacts/find_by_external_id/{external_id}: of users alone."""
    for row in app.space.contacts.rows.values():
        if row.external_id == external_id and (row.role == "user" or row.merged_into is not None):
            _follow(app, row)
            return contact_object(app.space, row)
    raise not_found("User Not Found")


def _follow(app: Context, row: Contact) -> None:
    """Raise what the GET of a merged contact answers."""
    if row.merged_into is None:
        return
    if app.settings.merged_contact == "404":
        raise not_found("User Not Found")
    target, hops = row, 0
    while target.merged_into is not None and hops < 3:
        target, hops = app.space.contacts.rows[target.merged_into], hops + 1
    raise Problem(
        410,
        "contact_merged",
        "This contact has been merged. See the 'Link' header for the canonical contact.",
        head=f'Link: </contacts/{target.id}>; rel="canonical"\r\n',
    )


def create(app: Context, request: Request) -> dict[str, Any]:
    """POST /contacts."""
    body = request.json()
    if not any(body.get(name) for name in ("email", "external_id", "role")):
        raise missing("email, external_id or role")
    role = str(body.get("role") or "user")
    if role not in ("user", "lead"):
        raise invalid("role must be user or lead", "role")
    if body.get("email_verified") is not None and not body.get("email"):
        raise invalid("email_verified requires an email", "email_verified")
    if role == "user":
        _unique(app, body, None)
    values = _values(app, body)
    row = new_contact(app, role, values)
    app.space.wrote("create", row)
    return contact_object(app.space, row)


def update(app: Context, request: Request, contact_id: str) -> dict[str, Any]:
    """PUT /contacts/{id}: only what the body names."""
    body = request.json()
    row = app.space.contact(contact_id)
    if body.get("email_verified") is not None and not (body.get("email") or row.email):
        raise invalid("email_verified requires an email", "email_verified")
    if row.role == "user":
        _unique(app, body, row)
    change(app, row, body)
    return contact_object(app.space, row)


def change(app: Context, row: Contact, body: dict[str, Any]) -> None:
    """Write the fields of a body to a contact, as PUT and the bulk job do."""
    space = app.space
    values = _values(app, body)
    if body.get("role") in ("user", "lead"):
        values["role"] = body["role"]
    space.contacts.begin(row.id)
    _set(row, values)
    row.updated_at = max(space.stamp(), row.updated_at)
    space.contacts.commit(row.id)
    space.wrote("update", row)


def new_contact(app: Context, role: str, values: dict[str, Any]) -> Contact:
    """Add a contact with these attributes of the row."""
    at = app.space.stamp()
    row = Contact(hex_id(next(app.space.ids), at), role, at, at)
    _set(row, values)
    app.space.contacts.add(row.id, row)
    return row


def _set(row: Contact, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name == "attributes":
            merged = {**row.attributes, **value}
            row.attributes = {key: entry for key, entry in merged.items() if entry is not None}
        else:
            setattr(row, name, value)


def _values(app: Context, body: dict[str, Any]) -> dict[str, Any]:
    """Attributes of the row from a body. Raises Problem 400."""
    values: dict[str, Any] = {}
    for name, attribute in PLAIN.items():
        if name in body:
            if body[name] == "" and app.settings.empty_text == "error":
                raise invalid(f"{name} must not be empty", name)
            values[attribute] = str(body[name]) if body[name] not in (None, "") else None
    for name in DATES:
        if name in body:
            values[name] = None if body[name] is None else integer(body[name], name)
    if "owner_id" in body:
        values["owner_id"] = None if not body["owner_id"] else app.space.admin(body["owner_id"]).id
    if "avatar" in body:
        given = body["avatar"]
        values["avatar"] = given.get("image_url") if isinstance(given, dict) else given
    if "unsubscribed_from_emails" in body:
        if not isinstance(body["unsubscribed_from_emails"], bool):
            raise invalid("unsubscribed_from_emails must be true or false", "unsubscribed_from_emails")
        values["unsubscribed"] = body["unsubscribed_from_emails"]
    if body.get("custom_attributes") is not None:
        values["attributes"] = checked_attributes(app, "contact", body["custom_attributes"])
    if values.get("email") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", values["email"]):
        raise invalid("email is invalid", "email")
    return values


def _unique(app: Context, body: dict[str, Any], myself: Contact | None) -> None:
    """Raise Problem 409 where another user has the email or external id."""
    for name in ("email", "external_id"):
        value = body.get(name)
        if not value:
            continue
        for row in app.space.contacts.rows.values():
            if row is myself or row.role != "user" or row.merged_into is not None:
                continue
            if str(getattr(row, name) or "").lower() == str(value).lower():
                archived = "n archived" if row.archived else ""
                raise Problem(
                    409,
                    "conflict",
                    f"A{archived} contact matching those details already exists with id={row.id}",
                )


ROUTES = [
    Route("POST", "/contacts/search", find, "read_users"),
    Route("GET", "/contacts", index, "read_users"),
    Route("POST", "/contacts", create, "write_users"),
    Route("GET", "/contacts/find_by_external_id/{external_id}", by_external_id, "read_users"),
    Route("GET", "/contacts/{id}", read, "read_users"),
    Route("PUT", "/contacts/{id}", update, "write_users"),
]
