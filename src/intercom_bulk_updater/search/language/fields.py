"""The tables of what can be searched: the fields of each resource, and the friendly names for them.

They are those of the API reference, its spelling mistakes included:
https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/searchconversations
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.parsing.dates import is_moment
from intercom_bulk_updater.search.language.terms import Field, Resource


def resource(name: str, api_version: str = "2.16") -> Resource:
    """The searchable side of one of RESOURCES, or of what `learn` was told. Raises UsageError for another name."""
    return _learned[name] if name in _learned else _declared(name, api_version)


def learn(name: str, types: Mapping[str, str]) -> None:
    """Know the fields of a list that Intercom documents no search for, by their types; see `types_shown`."""
    _learned[name] = Resource(name, {field: Field(field, kind) for field, kind in types.items()}, {})


def types_shown(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The fields that items show, and the type of each by its values (any, where all are empty).

    What stands in an object is named with dots between.
    """
    found: dict[str, str] = {}
    empty: dict[str, str] = {}
    for item in items:
        for name, value in _flat(item):
            if value is None:
                empty[name] = "any"
            elif found.get(name) != "any":
                kind = _type_of(name, value)
                found[name] = kind if found.get(name, kind) == kind else "any"
    return found | {name: kind for name, kind in empty.items() if name not in found}


