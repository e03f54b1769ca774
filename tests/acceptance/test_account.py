"""What a person reads after a run: the report, the lists, the words of an error; from the command itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from .desk import QUERY, Desk


def test_the_report_of_a_short_run_has_its_picture_and_its_words(desk: Desk) -> None:
    """A run that ends within one window has a timeline all the same, and is named by verb and noun everywhere."""
    done = desk.here("conversations", "close", "--where", QUERY, "--limit", "6", "--yes", "--json", "--report", "r.html")
    assert done.code == 0, done.err
    assert (done.json["run"]["operation"], done.json["run"]["words"]) == ("conversations.close", "close conversations")
    page = (desk.home / "r.html").read_text()
    assert "<h1>Close conversations</h1>" in page
    told = done.json["requests"]["total"]
    assert f"{told} requests in 1 window of 10 s" in page or "in 2 windows of 10 s" in page

    undone = desk.here("undo", "latest", "--yes", "--json")
    assert (undone.json["run"]["operation"], undone.counts) == ("conversations.undo", {"selected": 6, "done": 6})
    assert done.run in desk.here("runs", "list").out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("sandbox", "--port", "99999"), 2, "cannot use port 99999: bind(): port must be 0-65535. Take another with --port N"),
        (("conversations", "find", "--where", '"state = open"'), 2, "Leave these quotes out: state = open."),
        (("conversations", "find", "--ids", "none.txt"), 2, "The ids in none.txt cannot be read: No such file or directory"),
        (("conversations", "note", "--ids", "x", "--body", "@none.txt", "-n"), 2, "--body @none.txt cannot be read: No such file"),
        (("runs", "show", "none.jsonl"), 2, "There is no plan file none.jsonl. A plan is written by a write verb with --plan FILE."),
    ],
)
def test_an_error_says_what_happened_and_what_to_do(desk: Desk, arguments: tuple[str, ...], code: int, words: str) -> None:
    """No number of an operating system, no traceback; a sentence, and the next step."""
    answer = desk.here(*arguments)
    assert answer.code == code
    assert words in " ".join(answer.err.split())
    assert "Errno" not in answer.err and "Traceback" not in answer.err


def test_a_port_that_is_taken(desk: Desk) -> None:
    """A second sandbox on the same port is no bug of the program."""
    answer = desk.here("sandbox", "--port", desk.box.url.rpartition(":")[2])
    assert (answer.code, "Traceback" in answer.err) == (2, False)
    assert "something listens there already, perhaps another sandbox" in answer.err


def test_a_review_and_a_plan_call_things_by_their_names(desk: Desk) -> None:
    """`+tag incident`, not `+tag 7004`; a team and an admin by name; yes and no as people write them."""
    tag = desk.here("conversations", "tag", "--where", QUERY, "--tag", "incident", "--limit", "3", "--plan", "p.jsonl")
    assert "+tag incident (7004)" in tag.err and "plan         written to p.jsonl" in tag.err
    assert "+tag incident (7004)" in desk.here("runs", "show", "p.jsonl").out
    to = ("--to-team", "Billing", "--to-admin", "Dai Nakamura")
    assign = desk.here("conversations", "assign", "--where", QUERY, *to, "--limit", "3", "-n")
    assert "team: Support (5001) -> Billing (5002)" in assign.err and "-> Dai Nakamura (991267704)" in assign.err
    assert "read: false -> true" in desk.here("conversations", "set", "--where", f"{QUERY} and read = false", "read=true", "-n").err


def test_a_report_a_run_and_an_export_call_things_by_their_names(desk: Desk) -> None:
    """Afterwards, too, and where nobody can be asked any more: teams, teammates, the workspace, its clock; no number of a moment."""
    to = ("--to-team", "Billing", "--yes", "--limit", "3", "--report", "r.html")
    assert desk.here("conversations", "assign", "--where", QUERY, *to).code == 0
    until = desk.here("conversations", "snooze", "--where", "team = Billing and state = open", "--until", "+3d", "--limit", "3", "--yes")
    assert until.code == 0, until.err
    page = (desk.home / "r.html").read_text()
    for words in ("team: Support (5001) → Billing (5002)", "Ops Bot (991267700)", "(Los Angeles)", "Sandbox (sandbox1)"):
        assert words in page, words
    assert re.search(r'href="https://app\.intercom\.com/a/inbox/sandbox1/inbox/conversation/\d+" target="_blank"[^>]*>[A-Z]', page)
    changes = [line["change"] for line in map(json.loads, desk.here("runs", "export", "--jsonl").out.splitlines())]
    assert len(changes) == 3
    snoozed = r"state: open -> snoozed until \w{3} \d+ \w{3} (\d{4} )?\d\d:\d\d \(Los Angeles\)"
    assert all(re.fullmatch(snoozed, one) for one in changes), changes
    told = desk.here("runs", "show", "latest").out
    assert "conversations until " in told and "(Los Angeles)" in told and "Ops Bot (991267700)" in told


@pytest.mark.further
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_completes(desk: Desk, shell: str) -> None:
    """The script works in the shell as its help says: verbs, and the flags of a verb."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    (desk.home / "script").write_text(desk.here("completion", shell).out)
    if shell == "bash":
        asked = "COMP_WORDS=(intercom-bulk conversations {word}); COMP_CWORD=2; _intercom_bulk; echo ${{COMPREPLY[@]}}"
        code = "source ./script; " + "; ".join(asked.format(word=word) for word in ("clo", "unt"))
        wanted = "close\nuntag\n"
    else:
        code, wanted = "source ./script; print $_comps[intercom-bulk]", "_cyclopts_intercom-bulk\n"
    norc = "--norc" if shell == "bash" else "-f"
    done = subprocess.run([shell, norc, "-c", code], cwd=desk.home, capture_output=True, text=True, timeout=60)
    assert done.stdout == wanted, done.stderr
