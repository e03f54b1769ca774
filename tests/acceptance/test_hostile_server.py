"""A server that answers with other bodies, hostile names, hostile ids, and the token itself."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from .between import Answer as Wire
from .between import Between, Refuse, Rewrite, as_json, between
from .desk import Answer, Desk

SANDBOX = {"conversations": 60, "latency": 0.0, "token": "canary-token-of-this-sandbox"}
TOKEN = "canary-token-of-this-sandbox"
QUIET = ("--yes", "--progress", "plain", "--verify", "none")
OPEN = ("--where", "team = 5001 and state = open")
FIREWALL = b"<html><head><title>Access denied</title></head><body>Reference 18.4f</body></html>"


@dataclass
class Lie:
    """A desk whose server is rewritten."""

    desk: Desk
    between: Between

    def here(self, *arguments: str) -> Answer:
        """The command, by way of the rewriting server."""
        real = self.desk.box.env()
        with patch.object(type(self.desk.box), "env", lambda box: {**real, "INTERCOM_BASE_URL": self.between.url}):
            return self.desk.here(*arguments)


@contextlib.contextmanager
def lying(desk: Desk, rewrite: Rewrite | None = None, refuse: Refuse | None = None) -> Iterator[Lie]:
    how = {name: value for name, value in (("rewrite", rewrite), ("refuse", refuse)) if value is not None}
    with between(desk.box.url, **how) as found:  # type: ignore[arg-type]
        yield Lie(desk, found)


def test_a_firewall_is_not_a_rejected_token(desk: Desk) -> None:
    """A page of HTML in answer to the search, to /me or to a write: exit 7, its text, and nothing about the token."""

    for status, blocked in ((403, "/search"), (401, "/me"), (403, "/parts")):

        def refuse(method: str, path: str, ending: str = blocked, code: int = status) -> Wire | None:
            return (code, {"Content-Type": "text/html"}, FIREWALL) if path.endswith(ending) else None

        with lying(desk, refuse=refuse) as lie:
            found = lie.here("conversations", "close", *OPEN, *QUIET)
            said = " ".join(found.err.split())
            assert found.code == 7, found.err
            assert "Access denied: Reference 18.4f" in said and "firewall" in said
            assert "rejected" not in said and "INTERCOM_ACCESS_TOKEN" not in said
    assert desk.writes() == 0


@pytest.mark.parametrize("body", [{"errors": {"assignee_id": ["is invalid"]}}, {"error": {"message": "assignee_id is invalid"}}])
def test_the_reason_of_a_refusal_reaches_the_person(desk: Desk, body: object) -> None:
    """In a search as for an item, in `find`, in a run and in an updater's own code: the text of the body, and no traceback."""

    def refuse(method: str, path: str) -> Wire | None:
        return (422, {}, json.dumps(body).encode()) if path.endswith(blocked) else None

    (desk.home / "mine.py").write_text(UPDATER)
    blocked = "/search"
    with lying(desk, refuse=refuse) as lie:
        found = lie.here("conversations", "find", *OPEN)
        assert found.code == 2 and "is invalid" in found.err and "Traceback" not in found.err
        blocked = "/parts"
        for command in (("conversations", "close", *OPEN), ("run", "mine.py:Mine", "--param", "team=5001")):
            found = lie.here(*command, *QUIET, "--json", "--max", "100%", "--max-failures", "100%")
            assert found.code == 3, found.err
            assert [group["example"]["message"].replace(":", "") for group in found.json["failures"]] == ["assignee_id is invalid"]
            assert "KeyError" not in found.out + found.err


UPDATER = '''
from intercom_bulk_updater import IntercomBulkUpdater

class Mine(IntercomBulkUpdater):
    customer_visible = False
    def get_search_endpoint(self):
        return "conversations/search"
    def get_search_query(self, team, **_):
        return {"field": "team_assignee_id", "operator": "=", "value": int(team)}
    def get_item_id(self, item):
        return item["id"]
    def perform_action(self, item_id, **_):
        return self.client.post(f"conversations/{item_id}/parts", {"message_type": "close", "type": "admin", "admin_id": self.admin_id})

class OwnLibrary(Mine):
    def perform_action(self, item_id, **_):
        import requests
        body = {"message_type": "close", "type": "admin", "admin_id": self.admin_id}
        answer = requests.post(f"{self.base_url}/conversations/{item_id}/parts", headers=self.headers, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()
'''


