"""Cells that a spreadsheet would take for a formula: kept from it by an apostrophe, and had back without it."""

from __future__ import annotations

import re

# What a spreadsheet takes for the beginning of a formula, full-width and small forms included.
_BEGINS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "−")  # noqa: RUF001 - meant
_SKIPPED = re.compile(r"[\s\x00-\x1f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u00ad]+")
"""What a spreadsheet may skip before one."""


def like_formula(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula."""
    return _SKIPPED.sub("", text[:20]).startswith(_BEGINS) or text.startswith(("\t", "\r", "\n"))


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe stands before what looks like one."""
    return f"'{text}" if like_formula(text) else text


def original_cell(text: str) -> str:
    """The text that `safe_cell` was given."""
    return text[1:] if text.startswith("'") and like_formula(text[1:]) else text
