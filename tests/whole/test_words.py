"""What is said of what was typed: names and dates in titles, and the way out of a name that there is not."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.desk import Desk, at_desk

from .network import MemorySandbox


@pytest.fixture(scope="module")
def desk(shop: MemorySandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The command in this process; nothing here writes to Intercom, so that one is enough."""
    with at_desk(shop, tmp_path_factory.mktemp("desk")) as made:
        yield made


@pytest.mark.parametrize(("resource", "values", "said"), [
    ("tickets", ["due_at=31.12.2026"], "due_at=Thu 31 Dec"),
    ("contacts", ["renews_at=1.2.2027"], "renews_at=Mon 1 Feb 2027"),
    ("conversations", ["issue_type=null", "refund_amount="], "issue_type=empty, refund_amount=empty"),
    ("tickets", ["severity=", "due_at=null"], "due_at=empty"),
])  # fmt: skip
def test_what_is_set_is_said_in_words(desk: Desk, resource: str, values: list[str], said: str) -> None:
    """In the preview, in the preview of a plan, and of the run afterwards: no Unix seconds, and what is cleared is empty."""
    some = {"contacts": "role = user", "tickets": "type = 'Bug report' and open = true"}.get(resource, "open = true")
    where = ("--where", some, "--limit", "3")
    looked = desk.here(resource, "set", *values, *where, "--dry-run", "--progress", "none")
    assert looked.code == 0 and said in looked.err + looked.out, looked.err
    assert said in desk.here("runs", "show", "latest").out
    planned = desk.here(resource, "set", *values, *where, "--plan", f"{resource}{len(said)}.jsonl")
    assert planned.code == 0 and said in planned.err + planned.out


@pytest.mark.parametrize(("typed", "nearest", "not_said"), [
    ("closee", "Nearest: conversations.close, tickets.close.", "export"),
    ("merg", "Nearest: conversations.merge, contacts.merge.", "export"),
    ("xyzzy", "All of them: intercom-bulk operations list.", "Nearest"),
])  # fmt: skip
def test_nearest_is_what_is_near(desk: Desk, typed: str, nearest: str, not_said: str) -> None:
    """Not the beginning of the catalogue."""
    refused = desk.here("operations", "show", typed)
    assert refused.code == 2 and nearest in refused.err and not_said not in refused.err


@pytest.mark.parametrize(("resource", "key", "verbs"), [
    ("tickets", "state", "tickets close (ticket_state) or tickets open (ticket_state)"), ("tickets", "team", "tickets assign"),
    ("conversations", "state", "conversations close or conversations open or conversations snooze"),
    ("contacts", "tag", "contacts tag (tag) or contacts untag (tag)"), ("contacts", "company", "contacts attach-company (company)"),
])  # fmt: skip
def test_what_set_does_not_change_names_the_verb_that_does(desk: Desk, resource: str, key: str, verbs: str) -> None:
    """In place of attributes that look a little like it."""
    where = "role = user" if resource == "contacts" else "open = true"
    refused = desk.here(resource, "set", f"{key}=x", "--where", where, "--dry-run")
    assert refused.code == 2 and f"{key} is changed by {verbs}" in refused.err and "Nearest" not in refused.err


def test_what_a_list_can_be_judged_by_is_listed(desk: Desk) -> None:
    """Where nobody declared it, by what its items show."""
    refused = desk.here("each", "articles", "PUT", "articles/{{id}}", "{}", "--where", "nosuchthing = x", "--dry-run")
    assert refused.code == 2 and "Known: id, " in refused.err


@pytest.mark.parametrize(("resource", "column", "said"), [
    ("contacts", "custom_attributes.plann", "Nearest: custom_attributes.plan"),
    ("conversations", "custom_attributes.order", "Nearest: custom_attributes.order_id"),
    ("tickets", "custom_attributes.severity", "ticket_attributes.severity"),
    ("tickets", "ticket_attributes.severty", "Nearest: ticket_attributes.severity"),
    ("contacts", "xyzzyq", "There are id, link, role"),
])  # fmt: skip
def test_a_column_that_there_is_not_is_refused(desk: Desk, resource: str, column: str, said: str) -> None:
    """An attribute, too, and with few names beside it."""
    where = "role = user" if resource == "contacts" else "open = true"
    refused = desk.here(resource, "find", "--where", where, "--limit", "2", "--columns", f"id,{column}")
    assert refused.code == 2 and said in refused.err and refused.err.count(",") < 8


