"""The budget against whole servers in virtual time: what the server sees, window by window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from budget_world import Server, World

SKEW = 1_487_332_503.3
LIMIT = 500
"""Calls per window where the number does not matter: a third of the real limit costs a third of the time."""


def run(seconds: float = 42.0, *, server: dict[str, Any] | None = None, **options: Any) -> tuple[World, Any]:
    world = World(Server(**{"skew": SKEW, "limit": LIMIT, **(server or {})}), **options)
    return world, world.run(seconds)


@pytest.mark.parametrize("workers", [28, 64])
def test_alone_it_fills_every_window_without_a_429(workers: int) -> None:
    """1,667 per ten seconds at 150 ± 50 ms: at least 99.5 % of every full window, and no 429."""
    _, result = run(server={"limit": 1667}, workers=workers)
    assert result.lowest >= 0.995
    assert result.throttled == 0


def test_few_workers_are_never_held_back() -> None:
    """15 workers at 150 ms can send 100 a second, and do: the pace is not what limits them."""
    _, result = run(22.0, server={"limit": 1667}, workers=15)
    assert result.own == pytest.approx(0.6, abs=0.01)


def test_the_first_window_is_used_too() -> None:
    """A run that begins in the midst of a window spends what is left of it, as far as its workers can."""
    world, _ = run(12.0, server={"limit": 1667}, workers=64)
    first = min(world.server.own)
    assert world.server.own[first] >= 0.9 * 1667


@pytest.mark.parametrize(
    "faults",
    [
        {"skew": SKEW + 45},
        {"skew": SKEW - 45},
        {"dates": False},
        {"nodes": (-0.1, -0.03, 0.04, 0.1)},
        {"headers": 0.95},
        {"headers": 0.5},
        {"garbage": 0.1},
        {"limit": 166},
    ],
    ids=lambda f: " ".join(f"{k}={v}" for k, v in f.items()),
)
def test_faults_of_the_server(faults: dict[str, Any]) -> None:
    """Skewed clocks, several nodes, missing or broken headers: 97 % of every window, and no 429."""
    _, result = run(server=faults)
    assert result.lowest >= 0.97
    assert result.own >= 0.975
    assert result.throttled == 0


@pytest.mark.parametrize("length", [1.0, 2.0, 5.0, 30.0])
def test_other_window_lengths_are_learned(length: float) -> None:
    """The length of the windows is read off successive Resets: at least 96 % of the limit, and no 429."""
    world, result = run(
        max(14.0, 3.5 * length),
        server={"length": length, "limit": round(60 * length)},
        latency=(0.05, 0.1),
    )
    assert world.clients[0].budget.state().window_seconds == length
    assert result.own >= 0.96
    assert result.throttled == 0


def test_tiny_limit() -> None:
    """Ten calls a window are all used once it is known that Remaining is exact, without a 429."""
    world, result = run(95.0, server={"limit": 10}, workers=15)
    assert result.throttled == 0
    last = sorted(world.server.own)[-3:-1]
    assert [world.server.own[w] for w in last] == [10, 10]


def test_huge_limit_runs_at_full_speed() -> None:
    """A limit out of reach does not slow anybody down: 16 workers at 4-6 ms send their 3,200 a second."""
    world, result = run(3.0, server={"limit": 1_000_000}, latency=(0.004, 0.006), workers=16)
    assert result.answers / 3.0 >= 0.97 * 3200
    assert not world.waits or max(world.waits) <= 0.05


def test_bare_requests() -> None:
    """When 99 of 100 answers are never seen (an updater's own HTTP library), 97 % are still used, without a 429."""
    _, result = run(bare=0.99)
    assert result.own >= 0.97
    assert result.throttled == 0


def test_only_the_first_search_page_has_headers() -> None:
    """One answer with headers at the start is enough to keep within the limit for the next minute."""

    class Once(Server):
        def told(self, *args: Any) -> dict[str, str] | None:
            headers = super().told(*args)
            self.headers = 0.0
            return headers

    world = World(Once(skew=SKEW, limit=LIMIT))
    result = world.run(60.0)
    assert result.own >= 0.9
    assert result.throttled <= 5


def test_no_headers_ever() -> None:
    """Without any header the budget runs blind, at nine tenths of the documented limit."""
    _, result = run(22.0, server={"limit": 1667, "headers": 0.0})
    assert 0.88 <= result.own <= 0.91
    assert result.throttled == 0


@pytest.mark.parametrize("kind", ["log", "bucket"])
def test_sliding_reset_is_recognised(kind: str) -> None:
    """When Reset slides along as now + length there are no windows: steady nine tenths, and no 429 storm."""
    world, result = run(52.0, server={"kind": kind})
    assert world.clients[0].budget.state().mode == "blind"
    assert result.own >= 0.88
    assert result.throttled <= 2


def test_flickering_reset() -> None:
    """A Reset that wavers by a second within one window is still one window."""
    world, result = run(server={"flicker": True})
    assert world.clients[0].budget.state().window_seconds == 10
    assert result.own >= 0.98
    assert result.throttled <= 60  # until it is known


def test_remaining_one_too_high() -> None:
    """A Remaining that is one too high costs no 429: one call is left unspent for good."""
    _, result = run(server={"excess": 1})
    assert result.throttled == 0
    assert result.own >= 0.99


def test_limit_changes() -> None:
    """A limit lowered in mid-run is followed within the window: only what was in the air is refused."""

    def change(server: Server, now: float) -> None:
        server.limit = LIMIT if now < 26 else 300

    _, result = run(52.0, server={"change": change})
    assert result.throttled <= 70
    assert result.own >= 0.97


def test_hidden_workspace_limit() -> None:
    """A limit that Remaining says nothing about is found and kept near: few refusals, most of it used."""
    _, result = run(82.0, server={"workspace": 350})
    assert result.own >= 0.85 * 350 / LIMIT
    assert result.throttled <= 0.03 * result.answers


@pytest.mark.parametrize("by", [300.0, -3605.0, 7.0])
def test_suspended_machine_and_clocks_set(by: float) -> None:
    """After the machine slept, or the server's clock was set, the next windows are filled as before."""
    world = World(Server(skew=SKEW, limit=LIMIT))
    world.run(24.0)
    world.server.skew += by
    world.run(10.0)
    before = sum(world.server.rejected.values())
    result = world.run(32.0)
    windows = sorted(world.server.own)[-3:-1]
    assert min(world.server.own[w] for w in windows) >= 0.975 * LIMIT
    assert result.throttled == before


def test_drifting_clock() -> None:
    """A clock that runs 150 ppm fast or slow changes nothing."""
    for drift in (1.5e-4, -1.5e-4):
        world = World(Server(skew=SKEW, limit=LIMIT))
        world.drift = drift
        result = world.run(42.0)
        assert (result.throttled, result.lowest >= 0.98) == (0, True)


def test_share_is_kept_to_the_call() -> None:
    """share=0.4 uses forty of every hundred calls of every window, and never one more."""
    world, result = run(share=0.4)
    assert 0.39 <= result.own <= 0.4
    assert max(world.server.own.values()) <= 0.4 * LIMIT + 1


def test_two_processes_share() -> None:
    """Two processes that know nothing of each other use 96 % together, each at least a third, without a 429."""
    _, result = run(62.0, clients=2, workers=32)
    assert result.own >= 0.96
    assert min(result.each) >= 0.33
    assert result.throttled == 0


def test_polite_to_others() -> None:
    """Beside a competitor that wants 0-40 % everything is used, and few of its calls find the window empty."""
    _, polite = run(42.0, server={"limit": 1667}, competitor=(0.0, 0.4))
    _, greedy = run(42.0, server={"limit": 1667}, competitor=(0.0, 0.4), polite=0.0)
    assert polite.total >= 0.99
    assert polite.throttled <= 6
    assert polite.other_rejected <= 0.04 < greedy.other_rejected


def test_polite_but_not_starved() -> None:
    """Beside a competitor that wants nearly everything, half the limit is still ours as far as it can be had."""
    _, result = run(52.0, competitor=(0.9, 0.9))
    assert result.own >= 0.3


def test_windows_are_reported_as_the_server_counted_them() -> None:
    """The account of each full window equals what the server saw of it."""
    world, _ = run(62.0, competitor=(0.1, 0.3))
    full = [use for use in world.reports if use.full]
    assert len(full) >= 4
    for use in full:
        window = use.reset // 10 - 1
        assert use.own == world.server.own[window]
        assert use.others == pytest.approx(world.server.other[window], abs=10)


def test_a_window_without_work_is_not_full() -> None:
    """A window in which nobody wanted anything for a while is not reported as full."""
    world = World(Server(skew=SKEW, limit=LIMIT), workers=64)
    world.run(20.0)
    client = world.clients[0]
    idle, client.idle = client.idle, -1000
    world.run(5.0)
    client.idle += 1000 + idle
    client.go()
    world.run(20.0)
    assert [use.full for use in world.reports].count(False) == 2  # the first, and the one with the gap
