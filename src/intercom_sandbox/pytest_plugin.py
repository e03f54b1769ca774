"""pytest fixture `intercom_sandbox`: a fresh sandbox for one test, INTERCOM_* variables pointing at it.

Settings come from the marker `@pytest.mark.intercom_sandbox(conversations=50, latency=0.01)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from intercom_sandbox.client import Sandbox


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "intercom_sandbox(**settings): settings of the `intercom_sandbox` fixture")


@pytest.fixture
def intercom_sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A running sandbox with 200 conversations, gone after the test."""
    # Imported here: a project that only has the package installed pays nothing for this plugin.
    from intercom_sandbox.client import running

    marker = request.node.get_closest_marker("intercom_sandbox")
    settings = {"conversations": 200, **(marker.kwargs if marker else {})}
    with running(**settings) as box:
        for name, value in box.env().items():
            monkeypatch.setenv(name, value)
        yield box
