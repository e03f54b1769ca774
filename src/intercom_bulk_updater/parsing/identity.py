"""One id for one item, however it is written."""

from __future__ import annotations

import re
from typing import Any

# Their ids are whole numbers; contacts and companies have ids of letters and digits, and external ids of any kind.
_NUMBERED = frozenset(("conversations", "tickets"))


def id_text(found: Any) -> str:
    """An id as the service gives it, as text; "" for what is none: a text or a whole number is one, no number with a fraction, no null."""
    return "" if isinstance(found, bool) or not isinstance(found, str | int) else str(found).strip()


def canonical_id(written: str, resource: str) -> str:
    """The id as Intercom writes it: `0215470000000024` of a conversation is `215470000000024`."""
    bare = written.strip().strip("\ufeff\u200b\u2060").strip()
    return bare.lstrip("0") or "0" if resource in _NUMBERED and bare.isascii() and bare.isdigit() else bare


def is_email(text: str) -> bool:
    """Whether a text can be an e-mail address at all: something before one @, a name with a dot behind it, and no blanks."""
    return bool(re.fullmatch(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+", text))


def count_words(count: int, noun: str) -> str:
    """`1 id`, `2 ids`, `1,200 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def repeat_words(count: int, noun: str) -> str:
    """What is said of ids or rows that stand more than once in a file."""
    said = f"{count_words(count, noun)} {'stands' if count == 1 else 'stand'} more than once"
    return f"{said}; {'it' if count == 1 else 'each'} is done once."
