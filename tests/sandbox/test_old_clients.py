"""What software that talks to the real Intercom relies on: older API versions, other spellings, fields that come or do not."""

from __future__ import annotations

import base64

import pytest

from intercom_sandbox import running


@pytest.fixture(scope="module")
def _box():
    with running(conversations=120, seed=7) as made:
        yield made


@pytest.fixture
def box(_box):
    """One sandbox for all tests here, seeded anew and its switches put back before each."""
    _box.control(reply_manages="by_version", basic_auth=True, customers_answer="example", scroll_param_at_end=True)
    _box.control(company_lookup="by_version", attached_companies_key="both")
    _box.reset()
    return _box


@pytest.fixture
def api(box, caller):
    return caller(box)


@pytest.fixture
def one(box):
    return box.conversations(team=5001, state="open")[0]["id"]


def test_old_versions_manage_a_conversation_by_reply(api, box, one):
    """POST /conversations/{id}/reply closes, snoozes, opens and assigns in API 1.x, and elsewhere where the switch says so."""

    def reply(kind, version, **more):
        body = {"type": "admin", "message_type": kind, "admin_id": box.admin_id, **more}
        return api("POST", f"/conversations/{one}/reply", body, Intercom_Version=version).status

    def row():
        return next(entry for entry in box.conversations() if entry["id"] == one)

    assert reply("close", "2.16") == 400 and row()["state"] == "open"
    assert reply("close", "1.3") == 200 and row()["state"] == "closed"
    box.control(reply_manages="always")
    assert reply("open", "2.16") == 200 and row()["state"] == "open"
    assert reply("snoozed", "2.16", snoozed_until=4102444800) == 200 and row()["state"] == "snoozed"
    assert reply("assignment", "2.16", assignee_id="5002") == 200 and row()["team"] == 5002
    assert reply("assignment", "2.16", assignee_id="991267701") == 200 and row()["admin"] == 991267701
    assert reply("note", "1.3", body="kept") == 200
    assert {kind: line["writes"] for kind, line in box.audit()["kinds"].items()} == {
        "assignment": 2, "close": 1, "note": 1, "open": 1, "snoozed": 1,
    }  # fmt: skip
    box.control(reply_manages="never")
    assert reply("close", "1.3") == 400


def test_the_token_as_user_name_of_basic_authentication(api, box):
    """Basic authentication takes the token as its user name, unless the switch says no."""
    secret = base64.b64encode(f"{box.token}:".encode()).decode()
    assert api("GET", "/me", Authorization=f"Basic {secret}").status == 200
    wrong = base64.b64encode(b"wrong:").decode()
    for given in (f"Basic {wrong}", "Basic %%%", "Basic", "Digest x"):
        assert api("GET", "/me", Authorization=given).status == 401
    box.control(basic_auth=False)
    assert api("GET", "/me", Authorization=f"Basic {secret}").status == 401


def test_a_walk_may_begin_with_an_empty_id(api):
    """`id > ""` matches every conversation, alone, in a group, and sorted by id."""
    empty = {"field": "id", "operator": ">", "value": ""}
    for query in (empty, {"operator": "AND", "value": [empty, {"field": "created_at", "operator": ">", "value": 0}]}):
        assert api.search(query).json["total_count"] == 120
        assert api.search(query, sort={"field": "id", "order": "ascending"}).json["total_count"] == 120
    assert api.search({"field": "id", "operator": "<", "value": ""}).json["total_count"] == 0


def test_customers_answer_by_example_or_by_schema(api, box, one):
    """Attaching a contact answers with the customers or with the conversation."""
    contact = box.contacts(role="lead")[0]["id"]
    body = {"admin_id": box.admin_id, "customer": {"intercom_user_id": contact}}
    assert contact in {entry["id"] for entry in api("POST", f"/conversations/{one}/customers", body).json["customers"]}
    box.control(customers_answer="schema")
    answer = api("DELETE", f"/conversations/{one}/customers/{contact}", {"admin_id": box.admin_id}).json
    assert (answer["type"], answer["id"]) == ("conversation", one)


@pytest.mark.parametrize("present", [True, False])
def test_the_last_page_of_a_scroll(api, box, present):
    """The empty page that ends companies/scroll has a scroll_param or not."""
    box.control(scroll_param_at_end=present)
    page = api("GET", "/companies/scroll").json
    while page["data"]:
        page = api("GET", f"/companies/scroll?scroll_param={page['scroll_param']}").json
    assert ("scroll_param" in page) is present


