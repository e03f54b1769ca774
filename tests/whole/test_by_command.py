"""What only the command begins: recipes, a request for each item of a list, code of one's own, a question to a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Answer, Desk, at_desk
from intercom_bulk_updater import SafetyStop
from intercom_bulk_updater.api.client import Client

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")
WHERE = ("--where", "team = Support and state = open")
CLOSED = ("--where", "team = Support and state = closed")
RECIPE = """\
recipe: Ask, then close
steps:
  - step: tag
    verb: conversations.tag
    where: team = Support and state = open
    limit: 4
    with: {tag: [seen], create_tag: true}
  - step: ask
    verb: conversations.reply
    from: tag
    with:
      body: Are you there?
    customer_visible: true
  - wait: 7d
  - step: close
    verb: conversations.close
    from: ask
    where: state = open
    if_no_reply: true
"""
UPDATER = '''
from intercom_bulk_updater import IntercomBulkUpdater, Skip, operation

@operation("conversations")
def seen(conversation_id, client, word="Seen"):
    """Give it a title."""
    if word == "skip":
        raise Skip("not wanted")
    if word == "fail":
        raise ValueError("broken")
    return client.put(f"conversations/{conversation_id}", {"title": word})

class Close(IntercomBulkUpdater):
    idempotent = True
    def get_search_endpoint(self):
        return "/conversations/search"
    def get_item_id(self, item):
        return item["id"]
    def get_search_query(self, **params):
        return {"operator": "AND", "value": [{"field": "team_assignee_id", "operator": "=", "value": 5001},
                                             {"field": "state", "operator": "=", "value": "open"}]}
    def perform_action(self, item_id, **params):
        return self.client.post(f"conversations/{item_id}/parts", {"message_type": "close", "type": "admin", "admin_id": self.admin_id})
    def before(self, item):
        return {"state": item["state"]}
    def undo_action(self, item_id, before):
        return self.client.post(f"conversations/{item_id}/parts", {"message_type": "open", "type": "admin", "admin_id": self.admin_id})
'''


@pytest.fixture
def desk(shop: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(shop, tmp_path) as made:
        yield made


def counts(answer: Answer) -> dict[str, int]:
    """The counts of a run that ended well."""
    assert answer.code == 0, answer.err
    return answer.counts


def test_a_recipe(desk: Desk, shop: MemorySandbox) -> None:
    """Checked, begun, stopped in its second step, gone on with, waited for, ended; and one that is cancelled."""
    (desk.home / "r.yaml").write_text(RECIPE)
    checked = desk.here("recipes", "check", "r.yaml", *PLAIN)
    assert checked.code == 0 and not desk.writes(), checked.err
    desk.box.fault("outage", path="/reply$", after=2)
    begun = desk.here("recipes", "run", "r.yaml", "--yes", "--customer-visible", "--patience", "30s", *PLAIN)
    assert begun.code == 7, begun.err
    desk.box.clear_faults()
    assert desk.here("recipes", "list", "--json").code == 0
    gone_on = desk.here("recipes", "resume", "r.yaml", *PLAIN)
    assert gone_on.code == 0 and desk.written("close")["writes"] == 0, gone_on.err
    assert desk.here("recipes", "resume", *PLAIN).code == 0
    shop.pass_time(8 * 86_400)
    ended = desk.here("recipes", "resume", *PLAIN)
    assert ended.code == 0 and desk.written("close")["writes"] == 4, ended.err
    assert desk.written("comment")["writes"] == 4
    assert desk.here("recipes", "run", "r.yaml", "--yes", *PLAIN).code == 5
    again = desk.here("recipes", "run", "r.yaml", "--yes", "--customer-visible", *PLAIN)
    assert desk.here("recipes", "cancel", "latest", "--json").code == 0, again.err
    assert desk.here("undo", "latest", "--yes", *PLAIN).code == 5


@pytest.mark.parametrize(
    ("old", "new"),
    [("team = Support", "teem = Support"), ("conversations.reply", "conversations.shout"), ("from: ask", "from: nobody"),
     ("limit: 4", "max: x"), ("customer_visible: true", "if_no_reply: false"), ("body: Are you there?", "text: Hello"),
     ("wait: 7d", "wait: long")],
)  # fmt: skip
def test_a_recipe_that_is_wrong(desk: Desk, old: str, new: str) -> None:
    """Refused before its first step, with its line."""
    (desk.home / "r.yaml").write_text(RECIPE.replace(old, new))
    refused = desk.here("recipes", "run", "r.yaml", "--yes", "--customer-visible", *PLAIN)
    assert refused.code == 2 and not desk.writes() and "line" in refused.err, refused.err


EACH = ("each", "articles", "PUT", "articles/{{id}}", '{"title": "{{title}} (old)"}')


def test_each(desk: Desk) -> None:
    """A request for each item of a list, some of it, those of a sheet, those of a run; what cannot be meant is refused."""
    assert counts(desk.here(*EACH, "--limit", "3", "--dry-run", *PLAIN)) == {"selected": 3, "pending": 3}
    assert counts(desk.here(*EACH, "--limit", "3", "--yes", *PLAIN)) == {"selected": 3, "done": 3}
    assert counts(desk.here(*EACH, "--where", "state = draft and created_at < now", "--limit", "2", "--yes", *PLAIN))["done"] == 2
    (desk.home / "sheet.csv").write_text("id,title,seats,ready\n1,Hello,3,yes\n2,There,4,no\n")
    sheet = ("each", "tags", "POST", "tags", '{"name": "{{title}}", "n": "{{seats}}", "r": "{{ready}}"}', "--csv", "sheet.csv")
    assert counts(desk.here(*sheet, "--param-type", "seats=number", "--param-type", "ready=boolean", "--yes", *PLAIN))["done"] == 2
    for wrong in (
        (*sheet, "--param-type", "title=number"), (*sheet, "--param-type", "title=boolean"), (*sheet, "--param-type", "title"),
        ("each", "conversations/search", "PUT", "conversations/{{id}}", "{}"), (*EACH[:3], "articles/{{idd}}", "{}"),
        (*EACH, "--where", "stat = draft"), (*EACH, "--from-run", "latest", "--where", "state = draft"),
        (*EACH[:3], "tags/{{x}}", "{}", "--ids", "i"),
    ):  # fmt: skip
        (desk.home / "i").write_text("1")
        assert desk.here(*wrong, "--yes", *PLAIN).code in (2, 5), wrong


REPLY = ("POST", "conversations/{{id}}/reply")
PARTS = ("POST", "conversations/{{id}}/parts")
SEEN: dict[str, tuple[str, ...]] = {
    "a reply": (*REPLY, '{"message_type": "comment", "type": "admin", "admin_id": "991267700", "body": "hi"}'),
    "a reply whose kind is not known": (*REPLY, '{"message_type": "{{state}}", "type": "admin", "admin_id": "991267700", "body": "hi"}'),
    "a path that is not known": ("POST", "conversations/{{id}}/{{state}}", '{"message_type": "comment", "body": "hi"}'),
    "closing with a body": (*PARTS, '{"message_type": "close", "type": "admin", "admin_id": "991267700", "body": "bye"}'),
    "assigning with a body": (*PARTS, '{"message_type": "assignment", "type": "admin", "admin_id": "991267700", "body": "x"}'),
    "a message": ("POST", "messages", '{"message_type": "email", "body": "hi"}'),
    "another participant": ("POST", "conversations/{{id}}/customers", '{"admin_id": "991267700", "customer": {"email": "a@example.test"}}'),
}  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_each_asks_for_the_word_more_where_customers_see_it(desk: Desk, name: str) -> None:
    """A dry run says so and in a plan it is asked for again; without the word nothing is sent, with it it is."""
    request = ("each", "conversations", *SEEN[name], "--limit", "2")
    refused = desk.here(*request, "--yes", *PLAIN)
    assert refused.code == 5 and "--customer-visible" in refused.err and not desk.writes(), refused.err
    looked = desk.here(*request, "--dry-run")
    assert re.search("customers? would be written to, or see it", looked.err) and "0 customers" not in looked.err, looked.err
    assert desk.here(*request, "--plan", "p.jsonl", *PLAIN).code == 0
    assert desk.here("apply", "p.jsonl", "--yes", *PLAIN).code == 5 and not desk.writes()
    with pytest.raises(SafetyStop, match="customer_visible=True"):
        bulk.each("conversations", *SEEN[name], limit=2, workspace=bulk.Workspace(desk.box.token, base_url=desk.box.url, home=desk.home))
    if name in ("a reply", "closing with a body"):
        assert counts(desk.here(*request, "--yes", "--customer-visible", *PLAIN))["done"] == 2


def test_each_says_what_is_not_known_of_customers(desk: Desk) -> None:
    """A note they do not see; of an article nothing tells, and the dry run says that; a published one they see."""
    note = ("each", "conversations", *REPLY, '{"message_type": "note", "type": "admin", "admin_id": "991267700", "body": "seen"}')
    assert "see nothing of it" in desk.here(*note, "--limit", "1", "--dry-run").err
    assert counts(desk.here(*note, "--limit", "1", "--yes", *PLAIN))["done"] == 1
    assert "not known: whether they see such a request, nothing tells" in " ".join(desk.here(*EACH, "--dry-run").err.split())
    publish = (*EACH[:4], '{"state": "published"}')
    assert desk.here(*publish, "--yes", *PLAIN).code == 5


def test_code_of_ones_own(desk: Desk) -> None:
    """A class and a function: run, resumed, planned, verified, undone."""
    (desk.home / "mine.py").write_text(UPDATER)
    run = ("run", "mine.py:Close", "--yes", *PLAIN)
    desk.box.fault("outage", on="write", after=2)
    assert desk.here(*run, "--patience", "30s", "--workers", "1").code == 7
    desk.box.clear_faults()
    assert counts(desk.here("runs", "resume", "latest", *PLAIN))["done"] > 3
    back = desk.here("undo", "latest", "--yes", *PLAIN)
    assert counts(back)["done"] > 3 and counts(desk.here("undo", back.run, "--yes", *PLAIN))["done"] > 3
    assert counts(desk.here("run", "mine.py:seen", *CLOSED, "--limit", "2", "--plan", "p.jsonl", *PLAIN))["pending"] == 2
    assert counts(desk.here("apply", "p.jsonl", "--yes", *PLAIN))["done"] == 2
    skipped = desk.here("run", "mine.py:seen", *CLOSED, "--limit", "2", "--param", "word=skip", "--yes", *PLAIN)
    assert counts(skipped) == {"selected": 2, "unchanged": 2}
    assert desk.here("run", "mine.py:seen", *CLOSED, "--limit", "2", "--param", "word=fail", "--yes", *PLAIN).code == 3
    (desk.home / "mine.py").unlink()
    assert desk.here("runs", "retry", "latest", *PLAIN).code == 2


SELECTS: dict[str, tuple[str, ...]] = {
    "an export": ("conversations", "export", *WHERE, "-o", "all.jsonl"),
    "values": ("contacts", "set", "--where", "role = lead", "--limit", "2", "name=Guest", "--yes"),
    "attributes": ("contacts", "set", "--where", "role = user", "--limit", "2", "plan=pro", "--yes"),
    "a company's": ("companies", "set", "--where", "name ~ a", "--limit", "2", "plan=Pro", "--yes"),
    "a date": ("conversations", "find", "--where", "created_at > 60d ago", "--json"),
    "a message with fields": ("conversations", "note", *WHERE, "--limit", "2", "--body", "Dear {{contact.name|you}}", "--yes"),
    "what nobody confirms": ("conversations", "close", *WHERE, "--limit", "2"),
    "a merge": ("contacts", "merge", "--csv", "merge.csv", "--into", "{{user}}", "--irreversible", "--skip-duplicate-validation", "-n"),
    "an upsert": ("contacts", "upsert", "--csv", "people.csv", "--id-column", "external_id", "name={{name}}", "--yes"),
}  # fmt: skip


@pytest.mark.parametrize("name", SELECTS)
def test_the_command_begins_it(desk: Desk, name: str) -> None:
    """What takes the longer way from the words to the items."""
    rows = desk.box.contacts()
    users, leads = ([row["id"] for row in rows if row["role"] == role] for role in ("user", "lead"))
    (desk.home / "merge.csv").write_text(f"id,user\n{leads[0]},{users[0]}\n")
    (desk.home / "people.csv").write_text("external_id,name\nnew-1,Ada\nnew-2,Bo\n")
    done = desk.here(*SELECTS[name], *(() if "--json" in SELECTS[name] else PLAIN))
    assert done.code == (5 if name == "what nobody confirms" else 0), done.err
    told: dict[str, Any] = json.loads(done.out) if done.out else {}
    assert told.get("ok", done.code == 0) is (done.code == 0)


@pytest.mark.parametrize(("is_done", "code", "listed"), [
    ("raise ValueError('broken')", 7, "finished, exit 7 3 3 done · not verified"), ("return None", 0, "finished 3 3 done · not verified"),
    ("return False", 6, "finished, exit 6 3 0 done · 3 not in the requested state"), ("return True", 0, "finished 3 3 done"),
])  # fmt: skip
def test_a_list_of_runs_says_what_the_run_said(desk: Desk, is_done: str, code: int, listed: str) -> None:
    """A verification that came to nothing by a person's own is_done is not "finished, 3 done" a moment later."""
    own = f"    def is_done(self, item_id, **params):\n        {is_done}\n"
    (desk.home / "mine.py").write_text(UPDATER + own)
    ran = desk.here("run", "mine.py:Close", "--limit", "3", "--yes", "--verify", "all", *PLAIN)
    line = next(line for line in desk.here("runs", "list").out.splitlines() if line.startswith(ran.run))
    told = desk.here("runs", "show", ran.run, "--json").json
    assert (ran.code, told["exit"], told["ok"]) == (code, code, code == 0), ran.err
    assert f" {listed} " in f" {line} ".replace("\t", " "), line
    assert f"finished, exit {code}" in desk.here("runs", "show", ran.run).out


