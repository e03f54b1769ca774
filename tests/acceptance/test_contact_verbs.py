"""The verbs of contacts, against the sandbox's own books."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from intercom_bulk_updater.operations.registry import iterate, operation_class

from .desk import Desk

SANDBOX = {"conversations": 60, "latency": 0.0, "jitter": 0.0}
TAG = 7003
PLAIN = ("--json", "--progress", "none")
# verb: what is typed, what tells that it was done, and the same before it.
VERBS: dict[str, tuple[list[str], Callable[[dict[str, Any]], Any], Any, Any]] = {
    "tag": (["--tag", str(TAG)], lambda one: TAG in one["tags"], True, False),
    "untag": (["--tag", str(TAG)], lambda one: TAG in one["tags"], False, True),
    "archive": ([], lambda one: one["archived"], True, False),
    "unarchive": ([], lambda one: one["archived"], False, True),
    "block": (["--irreversible"], lambda one: one["blocked"], True, False),
    "note": (["--body", "Renewal in May."], lambda one: sum("Renewal" in body for body in one["notes"]), 1, 0),
}
WAY_BACK = {"tag", "untag", "archive", "unarchive"}


def some(desk: Desk, verb: str) -> list[str]:
    """Eight contacts that the verb has something to do for, in the file `ids`."""
    rows = [one for one in desk.box.contacts() if not one["archived"]]
    free = [str(one["id"]) for one in rows if TAG not in one["tags"]][:8]
    (desk.home / "ids").write_text("\n".join(free))
    before = {"untag": ["tag", "--tag", str(TAG)], "unarchive": ["archive"]}.get(verb)
    if before:
        assert desk.here("contacts", *before, "--ids", "ids", "--yes", *PLAIN).code == 0
    return free


def standing(desk: Desk, verb: str, ids: list[str]) -> list[Any]:
    """What the server holds of each."""
    rows = {str(one["id"]): one for one in [*desk.box.contacts(), *desk.box.contacts(archived=True)]}
    return [VERBS[verb][1](rows[one]) for one in ids]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_does_what_its_dry_run_said(desk: Desk, verb: str) -> None:
    """Dry run, plan and apply agree; what was done is undone, or refused with its reason."""
    words, _, after, before = VERBS[verb]
    ids = some(desk, verb)
    already = desk.writes()
    dry = desk.here("contacts", verb, *words, "--ids", "ids", "--dry-run", *PLAIN)
    assert dry.counts == {"selected": 8, "pending": 8} and desk.writes() == already
    assert desk.here("contacts", verb, *words, "--ids", "ids", "--plan", "p.jsonl").code == 0
    gate = [word for word in words if word == "--irreversible"]
    done = desk.here("apply", "p.jsonl", "--yes", *gate, *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 8, "done": 8}), done.err
    assert standing(desk, verb, ids) == [after] * 8 and desk.writes() - already == 8
    assert desk.here("verify", "latest").code == 0
    back = desk.here("undo", done.run, "--yes", *PLAIN)
    if verb in WAY_BACK:
        assert (back.code, back.counts) == (0, {"selected": 8, "done": 8}), back.err
        assert standing(desk, verb, ids) == [before] * 8
    else:
        assert back.code == 5 and operation_class(f"contacts.{verb}").why_no_undo(None) in back.err  # type: ignore[arg-type]
        assert standing(desk, verb, ids) == [after] * 8


@pytest.mark.parametrize("verb", VERBS)
def test_a_lost_answer_is_found_out(desk: Desk, verb: str) -> None:
    """Written, and the connection broken: the contact is read before anything is sent again, and a note stands once."""
    words, _, after, _ = VERBS[verb]
    ids = some(desk, verb)
    desk.box.fault("drop_after", path="/contacts/[^/]+/(tags|archive|unarchive|block|notes)", on="write", count=3)
    done = desk.here("contacts", verb, *words, "--ids", "ids", "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 8, "done": 8}), done.err
    assert standing(desk, verb, ids) == [after] * 8


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


@pytest.mark.parametrize("name", [name for name, _ in iterate()])
def test_the_first_example_of_a_verb_runs(desk: Desk, name: str) -> None:
    """As the help shows it, with the files that it names."""
    ids = [str(one["id"]) for one in getattr(desk.box, name.partition(".")[0])()][:3]
    for file in ("ids.txt", "spam.txt"):
        (desk.home / file).write_text("\n".join(ids))
    (desk.home / "reply.txt").write_text("All is well again.")
    example = next(iter(operation_class(name).command_examples()))
    done = desk.here(*shlex.split(example)[1:])
    assert done.code == 0 and "Dry run" in done.err, done.err