@pytest.mark.parametrize("hostile", ["/../", "?x="])
def test_an_id_of_the_server_reaches_no_other_item(desk: Desk, hostile: str) -> None:
    """Each verb, and an updater's own read and path: the other item is not written to."""
    (desk.home / "mine.py").write_text(UPDATER)
    ids = desk.open_ids()
    bait, other = ids[0], ids[1]
    name = f"{bait}{hostile}{other}" if "/" in hostile else f"{other}{hostile}{bait}"

    def rewrite(method: str, path: str, answer: Wire) -> Wire:
        if not path.endswith("/search"):
            return answer
        one = {"total_count": 1, "pages": {}}
        return as_json(answer, lambda page: {**page, **one, "conversations": [{**page["conversations"][0], "id": name}]})

    with lying(desk, rewrite) as lie:
        for verb in (("close",), ("tag", "--tag", "vip", "--create-tag"), ("assign", "--to-team", "5002"), ("note", "--body", "x")):
            found = lie.here("conversations", *verb, *OPEN, "--yes", "--progress", "none", "--irreversible", "--max", "100%", "-q")
            assert found.code in (0, 3), found.err
        for updater in ("Mine", "OwnLibrary"):
            found = lie.here("run", f"mine.py:{updater}", "--param", "team=5001", *QUIET)
            assert found.code == 3 and "nothing was sent" in found.err
        written = [path for method, path in lie.between.asked if method != "GET" and "/search" not in path and path != "/tags"]
    assert not [path for path in written if ".." in path.split("/") or path.startswith(f"/conversations/{other}?")]
    assert desk.box.conversation(other)["state"] == "open"
    assert str(desk.box.conversation(other)["team_assignee_id"]) == "5001"


NAME = "Sup\x1b[31mport\u202e (EU)\u200b \x1b]0;x\x07\n"


def test_names_from_the_server_do_not_steer_the_terminal(desk: Desk) -> None:
    """`find`, "no such name", plain progress, the preview and the account show letters only; the run knows the team all the same."""

    def rewrite(method: str, path: str, answer: Wire) -> Wire:
        if path.startswith("/teams"):
            return as_json(answer, lambda found: {**found, "teams": [{**team, "name": NAME} for team in found["teams"][:1]]})
        if path.startswith("/me"):
            return as_json(answer, lambda me: {**me, "name": NAME, "app": {**me["app"], "name": NAME}})
        if path.endswith("/search"):
            return as_json(answer, lambda page: {**page, "conversations": [{**one, "title": NAME} for one in page["conversations"]]})
        return answer

    with lying(desk, rewrite) as lie:
        for command in (
            ("conversations", "find", "--where", "state = open"), ("conversations", "find", "--where", "team = nowhere"),
            ("conversations", "assign", "--to-team", "nowhere\x1b[31m", *OPEN, "-n"),
            ("conversations", "assign", "--to-team", "5001", *OPEN, "-n", "-v"),
            ("conversations", "close", *OPEN, *QUIET), ("doctor",), ("runs", "show", "latest"), ("runs", "list"),
            ("conversations", "cl\x1b[31mose"), ("conversations", "close", "--bo\x1bgus\u202e"), ("runs", "show", "no\x1b[31msuch"),
        ):  # fmt: skip
            found = lie.here(*command)
            shown = found.out + found.err
            assert not set(shown) & set("\x1b\x07\u202e\u200b\r"), (command, shown)


def test_the_words_of_an_assignment_survive_any_name(desk: Desk) -> None:
    """A team called "Support (EU)" is named whole, with its id, in the words and in each change."""

    def rewrite(method: str, path: str, answer: Wire) -> Wire:
        if path.startswith("/teams"):
            name = "Support (EU) and admin (9)"
            return as_json(answer, lambda found: {**found, "teams": [{**team, "name": name} for team in found["teams"][:2]]})
        return answer

    with lying(desk, rewrite) as lie:
        found = lie.here("conversations", "assign", "--to-team", "5002", *OPEN, "-n", "--json")
        assert found.json["run"]["words"] == "assign conversations to team Support (EU) and admin (9) (5002)"
        moved = "team: Support (EU) and admin (9) (5001) -> Support (EU) and admin (9) (5002)"
        assert {words.partition(", admin: ")[0] for words in found.json["review"]["groups"]} == {moved}


