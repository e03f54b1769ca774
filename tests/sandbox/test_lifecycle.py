"""The state machine of a conversation, and the answers of the endpoints that drive it."""

from __future__ import annotations

import threading
import time

import pytest


def parts(conversation):
    return conversation["conversation_parts"]["conversation_parts"]


def act(api, key, kind, **more):
    body = {"message_type": kind, "type": "admin", "admin_id": api.box.admin_id, **more}
    return api("POST", f"/conversations/{key}/parts", body)


@pytest.fixture
def opened(api):
    """An open conversation of team 5001."""
    return api.walk()[0]


def test_close_appends_a_part_and_moves_updated_at(api, opened):
    """Closing answers the whole conversation: closed, a new part with the highest id, statistics, updated_at."""
    before = api("GET", f"/conversations/{opened}").json
    after = api.close(opened).json
    assert (after["state"], after["open"], after["waiting_since"]) == ("closed", False, None)
    assert [part["id"] for part in parts(after)][:-1] == [part["id"] for part in parts(before)]
    last = parts(after)[-1]
    assert last["part_type"] == "close" and int(last["id"]) == max(int(part["id"]) for part in parts(after))
    assert last["author"]["id"] == api.box.admin_id
    assert after["updated_at"] > before["updated_at"]
    assert after["statistics"]["last_close_at"] == last["created_at"]
    assert after["statistics"]["count_conversation_parts"] == len(parts(after))
    assert after == api("GET", f"/conversations/{opened}").json


def test_snoozed_is_open_and_wakes_by_itself(api, box, opened):
    """A snoozed conversation has open true; at its time it opens with a part of its own."""
    until = int(time.time()) + 1
    after = act(api, opened, "snoozed", snoozed_until=until).json
    assert (after["state"], after["open"], after["snoozed_until"]) == ("snoozed", True, until)
    box.control(clock_skew=2.0)
    woken = api("GET", f"/conversations/{opened}").json
    assert woken["state"] == "open" and parts(woken)[-1]["part_type"] == "timer_unsnooze"


@pytest.mark.parametrize("kind", ["comment", "note"])
def test_comment_and_note_wake_a_snoozed_one(api, opened, kind):
    """A reply of an admin opens what is snoozed, also a note."""
    act(api, opened, "snoozed", snoozed_until=int(time.time()) + 999)
    body = {"message_type": kind, "type": "admin", "admin_id": api.box.admin_id, "body": "<p>hello</p>"}
    after = api("POST", f"/conversations/{opened}/reply", body).json
    assert after["state"] == "open" and parts(after)[-1]["part_type"] == kind


def test_skip_unsnooze_is_preview_only(api, opened):
    """skip_unsnooze keeps it asleep under Preview and does nothing under 2.16."""
    body = {
        "message_type": "note", "type": "admin", "admin_id": api.box.admin_id, "body": "x", "skip_unsnooze": True,
    }  # fmt: skip
    act(api, opened, "snoozed", snoozed_until=int(time.time()) + 999)
    after = api("POST", f"/conversations/{opened}/reply", body, Intercom_Version="Preview").json
    assert after["state"] == "snoozed"
    assert api("POST", f"/conversations/{opened}/reply", body).json["state"] == "open"


def test_close_ends_a_snooze(api, opened):
    """Closing a snoozed conversation clears snoozed_until."""
    act(api, opened, "snoozed", snoozed_until=int(time.time()) + 999)
    assert api.close(opened).json["snoozed_until"] is None


def test_assigning_reopens_a_closed_one_and_keeps_the_other_assignee(api, opened):
    """Assigning a closed conversation writes `assign_and_reopen`; an admin keeps the team, 0 unassigns."""
    api.close(opened)
    after = act(api, opened, "assignment", assignee_id="991267702").json
    assert (after["state"], parts(after)[-1]["part_type"]) == ("open", "assign_and_reopen")
    assert (after["admin_assignee_id"], after["team_assignee_id"]) == (991267702, 5001)
    assert after["statistics"]["count_reopens"] == 1
    moved = act(api, opened, "assignment", type="team", assignee_id=5002).json
    assert (moved["admin_assignee_id"], moved["team_assignee_id"]) == (991267702, 5002)
    assert parts(moved)[-1]["assigned_to"] == {"type": "team", "id": "5002"}
    assert act(api, opened, "assignment", assignee_id="0").json["admin_assignee_id"] == 0