def test_a_column_of_an_attribute_that_the_first_item_lacks_is_taken(desk: Desk) -> None:
    """It is known from the workspace."""
    assert desk.here("tickets", "find", "--where", "open = true", "--limit", "2", "--columns", "ticket_attributes.severity").code == 0
    assert desk.here("contacts", "find", "--where", "custom_attributes.plan = none", "--columns", "id,custom_attributes.plan").code == 0


def test_the_number_that_the_inbox_shows_is_no_id(desk: Desk) -> None:
    """Given as one, what finds its ticket is said; so does a verb, and the filter finds it."""
    number = desk.box.ticket(desk.box.tickets()[3]["id"])["ticket_id"]
    (desk.home / "numbers").write_text(number)
    looked = desk.here("tickets", "find", "--ids", "numbers")
    assert looked.code == 3 and f"the filter number = {number} finds by number" in looked.err
    assert "number =" in desk.here("tickets", "find", "--ids", "numbers", "--count").err
    tried = desk.here("tickets", "tag", "--tag", "7003", "--ids", "numbers", "--dry-run", "--progress", "none")
    assert "number that the inbox shows" in tried.err + tried.out
    assert desk.here("tickets", "find", "--where", f"number = {number}", "--count").out == "1\n"
    (desk.home / "contacts").write_text("6a0000000000000000000000")
    assert "number" not in desk.here("contacts", "find", "--ids", "contacts").err


def test_what_items_are_merged_into_is_named(desk: Desk) -> None:
    """Typed once, or in a column of a spreadsheet: names beside ids, and no request more for them."""
    user = desk.box.contacts(role="user")[0]
    leads = [one["id"] for one in desk.box.contacts(role="lead")[:2]]
    called = f"merged into {user['name']} ({user['id']})"
    look = ("--dry-run", "--progress", "none")
    merge = ("contacts", "merge", "--skip-duplicate-validation", *look)
    typed = desk.here(*merge, "--where", "role = lead", "--limit", "2", "--into", user["id"])
    assert typed.code == 0 and called in typed.err and f"Merge contacts into {user['name']} ({user['id']})" in typed.err
    (desk.home / "leads.csv").write_text("id,user\n" + "".join(f"{one},{user['id']}\n" for one in leads))
    listed = desk.here(*merge, "--csv", "leads.csv", "--into", "{{user}}")
    assert listed.code == 0 and called in listed.err, listed.err
    one, other = (desk.box.conversation(row["id"]) for row in desk.box.conversations()[:2])
    (desk.home / "one").write_text(one["id"])
    both = desk.here("conversations", "merge", "--ids", "one", "--into", other["id"], *look)
    assert both.code == 0 and re.search(rf"Merge conversations into \w.* \({other['id']}\) in ", both.err), both.err


def test_what_is_lost_is_not_called_what_stays(desk: Desk) -> None:
    """What no undo brings back may stay (a message) or be gone (what was redacted)."""
    lost = desk.here("conversations", "redact", "--all", "--where", "state = open", "--limit", "1", "--dry-run", "--progress", "none")
    assert "runs show" in lost.err and "runs show" not in desk.here("runs", "show", "latest").err
    assert lost.code == 0 and "no undo of   what was written there" in lost.err and "stays" not in lost.err


def test_tags_that_an_item_had_before_are_named(box: MemorySandbox, tmp_path: Path) -> None:
    """In what an export says of it, by the list that the verb has read to know its own tag: no request is spent on them."""
    with at_desk(box, tmp_path) as desk:
        first = desk.here("conversations", "tag", "--where", "state = open", "--limit", "3", "--tag", "incident", "--yes", "--json")
        again = desk.here("conversations", "tag", "--where", "state = open", "--limit", "3", "--tag", "vip", "--yes", "--json")
        assert first.counts["selected"] == again.counts["selected"] == 3
        rows = list(csv.DictReader(desk.here("runs", "export", again.run, "--progress", "none").out.splitlines()))
        assert len(rows) == 3 and all("incident (7004)" in row["before"] and "vip (7001)" in row["after"] for row in rows), rows
        assert again.json["requests"]["total"] == first.json["requests"]["total"] == 9


def test_who_gets_a_note_is_named(desk: Desk) -> None:
    """By their ids, by a spreadsheet, with places in the text and without: no bare id stands in the preview."""
    contacts = desk.box.contacts(role="user")[:2]
    (desk.home / "people").write_text("\n".join(one["id"] for one in contacts))
    (desk.home / "people.csv").write_text("mail\n" + "".join(f"{one['email']}\n" for one in contacts))
    for given in (("--ids", "people"), ("--csv", "people.csv", "--id-column", "mail")):
        for body in ("Hello", "Hello {{contact.first_name|there}}"):
            looked = desk.here("contacts", "note", *given, "--body", body, "--dry-run", "--progress", "none")
            for one in contacts:
                assert looked.err.count(f"{one['id']}  {one['name']}") == 2, looked.err


