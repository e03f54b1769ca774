"""Messages with places, and the same message twice."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import intercom_bulk_updater as bulk

from .desk import QUERY, Answer, Desk

SANDBOX = {"conversations": 40, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.001, "jitter": 0}
BEGAN = int(time.time()) - 1
PLAIN = ("--json", "--progress", "none")
TEMPLATE = "Hello {{contact.first_name|there}}, about {{conversation.subject|your question}}: it works again."


def reply(desk: Desk, body: str, *more: str, where: str = QUERY) -> Answer:
    return desk.here("conversations", "reply", "--where", where, "--body", body, "--customer-visible", *more, *PLAIN)


def messages(desk: Desk, cid: str) -> list[str]:
    parts = desk.box.conversation(cid)["conversation_parts"]["conversation_parts"]
    written = (part for part in parts if part["part_type"] in ("comment", "close") and part["body"] and part["author"]["type"] == "admin")
    return [str(part["body"]) for part in written if part["created_at"] >= BEGAN]


def whose(desk: Desk, cid: str) -> dict[str, Any]:
    return desk.box.contact(desk.box.conversation(cid)["contacts"]["contacts"][0]["id"])


def expected(desk: Desk, cid: str) -> str:
    name = (whose(desk, cid).get("name") or "").split()
    subject = (desk.box.conversation(cid)["source"].get("subject") or "").replace("<p>", "").replace("</p>", "")
    return f"Hello {name[0] if name else 'there'}, about {subject or 'your question'}: it works again."


def test_each_customer_is_called_by_name(desk: Desk) -> None:
    """Dry run, run and journal agree on the text of each; the names of fifteen contacts cost one request."""
    ids = desk.open_ids()
    looked = reply(desk, TEMPLATE, "--dry-run")
    assert (looked.code, looked.counts) == (0, {"selected": len(ids), "pending": len(ids)}), looked.err
    assert not any(messages(desk, cid) for cid in ids)
    done = reply(desk, TEMPLATE, "--yes", "--verify", "none")
    assert (done.code, done.counts) == (0, {"selected": len(ids), "done": len(ids)}), done.err
    for cid in ids:
        assert [text.replace("<p>", "").replace("</p>", "") for text in messages(desk, cid)] == [expected(desk, cid)]
    contacts = {whose(desk, cid)["id"] for cid in ids}
    assert done.json["requests"]["search"] <= 4 + -(-len(contacts) // 15) and done.json["requests"]["read"] <= 4, done.json


def test_nothing_is_sent_while_a_place_stays_empty(desk: Desk) -> None:
    """A field that is empty for some, without a word for that case, stops the run before the first write."""
    ids = desk.open_ids()
    for dry in ("--dry-run", "--yes"):
        refused = reply(desk, "Dear {{contact.custom_attributes.renews_at}}", dry)
        assert refused.code == 5, refused.err
        assert "contact.custom_attributes.renews_at is empty" in refused.err
        assert sum(cid in refused.err for cid in ids) == 5
        assert "{{contact.custom_attributes.renews_at|there}}" in refused.err
    assert not any(messages(desk, cid) for cid in ids)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Hello {first_name}", "no place"),
        ("Hello {{contact.frist_name}}", "{{contact.first_name}}"),
        ("Hello {{ticket.title}}", "can name"),
        ("Hello {{frist_name}}", "column"),
        ("Hello {{contact.name", "no place"),
        ("Hello contact.name}}", "no place"),
    ],
)
def test_a_brace_that_is_no_place_is_refused(desk: Desk, body: str, said: str) -> None:
    """What would reach the customer as a brace is a wrong command, and costs no write."""
    refused = reply(desk, body, "--yes")
    assert refused.code == 2 and said in refused.err, refused.err
    assert desk.sent("/reply") == 0


def test_a_brace_that_is_meant_can_be_written(desk: Desk) -> None:
    r"""`\{` is a brace."""
    done = reply(desk, r"Use \{name} and {{contact.first_name|x}}", "--yes", "--limit", "1")
    assert done.code == 0, done.err
    said = next(text for cid in desk.open_ids() for text in messages(desk, cid))
    assert "Use {name} and " in said and "\\" not in said


@pytest.mark.parametrize("cell", ["Hello {{contact.first_name}}", "Hello {{evil|you}}", "Hello {first_name}", "Hello {{contact.name"])
def test_a_place_in_a_cell_is_refused_with_its_line(desk: Desk, cell: str) -> None:
    r"""A sheet of a mail merge brings its own: nobody is sent the braces. `\{` is a brace there, too."""
    ids = desk.open_ids()[:2]
    (desk.home / "rows.csv").write_text(f"id,text\n{ids[0]},Hello Ann\n{ids[1]},{cell}\n", "utf-8")
    each = ("each", "conversations", "POST", "conversations/{{id}}/reply")
    body = '{"message_type": "comment", "type": "admin", "admin_id": "991267700", "body": "{{text}}"}'
    for verb in (("conversations", "reply", "--body", "{{text}}"), ("conversations", "note", "--body", "PS {{text}}"), (*each, body)):
        sheet = (*verb, "--csv", "rows.csv", *PLAIN, *(() if "note" in verb else ("--customer-visible",)))
        for more in ("--dry-run", "--yes"):
            refused = desk.here(*sheet, more)
            assert refused.code == 2 and "line 3" in refused.err and "cell of text" in refused.err, refused.err
    assert not desk.writes()
    (desk.home / "rows.csv").write_text(f"id,text\n{ids[0]},Use \\{{name\\}}\n", "utf-8")
    assert desk.here("conversations", "reply", "--body", "{{text}}", "--csv", "rows.csv", "--yes", "--customer-visible").code == 0
    assert "Use {name}" in messages(desk, ids[0])[-1] and "\\" not in messages(desk, ids[0])[-1]


def test_an_empty_cell_of_a_message_is_refused_with_its_line(desk: Desk) -> None:
    """A column that is empty in one row, and a word for that case."""
    ids = desk.open_ids()[:2]
    (desk.home / "rows.csv").write_text(f"id,order\n{ids[0]},A-1\n{ids[1]},\n", "utf-8")
    sheet = ("conversations", "reply", "--csv", "rows.csv", "--customer-visible", "--yes", *PLAIN)
    refused = desk.here(*sheet, "--body", "Order {{order}}, {{contact.first_name|you}}")
    assert refused.code == 2 and "line 3" in refused.err and desk.sent("/reply") == 0, refused.err
    done = desk.here(*sheet, "--body", "Order {{order|of yours}}, {{contact.first_name|you}}")
    assert done.code == 0, done.err
    assert ["Order A-1" in messages(desk, ids[0])[0], "Order of yours" in messages(desk, ids[1])[0]] == [True, True]


def test_the_same_text_is_not_sent_twice(desk: Desk) -> None:
    """A second run leaves alone who has the text, names the run that sent it, and sends with --again; another text is sent."""
    ids = desk.open_ids()
    first = reply(desk, TEMPLATE, "--yes", "--limit", "5")
    assert first.counts == {"selected": 5, "done": 5}, first.err
    looked = reply(desk, TEMPLATE, "--dry-run")
    assert looked.counts == {"selected": len(ids), "unchanged": 5, "pending": len(ids) - 5}, looked.err
    second = reply(desk, TEMPLATE, "--yes")
    assert second.counts == {"selected": len(ids), "unchanged": 5, "done": len(ids) - 5}, second.err
    assert sorted(len(messages(desk, cid)) for cid in ids) == [1] * len(ids)
    exported = desk.here("runs", "export", second.run, "--outcome", "unchanged", "--format", "jsonl").out
    notes = [json.loads(line)["note"] for line in exported.splitlines()]
    assert notes == [f"sent by {first.run}"] * 5
    assert reply(desk, "Another text.", "--yes").counts["done"] == len(ids)
    again = reply(desk, TEMPLATE, "--yes", "--again")
    assert again.counts == {"selected": len(ids), "done": len(ids)}, again.err
    assert sorted(len(messages(desk, cid)) for cid in ids) == [3] * len(ids)


def test_closing_with_the_text_of_a_reply_counts_and_a_note_does_not(desk: Desk) -> None:
    """What the customer has read is what counts, by whichever verb; a note is for teammates."""
    cid = desk.open_ids()[0]
    (desk.home / "one.txt").write_text(cid, "utf-8")
    one = ("--ids", "one.txt", "--body", "We are back.", "--yes", *PLAIN)
    assert desk.here("conversations", "note", *one).counts == {"selected": 1, "done": 1}
    assert desk.here("conversations", "reply", *one, "--customer-visible").counts == {"selected": 1, "done": 1}
    assert desk.here("conversations", "note", *one).counts == {"selected": 1, "unchanged": 1}
    closing = ("conversations", "close", *one, "--customer-visible")
    assert desk.here(*closing, "--again").counts == {"selected": 1, "done": 1}
    assert len(messages(desk, cid)) == 2 and desk.box.conversation(cid)["state"] == "closed"


@pytest.mark.parametrize("verb", ["reply", "note", "close"])
def test_a_plan_that_is_applied_twice_sends_once(desk: Desk, verb: str) -> None:
    """Whoever has the text is unchanged, with the run that sent it, and exit 0: it was our own message that had moved the item."""
    ids = desk.open_ids()[:3]
    (desk.home / "ids").write_text("\n".join(ids))
    planned = desk.here("conversations", verb, "--ids", "ids", "--body", f"Once, {verb}.", "--plan", f"{verb}.jsonl", "--progress", "none")
    assert planned.code == 0, planned.err
    apply = ("apply", f"{verb}.jsonl", "--customer-visible", "--yes", "--json", "--progress", "none")
    first, written = desk.here(*apply), desk.writes()
    assert (first.code, first.counts) == (0, {"selected": 3, "done": 3}), first.err
    looked, second = desk.here(*apply, "--dry-run"), desk.here(*apply)
    assert (second.code, second.counts) == (0, {"selected": 3, "unchanged": 3}), second.err
    assert (looked.code, looked.counts) == (0, second.counts), looked.err
    assert desk.writes() == written and first.run in second.err and "a plan made with --again sends it again" in second.err, second.err
    notes = [json.loads(line)["note"] for line in desk.here("runs", "export", second.run, "--jsonl").out.splitlines()]
    assert len(notes) == 3 and all(first.run in note for note in notes), notes


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
def test_what_has_the_text_already_is_closed_without_it(desk: Desk, lost: bool) -> None:
    """`close --body` of a conversation that is open and has the text: closed and not written to, which preview and account say."""
    ids = desk.open_ids()[:2]
    (desk.home / "one.txt").write_text(ids[0], "utf-8")
    (desk.home / "two.txt").write_text("\n".join(ids), "utf-8")
    said = ("--body", "We are back.", "--customer-visible")
    sent = desk.here("conversations", "reply", "--ids", "one.txt", *said, "--yes", *PLAIN)
    closing = ("conversations", "close", "--ids", "two.txt", *said)
    looked = " ".join(desk.here(*closing, "--dry-run").err.split())
    assert "would change 2 of them 1 without the text" in looked and "1 customer would be written to" in looked, looked
    if lost:
        desk.box.fault("drop_after", on="write", count=2)
    closed = desk.here(*closing, "--yes", *PLAIN)
    assert closed.counts == {"selected": 2, "done": 2} and closed.json["without_text"] == 1, closed.err
    assert "1 without it: an earlier run had sent it" in closed.err
    assert [(len(messages(desk, cid)), desk.box.conversation(cid)["state"]) for cid in ids] == [(1, "closed")] * 2
    exported = desk.here("runs", "export", closed.run, "--format", "jsonl").out
    notes = {row["id"]: row["note"] or "" for row in map(json.loads, exported.splitlines())}
    assert notes[ids[0]].partition("without the text, which ")[2].startswith(f"{sent.run} sent at "), notes
    assert "without" not in notes[ids[1]]


def test_what_an_earlier_run_may_have_sent_is_not_sent(desk: Desk) -> None:
    """An earlier run does not know whether its message arrived: a new one does not send it, and says what to do."""
    one = ("conversations", "reply", "--where", QUERY, "--limit", "1", "--body", "We are back.", "--customer-visible", "--yes", *PLAIN)
    desk.box.fault("drop_after", on="write", count=1)
    desk.box.fault("status", status=500, on="look")
    doubtful = desk.here(*one, "--patience", "2s", "--retries", "0")
    assert doubtful.counts == {"selected": 1, "in_doubt": 1}, doubtful.out
    desk.box.clear_faults()
    second = desk.here(*one)
    assert second.code == 3 and second.counts == {"selected": 1, "failed": 1}, second.err
    assert doubtful.run in second.json["failures"][0]["example"]["message"]
    assert sum(len(messages(desk, cid)) for cid in desk.open_ids()) == 1


def test_the_preview_shows_what_some_of_them_get(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three messages word for word, in whose name, and the same for Python; the report shows the template and, asked for, each."""
    looked = desk.here("conversations", "reply", "--where", QUERY, "--body", TEMPLATE, "--dry-run")
    assert looked.code == 0, looked.err
    shown = " ".join(looked.err.split())
    assert shown.count("it works again.") == 3 and "from " in looked.err, looked.err
    first = desk.open_ids()
    assert any(expected(desk, cid) in shown for cid in first)
    for name, value in desk.env.items():
        monkeypatch.setenv(name, value)
    preview = bulk.preview("conversations.reply", where=QUERY, body=TEMPLATE)
    assert 3 <= len(preview.messages) <= 5
    assert all(text == expected(desk, cid) for cid, text in preview.messages)
    done = reply(desk, TEMPLATE, "--yes", "--limit", "2")
    assert desk.here("runs", "report", done.run, "-o", "with.html", "--with-bodies").code == 0
    assert desk.here("runs", "report", done.run, "-o", "without.html").code == 0
    sent = [text.replace("<p>", "").replace("</p>", "") for cid in first for text in messages(desk, cid)]
    page = (desk.home / "with.html").read_text("utf-8")
    assert all(text in page for text in sent) and "contact.first_name|there" in page
    assert not any(text in (desk.home / "without.html").read_text("utf-8") for text in sent)
