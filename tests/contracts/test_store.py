"""What every store must do, asked of the protocol. Give another database a line in STORES and it is held to the same."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from intercom_bulk_updater.errors import JournalError, NoSuchRun, RunLocked
from intercom_bulk_updater.journal import LEASE_SECONDS, Account, Journal, Store, WindowRow
from intercom_bulk_updater.model import Counts, FoundItem, ItemResult, Outcome, Requests, RunStatus

CHILD = Path(__file__).with_name("store_child.py")
STORES = {"sqlite": ("intercom_bulk_updater.journal:Journal", "journal.db")}
"""By name: what opens the store, for this process and others, and where below a folder of the test's."""

Open = Callable[[], Store]


@pytest.fixture(params=STORES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    opener, place = STORES[request.param]
    return opener, str(tmp_path / place)


@pytest.fixture
def open_store(where: tuple[str, str]) -> Iterator[Open]:
    """Opens the same store again, as another process would."""
    opened: list[Store] = []
    module, _, name = where[0].partition(":")

    def another() -> Store:
        opened.append(getattr(importlib.import_module(module), name)(where[1]))
        return opened[-1]

    yield another
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Open) -> Store:
    return open_store()


@pytest.fixture
def run(store: Store) -> str:
    run = store.create_run(operation="close", workspace="w").id
    store.add_items(run, [FoundItem(f"i{n}", {"state": "open"}) for n in range(1, 7)])
    return run


def done(*seqs: int) -> list[ItemResult]:
    return [ItemResult(seq, Outcome.DONE) for seq in seqs]


def seqs_of(store: Store, run: str, outcome: Outcome) -> list[int]:
    return [row.seq for row in store.items(run, outcomes=[outcome])]


def child(where: tuple[str, str], run: str, group: int, *, settles: bool) -> subprocess.Popen[str]:
    command = [sys.executable, str(CHILD), *where, run, str(group), str(int(settles))]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# Items


def test_a_page_and_its_place_in_the_search_are_written_together(store: Store, run: str) -> None:
    """Ids that are known are dropped, seq has no gaps, `most` bounds the run, and the search state is merged."""
    page = [FoundItem(name) for name in ("i6", "i7", "i7", "i8")]
    assert store.add_items(run, page, search={"cursor": "c", "pass": 1}) == 2
    assert store.add_items(run, [FoundItem("i9"), FoundItem("i10")], search={"pass": 2}, most=9) == 1
    assert [(row.seq, row.id) for row in store.items(run)][-3:] == [(7, "i7"), (8, "i8"), (9, "i9")]
    assert store.run(run).search == {"cursor": "c", "pass": 2}


def test_an_item_goes_from_pending_over_in_flight_to_its_outcome(store: Store, run: str) -> None:
    """Claims come in the order of seq, preferred ones first, with what is known of the item; outcomes are counted."""
    assert [item.seq for item in store.turn(run, [], 2, ready_first=[5])] == [5, 1]
    (item,) = store.turn(run, [*done(5), ItemResult(1, Outcome.PENDING, attempts=1, doubt=True)], 1, now=77.0)
    assert (item.seq, item.id, item.attempts, item.doubt, item.before) == (1, "i1", 1, True, {"state": "open"})
    assert store.counts(run) == Counts(selected=6, done=1, pending=4, in_flight=1)


@pytest.mark.parametrize(
    "results",
    [
        [*done(1), ItemResult(99, Outcome.DONE)],
        [*done(1), ItemResult(3, Outcome.DONE)],
        [*done(1, 1)],
        [*done(1), ItemResult(2, Outcome.IN_FLIGHT)],
    ],
    ids=["unknown", "never claimed", "twice", "no outcome"],
)
def test_a_turn_is_written_whole_or_not_at_all(store: Store, run: str, results: list[ItemResult]) -> None:
    """One result that does not fit refuses the turn with all its other results and its claims."""
    store.turn(run, [], 2)
    with pytest.raises(JournalError):
        store.turn(run, results, 2)
    assert seqs_of(store, run, Outcome.IN_FLIGHT) == [1, 2] and not seqs_of(store, run, Outcome.DONE)


def test_those_without_a_name_are_told_by_seq(store: Store, run: str) -> None:
    """Of the first so many items; what has been named is none of them any more."""
    store.name_items(run, {1: "Ann", 3: "Bob"})
    assert store.unnamed(run, 4) == {2: "i2", 4: "i4"}