@pytest.mark.parametrize("verb", [("note", "--body", "Seen."), ("reply", "--body", "Hello.", "--customer-visible")], ids=lambda one: one[0])
def test_a_text_that_was_sent_names_the_run_that_sent_it(desk: Desk, verb: tuple[str, ...]) -> None:
    """On the screen, in runs show, the report and in JSON: "already noted" by the journal alone is no state of Intercom's."""
    command = ("conversations", *verb, *WHERE, "--limit", "3", "--yes", "--progress", "none")
    first = desk.here(*command, "--json")
    again = desk.here(*command)
    told = desk.here("runs", "show", "--json").json
    assert counts(first) == {"selected": 3, "done": 3} and told["counts"]["unchanged"] == 3, again.err
    (sent,) = told["sent_before"]
    assert (sent["run"], sent["count"], "without_text" in told) == (first.run, 3, False) and sent["at"] <= told["run"]["finished_at"]
    words = f"3 without it: an earlier run had sent it ({first.run}, "
    shown = desk.here("runs", "show").out
    assert words in again.err and "--again sends it again" in again.err, again.err
    assert words in shown and "Nothing sent: all 3 had got the same text from an earlier run" in shown, shown
    assert all(f"sent by {first.run}" in row for row in desk.here("runs", "export").out.splitlines()[1:])
    desk.here("runs", "report", "-o", str(desk.home / "r.html"))
    page = (desk.home / "r.html").read_text("utf-8")
    assert words in page and "Nothing to change" not in page
    assert counts(desk.here(*command, "--again", "--json")) == {"selected": 3, "done": 3}
    assert "sent_before" not in first.json