def test_a_conversation_that_a_teammate_began_is_its_customers(desk: Desk) -> None:
    """In the preview, in the account and in the report: it bore the teammate's name."""
    every = (desk.box.conversation(row["id"]) for row in desk.box.conversations())
    whole = next(one for one in every if one["source"]["author"]["type"] == "admin" and not (one["title"] or one["source"]["subject"]))
    began = whole["id"]
    teammate, customer = whole["source"]["author"]["name"], whole["contacts"]["contacts"][0]["id"]
    (desk.home / "began").write_text(began)
    note = ("conversations", "note", "--ids", "began", "--body", "For {{contact.first_name|you}}", "--progress", "none")
    called = next(one["name"] for one in desk.box.contacts() if one["id"] == customer)
    looked = desk.here(*note, "--dry-run")
    assert looked.err.count(f"{began}  {called}") == 2 and f"{began}  {teammate}" not in looked.err, looked.err
    assert desk.here("runs", "export", "latest", "-o", "began.csv").code == 0
    assert called in (desk.home / "began.csv").read_text()


def test_they_are_so_in_plans_and_in_runs_that_nobody_looked_at(desk: Desk) -> None:
    """By name in the plan's table and in the account of a run; for two searches, and for none where each has a title."""
    whole = [desk.box.conversation(row["id"]) for row in desk.box.conversations()]
    began = [
        one for one in whole if one["source"]["author"]["type"] == "admin" and not (one["title"] or one["source"]["subject"])
    ][:3]
    called = {one["id"]: one["name"] or one["external_id"] for one in desk.box.contacts()}
    names = [called[one["contacts"]["contacts"][0]["id"]] for one in began]
    titled = [one["id"] for one in whole if one["title"]][:3]
    (desk.home / "began").write_text("\n".join(one["id"] for one in began))
    (desk.home / "titled").write_text("\n".join(titled))
    assert desk.here("conversations", "tag", "--tag", "vip", "--ids", "began", "--plan", "p.jsonl", "--progress", "none").code == 0
    shown = desk.here("runs", "show", "p.jsonl").out
    assert len(names) == 3 and all(re.search(rf"{one['id']}\s+{name}", shown) for one, name in zip(began, names, strict=True)), shown
    spent = {}
    for file in ("began", "titled"):
        ran = desk.here("conversations", "note", "--body", f"of {file}", "--ids", file, "--yes", "--json", "--progress", "none")
        spent[file] = ran.json["requests"]["search"]
    assert spent == {"began": 2, "titled": 0}
    desk.here("conversations", "note", "--body", "once more", "--ids", "began", "--yes", "--json", "--progress", "none")
    listed = desk.here("runs", "export", "latest", "--jsonl").out
    assert [json.loads(line).get("name") for line in listed.splitlines()] == names


def test_the_tags_that_items_had_are_named_where_a_plan_is_applied(desk: Desk) -> None:
    """A plan has the ids of tags alone; what its items had before bears names in the export, as it does without a plan."""
    tagged = [row["id"] for row in desk.box.conversations() if row["tags"] and "7001" not in str(row["tags"])][:2]
    (desk.home / "tagged").write_text("\n".join(tagged))
    desk.here("conversations", "tag", "--tag", "vip", "--ids", "tagged", "--plan", "t.jsonl", "--progress", "none")
    assert desk.here("apply", "t.jsonl", "--yes", "--progress", "none").code == 0
    assert desk.here("runs", "export", "latest", "-o", "t.csv").code == 0
    was = [row["before"] for row in csv.DictReader((desk.home / "t.csv").read_text("utf-8-sig").splitlines())]
    assert len(was) == 2 and all(re.fullmatch(r"tags: [^,(]+ \(\d+\)(, [^,(]+ \(\d+\))*", said) for said in was), was


def test_what_tickets_are_linked_to_is_named(desk: Desk) -> None:
    """In the title, in what changes, and where it is taken off."""
    one = desk.box.conversation(desk.box.conversations()[0]["id"])
    look = ("--conversation", one["id"], "--where", "type = Incident", "--limit", "1", "--dry-run", "--progress", "none")
    linked = desk.here("tickets", "link", *look)
    assert linked.code == 0 and re.search(rf"to \w.* \({one['id']}\) in ", linked.err), linked.err
    assert re.search(rf"\+conversation \w.* \({one['id']}\)", linked.err), linked.err
    off = desk.here("tickets", "unlink", *look)
    assert off.code == 0 and re.search(rf"\w.* \({one['id']}\) in ", off.err), off.err


