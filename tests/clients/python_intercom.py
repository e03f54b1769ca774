"""Every call of the official Python SDK (`python-intercom`) that there is, each as a person would make it.

`python tests/clients/python_intercom.py URL` prints one JSON line for each: call, ok, why.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from intercom import Intercom
from intercom.conversations import ConversationsManageRequestBody_Close, CreateConversationRequestFrom
from intercom.conversations.types import AttachContactToConversationRequestCustomerIntercomUserId
from intercom.core.api_error import ApiError
from intercom.types import (
    AdminReplyConversationRequest,
    AdminReplyTicketRequest,
    CreateContactRequestWithEmail,
    CreateContactRequestWithRole,
    CreateDataEventRequestWithEmail,
    CreateOrUpdateCompanyRequest,
    CreateOrUpdateTagRequest,
    CreateTicketRequestContactsItemId,
    RedactConversationRequest_ConversationPart,
    SingleFilterSearchRequest,
    StartingAfterPaging,
)
from intercom.types.create_article_request import CreateArticleRequest

from intercom_sandbox import Sandbox


@dataclass
class Desk:
    """The SDK, the server's own side, and items to work on."""

    sdk: Intercom
    box: Sandbox
    conversation: str
    contact: str
    company: str
    ticket: str
    made: int = 0

    def lead(self) -> str:
        """A new lead, as each destructive call wants one."""
        return str(self.sdk.contacts.create(request=CreateContactRequestWithRole(role="lead")).id)

    def user(self) -> str:
        """A new user."""
        self.made += 1
        email = f"sdk-{self.made}-{time.time_ns()}@example.test"
        return str(self.sdk.contacts.create(request=CreateContactRequestWithEmail(email=email)).id)

    def part(self) -> str:
        """A new comment that can be redacted."""
        note = AdminReplyConversationRequest(message_type="note", type="admin", admin_id=self.box.admin_id, body="secret")
        said = self.sdk.conversations.reply(conversation_id=self.conversation, request=note)
        return str(said.conversation_parts.conversation_parts[-1].id)

    def tag(self) -> str:
        """A new tag."""
        self.made += 1
        return str(self.sdk.tags.create(request=CreateOrUpdateTagRequest(name=f"sdk {self.made} {time.time_ns()}")).id)


def where(field: str, value: Any, operator: str = "=") -> SingleFilterSearchRequest:
    return SingleFilterSearchRequest(field=field, operator=operator, value=value)


def article(d: Desk) -> int:
    return int(next(iter(d.sdk.articles.list())).id)


FIVE = StartingAfterPaging(per_page=5)
TICKET_CONTACT: Callable[[Desk], list[Any]] = lambda d: [CreateTicketRequestContactsItemId(id=d.contact)]  # noqa: E731


def customer(d: Desk, contact: str) -> Any:
    return AttachContactToConversationRequestCustomerIntercomUserId(intercom_user_id=contact)


def attached(d: Desk) -> str:
    """A contact that was just attached to the conversation."""
    one = d.lead()
    d.sdk.conversations.attach_contact_as_admin(conversation_id=d.conversation, admin_id=d.box.admin_id, customer=customer(d, one))
    return one


def employed(d: Desk) -> str:
    """A contact that was just attached to the company."""
    one = d.user()
    d.sdk.companies.attach_contact(contact_id=one, company_id=d.company)
    return one


def tagged(d: Desk, what: str) -> bool:
    """Tag the contact, conversation or ticket."""
    if what == "contact":
        d.sdk.tags.tag_contact(contact_id=d.contact, tag_id="7004")
    elif what == "ticket":
        d.sdk.tags.tag_ticket(ticket_id=d.ticket, tag_id="7004", admin_id=d.box.admin_id)
    else:
        d.sdk.tags.tag_conversation(conversation_id=d.conversation, tag_id="7004", admin_id=d.box.admin_id)
    return True


