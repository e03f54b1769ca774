"""What the runs of a recipe's steps say of their items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

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
