"""What all tests share: hypothesis judges nothing by the clock, for a machine may have other things to do."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def own_code_is_forgotten() -> Iterator[None]:
    """The `mine.py` that a test has written and imported is not the next one's."""
    yield
    sys.modules.pop("mine", None)


SPREAD = 2
"""How many cases of one table `make test` runs, of those that take whole commands each."""
WHOLE = ("acceptance", "chaos", "docs", "promises", "whole")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as `further` the cases of a long table that `make test` leaves to `make test-further`.

    Drawn, and not each n-th: of a table of verbs by faults that could be the same fault each time. The draw is the same each time.
    """
    tables: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.path.parent.name in WHOLE:
            tables[item.nodeid.partition("[")[0]].append(item)
    for name, cases in tables.items():
        for case in random.Random(name).sample(cases, max(0, len(cases) - SPREAD)):
            case.add_marker("further")
