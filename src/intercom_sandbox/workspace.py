"""The workspace: all rows, the counters for new ids, and look-ups that answer in the API's words."""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from intercom_sandbox.ledger import Ledger
from intercom_sandbox.problems import Problem, not_found, number
from intercom_sandbox.records import Admin, Company, Contact, Conversation, Tag, Team, Ticket
from intercom_sandbox.settings import Settings
from intercom_sandbox.table import Table

ADMIN_ID = 991267700  # the token's own admin, "Ops Bot"
WORKSPACE_ID = "sandbox1"
OPERATOR_ID = 991267799  # the bot that authors attribute parts

# Searchable types of custom attributes: name -> (kind of the API, kind of the search)
ATTRIBUTE_KINDS = {
    "string": "str",
    "integer": "int",
    "float": "int",
    "boolean": "bool",
    "date": "date",
    "list": "str",
}

SUBSCRIPTIONS = {  # id -> (name, consent type)
    "37846": ("Newsletter", "opt_in"),
    "37847": ("Product updates", "opt_out"),
    "37848": ("Incident notices", "opt_out"),
}


@dataclass(slots=True)
class Attribute:
    """A custom attribute of a model; `options` of a list."""

    id: int
    name: str
    kind: str
    options: tuple[str, ...] = ()
    description: str = ""
    created_at: int = 0
    updated_at: int = 0
    archived: bool = False


@dataclass(slots=True)
class TicketState:
    """A state that tickets of some types may have."""

    id: int
    category: str
    label: str
    external: str
    type_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TicketAttribute:
    """An attribute of a ticket type; `options` of a list: the id of each entry and what it is called."""

    id: int
    name: str
    kind: str = "string"
    options: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class TicketType:
    """A ticket type, its attributes by name. `category` is Customer, Back-office or Tracker."""

    id: int
    name: str
    category: str
    attributes: dict[str, TicketAttribute] = field(default_factory=dict)


@dataclass(slots=True)
class Job:
    """An asynchronous job; done when the clock passes `ready_at`."""

    id: int
    ready_at: float
    kind: str
    resource_id: str | None = None
    tasks: list[dict[str, Any]] = field(default_factory=list)


