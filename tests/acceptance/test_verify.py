"""The server's word on whether a run is complete."""

from __future__ import annotations

import json

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
    again = f"--from-run {done.run} --outcome done"
    assert again in answer.json["error"]["hint"]
    assert desk.here("conversations", "close", *again.split(), "--yes", "--json").counts["done"] == 2


def test_an_answer_without_its_effect_is_found_by_the_run_itself(desk: Desk) -> None:
    """A server that says 200 and changes nothing: no item is done, and the run says so."""
    ids = desk.open_ids()
    desk.switch(write_answers="ignored")
    answer = desk.close("--verify", "all", "--limit", "3")
    assert (answer.code, answer.counts) == (3, {"selected": 3, "failed": 3}), (answer.code, answer.out, answer.err)
    assert desk.open_ids() == ids


def test_looking_changes_nothing_but_what_was_found(desk: Desk) -> None:
    """verify leaves the counts of `runs list` standing, and adds its own requests to the run's."""
    ids = desk.open_ids()
    done = desk.close("--verify", "none")
    listed = desk.here("runs", "list").out.splitlines()[1]
    looked = desk.here("verify", done.run, "--jsonl")
    events = [json.loads(line) for line in looked.out.splitlines()]
    report = events[-1]
    assert (looked.code, report["verified"]["checked"]) == (0, len(ids)), looked.err
    assert desk.here("runs", "list").out.splitlines()[1].split("\t")[:4] == listed.split("\t")[:4]
    assert report["requests"]["total"] >= done.json["requests"]["total"] + len(ids)
    assert report["seconds"] == done.json["seconds"]
    assert "all in the requested state" in looked.err and "0 left" not in looked.err


def test_a_run_that_was_undone_keeps_its_ending(desk: Desk) -> None:
    """Verified, it says by which run; it offers no second undo; undoing the undo lets it stand again."""
    done = desk.close("--limit", "3")
    undone = desk.here("undo", done.run, "--yes", "--json")
    looked = desk.here("verify", done.run, "--json")
    assert (looked.code, looked.json["undone_by"], looked.json["verified"]["remaining"]) == (6, undone.run, 3)
    assert looked.json["next"] == [f"intercom-bulk verify {undone.run}"]
    told = desk.here("runs", "show", done.run, "--json").json
    assert (told["exit"], told["undone_by"]) == (0, undone.run)
    assert not any(" undo " in command for command in told["next"])
    assert f"undone by\t{undone.run}" in desk.here("runs", "show", done.run).out
    assert desk.here("undo", undone.run, "--yes", "--json").code == 0
    assert "undone_by" not in desk.here("runs", "show", done.run, "--json").json
