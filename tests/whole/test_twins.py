"""Each verb of contacts, companies and tickets from Python: the same words, the same options, the same account as the command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Desk, at_desk
from intercom_bulk_updater.model import Reversibility
from intercom_bulk_updater.operations.registry import iterate

from .network import MemorySandbox

USERS, LEADS, TICKETS, ALL = "role = user", "role = lead", "open = true", "created > 2015-01-01"
GRAVE = ({"irreversible": True}, ["--irreversible"])
SEEN = ({"customer_visible": True}, ["--customer-visible"])
Twin = tuple[str, dict[str, Any], list[str]]
"""Which items, and what else, from Python and as typed."""
TWINS: dict[str, Twin] = {
    "contacts.tag": (LEADS, {"tag": ["vip"]}, ["--tag", "vip"]),
    "contacts.untag": (LEADS, {"tag": "vip"}, ["--tag", "vip"]),
    "contacts.set": (USERS, {"values": {"name": "Zed", "seats": 3}}, ["name=Zed", "seats=3"]),
    "contacts.archive": (LEADS, {}, []),
    "contacts.block": (LEADS, *GRAVE),
    "contacts.delete": (LEADS, *GRAVE),
    "contacts.note": (USERS, {"body": "Hi {{contact.first_name|there}}"}, ["--body", "Hi {{contact.first_name|there}}"]),
    "contacts.attach-company": (USERS, {"company": "acme-00001"}, ["--company", "acme-00001"]),
    "contacts.detach-company": (USERS, {"company": "acme-00001"}, ["--company", "acme-00001"]),
    "contacts.subscribe": (USERS, {"subscription": 37846}, ["--subscription", "37846"]),
    "contacts.unsubscribe": (USERS, {"subscription": "Newsletter"}, ["--subscription", "Newsletter"]),
    "companies.tag": (ALL, {"tag": ["vip"]}, ["--tag", "vip"]),
    "companies.untag": (ALL, {"tag": ["vip"]}, ["--tag", "vip"]),
    "companies.set": (ALL, {"values": {"industry": "Retail"}}, ["industry=Retail"]),
    "companies.note": (ALL, {"body": "Seen."}, ["--body", "Seen."]),
    "companies.delete": (ALL, *GRAVE),
    "tickets.close": (TICKETS, *SEEN),
    "tickets.open": ("open = false", *SEEN),
    "tickets.set": (TICKETS, {"values": {"title": "Seen"}}, ["title=Seen"]),
    "tickets.assign": (TICKETS, {"to_team": 5002}, ["--to-team", "Billing"]),
    "tickets.tag": (TICKETS, {"tag": ("vip",)}, ["--tag", "vip"]),
    "tickets.untag": (TICKETS, {"tag": {"vip"}}, ["--tag", "vip"]),
    "tickets.reply": (TICKETS, {"body": "Soon.", "customer_visible": True}, ["--body", "Soon.", "--customer-visible"]),
    "tickets.note": (TICKETS, {"body": "Seen."}, ["--body", "Seen."]),
    "tickets.delete": (TICKETS, *GRAVE),
}
ELSEWHERE = {"contacts.unarchive", "contacts.merge", "contacts.upsert", "companies.upsert", "tickets.link", "tickets.unlink"}
"""Those whose items are told one by one: below."""


@pytest.fixture
def desk(box: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process, with a journal of its own."""
    (tmp_path / "command").mkdir()
    with at_desk(box, tmp_path / "command") as made:
        yield made


def account(report: Mapping[str, Any]) -> dict[str, Any]:
    """What is the same for two runs of the same thing."""
    told = json.loads(re.sub(r"\b\d{4}-[a-z-]+-[0-9a-f]{4}\b", "RUN", json.dumps(report)).replace("/command/", "/"))
    run = {name: told["run"][name] for name in ("kind", "status", "operation", "words", "admin")}
    seen = {name: told[name] for name in ("ok", "exit", "counts", "failures", "next")}
    return {**seen, "run": run, "selection": told["run"]["selection"]["words"]}


def test_every_verb_is_compared() -> None:
    """A verb that is added is added here; those of conversations are compared in tests/promises/test_library.py."""
    acting = {name for name, cls in iterate() if cls.reversibility is not Reversibility.READS and not name.startswith("conversations.")}
    assert TWINS.keys() | ELSEWHERE == acting


@pytest.mark.parametrize("verb", TWINS)
def test_a_verb_has_the_same_account(desk: Desk, box: MemorySandbox, verb: str) -> None:
    """Done with few items, and read back not: what is compared is the account."""
    where, given, typed = TWINS[verb]
    python = bulk.run(verb, where, limit=2, verify="none", **given).report()
    box.reset()
    plain = (*verb.split("."), *typed, "--where", where, "--limit", "2", "--verify", "none", "--yes", "--json", "--progress", "none")
    assert account(python) == account(desk.here(*plain).json)
    assert python["counts"]["selected"] == 2
