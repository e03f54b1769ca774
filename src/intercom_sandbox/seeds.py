"""The seeded workspace: the same seed and epoch give the same rows.

Team 5001 "Support" holds about 60 % of the conversations; about 55 % of those are open, 35 % closed, 10 %
snoozed. Of the others about 30 % are open, 60 % closed, 10 % snoozed. Dates spread over the 400 days before
the epoch.
"""

from __future__ import annotations

import random

from intercom_sandbox.records import (
    EMPTY,
    AppliedTag,
    Company,
    Contact,
    Conversation,
    Source,
    Ticket,
)
from intercom_sandbox.seed_schema import ADMINS, TAGS, TEAMS, people, schema
from intercom_sandbox.settings import Settings
from intercom_sandbox.workspace import ADMIN_ID, Workspace

DAY = 86_400
SUBJECTS = (
    "",
    "",
    "",
    "Invoice question",
    "Login problem",
    "Export fails",
    "Upgrade to the team plan",
    "Outage?",
)
OPENINGS = (
    "I cannot sign in since this morning",
    "The export of our report stops half way",
    "We were charged twice this month",
    "Is there an outage at the moment",
    "How do I add a colleague to our account",
    "The app is very slow today",
    "Please cancel our subscription",
    "I would like to upgrade to the team plan",
    "The webhook has stopped sending events",
    "My password reset mail does not arrive",
)
DETAILS = (
    "I have tried it in two browsers and on my phone, and I always see the same message.",
    "It worked yesterday, and nothing has changed on our side as far as I know.",
    "Could you have a look and tell me what I should do next? We need support with this soon.",
    "Our account number is in my profile, and I can send screenshots if that helps you.",
    "This is urgent for us, because our own customers are waiting for the result.",
)
FIRST = (
    "Ada",
    "Bo",
    "Carmen",
    "Dmitri",
    "Esi",
    "Felix",
    "Gita",
    "Hugo",
    "Ines",
    "Jun",
    "Kofi",
    "Lena",
    "Mo",
    "Nia",
)
LAST = (
    "Abara",
    "Berg",
    "Costa",
    "Diaz",
    "Evans",
    "Fischer",
    "Gupta",
    "Hansen",
    "Ito",
    "Jensen",
    "Kaya",
    "Lopez",
)
PLACES = (
    ("United States", "California", "San Francisco"),
    ("Germany", "Berlin", "Berlin"),
    ("Japan", "Tokyo", "Tokyo"),
)
INDUSTRIES = ("Software", "Retail", "Education", "Health", "Logistics")
PLANS = ("free", "pro", "enterprise")
CHANNELS = (("conversation", "customer_initiated"),) * 5 + (
    ("email", "customer_initiated"),
    ("email", "customer_initiated"),
    ("whatsapp", "customer_initiated"),
    ("conversation", "admin_initiated"),
    ("facebook", "customer_initiated"),
)
WEIGHTS = (("open", 55), ("closed", 35), ("snoozed", 10)), (("open", 30), ("closed", 60), ("snoozed", 10))


