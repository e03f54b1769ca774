"""What is wrong with a list, a sheet or a value is said of its line before anything is asked for; and who contacts are is said by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.desk import Desk, at_desk

from .network import MemorySandbox


@pytest.fixture
def desk(box: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(box, tmp_path) as made:
        yield made


def people(desk: Desk) -> list[str]:
    """The e-mail addresses of two users."""
    return [str(one["email"]) for one in desk.box.contacts(role="user") if one["email"]][:2]


@pytest.mark.parametrize(("link", "said"), [
    ("/a/apps/sandbox1/users/681c29980000000000000000/all-conversations", "this is the link of one of the contacts"),
    ("/a/apps/sandbox1/users/segments/all-users", "this link leads to no single item"),
    ("/a/inbox/sandbox1/inbox/shared/unassigned", "this link leads to no single item"),
])  # fmt: skip
def test_a_link_that_leads_elsewhere_is_refused_by_what_it_says(desk: Desk, link: str, said: str) -> None:
    """In place of a conversation that is looked for and not there."""
    (desk.home / "links.txt").write_text(f"215470000000031\nhttps://app.intercom.com{link}\n")
    refused = desk.here("conversations", "close", "--ids", "links.txt", "--dry-run")
    assert refused.code == 2 and f"links.txt, line 2: {said}" in refused.err, refused.err


@pytest.mark.parametrize("option", ["--where=x", "--ids", "--from-run", "--exclude", "--query"])
@pytest.mark.parametrize(("resource", "keys"), [("contacts", "external_id or email"), ("companies", "company_id")])
def test_upsert_says_that_it_takes_a_spreadsheet(desk: Desk, option: str, resource: str, keys: str) -> None:
    """In place of the flag that looks a little like it."""
    refused = desk.here(resource, "upsert", "name=x", option, "x")
    assert refused.code == 2 and f"from a spreadsheet: --csv FILE, and --id-column is {keys}" in refused.err, refused.err
    assert "Did you mean" not in refused.err


def test_a_column_called_as_a_field_takes_nobodys_place(desk: Desk) -> None:
    """`{{contact.name}}` in a message is the customer's own name; a sheet that has such a column is refused, with the way out."""
    first, second = people(desk)
    (desk.home / "m.csv").write_text(f"email,contact.name,why\n{first},,late\n{second},Boss,late\n")
    given = ("contacts", "note", "--csv", "m.csv", "--id-column", "email", "--body")
    refused = desk.here(*given, "Hello {{contact.name|n}}: {{why}}", "--dry-run")
    assert refused.code == 2 and "m.csv has a column contact.name" in refused.err, refused.err
    assert desk.here(*given, "Hello {{contact.first_name|n}}: {{why}}", "--dry-run").code == 0


def test_what_is_no_e_mail_address_is_seen_before_it_is_sent(desk: Desk) -> None:
    """By the dry run, with its line; the address itself is not shown."""
    first, second = people(desk)
    (desk.home / "m.csv").write_text(f"email,new\n{first},a@b.test\n{second},no-address\n")
    refused = desk.here("contacts", "set", "email={{new}}", "--csv", "m.csv", "--id-column", "email", "--dry-run")
    assert refused.code == 2 and "m.csv, line 3: email takes an e-mail address" in refused.err, refused.err
    (desk.home / "n.csv").write_text(f"email,name\n{first},a\nno-address,b\n@c.test,c\n")
    refused = desk.here("contacts", "upsert", "name={{name}}", "--csv", "n.csv", "--id-column", "email", "--dry-run")
    assert refused.code == 2 and "what stands in email of lines 3 and 4 is no e-mail address" in refused.err, refused.err
    assert "no-address" not in refused.err
    cleared = desk.here("contacts", "set", "email=null", "--where", "role = user", "--limit", "1", "--dry-run")
    assert cleared.code == 0, cleared.err


def test_contacts_of_tickets_and_conversations_are_named(desk: Desk) -> None:
    """On the screen and in files, with one request for 150 items; of programs' rows `contacts` stays as Intercom gives it."""
    for resource, where in (("tickets", "open = true"), ("conversations", "state = open")):
        before = desk.sent("/contacts/search")
        shown = desk.here(resource, "find", "--where", where, "--columns", "id,contacts,contact_name", "-o", f"{resource}.csv")
        assert shown.code == 0 and desk.sent("/contacts/search") == before + 1, shown.err
        rows = [line.split('","') for line in (desk.home / f"{resource}.csv").read_text().splitlines()[1:]]
        read = desk.box.ticket if resource == "tickets" else desk.box.conversation
        for identity, contacts, first in rows:
            ids = [one["id"] for one in read(identity.strip('"'))["contacts"]["contacts"]]
            names = [desk.box.contact(one)["name"] or one for one in ids]
            assert (contacts, first.strip('"')) == (", ".join(names), names[0] if names[0] != ids[0] else ""), identity
        told = json.loads(desk.here(resource, "find", "--where", where, "--columns", "id,contacts", "--limit", "1", "--json").out)
        assert told["items"][0]["contacts"]["contacts"][0]["id"]
    assert desk.here("tickets", "find", "--where", "open = true", "-o", "all.csv").code == 0
    assert '"contact_name"' in (desk.home / "all.csv").read_text()


def test_an_owner_is_called_so(desk: Desk) -> None:
    """In the preview and of the run afterwards, as in filters and columns."""
    looked = desk.here("contacts", "set", "owner=Ben Okafor", "--where", "role = user", "--limit", "2", "--dry-run")
    assert "owner=Ben Okafor (991267702)" in looked.err and "owner_id" not in looked.err, looked.err
