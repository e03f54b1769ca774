"""A decision to settle, as the result that the journal takes. Step 9 of the life of an item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..model import Failure, ItemResult, Outcome
from .attempt import Attempt
from .decide import Decision

STILL_THERE = ", and the item is there"
"""Ends the cause of a 404 that a look has contradicted."""
_INTERRUPTED = Failure("interrupted", "the run ended while it was in flight")


def result_of(
    decision: Decision, attempt: Attempt, after: Mapping[str, Any] | None = None, *, there: bool = False
) -> ItemResult:
    """The result of an item that a decision settles.

    `after`: its after-image, where it is done and could be read; `there`: the last look has shown the item.
    """
    assert decision.outcome is not None  # noqa: S101 - a settled item has its outcome
    known, item = decision.known, attempt.item
    failure = attempt.last.failure if attempt.last else item.why
    if there and failure is not None and failure.status == 404 and not failure.cause.endswith(STILL_THERE):
        failure = replace(failure, cause=f"{failure.cause}{STILL_THERE}")
    if decision.outcome is Outcome.IN_DOUBT:
        if failure is None:
            failure = _INTERRUPTED if item.doubt else Failure("skipped after a write")
        more = "" if decision.why in failure.message else decision.why
        said = "; ".join(said for said in (failure.message, more) if said)
        failure = replace(failure, message=said, untold=decision.untold, asked=attempt.asked)
        return ItemResult(
            item.seq, Outcome.IN_DOUBT, attempts=known.requests, failure=failure, doubt=True, slow=known.maybe_running,
            older=item.older, partly=bool(attempt.stands), after=attempt.partial_after if decision.rest_failed else None,
        )  # fmt: skip
    if decision.outcome is Outcome.FAILED:
        failure = failure or Failure("unknown")
        return ItemResult(item.seq, Outcome.FAILED, attempts=known.requests, failure=failure)
    if decision.outcome is Outcome.PENDING:
        if known.maybe_applied and attempt.in_question:
            failure = replace(failure or _INTERRUPTED, asked=attempt.asked)
        return ItemResult(
            item.seq, Outcome.PENDING, attempts=known.requests, failure=failure, doubt=known.maybe_applied, slow=known.maybe_running,
            older=item.older and known.maybe_applied,
        )  # fmt: skip
    if decision.outcome is Outcome.UNCHANGED:
        return ItemResult(item.seq, Outcome.UNCHANGED, attempts=known.requests, note=decision.note)
    refusal = f", though it was refused: {attempt.last.failure.cause}" if known.refused and attempt.last is not None else ""
    note = f"{decision.note}{refusal}"
    return ItemResult(item.seq, Outcome.DONE, attempts=max(1, known.requests), after=after, note=note)
