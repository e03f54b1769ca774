"""Spreadsheets as selections, tags that are made late, values in the workspace's types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.service.spreadsheet import fill, places, read_rows

from .desk import QUERY, Desk

SANDBOX = {"conversations": 60, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.001, "jitter": 0}
PLAIN = ("--json", "--progress", "none")


def written(desk: Desk, *lines: str) -> None:
    (desk.home / "rows.csv").write_text("\n".join(lines) + "\n", "utf-8")


def sheet(*more: str) -> tuple[str, ...]:
    return ("--csv", "rows.csv", "--id-column", "conversation", *more)


def test_each_row_gets_its_own_values_and_all_of_it_can_be_undone(desk: Desk) -> None:
    """A run, its dry run, plan, retry and undo all know the values of each row."""
    ids = desk.open_ids()[:6]
    teams = ["Billing", "5003", "VIP desk", "Billing", "Onboarding", "5004"]
    written(desk, "conversation,team,note", *(f'{i},{team},"a ""quoted"", cell"' for i, team in zip(ids, teams, strict=True)))
    before = {row["id"]: row["team"] for row in desk.box.conversations()}
    assign = ("conversations", "assign", *sheet(), "--to-team", "{{team}}")
    looked = desk.here(*assign, "--dry-run", *PLAIN)
    assert (looked.code, looked.counts) == (0, {"selected": 6, "pending": 6}), looked.err
    assert "{{team}} of rows.csv" in looked.json["run"]["words"]
    assert desk.here(*assign, "--plan", "plan.jsonl", *PLAIN).code == 0
    desk.box.fault("status", status=404, method="POST", path="/parts$", count=1)
    some = desk.here("apply", "plan.jsonl", "--yes", "--workers", "1", *PLAIN)
    assert (some.code, some.counts) == (3, {"selected": 6, "done": 5, "failed": 1}), some.err
    assert desk.here("runs", "retry", some.run, *PLAIN).code == 0
    now = {row["id"]: row["team"] for row in desk.box.conversations()}
    assert [now[i] for i in ids] == [5002, 5003, 5004, 5002, 5003, 5004]
    undone = desk.here("undo", some.run, "--yes", *PLAIN)
    assert (undone.code, undone.counts["done"]) == (0, 6), undone.err
    assert {row["id"]: row["team"] for row in desk.box.conversations()} == before


def test_a_body_of_a_row_reaches_its_customer_and_no_report(desk: Desk) -> None:
    """Each conversation gets its own text; nothing shown, kept or exported holds one; the report has the template."""
    ids = desk.open_ids()[:2]
    written(desk, "conversation;name", f"{ids[0]};Zoë", f"{ids[1]};\\{{{{name\\}}}}")
    reply = ("conversations", "reply", *sheet(), "--body", "Dear {{ name }}, sorry")
    assert desk.here(*reply, "--yes", *PLAIN).code == 5
    done = desk.here(*reply, "--customer-visible", "--yes", "--report", "report.html", *PLAIN)
    assert done.code == 0, done.err
    bodies = [json.dumps(desk.box.conversation(i)["conversation_parts"], ensure_ascii=False) for i in ids]
    assert "Dear Zoë, sorry" in bodies[0]
    assert "Dear {{name}}, sorry" in bodies[1], "what stands in a cell is no place for another"
    exported = desk.here("runs", "export", done.run).out
    for text in (done.out, done.err, exported):
        assert "Dear" not in text and "Zoë" not in text
    page = (desk.home / "report.html").read_text("utf-8")
    assert "Zoë" not in page and page.count("Dear") == page.count("Dear {{ name }}, sorry") == 1  # its template


@pytest.mark.parametrize(
    ("lines", "arguments", "said"),
    [
        (["conversation,team", "{0},Billing", "{1},Biling"], ["--to-team", "{{team}}"], "line 3"),
        (["conversation,team", "{0},Billing"], ["--to-team", "{{taem}}"], "Do you mean 'team'"),
        (["conversation,team", "{0},Billing"], ["--to-team", "{{team}}", "--ids", "rows.csv"], "--ids and --csv"),
    ],
    ids=["a bad name", "no such column", "two selections"],
)
def test_a_row_that_cannot_be_done_is_said_before_anything_is(
    desk: Desk, lines: list[str], arguments: list[str], said: str
) -> None:
    """What a row gets wrong is exit 2, with its line, and nothing written."""
    ids = desk.open_ids()
    written(desk, *(line.format(*ids) for line in lines))
    answer = desk.here("conversations", "assign", *sheet(*arguments), "--yes", *PLAIN)
    assert answer.code == 2 and said in answer.err, answer.err
    assert desk.here("conversations", "assign", "--where", QUERY, "--to-team", "{{team}}", "--yes").code == 2
    assert desk.writes() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbfid,x\n", "no rows"),
        (b"id,x\n1,2,3\n", "line 2: 3 cells under 2 columns"),
        (b"sep=;\r\nid;x\r\n1\r\n", "line 3: 1 cell under 2 columns"),
        (b"id,x\n\n1,a\n,b\n", "line 4: the id is empty"),
        (b"id,x\n1,a\n2,b\n1,c\n", "1 stands in line 2 and, with other values, in line 4"),
        (b"id,x,x\n1,a,b\n", "two columns are called 'x'"),
        (b"id,\n1,a\n", "column 2 has no name"),
        (b"key,x\n1,a\n", "--id-column, one of key, x"),
        (b'id,x\n1,"a\n', "cannot be read"),
        (b"id,x\n2.1547E+14,a\n", "rounded"),
        (b"id,x\n1,\x81\n", "not UTF-8"),  # no letter of Windows-1252 either
    ],
)
def test_files_that_leave_open_what_is_meant(tmp_path: Path, text: bytes, said: str) -> None:
    """A broken file is refused with what is wrong, and where."""
    (tmp_path / "x.csv").write_bytes(text)
    with pytest.raises(UsageError, match=said.replace("+", r"\+")):
        read_rows(str(tmp_path / "x.csv"), None)


@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_files_as_programs_write_them(tmp_path: Path, delimiter: str) -> None:
    """With a BOM, any delimiter, Excel's line that names it, CR LF, quoted line breaks, empty lines, repeated rows."""
    text = "\ufeffid,a b\r\n1,\"x\r\ny\"\r\n\r\n2,\"p,;\t|q\"\r\n2,\"p,;\t|q\"\r\n".replace(",", delimiter)
    (tmp_path / "x.csv").write_bytes(text.encode())
    rows = read_rows(str(tmp_path / "x.csv"), "id")
    assert [(row.line, row.id) for row in rows.rows] == [(2, "1"), (5, "2")]
    (tmp_path / "excel.csv").write_bytes(text.replace("id", f"sep={delimiter}\r\nid", 1).encode())
    assert [(row.line, row.id) for row in read_rows(str(tmp_path / "excel.csv"), "id").rows] == [(3, "1"), (6, "2")]
    assert fill(["{{a b}}!", "{{ a b }}", "{a b}"], rows.rows[0].cells) == ["x\r\ny!", "x\r\ny", "{a b}"]
    assert places({"x": ["{{b}} {{a}}", "{{b}}"]}) == ["b", "a"]


