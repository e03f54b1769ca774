"""Writes of threads that serve all items, such as a queue's worker, to what no action has in hand: it may have given them, and ended.

They are kept for as long as the process lives: whoever ends a run, or goes on with one, asks whether they name an item of it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from itertools import takewhile

from ..api.messages import Exchange

heard: defaultdict[str, deque[Exchange]] = defaultdict(lambda: deque(maxlen=50_000))
"""By the host, of those that actions of this process send to."""


def count_late(host: str, since: float) -> int:
    """How many were sent to a host since then (unix s)."""
    return sum(1 for _ in _since(host, since))


def late_writes(host: str, since: float) -> dict[str, Exchange]:
    """What was sent to a host since then (unix s) and may stand, by each name in its path."""
    return {name: one for one in _since(host, since) if not one.refused for name in one.path.split("/")}


def _since(host: str, since: float) -> Iterator[Exchange]:
    return takewhile(lambda one: one.at >= since, reversed(tuple(heard[host])))
