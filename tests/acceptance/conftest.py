"""One sandbox for each module, begun anew for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from intercom_sandbox import Sandbox, running
from whole.network import in_memory

from .desk import Desk, at_desk


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--in-memory`: the sandbox without a socket, for what needs no process of its own."""
    parser.addoption("--in-memory", action="store_true", help="the sandbox in memory, on a clock that runs ahead")


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The module's sandbox; a module says in `SANDBOX` how it is to be, and by `IN_MEMORY` that neither wire nor time is its subject."""
    settings = {"conversations": 150, "latency": 0.005, **getattr(request.module, "SANDBOX", {})}
    if getattr(request.module, "IN_MEMORY", False):
        with in_memory(**settings) as memory:
            yield memory
        return
    if request.config.getoption("--in-memory", default=False):  # nobody has declared it where all tests are asked for
        with in_memory(**settings) as memory, patch.object(Desk, "start", lambda *_: pytest.skip("needs a process of its own")):
            yield memory
        return
    with running(in_process=False, **settings) as box:
        yield box


@pytest.fixture
def desk(shop: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command, the module's sandbox, and a state folder of its own."""
    with at_desk(shop, tmp_path) as made:
        yield made
