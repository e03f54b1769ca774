"""The first half of a run: its selection is read as far as it must be, the guards decide, and somebody looks at the whole.

Step 2 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

from ..errors import SafetyStop
from ..model import Outcome, Phase
from .context import Job, RunContext
from .guards import check_size, counted_are, most_allowed, needs_population
from .messages import fill_messages
from .naming import name_items
from .observer import Observer
from .preview import Pace, Preview, look, refuse_taken
from .reader import Reader
from .search_state import SearchState
from .session import Session
from .sources import count_missing
from .work import ItemsToPreview


class SelectingRun(RunContext):
    """A run that knows how to fill its journal, and what it would change; the runner does the rest."""

    def __init__(self, session: Session, job: Job, observer: Observer | None = None) -> None:
        super().__init__(session, job, observer)
        self.review: Preview | None = None

    def _select(self) -> None:
        """Read all of it first where somebody or something has to look at the whole; otherwise stream."""
        options = self.job.options
        search = self.search_state()
        fresh = not search.started
        if not search.complete:
            self._reader = Reader(self.job.feed, self.journal, self.id, self._stop, most=options.limit)
            freeze = self.job.ask or self.job.review_only or not self.job.feed.counted or bool(self.job.operation.message_fields)
            self._reader.start()
            if freeze:
                self._wait_for_reader(lambda: False)
                self._ask_for_the_missing()
            elif options.expect or options.max or options.canary or options.cap:
                # The server's count decides before the first write; the reader's own count goes on deciding.
                self._wait_for_reader(lambda: self._reader is None or self._reader.state.started)
        if fresh or not self._counts.finished:
            self._guard()  # also when a run that a guard stopped is resumed: nothing has been written yet
        if self.job.ask or self.job.review_only:
            self._look()
        elif self.job.operation.message_fields:
            self._read_ahead()

    def _guard(self) -> None:
        options = self.job.options
        if options.cap is not None and self._selected() > options.cap and not (options.expect or options.max):
            selected = self._selected()
            raise SafetyStop(
                f"{counted_are(selected)} selected by a query and --yes was given without --max or --expect; the cap "
                f"is then {options.cap:,}. Nothing was written. Look first (--dry-run), then say how many you mean: "
                f"--expect {selected} or --max {selected}.",
                guard={"selected": selected, "go_on": f"--max {selected}"},
                hint="",
            )
        if not (options.expect or options.max):
            self._most = options.cap
            return
        population = self.job.population() if needs_population(options.max) else None
        check_size(self._selected(), options, population)
        self._most = most_allowed(options, population)

    def _selected(self) -> int:
        """How many items are, or will be, selected."""
        # In this order: the reader goes on meanwhile, and what is complete is to be counted to its end.
        state = self.search_state()
        known = self.journal.counts(self.id).selected
        if state.complete:
            return known
        selected = max(known, state.total or 0)
        return min(selected, self.job.options.limit) if self.job.options.limit else selected

    def _look(self) -> None:
        operation, options = self.job.operation, self.job.options
        # What a plan or an undo would leave alone because it moved is known only by reading it; who is asked is told.
        self._read_ahead(every=self._worker.reread)
        if self.job.review_only:  # a run asks Intercom itself, whose word counts
            self.session.patiently(lambda: refuse_taken(self.journal, self.id, operation, self.session.client))
        self._name_items()
        state = self.session.budget.state()
        reads = self.journal.counts(self.id).pending if self._worker.reread or self.job.operation.backs_up else 0
        pace = Pace(options.share, options.rate, options.workers, self.session.budget.latency, state.limit, self.job.batch_size, reads)
        self.review = look(
            self.journal, self.id, operation, pace, label=self.job.label, sent=self._sent, sender=self.session.client.actor,
            backup=self.backup_file,
        )

    def _name_items(self) -> None:
        """Say whose the items are that have no name of their own, for whoever looks now or reads the report later."""
        resource = self.job.operation.resource or str(self.journal.run(self.id).selection.get("resource") or "")
        name_items(self.journal, self.id, resource, self.session.client)

    def _read_ahead(self, *, every: bool = False) -> None:
        """Read what the journal does not know of pending items; `every`: all of them."""
        unread = (every or row.before is None for row in self.journal.items(self.id, outcomes=[Outcome.PENDING]))
        self.phase = Phase.READING
        if any(unread):
            self.run_engine(self._worker.look, ItemsToPreview(self.journal, self.id, self._count, every=every))
        if self.job.operation.message_fields:
            self.session.patiently(lambda: fill_messages(self.journal, self.id, self.job.operation, self.session.client))

    def _ask_for_the_missing(self) -> None:
        """Search once more, writing nothing, where a pass showed fewer items than it announced; note what stays missing."""
        missing = self._missed()
        if missing:
            self._reader = Reader(self.job.feed, self.journal, self.id, self._stop, most=self.job.options.limit)
            self._reader.start()
            self._wait_for_reader(lambda: False)
        self._note_missing(missing)

    def _missed(self) -> int:
        """How many items the search announced and has not shown so far."""
        return count_missing(self.journal.run(self.id).search, self.journal.counts(self.id).selected)["missing"]

    def _note_missing(self, before: int) -> None:
        """Write down what the search has not shown; one pass earlier it had not shown `before` items."""
        search = self.journal.run(self.id).search
        now = count_missing(search, self.journal.counts(self.id).selected)
        now["missing"] = min(before, now["missing"])
        if now["missing"] or SearchState.of(search).missing:
            self.journal.update_run(self.id, search={**search, **now})
