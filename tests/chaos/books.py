"""What the server holds, read from its own rows; and what a verb does to them when nothing goes wrong."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from acceptance.desk import Desk
from chaos.verbs import UPDATERS, Verb
from intercom_sandbox import Sandbox

ITEMS, FEW_ITEMS = 8, 4
"""Items of a case; few where answers are mutated, for there are thousands of such cases."""
CANDIDATES = 30
"""Items that a verb is tried on, to find some that it changes."""
PLAIN = ("--yes", "--json", "--progress", "none", "--customer-visible", "--irreversible", "--verify", "none")

RESOURCES = ("conversations", "contacts", "companies", "tickets")

Image = dict[str, Any]
Others = dict[tuple[str, str], Image]


def image(box: Sandbox, resource: str, one: str) -> Image:
    """An item as it stands, without what changes by itself; {} when it is gone."""
    read = {"conversations": box.conversation, "contacts": box.contact, "companies": box.company, "tickets": box.ticket}[resource]
    try:
        whole = _plain(read(one))
    except KeyError:
        return {}
    for parts in ("conversation_parts", "ticket_parts"):
        if parts in whole:
            said = [(part["part_type"], part.get("body"), part["author"]["id"]) for part in whole[parts][parts]]
            whole[parts] = sorted(part for part in said if part[1])
    return whole


def _plain(content: Any) -> Any:
    """Without moments and orders, and what is counted from them. What a person set (custom attributes) stays whole."""
    if isinstance(content, list):
        return sorted(map(_plain, content), key=json.dumps)
    if not isinstance(content, dict):
        return content
    return {
        key: value if key == "custom_attributes" else _plain(value) for key, value in content.items()
        if not key.endswith("_at") and key not in ("statistics", "waiting_since", "previous_ticket_state_id")
    }  # fmt: skip


def images(box: Sandbox, resource: str, ids: list[str]) -> dict[str, Image]:
    """Each item as it stands; what only the control endpoint shows is added."""
    rows = {str(row["id"]): row for row in getattr(box, resource)()}
    return {one: {**image(box, resource, one), **_row(rows.get(one, {}))} for one in ids}


def _row(row: Image) -> Image:
    """The row of the control endpoint, without what it counts and numbers (a ticket made later has a higher one)."""
    return {key: value for key, value in _plain(row).items() if key not in ("parts", "users", "ticket_id")}


def others(box: Sandbox, verb: Verb, ids: list[str]) -> Others:
    """All rows that are none of a run's business."""
    every = {(name, str(row["id"])): _row(row) for name in RESOURCES for row in getattr(box, name)()}
    business = {(verb.resource, one) for one in ids} | {(name, last(box, name)) for name in verb.others}
    return {key: row for key, row in every.items() if key not in business}


def last(box: Sandbox, resource: str) -> str:
    """The item that a verb means which names one more of a resource."""
    return str(getattr(box, resource)()[-1]["id"])


def command(box: Sandbox, words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a verb, with such an item in its place."""
    return tuple(last(box, word[1:]) if word.startswith("@") else word for word in words)


@dataclass
class Reference:
    """What a verb does to its items when nothing goes wrong, and what its undo leaves."""

    ids: list[str]
    before: dict[str, Image]
    after: dict[str, Image]
    undone: dict[str, Image]
    others: Others = field(repr=False)
    others_undone: Others = field(repr=False)
    parameters: Any = None
    """What its run keeps of what it was asked for, names as ids."""


_REFERENCES: dict[str, Reference] = {}


def reference(desk: Desk, verb: Verb) -> Reference:
    """Tried once at a desk before a new workspace; every workspace of this seed is the same."""
    if verb.name not in _REFERENCES:
        desk, asked = _beside(desk, f"candidates {verb.name}"), desk
        desk.box.reset()
        ids = [str(row["id"]) for row in getattr(desk.box, verb.resource)()][:CANDIDATES]
        prepare(desk, verb, ids)
        before = images(desk.box, verb.resource, ids)
        # Of many candidates the verb may be possible for few.
        answer = desk.here(*command(desk.box, verb.command), "--ids", "ids", *PLAIN, "--max-failures", "100%")
        after = images(desk.box, verb.resource, ids)
        chosen = [one for one in ids if after[one] != before[one]][:ITEMS]
        if not chosen:
            raise AssertionError(f"{verb.name} changes nothing that the server shows, so that nothing can be judged by it: {answer}")
        _REFERENCES[verb.name] = _tried(_beside(asked, f"reference {verb.name}"), verb, chosen)
        desk.box.reset()
    return _REFERENCES[verb.name]


def _beside(desk: Desk, name: str) -> Desk:
    """A desk with a journal of its own: what was sent once is not sent again by runs that know of it."""
    home = desk.home / re.sub(r"\W+", "-", name)
    home.mkdir(exist_ok=True)
    return Desk(desk.box, home)


def _tried(desk: Desk, verb: Verb, ids: list[str]) -> Reference:
    """A run on these, and its undo."""
    desk.box.reset()
    prepare(desk, verb, ids)
    before = images(desk.box, verb.resource, ids)
    answer = desk.here(*command(desk.box, verb.command), "--ids", "ids", *PLAIN)
    assert verb.own or (answer.code == 0 and answer.counts.get("done") == len(ids)), answer
    asked = parameters(desk, answer.run)
    after, around = images(desk.box, verb.resource, ids), others(desk.box, verb, ids)
    assert all(after[one] != before[one] for one in ids)
    if verb.undoable:
        answer = desk.here("undo", "latest", *PLAIN)
        assert answer.code == 0, answer
    undone, left = images(desk.box, verb.resource, ids), others(desk.box, verb, ids)
    assert not verb.undoable or all(undone[one] != after[one] for one in ids)
    return Reference(ids, before, after, undone, around, left, asked)


def parameters(desk: Desk, run: str) -> Any:
    """What a run keeps of what it was asked for, as its journal has it."""
    with closing(sqlite3.connect(desk.home / "journal.db")) as database:
        return json.loads(database.execute("SELECT parameters FROM run WHERE id = ?", (run,)).fetchone()[0])


def prepare(desk: Desk, verb: Verb, ids: list[str]) -> None:
    """Items that the verb has something to do with, and their ids in a file."""
    (desk.home / "mine.py").write_text(UPDATERS)
    (desk.home / "ids").write_text("\n".join(ids))
    if verb.prepared_by:
        first = _beside(desk, "first")
        (first.home / "ids").write_text("\n".join(ids))
        # It, too, may be possible for few, and the first twenty alike would end it.
        first.here(*command(desk.box, verb.prepared_by), "--ids", "ids", *PLAIN, "--max-failures", "100%")
