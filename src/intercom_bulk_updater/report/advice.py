"""From a failure to what a person can do about it, by the table in failure_advice.py."""

from __future__ import annotations

import re
from functools import lru_cache

from intercom_bulk_updater.journal import FailureGroup

from .failure_advice import REMEDIES, Remedy

OTHERWISE = "Look at the item in Intercom; its support can look the failure up by the request id."
"""For a failure that no row of the table knows."""


def advice(cause: str, *, status: int = 0, code: str = "", message: str = "", go_on: str = "resume") -> str:
    """What to do about failures of one cause, in a sentence or two for people. Never empty.

    `go_on`: what to do then, where there is no run to resume.
    """
    found = _remedy(cause, status, code, message)
    return OTHERWISE if found is None else _filled(found[0].advice, {"go_on": go_on, **found[1]})


@lru_cache(maxsize=256)
def _remedy(cause: str, status: int, code: str, message: str) -> tuple[Remedy, dict[str, str]] | None:
    for remedy in REMEDIES:
        named: dict[str, str] = {}
        looked_at = ((remedy.code, code), (remedy.message, message), (remedy.cause, cause))
        if remedy.status and not re.fullmatch(remedy.status, str(status)):
            continue
        for pattern, text in looked_at:
            found = re.search(pattern, text, re.IGNORECASE)
            if found is None:
                break
            named |= {name: value for name, value in found.groupdict().items() if value}
        else:
            return remedy, named
    return None


def may_succeed(group: FailureGroup) -> bool:
    """Whether trying the failures of a group again can end otherwise than before."""
    example = group.example
    remedy = _remedy(group.cause, example.status, example.code, example.message)
    return remedy is None or remedy[0].retry


def _filled(text: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        text = text.replace("{" + name + "}", value)
    return text