CALLS: dict[str, Callable[[Desk], Any]] = {
    "admins.identify": lambda d: d.sdk.admins.identify().app.id_code == d.box.workspace_id,
    "admins.list": lambda d: len(d.sdk.admins.list().admins) > 3,
    "admins.find": lambda d: d.sdk.admins.find(admin_id=int(d.box.admin_id)).name == "Ops Bot",
    "admins.away": lambda d: d.sdk.admins.away(
        admin_id=991267701, away_mode_enabled=True, away_mode_reassign=False).away_mode_enabled,
    "admins.list_all_activity_logs": lambda d: d.sdk.admins.list_all_activity_logs(created_at_after="1"),
    "companies.create_or_update": lambda d: d.sdk.companies.create_or_update(
        request=CreateOrUpdateCompanyRequest(company_id="sdk-1", name="SDK Ltd")).company_id == "sdk-1",
    "companies.retrieve": lambda d: d.sdk.companies.retrieve(per_page=5).data[0].id,
    "companies.list": lambda d: len(d.sdk.companies.list(page=1, per_page=5).items) == 5,
    "companies.scroll": lambda d: len(d.sdk.companies.scroll().items) > 5,
    "companies.find": lambda d: d.sdk.companies.find(company_id=d.company).id == d.company,
    "companies.update": lambda d: d.sdk.companies.update(company_id=d.company).id == d.company,
    "companies.attach_contact": lambda d: d.sdk.companies.attach_contact(contact_id=d.user(), company_id=d.company).id == d.company,
    "companies.detach_contact": lambda d: d.sdk.companies.detach_contact(
        contact_id=employed(d), company_id=d.company).id == d.company,
    "companies.list_attached_contacts": lambda d: d.sdk.companies.list_attached_contacts(company_id=d.company).data is not None,
    "companies.list_attached_segments": lambda d: d.sdk.companies.list_attached_segments(company_id=d.company).data == [],
    "companies.delete": lambda d: d.sdk.companies.delete(
        company_id=d.sdk.companies.create_or_update(request=CreateOrUpdateCompanyRequest(company_id="sdk-2")).id).deleted,
    "contacts.create": lambda d: d.user(),
    "contacts.list": lambda d: len(d.sdk.contacts.list(per_page=5).items) == 5,
    "contacts.search": lambda d: all(one.role == "user" for one in d.sdk.contacts.search(
        query=where("role", "user"), pagination=FIVE).items),
    "contacts.find": lambda d: d.sdk.contacts.find(contact_id=d.contact).id == d.contact,
    "contacts.show_contact_by_external_id": lambda d: d.sdk.contacts.show_contact_by_external_id(
        external_id=d.box.contacts(id=d.contact)[0]["external_id"]).id == d.contact,
    "contacts.update": lambda d: d.sdk.contacts.update(contact_id=d.contact, name="S. D. K.").name == "S. D. K.",
    "contacts.archive": lambda d: d.sdk.contacts.archive(contact_id=d.lead()).archived,
    "contacts.unarchive": lambda d: d.sdk.contacts.unarchive(contact_id=d.lead()).archived is False,
    "contacts.block_contact": lambda d: d.sdk.contacts.block_contact(contact_id=d.lead()).blocked,
    "contacts.delete": lambda d: d.sdk.contacts.delete(contact_id=d.lead()).deleted,
    "contacts.attach_subscription": lambda d: d.sdk.contacts.attach_subscription(
        contact_id=d.contact, subscription_id="37846", consent_type="opt_in").id == "37846",
    "contacts.detach_subscription": lambda d: d.sdk.contacts.detach_subscription(
        contact_id=d.contact, subscription_id="37846").id == "37846",
    "contacts.list_attached_companies": lambda d: len(d.sdk.contacts.list_attached_companies(contact_id=d.contact).items) > 0,
    "contacts.list_attached_segments": lambda d: d.sdk.contacts.list_attached_segments(contact_id=d.contact).data[0].name,
    "contacts.list_attached_subscriptions": lambda d: d.sdk.contacts.list_attached_subscriptions(contact_id=d.contact).data is not None,
    "contacts.list_attached_tags": lambda d: d.sdk.contacts.list_attached_tags(contact_id=d.contact).data is not None,
    "contacts.merge_lead_in_user": lambda d: d.sdk.contacts.merge_lead_in_user(
        lead_id=d.lead(), contact_id=d.contact, request_options={"additional_body_parameters": {"skip_duplicate_validation": True}}).id,
    "conversations.create": lambda d: d.sdk.conversations.create(
        from_=CreateConversationRequestFrom(type="user", id=d.contact), body="Hello").conversation_id,
    "conversations.list": lambda d: len(d.sdk.conversations.list(per_page=5).items) == 5,
    "conversations.search": lambda d: all(one.state == "open" for one in d.sdk.conversations.search(
        query=where("state", "open"), pagination=FIVE).items),
    "conversations.find": lambda d: d.sdk.conversations.find(conversation_id=d.conversation).id == d.conversation,
    "conversations.update": lambda d: d.sdk.conversations.update(conversation_id=d.conversation, read=True).read,
    "conversations.manage": lambda d: d.sdk.conversations.manage(conversation_id=d.conversation, request=(
        ConversationsManageRequestBody_Close(admin_id=d.box.admin_id, type="admin"))).state == "closed",
    "conversations.reply": lambda d: d.part(),
    "conversations.redact_conversation_part": lambda d: d.sdk.conversations.redact_conversation_part(
        request=RedactConversationRequest_ConversationPart(conversation_id=d.conversation, conversation_part_id=d.part())).id,
    "conversations.convert_to_ticket": lambda d: d.sdk.conversations.convert_to_ticket(
        conversation_id=int(d.box.add_conversations(1)[0]), ticket_type_id="101").id,
    "conversations.attach_contact_as_admin": lambda d: attached(d),
    "conversations.detach_contact_as_admin": lambda d: d.sdk.conversations.detach_contact_as_admin(
        conversation_id=d.conversation, contact_id=attached(d), admin_id=d.box.admin_id) is not None,
    "conversations.delete_conversation": lambda d: d.sdk.conversations.delete_conversation(
        conversation_id=int(d.box.add_conversations(1)[0])).deleted,
    "conversations.run_assignment_rules": lambda d: d.sdk.conversations.run_assignment_rules(conversation_id=d.conversation),
    "data_attributes.list": lambda d: len(d.sdk.data_attributes.list(model="contact").data) > 4,
    "data_attributes.create": lambda d: d.sdk.data_attributes.create(
        request={"name": f"sdk{time.time_ns()}", "model": "contact", "data_type": "string"}).name,
    "data_attributes.update": lambda d: d.sdk.data_attributes.update(
        data_attribute_id=next(one.id for one in d.sdk.data_attributes.list(model="contact").data if one.custom),
        request={"description": "changed"}).description == "changed",
    "events.create": lambda d: d.sdk.events.create(
        request=CreateDataEventRequestWithEmail(event_name="seen", created_at=1_700_000_000, email="sdk@example.test")) is None,
    "events.list": lambda d: d.sdk.events.list(type="user", email="sdk@example.test"),
    "events.summaries": lambda d: d.sdk.events.summaries(user_id="1"),
    "jobs.status": lambda d: d.sdk.jobs.status(
        job_id=d.sdk.tickets.enqueue_create_ticket(ticket_type_id="101", contacts=TICKET_CONTACT(d)).id).status,
    "notes.create": lambda d: d.sdk.notes.create(contact_id=d.contact, body="kept", admin_id=d.box.admin_id).body == "<p>kept</p>",
    "notes.list": lambda d: d.sdk.notes.create(contact_id=d.contact, body="one") and d.sdk.notes.list(contact_id=d.contact).items,
    "notes.find": lambda d: d.sdk.notes.find(note_id=int(d.sdk.notes.create(contact_id=d.contact, body="x").id)).body,
    "segments.list": lambda d: d.sdk.segments.list(include_count=True).segments[0].count > 0,
    "segments.find": lambda d: d.sdk.segments.find(segment_id="seg-leads").name == "All leads",
    "subscription_types.list": lambda d: len(d.sdk.subscription_types.list().data) == 3,
    "tags.list": lambda d: len(d.sdk.tags.list().data) > 10,
    "tags.find": lambda d: d.sdk.tags.find(tag_id="7001").name == "vip",
    "tags.create": lambda d: d.tag(),
    "tags.delete": lambda d: d.sdk.tags.delete(tag_id=d.tag()) is None,
    "tags.tag_contact": lambda d: d.sdk.tags.tag_contact(contact_id=d.contact, tag_id="7004").name == "incident",
    "tags.untag_contact": lambda d: tagged(d, "contact") and d.sdk.tags.untag_contact(contact_id=d.contact, tag_id="7004").id == "7004",
    "tags.tag_conversation": lambda d: d.sdk.tags.tag_conversation(
        conversation_id=d.conversation, tag_id="7004", admin_id=d.box.admin_id).name == "incident",
    "tags.untag_conversation": lambda d: tagged(d, "conversation") and d.sdk.tags.untag_conversation(
        conversation_id=d.conversation, tag_id="7004", admin_id=d.box.admin_id).id == "7004",
    "tags.tag_ticket": lambda d: d.sdk.tags.tag_ticket(ticket_id=d.ticket, tag_id="7004", admin_id=d.box.admin_id).name == "incident",
    "tags.untag_ticket": lambda d: tagged(d, "ticket") and d.sdk.tags.untag_ticket(
        ticket_id=d.ticket, tag_id="7004", admin_id=d.box.admin_id).id == "7004",
    "teams.list": lambda d: {team.name for team in d.sdk.teams.list().teams} >= {"Support", "Billing"},
    "teams.find": lambda d: d.sdk.teams.find(team_id="5001").name == "Support",
    "ticket_states.list_ticket_states": lambda d: len(d.sdk.ticket_states.list_ticket_states().data) == 4,
    "ticket_types.list": lambda d: len(d.sdk.ticket_types.list().data) == 3,
    "ticket_types.get": lambda d: d.sdk.ticket_types.get(ticket_type_id="101").name == "Bug report",
    "ticket_types.create": lambda d: d.sdk.ticket_types.create(request={"name": "new"}),
    "ticket_types.update": lambda d: d.sdk.ticket_types.update(ticket_type_id="101", name="other"),
    "tickets.create": lambda d: d.sdk.tickets.create(ticket_type_id="101", contacts=TICKET_CONTACT(d)).category == "Customer",
    "tickets.enqueue_create_ticket": lambda d: d.sdk.tickets.enqueue_create_ticket(
        ticket_type_id="101", contacts=TICKET_CONTACT(d)).resource_type == "ticket",
    "tickets.get": lambda d: d.sdk.tickets.get(ticket_id=d.ticket).id == d.ticket,
    "tickets.search": lambda d: all(one.category == "Customer" for one in d.sdk.tickets.search(query=where("category", "request")).items),
    "tickets.reply": lambda d: d.sdk.tickets.reply(ticket_id=d.ticket, request=AdminReplyTicketRequest(
        message_type="note", type="admin", admin_id=d.box.admin_id, body="from the SDK")).body == "from the SDK",
    "tickets.update": lambda d: d.sdk.tickets.update(ticket_id=d.ticket, open=False).open is False,
    "tickets.delete_ticket": lambda d: d.sdk.tickets.delete_ticket(
        ticket_id=d.sdk.tickets.create(ticket_type_id="101", contacts=TICKET_CONTACT(d)).id).deleted,
    "messages.create": lambda d: d.sdk.messages.create(request=None),
    "visitors.find": lambda d: d.sdk.visitors.find(user_id="1"),
    "away_status_reasons.list_away_status_reasons": lambda d: d.sdk.away_status_reasons.list_away_status_reasons(),
    "calls.list_calls": lambda d: d.sdk.calls.list_calls().data,
    "articles.list": lambda d: d.sdk.articles.list().items,
    "articles.find": lambda d: d.sdk.articles.find(article_id=article(d)).title,
    "articles.search": lambda d: d.sdk.articles.search(phrase="started").total_count,
    "articles.create": lambda d: d.sdk.articles.create(request=CreateArticleRequest(title="Made", author_id=1)).title == "Made",
    "articles.update": lambda d: d.sdk.articles.update(article_id=article(d), state="draft").state == "draft",
    "articles.delete": lambda d: d.sdk.articles.delete(article_id=article(d)).deleted,
    "help_centers.list": lambda d: d.sdk.help_centers.list().items,
    "internal_articles.list_internal_articles": lambda d: d.sdk.internal_articles.list_internal_articles(),
    "ai_content.list_external_pages": lambda d: d.sdk.ai_content.list_external_pages(),
    "data_export.find": lambda d: d.sdk.data_export.find(job_identifier="1"),
    "export.list_available_datasets_and_attributes": lambda d: d.sdk.export.list_available_datasets_and_attributes(),
    "custom_object_instances.get": lambda d: d.sdk.custom_object_instances.get_custom_object_instances_by_external_id(
        custom_object_type_identifier="Order", external_id="1"),
    "ip_allowlist.get_ip_allowlist": lambda d: d.sdk.ip_allowlist.get_ip_allowlist(),
    "phone_call_redirects.create": lambda d: d.sdk.phone_call_redirects.create(request={"phone": "+14155550100"}),
}  # fmt: skip


def desk(box: Sandbox, http: httpx.Client) -> Desk:
    """The SDK before a sandbox."""
    contact = next(row for row in box.contacts(role="user") if row["companies"])
    return Desk(
        sdk=Intercom(token=box.token, base_url=box.url, httpx_client=http),
        box=box,
        conversation=box.conversations(team=5001, state="open")[0]["id"],
        contact=contact["id"],
        company=contact["companies"][0],
        ticket=box.tickets(type=101)[0]["id"],
    )


def outcome(d: Desk, name: str) -> str:
    """ok, not simulated, or what went wrong."""
    try:
        return "ok" if CALLS[name](d) else "an unexpected answer"
    except ApiError as error:
        return "not simulated" if error.status_code == 501 else f"{error.status_code}: {error.body}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main() -> Iterator[str]:
    """One line for each call."""
    with httpx.Client(timeout=30) as http:
        d = desk(Sandbox(sys.argv[1]), http)
        for name in CALLS:
            found = outcome(d, name)
            yield json.dumps({"call": name, "ok": found == "ok", "why": "" if found == "ok" else found[:300]})


if __name__ == "__main__":
    for line in main():
        print(line, flush=True)
