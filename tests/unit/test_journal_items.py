"""Items in the journal: found once, claimed once, settled once, and counted as they stand."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from intercom_bulk_updater.errors import JournalError
from intercom_bulk_updater.journal import ItemRow, Journal
from intercom_bulk_updater.model import Failure, FoundItem, ItemResult, Outcome


@pytest.fixture
def journal() -> Iterator[Journal]:
    with Journal(":memory:") as journal:
        yield journal


@pytest.fixture
def run(journal: Journal) -> str:
    return journal.create_run(operation="close", workspace="w").id


def add(journal: Journal, run: str, count: int) -> None:
    journal.add_items(run, [FoundItem(str(100 + n), {"state": "open"}) for n in range(count)])


def one(journal: Journal, run: str, item: str) -> ItemRow:
    (row,) = journal.items(run, ids=[item])
    return row


def test_items_and_search_state_together(journal: Journal, run: str) -> None:
    """A page leaves its items in order, without repeats, and the place where the search goes on."""
    assert journal.add_items(run, [FoundItem("b"), FoundItem("a"), FoundItem("b")], search={"cursor": "2"}) == 2
    assert journal.add_items(run, [FoundItem("a"), FoundItem("c")], search={"cursor": "3", "pass": 1}) == 1
    assert journal.add_items(run, [], search={"complete": True}) == 0
    assert [(row.seq, row.id, row.outcome) for row in journal.items(run)] == [
        (1, "b", Outcome.PENDING),
        (2, "a", Outcome.PENDING),
        (3, "c", Outcome.PENDING),
    ]
    assert journal.run(run).search == {"cursor": "3", "pass": 1, "complete": True}
    assert journal.known(run, ["a", "x", "c"]) == {"a", "c"}


def test_most(journal: Journal, run: str) -> None:
    """`most` bounds the run as a whole, not the page, and not even one item slips past it."""
    assert journal.add_items(run, [FoundItem(str(n)) for n in range(7)], most=10) == 7
    assert journal.add_items(run, [FoundItem(str(n)) for n in range(20)], most=10) == 3
    assert journal.add_items(run, [FoundItem("z")], most=10) == 0
    assert journal.add_items(run, [FoundItem("z")], most=5) == 0
    assert journal.counts(run).selected == 10


def test_runs_do_not_share_items(journal: Journal, run: str) -> None:
    """The same id in two runs is two items."""
    other = journal.create_run(operation="tag").id
    for name in (run, other):
        assert journal.add_items(name, [FoundItem("1")]) == 1
    journal.turn(run, [], 5)
    assert journal.counts(run).in_flight == 1 and journal.counts(other).pending == 1


def test_turn(journal: Journal, run: str) -> None:
    """A turn writes outcomes and hands out the lowest pending items with all that a worker needs."""
    journal.add_items(run, [FoundItem("a", {"state": "open"}, {"tag": "x"}), FoundItem("b"), FoundItem("c")])
    before = time.time()
    first, second = journal.turn(run, [], 2)
    assert (first.seq, first.id, first.before, first.data) == (1, "a", {"state": "open"}, {"tag": "x"})
    assert (second.seq, second.before, second.attempts, second.doubt) == (2, None, 0, False)
    assert before <= first.sent_at <= time.time()
    failure = Failure("not_found", "gone", 404, "not_found", "req-1")
    fates = [
        ItemResult(1, Outcome.DONE, attempts=2, after={"state": "closed"}, note="ok \ud800"),
        ItemResult(2, Outcome.FAILED, failure=failure),
    ]
    assert [item.id for item in journal.turn(run, fates, 9)] == ["c"]
    done, failed = one(journal, run, "a"), one(journal, run, "b")
    assert done is not None and failed is not None
    assert (done.outcome, done.attempts, done.after, done.note) == (
        Outcome.DONE,
        2,
        {"state": "closed"},
        "ok ?",
    )
    assert done.finished_at is not None and done.claimed_at == first.sent_at
    assert (failed.outcome, failed.failure) == (Outcome.FAILED, failure)
    assert not list(journal.items(run, ids=["nobody"]))
    assert journal.turn(run, [], 9) == []


def test_ready_first(journal: Journal, run: str) -> None:
    """Preferred items come before lower ones, as far as they are pending, and none comes twice."""
    add(journal, run, 10)
    assert [item.seq for item in journal.turn(run, [], 1)] == [1]
    assert [item.seq for item in journal.turn(run, [], 4, ready_first=[8, 1, 3, 99])] == [3, 8, 2, 4]
    assert [item.seq for item in journal.turn(run, [], 2, ready_first=[9, 10, 5])] == [5, 9]


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.IN_DOUBT, Outcome.IN_FLIGHT])
def test_only_allowed_moves(journal: Journal, run: str, outcome: Outcome) -> None:
    """What was never claimed cannot have been done; the whole turn is refused, nothing written."""
    add(journal, run, 3)
    journal.turn(run, [], 1)
    with pytest.raises(JournalError):
        journal.turn(run, [ItemResult(1, Outcome.DONE), ItemResult(2, outcome)], 5)
    counts = journal.counts(run)
    assert (counts.in_flight, counts.pending, counts.done) == (1, 2, 0)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_settled_once(journal: Journal, run: str, outcome: Outcome) -> None:
    """An outcome is never written over by another."""
    add(journal, run, 1)
    journal.turn(run, [], 1)
    journal.turn(run, [ItemResult(1, Outcome.DONE)], 0)
    with pytest.raises(JournalError):
        journal.turn(run, [ItemResult(1, outcome)], 0)
    assert journal.counts(run).done == 1


def test_one_item_twice_in_a_turn(journal: Journal, run: str) -> None:
    """Two outcomes for one item in one turn are refused."""
    add(journal, run, 1)
    journal.turn(run, [], 1)
    with pytest.raises(JournalError, match="outcome already"):
        journal.turn(run, [ItemResult(1, Outcome.DONE), ItemResult(1, Outcome.FAILED)], 0)
    assert journal.counts(run).in_flight == 1


def test_back_to_pending(journal: Journal, run: str) -> None:
    """An item given back comes again with its attempts, its doubt and the time of its *first* claim."""
    add(journal, run, 1)
    (first,) = journal.turn(run, [], 1)
    (again,) = journal.turn(run, [ItemResult(1, Outcome.PENDING, attempts=2, doubt=True)], 1)
    assert (again.attempts, again.doubt, again.sent_at) == (2, True, first.sent_at)
    row = one(journal, run, "100")
    assert row is not None and row.finished_at is None


def test_release(journal: Journal, run: str) -> None:
    """Claimed and never sent: as if never claimed. Only what is in flight can be released."""
    add(journal, run, 2)
    journal.turn(run, [], 2)
    journal.release(run, [1])
    journal.release(run, [])
    row = one(journal, run, "100")
    assert row is not None
    assert (row.outcome, row.attempts, row.claimed_at) == (Outcome.PENDING, 0, None)
    with pytest.raises(JournalError, match="not in flight"):
        journal.release(run, [1, 2])
    assert journal.counts(run).in_flight == 1


def test_review(journal: Journal, run: str) -> None:
    """A review settles pending items and fills their before-image; attempts and doubts stay."""
    journal.add_items(run, [FoundItem("a"), FoundItem("b")])
    journal.turn(run, [], 1)
    journal.recover(run)
    fates = [
        ItemResult(1, Outcome.PENDING, attempts=0, before={"state": "open"}),
        ItemResult(2, Outcome.UNCHANGED, attempts=0, before={"state": "closed"}),
    ]
    assert journal.turn(run, fates, 0) == []
    first, second = journal.items(run)
    assert (first.outcome, first.before, first.doubt) == (Outcome.PENDING, {"state": "open"}, True)
    assert (second.outcome, second.before) == (Outcome.UNCHANGED, {"state": "closed"})
    journal.turn(run, [], 1)
    journal.turn(run, [ItemResult(1, Outcome.DONE)], 0)
    kept = one(journal, run, "a")
    assert kept is not None and kept.before == {"state": "open"}


def test_recover(journal: Journal, run: str) -> None:
    """What a dead process left in flight is pending and in doubt, and keeps the time of its claim."""
    add(journal, run, 4)
    first = journal.turn(run, [], 2)[0]
    journal.turn(run, [ItemResult(2, Outcome.DONE)], 1)
    assert journal.recover(run) == 2
    assert journal.recover(run) == 0
    items = journal.turn(run, [], 9)
    assert [(item.seq, item.doubt) for item in items] == [(1, True), (3, True), (4, False)]
    assert items[0].sent_at == first.sent_at


def test_what_failed_half_way_is_in_doubt_when_it_is_tried_again(journal: Journal, run: str) -> None:
    """It has an after-image, so that a part of it stands: it is looked at first, from its first claim on, and is not called not begun."""
    add(journal, run, 2)
    claimed = journal.turn(run, [], 2, now=50.0)
    half, whole = (ItemResult(one.seq, Outcome.FAILED, failure=Failure("422")) for one in claimed)
    journal.turn(run, [ItemResult(half.seq, Outcome.FAILED, failure=half.failure, after={"tags": ["7"]}), whole], 0)
    assert journal.reopen(run, outcomes=[Outcome.FAILED]) == 2
    first, second = journal.items(run)
    assert (first.left, second.left) == (True, False)
    assert [(one.doubt, one.sent_at) for one in journal.turn(run, [], 2, now=90.0)] == [(True, 50.0), (False, 90.0)]


def test_reopen(journal: Journal, run: str) -> None:
    """A retry takes up failures by cause, attempts forgotten; doubt and its first claim are kept."""
    add(journal, run, 5)
    journal.turn(run, [], 5)
    fates = [
        ItemResult(1, Outcome.FAILED, attempts=4, failure=Failure("server_error", "x", 500), note="n"),
        ItemResult(2, Outcome.FAILED, failure=Failure("not_found", "y", 404)),
        ItemResult(3, Outcome.IN_DOUBT, failure=Failure("timeout")),
        ItemResult(4, Outcome.DONE),
        ItemResult(5, Outcome.DRIFTED),
    ]
    journal.turn(run, fates, 0)
    assert journal.reopen(run, outcomes=[Outcome.FAILED], causes=[]) == 0
    assert journal.reopen(run, outcomes=[Outcome.FAILED], causes=["server_error", "timeout"]) == 1
    assert journal.reopen(run, outcomes=[Outcome.IN_DOUBT]) == 1
    first, second, third, fourth, fifth = journal.items(run)
    assert (first.outcome, first.attempts, first.doubt, first.claimed_at) == (Outcome.PENDING, 0, False, None)
    assert (first.failure, first.note, first.after, first.finished_at) == (None, "", None, None)
    assert (second.outcome, third.outcome) == (Outcome.FAILED, Outcome.PENDING)
    assert third.doubt and third.claimed_at is not None
    assert (fourth.outcome, fifth.outcome) == (Outcome.DONE, Outcome.DRIFTED)
    for outcome in (Outcome.DONE, Outcome.DRIFTED, Outcome.UNCHANGED, Outcome.IN_FLIGHT, Outcome.PENDING):
        with pytest.raises(JournalError):
            journal.reopen(run, outcomes=[Outcome.FAILED, outcome])


def test_counts(journal: Journal, run: str) -> None:
    """Every item is in exactly one count, and the JSON counts a dead process's items as in doubt."""
    add(journal, run, 8)
    journal.turn(run, [], 7)
    settled = (Outcome.DONE, Outcome.UNCHANGED, Outcome.FAILED, Outcome.DRIFTED, Outcome.IN_DOUBT)
    journal.turn(run, [ItemResult(n, outcome) for n, outcome in enumerate(settled, 1)], 0)
    counts = journal.counts(run)
    assert (counts.selected, counts.finished, counts.in_flight, counts.pending) == (8, 5, 2, 1)
    assert sum(value for name, value in counts.as_json().items() if name != "selected") == 8
    assert counts.as_json()["in_doubt"] == 3


