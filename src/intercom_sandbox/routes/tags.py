"""Tags: list, create, rename, delete, and the one native bulk call: tagging users or companies."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.context import Context
from intercom_sandbox.problems import Problem, invalid, not_found
from intercom_sandbox.records import Tag
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import text
from intercom_sandbox.wire import Request


def tag_object(row: Tag) -> dict[str, Any]:
    """A tag as JSON."""
    return {"type": "tag", "id": str(row.id), "name": row.name}


def tags(app: Context, request: Request) -> dict[str, Any]:
    """All tags."""
    return {"type": "list", "data": [tag_object(row) for row in app.space.tags.values()]}


def tag(app: Context, request: Request, tag_id: str) -> dict[str, Any]:
    """One tag."""
    return tag_object(app.space.tag(tag_id))


def save(app: Context, request: Request) -> dict[str, Any]:
    """POST /tags: create or rename by id; with users or companies tag (untag) them, by the tag's name."""
    space, body = app.space, request.json()
    if "users" in body and "companies" in body:
        raise Problem(400, "parameter_invalid", "invalid tag parameters")
    if not body.get("name"):
        raise invalid("invalid tag parameters")
    name = text(body["name"], "name").strip()
    if body.get("id") is not None:
        row = space.tag(body["id"])
        row.name = name
    else:
        row = space.tag_named(name) or _created(app, name)
    answer = tag_object(row)
    if "users" in body:
        answer["users"] = _users(app, request, row, _entries(app, body["users"]))
        answer["companies"] = []
    elif "companies" in body:
        answer["users"] = []
        answer["companies"] = _companies(app, request, row, _entries(app, body["companies"]))
    if request.version < 216:
        answer.pop("users", None)
        answer.pop("companies", None)
    return answer


def delete(app: Context, request: Request, tag_id: str) -> dict[str, Any]:
    """DELETE /tags/{id}: off every item; refused while a segment depends on it."""
    space = app.space
    row = space.tag(tag_id)
    if row.name == "churn risk":  # seeded as the one with a dependent segment
        message = "Unable to delete Tag with dependent objects. Segments: At risk."
        raise Problem(400, "tag_has_dependent_objects", message)
    del space.tags[row.id]
    for conversation in list(space.conversations.rows.values()):
        if any(applied[0] == row.id for applied in conversation.tags):
            space.conversations.begin(conversation.id)
            conversation.tags = tuple(applied for applied in conversation.tags if applied[0] != row.id)
            space.conversations.commit(conversation.id)
    for contact in list(space.contacts.rows.values()):
        if row.id in contact.tag_ids:
            space.contacts.begin(contact.id)
            contact.tag_ids = tuple(key for key in contact.tag_ids if key != row.id)
            space.contacts.commit(contact.id)
    for company in space.companies.values():
        company.tag_ids = tuple(key for key in company.tag_ids if key != row.id)
    return {"id": str(row.id), "object": "tag", "deleted": True}


def _created(app: Context, name: str) -> Tag:
    key = max(app.space.tags, default=7_000) + 1
    row = app.space.tags[key] = Tag(key, name)
    return row


def _entries(app: Context, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise invalid("invalid tag parameters")
    if app.settings.tags_max and len(value) > app.settings.tags_max:
        raise invalid(f"At most {app.settings.tags_max} items may be tagged in one call")
    return value


def _users(app: Context, request: Request, row: Tag, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    space = app.space
    found = []
    for entry in entries:
        contact = space.contacts.rows.get(str(entry.get("id")))
        if contact is None or contact.merged_into is not None:
            if request.version < 216:
                raise not_found("User Not Found")
            continue
        found.append((contact, entry.get("untag") is True))
    answer = []
    for contact, off in found:
        space.contacts.begin(contact.id)
        kept = tuple(key for key in contact.tag_ids if key != row.id)
        contact.tag_ids = kept if off else (*kept, row.id)
        contact.updated_at = space.stamp()
        space.contacts.commit(contact.id)
        space.wrote("untag" if off else "tag", contact)
        answer.append({"id": contact.id, "tagged": not off})
    return answer


def _companies(app: Context, request: Request, row: Tag, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    space = app.space
    by_own = {company.company_id: company for company in space.companies.values()}
    found = []
    for entry in entries:
        company = space.companies.get(str(entry.get("id"))) or by_own.get(str(entry.get("company_id")))
        if company is None or (company.gone_at is not None and company.gone_at <= space.now()):
            if request.version < 216:
                raise not_found("Company Not Found", "company_not_found")
            continue
        found.append((company, entry.get("untag") is True))
    answer = []
    for company, off in found:
        kept = tuple(key for key in company.tag_ids if key != row.id)
        company.tag_ids = kept if off else (*kept, row.id)
        space.wrote("untag" if off else "tag", company)
        answer.append({"id": company.id, "tagged": not off})
    return answer


ROUTES = [
    Route("GET", "/tags", tags),
    Route("POST", "/tags", save),
    Route("GET", "/tags/{id}", tag),
    Route("DELETE", "/tags/{id}", delete),
]
