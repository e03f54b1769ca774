"""One sandbox for each module, begun anew for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from intercom_sandbox import Sandbox, running

from .desk import Desk, at_desk


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The module's sandbox; a module says in `SANDBOX` how it is to be."""
    settings = {"conversations": 150, "latency": 0.005, **getattr(request.module, "SANDBOX", {})}
    with running(in_process=False, **settings) as box:
        yield box


@pytest.fixture
def desk(shop: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command, the module's sandbox, and a state folder of its own."""
    with at_desk(shop, tmp_path) as made:
        yield made
