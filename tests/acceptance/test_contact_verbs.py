"""The verbs of contacts, against the sandbox's own books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .desk import Desk, until

SANDBOX = {"conversations": 60, "contacts": 200, "latency": 0.0, "jitter": 0.0}
TAG = 7003
PLAIN = ("--json", "--progress", "none")
# verb: what is typed (USER: the id of a user), what tells that it was done, and what it tells then.
VERBS: dict[str, tuple[list[str], Callable[[Any], Any], Any]] = {
    "tag": (["--tag", str(TAG)], lambda one: TAG in one["tags"], True),
    "untag": (["--tag", str(TAG)], lambda one: TAG in one["tags"], False),
    "archive": ([], lambda one: one["archived"], True),
    "unarchive": ([], lambda one: one["archived"], False),
    "block": (["--irreversible"], lambda one: one["blocked"], True),
    "note": (["--body", "Renewal in May."], lambda one: sum("Renewal" in body for body in one["notes"]), 1),
    "set": (["name=Zed", "seats=12"], lambda one: (one["name"], one["custom_attributes"].get("seats")) == ("Zed", 12), True),
    "attach-company": (["--company", "acme-00001"], lambda one: len(one["companies"]), 1),
    "detach-company": (["--company", "acme-00001"], lambda one: len(one["companies"]), 0),
    "subscribe": (["--subscription", "newsletter"], lambda one: one["subscriptions"], ["37846"]),
    "unsubscribe": (["--subscription", "37846"], lambda one: one["subscriptions"], []),
    "merge": (["--into", "USER", "--skip-duplicate-validation", "--irreversible"], lambda one: bool(one["merged_into"]), True),
    "delete": (["--irreversible"], lambda one: one is None, True),
}
INVERSE = {
    "untag": ["tag", "--tag", str(TAG)], "unarchive": ["archive"], "detach-company": ["attach-company", "--company", "acme-00001"],
    "unsubscribe": ["subscribe", "--subscription", "37846"],
}  # fmt: skip


def some(desk: Desk, verb: str, number: int = 8) -> list[str]:
    """Eight contacts that the verb has something to do for, in the file `ids`."""
    rows = [one for one in desk.box.contacts() if not one["archived"] and (verb != "merge" or one["role"] == "lead")]
    free = [str(one["id"]) for one in rows if TAG not in one["tags"] and not one["companies"]][:number]
    assert len(free) == number
    (desk.home / "ids").write_text("\n".join(free))
    before = INVERSE.get(verb)
    if before:
        assert desk.here("contacts", *before, "--ids", "ids", "--yes", *PLAIN).code == 0
    return free


def standing(desk: Desk, verb: str, ids: list[str]) -> list[Any]:
    """What the server holds of each."""
    rows = {str(one["id"]): one for one in [*desk.box.contacts(), *desk.box.contacts(archived=True)]}
    return [VERBS[verb][1](rows.get(one)) for one in ids]


def typed(desk: Desk, verb: str) -> list[str]:
    """What is typed for a verb."""
    return [desk.box.contacts(role="user")[-1]["id"] if word == "USER" else word for word in VERBS[verb][0]]


@pytest.mark.parametrize("verb", VERBS)
def test_a_lost_answer_is_found_out(desk: Desk, verb: str) -> None:
    """Written, and the connection broken: the contact is read before anything is sent again, and a note stands once."""
    words, after = typed(desk, verb), VERBS[verb][2]
    ids = some(desk, verb)
    desk.box.fault("drop_after", path="/contacts/.*", on="write", count=3)
    done = desk.here("contacts", verb, *words, "--ids", "ids", "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 8, "done": 8}), done.err
    assert standing(desk, verb, ids) == [after] * 8


@pytest.mark.parametrize("verb", [one if one in ("tag", "note") else pytest.param(one, marks=pytest.mark.slow) for one in VERBS])
def test_a_killed_run_is_resumed(desk: Desk, verb: str) -> None:
    """kill -9 while it writes: the resume looks at what was in flight, and every contact is as wanted, with one note."""
    words, after = typed(desk, verb), VERBS[verb][2]
    ids = some(desk, verb, 20)
    desk.switch(latency=0.03)
    already = desk.writes()
    process = desk.start("contacts", verb, *words, "--ids", "ids", "--yes", "--workers", "3", "--timeout", "3", *PLAIN)
    assert until(lambda: desk.writes() - already >= 5, process)
    process.kill()
    desk.wait(process)
    desk.put_back()
    back = desk.here("runs", "resume", "latest", *PLAIN)
    assert back.code == 0 and back.json["counts"]["done"] + back.json["counts"]["unchanged"] == 20, back.err
    assert standing(desk, verb, ids) == [after] * 20


@pytest.mark.parametrize("verb", ["tag", "untag", "set", "attach-company", "detach-company", "subscribe", "unsubscribe", "delete"])
def test_a_second_run_writes_nothing(desk: Desk, verb: str) -> None:
    """What is as wanted is left alone, also where nothing shows it but that it is gone."""
    some(desk, verb)
    assert desk.here("contacts", verb, *VERBS[verb][0], "--ids", "ids", "--yes", *PLAIN).code == 0
    written = desk.writes()
    again = desk.here("contacts", verb, *VERBS[verb][0], "--ids", "ids", "--yes", *PLAIN)
    assert again.counts == {"selected": 8, "unchanged": 8} and desk.writes() == written, again.err


@pytest.mark.parametrize("verb", ["tag", "untag"])
def test_what_is_in_the_requested_state_is_left_alone(desk: Desk, verb: str) -> None:
    """A second run writes nothing, and an undo leaves the tags that others have put on."""
    words = VERBS[verb][0]
    some(desk, verb)
    first = desk.here("contacts", verb, *words, "--ids", "ids", "--yes", *PLAIN)
    written = desk.writes()
    again = desk.here("contacts", verb, *words, "--ids", "ids", "--yes", *PLAIN)
    assert again.counts == {"selected": 8, "unchanged": 8} and desk.writes() == written
    assert desk.here("contacts", "tag", "--tag", "7001", "--ids", "ids", "--yes", *PLAIN).code == 0
    back = desk.here("undo", first.run, "--yes", *PLAIN)
    assert back.counts == {"selected": 8, "done": 8}, back.err
    ids = (desk.home / "ids").read_text().split()
    assert all(7001 in desk_row["tags"] for desk_row in desk.box.contacts() if str(desk_row["id"]) in ids)
