"""Undo: a run of its own, whose items are what another run did and whose operation is the inverse.

Only what that run changed is restored, and only where the item still is as the run left it; see Restore.drift.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..engine.write_check import LOST
from ..errors import SafetyStop
from ..journal import UNDOES, ItemRow, RunRecord, Store
from ..model import FoundItem, Item, Outcome, RunKind
from ..operations.created import MADE
from ..operations.fields import Undo
from ..operations.operation import Operation
from ..operations.per_item import WITH

_MARKS = ("updated_at", "part", "applied", "theirs", "there", MADE)
# What a run may have changed: what it did; what it did in part (failed, in older journals); what it does not know.
_TOUCHED = [Outcome.DONE, Outcome.FAILED, Outcome.IN_DOUBT, Outcome.IN_FLIGHT, Outcome.PENDING]


def inverse_of(operation: Operation, what: str) -> Operation:
    """The operation that takes `what` (a run's id, a plan's file) back. Raises SafetyStop with the reason when there is none."""
    inverse = operation.inverse()
    if inverse is None:
        raise SafetyStop(f"{what} cannot be undone: {operation.why_no_undo()}.")
    return inverse


def undo_items(journal: Store, parent: RunRecord, operation: Operation, back: Operation | None = None) -> Iterator[FoundItem]:
    """What `parent` did by `operation`, turned round: before is what it left, `data["to"]` what was there before it.

    Without what `back`, the way back, leaves out. An item in doubt is taken for done, and `data["unsure"]` says so: undo reads it
    and finds out. What cannot be restored is among them where the journal is older than the run, and fails: it may be the run's.
    """
    undone, unfinished = journal.undone(parent.id), journal.unfinished_undo(parent.id)
    for row in journal.items(parent.id, outcomes=_TOUCHED):
        if row.older and _is_lost(row, operation):
            yield FoundItem(row.id, None, {LOST: True}, row.name)
            continue
        if row.before is None or (undone is not None and row.id in undone.ids):
            continue
        # An updater's undo_action gets the parameters that its perform_action had.
        given = {WITH: row.data[WITH]} if row.data and WITH in row.data else {}
        told: dict[str, Any] = {"to": dict(row.before)}
        if row.after is not None and row.outcome in (Outcome.DONE, Outcome.FAILED, Outcome.IN_DOUBT):
            after = dict(row.after)
            told["marks"] = {k: after.pop(k) for k in _MARKS if k in after}
            told |= {"by": parent.admin_id} if parent.selection.get("updater") else {}
        elif _doubtful(row) and (change := operation.change(_item(row))):
            after = {**row.before, **{name: new for name, (_, new) in change.items()}}
            told |= {"marks": {"updated_at": int(row.claimed_at or 0) - 1}, "unsure": True, "by": parent.admin_id}
        else:
            continue
        if unfinished is not None and row.id in unfinished.ids:
            # An undo that broke off may have taken it back already: what that did is not a drift.
            told |= {"unsure": True, "own": [], "by": parent.admin_id}
        identity = operation.undone_id(row.id, after)
        told |= {**_known_as(parent, row, identity), **_own(journal, parent, row), **given}
        if not isinstance(back, Undo) or back.takes(Item(row.seq, identity, after, told)):
            yield FoundItem(identity, after, told, row.name)


def not_undoable(journal: Store, parent: RunRecord, operation: Operation) -> int:
    """Items that the run did, or may have done, without a before-image: there is nothing to restore them to."""
    return sum(_is_lost(row, operation) and not row.older for row in journal.items(parent.id, outcomes=_TOUCHED))


def _is_lost(row: ItemRow, operation: Operation) -> bool:
    if row.outcome is not Outcome.DONE and not _doubtful(row):
        return False
    return row.before is None or (row.after is None and (row.outcome is Outcome.DONE or operation.change(_item(row)) is None))


def _item(row: ItemRow) -> Item:
    return Item(row.seq, row.id, row.before, row.data)


def _doubtful(row: ItemRow) -> bool:
    return row.outcome in (Outcome.IN_DOUBT, Outcome.IN_FLIGHT) or (row.outcome is Outcome.PENDING and row.doubt)


def _known_as(parent: RunRecord, row: ItemRow, identity: str) -> dict[str, str]:
    """The id that the run which was undone first has the item by, where that is another."""
    first = str((row.data or {}).get(UNDOES, row.id)) if parent.kind == RunKind.UNDO else row.id
    return {} if first == identity else {UNDOES: first}


def _own(journal: Store, parent: RunRecord, row: ItemRow) -> dict[str, object]:
    """The traces of our own later runs on this item: they are no drift."""
    since = row.finished_at or parent.started_at or parent.created_at
    later = [
        row.after for run, row in journal.touched_by_runs(parent.workspace, row.id, since=since) if run != parent.id and row.after
    ]
    if not later:
        return {}
    own: dict[str, object] = {"own": [str(after["part"]) for after in later if "part" in after]}
    until = max(int(after.get("updated_at") or 0) for after in later)
    tagged = {tag: at for after in later for tag, at in (after.get("applied") or {}).items()}
    return {**own, **({"own_applied": tagged} if tagged else {}), **({"own_until": until} if until else {})}