class Workspace:
    """The state of the simulated workspace. One thread only: the server's."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.admins: dict[int, Admin] = {}
        self.teams: dict[int, Team] = {}
        self.tags: dict[int, Tag] = {}
        self.ticket_types: dict[int, TicketType] = {}
        self.ticket_states: dict[int, TicketState] = {}
        self.attributes: dict[str, dict[str, Attribute]] = {"conversation": {}, "contact": {}, "company": {}}
        clock = self.now
        self.conversations: Table[Conversation] = Table(lambda: settings.index_lag, clock)
        self.contacts: Table[Contact] = Table(lambda: settings.contact_lag, clock)
        self.tickets: Table[Ticket] = Table(lambda: settings.index_lag, clock)
        self.companies: dict[str, Company] = {}
        self.deleted: list[dict[str, Any]] = []  # deleted conversations, oldest first
        self.jobs: dict[int, Job] = {}
        self.scrolls: dict[str, Any] = {}
        self.events: dict[tuple[str, str, int], dict[str, Any]] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        self.articles: dict[str, dict[str, Any]] = {}
        self.articles_seeded = False
        self.gone: set[str] = set()  # ids of deleted contacts and tickets
        self.snoozes: list[tuple[int, int]] = []  # heap of (until, conversation id)
        self.ids = itertools.count(7_000_000)
        self.next_part = 20_000_000
        self.next_conversation = 215_470_000_000_000
        self.ledger = Ledger()
        self.epoch = settings.epoch or int(time.time()) // 3600 * 3600

    def now(self) -> float:
        """Server time, Unix seconds."""
        return time.time() + self.settings.clock_skew

    def stamp(self) -> int:
        """Server time in whole seconds, as the API writes it."""
        return int(self.now())

    def part_id(self) -> int:
        """A new part id: always larger than all before."""
        self.next_part += 1
        return self.next_part

    def wrote(self, kind: str, row: Any) -> None:
        """Count a committed write of the API, for the audit."""
        self.ledger.wrote(kind, row)

    # Look-ups
    def item(self, resource: str, text: str) -> tuple[Any, Any] | None:
        """(table, row) of an item by the name of its resource in paths and its id; None when there is none."""
        tables: dict[str, Any] = {"conversations": self.conversations, "tickets": self.tickets, "contacts": self.contacts}
        table = tables.get(resource)
        if table is None:
            row: Any = self.companies.get(text) if resource == "companies" else None
            return None if row is None else (self.companies, row)
        row = table.rows.get(text if resource == "contacts" else number(text))
        return None if row is None else (table, row)

    def conversation(self, text: str, message: str = "Resource Not Found") -> Conversation:
        """The conversation of that id. Raises Problem 404."""
        found = self.conversations.rows.get(number(text))
        if found is None:
            raise not_found(message)
        return found

    def admin(self, value: Any, code: str = "admin_not_found", message: str = "Admin not found") -> Admin:
        """The admin of that id, given as a number or string. Raises Problem 404."""
        found = self.admins.get(number(value) or 0)
        if found is None:
            raise Problem(404, code, message)
        return found

    def tag(self, value: Any, code: str = "not_found", message: str = "Resource Not Found") -> Tag:
        """The tag of that id. Raises Problem 404."""
        found = self.tags.get(number(value) or 0)
        if found is None:
            raise Problem(404, code, message)
        return found

    def tag_named(self, name: str) -> Tag | None:
        """The tag of that name; names ignore case."""
        folded = name.strip().lower()
        return next((tag for tag in self.tags.values() if tag.name.lower() == folded), None)

    def contact(self, text: Any, message: str = "User Not Found") -> Contact:
        """The live contact of that id. Raises Problem 404."""
        found = self.contacts.rows.get(str(text))
        if found is None or found.merged_into is not None:
            raise not_found(message)
        return found

    def company(self, text: Any) -> Company:
        """The company of that Intercom id. Raises Problem 404."""
        found = self.companies.get(str(text))
        if found is None or not self._is_here(found):
            raise not_found("Company Not Found", "company_not_found")
        return found

    def companies_of(self, row: Contact) -> list[Company]:
        """The companies that a contact is in; one that is deleted has none."""
        found = (self.companies.get(key) for key in row.company_ids)
        return [one for one in found if one is not None and self._is_here(one)]

    def _is_here(self, company: Company) -> bool:
        return company.gone_at is None or company.gone_at > self.now()

    def ticket(self, text: str, code: str = "not_found", message: str = "Resource Not Found") -> Ticket:
        """The ticket of that id (not of its `ticket_id`). Raises Problem 404."""
        found = self.tickets.rows.get(number(text))
        if found is None:
            raise Problem(404, code, message)
        return found

    def author(self, kind: str, author_id: str) -> tuple[str | None, str | None]:
        """(name, email) of an author of a part."""
        if kind == "admin":
            admin = self.admins.get(number(author_id) or 0)
            return (admin.name, admin.email) if admin else (None, None)
        if kind == "bot":
            return "Fin", f"operator+{WORKSPACE_ID}@intercom.io"
        contact = self.contacts.rows.get(author_id)
        return (contact.name, contact.email) if contact else (None, None)

    # Time passing
    def snooze(self, row: Conversation) -> None:
        """Remember when to wake it."""
        if row.snoozed_until is not None:
            heapq.heappush(self.snoozes, (row.snoozed_until, row.id))

    def due_snoozes(self) -> list[Conversation]:
        """Conversations whose snooze has ended by now."""
        due: list[Conversation] = []
        now = self.now()
        while self.snoozes and self.snoozes[0][0] <= now:
            until, key = heapq.heappop(self.snoozes)
            row = self.conversations.rows.get(key)
            if row is not None and row.state == "snoozed" and row.snoozed_until == until:
                due.append(row)
        return due
