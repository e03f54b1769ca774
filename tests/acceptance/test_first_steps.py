"""What somebody meets first: doctor, the demo, words left out or unquoted, a file that is there already, a narrow terminal."""

from __future__ import annotations

import getpass
import os
import sys
from unittest.mock import patch

import pytest

from .desk import QUERY, Desk

SANDBOX = {"conversations": 60, "limit": 20_000, "workspace_limit": 50_000, "latency": 0.001, "jitter": 0}
KNOWN = "token of Ops Bot, acting as Ben Okafor (991267702)"


@pytest.mark.parametrize(
    ("admin", "team", "code", "said"),
    [
        ("991267700", "5001", 0, {"admin": "Ops Bot (991267700)", "team": "Support (5001), for bulk_close without a team_id"}),
        ("991267702", "77", 0, {"admin": KNOWN, "team": "no such team in this workspace: 77 (INTERCOM_INBOX_ID)."}),
        ("1", "5001", 10, {"admin": "no such admin in this workspace: 1 (INTERCOM_ADMIN_ID). Nearest: "}),
        ("x", "5001", 10, {"settings": "INTERCOM_ADMIN_ID is 'x': must be an id"}),
    ],
)
def test_doctor_looks_up_who_acts(desk: Desk, admin: str, team: str, code: int, said: dict[str, str]) -> None:
    """The admin of the setting is looked for among the teammates, and named beside the token's own."""
    changed = {**desk.env, "INTERCOM_ADMIN_ID": admin, "INTERCOM_INBOX_ID": team}
    with patch.object(Desk, "env", changed):
        answer = desk.here("doctor", "--json")
    checks = {check["check"]: check for check in answer.json["checks"]}
    assert answer.code == code == answer.json["exit"]
    for name, words in said.items():
        assert checks[name]["said"].startswith(words), checks[name]
    assert not any("doctor" in check["advice"] for check in checks.values())
    assert ("rate limit" in checks) == (admin != "x"), "one bad setting does not end the other checks"


NOBODY = {"INTERCOM_ADMIN_ID": "424242"}


def test_an_unknown_admin_ends_the_run_at_once(desk: Desk) -> None:
    """Where the list of teammates tells nothing, nobody's name costs one refused write each for those in flight, not one for each item."""
    desk.box.fault(kind="status", status=403, path="/admins")
    answer = desk.here("conversations", "close", "--where", QUERY, "--yes", "--json", "--workers", "2", env=NOBODY)
    assert answer.code == 10 and "Intercom knows no admin 424242, in whose name to write: check INTERCOM_ADMIN_ID." in answer.err
    assert 0 < desk.box.stats()["routes"]["POST /conversations/{id}/parts"] <= 2
    assert "done" not in answer.counts


@pytest.mark.parametrize("how", [["--yes"], ["--dry-run"], ["--plan", "close.jsonl"]])
@pytest.mark.parametrize("verb", ["conversations close", "tickets close", "contacts note --body Seen."])
def test_an_unknown_admin_is_told_before_anything_is_sent(desk: Desk, verb: str, how: list[str]) -> None:
    """A dry run and a plan refuse what the run would, in its words, by the list that they read anyway."""
    selection = ["--where", QUERY if verb.startswith("conv") else "role = user" if verb.startswith("contacts") else "open = true"]
    answer = desk.here(*verb.split(), *selection, *how, "--json", env=NOBODY)
    assert answer.code == 10 and "Intercom knows no admin 424242, in whose name to write: check INTERCOM_ADMIN_ID." in answer.err
    assert answer.json["run"] is None and not desk.writes() and not (desk.home / "close.jsonl").exists()
    routes = desk.box.stats()["routes"]
    assert routes["GET /admins"] == 1 and "GET /admins/{id}" not in routes


def test_what_names_nobody_needs_no_teammate(desk: Desk) -> None:
    """A verb whose requests name no teammate is done as it was, whoever the setting names."""
    answer = desk.here("contacts", "set", "name=Ann", "--where", "role = user", "--limit", "1", "--yes", "--json", env=NOBODY)
    assert answer.code == 0 and answer.counts["done"] == 1, answer.err


