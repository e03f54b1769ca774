"""Contacts: uniqueness, search by day, archive, delete, merge, bulk."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from intercom_sandbox import running

ZONE = ZoneInfo("America/Los_Angeles")


def find(api, *leaves, **headers):
    body = {"query": {"operator": "AND", "value": list(leaves)}, "pagination": {"per_page": 150}}
    return api("POST", "/contacts/search", body, **headers)


def leaf(field, operator, value):
    return {"field": field, "operator": operator, "value": value}


@pytest.fixture
def person(api):
    """A user with a last_seen_at."""
    found = find(api, leaf("role", "=", "user")).json["data"]
    return next(row for row in found if row["last_seen_at"] and not row["tags"]["data"])


def test_dates_are_days_of_the_workspace_up_to_2_16(api, person):
    """`=` is the whole day in the workspace's zone, `>` begins the day after, other operators are 400."""
    midnight = datetime.fromtimestamp(person["last_seen_at"], ZONE).replace(hour=0, minute=0, second=0)
    noon = int((midnight + timedelta(hours=12)).timestamp())
    same = find(api, leaf("last_seen_at", "=", noon)).json["data"]
    assert person["id"] in [row["id"] for row in same]
    assert {datetime.fromtimestamp(row["last_seen_at"], ZONE).date() for row in same} == {midnight.date()}
    after = find(api, leaf("last_seen_at", ">", int(midnight.timestamp()))).json["data"]
    assert all(datetime.fromtimestamp(row["last_seen_at"], ZONE).date() > midnight.date() for row in after)
    before = find(api, leaf("last_seen_at", "<", noon)).json["data"]
    assert all(row["last_seen_at"] < midnight.timestamp() for row in before)
    assert find(api, leaf("last_seen_at", ">=", noon)).status == 400
    assert find(api, leaf("last_seen_at", "IN", [noon])).status == 400


def test_dates_are_exact_from_2_17(api, person):
    """From 2.17 on the second counts, and >= is allowed."""
    at = person["last_seen_at"]
    exact = find(api, leaf("last_seen_at", "=", at), Intercom_Version="2.17").json["data"]
    assert {row["last_seen_at"] for row in exact} == {at}
    assert find(api, leaf("last_seen_at", ">=", at), Intercom_Version="2.17").status == 200


def test_tag_id_knows_only_equal_and_unequal(api):
    """IN on tag_id is 400; != matches the untagged unless the switch says otherwise."""
    assert find(api, leaf("tag_id", "IN", ["7001"])).status == 400
    everyone = find(api, leaf("role", "IN", ["user", "lead"])).json["total_count"]
    tagged = find(api, leaf("tag_id", "=", "7001")).json["total_count"]
    assert find(api, leaf("tag_id", "!=", "7001")).json["total_count"] == everyone - tagged
    api.box.control(untagged_matches_not=False)
    assert find(api, leaf("tag_id", "!=", "7001")).json["total_count"] < everyone - tagged


def test_custom_attributes_and_sort(api):
    """Custom attributes are searchable by type; contacts sort by name."""
    found = find(api, leaf("custom_attributes.plan", "=", "pro")).json
    assert found["data"] and {row["custom_attributes"]["plan"] for row in found["data"]} == {"pro"}
    assert find(api, leaf("custom_attributes.nothing", "=", "pro")).status == 400
    body = {"query": leaf("role", "=", "user"), "sort": {"field": "name", "order": "ascending"}}
    names = [row["name"] for row in api("POST", "/contacts/search", body).json["data"]]
    assert names == sorted(names)


def test_the_list_gives_ten_by_default_and_walks(api):
    """GET /contacts has a default page of 10 and the same cursors."""
    first = api("GET", "/contacts").json
    assert len(first["data"]) == 10
    total, path, seen = first["total_count"], "/contacts?per_page=50", set()
    while True:
        page = api("GET", path).json
        seen |= {row["id"] for row in page["data"]}
        if "next" not in page["pages"]:
            break
        path = f"/contacts?per_page=50&starting_after={page['pages']['next']['starting_after']}"
    assert len(seen) == total


