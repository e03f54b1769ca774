"""A filter of which a part is judged here: what was read and left out counts as no match, on no screen and in no account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.desk import Desk, at_desk

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")
WHERE = ("--where", "company = acme-00001")


@pytest.fixture
def desk(box: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(box, tmp_path) as made:
        yield made


def test_what_was_changed_as_the_filter_asks_is_not_still_found(desk: Desk) -> None:
    """The example of the how-to: the second search finds none of those that the filter names, and no line says that it does."""
    count = int(desk.here("contacts", "find", *WHERE, "--count").out)
    done = desk.here("contacts", "detach-company", "--company", "acme-00001", *WHERE, "--yes", *PLAIN)
    assert done.counts == {"selected": count, "done": count} and 0 < count < 60, done.err
    assert not done.json["verified"]["explained"], done.json["verified"]
    assert (done.json["search"]["total"], done.json["search"]["seen"]) == (count, 60), done.json["search"]
    assert desk.here("runs", "report", done.run, "-o", "report.html").code == 0
    page = (desk.home / "report.html").read_text()
    assert "that match" not in page + desk.here("runs", "show", done.run).out and "Intercom announced 60; " in page
    assert int(desk.here("contacts", "find", *WHERE, "--count").out) == 0


def test_what_is_not_changed_as_the_filter_asks_is_still_found(desk: Desk) -> None:
    """As it matches still."""
    tagged = desk.here("contacts", "tag", "--tag", "vip", *WHERE, "--yes", *PLAIN)
    assert list(tagged.json["verified"]["explained"].values()) == [tagged.counts["selected"]], tagged.json["verified"]


def test_how_many_match_is_not_told_where_the_search_was_cut(desk: Desk) -> None:
    """Intercom's count is of what was read, and what is judged here was judged of a few."""
    tag = ("contacts", "tag", "--tag", "vip", *WHERE, "--limit", "2")
    looked = desk.here(*tag, "--dry-run")
    assert "2 contacts" in looked.err and "that match" not in looked.err and "matches" not in looked.err, looked.err
    cut = desk.here(*tag, "--yes", *PLAIN)
    assert cut.json["search"]["total"] is None and "that match" not in desk.here("runs", "show", cut.run).out, cut.json
