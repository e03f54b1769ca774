"""The control endpoint, `/_sandbox/...`: settings, faults, statistics, others' hands. No token, no budget."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from intercom_sandbox import lifecycle, views
from intercom_sandbox.context import Context, seeded
from intercom_sandbox.faults import Faults
from intercom_sandbox.limits import Limiter
from intercom_sandbox.mutation import Mutations
from intercom_sandbox.paging import Walks
from intercom_sandbox.problems import Problem, not_found
from intercom_sandbox.seeds import add_conversations
from intercom_sandbox.statistics import Books, audit
from intercom_sandbox.table import Table
from intercom_sandbox.wire import Reply, Request
from intercom_sandbox.workspace import ADMIN_ID, WORKSPACE_ID

Command = Callable[[Context, Any, list[str], dict[str, str]], Any]
OTHER_ADMIN = 991267701  # who acts in `touch` when nobody is named


def answer(app: Context, request: Request) -> Reply:
    """Answer one control request; never raises."""
    parts = request.path.strip("/").split("/")[1:]
    action = COMMANDS.get((request.method, parts[0] if parts else ""))
    try:
        if action is None:
            raise ValueError(f"no such control: {request.method} {request.path}")
        body = json.loads(request.body) if request.body else {}
        result = action(app, body, parts[1:], request.query)
    except Problem as problem:
        return Reply(problem.status, problem.body("sandbox"))
    except (ValueError, TypeError, KeyError, AttributeError) as wrong:
        return Reply(400, json.dumps({"error": str(wrong)}).encode())
    return Reply(200, json.dumps(result).encode())


def _about(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    settings = app.settings
    return {
        "token": settings.token,
        "admin_id": str(ADMIN_ID),
        "workspace_id": WORKSPACE_ID,
        "inbox_id": "5001",
        "conversations": len(app.space.conversations.rows),
        "control_port": app.control_port,
        "epoch": app.space.epoch,
    }


def _settings(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    if body:
        app.settings.update(body)
        tables: tuple[Table[Any], ...] = (app.space.conversations, app.space.contacts, app.space.tickets)
        for table in tables:
            table.forget()
            table.hasten()
        if "log_size" in body:
            app.books.resize(app.settings.log_size)
        if any(name.startswith(("hide_", "cursor")) for name in body):
            app.walks = Walks()
        if "fail_page" in body:
            app.walks.failures = 0
        if "faults" in body:
            app.order(Faults(app.settings.seed, app.settings.faults))
        if "mutate" in body:
            app.mutations = Mutations(app.settings)
    return asdict(app.settings)


def _stats(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    now = app.space.now()
    if app.settings.competitor_share > 0:
        app.limiter.compete("app", now)
    return {
        **app.books.report(),
        "now": now,
        "windows": [window.report() for window in app.limiter.windows],
        "audit": audit(app.space),
    }


def _audit(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    return audit(app.space, parts[0] if parts else "")


def _reset(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    """Forget what was counted; `faults`: the rules too, `state`: begin anew with the seed."""
    if body.get("state"):
        app.space = seeded(app.settings)
    old = app.books
    app.books = Books(app.settings.log_size)
    app.books.open = app.books.max_open = old.open
    app.books.in_flight = app.books.max_in_flight = old.in_flight
    app.limiter = Limiter(app.settings, app.space.now()) if body.get("limits") else app.limiter
    for window in list(app.limiter.windows)[:-1]:
        app.limiter.windows.remove(window)
    app.walks = Walks()
    app.space.ledger.clear()
    if body.get("faults") or body.get("state"):
        app.order(Faults(app.settings.seed, app.settings.faults))
        app.mutations = Mutations(app.settings)
    return {"ok": True}


def _faults(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    """Add a rule, or a list of rules; `{"clear": true}` first takes all away."""
    if isinstance(body, dict) and body.pop("clear", False):
        app.order(Faults(app.settings.seed))
    for entry in body if isinstance(body, list) else [body] if body else []:
        app.schedule(app.faults.add(entry))
    return {"faults": [asdict(rule) for rule in app.faults.rules]}


def _no_faults(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    app.order(Faults(app.settings.seed))
    return {"faults": []}


def _rows(resource: str) -> Command:
    """What shows all rows of a resource, or one item."""

    def show(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
        if not parts:
            return views.rows(app.space, resource, query)
        try:
            return views.item(app.space, resource, parts[0])
        except KeyError:
            raise not_found() from None

    return show


def _seed(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    """Add `count` conversations with `fields` set; they are as new to the index as any write."""
    count, fields = int(body.get("count", 1)), dict(body.get("fields") or {})
    if "tags" in fields:
        stamp = app.space.stamp()
        fields["tags"] = tuple((int(tag), stamp, "admin", str(ADMIN_ID)) for tag in fields["tags"])
    made = add_conversations(app.space, random.Random(app.settings.seed + app.space.next_part), count, fields)
    if app.settings.index_lag > 0:
        for row in made:
            app.space.conversations.add_late(row.id)
    return {"ids": [str(row.id) for row in made]}


def _touch(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    """Another admin acts on conversations, outside every budget and count."""
    space = app.space
    admin = str(body.get("admin_id") or OTHER_ADMIN)
    kind = body.get("kind", "note")
    touched = []
    for text in body["ids"]:
        row = space.conversation(str(text))
        if kind in ("reopen", "open"):
            lifecycle.reopen(space, row, admin)
        elif kind == "close":
            lifecycle.close(space, row, admin)
        elif kind == "snooze":
            lifecycle.snooze(space, row, admin, int(body.get("until") or space.now() + 86_400))
        elif kind in ("note", "comment", "reply"):
            name = "comment" if kind == "reply" else kind
            lifecycle.reply(space, row, admin, name, body.get("body") or "<p>touched</p>")
        elif kind == "contact_reply":
            contact = row.contact_ids[0] if row.contact_ids else ""
            lifecycle.contact_reply(space, row, contact, body.get("body") or "<p>Hello again</p>")
        elif kind == "assign":
            target = "team" if body.get("team_id") else "admin"
            assignee = int(body.get("team_id") or body.get("assignee_id") or admin)
            lifecycle.assign(space, row, admin, target, assignee)
        elif kind == "tag":
            lifecycle.tag(space, row, int(body.get("tag_id") or 7_004), admin)
        elif kind == "untag":
            lifecycle.untag(space, row, int(body.get("tag_id") or 7_004))
        elif kind == "set":
            lifecycle.set_attributes(space, row, dict(body.get("custom_attributes") or {}))
        elif kind == "delete":
            space.conversations.remove(row.id)
        else:
            raise ValueError(f"unknown touch {kind!r}")
        touched.append(str(row.id))
    return {"touched": touched}


def _log(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    return app.books.lines(int(query.get("last", "100")))


def _clock(app: Context, body: Any, parts: list[str], query: dict[str, str]) -> Any:
    return {"now": app.space.now(), "local": time.time()}


COMMANDS: dict[tuple[str, str], Command] = {
    ("GET", ""): _about,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _settings,
    ("GET", "stats"): _stats,
    ("GET", "audit"): _audit,
    ("POST", "reset"): _reset,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _faults,
    ("DELETE", "faults"): _no_faults,
    **{("GET", resource): _rows(resource) for resource in views.ROWS},
    ("POST", "seed"): _seed,
    ("POST", "touch"): _touch,
    ("GET", "log"): _log,
    ("GET", "clock"): _clock,
}
