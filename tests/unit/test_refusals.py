"""A permission that is missing for all, told from one item's refusal."""

from __future__ import annotations

import time

from intercom_bulk_updater.api.error_map import NOT_INTERCOM
from intercom_bulk_updater.engine.refusals import RefusalStreak
from intercom_bulk_updater.model import Failure

FORBIDDEN = Failure("403 forbidden", status=403, code="forbidden")


def test_what_was_begun_before_a_row_of_refusals_does_not_end_it() -> None:
    """An answer that comes late, of a request sent while the permission was still there, hides none of the refusals after it."""
    streak = RefusalStreak(at_first=2, later=2)
    before = time.time() - 1
    assert streak.add(1, FORBIDDEN) is None
    since = streak.since
    streak.broken(before)
    assert streak.add(2, FORBIDDEN) is not None
    assert streak.since == since


def test_what_is_done_after_a_refusal_ends_the_row() -> None:
    """Then the permission is there, and each refusal is its item's own."""
    streak = RefusalStreak(at_first=2, later=2)
    assert streak.add(1, FORBIDDEN) is None
    streak.broken(time.time() + 1)
    assert streak.add(2, FORBIDDEN) is None


def test_what_was_begun_before_something_stood_in_between_does_not_end_the_row() -> None:
    """A good answer that is heard late lets no more requests through to a firewall than the few that tell."""
    streak = RefusalStreak(in_between=3)
    before = time.time() - 1
    page = Failure("403 not_from_intercom", status=403, code=NOT_INTERCOM)
    assert streak.add_in_between(page) is None
    assert streak.add_in_between(page) is None
    streak.broken(before)
    assert streak.add_in_between(page) is not None


def test_a_run_whose_last_items_were_all_refused_alike_has_lost_its_permission() -> None:
    """Fewer of them than end a run in the middle; too few tell nothing, nor do those before something was done."""
    streak = RefusalStreak(at_first=3, later=50)
    streak.broken(time.time() - 1)
    assert [streak.add(n, FORBIDDEN) or streak.at_end() for n in (1, 2, 3)] == [None] * 3
    assert streak.add(4, FORBIDDEN) is None
    denied = streak.at_end()
    assert denied is not None and "the last 4 items alike" in denied.message and streak.cause == FORBIDDEN.cause
    broken = RefusalStreak(at_first=3, later=50)
    broken.broken(time.time() - 1)
    assert not any(broken.add(n, FORBIDDEN) for n in range(5))
    broken.broken(time.time() + 1)
    assert broken.at_end() is None
