"""What holds of the policy for outages whatever fails: requests into an outage, width amid scattered failures, and who pays.

Virtual time: workers ask for leave, a service answers or does not, and minutes are computed.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intercom_bulk_updater.ratelimit.outage import OutageDetector

STEADY = settings(max_examples=25, deadline=None, derandomize=True)


@dataclass
class World:
    """Workers that write items through an OutageDetector; `rate` of the writes fails, and from `begins` on for `lasts` s all do."""

    rate: float = 0.0
    begins: float = float("inf")
    lasts: float = 0.0
    only_writes: bool = False
    workers: int = 15
    latency: float = 0.1
    poison: frozenset[int] = frozenset()
    seed: int = 1
    now: float = 0.0
    sent: int = 0
    good: int = 0
    into: int = 0
    """Sent into the outage, once all that was sent before it has come back: until then nobody can know."""
    charged: dict[int, int] = field(default_factory=dict)
    """How often each item had to pay."""
    done: set[int] = field(default_factory=set)

    def run(self, seconds: float, items: int = 1_000_000) -> World:
        """Until then, or until every item is done or has paid four times."""
        rng = random.Random(self.seed)
        outage = OutageDetector(clock=lambda: self.now, spread=rng.uniform)
        numbers, fresh, queue = itertools.count(1), iter(range(items)), deque[int]()
        known, idle, watched = self.begins + 1.3 * self.latency, self.workers, True
        turns: list[tuple[float, int, tuple[float, bool, int] | None]] = [(0.0, 0, None)]
        while turns:
            self.now, number, flight = heapq.heappop(turns)
            if self.now > seconds or outage.verdict() is not None:
                break
            if flight is not None:
                sent, probe, item = flight
                away = self.begins <= sent < self.begins + self.lasts
                fails = (away and not (probe and self.only_writes)) or (not probe and (rng.random() < self.rate or item in self.poison))
                outage.answered(number, sent, "names" if probe else "action", 503 if fails else 200, subject=str(item))
                idle += 1
                if not probe:
                    self.good += not fails
                    self._settle(outage, item, fails, queue)
            watched = watched and flight is not None
            while idle:
                wait = outage.wait("action")
                if wait > 0:
                    if not watched:
                        heapq.heappush(turns, (self.now + max(0.05, min(wait, 0.5)), next(numbers), None))
                    watched = True
                    break
                queue.extend(itertools.islice(fresh, max(0, self.workers // 2 + 4 - len(queue))))
                if not queue:
                    break
                item = queue.popleft()
                number = next(numbers)
                probe = outage.admit(number, "action")
                if probe:
                    queue.appendleft(item)
                idle -= 1
                self.sent += not probe
                self.into += known < self.now < self.begins + self.lasts
                heapq.heappush(turns, (self.now + self.latency * rng.uniform(0.7, 1.3), number, (self.now, probe, item)))
        return self

    def _settle(self, outage: OutageDetector, item: int, fails: bool, queue: deque[int]) -> None:
        if not fails:
            self.done.add(item)
            return
        self.charged[item] = self.charged.get(item, 0) + (not outage.explains("action", str(item)))
        if self.charged[item] < 4:
            queue.append(item)


@STEADY
@given(
    rate=st.sampled_from([0.0, 0.0, 0.02, 0.1, 0.3, 0.5]),
    lasts=st.sampled_from([20.0, 180.0, 540.0]),
    only_writes=st.booleans(),
    workers=st.integers(1, 64),
    latency=st.floats(0.01, 1.0),
    seed=st.integers(0, 10_000),
)
def test_at_most_two_requests_a_second_into_an_outage(
    rate: float, lasts: float, only_writes: bool, workers: int, latency: float, seed: int
) -> None:
    """Whether everything is away or only writes, and however many failed before: two a second on average.

    That is besides what was in flight when it began. No item fails, and there is a good answer within six seconds of the end.
    """
    world = World(rate, 10.0, lasts, only_writes, workers, latency, seed=seed).run(10.0 + lasts)
    good, charged = world.good, world.charged
    assert world.into <= 2 * lasts
    if workers > 4 and not (rate and only_writes):
        assert max(charged.values(), default=0) < 4
    after = World(rate, 10.0, lasts, only_writes, workers, latency, seed=seed).run(10.0 + lasts + 6.0 + 20 * latency)
    assert after.good > good


@pytest.mark.parametrize(("workers", "latency", "seed"), [(4, 0.02, 0), (15, 0.1, 1), (32, 0.2, 2), (64, 1.0, 0)])
@pytest.mark.parametrize(("rate", "least"), [(0.02, 0.97), (0.1, 0.97), (0.3, 0.97), (0.5, 0.95), (0.8, 0.1)])
def test_a_service_that_answers_a_part_is_used_at_full_width(rate: float, least: float, workers: int, latency: float, seed: int) -> None:
    """Of what the workers could send nearly all is sent, and what fails of it is what the service fails; no item is charged."""
    seconds = 10_000 * latency / workers
    world = World(rate, workers=workers, latency=latency, seed=seed).run(seconds)
    assert world.sent >= least * seconds * workers / latency
    assert world.good / world.sent == pytest.approx(1 - rate, abs=0.03)
    assert max(world.charged.values(), default=0) < 4


@pytest.mark.parametrize("seed", range(3))
def test_a_service_that_answers_next_to_nothing_is_left_alone(seed: int) -> None:
    """With one good answer in a hundred, few more leave than single requests that ask whether it is back."""
    world = World(0.99, seed=seed).run(300.0)
    assert world.sent <= 2 * 300


@pytest.mark.parametrize(("poison", "rate"), [(1, 0.0), (1, 0.02), (1, 0.1), (1, 0.3), (1, 0.5), (24, 0.0)])
def test_what_always_fails_fails_soon_and_nothing_else_does(rate: float, poison: int) -> None:
    """Items that fail by themselves pay, amid any scattered failures, and those that fail with the service do not."""
    ill = frozenset(range(3, 120, 117 // poison)[:poison])
    world = World(rate, poison=ill).run(500.0, items=120)
    assert {item for item, times in world.charged.items() if times >= 4} == ill
    assert world.done == set(range(120)) - ill
