"""Searchable fields: name, type and how to read it from a row, for conversations, contacts and tickets.

The tables are those of the API reference; what is not in them is a 400.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from intercom_sandbox.records import Conversation
    from intercom_sandbox.workspace import Workspace

Read = Callable[[Any], Any]

EQUALITY = frozenset({"=", "!=", "IN", "NIN"})
ORDER = frozenset({">", "<", ">=", "<="})
TEXT = frozenset({"~", "!~", "^", "$"})
OPERATORS = {
    "str": EQUALITY | TEXT,
    "id": EQUALITY | TEXT | ORDER,  # `id >` is used in production to restart a walk
    "number": EQUALITY | TEXT | ORDER,  # an id of digits
    "int": EQUALITY | ORDER,
    "date": EQUALITY | ORDER,
    "bool": EQUALITY,
    "words": EQUALITY | TEXT,
    "day": frozenset({"=", "<", ">"}),  # contact dates up to 2.16: whole days of the workspace
    "datetime": frozenset({"=", "!=", "<", ">", "<=", ">="}),  # contact dates from 2.17
    "tag": frozenset({"=", "!="}),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One searchable field. A value read may be a tuple: then any entry counts."""

    name: str
    type: str
    read: Read


def _table(**groups: dict[str, str | Read]) -> dict[str, Field]:
    table: dict[str, Field] = {}
    for kind, entries in groups.items():
        for name, read in entries.items():
            table[name] = Field(name, kind, attrgetter(read) if isinstance(read, str) else read)
    return table


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _none(row: Any) -> None:
    return None


