"""The speed that people are shown."""

from collections.abc import Sequence

from intercom_bulk_updater.engine.pool import PoolSize, WorkerPool
from intercom_bulk_updater.engine.throughput import Throughput
from intercom_bulk_updater.engine.work import WorkSource
from intercom_bulk_updater.model import Item, ItemResult, Outcome
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.stop import Stop


def test_a_window_with_its_burst_and_its_wait_is_one_speed() -> None:
    """200 a second for eight seconds and nothing for two are 160 a second, at every moment once a window has gone by."""
    pace, finished, shown = Throughput(), 0, []
    for tick in range(100):
        if tick % 20 < 16:
            finished += 100
        pace.saw(tick / 2, finished)
        if tick > 24:
            shown.append(pace.rate)
    assert min(shown) >= 150 and max(shown) <= 170


def test_the_first_seconds_and_a_pause() -> None:
    """At the start it is the mean since the start; what a pause took is not counted."""
    pace = Throughput()
    pace.saw(0.0, 0)
    assert pace.rate == 0.0
    pace.saw(1.0, 50)
    assert pace.rate == 50.0
    pace.begin_anew()
    pace.saw(600.0, 50)
    pace.saw(601.0, 110)
    assert pace.rate == 60.0


def test_nothing_is_finishing_while_items_wait_on_disk() -> None:
    """An empty queue at the start of a resume is a start; it is the end when the last look for items brought none."""
    left = [Item(seq, str(seq)) for seq in range(300)]
    told: list[str] = []

    class Pending(WorkSource):
        def settle_and_claim(self, results: Sequence[ItemResult], number: int) -> list[Item]:
            told.append(engine.snapshot(False).holds)
            taken, left[:] = left[:number], left[number:]
            return taken

    engine = WorkerPool(
        gate=RateLimiter(Budget(), Stop()), stop=Stop(), crew=PoolSize(fixed=4), work=Pending(), tick=lambda snapshot: None,
        do=lambda attempt: ItemResult(attempt.item.seq, Outcome.DONE),
        put_back=lambda attempt: ItemResult(attempt.item.seq, Outcome.IN_DOUBT),
    )  # fmt: skip
    engine.run()
    assert told[0] == "" and not left
    assert engine._dry
