"""The quick form of `make chaos`: a few cases of both tables, spread over verbs, faults and stages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.desk import at_desk
from chaos.cases import Case
from chaos.judge import judge
from chaos.run import BOX, table_of
from intercom_sandbox import Sandbox, running

FEW = 20
OF_THE_TABLE = [case for case in table_of("cases", 2 * FEW, 7) if "window" not in case.fault][:FEW]
"""Without those that wait for rate windows to pass."""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """One sandbox for all cases; each begins it anew."""
    with running(in_process=False, **BOX) as made:
        yield made


@pytest.mark.parametrize("case", [*OF_THE_TABLE, *table_of("mutations", FEW, 7)], ids=lambda case: case.name)
def test_accounts_are_true_under_a_fault(case: Case, box: Sandbox, tmp_path: Path) -> None:
    """Nothing is lost, doubled or told otherwise than the server's rows show, and no traceback is printed."""
    with at_desk(box, tmp_path) as desk:
        found = judge(desk, case)
    assert not found.wrong
