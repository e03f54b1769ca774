"""The runner: one run from its first page to its last read-back. Every kind of run goes through here.

Steps 2 and 10 of the life of an item (docs/explanation/life-of-an-item.md).

    select   the feed fills the journal (reader.py)
    guard    --expect, --max, the question to the person
    act      the canary first, then the rest (engine.py, worker.py)
    again    search again until a pass brings nothing new
    verify   read back, search again until what is left is explained (verify.py)
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..amounts import Amount
from ..api.retry import RetryPolicy
from ..errors import (
    IntercomBulkError,
    Interrupted,
    NotVerified,
    RunStopped,
    SafetyStop,
    SearchError,
    ServiceUnavailable,
    VerificationFailed,
)
from ..journal import Journal, RunLock, RunRecord, WindowRow
from ..model import Counts, Fate, Item, Outcome, Requests, RunStatus
from ..operation import Operation
from .engine import TICK, Attempt, Crew, Engine, Snapshot
from .feeds import Feed, QueryFeed
from .guards import Breaker, check_size, most_allowed, needs_population
from .observer import Observer, Progress
from .options import Options
from .pace import Pace
from .reader import Reader
from .review import Review, look
from .session import Session
from .verify import Leftovers, ReadBack, Verified, to_read_back
from .worker import Worker

# A late resume reads each item again: what the journal knows of it is older than this (seconds).
_STALE_AFTER = 3600.0
# Passes at most that search again after acting; each must bring something new to be followed by another.
_MOST_PASSES = 25
# What a search still shows in its old state and is asked for by GET at once, before any waiting for the index.
_ASKED_AT_ONCE = 200


@dataclass(slots=True)
class Job:
    """What a runner needs to do a run: its row, what is done, where items come from, how."""

    run: RunRecord
    operation: Operation
    feed: Feed
    options: Options
    population: Callable[[], int | None] = lambda: None
    """How many items of the kind there are, for `--max P%`."""
    ask: bool = False
    """Freeze the selection, then ask the person."""
    review_only: bool = False
    """Freeze, look, and end there: a dry run or a plan."""
    only: Sequence[int] | None = None
    """Act on these items of the run (by seq) and on no other: a retry of its failures."""


class Runner:
    """Does one job; see the module. `execute` returns the run as it ended, or raises why it stopped."""

    def __init__(self, session: Session, job: Job, observer: Observer | None = None) -> None:
        self.session = session
        self.job = job
        self.observer = observer or Observer()
        self.review: Review | None = None
        self.verified: Verified | None = None
        self.journal: Journal = session.journal
        self.id = job.run.id
        self._stop = session.stop
        self._counts = Counts()
        self._began = time.monotonic()
        self._seconds_before = float(job.run.totals.get("seconds") or 0.0)
        self._requests_before = dict(job.run.totals.get("requests") or {})
        self._pace = Pace()
        self._saved = 0.0
        self._looked = 0.0
        self._phase = "reading"
        self._paused = False
        self._most: int | None = None
        self._breaker = Breaker(job.options.max_failures)
        self._reader: Reader | None = None
        self._worker = Worker(
            job.operation,
            session.client,
            self._stop,
            RetryPolicy(job.options.retries),
            timeout=job.options.timeout,
            reread=job.options.reread,
            on_drift=job.options.on_drift,
        )

    # -- the whole ----------------------------------------------------------------------------------------------------

    def execute(self) -> RunRecord:
        """Do the run. Raises what stopped it; the journal then holds a state from which `runs resume` goes on."""
        with RunLock(self.session.settings.home, self.id):
            self._start()
            error: BaseException | None = None
            try:
                if self.job.only is None:
                    self._select()
                if not self.job.review_only:
                    self._act()
                self._refuse_silence()
                if not self.job.review_only:
                    self._verify()
                    self._leave_the_rest()
            except BaseException as exc:
                error = exc
                raise
            finally:
                self._finish(error)
        self._judge(self.journal.counts(self.id))
        return self.journal.run(self.id)

    def _judge(self, counts: Counts) -> None:
        """Raise what the verification found."""
        result = self.verified
        if result is None:
            return
        if not result.ok:
            raise VerificationFailed(self._unverified(), run_id=self.id)
        if result.unread and not (counts.failed or counts.in_doubt):
            raise NotVerified(
                f"The changes were accepted, but {len(result.unread)} items could not be read back to make sure "
                f"({result.why_unread}). Ask again with: intercom-bulk verify {self.id}",
                run_id=self.id,
            )

    def _code(self, counts: Counts) -> int:
        """What a run exits with that came to its end."""
        if self.verified is not None and not self.verified.ok:
            return VerificationFailed.exit_code
        if counts.failed or counts.in_doubt:
            return 3
        return NotVerified.exit_code if self.verified is not None and self.verified.unread else 0

    def verify_only(self, feed: QueryFeed | None) -> Verified:
        """Read back and search once, writing nothing; the account goes into the run's totals."""
        with RunLock(self.session.settings.home, self.id):
            self.observer.began(self.id)
            self.verified = result = Verified(self.job.options.verify)
            self._read_back(result, result.level)
            if feed is not None and not self.journal.run(self.id).search.get("cut"):
                self._search_unseen(feed, result)
            run, counts = self.journal.run(self.id), self.journal.counts(self.id)
            undone = counts.pending + counts.in_flight
            if undone:
                result.remaining = (result.remaining or 0) + undone
                result.explained["not done yet"] = undone
            code = self._code(counts) if run.status is RunStatus.FINISHED else run.exit_code
            self.journal.update_run(self.id, totals={**run.totals, "verified": result.as_json()}, exit_code=code)
            self._event("verify", **result.as_json())
        self._judge(counts)
        return result

    def _search_unseen(self, feed: QueryFeed, result: Verified) -> None:
        leftovers = Leftovers(self.journal, self.id, self.job.operation, feed.key, result.ids)
        feed.watch = leftovers
        state: dict[str, Any] = {"pass": 0, "complete": True, "server_started": self.journal.run(self.id).search.get("server_started")}
        unseen, after = 0, dict(state)
        for batch, after in feed.batches({k: v for k, v in state.items() if v is not None}):  # noqa: B007 - the last state is read below
            known = self.journal.known(self.id, [item.id for item in batch])
            unseen += sum(item.id not in known for item in batch)
        leftovers.settle()
        result.passes = 1
        result.explained = dict(leftovers.explained)
        if after.get("new_since"):
            result.explained["new since the run began"] = int(after["new_since"])
        if leftovers.stale_count:
            self._ask_each(leftovers.stale, result)
            self._index_is_behind(leftovers, result)
        result.remaining = unseen + (result.remaining or 0)

    def _start(self) -> None:
        run = self.journal.run(self.id)
        left = self.journal.recover(self.id)
        if left:
            self.observer.event("in_doubt", count=left)
            self.journal.add_event(self.id, "in_doubt", count=left)
        if run.started_at and time.time() - run.started_at > _STALE_AFTER:
            self._worker.reread = True
        self.journal.update_run(
            self.id, status=RunStatus.RUNNING, started_at=run.started_at or time.time(), finished_at=None, control="",
            exit_code=None, message="",
        )
        self._counts = self.journal.counts(self.id)
        self.observer.began(self.id)

    def _finish(self, error: BaseException | None) -> None:
        status, code, message = _ending(error)
        if isinstance(error, ServiceUnavailable):
            # What failed since the last answer failed with the service, not by itself: resume does it.
            quiet = time.monotonic() - self._worker.health.last_good
            self.journal.reopen(self.id, outcomes=[Outcome.FAILED], since=time.time() - quiet)
        counts = self.journal.counts(self.id)
        if error is None:
            code = self._code(counts)
            if self.job.review_only:
                status = RunStatus.PLANNED
        if isinstance(error, _Cancelled):
            status = RunStatus.CANCELLED
        totals = dict(self.journal.run(self.id).totals)
        totals["requests"] = self.requests()
        totals["seconds"] = round(self._elapsed(), 3)
        if self.verified is not None:
            totals["verified"] = self.verified.as_json()
        if self.review is not None:
            totals["review"] = self.review.as_json()
        self._save_windows(present=True)
        self._counts = counts
        self.observer.progress(self._progress(None))
        self.journal.update_run(
            self.id, status=status, finished_at=time.time(), exit_code=code, message=message, totals=totals,
            progress=self._progress(None).as_json(), control="",
        )

    # -- select and guard -----------------------------------------------------------------------------------------------

    def _select(self) -> None:
        """Read all of it first where somebody or something has to look at the whole; otherwise stream."""
        options = self.job.options
        search = self.journal.run(self.id).search
        fresh = not search
        if not search.get("complete"):
            self._reader = Reader(self.job.feed, self.journal, self.id, self._stop, most=options.limit)
            freeze = self.job.ask or self.job.review_only or not self.job.feed.searches
            self._reader.start()
            if freeze:
                self._wait_for_reader(lambda: False)
            elif options.expect or options.max or options.canary or options.cap:
                # The server's count decides before the first write; the reader's own count goes on deciding.
                self._wait_for_reader(lambda: "total" in self._reader_state())
        if fresh or not self._counts.finished:
            self._guard()  # also when a run that a guard stopped is resumed: nothing has been written yet
        if self.job.ask or self.job.review_only:
            self._look()
            assert self.review is not None  # noqa: S101 - _look made it
            if self.job.ask and self.review.would_change:
                if not self.observer.confirm(self.review, self.id):
                    raise SafetyStop("Not confirmed: nothing was written.")
                self.journal.update_run(self.id, totals={**self.journal.run(self.id).totals, "confirmed": True})

    def _guard(self) -> None:
        options = self.job.options
        if options.cap is not None and self._selected() > options.cap and not (options.expect or options.max):
            raise SafetyStop(
                f"{self._selected()} items are selected by a query and --yes was given without --max or --expect; the cap "
                f"is then {options.cap}. Nothing was written. Look first (--dry-run), then say how many you mean: "
                f"--expect {self._selected()} or --max {self._selected()}."
            )
        if not (options.expect or options.max):
            self._most = options.cap
            return
        population = self.job.population() if needs_population(options.max) else None
        check_size(self._selected(), expect=options.expect, most=options.max, population=population)
        self._most = most_allowed(expect=options.expect, most=options.max, population=population)

    def _selected(self) -> int:
        """How many items are, or will be, selected."""
        known = self.journal.counts(self.id).selected
        state = self.journal.run(self.id).search
        if state.get("complete"):
            return known
        total = state.get("total")
        selected = max(known, int(total)) if isinstance(total, int) else known
        return min(selected, self.job.options.limit) if self.job.options.limit else selected

    def _look(self) -> None:
        operation = self.job.operation
        # What a plan or an undo would leave alone because it moved is known only by reading it; a dry run reads.
        every = self._worker.reread and self.job.review_only
        unread = (every or row.before is None for row in self.journal.items(self.id, outcomes=[Outcome.PENDING]))
        if any(unread):
            self._phase = "reading"
            self._run_engine(_Looker(self._worker), self._iterate_pending(every))
        state = self.session.budget.state()
        reads = 0 if not self._worker.reread else self.journal.counts(self.id).pending
        self.review = look(
            self.journal, self.id, operation, limit=state.limit, requests_read=reads,
        )

    def _iterate_pending(self, every: bool) -> Callable[[Sequence[Fate], int], list[Item]]:
        rows = self.journal.items(self.id, outcomes=[Outcome.PENDING])

        def take(fates: Sequence[Fate], number: int) -> list[Item]:
            if fates:
                self._count(fates)
                self.journal.turn(self.id, fates, 0)
            items: list[Item] = []
            while len(items) < number and (row := next(rows, None)) is not None:
                if every or row.before is None:
                    items.append(Item(row.seq, row.id, row.before, row.data))
            return items

        return take

    def _wait_for_reader(self, enough: Callable[[], bool]) -> None:
        reader = self._reader
        assert reader is not None  # noqa: S101
        while reader.is_alive() and not enough():
            reader.join(0.02)
            if time.monotonic() - self._looked >= TICK:
                self._looked = time.monotonic()
                self._tick(None)
            if self._stop.asked:
                break
        if not reader.is_alive() or self._stop.asked:
            self._join_reader()

    def _reader_state(self) -> dict[str, Any]:
        return self._reader.state if self._reader is not None else {}

    def _join_reader(self) -> None:
        """Wait for the reader and raise what broke it."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        reader.join()
        if reader.error is not None:
            raise reader.error
        if self._stop.asked and self._stop.reason is not None:
            raise self._stop.reason
        self._counts.selected = reader.known
        if reader.state.get("endless"):
            self._event("endless_pass", passed=reader.state.get("pass"))

    # -- act -------------------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        self._phase = "acting"
        options = self.job.options
        self._prepare()
        if self.job.only is not None:
            self._work(only=self.job.only)
            return
        # One that failed is repeated by a resume, on the items that come next.
        if options.canary and not (self.journal.run(self.id).totals.get("canary") or {}).get("passed"):
            self._canary(Amount.parse(options.canary).of(self._selected(), up=True))
        self._work()
        passes = 1
        while self._again() and passes < _MOST_PASSES:
            passes += 1
            if not self._another_pass():
                break

    def _prepare(self) -> None:
        """Let the operation make what it needs, as soon as there is an item to do."""
        operation = self.job.operation
        if not operation.prepares:
            return
        if self._reader is not None:
            self._wait_for_reader(lambda: self._reader is None or self._reader.known > 0)
        if self.journal.counts(self.id).pending:
            self.session.patiently(lambda: operation.prepare(self.session.client))
            self.journal.update_run(self.id, parameters=operation.parameters)

    def _work(self, most: int | None = None, only: Sequence[int] | None = None) -> None:
        """Act on what is pending, and on what the reader still brings; or on `only` these items."""
        self._phase = "acting"
        allowance = _Allowance(most if only is None else len(only))
        chosen = deque(only or ())

        def take(fates: Sequence[Fate], number: int) -> list[Item]:
            broken = self._breaker.trips(fates)
            self._count(fates)
            # Also when the breaker trips these outcomes go to disk first: what is done is done.
            claim = 0 if broken else allowance.of(number)
            if only is not None:
                # An item that came back with its before-image waits again.
                chosen.extendleft(fate.seq for fate in fates if fate.outcome is Outcome.PENDING)
                claim = min(claim, len(chosen))
            first = [chosen.popleft() for _ in range(claim)] if only is not None else []
            items = self.journal.turn(self.id, fates, claim, ready_first=first, now=self.session.client.server_time())
            allowance.spend(items, fates)
            if broken is not None and not self._stop.asked:
                raise broken
            return items

        try:
            self._run_engine(self._worker, take)
        finally:
            if most is None or self._stop.asked:
                self._join_reader()

    def _leave_the_rest(self) -> None:
        """A retry of failures leaves what was never begun to `runs resume`, and says so."""
        if self.job.only is None:
            return
        pending = self.journal.counts(self.id).pending
        if pending or not self.journal.run(self.id).search.get("complete", True):
            raise RunStopped(f"Only what had failed was tried again; {pending} items of this run are not begun.")

    def _again(self) -> bool:
        """Whether the search should be asked again: always, unless it was cut off or the count was full anyway."""
        search = self.journal.run(self.id).search
        if not self.job.feed.searches or search.get("cut"):
            return False
        counts = self.journal.counts(self.id)
        total = search.get("total")
        full = isinstance(total, int) and counts.selected + int(search.get("new_since") or 0) >= total
        return not (self.job.options.verify == "none" and full and int(search.get("pass") or 1) == 1)

    def _refuse_silence(self) -> None:
        """A search that counts matches and lists none has failed, however well-formed its answer: it is not an empty one."""
        search = self.journal.run(self.id).search
        said = search.get("said")
        if not self._counts_now().selected and isinstance(said, int) and said > 0 and not (search.get("seen") or search.get("cut")):
            raise SearchError(
                f"The search says that {said} items match and lists none of them; nothing was done. Run it again, and if it "
                "stays so ask Intercom's support."
            )

    def _another_pass(self) -> bool:
        """Search again; act on what no pass has seen. False when it brought nothing new."""
        self._phase = "searching again"
        reader = self._reader = Reader(
            self.job.feed, self.journal, self.id, self._stop, most=self.job.options.limit
        )
        reader.start()
        self._work()
        if reader.found:
            self._event("pass", number=reader.state.get("pass"), found=reader.found)
        return bool(reader.found)

    def _canary(self, number: int) -> None:
        if number <= 0:
            return
        before = self.journal.counts(self.id)
        self._work(most=number)
        done = self._counts_now()
        failed = done.failed + done.in_doubt - before.failed - before.in_doubt
        result = Verified("all")
        self._read_back(result, "all")
        totals = dict(self.journal.run(self.id).totals)
        passed = not failed and not result.wrong_count and not result.unread
        totals["canary"] = {"items": number, "failed": failed, "wrong": result.wrong_count, "passed": passed}
        self.journal.update_run(self.id, totals=totals)
        self._event("canary", **totals["canary"])
        if not passed and result.unread and not failed and not result.wrong_count:
            raise SafetyStop(
                f"The canary of {number} items could not be judged: {len(result.unread)} could not be read back "
                f"({result.why_unread}). The rest was not touched."
            )
        if not passed:
            examples = "; ".join(f"{i} is: {what}" for i, what in result.wrong[:3])
            raise SafetyStop(
                f"The canary did not come through: of the first {number} items {failed} failed and "
                f"{result.wrong_count} are not as wanted{f' ({examples})' if examples else ''}. The rest was not touched."
            )

    # -- verify ----------------------------------------------------------------------------------------------------------

    def _verify(self) -> None:
        level = self.job.options.verify
        if level == "none":
            return
        # A resumed or repeated verification starts from nothing.
        self.verified = result = Verified(level)
        self._read_back(result, level)
        cut = self.journal.run(self.id).search.get("cut") or self.job.only is not None
        if not isinstance(self.job.feed, QueryFeed) or cut:
            return
        self._search_until_explained(result)

    def _read_back(self, result: Verified, level: str) -> None:
        self._phase = "verifying"
        operation = self.job.operation
        items = to_read_back(self.journal, self.id, level)
        since = self._since()
        reads = ReadBack(operation, self.session.client, since, result)
        self._run_engine(reads, _hand_out(items))
        if not result.checked and not result.unread and self._counts_now().done:
            result.unreadable = f"{operation.describe()}: the operation does not know how to read an item back"

    def _since(self) -> float:
        """When the run began, by the server's clock."""
        return (self.journal.run(self.id).started_at or 0.0) + self.session.client.server_time() - time.time()

    def _search_until_explained(self, result: Verified) -> None:
        feed = self.job.feed
        assert isinstance(feed, QueryFeed)  # noqa: S101
        waited_since = time.monotonic()
        pause = 1.0
        asked = 0
        while True:
            leftovers = Leftovers(self.journal, self.id, self.job.operation, feed.key, result.ids)
            feed.watch = leftovers
            try:
                self._another_pass()
            finally:
                feed.watch = None
            leftovers.settle()
            search = self.journal.run(self.id).search
            result.passes = int(search.get("pass") or 1)
            result.explained = dict(leftovers.explained)
            if search.get("new_since"):
                result.explained["new since the run began"] = int(search["new_since"])
            if leftovers.stale and asked < _ASKED_AT_ONCE:
                # Is it the index, or is it so? GET knows at once; waiting would not make it right.
                some = leftovers.stale[: _ASKED_AT_ONCE - asked]
                asked += len(some)
                self._ask_each(some, result)
            left = leftovers.stale_count - sum(i in result.ids for i in leftovers.stale)
            result.remaining = 0
            if not left and not self._counts_now().pending:
                break
            result.waited = time.monotonic() - waited_since
            if result.waited >= self.job.options.index_wait:
                self._ask_each(leftovers.stale, result)
                self._index_is_behind(leftovers, result)
                break
            self._phase = "waiting for the index"
            self._wait(pause, f"{left} items still show their old state in Intercom's search index")
            pause = min(pause * 2, 8.0)
        result.waited = time.monotonic() - waited_since if result.waited else 0.0

    def _ask_each(self, ids: Sequence[str], result: Verified) -> None:
        """What the search still shows in its old state: GET decides, item by item."""
        for start in range(0, len(ids), 500):
            rows = self.journal.items(self.id, ids=[i for i in ids[start : start + 500] if i not in result.ids])
            items = (Item(r.seq, r.id, r.before, r.data, sent_at=r.claimed_at or 0.0) for r in rows)
            self._run_engine(ReadBack(self.job.operation, self.session.client, self._since(), result), _hand_out(items))

    def _index_is_behind(self, leftovers: Leftovers, result: Verified) -> None:
        """After each was asked: what is as wanted is explained, and what was too many to keep is not."""
        wrong = sum(i in result.ids for i in leftovers.stale)
        result.explained["as wanted by GET; the search index is behind"] = len(leftovers.stale) - wrong
        result.remaining = leftovers.stale_count - len(leftovers.stale)

    def _unverified(self) -> str:
        result = self.verified
        assert result is not None  # noqa: S101
        some = "; ".join(f"{i}: {what}" for i, what in result.wrong[:3])
        undone = result.explained.get("not done yet", 0)
        if undone:
            others = result.wrong_count + (result.remaining or 0) - undone
            also = f" {others} more are not in the wanted state." if others else ""
            return f"{undone} items are not done yet: go on with intercom-bulk runs resume {self.id}.{also}"
        return (
            f"{result.wrong_count + (result.remaining or 0)} items are not in the wanted state although Intercom accepted "
            f"the change{f' ({some})' if some else ''}."
        )

    def _wait(self, seconds: float, note: str) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._tick(None, note)
            if self._stop.wait(min(left, TICK)):
                assert self._stop.reason is not None  # noqa: S101
                raise self._stop.reason

    # -- the machine and the displays ---------------------------------------------------------------------------------

    def _run_engine(self, do: Callable[[Attempt], Any], take: Callable[[Sequence[Fate], int], list[Item]]) -> None:
        options = self.job.options
        acting = do is self._worker

        def more() -> bool:
            reader = self._reader
            if reader is None or not acting:
                return False
            if reader.error is not None and not self._stop.asked:
                raise reader.error
            return reader.is_alive()

        def tick(snapshot: Snapshot) -> None:
            self._tick(snapshot)
            engine.paused = self._paused

        engine = Engine(
            gate=self.session.gate,
            stop=self._stop,
            crew=Crew(fixed=options.workers),
            take=take,
            do=do,
            more=more,
            tick=tick,
            release=(lambda seqs: self.journal.release(self.id, seqs)) if acting else (lambda seqs: None),
            doubtful=self._worker.put_back,
            suspect=(lambda seqs: self.journal.suspect(self.id, seqs)) if acting else (lambda seqs: None),
        )
        engine.run()

    def _tick(self, snapshot: Snapshot | None, note: str = "") -> None:
        now = time.monotonic()
        self._obey()
        progress = self._progress(snapshot, note)
        self.observer.progress(progress)
        self._guard_growth()
        if now - self._saved >= 2 * TICK:
            self._saved = now
            self.journal.update_run(self.id, progress=progress.as_json())
            self._save_windows()

    def _guard_growth(self) -> None:
        """A selection that grows past its guard while it is read stops the run, whatever the server's count said."""
        if self._most is None or self._stop.asked or self._reader is None:
            return
        if self._reader.known > self._most:
            options = self.job.options
            guard = f"--expect {options.expect}" if options.expect else f"--max {options.max}" if options.max else "--yes alone"
            raise SafetyStop(f"The selection grew to {self._reader.known} items, more than {guard} allows ({self._most}).")

    def _obey(self) -> None:
        """What another process asked for: pause, resume, cancel."""
        asked = self.journal.control(self.id)
        if not asked or self._stop.asked:
            return
        if asked == "cancel":
            self._stop.ask(_Cancelled("Cancelled by another process."))
        elif (asked == "pause") != self._paused:
            self._paused = asked == "pause"
            status = RunStatus.PAUSED if self._paused else RunStatus.RUNNING
            self.journal.update_run(self.id, status=status, **({} if self._paused else {"control": ""}))
            self._event("paused" if self._paused else "resumed")

    def _progress(self, snapshot: Snapshot | None, note: str = "") -> Progress:
        now, finished = time.monotonic(), self._counts.finished
        if self._paused:
            self._pace.begin_anew()
        self._pace.saw(now, finished)
        rate = self._pace.rate
        total: int | None = None
        if self._reader is not None:
            known = self._reader.state.get("total")
            total = max(known if isinstance(known, int) else 0, self._reader.known) or None
            self._counts.selected = self._reader.known
        else:
            total = self._counts.selected
        if total is not None and self.job.options.limit:
            total = min(total, self.job.options.limit)
        left = None if total is None else max(0, total - finished)
        self._counts.pending = max(0, self._counts.selected - finished)
        requests = self.session.client.requests
        return Progress(
            phase=self._phase,
            counts=self._counts,
            total=total,
            rate=rate,
            elapsed=self._elapsed(),
            eta=left / rate if left is not None and rate > 0.1 and self._phase == "acting" else None,
            snapshot=snapshot,
            budget=self.session.gate.state(),
            retried=requests.retried,
            throttled=requests.throttled,
            note=note,
        )

    def _count(self, fates: Sequence[Fate]) -> None:
        for fate in fates:
            if fate.outcome is not Outcome.PENDING:
                setattr(self._counts, fate.outcome, getattr(self._counts, fate.outcome) + 1)
                if fate.failure is not None:
                    self.observer.event(
                        "item." + fate.outcome, seq=fate.seq, cause=fate.failure.cause, message=fate.failure.message
                    )

    def _counts_now(self) -> Counts:
        self._counts = self.journal.counts(self.id)
        return self._counts

    def _elapsed(self) -> float:
        return self._seconds_before + time.monotonic() - self._began

    def requests(self) -> dict[str, int]:
        """Requests of this run so far, over all the processes that worked on it."""
        now: Requests = self.session.client.requests
        return {k: v + int(self._requests_before.get(k) or 0) for k, v in now.as_json().items()}

    def _save_windows(self, *, present: bool = False) -> None:
        taken = self.session.take_windows(present=present)
        if taken:
            rows = [
                WindowRow(reset=w.reset, limit=w.limit, own=w.own, others=w.others, throttled=w.throttled, at=at)
                for at, w in taken
            ]
            self.journal.add_windows(self.id, rows)

    def _event(self, kind: str, **data: Any) -> None:
        self.journal.add_event(self.id, kind, **data)
        self.observer.event(kind, **data)


