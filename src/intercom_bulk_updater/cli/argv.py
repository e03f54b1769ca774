"""Values that begin with a dash: `--ids -`, `--until -3d`, `--body '- one'`. The parser would take them for flags."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

# What can only be a flag: behind one that takes a value it means that the value was forgotten.
_FLAG = re.compile(r"-[A-Za-z]+|--[A-Za-z][A-Za-z-]*(=.*)?", re.DOTALL)


def join_values(arguments: Sequence[str], takes_value: Callable[[], Collection[str]]) -> list[str]:
    """The arguments, with `--ids -` as `--ids=-`; `--ids --yes` stays what it is, a value that is missing.

    `takes_value` names the flags of the command that take a value; it is asked only where a word needs it.
    """
    joined: list[str] = []
    for place, word in enumerate(arguments):
        if word == "--":
            return joined + list(arguments[place:])
        dashed = word.startswith("-") and not _FLAG.fullmatch(word)
        if joined and dashed and joined[-1].startswith("--") and joined[-1] in takes_value():
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
