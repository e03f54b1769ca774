"""The secrecy sweep: a canary in every parameter, and a look for it in everything that comes out."""

from __future__ import annotations

import io
import json
import logging
import os
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from intercom_bulk_updater import IntercomBulkError, IntercomBulkUpdater
from intercom_bulk_updater.api import redact as redacting

from .between import Answer as Wire
from .between import as_json, between
from .desk import Desk

SANDBOX = {"conversations": 40, "latency": 0.0}
CANARY = "canary-value-7f3a"
MESSAGE = "A long canary message to the customer, 7f3a"
OPEN = ("--where", "team = 5001 and state = open")
ACT = ("--yes", "--verify", "none", "--customer-visible", "--irreversible", "--max", "100%", "--progress", "plain", "-v")

MINE = '''
import logging
from intercom_bulk_updater import IntercomBulkUpdater

class Mine(IntercomBulkUpdater):
    customer_visible = False
    def get_search_endpoint(self):
        return "conversations/search"
    def get_search_query(self, team, **given):
        logging.getLogger("mine").info("looking with %s", given)
        return {"field": "team_assignee_id", "operator": "=", "value": int(team)}
    def get_item_id(self, item):
        return item["id"]
    def perform_action(self, item_id, how="put", **given):
        if how == "raise":
            raise ValueError(f"failed with {given}")
        if how == "int":
            return int(given["password"])
        if how == "stop":
            raise RuntimeError(given["message_text"])
        return self.client.put(f"conversations/{item_id}", {"custom_attributes": {"priority_note": "x"}})

class Search(Mine):
    def get_search_query(self, team, password, **given):
        return {"value": int(password)}
'''
PARAMS = {
    "password": CANARY, "api_key": CANARY, "message_text": MESSAGE, "config": {"deep": [{"clientSecret": CANARY}], "body": MESSAGE},
    "list_of_tokens": [CANARY, CANARY], "authorization": f"Bearer {CANARY}",
}  # fmt: skip


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with nothing known to be secret."""
    monkeypatch.setattr(redacting, "_private", ())
    monkeypatch.setattr(redacting, "_short", ())


LETTER = re.compile(rb'<p class="letter">[^<]*</p>')
"""Where a report shows the message as it was given, and where alone (docs/adr/0015)."""


def swept(desk: Desk, *outputs: str) -> None:
    """Assert that nothing given out, no account of the newest run and no file but the journal and a plan holds a canary."""
    for command in (
        ("runs", "show", "latest"), ("runs", "list"), ("runs", "list", "--json"), ("runs", "export", "latest"),
        ("runs", "report", "latest", "-o", "r.html"), ("runs", "report", "latest", "-o", "r.json"),
    ):
        found = desk.here(*command)
        outputs += (found.out, found.err)
    for output in outputs:
        assert "canary" not in output, output[max(0, output.index("canary") - 300) :][:600]
    for file in desk.home.rglob("*"):
        if file.is_file() and not file.name.startswith("journal.db") and file.name not in ("p.jsonl", "mine.py", "rows.csv", "body.txt"):
            assert b"canary" not in LETTER.sub(b"", file.read_bytes()), file


def tried(desk: Desk, *command: str) -> list[str]:
    """What a command gives out as a dry run, with --json, and with --jsonl, a report and plain progress."""
    said = []
    for more in (("-n", "-v"), ("-n", "--json"), (*ACT, "--jsonl", "--report", "run.html", "--limit", "3")):
        found = desk.here(*command, *more)
        assert found.code in (0, 3), found.err
        said += [found.out, found.err]
    return said


@pytest.mark.parametrize("verb", ["note", "reply", "close"])
def test_the_messages_of_verbs(desk: Desk, verb: str) -> None:
    """Typed, from a file, and by a column: in no output but a preview; the customer gets it, and the journal keeps it for a resume."""
    (desk.home / "body.txt").write_text(MESSAGE)
    ids = desk.open_ids()
    (desk.home / "rows.csv").write_text("id,text\n" + "".join(f'{i},"{MESSAGE}"\n' for i in ids[:2]))
    rows = ("conversations", verb, "--body", "{{text}}", "--csv", "rows.csv")
    said = tried(desk, *rows) if verb == "note" else tried(desk, "conversations", verb, "--body", MESSAGE, *OPEN)
    desk.here("conversations", verb, "--body", "@body.txt", *OPEN, "--plan", "p.jsonl")
    # The preview that a person asks for shows the text to that person, and nothing else of that screen does.
    previewed = [line for line in said[1].splitlines() if re.search(rf"\d  .*  {re.escape(MESSAGE)}$", line)]
    assert 1 <= len(previewed) <= 3, said[1]
    said[1] = "\n".join(line for line in said[1].splitlines() if line not in previewed)
    swept(desk, *said, desk.here("runs", "show", "p.jsonl").out)
    assert MESSAGE.encode() in b"".join(file.read_bytes() for file in desk.home.glob("journal.db*"))


def test_the_values_of_verbs(desk: Desk) -> None:
    """`set` of an attribute with a secret name; a tag, an assignment and a snooze that Intercom refuses with what it was sent."""
    attribute = {"type": "data_attribute", "name": "api_key", "full_name": "api_key", "data_type": "string", "model": "conversation"}

    def known(method: str, path: str, answer: Wire) -> Wire:
        if path != "/conversations/attributes":
            return answer
        return as_json(answer, lambda found: {**found, "data": [*found["data"], attribute]})

    real = desk.box.env()
    with (
        between(desk.box.url, known) as server,
        patch.object(type(desk.box), "env", lambda box: {**real, "INTERCOM_BASE_URL": server.url}),
    ):
        swept(desk, *tried(desk, "conversations", "set", f"api_key={CANARY}", *OPEN))
        desk.box.fault("status", status=422, path="/conversations/", code="x", message=f"'{CANARY}' is taken")
        found = desk.here("conversations", "set", f"api_key={CANARY}", *OPEN, *ACT, "--max-failures", "100%")
        swept(desk, found.err)
        desk.box.clear_faults()
    desk.box.fault("status", status=422, path="/conversations/", code="x", message=f"'{MESSAGE}' is too long")
    found = desk.here("conversations", "note", "--body", MESSAGE, *OPEN, *ACT, "--max-failures", "100%", "--json")
    swept(desk, found.out, found.err)


@pytest.mark.parametrize("how", ["put", "raise", "int", "stop"])
def test_the_parameters_of_an_updater(desk: Desk, how: str) -> None:
    """By --param, nested and in lists; what the updater's own errors and log lines repeat is masked too."""
    (desk.home / "mine.py").write_text(MINE)
    given = [f"--param={name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in PARAMS.items()]
    command = ("run", "mine.py:Mine", "--param", "team=5001", "--param", f"how={how}", *given)
    if how != "put":
        found = desk.here(*command, *ACT, "--jsonl", "--limit", "2")
        assert found.code == 3
        swept(desk, found.out, found.err)
        return
    said = tried(desk, *command)
    found = desk.here("run", "mine.py:Search", "--param", "team=5001", *given, "-v")
    assert found.code == 2 and "invalid literal" in found.err
    swept(desk, *said, found.err)
    for wrong in ("--param=my-password=" + CANARY, "--parm=password=" + CANARY, "--password=" + CANARY):
        assert "canary" not in "".join(vars(desk.here("run", "mine.py:Mine", wrong))[key] for key in ("out", "err"))


SHORT = {"password": "q7", "pin": "4711", "session": "zk", "webhook_url": "http://h/q", "body": "Heyo"}
SAYS_IT = """
import logging
from intercom_bulk_updater import IntercomBulkUpdater, Skip, StopRun

class Mine(IntercomBulkUpdater):
    customer_visible = False
    def get_search_endpoint(self): return "conversations/search"
    def get_search_query(self, **_): return {"field": "state", "operator": "=", "value": "open"}
    def get_item_id(self, item): return item["id"]
    def perform_action(self, item_id, how, password, pin, session, webhook_url, body):
        said = f"with {password} and {pin!r}: {session}, {webhook_url}; {body}!"
        logging.getLogger("mine").warning("acting %s", said)
        if how == "raise": raise ValueError(said)
        if how == "skip": raise Skip(said)
        if how == "stop": raise StopRun(said)
        if how == "exit": raise SystemExit(said)
        if how == "wrap":
            try:
                self.client.get("conversations/0")
            except Exception as exc:
                raise RuntimeError(said) from exc
        return {"error": said}
"""


@pytest.mark.parametrize("how", ["raise", "skip", "stop", "exit", "wrap", "return"])
def test_what_is_short_and_secret_is_hidden_in_a_persons_own_words(desk: Desk, how: str) -> None:
    """A PIN, a short password, a greeting: in no error, reason, log line, report or export."""
    (desk.home / "mine.py").write_text(SAYS_IT)
    given = [f"--param={name}={value}" for name, value in SHORT.items()]
    found = desk.here("run", "mine.py:Mine", "--param", f"how={how}", *given, *ACT, "--jsonl", "--limit", "2")
    said = [found.out, found.err]
    for command in (("runs", "show", "latest"), ("runs", "export", "latest"), ("runs", "report", "latest", "--json")):
        shown = desk.here(*command)
        said += [shown.out, shown.err]
    for text in said:
        assert not [value for value in SHORT.values() if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text)], text
    assert "[not shown]" in "".join(said)