def seed(space: Workspace, settings: Settings) -> None:
    """Fill an empty workspace."""
    chance = random.Random(settings.seed)
    people(space)
    schema(space)
    contacts = settings.contacts or min(20_000, max(60, settings.conversations // 5))
    _companies(space, chance, settings.companies or max(12, contacts // 20))
    _contacts(space, chance, contacts)
    add_conversations(space, chance, settings.conversations, {})
    _tickets(space, chance, settings.tickets or min(5_000, max(20, settings.conversations // 10)))


def hex_id(number: int, at: int) -> str:
    """A 24-digit hexadecimal id, as contacts and companies have."""
    return f"{at & 0xFFFFFFFF:08x}{number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF:016x}"


def _companies(space: Workspace, chance: random.Random, count: int) -> None:
    for number in range(count):
        at = space.epoch - chance.randrange(30 * DAY, 900 * DAY)
        row = Company(
            id=hex_id(number + 1_000_000, at),
            company_id=f"acme-{number:05d}",
            name=f"{chance.choice(LAST)} {chance.choice(('Ltd', 'GmbH', 'Inc', 'Labs'))} {number}",
            created_at=at,
            updated_at=at + chance.randrange(25 * DAY),
            last_request_at=space.epoch - chance.randrange(60 * DAY),
            remote_created_at=at,
            monthly_spend=chance.randrange(0, 5_000, 50),
            session_count=chance.randrange(500),
            size=chance.choice((5, 20, 100, 1_000)),
            website=f"https://acme-{number:05d}.test",
            industry=chance.choice(INDUSTRIES),
            plan=chance.choice(PLANS),
            attributes={"tier": chance.choice(("gold", "silver", "bronze"))},
        )
        space.companies[row.id] = row


def _contacts(space: Workspace, chance: random.Random, count: int) -> None:
    companies = list(space.companies.values())
    attributes = [{"plan": plan, "seats": seats, "paid_subscriber": plan != "free"} for plan in PLANS for seats in (1, 5, 25)]
    for number in range(count):
        at = space.epoch - chance.randrange(20 * DAY, 700 * DAY)
        role = "lead" if chance.random() < 0.2 else "user"
        first, last = chance.choice(FIRST), chance.choice(LAST)
        country, region, city = chance.choice(PLACES)
        owner = companies[chance.randrange(len(companies))] if role == "user" and chance.random() < 0.8 else None
        row = Contact(
            id=hex_id(number, at),
            role=role,
            created_at=at,
            updated_at=at + chance.randrange(15 * DAY),
            email=f"{first}.{last}.{number}@example.test".lower() if role == "user" or number % 2 else None,
            external_id=f"user-{number:06d}" if role == "user" else None,
            name=f"{first} {last}",
            phone=f"+1415555{number % 10_000:04d}" if number % 3 == 0 else None,
            owner_id=chance.choice(ADMINS)[0] if number % 4 == 0 else None,
            signed_up_at=at if role == "user" else None,
            last_seen_at=space.epoch - chance.randrange(120 * DAY) if number % 9 else None,
            last_contacted_at=space.epoch - chance.randrange(90 * DAY) if number % 5 == 0 else None,
            last_replied_at=space.epoch - chance.randrange(60 * DAY) if number % 6 == 0 else None,
            unsubscribed=number % 11 == 0,
            spam=number % 29 == 7,
            bounced=number % 13 == 5 and (role == "user" or number % 2 == 1),
            language="en",
            country=country,
            region=region,
            city=city,
            browser="firefox" if number % 2 else "chrome",
            os="Windows 10",
            attributes=attributes[chance.randrange(len(attributes))],
            tag_ids=(7_001 + chance.randrange(len(TAGS)),) if number % 7 == 0 else (),
            company_ids=(owner.id,) if owner else (),
        )
        if owner:
            owner.user_count += 1
        space.contacts.rows[row.id] = row


def _sources(chance: random.Random) -> list[Source]:
    made = []
    for _ in range(400):
        kind, delivered = chance.choice(CHANNELS)
        text = f"<p>{chance.choice(OPENINGS)}.</p><p>{chance.choice(DETAILS)} {chance.choice(DETAILS)}</p>"
        subject = chance.choice(SUBJECTS) if kind == "email" else ""
        url = "https://app.example.test/reports" if kind == "conversation" else None
        made.append(Source(kind, delivered, subject, text, url))
    return made


def add_conversations(space: Workspace, chance: random.Random, count: int, fields: dict[str, object]) -> list[Conversation]:
    """Add conversations as the seed does; `fields` are set on each of them (e.g. team=5001, state="open")."""
    contacts = [row for row in space.contacts.rows.values() if row.merged_into is None]
    sources = _sources(chance)
    attributes = [EMPTY, EMPTY, {"issue_type": "Billing"}, {"issue_type": "Bug", "reviewed": True}]
    ages = sorted((int(chance.random() ** 2 * 395 * DAY) + 3600 for _ in range(count)), reverse=True)
    admins = [key for key, _, _, _ in ADMINS]
    made: list[Conversation] = []
    for number in range(count):
        at = space.epoch - ages[number]
        space.next_conversation += chance.randrange(3, 12)
        source = sources[chance.randrange(len(sources))]
        contact = contacts[chance.randrange(len(contacts))] if contacts else None
        admin = admins[chance.randrange(len(admins))] if chance.random() < 0.6 else None
        draw = chance.random()
        team = 5001 if draw < 0.6 else (None, 5002, 5002, 5003, 5003, 5004, 5004, 5005)[int((draw - 0.6) * 20)]
        until = min(ages[number] - 600, chance.randrange(20 * DAY) + 600)
        space.next_part += 8
        row = Conversation(
            id=space.next_conversation,
            created_at=at,
            updated_at=at + max(until, 60),
            source=source,
            first_part=space.next_part - 7,
            seeded_parts=chance.randrange(3, 6),
            contact_ids=(contact.id,) if contact else (),
            author_id=str(admin or ADMIN_ID) if source.delivered_as == "admin_initiated" else contact.id if contact else "",
            state=_pick(chance, WEIGHTS[0 if team == 5001 else 1]),
            read=chance.random() < 0.7,
            title=OPENINGS[number % len(OPENINGS)] if number % 3 == 0 else None,
            team=team,
            admin=admin,
            priority=("none", "none", "none", "low", "medium", "high", "urgent")[number % 7],
            attributes=attributes[number % len(attributes)],
            company_id=contact.company_ids[0] if contact and contact.company_ids else None,
            ai_state=("assumed_resolution", "escalated")[number % 2] if number % 5 == 0 else None,
        )
        for name, value in fields.items():
            setattr(row, name, value)
        _history(space, chance, row)
        space.conversations.rows[row.id] = row
        made.append(row)
        if row.state == "snoozed":
            space.snooze(row)
    space.conversations.forget()
    return made


def _history(space: Workspace, chance: random.Random, row: Conversation) -> None:
    """Dates, tags and counts that fit the state."""
    start, end = row.created_at, row.updated_at
    span = max(1, end - start)
    row.part_count = row.seeded_parts
    row.seeded = (end, row.admin or 0, row.team or 0, row.state == "closed")
    row.first_assigned_at = row.last_assigned_at = start + span // 6
    row.assignments = 1
    row.first_reply_at = start + span // 4
    row.last_admin_reply_at = start + span // 2
    row.last_contact_reply_at = start + span * 2 // 3
    if row.state == "closed":
        row.first_close_at = row.last_close_at = end
        row.last_closed_by = str(row.admin or ADMIN_ID)
        row.rating = chance.choice((None, None, None, 3, 4, 5))
        row.read = True
    elif row.state == "snoozed":
        row.snoozed_until = row.snoozed_until or space.epoch + chance.randrange(1, 15) * DAY
    elif chance.random() < 0.5:
        row.waiting_since = row.last_contact_reply_at
    if not row.tags and chance.random() < 0.35:
        count = chance.choice((1, 1, 2, 3))
        chosen = sorted(chance.sample(range(len(TAGS)), count))
        tags: list[AppliedTag] = [(7_001 + index, end, "admin", str(row.admin or ADMIN_ID)) for index in chosen]
        row.tags = tuple(tags)


def _pick(chance: random.Random, weights: tuple[tuple[str, int], ...]) -> str:
    draw = chance.randrange(100)
    for name, weight in weights:
        draw -= weight
        if draw < 0:
            return name
    return weights[-1][0]


def _tickets(space: Workspace, chance: random.Random, count: int) -> None:
    contacts = [row.id for row in space.contacts.rows.values() if row.role == "user"]
    words = {"Customer": "request", "Back-office": "task", "Tracker": "tracker"}
    for number in range(count):
        kind = space.ticket_types[(101, 101, 101, 102, 103)[number % 5]]
        states = [state for state in space.ticket_states.values() if kind.id in state.type_ids]
        state = states[chance.randrange(len(states))]
        at = space.epoch - chance.randrange(DAY, 300 * DAY)
        key = 600_000 + number
        space.tickets.rows[key] = Ticket(
            id=key,
            ticket_id=number + 1,
            type_id=kind.id,
            state_id=state.id,
            created_at=at,
            updated_at=at + chance.randrange(DAY),
            contact_ids=(contacts[chance.randrange(len(contacts))],) if contacts else (),
            category_word=words[kind.category],
            state_word=state.category,
            attributes={
                "_default_title_": chance.choice(OPENINGS),
                "_default_description_": chance.choice(DETAILS),
                "severity": chance.choice(("low", "high")),
            },
            admin=chance.choice(ADMINS)[0] if number % 2 else 0,
            team=chance.choice(TEAMS)[0] if number % 3 else 0,
            open=state.category != "resolved",
            shared=kind.category == "Customer",
        )
