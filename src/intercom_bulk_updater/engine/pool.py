"""The machine: a bounded queue, workers that come and go, and one clerk. The only module that makes worker threads.

The calling thread is the clerk. It alone talks to the journal on the hot path: in one transaction it writes the outcomes
that came in and claims the next items, so each commit serves a group and never a single item. Workers never wait for
each other: there is no barrier between batches.

Step 5 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field

from ..errors import IntercomBulkError, JournalError
from ..model import Bottleneck, Item, ItemResult
from ..ratelimit.limiter import RateLimiter
from ..stop import Stop
from .attempt import Attempt, Batch, RetryLater, Unit, Waits, attempts_in, waits_of
from .growth import Growth, most_workers
from .work import WorkSource

# How long the clerk sleeps at most with nothing to do: bounds how late a finished search or a due retry is seen.
_NAP = 0.1
# The same while workers have enough to take up: each turn costs processor time whatever it carries, and they wake the clerk
# when they run low. Outcomes are that much later on disk.
_LONG_NAP = 0.25
# The clerk looks after workers, guards and requests of other processes this often (seconds).
TICK = 0.5
# So often, at most, the number of workers doubles (seconds).
_GROW = 0.2


@dataclass(slots=True)
class PoolSize:
    """How many workers: `fixed` when a number was given, otherwise from `start`, between `floor` and `ceiling`.

    The ceiling is one of safety: how many are wanted follows from the limit and the latency.
    """

    fixed: int | None = None
    start: int = 15
    floor: int = 4
    ceiling: int = field(default_factory=most_workers)


@dataclass(slots=True)
class PoolStatus:
    """What the machine is doing right now, for displays."""

    workers: int = 0
    busy: int = 0
    waiting: int = 0
    delayed: int = 0
    holds: Bottleneck = Bottleneck.NONE
    """What limits the run; NONE while it starts."""
    waits: Waits = field(default_factory=Waits)


Do = Callable[[Attempt], ItemResult | RetryLater]
DoBatch = Callable[[Batch], Iterator[ItemResult | RetryLater]]


@dataclass(slots=True)
class WorkerPool:
    """Runs `do` over what `work` hands out until there is nothing more.

    Parameters
    ----------
    gate, stop:
        What workers wait on; the reason to stop.
    crew:
        How many workers.
    work:
        Where items come from, and where their outcomes go.
    do(attempt):
        Takes one item up, in a worker thread: its outcome, or when to try it again.
    do_batch(batch), batch_size:
        Takes up to so many items up with one request: what became of each, as soon as it is known. What has to be looked at
        first (in doubt, or without a before-image) goes alone, so that many are read at a time.
    put_back(attempt):
        What the work source should know of an attempt that a stop cut short.
    tick(snapshot):
        Called twice a second in the calling thread; may raise to stop the run.
    """

    gate: RateLimiter
    stop: Stop
    crew: PoolSize
    work: WorkSource
    do: Do
    put_back: Callable[[Attempt], ItemResult]
    tick: Callable[[PoolStatus], None]
    do_batch: DoBatch | None = None
    batch_size: int = 1
    paused: bool = False
    _queue: deque[Unit] = field(default_factory=deque)
    _forming: list[Attempt] = field(default_factory=list)
    """Items of a batch that is not full yet, while more may come."""
    _formed_at: float = 0.0
    _fates: deque[ItemResult | RetryLater | BaseException] = field(default_factory=deque)
    _delayed: list[tuple[float, int, Unit]] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _ready: threading.Condition = field(default_factory=threading.Condition)
    _wake: threading.Event = field(default_factory=threading.Event)
    _busy: int = 0
    _leave: int = 0
    _closing: bool = False
    _dry: bool = False
    """The last look for items brought fewer than there was room for."""
    _failure: BaseException | None = None
    _rate: float = 0.0
    _finished: int = 0
    _growth: Growth = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no worker."""
        self._growth = Growth(self.crew.ceiling)

    def run(self) -> None:
        """Work until the source is dry and every claimed item has its fate, or until asked to stop.

        When stopped: nothing new is started, what is in flight finishes, the rest goes back to the journal.
        Raises the reason.
        """
        self._hire(self.crew.fixed or self.crew.start)
        try:
            self._work()
        except BaseException as exc:
            self.stop.ask(exc)
            raise
        finally:
            self._drain()
        if self._failure is not None:
            raise self._failure
        if self.stop.asked and self.stop.reason is not None:
            raise self.stop.reason

    def _work(self) -> None:
        last_tick, done_at_tick = time.monotonic(), 0
        grown = last_tick
        while not self.stop.asked and self._failure is None:
            # The order matters: ask whether the source lives *before* claiming, or its last page could be missed; and
            # before collecting, because it raises what broke the source, and collected outcomes would be lost.
            more = self.work.may_grow()
            fates = self._collect()
            self._finished += len(fates)
            now = time.monotonic()
            # What an error has cut short is not begun again: it goes back with all that is known of it.
            resting = self.paused or self._failure is not None
            due = [] if resting else self._due(now)
            room = self._depth() - len(self._queue) - len(due)
            want = 0 if resting else max(0, room * self.batch_size - len(self._forming))
            try:
                items = self.work.settle_and_claim(fates, want) if fates or want else []
            except BaseException as exc:
                for unit in due:
                    self._delay(unit, now)
                if isinstance(exc, JournalError):
                    # Not written (a full disk, say): the drain tries again, in case there is room by then.
                    self._fates.extendleft(reversed(fates))
                raise
            dry = want > 0 and len(items) < want
            self._dry = dry if want else self._dry
            self._give([] if resting else [*due, *self._units(items, more, now)])
            if now - grown >= _GROW:
                grown = now
                self._adapt()
            if now - last_tick >= TICK:
                self._rate = 0.5 * self._rate + 0.5 * (self._finished - done_at_tick) / (now - last_tick)
                last_tick, done_at_tick = now, self._finished
                self.tick(self.snapshot(more))
            if dry and not items and not more and self._idle():
                return
            # With work queued and nothing reported there is no hurry; the workers wake the clerk when they run low.
            self._wake.wait(_LONG_NAP if self._queue and not self._delayed else _NAP)
            self._wake.clear()

    # -- the clerk's hands ------------------------------------------------------------------------------------------

    def _collect(self) -> list[ItemResult]:
        fates: list[ItemResult] = []
        slow: list[int] = []
        while self._fates:
            fate = self._fates.popleft()
            if isinstance(fate, RetryLater):
                for attempt in attempts_in((fate.unit,)):
                    if attempt.known is not None and attempt.known.maybe_running and not attempt.persisted:
                        attempt.persisted = True
                        slow.append(attempt.item.seq)
                self._delay(fate.unit, time.monotonic() + fate.seconds)
            elif isinstance(fate, BaseException):
                self._failure = self._failure or fate
            else:
                fates.append(fate)
        if slow:
            self.work.suspect(slow)
        return fates

    def _delay(self, unit: Unit, until: float) -> None:
        seq = next(attempts_in((unit,))).item.seq  # no two units hold the same item
        heapq.heappush(self._delayed, (until, seq, unit))

    def _units(self, items: Sequence[Item], more: bool, now: float) -> list[Unit]:
        """New items as workers take them up: one by one, or in batches, of which only the last may be smaller."""
        if self.batch_size == 1:
            return [Attempt(item) for item in items]
        first = {item.seq for item in items if item.doubt or item.before is None}
        alone: list[Unit] = [Attempt(item) for item in items if item.seq in first]
        self._formed_at = self._formed_at if self._forming else now
        self._forming += [Attempt(item) for item in items if item.seq not in first]
        with self._ready:
            busy = bool(alone or self._queue or self._busy or self._fates)
        # A batch that is not full waits for what may come back, having been read, and a little for a search: a slow one must
        # not hold up what it has found.
        least = self.batch_size if busy or (more and now - self._formed_at < TICK) else 1
        batches: list[Unit] = []
        while len(self._forming) >= least:
            batches.append(Batch(tuple(self._forming[: self.batch_size])))
            del self._forming[: self.batch_size]
        return [*alone, *batches]

    def _due(self, now: float) -> list[Unit]:
        due = []
        while self._delayed and self._delayed[0][0] <= now:
            due.append(heapq.heappop(self._delayed)[2])
        return due

    def _depth(self) -> int:
        # Enough for two naps at the present rate: what is claimed and not sent is in doubt after a crash, so not more.
        return len(self._threads) // 2 + 4 + int(self._rate * _NAP * 2 / self.batch_size)

    def _give(self, units: Sequence[Unit]) -> None:
        if units:
            with self._ready:
                self._queue.extend(units)
                self._ready.notify(len(units))

    def _idle(self) -> bool:
        with self._ready:
            return not (self._queue or self._busy or self._fates or self._delayed or self._forming)

    # -- workers ----------------------------------------------------------------------------------------------------

    def _hire(self, number: int) -> None:
        for _ in range(number):
            # In the context of the caller: the words of an item tell moments on the clock of its workspace.
            thread = threading.Thread(target=copy_context().run, args=(self._live,), name=f"worker-{len(self._threads) + 1}", daemon=True)
            try:
                thread.start()
            except RuntimeError as exc:
                if not self._threads:
                    what = "This machine starts no more threads: end other programs, or lift the limit (ulimit -u)."
                    raise IntercomBulkError(what) from exc
                self._growth.ceiling = len(self._threads)  # those that are there do the work
                return
            self._threads.append(thread)

    def _adapt(self) -> None:
        """Follow what the budget could use at the present latency, between floor and ceiling."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if self.crew.fixed or self.paused:
            return
        wanted = self.gate.wanted_workers()
        most = self._growth.most(
            time.monotonic(), latency=self.gate.latency, finished=self._finished, workers=len(self._threads), wanted=wanted,
            boundless=self.gate.boundless,
        )
        wanted = min(max(wanted, self.crew.floor), most)
        have = len(self._threads) - self._leave
        if wanted > have and (self._queue or self._busy >= have):
            # At most double at a time: the latency seen so far may not hold under more load.
            self._hire(min(wanted - have, max(have, 4)))
        elif wanted < 0.75 * have - 4:  # not for each answer that is quicker than the last
            with self._ready:
                self._leave += have - wanted - 2
                self._ready.notify_all()

    def _live(self) -> None:
        while True:
            with self._ready:
                while not self._queue and not self._closing and not self._leave:
                    self._ready.wait()
                if not self._queue if self._closing else self.stop.asked:
                    return
                if self._leave and not self._closing:
                    self._leave -= 1
                    return
                unit = self._queue.popleft()
                self._busy += 1
                low = len(self._queue) <= 2
            if low:
                self._wake.set()
            fate = self._take_up_batch(unit) if isinstance(unit, Batch) else self._take_up(unit)
            with self._ready:
                self._fates.extend(fate)
                self._busy -= 1
                quiet = not self._busy and not self._queue
            if quiet:
                self._wake.set()

    def _take_up(self, attempt: Attempt) -> tuple[ItemResult | RetryLater]:
        try:
            return (self.do(attempt),)
        except BaseException as exc:
            self._note_failure(exc)
            return (RetryLater(attempt, 0.0),)

    def _take_up_batch(self, batch: Batch) -> list[RetryLater]:
        """Report what becomes of each item; returns those that an error left without a result."""
        assert self.do_batch is not None  # noqa: S101 - only then batches are made
        left = {attempt.item.seq: attempt for attempt in batch.attempts}
        try:
            for fate in self.do_batch(batch):
                self._fates.append(fate)
                for seq in [fate.seq] if isinstance(fate, ItemResult) else [a.item.seq for a in attempts_in((fate.unit,))]:
                    del left[seq]
        except BaseException as exc:
            self._note_failure(exc)
        return [RetryLater(attempt, 0.0) for attempt in left.values()]

    def _note_failure(self, exc: BaseException) -> None:
        """Either the gate gave no leave because of a stop (then nothing was sent), or something is badly wrong."""
        if not self.stop.asked:
            self.stop.ask(exc)  # before another worker begins its next item
            self._fates.append(exc)
            self._wake.set()

    # -- the end ----------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Let what is in flight finish, write every outcome, put the rest back. Always runs."""
        with self._ready:
            self._closing = True
            unstarted = [*attempts_in(self._queue), *self._forming]
            self._queue.clear()
            self._forming.clear()
            self._ready.notify_all()
        self._wait_for_workers()
        fates = self._collect()
        waiting = list(attempts_in(entry[2] for entry in self._delayed))
        self._delayed.clear()
        back = [a.item.seq for a in (*unstarted, *waiting) if not a.sent]
        # What failed before and waited for its next attempt keeps what is known of it.
        fates += self._put_back([a for a in (*unstarted, *waiting) if a.sent])
        if fates:
            self.work.settle_and_claim(fates, 0)
        if back:
            self.work.release(back)

    def _wait_for_workers(self) -> None:
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.2)
                self.tick(self.snapshot(False, draining=True))

    def _put_back(self, attempts: Sequence[Attempt]) -> list[ItemResult]:
        """As many at a time as there were workers, for each may take a look."""
        if not attempts:
            return []
        workers, self.do = len(self._threads), self.put_back
        self._queue.extend(attempts)
        self._threads = []
        with suppress(IntercomBulkError):  # where none can be started, this thread does it
            self._hire(min(len(attempts), workers))
        self._wait_for_workers()
        return self._collect() + [self.put_back(attempt) for attempt in attempts_in(self._queue)]

    def snapshot(self, more: bool, *, draining: bool = False) -> PoolStatus:
        """What the machine is doing right now."""
        workers = sum(thread.is_alive() for thread in self._threads)
        holds = Bottleneck.WORKERS
        if draining:
            holds = Bottleneck.FINISHING
        elif self.paused:
            holds = Bottleneck.PAUSED
        elif self.gate.away() is not None:
            holds = Bottleneck.SERVICE
        elif self.gate.waiting or self.gate.state().blocked_for > 0:
            holds = Bottleneck.BUDGET
        elif not self._queue and self._busy < workers:
            # With items waiting on disk it is only the clerk who has not handed them out yet.
            ended = Bottleneck.RETRIES if self._delayed else Bottleneck.FINISHING
            holds = Bottleneck.NONE if not self._dry else Bottleneck.SEARCH if more else ended
        return PoolStatus(workers, self._busy, self.gate.waiting, len(self._delayed), holds, waits_of(self._delayed, time.monotonic()))
