"""Spreadsheets as people have them: any program's file, any encoding, e-mail addresses and external ids in place of ids."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from xlsxwriter import Workbook

import intercom_bulk_updater as bulk
from intercom_bulk_updater.errors import SearchIncomplete, UsageError
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.runs.session import open_session
from intercom_bulk_updater.service.row_references import resolve_rows
from intercom_bulk_updater.service.selection import read_ids
from intercom_bulk_updater.service.spreadsheet import read_rows
from intercom_bulk_updater.settings import load

from .desk import QUERY, Desk

SANDBOX = {"conversations": 500, "contacts": 700, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.0, "jitter": 0}
PLAIN = ("--json", "--progress", "none")
TEXT = "conversation;city\n{0};Zürich\n{1};Köln „Süd“ €\n"


def workbook(path: Path, *rows: list[Any], before: str = "", hidden: str = "") -> None:
    """A real XLSX with typed cells, as Excel writes it."""
    with Workbook(str(path)) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        if hidden:
            sheet = book.add_worksheet(hidden)
            sheet.write_string(0, 0, "id")
            sheet.hide()
        if before:
            book.add_worksheet(before)
        sheet = book.add_worksheet("Rows")
        sheet.activate()
        if hidden:
            sheet.set_first_sheet()
        for number, row in enumerate(rows):
            for place, value in enumerate(row):
                if isinstance(value, datetime.date):
                    sheet.write_datetime(number, place, value, day)
                elif value is not None:
                    sheet.write(number, place, value)


def test_what_was_just_found_by_its_e_mail_is_counted_without_another_request(desk: Desk) -> None:
    """Only rows that name items by id are read to be counted: an id may be gone."""
    chosen = people(desk)[:100]
    words = [chosen[0]["id"], "f" * 24, *(one["email"] for one in chosen[1:])]
    (desk.home / "people.csv").write_text("who\n" + "\n".join(words) + "\n")
    done = desk.here("contacts", "find", "--csv", "people.csv", "--id-column", "who", "--count", "--json")
    assert (done.code, done.json["count"]) == (3, len(chosen)), done.err
    reads = [line["path"] for line in desk.box.log(1000) if line["method"] == "GET" and line["path"].startswith("/contacts/")]
    assert sorted(reads[-2:]) == sorted([f"/contacts/{chosen[0]['id']}", f"/contacts/{'f' * 24}"])
    assert len(reads) == 2


def test_a_link_of_another_workspace_is_refused(desk: Desk) -> None:
    """Ids of two workspaces may be alike; what the link says of its workspace is believed."""
    conversation = desk.open_ids()[0]
    link = "https://app.eu.intercom.com/a/inbox/{}/inbox/shared/all/conversation/" + conversation
    (desk.home / "x.txt").write_text(link.format("other99") + "\n")
    (desk.home / "x.csv").write_text("conversation,n\n" + link.format("other99") + ",1\n")
    close = ("conversations", "close", "--yes", *PLAIN)
    for given in (("--ids", str(desk.home / "x.txt")), ("--csv", str(desk.home / "x.csv"), "--id-column", "conversation")):
        done = desk.here(*close, *given)
        assert done.code == 2
        assert "line" in done.err
        assert "the workspace other99, and the token is of Sandbox (sandbox1)" in done.err
    assert conversation in desk.open_ids()
    (desk.home / "x.txt").write_text(link.format("sandbox1") + "\n")
    assert desk.here(*close, "--ids", str(desk.home / "x.txt")).code == 0
    assert conversation not in desk.open_ids()


@pytest.mark.parametrize(
    ("encoding", "mark", "said"),
    [
        ("utf-8", "", ""), ("utf-8", "\ufeff", ""), ("utf-16", "", "says that it is UTF-16"), ("utf-16-le", "", "looks like UTF-16"),
        ("utf-16-be", "", "looks like UTF-16"), ("cp1252", "", "Windows-1252"),
    ],
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.xlsx", "rows"])
def test_every_encoding_is_read_and_a_guess_is_said(desk: Desk, encoding: str, mark: str, said: str, name: str) -> None:
    """What the file is, its content tells, not its ending; what had to be guessed is said on stderr, and reaches customers rightly."""
    ids = desk.open_ids()[:2]
    (desk.home / name).write_bytes((mark + TEXT.format(*ids)).encode(encoding))
    note = ("conversations", "note", "--csv", name, "--id-column", "conversation", "--body", "to {{city}}", "--yes", *PLAIN)
    done = desk.here(*note)
    assert (done.code, done.counts) == (0, {"selected": 2, "done": 2}), done.err
    assert (said in done.err) if said else ("encoding" not in done.err and "UTF-16" not in done.err), done.err
    bodies = [desk.box.conversation(one)["conversation_parts"]["conversation_parts"][-1]["body"] for one in ids]
    assert "Zürich" in bodies[0] and "Köln „Süd“ €" in bodies[1]


def test_typed_cells_reach_attributes_and_updaters_in_their_types(desk: Desk) -> None:
    """Numbers, days and yes or no of XLSX are what the workspace's attribute, or an updater's annotation, wants."""
    ids = desk.open_ids()[:2]
    rows = [["conversation", "sum", "ok", "when", "order"], [ids[0], 12.0, True, datetime.date(2026, 1, 31), "007"]]
    workbook(desk.home / "rows.csv", *rows)  # its ending lies
    sheet = ("--csv", "rows.csv", "--id-column", "conversation", "--yes", *PLAIN)
    done = desk.here("conversations", "set", "refund_amount={{sum}}", "reviewed={{ok}}", "order_id={{order}}", *sheet)
    assert done.code == 0, done.err
    held = desk.box.conversation(ids[0])["custom_attributes"]
    assert (held["refund_amount"], held["reviewed"], held["order_id"]) == (12, True, "007")
    (desk.home / "typed.py").write_text(
        "import datetime\nfrom intercom_bulk_updater import IntercomBulkUpdater\n\n\n"
        "class Typed(IntercomBulkUpdater):\n"
        "    def get_search_endpoint(self): return 'conversations/search'\n"
        "    def get_search_query(self): return {'field': 'state', 'operator': '=', 'value': 'open'}\n"
        "    def get_item_id(self, item): return item['id']\n"
        "    def perform_action(self, item_id, value: int, on: datetime.date, urgent: bool):\n"
        "        assert (value, on, urgent) == (12, datetime.date(2026, 1, 31), True), (value, on, urgent)\n"
        "        return self.client.put(f'conversations/{item_id}', {'custom_attributes': {'refund_amount': value + 1}})\n"
    )
    typed = ("--param", "value={{sum}}", "--param", "on={{when}}", "--param", "urgent={{ok}}")
    own = desk.here("run", "typed.py:Typed", *typed, *sheet)
    assert own.code == 0 and desk.box.conversation(ids[0])["custom_attributes"]["refund_amount"] == 13, own.err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["id", "x"], [2.1547e20, "a"]], "row 2: .*rounded"),
        ([["id", "x"], ["1", "a"], [None, "b"]], "row 3: the id is empty"),
        ([["id", "x"], ["1", "a"], ["1", "b"]], "1 stands in row 2 and, with other values, in row 3"),
        ([["id", None, "x"], ["1", "2", "3"]], "column 2 has no name"),
        ([["id", "x"], ["1", "a", "b"]], "row 2: 3 cells under 2 columns"),
        ([["id"]], "no rows"),
        ([], "is empty"),
    ],
)
def test_a_sheet_that_leaves_open_what_is_meant_is_refused(tmp_path: Path, rows: list[list[Any]], said: str) -> None:
    """The same sentences as for CSV, with the row as the spreadsheet shows it."""
    workbook(tmp_path / "x.xlsx", *rows)
    with pytest.raises(UsageError, match=said):
        read_rows(str(tmp_path / "x.xlsx"), None)


def test_a_broken_workbook_is_no_traceback(tmp_path: Path) -> None:
    """Cut short, empty inside, another ZIP: a sentence."""
    workbook(tmp_path / "x.xlsx", ["id"], ["1"])
    whole = (tmp_path / "x.xlsx").read_bytes()
    for raw in (whole[:400], whole[: len(whole) // 2], b"PK\x03\x04", b"PK\x03\x04" + b"x" * 500, b"\xd0\xcf\x11\xe0" + b"\0" * 600):
        (tmp_path / "y.xlsx").write_bytes(raw)
        with pytest.raises(UsageError, match="cannot be read"):
            read_rows(str(tmp_path / "y.xlsx"), None)


def test_the_first_sheet_with_rows_is_taken_and_that_is_said(tmp_path: Path) -> None:
    """An empty sheet and a hidden one are passed over; of several with rows the first is taken, by its name."""
    said: list[str] = []
    workbook(tmp_path / "x.xlsx", [], [None, "id", "x"], [None, "7", "a"], before="Notes", hidden="Lists")
    rows = read_rows(str(tmp_path / "x.xlsx"), None, note=said.append)
    assert [(row.line, row.id, dict(row.cells)) for row in rows.rows] == [(3, "7", {"id": "7", "x": "a"})] and not said
    with Workbook(str(tmp_path / "two.xlsx")) as book:
        for name in ("March", "April"):
            book.add_worksheet(name).write_column(0, 0, ["id", name[0]])
    assert [row.id for row in read_rows(str(tmp_path / "two.xlsx"), None, note=said.append).rows] == ["M"]
    assert "'March'" in said[0]


@pytest.mark.parametrize("ending", ["csv", "xlsx", "jsonl"])
def test_what_find_wrote_is_a_list_of_ids(desk: Desk, ending: str) -> None:
    """--ids and --exclude take the files of find -o; a list whose ids are links is one too."""
    written, some = f"all.{ending}", f"some.{ending}"
    assert desk.here("conversations", "find", "--where", QUERY, "-o", written).code == 0
    assert desk.here("conversations", "find", "--where", QUERY, "--limit", "5", "-o", some).code == 0
    left = desk.here("conversations", "find", "--ids", written, "--exclude", some, "--count")
    assert left.out == f"{len(desk.open_ids()) - 5}\n", left.err
    assert desk.here("conversations", "find", "--where", QUERY, "--columns", "link", "-o", some).code == 0
    if ending != "jsonl":
        assert set(read_ids(str(desk.home / some))) == set(desk.open_ids())


def test_a_sheet_of_ids_without_a_heading(tmp_path: Path) -> None:
    """One column is ids; several without one that is called so are refused."""
    workbook(tmp_path / "x.xlsx", [215470000000024.0], ["https://app.intercom.com/a/inbox/x/inbox/conversation/216"])
    assert read_ids(str(tmp_path / "x.xlsx")) == ["215470000000024", "216"]
    workbook(tmp_path / "x.xlsx", ["name", "team"], ["a", "b"])
    with pytest.raises(UsageError, match="no column is called id"):
        read_ids(str(tmp_path / "x.xlsx"))
    workbook(tmp_path / "x.xlsx", ["id"], [2.1547e17])
    with pytest.raises(UsageError, match="rounded"):
        read_ids(str(tmp_path / "x.xlsx"))


def by_others(desk: Desk, method: str, path: str, body: dict[str, Any]) -> None:
    """A request that somebody else sends."""
    headers = {"Authorization": f"Bearer {desk.box.token}", "Intercom-Version": "2.16"}
    requests.request(method, f"{desk.box.url}/{path}", json=body, headers=headers, timeout=10).raise_for_status()


def people(desk: Desk, role: str = "user") -> list[dict[str, Any]]:
    """Contacts whose e-mail address nobody else has."""
    rows = [one for one in desk.box.contacts(role=role) if one["email"] and not one["archived"]]
    times = [one["email"].lower() for one in desk.box.contacts() if one["email"]]
    return [one for one in rows if times.count(one["email"].lower()) == 1]


def test_e_mails_and_external_ids_are_found_in_few_requests(desk: Desk) -> None:
    """400 contacts by e-mail, in other capitals too, take three searches; ids, links and external ids may stand among them."""
    chosen = people(desk)[:400]
    assert len(chosen) > 300
    words = [one["email"].upper() if place % 2 else one["email"] for place, one in enumerate(chosen)]
    words[0], words[1] = chosen[0]["id"], f"https://app.intercom.com/a/apps/sandbox1/users/{chosen[1]['id']}"
    words[2] = chosen[2]["external_id"]
    (desk.home / "people.csv").write_text("who,tag\n" + "".join(f"{word},vip\n" for word in words))
    before = desk.sent("/contacts/search")
    done = desk.here("contacts", "tag", "--csv", "people.csv", "--id-column", "who", "--tag", "{{tag}}", "--yes", *PLAIN)
    assert done.code == 0 and done.counts["selected"] == len(chosen), done.err
    assert desk.sent("/contacts/search") - before == 1 + -(-(len(chosen) - 3) // 150)
    vip = next(tag["id"] for tag in desk.box.tags() if tag["name"] == "vip")
    tagged = {one["id"] for one in desk.box.contacts() if str(vip) in map(str, one["tags"])}
    assert {one["id"] for one in chosen} <= tagged


def test_unknown_and_ambiguous_references_are_said_with_their_lines(desk: Desk) -> None:
    """Nothing is done before each row names one contact; the addresses themselves are in no message."""
    known = people(desk)
    by_others(desk, "POST", "contacts", {"role": "lead", "email": known[5]["email"]})
    lines = [known[0]["email"], "nobody@nowhere.test", known[5]["email"], "also@nowhere.test", "no-such-customer"]
    (desk.home / "people.csv").write_text("who\n" + "".join(f"{line}\n" for line in lines))
    before = desk.writes()
    refused = desk.here("contacts", "archive", "--csv", "people.csv", "--id-column", "who", "--yes", *PLAIN)
    assert refused.code == 2 and desk.writes() == before, refused.err
    assert "no contact has the e-mail address of lines 3 and 5 (n…@n…, a…@n…)" in refused.err
    assert "no contact has the external id of line 6 (no-such-customer)" in refused.err
    assert "2 contacts have the e-mail address of line 4" in refused.err
    assert "nowhere.test" not in refused.err + refused.out


def test_a_column_that_is_called_as_a_key_holds_that_key(desk: Desk) -> None:
    """An external id that looks like an id of Intercom's is one where the column says so."""
    one = people(desk)[3]
    looks = "0123456789abcdef01234567"
    by_others(desk, "PUT", f"contacts/{one['id']}", {"external_id": looks})
    for column, code in (("External ID", 0), ("who", 3)):
        (desk.home / "people.csv").write_text(f"{column}\n{looks}\n")
        answer = desk.here("contacts", "note", "--csv", "people.csv", "--id-column", column, "--body", "x", "--yes", *PLAIN)
        assert answer.code == code, answer.err


