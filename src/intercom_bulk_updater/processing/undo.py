"""Undo: a run of its own, whose items are what another run did and whose operation is the inverse.

Only what that run changed is restored, and only where the item still is as the run left it; see Restore.drift.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import SafetyStop
from ..journal import ItemRow, Journal, RunRecord
from ..model import NewItem, Outcome
from ..operation import Operation
from ..peritem import WITH


def inverse_of(operation: Operation, parent: RunRecord) -> Operation:
    """The operation that takes `parent` back. Raises SafetyStop with the reason when there is none."""
    inverse = operation.inverse()
    if inverse is None:
        raise SafetyStop(f"{parent.id} cannot be undone: {operation.why_no_undo()}.")
    return inverse


def undo_items(journal: Journal, parent: RunRecord) -> Iterator[NewItem]:
    """What `parent` did, turned round: before is what it left, `data["to"]` what was there before it."""
    for row in journal.items(parent.id, outcomes=[Outcome.DONE]):
        if row.before is None or row.after is None:
            continue
        after = dict(row.after)
        # An updater's undo_action gets the parameters that its perform_action had.
        given = {WITH: row.data[WITH]} if row.data and WITH in row.data else {}
        marks = {k: after.pop(k) for k in ("updated_at", "part") if k in after}
        yield NewItem(row.id, before=after, data={"to": dict(row.before), "marks": marks, **_own(journal, parent, row), **given})


def not_undoable(journal: Journal, parent: RunRecord) -> int:
    """Items that the run did without a before-image: there is nothing to restore them to."""
    return sum(
        1 for row in journal.items(parent.id, outcomes=[Outcome.DONE]) if row.before is None or row.after is None
    )


def _own(journal: Journal, parent: RunRecord, row: ItemRow) -> dict[str, object]:
    """The traces of our own later runs on this item: they are no drift."""
    later = journal.touched_by_runs(parent.workspace, row.id, since=row.finished_at or 0.0)
    parts, until = [], 0
    for run, other in later:
        if run == parent.id or not other.after:
            continue
        if "part" in other.after:
            parts.append(str(other.after["part"]))
        until = max(until, int(other.after.get("updated_at") or 0))
    return {**({"own": parts} if parts else {}), **({"own_until": until} if until else {})}
