"""Lease: a process's right to work on a run, with a sign of life that others can see."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

LEASE_SECONDS = 60.0
"""How long after its last sign of life a process that shares a run counts as alive. A run at work gives one every second."""


class Lease:
    """A process's right to work on a run: `with journal.hold(run) as lease: ...`.

    An exclusive one comes with the run's lock file (lock.py), which the operating system releases when the process dies:
    that is known at once, however fresh the last sign of life is. The holders of shared ones live by their signs of life
    alone. While a lease is held, the items that the journal hands out to this process bear its number.
    """

    def __init__(self, run: str, number: int, *, exclusive: bool, let_go: Callable[[Lease], None]) -> None:
        self.run = run
        self.number = number
        """The key of its row; `item.claimed_by` of what it claims."""
        self.exclusive = exclusive
        self._let_go = let_go

    def release(self) -> None:
        """Let the run go; harmless when it is let go already."""
        self._let_go(self)

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
