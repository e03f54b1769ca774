"""A service that is away, on a clock of its own: minutes are computed and not waited for."""

from __future__ import annotations

import heapq
import itertools
import random

import pytest

from intercom_bulk_updater.ratelimit.headers import retry_after
from intercom_bulk_updater.ratelimit.outage import FIRST_PATIENCE, AwayReason, OutageDetector
from intercom_bulk_updater.ratelimit.request_class import SUBJECTS


class World:
    """Workers that ask an OutageDetector for leave, and a service that is away from `begins` to `ends`."""

    def __init__(self, *, begins: float = 5.0, lasts: float = 20.0, told: bool = False, patience: float = 600.0) -> None:
        self.now = 0.0
        self.begins, self.ends, self.told = begins, begins + lasts, told
        rng = random.Random(1)
        self.outage = OutageDetector(patience, lambda: self.now, rng.uniform)
        self.refused: list[float] = []
        self.done: list[float] = []
        self.excused = self.charged = 0

    def run(self, *, items: int, workers: int = 15, latency: float = 0.1) -> None:
        """Until every item is done, or patience is over."""
        numbers = itertools.count(1)
        turns = [(0.001 * worker, worker, worker) for worker in range(workers)]
        left, order = items, workers
        flying: dict[int, tuple[int, float, bool]] = {}
        while turns and left > 0:
            self.now, _, worker = heapq.heappop(turns)
            order += 1
            if worker in flying:
                number, sent, probe = flying.pop(worker)
                left -= self._answer(number, sent, probe)
            wait = self.outage.wait("action")
            if wait > 0:
                if self.outage.verdict() is not None:
                    return
                heapq.heappush(turns, (self.now + min(wait, 0.5), order, worker))
                continue
            number = next(numbers)
            probe = self.outage.admit(number, "action")
            flying[worker] = number, self.now, probe
            heapq.heappush(turns, (self.now + latency, order, worker))

    def _answer(self, number: int, sent: float, probe: bool) -> int:
        purpose = "read" if probe else "action"
        if self.begins <= sent < self.ends:
            self.refused.append(sent)
            self.outage.answered(number, sent, purpose, 503, wait=self.ends - self.now if self.told else None, subject=str(number))
            if not probe:
                self.excused += self.outage.explains("action")
                self.charged += not self.outage.explains("action")
            return 0
        self.outage.answered(number, sent, purpose, 200)
        if not probe:
            self.done.append(self.now)
        return not probe


@pytest.mark.parametrize("told", [True, False], ids=["with Retry-After", "without"])
@pytest.mark.parametrize("lasts", [20.0, 180.0, 540.0])
def test_an_outage_is_waited_out(lasts: float, told: bool) -> None:
    """Outages of 20 s, 3 min and 9 min: all is done, at most two requests a second leave meanwhile, and it is soon seen to be over."""
    world = World(lasts=lasts, told=told)
    world.run(items=2000)
    assert len(world.done) == 2000
    assert len(world.refused) <= 2 * lasts
    after = [at for at in world.done if at > world.ends]
    assert after and after[0] - world.ends <= 6.0
    seconds = [int(at) for at in world.refused if at > world.begins + 1]
    assert all(seconds.count(second) <= 2 for second in set(seconds))
    if told:
        assert len(world.refused) <= 16  # what was in the air, and nothing more


def test_patience_has_an_end() -> None:
    """After ten minutes without a good answer the run is told to stop, with the last failure in the words."""
    world = World(lasts=10_000.0)
    world.run(items=2000)
    over = world.outage.verdict()
    assert over is not None and over.exit_code == 7
    assert "10 minutes" in over.message
    assert 600 <= world.now - world.begins <= 606


def test_a_time_beyond_patience_ends_the_run_at_once() -> None:
    """Who is asked to wait for an hour and has patience for ten minutes is told the time, and stops."""
    world = World(lasts=3600.0, told=True)
    world.run(items=2000)
    over = world.outage.verdict()
    assert over is not None and "asks to wait until" in over.message and "longer than the patience" in over.message
    assert world.now < world.begins + 1


def test_one_failure_amid_successes_is_no_outage() -> None:
    """Single failures, and two in a row, leave the door open: they are retries of their items."""
    now = 0.0
    outage = OutageDetector(clock=lambda: now)
    for number in range(0, 60, 3):
        now += 1
        outage.answered(number, now, "action", 200)
        outage.answered(number + 1, now, "action", 500)
        outage.failed(number + 2, now, "action", connected=True)
        assert not outage.is_away and outage.wait("action") == 0 and not outage.explains("action")