def test_the_list_of_runs_says_what_was_done_to_what(desk: Desk) -> None:
    """The resource, and what was given to the verb: as the run's own title has it."""
    desk.here("tickets", "assign", "--where", "open = true", "--limit", "1", "--to-team", "Billing", "--dry-run", "--progress", "none")
    desk.here("contacts", "tag", "--where", "role = user", "--limit", "1", "--tag", "vip", "--dry-run", "--progress", "none")
    listed = desk.here("runs", "list", env={"COLUMNS": "200"}).out
    assert re.search(r"tag contacts \(vip \(\d+\)\): role is user", listed, re.IGNORECASE), listed
    assert re.search(r"assign tickets to team Billing \(\d+\): open is true", listed, re.IGNORECASE), listed


def test_a_field_has_one_name_in_filters_and_in_values(desk: Desk) -> None:
    """The owner of a contact, the subject of a ticket; what no value sets names the verb that does."""
    owner = desk.here("contacts", "set", "owner=Ben Okafor", "--where", "role = user", "--limit", "1", "--dry-run", "--progress", "none")
    assert owner.code == 0 and "Ben Okafor" in owner.err, owner.err
    role = desk.here("contacts", "set", "role=user", "--where", "role = lead", "--dry-run")
    assert role.code == 2 and "role is changed by contacts merge" in role.err, role.err
    titled = desk.here("tickets", "find", "--where", "title ~ charged", "--count")
    assert desk.here("tickets", "find", "--where", "subject ~ charged", "--count").out == titled.out != "0\n", titled.err


@pytest.mark.parametrize("resource", ["contacts", "companies", "conversations", "tickets"])
def test_the_filter_that_help_shows_can_be_used(desk: Desk, resource: str) -> None:
    """By every resource."""
    said = " ".join(desk.here(resource, "find", "--help").out.split())
    shown = re.search(r"A filter: '([^']+)'", said)
    assert shown and desk.here(resource, "find", "--where", shown[1], "--count").code == 0, said


@pytest.mark.parametrize(("resource", "where"), [
    ("contacts", "phone is not empty"), ("contacts", "avatar is not empty or phone is not empty"),
    ("conversations", "body ~ 'sign in'"),
])  # fmt: skip
def test_a_filter_that_the_items_show_is_not_called_unchecked(desk: Desk, resource: str, where: str) -> None:
    """They have the field, or the words."""
    found = desk.here(resource, "find", "--where", where, "--limit", "3", "--columns", "id")
    assert found.code == 0 and len(found.out.splitlines()) == 4 and "could not be checked" not in found.err, found.err


def test_rows_are_counted_as_the_file_has_them(desk: Desk) -> None:
    """Three of one contact are three rows, for one of the contacts."""
    contact, company = desk.box.contacts(role="user")[0]["id"], [one["id"] for one in desk.box.companies()[:3]]
    (desk.home / "at.csv").write_text("id,company\n" + "".join(f"{contact},{one}\n" for one in company))
    attach = ("contacts", "attach-company", "--csv", "at.csv", "--company", "{{company}}", "--dry-run", "--progress", "none")
    assert "3 rows of at.csv, for 1 of the contacts" in desk.here(*attach).err
    found = desk.here("contacts", "find", "--csv", "at.csv", "--columns", "id")
    assert "3 rows of at.csv" in found.err and len(found.out.splitlines()) == 2, found.err


@pytest.mark.parametrize(("raw", "said"), [
    (b"id\tname\n{}\tAnn\n", "has tabs between its cells"), (b"id;name\n{};Ann\n", "has semicolons between its cells"),
    ("id,name\n{},Ann\n".encode("utf-16"), "says that it is UTF-16"), (b"id,name\n{},Ann\n", ""),
    (b"sep=;\nid;name\n{};Ann\n", ""),
])  # fmt: skip
def test_how_a_file_was_read_is_said(desk: Desk, raw: bytes, said: str) -> None:
    """Where it is not the plain CSV that everybody means."""
    contact = desk.box.contacts(role="user")[0]["id"]
    encoding = "utf-16" if raw[:2] == b"\xff\xfe" else "utf-8"
    (desk.home / "taken.csv").write_bytes(raw.decode(encoding).replace("{}", contact).encode(encoding))
    done = desk.here("contacts", "set", "name={{name}}", "--csv", "taken.csv", "--dry-run", "--progress", "none")
    assert done.code == 0 and (said in done.err if said else "it was read" not in done.err), done.err


