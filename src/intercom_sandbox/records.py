"""What the workspace stores: compact rows, rendered to JSON only when asked for.

100,000 conversations must stay small, so rows have slots, share their texts, and invent their first parts
when rendered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

EMPTY: dict[str, Any] = {}  # shared: never mutated, every write replaces the dict

# (tag id, applied at, applied by type, applied by id)
AppliedTag = tuple[int, int, str, str]


@dataclass(slots=True)
class Admin:
    """A teammate."""

    id: int
    name: str
    email: str
    team_ids: list[int] = field(default_factory=list)
    has_inbox_seat: bool = True
    away: bool = False
    reassign: bool = False


@dataclass(slots=True)
class Team:
    """A team inbox."""

    id: int
    name: str
    admin_ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Tag:
    """A tag; names are unique without regard to case."""

    id: int
    name: str


@dataclass(slots=True)
class Source:
    """The first message of a conversation; shared between rows but for its ids."""

    type: str
    delivered_as: str
    subject: str
    body: str
    url: str | None


@dataclass(slots=True)
class Part:
    """One event of a thread."""

    id: int
    type: str
    at: int
    author_type: str
    author_id: str
    body: str | None = None
    assigned_to: tuple[str, str] | None = None
    state: str = "open"
    details: dict[str, Any] | None = None
    attachments: list[dict[str, Any]] | None = None
    redacted: bool = False
    external_id: str | None = None


@dataclass(slots=True)
class Conversation:
    """A conversation. `parts` were written since the seed; `seeded_parts` earlier ones are invented.

    What those are made from must never change: `seeded` is (end of that history, admin, team, closed or not).
    """

    id: int
    created_at: int
    updated_at: int
    source: Source
    first_part: int
    seeded_parts: int
    contact_ids: tuple[str, ...]
    author_id: str
    state: str = "open"
    snoozed_until: int | None = None
    waiting_since: int | None = None
    read: bool = True
    title: str | None = None
    team: int | None = None
    admin: int | None = None
    priority: str = "none"
    tags: tuple[AppliedTag, ...] = ()
    attributes: dict[str, Any] = field(default_factory=lambda: EMPTY)
    company_id: str | None = None
    parts: list[Part] = field(default_factory=list)
    first_reply_at: int | None = None
    first_assigned_at: int | None = None
    first_close_at: int | None = None
    last_assigned_at: int | None = None
    last_contact_reply_at: int | None = None
    last_admin_reply_at: int | None = None
    last_close_at: int | None = None
    last_closed_by: str | None = None
    reopens: int = 0
    assignments: int = 0
    part_count: int = 0
    rating: int | None = None
    ai_state: str | None = None
    source_redacted: bool = False
    redacted: frozenset[int] = frozenset()
    ticket_id: int | None = None
    tracker_id: int | None = None
    merged_into: int | None = None
    merged_from: tuple[int, ...] = ()
    suspended: bool = False
    seeded: tuple[int, int, int, bool] = (0, 0, 0, False)


@dataclass(slots=True)
class Contact:
    """A user or lead."""

    id: str
    role: str
    created_at: int
    updated_at: int
    email: str | None = None
    external_id: str | None = None
    name: str | None = None
    phone: str | None = None
    avatar: str | None = None
    owner_id: int | None = None
    signed_up_at: int | None = None
    last_seen_at: int | None = None
    last_contacted_at: int | None = None
    last_replied_at: int | None = None
    unsubscribed: bool = False
    spam: bool = False
    bounced: bool = False
    language: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    browser: str | None = None
    os: str | None = None
    attributes: dict[str, Any] = field(default_factory=lambda: EMPTY)
    tag_ids: tuple[int, ...] = ()
    company_ids: tuple[str, ...] = ()
    notes: tuple[dict[str, Any], ...] = ()
    subscriptions: tuple[tuple[str, str], ...] = ()
    archived: bool = False
    blocked: bool = False
    merged_into: str | None = None


@dataclass(slots=True)
class Company:
    """A company: `id` is Intercom's, `company_id` the customer's own."""

    id: str
    company_id: str
    name: str
    created_at: int
    updated_at: int
    last_request_at: int | None = None
    remote_created_at: int | None = None
    monthly_spend: int = 0
    session_count: int = 0
    size: int | None = None
    website: str | None = None
    industry: str | None = None
    plan: str | None = None
    attributes: dict[str, Any] = field(default_factory=lambda: EMPTY)
    tag_ids: tuple[int, ...] = ()
    notes: tuple[dict[str, Any], ...] = ()
    user_count: int = 0
    gone_at: float | None = None


@dataclass(slots=True)
class Ticket:
    """A ticket: `id` is the API's, `ticket_id` the number that the inbox shows."""

    id: int
    ticket_id: int
    type_id: int
    state_id: int
    created_at: int
    updated_at: int
    contact_ids: tuple[str, ...]
    category_word: str = "request"  # what searches call the category
    state_word: str = "submitted"
    attributes: dict[str, Any] = field(default_factory=lambda: EMPTY)
    admin: int = 0
    team: int = 0
    open: bool = True
    snoozed_until: int | None = None
    shared: bool = False
    company_id: str | None = None
    tags: tuple[AppliedTag, ...] = ()
    parts: list[Part] = field(default_factory=list)
    linked: tuple[int, ...] = ()
    previous_state_id: int | None = None
    tracker_id: int | None = None
