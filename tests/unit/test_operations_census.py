"""Every operation there is can be asked everything that a run asks, with whatever the API shows."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import intercom_bulk_updater.operations.conversations.restore
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.api.messages import Request, Response
from intercom_bulk_updater.errors import IntercomBulkError
from intercom_bulk_updater.model import Item, Reversibility
from intercom_bulk_updater.operations.companies import delete as company_delete
from intercom_bulk_updater.operations.companies import note as company_note
from intercom_bulk_updater.operations.companies import set as company_set
from intercom_bulk_updater.operations.companies import tags as company_tags
from intercom_bulk_updater.operations.companies import upsert as company_upsert
from intercom_bulk_updater.operations.companies.export import ExportCompanies
from intercom_bulk_updater.operations.contacts import companies, delete, lifecycle, merge, subscriptions, upsert
from intercom_bulk_updater.operations.contacts import note as contact_note
from intercom_bulk_updater.operations.contacts import set as contact_set
from intercom_bulk_updater.operations.contacts import tags as contact_tags
from intercom_bulk_updater.operations.contacts.export import ExportContacts
from intercom_bulk_updater.operations.conversations.assign import Assign
from intercom_bulk_updater.operations.conversations.convert import Convert
from intercom_bulk_updater.operations.conversations.delete import Delete
from intercom_bulk_updater.operations.conversations.export import ExportConversations
from intercom_bulk_updater.operations.conversations.merge import Merge
from intercom_bulk_updater.operations.conversations.messages import Note, Reply
from intercom_bulk_updater.operations.conversations.redact import Redact
from intercom_bulk_updater.operations.conversations.restore import Restore
from intercom_bulk_updater.operations.conversations.tags import Tag, Untag
from intercom_bulk_updater.operations.conversations.verbs import Close, Open, Set, Snooze
from intercom_bulk_updater.operations.each import Each
from intercom_bulk_updater.operations.endings import NothingChanged
from intercom_bulk_updater.operations.field_values import MISSING
from intercom_bulk_updater.operations.fields import Undo
from intercom_bulk_updater.operations.operation import Operation
from intercom_bulk_updater.operations.per_item import PerItemOperation
from intercom_bulk_updater.operations.seen_by_customers import has_no_way_back, seen_by_customers
from intercom_bulk_updater.operations.tickets import assign as tickets_assign
from intercom_bulk_updater.operations.tickets import delete as tickets_delete
from intercom_bulk_updater.operations.tickets import links
from intercom_bulk_updater.operations.tickets import messages as tickets_messages
from intercom_bulk_updater.operations.tickets import set as tickets_set
from intercom_bulk_updater.operations.tickets import state as tickets_state
from intercom_bulk_updater.operations.tickets import tags as tickets_tags
from intercom_bulk_updater.operations.tickets.export import ExportTickets
from intercom_bulk_updater.operations.upsert import UndoUpsert
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.stop import Stop

FILES = TemporaryDirectory()
"""For what operations write beside Intercom."""
SINCE = 1_764_000_000.0
FIELDS = ("state", "snoozed_until", "admin_assignee_id", "team_assignee_id", "tags", "title", "custom_attributes.plan")
PAYLOAD: dict[str, Any] = {
    "type": "conversation", "id": "1", "deleted": False, "state": "open", "snoozed_until": None, "updated_at": 1_763_000_000,
    "title": "Before", "admin_assignee_id": 7, "team_assignee_id": "5001", "custom_attributes": {"plan": "basic"},
    "contacts": {"contacts": [{"id": "c1"}]}, "ticket": None, "linked_objects": {"data": []},
    "source": {"id": "10", "body": "<p>Help</p>", "author": {"type": "user", "id": "c1"}},
    "tags": {"tags": [{"id": "7001", "name": "vip", "applied_at": 1_762_000_000}]},
    "conversation_parts": {
        "total_count": 1,
        "conversation_parts": [
            {"id": "11", "part_type": "comment", "body": "<p>Hi</p>", "created_at": 1_763_000_000, "author": {"type": "user", "id": "c1"}}
        ],
    },
}  # fmt: skip
CONTACT: dict[str, Any] = {
    "type": "contact", "id": "1", "name": "Ada", "updated_at": 1_763_000_000, "deleted": False, "merged_into": None,
    "tags": {"type": "list", "data": [{"type": "tag", "id": "7001"}], "total_count": 1, "has_more": False},
    "companies": {"type": "list", "data": [{"type": "company", "id": "5"}], "total_count": 1, "has_more": False},
    "subscriptions": {"type": "list", "data": [{"type": "subscription", "id": "8"}], "total_count": 1, "has_more": False},
    "notes": {"type": "list", "data": [], "total_count": 0, "has_more": False},
}  # fmt: skip
TICKET: dict[str, Any] = {
    "type": "ticket", "id": "1", "deleted": False, "open": True, "snoozed_until": None, "updated_at": 1_763_000_000, "admin_assignee_id": 7,
    "team_assignee_id": 5001, "ticket_state": {"id": "8501"}, "ticket_type": {"id": "101"}, "is_shared": True,
    "ticket_attributes": {"severity": "low"}, "linked_objects": {"data": [], "has_more": False},
    "ticket_parts": {"total_count": 0, "ticket_parts": []}, "tags": {"tags": []},
}  # fmt: skip
SET = tickets_set.Set({"101": {"values": {"severity": "high"}, "refused": {}}})
COMPANY: dict[str, Any] = {
    "type": "company", "id": "1", "company_id": "1", "name": "Ada", "updated_at": 1_763_000_000, "deleted": False,
    "plan": {"id": "9", "name": "Basic"},
    "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "7001"}]}, "custom_attributes": {"plan": "basic"},
}  # fmt: skip
OPERATIONS: list[Operation] = [
    Close(), Close("Bye"), Open(), Snooze(2_000_000_000), Assign(team="5002"), Assign(admin="8", team="5002", keep_state=True),
    Tag(["7002"]), Untag(["7001"]), Set({"title": "After", "custom_attributes.plan": "pro"}), Reply("Hello"), Note("Hello"),
    Restore(FIELDS, "close"), PerItemOperation(lambda given: Tag([given.get("tag", "7002")]), {}, "tag"),
    contact_tags.Tag(["7002"]), contact_tags.Untag(["7001"]), Undo(contact_tags.Tag(["7002"])), Undo(Undo(contact_tags.Untag(["7002"]))),
    company_tags.Tag(["7002"]), company_tags.Untag(["7001"]), Undo(company_tags.Tag(["7002"])), Undo(company_tags.Untag(["7002"])),
    company_set.Set({"plan": "Pro", "size": None, "custom_attributes.plan": "pro"}), company_note.Note("Hello"), company_delete.Delete(),
    lifecycle.Archive(), lifecycle.Unarchive(), lifecycle.Block(), contact_note.Note("Hello"),
    contact_set.Set({"name": "Bo"}),
    Convert({"ticket_type_id": "101"}, "Bug report (101)"), Redact(everything=True), Merge("2"), Delete(), tickets_delete.Delete(),
    SET, Undo(SET), tickets_assign.Assign(team="5002", admin="0"), tickets_state.Close({"101": "8504"}, "Resolved"), tickets_state.Open(),
    tickets_tags.Tag(["7002"]), tickets_tags.Untag(["7002"]), Undo(tickets_tags.Tag(["7002"])), tickets_messages.Reply("Hello"),
    tickets_messages.Note("Hello"), links.Link(["5"]), links.Unlink(["5"]),
    companies.AttachCompany(["6"]), companies.DetachCompany(["5"]),
    subscriptions.Subscribe(["9"]), subscriptions.Unsubscribe(["8"], None, ["8"]), delete.Delete(), merge.Merge("2"),
    Each("PUT", "articles/{{id}}", '{"state": "draft"}'),
    company_upsert.UpsertCompanies({"name": "Bo"}, "company_id"), UndoUpsert(company_upsert.UpsertCompanies({"name": "Bo"}, "company_id")),
    upsert.UpsertContacts({"name": "Bo"}, "external_id"), UndoUpsert(upsert.UpsertContacts({"name": "Bo"}, "external_id")),
    *(kind(f"{FILES.name}/{kind.__name__}") for kind in (ExportCompanies, ExportContacts, ExportConversations, ExportTickets)),
]  # fmt: skip
BEFORE = {
    "state": "closed", "snoozed_until": None, "admin_assignee_id": 0, "team_assignee_id": 5001, "tags": ["7002"], "title": "Left",
    "custom_attributes.plan": "pro", "contact": "there", "company": "there", "name": "Bo",
}  # fmt: skip
DATA = {
    "to": {**BEFORE, "state": "open", "tags": ["7001"], "title": "Before", "custom_attributes.plan": "basic", "name": "Ada"},
    "marks": {"updated_at": 1_763_000_000, "part": "11", "applied": {"7002": 1_763_000_000}}, "as_of": 1_763_000_000, "by": "7",
}  # fmt: skip


class Shows:
    """A transport that answers every request with one payload."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.payload = payload

    def send(self, request: Request) -> Response:
        """The payload."""
        return Response(200, {}, json.dumps(self.payload).encode())

    def close(self) -> None:
        """Nothing to close."""


