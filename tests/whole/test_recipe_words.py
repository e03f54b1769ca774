"""What the runs of a recipe's steps say of their items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import intercom_bulk_updater as bulk
from acceptance.desk import Desk, at_desk

from .network import MemorySandbox

RECIPE = """\
recipe: Mark, then close
steps:
  - step: mark
    verb: conversations.tag
    where: team = Support and state = open
    limit: 2
    with: {tag: [vip]}
  - wait: 7d
  - step: close
    verb: conversations.close
    from: mark
    where: state = open
    if_no_reply: true
"""


@pytest.fixture
def desk(shop: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(shop, tmp_path) as made:
        yield made


def test_a_step_without_an_answer_names_the_moment_at_which_the_step_before_began(desk: Desk, box: MemorySandbox) -> None:
    """As its own account has it: it was that moment on Intercom's clock, which is told in whole seconds and may go otherwise.

    What was only looked at has no pending items: it would change them.
    """
    (desk.home / "r.yaml").write_text(RECIPE)
    checked = desk.here("recipes", "check", "r.yaml", "--progress", "none")
    assert checked.code == 0
    assert re.search(r"the items that \S+-tag-\S+ would change that match now: state is open", checked.err), checked.err
    box.control(clock_skew=-7200.0)
    assert desk.here("recipes", "run", "r.yaml", "--yes", "--progress", "none").code == 0
    began = re.search(r"started\t\w+ \d+ \w+ (\d\d:\d\d)", desk.here("runs", "show", "latest").out)
    box.pass_time(8 * 86_400)
    ended = desk.here("recipes", "resume", "--progress", "none")
    since = re.search(r"without an answer since .* (\d\d:\d\d) \(", desk.here("runs", "show", "latest").out)
    assert began and since and since[1] == began[1], (began, ended.err)


def test_what_failed_in_a_step_is_not_forgotten_by_those_after_it(desk: Desk, box: MemorySandbox) -> None:
    """The recipe goes on with what was done, and ends as its worst step did: in data, in the list, on the screen, in Python."""
    (desk.home / "r.yaml").write_text(RECIPE.replace("if_no_reply: true", ""))
    box.fault("status", status=404, method="POST", path="/tags$", count=1)
    begun = desk.here("recipes", "run", "r.yaml", "--yes", "--json", "--progress", "none")
    assert (begun.code, begun.json["exit"], begun.json["ok"]) == (3, 3, False), begun.err
    waits = desk.here("recipes", "resume", "latest", "--json", "--progress", "none")
    assert (waits.code, waits.json["exit"]) == (3, 3)
    box.pass_time(8 * 86_400)
    ended = desk.here("recipes", "resume", "--json", "--progress", "none")
    told = ended.json["recipes"][0]
    assert (ended.code, told["exit"], told["ok"], told["recipe"]["status"]) == (3, 3, False, "finished"), ended.err
    assert [step["exit"] for step in told["steps"] if "step" in step] == [3, 0]
    listed = desk.here("recipes", "list")
    assert "finished, 1 failed or in doubt" in listed.out and listed.code == 0, listed.out
    assert "is finished, 1 failed or in doubt." in desk.here("recipes", "resume", "latest", "--progress", "none").err
    recipe = bulk.open_recipe("latest", workspace=bulk.Workspace(home=desk.home))
    assert not recipe.ok and recipe.status == "finished"
    failed = recipe.runs["mark"]
    assert failed.retry().ok and recipe.ok, "what has been done since is done"


def test_the_way_back_names_its_step_where_the_last_has_none(desk: Desk) -> None:
    """The undo that is named is of the step before it, and says so."""
    contacts = 'recipe: R\nsteps:\n  - {step: mark, verb: contacts.tag, where: role = lead, limit: 2, with: {tag: [vip]}}\n'
    (desk.home / "r.yaml").write_text(contacts + "  - {step: drop, verb: contacts.delete, from: mark, irreversible: true}\n")
    ended = desk.here("recipes", "run", "r.yaml", "--yes", "--irreversible", "--progress", "none")
    assert re.search(r"To take back mark \(drop cannot be taken back\):\n  intercom-bulk undo \S+-tag-\S+", ended.err), ended.err
