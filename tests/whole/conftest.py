"""The whole path without a socket: one sandbox in memory for each module, begun anew for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.desk import Desk, at_desk
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.runs.options import Options
from intercom_bulk_updater.runs.session import open_session
from intercom_bulk_updater.settings import load
from intercom_bulk_updater.stop import Stop

from .network import MemorySandbox, in_memory


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest) -> Iterator[MemorySandbox]:
    """The module's sandbox; a module says in `SANDBOX` how it is to be."""
    settings = {"conversations": 60, "contacts": 60, "companies": 12, "tickets": 20, "limit": 20_000}
    with in_memory(**{**settings, **getattr(request.module, "SANDBOX", {})}) as box:
        yield box


@pytest.fixture
def box(shop: MemorySandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemorySandbox]:
    """The sandbox begun anew, and the environment that points there, with a state folder of its own."""
    before = shop.control()
    shop.reset()
    for name, value in {**shop.env(), "INTERCOM_BULK_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    yield shop
    now = shop.control()
    shop.control(**{name: value for name, value in before.items() if now[name] != value})


@pytest.fixture
def desk(box: MemorySandbox, tmp_path: Path) -> Iterator[Desk]:
    """The command in this process."""
    with at_desk(box, tmp_path) as made:
        yield made


@pytest.fixture
def others(box: MemorySandbox) -> Iterator[Client]:
    """Somebody else in the workspace."""
    with open_session(load(), Options(), Stop(None)) as session:
        yield session.client