class Script(IntercomBulkUpdater):
    """A person's updater in a script of their own."""

    def get_search_endpoint(self) -> str:
        return "conversations/search"

    def get_search_query(self, **_: Any) -> dict[str, Any]:
        return {"field": "state", "operator": "=", "value": "open"}

    def get_item_id(self, item: dict[str, Any]) -> str:
        return str(item["id"])

    def perform_action(self, item_id: str, **given: Any) -> dict[str, Any] | None:
        raise ValueError(f"failed with {given}")


def test_the_keywords_of_bulk_process(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """The result, what is printed, what is logged and the accounts of the run are without them."""
    out, err = io.StringIO(), io.StringIO()
    with patch.dict(os.environ, desk.env), redirect_stdout(out), redirect_stderr(err), caplog.at_level(logging.DEBUG):
        try:
            result = Script().bulk_process(max_items=3, progress="plain", **PARAMS)
            said = json.dumps(result.report) + repr(result.failures) + str(dict(result))
        except IntercomBulkError as exc:
            said = f"{exc!r} {exc.parts}"
    swept(desk, out.getvalue(), err.getvalue(), said, caplog.text)


def test_the_token_is_in_no_file_at_all(desk: Desk) -> None:
    """Not even in the journal; a message is, because a resume needs it."""
    desk.here("conversations", "note", "--body", MESSAGE, *OPEN, *ACT, "--report", "run.html")
    for file in desk.home.rglob("*"):
        assert not file.is_file() or desk.box.token.encode() not in file.read_bytes(), file


def test_paths_of_files_are_not_hidden(desk: Desk) -> None:
    """What is no secret stays readable: the file of a message, a team, an id."""
    found = desk.here("conversations", "note", "--body", "@/tmp/none/body.txt", *OPEN)
    assert "/tmp/none/body.txt" in found.err and Path("/tmp/none").exists() is False


ROWS = '''
import logging
from intercom_bulk_updater import IntercomBulkUpdater

class Rows(IntercomBulkUpdater):
    def get_search_endpoint(self):
        return "conversations/search"
    def perform_action(self, item_id, value, text, number: int = 0):
        logging.getLogger("mine").info("giving %s to %s", value, item_id)
        if int(item_id) % 2:
            raise ValueError(f"the vault refuses {value!r}, {text}")
        return {"success": False, "error": f"{value} and {text}"}
'''


def test_the_secrets_of_the_rows_of_a_spreadsheet(desk: Desk) -> None:
    """Each row has secrets of its own, short and long, more than are kept for a run; no account and no log holds one."""
    ids = desk.open_ids()
    secrets = [f"{CANARY}-{place}" for place in range(300)]
    (desk.home / "mine.py").write_text(ROWS)
    redacting.keep_private({"password": [f"given-with-the-run-{place}" for place in range(300)]})
    rows = "".join(f'{one},{secret},"{MESSAGE} {one}"\n' for one, secret in zip(ids, secrets, strict=False))
    (desk.home / "rows.csv").write_text("id,vault password,note\n" + rows)
    command = ("run", "mine.py:Rows", "--csv", "rows.csv", "--param", "value={{vault password}}", "--param", "text={{note}}")
    done = desk.here(*command, *ACT, "--max-failures", "100%")
    assert done.code == 3, done.err
    swept(desk, done.out, done.err)


def test_a_secret_of_a_row_that_cannot_be_read_is_not_said_back(desk: Desk) -> None:
    """The error of a row names its line and its parameter, and not the value."""
    (desk.home / "mine.py").write_text(ROWS.replace("number: int", "api_key: int"))
    (desk.home / "rows.csv").write_text(f"id,k\n{desk.open_ids()[0]},{CANARY}\n")
    params = ("--param", "value=x", "--param", "text=y", "--param", "api_key={{k}}")
    said = desk.here("run", "mine.py:Rows", "--csv", "rows.csv", *params, *ACT)
    assert said.code == 2 and "line 2: api_key" in said.err and CANARY not in said.out + said.err
