"""What a person reads after a run: the report, the lists, the words of an error; from the command itself."""

from __future__ import annotations

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
