"""The pool makes batches of what may be done together, and loses none of their items whatever happens to the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from intercom_bulk_updater.engine.attempt import Attempt, Batch, RetryLater
from intercom_bulk_updater.engine.pool import PoolSize, WorkerPool
from intercom_bulk_updater.engine.work import WorkSource
from intercom_bulk_updater.model import Item, ItemResult, Outcome
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.stop import Stop


class Listed(WorkSource):
    """Hands out a list; remembers what became of its items."""

    def __init__(self, items: list[Item]) -> None:
        self.left = items
        self.settled: list[int] = []
        self.released: list[int] = []

    def settle_and_claim(self, results: Sequence[ItemResult], number: int) -> list[Item]:
        """See WorkSource."""
        self.settled += [one.seq for one in results]
        taken, self.left = self.left[:number], self.left[number:]
        return taken

    def release(self, seqs: Sequence[int]) -> None:
        """See WorkSource."""
        self.released += seqs


class Together:
    """Does batches and single items, and remembers how many at a time."""

    def __init__(self, work: WorkSource) -> None:
        self.batches: list[list[int]] = []
        self.alone: list[int] = []
        self.pool = WorkerPool(
            gate=RateLimiter(Budget(), Stop()), stop=Stop(), crew=PoolSize(fixed=3), work=work, do=self.one, do_batch=self.several,
            batch_size=50, put_back=lambda attempt: ItemResult(attempt.item.seq, Outcome.PENDING, doubt=True), tick=lambda status: None,
        )  # fmt: skip

    def one(self, attempt: Attempt) -> ItemResult | RetryLater:
        """Do one."""
        self.alone.append(attempt.item.seq)
        return ItemResult(attempt.item.seq, Outcome.DONE)

    def several(self, batch: Batch) -> Iterator[ItemResult | RetryLater]:
        """Do several."""
        self.batches.append([attempt.item.seq for attempt in batch.attempts])
        yield from (ItemResult(attempt.item.seq, Outcome.DONE) for attempt in batch.attempts)


def test_what_is_in_doubt_goes_alone_and_the_rest_together() -> None:
    """Of 403 items three are in doubt: they are taken up one by one, the others in eight batches of at most fifty."""
    doubtful = {5, 100, 401}
    work = Listed([Item(seq, str(seq), {}, doubt=seq in doubtful) for seq in range(1, 404)])
    together = Together(work)
    together.pool.run()
    assert set(together.alone) == doubtful
    assert sorted(work.settled) == list(range(1, 404)) and not work.released
    assert max(map(len, together.batches)) == 50 and sum(map(len, together.batches)) == 400


def test_a_batch_that_breaks_puts_back_what_it_has_not_settled() -> None:
    """An error in the middle of a batch ends the run; what it had told of is settled, every other item is put back."""

    class Breaks(Together):
        def several(self, batch: Batch) -> Iterator[ItemResult | RetryLater]:
            yield ItemResult(batch.attempts[0].item.seq, Outcome.DONE)
            yield RetryLater(Batch(batch.attempts[1:3]), 60.0)
            raise ZeroDivisionError

    work = Listed([Item(seq, str(seq), {}) for seq in range(1, 21)])
    with pytest.raises(ZeroDivisionError):
        Breaks(work).pool.run()
    assert work.settled == [1] and sorted(work.released) == list(range(2, 21))
