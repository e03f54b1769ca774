"""Journal: the store in an SQLite file. What each method does is said once, in store.py.

Nothing here decides or displays; no module besides this package speaks SQL.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

from intercom_bulk_updater.errors import JournalError
from intercom_bulk_updater.model import Counts, EventKind, FoundItem, Item, ItemResult, Outcome, RunKind

from .lease import LEASE_SECONDS, Lease
from .lock import RunLock
from .mark import Age, RunMark
from .paths import journal_path
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
from .store import Store

MEMORY = ":memory:"


class Journal(Store):
    """A store in one SQLite file, which several processes of this machine may open.

    Parameters
    ----------
    path:
        The database file; None for the one in the state folder; `":memory:"` for one that ends with the
        object.
    read_only:
        For who only looks: nothing is written, nothing waits for a writer, and a missing file reads as an empty journal.
    """

    def __init__(self, path: Path | str | None = None, *, read_only: bool = False) -> None:
        # Here and not above: the database library takes a while to load, and `--help` has no use for it.
        from . import events as log
        from . import item_queries as rows
        from . import item_writes as items
        from .database import Database
        from .leases import Leases
        from .prune import prune
        from .recipes import Recipes
        from .runs import Runs

        if isinstance(path, str) and "://" in path:
            raise JournalError("The journal is a file: give its path, not a database URL.")
        file = None if str(path) == MEMORY else Path(path).expanduser() if path is not None else journal_path()
        self.path = file
        self.home = journal_path().parent if file is None else file.parent
        self._database = Database(file, read_only=read_only)
        self._marks: dict[str, RunMark] = {}
        self._runs = Runs(self._database)
        self._recipes = Recipes(self._database)
        self._leases = Leases(self._database, self.home)
        self._items, self._rows, self._log, self._prune = items, rows, log, prune

    def close(self) -> None:
        for mark in self._marks.values():
            mark.close()
        self._database.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # Runs

    def create_run(self, **fields: Unpack[NewRun]) -> RunRecord:
        return self._runs.create(fields)

    def run(self, ref: str, workspace: str | None = None, base_url: str | None = None) -> RunRecord:
        return self._runs.find(ref, workspace, base_url)

    def runs(self, limit: int | None = 50) -> list[RunRecord]:
        return self._runs.newest(limit)

    def undone(self, run: str) -> Undone | None:
        # An undo takes back what its parent did, the undo of that undo brings it back, and so on.
        ways: tuple[list[str], list[str]] = ([run], [])
        generation, depth = [run], 0
        while generation := [undo for one in generation for undo in self._runs.children(one, RunKind.UNDO)]:
            depth += 1
            ways[depth % 2].extend(generation)
        forth, back = ({self._runs.number(one): one for one in way} for way in ways)
        return self._rows.undone(self._database, self._runs.number(run), forth, back) if back else None

    def unfinished_undo(self, run: str) -> UnfinishedUndo | None:
        for undo in self._runs.children(run, RunKind.UNDO):
            counts = self.counts(undo)
            unsure = counts.in_flight + counts.in_doubt
            if (unsure or (counts.pending and counts.done)) and not self.is_live(undo):
                return UnfinishedUndo(undo, self._rows.unsure(self._database, self._runs.number(undo)) if unsure else frozenset())
        return None

    def update_run(self, run: str, **fields: Any) -> RunRecord:
        return self._runs.update(run, fields)

    def orders(self, run: str) -> Orders:
        return self._runs.orders(run)

    def request(self, run: str, control: str) -> None:
        if control not in ("", "pause", "resume", "cancel"):
            raise JournalError(f"A run can be asked to pause, resume or cancel, not to {control}.")
        if control in ("pause", "resume") and self._runs.orders(run).control == "cancel":
            return  # what was asked to end is not to be kept waiting
        self._runs.update(run, {"control": control})

    # Recipes

    def create_recipe(self, **fields: Unpack[NewRecipe]) -> RecipeRecord:
        return self._recipes.create(fields)

    def recipe(self, ref: str, *, base_url: str | None = None) -> RecipeRecord:
        return self._recipes.find(ref, base_url)

    def recipes(self) -> list[RecipeRecord]:
        return self._recipes.newest()

    def end_recipe(self, recipe: str, ending: str) -> RecipeRecord:
        return self._recipes.end(recipe, ending)

    def steps(self, recipe: str) -> list[RunRecord]:
        return [self.run(run) for run in reversed(self._runs.children(recipe, RunKind.RUN))]

    # Who works on a run

    def hold(self, run: str, *, shared: bool = False, seconds: float = LEASE_SECONDS, now: float | None = None) -> Lease:
        return self._leases.take(run, self._runs.number(run), shared=shared, seconds=seconds, now=now)

    def renew(
        self, lease: Lease, spent: Account, *, progress: Mapping[str, Any] | None = None, now: float | None = None
    ) -> None:
        with self._database.transaction() as connection:
            self._leases.renew(connection, lease, spent, time.time() if now is None else now)
            if progress is not None:
                self._runs.set_progress(connection, self._runs.number(lease.run), progress)

    def is_live(self, run: str, now: float | None = None) -> bool:
        return self._leases.is_live(run, self._runs.number(run), now)

    def is_held(self, run: str) -> bool:
        return RunLock.held(self.home, run)

    def refuse_held(self, run: str) -> None:
        RunLock.refuse_held(self.home, run)

    def reserve(self, name: str) -> RunLock:
        return RunLock(self.home, name)

    def account(self, run: str) -> Account:
        return self._leases.account(self._runs.number(run))

    def prune(self, older_than_days: float, *, keep: Sequence[str] = ()) -> list[str]:
        gone = self._prune(self._database, self.home, older_than_days, frozenset(keep))
        for run in gone:
            self._runs.forget(run)
        return gone

    # Items, written

    def add_items(
        self,
        run: str,
        items: Sequence[FoundItem],
        *,
        search: Mapping[str, Any] | None = None,
        most: int | None = None,
    ) -> int:
        number = self._runs.number(run)
        with self._database.transaction() as connection:
            added = self._items.add(connection, number, items, most)
            if search is not None:
                self._runs.merge_search(connection, number, search)
        return added

    def known(self, run: str, ids: Sequence[str]) -> set[str]:
        number = self._runs.number(run)
        with self._database.reading() as connection:
            return self._items.known(connection, number, ids)

    def turn(
        self,
        run: str,
        fates: Sequence[ItemResult],
        claim: int,
        *,
        ready_first: Sequence[int] = (),
        now: float | None = None,
    ) -> list[Item]:
        number = self._runs.number(run)
        holder = self._leases.holder(number)
        mark = self._mark(run) if claim > 0 else None
        if mark is not None and not mark.is_open:
            with self._database.reading() as connection:
                mark.open(self._items.claims(connection, number))
        with self._database.transaction() as connection:
            self._items.settle(connection, number, fates, holder)
            items = self._items.claim(connection, number, claim, ready_first, time.time() if now is None else now, holder)
            claims = self._items.count_claim(connection, number) if items else 0
        if claims and mark is not None:
            mark.advance(claims)
        return items

    def suspect(self, run: str, seqs: Sequence[int]) -> None:
        number = self._runs.number(run)
        with self._database.transaction() as connection:
            self._items.suspect(connection, number, seqs)

    def doubt(self, run: str, wrote: Mapping[str, str], since: float) -> int:
        number = self._runs.number(run)
        with self._database.transaction() as connection:
            return self._items.doubt(connection, number, wrote, since)

    def give_way(self, run: str, seq: int, other: str, other_seq: int) -> bool:
        ours, theirs = self._runs.number(run), self._runs.number(other)
        with self._database.transaction() as connection:
            return self._items.give_way(connection, ours, seq, theirs, other_seq)

    def release(self, run: str, seqs: Sequence[int]) -> None:
        number = self._runs.number(run)
        with self._database.transaction() as connection:
            self._items.release(connection, number, seqs, self._leases.holder(number))

    def recover(self, run: str, now: float | None = None) -> int:
        number = self._runs.number(run)
        now = time.time() if now is None else now
        with self._database.transaction() as connection:
            live = self._leases.live(run, number, now)
            recovered = self._items.recover(connection, number, live)
            dead = self._leases.end_dead(connection, number, live, now)
            if dead is not None:
                self._leases.make_up(connection, number, dead, self._items.attempts(connection, number))
        return recovered

    def age(self, run: str) -> Age | None:
        number, mark = self._runs.number(run), self._mark(run)
        with self._database.reading() as connection:
            claims = self._items.claims(connection, number)
        return None if mark is None else mark.compare(claims)

    def distrust(self, run: str, age: Age, since: float) -> int:
        number, mark = self._runs.number(run), self._mark(run)
        with self._database.transaction() as connection:
            doubted = self._items.distrust(connection, number, age.claims, since)
            claims = self._items.claims(connection, number)
        if mark is not None:
            mark.begin(claims)
        return doubted

    def _mark(self, run: str) -> RunMark | None:
        if self.path is None:
            return None
        if run not in self._marks:
            self._marks[run] = RunMark(self.home, run, self.path)
        return self._marks[run]

    def name_items(self, run: str, names: Mapping[int, str]) -> None:
        number = self._runs.number(run)
        with self._database.transaction() as connection:
            self._items.name(connection, number, names)

    def reopen(
        self, run: str, *, outcomes: Sequence[Outcome], causes: Sequence[str] | None = None, since: float | None = None
    ) -> int:
        number = self._runs.number(run)
        with self._database.transaction() as connection:
            return self._items.reopen(connection, number, outcomes, causes, since)

    def redo(self, run: str, seqs: Sequence[int]) -> None:
        number = self._runs.number(run)
        with self._database.transaction() as connection:
            self._items.redo(connection, number, seqs)

    # Items, read

    def counts(self, run: str) -> Counts:
        return self._rows.counts(self._database, self._runs.number(run))

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
        return self._rows.pages(self._database, self._runs.number(run), outcomes, causes, after, chunk, ids, sample)

    def unnamed(self, run: str, most: int) -> dict[int, str]:
        return self._rows.unnamed(self._database, self._runs.number(run), most)

    def failures(self, run: str, *, left: bool = False) -> list[FailureGroup]:
        return self._rows.failures(self._database, self._runs.number(run), left=left)

    def left_with(self, run: str, name: str) -> int:
        return self._rows.left_with(self._database, self._runs.number(run), name)

    def touched_by_runs(self, workspace: str, item_id: str, since: float) -> list[tuple[str, ItemRow]]:
        return self._rows.touched(self._database, workspace, item_id, since)

    def written_by_runs(self, workspace: str, resource: str, item_id: str, since: float) -> list[tuple[str, ItemRow]]:
        return self._rows.written(self._database, workspace, resource, item_id, since)

    # The run's own log

    def add_windows(self, run: str, windows: Sequence[WindowRow]) -> None:
        self._log.add_windows(self._database, self._runs.number(run), windows)

    def windows(self, run: str) -> list[WindowRow]:
        return self._log.windows(self._database, self._runs.number(run))

    def add_event(self, run: str, kind: EventKind, **data: Any) -> None:
        self._log.add_event(self._database, self._runs.number(run), kind, data)

    def events(self, run: str) -> list[Event]:
        return self._log.events(self._database, self._runs.number(run))
