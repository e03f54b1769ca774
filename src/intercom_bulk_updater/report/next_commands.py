"""What to type next: the literal commands, the most useful first."""

from __future__ import annotations

from intercom_bulk_updater.journal import RunRecord
from intercom_bulk_updater.model import Counts, RunStatus

_LIVE = (RunStatus.RUNNING, RunStatus.PAUSED)
# Verbs that leave nothing to restore; asked only where the caller has not said whether the run can be undone.
_NO_WAY_BACK = frozenset({"reply", "note", "redact", "merge", "convert", "delete"})


def next_commands(
    run: RunRecord,
    status: RunStatus,
    counts: Counts,
    exit_code: int,
    undoable: bool | None,
    command: str,
    *,
    undone: str | None = None,
) -> list[str]:
    """The commands that make sense now.

    A run that stopped early begins with what continues it; `undo` stands last. `status` is where the run
    really stands: a dead process leaves RUNNING behind. `undone`: the run that took it back; what was
    restored can be verified, and not undone again.
    """
    if run.kind == "dry_run":
        checked = [f"{command} doctor"] if exit_code == 4 else []
        left = [f"{command} runs export {run.id} --outcome drifted"] if counts.drifted else []
        return [*checked, *left, f"{command} runs show {run.id}"]
    if status in _LIVE:
        on = [f"{command} runs resume {run.id}"] if status is RunStatus.PAUSED else []
        return [*on, f"{command} runs watch {run.id}"]
    said: list[str] = []
    if exit_code == 4:
        said.append(f"{command} doctor")
    verified = run.totals.get("verified") or {}
    if status is not RunStatus.FINISHED or counts.pending or counts.in_flight or counts.in_doubt or verified.get("unseen"):
        # What a guard refused is refused again, unless the guard is corrected.
        guard = (run.totals.get("guard") or {}).get("go_on")
        said.append(f"{command} runs resume {run.id}{f' {guard}' if guard else ''}")
    if counts.failed:
        said.append(f"{command} runs retry {run.id}")
    if undone:
        said.append(f"{command} verify {undone}")
    elif exit_code == 6 or (exit_code == 7 and status is RunStatus.FINISHED):
        said.append(f"{command} verify {run.id}")
    if counts.drifted:
        said.append(f"{command} runs export {run.id} --outcome drifted")
    if counts.done and not undone and (_likely(run) if undoable is None else undoable):
        said.append(f"{command} undo {run.id}")
    return said or [f"{command} runs show {run.id}"]


def _likely(run: RunRecord) -> bool:
    """Whether a run can be undone, as far as its row tells; `undo` itself has the final word."""
    told = (run.totals.get("review") or {}).get("reversibility")
    if told:
        return str(told).startswith(("reversible", "restores"))
    if run.selection.get("updater"):
        return False
    return run.operation.split(".")[-1].lower() not in _NO_WAY_BACK