def test_a_rating_stays_as_the_customer_gave_it(api, box):
    """Whoever has the conversation later, and whenever it is closed again."""
    rated = next(one["id"] for one in box.conversations(state="closed") if box.conversation(one["id"])["conversation_rating"])
    before = api("GET", f"/conversations/{rated}").json["conversation_rating"]
    act(api, rated, "assignment", assignee_id=991267703)
    after = api.close(rated).json
    assert after["admin_assignee_id"] == 991267703 and after["conversation_rating"] == before


def test_assigning_a_team_can_clear_the_admin(api, box, opened):
    """team_assign_clears_admin takes the admin away."""
    box.control(team_assign_clears_admin=True)
    act(api, opened, "assignment", assignee_id="991267702")
    assert act(api, opened, "assignment", type="team", assignee_id=5002).json["admin_assignee_id"] == 0


def test_a_contact_reply_reopens_and_waits(api, opened):
    """A message of the contact opens the conversation and sets waiting_since."""
    api.close(opened)
    contact = api("GET", f"/conversations/{opened}").json["contacts"]["contacts"][0]["id"]
    body = {"message_type": "comment", "type": "user", "intercom_user_id": contact, "body": "Still broken"}
    after = api("POST", f"/conversations/{opened}/reply", body).json
    assert after["state"] == "open" and after["waiting_since"] and not after["read"]
    assert parts(after)[-1]["author"]["type"] == "user"
    last = api("POST", "/conversations/last/reply", {**body, "body": "Again"}).json
    assert parts(last)[-1]["body"] == "Again"


def test_attribute_writes_are_parts_of_the_bot(api, opened):
    """PUT writes one part for each changed attribute, authored by a bot, with the previous value."""
    body = {"custom_attributes": {"issue_type": "Bug", "refund_amount": 5}, "title": "T", "read": False}
    before = api("GET", f"/conversations/{opened}").json
    after = api("PUT", f"/conversations/{opened}", body).json
    new = parts(after)[len(parts(before)) :]
    assert after["custom_attributes"]["refund_amount"] == 5
    assert (after["title"], after["read"]) == ("T", False)
    assert {part["part_type"] for part in new} == {"conversation_attribute_updated_by_admin"}
    assert {part["author"]["type"] for part in new} == {"bot"}
    again = api("PUT", f"/conversations/{opened}", {"custom_attributes": {"refund_amount": 5}}).json
    assert len(parts(again)) == len(parts(after))


@pytest.mark.parametrize(
    "body",
    [
        {"custom_attributes": {"no_such": 1}},
        {"custom_attributes": {"refund_amount": "five"}},
        {"custom_attributes": {"reviewed": "yes"}},
        {"custom_attributes": {"issue_type": "Nothing of the list"}},
        {"read": "yes"},
    ],
)
def test_attributes_are_checked(api, opened, body):
    """Unknown attributes, wrong types and unlisted options are 400."""
    assert api("PUT", f"/conversations/{opened}", body).status == 400


def test_tags_answer_the_tag_and_untag_needs_its_body(api, opened):
    """Tagging twice keeps applied_at; untag is a DELETE with a body; the switches cover the second untag."""
    path = f"/conversations/{opened}/tags"
    first = api("POST", path, {"id": "7004", "admin_id": api.box.admin_id}).json
    assert first["name"] == "incident" and first["applied_by"] == {"type": "admin", "id": api.box.admin_id}
    assert api("POST", path, {"id": "7004", "admin_id": api.box.admin_id}).json == first
    assert api("DELETE", f"{path}/7004").code == "parameter_missing"
    assert api("DELETE", f"{path}/7004", {"admin_id": api.box.admin_id}).status == 200
    again = api("DELETE", f"{path}/7004", {"admin_id": api.box.admin_id})
    assert (again.status, again.code, again.message) == (404, "tag_not_found", "Tag not found")
    api.box.control(untag_missing="200")
    assert api("DELETE", f"{path}/7004", {"admin_id": api.box.admin_id}).status == 200


def test_whether_tags_move_updated_at_is_a_switch(api, box, opened):
    """tag_bumps_updated_at decides."""
    box.control(tag_bumps_updated_at=False)
    before = api("GET", f"/conversations/{opened}").json["updated_at"]
    api("POST", f"/conversations/{opened}/tags", {"id": "7004", "admin_id": box.admin_id})
    assert api("GET", f"/conversations/{opened}").json["updated_at"] == before
    box.control(tag_bumps_updated_at=True)
    api("POST", f"/conversations/{opened}/tags", {"id": "7012", "admin_id": box.admin_id})
    assert api("GET", f"/conversations/{opened}").json["updated_at"] > before