def test_a_token_that_the_server_echoes_gets_nowhere(desk: Desk, tmp_path: Path) -> None:
    """In an error's code, message and request id, in a name, an id, a header and an address: in no output and in no file."""

    def rewrite(method: str, path: str, answer: Wire) -> Wire:
        status, headers, body = answer
        if path.endswith("/search"):
            return as_json(answer, lambda page: {
                **page,
                "conversations": [
                    *({**one, "title": TOKEN} for one in page["conversations"]), {**page["conversations"][0], "id": f"9{TOKEN}"},
                ],
            })  # fmt: skip
        if path.endswith("/parts"):
            error = {"code": f"x_{TOKEN}", "message": f"Bad token {TOKEN} at https://h/?access_token={TOKEN}"}
            return 422, {"x-request-id": TOKEN}, json.dumps({"type": "error.list", "request_id": TOKEN, "errors": [error]}).encode()
        if path == "/me":
            return as_json(answer, lambda me: {**me, "name": TOKEN, "app": {**me["app"], "name": TOKEN}})
        return status, {**headers, "x-echo": TOKEN}, body

    with lying(desk, rewrite) as lie:
        commands = (
            ("conversations", "close", *OPEN, *QUIET, "-v", "--report", "r.html", "--max", "100%"),
            ("conversations", "close", *OPEN, *QUIET, "--jsonl"),
            ("conversations", "find", "--where", "state = open"), ("conversations", "find", "--where", "state = open", "--json"),
            ("doctor",), ("runs", "show", "latest"), ("runs", "show", "latest", "--json"), ("runs", "list"),
            ("runs", "export", "latest", "--with-bodies"), ("runs", "export", "latest", "-o", "e.jsonl"),
            ("runs", "report", "latest", "-o", "r.json"), ("runs", "report", "latest", "-o", "b.html", "--with-bodies"),
            ("conversations", "set", f"title={TOKEN}", *OPEN, "--plan", "p.jsonl"),
        )  # fmt: skip
        for command in commands:
            found = lie.here(*command)
            assert TOKEN not in found.out + found.err, (command, found)
    for file in desk.home.rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file


def test_a_token_among_names_is_in_no_list(desk: Desk) -> None:
    """A list in every form, and whole items."""
    desk.box.fault("token", where="names")
    for end in ("csv", "jsonl", "xlsx"):
        listed = desk.here("conversations", "find", *OPEN, "--columns", "id,team,admin,contact_name", "-o", f"l.{end}")
        assert listed.code == 0, listed.err
    assert desk.here("conversations", "export", *OPEN, "-o", "whole.jsonl", "--limit", "3", "--yes").code == 0
    with zipfile.ZipFile(desk.home / "l.xlsx") as book:
        book.extractall(desk.home / "unzipped")
    assert "team" in (desk.home / "l.csv").read_text()
    for file in desk.home.rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    "arguments",
    [
        ("conversations", "close", TOKEN), ("conversations", TOKEN), ("runs", "show", TOKEN), ("operations", "show", TOKEN),
        ("conversations", "close", "--where", f"team = {TOKEN}"), ("conversations", "close", "--where", TOKEN),
        ("conversations", "close", "--rate", TOKEN, *OPEN), ("conversations", "assign", "--to-team", TOKEN, *OPEN, "-n"),
        ("conversations", "close", f"--parm=api_key={TOKEN}"), ("conversations", "close", "--ids", TOKEN), ("run", f"{TOKEN}:X"),
        ("conversations", "close", "dG9rOjEyMzQ1Njc4OTBhYmNkZWY="), ("conversations", "close", "--tokn", "aB3" * 15),
        ("conversations", "find", "--where", f"tag = {TOKEN}", "--json"), ("run", "mine.py:Mine", "--param", TOKEN),
    ],
)  # fmt: skip
def test_a_token_typed_in_the_wrong_place_is_not_said_back(desk: Desk, arguments: tuple[str, ...]) -> None:
    """As an argument, a flag's value, an id, a filter, a file: the error stands without it."""
    found = desk.here(*arguments)
    assert found.code in (2, 4, 5) and found.err.strip()
    assert not any(word in found.out + found.err for word in (TOKEN, "dG9rOjEyMz", "aB3" * 15)), found.err
