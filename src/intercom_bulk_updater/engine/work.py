"""Where the pool gets its items from, and where it puts what became of them.

Step 5 of the life of an item (docs/explanation/life-of-an-item.md). The pool knows no journal, no search and no guard:
a work source stands for all of them (runs/work.py has those of a run).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ..model import Item, ItemResult


class WorkSource(ABC):
    """Claims, settles and releases items. Only the thread that runs the pool calls it."""

    @abstractmethod
    def settle_and_claim(self, results: Sequence[ItemResult], number: int) -> list[Item]:
        """Write these outcomes and hand out up to `number` items, in one transaction: each commit serves a group."""

    def may_grow(self) -> bool:
        """Whether it may still bring items; raises what broke it."""
        return False

    def release(self, seqs: Sequence[int]) -> None:  # noqa: B027 - a source that records nothing has nothing to put back
        """Put back what was claimed and never started."""

    def suspect(self, seqs: Sequence[int]) -> None:  # noqa: B027
        """Record at once that the requests of these items ran out of time, so that a crash leaves them as possibly applied."""
