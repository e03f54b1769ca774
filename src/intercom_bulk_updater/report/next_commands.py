"""What to type next: the literal commands, the most useful first."""

from __future__ import annotations

from collections.abc import Iterable

from intercom_bulk_updater.journal import RunRecord, Undone, UnfinishedUndo
from intercom_bulk_updater.model import Reversibility, RunKind, RunStatus
from intercom_bulk_updater.operations.registry import declared
from intercom_bulk_updater.runs.judgement import Judgement

_LIVE = (RunStatus.RUNNING, RunStatus.PAUSED)
_UNDOABLE = frozenset({Reversibility.REVERSIBLE, Reversibility.FIELDS})
_LABELS = {
    "resume": "To go on where it stopped",
    "retry": "To try the failures again",
    "undo": "To take it back",
    "verify": "To verify it again",
    "doctor": "To check token, permissions and settings",
    "watch": "To follow it",
    "show": "To look at it",
    "export": "To list what was left alone",
    "apply": "To carry it out",
    "--help": "To see what there is",
}


def consent_flags(words: Iterable[str]) -> list[str]:
    """What a command asks for that customers see, or that nothing takes back, as flags: it is offered as it can be typed."""
    return [f"--{word.replace('_', '-')}" for word in words]


def label_of(command: str, *, finished: bool = False) -> str:
    """What a command that comes next is for. `finished`: of a run that came to its end only doubts are left to resume."""
    words = command.split()
    verb = next((verb for verb in _LABELS if verb in words), "")
    if verb == "resume" and any(word.startswith("--") for word in words):
        # A guard stopped it, and the command lifts the guard: only after a look.
        return "If the items are the right ones, to go on all the same"
    if verb == "resume" and finished:
        return "To read again what is in doubt, and act on what was not seen"
    if verb == "export" and "in_doubt" in words:
        return "To list what has to be looked at in Intercom"
    return _LABELS.get(verb, "Next")


def next_commands(
    run: RunRecord,
    status: RunStatus,
    judgement: Judgement,
    undoable: bool | None,
    *,
    undone: Undone | None = None,
    unfinished: UnfinishedUndo | None = None,
    retry: bool = True,
    partly: bool = False,
    untold: int = 0,
) -> list[str]:
    """The commands that make sense now.

    A run that stopped early begins with what continues it; `undo` stands last. `status` is where the run
    really stands: a dead process leaves RUNNING behind. `undone`: what was taken back; where that is all, it
    can be verified, and not undone again. `unfinished`: an undo of it that broke off, to be gone on with in place of
    another. `retry`: some failure may succeed when it is tried again.
    `partly`: of some item in doubt a part is known to stand. `untold`: items in doubt that no resume will settle.
    """
    counts, exit_code, found = judgement.counts, judgement.exit_code, judgement.verified
    if run.kind == RunKind.DRY_RUN:
        checked = ["intercom-bulk doctor"] if exit_code == 4 else []
        left = [f"intercom-bulk runs export {run.id} --outcome drifted"] if counts.drifted else []
        return [*checked, *left, f"intercom-bulk runs show {run.id}"]
    if status in _LIVE:
        on = [f"intercom-bulk runs resume {run.id}"] if status is RunStatus.PAUSED else []
        return [*on, f"intercom-bulk runs watch {run.id}"]
    said: list[str] = []
    if exit_code == 4:
        said.append("intercom-bulk doctor")
    if status is not RunStatus.FINISHED or counts.pending or counts.in_flight or counts.in_doubt > untold or found.unseen:
        # What a guard refused is refused again, unless the guard is corrected.
        guard = (run.totals.get("guard") or {}).get("go_on")
        said.append(f"intercom-bulk runs resume {run.id}{f' {guard}' if guard else ''}")
    if counts.failed and retry:
        said.append(f"intercom-bulk runs retry {run.id}")
    stands = undone is None or undone.done < counts.done
    if undone is not None and not stands:
        said.append(f"intercom-bulk verify {undone.by}")
    elif exit_code == 6 or (exit_code == 7 and status is RunStatus.FINISHED):
        said.append(f"intercom-bulk verify {run.id}{' --level all' if found.sample_wrong else ''}")
    if counts.drifted:
        said.append(f"intercom-bulk runs export {run.id} --outcome drifted")
    if untold:
        said.append(f"intercom-bulk runs export {run.id} --outcome in_doubt")
    if unfinished is not None:
        said.append(f"intercom-bulk runs resume {unfinished.run}")
    elif (counts.done or partly) and stands and (_likely(run) if undoable is None else undoable):
        said.append(" ".join([f"intercom-bulk undo {run.id}", *consent_flags(run.totals.get("undo_needs") or ())]))
    return said or [f"intercom-bulk runs show {run.id}"]


def _likely(run: RunRecord) -> bool:
    """Whether a run can be undone, as far as its row tells; `undo` itself has the final word."""
    previewed = (run.totals.get("review") or {}).get("reversibility")
    cls = declared(run.operation)
    return (previewed or (cls and cls.reversibility)) in _UNDOABLE
