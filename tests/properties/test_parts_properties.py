"""The parts of a search: nothing falls between two of them, whatever the dates are and however the server compares them."""

from __future__ import annotations

import random
from bisect import bisect_left
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intercom_bulk_updater.search.language.query_tree import and_also, checked_query
from intercom_bulk_updater.search.parts import Axis, Part, Parts
from intercom_sandbox.fields import CONTACT, Field
from intercom_sandbox.search import Compiler
from intercom_sandbox.settings import Settings

NOW = 1_795_738_935
ZONES = ("UTC", "America/Los_Angeles", "Pacific/Auckland", "Asia/Kathmandu", "Europe/Dublin")
ALL = {"field": "created_at", "operator": ">", "value": -400_000}
# A day with a change of the clock, one moment that many share, and years of nothing.
dates = st.lists(
    st.one_of(
        st.integers(1, NOW + 100_000), st.integers(1_793_000_000, 1_793_400_000), st.integers(NOW - 100_000, NOW), st.just(1_700_000_000)
    ),
    min_size=5, max_size=60,
)


def compiler(version: int, settings: Settings) -> Compiler:
    return Compiler({"created_at": Field("created_at", "day", CONTACT["created_at"].read)}, settings, version)


def row(at: int) -> SimpleNamespace:
    return SimpleNamespace(id=at, created_at=at)


@settings(max_examples=60, deadline=None)
@given(dates, st.integers(1, 8), st.sampled_from(ZONES), st.sampled_from(ZONES), st.booleans(), st.sampled_from((216, 217)), st.booleans())
def test_every_item_is_in_a_part_and_in_one_where_it_is_known_how_dates_are_compared(
    times: list[int], size: int, zone: str, theirs: str, days: bool, version: int, inclusive: bool
) -> None:
    """Days of whichever zone, seconds, `>` that means `>=`: never a gap; an overlap only where that is not what was thought."""
    axis = Axis(days, zone)
    world = compiler(version, Settings(timezone=theirs, inclusive_order=inclusive))
    if not days and version == 216:
        return  # seconds where the server compares days: what `days` is for, and the sum of the parts finds it out
    rounds: list[int] = []

    def count(cuts: list[int]) -> list[int]:
        rounds.append(len(cuts))
        return [sum(world.compile(Part(above=axis.above(cut)).query(ALL))(row(at)) for at in times) for cut in cuts]

    cuts = axis.divide(len(times), size, count, most=30, now=NOW, seen=times[:3])
    parts = [world.compile(part.query(ALL)) for part in axis.parts(cuts)]
    shown = [sum(part(row(at)) for part in parts) for at in times]
    assert min(shown) >= 1 and sum(rounds) <= 30 and len(rounds) <= 4
    exact = (version == 216 and zone == theirs) if days else not inclusive
    assert max(shown) == 1 or not exact


@pytest.mark.parametrize("kind", ["spread", "growing", "imported", "waves"])
@pytest.mark.parametrize("total", [3_200, 23_800])
def test_parts_are_about_as_large_as_was_meant(kind: str, total: int) -> None:
    """However the dates lie: few counts find cuts between which there are about as many items."""
    chance = random.Random(total)
    year, size = 365 * 86_400, 900
    waves = [chance.random() * 2 * year for _ in range(12)]
    age = {
        "spread": lambda: chance.random() * 15 * year,
        "growing": lambda: chance.expovariate(2 / year),
        "imported": lambda: year + chance.random() * 3600,
        "waves": lambda: chance.choice(waves) + chance.random() * 7200,
    }[kind]
    times = sorted(int(NOW - age()) for _ in range(total))
    asked: list[int] = []

    def count(cuts: list[int]) -> list[int]:
        asked.extend(cuts)
        return [total - bisect_left(times, cut) for cut in cuts]

    most = total // 150 // 6 + 10
    cuts = Axis().divide(total, size, count, most=most, now=NOW, seen=chance.sample(times, 150))
    edges = [0, *(bisect_left(times, cut) for cut in cuts), total]
    sizes = [high - low for low, high in pairwise(edges)]
    assert len(asked) <= most and max(sizes) <= 2 * size and len(sizes) <= 1.3 * total / size + 1


def test_one_second_is_no_part_of_its_own_kind() -> None:
    """What cannot be cut is found out soon: all were created in the same second."""
    asked: list[int] = []

    def count(cuts: list[int]) -> list[int]:
        asked.extend(cuts)
        return [5_000 if cut <= NOW - 99 else 0 for cut in cuts]

    assert Axis().divide(5_000, 900, count, most=40, now=NOW, seen=[NOW - 99] * 9) == [] and len(asked) <= 10


leaves = st.fixed_dictionaries({"field": st.just("created_at"), "operator": st.sampled_from("<>"), "value": st.integers(0, 9)})


def grouped(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    value = st.lists(inner, min_size=1, max_size=4) | st.lists(inner, min_size=14, max_size=15)
    return st.fixed_dictionaries({"operator": st.sampled_from(["AND", "OR"]), "value": value})


trees = leaves | grouped(leaves) | grouped(grouped(leaves))


@settings(max_examples=60, deadline=None)
@given(trees, st.lists(leaves, min_size=1, max_size=2))
def test_filters_are_added_within_the_limits_or_not_at_all(query: dict[str, Any], filters: list[dict[str, Any]]) -> None:
    """What comes of it is what both let through, in a shape that Intercom takes."""
    both = and_also(query, filters)
    if both is None:
        return
    checked_query(both)
    world = compiler(217, Settings())
    whole, alone, each = world.compile(both), world.compile(query), [world.compile(one) for one in filters]
    for at in range(11):
        assert whole(row(at)) == (alone(row(at)) and all(one(row(at)) for one in each)), at


@pytest.mark.parametrize("groups", [2, 14, 15])
def test_what_leaves_no_room_is_not_divided(groups: int) -> None:
    """15 alternatives in each of several groups: one more condition is too much for some of them."""
    full = {"operator": "OR", "value": [{"operator": "AND", "value": [ALL] * 15}] * groups}
    assert and_also(full, [ALL]) is None
    anded = {"operator": "AND", "value": [{"operator": "OR", "value": [ALL] * 15}] * groups}
    assert (and_also(anded, [ALL]) is None) is (groups == 15)


def test_a_cursor_of_parts_comes_back_as_it_was_written() -> None:
    """Intercom's own cursors are none of ours."""
    parts = Parts([Part(None, 5, None), Part(4, None, "WzE3XQ==")], {"7", "8"})
    assert Parts.of(parts.cursor) == parts and Parts.of(None) is None and Parts.of("WzE3XQ==") is None
