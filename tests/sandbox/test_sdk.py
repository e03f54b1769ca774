"""The official SDK (`python-intercom`) as an independent client of the sandbox."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from intercom import Intercom
from intercom.conversations import (
    ConversationsManageRequestBody_Assignment,
    ConversationsManageRequestBody_Close,
    ConversationsManageRequestBody_Open,
    ConversationsManageRequestBody_Snoozed,
)
from intercom.core.api_error import ApiError
from intercom.errors import NotFoundError, UnauthorizedError
from intercom.types import (
    AdminReplyConversationRequest,
    CreateContactRequestWithEmail,
    CreateOrUpdateTagRequest,
    MultipleFilterSearchRequest,
    SingleFilterSearchRequest,
    StartingAfterPaging,
    TagMultipleUsersRequest,
    TagMultipleUsersRequestUsersItem,
)

from intercom_sandbox import running

sys.path.insert(0, str(Path(__file__).parents[1] / "clients"))
import python_intercom as calls

NOT_SIMULATED = {
    "admins.list_all_activity_logs", "ai_content.list_external_pages",
    "away_status_reasons.list_away_status_reasons", "calls.list_calls", "conversations.run_assignment_rules",
    "custom_object_instances.get", "data_export.find", "events.list", "events.summaries",
    "export.list_available_datasets_and_attributes", "help_centers.list", "internal_articles.list_internal_articles",
    "ip_allowlist.get_ip_allowlist", "messages.create", "phone_call_redirects.create", "ticket_types.create",
    "ticket_types.update", "visitors.find",
}  # fmt: skip


@pytest.fixture(scope="module")
def desk():
    with running(conversations=200) as box, httpx.Client(timeout=30) as http:
        yield calls.desk(box, http)


@pytest.mark.parametrize("name", calls.CALLS)
def test_every_call_of_the_sdk(desk, name):
    """Each call works and gives what it should, or is refused as not simulated, by a list that is all of them."""
    assert calls.outcome(desk, name) == ("not simulated" if name in NOT_SIMULATED else "ok")


def test_no_call_of_what_is_simulated_is_left_out(desk):
    """Every public method of the SDK for what the sandbox simulates is among the calls."""
    simulated = {name.partition(".")[0] for name in set(calls.CALLS) - NOT_SIMULATED}
    offered = {
        f"{service}.{name}"
        for service in simulated
        for name, method in inspect.getmembers(type(getattr(desk.sdk, service)), inspect.isfunction)
        if not name.startswith("_")
    }
    assert offered == {name for name in calls.CALLS if name.partition(".")[0] in simulated}


@pytest.fixture
def sdk(box) -> Iterator[Intercom]:
    with httpx.Client(timeout=30) as http:
        yield Intercom(token=box.token, base_url=box.url, httpx_client=http)


def where(field, value, operator="="):
    return SingleFilterSearchRequest(field=field, operator=operator, value=value)


def test_it_identifies_itself_and_lists_people(sdk, box):
    """Me, admins, teams, tags parse into the SDK's models."""
    me = sdk.admins.identify()
    assert (me.id, me.app.id_code) == (box.admin_id, box.workspace_id)
    assert {team.name for team in sdk.teams.list().teams} >= {"Support", "Billing", "Onboarding", "VIP desk"}
    assert any(admin.name == "Ops Bot" for admin in sdk.admins.list().admins)
    assert {tag.name for tag in sdk.tags.list().data} >= {"vip", "incident", "stale"}


def test_it_searches_conversations_and_contacts(sdk, box):
    """A search with a group and paging gives typed conversations; contacts and tickets likewise."""
    query = MultipleFilterSearchRequest(operator="AND", value=[where("team_assignee_id", 5001), where("state", "open")])
    page = sdk.conversations.search(query=query, pagination=StartingAfterPaging(per_page=10))
    assert len(page.items) == 10 and all(item.team_assignee_id == 5001 for item in page.items)
    contacts = sdk.contacts.search(query=where("role", "user"), pagination=StartingAfterPaging(per_page=5))
    assert all(contact.role == "user" for contact in contacts.items)
    tickets = sdk.tickets.search(query=where("category", "request"))
    assert all(ticket.category == "Customer" for ticket in tickets.items)


def test_it_manages_a_conversation(sdk, box):
    """Close, open, snooze, assign, reply, tag, untag, attributes and read-back through the SDK."""
    key = box.conversations(team=5001, state="open")[0]["id"]

    def manage(request):
        return sdk.conversations.manage(conversation_id=key, request=request)

    admin = box.admin_id
    closed = manage(ConversationsManageRequestBody_Close(admin_id=admin, type="admin"))
    assert closed.state == "closed"
    assert closed.conversation_parts.conversation_parts[-1].part_type == "close"
    assert manage(ConversationsManageRequestBody_Open(admin_id=admin)).state == "open"
    snoozed = manage(ConversationsManageRequestBody_Snoozed(admin_id=admin, snoozed_until=4102444800))
    assert (snoozed.state, snoozed.open) == ("snoozed", True)
    assigned = manage(ConversationsManageRequestBody_Assignment(admin_id=admin, type="team", assignee_id="5002"))
    assert assigned.team_assignee_id == 5002
    note = AdminReplyConversationRequest(message_type="note", type="admin", admin_id=admin, body="from the SDK")
    replied = sdk.conversations.reply(conversation_id=key, request=note)
    assert replied.conversation_parts.conversation_parts[-1].body == "from the SDK"
    assert sdk.tags.tag_conversation(conversation_id=key, tag_id="7004", admin_id=admin).name == "incident"
    assert sdk.tags.untag_conversation(conversation_id=key, tag_id="7004", admin_id=admin).id == "7004"
    sdk.conversations.update(conversation_id=key, custom_attributes={"issue_type": "Bug"})
    assert box.conversation(key)["custom_attributes"]["issue_type"] == "Bug"


def test_it_writes_contacts_and_tags_many(sdk, box):
    """Create, update, archive a contact; POST /tags tags several at once."""
    made = sdk.contacts.create(request=CreateContactRequestWithEmail(email="sdk@example.test"))
    assert sdk.contacts.update(contact_id=made.id, name="S. D. K.").name == "S. D. K."
    users = [TagMultipleUsersRequestUsersItem(id=made.id)]
    sdk.tags.create(request=TagMultipleUsersRequest(name="from the sdk", users=users))
    assert [tag.name for tag in sdk.contacts.list_attached_tags(contact_id=made.id).data] == ["from the sdk"]
    assert sdk.tags.create(request=CreateOrUpdateTagRequest(name="alone")).name == "alone"
    assert sdk.contacts.archive(contact_id=made.id).archived


def test_it_lists_companies(sdk):
    """A page of companies by number."""
    page = sdk.companies.list(page=1, per_page=5)
    assert len(page.items) == 5 and all(company.name for company in page.items)


def test_it_understands_the_errors(sdk, box):
    """404 and 401 become the SDK's own exceptions, a 429 its ApiError."""
    with pytest.raises(NotFoundError):
        sdk.conversations.find(conversation_id="1")
    with httpx.Client() as http, pytest.raises(UnauthorizedError):
        Intercom(token="wrong", base_url=box.url, httpx_client=http).admins.list()
    box.fault("limit", path="/teams")
    with pytest.raises(ApiError) as refused:
        sdk.teams.list(request_options={"max_retries": 0})
    assert refused.value.status_code == 429
