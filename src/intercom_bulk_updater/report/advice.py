"""From a failure to what a person can do about it, by the table in failure_advice.py."""

from __future__ import annotations

import re
from functools import lru_cache

from .failure_advice import REMEDIES

OTHERWISE = "Look at the item in Intercom; its support can look the failure up by the request id."
"""For a failure that no row of the table knows."""


def advice(cause: str, *, status: int = 0, code: str = "", message: str = "", go_on: str = "resume") -> str:
    """What to do about failures of one cause, in a sentence or two for people. Never empty.

    `go_on`: what to do then, where there is no run to resume.
    """
    return _advice(cause, status, code, message, go_on)


@lru_cache(maxsize=256)
def _advice(cause: str, status: int, code: str, message: str, go_on: str) -> str:
    for remedy in REMEDIES:
        named = {"go_on": go_on}
        looked_at = ((remedy.code, code), (remedy.message, message), (remedy.cause, cause))
        if remedy.status and not re.fullmatch(remedy.status, str(status)):
            continue
        for pattern, text in looked_at:
            found = re.search(pattern, text, re.IGNORECASE)
            if found is None:
                break
            named |= {name: value for name, value in found.groupdict().items() if value}
        else:
            return _filled(remedy.advice, named)
    return OTHERWISE


def _filled(text: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        text = text.replace("{" + name + "}", value)
    return text