def test_failures(journal: Journal, run: str) -> None:
    """Failures are grouped by cause and outcome, the largest first, each with its first item."""
    add(journal, run, 6)
    journal.turn(run, [], 6)
    gone = Failure("not_found", "Resource Not Found", 404, "not_found", "req-2")
    journal.turn(
        run,
        [
            ItemResult(1, Outcome.IN_DOUBT, failure=Failure("timeout", "no answer")),
            ItemResult(2, Outcome.FAILED, failure=gone),
            ItemResult(3, Outcome.FAILED, failure=Failure("not_found", "another", 404)),
            ItemResult(4, Outcome.FAILED),
            ItemResult(5, Outcome.UNCHANGED, note="skipped"),
        ],
        0,
    )
    groups = journal.failures(run)
    assert [(g.cause, g.count, g.outcome.value) for g in groups] == [
        ("not_found", 2, "failed"),
        ("timeout", 1, "in_doubt"),
        ("unknown", 1, "failed"),
    ]
    example = groups[0].example
    assert (example.id, example.status, example.code) == ("101", 404, "not_found")
    assert (example.message, example.request_id) == ("Resource Not Found", "req-2")
    assert groups[2].example.id == "103"


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_items_filtered(journal: Journal, run: str, chunk: int) -> None:
    """Items come in the order found, by outcome, cause, id or place, whatever the size of a page."""
    add(journal, run, 10)
    journal.turn(run, [], 10)
    journal.turn(run, [ItemResult(n, Outcome.DONE) for n in (1, 4, 7)], 0)
    journal.turn(run, [ItemResult(n, Outcome.FAILED, failure=Failure("a" if n < 5 else "b")) for n in (2, 5, 9)], 0)

    def seqs(**filters: object) -> list[int]:
        return [row.seq for row in journal.items(run, chunk=chunk, **filters)]  # type: ignore[arg-type]

    assert seqs() == list(range(1, 11))
    assert seqs(after=7) == [8, 9, 10]
    assert seqs(outcomes=[Outcome.DONE]) == [1, 4, 7]
    assert seqs(outcomes=[Outcome.DONE, Outcome.FAILED], after=1) == [2, 4, 5, 7, 9]
    assert seqs(outcomes=[]) == []
    assert seqs(causes=["b"]) == [5, 9]
    assert seqs(outcomes=[Outcome.FAILED], causes=["a", "b"], after=2) == [5, 9]
    assert seqs(ids=["109", "100", "104", "100", "nobody"]) == [1, 5, 10]
    assert seqs(ids=["109", "100"], outcomes=[Outcome.DONE]) == [1]