def test_the_number_of_a_ticket_is_not_taken_for_its_id(desk: Desk) -> None:
    """Another ticket may have it for its id: refused before anything is asked, and the other column is named."""
    one = desk.box.tickets()[0]
    (desk.home / "t.csv").write_text(f"ticket_id,id\n{one['ticket_id']},{one['id']}\n")
    close = ("tickets", "close", "--csv", "t.csv", "--dry-run", *PLAIN)
    refused = desk.here(*close, "--id-column", "ticket_id")
    assert refused.code == 2 and "is the number that people see" in refused.err and not desk.box.log(10), refused.err
    assert desk.here(*close).counts["selected"] == 1


def test_companies_are_found_by_their_company_ids(desk: Desk) -> None:
    """Few are looked up one by one; many by listing all of them."""
    for count in (2, 12):
        rows = desk.box.companies()[:count]
        (desk.home / "x.csv").write_text("company_id\n" + "".join(f"{one['company_id']}\n" for one in rows))
        before = len(desk.box.log(1000))
        settings = load(access_token=desk.box.token, base_url=desk.box.url, home=desk.home)
        with open_session(settings, Options()) as session:
            found = resolve_rows(read_rows(str(desk.home / "x.csv"), "company_id", "companies"), "companies", session)
        assert [row.id for row in found.rows] == [one["id"] for one in rows]
        assert len(desk.box.log(1000)) - before <= 4


