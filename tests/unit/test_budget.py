"""The budget, one rule at a time, on a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.permit import Permit
from intercom_bulk_updater.ratelimit.usage import WindowStats

RESET = 1_487_332_510


class Clock:
    """Monotonic seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def told(remaining: int, *, limit: int = 100, reset: float = RESET) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(reset),
    }


class Desk:
    """A budget with its clock, and short ways to use them."""

    def __init__(self, **options: object) -> None:
        self.clock = Clock()
        self.windows: list[WindowStats] = []
        self.budget = Budget(clock=self.clock, on_window=self.windows.append, **options)  # type: ignore[arg-type]

    def send(self) -> Permit:
        """Wait as long as it takes for a permit."""
        for _ in range(100_000):
            answer = self.budget.ask()
            if isinstance(answer, Permit):
                return answer
            assert answer > 0
            self.clock.now += answer
        raise AssertionError("no permit ever")

    def answer(self, permit: Permit, headers: Mapping[str, str] | None, after: float = 0.1, date: float | None = None) -> None:
        self.clock.now += after
        self.budget.answered(permit, headers=headers, server_date=date)

    def call(self, headers: Mapping[str, str] | None, after: float = 0.1) -> None:
        self.answer(self.send(), headers, after)

    def permits(self) -> list[Permit]:
        """All permits that can be had at this instant."""
        found = []
        while isinstance(answer := self.budget.ask(), Permit):
            found.append(answer)
        return found

    def permits_until(self, end: float) -> list[Permit]:
        """All permits that can be had until `end` without any answer."""
        found = []
        while self.clock.now < end:
            answer = self.budget.ask()
            if isinstance(answer, Permit):
                found.append(answer)
            else:
                self.clock.now += answer
        return found


def test_first_a_scout() -> None:
    """Before anything is known one request flies and everybody else waits for what it brings."""
    desk = Desk()
    assert len(desk.permits()) == 1
    assert desk.budget.state().mode == "scout"
    assert desk.budget.state().limit is None


def test_after_the_scout_the_window_is_known() -> None:
    """The scout's headers tell limit, what remains and the length of the first window."""
    desk = Desk()
    desk.call(told(60))
    state = desk.budget.state()
    assert (state.mode, state.limit, state.remaining, state.used) == ("window", 100, 60, 40)
    assert state.ends_in is not None and 0 < state.ends_in <= 10


def test_flight_counts_as_spent() -> None:
    """What is in flight is subtracted from what remains, so that no answer is needed to know when to stop."""
    desk = Desk()
    desk.answer(desk.send(), told(11), date=RESET - 9.0)
    sent = desk.permits_until(desk.clock.now + 7.0)
    # One is kept while Remaining may be one too high, three to find out when the window ends.
    assert len(sent) == 11 - 1 - 3


def test_pace_spreads_the_window() -> None:
    """What remains is spread over what is left of the window instead of leaving in one burst."""
    desk = Desk()
    desk.answer(desk.send(), told(100), date=RESET - 10.0)
    began = desk.clock.now
    half = desk.permits_until(began + 4.25)
    assert 40 <= len(half) <= 62


def test_those_that_wait_for_the_pace_leave_several_together() -> None:
    """At five milliseconds a call the process wakes fifty times a second, and not for each of them; the pace stays as it is."""
    desk = Desk()
    desk.answer(desk.send(), told(1700, limit=1700), date=RESET - 10.0)
    began, waits, sent = desk.clock.now, 0, 0
    while desk.clock.now < began + 4.25:
        answer = desk.budget.ask()
        if isinstance(answer, Permit):
            sent += 1
        else:
            waits += 1
            desk.clock.now += answer
    assert 800 <= sent <= 950
    assert waits <= 50 * 4.25 + 1


def test_joined_in_the_midst() -> None:
    """In a window that was joined late, what remains is spread over what is left of it, not over ten seconds."""
    desk = Desk()
    desk.answer(desk.send(), told(90), date=RESET - 4.0)
    assert len(desk.permits_until(desk.clock.now + 3.0)) >= 80


