"""Companies and tickets: lists by page URL, the scroll, asynchronous ends, the ticket's own rules."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from intercom_sandbox import running


def get_url(box, url):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.request("GET", f"{parts.path}?{parts.query}", headers={"Authorization": f"Bearer {box.token}", "Accept": "*/*"})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return body


def test_lists_page_by_url(api, box):
    """`next` is a URL that can be fetched as it stands, null on the last page."""
    page = api("GET", "/companies?per_page=5").json
    seen, total = [row["id"] for row in page["data"]], page["total_count"]
    while page["pages"]["next"]:
        page = get_url(box, page["pages"]["next"])
        seen += [row["id"] for row in page["data"]]
    assert len(seen) == len(set(seen)) == total


def test_the_cap_is_an_empty_page_without_an_error(caller):
    """Beyond companies_cap a page is empty, its total_count 0, its status 200."""
    with running(conversations=20, companies=30, contacts=300, companies_cap=10) as box:
        api = caller(box)
        beyond = api("POST", "/companies/list?per_page=5&page=3")
        assert beyond.status == 200
        assert (beyond.json["data"], beyond.json["total_count"]) == ([], 0)


def test_one_scroll_for_each_app(caller):
    """A second scroll is scroll_exists; it ends with an empty page; an idle one dies."""
    with running(conversations=20, companies=130, contacts=2000, other_tokens=["second"]) as box:
        api = caller(box)
        first = api("GET", "/companies/scroll").json
        assert len(first["data"]) == 100 and first["pages"] is None and first["total_count"] is None
        assert api("GET", "/companies/scroll").code == "scroll_exists"
        assert api("GET", "/companies/scroll", Authorization="Bearer second").status == 200
        path = f"/companies/scroll?scroll_param={first['scroll_param']}"
        assert len(api("GET", path).json["data"]) == 30
        assert api("GET", path).json["data"] == []
        assert api("GET", "/companies/scroll").status == 200
        box.control(scroll_seconds=0.0)
        assert api("GET", "/companies/scroll").status == 200


def test_upsert_update_and_delayed_delete(api, box):
    """POST updates by company_id; a delete is accepted at once and done later; no users, no listing."""
    made = api("POST", "/companies", {"company_id": "c1", "name": "One", "monthly_spend": 9.7}).json
    assert made["monthly_spend"] == 9
    assert api("POST", "/companies", {"company_id": "c1", "name": "Two"}).json["id"] == made["id"]
    assert api("PUT", f"/companies/{made['id']}", {"custom_attributes": {"tier": "gold"}}).status == 200
    assert api("POST", "/companies", {"name": "No id"}).message == "bad 'company_id' parameter"
    assert made["id"] not in [row["id"] for row in api("POST", "/companies/list?per_page=60").json["data"]]
    box.control(job_seconds=60.0)
    listed = api("GET", "/companies").json["data"][0]["id"]
    assert api("DELETE", f"/companies/{listed}").json["deleted"] is True
    assert api("GET", f"/companies/{listed}").status == 200
    box.control(clock_skew=120.0)
    assert api("GET", f"/companies/{listed}").code == "company_not_found"
    companies = [{"id": made["id"]}]
    tagged = api("POST", "/tags", {"name": "vip", "companies": companies}).json["companies"]
    assert tagged == [{"id": made["id"], "tagged": True}]


@pytest.fixture
def ticket(api):
    """An open customer ticket."""
    body = {"query": {"field": "category", "operator": "=", "value": "request"}}
    found = api("POST", "/tickets/search", body).json["tickets"]
    return next(row for row in found if row["open"])


def test_ticket_search_words_and_types(api):
    """The category word is request, task or tracker; admin_assignee_id is a string here."""
    for word, category in (("request", "Customer"), ("task", "Back-office"), ("tracker", "Tracker")):
        body = {"query": {"field": "category", "operator": "=", "value": word}}
        assert {row["category"] for row in api("POST", "/tickets/search", body).json["tickets"]} == {category}
    body = {"query": {"field": "admin_assignee_id", "operator": ">", "value": "1"}}
    assert api("POST", "/tickets/search", body).status == 400


def test_ticket_updates(api, ticket):
    """State, assignee, attributes, open; unknown assignees, admins and states have their codes."""
    path = f"/tickets/{ticket['id']}"
    after = api("PUT", path, {"ticket_state_id": "8504", "assignee_id": "991267701"}).json
    assert (after["ticket_state"]["category"], after["open"]) == ("resolved", False)
    assert after["admin_assignee_id"] == 991267701
    assert after["previous_ticket_state_id"] == ticket["ticket_state"]["id"]
    assert api("PUT", path, {"assignee_id": "0"}).json["admin_assignee_id"] == 0
    assert api("PUT", path, {"open": True}).json["open"] is True
    for body, status, code in (
        ({"assignee_id": "1"}, 404, "assignee_not_found"),
        ({"admin_id": 1}, 404, "assignee_not_found"),
        ({"ticket_state_id": "1"}, 400, "ticket_state_id_invalid"),
        ({"ticket_attributes": {"nothing": 1}}, 400, "parameter_invalid"),
    ):
        answer = api("PUT", path, body)
        assert (answer.status, answer.code) == (status, code)


def test_ticket_replies_tags_and_types(api, box, ticket):
    """Users may not reply on back-office tickets; tags and change_type have their codes."""
    path = f"/tickets/{ticket['id']}"
    body = {"message_type": "comment", "type": "admin", "admin_id": box.admin_id, "body": "hello"}
    assert api("POST", f"{path}/reply", body).json["part_type"] == "comment"
    task = api("POST", "/tickets/search", {"query": {"field": "category", "operator": "=", "value": "task"}})
    contact = ticket["contacts"]["contacts"][0]["id"]
    user = {"message_type": "comment", "type": "user", "intercom_user_id": contact, "body": "hello"}
    refused = api("POST", f"/tickets/{task.json['tickets'][0]['id']}/reply", user)
    assert (refused.status, refused.code) == (400, "parameter_mismatch")
    admin = {"admin_id": box.admin_id}
    assert api("POST", "/tickets/1/tags", {"id": "7001", **admin}).code == "ticket_not_found"
    assert api("POST", f"{path}/tags", {"id": "1", **admin}).code == "tag_not_found"
    assert api("POST", f"{path}/tags", {"id": "7001", **admin}).status == 200
    assert api("DELETE", f"{path}/tags/7001", admin).status == 200
    assert api("DELETE", f"{path}/tags/7001", admin).status == 404
    same = api("POST", f"{path}/change_type", {"ticket_type_id": "101", "ticket_state_id": "8501"})
    assert same.message == "Cannot change to the same ticket type"


def test_queued_tickets_and_deletes(api, box, ticket):
    """A queued ticket is pending, then success with its id; a deleted ticket is 404."""
    box.control(job_seconds=60.0)
    contact = ticket["contacts"]["contacts"][0]["id"]
    job = api("POST", "/tickets/enqueue", {"ticket_type_id": 101, "contacts": [{"id": contact}]}).json
    assert (job["status"], job["resource_id"]) == ("pending", None)
    box.control(clock_skew=120.0)
    done = api("GET", f"/jobs/status/{job['id']}").json
    assert done["status"] == "success"
    assert api("GET", f"/tickets/{done['resource_id']}").status == 200
    assert api("GET", "/jobs/status/1").code == "job_not_found"
    assert api("DELETE", f"/tickets/{ticket['id']}").json["deleted"] is True
    assert api("GET", f"/tickets/{ticket['id']}").status == 404


def test_trackers_link_conversations(api, box):
    """Only tracker tickets link, a conversation has one tracker and names it, and it can be unlinked."""
    found = {
        word: api("POST", "/tickets/search", {"query": {"field": "category", "operator": "=", "value": word}})
        for word in ("request", "tracker")
    }
    one = {"conversation_id": api.walk()[0]}
    wrong = api("POST", f"/tickets/{found['request'].json['tickets'][0]['id']}/linked_conversations", one)
    assert wrong.code == "invalid_ticket_type"
    tracker = found["tracker"].json["tickets"][0]["id"]
    path = f"/tickets/{tracker}/linked_conversations"
    assert api("POST", path, {}).message == "conversation_id not specified"
    assert api("POST", path, {"conversation_id": "1"}).code == "conversation_not_found"
    linked = api("POST", path, one).json["linked_objects"]
    assert linked["data"] == [{"type": "ticket", "id": tracker, "category": "Tracker"}] and linked["total_count"] == 1
    assert api("GET", f"/tickets/{tracker}").json["linked_objects"]["data"][0]["id"] == one["conversation_id"]
    assert api("POST", path, one).code == "already_linked_to_tracker"
    assert api("DELETE", f"{path}/{one['conversation_id']}").json["linked_objects"]["total_count"] == 0
    again = api("DELETE", f"{path}/{one['conversation_id']}")
    assert (again.status, again.message) == (404, "Conversation is not linked to this ticket")


def test_events_are_accepted_and_deduplicated(api):
    """202 without a body; without a person it is 400."""
    body = {"event_name": "ordered", "created_at": 1700000000, "user_id": "user-000001"}
    answer = api("POST", "/events", body)
    assert (answer.status, answer.raw) == (202, b"")
    assert api("POST", "/events", {"event_name": "ordered", "created_at": 1}).status == 400


def test_ticket_attributes_have_the_types_of_their_ticket_type(api, ticket):
    """A list takes the id of an entry, of its own type alone; each change is a part of the bot; what does not fit is 400."""
    path = f"/tickets/{ticket['id']}"
    kinds = {one["id"]: one for one in api("GET", "/ticket_types").json["data"]}

    def options(kind):
        named = {one["name"]: one for one in kinds[kind]["ticket_type_attributes"]["data"]}
        return {one["label"]: one["id"] for one in named["urgency"]["input_options"]["list_options"]}

    assert options("101").keys() == options("102").keys() and options("101") != options("102")
    good = {"urgency": options("101")["High"], "affected_users": 3, "reproducible": False, "due_at": 1_800_000_000, "severity": None}
    after = api("PUT", path, {"ticket_attributes": good}).json
    assert after["ticket_attributes"].items() >= good.items()
    parts = after["ticket_parts"]["ticket_parts"][-5:]
    assert {(part["part_type"], part["author"]["type"]) for part in parts} == {("ticket_attribute_updated_by_admin", "bot")}
    wrong = {"urgency": "High", "affected_users": "3", "reproducible": 1, "due_at": "tomorrow", "severity": 5, "cost": 1.5}
    for name, value in {**wrong, "urgency": options("102")["High"]}.items():
        assert api("PUT", path, {"ticket_attributes": {name: value}}).code == "parameter_invalid"


def test_what_a_ticket_shows_is_a_switch(api, box, ticket):
    """Tags are absent, as in the contract, or shown; a list shows the id of its entry or its name."""
    path, admin = f"/tickets/{ticket['id']}", {"admin_id": box.admin_id}
    api("POST", f"{path}/tags", {"id": "7001", **admin})
    assert "tags" not in api("GET", path).json and 7001 in box.tickets(tag=7001)[0]["tags"]
    box.control(ticket_tags="shown", ticket_list_values="label")
    api("PUT", path, {"ticket_attributes": {"urgency": "0b7e2f11-8c52-41aa"}})
    shown = api("GET", path).json
    assert [tag["id"] for tag in shown["tags"]["tags"]] == ["7001"] and shown["ticket_attributes"]["urgency"] == "High"


def test_a_ticket_is_unassigned_as_a_switch_says_and_wakes(api, box, ticket):
    """assignee_id=0 takes both away, or the admin alone; a reply ends the snooze, a snooze in the past is none."""
    path = f"/tickets/{ticket['id']}"
    for switch, team in (("both", 0), ("admin", 5002)):
        box.control(ticket_unassign=switch)
        api("PUT", path, {"assignee_id": "5002"})
        after = api("PUT", path, {"assignee_id": "991267701"}).json
        assert (after["admin_assignee_id"], after["team_assignee_id"]) == (991267701, 5002)
        after = api("PUT", path, {"assignee_id": "0"}).json
        assert (after["admin_assignee_id"], after["team_assignee_id"]) == (0, team)
    assert api("PUT", path, {"snoozed_until": 2_000_000_000}).json["snoozed_until"] == 2_000_000_000
    note = {"message_type": "note", "type": "admin", "admin_id": box.admin_id, "body": "x"}
    api("POST", f"{path}/reply", note)
    assert api("GET", path).json["snoozed_until"] is None
    assert api("PUT", path, {"snoozed_until": 1_700_000_000}).json["snoozed_until"] is None


def test_a_customer_ticket_is_linked_as_a_conversation_is(api, ticket):
    """It has one tracker and names it; a task cannot be linked."""
    found = {
        word: api("POST", "/tickets/search", {"query": {"field": "category", "operator": "=", "value": word}}).json["tickets"]
        for word in ("tracker", "task")
    }
    path = f"/tickets/{found['tracker'][0]['id']}/linked_conversations"
    assert api("POST", path, {"conversation_id": ticket["id"]}).json["linked_objects"]["data"][0]["category"] == "Tracker"
    assert api("POST", path, {"conversation_id": ticket["id"]}).code == "already_linked_to_tracker"
    assert api("POST", path, {"conversation_id": found["task"][0]["id"]}).code == "conversation_not_found"
    shown = api("GET", f"/tickets/{found['tracker'][0]['id']}").json["linked_objects"]["data"]
    assert shown == [{"type": "ticket", "id": ticket["id"], "category": "Customer"}]
    assert api("DELETE", f"{path}/{ticket['id']}").json["linked_objects"]["data"] == []


def test_a_company_that_is_deleted_leaves_its_contacts(api):
    """Once the deletion is carried out: neither the contact nor its list of companies shows it."""
    contact = next(one for one in api("GET", "/contacts?per_page=150").json["data"] if one["companies"]["data"])
    company, path = contact["companies"]["data"][0]["id"], f"/contacts/{contact['id']}"
    api.box.control(job_seconds=0)
    assert api("DELETE", f"/companies/{company}").json["deleted"]
    assert company not in [one["id"] for one in api("GET", path).json["companies"]["data"]]
    assert company not in [one["id"] for one in api("GET", f"{path}/companies").json["data"]]
