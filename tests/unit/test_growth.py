"""How many workers there may be, on a clock of its own: a service that takes long, one that becomes slow, one that is overloaded."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from intercom_bulk_updater.engine.growth import FEW, SOME, Growth

WANTED = 450
"""So many the rate limit could use, whatever the latency is."""


def workers_over_time(
    latency_with: Callable[[float, int], float], *, seconds: float, wanted: Callable[[float], int] = lambda now: WANTED,
    unseen: float = 0.0, capacity: Callable[[float], float] = lambda now: math.inf, boundless: bool = False,
) -> list[int]:
    """The number of workers at each look (five a second); `latency_with(time, workers)` is what an answer takes then.

    `wanted` is how many there would be by the limit; for `unseen` seconds no answer is counted yet. This process
    handles `capacity` answers a second at each moment. The first latency is known from the requests that a run begins with.
    """
    growth, workers, finished, smoothed = Growth(1024), 15, 0.0, latency_with(0.0, 1)
    seen = []
    for tick in range(int(seconds * 5)):
        now = tick / 5
        latency = latency_with(now, workers)
        answers = min(workers / latency, capacity(now)) / 5 if now >= max(latency, unseen) else 0.0
        finished += answers
        smoothed += (latency - smoothed) * min(1.0, answers / 8)
        most = growth.most(now, latency=smoothed, finished=int(finished), workers=workers, wanted=wanted(now), boundless=boundless)
        workers = min(wanted(now), most, 2 * workers) if most >= workers else most
        seen.append(workers)
    return seen


def test_answers_that_take_long_get_as_many_as_are_wanted() -> None:
    """With 2 s from the first answer on, all that the limit can use are there within the first seconds."""
    seen = workers_over_time(lambda now, workers: 2.0, seconds=20)
    assert seen[5] == WANTED and min(seen[5:]) == WANTED


def test_a_service_that_becomes_slow_is_followed() -> None:
    """From 150 ms to 2 s in the midst of a run: step by step, as each brings more answers."""
    seen = workers_over_time(lambda now, workers: 0.15 if now < 30 else 2.0, seconds=90)
    assert seen[-1] == WANTED


@pytest.mark.parametrize("capacity", [250, 1200])
def test_what_is_overloaded_is_not_given_more(capacity: int) -> None:
    """Where so many answers a second are all that can be had, more workers make each of them take longer, and are let go again."""
    seen = workers_over_time(lambda now, workers: max(0.01, workers / capacity), seconds=600)
    assert max(seen) <= 1.5 * FEW
    assert sum(number > FEW for number in seen) < 0.2 * len(seen)


def test_quick_answers_are_waited_for_before_there_are_more() -> None:
    """Nothing limits, and this machine is busy: no answer is counted for 0.8 s, and then each takes as much longer as there are more."""
    seen = workers_over_time(lambda now, workers: max(0.01, workers / 600), seconds=120, wanted=lambda now: 1000, unseen=0.8)
    assert max(seen[:4]) <= SOME
    assert max(seen) <= 4 * SOME
    assert sum(number > SOME for number in seen) < 0.2 * len(seen)


def test_very_many_come_only_once_each_that_is_there_has_had_an_answer() -> None:
    """A thousand are of use, and nothing is known yet: 128 at first, the others as answers say that they take no longer."""
    seen = workers_over_time(lambda now, workers: 2.0, seconds=20, wanted=lambda now: 1000, unseen=3.0)
    assert max(seen[:15]) == FEW
    assert min(seen[50:]) == 1000


def test_what_becomes_too_many_is_tried_once() -> None:
    """The answers are as slow with 64 as there are too many of them: 32 stay, and 64 do not come and go without end."""
    seen = workers_over_time(lambda now, workers: max(0.01, workers / 1200), seconds=60)
    assert sum(after > before for before, after in pairwise(seen)) <= 5


def test_a_service_that_becomes_slow_is_followed_from_few_and_what_has_paid_stays() -> None:
    """25 are wanted at 150 ms, 330 at 2 s: they come step by step while each brings nearly a third more, and stay."""
    seen = workers_over_time(
        lambda now, workers: 0.15 if now < 30 else 2.0, seconds=200, wanted=lambda now: 25 if now < 30 else 330
    )
    assert max(seen[:150]) == 25
    assert min(seen[500:]) >= 288


def test_where_nothing_limits_and_answers_come_at_once_few_do_all_that_this_process_can() -> None:
    """Its processor is the limit: more workers wait for it before they send, so that no answer takes longer. The first search did."""
    seen = workers_over_time(
        lambda now, workers: 0.01 if now else 0.4, seconds=120, wanted=lambda now: 1000, unseen=0.5, boundless=True,
        capacity=lambda now: 500 + 300 * (now // 3 % 4),  # what else this machine does comes and goes, so that trials seem to pay
    )
    assert max(seen) == SOME


def test_where_nothing_limits_more_come_while_they_bring_more_answers() -> None:
    """200 ms an answer: 32 workers bring 160 a second."""
    seen = workers_over_time(lambda now, workers: 0.2, seconds=60, wanted=lambda now: 1000, boundless=True)
    assert seen[-1] >= 400


def test_where_nothing_limits_a_service_that_is_busy_is_not_given_more() -> None:
    """Half a second for each answer at first, because of its searches, and 300 answers a second in all: no thousand workers."""
    seen = workers_over_time(
        lambda now, workers: max(0.5 if now < 8 else 0.05, workers / 300), seconds=60, wanted=lambda now: 1000, boundless=True
    )
    assert max(seen) <= 200