def test_users_are_unique_and_leads_are_not(api, person):
    """A second user with the same email is 409 and names the id; leads duplicate freely."""
    again = api("POST", "/contacts", {"role": "user", "email": person["email"]})
    assert (again.status, again.code) == (409, "conflict")
    assert again.message == f"A contact matching those details already exists with id={person['id']}"
    assert api("POST", "/contacts", {"role": "lead", "email": person["email"]}).status == 200
    assert api("POST", "/contacts", {"name": "nobody"}).status == 400
    assert api("POST", "/contacts", {"external_id": "x1", "email_verified": True}).status == 400


def test_update_is_partial_and_attributes_must_exist(api, person):
    """PUT writes what it names and leaves the rest."""
    path = f"/contacts/{person['id']}"
    after = api("PUT", path, {"custom_attributes": {"seats": 99}, "owner_id": "991267701"}).json
    assert after["custom_attributes"] == {**person["custom_attributes"], "seats": 99}
    assert after["owner_id"] == "991267701" and after["email"] == person["email"]
    assert api("PUT", path, {"custom_attributes": {"nope": 1}}).status == 400
    api.box.control(unknown_attribute="ignore")
    assert "nope" not in api("PUT", path, {"custom_attributes": {"nope": 1}}).json["custom_attributes"]


def test_the_contact_index_lags_on_its_own(api, person):
    """contact_lag hides a new contact from searches but not from GET."""
    api.box.control(contact_lag=60.0)
    made = api("POST", "/contacts", {"email": "late@example.test"}).json
    assert api("GET", f"/contacts/{made['id']}").status == 200
    assert find(api, leaf("email", "=", "late@example.test")).json["total_count"] == 0


def test_archiving_suspends_conversations_and_comes_back(api, box):
    """An archived contact's conversations leave the searches; unarchive brings both back."""
    one = api.search(per_page=1).json["conversations"][0]
    contact = one["contacts"]["contacts"][0]["id"]
    assert api("POST", f"/contacts/{contact}/archive").json["archived"] is True
    assert one["id"] not in api.walk()
    assert api("POST", f"/contacts/{contact}/unarchive").json["archived"] is False
    assert one["id"] in api.walk()
    box.control(archive_again="404")
    assert api("POST", f"/contacts/{contact}/block").json["blocked"] is True
    assert api("POST", f"/contacts/{contact}/block").status == 404


def test_deleting_takes_the_conversations_along(api, box):
    """A deleted contact is 404 for ever, and so are its conversations; the second delete is a switch."""
    one = api.search(per_page=1).json["conversations"][0]
    path = f"/contacts/{one['contacts']['contacts'][0]['id']}"
    assert api("DELETE", path).json["deleted"] is True
    assert api("GET", path).status == 404
    assert api("GET", f"/conversations/{one['id']}").status == 404
    assert api("DELETE", path).status == 404
    box.control(second_delete="200")
    assert api("DELETE", path).status == 200


def test_merging_a_lead_leaves_a_pointer(api, box, person):
    """Only duplicates unless told to skip the check; the lead is 410 with a Link, or 404 by switch."""
    lead = api("POST", "/contacts", {"role": "lead", "email": "lead@example.test"}).json
    body = {"from": lead["id"], "into": person["id"]}
    refused = api("POST", "/contacts/merge", body)
    assert (refused.status, refused.code) == (400, "invalid_merge")
    assert api("POST", "/contacts/merge", {**body, "skip_duplicate_validation": True}).json["id"] == person["id"]
    gone = api("GET", f"/contacts/{lead['id']}")
    assert (gone.status, gone.code) == (410, "contact_merged")
    assert gone.headers["Link"] == f'</contacts/{person["id"]}>; rel="canonical"'
    assert lead["id"] not in [row["id"] for row in find(api, leaf("role", "=", "lead")).json["data"]]
    box.control(merged_contact="404")
    assert api("GET", f"/contacts/{lead['id']}").status == 404
    wrong_way = api("POST", "/contacts/merge", {"from": person["id"], "into": person["id"]})
    assert wrong_way.code == "invalid_merge"


