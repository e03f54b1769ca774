"""What Intercom has and the sandbox does not: such a request is answered 501 and says so, where 404 would mislead."""

from __future__ import annotations

from intercom_sandbox.problems import Problem

# Of these nothing is simulated (of API 1.x too).
RESOURCES = frozenset({
    "ai", "audiences", "away_status_reasons", "brands", "bulk", "calls", "content", "content_snippets", "counts",
    "custom_object_instances", "custom_object_types", "data_connectors", "download", "ecommerce", "emails", "export", "fin",
    "fin_voice", "folders", "help_center", "internal_articles", "ip_allowlist", "leads", "macros", "messages", "news",
    "office_hours_schedules", "phone_call_redirects", "procedures", "secure_mode_secrets", "subscriptions", "users", "visitors",
})  # fmt: skip
# Of simulated resources these; * stands for an id.
PATHS = frozenset({
    "GET /admins/activity_log_event_types",
    "GET /admins/activity_logs",
    "POST /admins/activity_logs/search",
    "POST /companies/bulk",
    "PUT /companies/bulk",
    "POST /companies/bulk/delete",
    "GET /companies/bulk/*",
    "POST /companies/search",
    "GET /contacts/activities",
    "POST /contacts/bulk",
    "POST /contacts/merge/preview",
    "GET /contacts/*/banners",
    "POST /contacts/*/banners/*/dismiss",
    "GET /contacts/*/merge_history",
    "POST /conversations/attributes",
    "GET /conversations/attributes/*",
    "PUT /conversations/attributes/*",
    "DELETE /conversations/attributes/*",
    "POST /conversations/attributes/*/options",
    "PUT /conversations/attributes/*/options/*",
    "DELETE /conversations/attributes/*/options/*",
    "PUT /conversations/*/conversation_parts/*",
    "GET /conversations/*/handling_events",
    "POST /conversations/*/run_assignment_rules",
    "GET /conversations/*/side_conversations",
    "GET /events",
    "POST /events/summaries",
    "PUT /teams/*",
    "GET /teams/*/metrics",
    "POST /ticket_types",
    "PUT /ticket_types/*",
    "POST /ticket_types/*/attributes",
    "PUT /ticket_types/*/attributes/*",
})  # fmt: skip
SHAPES = [(method, path.strip("/").split("/")) for method, _, path in (entry.partition(" ") for entry in PATHS)]


def refuse(method: str, parts: list[str]) -> None:
    """Raise Problem 501 when Intercom has the path and the sandbox has not."""
    known = parts[0] in RESOURCES or any(
        verb == method and len(shape) == len(parts) and all(wanted in ("*", got) for wanted, got in zip(shape, parts, strict=True))
        for verb, shape in SHAPES
    )
    if known:
        path = "/".join(parts)
        raise Problem(501, "not_simulated", f"The sandbox does not simulate {method} /{path}. Intercom has it.")
