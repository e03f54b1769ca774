"""`apply`: do exactly what a plan says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..model import RunStatus
from ..operations.operation import Operation
from ..operations.registry import build
from ..parsing.output_file import why_not_writable
from ..runs.guards import counted
from ..runs.options import Options
from ..runs.plan import SCHEMA, Plan, check_plan, read_plan
from ..runs.session import Session
from ..runs.sources import ListSource
from ..runs.undo import inverse_of
from .consent import Consent
from .notes import Note, ignore
from .rebuild import load_updater
from .work import Work, create_run


def begin_apply(session: Session, plan: Plan, options: Options, consent: Consent, note: Note = ignore) -> Work | str:
    """The run of a plan (`read_plan`), ready to be done; or the id of the run that has done half of it and is to be resumed.

    Raises SafetyStop for an expired plan, WrongWorkspace for one of another workspace.
    """
    workspace = session.workspace()
    check_plan(plan, workspace.id)
    header, options = plan.header, replace(options, reread=True)
    if header.get("incomplete"):
        note(f"This plan was made of an incomplete search: {header['incomplete']}.")
    if plan.left_out:
        note(f"This plan leaves out {plan.left_out}.")
    operation = _operation(session, plan)
    if not options.dry_run:
        consent.check(operation, options)
        for earlier in session.journal.runs(None):
            if earlier.plan_hash == plan.hash and earlier.kind == "apply" and earlier.workspace == workspace.id:
                if earlier.status is not RunStatus.FINISHED:
                    note(f"This plan is half done; going on with {earlier.id}.")
                    return earlier.id
                break
    name = str(header["operation"])
    selection = {
        "kind": "plan", "file": str(plan.path.resolve()), "words": f"{counted(plan.count)} of {plan.path.name}",
        "operation": name, "resource": name.split(".", maxsplit=1)[0],
        **{name: header[name] for name in ("filter", "again") if header.get(name)},
        **({"updater": header["updater"], "turns": header.get("turns", 0)} if header.get("updater") else {}),
    }  # fmt: skip
    run = create_run(session, operation, name, "apply", selection, options, plan_hash=plan.hash)
    return Work(session, run, operation, ListSource(plan.items(), total=plan.count), options)


def _operation(session: Session, plan: Plan) -> Operation:
    header = plan.header
    if not header.get("updater"):
        return build(str(header["operation"]), header["parameters"])
    operation = load_updater(session, header["updater"], header["parameters"]).operation
    for _ in range(int(header.get("turns") or 0)):
        operation = inverse_of(operation, str(plan.path))
    return operation


def open_plan(file: str | Path) -> Plan:
    """A plan file, checked byte by byte. Raises UsageError for what is no plan, SafetyStop for an altered one."""
    return read_plan(Path(file))


def refuse_other_file(file: Path, name: str) -> None:
    """A new plan takes the place of an old one, as Terraform's does; no other file is lost under it.

    Raises UsageError, also for a place that takes no file: before a long search, and not after it.
    """
    if why_not := why_not_writable(file):
        raise UsageError(f"{name}: {why_not}. Nothing was done; name another.")
    if not file.is_file() or not file.stat().st_size:
        return
    with file.open("rb") as stream:
        plan = f'"{SCHEMA}"'.encode() in stream.readline(10_000)
    if not plan:
        raise UsageError(f"{name}: this file exists already, and it is no plan. Nothing was done; name another.")
