"""IdSet: which ids there have been, for a million of them in ten megabytes."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

_BUCKETS = 1_024
"""Few and large: a sorted one of a thousand hashes is searched and moved in less time than a small one is gone through."""


class IdSet:
    """A set of ids that only grows. It keeps their hashes (64 bits) side by side, where a set of objects takes several times as much."""

    def __init__(self) -> None:
        self._buckets: dict[int, array[int]] = {}
        self._size = 0

    def add(self, key: str) -> bool:
        """Add an id; returns whether it is new."""
        found = hash(key)
        bucket = self._buckets.get(found % _BUCKETS)
        if bucket is None:
            bucket = self._buckets[found % _BUCKETS] = array("q")
        place = bisect_left(bucket, found)
        if place < len(bucket) and bucket[place] == found:
            return False
        bucket.insert(place, found)
        self._size += 1
        return True

    def update(self, keys: Iterable[str]) -> None:
        """Add several."""
        for key in keys:
            self.add(key)

    def clear(self) -> None:
        """Forget all."""
        self._buckets.clear()
        self._size = 0

    def __len__(self) -> int:
        return self._size
