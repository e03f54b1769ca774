"""Tags that --create-tag creates: how many there will be, what they are called, and what an undo leaves of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.desk import Desk, at_desk

from .network import MemorySandbox

PLAIN = ("--json", "--progress", "none")


@pytest.fixture
def desk(shop: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(shop, tmp_path) as made:
        yield made


@pytest.mark.parametrize("resource", ["contacts", "companies", "conversations", "tickets"])
def test_one_tag_is_created_of_one_name(desk: Desk, resource: str) -> None:
    """Intercom's names of tags know no case: the dry run shows the one that the run creates, by rows and typed."""
    items = getattr(desk.box, resource)()[:2]
    (desk.home / "rows.csv").write_text("id,t\n" + "".join(f"{one['id']},{t} {resource}\n" for one in items for t in ("new", "New")))
    (desk.home / "ids").write_text("\n".join(one["id"] for one in items))
    for given in (
        ("--csv", "rows.csv", "--tag", "{{t}}"), ("--ids", "ids", "--tag", f"other {resource}", "--tag", f"Other {resource}"),
    ):  # fmt: skip
        tag = (resource, "tag", *given, "--create-tag")
        looked = desk.here(*tag, "--dry-run", *PLAIN)
        (change,) = looked.json["review"]["groups"]
        assert change.count("to be created") == 1, change
        known = len(desk.box.tags())
        done = desk.here(*tag, "--yes", *PLAIN)
        assert done.counts == {"selected": 2, "done": 2} and len(desk.box.tags()) == known + 1, done.err
        assert change.removeprefix("+tag ").removesuffix(" (to be created)") in {one["name"] for one in desk.box.tags()}


@pytest.mark.parametrize("resource", ["contacts", "conversations"])
def test_that_an_undo_leaves_the_new_tag_is_said(desk: Desk, resource: str) -> None:
    """Before, and where it is undone; nothing of the kind is said of a tag that there was."""
    (desk.home / "ids").write_text(getattr(desk.box, resource)()[3]["id"])
    tag = (resource, "tag", "--ids", "ids", "--progress", "none", "--create-tag", "--tag")
    stays = f"the new tag stay {resource}, which stays in the workspace"
    looked = " ".join(desk.here(*tag, f"stay {resource}", "--dry-run").err.split())
    assert "way back undo restores the fields" in looked and f"no undo of {stays}" in looked, looked
    assert desk.here(*tag, f"stay {resource}", "--yes").code == 0
    undone = desk.here("undo", "latest", "--yes", "--progress", "none")
    assert undone.code == 0 and f"No undo takes this back: {stays}." in undone.err, undone.err
    assert f"stay {resource}" in {one["name"] for one in desk.box.tags()}
    again = " ".join(desk.here(*tag, f"stay {resource}", "--dry-run").err.split())
    assert "way back undo restores everything" in again and "no undo of" not in again, again