def test_abundance_is_not_paced() -> None:
    """With a budget that cannot be spent, nobody ever waits: a thousand permits within a tenth of a second."""
    desk = Desk()
    desk.call(told(999_999, limit=1_000_000))
    got = 0
    for _ in range(1000):
        desk.clock.now += 0.0001
        got += isinstance(desk.budget.ask(), Permit)
    assert got == 1000


def test_empty_window_waits_for_its_end() -> None:
    """Once nothing remains, the wait leads to the end of the window, and then the whole limit is there again."""
    desk = Desk()
    desk.answer(desk.send(), told(0), date=RESET - 5.0)
    answer = desk.budget.ask()
    assert isinstance(answer, float) and 4 < answer < 7
    desk.send()
    assert desk.budget.state().remaining == 100


def test_rolls_over_by_a_newer_reset() -> None:
    """An answer with a newer Reset begins the next window, whatever any clock says."""
    desk = Desk()
    desk.call(told(3))
    permit = desk.send()
    desk.answer(permit, told(97, reset=RESET + 10))
    assert desk.budget.state().remaining == 97


def test_late_answer_of_an_old_window() -> None:
    """An answer that belongs to the last window does not touch the present one."""
    desk = Desk()
    desk.call(told(50))
    old, new = desk.send(), desk.send()
    desk.answer(new, told(98, reset=RESET + 10))
    desk.answer(old, told(1, reset=RESET))
    assert desk.budget.state().remaining == 98


def test_limit_changes_in_mid_run() -> None:
    """The limit is what the newest answer says."""
    desk = Desk()
    desk.call(told(50))
    desk.call(told(10, limit=40, reset=RESET + 10))
    assert desk.budget.state().limit == 40


@pytest.mark.parametrize("word", ["abc", "", "nan", "inf", "-5", "99999999999999999999", "0x10"])
@pytest.mark.parametrize("name", ["limit", "remaining", "reset"])
def test_garbage_is_an_answer_without_headers(name: str, word: str) -> None:
    """A header that makes no sense is as good as none: the request counts, and nothing else changes."""
    desk = Desk()
    desk.call(told(60))
    desk.call(told(59) | {f"x-ratelimit-{name}": word})
    state = desk.budget.state()
    assert (state.mode, state.limit, state.remaining) == ("window", 100, 59)


def test_far_reset_is_believed_the_second_time() -> None:
    """A Reset that jumps by hours counts as garbage once; a second answer in a row makes it true."""
    desk = Desk()
    desk.call(told(60))
    desk.call(told(97, reset=RESET + 7200))
    assert desk.budget.state().remaining == 59
    desk.call(told(96, reset=RESET + 7200))
    assert desk.budget.state().remaining == 96


def test_server_clock_set_back() -> None:
    """When the server's clock is set back the older Resets are followed."""
    desk = Desk()
    desk.call(told(60))
    for remaining in (90, 89, 88):
        desk.call(told(remaining, reset=RESET - 120))
    assert desk.budget.state().remaining == 88


