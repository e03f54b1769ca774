"""From a failure to what a person can do about it, by the table in failure_advice.py."""

from __future__ import annotations

import re
from functools import lru_cache

from intercom_bulk_updater.journal import FailureGroup, RunRecord
from intercom_bulk_updater.model import Outcome
from intercom_bulk_updater.operations.messages import MessageOperation
from intercom_bulk_updater.operations.registry import declared
from intercom_bulk_updater.runs.identity import has_keys

from .failure_advice import REMEDIES, Remedy
from .links import link_of

OTHERWISE = "Look at the item in Intercom."
"""For a failure that no row of the table knows."""


def advice(
    cause: str,
    *,
    status: int = 0,
    code: str = "",
    message: str = "",
    request_id: str = "",
    go_on: str = "resume",
    retry: str = "retry these",
    run: str = "RUN",
) -> str:
    """What to do about failures of one cause, in a sentence or two for people. Never empty.

    `go_on`: what to do then, where there is no run to resume; `retry`: how these items are tried again; `run`: whose they are.
    """
    found = _remedy(cause, status, code, message)
    if found is None:
        return f"{OTHERWISE} Its support can look the failure up by the request id {request_id}." if request_id else OTHERWISE
    return _filled(found[0].advice, {"go_on": go_on, "retry": retry, "run": run, **found[1]})


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


def advice_for(group: FailureGroup, run: RunRecord | None = None) -> str:
    """What to do about the failures of a group, of this run."""
    one = group.example
    if group.untold and group.untold == group.count:
        return _untold(group, run)
    # `runs retry` takes up what has failed, and nothing that is in doubt.
    again, whose = "resume" if group.outcome is Outcome.IN_DOUBT else "retry these", run.id if run is not None else "RUN"
    said = advice(
        group.cause, status=one.status, code=one.code, message=one.message, request_id=one.request_id, go_on=again, retry=again, run=whose,
    )  # fmt: skip
    said = f"{_partly(group)} {said}" if group.partly else said
    return f"{said} {_untold(group, run)}" if group.untold else said


def _untold(group: FailureGroup, run: RunRecord | None) -> str:
    """What nobody can find out by looking again, and what a person can do all the same."""
    of = f" of {group.untold:,} of these" if group.untold < group.count else ""
    link = link_of(run, group.example.id) if run is not None and not has_keys(run) else ""
    which = f"--from-run {run.id if run is not None else 'RUN'} --outcome in_doubt"
    cls = declared(run.operation) if run is not None else None
    again = " --again" if cls is not None and issubclass(cls, MessageOperation) else ""
    return (
        f"Looking again will not settle this{of}: what Intercom shows does not tell whether it was carried out. "
        f"Look at each in Intercom{f' ({link})' if link else ''}. To do it all the same, perhaps for the second time, run the command "
        f"again with {which}{again} in place of its selection, or with --ids for some of them."
    )


def _partly(group: FailureGroup) -> str:
    of = f"In {group.partly:,} of these a part" if group.partly < group.count else "A part"
    return f"{of} of the change stands (runs export --outcome in_doubt shows which). runs resume looks first, and sends no message twice."


def may_succeed(group: FailureGroup, run: RunRecord) -> bool:
    """Whether trying the failures of a group again can end otherwise than before: by status, code and kind, which all of them share.

    What Intercom says in words tells people more, and decides nothing.
    """
    example = group.example
    if group.untold == group.count:
        return False
    remedy = _remedy(group.cause, example.status, example.code, "")
    if remedy is None or remedy[0].retry:
        return True
    # A person's own code may be corrected; a message may have come after the look, and a retry looks again.
    cls = declared(run.operation)
    return remedy[0].in_request and (bool(run.selection.get("updater")) or (cls is not None and cls.appends))


def _filled(text: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        text = text.replace("{" + name + "}", value)
    return text
