"""The part that is the same for every seed: admins, teams, tags, attributes, ticket types and states."""

from __future__ import annotations

from intercom_sandbox.records import Admin, Tag, Team
from intercom_sandbox.workspace import ADMIN_ID, Attribute, TicketAttribute, TicketState, TicketType, Workspace

ADMINS = (
    (ADMIN_ID, "Ops Bot", "ops@sandbox.test", (5001,)),
    (991267701, "Amira Haddad", "amira@sandbox.test", (5001, 5004)),
    (991267702, "Ben Okafor", "ben@sandbox.test", (5001,)),
    (991267703, "Chloe Martin", "chloe@sandbox.test", (5001, 5002)),
    (991267704, "Dai Nakamura", "dai@sandbox.test", (5002,)),
    (991267705, "Elena Rossi", "elena@sandbox.test", (5003,)),
    (991267706, "Farid Rahimi", "farid@sandbox.test", (5003, 5001)),
    (991267707, "Greta Lindqvist", "greta@sandbox.test", (5004,)),
)
TEAMS = (
    (5001, "Support"),
    (5002, "Billing"),
    (5003, "Onboarding"),
    (5004, "VIP desk"),
    (5005, "Night shift"),
)
TAGS = (
    "vip", "billing", "bug", "incident", "stale", "feature request", "refund", "onboarding", "churn risk",
    "spam", "waiting for customer", "escalated",
)  # fmt: skip

# Attributes that every ticket type has (0), and those of a type alone: of two types that call an attribute alike, the entries differ.
TICKET_ATTRIBUTES = {
    0: tuple(TicketAttribute(9_001 + place, name) for place, name in enumerate(("_default_title_", "_default_description_", "severity"))),
    101: (
        TicketAttribute(9_004, "urgency", "list", (("de1825a0-0164-4070", "Low"), ("0b7e2f11-8c52-41aa", "High"))),
        TicketAttribute(9_005, "affected_users", "integer"),
        TicketAttribute(9_006, "reproducible", "boolean"),
        TicketAttribute(9_007, "due_at", "datetime"),
    ),
    102: (
        TicketAttribute(9_008, "urgency", "list", (("77aa01c3-5d1e-4f0b", "Low"), ("c4f0e9d2-6b3a-4e55", "High"))),
        TicketAttribute(9_009, "cost", "decimal"),
    ),
}


def people(space: Workspace) -> None:
    """Admins (one has left and has no inbox seat), teams and tags."""
    for key, name, email, teams in ADMINS:
        space.admins[key] = Admin(key, name, email, list(teams))
    space.admins[991267708] = Admin(991267708, "Hana Left", "hana@sandbox.test", [], has_inbox_seat=False)
    for number, name in TEAMS:
        members = [key for key, _, _, teams in ADMINS if number in teams]
        space.teams[number] = Team(number, name, members)
    for number, name in enumerate(TAGS):
        space.tags[7_001 + number] = Tag(7_001 + number, name)


def schema(space: Workspace) -> None:
    """Custom attributes, ticket types and their states."""
    for number, (model, name, kind, options, description) in enumerate(
        (
            ("conversation", "issue_type", "list", ("Billing", "Bug", "Question", "Feature"), "What the customer writes about"),
            ("conversation", "order_id", "string", (), "Order number, as the shop writes it"),
            ("conversation", "refund_amount", "integer", (), "Refund in cents"),
            ("conversation", "reviewed", "boolean", (), "Whether a lead has looked at it"),
            ("contact", "plan", "string", (), "Plan of the subscription"),
            ("contact", "seats", "integer", (), "Seats that are paid for"),
            ("contact", "paid_subscriber", "boolean", (), "Whether any invoice was paid"),
            ("contact", "renews_at", "date", (), "Day on which the subscription renews"),
            ("company", "tier", "string", (), "Level of the support contract"),
            ("company", "contract_value", "integer", (), "Value of the contract in a year"),
        )
    ):
        at = space.epoch - 86_400 * (700 - 31 * number) + 4_321 * number
        row = Attribute(8_101 + number, name, kind, options, description, created_at=at, updated_at=at + 86_400 * (number % 4))
        space.attributes[model][name] = row
    for key, name, category in (
        (101, "Bug report", "Customer"),
        (102, "Internal task", "Back-office"),
        (103, "Incident", "Tracker"),
    ):
        own = {one.name: one for one in (*TICKET_ATTRIBUTES[0], *TICKET_ATTRIBUTES.get(key, ()))}
        space.ticket_types[key] = TicketType(key, name, category, own)
    for key, category, label in (
        (8501, "submitted", "Submitted"),
        (8502, "in_progress", "In progress"),
        (8503, "waiting_on_customer", "Waiting on you"),
        (8504, "resolved", "Resolved"),
    ):
        types = (101,) if category == "waiting_on_customer" else (101, 102, 103)
        space.ticket_states[key] = TicketState(key, category, label, label, types)
