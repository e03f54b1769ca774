"""Whatever is done to a journal in whatever order: no item is lost, none is twice, none moves but along model.MOVES."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from intercom_bulk_updater.errors import JournalError
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import MOVES, Counts, Failure, FoundItem, ItemResult, Outcome

CAUSES = ("timeout", "not_found")


@dataclass
class Known:
    """What we expect the journal to know of one item."""

    seq: int
    outcome: Outcome = Outcome.PENDING
    doubt: bool = False
    attempts: int = 0
    cause: str | None = None

    def move(self, outcome: Outcome) -> None:
        assert outcome in MOVES[self.outcome], (self.outcome, outcome)
        self.outcome = outcome


class JournalMachine(RuleBasedStateMachine):
    """One run, acted on at random, by one process after another."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.db"
        self.dead: list[Journal] = []
        self.journal = Journal(self.path)
        self.run = self.journal.create_run(operation="close", workspace="w").id
        self.items: dict[str, Known] = {}
        self.page = 0

    def teardown(self) -> None:
        for journal in (*self.dead, self.journal):
            journal.close()
        self.folder.cleanup()

    def flying(self) -> list[Known]:
        return [item for item in self.items.values() if item.outcome is Outcome.IN_FLIGHT]

    @rule(ids=st.lists(st.integers(0, 40), max_size=12), most=st.none() | st.integers(0, 30))
    def find(self, ids: list[int], most: int | None) -> None:
        """A page of a search, overlapping what came before."""
        self.page += 1
        fresh = list(dict.fromkeys(str(n) for n in ids if str(n) not in self.items))
        fresh = fresh[: max(0, (30 if most is None else most) - len(self.items))]
        added = self.journal.add_items(
            self.run, [FoundItem(str(n)) for n in ids], search={"page": self.page}, most=30 if most is None else most
        )
        assert added == len(fresh)
        for new in fresh:
            self.items[new] = Known(len(self.items) + 1)

    @rule(data=st.data(), claim=st.integers(0, 6), first=st.lists(st.integers(1, 30), max_size=3))
    def turn(self, data: st.DataObject, claim: int, first: list[int]) -> None:
        """Some of those in flight have their outcome; others are claimed."""
        settled = data.draw(st.lists(st.sampled_from(self.flying()), unique_by=id)) if self.flying() else []
        fates = []
        for item in settled:
            item.move(data.draw(st.sampled_from(sorted(MOVES[Outcome.IN_FLIGHT]))))
            item.attempts += 1
            item.doubt = item.outcome is Outcome.IN_DOUBT or data.draw(st.booleans())
            item.cause = data.draw(st.none() | st.sampled_from(CAUSES))
            failure = None if item.cause is None else Failure(item.cause)
            fates.append(ItemResult(item.seq, item.outcome, item.attempts, failure=failure, doubt=item.doubt))
        waiting = sorted(item.seq for item in self.items.values() if item.outcome is Outcome.PENDING)
        expected = sorted(set(first) & set(waiting))
        expected = (expected + [seq for seq in waiting if seq not in first])[:claim]
        claimed = self.journal.turn(self.run, fates, claim, ready_first=first)
        assert [item.seq for item in claimed] == expected
        for got in claimed:
            item = self.items[got.id]
            assert (got.seq, got.doubt, got.attempts) == (item.seq, item.doubt, item.attempts)
            item.move(Outcome.IN_FLIGHT)

    @precondition(lambda self: self.flying())
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        """Claimed and never sent."""
        items = data.draw(st.lists(st.sampled_from(self.flying()), unique_by=id, min_size=1))
        self.journal.release(self.run, [item.seq for item in items])
        for item in items:
            item.move(Outcome.PENDING)

    @precondition(lambda self: self.items)
    @rule(data=st.data(), outcome=st.sampled_from(list(Outcome)))
    def wrong_fate(self, data: st.DataObject, outcome: Outcome) -> None:
        """A move that is not allowed is refused, along with everything beside it."""
        item = data.draw(st.sampled_from(list(self.items.values())))
        stays = item.outcome is outcome is Outcome.PENDING  # a review that only read the before-image
        if (
            item.outcome is Outcome.IN_FLIGHT
            or stays
            or (item.outcome is Outcome.PENDING and outcome in MOVES[item.outcome] and outcome is not Outcome.IN_FLIGHT)
        ):
            return
        fates = [ItemResult(flying.seq, Outcome.DONE) for flying in self.flying()]
        try:
            self.journal.turn(self.run, [*fates, ItemResult(item.seq, outcome)], 3)
        except JournalError:
            return
        raise AssertionError(f"{item.outcome} became {outcome}")

    @rule()
    def die_and_resume(self) -> None:
        """The process is gone; another one opens the file and resumes."""
        self.dead.append(self.journal)
        self.journal = Journal(self.path)
        flying = self.flying()
        assert self.journal.recover(self.run) == len(flying)
        for item in flying:
            item.move(Outcome.PENDING)
            item.doubt = True

    @rule(
        outcomes=st.sets(st.sampled_from([Outcome.FAILED, Outcome.IN_DOUBT]), min_size=1),
        causes=st.none() | st.sets(st.sampled_from(CAUSES)),
    )
    def retry(self, outcomes: set[Outcome], causes: set[str] | None) -> None:
        """The failures of some causes are tried again."""
        chosen = [item for item in self.items.values() if item.outcome in outcomes and (causes is None or item.cause in causes)]
        found = self.journal.reopen(self.run, outcomes=sorted(outcomes), causes=None if causes is None else sorted(causes))
        assert found == len(chosen)
        for item in chosen:
            item.move(Outcome.PENDING)
            # Of what is in doubt the reason stays known, in case nothing more is found out.
            item.attempts, item.cause = 0, item.cause if item.doubt else None

    @invariant()
    def nothing_lost_nothing_twice(self) -> None:
        rows = list(self.journal.items(self.run, chunk=7))
        assert [(row.seq, row.id) for row in rows] == [(item.seq, name) for name, item in self.items.items()]
        for row in rows:
            item = self.items[row.id]
            assert (row.outcome, row.doubt) == (item.outcome, item.doubt), row
            assert (row.failure.cause if row.failure else None) == item.cause

    @invariant()
    def counts_add_up(self) -> None:
        expected = Counts(selected=len(self.items))
        for item in self.items.values():
            # What a write of had left is in doubt until a process takes it up again.
            left = item.outcome is Outcome.PENDING and item.doubt
            name = (Outcome.IN_FLIGHT if left else item.outcome).value
            setattr(expected, name, getattr(expected, name) + 1)
            expected.tried += item.outcome is Outcome.PENDING and not item.doubt and item.attempts > 0
        assert self.journal.counts(self.run) == expected

    @invariant()
    def search_state_is_of_the_last_page(self) -> None:
        assert self.journal.run(self.run).search.get("page", 0) == self.page


JournalMachine.TestCase.settings = settings(max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
TestJournalMachine = JournalMachine.TestCase