def test_a_run_says_who_started_it_and_who_acts(desk: Desk) -> None:
    """`author` is the login, as in Python; `admin` is whom Intercom shows."""
    done = desk.close("--limit", "1")
    undone = desk.here("undo", done.run, "--yes", "--json")
    for run in (done.json["run"], undone.json["run"]):
        assert (run["author"], run["admin"]) == (getpass.getuser(), desk.box.admin_id)
    assert f"{getpass.getuser()} on " in desk.here("runs", "show", done.run).out


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("conversations find --where team = Support", "Put the filter in single quotes: --where 'team = Support' ("),
        ("conversations find --where team=Support and state = open --json", "--where 'team=Support and state = open' ("),
        ("conversations set --where team = Support plan=pro --yes", "put all of it in single quotes"),
        ("conversations find --where idle", "Is the whole filter in single quotes, as in --where 'idle > 30d'?"),
        ("conversations tag --where state=open", "tag needs --tag NAME|ID. ("),
        ("conversations tag --where state=open --tag", "--tag needs a value, NAME|ID. ("),
        ("conversations snooze --where state=open", "snooze needs --until TIME. ("),
        ("apply", "apply needs PLAN: The plan file. ("),
        ("completion", "completion needs bash|zsh|fish. ("),
        ("conversations find --limit", "--limit needs a value: So many items at most. ("),
        ("conversations find --where created>1/2/2026", "2026-02-01"),
    ],
)
def test_what_was_meant_is_said_back(desk: Desk, typed: str, said: str) -> None:
    """A command line that cannot be read is answered with what to type: exit 2."""
    answer = desk.here(*typed.split())
    assert answer.code == 2
    assert said in answer.err, answer.err


def test_a_plan_overwrites_nothing(desk: Desk) -> None:
    """But another plan, as Terraform's does; an empty file is no loss."""
    plan = ("conversations", "close", "--where", QUERY, "--limit", "1", "-q", "--plan")
    (desk.home / "ids.txt").write_text("215470000000027\n")
    (desk.home / "empty").touch()
    assert [desk.here(*plan, name).code for name in ("p.jsonl", "empty", "p.jsonl", "ids.txt")] == [0, 0, 0, 2]
    assert (desk.home / "ids.txt").read_text() == "215470000000027\n"


def test_a_narrow_terminal_cuts_no_id_and_no_word(desk: Desk) -> None:
    """On 80 columns `find` shows names where an id would not fit, and sentences break between words."""
    found = _on_terminal(desk, "conversations", "find", "--where", f"{QUERY} and assignee != none and priority != low", "--limit", "5")
    assert "Support, " in found and "admin 99" not in found
    assert "…" not in found.split("about")[0]
    words = " ".join(found.split("conversations where ")[1].split())
    assert words == "team is Support (5001) and state is open and assignee is not nobody and priority is not low"
    assert all(len(line) <= 80 for line in found.splitlines())
    assert "Support, " in desk.here("conversations", "find", "--where", f"{QUERY} and assignee != none").out


