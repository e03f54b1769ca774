"""What `latest` means to a verb that acts on a run.

Never a dry run, which did nothing. Otherwise the newest, even if the verb then has nothing to do there: to go back to an
older one would change what nobody asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from ..journal import Journal, RunLock, RunRecord
from .notes import Note, ignore

Able = Callable[[Journal, RunRecord], bool]


def pick(journal: Journal, ref: str, able: Able, what: str, note: Note = ignore) -> RunRecord:
    """The run that was named; for `latest` the newest that is `able`, and `note` hears that a newer one is not.

    `what`: what it can, for that word ("be undone"). Where no run can, the newest: its refusal says why.
    """
    if ref.strip() != "latest":
        return journal.run(ref)
    newest = journal.run("latest")
    for run in journal.runs(None):
        if able(journal, run):
            if run.id != newest.id:
                note(f"latest is {run.id}, the last run that can {what}; {newest.id} cannot.")
            return run
    return newest


def real(journal: Journal, run: RunRecord) -> bool:
    """It was no dry run."""
    return run.kind != "dry_run"


def alive(journal: Journal, run: RunRecord) -> bool:
    """A process holds it."""
    return RunLock.held(journal.home, run.id)