def test_several_rows_of_one_item_add_up_where_the_verb_allows_it(desk: Desk) -> None:
    """Two rows with two tags put both on; a verb that can have one value alone refuses them."""
    ids = desk.open_ids()[:2]
    (desk.home / "rows.csv").write_text(f"id,tag\n{ids[0]},vip\n{ids[0]},bug\n{ids[1]},bug\n{ids[1]},bug\n")
    before = {one: {str(tag["id"]) for tag in desk.box.conversation(one)["tags"]["tags"]} for one in ids}
    done = desk.here("conversations", "tag", "--csv", "rows.csv", "--tag", "{{tag}}", "--yes", *PLAIN)
    assert done.code == 0 and done.counts["selected"] == 2, done.err
    names = [{tag["name"] for tag in desk.box.conversation(one)["tags"]["tags"]} for one in ids]
    assert {"vip", "bug"} <= names[0] and "bug" in names[1]
    assert desk.here("undo", done.run, "--yes", *PLAIN).code == 0
    assert {one: {str(tag["id"]) for tag in desk.box.conversation(one)["tags"]["tags"]} for one in ids} == before
    refused = desk.here("conversations", "assign", "--csv", "rows.csv", "--to-team", "{{tag}}", "--yes", *PLAIN)
    assert refused.code == 2 and "with other values" in refused.err


