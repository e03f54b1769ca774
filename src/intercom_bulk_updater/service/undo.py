"""`undo`: take a run back, where items still are as it left them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import SafetyStop
from ..journal import RunRecord
from ..model import Item, RunKind
from ..operations.fields import Undo
from ..operations.operation import Operation
from ..parsing.printable import printable_name
from ..runs.guards import counted, counted_are
from ..runs.older_journal import distrust_if_older
from ..runs.options import Options
from ..runs.session import Session
from ..runs.sources import ListSource
from ..runs.undo import inverse_of, not_undoable, undo_items
from .consent import Consent
from .notes import Note, ignore
from .rebuild import Loader, rebuild
from .run_reference import pick, real
from .work import Work, create_run


def begin_undo(
    session: Session, ref: str, options: Options, consent: Consent, note: Note = ignore, plan: Path | None = None,
    load: Loader | None = None,
) -> Work:
    """The run that takes a run back, ready to be done.

    Raises SafetyStop for a run that cannot be undone, RunLocked for one that is at work.
    """
    options = replace(options, reread=True)
    parent = pick(session.journal, ref, real, "be undone", session.settings.base_url, note)
    session.journal.refuse_held(parent.id)
    if parent.kind == "dry_run":
        raise SafetyStop(f"{parent.id} was a dry run: it changed nothing.")
    was = rebuild(session, parent, options, load)
    operation = inverse_of(was.operation, parent.id)
    with session.journal.reserve(parent.id):
        older = distrust_if_older(session, parent)
    if older is not None:
        note(
            f"This journal may be older than what {parent.id} has done: {older[0].why}. What it does not list cannot be undone; "
            f"{counted_are(older[1])} looked at."
        )
    if getattr(operation, "of", None) == "":
        operation.of = was.operation.describe()  # type: ignore[attr-defined]
    if isinstance(operation, Undo):
        operation.judge(_items(session, parent, was.operation))
        spared = 0 if consent.irreversible else operation.spare(_items(session, parent, was.operation))
        if spared:
            note(
                f"Left out: {counted(spared)} that {parent.id} created, as what goes does not come back. To take them away, too: "
                f"{options.command(parent.id, 'undo', irreversible=True)}"
            )
    if not options.dry_run:
        consent.check(operation, options)
    _leave_out_lost(session, parent, was.operation, operation, note)
    if (unfinished := session.journal.unfinished_undo(parent.id)) is not None:
        note(f"{unfinished.run} is an undo of it that is unfinished. To go on with that one: intercom-bulk runs resume {unfinished.run}")
    counts = session.journal.counts(parent.id)
    if older is None and not counts.done + counts.failed + counts.in_doubt + counts.in_flight:
        why = f" ({printable_name(parent.message)})" if parent.message else ""
        note(f"{parent.id} changed nothing{why}, so there is nothing to undo. intercom-bulk runs list shows the runs before it.")
    elif was.operation.side_effects:
        note(f"No undo takes this back: {was.operation.side_effects}.")
    if counts.failed:
        note(f"{counted(counts.failed)} of {parent.id} failed; undo does not look at that, and leaves what may have come after a refusal.")
    updater, resource = parent.selection.get("updater"), str(parent.selection.get("resource") or "items")
    selection = {
        "kind": "run", "undo": True, "run": parent.id, "words": f"what {parent.id} did",
        "operation": f"{operation.resource or resource}.undo", "resource": was.operation.resource or resource,
        **_again(session, parent), **({"updater": updater, "turns": int(parent.selection.get("turns") or 0) + 1} if updater else {}),
    }  # fmt: skip
    run = create_run(session, operation, str(selection["operation"]), "undo", selection, options, parent=parent)
    items = ListSource(undo_items(session.journal, parent, was.operation, operation))
    return Work(session, run, operation, items, options, plan=plan, load=load)


def _again(session: Session, parent: RunRecord) -> dict[str, str]:
    """The operation that an undo does again, as that of an undo, for a selection; nothing for any other."""
    if not parent.parent or parent.kind != RunKind.UNDO or "again" in parent.selection:
        return {}
    return {"again": session.journal.run(parent.parent).operation}


def _leave_out_lost(session: Session, parent: RunRecord, operation: Operation, inverse: Operation, note: Note) -> None:
    """Say which items have no before-image. Raises SafetyStop where that is all of them."""
    lost = not_undoable(session.journal, parent, operation)
    if lost and next(iter(undo_items(session.journal, parent, operation, inverse)), None) is None:
        raise SafetyStop(f"{parent.id} cannot be taken back: of {counted(lost)} it is not known what they were before.")
    if lost:
        note(f"Left out, for want of a before-image: {counted(lost)} of {parent.id}.")


def _items(session: Session, parent: RunRecord, operation: Operation) -> Iterator[Item]:
    found = undo_items(session.journal, parent, operation)
    return (Item(0, one.id, one.before, one.data) for one in found if one.before is not None)

