"""IdSet is a set of texts that only grows."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from intercom_bulk_updater.runs.id_set import IdSet


@given(st.lists(st.text(max_size=3)))
def test_it_says_of_each_id_whether_it_is_new(ids: list[str]) -> None:
    """As a set of the standard library would."""
    seen, known = IdSet(), set[str]()
    for one in ids:
        assert seen.add(one) is (one not in known)
        known.add(one)
        assert len(seen) == len(known)
    seen.clear()
    assert len(seen) == 0
    seen.update(ids)
    assert len(seen) == len(known) and not any(seen.add(one) for one in ids)


def test_ids_share_its_buckets_and_are_told_apart() -> None:
    """Several times as many as there are buckets."""
    seen = IdSet()
    seen.update(str(number) for number in range(50_000))
    assert len(seen) == 50_000
    assert [seen.add(str(number)) for number in (0, 49_999, 50_000, 50_000)] == [False, False, True, False]


def test_it_takes_little_more_than_eight_bytes_an_id() -> None:
    """A search of a million items keeps their ids in ten megabytes."""
    seen = IdSet()
    tracemalloc.start()
    try:
        seen.update(str(number) for number in range(100_000))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 12 * 100_000
