"""What is wrong with a list, a sheet or a value is said of its line before anything is asked for; and who contacts are is said by name."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Desk, at_desk
from intercom_bulk_updater.errors import UsageError

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")


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


def test_a_company_is_given_and_called_by_its_name(desk: Desk) -> None:
    """By `set` of conversations as by the verbs of contacts; one that there is not is told by the dry run, and an undo names it."""
    ids = [str(one["id"]) for one in desk.box.conversations(state="open")][:2]
    (desk.home / "ids").write_text("\n".join(ids))
    refused = desk.here("conversations", "set", "company_id=nope", "--ids", "ids", "--dry-run")
    assert refused.code == 2 and "no company" in refused.err, refused.err
    company = desk.box.companies()[0]
    done = desk.here("conversations", "set", f"company_id={company['company_id']}", "--ids", "ids", "--yes", *PLAIN)
    assert done.code == 0 and desk.box.conversation(ids[0])["company"]["id"] == company["id"], done.err
    looked = desk.here("undo", done.run, "--dry-run")
    assert f"company: {company['name']} ({company['id']}) ->" in " ".join(looked.err.split()), looked.err
    users = ("--where", "role = user", "--limit", "2")
    attached = desk.here("contacts", "attach-company", "--company", company["company_id"], *users, "--yes", *PLAIN)
    assert f"-company {company['name']} ({company['id']})" in " ".join(desk.here("undo", attached.run, "--dry-run").err.split())


def test_help_of_recipes_has_examples(desk: Desk) -> None:
    """And the flags that they use."""
    for name, flag in (("run", "--customer-visible"), ("check", "--json"), ("resume", "--yes")):
        said = desk.here("recipes", name, "--help").out
        assert "Examples:" in said and flag in said.partition("Examples:")[0], said


def test_an_owner_is_called_so(desk: Desk) -> None:
    """In the preview and of the run afterwards, as in filters and columns."""
    looked = desk.here("contacts", "set", "owner=Ben Okafor", "--where", "role = user", "--limit", "2", "--dry-run")
    assert "owner=Ben Okafor (991267702)" in looked.err and "owner_id" not in looked.err, looked.err


BRACES = (
    "{First Name}", "{first-name}", "{1}", "{}",
    "{{{contact.first_name}}}", "{% first_name %}", "{name|there}", "{$name}", "{#if x}", "{", "}}",
    "{first_name | fallback: 'there'}", "{{contact.first_name| fallback: 'there' }}", "{{contact.name|default: there}}",
)  # fmt: skip


@pytest.mark.parametrize("brace", [*BRACES, "{\N{CYRILLIC SMALL LETTER EN}}"])
@pytest.mark.parametrize("form", ["all", "rows"])
def test_no_brace_is_sent_that_fills_nothing(desk: Desk, brace: str, form: str) -> None:
    """However other programs write a place: people would read it. One that is meant is written with a backslash."""
    ids = [str(one["id"]) for one in desk.box.conversations(state="open")][:2]
    (desk.home / "m.csv").write_text("\n".join(["id,why", *(f"{one},late" for one in ids)]))
    why = "" if form == "all" else " {{why}}"
    given = ("conversations", "reply", "--csv", "m.csv", "--customer-visible", "--yes", "--body")
    refused = desk.here(*given, f"Hello {brace},{why}")
    assert refused.code == 2 and desk.writes() == 0, refused.err
    if form == "all" and brace == "{1}":
        sent = desk.here(*given, "Hello \\{1\\} {{contact.first_name|\\[there\\]}}", *PLAIN)
        assert sent.code == 0 and "Hello {1} " in json.dumps(desk.box.conversation(ids[0])), sent.err


@pytest.mark.parametrize("place", ["contact.name||", "contact.name || there", "why||"])
def test_a_place_with_two_bars_is_refused(desk: Desk, place: str) -> None:
    """The second would be sent to whom nothing is known of; the same of a value, and of a request by hand."""
    ids = [str(one["id"]) for one in desk.box.contacts(role="user")][:2]
    (desk.home / "m.csv").write_text("\n".join(["id,why", *(f"{one},late" for one in ids)]))
    name = place.partition("|")[0].strip()
    for command in (
        ("contacts", "note", "--csv", "m.csv", "--body", f"Hello {{{{{place}}}}},"),
        ("contacts", "set", f"name={{{{{place}}}}}", "--csv", "m.csv"),
        ("each", "contacts", "PUT", "contacts/{{id}}", f'{{"name": "{{{{{place}}}}}"}}'),
    ):
        refused = desk.here(*command, "--dry-run")
        assert refused.code == 2 and f"The place '{name}' has two bars" in refused.err, refused.err
        assert f"{{{{{name}|there}}}}" in refused.err, refused.err
    good = desk.here("contacts", "note", "--csv", "m.csv", "--body", "Hello {{why|}}, {{contact.name|a|b}}", "--dry-run", *PLAIN)
    assert good.code == 0, good.err


@pytest.mark.parametrize("body", ["{{contact.custom_attributes.plna|there}}", "{{conversation.custom_attributes.isue_type|x}}"])
def test_an_attribute_that_there_is_not_is_no_place(desk: Desk, body: str) -> None:
    """Its default would be sent to everybody."""
    refused = desk.here("conversations", "note", "--where", "state = open", "--body", body, "--dry-run")
    assert refused.code == 2 and "Nearest: " in refused.err and "attribute" in refused.err, refused.err


def test_a_message_that_is_one_wrong_place_is_not_hidden(desk: Desk) -> None:
    """The word that is wrong is said."""
    refused = desk.here("conversations", "note", "--where", "state = open", "--body", "{{contact.frist_name}}", "--dry-run")
    assert refused.code == 2 and "'contact.frist_name' stands for nothing" in refused.err, refused.err


class NaTType(datetime.datetime):
    """What pandas has in an empty cell of a column of dates."""


def test_an_empty_cell_of_a_table_of_pandas_is_empty(box: MemorySandbox) -> None:
    """NaN and NaT, as `frame.to_dict("records")` gives them: a field stays, a message takes its default, an id is missing."""
    one, other = (str(row["id"]) for row in box.contacts(role="user")[:2])
    was = box.contact(one)["name"]
    rows = [
        {"id": one, "n": math.nan, "d": NaTType(2026, 1, 1, tzinfo=datetime.UTC)},
        {"id": other, "n": "Ann", "d": datetime.date(2027, 1, 31)},
    ]
    done = bulk.run("contacts.set", csv=rows, values={"name": "{{n}}"})
    assert done.counts.done == 1 and (box.contact(one)["name"], box.contact(other)["name"]) == (was, "Ann"), done.report()
    looked = bulk.preview("contacts.note", csv=rows, body="{{n|there}} {{d|never}}")
    assert [message[-1] for message in looked.messages] == ["there never", "Ann 2027-01-31"]
    for given in ({"csv": [{"id": math.nan, "n": "x"}]}, {"ids": [math.nan]}):
        with pytest.raises(UsageError, match="id is empty|is not an id|is no id"):
            bulk.run("contacts.tag", tag=["vip"], **given)
    with pytest.raises(UsageError, match=r"values\['name'\] is nan"):
        bulk.run("contacts.set", ids=[one], values={"name": math.nan})


def test_python_gives_ids_and_moments_as_what_they_are(box: MemorySandbox) -> None:
    """A number of a team as `find` has it, a date; what cannot be meant is a UsageError, as everywhere."""
    ids = [str(one["id"]) for one in box.conversations(state="open")][:2]
    assert bulk.run("conversations.assign", ids=ids, to_team=5002).ok
    until = datetime.datetime(2027, 1, 1, 9, tzinfo=datetime.UTC)
    for moment in (until, int(until.timestamp()) + 60):
        assert bulk.run("conversations.snooze", ids=ids, until=moment).counts.done == 2
    assert box.conversation(ids[0])["snoozed_until"] == int(until.timestamp()) + 60
    for verb, given in (("note", {"body": 3}), ("snooze", {"until": 1.5}), ("assign", {"to_team": True}), ("close", {"body": b"x"})):
        with pytest.raises(UsageError, match="^\\w+: \\w+ is .+, not "):
            bulk.run(f"conversations.{verb}", ids=ids, **given)
