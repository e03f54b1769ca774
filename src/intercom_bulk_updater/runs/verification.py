"""The verification of a run: read back, search again until what is left is explained, and say what was found.

The judgements are in read_back.py; here is their order, over the run's machine.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ..api.redact import redact
from ..errors import IntercomBulkError, NotVerified, PermissionDenied, RunStopped, SafetyStop, VerificationFailed
from ..model import Counts, Explanation, Item, Outcome, Phase, RunKind, RunStatus
from .context import RunContext
from .guards import counted
from .judgement import Judgement, Verified, judge
from .read_back import ASKED_AT_ONCE, SAMPLE, ReadBack, RemainingMatches, VerificationResult, to_read_back
from .search_state import SearchState
from .sources import SearchSource, count_missing, missing_words
from .verification_words import describe_verification
from .work import ItemsToReadBack

MOST_PASSES = 25
"""Passes at most that search again after acting; each must bring something new to be followed by another."""
_log = logging.getLogger("intercom_bulk_updater.runs")


class Verification:
    """Asks the server whether a run is complete. `result` is None until it has.

    Parameters
    ----------
    machine:
        The run's engine, journal and displays.
    search_again:
        One more pass of the search that acts on what no pass has seen; whether it brought anything.
    """

    def __init__(self, machine: RunContext, search_again: Callable[[], bool]) -> None:
        self._run = machine
        self._search_again = search_again
        self._taken_back: frozenset[str] = frozenset()
        """What an undo has taken back since, or may have; it is not meant to stand."""
        self.result: VerificationResult | None = None

    def whole(self) -> None:
        """Read back, then search until nothing is left or what is left is explained."""
        level = self._run.job.options.verify
        if level == "none":
            return
        # A resumed or repeated verification starts from nothing.
        self.result = result = VerificationResult(level)
        journal, run = self._run.journal, self._run.id
        undone, unfinished = journal.undone(run), journal.unfinished_undo(run)
        self._taken_back = (undone.ids if undone else frozenset()) | (unfinished.ids if unfinished else frozenset())
        self.read_back(result, level)
        cut = self._run.search_state().cut or self._run.job.only is not None
        if not isinstance(self._run.job.feed, SearchSource) or cut:
            return
        with self._searching(result):
            self._search_until_explained(result)

    @contextmanager
    def _searching(self, result: VerificationResult) -> Iterator[None]:
        """While this lasts, a search that fails leaves on `result` that what it would have told is not known."""
        try:
            yield
        except (RunStopped, SafetyStop):
            raise
        except Exception as exc:
            result.search_failed = True
            result.why_unread = redact(f"the search could not be asked again: {exc or type(exc).__name__}")
            if not isinstance(exc, AttributeError | LookupError | TypeError | ValueError | RecursionError):
                raise
            # An answer of another shape than Intercom's.
            raise NotVerified(
                f"The changes were accepted, but {result.why_unread}. To ask again: {self._command('resume')}",
                run_id=self._run.id,
            ) from exc

    def read_back(self, result: VerificationResult, level: str) -> None:
        """Read items back by GET and compare them with what the run left."""
        self._run.phase = Phase.VERIFYING
        operation = self._run.job.operation
        journal, run = self._run.journal, self._run.id
        gone = sum(1 for _ in journal.items(run, outcomes=[Outcome.DONE], ids=list(self._taken_back))) if self._taken_back else 0
        done = self._run.counts_now().done - gone
        result.read, result.to_read = 0, done if level == "all" else min(done, SAMPLE)
        self._run.verified = result
        rows = to_read_back(journal, run, level, self._taken_back)
        since = self._run.since()
        reads = ReadBack(operation, self._run.session.client, since, result, retries=self._run.job.options.retries)
        if level == "sample":
            rows = iter(reads.without_shown(list(rows)))
        self._run.run_engine(reads, ItemsToReadBack(rows))
        self._run.verified = None
        if result.to_read < done and result.checked:
            result.sample = (result.checked, result.wrong_count, done)
        if result.undecided:
            _log.warning("%s of %s cannot be verified: %s", counted(len(result.undecided)), self._run.id, result.note)

    def _search_until_explained(self, result: VerificationResult) -> None:
        feed = self._run.job.feed
        assert isinstance(feed, SearchSource)  # noqa: S101
        waited_since = time.monotonic()
        pause = 1.0
        asked = 0
        while not self._counts_all_as_wanted(result):
            leftovers = RemainingMatches(
                self._run.journal, self._run.id, self._run.job.operation, feed.key, result, self._taken_back
            )
            feed.watch = leftovers
            try:
                found = self._search_again()
            finally:
                feed.watch = None
            leftovers.settle()
            search = self._run.search_state()
            result.passes = max(1, search.passes)
            self._ask_untold(leftovers, result)
            result.explained = dict(leftovers.explained)
            if search.new_since:
                result.explained[Explanation.NEW] = search.new_since
            if leftovers.stale and asked < ASKED_AT_ONCE:
                # Is it the index, or is it so? GET knows at once; waiting would not make it right.
                some = [i for i in leftovers.stale if i not in result.as_wanted][: ASKED_AT_ONCE - asked]
                asked += len(some)
                self._ask_each(some, result)
            left = leftovers.stale_count - sum(i in result.ids for i in leftovers.stale)
            result.remaining = 0
            if found and feed.counts_wanted is not None and result.passes < MOST_PASSES:
                continue  # no pass before this one has looked whether there is more
            if not left and not self._run.counts_now().pending:
                break
            result.waited = time.monotonic() - waited_since
            if result.waited >= self._run.job.options.index_wait:
                self._ask_each(leftovers.stale, result)
                self._index_is_behind(leftovers, result)
                break
            self._run.phase = Phase.INDEX
            self._run.wait_for_index(pause, left)
            pause = min(pause * 2, 8.0)
        result.waited = time.monotonic() - waited_since if result.waited else 0.0

    def _counts_all_as_wanted(self, result: VerificationResult) -> bool:
        """Whether the search counts all that was selected as wanted, and nothing else: then none of its pages tells more.

        A search that lags is asked again, for as long as it comes nearer.
        """
        feed, search, counts = self._run.job.feed, self._run.search_state(), self._run.counts_now()
        assert isinstance(feed, SearchSource)  # noqa: S101
        others = search.aside or search.contradicting or search.unusable or search.missing or search.cut
        whole = search.complete and counts.selected == search.total == counts.done + counts.unchanged
        if feed.counts_wanted is None or not whole or others or self._taken_back:
            return False
        until, before = time.monotonic() + self._run.job.options.index_wait, math.inf
        while (told := feed.counts_wanted()) is not None:
            wanted, lacking = told
            if (wanted, lacking) == (counts.selected, 0):
                result.passes, result.remaining = max(1, search.passes), 0
                result.explained = {Explanation.STILL_MATCHES: wanted}
                return True
            if not 0 < lacking < before or time.monotonic() > until:
                break
            before, result.waited = lacking, 1.0
            self._run.phase = Phase.INDEX
            self._run.wait_for_index(1.0, lacking)
        return False

    def search_unseen(self, feed: SearchSource, result: VerificationResult) -> None:
        """Search once, writing nothing, and count what no pass has seen. A search that fails is noted on `result`."""
        try:
            with self._searching(result):
                self._search_unseen(feed, result)
        except IntercomBulkError as exc:
            if not result.search_failed or exc.exit_code == PermissionDenied.exit_code:
                raise

    def _search_unseen(self, feed: SearchSource, result: VerificationResult) -> None:
        self._run.phase = Phase.SEARCHING
        leftovers = RemainingMatches(self._run.journal, self._run.id, self._run.job.operation, feed.key, result)
        feed.watch = leftovers
        unseen = 0
        after = SearchState(passes=1, complete=True, server_started=self._run.search_state().server_started).to_json()
        for batch, after in feed.batches(after):  # noqa: B007, B020 - each batch comes with the state after it; the last is read below
            known = self._run.journal.known(self._run.id, [item.id for item in batch])
            unseen += sum(item.id not in known for item in batch)
            self._run.look_up()
        leftovers.settle()
        result.passes = 1
        self._ask_untold(leftovers, result)
        result.explained = dict(leftovers.explained)
        if new := SearchState.of(after).new_since:
            result.explained[Explanation.NEW] = new
        if leftovers.stale_count:
            self._ask_each(leftovers.stale, result)
            self._index_is_behind(leftovers, result)
        result.missing = missing_words(count_missing(after, self._run.journal.counts(self._run.id).selected + unseen))
        result.unseen = unseen
        result.remaining = unseen + (result.remaining or 0)

    def _ask_each(self, ids: Sequence[str], result: VerificationResult) -> None:
        """What the search still shows in its old state: GET decides, item by item, and once for each."""
        operation, client = self._run.job.operation, self._run.session.client
        for start in range(0, len(ids), 500):
            some = [i for i in ids[start : start + 500] if i not in result.ids and i not in result.as_wanted]
            rows = self._run.journal.items(self._run.id, ids=some)
            asked = (Item(r.seq, r.id, r.before, r.data, sent_at=r.claimed_at or 0.0) for r in rows)
            retries = self._run.job.options.retries
            reads = ReadBack(operation, client, self._run.since(), result, remember=True, retries=retries)
            self._run.run_engine(reads, ItemsToReadBack(asked))

    def _ask_untold(self, leftovers: RemainingMatches, result: VerificationResult) -> None:
        """What the search shows without the fields that would tell: no waiting helps, GET has the last word."""
        self._ask_each(leftovers.untold, result)
        wrong = sum(i in result.ids for i in leftovers.untold)
        told = sum(i in result.as_wanted for i in leftovers.untold)
        leftovers.add(Explanation.WRONG, wrong)
        leftovers.add(Explanation.UNTOLD, told)
        leftovers.add(Explanation.UNKNOWN, len(leftovers.untold) - wrong - told)

    def _index_is_behind(self, leftovers: RemainingMatches, result: VerificationResult) -> None:
        """After each was asked: what is as wanted is explained, and what was too many to keep is not."""
        wrong = sum(i in result.ids for i in leftovers.stale)
        result.explained[Explanation.INDEX_BEHIND] = len(leftovers.stale) - wrong
        result.remaining = leftovers.stale_count - len(leftovers.stale)

    def judge(self, counts: Counts) -> None:
        """Raise what the verification found."""
        result = self.result
        if result is None:
            return
        if not result.ok:
            raise VerificationFailed(self._unverified(), run_id=self._run.id)
        if self.judgement(counts).exit_code == NotVerified.exit_code:
            what = f"{counted(len(result.unread))} could not be read back to make sure ({result.why_unread})"
            raise NotVerified(
                f"The changes were accepted, but {what if result.unread else result.why_unread}. "
                f"Ask again with: {self._command('verify')}",
                run_id=self._run.id,
            )

    def judgement(self, counts: Counts) -> Judgement:
        """The judgement on a run that came to its end."""
        found = None if self.result is None else self.result.as_json()
        kind = RunKind.DRY_RUN if self._run.job.review_only else RunKind.RUN
        search = self._run.search_state()
        return judge(
            kind=kind, status=RunStatus.FINISHED, counts=counts, verified=found,
            short=bool(search.missing), unusable=search.unusable,
        )  # fmt: skip

    def _command(self, verb: str, **given: object) -> str:
        return self._run.job.options.command(self._run.id, verb, **given)

    def _unverified(self) -> str:
        assert self.result is not None  # noqa: S101
        found = Verified.of(self.result.as_json())
        said = describe_verification(found, self._run.counts_now().done, command=self._command("verify", level="all"))
        if found.not_done:
            said.append(f"go on with `{self._command('resume')}`")
        if found.known_wrong:
            some = "; ".join(f"{i} is: {what}" for i, what in self.result.wrong[:3])
            said.append(f"Intercom had accepted the change{f' ({some})' if some else ''}")
        return f"{'. '.join(clause[:1].upper() + clause[1:] for clause in said)}."
