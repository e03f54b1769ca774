"""The sandbox of the promises, begun anew for each test, with the environment that the first README asks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from intercom_sandbox import Sandbox, running

from .queue_worker import serving


@pytest.fixture(scope="package")
def shop() -> Iterator[Sandbox]:
    """One sandbox for all of it; windows of 2 s, so that a 429 is over soon."""
    with running(in_process=False, conversations=120, latency=0.005, window=2.0) as box:
        yield box


@pytest.fixture
def box(shop: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox begun anew, with the environment that the old README asks for."""
    shop.reset()
    for name, value in {**shop.env(), "INTERCOM_BULK_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return shop


@pytest.fixture
def _worker() -> Iterator[None]:
    with serving():
        yield
