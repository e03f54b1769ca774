"""The runner: one run from its first page to its last read-back. Every kind of run goes through here.

Steps 2 and 10 of the life of an item (docs/explanation/life-of-an-item.md).

    select   the feed fills the journal (selecting.py, reader.py)
    guard    --expect, --max, the question to the person
    act      the canary first, then the rest (pool.py, processor.py)
    again    search again until a pass brings nothing new
    verify   read back, search again until what is left is explained (read_back.py)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..engine.backup import Backup
from ..engine.batches import BatchProcessor
from ..errors import (
    IntercomBulkError,
    Interrupted,
    PermissionDenied,
    RunStopped,
    SafetyStop,
    SearchError,
    SearchIncomplete,
    ServiceUnavailable,
)
from ..journal import RunRecord
from ..model import EventKind, Explanation, Outcome, Phase, RunStatus
from ..parsing.amounts import Amount
from .context import Cancelled, Job
from .guards import FailureLimit, counted, counted_are
from .observer import Observer
from .older_journal import distrust_if_older
from .read_back import VerificationResult
from .reader import Reader
from .selecting import SelectingRun
from .session import Session
from .sources import SearchSource, missing_words
from .verification import MOST_PASSES, Verification
from .work import ItemsToDo

__all__ = ["Job", "Runner"]

# A late resume reads each item again: what the journal knows of it is older than this (seconds).
_STALE_AFTER = 3600.0
# A thread that has sent something for items of the run that no action had in hand has no more of it when it is quiet for so long.
_QUIET = 1.0
_MOMENT = 0.02


class Runner(SelectingRun):
    """Does one job; see the module. `execute` returns the run as it ended, or raises why it stopped."""

    def __init__(self, session: Session, job: Job, observer: Observer | None = None) -> None:
        super().__init__(session, job, observer)
        self._confirmed = self._begun = False
        self._done_before = 0
        self._breaker = FailureLimit(job.options.max_failures, self.id, job.options)
        self._verification = Verification(self, self._another_pass)

    # -- the whole ----------------------------------------------------------------------------------------------------

    def execute(self) -> RunRecord:
        """Do the run. Raises what stopped it; the journal then holds a state from which `runs resume` goes on."""
        with self.held():
            self.prepare()
            self.go_on()
        return self.journal.run(self.id)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run while this lasts; how it ends is written down."""
        with self.journal.hold(self.id) as self._lease:
            self._start()
            error: BaseException | None = None
            try:
                yield
                if self.session.client.refused is not None:
                    raise self.session.client.refused  # a thread of a person's code was about to write in a dry run
                if not (self._begun or self.job.review_only):
                    raise SafetyStop("Not started: nothing was written.", hint="")
            except BaseException as exc:
                error = exc
                self._end_reader(exc)
                raise
            finally:
                self._finish(error)
        self._verification.judge(self.journal.counts(self.id))

    def prepare(self) -> None:
        """Read the selection, all of it where somebody has to look at the whole first (`review`), and check the guards."""
        if self.job.only is None:
            self._select()
        if self.asks:
            if self.backup_file is not None:
                Backup(self.backup_file).check()
            self.rest(True)  # the clock stands while somebody is asked

    @property
    def asks(self) -> bool:
        """Whether somebody has to confirm what was prepared."""
        return self.job.ask and self.review is not None and self.review.would_change > 0

    def confirmed(self) -> None:
        """Somebody has confirmed it; a resume asks nobody again."""
        self._confirmed = True
        self.journal.update_run(self.id, totals={"confirmed": True})

    def go_on(self) -> None:
        """Do what was prepared. Raises SafetyStop where somebody had to confirm it and has not."""
        if self.asks:
            if not self._confirmed:
                raise SafetyStop("Not confirmed: nothing was written.", hint="")
            self.rest(False)
        self._begun = True
        if not self.job.review_only:
            self._act()
            if (denied := self._worker.refusals.at_end()) is not None:
                raise denied
        self._refuse_silence()
        if not self.job.review_only:
            self._verification.whole()
            if self.review is None:
                self._name_items()
            self._leave_the_rest()
        self._refuse_shortfall()

    def verify_only(self, feed: SearchSource | None) -> VerificationResult:
        """Read back and search once, writing nothing; the account goes into the run's totals."""
        with self.journal.hold(self.id) as self._lease:
            # The run's row stays as it is, but for what is found: its counts are shown, its clock stands.
            self._aside = True
            self._spent_before = self.journal.account(self.id)
            if self.journal.orders(self.id).control:
                self.journal.request(self.id, "")
            self.counts_now()
            self.observer.began(self.id)
            self._verification.result = result = VerificationResult(self.job.options.verify)
            self._verification.read_back(result, result.level)
            if feed is not None and not self.search_state().cut:
                self._verification.search_unseen(feed, result)
            run, counts = self.journal.run(self.id), self.journal.counts(self.id)
            left = counts.pending + counts.in_flight
            if left:
                result.remaining = (result.remaining or 0) + left
                result.explained[Explanation.NOT_DONE] = left
            undone = self.journal.undone(self.id)
            result.undone = len(result.ids & undone.ids) if undone is not None else 0
            code = self._verification.judgement(counts).exit_code if run.status is RunStatus.FINISHED else run.exit_code
            self._renew(self._progress(None))
            self.journal.update_run(self.id, totals={"verified": result.as_json()}, exit_code=code, control="")
            self._event(EventKind.VERIFY, **result.as_json(), done=counts.done)
        self._verification.judge(counts)
        return result

    def _start(self) -> None:
        run = self.journal.run(self.id)
        self._look_at_age(run)
        left = self.journal.recover(self.id)
        self._doubt_what_came_late(0.0)
        self._spent_before = self.journal.account(self.id)
        if left and not self.job.operation.only_reads:
            self.observer.event(EventKind.IN_DOUBT, count=left)
            self.journal.add_event(self.id, EventKind.IN_DOUBT, count=left)
        if run.started_at and time.time() - run.started_at > _STALE_AFTER:
            self._worker.reread = True
        self.journal.update_run(
            self.id, status=RunStatus.RUNNING, started_at=run.started_at or time.time(), finished_at=None, control="",
            exit_code=None, message="",
        )
        self._done_before = self.counts_now().done
        if self._counts.done or self._counts.unchanged:
            self._breaker.alike = None
        self.observer.began(self.id)

    def _doubt_what_came_late(self, seconds: float) -> None:
        """What a thread of a person's own code has sent after its item's outcome, or after the run's end; awaits what else it has."""
        run, now, counts = self.journal.run(self.id), time.monotonic(), self.journal.counts(self.id)
        until, soon = now + seconds, now + min(seconds, _QUIET)
        while time.monotonic() < soon and (counts.failed or counts.unchanged or counts.pending) and self.job.operation.may_send_late():
            if self._stop.wait(_MOMENT):
                break
        while late := self.job.operation.late_writes(run.started_at or run.created_at):
            more = self.journal.doubt(self.id, late, self.session.began(run))
            if not more or time.monotonic() >= until or self._stop.wait(_QUIET):
                break

    def _look_at_age(self, run: RunRecord) -> None:
        """In a journal that is older than the run, what must not be done twice is looked at before it is done."""
        if self.job.operation.idempotent is True:
            return
        older = distrust_if_older(self.session, run)
        if older is not None:
            self._event(EventKind.OLDER_JOURNAL, why=older[0].why, count=older[1])

    def _finish(self, error: BaseException | None) -> None:
        self.rest(False)
        if self._worker.backup is not None:
            self._worker.backup.close()
        status, code, message = _ending(error)
        if isinstance(error, ServiceUnavailable):
            # What failed since the last answer failed with the service, not by itself: resume does it.
            quiet = time.monotonic() - self.session.gate.last_good
            self.journal.reopen(self.id, outcomes=[Outcome.FAILED], since=time.time() - quiet)
        refusals = self._worker.refusals
        if isinstance(error, PermissionDenied) and refusals.cause:
            # Refused for lack of a permission that all need: resume does them once the token has it.
            self.journal.reopen(self.id, outcomes=[Outcome.FAILED], causes=[refusals.cause], since=refusals.since)
        self._doubt_what_came_late(self.session.timeout)
        here_since = time.time() - (time.monotonic() - self._began)
        self.session.client.requests.action += self.job.operation.count_late(here_since)
        counts = self.journal.counts(self.id)
        if isinstance(error, SafetyStop):
            message = error.message = self._breaker.in_all(error, counts)
        if error is None:
            code = self._verification.judgement(counts).exit_code
            if self.job.review_only:
                status = RunStatus.PLANNED
        if isinstance(error, Cancelled):
            status = RunStatus.CANCELLED
        totals: dict[str, Any] = {"guard": error.parts.get("guard") if isinstance(error, SafetyStop) else None}
        if refusals.cause:
            totals["refused"] = int(self.journal.run(self.id).totals.get("refused") or 0) + 1
        if self._verification.result is not None:
            totals["verified"] = self._verification.result.as_json()
        elif counts.done != self._done_before:
            totals["verified"] = None  # an earlier one knows nothing of what was done now
        if self.review is not None:
            totals["review"] = self.review.as_json()
        self._save_windows(present=True)
        self._counts = counts
        self.observer.progress(self._progress(None))
        self._renew(self._progress(None))
        # What another process asked for in these moments stays in the journal: a recipe whose step it was goes no further.
        self.journal.update_run(self.id, status=status, finished_at=time.time(), exit_code=code, message=message, totals=totals)

    # -- act -----------------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        self.phase = Phase.ACTING
        options = self.job.options
        if self.backup_file is not None:
            self._worker.backup = Backup(self.backup_file)
            self.journal.update_run(self.id, totals={"backup": str(self.backup_file)})
        self._prepare()
        if self.job.only is not None:
            self._work(only=self.job.only)
            return
        # One that failed is repeated by a resume, on the items that come next.
        if options.canary and not (self.journal.run(self.id).totals.get("canary") or {}).get("passed"):
            self._canary(Amount.parse(options.canary).of(self._selected(), up=True))
        self._work()
        passes = 1
        while self._again() and passes < MOST_PASSES:
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
        counts = self.journal.counts(self.id)
        if counts.pending or counts.in_flight:
            self.session.patiently(lambda: operation.prepare(self.session.client))
            self.journal.update_run(self.id, parameters=operation.parameters)

    def _work(self, most: int | None = None, only: Sequence[int] | None = None) -> None:
        """Act on what is pending, and on what the reader still brings; or on `only` these items."""
        self.phase = Phase.ACTING
        work = ItemsToDo(
            self.journal, self.id, self._stop, reader=self._reader, limit=self._breaker, count=self._count,
            now=self.session.client.server_time, most=most, only=only,
        )
        try:
            size = self.job.batch_size
            self.run_engine(self._worker, work, BatchProcessor(self._worker, size) if size > 1 else None)
        finally:
            if most is None or self._stop.asked:
                self._join_reader()

    def _canary(self, number: int) -> None:
        if number <= 0:
            return
        before = self.journal.counts(self.id)
        self._work(most=number)
        done = self.counts_now()
        number = done.finished - before.finished
        if not number:
            return  # nothing matched, so nothing was tried
        failed, doubtful = done.failed - before.failed, done.in_doubt - before.in_doubt
        result = VerificationResult("all")
        self._verification.read_back(result, "all")
        passed = not (failed or doubtful or result.wrong_count or result.unread)
        canary = {"items": number, "failed": failed, "wrong": result.wrong_count, "passed": passed}
        canary |= {"in_doubt": doubtful} if doubtful else {}
        self.journal.update_run(self.id, totals={"canary": canary})
        self._event(EventKind.CANARY, **canary)
        if not passed and result.unread and not (failed or doubtful or result.wrong_count):
            raise SafetyStop(
                f"The canary of {counted(number)} could not be judged: {len(result.unread):,} could not be read back "
                f"({result.why_unread}). The rest was not touched."
            )
        if not passed:
            examples = "; ".join(f"{i} is: {what}" for i, what in result.wrong[:3])
            wrong = f"{result.wrong_count:,} {'is' if result.wrong_count == 1 else 'are'} not in the requested state"
            doubted = f", {doubtful:,} {'is' if doubtful == 1 else 'are'} in doubt" if doubtful else ""
            raise SafetyStop(
                f"The canary did not come through: of the first {counted(number)} {failed:,} failed{doubted} and "
                f"{wrong}{f' ({examples})' if examples else ''}. The rest was not touched."
            )

    def _again(self) -> bool:
        """Whether the search should be asked again: always, unless it was cut off, or the count was full anyway and is asked later."""
        search = self.search_state()
        if not self.job.feed.searches or search.cut:
            return False
        counts = self.journal.counts(self.id)
        full = search.total is not None and counts.selected + search.new_since >= search.total
        feed = self.job.feed
        counted = isinstance(feed, SearchSource) and feed.counts_wanted is not None  # the verification asks, and searches where it must
        return not ((counted or self.job.options.verify == "none") and full and search.passes <= 1)

    def _another_pass(self) -> bool:
        """Search again; act on what no pass has seen. False when it brought nothing new."""
        self.phase = Phase.SEARCHING
        reader = self._reader = Reader(
            self.job.feed, self.journal, self.id, self._stop, most=self.job.options.limit
        )
        reader.start()
        if self.job.operation.message_fields:
            self._wait_for_reader(lambda: False)
            self._read_ahead()
        self._work()
        if reader.found:
            self._event(EventKind.PASS, number=reader.state.passes, found=reader.found)
        return bool(reader.found)

    def _refuse_shortfall(self) -> None:
        """Raise SearchIncomplete when the search shows fewer items than it announces, twice in a row."""
        if not self.job.review_only and self.job.only is None and self.job.feed.searches:
            missing = self._missed()
            if missing:
                self._another_pass()
            self._note_missing(missing)
        words = missing_words(self.journal.run(self.id).search)
        if words and (self._verification.result is None or self._verification.result.ok):
            raise SearchIncomplete(f"{words}.", run_id=self.id)

    def _refuse_silence(self) -> None:
        """A search that counts matches and lists none has failed, however well-formed its answer: it is not an empty one."""
        search = self.search_state()
        if not self.counts_now().selected and search.said and not (search.seen or search.cut):
            raise SearchError(
                f"The search counts {search.said:,} matches and lists none of them; nothing was done. Run it again, and if it "
                "stays so ask Intercom's support."
            )

    def _leave_the_rest(self) -> None:
        """A retry of failures leaves what was never begun to `runs resume`, and says so."""
        if self.job.only is None:
            return
        counts, search = self.journal.counts(self.id), self.search_state()
        if counts.pending or counts.in_flight or (search.started and not search.complete):
            doubted = f", {counted_are(counts.in_flight)} in doubt" if counts.in_flight and not self.job.operation.only_reads else ""
            raise RunStopped(f"Only what had failed was tried again; {counted_are(counts.pending)} not begun{doubted}.")


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
