"""What `latest` means to a verb that acts on a run.

Never a dry run, which did nothing. Otherwise the newest, even if the verb then has nothing to do there: to go back to an
older one would change what nobody asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import WrongWorkspace
from ..journal import Journal, RecipeRecord, RunRecord
from ..runs.session import Session
from .notes import Note, ignore

Able = Callable[[Journal, RunRecord], bool]


def pick(journal: Journal, ref: str, able: Able, what: str, base_url: str | None, note: Note = ignore) -> RunRecord:
    """The run that was named; for `latest` the newest that is `able`, and `note` hears that a newer one is not.

    `what`: what it can, for that word ("be undone"). Where no run can, the newest: its refusal says why.
    `base_url`: the server whose runs `latest` is one of.
    """
    newest = journal.run(ref, base_url=base_url)
    if ref.strip() != "latest":
        return newest
    for run in journal.runs(None):
        if (base_url is None or run.base_url in (base_url, "")) and able(journal, run):
            if run.id != newest.id:
                note(f"latest is {run.id}, the last run that can {what}; {newest.id} cannot.")
            return run
    return newest


def refuse_elsewhere(session: Session, run: RunRecord | RecipeRecord) -> None:
    """Raises WrongWorkspace for a run or a recipe of another workspace; the address may be another, that of a proxy."""
    workspace = session.workspace()
    if run.workspace and workspace.id != run.workspace:
        raise WrongWorkspace(
            f"{run.id} belongs to workspace {run.workspace!r}, and the token is of {workspace.id!r} ({workspace.name}). "
            "Nothing was written. Use the token of that workspace."
        )


def real(journal: Journal, run: RunRecord) -> bool:
    """It was no dry run."""
    return run.kind != "dry_run"


def alive(journal: Journal, run: RunRecord) -> bool:
    """A process holds it."""
    return journal.is_held(run.id)
