"""What all tests share: hypothesis judges nothing by the clock, for a machine may have other things to do."""

from __future__ import annotations

import sys
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
