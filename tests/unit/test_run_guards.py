"""What ends a run that goes wrong: one refusal for all, and one cause for all."""

from __future__ import annotations

import pytest

from intercom_bulk_updater.engine.refusals import RefusalStreak
from intercom_bulk_updater.errors import SafetyStop
from intercom_bulk_updater.model import Failure, ItemResult, Outcome
from intercom_bulk_updater.runs.guards import ALL_ALIKE, FailureLimit

FORBIDDEN = Failure("403 forbidden", "no", 403, "forbidden")
GONE = Failure("404 not_found", "gone", 404, "not_found")


def outcomes(kind: Outcome, count: int, cause: str = "why", first: int = 1) -> list[ItemResult]:
    """Items that all ended so."""
    bad = kind in (Outcome.FAILED, Outcome.IN_DOUBT)
    return [ItemResult(first + n, kind, failure=Failure(cause) if bad else None) for n in range(count)]


@pytest.mark.parametrize("kind", [Outcome.FAILED, Outcome.IN_DOUBT])
def test_the_first_items_all_alike_stop_the_run(kind: Outcome) -> None:
    """Twenty of one cause and nothing else: the stop names the cause and the command that goes on."""
    limit = FailureLimit("", "1126-close-1a2b")
    assert limit.trips(outcomes(kind, ALL_ALIKE - 1)) is None
    stopped = limit.trips(outcomes(kind, 1))
    assert stopped is not None and "why" in stopped.message
    assert "intercom-bulk runs resume 1126-close-1a2b --max-failures 100%" in stopped.message


OTHERS = [outcomes(kind, 1, "other") for kind in (Outcome.DONE, Outcome.UNCHANGED, Outcome.FAILED, Outcome.DRIFTED)]


@pytest.mark.parametrize("before", OTHERS)
def test_items_that_end_differently_do_not(before: list[ItemResult]) -> None:
    """One that was done, was so already, drifted, or failed for another cause: then the failures are the items' own."""
    limit = FailureLimit("")
    assert limit.trips([*before, *outcomes(Outcome.FAILED, 500)]) is None
    assert FailureLimit("100%").trips(outcomes(Outcome.FAILED, 500)) is None


def test_an_early_stop_is_a_safety_stop() -> None:
    """Exit 5, and `next` names what lifts it."""
    stopped = FailureLimit("", "R").trips(outcomes(Outcome.FAILED, ALL_ALIKE))
    assert isinstance(stopped, SafetyStop) and stopped.parts["guard"] == {"go_on": "--max-failures 100%"}


def test_a_row_of_refusals_alike_ends_the_run() -> None:
    """Five items refused alike before anything is done; fifty afterwards; the same item counts once."""
    streak = RefusalStreak(5, 50)
    assert [bool(streak.add(n, FORBIDDEN)) for n in (1, 1, 1, 2, 3, 4, 5)] == [False] * 6 + [True]
    later = RefusalStreak(5, 50)
    later.broken(0.0)
    assert [bool(later.add(n, FORBIDDEN)) for n in range(50)] == [False] * 49 + [True]


def test_another_answer_ends_the_row() -> None:
    """A refusal of another kind, an item that is gone, one that is done: the permission is there."""
    for between in (Failure("403 other", "no", 403, "other"), GONE):
        streak = RefusalStreak(5, 50)
        assert not any(streak.add(n, FORBIDDEN) for n in range(4))
        assert streak.add(4, between) is None and streak.add(5, FORBIDDEN) is None
