"""`apply`, `undo`, `verify`: runs whose items are known from before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ..errors import UsageError
from ..runs.options import Options
from ..service import undo as service_undo
from ..service import verify as service_verify
from ..service.plans import begin_apply, open_plan
from ..service.work import Work
from .execute import TypedConsent, go, opened, options_of, remarks
from .flags import Output, Safety, SafetyAndBackup, Speed
from .output import close, observer_of, tell, title_of
from .resume import go_on
from .stdout import note

_OUT, _SAFE, _SAFER, _SPEED = Output(), Safety(), SafetyAndBackup(), Speed()
_Run = Annotated[str, Parameter(help="The run: its id, a unique beginning of it, or latest.")]


def apply(plan: Annotated[str, Parameter(help="The plan file.")], *, safe: SafetyAndBackup = _SAFER,
          speed: Speed = _SPEED, out: Output = _OUT) -> int:
    """Do exactly what a plan says: each item is read again right before its write, and left alone if it moved."""
    if safe.plan:
        raise UsageError(f"apply takes a plan as it is; to look at it: intercom-bulk runs show {plan}")
    found, options = open_plan(plan), options_of(safe, speed)
    with opened(options, out) as (session, _):
        work = begin_apply(session, found, options, TypedConsent.of(safe), remarks(out))
        if isinstance(work, Work):
            return go(work, safe, out)
    return go_on(work, safe, speed, out, failed=False)


def undo(run: _Run = "latest", *, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _OUT) -> int:
    """Take a run back: restore what it changed, only where items still are as it left them."""
    options = options_of(safe, speed)
    with opened(options, out, safe) as (session, _):
        plan = Path(safe.plan) if safe.plan else None
        return go(service_undo.begin_undo(session, run, options, TypedConsent.of(safe), remarks(out), plan), safe, out)


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
        work = service_verify.begin_verification(session, run, options, note)
        title = title_of(session, work.run, work.operation, work.operation.resource or "items")
        title.kind = "verify"
        observer = observer_of(out, title)
        error: BaseException | None = None
        try:
            service_verify.verify(work, observer)
        except Exception as exc:
            error = exc
        finally:
            close(observer)
        return tell(session, work.run.id, out, observer, error, operation=work.operation)
