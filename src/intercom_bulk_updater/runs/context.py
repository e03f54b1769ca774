"""What every phase of a run needs: the engine over its items, the reader at its side, and what is told meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..api.retry import RetryPolicy
from ..engine.batches import BatchProcessor
from ..engine.pool import TICK, Do, PoolSize, PoolStatus, WorkerPool
from ..engine.processor import ItemProcessor
from ..engine.refusals import RefusalStreak
from ..engine.throughput import Throughput
from ..engine.work import WorkSource
from ..errors import RunStopped, SafetyStop
from ..journal import Account, Lease, RunRecord, Store, WindowRow
from ..model import Counts, EventKind, ItemResult, Outcome, Phase, RunStatus
from ..operations.operation import Operation
from ..ratelimit.outage import ServiceAway
from ..search.language.where import Judge
from .guards import REFUSED_AT_FIRST, REFUSED_GROWTH, REFUSED_LATER, counted
from .messages import SentBefore
from .observer import Observer, Progress
from .options import Options
from .read_back import VerificationResult
from .reader import Reader
from .search_state import SearchState
from .session import Session
from .sources import ItemSource, SearchSource
from .speed import speed_at
from .stored_query import filter_judge


@dataclass(slots=True)
class Job:
    """What a runner needs to do a run: its row, what is done, where items come from, how."""

    run: RunRecord
    operation: Operation
    feed: ItemSource
    options: Options
    population: Callable[[], int | None] = lambda: None
    """How many items of the kind there are, for `--max P%`."""
    ask: bool = False
    """Freeze the selection and look at it, so that somebody can confirm it before the first write."""
    review_only: bool = False
    """Freeze, look, and end there: a dry run or a plan."""
    label: Callable[[str, str], str] | None = None
    """What the team, admin or tag with an id is called, for previews."""
    only: Sequence[int] | None = None
    """Act on these items of the run (by seq) and on no other: a retry of its failures."""

    @property
    def batch_size(self) -> int:
        """How many items one request acts on at most."""
        most = self.operation.batch_size
        return most if most == 1 else self.options.batch or most


class Cancelled(RunStopped):
    """Cancelled; `runs resume` takes it up again all the same."""


class RunContext:
    """One run's engine, reader and displays. The runner (runner.py) says in which order they are used."""

    def __init__(self, session: Session, job: Job, observer: Observer | None = None) -> None:
        self.session = session
        self.job = job
        self.observer = observer or Observer()
        self.journal: Store = session.journal
        self.id = job.run.id
        self._stop = session.stop
        self._counts = Counts()
        self._began = time.monotonic()
        self._idle = 0.0
        """Seconds of this process in which the run was paused, or a person was asked: no part of its time."""
        self._idle_since: float | None = None
        self._lease: Lease | None = None
        self._spent_before = Account()
        """What the processes that worked on the run before this one spent on it."""
        self._pace = Throughput()
        self._saved = 0.0
        self._looked = 0.0
        self.phase = Phase.READING
        self.verified: VerificationResult | None = None
        """What is being read back, for displays."""
        self._aside = False
        """Looking at a run that is over: where it stood is left as it is."""
        self._paused = False
        self._away: ServiceAway | None = None
        self._thread = threading.get_ident()
        session.gate.on_service, session.gate.on_throttled = self._notice_service, None
        self._most: int | None = None
        self._reader: Reader | None = None
        job.operation.earlier = self._earlier
        fresh = job.operation.writes_text and not job.operation.again
        self._sent = SentBefore(session.journal, job.run, job.operation) if fresh else None
        self._worker = ItemProcessor(
            job.operation,
            session.client,
            self._stop,
            RetryPolicy(job.options.retries),
            timeout=job.options.timeout,
            reread=job.options.reread,
            on_drift=job.options.on_drift,
            selects=self._judge(),
            sent_before=None if self._sent is None else partial(self._sent.of, client=session.client),
            refusals=RefusalStreak(
                REFUSED_AT_FIRST * REFUSED_GROWTH ** int(job.run.totals.get("refused") or 0), REFUSED_LATER
            ),
        )

    def _judge(self) -> Judge | None:
        """Whether an item matches the filter that it was selected by, for a plan by that of the run which made it."""
        if isinstance(self.job.feed, SearchSource):
            return self.job.feed.judge
        planned = self.job.run.selection.get("filter")
        return filter_judge(self.session, planned["query"], planned["resource"]) if planned else None

    def _earlier(self, item: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """See Operation.earlier; of this server alone, for the ids of another one are of other items."""
        for run, row in reversed(self.journal.touched_by_runs(self.job.run.workspace, item, 0.0)):
            if row.after and self.journal.run(run).base_url == self.job.run.base_url:
                yield run, row.after

    # -- the engine and its waits --------------------------------------------------------------------------------------

    @property
    def backup_file(self) -> Path | None:
        """Where each item is kept before its write; None for what undo can take back."""
        if not self.job.operation.backs_up:
            return None
        chosen = self.job.options.backup
        return Path(chosen) if chosen else self.session.settings.home / "backups" / f"{self.id}.jsonl"

    def run_engine(self, do: Do, work: WorkSource, batches: BatchProcessor | None = None) -> None:
        """Run `do` over what `work` hands out, in worker threads, until there is nothing more. Raises why it stopped.

        `batches` takes several items up at a time, where the operation acts on several.
        """

        def tick(snapshot: PoolStatus) -> None:
            self._tick(snapshot)
            engine.paused = self._paused

        engine = WorkerPool(
            gate=self.session.gate,
            stop=self._stop,
            crew=PoolSize(fixed=self.job.options.workers),
            work=work,
            do=do,
            put_back=self._worker.put_back,
            tick=tick,
            do_batch=batches,
            batch_size=1 if batches is None else batches.size,
        )
        engine.run()

    def wait_for_index(self, seconds: float, behind: int) -> None:
        """Wait, showing that `behind` items are not up to date in the search; raises the reason to stop as soon as there is one."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._tick(None, behind)
            if self._stop.wait(min(left, TICK)):
                assert self._stop.reason is not None  # noqa: S101
                raise self._stop.reason

    def _wait_for_reader(self, enough: Callable[[], bool]) -> None:
        reader = self._reader
        assert reader is not None  # noqa: S101
        while reader.is_alive() and not enough():
            reader.join(0.02)
            if time.monotonic() - self._looked >= TICK:
                self._tick(None)
            if self._stop.asked:
                break
        if not reader.is_alive() or self._stop.asked:
            self._join_reader()

    def search_state(self) -> SearchState:
        """Where the search stands, as the journal has it."""
        return SearchState.of(self.journal.run(self.id).search)

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
        if reader.state.endless:
            self._event(EventKind.ENDLESS_PASS, passed=reader.state.passes)

    def _end_reader(self, why: BaseException) -> None:
        """What ends the run ends the reader too, before the account is made: nothing is added after that."""
        if self._reader is not None:
            self._stop.ask(why)
            self._reader.join()
            self._reader = None

    # -- what other processes ask, and what grows ----------------------------------------------------------------------

    def _tick(self, snapshot: PoolStatus | None, index_behind: int = 0) -> None:
        now = time.monotonic()
        self._looked = now
        orders = self.journal.orders(self.id)
        self._obey(orders.control)
        self._keep_speed(Options.from_json(orders.settings))
        progress = self._progress(snapshot, index_behind)
        self._tell_of_service(progress.away)
        self.observer.progress(progress)
        self._guard_growth()
        if now - self._saved >= 2 * TICK:
            self._saved = now
            self._renew(progress)
            self._save_windows()

    def _notice_service(self, away: ServiceAway | None) -> None:
        """The gate has found it out; what workers find out is told at the next tick."""
        if threading.get_ident() == self._thread:
            self._tell_of_service(away)

    def _tell_of_service(self, away: ServiceAway | None) -> None:
        """An event when Intercom goes away, when it names another time, and when it is back."""
        was, self._away = self._away, away
        if away is not None and (was is None or was.reason is not away.reason):
            self._event(EventKind.SERVICE_AWAY, **away.as_json())
        elif away is None and was is not None:
            self._event(EventKind.SERVICE_BACK)
            self._pace.begin_anew()

    def look_up(self) -> None:
        """From work that the engine does not do: see to displays and other processes, if it is time; raises why to stop."""
        if time.monotonic() - self._looked >= TICK:
            self._tick(None)
        if self._stop.asked and self._stop.reason is not None:
            raise self._stop.reason

    def _guard_growth(self) -> None:
        """A selection that grows past its guard while it is read stops the run, whatever the server's count said."""
        if self._most is None or self._stop.asked or self._reader is None:
            return
        if self._reader.known > self._most:
            options = self.job.options
            name = "expect" if options.expect else "max"
            guard = options.word(name, getattr(options, name)) if getattr(options, name) else "--yes alone"
            grown = self._reader.known
            go_on = f"--{'expect' if options.expect else 'max'} {grown}"
            if options.expect and options.max:
                go_on += f" --max {grown}"
            raise SafetyStop(
                f"The selection grew to {counted(grown)}, more than {guard} allows ({self._most:,}).",
                guard={"selected": grown, "go_on": go_on},
            )

    def _obey(self, asked: str) -> None:
        """What another process asked for: pause, resume, cancel."""
        if not asked or self._stop.asked:
            return
        if asked == "cancel":
            self._stop.ask(Cancelled("Cancelled by another process."))
        elif (asked == "pause") != self._paused:
            self._paused = asked == "pause"
            self.rest(self._paused)
            fields: dict[str, Any] = {} if self._paused else {"control": ""}
            if not self._aside:
                fields["status"] = RunStatus.PAUSED if self._paused else RunStatus.RUNNING
            self.journal.update_run(self.id, **fields)
            self._event(EventKind.PAUSED if self._paused else EventKind.RESUMED)

    def _keep_speed(self, stored: Options) -> None:
        """The speed that the hour allows, and what `runs speed` has asked for since."""
        asked = {name: getattr(stored, name) for name in ("share", "rate", "share_words", "rate_words")}
        options = speed_at(replace(self.job.options, **asked), self.session.client.server_time(), lambda: self.session.workspace().timezone)
        was, self.job.options = self.job.options, options
        if (was.share, was.rate) != (options.share, options.rate):
            self.session.gate.set_speed(options.share, options.rate)
            self._event(EventKind.SPEED, share=options.share, rate=options.rate)

    def rest(self, resting: bool) -> None:
        """Stop the clock of the run (a pause, a question to a person), or let it go on."""
        now = time.monotonic()
        if self._idle_since is not None:
            self._idle += now - self._idle_since
        self._idle_since = now if resting else None
        self._pace.begin_anew()

    # -- what is told --------------------------------------------------------------------------------------------------

    def _progress(self, snapshot: PoolStatus | None, index_behind: int = 0) -> Progress:
        now, finished = time.monotonic(), self._counts.finished
        if self._paused:
            self._pace.begin_anew()
        self._pace.saw(now, finished)
        rate = self._pace.rate
        total: int | None = None
        if self._reader is not None:
            total = max(self._reader.state.total or 0, self._reader.known) or None
            self._counts.selected = self._reader.known
        else:
            total = self._counts.selected
        if total is not None and self.job.options.limit:
            total = min(total, self.job.options.limit)
        left = None if total is None else max(0, total - finished)
        self._counts.pending = max(0, self._counts.selected - finished - self._counts.in_flight)
        requests = self.session.client.requests
        away = self.session.gate.away()
        telling = away is None and left is not None and rate > 0.1 and self.phase is Phase.ACTING
        return Progress(
            phase=self.phase,
            counts=self._counts,
            total=total,
            rate=rate,
            elapsed=self._elapsed(),
            eta=left / rate if telling and left is not None else None,
            snapshot=snapshot,
            budget=self.session.gate.state(),
            away=away,
            retried=requests.retried,
            throttled=requests.throttled,
            index_behind=index_behind,
            read_back=(self.verified.read, self.verified.to_read) if self.verified is not None else None,
            share=self.job.options.share,
            own_rate=self.job.options.rate,
            rate_words=self.job.options.rate_words,
            own_workers=self.job.options.workers,
            requests=self.requests(),
        )

    def _count(self, fates: Sequence[ItemResult]) -> None:
        for fate in fates:
            if fate.outcome is not Outcome.PENDING:
                setattr(self._counts, fate.outcome, getattr(self._counts, fate.outcome) + 1)
                if fate.failure is not None:
                    self.observer.event(
                        "item." + fate.outcome, seq=fate.seq, cause=fate.failure.cause, message=fate.failure.message
                    )

    def counts_now(self) -> Counts:
        """The counts as the journal has them; this process does what is in doubt until somebody does it."""
        self._counts = self.journal.counts(self.id)
        self._counts.pending += self._counts.in_flight
        self._counts.in_flight = 0
        return self._counts

    def since(self) -> float:
        """When the run began, by the server's clock."""
        return self.session.began(self.journal.run(self.id))

    def _renew(self, progress: Progress) -> None:
        """Give a sign of life, and write down what this process has spent and where the run stands."""
        if self._lease is not None:
            shown = None if self._aside else progress.as_json()
            self.journal.renew(self._lease, Account(self.session.client.requests, 0.0 if self._aside else self._seconds()), progress=shown)

    def _seconds(self) -> float:
        """Seconds of work of this process; while it was paused or a person was asked, the clock stood."""
        now = time.monotonic()
        return now - self._began - self._idle - (now - self._idle_since if self._idle_since is not None else 0.0)

    def _elapsed(self) -> float:
        """Seconds of work over all processes."""
        return self._seconds() + (0.0 if self._aside else self._spent_before.seconds)

    def requests(self) -> dict[str, int]:
        """Requests of this run so far, over all the processes that worked on it or verified it."""
        return (self._spent_before.requests + self.session.client.requests).as_json()

    def _save_windows(self, *, present: bool = False) -> None:
        taken = self.session.take_windows(present=present)
        if taken:
            rows = [
                WindowRow(reset=w.reset, limit=w.limit, own=w.own, others=w.others, throttled=w.throttled, at=at)
                for at, w in taken
            ]
            self.journal.add_windows(self.id, rows)

    def _event(self, kind: EventKind, **data: Any) -> None:
        self.journal.add_event(self.id, kind, **data)
        self.observer.event(kind, **data)
