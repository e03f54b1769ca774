"""From a failure to what a person can do about it, by the table in failure_advice.py."""

from __future__ import annotations

import re
from functools import lru_cache

from intercom_bulk_updater.journal import FailureGroup
from intercom_bulk_updater.model import Outcome

from .failure_advice import REMEDIES, Remedy

OTHERWISE = "Look at the item in Intercom."
"""For a failure that no row of the table knows."""


def advice(
    cause: str, *, status: int = 0, code: str = "", message: str = "", request_id: str = "", go_on: str = "resume",
    retry: str = "retry these",
) -> str:
    """What to do about failures of one cause, in a sentence or two for people. Never empty.

    `go_on`: what to do then, where there is no run to resume; `retry`: how these items are tried again.
    """
    found = _remedy(cause, status, code, message)
    if found is None:
        return f"{OTHERWISE} Its support can look the failure up by the request id {request_id}." if request_id else OTHERWISE
    return _filled(found[0].advice, {"go_on": go_on, "retry": retry, **found[1]})


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


def advice_for(group: FailureGroup) -> str:
    """What to do about the failures of a group."""
    one = group.example
    # `runs retry` takes up what has failed, and nothing that is in doubt.
    again = "resume" if group.outcome is Outcome.IN_DOUBT else "retry these"
    said = advice(group.cause, status=one.status, code=one.code, message=one.message, request_id=one.request_id, retry=again)
    return f"{_partly(group)} {said}" if group.partly else said


def _partly(group: FailureGroup) -> str:
    of = f"In {group.partly:,} of these a part" if group.partly < group.count else "A part"
    return f"{of} of the change stands (runs export --outcome in_doubt shows which). runs resume looks first, and sends no message twice."


def may_succeed(group: FailureGroup) -> bool:
    """Whether trying the failures of a group again can end otherwise than before."""
    example = group.example
    remedy = _remedy(group.cause, example.status, example.code, example.message)
    return remedy is None or remedy[0].retry


def _filled(text: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        text = text.replace("{" + name + "}", value)
    return text
