"""Several processes on one token in virtual time: they know each other by the ledger, and share one budget."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from budget_world import Server, World

SKEW = 1_487_332_503.3
LIMIT = 500


def world(clients: Any, limit: int = LIMIT, **options: Any) -> World:
    """Processes of 24 workers each that know each other; a quarter of `limit` is what each could send alone and more."""
    return World(Server(skew=SKEW, limit=limit), clients=clients, ledger=True, workers=24, **options)


def rates(one: World, seconds: float) -> list[float]:
    """Calls of each client in the next `seconds`, as parts of the limit that holds for that time."""
    before = [client.accepted for client in one.clients]
    one.run(seconds)
    whole = one.server.limit * seconds / one.server.length
    return [(client.accepted - then) / whole for client, then in zip(one.clients, before, strict=True)]


@pytest.mark.parametrize("number", [2, 4, 8])
def test_together_they_fill_every_window_as_one_would(number: int) -> None:
    """All of each window but what one process would leave, no 429, and none gets less than nine tenths of what is fair."""
    result = world(number).run(32.0)
    assert result.throttled == 0
    assert result.own >= 0.985  # 99.4 to 99.9 % of 1,667; five calls of 500 stay unspent for other reasons
    assert min(result.each) >= 0.9 / number * result.own


def test_alone_a_ledger_changes_nothing() -> None:
    """One process with a ledger sends what one without sends."""
    alone, without = world(1).run(32.0), World(Server(skew=SKEW, limit=LIMIT), workers=24).run(32.0)
    assert (alone.own, alone.throttled) == (without.own, without.throttled)


def test_who_needs_less_leaves_the_rest() -> None:
    """One process with a ceiling of 10 a second takes that, and the two others the same part each of what is left."""
    one = world([{"rate": 10.0}, {}, {}], limit=1667)
    one.run(20.0)
    slow, *fast = rates(one, 30.0)
    assert 0.85 * 100 / 1667 <= slow <= 100 / 1667  # nothing is left in the last 15 % of a window
    assert fast == pytest.approx([(1 - slow) / 2] * 2, rel=0.05)


def test_few_workers_leave_the_rest_too() -> None:
    """A process whose workers cannot send its part is no reason to hold the other back."""
    one = world([{"workers": 4}, {"workers": 40}], limit=1667)
    one.run(20.0)
    slow, fast = rates(one, 30.0)
    assert 0.85 * 0.16 <= slow <= 0.17  # 4 workers at 150 ms are 26 a second, of 167
    assert slow + fast >= 0.99


def test_shares_are_kept() -> None:
    """`--share` is the most of each run: 20 % and 30 % are kept to, and the third takes what is left."""
    one = world([{"share": 0.2}, {"share": 0.3}, {"workers": 60}], limit=1000)
    one.run(20.0)
    first, second, third = rates(one, 30.0)
    assert (first, second) == (pytest.approx(0.2, abs=0.005), pytest.approx(0.3, abs=0.02))
    assert first + second + third >= 0.985


@pytest.mark.parametrize("how", ["ends", "killed"])
def test_a_part_is_taken_over_within_a_second(how: str) -> None:
    """When one of two ends or is killed, the other has all within a second; and half again when one begins."""
    clients = [{}, {how: 33.0}, {"begins": 53.0}]
    one = World(Server(skew=1_487_332_500.0, limit=1000), clients=clients, ledger=True, workers=30)  # windows begin at 30 s, 40 s, 50 s
    one.run(31.0)
    full = 1 / 0.85  # the pace leaves the last 15 % of a window free
    assert rates(one, 2.0)[0] == pytest.approx(full / 2, rel=0.1)
    one.run(1.0)
    assert rates(one, 2.0)[0] >= 0.95 * full
    one.run(16.0)
    assert rates(one, 1.0)[0] == pytest.approx(full, rel=0.1)
    one.run(1.0)
    first, _, third = rates(one, 2.0)
    assert first == pytest.approx(third, rel=0.2)
    result = one.run(14.0)
    assert result.throttled == 0
    assert result.lowest >= 0.99


def test_strangers_are_left_theirs_by_all_together() -> None:
    """Beside a stranger who takes 20 %, three processes use nearly all of the rest; siblings are not taken for strangers."""
    result = world(3, competitor=(0.2, 0.2)).run(42.0)
    assert result.total >= 0.985
    assert result.other_rejected <= 0.03
    assert result.throttled <= 1


def test_answers_that_nobody_sees() -> None:
    """Where 95 of 100 answers show no headers to anybody, the calls of all count all the same."""
    result = world(3, bare=0.95).run(42.0)
    assert result.throttled == 0
    assert result.own >= 0.96


def test_no_headers_ever() -> None:
    """Blind, they divide nine tenths of the documented limit, and do not take it each."""
    result = World(Server(skew=SKEW, headers=0.0), clients=3, ledger=True, workers=24).run(32.0)
    assert result.throttled == 0
    assert 0.87 <= result.own <= 0.91


def test_a_refusal_that_the_window_does_not_explain_holds_all() -> None:
    """A limit that Remaining says nothing about is met by one volley, not by one for each process, and kept near together."""
    hidden = Server(skew=SKEW, limit=LIMIT, workspace=350)
    result = World(hidden, clients=3, ledger=True, workers=24).run(82.0)
    assert result.own >= 0.8 * 350 / LIMIT
    assert result.throttled <= 0.04 * result.answers