class _Cancelled(RunStopped):
    """Cancelled; `runs resume` takes it up again all the same."""


class _Looker:
    """A `do` that reads an item and says whether acting would change anything; it never writes."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __call__(self, attempt: Attempt) -> Any:
        return self._worker.look(attempt)


class _Allowance:
    """How many items may still be handed out (the canary); without a number, all."""

    def __init__(self, most: int | None) -> None:
        self._left = most

    def of(self, wanted: int) -> int:
        return wanted if self._left is None else min(wanted, max(0, self._left))

    def spend(self, items: Sequence[Item], fates: Sequence[Fate]) -> None:
        if self._left is not None:
            # An item that came back with its before-image is handed out a second time.
            self._left += sum(fate.outcome is Outcome.PENDING for fate in fates) - len(items)


def _hand_out(items: Iterator[Item]) -> Callable[[Sequence[Fate], int], list[Item]]:
    """A `take` over a plain stream of items whose outcomes stay as they are."""

    def take(fates: Sequence[Fate], number: int) -> list[Item]:
        handed: list[Item] = []
        while len(handed) < number and (item := next(items, None)) is not None:
            handed.append(item)
        return handed

    return take


def _ending(error: BaseException | None) -> tuple[RunStatus, int, str]:
    """Status, exit code and message of a run that ended this way."""
    if error is None:
        return RunStatus.FINISHED, 0, ""
    if isinstance(error, KeyboardInterrupt):
        return RunStatus.INTERRUPTED, 130, "interrupted"
    if isinstance(error, Interrupted):
        return RunStatus.INTERRUPTED, 128 + error.signal_number, error.message
    if isinstance(error, IntercomBulkError):
        return RunStatus.STOPPED, error.exit_code, error.message
    return RunStatus.STOPPED, 1, f"{type(error).__name__}: {error}"

