"""`operations check` on the verbs of this package: what it tells of somebody's own code is worth something where these hold."""

from __future__ import annotations

import pytest

from intercom_bulk_updater.model import Reversibility
from intercom_bulk_updater.operations.registry import built_in
from intercom_bulk_updater.operations.spec import parameters_of

from .desk import Desk

SANDBOX = {"conversations": 5}  # it takes one of its own
VERBS = dict(built_in())
CHECKS = (
    "conversations.export --param output=all.jsonl",
    "conversations.close --param body=Bye",
    "conversations.close",
    "conversations.open --where state=closed",
    "conversations.snooze --param until=+3d",
    "conversations.assign --param to_team=Billing",
    "conversations.assign --param to_admin=991267702",
    "conversations.tag --param tag=vip",
    "conversations.untag --param tag=vip --where tag=vip",
    "conversations.set --param order_id=7",
    "conversations.set --param title=x",
    "conversations.note --param body=Hi",
    "conversations.reply --param body=Hi",
    "conversations.convert --param ticket_type=101",
    "conversations.redact --param all=true",
    "conversations.merge --param into=215470000000024",
    "conversations.delete",
    "contacts.export --param output=all.jsonl",
    "contacts.tag --param tag=vip",
    "contacts.untag --param tag=stale",
    "contacts.archive",
    "contacts.unarchive",
    "contacts.block",
    "contacts.note --param body=Hi",
    "contacts.set --param plan=pro",
    "contacts.merge --param into=felix.kaya.0@example.test --param skip_duplicate_validation=true --where role=lead",
    "contacts.attach-company --param company=acme-00001",
    "contacts.detach-company --param company=acme-00001 --where company=acme-00001",
    "contacts.subscribe --param subscription=Newsletter",
    "contacts.unsubscribe --param subscription=Newsletter",
    "contacts.delete",
    "companies.export --param output=all.jsonl",
    "companies.tag --param tag=vip",
    "companies.untag --param tag=vip",
    "companies.note --param body=Hi",
    "companies.set --param industry=Retail",
    "companies.delete",
    "tickets.export --param output=all.jsonl",
    "tickets.close",
    "tickets.open --where open=false",
    "tickets.assign --param to_team=Billing",
    "tickets.tag --param tag=vip",
    "tickets.untag --param tag=vip",
    "tickets.set --param severity=high --where type=101",
    "tickets.note --param body=Hi",
    "tickets.reply --param body=Hi",
    "tickets.link --param conversation=215470000000024 --where type=103",
    "tickets.unlink --param conversation=215470000000024 --where type=103",
    "tickets.delete",
)
"""What each is tried with; a new verb gets a row. Most of them are `make test-further`."""
NOTHING_TO_DO = {"contacts.untag", "contacts.unarchive", "contacts.unsubscribe", "companies.untag", "tickets.untag", "tickets.unlink"}
"""Verbs that a sandbox which is as it was seeded has no items for."""
TOO_FEW = {"tickets.link"}
"""Verbs that are over before they can be killed: a conversation has one tracker."""
KILLED = "killed and resumed: every item once"


def test_each_verb_has_a_row() -> None:
    """All but those that take rows of a spreadsheet, which check does not make."""
    assert {one.split()[0] for one in CHECKS} == {name for name, cls in VERBS.items() if not cls.keys}


@pytest.mark.parametrize("words", CHECKS)
def test_a_built_in_verb_keeps_every_promise(desk: Desk, words: str) -> None:
    """What does not apply, and what could not be tried, is said to be so and not held against it."""
    name, found = words.split()[0], desk.here("operations", "check", *words.split(), "--json")
    assert found.code == 0, found.out + found.err
    left = {one["check"]: one["said"] for one in found.json["checks"] if one["holds"] is not True}
    cls = VERBS[name]
    if not list(parameters_of(cls.Parameters)):
        assert left.pop("parameters are read by their annotations") == "it takes none"
    if name in NOTHING_TO_DO:
        assert left.pop("the run does what the dry run said").startswith("not made: nothing was to change")
        assert len(found.json["checks"]) == 3
    elif cls.reversibility not in (Reversibility.READS, Reversibility.REVERSIBLE, Reversibility.FIELDS):
        assert left.pop("undo restores what was") == "there is no way back, and runs say so"
    if name in TOO_FEW:
        assert left.pop(KILLED).startswith("not made")
    assert not left
