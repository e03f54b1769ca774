"""`resume` and `retry`: go on with a run as it was told to, and with what is said now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..journal import Journal, RunRecord
from ..model import Outcome, RunStatus
from ..operations.operation import Operation
from ..parsing.identity import count_words
from ..runs.options import Options
from ..runs.session import Session
from .notes import Note, ignore
from .rebuild import Loader, rebuild
from .run_reference import pick, real
from .work import Work

_AGAIN = (Outcome.FAILED, Outcome.IN_DOUBT)


def run_to_go_on(
    path: Path, ref: str, *, retry: bool, base_url: str | None = None, options: Options | None = None, note: Note = ignore
) -> tuple[RunRecord, bool]:
    """The run that is to be resumed or retried, and whether that is done already: a paused one was asked to go on.

    `path`: the journal's file; `base_url`: the server whose runs `latest` is one of.

    Raises UsageError for a dry run, RunLocked for a run that another process works on.
    """
    python = options is not None and options.python
    with Journal(path, read_only=True) as book:
        record = pick(book, ref, real, "be retried" if retry else "be resumed", base_url, note)
        if record.kind == "dry_run":
            instead = "Run it without dry_run=True." if python else "Run its command without --dry-run."
            raise UsageError(f"{record.id} was a dry run: there is nothing to go on with. {instead}")
        if record.status is RunStatus.PAUSED and book.is_held(record.id) and not retry:
            with Journal(path) as written:
                written.request(record.id, "resume")
            return record, True
        # The holder may be stopped in the middle of a write, so that the journal itself would not answer.
        book.refuse_held(record.id)
    return record, False


def take_up(
    session: Session,
    record: RunRecord,
    options: Options,
    *,
    retry: bool,
    only: str | None = None,
    load: Loader | None = None,
    note: Note = ignore,
) -> Work:
    """A run that was begun, ready to go on; with `retry` what failed in it, `only` by this cause, and nothing else.

    `options`: its own with what is said now.
    """
    rebuilt = rebuild(session, record, options, load)
    with session.journal.reserve(record.id):
        again = _reopen(session.journal, record, only) if retry else None
        if again is None:
            _say_if_finished(session.journal, record, rebuilt.operation, note)
            session.journal.reopen(record.id, outcomes=[Outcome.IN_DOUBT])
            _redo_lost(session.journal, record, rebuilt.operation, note)
        session.journal.update_run(record.id, settings=options.as_json())
    return Work(session, record, rebuilt.operation, rebuilt.selected.feed, options, only=again)


def _say_if_finished(journal: Journal, record: RunRecord, operation: Operation, note: Note) -> None:
    """Say of a run that came to its end, with nothing in doubt, that there is nothing to resume, and what there is instead."""
    counts = journal.counts(record.id)
    left = counts.pending or counts.in_flight or counts.in_doubt or record.search.get("missing") or operation.leaves_files
    if record.status is not RunStatus.FINISHED or left:
        return
    said = [f"{record.id} is finished: there is nothing to resume."]
    if counts.failed:
        said.append(f"To try what failed again ({count_words(counts.failed, 'item')}): intercom-bulk runs retry {record.id}.")
    if counts.done and operation.inverse() is not None:
        said.append(f"To take it back: intercom-bulk undo {record.id}.")
    note(" ".join(said))


def _redo_lost(journal: Journal, record: RunRecord, operation: Operation, note: Note) -> None:
    """What is done and has left a file that is not there any more, or not all of it, is to be done again."""
    if not operation.leaves_files:
        return
    rows = journal.items(record.id, outcomes=[Outcome.DONE, Outcome.UNCHANGED])
    if lost := [row.seq for row in rows if operation.drop_lost(row.id, row.after or {})]:
        journal.redo(record.id, lost)
        note(f"{count_words(len(lost), 'item')} of what was written gone or cut short since: written again.")


def _reopen(journal: Journal, record: RunRecord, only: str | None) -> Sequence[int]:
    """The failures as pending items again; their seqs. Raises UsageError for a cause that no item failed by."""
    causes = None
    if only is not None:
        known = [group.cause for group in journal.failures(record.id)]
        exact = [cause for cause in known if cause == only]
        # `404` means every cause that begins so.
        causes = exact or [cause for cause in known if only.strip() and cause.lower().startswith(only.strip().lower())]
        if not causes:
            listed = ", ".join(repr(cause) for cause in known)
            raise UsageError(f"No item of {record.id} failed by {only!r}. Causes: {listed or 'none'}.")
    seqs = [row.seq for row in journal.items(record.id, outcomes=_AGAIN, causes=causes)]
    journal.reopen(record.id, outcomes=_AGAIN, causes=causes)
    return seqs