def test_what_was_in_the_air_does_not_end_an_outage() -> None:
    """A good answer to a request that was sent before the trouble began says nothing about now."""
    now = 10.0
    outage = OutageDetector(clock=lambda: now)
    outage.answered(1, 9.0, "action", 503, wait=20.0)
    outage.answered(2, 9.5, "action", 200)
    assert outage.explains("action") and outage.wait("action") == pytest.approx(20.0)
    now = 31.0
    assert outage.admit(3, "action")
    outage.answered(3, 31.0, "read", 200)
    assert not outage.is_away


def test_a_refusal_that_is_heard_after_the_end_of_the_outage_is_excused() -> None:
    """Another thread had heard already that the service was back, and the item paid for it."""
    now = 0.0
    outage = OutageDetector(clock=lambda: now)
    for number in range(1, 6):
        outage.admit(number, "action")
    for number in (1, 2, 3):
        outage.answered(number, 0.0, "action", 503, wait=1.0, subject=f"item {number}")
    assert outage.is_away
    now = 2.0
    assert outage.admit(9, "names")
    outage.answered(9, 2.0, "names", 200)
    assert not outage.is_away
    outage.answered(4, 0.0, "action", 503, subject="item 4")
    assert outage.explains("action", "item 4")
    assert not outage.explains("action", "item 4"), "once"
    assert not outage.explains("action", "item 5")


def test_a_probe_that_is_on_its_way_is_not_forgotten() -> None:
    """Another's good answer while a probe flies does not make all calm: the probe would never be settled, and nobody let through."""
    now = 10.0
    outage = OutageDetector(clock=lambda: now)
    outage.answered(1, now, "action", 500)
    assert outage.admit(2, "read", probe=True)
    outage.answered(3, now, "action", 200)
    assert not outage.calm
    outage.answered(2, now, "read", 200)
    for number in range(4, 7):
        outage.answered(number, now, "action", 500)
    assert outage.is_suspected and outage.wait("read") == 0.0


def test_without_a_connection_ever_patience_is_short() -> None:
    """Where nothing has answered yet an address is wrong more often than a service is away: half a minute."""
    now = 0.0
    outage = OutageDetector(clock=lambda: now)
    for number in range(100):
        outage.failed(number, now, "read", connected=False, problem="There is no connection.")
        if outage.verdict() is not None:
            break
        now += 1.0
        outage.admit(number + 1, "read")
    assert now == FIRST_PATIENCE
    state = outage.state()
    assert state is not None and state.reason is AwayReason.UNREACHABLE


def test_probes_that_are_answered_while_writes_are_not() -> None:
    """Writes refused by a gateway item after item go one at a time and cost no item anything; a single item pays for itself."""
    for items, excused in ((SUBJECTS, True), (1, False)):
        now = 0.0
        outage = OutageDetector(clock=lambda: now)  # noqa: B023 - it is over before the next turn
        for number in range(8):
            now += 1
            outage.answered(number, now, "action", 503, subject=f"conversations/{number % items}/parts")
        assert outage.is_suspected and outage.explains("action") is excused
        outage.admit(100, "action")
        outage.answered(100, now, "read", 200)  # the probe
        assert not outage.is_away and outage.explains("action") is excused
        assert outage.wait("read") == 0.0
        outage.admit(101, "action")
        assert outage.wait("action") > 0  # one at a time
        outage.answered(101, now, "action", 200)
        assert outage.wait("action") == 0.0


def test_nothing_but_429_becomes_a_service_that_is_away() -> None:
    """A volley of 429s is one refusal; three rounds of them with nothing good in between lead to single probes."""
    now = 100.0
    outage = OutageDetector(clock=lambda: now)
    for number in range(30):
        outage.answered(number, 99.9, "action", 429)
    assert not outage.is_away
    for number in range(30, 33):
        now += 10
        outage.answered(number, now - 0.1, "action", 429)
    assert outage.is_away
    assert outage.admit(50, "action")
    outage.answered(50, now, "read", 429)
    state = outage.state()
    assert state is not None and state.reason is AwayReason.THROTTLED


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("20", None, 20.0),
        ("Thu, 26 Nov 2026 14:00:20 GMT", "Thu, 26 Nov 2026 14:00:00 GMT", 20.0),
        ("Thu, 26 Nov 2026 14:00:00 GMT", "Thu, 26 Nov 2026 14:00:20 GMT", 0.0),
        ("3600", None, 3600.0),
        ("-5", None, None),
        ("soon", None, None),
        ("1e300", None, None),
        ("Thu, 99 Nov 2026", "Thu, 26 Nov 2026 14:00:20 GMT", None),
    ],
)
def test_retry_after(value: str, date: str | None, seconds: float | None) -> None:
    """Seconds, or a moment by the server's own clock; what is neither says nothing."""
    headers = {"retry-after": value} | ({"date": date} if date else {})
    assert retry_after(headers) == seconds


