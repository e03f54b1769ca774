"""Values that begin with a dash: `--ids -`, `--until -3d`, `--body '- one'`. The parser would take them for flags."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TAKE_TEXT = frozenset(
    f"--{name}"
    for name in (
        "where", "query", "ids", "csv", "id-column", "from-run", "outcome", "exclude", "limit", "plan", "expect", "max", "canary",
        "max-failures", "workers", "share", "rate", "timeout", "retries", "patience", "deadline", "report", "body", "until", "tag",
        "to-team", "to-admin", "param",
    )
)
# What can only be a flag: behind one that takes a value it means that the value was forgotten.
_FLAG = re.compile(r"-[A-Za-z]+|--[A-Za-z][A-Za-z-]*(=.*)?", re.DOTALL)


def joined(arguments: Sequence[str]) -> list[str]:
    """The arguments, with `--ids -` as `--ids=-`; `--ids --yes` stays what it is, a value that is missing."""
    made: list[str] = []
    for place, word in enumerate(arguments):
        if word == "--":
            return made + list(arguments[place:])
        if made and made[-1] in _TAKE_TEXT and word.startswith("-") and not _FLAG.fullmatch(word):
            made[-1] += f"={word}"
        else:
            made.append(word)
    return made
