"""Text from outside (names, ids, messages, arguments) made safe to print: nothing in it steers a terminal or hides."""

from __future__ import annotations

import re
import unicodedata

# Whole sequences go, not only their first character: `[31m` would be left to read. `\x1bP`, `X`, `^` and `_` begin strings
# that end as an operating system command does.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]{0,2000}(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_LONGEST_NAME = 60
_JOINERS = "\u200d\u200c"
"""They hold emoji and Indic letters together; one that stands between anything else is only there to deceive."""
# Letters and signs without a shape of their own, which are no format characters by their category.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")


def printable(value: object) -> str:
    """`value` as text on one line, without escape sequences, control, bidirectional and zero-width characters."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return " ".join(_bare(text).split())


def printable_name(value: object) -> str:
    """A name from outside as it is quoted in a sentence: on one line, and cut where it is longer than anybody reads."""
    text = printable(str(value)[: 10 * _LONGEST_NAME])
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1].rstrip()}…"


def printable_lines(text: str) -> str:
    """As `printable`, for text of several lines: line ends and spaces stay."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "\n".join(_bare(line) for line in text.split("\n"))


def _bare(text: str) -> str:
    bare = _ESCAPES.sub("", text)
    return "".join(_shown(bare, place) for place in range(len(bare)))


def _shown(text: str, place: int) -> str:
    char = text[place]
    if char.isascii() and char.isprintable():
        return char
    kind = unicodedata.category(char)
    if char in _JOINERS:
        around = text[place - 1 : place] + text[place + 1 : place + 2]
        return "" if len(around) < 2 or around.isascii() else char
    if kind == "Cf" or char in _INVISIBLE:
        return ""
    return " " if kind in ("Cc", "Zl", "Zp", "Cs") else char