def test_a_tag_is_made_only_when_the_run_begins_to_write(desk: Desk) -> None:
    """Neither a look, a plan, a guard nor a missing --yes makes the tag; the run makes it once, and undo takes it off."""

    def made() -> int:
        return sum(line["method"] == "POST" and line["path"] == "/tags" for line in desk.box.log(1000))

    tag = ("conversations", "tag", "--tag", "made late", "--create-tag", "--where", QUERY)
    assert desk.here(*tag, "--yes", "--expect", "1", *PLAIN).code == 5
    assert desk.here(*tag, *PLAIN).code == 5
    assert desk.here("conversations", "tag", "--tag", "made late", "--where", QUERY, "--yes").code == 2
    looked = desk.here(*tag, "--dry-run", *PLAIN)
    assert list(looked.json["review"]["groups"]) == ["+tag made late (to be created)"], looked.err
    assert desk.here(*tag, "--plan", "plan.jsonl", *PLAIN).code == 0
    nothing = desk.here(*tag[:-1], "state = open and tag = stale and tag = vip and tag = bug", "--yes", *PLAIN)
    assert (nothing.code, nothing.json["counts"]["selected"], made()) == (0, 0, 0), nothing.err
    done = desk.here("apply", "plan.jsonl", "--yes", *PLAIN)
    assert (done.code, made()) == (0, 1), done.err
    assert "made late" in done.json["run"]["words"]
    ids = desk.open_ids()
    written(desk, "conversation,tag", *(f"{i},row {n % 2}" for n, i in enumerate(ids)))
    rows = desk.here("conversations", "tag", *sheet("--tag", "{{tag}}", "--create-tag"), "--yes", *PLAIN)
    assert (rows.code, rows.counts["done"], made()) == (0, len(ids), 3), rows.err
    for run in (rows.run, done.run):
        assert desk.here("undo", run, "--yes", *PLAIN).counts["done"] == len(ids)


def test_set_takes_values_in_the_types_of_the_workspace(desk: Desk) -> None:
    """Numbers, booleans, options, clearing; what does not fit is exit 2 with what would."""
    one = desk.open_ids()[0]
    (desk.home / "ids").write_text(one)

    def put(*values: str) -> tuple[int, str]:
        answer = desk.here("conversations", "set", *values, "--ids", "ids", "--yes", *PLAIN)
        return answer.code, answer.err

    for bad in ("refund_amount=12.5", "reviewed=maybe", "issue_type=Bugs", "no=1", "issue_type", "=x", "read=", "order_id=1 order_id=2"):
        code, said = put(*bad.split())
        assert code == 2, said
    assert desk.writes() == 0
    before = desk.box.conversation(one)
    assert put("refund_amount= 12", "reviewed=yes", "issue_type=bug", "order_id=007", "title=Späte Antwort", "read=true")[0] == 0
    now = desk.box.conversation(one)
    assert now["custom_attributes"] == {
        **before["custom_attributes"], "refund_amount": 12, "reviewed": True, "issue_type": "Bug", "order_id": "007",
    }
    assert now["title"] == "Späte Antwort"
    code, said = put("refund_amount=", "custom_attributes.order_id=", "title=")
    assert code == 0, said
    assert not {"refund_amount", "order_id"} & {k for k, v in desk.box.conversation(one)["custom_attributes"].items() if v is not None}
    assert put("refund_amount=", "title=")[0] == 0


