"""How many workers there may be, on a clock of its own: a service that takes long, one that becomes slow, one that is overloaded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from intercom_bulk_updater.engine.growth import FEW, Growth

WANTED = 450
"""So many the rate limit could use, whatever the latency is."""


def workers_over_time(latency_with: Callable[[float, int], float], *, seconds: float) -> list[int]:
    """The number of workers at each look (five a second); `latency_with(time, workers)` is what an answer takes then."""
    growth, workers, finished, smoothed = Growth(1024), 15, 0.0, 0.02
    seen = []
    for tick in range(int(seconds * 5)):
        now = tick / 5
        latency = latency_with(now, workers)
        answers = workers / latency / 5 if now >= latency else 0.0
        finished += answers
        smoothed += (latency - smoothed) * min(1.0, answers / 8)
        most = growth.most(now, latency=smoothed, finished=int(finished), workers=workers)
        workers = min(WANTED, most, 2 * workers) if most >= workers else most
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