def test_a_close_without_its_text_names_the_run_that_sent_it(desk: Desk) -> None:
    """It is closed all the same."""
    first = desk.here("conversations", "reply", "--body", "Bye.", "--customer-visible", *WHERE, "--limit", "2", "--yes", *PLAIN)
    closed = desk.here("conversations", "close", "--body", "Bye.", "--customer-visible", *WHERE, "--limit", "3", "--yes", *PLAIN)
    told = closed.json
    assert (counts(closed), told["without_text"]) == ({"selected": 3, "done": 3}, 2), closed.err
    assert [(one["run"], one["count"]) for one in told["sent_before"]] == [(first.run, 2)]


@pytest.mark.parametrize(("said", "same"), [
    ("We are   back.\n\nSee <a href='https://s.test'>here</a>", True),
    ("<p>We are back.</p><p>See <a href='https://s.test'>here</a></p>", True),
    ("  We are back.<br>See&nbsp;<b><a href=\"https://s.test\">here</a></b>\n", True),
    ("We are back. See <a href='https://other.test'>here</a>", False), ("We are back! See <a href='https://s.test'>here</a>", False),
    ("Weareback. See <a href='https://s.test'>here</a>", False), ("We are back. See here", False),
])  # fmt: skip
def test_the_same_text_is_what_its_reader_would_call_so(desk: Desk, said: str, same: bool) -> None:
    """Intercom keeps HTML: another white space, or a paragraph around it, makes no other text; another link does."""
    command = ("conversations", "reply", *WHERE, "--limit", "1", "--customer-visible", "--yes", *PLAIN)
    first = desk.here(*command, "--body", "We are back. See <a href='https://s.test'>here</a>")
    again = desk.here(*command, "--body", said)
    assert counts(first) == {"selected": 1, "done": 1}, first.err
    assert counts(again) == {"selected": 1, ("unchanged" if same else "done"): 1}, again.err