def test_canonical_names_and_other_mappings() -> None:
    """Headers of other libraries, with capitals, are understood."""
    desk = Desk()
    desk.call({"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "70", "X-RateLimit-Reset": str(RESET)})
    assert desk.budget.state().remaining == 70


def test_three_answers_without_headers_mean_blind() -> None:
    """Without headers the budget goes on at nine tenths of the documented limit."""
    desk = Desk()
    for _ in range(3):
        desk.call(None)
    assert desk.budget.state().mode == "blind"
    began = desk.clock.now
    assert len(desk.permits_until(began + 10)) == pytest.approx(0.9 * 1667, rel=0.02)


def test_blind_ends_with_the_first_headers() -> None:
    """The first answer with headers ends blind flight."""
    desk = Desk()
    for _ in range(4):
        desk.call(None)
    desk.call(told(20))
    state = desk.budget.state()
    assert (state.mode, state.limit, state.remaining) == ("window", 100, 20)


def test_bare_calls_are_counted_once() -> None:
    """Requests whose answers nobody saw count until an answer sent after them tells what is true."""
    desk = Desk()
    desk.call(told(99))
    for _ in range(10):
        desk.answer(desk.send(), None, after=0.01)
    assert desk.budget.state().remaining == 89
    desk.answer(desk.send(), told(88), after=0.01)
    assert desk.budget.state().remaining == 88


def test_bare_call_in_flight_with_headers_is_not_trusted_to_be_counted() -> None:
    """A bare request that was in the air together with the answer's own may not be counted yet, so it is subtracted."""
    desk = Desk()
    desk.call(told(99))
    bare, own = desk.send(), desk.send()
    desk.answer(own, told(97))
    desk.answer(bare, None)
    assert desk.budget.state().remaining == 96


def test_share_leaves_the_rest() -> None:
    """share=0.4 sends forty of a hundred and then waits for the next window."""
    desk = Desk(share=0.4)
    desk.call(told(99))
    desk.send()
    desk.call(told(99, reset=RESET + 10))
    first = desk.clock.now
    assert 37 <= len(desk.permits_until(first + 9.0)) <= 39


def test_rate_is_a_ceiling() -> None:
    """rate=5 gives five permits a second, evenly, however much the window would allow."""
    desk = Desk(rate=5.0)
    desk.call(told(999, limit=1000))
    times = [p.at for p in desk.permits_until(desk.clock.now + 6)]
    assert len(times) == pytest.approx(30, abs=1)
    assert min(b - a for a, b in zip(times, times[1:], strict=False)) > 0.1


@pytest.mark.parametrize("options", [{"share": 0}, {"share": 1.1}, {"rate": 0.0}, {"rate": -1}, {"polite": -1}])
def test_nonsense_options_are_refused(options: dict[str, float]) -> None:
    """A share outside (0, 1], a rate that is not positive, a negative politeness are errors."""
    with pytest.raises(ValueError, match="must"):
        Budget(**options)  # type: ignore[arg-type]


def test_settled_twice_counts_once() -> None:
    """Settling a permit again changes nothing."""
    desk = Desk()
    permit = desk.send()
    desk.answer(permit, told(60))
    desk.answer(permit, None)
    assert desk.budget.state().remaining == 60


def test_lost_permits_stop_counting() -> None:
    """Permits that are never settled stop counting as in flight after a quarter of an hour."""
    desk = Desk()
    desk.call(told(99))
    lost = desk.permits_until(desk.clock.now + 12)
    assert len(lost) >= 90
    desk.clock.now += 1000
    desk.send()
    assert len(desk.permits_until(desk.clock.now + 9)) > 90


def test_wanted_workers_follow_latency() -> None:
    """Little's law: four times the latency wants about four times the workers."""
    wanted = []
    for latency in (0.1, 0.4):
        desk = Desk()
        for index in range(20):
            desk.call(told(1666 - index, limit=1667), after=latency)
        wanted.append(desk.budget.wanted_workers())
        assert desk.budget.latency == pytest.approx(latency, rel=0.05)
    assert 20 <= wanted[0] <= 40
    assert 3 <= wanted[1] / wanted[0] <= 5


def test_wanted_workers_when_nothing_is_known() -> None:
    """Before the limit is known the budget sets no bound to the workers."""
    assert Desk().budget.wanted_workers() >= 500


def test_the_window_in_which_a_run_ends_is_told_once() -> None:
    """An account in the midst of a window tells what went, and the end of it only what came after."""
    desk = Desk()
    for left in (99, 98, 90):
        desk.call(told(left))
    desk.budget.present()
    assert [(w.reset, w.own, w.others) for w in desk.windows] == [(int(RESET), 3, 7)]
    desk.budget.present()
    assert len(desk.windows) == 1
    desk.call(told(89))
    desk.clock.now += 20
    desk.call(told(99, reset=RESET + 20))
    assert [w.own for w in desk.windows] == [3, 1]