@pytest.mark.parametrize(("mode", "status", "more"), [("part", 200, 1), ("noop", 200, 0), ("error", 400, 0)])
def test_closing_twice_is_a_switch(api, box, opened, mode, status, more):
    """repeat_close: one more part, nothing, or 400."""
    box.control(repeat_close=mode)
    first = api.close(opened).json
    assert api.close(opened).status == status
    assert len(parts(api("GET", f"/conversations/{opened}").json)) == len(parts(first)) + more


def test_snoozing_into_the_past_is_a_switch(api, box, opened):
    """snooze_past: 400, or it opens at once."""
    assert act(api, opened, "snoozed", snoozed_until=1).status == 400
    box.control(snooze_past="opens")
    assert act(api, opened, "snoozed", snoozed_until=1).json["state"] == "open"


def test_delete_is_final_and_listed(api, box, opened):
    """A deleted conversation is 404 and in /conversations/deleted; the second delete is a switch."""
    assert api("DELETE", f"/conversations/{opened}?retain_metrics=true").json == {
        "id": opened, "object": "conversation", "deleted": True,
    }  # fmt: skip
    gone = api("GET", f"/conversations/{opened}")
    assert (gone.status, gone.code, gone.message) == (404, "not_found", "Resource Not Found")
    assert api("GET", "/conversations/deleted").json["conversations"][0]["id"] == opened
    assert opened not in api.walk()
    assert api("DELETE", f"/conversations/{opened}").status == 404
    box.control(second_delete="200")
    assert api("DELETE", f"/conversations/{opened}").status == 200


def test_contacts_of_a_conversation(api, opened):
    """An unknown email makes a lead; the last contact cannot be removed."""
    path = f"/conversations/{opened}/customers"
    body = {"admin_id": api.box.admin_id, "customer": {"email": "new@example.test"}}
    customers = api("POST", path, body).json["customers"]
    assert [entry["type"] for entry in customers][-1] == "lead"
    admin = {"admin_id": api.box.admin_id}
    assert len(api("DELETE", f"{path}/{customers[0]['id']}", admin).json["customers"]) == 1
    last = api("DELETE", f"{path}/{customers[1]['id']}", admin)
    assert (last.status, last.message) == (422, "Removing the last customer is not allowed")


def test_merge_closes_and_links_the_secondary(api):
    """Merging answers the primary; a second merge, itself and an unknown primary are 422 with their messages."""
    one, two = api.walk()[:2]
    primary = api("POST", f"/conversations/{two}/merge", {"merge_into_conversation_id": int(one)}).json
    assert primary["id"] == one and primary["linked_objects"]["data"][0]["id"] == two
    assert api("GET", f"/conversations/{two}").json["state"] == "closed"
    for key, into, message in (
        (two, one, "Secondary conversation has already been merged"),
        (one, one, "Cannot merge a conversation into itself"),
        (one, "1", "Primary conversation not found"),
    ):
        answer = api("POST", f"/conversations/{key}/merge", {"merge_into_conversation_id": int(into)})
        assert (answer.status, answer.code, answer.message) == (422, "merge_failed", message)


def test_convert_makes_a_customer_ticket_once(api, box, opened):
    """Only customer types; the ticket has the conversation's id; converting again is a switch."""
    path = f"/conversations/{opened}/convert"
    assert api("POST", path, {"ticket_type_id": "102"}).message == "Ticket type is not a customer ticket type"
    ticket = api("POST", path, {"ticket_type_id": "101", "attributes": {"_default_title_": "T"}}).json
    assert (ticket["type"], ticket["id"], ticket["category"]) == ("ticket", opened, "Customer")
    assert api("POST", path, {"ticket_type_id": "101"}).status == 400
    box.control(convert_again="same")
    assert api("POST", path, {"ticket_type_id": "101"}).json["id"] == opened


def test_redact_removes_a_body_for_good(api, box, opened):
    """A redacted part says so; parts without a body cannot be; doing it twice is a switch."""
    thread = parts(api("GET", f"/conversations/{opened}").json)
    victim = next(part for part in thread if part["body"])
    empty = next(part for part in thread if not part["body"])
    body = {"type": "conversation_part", "conversation_id": opened, "conversation_part_id": victim["id"]}
    after = {part["id"]: part for part in parts(api("POST", "/conversations/redact", body).json)}
    assert after[victim["id"]]["redacted"] and "deleted" in after[victim["id"]]["body"]
    refused = api("POST", "/conversations/redact", {**body, "conversation_part_id": empty["id"]})
    assert refused.code == "conversation_part_not_redactable"
    lost = api("POST", "/conversations/redact", {**body, "conversation_part_id": "1"})
    assert lost.code == "conversation_part_or_message_not_found"
    assert api("POST", "/conversations/redact", body).status == 200
    box.control(redact_again="error")
    assert api("POST", "/conversations/redact", body).status == 400


