"""A run's operation and feed again, from its row in the journal: what resume, retry, undo and verify go on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import UsageError, WrongWorkspace
from ..journal import RunRecord
from ..operation import Operation
from ..processing.feeds import Feed, ListFeed
from ..processing.options import Options
from ..processing.plan import read_plan
from ..processing.session import Session
from ..processing.undo import undo_items
from ..registry import build
from .select import Selected, feed


@dataclass(slots=True)
class Rebuilt:
    """What a run was."""

    operation: Operation
    selected: Selected


def rebuild(session: Session, run: RunRecord, options: Options) -> Rebuilt:
    """The operation and the feed of a stored run. Raises WrongWorkspace when the token is of another workspace."""
    workspace = session.workspace()
    if run.workspace and workspace.id != run.workspace:
        raise WrongWorkspace(
            f"{run.id} belongs to workspace {run.workspace!r}, and the token is of {workspace.id!r} ({workspace.name}). "
            "Nothing was written. Use the token of that workspace."
        )
    if run.admin_id:
        session.client.admin_id = run.admin_id
    selection = run.selection
    if selection["kind"] == "ids" and not run.search.get("complete"):
        # Ids live in the journal alone, and no item is touched before the last of them is there.
        raise UsageError(
            f"{run.id} ended before its list of ids was written down; nothing of it was done. Run its command again."
        )
    if selection.get("updater"):
        return _of_updater(session, run, options)
    operation = build(str(selection["operation"]), run.parameters)
    made: Feed
    if selection.get("undo"):
        made = ListFeed(undo_items(session.journal, session.journal.run(selection["run"])))
    elif selection["kind"] == "plan":
        from pathlib import Path

        # The plan is read again only if its items did not all reach the journal.
        made = ListFeed(read_plan(Path(selection["file"])).items() if not run.search.get("complete") else iter(()))
    else:
        made = feed(selection, session, operation, options)
    return Rebuilt(operation, Selected(selection, made))


def _of_updater(session: Session, run: RunRecord, options: Options) -> Rebuilt:
    from ..updating import Updating, feed_of
    from .updaters import load_class

    reference: dict[str, Any] = run.selection["updater"]
    where = reference.get("file") or reference.get("module")
    if not where:
        raise UsageError(
            f"{run.id} was run by a class typed into a session ({reference.get('class')}), which is gone. "
            "Put it into a file to resume or undo its runs."
        )
    updater = load_class(f"{where}:{reference['class']}")()
    updater._session = session
    if run.admin_id:
        updater.admin_id = run.admin_id
    operation: Operation = Updating(updater, run.parameters)
    if run.selection.get("undo"):
        inverse = operation.inverse()
        if inverse is None:
            raise UsageError(f"{operation.describe()} no longer has undo_action and before")
        parent = session.journal.run(run.selection["run"])
        return Rebuilt(inverse, Selected(run.selection, ListFeed(undo_items(session.journal, parent))))
    if run.selection["kind"] == "query":
        made = feed_of(updater, operation, session, run.selection, options)
    else:
        made = ListFeed(())
    return Rebuilt(operation, Selected(run.selection, made))
