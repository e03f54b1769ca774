"""What others have taken back before the undo does: left alone where a person goes on from there, unchanged where nothing is left to do."""

from __future__ import annotations

from acceptance.desk import Answer, Desk
from intercom_bulk_updater.api.client import Client

BEN = 991267702
PLAIN = ("--yes", "--json", "--progress", "none", "--verify", "none")


def listed(desk: Desk, ids: list[str]) -> tuple[str, str]:
    """These ids as a selection."""
    (desk.home / "ids").write_text("\n".join(ids))
    return "--ids", "ids"


def ran(answer: Answer, **counts: int) -> str:
    """The run, which ended so."""
    assert answer.counts == counts, answer.err
    return answer.run


def tickets(desk: Desk) -> list[str]:
    """Three open tickets of one type."""
    return [str(one["id"]) for one in desk.box.tickets() if one["open"] and one["type"] == 101][:3]


def test_a_ticket_that_was_opened_again_is_left_to_whoever_did(desk: Desk, others: Client) -> None:
    """Its state still is as the run left it; of a conversation it is the same."""
    ids = tickets(desk)
    was = {one["id"]: one for one in desk.box.tickets()}
    run = ran(desk.here("tickets", "close", *listed(desk, ids), "--ticket-state", "resolved", *PLAIN), selected=3, done=3)
    desk.box.pass_time(5)
    others.put(f"tickets/{ids[0]}", {"open": True, "admin_id": BEN})
    looked = desk.here("undo", run, "--dry-run", "--json", "--progress", "none")
    assert looked.counts == {"selected": 3, "drifted": 1, "pending": 2}, looked.err
    back = desk.here("undo", run, *PLAIN)
    ran(back, selected=3, drifted=1, done=2)
    (left,) = back.json["left_alone"]
    assert left["id"] == ids[0] and "open is true, was false" in left["why"] and "has been there since (open)" in left["why"], left
    now = {one["id"]: one for one in desk.box.tickets()}
    assert now[ids[0]]["open"] and now[ids[0]]["state"] != was[ids[0]]["state"]
    assert all((now[one]["open"], now[one]["state"]) == (True, was[one]["state"]) for one in ids[1:])


def test_runs_over_each_other_are_undone_in_order(desk: Desk) -> None:
    """Closed with a state, then opened by a run: that one first. The undo of the undo brings all of it again."""
    ids = tickets(desk)
    was = {one["id"]: (one["open"], one["state"]) for one in desk.box.tickets()}
    first = ran(desk.here("tickets", "close", *listed(desk, ids), "--ticket-state", "resolved", *PLAIN), selected=3, done=3)
    second = ran(desk.here("tickets", "open", "--ids", "ids", *PLAIN), selected=3, done=3)
    early = desk.here("undo", first, *PLAIN)
    ran(early, selected=3, drifted=3)
    assert early.json["left_alone"][0]["why"] == "open is true, was false; a later run has written to it", early.json["left_alone"]
    ran(desk.here("undo", second, *PLAIN), selected=3, done=3)
    undo = ran(desk.here("undo", first, *PLAIN), selected=3, done=3)
    assert {one["id"]: (one["open"], one["state"]) for one in desk.box.tickets()} == was
    ran(desk.here("undo", undo, *PLAIN), selected=3, done=3)
    assert not any(one["open"] for one in desk.box.tickets() if one["id"] in ids)


def test_a_note_turns_nothing_back(desk: Desk, others: Client) -> None:
    """Of a person, and of a later run: the change stands as the run left it, and is undone."""
    ids = tickets(desk)
    was = {one["id"]: (one["open"], one["state"]) for one in desk.box.tickets()}
    run = ran(desk.here("tickets", "close", *listed(desk, ids), "--ticket-state", "resolved", *PLAIN), selected=3, done=3)
    ran(desk.here("tickets", "note", "--ids", "ids", "--limit", "1", "--body", "Closed.", *PLAIN), selected=1, done=1)
    desk.box.pass_time(5)
    others.post(f"tickets/{ids[1]}/reply", {"message_type": "note", "type": "admin", "admin_id": BEN, "body": "Well."})
    ran(desk.here("undo", run, *PLAIN), selected=3, done=3)
    assert {one["id"]: (one["open"], one["state"]) for one in desk.box.tickets()} == was