def test_failures_can_be_opened_again(store: Store, run: str) -> None:
    """Failed items become pending with their attempts forgotten, an item in doubt keeps its doubt, one done stays done."""
    store.turn(run, [], 3)
    store.turn(run, [*done(1), ItemResult(2, Outcome.FAILED, attempts=4), ItemResult(3, Outcome.IN_DOUBT)], 0)
    assert store.reopen(run, outcomes=[Outcome.FAILED, Outcome.IN_DOUBT]) == 2
    two, three = (row for row in store.items(run, ids=["i2", "i3"]))
    assert (two.outcome, two.attempts, two.doubt, three.doubt) == (Outcome.PENDING, 0, False, True)
    assert seqs_of(store, run, Outcome.DONE) == [1]


def test_what_came_late_puts_in_doubt_all_but_what_is_done(store: Store, run: str) -> None:
    """What is in doubt keeps its reason when it is tried again; the second time nothing is new."""
    with store.hold(run):
        store.turn(run, [], 4)
        store.turn(run, [ItemResult(1, Outcome.DONE), ItemResult(2, Outcome.FAILED), ItemResult(3, Outcome.UNCHANGED)], 0)
        wrote = {f"i{n}": f"POST conversations/i{n}/reply" for n in range(1, 6)}
        assert [store.doubt(run, wrote, 5.0) for _ in "12"] == [3, 0]
    rows = {row.seq: row for row in store.items(run)}
    assert [rows[n].outcome.value for n in range(1, 7)] == ["done", "in_doubt", "in_doubt", "in_flight", "pending", "pending"]
    counts = store.counts(run)
    assert (counts.in_doubt, counts.in_flight, counts.pending) == (2, 2, 1)  # one in flight, and one pending that may have been sent
    store.reopen(run, outcomes=[Outcome.IN_DOUBT])
    assert {item.id: item.doubt for item in store.turn(run, [], 9)} == {"i2": True, "i3": True, "i5": True, "i6": False}


def test_what_is_lost_is_done_again(store: Store, run: str) -> None:
    """Done becomes pending as if never begun; what is not done is refused, along with everything beside it."""
    store.turn(run, [], 2)
    store.turn(run, [*done(1), ItemResult(2, Outcome.FAILED)], 0)
    with pytest.raises(JournalError):
        store.redo(run, [1, 2])
    store.redo(run, [1])
    (one,) = store.items(run, ids=["i1"])
    assert (one.outcome, one.attempts, one.doubt, one.after, one.claimed_at) == (Outcome.PENDING, 0, False, None, None)


# Several processes


def test_two_processes_never_claim_the_same_item(store: Store, where: tuple[str, str]) -> None:
    """Two real processes that empty one run together claim each item once, and each item bears who did it."""
    run = store.create_run(operation="close").id
    store.add_items(run, [FoundItem(str(n)) for n in range(300)])
    processes = [child(where, run, group, settles=True) for group in (3, 5)]
    lines = [line.split() for process in processes for line in process.communicate(timeout=60)[0].splitlines()]
    claimed = [int(seq) for word, *seqs in lines if word == "claimed" for seq in seqs]
    assert sorted(claimed) == list(range(1, 301))
    assert store.counts(run) == Counts(selected=300, done=300)
    assert not store.is_live(run)


def test_of_two_that_have_an_item_in_flight_one_gives_way(open_store: Open) -> None:
    """Whoever asks first, for as long as it has it in flight; claimed again, it stands in the other's way once more."""
    store, other = open_store(), open_store()
    mine, theirs = (one.create_run(operation="reply").id for one in (store, other))
    for one, run in ((store, mine), (other, theirs)):
        one.add_items(run, [FoundItem("i")])
        one.turn(run, [], 1)
    assert store.give_way(mine, 1, theirs, 1) and store.give_way(mine, 1, theirs, 1)
    assert not other.give_way(theirs, 1, mine, 1)
    store.release(mine, [1])
    store.turn(mine, [], 1)
    assert other.give_way(theirs, 1, mine, 1) and not store.give_way(mine, 1, theirs, 1)


def test_what_is_reserved_is_kept_from_others(open_store: Open, run: str) -> None:
    """As a lease keeps it from them, but that nothing is claimed and nothing is counted; a recipe's id is a name as good."""
    store, other = open_store(), open_store()
    for name in (run, "a-recipe"):
        assert not other.is_held(name)
        with store.reserve(name):
            assert other.is_held(name)
            for refused in (lambda name=name: other.refuse_held(name), lambda name=name: other.reserve(name).__enter__()):
                with pytest.raises(RunLocked):
                    refused()
        other.refuse_held(name)
    with store.hold(run), pytest.raises(RunLocked):
        other.refuse_held(run)
    assert store.account(run) == Account() and not other.is_live(run)


