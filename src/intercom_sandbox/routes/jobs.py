"""What is accepted now and done later: queued tickets, and Preview's bulk calls on contacts."""

from __future__ import annotations

import json
from typing import Any

from intercom_sandbox.context import Context
from intercom_sandbox.problems import Problem, invalid, not_found, number
from intercom_sandbox.router import Route
from intercom_sandbox.routes.bodies import required
from intercom_sandbox.routes.contact_lifecycle import delete
from intercom_sandbox.routes.contacts import change
from intercom_sandbox.routes.tickets import create_ticket
from intercom_sandbox.wire import Reply, Request
from intercom_sandbox.workspace import Job


def enqueue(app: Context, request: Request) -> dict[str, Any]:
    """POST /tickets/enqueue."""
    row = create_ticket(app, request.json())
    job = _new(app, "ticket")
    job.resource_id = str(row.id)
    return _job(app, job)


def status(app: Context, request: Request, job_id: str) -> dict[str, Any]:
    """GET /jobs/status/{id}."""
    job = app.space.jobs.get(number(job_id) or 0)
    if job is None:
        raise not_found("Job Not Found", "job_not_found")
    return _job(app, job)


def _new(app: Context, kind: str) -> Job:
    key = next(app.space.ids)
    job = app.space.jobs[key] = Job(key, app.space.now() + app.settings.job_seconds, kind)
    return job


def _job(app: Context, job: Job) -> dict[str, Any]:
    done = app.space.now() >= job.ready_at
    return {
        "type": "job",
        "id": str(job.id),
        "status": "success" if done else "pending",
        "url": f"https://api.intercom.io/jobs/status/{job.id}",
        "resource_type": job.kind,
        "resource_id": job.resource_id if done else None,
    }


def bulk_update(app: Context, request: Request) -> Reply:
    """PUT /contacts/bulk: which item failed is not said."""
    entries = _entries(app, request)
    failed = 0
    for entry in entries:
        row = app.space.contacts.rows.get(str(entry.get("id")))
        if row is None or row.merged_into is not None:
            failed += 1
            continue
        try:
            change(app, row, entry)
        except Problem:
            failed += 1
            continue
        app.space.contacts.begin(row.id)
        tags = entry.get("tags") or {}
        added = [int(one["id"]) for one in tags.get("add") or [] if str(one.get("id")).isdigit()]
        gone = {int(one["id"]) for one in tags.get("remove") or [] if str(one.get("id")).isdigit()}
        kept = [key for key in row.tag_ids if key not in gone]
        row.tag_ids = tuple(dict.fromkeys([*kept, *(key for key in added if key in app.space.tags)]))
        app.space.contacts.commit(row.id)
    return _accepted(app, len(entries), failed)


def bulk_delete(app: Context, request: Request) -> Reply:
    """POST /contacts/bulk/delete."""
    entries = _entries(app, request)
    failed = 0
    for entry in entries:
        try:
            delete(app, request, str(entry.get("id")))
        except Problem:
            failed += 1
    return _accepted(app, len(entries), failed)


def bulk_status(app: Context, request: Request, job_id: str) -> dict[str, Any]:
    """GET /contacts/bulk/{id}."""
    job = app.space.jobs.get(number(job_id) or 0)
    if job is None:
        raise not_found("Job Not Found", "job_not_found")
    return _bulk(app, job)


def _entries(app: Context, request: Request) -> list[dict[str, Any]]:
    body = request.json()
    required(body, "contacts")
    entries = body["contacts"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise invalid("contacts must be a list of objects", "contacts")
    if len(entries) > app.settings.bulk_max:
        message = f"The maximum number of contacts per request is {app.settings.bulk_max}"
        raise Problem(422, "parameter_invalid", message)
    return entries


def _accepted(app: Context, count: int, failed: int) -> Reply:
    job = _new(app, "contacts")
    job.tasks.append({"item_count": count, "failed": failed})
    return Reply(202, json.dumps(_bulk(app, job)).encode())


def _bulk(app: Context, job: Job) -> dict[str, Any]:
    done = app.space.now() >= job.ready_at
    failed = any(task["failed"] for task in job.tasks)
    state = ("completed_with_errors" if failed else "completed") if done else "pending"
    return {
        "type": "bulk_job",
        "id": str(job.id),
        "state": state,
        "tasks": [{"item_count": task["item_count"], "state": state} for task in job.tasks],
    }


ROUTES = [
    Route("POST", "/tickets/enqueue", enqueue, "write_tickets"),
    Route("GET", "/jobs/status/{id}", status),
    Route("PUT", "/contacts/bulk", bulk_update, "write_users", since=999),
    Route("POST", "/contacts/bulk/delete", bulk_delete, "write_users", since=999),
    Route("GET", "/contacts/bulk/{id}", bulk_status, "read_users", since=999),
]