def test_tags_notes_companies_subscriptions(api, box, person):
    """Tag 404s differ by message only; notes need a body; companies have their own codes."""
    path = f"/contacts/{person['id']}"
    assert api("POST", f"{path}/tags", {"id": "7001"}).json["name"] == "vip"
    assert api("POST", f"{path}/tags", {"id": "1"}).message == "Resource Not Found"
    assert api("POST", "/contacts/ffff/tags", {"id": "7001"}).message == "User Not Found"
    assert api("DELETE", f"{path}/tags/7001").status == 200
    assert api("DELETE", f"{path}/tags/7001").status == 404
    note = api("POST", f"{path}/notes", {"body": "hi"}).json
    assert api("GET", f"/notes/{note['id']}").json["body"] == "<p>hi</p>"
    assert api("POST", f"{path}/notes", {}).status == 400
    assert api("POST", f"{path}/companies", {}).code == "parameter_not_found"
    assert api("POST", f"{path}/companies", {"id": "x"}).code == "company_not_found"
    opted = {"id": "37847", "consent_type": "opt_out"}
    assert api("POST", f"{path}/subscriptions", opted).json["consent_type"] == "opt_out"
    assert api("GET", f"{path}/subscriptions").json["data"][0]["id"] == "37847"
    assert api("POST", f"{path}/subscriptions", {**opted, "consent_type": "opt_in"}).status == 400


def test_tagging_many_by_post_tags(api, box, person):
    """2.16 skips unknown users and says who was tagged; 2.15 refuses the whole call; more than tags_max is 400."""
    users = [{"id": person["id"]}, {"id": "unknown"}]
    answer = api("POST", "/tags", {"name": "Many", "users": users}).json
    assert answer["users"] == [{"id": person["id"], "tagged": True}]
    old = api("POST", "/tags", {"name": "Many", "users": users}, Intercom_Version="2.15")
    assert old.status == 404
    off = [{"id": person["id"], "untag": True}]
    assert api("POST", "/tags", {"name": "many", "users": off}).json["users"][0]["tagged"] is False
    assert api("POST", "/tags", {"name": "Many", "users": users, "companies": []}).status == 400
    box.control(tags_max=1)
    assert api("POST", "/tags", {"name": "Many", "users": users}).status == 400


def test_tags_are_made_renamed_and_deleted(api):
    """Names ignore case; a tag with a dependent segment cannot go."""
    made = api("POST", "/tags", {"name": "Fresh"}).json
    assert api("POST", "/tags", {"name": "fresh"}).json["id"] == made["id"]
    assert api("POST", "/tags", {"id": made["id"], "name": "Stale bread"}).json["name"] == "Stale bread"
    assert api("DELETE", f"/tags/{made['id']}").status == 200
    assert api("GET", f"/tags/{made['id']}").status == 404
    held = next(tag["id"] for tag in api("GET", "/tags").json["data"] if tag["name"] == "churn risk")
    assert api("DELETE", f"/tags/{held}").code == "tag_has_dependent_objects"


def test_bulk_contacts_is_preview_and_does_not_say_who_failed(api, box, person):
    """PUT /contacts/bulk answers a job; too many are 422; 2.16 does not have it."""
    body = {"contacts": [{"id": person["id"], "name": "Bulk", "tags": {"add": [{"id": "7001"}]}}, {"id": "no"}]}
    assert api("PUT", "/contacts/bulk", body).code == "intercom_version_invalid"
    box.control(job_seconds=0.0)
    job = api("PUT", "/contacts/bulk", body, Intercom_Version="Preview")
    assert job.status == 202
    done = api("GET", f"/contacts/bulk/{job.json['id']}", Intercom_Version="Preview").json
    assert (done["state"], done["tasks"][0]["item_count"]) == ("completed_with_errors", 2)
    after = api("GET", f"/contacts/{person['id']}").json
    assert after["name"] == "Bulk" and after["tags"]["data"][0]["id"] == "7001"
    many = {"contacts": [{"id": "x"}] * 101}
    assert api("PUT", "/contacts/bulk", many, Intercom_Version="Preview").status == 422


