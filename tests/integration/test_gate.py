"""The gate with real threads and a real, small clock; only counts and order are asserted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from intercom_bulk_updater.errors import DeadlineReached, Interrupted, RunStopped
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.ratelimit.permit import Permit
from intercom_bulk_updater.stop import Stop


class Window:
    """A server with a fixed window of one second."""

    def __init__(self, limit: int) -> None:
        self.limit, self.counts, self.refused = limit, dict[int, int](), 0
        self.lock = threading.Lock()

    def call(self) -> tuple[bool, dict[str, str]]:
        time.sleep(0.005)
        with self.lock:
            window = int(time.time())
            used = self.counts.get(window, 0)
            accepted = used < self.limit
            if accepted:
                self.counts[window] = used = used + 1
            else:
                self.refused += 1
        time.sleep(0.005)
        return accepted, {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.limit - used),
            "x-ratelimit-reset": str(window + 1),
        }


def threads(count: int, what: Callable[[], None]) -> list[threading.Thread]:
    started = [threading.Thread(target=what, daemon=True) for _ in range(count)]
    for thread in started:
        thread.start()
    return started


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come true."""
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it never came true")


def blocked_gate(stop: Stop | None = None) -> tuple[RateLimiter, Budget, Permit]:
    """A gate whose scout is out: everybody else has to wait until it is back."""
    budget = Budget()
    gate = RateLimiter(budget, stop or Stop())
    return gate, budget, gate.enter("action")


PLENTY = {"x-ratelimit-limit": "100000", "x-ratelimit-remaining": "99999", "x-ratelimit-reset": "1487332510"}


def test_thirty_two_threads_on_a_small_window() -> None:
    """Threads that hammer the gate through several windows are let through in each, and as good as none is refused.

    How much of a window is used is measured on a clock of its own (tests/unit/test_budget_world.py) and by the benchmarks.
    """
    server, stop = Window(150), Stop()
    gate = RateLimiter(Budget(), stop)

    def work() -> None:
        try:
            while True:
                permit = gate.enter("action")
                accepted, headers = server.call()
                if accepted:
                    gate.leave(permit, status=200, headers=headers)
                else:
                    gate.throttled(permit, headers=headers, kind="window")
        except RunStopped:
            pass

    workers = threads(32, work)
    until(lambda: len(server.counts) >= 5)
    stop.ask(RunStopped())
    for worker in workers:
        worker.join(5)
    assert not any(worker.is_alive() for worker in workers)
    full = sorted(server.counts)[1:-1]
    assert server.refused <= 2  # a machine that stalls for a window's tenth may cost one
    assert all(0 < server.counts[w] <= 150 for w in full)
    assert gate.waiting == 0


def test_first_come_first_served() -> None:
    """Threads get their permits in the order in which they came. Several may get theirs together, and run on in any order."""
    gate, _, scout = blocked_gate()
    permits: dict[int, int] = {}

    def come(number: int) -> None:
        permit = gate.enter("action")
        permits[permit.number] = number
        gate.leave(permit, status=200, headers=PLENTY)

    started = []
    for number in range(8):
        started.append(threading.Thread(target=come, args=(number,), daemon=True))
        started[-1].start()
        until(lambda n=number: gate.waiting == n + 1)  # type: ignore[misc]
    gate.leave(scout, status=None, headers=None)  # without headers the next one is a scout too: one by one
    for thread in started:
        thread.join(5)
    assert [permits[number] for number in sorted(permits)] == list(range(8))


def test_searches_go_first() -> None:
    """A search that comes last gets through before all actions that wait."""
    gate, _, scout = blocked_gate()
    order: list[str] = []

    def come(purpose: str) -> None:
        permit = gate.enter(purpose)
        assert permit.purpose == purpose
        order.append(purpose)
        gate.leave(permit, status=None, headers=None)

    started = []
    for number, purpose in enumerate(["action", "read", "action", "search"]):
        started.append(threading.Thread(target=come, args=(purpose,), daemon=True))
        started[-1].start()
        until(lambda n=number: gate.waiting == n + 1)  # type: ignore[misc]
    gate.leave(scout, status=None, headers=None)
    for thread in started:
        thread.join(5)
    assert order == ["search", "action", "read", "action"]


