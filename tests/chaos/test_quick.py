"""The quick form of `make chaos`: a few cases of both tables, spread over verbs, faults and stages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.desk import at_desk
from chaos.cases import Case, cases
from chaos.judge import judge
from chaos.run import BOX, table_of
from chaos.verbs import verbs
from intercom_sandbox import Sandbox, running

FEW = 8
TABLE = cases(7)
OF_THE_TABLE = [case for case in TABLE[: 2 * FEW] if "window" not in case.fault][:FEW]
"""Without those that wait for rate windows to pass."""

ONCE_WRONG = (
    ("conversations.tag --tag", "redirected by 307, done", "write", "each third"),
    ("conversations.untag --tag", "tags are a text", "undo", "always"),
    ("contacts.block", "done, then 400", "look", "twice"),
)
"""Cells of the table that found a fault of the client."""
ONCE_WRONG_MUTATED = (
    ("conversations.assign --to-admin --keep-state", "look", "7000074,1"),
    ("conversations.assign --to-admin --keep-state", "write", "7000407,1"),
    ("conversations.assign --to-team --no-admin", "write", "12001014,1"),
    ("conversations.set read", "all", "7000099,1"),
    ("conversations.reply --body", "all", "7000986,1"),
    ("contacts.note --body", "all", "7001404,1"),
    ("contacts.archive", "all", "7001429,1"),
    ("contacts.block", "write", "7001529,1"),
)
"""Mutations that did: verb, answers to, seed and rate."""


def once_wrong() -> list[Case]:
    """The cases of those two lists, as far as their verbs are declared as they were."""
    known = {one.name: one for one in verbs()}
    found = [case for case in TABLE if (case.verb.name, case.fault, case.stage, case.often) in ONCE_WRONG]
    return found + [Case(known[name], "mutated", on, "", {}, order) for name, on, order in ONCE_WRONG_MUTATED if name in known]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """One sandbox for all cases; each begins it anew."""
    with running(in_process=False, **BOX) as made:
        yield made


@pytest.mark.parametrize("case", [*OF_THE_TABLE, *table_of("mutations", FEW, 7), *once_wrong()], ids=lambda case: case.name)
def test_accounts_are_true_under_a_fault(case: Case, box: Sandbox, tmp_path: Path) -> None:
    """Nothing is lost, doubled or told otherwise than the server's rows show, and no traceback is printed."""
    with at_desk(box, tmp_path) as desk:
        found = judge(desk, case)
    assert not found.wrong