def client(shown: Mapping[str, Any]) -> Client:
    """A client to which the server shows this."""
    return Client(Shows(shown), RateLimiter(Budget(), Stop()), admin_id="7")


def payload(operation: Operation) -> dict[str, Any]:
    """An item of the operation's resource."""
    return {"contacts": CONTACT, "companies": COMPANY, "tickets": TICKET}.get(operation.resource, PAYLOAD)


def turns_back(operation: Operation) -> bool:
    """Whether it is a way back."""
    return isinstance(operation, Restore | Undo)


def items(operation: Operation) -> list[Item]:
    """An item as a run has it: fresh, read, planned, to be undone, in doubt, in doubt about an undo."""
    before = BEFORE if turns_back(operation) else operation.capture(payload(operation))
    fresh = Item(1, "1", before, DATA if turns_back(operation) else None, sent_at=SINCE)
    unsure = replace(fresh, data={**DATA, "unsure": True}, doubt=True)
    return [fresh, replace(fresh, doubt=True), unsure, Item(1, "1")]


def test_every_operation_is_in_the_census() -> None:
    """A new operation is asked below as well."""
    found = {cls for cls in _below(Operation) if cls.__module__.startswith("intercom_bulk_updater.operations")}
    verbs = {cls for cls in found if not inspect.isabstract(cls) and not cls.__name__.startswith("_")}
    assert {cls for cls in verbs if cls.summary or not cls.__subclasses__()} <= {type(one) for one in OPERATIONS}


