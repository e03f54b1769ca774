"""What a person hands in as a sheet, and what comes out as a table, on screens and in files."""

from __future__ import annotations

import csv
import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook

import intercom_bulk_updater as bulk
from acceptance.desk import Desk, at_desk

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")


@pytest.fixture
def desk(box: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(box, tmp_path) as made:
        yield made


def people(desk: Desk, count: int) -> list[dict[str, Any]]:
    """The first contacts that have an e-mail address."""
    found = [one for one in desk.box.contacts() if one.get("email")]
    return found[:count]


@pytest.mark.parametrize("error", ["#N/A", "#DIV/0!"])
def test_a_formula_that_came_to_an_error_is_refused_with_its_row(desk: Desk, error: str) -> None:
    """A look-up that failed is no empty cell: it neither clears a field nor leaves it."""
    with Workbook(str(desk.home / "s.xlsx")) as book:
        sheet = book.add_worksheet("Rows")
        sheet.write_row(0, 0, ["id", "n", "other"])
        for row, one in enumerate(people(desk, 3), 1):
            sheet.write_row(row, 0, [one["id"], "Ann", "x"])
        sheet.write_formula(2, 1, "=NA()", None, error)
    for name in ("{{n}}", "{{n|null}}"):
        refused = desk.here("contacts", "set", f"name={name}", "--csv", "s.xlsx", "--yes", *PLAIN)
        assert refused.code == 2 and f"row 3: a formula of the sheet has no value there ({error} in cell B3)" in refused.err, refused.err
    assert desk.writes() == 0


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#WERT!"])
def test_an_error_that_a_spreadsheet_wrote_to_a_csv_is_refused_with_its_line(desk: Desk, error: str) -> None:
    """In a message and in a value, and as the key of whom there would be created; in a column that nothing takes it does not matter."""
    (one, two) = (str(row["id"]) for row in desk.box.conversations()[:2])
    (a, b) = (str(row["id"]) for row in people(desk, 2))
    (desk.home / "talks.csv").write_text(f"id,name\n{one},Ann\n{two},{error}\n")
    (desk.home / "people.csv").write_text(f"id,name,external_id,other\n{a},Ann,x-1,{error}\n{b},{error},{error},y\n")
    (desk.home / "fine.csv").write_text(f"id,name,other\n{a},Ann,{error}\n")
    reply = ("conversations", "reply", "--body", "Hello {{name|there}}", "--customer-visible", "--csv", "talks.csv")
    for command, name in (
        (reply, "talks.csv, line 3: name"),
        (("contacts", "set", "name={{name}}", "--csv", "people.csv"), "people.csv, line 3: name"),
        (("contacts", "upsert", "name=Ann", "--csv", "people.csv", "--id-column", "external_id"), "people.csv, line 3: external_id"),
    ):
        refused = desk.here(*command, "--yes", *PLAIN)
        assert refused.code == 2 and f"{name} holds {error}" in refused.err, refused.err
    assert desk.writes() == 0
    done = desk.here("contacts", "set", "name={{name}}", "--csv", "fine.csv", "--yes", *PLAIN)
    assert done.counts == {"selected": 1, "done": 1}, done.err


def test_a_formula_that_nobody_has_worked_out_is_refused_with_its_row(desk: Desk) -> None:
    """As a program writes it: no value stands in the file. One whose value is an empty text has one, and is an empty cell."""
    path = desk.home / "s.xlsx"
    with Workbook(str(path)) as book:
        book.add_worksheet("Empty")
        sheet = book.add_worksheet("Rows")
        sheet.write_row(0, 0, ["id", "n"])
        sheet.write_string(1, 0, people(desk, 1)[0]["id"])
        sheet.write_formula(1, 1, "=1+1", None, "")
    put = ("contacts", "set", "seats={{n}}", "--csv", "s.xlsx", "--yes", *PLAIN)
    for command in (put, ("contacts", "find", "--ids", "s.xlsx", "--json")):
        refused = desk.here(*command)
        assert refused.code == 2 and "row 2: the formula in cell B2 has no value" in refused.err, refused.err
    with ZipFile(path) as book:
        files = {name: book.read(name) for name in book.namelist()}
    with ZipFile(path, "w") as book:
        for name, raw in files.items():
            book.writestr(name, raw.replace(b'<c r="B2"><f>', b'<c r="B2" t="str"><f>'))
    empty = desk.here(*put)
    assert empty.code == 0 and empty.counts == {"selected": 1, "unchanged": 1} and "1 cell of s.xlsx is empty" in empty.err, empty.err
    assert desk.writes() == 0


def test_an_empty_cell_leaves_the_field_as_it_is(desk: Desk) -> None:
    """It says nothing of the field; what is to be cleared is written as null, in the cell or as what stands there then."""
    a, b, c = people(desk, 3)

    def values(name: str) -> list[Any]:
        now = {one["id"]: one["custom_attributes"] for one in desk.box.contacts()}
        return [now[one["id"]].get(name) for one in (a, b, c)]

    def put(*lines: str, given: tuple[str, ...]) -> Any:
        (desk.home / "rows.csv").write_text("\n".join(("id,plan,seats", *lines)) + "\n")
        return desk.here("contacts", "set", *given, "--csv", "rows.csv", "--yes", *PLAIN)

    full = [f"{one['id']},pro,{n}" for n, one in enumerate((a, b, c), 3)]
    assert put(*full, given=("plan={{plan}}", "seats={{seats}}")).code == 0
    some = put(f"{a['id']},free,", f"{b['id']},,", f"{c['id']},null,9", given=("plan={{plan}}", "seats={{seats}}"))
    assert some.code == 0 and some.counts == {"selected": 3, "done": 2, "unchanged": 1}, some.err
    assert (values("plan"), values("seats")) == (["free", "pro", None], [3, 4, 9])
    assert some.json["run"]["words"] == "set contacts by {{plan}}, {{seats}} of rows.csv (3 empty cells of it change nothing)"
    assert "3 cells of rows.csv are empty: the fields stay as they are" in some.err and "write {{seats|null}}, {{plan|null}}." in some.err
    assert desk.here("undo", some.run, "--yes", *PLAIN).code == 0
    assert (values("plan"), values("seats")) == (["pro"] * 3, [3, 4, 5])
    cleared = put(f"{a['id']},,1", given=("plan={{plan|null}}", "seats={{seats}}"))
    assert cleared.code == 0 and "empty" not in cleared.err, cleared.err
    assert (values("plan"), values("seats")) == ([None, "pro", "pro"], [1, 4, 5])
    nothing = put(f"{a['id']},,", f"{b['id']},,", given=("plan={{plan}}",))
    assert nothing.code == 0 and nothing.counts == {"selected": 2, "unchanged": 2}, nothing.err
    assert "set contacts by {{plan}} of rows.csv" in " ".join(desk.here("runs", "list").out.split())


def test_a_search_of_what_a_run_has_not_ends_in_a_sentence(desk: Desk) -> None:
    """It says that there is none, and among what; so it does of ids."""
    (one, *_) = people(desk, 1)
    (desk.home / "ids").write_text(f"{one['id']}\n")
    done = desk.here("contacts", "tag", "--ids", "ids", "--tag", "vip", "--create-tag", "--yes", *PLAIN)
    none = desk.here("contacts", "find", "--from-run", done.run)
    assert none.code == 0 and none.err.splitlines()[-1] == f"There are no contacts among the failed items of {done.run}.", none.err
    some = desk.here("contacts", "find", "--ids", "ids")
    assert some.err.splitlines()[-1] == "1 contact among 1 id from ids", some.err


def told(desk: Desk, *command: str) -> list[list[str]]:
    """The cells of the table that a command prints, or writes to a .csv, its header first."""
    answer = desk.here(*command)
    assert answer.code == 0, answer.err
    if "-o" in command:
        with (desk.home / command[command.index("-o") + 1]).open(newline="") as file:
            return list(csv.reader(file))
    return [line.split("\t") for line in answer.out.splitlines()]


@pytest.mark.parametrize("output", [(), ("-o", "list.csv")])
def test_tables_show_names_where_intercom_shows_ids_and_objects(desk: Desk, output: tuple[str, ...]) -> None:
    """Tags of contacts, teammates, companies, plans, what an object says: no JSON stands in a cell, on a screen or in a sheet."""
    assert desk.here("contacts", "tag", "--tag", "vip", "--tag", "bug", "--where", "role = user", "--limit", "3", "--yes").code == 0
    columns = "tags,tag_ids,companies,location,custom_attributes,social_profiles"
    head, *rows = told(desk, "contacts", "find", "--where", "tag = vip", "--columns", columns, *output)
    assert len(rows) == 3 and all("vip, bug" in row[head.index("tags")] for row in rows), rows
    assert all("7001, 7003" in row[head.index("tag_ids")] for row in rows)
    columns = "id,contacts,contact_name,teammates,company,source,statistics,conversation_rating"
    head, *some = told(desk, "conversations", "find", "--where", "state = closed", "--limit", "30", "--columns", columns, *output)
    assert any(row[head.index("teammates")] == "Dai Nakamura" for row in some) and any(row[head.index("company")] for row in some)
    for row in some:
        whole = desk.box.conversation(row[0])
        own = whole["contacts"]["contacts"][0]["id"]
        name = desk.box.contact(own)["name"] or ""
        assert (row[head.index("contacts")], row[head.index("contact_name")]) == (name or own, name)
    assert any("time to first close: " in row[head.index("statistics")] and " h " in row[head.index("statistics")] for row in some)
    head, *firms = told(desk, "companies", "find", "--columns", "name,plan,segments,custom_attributes", *output)
    assert {row[head.index("plan")] for row in firms} >= {"pro", "enterprise"}
    columns = "id,ticket_state,ticket_attributes,ticket_parts"
    head, *tickets = told(desk, "tickets", "find", "--where", "open = true", "--columns", columns, *output)
    assert "In progress" in {row[head.index("ticket_state")] for row in tickets}
    assert not [cell for row in (*rows, *some, *firms, *tickets) for cell in row if '{"' in cell or "[{" in cell]
    data = desk.here("conversations", "find", "--where", "state = closed", "--limit", "1", "--columns", "id,contacts", "--json").json
    assert data["items"][0]["contacts"]["type"] == "contact.list", "programs get what Intercom gives"


def test_an_export_for_people_has_names_and_durations(desk: Desk) -> None:
    """Teammates, teams and customers by name, seconds as people count them, and no empty word of Python's."""
    found = desk.here("conversations", "find", "--where", "state = closed and assignee = 'Dai Nakamura'", "--limit", "1", "--json").json
    (desk.home / "ids").write_text(one := found["items"][0]["id"])
    for form in ("text", "html"):
        assert desk.here("conversations", "export", "--ids", "ids", "-o", form, "--format", form, *PLAIN).code == 0
        text = next((desk.home / form).iterdir()).read_text()
        facts = re.split("-- |<article>", text)[0].replace("</dt><dd>", ": ").replace("</dd><dt>", "\n")
        assert "admin: Dai Nakamura (991267704)\n" in facts and "team: Support (5001)\n" in facts, facts
        assert re.search(r"time to first close: \d+ h \d+ min\n", facts) and "None" not in facts and "_" not in facts, facts
        who = desk.box.conversation(one)["source"]["author"]["name"]
        assert f"contacts: {who}\n" in facts
    person = next(person for person in desk.box.contacts() if person["companies"])
    (desk.home / "ids").write_text(person["id"])
    assert desk.here("contacts", "export", "--ids", "ids", "-o", "people", "--format", "text", *PLAIN).code == 0
    names = {firm["id"]: firm["name"] for firm in desk.box.companies()}
    firms = ", ".join(f"{names[firm]} ({firm})" for firm in person["companies"])
    assert f"companies: {firms}\n" in next((desk.home / "people").iterdir()).read_text()


def account(desk: Desk, *flags: str) -> str:
    """The words of the report of the latest run."""
    assert desk.here("runs", "report", "latest", *flags, "-o", "report.html").code == 0
    text = re.sub(r"<(style|script).*?</\1>", "", (desk.home / "report.html").read_text(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_a_report_with_bodies_says_more_and_leaves_nothing_out(desk: Desk) -> None:
    """What became of each item stands beside its text; what an earlier run had sent is said; the text as it was written is there."""
    some = ("--where", "team = Support and state = open", "--yes", "--customer-visible")
    hello = ("--body", "Bye {{contact.first_name|you}}")
    assert desk.here("conversations", "reply", *hello, *some, "--limit", "1").code == 0
    assert desk.here("conversations", "close", *hello, *some, "--limit", "2").code == 0
    for flags, sent in (((), ""), (("--with-bodies",), "; sent: Bye ")):
        told = account(desk, *flags)
        assert "The message Bye {{contact.first_name|you}}" in told
        assert told.count(f"state: open → closed{sent}") == (1 if sent else 2) and told.count("state: open → closed; without the text") == 1
    one, two = desk.open_ids()[:2]
    (desk.home / "rows.csv").write_text(f"id,why\n{one},old\n{two},new\n")
    assert desk.here("conversations", "note", "--csv", "rows.csv", "--body", "Because it is {{why}}", "--yes").code == 0
    told = account(desk, "--with-bodies")
    assert "The message Because it is {{why}}" in told and "sent: Because it is old" in told and "sent: Because it is new" in told
    assert "message added" not in told and "message added" in account(desk) and "it is old" not in account(desk)


def test_an_exported_run_reads_as_a_list_that_was_found(desk: Desk) -> None:
    """Dates in the workspace's time, a link, and what was and is in words; for programs the fields as they are."""
    two = ("--where", "team = Support and state = open", "--limit", "2", "--yes")
    assert desk.here("conversations", "snooze", "--until", "2027-01-31 09:00", *two).code == 0
    assert desk.here("runs", "export", "latest", "-o", "run.csv").code == 0
    assert desk.here("runs", "export", "latest", "-o", "run.xlsx").code == 0
    with (desk.home / "run.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert row["link"] == f"https://app.intercom.com/a/inbox/sandbox1/inbox/conversation/{row['id']}"
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d-0[78]:00", row["finished_at"])
        assert "state: open" in row["before"] and "snoozed until: Sun 31 Jan 2027 09:00 (Los Angeles)" in row["after"], row
        assert "{" not in row["before"] + row["after"]
    with ZipFile(desk.home / "run.xlsx") as book:
        assert rows[0]["link"] in book.read("xl/worksheets/_rels/sheet1.xml.rels").decode()
    sheet = CalamineWorkbook.from_path(str(desk.home / "run.xlsx")).get_sheet_by_index(0).to_python()
    at = sheet[1][sheet[0].index("finished_at")]
    assert at.isoformat()[:19] == rows[0]["finished_at"][:19]
    as_data = [json.loads(line) for line in desk.here("runs", "export", "latest", "--jsonl").out.splitlines()]
    assert [one["before"]["state"] for one in as_data] == ["open", "open"] and as_data[0]["link"] == rows[0]["link"]
    assert desk.here("conversations", "find", "--ids", "run.csv", "--count").out == "2\n"


def test_a_list_that_was_written_is_a_list_that_is_taken(desk: Desk) -> None:
    """Parquet too, of find and of runs export: as ids, as what is left out, as a sheet; a broken one is said to be that."""
    where = ("--where", "team = Support and state = open")
    assert desk.here("conversations", "find", *where, "-o", "all.parquet").code == 0
    count = len(desk.open_ids())
    assert desk.here("conversations", "find", "--ids", "all.parquet", "--count").out == f"{count}\n"
    assert desk.here("conversations", "tag", "--tag", "vip", *where, "--limit", "3", "--yes").code == 0
    assert desk.here("runs", "export", "latest", "-o", "some.parquet").code == 0
    rest = desk.here("conversations", "find", "--ids", "all.parquet", "--exclude", "some.parquet", "--count")
    assert rest.out == f"{count - 3}\n", rest.err
    by_row = ("conversations", "note", "--csv", "all.parquet", "--body", "In state {{state}}", "--dry-run", *PLAIN)
    assert desk.here(*by_row).counts == {"selected": count, "pending": count}
    raw = (desk.home / "all.parquet").read_bytes()
    (desk.home / "all.parquet").write_bytes(raw[: len(raw) // 2])
    broken = desk.here("conversations", "find", "--ids", "all.parquet")
    assert broken.code == 2 and "broken Parquet file" in broken.err, broken.err


def test_who_would_get_several_messages_is_named(desk: Desk) -> None:
    """With how many each: on the screen, in JSON, in the report."""
    some = ("conversations", "reply", "--where", "state = open or state = closed", "--body", "Hi", "--dry-run")
    review = desk.here(*some, *PLAIN).json["review"]
    counts = Counter(one["contacts"]["contacts"][0]["id"] for one in map(desk.box.conversation, ids_of(desk, "state != snoozed")))
    several = sorted((count for count in counts.values() if count > 1), reverse=True)
    assert review["two_messages"] == len(several) and [one["messages"] for one in review["twice"]] == several[:3]
    for one in review["twice"]:
        name, identity = one["contact"].removesuffix(")").split(" (")
        assert desk.box.contact(identity)["name"] == name and counts[identity] == one["messages"]
    shown, first = desk.here(*some).err, review["twice"][0]
    assert f"{first['contact']} gets {first['messages']}" in shown and f"(and {len(several) - 3} more)" in shown, shown
    assert f"{first['contact']} {first['messages']}" in account(desk)
    assert desk.here(*some, "--limit", "1").code == 0 and "yes, 1 person" in account(desk)


def ids_of(desk: Desk, where: str) -> list[str]:
    """The ids that a filter finds."""
    return [one["id"] for one in desk.here("conversations", "find", "--where", where, "--json").json["items"]]


def test_items_of_an_earlier_run_keep_their_names(desk: Desk) -> None:
    """Also where they are judged again, and where nothing has read them since."""
    found = ("--where", "team = Support and state = open", "--limit", "3")
    assert desk.here("conversations", "note", *found, "--body", "Seen", "--yes", *PLAIN).code == 0
    first = [one["name"] for one in exported(desk)]
    assert len(first) == 3 and all(first)
    again = ("--from-run", "latest", "--outcome", "done")
    narrowed = desk.here("conversations", "close", *again, "--where", "state = open", "--dry-run", *PLAIN).json
    assert [one["name"] for one in narrowed["review"]["sample"]] == first
    assert desk.here("conversations", "close", *again, "--where", "state = open", "--yes", *PLAIN).code == 0
    assert [one["name"] for one in exported(desk)] == first


def exported(desk: Desk) -> list[dict[str, Any]]:
    """The items of the latest run."""
    return [json.loads(line) for line in desk.here("runs", "export", "latest", "--jsonl").out.splitlines()]


def test_a_time_zone_that_this_machine_does_not_know_hides_no_list(desk: Desk) -> None:
    """Times are then told in UTC: the rows are what was asked for."""
    desk.box.fault("fields", path="^/me$", set={"app": {"type": "app", "id_code": "sandbox1", "name": "Sandbox", "timezone": "Mars/Base"}})
    done = desk.here("conversations", "close", "--where", "team = 5001 and state = open", "--limit", "2", "--yes", "--json")
    assert done.counts["done"] == 2, done.err
    for form in ("csv", "jsonl"):
        exported = desk.here("runs", "export", done.run, "--format", form)
        assert exported.code == 0 and len(exported.out.splitlines()) == 2 + (form == "csv"), exported.err
    assert desk.here("runs", "export", done.run, "-o", "run.xlsx").code == 0
    assert desk.here("conversations", "find", "--limit", "2", "--where", "state = open", "-o", "list.csv").code == 0


def test_a_file_of_json_lines_is_no_table(desk: Desk) -> None:
    """It says so, and what takes it; an attribute that a workspace does not have names those that it has."""
    assert desk.here("contacts", "find", "--where", "role = user", "--limit", "2", "-o", "x.jsonl").code == 0
    read = desk.here("contacts", "find", "--csv", "x.jsonl", "--id-column", "id")
    assert read.code == 2 and "holds JSON Lines, and no table" in read.err and "--ids" in read.err, read.err
    unknown = desk.here("contacts", "find", "--where", "role = user", "--columns", "custom_attributes.zzzz", "--limit", "1")
    assert unknown.code == 2 and "custom_attributes.plan" in unknown.err and "--columns help" in unknown.err, unknown.err


def test_what_an_upsert_wrote_is_known_to_later_runs(desk: Desk) -> None:
    """It has its items by a key of the sheet; --exclude-run and --from-run take them as Intercom has them."""
    user = next(row for row in desk.box.contacts(role="user") if row["external_id"])
    (desk.home / "up.csv").write_text(f"external_id,name\n{user['external_id']},Zoe\nnew-9,Zac\n")
    (desk.home / "next.csv").write_text("email,name\nnobody@example.test,Zed\n")
    up = desk.here("contacts", "upsert", "name={{name}}", "--csv", "up.csv", "--id-column", "external_id", "--yes", "--json")
    assert up.counts == {"selected": 2, "done": 2}, up.err
    left = desk.here("contacts", "tag", "--where", "name = Zoe", "--exclude-run", up.run, "--tag", "vip", "--dry-run", "--json")
    assert left.counts == {}, left.err
    rows = [json.loads(line) for line in desk.here("runs", "export", up.run, "--jsonl").out.splitlines()]
    made = next(one["id"] for one in desk.box.contacts() if one["external_id"] == "new-9")
    assert [(row["id"], row["key"], row["name"]) for row in rows] == [
        (user["id"], user["external_id"], user["name"]), (made, "new-9", "Zac"),
    ]  # fmt: skip
    assert all(row["link"].endswith(f"/{row['id']}") for row in rows)
    place = bulk.Workspace(token=desk.box.token, base_url=desk.box.url, home=desk.home)
    assert [(one.id, one.key) for one in bulk.open_run(up.run, workspace=place).items()] == [(row["id"], row["key"]) for row in rows]
    assert desk.here("runs", "export", up.run, "-o", "up-out.csv").code == 0
    assert desk.here("contacts", "tag", "--ids", "up-out.csv", "--tag", "vip", "--dry-run", "--json").counts["selected"] == 2
    looked = desk.here("contacts", "upsert", "name={{name}}", "--csv", "next.csv", "--id-column", "email", "--dry-run", "--json")
    assert looked.code == 0, looked.err
    row = json.loads(desk.here("runs", "export", looked.run, "--jsonl").out)
    assert (row["id"], row["key"], row["link"]) == ("", "[e-mail]", ""), row
    tagged = desk.here("contacts", "tag", "--from-run", up.run, "--outcome", "done", "--tag", "vip", "--yes", "--json")
    assert (tagged.code, tagged.counts) == (0, {"selected": 2, "done": 2}), tagged.err


@pytest.mark.parametrize(("resource", "column"), [("companies", "company_id"), ("tickets", "ticket_id")])
def test_a_key_or_a_number_is_not_taken_for_an_id(desk: Desk, resource: str, column: str) -> None:
    """A list of what to leave out that has no ids left out nobody, and said that it did."""
    where = ("--where", "name is not empty" if resource == "companies" else "open = true")
    assert desk.here(resource, "find", *where, "--columns", f"{column},name" if resource == "companies" else f"{column},subject", "-o",
                     "keys.csv").code == 0
    refused = desk.here(resource, "tag", *where, "--exclude", "keys.csv", "--tag", "vip", "--dry-run")
    assert refused.code == 2 and "keys.csv" in refused.err and column in refused.err, refused.err


def test_the_report_has_the_template_of_a_sheets_messages(desk: Desk) -> None:
    """The text with its places is no customer's message: it is shown without --with-bodies, and what each got is not."""
    one = desk.open_ids()[0]
    (desk.home / "notes.csv").write_text(f"id,sum\n{one},42 secret euros\n")
    note = ("conversations", "note", "--csv", "notes.csv", "--body", "Refund of {{sum}}", "--yes", "--progress", "none")
    assert desk.here(*note, "--report", "r.html").code == 0
    page = (desk.home / "r.html").read_text("utf-8")
    assert "Refund of {{sum}}" in page and "42 secret euros" not in page


@pytest.mark.parametrize("verb", ["reply", "note", "close"])
def test_the_report_has_a_text_without_places_too(desk: Desk, verb: str) -> None:
    """What was typed for all is shown, but for addresses in it; the screen, the account and the export go on without it."""
    (desk.home / "one").write_text(desk.open_ids()[0])
    said = ("conversations", verb, "--ids", "one", "--body", "We are back, write to help@example.test.", "--customer-visible", "--yes")
    done = desk.here(*said, "--report", "r.html", "--json", "--progress", "none")
    assert done.code == 0 and "We are back" not in done.out + done.err + desk.here("runs", "export", "latest", "--jsonl").out, done.err
    page = (desk.home / "r.html").read_text("utf-8")
    assert page.count("We are back, write to [e-mail].") == 1 and "help@example.test" not in page
    assert desk.here("runs", "report", "latest", "-o", "all.html", "--with-bodies").code == 0
    assert "We are back, write to help@example.test." in (desk.home / "all.html").read_text("utf-8")


def test_a_number_is_taken_as_the_sheet_shows_it_or_it_is_said(desk: Desk) -> None:
    """Zeros in front are part of a code; of what else a format shows, the number is taken, aloud, where the column is used."""
    (one,) = people(desk, 1)
    with Workbook(str(desk.home / "s.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_row(3, 1, ["id", "zip", "half", "money", "cut", "plain"])
        sheet.write_string(4, 1, one["id"])
        formats = ("00000", "0%", '#,##0.00 "EUR"', "0.0", "0.00")
        for column, (number, code) in enumerate(zip((1234, 0.5, 1234.5, 1.25, 2.5), formats, strict=True), 2):
            sheet.write_number(4, column, number, book.add_format({"num_format": code}))

    def note(text: str) -> Any:
        done = desk.here("contacts", "note", "--csv", "s.xlsx", "--body", text, "--yes", *PLAIN)
        assert done.code == 0, done.err
        return done

    assert "than it holds" not in note("{{zip}} {{plain}}").err
    said = note("{{half}} {{money}} {{cut}}").err
    for name, cell in (("half", "0.5, shown by the format 0%"), ("money", '1234.5, shown by the format #,##0.00 "EUR"'), ("cut", "1.25")):
        assert f"s.xlsx shows other numbers in {name} than it holds (row 5: {cell}" in said, said
    written = next(each for each in desk.box.contacts() if each["id"] == one["id"])["notes"]
    assert str(written).count("0.5 1234.5 1.25") == 1 and str(written).count("01234 2.5") == 1, written
    seats = desk.here("contacts", "set", "seats={{zip}}", "name={{zip}}", "--csv", "s.xlsx", "--yes", *PLAIN)
    now = next(each for each in desk.box.contacts() if each["id"] == one["id"])
    assert seats.code == 0 and (now["custom_attributes"]["seats"], now["name"]) == (1234, "01234"), seats.err


def test_a_ticket_that_nobody_wrote_to_names_its_contact(desk: Desk) -> None:
    """As text, also where none of its messages does; one request for each contact."""
    one = next(row for row in desk.box.tickets() if not desk.box.ticket(row["id"])["ticket_parts"]["total_count"])
    (desk.home / "id").write_text(str(one["id"]))
    assert desk.here("tickets", "export", "--ids", "id", "-o", "tickets", "--format", "text", *PLAIN).code == 0
    contact = desk.box.contact(desk.box.ticket(one["id"])["contacts"]["contacts"][0]["id"])
    (page,) = (desk.home / "tickets").iterdir()
    assert f"contacts: {contact['name']} ({contact['id']})" in page.read_text(), page.read_text()


def test_a_text_that_looks_like_an_error_is_a_text(desk: Desk) -> None:
    """A contact of that name comes back from our own workbook, by its rows and by its ids."""
    (one,) = people(desk, 1)
    (desk.home / "id").write_text(str(one["id"]))
    assert desk.here("contacts", "set", "name=#N/A", "--ids", "id", "--yes", *PLAIN).code == 0
    assert desk.here("contacts", "find", "--ids", "id", "--columns", "id,name", "-o", "out.xlsx").code == 0
    for given in (("--csv", "out.xlsx"), ("--ids", "out.xlsx")):
        back = desk.here("contacts", "set", "name={{name}}" if "--csv" in given else "name=#N/A", *given, "--dry-run", *PLAIN)
        assert back.counts == {"selected": 1, "unchanged": 1}, back.err


def test_rows_that_a_filter_hides_are_taken_and_said(desk: Desk) -> None:
    """As rows and as a list of ids; a hidden row that holds nothing is none."""
    with Workbook(str(desk.home / "s.xlsx")) as book:
        sheet = book.add_worksheet("Rows")
        sheet.write_row(0, 0, ["id", "n"])
        for row, one in enumerate(people(desk, 4), 1):
            sheet.write_row(row, 0, [one["id"], "Ann"])
        for row in (2, 3, 9):
            sheet.set_row(row, None, None, {"hidden": True})
    for given in (("--csv", "s.xlsx"), ("--ids", "s.xlsx")):
        looked = desk.here("contacts", "tag", *given, "--tag", "vip", "--dry-run", *PLAIN)
        assert looked.counts["selected"] == 4 and "s.xlsx hides 2 rows" in looked.err, looked.err


def test_a_moment_in_the_hour_that_comes_twice_comes_back_as_it_was(desk: Desk) -> None:
    """Both of 1 November 2026, 01:00 in Los Angeles: out as a workbook, in again, and nothing is to be changed."""
    first, second = (str(one["id"]) for one in people(desk, 2))
    (desk.home / "s.csv").write_text(f"id,at\n{first},1793520000\n{second},1793523600\n")
    given = ("--csv", "s.csv", "--yes", "--verify", "none", *PLAIN)
    assert desk.here("contacts", "set", "renews_at={{at}}", *given).counts == {"selected": 2, "done": 2}
    written = desk.here("contacts", "find", "--csv", "s.csv", "--columns", "id,custom_attributes.renews_at", "-o", "out.xlsx")
    assert written.code == 0, written.err
    _, *rows = CalamineWorkbook.from_path(str(desk.home / "out.xlsx")).get_sheet_by_index(0).to_python()
    assert {row[0]: str(row[1]) for row in rows} == {first: "2026-11-01 01:00:00", second: "2026-11-01T01:00:00-08:00"}
    back = desk.here("contacts", "set", "renews_at={{custom_attributes.renews_at}}", "--csv", "out.xlsx", "--dry-run", *PLAIN)
    assert back.counts == {"selected": 2, "unchanged": 2}, back.err


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_a_query_keeps_its_order(box: MemorySandbox, order: str) -> None:
    """It was dropped, and the search was read in parts."""
    query = {"query": {"field": "state", "operator": "=", "value": "open"}, "sort": {"field": "created_at", "order": order}}
    told = bulk.explain("conversations", query=query)
    assert (told["query"], told["reading"]) == (query, {"parts": False, "why": "the query asks for an order"})
    assert told["selection"] == f"state is open (in the order of created_at, {order})"
    found = [row["created_at"] for row in bulk.find("conversations", query=query, columns=["created_at"])]
    assert len(set(found)) > 9 and found == sorted(found, reverse=order == "descending")
    assert bulk.run("conversations.close", query=query, limit=3).counts.done == 3


def test_an_order_that_cannot_be_had_is_refused(box: MemorySandbox) -> None:
    with pytest.raises(bulk.UsageError, match="Intercom has no search of companies"):
        bulk.explain("companies", query={"query": {"field": "name", "operator": "=", "value": "x"}, "sort": {"field": "name"}})
    with pytest.raises(bulk.UsageError, match="The sort of query must be"):
        bulk.explain("conversations", query={"query": {"field": "state", "operator": "=", "value": "open"}, "sort": "created_at"})


def test_a_search_that_is_refused_is_counted(desk: Desk) -> None:
    """The account of a command that ended before there was a run said that nothing was sent."""
    (desk.home / "q.json").write_text('{"query": {"field": "state", "operator": "=", "value": "open"}, "sort": {"field": "nothing"}}')
    desk.box.fault("status", status=400, path="/search$")
    told = json.loads(desk.here("conversations", "find", "--query", "q.json", "--json").out)
    assert (told["exit"], told["requests"]["search"]) == (2, 1), told
    assert told["requests"]["total"] == told["requests"]["read"] + 1


def test_companies_are_read_by_the_numbers_of_their_pages(desk: Desk) -> None:
    """--explain said that they are divided by created_at, which no list can be."""
    assert "several at the same time, by their numbers" in desk.here("companies", "find", "--explain").out
    assert "divided by created_at" in desk.here("contacts", "find", "--where", "role = user", "--explain").out


@pytest.mark.parametrize("resource", ["conversations", "tickets"])
def test_the_contact_has_its_name_beside_it(desk: Desk, resource: str) -> None:
    """On the screen and in a spreadsheet; a program gets the columns that it named, and those who name both get them where they stand."""
    command = (resource, "find", "--where", "created > 2000-01-01", "--limit", "2")
    shown = desk.here(*command, "--columns", "id,contact,open").out.splitlines()[0].split()
    assert shown[:4] == ["id", "contact", "contact_name", "open"], shown
    assert desk.here(*command, "--columns", "id,contact,open", "-o", "list.csv").code == 0
    rows = list(csv.DictReader((desk.home / "list.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert list(rows[0]) == ["id", "contact", "contact_name", "open"]
    named = {str(one["id"]): one["name"] for one in desk.box.contacts()}
    assert all(row["contact_name"] == named[row["contact"]] for row in rows), rows
    assert desk.here(*command, "--columns", "contact_name,contact", "-o", "both.csv").code == 0
    assert (desk.home / "both.csv").read_text(encoding="utf-8-sig").splitlines()[0].replace('"', "") == "contact_name,contact"
    assert desk.here(*command, "--columns", "contact", "-o", "list.jsonl").code == 0
    first = json.loads((desk.home / "list.jsonl").read_text().splitlines()[0])
    for item in (desk.here(*command, "--columns", "contact", "--json").json["items"][0], first):
        assert list(item) == ["contact"]


def sheet_and_rows(desk: Desk, run: str) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """The items of a run as a sheet and as JSON has them."""
    for file in ("x.csv", "x.jsonl"):
        assert desk.here("runs", "export", run, "-o", file).code == 0
    sheet = csv.DictReader((desk.home / "x.csv").read_text(encoding="utf-8-sig").splitlines())
    return list(sheet), [json.loads(line) for line in (desk.home / "x.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("verb", "tag", "changes"), [("tag", "vip", "added removed added"), ("untag", "incident", "removed added")])
def test_tags_of_a_ticket_that_nothing_shows_are_not_told_as_none(desk: Desk, verb: str, tag: str, changes: str) -> None:
    """It may have others, whatever a run has put on it or taken off; the change is known. The same of its undo, and of that one's."""
    (desk.home / "ids").write_text("\n".join(str(one["id"]) for one in desk.box.tickets()[:2]))
    more = ("--yes", "--verify", "none", *PLAIN)
    desk.here("tickets", "tag", "--ids", "ids", "--tag", "incident", *more)
    answer = desk.here("tickets", verb, "--ids", "ids", "--tag", tag, *more)
    for change in changes.split():
        sheet, rows = sheet_and_rows(desk, answer.run)
        assert [(row["before"], row["after"]) for row in sheet] == [("tags: not shown", "tags: not shown")] * 2, sheet
        assert all(row["change"].startswith(f"{change} tag {tag}") for row in sheet), sheet
        assert [(row["before"], row["after"]) for row in rows] == [({"tags": None}, {"tags": None})] * 2, rows
        answer = desk.here("undo", answer.run, *more)
    people = [str(one["id"]) for one in desk.box.contacts(role="user") if not one["tags"]]
    (desk.home / "ids").write_text(people[0])
    answer = desk.here("contacts", "tag", "--ids", "ids", "--tag", "vip", *more)
    sheet, rows = sheet_and_rows(desk, answer.run)
    assert sheet[0]["before"] == "tags: none" and sheet[0]["after"].startswith("tags: vip ("), sheet
    assert rows[0]["before"] == {"tags": []} and len(rows[0]["after"]["tags"]) == 1, rows


def test_whole_numbers_are_whole_in_parquet(desk: Desk) -> None:
    """Of items and of runs; a number that may have a fraction is none, and what an item has not is empty."""
    import pyarrow.parquet

    columns = ("id", "parts", "rating", "statistics.count_reopens", "created_at")
    assert desk.here("conversations", "find", "--where", "state = open", "--columns", ",".join(columns), "-o", "f.parquet").code == 0
    found = pyarrow.parquet.read_table(desk.home / "f.parquet")
    assert [str(found.schema.field(name).type) for name in columns[:4]] == ["string", "int64", "int64", "int64"], found.schema
    assert all(one > 0 for one in found["parts"].to_pylist()) and None in found["rating"].to_pylist()
    assert desk.here("contacts", "set", "seats=7", "--where", "role = user", "--limit", "2", "--yes").code == 0
    assert desk.here("runs", "export", "latest", "-o", "r.parquet").code == 0
    told = pyarrow.parquet.read_table(desk.home / "r.parquet")
    assert {str(told.schema.field(name).type) for name in ("seq", "attempts", "status")} == {"int64"} and told["seq"].to_pylist() == [1, 2]
