"""`apply`, `undo`, `verify`: runs whose items are known from before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ..errors import SafetyStop, UsageError
from ..journal import RunLock, decode_parameters
from ..model import RunStatus
from ..operations.operation import Operation
from ..operations.registry import build
from ..parsing.printable import printable_name
from ..runs.older_journal import distrust_if_older
from ..runs.options import Options
from ..runs.plan import check_plan, read_plan
from ..runs.runner import Job, Runner
from ..runs.sources import ListSource, SearchSource
from ..runs.undo import inverse_of, not_undoable, undo_items
from ..updaters.bulk_process import login
from ..updaters.calls import UpdaterError, failed
from .execute import gates, go, opened, options_of
from .flags import Output, Safety, Speed
from .output import close, observer_of, tell, title_of
from .rebuild import rebuild
from .resume import go_on
from .run_reference import pick, real
from .select import Selected
from .stdout import note

_OUT, _SAFE, _SPEED = Output(), Safety(), Speed()
_Run = Annotated[str, Parameter(help="The run: its id, a unique beginning of it, or latest.")]


def apply(plan: Annotated[str, Parameter(help="The plan file.")], *, safe: Safety = _SAFE, speed: Speed = _SPEED,
          out: Output = _OUT) -> int:
    """Do exactly what a plan says: each item is read again right before its write, and left alone if it moved."""
    if safe.plan:
        raise UsageError(f"apply takes a plan as it is; to look at it: intercom-bulk runs show {plan}")
    found = read_plan(Path(plan))
    options = replace(options_of(safe, speed), reread=True)
    with opened(options, out) as (session, _):
        workspace = session.workspace()
        check_plan(found, workspace.id)
        header = found.header
        if header.get("incomplete") and not out.quiet:
            note(f"This plan was made of an incomplete search: {header['incomplete']}.")
        if header.get("updater"):
            from ..updaters.adapter import UpdaterOperation
            from .loading import load_stored, made

            updater = made(load_stored(header["updater"]))
            updater._session = session
            operation: Operation = UpdaterOperation(updater, decode_parameters(header["parameters"]))
            for _ in range(int(header.get("turns") or 0)):
                operation = inverse_of(operation, plan)
        else:
            operation = build(str(header["operation"]), header["parameters"])
        gates(operation, safe)
        for earlier in () if safe.dry_run else session.journal.runs(None):
            if earlier.plan_hash == found.hash and earlier.kind == "apply" and earlier.workspace == workspace.id:
                if earlier.status is not RunStatus.FINISHED:
                    if not out.quiet:
                        note(f"This plan is half done; going on with {earlier.id}.")
                    return go_on(earlier.id, safe, speed, out, failed=False)
                break
        selection = {
            "kind": "plan", "file": str(Path(plan).resolve()), "words": f"{found.count:,} items of {Path(plan).name}",
            "operation": header["operation"], "resource": str(header["operation"]).split(".", maxsplit=1)[0],
            **({"updater": header["updater"], "turns": header.get("turns", 0)} if header.get("updater") else {}),
        }
        run = session.journal.create_run(
            operation=str(header["operation"]), kind="dry_run" if safe.dry_run else "apply", parameters=operation.parameters,
            selection=selection, workspace=workspace.id, base_url=session.settings.base_url,
            admin_id=session.client.admin_id, author=login(), settings=options.as_json(),
            plan_hash=found.hash,
        )
        feed = ListSource(found.items(), total=found.count)
        return go(session, run, operation, Selected(selection, feed), options, safe, out)


def undo(run: _Run = "latest", *, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT) -> int:
    """Take a run back: restore what it changed, only where items still are as it left them."""
    options = replace(options_of(safe, speed), reread=True)
    with opened(options, out, safe) as (session, _):
        parent = pick(session.journal, run, real, "be undone")
        RunLock.refuse_held(session.journal.home, parent.id)
        if parent.kind == "dry_run":
            raise SafetyStop(f"{parent.id} was a dry run: it changed nothing.")
        was = rebuild(session, parent, options)
        operation = inverse_of(was.operation, parent.id)
        with RunLock(session.journal.home, parent.id):
            older = distrust_if_older(session, parent)
        if older is not None and not out.quiet:
            note(
                f"This journal may be older than what {parent.id} has done: {older[0].why}. What it does not list cannot be undone; "
                f"{older[1]:,} items are looked at."
            )
        operation_of = getattr(operation, "of", None)
        if operation_of is not None:
            operation.of = was.operation.describe()  # type: ignore[attr-defined]
        gates(operation, safe)
        lost = not_undoable(session.journal, parent, was.operation)
        if lost and not out.quiet:
            note(f"{lost:,} items of {parent.id} carry no before-image and are left out.")
        counts = session.journal.counts(parent.id)
        touched = counts.done + counts.failed + counts.in_doubt + counts.in_flight
        if not touched and older is None and not out.quiet:
            why = f" ({printable_name(parent.message)})" if parent.message else ""
            note(f"{parent.id} changed nothing{why}, so there is nothing to undo. intercom-bulk runs list shows the runs before it.")
        elif was.operation.side_effects and not out.quiet:
            note(f"No undo takes this back: {was.operation.side_effects}.")
        resource = parent.selection.get("resource") or "items"
        selection = {
            "kind": "run", "undo": True, "run": parent.id, "words": f"what {parent.id} did",
            "operation": f"{operation.resource or resource}.undo", "resource": was.operation.resource or resource,
            **(
                {"updater": parent.selection["updater"], "turns": int(parent.selection.get("turns") or 0) + 1}
                if parent.selection.get("updater") else {}
            ),
        }
        record = session.journal.create_run(
            operation=str(selection["operation"]), kind="dry_run" if safe.dry_run or safe.plan else "undo",
            parameters=operation.parameters,
            selection=selection, workspace=parent.workspace, base_url=session.settings.base_url,
            admin_id=session.client.admin_id, author=login(),
            settings=options.as_json(), parent=parent.id,
        )
        feed = ListSource(undo_items(session.journal, parent, was.operation))
        return go(session, record, operation, Selected(selection, feed), options, safe, out)


def verify(
    run: _Run = "latest",
    *,
    level: Annotated[
        Literal["sample", "all"], Parameter(name=["--verify", "--level"], help="How many items are read back: sample or all.")
    ] = "all",
    out: Output = _OUT,
    speed: Speed = _SPEED,
) -> int:
    """Read a run's items back, and search again for what its selection still finds. Never writes."""
    options: Options = replace(options_of(Safety(), speed), verify=level)
    with opened(options, out) as (session, _):
        record = pick(session.journal, run, real, "be verified")
        if record.kind == "dry_run":
            raise UsageError(f"{record.id} was a dry run: it wrote nothing, so there is nothing to verify.")
        rebuilt = rebuild(session, record, options)
        feed = rebuilt.selected.feed
        session.stop.last_words = f"Nothing was written. To verify again: intercom-bulk verify {record.id}"
        title = title_of(session, record, rebuilt.operation, rebuilt.operation.resource or "items")
        title.kind = "verify"
        observer = observer_of(out, title)
        runner = Runner(session, Job(record, rebuilt.operation, feed, options), observer)
        error: BaseException | None = None
        try:
            runner.verify_only(feed if isinstance(feed, SearchSource) else None)
        except UpdaterError as exc:
            error = failed(exc.updater, exc)
        except Exception as exc:
            error = exc
        finally:
            close(observer)
        return tell(session, record.id, out, observer, error, operation=rebuilt.operation)
