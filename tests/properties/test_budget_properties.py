"""What holds of the budget whatever the network does."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.permit import Permit

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from budget_world import Client, Server, World

STEADY = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

phases = st.floats(0, 10)
skews = st.floats(-100, 100)
least = st.floats(0.001, 0.4)
spread = st.floats(0, 0.4)
headers = st.fixed_dictionaries(
    {},
    optional={
        "x-ratelimit-limit": st.one_of(st.integers(-5, 2000).map(str), st.text(max_size=5)),
        "x-ratelimit-remaining": st.one_of(st.integers(-5, 2000).map(str), st.text(max_size=5)),
        "x-ratelimit-reset": st.one_of(
            st.integers(1_487_332_500, 1_487_332_560).map(str), st.integers(-5, 10**12).map(str), st.text(max_size=5)
        ),
        "retry-after": st.one_of(st.integers(-1, 20).map(str), st.text(max_size=5)),
    },
)


@STEADY
@given(
    limit=st.integers(1, 300),
    phase=phases,
    skew=skews,
    least=least,
    spread=spread,
    workers=st.integers(1, 80),
    dates=st.booleans(),
    bare=st.sampled_from([0.0, 0.0, 0.5, 0.95]),
    missing=st.sampled_from([0.0, 0.0, 0.3]),
    seed=st.integers(0, 1000),
)
def test_never_more_than_the_window_holds(
    limit: int,
    phase: float,
    skew: float,
    least: float,
    spread: float,
    workers: int,
    dates: bool,
    bare: float,
    missing: float,
    seed: int,
) -> None:
    """Alone on a fixed window with honest headers, no request is ever refused: any limit, phase, skew, latency, number
    of workers, with or without Date, and whatever part of the answers is never seen after the first."""
    server = Server(limit=limit, skew=1_487_332_500 + phase + skew, dates=dates, headers=1.0 - missing, first=True)
    world = World(server, workers=workers, latency=(least, least + spread), bare=bare, seed=seed)
    result = world.run(33.0)
    assert result.throttled == 0


@STEADY
@given(
    length=st.sampled_from([1.0, 2.0, 5.0, 10.0]),
    per_second=st.integers(1, 40),
    phase=phases,
    least=least,
    spread=st.floats(0, 0.1),
    workers=st.integers(1, 40),
    seed=st.integers(0, 1000),
)
def test_it_always_goes_on(length: float, per_second: int, phase: float, least: float, spread: float, workers: int, seed: int) -> None:
    """No wait, and no pause between two requests, is longer than the longest of these windows."""
    server = Server(limit=round(per_second * length), length=length, skew=1_487_332_500 + phase)
    world = World(server, workers=workers, latency=(least, least + spread), seed=seed)
    world.run(35.0)
    assert not world.waits or max(world.waits) <= 10.5
    sent = [0.0, *_sent(world.clients[0]), 35.0]
    assert max(later - earlier for earlier, later in zip(sent, sent[1:], strict=False)) <= 11


@STEADY
@given(st.lists(st.tuples(st.sampled_from(["answer", "none", "429", "overload"]), headers, st.floats(0, 15)), max_size=40))
def test_no_headers_can_stop_it(events: list[tuple[str, dict[str, str], float]]) -> None:
    """Whatever headers come, with whatever status and at whatever times, a permit can be had again: after at most an hour,
    the longest Retry-After that is believed."""
    now = [1000.0]
    budget = Budget(clock=lambda: now[0])
    for kind, told, later in events:
        permit = _permit(budget, now)
        now[0] += later
        if kind == "429":
            assert budget.throttled(permit, headers=told, kind="window") >= 0
        elif kind == "overload":
            assert budget.throttled(permit, headers=told, kind="overload") >= 0
        else:
            budget.answered(permit, headers=told if kind == "answer" else None, server_date=None)
        state = budget.state()
        assert state.used >= 0
        assert state.remaining is None or state.remaining >= 0
        assert budget.wanted_workers() >= 1
    _permit(budget, now)


def _permit(budget: Budget, now: list[float]) -> Permit:
    until = now[0] + 3 * 3600
    while now[0] <= until:
        answer = budget.ask()
        if isinstance(answer, Permit):
            return answer
        assert answer > 0
        now[0] += answer
    raise AssertionError("no permit within three hours")


@STEADY
@given(share=st.floats(0.05, 1.0), limit=st.integers(20, 400), phase=phases, seed=st.integers(0, 1000))
def test_the_share_is_never_exceeded(share: float, limit: int, phase: float, seed: int) -> None:
    """No window ever sees more than our share of it, but for what was in the air at its boundary."""
    world = World(Server(limit=limit, skew=1_487_332_500 + phase), workers=20, share=share, seed=seed)
    world.run(32.0)
    assert max(world.server.own.values()) <= max(1, share * limit) + 20


@STEADY
@given(rate=st.floats(0.5, 40.0), phase=phases, seed=st.integers(0, 1000))
def test_the_rate_is_never_exceeded(rate: float, phase: float, seed: int) -> None:
    """In any stretch of time no more permits are given than the rate allows, but for one and a twentieth of a second."""
    world = World(Server(limit=5000, skew=1_487_332_500 + phase), workers=30, rate=rate, seed=seed)
    world.run(12.0)
    times: list[float] = [t for client in world.clients for t in _sent(client)]
    for first in range(0, len(times), 7):
        for last in range(first + 1, len(times), 11):
            allowed = (times[last] - times[first] + 0.06) * rate + 2
            assert last - first <= allowed


def _sent(client: Client) -> list[float]:
    return client.permits