@pytest.mark.further
def test_an_updater_takes_every_selection_and_the_columns_of_a_sheet(desk: Desk) -> None:
    """run FILE.py:Class with --where, --csv with {{col}} in --param, --from-run, --exclude."""
    (desk.home / "own.py").write_text(
        "from intercom_bulk_updater import IntercomBulkUpdater\n\n\n"
        "class Noting(IntercomBulkUpdater):\n"
        "    def get_search_endpoint(self): return 'conversations/search'\n"
        "    def get_search_query(self, **kw): return {'field': 'state', 'operator': '=', 'value': 'open'}\n"
        "    def get_item_id(self, item): return item['id']\n"
        "    def perform_action(self, item_id, text='a word', **kw):\n"
        "        body = {'message_type': 'note', 'type': 'admin', 'admin_id': self.admin_id, 'body': text}\n"
        "        return self.client.post(f'conversations/{item_id}/reply', body)\n"
    )
    ids = desk.open_ids()
    run = ("run", "own.py:Noting", "--yes", *PLAIN)
    (desk.home / "keep").write_text(ids[0])
    assert desk.here(*run, "--where", QUERY, "--exclude", "keep").counts["done"] == len(ids) - 1
    written(desk, "conversation,who", f"{ids[0]},Ann", f"{ids[1]},Bob")
    desk.box.fault("status", status=404, method="POST", path="/reply$", count=1)
    rows = desk.here(*run, *sheet("--param", "text=for {{who}}", "--workers", "1"))
    assert (rows.code, rows.counts) == (3, {"selected": 2, "done": 1, "failed": 1}), rows.err
    assert desk.here("runs", "retry", rows.run, *PLAIN).code == 0
    assert "for Ann" in json.dumps(desk.box.conversation(ids[0])["conversation_parts"])
    again = desk.here(*run, "--from-run", rows.run, "--outcome", "done", "--param", "text=again")
    assert again.counts == {"selected": 2, "done": 2}, again.err
    assert desk.here(*run, "--from-run", rows.run, "--outcome", "nonsense").code == 2


def test_parameters_and_cells_reach_an_updater_in_its_types(desk: Desk) -> None:
    """`--param value=7` for an int arrives as 7, cells too; what cannot be read so, and what no method takes, is exit 2 before a write."""
    (desk.home / "typed.py").write_text(
        "import datetime\nfrom intercom_bulk_updater import IntercomBulkUpdater\n\n\n"
        "class Typed(IntercomBulkUpdater):\n"
        "    def get_search_endpoint(self): return 'conversations/search'\n"
        "    def get_search_query(self): return {'field': 'state', 'operator': '=', 'value': 'open'}\n"
        "    def get_item_id(self, item): return item['id']\n"
        "    def perform_action(self, item_id, value: int, on: datetime.date | None = None, urgent: bool = False):\n"
        "        assert type(value) is int and type(urgent) is bool and (on is None or on.year == 2026), (value, on, urgent)\n"
        "        return self.client.put(f'conversations/{item_id}', {'custom_attributes': {'refund_amount': value}})\n"
    )
    ids = desk.open_ids()[:2]
    run = ("run", "typed.py:Typed", "--yes", *PLAIN)
    written(desk, "conversation,sum,when", f"{ids[0]},7,2026-01-31", f"{ids[1]},8,2026-02-01")
    typed = ("--param", "value={{sum}}", "--param", "on={{when}}", "--param", "urgent=yes")
    assert desk.here(*run, *sheet(*typed)).counts == {"selected": 2, "done": 2}
    assert [desk.box.conversation(one)["custom_attributes"]["refund_amount"] for one in ids] == [7, 8]
    written(desk, "conversation,sum", f"{ids[0]},7", f"{ids[1]},eight")
    (desk.home / "ids").write_text("\n".join(ids))
    before = desk.writes()
    for words, said in {
        (*sheet("--param", "value={{sum}}"),): "line 3: value: Typed takes value: int, and 'eight' is none",
        ("--ids", "ids", "--param", "value=seven"): "--param value: Typed takes value: int, and 'seven' is none",
        ("--ids", "ids", "--param", "value=7", "--param", "x=1"): "--param x: Typed has no such parameter; it has on, urgent, value",
        ("--ids", "ids", "--param", "value=7", "--param", "dry=true"): "--param dry: Typed has no such parameter",
    }.items():
        refused = desk.here(*run, *words)
        assert refused.code == 2 and said in refused.err, refused.err
    assert desk.writes() == before