def test_only_the_items_of_a_killed_process_are_in_doubt(store: Store, run: str, where: tuple[str, str]) -> None:
    """A process that is killed is found dead when its heartbeat is old; what the living have in flight stays theirs."""
    process = child(where, run, 2, settles=False)
    assert process.stdout is not None
    process.stdout.readline()
    assert process.stdout.readline() == "claimed 1 2\n"
    process.kill()
    process.communicate()
    with store.hold(run, shared=True) as mine:
        assert [item.seq for item in store.turn(run, [], 2)] == [3, 4]
        later = time.time() + LEASE_SECONDS + 1
        assert store.recover(run) == 0 and store.is_live(run), "its heartbeat is fresh: it may live"
        store.renew(mine, Account(), now=later)
        assert store.recover(run, now=later) == 2
        waiting = [(row.seq, row.doubt) for row in store.items(run, outcomes=[Outcome.PENDING])]
        assert waiting == [(1, True), (2, True), (5, False), (6, False)]
        store.turn(run, done(3, 4), 0)
    assert not store.is_live(run), "whoever was found dead is so, however fresh a heartbeat was"


def test_who_was_taken_for_dead_writes_nothing_more(store: Store, run: str, open_store: Open) -> None:
    """A process that slept too long can neither settle, nor release, nor renew what another has taken over since."""
    sleeper, other = store, open_store()
    lease = sleeper.hold(run, shared=True)
    sleeper.turn(run, [], 2)
    later = time.time() + LEASE_SECONDS + 1
    with other.hold(run, shared=True):
        assert other.recover(run, now=later) == 2
        assert [item.doubt for item in other.turn(run, [], 2)] == [True, True]
        for late in (lambda: sleeper.turn(run, done(1), 0), lambda: sleeper.release(run, [1])):
            with pytest.raises(JournalError, match="this process"):
                late()
        sleeper.suspect(run, [1])
        with pytest.raises(RunLocked, match="taken over"):
            sleeper.renew(lease, Account())
        other.turn(run, done(1, 2), 0)
    lease.release()
    assert store.counts(run).done == 2


def test_a_process_that_holds_a_run_for_itself_keeps_others_out(store: Store, run: str, open_store: Open) -> None:
    """Exclusive keeps out both kinds, shared keeps out exclusive ones, and each lets the next one in when it is released."""
    other = open_store()
    with store.hold(run):
        assert other.is_live(run)
        for shared in (False, True):
            with pytest.raises(RunLocked):
                other.hold(run, shared=shared)
    assert not other.is_live(run)
    with store.hold(run, shared=True), other.hold(run, shared=True):
        pass
    with store.hold(run, shared=True):
        with pytest.raises(RunLocked):
            other.hold(run)
        with pytest.raises(RunLocked):
            store.hold(run, shared=True)
    with other.hold(run) as lease:
        assert lease.exclusive


def test_a_shared_holder_lives_as_long_as_its_heartbeat_is_fresh(store: Store, run: str, open_store: Open) -> None:
    """Its time counts from its last renewal, and a dead one keeps nobody out."""
    other = open_store()
    lease = store.hold(run, shared=True, seconds=10, now=1000.0)
    assert other.is_live(run, now=1009.0) and not other.is_live(run, now=1011.0)
    store.renew(lease, Account(), now=1008.0)
    assert other.is_live(run, now=1017.0) and not other.is_live(run, now=1019.0)
    with other.hold(run):
        pass
    lease.release()


def test_a_run_is_the_sum_of_its_processes(store: Store, run: str, open_store: Open) -> None:
    """Requests and seconds of processes that work at the same time, or one after the other, add up; none overwrites another."""
    other = open_store()
    with store.hold(run, shared=True) as one, other.hold(run, shared=True) as two:
        for number in (1, 2):
            store.renew(one, Account(Requests(search=number, action=number * 10), 5.0 * number), progress={"phase": "acting"})
            other.renew(two, Account(Requests(read=number, throttled=1), 1.0))
    assert store.account(run) == Account(Requests(search=2, action=20, read=2, throttled=1), 11.0)
    totals = store.run(run).totals
    assert totals == {"requests": store.account(run).requests.as_json(), "seconds": 11.0}
    assert store.run(run).progress == {"phase": "acting"}


def test_what_a_dead_process_did_not_write_down_shows_in_its_items(store: Store, run: str, open_store: Open) -> None:
    """Write requests that its items show are added to the account of a process that died, once."""
    lease = store.hold(run, shared=True, seconds=10, now=1000.0)
    store.renew(lease, Account(Requests(action=1)), now=1000.0)
    store.turn(run, [], 3)
    store.turn(run, [ItemResult(seq, Outcome.DONE, attempts=seq) for seq in (1, 2, 3)], 0)
    other = open_store()
    for _ in range(2):
        with other.hold(run):
            other.recover(run)
        assert other.account(run).requests.action == 6
    lease.release()


