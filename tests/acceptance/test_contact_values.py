"""`contacts set`: fields and attributes in the types of the workspace, restored by undo."""

from __future__ import annotations

from typing import Any

import pytest

from .desk import Desk

SANDBOX = {"conversations": 60, "latency": 0.0, "jitter": 0.0}
PLAIN = ("--json", "--progress", "none")


def users(desk: Desk, number: int = 4) -> list[str]:
    """So many users, in the file `ids`."""
    ids = [str(one["id"]) for one in desk.box.contacts(role="user") if not one["archived"]][:number]
    (desk.home / "ids").write_text("\n".join(ids))
    return ids


def values(desk: Desk, contact: str, *names: str) -> list[Any]:
    """Fields and attributes of a contact, as the API shows them."""
    row = desk.box.contact(contact)
    return [row[name] if name in row else row["custom_attributes"].get(name) for name in names]


NAMES = ("plan", "seats", "paid_subscriber", "renews_at", "name", "phone", "owner_id", "unsubscribed_from_emails", "signed_up_at")


def test_each_type_is_written_as_what_it_is_and_undone(desk: Desk) -> None:
    """Text, number, boolean, date, an owner by name, null to clear: one request a contact, and undo brings all of it back."""
    ids = users(desk)
    before = [values(desk, one, *NAMES) for one in ids]
    words = (
        "plan=pro", "seats=12", "paid_subscriber=true", "renews_at=2026-03-01", "name=Ada", "phone=null", "owner_id=Ben Okafor",
        "unsubscribed_from_emails=true", "signed_up_at=",
    )  # fmt: skip
    written = desk.writes()
    done = desk.here("contacts", "set", *words, "--ids", "ids", "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 4, "done": 4}), done.err
    assert desk.writes() - written == 4
    for one in ids:
        plan, seats, paid, renews, *rest = values(desk, one, *NAMES)
        assert (plan, seats, paid) == ("pro", 12, True) and isinstance(renews, int) and renews % 3600 == 0
        assert rest == ["Ada", None, "991267702", True, None]
    assert desk.here("verify", "latest").code == 0
    again = desk.here("contacts", "set", *words, "--ids", "ids", "--yes", *PLAIN)
    assert again.counts == {"selected": 4, "unchanged": 4}, again.err
    back = desk.here("undo", done.run, "--yes", *PLAIN)
    assert (back.code, back.counts) == (0, {"selected": 4, "done": 4}), back.err
    assert [values(desk, one, *NAMES) for one in ids] == before


def test_an_identity_is_cleared_with_an_empty_text(desk: Desk) -> None:
    """Where the contract has no null: e-mail address and external id; the undo of one that was empty clears it too."""
    one, two = users(desk, 2)
    had = values(desk, one, "email", "external_id"), values(desk, two, "email", "external_id")
    done = desk.here("contacts", "set", "email=", "external_id=null", "--ids", "ids", "--yes", *PLAIN)
    assert (done.code, done.counts) == (0, {"selected": 2, "done": 2}), done.err
    assert values(desk, one, "email", "external_id") == [None, None]
    back = desk.here("undo", done.run, "--yes", *PLAIN)
    assert back.code == 0, back.err
    assert (values(desk, one, "email", "external_id"), values(desk, two, "email", "external_id")) == had


def test_a_row_has_values_of_its_own(desk: Desk) -> None:
    """A column a value, each in the type of its attribute; null clears, and an empty cell leaves the field as it is."""
    ids = users(desk, 4)
    had = values(desk, ids[3], "seats")[0]
    rows = zip(ids, (3, 4, "null", ""), strict=True)
    (desk.home / "s.csv").write_text("contact,seats\n" + "\n".join(f"{one},{seats}" for one, seats in rows))
    done = desk.here("contacts", "set", "seats={{seats}}", "--csv", "s.csv", "--id-column", "contact", "--yes", *PLAIN)
    assert done.code == 0, done.err
    assert [values(desk, one, "seats")[0] for one in ids] == [3, 4, None, had] and had is not None
    (desk.home / "s.csv").write_text(f"contact,seats\n{ids[0]},many")
    refused = desk.here("contacts", "set", "seats={{seats}}", "--csv", "s.csv", "--id-column", "contact", "--dry-run")
    assert refused.code == 2 and "s.csv, line 2: seats is of type integer, and 'many' is not" in refused.err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("plann=pro", "no contact attribute 'plann'. Nearest: plan"),
        ("owner_id=Ben Okapi", "no admin 'Ben Okapi'"),
        ("paid_subscriber=perhaps", "write true or false"),
        ("unsubscribed_from_emails=", "write true or false"),
        ("role=user", "no contact attribute 'role'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_before_anything_is_sent(desk: Desk, typed: str, said: str) -> None:
    """The error names the key, and what it takes."""
    users(desk)
    written = desk.writes()
    refused = desk.here("contacts", "set", typed, "--ids", "ids", "--yes")
    assert refused.code == 2 and said in refused.err, refused.err
    assert desk.writes() == written


def test_an_address_that_another_user_has_fails_alone(desk: Desk) -> None:
    """409 conflict: the one contact fails, and the others are written."""
    one, two = users(desk, 2)
    taken = values(desk, users(desk, 3)[2], "email")[0]
    (desk.home / "s.csv").write_text(f"id,email\n{one},{taken}\n{two},fresh@example.com")
    done = desk.here("contacts", "set", "email={{email}}", "--csv", "s.csv", "--yes", *PLAIN)
    assert (done.code, done.counts) == (3, {"selected": 2, "done": 1, "failed": 1}), done.err
    assert done.json["failures"][0]["example"]["code"] == "conflict"
    assert values(desk, two, "email") == ["fresh@example.com"]


def pair(desk: Desk, kind: str) -> list[str]:
    """Two contacts of a kind, with an address each."""
    return [str(one["id"]) for one in desk.box.contacts(role=kind) if not one["archived"] and one["email"]][:2]


@pytest.mark.parametrize("name", ["email", "external_id"])
def test_a_dry_run_says_that_one_address_goes_to_several(desk: Desk, name: str) -> None:
    """As a literal and as a column, whatever its capitals: the first user gets it, the second is named with the first; leads share one."""
    users, leads = pair(desk, "user"), pair(desk, "lead")
    value = {"email": "one@example.test", "external_id": "one"}[name]
    (desk.home / "ids").write_text("\n".join([*leads, *users]))
    sheet = [f"{one},{value.upper() if place % 2 else value}" for place, one in enumerate([*leads, *users])]
    (desk.home / "s.csv").write_text("\n".join(["id,key", *sheet]))
    for words in ((f"{name}={value}", "--ids", "ids"), (f"{name}={{{{key}}}}", "--csv", "s.csv")):
        desk.box.reset_stats()
        dry = desk.here("contacts", "set", *words, "--dry-run", *PLAIN)
        assert (dry.code, dry.counts) == (3, {"selected": 4, "pending": 3, "failed": 1}), dry.err
        example = dry.json["failures"][0]["example"]
        assert example["id"] == users[1] and f"what the user {users[0]} gets by this run, too" in example["message"], example
        assert desk.sent("/contacts/search") == 2 and value not in example["message"]
        planned = desk.here("contacts", "set", *words, "--plan", f"{words[1]}.jsonl", *PLAIN)
        assert planned.counts == dry.counts, planned.err
    done = desk.here("contacts", "set", *words, "--workers", "1", "--yes", "--verify", "none", *PLAIN)
    assert (done.code, done.counts) == (3, {"selected": 4, "done": 3, "failed": 1}), done.err
    assert done.json["failures"][0]["example"]["id"] == users[1]


def test_an_address_that_goes_to_one_is_asked_for_once(desk: Desk) -> None:
    """Whose it is takes one search, and nothing where no address is set; a row that takes another user's fails in the dry run too."""
    one, two = pair(desk, "user")
    taken = values(desk, two, "email")[0]
    (desk.home / "s.csv").write_text(f"id,email\n{one},{taken}")
    desk.box.reset_stats()
    dry = desk.here("contacts", "set", "email={{email}}", "--csv", "s.csv", "--dry-run", *PLAIN)
    assert dry.counts == {"selected": 1, "failed": 1} and two in dry.json["failures"][0]["example"]["message"], dry.err
    assert desk.sent("/contacts/search") == 1
    desk.here("contacts", "set", "name=Ann", "--csv", "s.csv", "--dry-run", *PLAIN)
    assert desk.sent("/contacts/search") == 1
