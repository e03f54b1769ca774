"""The rate limit: windows, headers, the three 429s, the competitor."""

from __future__ import annotations

import time

import pytest

from intercom_sandbox import running
from intercom_sandbox.limits import Limiter
from intercom_sandbox.server import settings_from

LONG = {"conversations": 20, "window": 1000.0}  # a window that no test outlives


@pytest.fixture
def tight(caller):
    """A limit of five calls in a window that does not end during the test."""
    with running(limit=5, phase=float(int(time.time()) % 1000), **LONG) as box:
        yield caller(box)


def spend(api, calls):
    return [api("GET", "/me") for _ in range(calls)]


def test_headers_count_down_and_the_sixth_of_five_is_refused(tight):
    """Remaining counts down to 0, then 429 in Intercom's words, without Retry-After; refusals cost nothing."""
    answers = spend(tight, 7)
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"5"}
    refused = answers[-1]
    assert refused.code == "rate_limit_exceeded"
    assert refused.message == "Exceeded rate limit of 5 in 1000_seconds"
    assert refused.headers["Retry-After"] is None
    window = tight.box.stats()["windows"][-1]
    assert (window["accepted"], window["rejected"]) == (5, 2)


def test_the_default_window_is_ten_seconds_on_the_wall_clock(caller):
    """Reset is a multiple of ten after now, and the message says 10_seconds."""
    with running(conversations=5, limit=1) as box:
        answers = spend(caller(box), 3)
        resets = [int(answer.headers["X-RateLimit-Reset"]) for answer in answers]
        assert all(reset % 10 == 0 for reset in resets)
        refused = [answer for answer in answers if answer.status == 429]
        assert refused and refused[-1].message == "Exceeded rate limit of 1 in 10_seconds"
        assert 0 <= resets[-1] - time.time() <= 10


def test_a_new_window_is_a_new_budget(caller):
    """Windows change at the boundary of the server's clock, not so long after the first call."""
    with running(conversations=5, limit=2, window=0.5) as box:
        api = caller(box)
        deadline = time.monotonic() + 5
        while len(box.stats()["windows"]) < 4 and time.monotonic() < deadline:
            api("GET", "/me")
        windows = box.stats()["windows"]
        assert all(window["accepted"] <= 2 for window in windows)
        assert all(window["start"] % 0.5 == 0 for window in windows)
        assert len({window["index"] for window in windows}) == len(windows) >= 4


def test_401_has_no_limit_headers_and_spends_nothing(tight):
    """Requests without valid credentials are answered outside the budget."""
    for token in (None, "Bearer wrong", "Basic x", "Bearer "):
        answer = tight("GET", "/me", Authorization=token)
        assert (answer.status, answer.code, answer.message) == (401, "unauthorized", "Access Token Invalid")
        assert answer.headers["X-RateLimit-Limit"] is None
    assert spend(tight, 1)[0].headers["X-RateLimit-Remaining"] == "4"


def test_every_app_has_its_limit_and_the_workspace_one_for_all(caller):
    """Another token has a budget of its own; the workspace's limit refuses while Remaining is above 0."""
    with running(limit=4, workspace_limit=6, other_tokens=["second"], **LONG) as box:
        api = caller(box)
        mine = [api("GET", "/me") for _ in range(5)]
        theirs = [api("GET", "/me", Authorization="Bearer second") for _ in range(3)]
        assert [answer.status for answer in mine] == [200] * 4 + [429]
        assert [answer.status for answer in theirs] == [200, 200, 429]
        assert int(theirs[-1].headers["X-RateLimit-Remaining"]) > 0
        assert "rate limit of 6 in" in theirs[-1].message
        window = box.stats()["windows"][-1]
        assert window["by_app"] == {"app": 4, "app2": 2}


def test_header_switches(caller):
    """Headers can be absent always or in part, Remaining off by one, Retry-After present, the clock ahead."""
    with running(limit=100, **LONG) as box:
        api = caller(box)
        box.control(headers="never")
        assert api("GET", "/me").headers["X-RateLimit-Limit"] is None
        box.control(headers="always", headers_missing_share=0.5)
        present = [api("GET", "/me").headers["X-RateLimit-Limit"] is not None for _ in range(40)]
        assert 5 < sum(present) < 35
        box.control(headers_missing_share=0.0)
        exact = int(api("GET", "/me").headers["X-RateLimit-Remaining"])
        box.control(remaining_off_by=1)
        assert int(api("GET", "/me").headers["X-RateLimit-Remaining"]) == exact
        box.control(limit=1, retry_after=True)
        refused = api("GET", "/me")
        assert refused.status == 429 and int(refused.headers["Retry-After"]) >= 1


def test_the_clock_can_be_ahead(caller):
    """clock_skew moves Date and Reset alike, phase moves the boundaries."""
    from email.utils import parsedate_to_datetime

    with running(conversations=5, clock_skew=3600.0, phase=3.0) as box:
        answer = caller(box)("GET", "/me")
        date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert 3590 < date - time.time() < 3610
        reset = int(answer.headers["X-RateLimit-Reset"])
        assert 0 <= reset - date <= 11 and reset % 10 == 3


@pytest.mark.parametrize("scope", ["app", "workspace"])
def test_the_competitor_spends_from_the_same_budget(caller, scope):
    """With a competitor Remaining drops faster than our own calls, and statistics tell both apart."""
    with running(limit=2000, workspace_limit=2000, window=2.0, conversations=5) as box:
        api = caller(box)
        box.control(competitor_share=0.9, competitor_scope=scope)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not any(
            window["competitor_accepted"] > 50 and window["accepted"] > 5 for window in box.stats()["windows"]
        ):
            answer = api("GET", "/me")
        window = box.stats()["windows"][-1]
        assert window["by_app"]["app"] == window["accepted"]
        assert window["accepted"] + window["competitor_accepted"] <= 2000
        if scope == "app":
            assert int(answer.headers["X-RateLimit-Remaining"]) < 2000 - window["accepted"]


def test_the_other_two_429s(tight):
    """Overload has its own code, the cap on jobs the window's code with other words; both leave Remaining."""
    tight.box.fault("overload", path="/teams", count=1)
    tight.box.fault("jobs", path="/tags", count=1)
    tight.box.fault("limit", path="/admins", count=1)
    overload, jobs, window = tight("GET", "/teams"), tight("GET", "/tags"), tight("GET", "/admins")
    assert (overload.status, overload.code) == (429, "too_many_requests")
    assert (jobs.status, jobs.code) == (429, "rate_limit_exceeded")
    assert jobs.message == "Exceeded rate limit of 1 pending message data export jobs"
    assert window.message == "Exceeded rate limit of 5 in 1000_seconds"
    assert int(jobs.headers["X-RateLimit-Remaining"]) > 0


def test_the_control_endpoint_is_free(tight):
    """Control requests need no token and cost no budget, and count as no request and no connection."""
    for _ in range(20):
        tight.box.stats()
    assert spend(tight, 1)[0].headers["X-RateLimit-Remaining"] == "4"
    stats = tight.box.stats()
    assert stats["requests"] == 1 and stats["connections"]["opened"] == 1


def test_a_steady_competitor_takes_its_share_of_every_window():
    """It is booked when we look, and comes to the same in each window."""
    limiter = Limiter(settings_from({"limit": 1000, "competitor_share": 0.4, "competitor_pace": "steady"}), 1_000.0)
    for step in range(1, 31):
        limiter.spend("app", "app", 1_000.0 + step)
    assert [window.competitor for window in list(limiter.windows)[:3]] == pytest.approx([400, 400, 400], abs=1)
