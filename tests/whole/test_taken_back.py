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


def test_what_our_own_runs_did_to_a_ticket_since_is_no_drift(desk: Desk) -> None:
    """Closed with a state, then opened by a run: the state goes back, and the undo of that brings all of it again."""
    ids = tickets(desk)
    was = {one["id"]: (one["open"], one["state"]) for one in desk.box.tickets()}
    first = ran(desk.here("tickets", "close", *listed(desk, ids), "--ticket-state", "resolved", *PLAIN), selected=3, done=3)
    ran(desk.here("tickets", "open", "--ids", "ids", *PLAIN), selected=3, done=3)
    undo = ran(desk.here("undo", first, *PLAIN), selected=3, done=3)
    assert {one["id"]: (one["open"], one["state"]) for one in desk.box.tickets()} == was
    ran(desk.here("undo", undo, *PLAIN), selected=3, done=3)
    assert not any(one["open"] for one in desk.box.tickets() if one["id"] in ids)
