"""The sandbox against the official OpenAPI description: requests that it accepts and answers that it gives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

DEFAULT = Path(__file__).parents[3] / "shared" / "openapi" / "intercom-2.16.yaml"
DESCRIPTION = Path(os.environ.get("INTERCOM_OPENAPI", DEFAULT))

pytestmark = pytest.mark.skipif(not DESCRIPTION.exists(), reason="no OpenAPI description (INTERCOM_OPENAPI)")

# Where the description contradicts its own examples or live answers: field -> (what stands there, why).
CONTRADICTIONS = {
    "statistics": (type(None), "figures of a conversation are null until there is one"),
    "email": (type(None), "null for leads without one"),
    "email_domain": (type(None), "follows email"),
    "snoozed_until": (type(None), "null in every example of a ticket that is not snoozed"),
    "custom_attributes": (bool, "booleans in the examples of contacts; the description says string"),
    "next": (str, "a URL in the example of page-numbered lists; the description says a cursor object"),
}


def prepared(node: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema: `nullable`, also where the words alone say so ("Set to nil to remove company"), and no examples."""
    if isinstance(node, list):
        return [prepared(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    made = {
        name: {key: prepared(value) for key, value in entry.items()}
        if name == "properties"
        else entry
        if name in ("enum", "required")
        else prepared(entry)
        for name, entry in node.items()
        if name not in ("example", "examples", "nullable", "discriminator", "format")
    }
    nil = "Set to nil" in str(node.get("description"))
    return {"anyOf": [made, {"type": "null"}]} if nil or node.get("nullable") is True else made


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with DESCRIPTION.open() as file:
        found = yaml.load(file, loader)
    found["components"] = {"schemas": prepared(found["components"]["schemas"])}
    return found


def complaints(description: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """What a value breaks in a schema, without the contradictions listed above."""
    validator = jsonschema.Draft7Validator({**prepared(schema), "components": description["components"]})
    found = []
    for error in validator.iter_errors(value):
        for leaf in leaves(error):
            names = [str(part) for part in leaf.absolute_path]
            known = [CONTRADICTIONS[name][0] for name in names if name in CONTRADICTIONS]
            if not any(isinstance(leaf.instance, kind) for kind in known):
                found.append(f"{'.'.join(names)}: {leaf.message[:160]}")
    return found


def leaves(error: jsonschema.ValidationError) -> list[jsonschema.ValidationError]:
    """The errors below anyOf/oneOf, of the branch that came closest."""
    if not error.context:
        return [error]
    branches: dict[Any, list[jsonschema.ValidationError]] = {}
    for child in error.context:
        branches.setdefault(child.schema_path[0], []).append(child)
    best = max(branches.values(), key=lambda entries: max(len(one.absolute_path) for one in entries))
    return [leaf for child in best for leaf in leaves(child)]


@pytest.fixture
def check(api, description):
    """Call an operation by its template; validate the request body and the answer."""

    def call(method: str, template: str, body: Any = None, query: str = "", status: int = 200, **path: str) -> Any:
        operation = description["paths"][template][method.lower()]
        if body is not None and "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            wrong = complaints(description, schema, body)
            assert not wrong, f"request {method} {template}: {wrong}"
        answer = api(method, template.format(**path) + query, body)
        assert answer.status == status, answer.raw
        responses = {str(key): value for key, value in operation["responses"].items()}
        if status >= 400:
            schema = {"$ref": "#/components/schemas/error"}
        else:
            schema = responses[str(status)].get("content", {}).get("application/json", {}).get("schema", {})
        wrong = complaints(description, schema, answer.json if answer.raw else None)
        assert not wrong, f"answer {method} {template}: {wrong}"
        return answer.json

    return call


def test_the_check_itself_finds_what_is_wrong(description, api):
    """A conversation with an impossible state, a number for an id or a tag without shape does not pass."""
    one = api("GET", f"/conversations/{api.walk()[0]}").json
    schema = {"$ref": "#/components/schemas/conversation"}
    assert complaints(description, schema, one) == []
    for change in ({"state": "ajar"}, {"id": 5}, {"tags": {"type": "tag.list", "tags": [{"name": 7}]}}):
        assert len(complaints(description, schema, {**one, **change})) == 1


def test_conversations_keep_the_contract(check, api):
    """Search, list, read, all actions and their answers are what the description says."""
    admin = api.box.admin_id
    query = {"field": "state", "operator": "=", "value": "open"}
    found = check("POST", "/conversations/search", {"query": query, "pagination": {"per_page": 150}})
    keys = [item["id"] for item in found["conversations"]]
    check("GET", "/conversations")
    one = {"conversation_id": keys[0]}
    for body in (
        {"message_type": "close", "type": "admin", "admin_id": admin},
        {"message_type": "open", "admin_id": admin},
        {"message_type": "snoozed", "admin_id": admin, "snoozed_until": 4102444800},
        {"message_type": "assignment", "type": "team", "admin_id": admin, "assignee_id": "5002"},
        {"message_type": "assignment", "type": "admin", "admin_id": admin, "assignee_id": "991267701"},
    ):
        check("POST", "/conversations/{conversation_id}/parts", body, **one)
    for body in (
        {"message_type": "note", "type": "admin", "admin_id": admin, "body": "n"},
        {"message_type": "comment", "type": "admin", "admin_id": admin, "body": "c"},
        {
            "message_type": "quick_reply",
            "type": "admin",
            "admin_id": admin,
            "reply_options": [{"text": "Yes", "uuid": "a5e1c524-5ddd-4c3e-9328-6bca5d6e3edb"}],
        },
    ):
        check("POST", "/conversations/{conversation_id}/reply", body, **one)
    check("PUT", "/conversations/{conversation_id}", {"custom_attributes": {"issue_type": "Bug"}, "read": True}, **one)
    check("GET", "/conversations/{conversation_id}", **one)
    check("POST", "/conversations/{conversation_id}/tags", {"id": "7004", "admin_id": admin}, **one)
    check("DELETE", "/conversations/{conversation_id}/tags/{tag_id}", {"admin_id": admin}, tag_id="7004", **one)
    check("POST", "/conversations/{id}/merge", {"merge_into_conversation_id": int(keys[1])}, id=keys[2])
    check("POST", "/conversations/{conversation_id}/convert", {"ticket_type_id": "101"}, conversation_id=keys[3])
    check("GET", "/conversations/{conversation_id}", conversation_id=keys[3])
    check("DELETE", "/conversations/{conversation_id}", conversation_id=keys[4])
    assert check("GET", "/conversations/deleted")["type"] == "conversations.list"
    check("GET", "/conversations/attributes")
    check("GET", "/conversations/{conversation_id}", status=404, conversation_id="1")


def test_every_seeded_conversation_keeps_the_contract(check, api):
    """Whatever the seed makes, its object fits the description."""
    for key in api.walk({"field": "read", "operator": "IN", "value": [True, False]})[:60]:
        check("GET", "/conversations/{conversation_id}", conversation_id=key)


def test_contacts_keep_the_contract(check, api):
    """Contacts, their tags, notes, companies and subscriptions."""
    query = {"field": "role", "operator": "=", "value": "user"}
    found = check("POST", "/contacts/search", {"query": query})
    check("GET", "/contacts")
    one = {"contact_id": found["data"][0]["id"]}
    made = check("POST", "/contacts", {"email": "new@example.test", "name": "New"})
    check("GET", "/contacts/{contact_id}", contact_id=made["id"])
    check("PUT", "/contacts/{contact_id}", {"custom_attributes": {"paid_subscriber": True}}, **one)
    check("POST", "/contacts/{contact_id}/tags", {"id": "7004"}, **one)
    check("GET", "/contacts/{contact_id}/tags", **one)
    check("DELETE", "/contacts/{contact_id}/tags/{tag_id}", tag_id="7004", **one)
    check("POST", "/contacts/{contact_id}/notes", {"body": "hello", "admin_id": api.box.admin_id}, **one)
    check("GET", "/contacts/{contact_id}/notes", **one)
    company = check("GET", "/companies")["data"][0]["id"]
    check("POST", "/contacts/{contact_id}/companies", {"id": company}, contact_id=made["id"])
    attached = check("GET", "/contacts/{contact_id}/companies", contact_id=made["id"])
    assert [one["id"] for one in attached["companies"]] == [company]
    api.box.control(attached_companies_key="data")
    assert [one["id"] for one in check("GET", "/contacts/{contact_id}/companies", contact_id=made["id"])["data"]] == [company]
    check("DELETE", "/contacts/{contact_id}/companies/{company_id}", contact_id=made["id"], company_id=company)
    check("GET", "/subscription_types")
    check("POST", "/contacts/{contact_id}/subscriptions", {"id": "37846", "consent_type": "opt_in"}, **one)
    check("GET", "/contacts/{contact_id}/subscriptions", **one)
    check("DELETE", "/contacts/{contact_id}/subscriptions/{subscription_id}", subscription_id="37846", **one)
    for verb in ("archive", "unarchive", "block"):
        check("POST", f"/contacts/{{contact_id}}/{verb}", **one)
    check("DELETE", "/contacts/{contact_id}", **one)


def test_companies_keep_the_contract(check, api):
    """Lists, scroll, upsert, update, notes, delete."""
    found = check("POST", "/companies/list", query="?per_page=5")
    assert found["pages"]["next"].endswith("/companies/list?per_page=5&page=2")
    one = {"company_id": found["data"][0]["id"]}
    check("GET", "/companies/{company_id}", **one)
    check("GET", "/companies/scroll")
    check("POST", "/companies", {"company_id": "new-1", "name": "New", "monthly_spend": 9})
    check("PUT", "/companies/{company_id}", {"name": "Renamed"}, **one)
    check("GET", "/companies/{company_id}/contacts", **one)
    check("POST", "/companies/{company_id}/notes", {"body": "hello"}, **one)
    check("GET", "/companies/{company_id}/notes", **one)
    check("DELETE", "/companies/{company_id}", **one)
    check("GET", "/companies/{company_id}", status=404, company_id="nothing")


def test_tickets_keep_the_contract(check, api):
    """Search, read, create, update, reply, tags, change of type, delete, the queue."""
    query = {"field": "category", "operator": "=", "value": "request"}
    found = check("POST", "/tickets/search", {"query": query})
    one = {"ticket_id": found["tickets"][0]["id"]}
    admin = api.box.admin_id
    contact = api("GET", "/contacts").json["data"][0]["id"]
    new = {"ticket_type_id": "101", "contacts": [{"id": contact}], "ticket_attributes": {"_default_title_": "T"}}
    made = check("POST", "/tickets", new)
    check("GET", "/tickets/{ticket_id}", ticket_id=made["id"])
    check("PUT", "/tickets/{ticket_id}", {"ticket_state_id": "8504", "assignee_id": "991267701"}, **one)
    body = {"message_type": "comment", "type": "admin", "admin_id": admin, "body": "hello"}
    check("POST", "/tickets/{ticket_id}/reply", body, **one)
    check("POST", "/tickets/{ticket_id}/tags", {"id": "7004", "admin_id": admin}, **one)
    check("DELETE", "/tickets/{ticket_id}/tags/{tag_id}", {"admin_id": admin}, tag_id="7004", **one)
    trackers = api("POST", "/tickets/search", {"query": {"field": "category", "operator": "=", "value": "tracker"}}).json
    tracker = {"ticket_id": trackers["tickets"][0]["id"]}
    key = api.walk()[0]
    check("POST", "/tickets/{ticket_id}/linked_conversations", {"conversation_id": key}, **tracker)
    check("DELETE", "/tickets/{ticket_id}/linked_conversations/{id}", id=key, **tracker)
    job = check("POST", "/tickets/enqueue", new)
    check("GET", "/jobs/status/{job_id}", job_id=job["id"])
    check("DELETE", "/tickets/{ticket_id}", **one)


def test_the_rest_keeps_the_contract(check):
    """Me, admins, teams, tags, attributes, segments, ticket types and states."""
    for path in (
        "/me",
        "/admins",
        "/teams",
        "/tags",
        "/segments",
        "/ticket_types",
        "/ticket_states",
        "/data_attributes",
    ):
        check("GET", path)
    check("GET", "/data_attributes", query="?model=conversation", status=422)
    check("POST", "/tags", {"name": "brand new"})
    check("GET", "/tags/{tag_id}", tag_id="7001")
    check("GET", "/tags/{tag_id}", tag_id="1", status=404)