@pytest.mark.parametrize("variable", ["INTERCOM_ADMIN_ID", "INTERCOM_INBOX_ID"])
@pytest.mark.parametrize("value", ["Support", "99"])
def test_doctor_lists_what_an_id_could_be(desk: Desk, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """A bad id in a setting is answered with the teammates or teams and their ids."""
    monkeypatch.setattr(Desk, "env", {**desk.env, variable: value})
    said = " ".join(desk.here("doctor").out.split())
    assert ("Ben Okafor (" if variable == "INTERCOM_ADMIN_ID" else "Support (5001)") in said, said


def _on_terminal(desk: Desk, *arguments: str) -> str:
    """What the command shows on a terminal of 80 columns."""
    import fcntl
    import pty
    import struct
    import termios

    process, terminal = pty.fork()
    if not process:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.chdir(desk.home)
        os.execve(sys.executable, [sys.executable, "-m", "intercom_bulk_updater", *arguments], {**desk.env, "TERM": "dumb"})
    seen = b""
    try:
        while piece := os.read(terminal, 4096):
            seen += piece
    except OSError:
        pass  # how a terminal says that its last process is gone
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, seen
    return seen.decode()


def test_the_demo_names_only_commands_that_work(desk: Desk) -> None:
    """Its runs are gone with it, so it sends nobody to them; and it leaves the environment as it was."""
    shown = desk.here("demo", "--conversations", "40", "--latency", "1")
    assert shown.code == 0, shown.err
    assert "0 were closed twice" in shown.err
    last = [line.strip() for line in shown.err.splitlines() if line.startswith("  ")]
    commands = [line for line in last if line.startswith("intercom-bulk ")]
    assert commands == [
        "intercom-bulk sandbox", "intercom-bulk doctor",
        "intercom-bulk conversations close --where 'state = open and idle > 30d' --dry-run",
    ]  # fmt: skip


def test_a_file_that_cannot_be_is_named_before_anything_is_asked(desk: Desk) -> None:
    """A missing list of ids, a broken workbook, a query nested beyond reason, a word too many: each in its own words, exit 2."""
    (desk.home / "broken.xlsx").write_bytes(b"PK\x03\x04only the beginning")
    (desk.home / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1")
    (desk.home / "deep.json").write_text('{"operator": "AND", "value": [' * 100_000)
    for arguments, said in (
        (("conversations", "close", "--ids", "nofile.txt"), "nofile.txt"),
        (("conversations", "close", "--csv", "broken.xlsx", "--id-column", "id"), "Excel workbook"),
        (("conversations", "close", "--csv", "old.xls", "--id-column", "id"), "Excel workbook"),
        (("conversations", "close", "--query", "deep.json", "--yes"), "nested too deep"),
        (("runs", "show", "latest", "foo"), "Nothing here takes foo"),
        (("reply", "--body", "x"), "reply stands behind what it is done to: conversations reply, tickets reply."),
        (("contacts", "snooze"), "conversations snooze"),
        (("resume", "latest"), "runs resume, recipes resume"),
        (("conversations", "reply", "Hello", "there", "--ids", "x"), "behind --body: --body 'Hello there'"),
        (("conversations", "close", "--ids", "x", "--body", "Hello", "there"), "behind --body: --body 'Hello there'"),
        (("conversations", "close", "--ids", "x", "there"), "Nothing here takes there"),
    ):
        answer = desk.here(*arguments)
        assert answer.code == 2 and said in answer.err, answer.err
        assert "recursion" not in answer.err and "Unused Tokens" not in answer.err


def test_an_address_that_an_updater_hard_codes_is_the_updaters_error(desk: Desk) -> None:
    """Exit 2 names the class, the method and what to do; the command line's help is not pointed to."""
    (desk.home / "mine.py").write_text(
        "from intercom_bulk_updater import IntercomBulkUpdater\n"
        "class Mine(IntercomBulkUpdater):\n"
        "    customer_visible = False\n"
        "    def get_search_endpoint(self): return 'conversations/search'\n"
        "    def get_search_query(self): return {'field': 'state', 'operator': '=', 'value': 'open'}\n"
        "    def get_item_id(self, item): return item['id']\n"
        "    def perform_action(self, item_id):\n"
        "        return self.client.put(f'https://api.intercom.io/conversations/{item_id}', {})\n"
    )
    answer = desk.here("run", "mine.py:Mine", "--yes", "--max", "100%", "--json", "--progress", "none")
    assert answer.code == 2, answer.err
    said = answer.json["error"]["message"]
    assert "Mine.perform_action failed" in said and "Mend it, then resume the run" in said and "mine.py:8" in said
    assert "--help" not in answer.json["error"]["hint"]
    assert desk.writes() == 0
