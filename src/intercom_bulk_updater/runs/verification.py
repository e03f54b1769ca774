"""The verification of a run: read back, search again until what is left is explained, and say what was found.

The judgements are in read_back.py; here is their order, over the run's machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import NotVerified, VerificationFailed
from ..model import Counts, Item, ItemResult
from .context import RunContext
from .guards import counted, counted_are
from .read_back import ASKED_AT_ONCE, SAMPLE, ReadBack, RemainingMatches, VerificationResult, to_read_back
from .sources import SearchSource, count_missing, missing_words


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
        self.result: VerificationResult | None = None

    def whole(self) -> None:
        """Read back, then search until nothing is left or what is left is explained."""
        level = self._run.job.options.verify
        if level == "none":
            return
        # A resumed or repeated verification starts from nothing.
        self.result = result = VerificationResult(level)
        self.read_back(result, level)
        cut = self._run.journal.run(self._run.id).search.get("cut") or self._run.job.only is not None
        if not isinstance(self._run.job.feed, SearchSource) or cut:
            return
        self._search_until_explained(result)

    def read_back(self, result: VerificationResult, level: str) -> None:
        """Read items back by GET and compare them with what the run left."""
        self._run.phase = "verifying"
        operation = self._run.job.operation
        done = self._run.counts_now().done
        result.read, result.to_read = 0, done if level == "all" else min(done, SAMPLE)
        self._run.verified = result
        rows = to_read_back(self._run.journal, self._run.id, level)
        since = self._run.since()
        reads = ReadBack(operation, self._run.session.client, since, result)
        self._run.run_engine(reads, hand_out(rows))
        self._run.verified = None
        if not result.checked and not result.unread and not result.wrong_count and done:
            result.unreadable = f"{operation.describe()}: the operation does not know how to read an item back"

    def _search_until_explained(self, result: VerificationResult) -> None:
        feed = self._run.job.feed
        assert isinstance(feed, SearchSource)  # noqa: S101
        waited_since = time.monotonic()
        pause = 1.0
        asked = 0
        while True:
            leftovers = RemainingMatches(self._run.journal, self._run.id, self._run.job.operation, feed.key, result)
            feed.watch = leftovers
            try:
                self._search_again()
            finally:
                feed.watch = None
            leftovers.settle()
            search = self._run.journal.run(self._run.id).search
            result.passes = int(search.get("pass") or 1)
            self._ask_untold(leftovers, result)
            result.explained = dict(leftovers.explained)
            if search.get("new_since"):
                result.explained["new since the run began"] = int(search["new_since"])
            if leftovers.stale and asked < ASKED_AT_ONCE:
                # Is it the index, or is it so? GET knows at once; waiting would not make it right.
                some = [i for i in leftovers.stale if i not in result.as_wanted][: ASKED_AT_ONCE - asked]
                asked += len(some)
                self._ask_each(some, result)
            left = leftovers.stale_count - sum(i in result.ids for i in leftovers.stale)
            result.remaining = 0
            if not left and not self._run.counts_now().pending:
                break
            result.waited = time.monotonic() - waited_since
            if result.waited >= self._run.job.options.index_wait:
                self._ask_each(leftovers.stale, result)
                self._index_is_behind(leftovers, result)
                break
            self._run.phase = "waiting for the index"
            self._run.wait(pause, f"{left} items still show their old state in Intercom's search index")
            pause = min(pause * 2, 8.0)
        result.waited = time.monotonic() - waited_since if result.waited else 0.0

    def search_unseen(self, feed: SearchSource, result: VerificationResult) -> None:
        """Search once, writing nothing, and count what no pass has seen."""
        self._run.phase = "searching again"
        leftovers = RemainingMatches(self._run.journal, self._run.id, self._run.job.operation, feed.key, result)
        feed.watch = leftovers
        started = self._run.journal.run(self._run.id).search.get("server_started")
        state: dict[str, Any] = {"pass": 1, "complete": True, "server_started": started}
        unseen, after = 0, dict(state)
        for batch, after in feed.batches({k: v for k, v in state.items() if v is not None}):  # noqa: B007 - the last state is read below
            known = self._run.journal.known(self._run.id, [item.id for item in batch])
            unseen += sum(item.id not in known for item in batch)
            self._run.look_up()
        leftovers.settle()
        result.passes = 1
        self._ask_untold(leftovers, result)
        result.explained = dict(leftovers.explained)
        if after.get("new_since"):
            result.explained["new since the run began"] = int(after["new_since"])
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
            self._run.run_engine(ReadBack(operation, client, self._run.since(), result, remember=True), hand_out(asked))

    def _ask_untold(self, leftovers: RemainingMatches, result: VerificationResult) -> None:
        """What the search shows without the fields that would tell: no waiting helps, GET has the last word."""
        self._ask_each(leftovers.untold, result)
        wrong = sum(i in result.ids for i in leftovers.untold)
        told = sum(i in result.as_wanted for i in leftovers.untold)
        leftovers.add("not in the wanted state, by GET", wrong)
        leftovers.add("as wanted by GET; the search does not tell", told)
        leftovers.add("neither the search nor a GET tells", len(leftovers.untold) - wrong - told)

    def _index_is_behind(self, leftovers: RemainingMatches, result: VerificationResult) -> None:
        """After each was asked: what is as wanted is explained, and what was too many to keep is not."""
        wrong = sum(i in result.ids for i in leftovers.stale)
        result.explained["as wanted by GET; the search index is behind"] = len(leftovers.stale) - wrong
        result.remaining = leftovers.stale_count - len(leftovers.stale)

    def judge(self, counts: Counts) -> None:
        """Raise what the verification found."""
        result = self.result
        if result is None:
            return
        if not result.ok:
            raise VerificationFailed(self._unverified(), run_id=self._run.id)
        if result.unread and not (counts.failed or counts.in_doubt):
            raise NotVerified(
                f"The changes were accepted, but {counted(len(result.unread))} could not be read back to make sure "
                f"({result.why_unread}). Ask again with: intercom-bulk verify {self._run.id}",
                run_id=self._run.id,
            )

    def code(self, counts: Counts) -> int:
        """What a run exits with that came to its end."""
        if self.result is not None and not self.result.ok:
            return VerificationFailed.exit_code
        if counts.failed or counts.in_doubt:
            return 3
        return NotVerified.exit_code if self.result is not None and self.result.unread else 0

    def _unverified(self) -> str:
        result = self.result
        assert result is not None  # noqa: S101
        some = "; ".join(f"{i}: {what}" for i, what in result.wrong[:3])
        undone = result.explained.get("not done yet", 0)
        if undone:
            others = result.wrong_count + (result.remaining or 0) - undone
            also = f" {others:,} more {'is' if others == 1 else 'are'} not in the wanted state." if others else ""
            return f"{counted_are(undone)} not done yet: go on with intercom-bulk runs resume {self._run.id}.{also}"
        said = [f"{result.missing}."] if result.missing else []
        wrong = result.wrong_count + (result.remaining or 0) - result.unseen
        if wrong:
            examples = f" ({some})" if some else ""
            said.append(f"{counted_are(wrong)} not in the wanted state although Intercom accepted the change{examples}.")
        if result.unseen:
            said.append(f"{counted(result.unseen)} that the run has not seen {'matches' if result.unseen == 1 else 'match'} its selection.")
        return " ".join(said)


def hand_out(stream: Iterator[Item]) -> Callable[[Sequence[ItemResult], int], list[Item]]:
    """A `take` over a plain stream of items whose outcomes stay as they are."""

    def take(fates: Sequence[ItemResult], number: int) -> list[Item]:
        handed: list[Item] = []
        while len(handed) < number and (item := next(stream, None)) is not None:
            handed.append(item)
        return handed

    return take
