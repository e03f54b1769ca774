"""Articles of the help center: listed by page number, read, made, changed, deleted."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.context import Context
from intercom_sandbox.problems import Problem, not_found
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import one_of, required
from intercom_sandbox.routes.lists import numbered
from intercom_sandbox.wire import Request
from intercom_sandbox.workspace import ADMIN_ID, WORKSPACE_ID, Workspace

SEEDED = 90
TITLES = ("Getting started", "Invoices and receipts", "Inviting teammates", "Exporting your data", "Password and sign-in", "Webhooks")
TEXTS = ("title", "description", "body")


def _all(space: Workspace) -> dict[str, dict[str, Any]]:
    if not space.articles_seeded:
        space.articles_seeded = True
        for place in range(SEEDED):
            at = space.epoch - 86_400 * (SEEDED - place)
            title = f"{TITLES[place % len(TITLES)]} {place // len(TITLES) + 1}"
            _make(space, at, {"title": title, "state": "draft" if place % 5 == 0 else "published", "author_id": ADMIN_ID + place % 2})
    return space.articles


def _make(space: Workspace, at: int, given: dict[str, Any]) -> dict[str, Any]:
    key = str(next(space.ids))
    space.articles[key] = made = {
        "id": key, "type": "article", "workspace_id": WORKSPACE_ID, "title": "", "description": "", "body": "",
        "author_id": ADMIN_ID, "state": "draft", "created_at": at, "updated_at": at, "url": None, "parent_id": None,
        "parent_ids": [], "parent_type": None, "default_locale": "en", "translated_content": None, **given,
    }  # fmt: skip
    return made


def _given(body: dict[str, Any]) -> dict[str, Any]:
    given = {name: str(body[name] or "") for name in TEXTS if name in body}
    if "state" in body:
        given["state"] = one_of(body, "state", ("published", "draft"))
    if "author_id" in body:
        given["author_id"] = body["author_id"]
    return given


def _article(app: Context, key: str) -> dict[str, Any]:
    found = _all(app.space).get(key)
    if found is None:
        raise not_found("Resource Not Found")
    return found


def index(app: Context, request: Request) -> dict[str, Any]:
    """GET /articles?page&per_page, the latest change first."""
    rows = sorted(_all(app.space).values(), key=lambda one: (one["updated_at"], one["id"]), reverse=True)
    chosen, pages, total = numbered(request, app.settings, rows, 15, 60)
    return {"type": "list", "data": chosen, "pages": pages, "total_count": total}


def search(app: Context, request: Request) -> dict[str, Any]:
    """GET /articles/search?phrase=&state=: whose title or text holds the phrase."""
    phrase, state = request.query.get("phrase", "").casefold(), request.query.get("state") or "all"
    rows = [
        one for one in _all(app.space).values()
        if phrase in f"{one['title']} {one['body']}".casefold() and state in ("all", one["state"])
    ]
    chosen, pages, total = numbered(request, app.settings, rows, 15, 60)
    return {"type": "list", "total_count": total, "data": {"articles": chosen, "highlights": []}, "pages": pages}


def read(app: Context, request: Request, key: str) -> dict[str, Any]:
    """GET /articles/{id}."""
    return _article(app, key)


def create(app: Context, request: Request) -> dict[str, Any]:
    """POST /articles."""
    body = request.json()
    required(body, "title")
    if "author_id" not in body:
        raise Problem(400, "parameter_not_found", "author_id must be in the main body or default locale object")
    _all(app.space)
    return _make(app.space, app.space.stamp(), _given(body))


def update(app: Context, request: Request, key: str) -> dict[str, Any]:
    """PUT /articles/{id}."""
    found = _article(app, key)
    found.update(_given(request.json()), updated_at=app.space.stamp())
    app.space.wrote("article", f"article {key}")
    return found


def delete(app: Context, request: Request, key: str) -> dict[str, Any]:
    """DELETE /articles/{id}."""
    del app.space.articles[_article(app, key)["id"]]
    return {"id": key, "object": "article", "deleted": True}


ROUTES = [
    Route("GET", "/articles", index),
    Route("GET", "/articles/search", search),
    Route("POST", "/articles", create),
    Route("GET", "/articles/{id}", read),
    Route("PUT", "/articles/{id}", update),
    Route("DELETE", "/articles/{id}", delete),
]
