"""Remarks: what a caller may want to know besides the result. The command writes them on stderr, Python logs them."""

from __future__ import annotations

from collections.abc import Callable

Note = Callable[[str], None]
"""Hears one remark, a sentence."""


def ignore(text: str) -> None:
    """For callers that want no remarks."""