def test_how_a_search_is_read_is_said_in_english(desk: Desk) -> None:
    """One lead or a million."""
    assert "reads page after page; a selection of more than 20 pages is divided" in desk.here(
        "contacts", "find", "--where", "role = lead", "--explain"
    ).out


@pytest.mark.parametrize("columns", ["", " , "])
def test_columns_that_name_none_are_refused(desk: Desk, columns: str) -> None:
    """On the screen, in data and in files."""
    for more in ((), ("--json",), ("-o", "list.csv")):
        refused = desk.here("contacts", "find", "--where", "role = user", "--columns", columns, *more)
        assert refused.code == 2 and "No column is named. There are id, link" in refused.err + refused.out, refused.err
    assert not (desk.home / "list.csv").exists()


@pytest.mark.parametrize(("resource", "value"), [
    ("contacts", "name=  "), ("contacts", "plan=\t"), ("companies", "name= "), ("conversations", "title=\N{NO-BREAK SPACE}"),
])  # fmt: skip
def test_blanks_do_not_read_like_clearing(desk: Desk, resource: str, value: str) -> None:
    """In what is about to be done, and in what changes."""
    (desk.home / "blanks").write_text(getattr(desk.box, resource)()[0]["id"])
    looked = desk.here(resource, "set", value, "--ids", "blanks", "--dry-run", "--progress", "none")
    assert looked.code == 0 and "-> (only blanks)" in looked.err and "=(only blanks)" in looked.err, looked.err


@pytest.mark.parametrize(("verb", "said", "headline"), [
    ("conversations close --where state=open", "closed again", "Close conversations again in"),
    ("contacts tag --tag 7001 --where role=user", "tagged again", "Tag contacts: vip (7001) again in"),
    ("contacts set plan={{plan}} --csv plans.csv", "set again", "Set contacts by {{plan}} of plans.csv again in"),
])  # fmt: skip
def test_an_undo_of_an_undo_says_what_it_does(desk: Desk, verb: str, said: str, headline: str) -> None:
    """It restores nothing: it does again what the run did, on the screen, in lists, in JSON and when its plan is applied."""
    rows = [f"{one['id']},word" for one in desk.box.contacts(role="user") if not one["archived"]][:2]
    (desk.home / "plans.csv").write_text("\n".join(["id,plan", *rows]))
    first = desk.here(*verb.split(), "--limit", "2", "--yes", "--json", "--progress", "none").run
    back = desk.here("undo", first, "--yes", "--json", "--progress", "none")
    assert back.json["run"]["words"] == f"undo {first}" and "2 restored" in back.err, back.err
    planned = desk.here("undo", back.run, "--plan", "p.jsonl")
    assert headline in planned.err and "undo undo" not in planned.err.lower(), planned.err
    applied = desk.here("apply", "p.jsonl", "--dry-run")
    assert applied.code == 0 and "undo undo" not in applied.err.lower(), applied.err
    forth = desk.here("undo", back.run, "--yes", "--json", "--progress", "none")
    assert f"2 {said}" in forth.err and forth.json["run"]["words"] == f"{verb.split()[1]} again (undo {back.run})", forth.err
    assert f"2 {said}" in desk.here("runs", "list").out
    third = desk.here("undo", forth.run, "--yes", "--json", "--progress", "none")
    assert "2 restored" in third.err and third.json["run"]["words"] == f"undo {forth.run}", third.err


@pytest.mark.parametrize(("verb", "key", "said"), [
    ("contacts upsert", "external_id", "undo archives what was created, and restores what was changed"),
    ("companies upsert", "company_id", "undo restores what was changed; what was created it deletes for good, with --irreversible"),
])  # fmt: skip
def test_the_way_back_of_an_upsert_is_what_undo_does(desk: Desk, verb: str, key: str, said: str) -> None:
    """In its help, in `operations show`, in the preview and in its JSON."""
    (desk.home / "rows.csv").write_text(f"{key},name\nnew-1,New")
    command = (*verb.split(), "name={{name}}", "--csv", "rows.csv", "--id-column", key, "--dry-run")
    assert f"Way back: {said}." in " ".join(desk.here(*verb.split(), "--help").out.split())
    shown = desk.here("operations", "show", verb.replace(" ", ".")).out
    assert said.removeprefix("undo ") in shown and "side effects" not in shown, shown
    assert f"way back {said}" in " ".join(desk.here(*command).err.split())
    assert desk.here(*command, "--json").json["review"]["way_back"] == said.removeprefix("undo ")
