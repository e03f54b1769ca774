"""What a person reads after a run: the report, the lists, the words of an error; from the command itself."""

from __future__ import annotations

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