def test_a_throttle_that_never_ends_for_one_kind_of_request_ends_the_run() -> None:
    """Probes and reads are answered, writes get nothing but 429: after the patience and a window more, that is said."""
    now = 0.0
    outage = OutageDetector(20.0, lambda: now, lambda low, high: low)
    number = itertools.count(1)
    while outage.verdict() is None and now < 100:
        now += 1.0
        outage.answered(next(number), now - 0.1, "action", 429)
        if outage.is_away:
            probe = next(number)
            outage.admit(probe, "read")
            outage.answered(probe, now, "read", 200)
        outage.answered(next(number), now, "read", 200)
    assert 31 <= now <= 33
    assert "nothing but 429" in str(outage.verdict())


def test_a_throttle_that_lets_some_requests_through_never_ends_the_run() -> None:
    """A write that is done now and then shows that there is something to wait for."""
    now = 0.0
    outage = OutageDetector(20.0, lambda: now, lambda low, high: low)
    for number in range(1, 300):
        now += 1.0
        outage.answered(number, now - 0.1, "action", 200 if number % 10 == 0 else 429)
        assert outage.verdict() is None
def _answer(outage: OutageDetector, number: int, now: float, status: int, subject: str) -> None:
    outage.admit(number, "action")
    outage.answered(number, now, "action", status, subject=subject)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
def test_half_of_the_writes_refused_cost_no_item_anything(status: int) -> None:
    """While a notable part of the writes fails for a reason of the service, nothing is charged, and as many leave as before."""
    now = 0.0
    outage = OutageDetector(clock=lambda: now)
    for number in range(40):
        now += 0.1
        _answer(outage, number, now, status if number % 2 else 200, f"conversations/{number}")
    assert outage.explains("action", "conversations/39") and not outage.explains("look")
    _answer(outage, 99, now, 200, "conversations/99")
    for number in range(100, 115):
        outage.admit(number, "action")
    assert outage.wait("action") == outage.wait("look") == outage.wait("search") == 0.0
    for number in range(200, 400):
        now += 0.1
        _answer(outage, number, now, 200, f"conversations/{number}")
    assert not outage.explains("action", "conversations/39")


def test_one_item_that_always_fails_among_others_that_do_too_pays_for_itself() -> None:
    """Others fail and come through in the end; the one that fails again and again without end is charged."""
    now = 0.0
    outage = OutageDetector(clock=lambda: now)
    charged = 0
    for number in range(200):
        now += 0.1
        _answer(outage, 2 * number, now, 503 if number % 3 == 0 else 200, f"conversations/{number // 2}")
        if number % 5 == 0:
            _answer(outage, 2 * number + 1, now, 503, "poison")
            charged += not outage.explains("action", "poison")
    assert charged > 20


def test_one_failure_holds_nobody_back_and_a_row_of_them_does() -> None:
    """After single failures all go on; once all that was in flight has failed, and a few more, one at a time leaves."""
    now = 1.0
    outage = OutageDetector(clock=lambda: now)
    numbers = itertools.count(100)
    flying = list(range(10))
    for number in flying:
        outage.admit(number, "action")
    outage.answered(flying.pop(), now, "action", 503, subject="a")
    outage.answered(flying.pop(), now, "action", 200, subject="b")
    assert outage.wait("action") == 0.0 and not outage.calm
    more = 0
    while not outage.is_away:
        outage.answered(flying.pop(0), now, "action", 503, subject=str(len(flying)))
        while outage.wait("action") == 0.0 and len(flying) < 10 and not outage.is_away:
            flying.append(next(numbers))
            outage.admit(flying[-1], "action")
            more += 1
    assert outage.is_suspected and more <= 2 + 3  # two were free
    outage.admit(300, "action")
    outage.answered(300, now, "names", 200)
    now += 1.0
    for number in flying:
        outage.answered(number, now, "action", 503, subject=str(number))
    assert outage.is_failing("action")
    now += 1.0
    assert outage.wait("look") == outage.wait("action") == 0.0
    outage.admit(301, "action")
    assert outage.wait("action") > 0 and outage.wait("action", held=True) == 0.0
    outage.answered(301, now, "action", 200, subject="c")
    assert outage.wait("action") == 0.0
    now += 61.0
    outage.answered(302, now, "action", 200, subject="d")
    assert outage.calm


def test_a_search_that_fails_alone_costs_its_retries() -> None:
    """Probes are answered and searches are not: the failure is the search's own, so that `--retries N` means N + 1 requests."""
    now, outage = 0.0, OutageDetector(clock=lambda: 0.0)
    outage.still_there(0)
    for number in (1, 2, 3):
        outage.admit(number, "search")
        outage.answered(number, now, "search", 503, subject="conversations/search")
    assert outage.in_doubt("search") and not outage.explains("action")
    probe = outage.admit(4, "names", probe=True)
    assert probe
    outage.answered(4, now, "names", 200)
    assert not outage.explains("search", "conversations/search")