@pytest.mark.parametrize(("command", "said"), [
    (("run", "mine.py:rate", "--ids", "ids.txt", "--param", "stars=1e400"), "--param stars: "),
    (("run", "mine.py:rate", "--ids", "ids.txt", "--param", "stars=nan"), "finite number"),
    (("run", "mine.py:rate", "--ids", "ids.txt", "--param", "several=1,inf"), "--param several: "),
    (("run", "mine.py:rate", "--csv", "rows.csv", "--id-column", "id", "--param", "stars={{stars}}"), "rows.csv, line 2: stars: "),
    (("conversations", "close", "--query", "q.json", "--limit", "1"), "1e400 is not a number that JSON has"),
    (("each", "articles", "PUT", "articles/{{id}}", '{"x": NaN}'), "NaN is not a number that JSON has"),
    (("each", "articles", "PUT", "articles/{{id}}", '{"x": -1e999}'), "-1e999 is not a number that JSON has"),
], ids=lambda one: one[-1] if isinstance(one, tuple) else "")  # fmt: skip
def test_a_number_without_an_end_is_refused(desk: Desk, command: tuple[str, ...], said: str) -> None:
    """Wherever a value is read: parameters, sheets, filters, bodies. `1e400` was infinity, and left as a word that JSON does not have."""
    one = desk.open_ids()[0]
    (desk.home / "mine.py").write_text(
        "from intercom_bulk_updater import operation\n\n@operation('conversations')\n"
        "def rate(conversation_id, client, stars: float = 1.0, several: list[float] = ()):\n"
        "    return client.put(f'conversations/{conversation_id}', {'title': str(stars)})\n"
    )
    (desk.home / "ids.txt").write_text(one)
    (desk.home / "rows.csv").write_text(f"id,stars\n{one},1e400\n")
    (desk.home / "q.json").write_text('{"query": {"field": "created_at", "operator": ">", "value": 1e400}}')
    refused = desk.here(*command, "--yes", "--progress", "none")
    assert refused.code == 2 and said in refused.err and "Traceback" not in refused.err, refused.err
    assert desk.writes() == 0


