"""A run's operation and feed again, from its row in the journal: what resume, retry, undo and verify go on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from ..errors import IntercomBulkError, SafetyStop, UsageError
from ..journal import RunRecord
from ..model import FoundItem
from ..operations.operation import Operation
from ..operations.registry import build
from ..runs.options import Options
from ..runs.plan import Plan, read_plan
from ..runs.session import Session
from ..runs.sources import ItemSource, ListSource
from ..runs.undo import inverse_of, undo_items
from .run_reference import refuse_elsewhere
from .selection import Selected, feed

# The module that knows a person's own code; it lies above this one, and is named so that this one needs to know none of it.
_UPDATERS = "updaters.loading"


class UserCodeError(Exception):
    """What a person's own code raised; the run's error is made of it."""

    def as_error(self) -> IntercomBulkError:
        """What it amounts to where it ended a run."""
        raise NotImplementedError


class StoredUpdater(Protocol):
    """An updater as a run or a plan has stored it, loaded again."""

    @property
    def operation(self) -> Operation:
        """What its run does to an item."""

    def feed(self, selection: Mapping[str, Any], options: Options) -> ItemSource:
        """Its items again."""


Loader = Callable[[Session, Mapping[str, Any], Mapping[str, Any], str], StoredUpdater]
"""Gives the updater behind a stored reference, with its stored parameters and the admin it acted as."""


def load_updater(session: Session, reference: Mapping[str, Any], parameters: Mapping[str, Any], admin_id: str = "") -> StoredUpdater:
    """The updater behind a stored reference, with its stored parameters. Raises UsageError where it cannot be loaded."""
    found: StoredUpdater = import_module(f"{__package__.rpartition('.')[0]}.{_UPDATERS}").stored(
        session, reference, parameters, admin_id
    )
    return found


@dataclass(slots=True)
class Rebuilt:
    """What a run was."""

    operation: Operation
    selected: Selected


def rebuild(session: Session, run: RunRecord, options: Options, load: Loader | None = None) -> Rebuilt:
    """The operation and the feed of a stored run; `load` has its updater already. Raises WrongWorkspace."""
    refuse_elsewhere(session, run)
    if run.admin_id:
        session.client.admin_id = run.admin_id
    selection = run.selection
    complete = bool(run.search.get("complete"))
    if selection["kind"] in ("ids", "csv") and not complete:
        # Ids live in the journal alone, and no item is touched before the last of them is there: unless it was there, and was lost.
        age = session.journal.age(run.id)
        if age is not None:
            raise UsageError(
                f"{run.id} has done more than this journal knows ({age.why}), and its list of ids is not in it. What it has written is "
                "not known here: look at its items in Intercom before you run its command again."
            )
        raise UsageError(
            f"{run.id} ended before its list of ids was written down; nothing of it was done. Run its command again."
        )
    updater = _updater(session, run, load) if selection.get("updater") else None
    operation = build(str(selection["operation"]), run.parameters) if updater is None else updater.operation
    # The undo of an updater's run is the way back, the undo of that undo the way there again, and so on.
    for _ in range(int(selection.get("turns") or 0)):
        operation = inverse_of(operation, run.id)
    made: ItemSource
    if selection.get("undo"):
        # Read again only if its items did not all reach the journal; so with a plan.
        made = ListSource(iter(()) if complete else _undone(session, run, options, load, operation))
    elif selection["kind"] == "plan":
        made = ListSource(iter(()) if complete else _same_plan(run).items())
    elif updater is not None and selection["kind"] == "query":
        made = updater.feed(selection, options)
    else:
        made = feed(selection, session, operation, options)
    return Rebuilt(operation, Selected(selection, made))


def _same_plan(run: RunRecord) -> Plan:
    plan = read_plan(Path(run.selection["file"]))
    if plan.hash != run.plan_hash:
        raise SafetyStop(f"{plan.path} is no longer the plan that {run.id} began with. Nothing was written.", hint="")
    return plan


def _undone(session: Session, run: RunRecord, options: Options, load: Loader | None, back: Operation) -> Iterator[FoundItem]:
    parent = session.journal.run(run.selection["run"])
    return undo_items(session.journal, parent, rebuild(session, parent, options, load).operation, back)


def _updater(session: Session, run: RunRecord, load: Loader | None) -> StoredUpdater:
    reference: dict[str, Any] = run.selection["updater"]
    if load is not None:
        return load(session, reference, run.parameters, run.admin_id)
    if not (reference.get("file") or reference.get("module")):
        raise UsageError(
            f"{run.id} was run by a class typed into a session ({reference.get('class')}), which is gone. "
            "Put it into a file to resume or undo its runs."
        )
    return load_updater(session, reference, run.parameters, run.admin_id)