def _flat(item: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in item.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            yield prefix + str(name), value


def _type_of(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "date" if is_moment(name, value) else "integer" if isinstance(value, int) else "number"
    return "text"


@lru_cache(maxsize=32)
def _declared(name: str, api_version: str) -> Resource:
    if name not in _RESOURCES:
        raise UsageError(f"{name!r} cannot be searched by a filter; {', '.join(_RESOURCES)} can.")
    found = _RESOURCES[name]
    if name == "contacts" and not whole_days(api_version):
        fields = {n: replace(f, type="date") if f.type == "day" else f for n, f in found.fields.items()}
        return replace(found, fields=fields)
    return found


def whole_days(api_version: str) -> bool:
    """Whether contact dates match by whole days: up to 2.16; from 2.17 on, and in Preview, by the second."""
    minor = api_version.partition(".")[2]
    return minor.isdigit() and int(minor) <= 16


def _fields(type_: str, names: str, prefix: str = "", kind: str = "", *, seconds: bool = False) -> dict[str, Field]:
    return {prefix + n: Field(prefix + n, type_, kind, seconds=seconds) for n in names.split()}


def _chosen(name: str, choices: str, *, kind: str = "", optional: bool = False, **spoken: str) -> dict[str, Field]:
    pairs = tuple((word.replace("_", "-"), value) for word, value in spoken.items())
    return {name: Field(name, "text", kind, choices=tuple(choices.split()), spoken=pairs, optional=optional)}


_TICKET_STATES = "submitted in_progress waiting_on_customer resolved"


_CONVERSATIONS = Resource(
    "conversations",
    {
        **_fields("text", "id channel_initiated"),
        **_fields("text", "contact_ids", kind="contact"),
        **_fields("text", "teammate_ids statistics.last_closed_by_id conversation_rating.admin_d", kind="admin"),
        **_fields("text", "tag_ids", kind="tag"),
        **_fields("integer", "admin_assignee_id", kind="admin"),
        **_fields("integer", "team_assignee_id", kind="team"),
        **_fields("boolean", "open read ai_agent_participated"),
        **_fields("date", "created_at updated_at waiting_since snoozed_until"),
        **_chosen("state", "open closed snoozed"),
        **_chosen("priority", "none low medium high urgent"),
        **_fields("text", "id delivered_as subject url author.id author.type author.name author.email", "source."),
        **_fields("words", "source.body"),
        **_chosen(
            "source.type",
            "conversation email facebook instagram phone_call phone_switch push sms twitter whatsapp",
            messenger="conversation",
            chat="conversation",
            phone="phone_call",
        ),
        **_fields(
            "integer",
            "time_to_assignment time_to_admin_reply time_to_first_close time_to_last_close median_time_to_reply",
            "statistics.",
            seconds=True,
        ),
        **_fields("integer", "count_reopens count_assignments count_conversation_parts", "statistics."),
        **_fields(
            "date",
            "first_contact_reply_at first_assignment_at first_admin_reply_at first_close_at "
            "last_assignment_at last_assignment_admin_reply_at last_contact_reply_at "
            "last_admin_reply_at last_close_at",
            "statistics.",
        ),
        **_fields("date", "requested_at replied_at", "conversation_rating."),
        **_fields("integer", "score", "conversation_rating."),
        **_fields("text", "remark", "conversation_rating."),
        **_fields("text", "contact_id", "conversation_rating.", kind="contact"),
        **_fields("text", "rating_remark source_title", "ai_agent."),
        **_chosen(
            "ai_agent.resolution_state",
            "assumed_resolution confirmed_resolution escalated negative_feedback procedure_handoff",
            optional=True,
        ),
        **_chosen("ai_agent.last_answer_type", "ai_answer custom_answer", optional=True),
        **_chosen("ai_agent.source_type", "essentials_plan_setup profile workflow workflow_preview fin_preview", optional=True),
        **_fields("integer", "rating", "ai_agent."),
    },
    {
        "team": "team_assignee_id",
        "inbox": "team_assignee_id",
        "assignee": "admin_assignee_id",
        "admin": "admin_assignee_id",
        "teammate": "teammate_ids",
        "tag": "tag_ids",
        "tags": "tag_ids",
        "contact": "contact_ids",
        "created": "created_at",
        "updated": "updated_at",
        "snoozed": "snoozed_until",
        "body": "source.body",
        "subject": "source.subject",
        "channel": "source.type",
        "email": "source.author.email",
        "author": "source.author.name",
        "url": "source.url",
        "closed": "statistics.last_close_at",
        "closed_by": "statistics.last_closed_by_id",
        "customer_replied": "statistics.last_contact_reply_at",
        "admin_replied": "statistics.last_admin_reply_at",
        "reopens": "statistics.count_reopens",
        "parts": "statistics.count_conversation_parts",
        "rating": "conversation_rating.score",
        "remark": "conversation_rating.remark",
        "fin": "ai_agent_participated",
        "conversation_rating.rating": "conversation_rating.score",
        "conversation_rating.created_at": "conversation_rating.requested_at",
        "conversation_rating.contact.id": "conversation_rating.contact_id",
        "conversation_rating.teammate.id": "conversation_rating.admin_d",
        "company": "company.id",
        "sla": "sla_applied.sla_name",
        "sla_status": "sla_applied.sla_status",
    },
    since={"idle": "updated_at", "age": "created_at", "waiting": "waiting_since"},
    missing={
        "name": "write author for the name of who wrote first, or contact with the contact's id.",
    },
    shown={
        **_fields("text", "title first_contact_reply.type first_contact_reply.url"),
        **_fields("boolean", "source.redacted sales_agent_participated"),
        **_fields("text", "message_id subject history", "source.email_message_metadata."),
        **_fields("text", "conversation_rating.contact.external_id"),
        **_fields("date", "conversation_rating.updated_at first_contact_reply.created_at ai_agent.created_at ai_agent.updated_at"),
        **_chosen("sla_applied.sla_status", "hit missed cancelled active", optional=True),
        **_chosen("sales_agent.outcome", "qualified disqualified product_discovery escalated_to_support spam", optional=True),
        **_fields("text", "sla_applied.sla_name sales_agent.routing_outcome channel.initial channel.current"),
        **_fields("integer", "statistics.handling_time statistics.adjusted_handling_time", seconds=True),
        **_fields("integer", "conversation_parts.total_count linked_objects.total_count ai_agent.content_sources.total_count"),
        **_fields("text", "id", "company.", kind="company"),
        **_fields("text", "name app_id plan.id plan.name company_id website industry", "company."),
        **_fields("text", "topics"),
        **_fields("integer", "topics.total_count"),
        **_fields("date", "remote_created_at created_at updated_at last_request_at", "company."),
        **_fields("integer", "size monthly_spend session_count user_count", "company."),
    },
)

_CONTACTS = Resource(
    "contacts",
    {
        **_fields("text", "id", kind="contact"),
        **_fields("text", "name avatar email email_domain phone formatted_phone external_id"),
        **_fields("text", "owner_id", kind="admin"),
        **_chosen("role", "user lead", users="user", leads="lead"),
        **_fields(
            "day",
            "created_at signed_up_at updated_at last_seen_at last_contacted_at last_replied_at "
            "last_email_opened_at last_email_clicked_at ios_last_seen_at android_last_seen_at",
        ),
        **_fields("text", "language_override browser browser_language os"),
        **_fields("text", "country region city", "location."),
        **_fields("boolean", "unsubscribed_from_emails marked_email_as_spam has_hard_bounced"),
        **_fields("text", "app_version device app_device os_version app_name sdk_version", "ios_"),
        **_fields("text", "android_app_version android_device android_app_name andoid_sdk_version"),
        **_fields("text", "segment_id", kind="segment"),
        **_fields("tag", "tag_id", kind="tag"),
    },
    {
        "tag": "tag_id",
        "tags": "tag_id",
        "tag_ids": "tag_id",
        "segment": "segment_id",
        "owner": "owner_id",
        "contact": "id",
        "company": "companies",
        "social_profiles": "social_profiles.data",
        "domain": "email_domain",
        "created": "created_at",
        "signed_up": "signed_up_at",
        "updated": "updated_at",
        "seen": "last_seen_at",
        "last_seen": "last_seen_at",
        "contacted": "last_contacted_at",
        "replied": "last_replied_at",
        "opened": "last_email_opened_at",
        "clicked": "last_email_clicked_at",
        "country": "location.country",
        "region": "location.region",
        "city": "location.city",
        "language": "language_override",
        "unsubscribed": "unsubscribed_from_emails",
        "spam": "marked_email_as_spam",
        "bounced": "has_hard_bounced",
        "plan": "custom_attributes.plan",
        "android_sdk_version": "andoid_sdk_version",
    },
    since={"age": "created_at", "unseen": "last_seen_at"},
    missing={
        "archived": "Intercom has no such field.",
        "blocked": "Intercom has no such field.",
        "idle": "write unseen > 90d (not seen for 90 days), or updated < 90d.",
    },
    shown={
        **_fields("text", "workspace_id browser_version android_os_version avatar.image_url"),
        **_fields("text", "companies", kind="company"),
        **_fields("text", "social_profiles.data"),
        **_fields("integer", "tags.total_count notes.total_count companies.total_count"),
        **_fields("integer", "opted_out_subscription_types.total_count opted_in_subscription_types.total_count"),
    },
)

_TICKETS = Resource(
    "tickets",
    {
        **_fields("text", "id title description"),
        **_chosen("state", _TICKET_STATES, kind="ticket_state"),
        **_fields("text", "contact_ids", kind="contact"),
        **_fields("text", "ticket_type_id", kind="ticket_type"),
        **_fields("text", "admin_assignee_id teammate_ids", kind="admin"),
        **_fields("text", "team_assignee_id", kind="team"),
        **_fields("boolean", "open"),
        **_fields("date", "created_at updated_at snoozed_until"),
        **_chosen("category", "request task tracker", customer="request", back_office="task"),
    },
    {
        "team": "team_assignee_id",
        "inbox": "team_assignee_id",
        "assignee": "admin_assignee_id",
        "admin": "admin_assignee_id",
        "teammate": "teammate_ids",
        "contact": "contact_ids",
        "type": "ticket_type_id",
        "ticket_type": "ticket_type_id",
        "subject": "title",
        "created": "created_at",
        "updated": "updated_at",
        "snoozed": "snoozed_until",
        "ticket_type.id": "ticket_type_id",
        "category": "category",
        "ticket_type.category": "category",
        "number": "ticket_id",
        "shared": "is_shared",
        "ticket_state": "ticket_state.id",
    },
    since={"idle": "updated_at", "age": "created_at"},
    missing={
        "tag": "Intercom lists no such field for tickets.",
        "company": "Intercom shows none of a ticket. Find its contacts by company, then write contact in (...).",
    },
    open_prefix="ticket_attribute.",
    shown={
        **_fields("text", "previous_ticket_state_id"),
        **_fields("boolean", "is_shared ticket_type.archived"),
        **_fields("text", "id", "ticket_state.", kind="ticket_state"),
        **_fields("text", "internal_label external_label", "ticket_state."),
        **_chosen("ticket_state.category", _TICKET_STATES),
        **_fields("text", "name description icon workspace_id", "ticket_type."),
        **_fields("date", "created_at updated_at", "ticket_type."),
        **_fields("integer", "ticket_id linked_objects.total_count ticket_parts.total_count"),
    },
    named={
        "ticket_state.internal_label": "ticket_state.id",
        "ticket_state.external_label": "ticket_state.id",
        "ticket_type.name": "ticket_type_id",
    },
)

_COMPANIES = Resource(
    "companies",
    {
        **_fields("text", "id company_id name plan website industry"),
        **_fields("date", "created_at updated_at remote_created_at last_request_at"),
        **_fields("integer", "monthly_spend session_count user_count size"),
        **_fields("text", "tag_id", kind="tag"),
        **_fields("text", "segment_id", kind="segment"),
    },
    {
        "company": "company_id",
        "tag": "tag_id",
        "created": "created_at",
        "updated": "updated_at",
        "seen": "last_request_at",
        "spend": "monthly_spend",
        "sessions": "session_count",
        "users": "user_count",
        "segment": "segment_id",
    },
    since={"idle": "updated_at", "age": "created_at", "unseen": "last_request_at"},
    shown=_fields("text", "app_id plan.id plan.name"),
)

_learned: dict[str, Resource] = {}
_RESOURCES = {found.name: found for found in (_CONVERSATIONS, _CONTACTS, _TICKETS, _COMPANIES)}
RESOURCES = tuple(_RESOURCES)
