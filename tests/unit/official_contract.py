"""Where Intercom's official description of its API lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[2] / "../shared/openapi/intercom-2.16.yaml"


def official_contract() -> Path:
    """The file that INTERCOM_OPENAPI names, or one beside the project; skips the test where there is none."""
    path = Path(os.environ.get("INTERCOM_OPENAPI", _BESIDE))
    if not path.is_file():
        pytest.skip("needs the official OpenAPI file (INTERCOM_OPENAPI)")
    return path