def test_plaintext_and_part_limit(api, box, opened):
    """display_as=plaintext strips markup; a conversation answers at most max_parts parts, the newest."""
    html = api("GET", f"/conversations/{opened}").json
    assert "<p>" in html["source"]["body"]
    assert "<" not in api("GET", f"/conversations/{opened}?display_as=plaintext").json["source"]["body"]
    box.control(max_parts=2)
    short = api("GET", f"/conversations/{opened}").json
    assert parts(short) == parts(html)[-2:]
    assert short["conversation_parts"]["total_count"] == len(parts(html))
    assert len(parts(box.conversation(opened))) == len(parts(html))


def test_a_new_conversation(api):
    """POST /conversations answers a message with the id of the conversation that it began."""
    contact = api("GET", "/contacts").json["data"][0]["id"]
    made = api("POST", "/conversations", {"from": {"type": "user", "id": contact}, "body": "Hi"}).json
    found = api("GET", f"/conversations/{made['conversation_id']}").json
    assert found["source"]["body"] == "Hi" and found["state"] == "open"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "parameter_missing"),
        ({"message_type": "closed", "type": "admin", "admin_id": "991267700"}, 400, "parameter_invalid"),
        ({"message_type": "close", "admin_id": "991267700"}, 400, "parameter_missing"),
        ({"message_type": "close", "type": "admin"}, 400, "parameter_missing"),
        ({"message_type": "close", "type": "admin", "admin_id": "1"}, 404, "admin_not_found"),
        ({"message_type": "snoozed", "admin_id": "991267700"}, 400, "parameter_missing"),
        ({"message_type": "snoozed", "admin_id": "991267700", "snoozed_until": "soon"}, 400, "parameter_invalid"),
        ({"message_type": "assignment", "type": "team", "admin_id": 991267700}, 400, "parameter_missing"),
        (
            {"message_type": "assignment", "type": "team", "admin_id": 991267700, "assignee_id": 9},
            404,
            "assignee_not_found",
        ),
    ],
)
def test_parts_check_their_body(api, opened, body, status, code):
    """Missing and wrong parameters of /parts have their codes, and nothing is written."""
    before = api.box.conversation(opened)
    answer = api("POST", f"/conversations/{opened}/parts", body)
    assert (answer.status, answer.code) == (status, code)
    assert api.box.conversation(opened) == before


def test_seeded_parts_never_change(api, box, opened):
    """The invented first parts stay the same whatever happens to the conversation later."""
    before = parts(box.conversation(opened))
    api.close(opened)
    act(api, opened, "assignment", assignee_id="991267702")
    act(api, opened, "assignment", type="team", assignee_id="5003")
    assert parts(box.conversation(opened))[: len(before)] == before


def test_posts_are_not_deduplicated_and_the_audit_sees_it(api, box, opened):
    """The same reply sent by two threads stands twice, and the audit says so."""
    body = {"message_type": "comment", "type": "admin", "admin_id": box.admin_id, "body": "Twice"}
    threads = [threading.Thread(target=api, args=("POST", f"/conversations/{opened}/reply", body)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    audit = box.audit()
    assert audit["duplicate_replies"] == 1 and audit["kinds"]["comment"]["twice"] == [opened]
    api.close(opened)
    assert box.audit()["kinds"]["close"] == {"0": 199, "1": 1, "2+": 0, "writes": 1, "twice": []}


def test_a_write_may_answer_little_or_what_was(api, box, opened):
    """write_answers: nothing but type and id, or the conversation as it was; GET shows the write at once."""
    box.control(write_answers="minimal")
    assert api.close(opened).json == {"type": "conversation", "id": str(opened)}
    box.control(write_answers="stale")
    assert act(api, opened, "open").json["state"] == "closed"
    assert api("PUT", f"/conversations/{opened}", {"title": "New"}).json["title"] != "New"
    now = api("GET", f"/conversations/{opened}").json
    assert (now["state"], now["title"]) == ("open", "New")


def test_a_search_may_lack_fields(api, box, opened):
    """search_lacks: left out of searches and lists, there in GET."""
    box.control(search_lacks=["state", "open"])
    query = {"query": {"field": "id", "operator": "=", "value": str(opened)}}
    found = api("POST", "/conversations/search", query).json["conversations"][0]
    assert not {"state", "open"} & set(found) and "tags" in found
    assert "state" in api("GET", f"/conversations/{opened}").json