def test_a_company_by_its_own_id(api, box):
    """GET /companies?company_id= answers the company before 2.7, then a list; the switch has the last word."""
    own = box.companies()[0]["company_id"]

    def kind(version):
        return api("GET", f"/companies?company_id={own}", Intercom_Version=version).json["type"]

    assert (kind("1.4"), kind("2.5"), kind("2.7"), kind("2.16")) == ("company", "company", "list", "list")
    box.control(company_lookup="object")
    assert kind("2.16") == "company"
    box.control(company_lookup="list")
    assert kind("1.4") == "list"


def test_attached_companies_stand_under_both_names(api, box):
    """The companies of a contact come as `companies` and as `data`, or as one of them."""
    contact = next(row for row in box.contacts(role="user") if row["companies"])["id"]

    def names():
        return {"data", "companies"} & set(api("GET", f"/contacts/{contact}/companies").json)

    assert names() == {"data", "companies"}
    box.control(attached_companies_key="data")
    assert names() == {"data"}


def test_data_attributes_have_a_description_and_their_own_dates(api):
    """Attributes differ in their dates; one that is made or changed has what was given and the server's time."""
    found = [one for one in api("GET", "/data_attributes?model=contact").json["data"] if one["custom"]]
    found += api("GET", "/conversations/attributes").json["data"]
    assert len({one["created_at"] for one in found}) == len(found) > 4
    assert all(one["description"] and one["created_at"] <= one["updated_at"] for one in found)
    made = api("POST", "/data_attributes", {"name": "size", "model": "contact", "data_type": "options", "description": "Of the shoe",
                                             "options": [{"value": "41"}, {"value": "42"}]}).json  # fmt: skip
    assert (made["description"], made["options"]) == ("Of the shoe", ["41", "42"])
    changed = api("PUT", f"/data_attributes/{made['id']}", {"description": "Of the hat"}).json
    assert changed["description"] == "Of the hat" and changed["updated_at"] >= made["created_at"] > found[0]["created_at"]


def test_segments_count_their_contacts(api, box):
    """include_count=true brings the number of contacts; a contact names its segment."""
    assert all("count" not in one for one in api("GET", "/segments").json["segments"])
    counts = {one["id"]: one["count"] for one in api("GET", "/segments?include_count=true").json["segments"]}
    assert counts == {"seg-users": len(box.contacts(role="user")), "seg-leads": len(box.contacts(role="lead"))}
    lead = box.contacts(role="lead")[0]["id"]
    assert [one["id"] for one in api("GET", f"/contacts/{lead}/segments").json["data"]] == ["seg-leads"]
    assert api("GET", f"/companies/{box.companies()[0]['id']}/segments").json["data"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/macros"), ("POST", "/messages"), ("GET", "/help_center/collections/1"), ("POST", "/companies/search"),
     ("GET", "/contacts/activities"), ("POST", "/conversations/1/run_assignment_rules"), ("GET", "/users/1"), ("GET", "/events")],
)  # fmt: skip
def test_what_is_not_simulated_says_so(api, method, path):
    """501 that names the sandbox, where Intercom has the path; 404 where it has not."""
    answer = api(method, path)
    assert (answer.status, answer.code) == (501, "not_simulated")
    assert "sandbox" in answer.message and path in answer.message
    assert api(method, "/no/such/path").status == 404


def test_fields_of_the_newest_version_come(api, box, one):
    """channel, company, external_references and the like stand in conversations from the version that has them."""
    now = api("GET", f"/conversations/{one}?include_monitors=true").json
    assert set(now["channel"]) == {"initial", "current"} and now["external_references"] == [] == now["monitor_evaluations"]
    assert "company" in now and now["sales_agent_participated"] is False and "handling_time" in now["statistics"]
    before = api("GET", f"/conversations/{one}", Intercom_Version="2.14").json
    assert not {"channel", "company", "external_references", "sales_agent"} & set(before)
    listed = api.search({"field": "source.type", "operator": "=", "value": "email"}).json["conversations"]
    assert listed[0]["channel"]["initial"] == "email" and listed[0]["source"]["recipients"]
    assert "avatar" in api("GET", "/admins").json["admins"][0] and "distribution_method" in api("GET", "/teams").json["teams"][0]
    assert api("GET", "/ticket_types/101").json["ticket_states"]["data"]


def test_some_contacts_have_bounced(api, box):
    """The seed has contacts whose mail bounced hard, and searches find them."""
    bounced = box.contacts(bounced=True)
    found = api("POST", "/contacts/search", {"query": {"field": "has_hard_bounced", "operator": "=", "value": True}}).json
    assert found["total_count"] == len(bounced) > 0 and all(row["email"] for row in bounced)