def test_a_filter_without_an_end_is_refused(box: MemorySandbox) -> None:
    """From Python too."""
    with pytest.raises(bulk.UsageError, match="no end"):
        bulk.run("conversations.close", query={"field": "created_at", "operator": ">", "value": float("inf")})


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), b"bytes", {1, 2}], ids=str)
@pytest.mark.parametrize("path", ["", "/reply"])
def test_a_body_that_is_no_json_has_failed(box: MemorySandbox, path: str, value: object) -> None:
    """Nothing of it left, a message neither: no item is in doubt."""

    @bulk.operation("conversations")
    def write(conversation_id: str, client: Client, value: object) -> object:
        return client.call("POST" if path else "PUT", f"conversations/{conversation_id}{path}", json={"title": value})

    run = bulk.run(write, ids=[box.conversations()[0]["id"]], value=value)
    (item,) = run.items("all")
    assert (item.outcome, "nothing was sent" in item.message, box.audit("conversations")["kinds"]) == ("failed", True, {}), item
    sent = [line["path"] for line in box.log(20) if line["method"] in ("PUT", "POST") and not line["path"].endswith("/search")]
    assert not [path for path in sent if "conversations/" in path]  # what the item is called is searched for


@pytest.mark.parametrize("name", ["\t=1", "\r=1", "=1"])
def test_a_name_comes_back_from_a_sheet_as_it_was(desk: Desk, name: str) -> None:
    """Also one that begins with a tab; what differs in that alone is told apart on the screen."""
    contact = desk.box.contacts(role="user")[0]["id"]
    (desk.home / "in.csv").write_text(f"id,name\n{contact},\"'{name}\"\n", newline="")
    named = desk.here("contacts", "set", "name={{name}}", "--csv", "in.csv", "--yes", "--progress", "none")
    assert named.code == 0 and desk.box.contact(contact)["name"] == name, named.err
    (desk.home / "one").write_text(contact)
    assert desk.here("contacts", "find", "--ids", "one", "--columns", "id,name", "-o", "out.csv").code == 0
    again = desk.here("contacts", "set", "name={{name}}", "--csv", "out.csv", "--dry-run", "--progress", "none")
    assert "0 would change" in again.err or "already" in again.err, again.err
    other = desk.here("contacts", "set", f"name={name} ", "--ids", "one", "--dry-run", "--progress", "none")
    assert "they differ in what does not show" in other.err, other.err


