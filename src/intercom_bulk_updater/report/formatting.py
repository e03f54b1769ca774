"""Figures and small words: numbers, seconds, plurals; and text from outside made safe to show."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

from ..api.redact import without_known_tokens
from ..parsing.amounts import duration_words
from ..parsing.printable import printable

_IRREGULAR = {"company": "companies", "match": "matches", "pass": "passes", "person": "people", "reply": "replies"}
_SINGULAR = {many: one for one, many in _IRREGULAR.items()}
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_TAGS = re.compile(r"<[^>]{0,2000}>")
seconds = duration_words


def number(value: float) -> str:
    """With thousands separators: `31,000`."""
    return f"{value:,.0f}"


def plural(count: int, noun: str) -> str:
    """`1 item`, `2 items`, `1,200 companies`."""
    return f"{number(count)} {one(noun) if count == 1 else many(noun)}"


def many(noun: str) -> str:
    """The plural of a noun; a plural stays as it is."""
    if noun in _SINGULAR or (noun.endswith("s") and noun not in _IRREGULAR):
        return noun
    return _IRREGULAR.get(noun, noun + "s")


def one(noun: str) -> str:
    """The singular of a noun: `conversations` → `conversation`."""
    if noun in _IRREGULAR:
        return noun
    return _SINGULAR.get(noun, noun.removesuffix("s"))


def whole_seconds(value: float) -> str:
    """A duration without tenths, for what changes while one looks at it."""
    return seconds(value) if value >= 10 else f"{value:.0f} s"


def pace(per_second: float) -> str:
    """A rate: `164`, `3.2`, `0.04`; what is slower than ten a second keeps a decimal."""
    if per_second >= 9.95:
        return number(per_second)
    return f"{per_second:.1f}" if per_second >= 0.1 or not per_second else f"{per_second:.2f}"


def percent(part: float, whole: float) -> str:
    """`63 %`; never `100 %` before all of it is there."""
    if not whole:
        return "0 %"
    share = 100 * part / whole
    if part < whole:
        share = min(share, 99.0)
    return f"{int(share)} %"


def ago(at: float | None, now: float) -> str:
    """How long ago: `just now`, `12 min ago`, `3 d ago`; the day itself when that is longer than a month."""
    if not at:
        return "-"
    gone = now - at
    if gone < 0 or gone >= 30 * 86_400:
        return day(at)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if gone >= size:
            return f"{gone // size:.0f} {unit} ago"
    return "just now"


def day(at: float) -> str:
    """The local day: `2026-11-23`; unusable times are a dash."""
    try:
        return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d}"
    except (OverflowError, ValueError, OSError):
        return "-"


def clean(value: object) -> str:
    """Text from outside on one line, without a token and without what steers a terminal."""
    return printable(without_known_tokens(str(value)))


def shorten(value: object, width: int) -> str:
    """Cleaned, and at most `width` characters, ending in `…` where something was cut off."""
    text = clean(value)
    return text if len(text) <= width else text[: max(0, width - 1)].rstrip() + "…"


def subject(message: object, width: int = 40) -> str:
    """The first words of a message: no markup, no e-mail addresses."""
    text = html.unescape(_TAGS.sub(" ", str(message or "")))
    return shorten(" ".join(without_addresses(text).split()), width)


def without_addresses(text: str) -> str:
    """E-mail addresses are replaced: they are not shown, logged or kept."""
    return _EMAIL.sub("(e-mail)", text)


def countdown(seconds: float) -> str:
    """A count-down: `0:18`, `9:42`, `1:00:00`."""
    left = max(0, round(seconds))
    hours, minutes = divmod(left // 60, 60)
    return f"{hours}:{minutes:02}:{left % 60:02}" if hours else f"{minutes}:{left % 60:02}"
