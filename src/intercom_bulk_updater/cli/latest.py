"""What `latest` means to a verb that acts on a run: the newest run that it can act on, and never a dry run."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..journal import Journal, RunLock, RunRecord
from ..model import RunStatus
from ..report.summary import standing

Able = Callable[[Journal, RunRecord], bool]


def pick(journal: Journal, ref: str, able: Able, what: str) -> RunRecord:
    """The run that was named; for `latest` the newest real run that is `able`, and a word on stderr if a newer one is not.

    `what`: what it can, for that word ("be undone"). Where no run can, the newest: its refusal says why.
    """
    if ref.strip() != "latest":
        return journal.run(ref)
    newest = journal.run("latest")
    for run in journal.runs(None):
        if able(journal, run):
            if run.id != newest.id:
                sys.stderr.write(f"latest is {run.id}, the last run that can {what}; {newest.id} cannot.\n")
            return run
    return newest


def undoable(journal: Journal, run: RunRecord) -> bool:
    """It changed something, or may have."""
    counts = journal.counts(run.id)
    return run.kind != "dry_run" and bool(counts.done or counts.in_doubt or counts.in_flight)


def verifiable(journal: Journal, run: RunRecord) -> bool:
    """It changed something, and was not undone since."""
    return run.kind != "dry_run" and bool(journal.counts(run.id).done) and journal.undone_by(run.id) is None


def resumable(journal: Journal, run: RunRecord) -> bool:
    """Something of it is left to be done."""
    if run.kind == "dry_run":
        return False
    counts = journal.counts(run.id)
    return standing(journal, run) is not RunStatus.FINISHED or bool(counts.pending or counts.in_doubt or counts.in_flight)


def retriable(journal: Journal, run: RunRecord) -> bool:
    """Something of it failed or is in doubt."""
    counts = journal.counts(run.id)
    return run.kind != "dry_run" and bool(counts.failed or counts.in_doubt)


def alive(journal: Journal, run: RunRecord) -> bool:
    """A process holds it."""
    return RunLock.held(journal.home, run.id)