def test_a_sample_is_drawn_from_all_of_them(journal: Journal, run: str) -> None:
    """So many, each once, in their order, of the outcome asked for; and sooner or later each of them is among those drawn."""
    add(journal, run, 40)
    journal.turn(run, [], 40)
    done = list(range(2, 41, 2))
    journal.turn(run, [ItemResult(n, Outcome.DONE) for n in done], 0)
    drawn = [[row.seq for row in journal.items(run, outcomes=[Outcome.DONE], sample=5)] for _ in range(200)]
    assert all(len(set(some)) == 5 and some == sorted(some) for some in drawn)
    assert sorted({seq for some in drawn for seq in some}) == done
    assert [row.seq for row in journal.items(run, outcomes=[Outcome.DONE], after=36, sample=50)] == [38, 40]


def test_reading_while_writing(journal: Journal, run: str) -> None:
    """A reader half-way through sees every item once, though others settle them meanwhile."""
    add(journal, run, 50)
    seen = []
    for row in journal.items(run, outcomes=[Outcome.PENDING], chunk=7):
        seen.append(row.seq)
        journal.turn(run, [ItemResult(row.seq, Outcome.UNCHANGED, attempts=0)], 0)
    assert seen == list(range(1, 51))


def test_many_ids(journal: Journal, run: str) -> None:
    """Thousands of ids at once pass every limit that a database has on one statement."""
    ids = [f"{n:015d}" for n in range(33_000)]
    assert journal.add_items(run, [FoundItem(i) for i in ids]) == 33_000
    assert journal.add_items(run, [FoundItem(i) for i in ids]) == 0
    assert len(journal.known(run, ids)) == 33_000
    assert sum(1 for _ in journal.items(run, ids=ids, chunk=500)) == 33_000


def test_touched_by_runs(journal: Journal, run: str) -> None:
    """Whoever did an item later is found, in this workspace alone; failures and earlier runs are not."""
    later, elsewhere, failed = (journal.create_run(operation="open", workspace=workspace).id for workspace in ("w", "other", "w"))
    for name in (run, later, elsewhere, failed):
        add(journal, name, 1)
        journal.turn(name, [], 1)
    journal.turn(run, [ItemResult(1, Outcome.DONE)], 0)
    since = time.time()
    journal.turn(later, [ItemResult(1, Outcome.DONE, after={"state": "open"})], 0)
    journal.turn(elsewhere, [ItemResult(1, Outcome.DONE)], 0)
    journal.turn(failed, [ItemResult(1, Outcome.FAILED)], 0)
    found = journal.touched_by_runs("w", "100", since)
    assert [(name, row.after) for name, row in found] == [(later, {"state": "open"})]
    assert [name for name, _ in journal.touched_by_runs("w", "100", 0)] == [run, later]
    assert journal.touched_by_runs("w", "101", 0) == []