def test_the_undo_of_what_was_created_names_it(desk: Desk) -> None:
    """Not by its id alone."""
    (desk.home / "new.csv").write_text("external_id,n\nnew-1,Zed Zulu\n")
    done = desk.here("contacts", "upsert", "name={{n}}", "--csv", "new.csv", "--id-column", "external_id", "--yes", "--progress", "none")
    assert done.code == 0, done.err
    assert "Zed Zulu  contact archived" in desk.here("undo", "latest", "--dry-run", "--progress", "none").err


@pytest.mark.parametrize("asked", ["", "soon"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_doctor_waits_as_a_run_does(desk: Desk, box: MemorySandbox, asked: str, times: int) -> None:
    """A moment away is none of the workspace's faults: it gave up on two answers of 503, and waited through three."""
    box.fault("status", status=503, retry_after=asked, count=times)
    answer = desk.here("doctor", "--json")
    assert (answer.code, answer.json["ok"]) == (0, True), answer.out


def test_doctor_says_how_long_it_has_waited(desk: Desk, box: MemorySandbox) -> None:
    """Where Intercom stays away it ends by its patience."""
    box.fault("status", status=503)
    answer = desk.here("doctor", "--json")
    assert answer.code == 7 and "no good answer for 10 s" in answer.json["checks"][-1]["said"], answer.out
