"""What is written into a thread: close, snooze, open, assign, reply, tag, contacts."""

from __future__ import annotations

from typing import Any

from intercom_sandbox import lifecycle, render
from intercom_sandbox.context import Context
from intercom_sandbox.conversation_parts import left, stale, whole
from intercom_sandbox.problems import Problem, invalid, missing, not_found
from intercom_sandbox.records import Contact, Conversation
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import integer, one_of, required, text
from intercom_sandbox.wire import Request

ACTIONS = ("close", "snoozed", "open", "assignment")


def manage(app: Context, request: Request, conversation_id: str) -> str:
    """POST /conversations/{id}/parts."""
    space, body = app.space, request.json()
    row = space.conversation(conversation_id)
    action = one_of(body, "message_type", ACTIONS)
    if action in ("close", "assignment"):
        required(body, "type")
    return _act(app, request, row, action, one_of(body, "type", ("admin", "team")) if action == "assignment" else "")


def _act(app: Context, request: Request, row: Conversation, action: str, kind: str) -> str:
    """Close, open, assign or snooze; `kind`: of the assignee, "" to see from its id."""
    space, body = app.space, request.json()
    required(body, "admin_id")
    admin = str(space.admin(body["admin_id"]).id)
    words = None if body.get("body") in (None, "") else text(body["body"], "body")
    if app.settings.write_answers == "ignored":
        return whole(space, row, request.version)
    before = stale(space, row, request.version)
    if action == "close":
        if body.get("type") != "admin":
            raise invalid("type must be admin", "type")
        lifecycle.close(space, row, admin, words)
    elif action == "open":
        lifecycle.reopen(space, row, admin)
    elif action == "snoozed":
        required(body, "snoozed_until")
        lifecycle.snooze(space, row, admin, integer(body["snoozed_until"], "snoozed_until"))
    else:
        required(body, "assignee_id")
        assignee = integer(body["assignee_id"], "assignee_id")
        kind = kind or ("team" if assignee in space.teams else "admin")
        if assignee and assignee not in (space.teams if kind == "team" else space.admins):
            raise Problem(404, "assignee_not_found", "Assignee not found")
        lifecycle.assign(space, row, admin, kind, assignee, words)
    space.wrote(action, row)
    return left(space, row, before, request.version)


def reply(app: Context, request: Request, conversation_id: str) -> str:
    """POST /conversations/{id}/reply, by an admin or by the contact."""
    space, body = app.space, request.json()
    manages = {"always": True, "never": False}.get(app.settings.reply_manages, request.version < 200)
    if manages and body.get("message_type") in ACTIONS and body.get("type") != "user":
        return _act(app, request, space.conversation(conversation_id), str(body["message_type"]), "")
    by_admin = one_of(body, "type", ("admin", "user")) == "admin"
    row = _last(app, body) if conversation_id == "last" else space.conversation(conversation_id)
    kind = one_of(body, "message_type", ("comment", "note", "quick_reply") if by_admin else ("comment",))
    files = _attachments(body)
    more: dict[str, Any] = {"attachments": files or None}
    if by_admin:
        required(body, "admin_id")
        author = str(space.admin(body["admin_id"]).id)
        words = None if kind == "quick_reply" else _body(body, bool(files))
        if kind == "quick_reply" and not isinstance(body.get("reply_options"), list):
            raise missing("reply_options")
        unsnooze = not (body.get("skip_unsnooze") is True and request.version >= 999)
        lifecycle.reply(space, row, author, kind, words, unsnooze=unsnooze, **more)
    else:
        contact = find_contact(app, body)
        author, words = contact.id, _body(body, bool(files))
        lifecycle.contact_reply(space, row, contact.id, words, **more)
    space.wrote(kind if by_admin else "contact_reply", row)
    space.ledger.said(row, author, words)
    return whole(space, row, request.version)


def add_tag(app: Context, request: Request, conversation_id: str) -> dict[str, Any]:
    """POST /conversations/{id}/tags."""
    space, body = app.space, request.json()
    row = space.conversation(conversation_id, "Conversation not found")
    required(body, "id", "admin_id")
    admin = space.admin(body["admin_id"])
    tag = space.tag(body["id"], "tag_not_found", "Tag not found")
    applied = lifecycle.tag(space, row, tag.id, str(admin.id))
    space.wrote("tag", row)
    return render.applied_tag(space, applied)


def remove_tag(app: Context, request: Request, conversation_id: str, tag_id: str) -> dict[str, Any]:
    """DELETE /conversations/{id}/tags/{tag_id}, with a body."""
    space, body = app.space, request.json()
    row = space.conversation(conversation_id, "Conversation not found")
    required(body, "admin_id")
    space.admin(body["admin_id"])
    tag = space.tag(tag_id, "tag_not_found", "Tag not found")
    before = {applied[0]: applied for applied in row.tags}
    if not lifecycle.untag(space, row, tag.id) and app.settings.untag_missing == "404":
        raise not_found("Tag not found", "tag_not_found")
    space.wrote("untag", row)
    found = before.get(tag.id)
    if found is None:
        return {"type": "tag", "id": str(tag.id), "name": tag.name, "applied_at": None, "applied_by": None}
    return render.applied_tag(space, found)


def find_contact(app: Context, body: dict[str, Any]) -> Contact:
    """The contact that a body names by intercom_user_id, user_id or email. Raises Problem 400 or 404."""
    rows = app.space.contacts.rows
    if body.get("intercom_user_id") is not None:
        return app.space.contact(body["intercom_user_id"])
    for name, attribute in (("user_id", "external_id"), ("email", "email")):
        if body.get(name) is not None:
            for row in rows.values():
                if getattr(row, attribute) == body[name] and row.merged_into is None:
                    return row
            raise not_found("User Not Found")
    raise missing("intercom_user_id")


def _last(app: Context, body: dict[str, Any]) -> Conversation:
    """The newest conversation of the contact that the body names."""
    contact = find_contact(app, body)
    mine = [row for row in app.space.conversations.rows.values() if contact.id in row.contact_ids]
    if not mine:
        raise not_found()
    return max(mine, key=lambda row: (row.updated_at, row.id))


def _body(body: dict[str, Any], has_files: bool) -> str | None:
    if body.get("body") is None and has_files:
        return None
    required(body, "body")
    return text(body["body"], "body")


def _attachments(body: dict[str, Any]) -> list[dict[str, Any]]:
    urls, files = body.get("attachment_urls") or [], body.get("attachment_files") or []
    if not isinstance(urls, list) or not isinstance(files, list):
        raise invalid("attachments must be lists", "attachment_urls")
    if len(urls) > 10 or len(files) > 10:
        raise invalid("At most 10 attachments are allowed", "attachment_urls")
    made = [
        {"type": "upload", "name": str(url).rsplit("/", 1)[-1], "url": str(url), "content_type": "image/png",
         "filesize": 1, "width": 1, "height": 1}
        for url in urls
    ]  # fmt: skip
    made += [
        {"type": "upload", "name": str(entry.get("name")), "url": "https://sandbox.test/upload",
         "content_type": str(entry.get("content_type")), "filesize": 1, "width": 1, "height": 1}
        for entry in files
    ]  # fmt: skip
    return made


ROUTES = [
    Route("POST", "/conversations/{id}/parts", manage, "write_conversations"),
    Route("POST", "/conversations/{id}/reply", reply, "write_conversations"),
    Route("POST", "/conversations/{id}/tags", add_tag, "write_conversations"),
    Route("DELETE", "/conversations/{id}/tags/{tag_id}", remove_tag, "write_conversations"),
]
