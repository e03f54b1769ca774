"""The budget and the several meanings of a 429."""

from __future__ import annotations

import pytest
from test_budget import RESET, Desk, told

from intercom_bulk_updater.ratelimit.permit import Permit


def wait(desk: Desk) -> float:
    answer = desk.budget.ask()
    assert isinstance(answer, float)
    return answer


def test_window_429_waits_for_the_end_of_the_window() -> None:
    """With Remaining 0 nothing leaves until the window's end, and then at full strength."""
    desk = Desk()
    desk.answer(desk.send(), told(50), date=RESET - 6.0)
    permit = desk.send()
    seconds = desk.budget.throttled(permit, headers=told(0), kind="window")
    assert 4 < seconds < 8
    assert wait(desk) == pytest.approx(seconds, abs=0.05)
    desk.send()
    assert desk.budget._pause.scale == 1.0


def test_429_while_something_remains_is_another_limit() -> None:
    """With Remaining above 0 it is the workspace's limit: everything waits for Retry-After, and goes on at four fifths."""
    desk = Desk()
    desk.call(told(50))
    seconds = desk.budget.throttled(desk.send(), headers=told(40) | {"retry-after": "3"}, kind="window")
    assert seconds == pytest.approx(3)
    assert desk.budget.state().mode == "blocked"
    assert desk.budget.state().blocked_for == pytest.approx(3)
    assert desk.budget._pause.scale == pytest.approx(0.8)


def test_429_while_something_remains_and_no_retry_after() -> None:
    """Without Retry-After the end of the window is waited for."""
    desk = Desk()
    desk.answer(desk.send(), told(50), date=RESET - 6.0)
    assert 4 < desk.budget.throttled(desk.send(), headers=told(40), kind="window") < 8


def test_429_without_headers() -> None:
    """A bare 429 pauses everything for a second, or for its Retry-After."""
    desk = Desk()
    desk.call(told(50))
    assert desk.budget.throttled(desk.send(), headers=None, kind="window") == pytest.approx(1)
    desk.clock.now += 1.5
    assert desk.budget.throttled(desk.send(), headers={"retry-after": "7"}, kind="window") == pytest.approx(7)


def test_429s_of_one_volley_count_once() -> None:
    """Ten requests in the air that are all refused are one event: the scale falls once."""
    desk = Desk()
    desk.call(told(90))
    volley = [desk.send() for _ in range(10)]
    desk.clock.now += 0.1
    for permit in volley:
        desk.budget.throttled(permit, headers=None, kind="window")
    assert desk.budget._pause.scale == pytest.approx(0.8)


def test_scale_recovers() -> None:
    """After a workspace limit the scale grows back by two points a window."""
    desk = Desk()
    desk.call(told(90))
    desk.budget.throttled(desk.send(), headers=None, kind="window")
    for window in range(1, 5):
        desk.clock.now = max(desk.clock.now, 1000 + 10.0 * window)
        desk.call(told(99, reset=RESET + 10 * window))
    assert desk.budget._pause.scale == pytest.approx(0.88)


def test_overload_backs_off_exponentially() -> None:
    """too_many_requests doubles the pause each time, whatever Remaining says."""
    desk = Desk()
    desk.call(told(90))
    pauses = []
    for _ in range(4):
        pauses.append(desk.budget.throttled(desk.send(), headers=told(80), kind="overload"))
        desk.clock.now += pauses[-1] + 0.01
    assert pauses == pytest.approx([0.5, 1.0, 2.0, 4.0])


def test_long_retry_after_is_honoured() -> None:
    """A Retry-After longer than a window is believed even when the window says otherwise."""
    desk = Desk()
    desk.call(told(50))
    assert desk.budget.throttled(desk.send(), headers=told(0) | {"retry-after": "45"}, kind="window") == pytest.approx(45)


def test_first_answer_is_a_429() -> None:
    """A scout that is refused teaches the window all the same."""
    desk = Desk()
    desk.budget.throttled(desk.send(), headers=told(0), kind="window")
    assert desk.budget.state().limit == 100
    assert 0 < wait(desk) <= 10.1


def test_first_answer_is_a_bare_429() -> None:
    """A scout that is refused without headers is followed by another scout a second later."""
    desk = Desk()
    desk.budget.throttled(desk.send(), headers=None, kind="window")
    assert wait(desk) == pytest.approx(1)
    desk.clock.now += 1.0
    assert isinstance(desk.budget.ask(), Permit)


def test_remaining_below_zero() -> None:
    """Some servers count on below zero once the window is empty: in a 429 that is zero."""
    desk = Desk()
    desk.answer(desk.send(), told(50), date=RESET - 6.0)
    assert 4 < desk.budget.throttled(desk.send(), headers=told(-3), kind="window") < 8
    assert desk.budget._pause.scale == 1.0


def test_refused_requests_are_reported() -> None:
    """The window's account names our refused requests and does not count them as used."""
    desk = Desk()
    desk.call(told(50))
    desk.budget.throttled(desk.send(), headers=told(0), kind="window")
    desk.call(told(99, reset=RESET + 10))
    desk.call(told(98, reset=RESET + 20))
    assert [(w.reset, w.own, w.throttled) for w in desk.windows[:1]] == [(RESET, 1, 1)]
