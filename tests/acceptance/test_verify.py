"""The server's word on whether a run is complete."""

from __future__ import annotations

from .desk import Desk

SANDBOX = {"conversations": 120}


def test_a_write_that_did_not_take_effect_is_found(desk: Desk) -> None:
    """What is not as the run says it left it is found by reading back, not by counting: exit 6, with the ids."""
    ids = desk.open_ids()
    done = desk.close()
    assert (done.code, done.counts["done"]) == (0, len(ids)), done.err
    undone = ids[3:5]
    desk.box.touch(undone, "open")
    answer = desk.here("verify", done.run, "--verify", "all", "--json")
    assert answer.code == 6, answer.err
    assert answer.json["verified"]["remaining"] == 2
    assert {row["id"] for row in answer.json["verified"]["wrong"]} == set(undone)
    assert answer.counts["done"] == len(ids)  # what the run did does not change by looking


def test_an_answer_without_its_effect_is_found_by_the_run_itself(desk: Desk) -> None:
    """A server that says 200 and changes nothing: the run ends with exit 6, whatever its own counter holds."""
    ids = desk.open_ids()
    desk.box.fault("status", status=200, method="POST", path="/parts$", count=3)
    answer = desk.close("--verify", "all")
    assert answer.code == 6, (answer.code, answer.out, answer.err)
    assert answer.json["verified"]["remaining"] == 3
    assert len(desk.open_ids()) == 3 < len(ids)