def test_an_empty_text_clears_or_is_refused(api, person):
    """Nobody documents which: a switch. Null clears a date."""
    path = f"/contacts/{person['id']}"
    cleared = api("PUT", path, {"email": "", "last_seen_at": None}).json
    assert cleared["email"] is None and cleared["last_seen_at"] is None
    api.box.control(empty_text="error")
    refused = api("PUT", path, {"external_id": ""})
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "external_id")


def test_a_contact_carries_what_it_opted_in_to_and_out_of(api, person):
    """Two lists, each of one consent; the endpoint has both."""
    path = f"/contacts/{person['id']}"
    for key, consent in (("37846", "opt_in"), ("37848", "opt_out")):
        assert api("POST", f"{path}/subscriptions", {"id": key, "consent_type": consent}).status == 200
    shown = api("GET", path).json
    assert [row["id"] for row in shown["opted_in_subscription_types"]["data"]] == ["37846"]
    assert [row["id"] for row in shown["opted_out_subscription_types"]["data"]] == ["37848"]
    assert [row["id"] for row in api("GET", f"{path}/subscriptions").json["data"]] == ["37846", "37848"]


def test_a_contact_is_in_a_thousand_companies_at_most(caller):
    """The next one is 400, as is a body without a company; detaching what is not attached is 404."""
    with running(conversations=20, companies=1001, limit=50_000, workspace_limit=100_000) as box:
        _fill(caller(box))


def _fill(api):
    ids = [row["id"] for row in api.box.companies()]
    path = f"/contacts/{api.box.contacts(role='user')[0]['id']}/companies"
    codes = [api("POST", path, {"id": key}).json.get("errors", [{}])[0].get("code") for key in ids]
    assert set(codes[:1000]) == {None} and codes[1000] == "contact_company_limit_exceeded"
    assert api("POST", path, {}).json["errors"][0]["code"] == "parameter_not_found"
    missing = api("DELETE", f"{path}/{ids[1000]}")
    assert (missing.status, missing.json["errors"][0]["code"]) == (404, "company_not_found")


@pytest.mark.parametrize(("path", "body", "moment"), [
    ("conversations/{}/reply", {"type": "user", "message_type": "comment", "intercom_user_id": "{contact}"}, "last_replied_at"),
    ("conversations/{}/reply", {"type": "admin", "message_type": "comment", "admin_id": "991267701"}, "last_contacted_at"),
    ("conversations/{}/reply", {"type": "admin", "message_type": "note", "admin_id": "991267701"}, ""),
    ("tickets/{}/reply", {"type": "user", "message_type": "comment", "intercom_user_id": "{contact}"}, "last_replied_at"),
    ("tickets/{}/reply", {"type": "admin", "message_type": "comment", "admin_id": "991267701"}, "last_contacted_at"),
])  # fmt: skip
def test_a_contact_shows_when_it_wrote_and_was_written_to(api, path, body, moment):
    """A note, which no customer sees, moves neither."""
    rows = api("POST", f"/{path.partition('/')[0]}/search", {"query": {"field": "created_at", "operator": ">", "value": 0}}).json
    row = next(one for one in rows[path.partition("/")[0]] if one["contacts"]["contacts"] and one.get("category") != "Back-office")
    contact = row["contacts"]["contacts"][0]["id"]
    before = api("GET", f"/contacts/{contact}").json
    words = {key: value.format(contact=contact) for key, value in body.items()}
    assert api("POST", f"/{path.format(row['id'])}", {**words, "body": "Hello"}).status == 200
    after = api("GET", f"/contacts/{contact}").json
    moved = [name for name in ("last_replied_at", "last_contacted_at") if after[name] != before[name]]
    assert moved == ([moment] if moment else [])