def _below(cls: type) -> set[type]:
    return {cls, *(one for sub in cls.__subclasses__() for one in _below(sub))}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{type(one).__name__}-{one.describe()}")
def test_an_operation_answers_whatever_a_run_asks(operation: Operation) -> None:
    """Image, change, look, drift, after-image and action: each is there, for items that are fresh, undone or in doubt."""
    shown = payload(operation)
    asks = client(shown)
    assert operation.capture(shown) is not None
    for item in items(operation):
        change = operation.change(item)
        assert change is None or all(len(pair) == 2 for pair in change.values())
        assert operation.read(asks, "1") == shown
        assert operation.stands(shown, item, since=SINCE, client=asks) in (True, False, None)
        assert isinstance(operation.drift(shown, item), str) and isinstance(operation.touched(shown, item), str)
        left = operation.left(shown, item, since=SINCE, client=asks)
        assert left is not None and set(operation.fields) <= left.keys()
    inverse = operation.inverse()
    assert inverse is not None or operation.why_no_undo()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{type(one).__name__}-{one.describe()}")
def test_the_after_image_of_a_look_is_that_of_an_answer(operation: Operation) -> None:
    """Of an item that is as wanted already, what a look leaves has the fields that acting leaves: an undo goes by both."""
    item = items(operation)[0]
    changes = {name: new for name, (_, new) in (operation.change(item) or {}).items()}
    wanted: dict[str, Any] = DATA["to"] if turns_back(operation) else changes
    shows = copy.deepcopy(payload(operation))
    for name, value in wanted.items():
        if name == "tags":
            key = "data" if operation.resource == "contacts" else "tags"
            shows["tags"] = {key: [{"id": tag, "name": tag, "applied_at": int(SINCE) + 5} for tag in value]}
        elif name.startswith("custom_attributes."):
            shows["custom_attributes"] = {"plan": value}
        elif name.startswith("ticket_attributes."):
            shows["ticket_attributes"] = {"severity": value}
        elif name in ("ticket_state", "ticket_type"):
            shows[name] = {"id": value}
        elif name in ("linked", "merged_with"):
            shows["linked_objects"] = {"data": [{"type": "conversation", "id": one} for one in value]}
            shows["state"] = "closed"
        elif name == "texts":
            shows["source"]["redacted"] = shows["conversation_parts"]["conversation_parts"][0]["redacted"] = True
        elif name in shows:
            shows[name] = value
    done = operation.perform(client(shows), item, shows) if not operation.appends and not getattr(operation, "body", "") else None
    left = operation.left(shows, item, since=SINCE, client=client(shows))
    for field in operation.fields if done is not None else ():
        assert left is not None and done[field] == left[field]


assert intercom_bulk_updater.operations.conversations.restore  # imported for its class


class Writes(Shows):
    """Shows one payload, and keeps what is written."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        super().__init__(payload)
        self.seen: list[bool | None] = []
        self.final: list[str] = []

    def send(self, request: Request) -> Response:
        """The payload. Of a write it is kept whether `each` would say that customers see it, and that nothing takes it back."""
        if request.method != "GET":
            self.final += [request.method] if has_no_way_back(request.method, request.path, request.json) else []
            self.seen.append(seen_by_customers(request.method, request.path, request.json))
        return super().send(request)


@pytest.mark.parametrize("operation", [
    *(one for one in OPERATIONS if not isinstance(one, Each)), tickets_set.Set({}, shared=True), tickets_set.Set({}, shared=False),
], ids=lambda one: f"{type(one).__name__}-{one.describe()}")  # fmt: skip
def test_each_says_of_the_requests_of_a_verb_what_the_verb_says(operation: Operation) -> None:
    """Whether customers see them: some request of it where they see the verb, and none where they do not. And the way back."""
    shown = {**payload(operation), "is_shared": not operation.parameters.get("shared")}
    transport = Writes(shown)
    asks = Client(transport, RateLimiter(Budget(), Stop()), admin_id="7")
    one = replace(items(operation)[0], before=None)
    if isinstance(operation, UndoUpsert):
        one = replace(one, data={"to": {operation.upsert.existence: MISSING}})
    with suppress(IntercomBulkError, NothingChanged):  # the payload is no real answer; what was sent counts
        operation.perform(asks, one, None)
    assert any(transport.seen) is bool(operation.customer_visible) and None not in transport.seen
    none = operation.reversibility is Reversibility.IRREVERSIBLE
    # A verb may delete what another request makes again (a tag of a contact); of one that is written by hand that is not known.
    assert bool(transport.final) if none else set(transport.final) <= {"DELETE"}