@lru_cache(maxsize=4096)  # thousands of conversations share their first messages
def words(text: str) -> frozenset[str]:
    """The words of a message, as the index keeps them."""
    return frozenset(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", text).lower()))


def _since(end: str, start: str = "created_at") -> Read:
    def read(row: Any) -> int | None:
        at = getattr(row, end)
        return None if at is None else at - getattr(row, start)

    return read


CONVERSATION = _table(
    number={"id": "id"},
    str={
        "title": "title",
        "state": "state",
        "priority": "priority",
        "channel_initiated": "source.type",
        "source.type": "source.type",
        "source.id": lambda row: str(row.first_part),
        "source.delivered_as": "source.delivered_as",
        "source.subject": "source.subject",
        "source.url": "source.url",
        "source.author.id": "author_id",
        "source.author.type": lambda row: "admin" if row.source.delivered_as == "admin_initiated" else "user",
        "source.author.name": _none,  # of a contact or admin: see `conversation_fields`
        "source.author.email": _none,
        "contact_ids": "contact_ids",
        "teammate_ids": lambda row: (str(row.admin),) if row.admin else (),
        "tag_ids": lambda row: tuple(str(tag[0]) for tag in row.tags),
        "statistics.last_closed_by_id": "last_closed_by",
        "conversation_rating.remark": _none,
        "conversation_rating.contact_id": lambda row: row.contact_ids[0] if row.rating else None,
        "conversation_rating.admin_d": lambda row: str(row.seeded[1]) if row.rating and row.seeded[1] else None,
        "ai_agent.resolution_state": "ai_state",
        "ai_agent.last_answer_type": lambda row: "ai_answer" if row.ai_state else None,
        "ai_agent.rating_remark": _none,
        "ai_agent.source_type": lambda row: "workflow" if row.ai_state else None,
        "ai_agent.source_title": lambda row: "Fin" if row.ai_state else None,
    },
    words={"source.body": "source.body"},
    int={
        "admin_assignee_id": "admin",
        "team_assignee_id": "team",
        "statistics.time_to_assignment": _since("first_assigned_at"),
        "statistics.time_to_admin_reply": _since("first_reply_at"),
        "statistics.time_to_first_close": _since("first_close_at"),
        "statistics.time_to_last_close": _since("last_close_at"),
        "statistics.median_time_to_reply": _since("first_reply_at"),
        "statistics.count_reopens": "reopens",
        "statistics.count_assignments": "assignments",
        "statistics.count_conversation_parts": "part_count",
        "conversation_rating.score": "rating",
        "ai_agent.rating": _none,
    },
    bool={
        "open": lambda row: row.state != "closed",  # a snoozed conversation is open
        "read": "read",
        "ai_agent_participated": lambda row: row.ai_state is not None,
    },
    date={
        "created_at": "created_at",
        "updated_at": "updated_at",
        "waiting_since": "waiting_since",
        "snoozed_until": "snoozed_until",
        "statistics.first_contact_reply_at": "created_at",
        "statistics.first_assignment_at": "first_assigned_at",
        "statistics.first_admin_reply_at": "first_reply_at",
        "statistics.first_close_at": "first_close_at",
        "statistics.last_assignment_at": "last_assigned_at",
        "statistics.last_assignment_admin_reply_at": "last_admin_reply_at",
        "statistics.last_contact_reply_at": "last_contact_reply_at",
        "statistics.last_admin_reply_at": "last_admin_reply_at",
        "statistics.last_close_at": "last_close_at",
        "conversation_rating.requested_at": lambda row: row.seeded[0] if row.rating else None,
        "conversation_rating.replied_at": lambda row: row.seeded[0] if row.rating else None,
    },
)

def conversation_fields(space: Workspace, version: int) -> dict[str, Field]:
    """The table for conversations with what other rows know: who wrote first, and priorities as `version` has them."""

    def author(row: Conversation) -> tuple[str | None, str | None]:
        return space.author("admin" if row.source.delivered_as == "admin_initiated" else "user", row.author_id)

    table = dict(CONVERSATION)
    table["source.author.name"] = Field("source.author.name", "str", lambda row: author(row)[0])
    table["source.author.email"] = Field("source.author.email", "str", lambda row: author(row)[1])
    if version < 216:
        table["priority"] = Field("priority", "str", lambda row: "not_priority" if row.priority == "none" else "priority")
    return table


MOBILE = (
    "ios_app_version",
    "ios_device",
    "ios_app_device",
    "ios_os_version",
    "ios_app_name",
    "ios_sdk_version",
    "android_app_version",
    "android_device",
    "android_app_name",
    "andoid_sdk_version",  # spelt so in the API
)

CONTACT = _table(
    id={"id": "id"},
    str={
        "role": "role",
        "name": "name",
        "avatar": "avatar",
        "owner_id": lambda row: None if row.owner_id is None else str(row.owner_id),
        "email": "email",
        "email_domain": lambda row: row.email.partition("@")[2] if row.email else None,
        "phone": "phone",
        "formatted_phone": "phone",
        "external_id": "external_id",
        "language_override": "language",
        "browser": "browser",
        "browser_language": "language",
        "os": "os",
        "location.country": "country",
        "location.region": "region",
        "location.city": "city",
        "segment_id": lambda row: ("seg-users",) if row.role == "user" else ("seg-leads",),
        **dict.fromkeys(MOBILE, _none),
    },
    tag={"tag_id": lambda row: _texts(row.tag_ids)},
    bool={
        "unsubscribed_from_emails": "unsubscribed",
        "marked_email_as_spam": "spam",
        "has_hard_bounced": "bounced",
    },
    day={
        "created_at": "created_at",
        "signed_up_at": "signed_up_at",
        "updated_at": "updated_at",
        "last_seen_at": "last_seen_at",
        "last_contacted_at": "last_contacted_at",
        "last_replied_at": "last_replied_at",
        "last_email_opened_at": _none,
        "last_email_clicked_at": _none,
        "ios_last_seen_at": _none,
        "android_last_seen_at": _none,
    },
)

TICKET = _table(
    number={"id": "id"},
    str={
        "title": lambda row: row.attributes.get("_default_title_"),
        "description": lambda row: row.attributes.get("_default_description_"),
        "category": lambda row: row.category_word,
        "ticket_type_id": lambda row: str(row.type_id),
        "contact_ids": "contact_ids",
        "teammate_ids": lambda row: (str(row.admin),) if row.admin else (),
        "admin_assignee_id": lambda row: str(row.admin),
        "team_assignee_id": lambda row: str(row.team),
        "state": lambda row: row.state_word,
    },
    bool={"open": "open"},
    date={"created_at": "created_at", "updated_at": "updated_at", "snoozed_until": "snoozed_until"},
)