# Runs and their log


def test_totals_of_several_writers_are_merged(store: Store, run: str, open_store: Open) -> None:
    """Each writer sets its own totals; None takes one away."""
    store.update_run(run, totals={"canary": {"items": 1}, "guard": {"selected": 9}})
    open_store().update_run(run, totals={"confirmed": True, "guard": None})
    assert store.run(run).totals == {"canary": {"items": 1}, "confirmed": True}


def test_runs_are_found_by_what_people_type(store: Store, run: str) -> None:
    """By id, by `latest`, by a beginning; what is not there is refused by name."""
    assert store.run("latest").id == store.run(run[:-1]).id == store.runs()[0].id == run
    assert store.run(run).status is RunStatus.PLANNED
    with pytest.raises(NoSuchRun):
        store.counts("1123-close-0000")


def test_control_passes_between_processes(store: Store, run: str, open_store: Open) -> None:
    """What one process asks for, another reads."""
    open_store().request(run, "pause")
    assert store.orders(run).control == "pause"


def test_the_log_keeps_its_order(store: Store, run: str) -> None:
    """Events and windows come back as written, of this run alone."""
    store.add_event(run, "pass", number=1)
    store.add_event(run, "pass", number=2)
    store.add_windows(run, [WindowRow(reset=10.0, limit=5, own=3), WindowRow(reset=20.0, limit=5, own=4)])
    assert [event.data["number"] for event in store.events(run)] == [1, 2]
    assert [window.own for window in store.windows(run)] == [3, 4]
    assert store.events(store.create_run(operation="open").id) == []


def test_prune_leaves_runs_that_a_process_works_on(store: Store, run: str, open_store: Open) -> None:
    """However old they are, and however they are held; what goes goes with all its rows."""
    for shared in (False, True):
        with open_store().hold(run, shared=shared):
            assert store.prune(-1) == []
    assert store.prune(-1) == [run]
    with pytest.raises(NoSuchRun):
        store.run(run)


def test_nothing_is_used_besides_the_protocol() -> None:
    """Whatever the SQLite store offers is in the protocol, with its description there and nowhere else."""
    for name, member in vars(Journal).items():
        if not name.startswith("_") and inspect.isfunction(member):
            assert getattr(Store, name).__doc__ and member.__doc__ is None, name


# Recipes


def test_a_recipe_has_its_steps_as_runs(store: Store, open_store: Open) -> None:
    """What was begun is found by id, beginning and latest, from another process too; its runs are those that name it."""
    begun = store.create_recipe(name="Close the quiet", file="/x.yaml", text="recipe: x", consent={"yes": True}, workspace="w")
    assert begun.id.endswith(begun.id[-4:]) and "close-the-quiet" in begun.id and begun.ending == "" and begun.ended_at is None
    other = store.create_recipe(name="Close the quiet", file="/x.yaml", text="", consent={})
    first = store.create_run(operation="tag", parent=begun.id, selection={"step": "tag"}).id
    store.create_run(operation="tag", parent=begun.id, kind="dry_run")
    store.create_run(operation="tag", parent=other.id)
    second = store.create_run(operation="close", parent=begun.id).id
    elsewhere = open_store()
    assert [run.id for run in elsewhere.steps(begun.id)] == [first, second]
    assert elsewhere.recipes() == [other, begun]
    assert elsewhere.recipe("latest") == other and elsewhere.recipe(begun.id) == begun == elsewhere.recipe(f" {begun.id.upper()} ")
    with pytest.raises(NoSuchRun, match="several recipes"):
        elsewhere.recipe(begun.id[:6])
    for nothing in ("", "no-such"):
        with pytest.raises(NoSuchRun, match="was begun"):
            elsewhere.recipe(nothing)


def test_a_recipe_ends_once(store: Store) -> None:
    """The first ending stands."""
    begun = store.create_recipe(name="x", file="", text="", consent={}).id
    ended = store.end_recipe(begun, "cancelled")
    assert ended.ending == "cancelled" and ended.ended_at is not None
    assert store.end_recipe(begun, "finished") == ended == store.recipe(begun)


def test_steps_of_a_recipe_that_has_not_ended_are_not_pruned(store: Store) -> None:
    """Its next step begins with what they have done; when it has ended, it goes with them."""
    begun = store.create_recipe(name="x", file="", text="", consent={}).id
    step = store.create_run(operation="tag", parent=begun).id
    assert store.prune(0) == []
    store.end_recipe(begun, "finished")
    assert store.prune(0) == [step] and store.recipes() == []