def test_a_tag_of_a_ticket_that_others_have_taken_off_is_not_restored(desk: Desk, others: Client) -> None:
    """The answer to the request says so. The run can still be undone once the tag is back."""
    ids = tickets(desk)
    first = ran(desk.here("tickets", "tag", *listed(desk, ids), "--tag", "vip", *PLAIN), selected=3, done=3)
    listed(desk, ids[:2])
    second = ran(desk.here("tickets", "untag", "--ids", "ids", "--tag", "vip", *PLAIN), selected=2, done=2)
    desk.box.pass_time(5)
    undo = desk.here("undo", first, *PLAIN)
    assert undo.counts == {"selected": 3, "unchanged": 2, "done": 1} and "2 already as before" in undo.err, undo.err
    ran(desk.here("undo", second, *PLAIN), selected=2, done=2)
    desk.box.pass_time(5)
    ran(desk.here("undo", first, *PLAIN), selected=2, done=2)
    assert not any("7001" in str(one["tags"]) for one in desk.box.tickets() if one["id"] in ids)


def test_a_tag_that_others_have_put_on_again_is_not_restored(desk: Desk, others: Client) -> None:
    """The answer shows who did, and when."""
    ids = tickets(desk)
    ran(desk.here("tickets", "tag", *listed(desk, ids), "--tag", "vip", *PLAIN), selected=3, done=3)
    off = ran(desk.here("tickets", "untag", "--ids", "ids", "--tag", "vip", *PLAIN), selected=3, done=3)
    others.post(f"tickets/{ids[0]}/tags", {"id": "7001", "admin_id": BEN})
    desk.box.pass_time(5)
    back = ran(desk.here("undo", off, *PLAIN), selected=3, unchanged=1, done=2)
    ran(desk.here("undo", back, *PLAIN), selected=2, done=2)
    assert [str(one["id"]) for one in desk.box.tickets() if one["id"] in ids and "7001" in str(one["tags"])] == ids[:1]


def test_a_lost_answer_to_the_undo_of_a_tag_is_no_word_of_others(desk: Desk) -> None:
    """The tag is off because our own request was carried out: the repetition finds it gone."""
    ids = tickets(desk)
    run = ran(desk.here("tickets", "tag", *listed(desk, ids), "--tag", "vip", *PLAIN), selected=3, done=3)
    desk.box.fault("drop_after", on="write", count=1)
    ran(desk.here("undo", run, *PLAIN), selected=3, done=3)


def test_contacts_that_others_have_brought_back_are_not_restored(desk: Desk, others: Client) -> None:
    """A search shows them as they were changed last, after the run; it is asked for those alone."""
    ids = [str(one["id"]) for one in desk.box.contacts(role="lead")][:4]
    run = ran(desk.here("contacts", "archive", *listed(desk, ids), *PLAIN), selected=4, done=4)
    desk.box.pass_time(5)
    for one in ids[:2]:
        others.post(f"contacts/{one}/unarchive", {})
    desk.box.reset_stats()
    looked = desk.here("undo", run, "--dry-run", "--json", "--progress", "none")
    assert looked.counts == {"selected": 4, "unchanged": 2, "pending": 2}, looked.err
    assert desk.sent("/contacts/search") == 2
    ran(desk.here("undo", run, *PLAIN), selected=4, unchanged=2, done=2)
    assert desk.sent("/unarchive") == 2 and not any(desk.box.contact(one)["archived"] for one in ids)


def test_a_search_that_is_behind_brings_nobody_back(desk: Desk, others: Client) -> None:
    """It still shows a contact who was archived, changed by others since: that is no proof, and the undo brings it back."""
    ids = [str(one["id"]) for one in desk.box.contacts(role="lead")][:2]
    desk.switch(contact_lag=600.0)
    run = ran(desk.here("contacts", "archive", *listed(desk, ids), *PLAIN), selected=2, done=2)
    desk.box.pass_time(5)
    others.put(f"contacts/{ids[0]}", {"name": "Otherwise"})
    ran(desk.here("undo", run, *PLAIN), selected=2, done=2)
    assert not any(desk.box.contact(one)["archived"] for one in ids)