def test_what_an_earlier_run_had_is_left_out(desk: Desk) -> None:
    """--exclude-run leaves out the items of a run, whatever became of them; beside --exclude too."""
    first = desk.close("--limit", "4")
    had = [item["id"] for item in desk.here("conversations", "find", "--from-run", first.run, "--outcome", "done", "--json").json["items"]]
    closed = desk.here("conversations", "find", "--where", "team = 5001 and state = closed", "--json").json["items"]
    left = desk.here("conversations", "find", "--where", "team = 5001 and state = closed", "--exclude-run", first.run, "--json")
    assert {one["id"] for one in closed} - {one["id"] for one in left.json["items"]} == set(had)
    opened = desk.here("conversations", "open", "--where", "team = 5001 and state = closed", "--exclude-run", "latest", "--yes", *PLAIN)
    assert opened.code == 0 and opened.counts["selected"] == len(closed) - 4, opened.err
    assert f"without the 4 items of {first.run}" in opened.json["run"]["selection"]["words"]
    assert desk.here("conversations", "find", "--where", QUERY, "--exclude-run", "no-such-run").code == 2


def test_an_id_that_is_gone_does_not_keep_the_others_from_being_found(desk: Desk) -> None:
    """It is named, the others are shown, and the end of the list says that it is not all of them."""
    (desk.home / "some.txt").write_text("\n".join([*desk.open_ids()[:2], "999999999", desk.open_ids()[2]]))
    found = desk.here("conversations", "find", "--ids", "some.txt", "--json")
    told = json.loads(found.out)
    assert [item["id"] for item in told["items"]] == desk.open_ids()[:3]
    assert (found.code, told["count"], told["complete"], told["gone"]) == (3, 3, False, ["999999999"])
    assert "1 is not there" in found.err and "999999999" in found.err
    counted = desk.here("conversations", "find", "--ids", "some.txt", "--count")
    assert (counted.code, counted.out) == (3, "3\n") and "999999999" in counted.err
    own = bulk.Workspace(token=desk.box.token, base_url=desk.box.url, home=desk.home)
    with pytest.raises(SearchIncomplete, match="999999999"):
        list(bulk.find("conversations", ids=[*desk.open_ids()[:1], "999999999"], workspace=own))
