"""Store: what a journal's database must do. SQLite (journal.py) does; tests/contracts/test_store.py asks it of any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, Unpack

from intercom_bulk_updater.model import Counts, EventKind, FoundItem, Item, ItemResult, Outcome

from .lease import LEASE_SECONDS, Lease
from .mark import Age
from .records import (
    Account,
    Event,
    FailureGroup,
    ItemRow,
    NewRecipe,
    NewRun,
    Orders,
    RecipeRecord,
    RunRecord,
    Undone,
    UnfinishedUndo,
    WindowRow,
)


class Store(Protocol):
    """Every item of every run, on disk before a worker sees it, in flight on disk before its request leaves.

    Any thread may call any method, and several processes may use one store. Writes come one after the other, and each is
    on the disk when its method returns; reads do not wait for writes. What the database refuses is raised as
    `JournalError` with the transaction undone, so that a resume goes on from there. A run is named by its exact id; an
    unknown one raises `NoSuchRun`.
    """

    home: Path
    """The state folder: the lock files of the runs, and whatever else lies beside the database."""

    def close(self) -> None:
        """Close the database. Harmless when already closed."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    # Runs

    def create_run(self, **fields: Unpack[NewRun]) -> RunRecord:
        """A new run, PLANNED, held on paper by this process.

        Its id is made from the day and the operation.
        """

    def run(self, ref: str, workspace: str | None = None, base_url: str | None = None) -> RunRecord:
        """A run by its id, by `latest`, or by the beginning of its id; else `NoSuchRun` with the nearest.

        With `workspace`, `latest` is that workspace's, and an ambiguous beginning means that workspace's
        run; so with `base_url`, for the runs of one server. An exact id is found wherever it belongs: to
        refuse it is the caller's part.
        """

    def runs(self, limit: int | None = 50) -> list[RunRecord]:
        """Runs, newest first; all of them with `limit=None`."""

    def undone(self, run: str) -> Undone | None:
        """What of this run its undos have taken back; None: all that it did stands.

        An item that the run did after its undo stands, and so does one whose undo was undone.
        """

    def unfinished_undo(self, run: str) -> UnfinishedUndo | None:
        """The undo of this run that broke off after it had begun to write; None for none, and while one is at work."""

    def update_run(self, run: str, **fields: Any) -> RunRecord:
        """Set fields of a run (any of RunRecord but its identity); returns the row as it is now.

        `totals` are merged: other keys stay as they are, and one that is given as None goes.
        """

    def orders(self, run: str) -> Orders:
        """What other processes ask of this run. Cheap: poll it."""

    def request(self, run: str, control: str) -> None:
        """Ask the process that holds the run to pause, resume or cancel.

        "" takes the request back, or says it is obeyed. A request to cancel stands against one to pause or to resume.
        """

    # Recipes, whose steps are runs

    def create_recipe(self, **fields: Unpack[NewRecipe]) -> RecipeRecord:
        """A recipe that begins now; its id is made from the day and its name."""

    def recipe(self, ref: str, *, base_url: str | None = None) -> RecipeRecord:
        """A recipe by its id, by `latest` (of those at `base_url`), or by a unique beginning of its id; else `NoSuchRun`."""

    def recipes(self) -> list[RecipeRecord]:
        """Every recipe that was begun, newest first."""

    def end_recipe(self, recipe: str, ending: str) -> RecipeRecord:
        """It is over: `finished` or `cancelled`. The first ending stands."""

    def steps(self, recipe: str) -> list[RunRecord]:
        """The runs of its steps, oldest first; no dry runs."""

    # Who works on a run

    def hold(self, run: str, *, shared: bool = False, seconds: float = LEASE_SECONDS, now: float | None = None) -> Lease:
        """Take a run for this process: `with journal.hold(run) as lease: ...`. Items claimed meanwhile are this process's.

        Raises `RunLocked` when another live process holds the run for itself, or, unless `shared`, works on it at all.
        Several processes may share a run; each counts as alive until `seconds` after its last `renew`.
        """

    def renew(
        self, lease: Lease, spent: Account, *, progress: Mapping[str, Any] | None = None, now: float | None = None
    ) -> None:
        """A sign of life: what this process has spent on the run so far, and the run's `progress`, in one transaction.

        Raises `RunLocked` when the process was taken for dead and its items were given to others.
        """

    def is_live(self, run: str, now: float | None = None) -> bool:
        """Whether a process that lives works on the run: one that has its lock, or one whose heartbeat is fresh."""

    def is_held(self, run: str) -> bool:
        """Whether a live process holds the run for itself. Costs no database access: its holder may stand in a write."""

    def refuse_held(self, run: str) -> None:
        """Raise `RunLocked` when a live process holds the run for itself."""

    def reserve(self, name: str) -> AbstractContextManager[object]:
        """Keep others from a run or a recipe while this lasts, without a lease: nothing is claimed and nothing is spent.

        Raises `RunLocked` when another live process has it.
        """

    def account(self, run: str) -> Account:
        """What all processes together have spent on the run."""

    def prune(self, older_than_days: float, *, keep: Sequence[str] = ()) -> list[str]:
        """Delete runs untouched for so many days, with their rows; never one that a live process holds, nor a
        step of a recipe that has not ended. Recipes that ended so long ago go too.

        Returns their ids.
        """

    # Items, written

    def add_items(
        self,
        run: str,
        items: Sequence[FoundItem],
        *,
        search: Mapping[str, Any] | None = None,
        most: int | None = None,
    ) -> int:
        """A page of the search: its new items as PENDING, and where the search stands, in one transaction.

        Step 4 of the life of an item (docs/explanation/life-of-an-item.md).

        Ids that the run already has are dropped. `search` is merged into the run's search state. `most`
        bounds the items of the run as a whole. Returns how many were new.
        """

    def known(self, run: str, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that the run already has."""

    def turn(
        self,
        run: str,
        fates: Sequence[ItemResult],
        claim: int,
        *,
        ready_first: Sequence[int] = (),
        now: float | None = None,
    ) -> list[Item]:
        """Write outcomes and claim the next items, in one transaction; the hot path.

        `now` is the time of the claims by the server's clock (this machine's may be set between a crash and the resume).

        `fates` are of items in flight; `ItemResult.attempts` is the item's total so far. Up to `claim` pending
        items come back in flight: those of `ready_first`, then the lowest seq. A review may settle pending
        items as UNCHANGED, FAILED or DRIFTED, or give them their before-image as PENDING. For any other item
        `JournalError` is raised, and nothing is written.
        """

    def suspect(self, run: str, seqs: Sequence[int]) -> None:
        """Items in flight whose request ran out of time: it may still be under way when this process is gone."""

    def doubt(self, run: str, wrote: Mapping[str, str], since: float) -> int:
        """Of these ids (with what was sent) those that are PENDING, FAILED or UNCHANGED are in doubt: it came when nobody had them in hand.

        `since`: by Intercom's clock, what was sent is not older. How many are in doubt by it that were not.
        """

    def give_way(self, run: str, seq: int, other: str, other_seq: int) -> bool:
        """Two runs have the same item in flight with the same text: whoever asks first is not to send it, and the other is.

        False for the other one. It is on disk for both of them to see, so that they never both go on.
        """

    def release(self, run: str, seqs: Sequence[int]) -> None:
        """Claimed and never sent: PENDING again, with attempts unchanged."""

    def recover(self, run: str, now: float | None = None) -> int:
        """What dead processes left in flight becomes PENDING with doubt; returns how many. Items of a live one are left.

        The account of a process that died lacks what it sent after its last `renew`: what its items show is added.
        """

    def age(self, run: str) -> Age | None:
        """Why this journal may be older than a run of it (copied, restored, cut short); None when nothing says so."""

    def distrust(self, run: str, age: Age, since: float) -> int:
        """For who holds the lock: what this journal, being older than the run, knows of items not done is in doubt.

        `since` is when the run began, by Intercom's clock. Returns how many items have to be looked at. Said once: from
        now on the journal counts as up to date.
        """

    def name_items(self, run: str, names: Mapping[int, str]) -> None:
        """What people call these items (by seq); nothing else of them changes."""

    def reopen(
        self, run: str, *, outcomes: Sequence[Outcome], causes: Sequence[str] | None = None, since: float | None = None
    ) -> int:
        """For who holds the lock: FAILED or IN_DOUBT (of these causes, since then) becomes PENDING, attempts 0.

        How many.
        """

    def redo(self, run: str, seqs: Sequence[int]) -> None:
        """For who holds the lock: DONE or UNCHANGED becomes PENDING, as if never begun; what these items left is gone."""

    # Items, read

    def counts(self, run: str) -> Counts:
        """Where the items stand, counted in the table (0.1 s for a million)."""

    def items(
        self,
        run: str,
        *,
        outcomes: Sequence[Outcome] | None = None,
        causes: Sequence[str] | None = None,
        after: int = 0,
        chunk: int = 1000,
        ids: Sequence[str] | None = None,
        sample: int | None = None,
    ) -> Iterator[ItemRow]:
        """Items in the order of seq, from `after` on, in flat memory; others may write meanwhile.

        `sample`: so many of them, drawn at random.
        """

    def unnamed(self, run: str, most: int) -> dict[int, str]:
        """The ids, by seq, of those of its first `most` items of which nobody knows what they are called."""
        ...

    def failures(self, run: str, *, left: bool = False) -> list[FailureGroup]:
        """What failed or is in doubt, by cause, the largest group first.

        `left`: with what is in flight and what a stop has put back in doubt, of a run that no process holds.
        """

    def left_with(self, run: str, name: str) -> int:
        """How many items of a run have this in their after-image."""

    def touched_by_runs(self, workspace: str, item_id: str, since: float) -> list[tuple[str, ItemRow]]:
        """Runs that did this item after `since` (unix seconds), oldest first, with what each left."""

    def written_by_runs(self, workspace: str, resource: str, item_id: str, since: float) -> list[tuple[str, ItemRow]]:
        """Runs on this resource that wrote to this item after `since`, or may have, newest first, with the item in each."""

    # The run's own log

    def add_windows(self, run: str, windows: Sequence[WindowRow]) -> None:
        """Append rate windows that have ended."""

    def windows(self, run: str) -> list[WindowRow]:
        """The rate windows of a run, in the order written."""

    def add_event(self, run: str, kind: EventKind, **data: Any) -> None:
        """Append to the run's log: a pass, a guard, a pause, a verification."""

    def events(self, run: str) -> list[Event]:
        """The run's log, oldest first."""