def test_nobody_holds_the_lock_while_waiting() -> None:
    """While threads wait, answers are settled and the state is read."""
    gate, _, scout = blocked_gate()
    started = threads(3, lambda: gate.leave(gate.enter("action"), status=200, headers=PLENTY))
    until(lambda: gate.waiting == 3)
    assert gate.state().mode == "scout"
    assert gate.wanted_workers() > 0
    gate.leave(scout, status=200, headers=PLENTY)
    for thread in started:
        thread.join(5)
    assert gate.state().mode == "window"
    assert gate.waiting == 0


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Interrupted("by hand", signal_number=15), Interrupted),
        (DeadlineReached(), DeadlineReached),
        (ValueError("something else"), RunStopped),
    ],
)
def test_stop_wakes_everybody(reason: Exception, kind: type[RunStopped]) -> None:
    """Stop ends every wait with its reason, as an error of the RunStopped family that carries it as its cause."""
    stop = Stop()
    gate, _, _ = blocked_gate(stop)
    raised: list[BaseException] = []

    def come() -> None:
        try:
            gate.enter("action")
        except BaseException as exc:
            raised.append(exc)

    started = threads(5, come)
    until(lambda: gate.waiting == 5)
    stop.ask(reason)
    for thread in started:
        thread.join(5)
    assert [type(exc) for exc in raised] == [kind] * 5
    assert all(exc.__cause__ is reason for exc in raised)
    assert len({id(exc) for exc in raised}) == 5
    assert gate.waiting == 0
    with pytest.raises(kind):
        gate.enter("search")


def test_interrupted_keeps_its_signal() -> None:
    """What is raised of an Interrupted still says which signal it was."""
    stop = Stop()
    stop.ask(Interrupted("TERM", signal_number=15))
    with pytest.raises(Interrupted, match="TERM") as caught:
        RateLimiter(Budget(), stop).enter("action")
    assert caught.value.signal_number == 15


def test_a_deadline_ends_the_wait() -> None:
    """A deadline that passes while somebody waits ends that wait."""
    gate, _, _ = blocked_gate(Stop(deadline=0.05))
    with pytest.raises(DeadlineReached):
        gate.enter("action")


def test_an_interrupt_in_the_midst_leaves_the_queue_in_order() -> None:
    """When a waiting thread is torn away (Ctrl-C), the others still get through."""
    gate, budget, scout = blocked_gate()
    torn = threading.Event()
    keep = budget.ask

    def ask(purpose: str = "action") -> Permit | float:
        if purpose == "read" and not torn.is_set():
            torn.set()
            raise KeyboardInterrupt
        return keep(purpose)

    budget.ask = ask  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        gate.enter("read")
    started = threads(3, lambda: gate.leave(gate.enter("action"), status=200, headers=PLENTY))
    until(lambda: gate.waiting == 3)
    gate.leave(scout, status=200, headers=PLENTY)
    for thread in started:
        thread.join(5)
    assert gate.waiting == 0


def test_full_speed_when_the_budget_is_abundant() -> None:
    """With a budget out of reach nobody ever waits on the clock: ten thousand passages through one gate."""
    gate, _, scout = blocked_gate()
    gate.leave(scout, status=200, headers=PLENTY)
    passed = []

    def come() -> None:
        for _ in range(1250):
            permit = gate.enter("action")
            gate.leave(permit, status=200, headers=PLENTY)
            passed.append(permit.number)

    for thread in threads(8, come):
        thread.join(20)
    assert sorted(passed) == list(range(2, 10_002))
