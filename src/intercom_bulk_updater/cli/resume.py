"""Going on with a run: `runs resume`, `runs retry`, and `apply` of a plan that is half done."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..errors import SafetyStop, UsageError
from ..journal import Journal, RunLock, RunRecord
from ..model import Outcome, RunStatus
from ..report.summary import summarize
from ..runs.options import Options
from .execute import go, interactive, opened, options_of
from .flags import Output, Safety, Speed
from .rebuild import rebuild
from .run_reference import pick, real
from .show import out_data

_AGAIN = (Outcome.FAILED, Outcome.IN_DOUBT)


def go_on(run: str, safe: Safety, speed: Speed, out: Output, *, failed: bool, only: str | None = None) -> int:
    """Go on with a run as it was told to, and with what the flags say now: a guard that stopped it can be corrected here.

    `failed`: take what failed, `only` by this cause, and nothing else.
    """
    from ..settings import load

    path = load().home / "journal.db"
    with Journal(path, read_only=True) as book:
        record = pick(book, run, real, "be retried" if failed else "be resumed")
        if record.kind == "dry_run":
            raise UsageError(f"{record.id} was a dry run: there is nothing to go on with. Run its command without --dry-run.")
        if safe.dry_run or safe.plan:
            raise UsageError(f"A run that was begun cannot become a dry run or a plan; to look at it: runs show {record.id}.")
        if record.status is RunStatus.PAUSED and RunLock.held(book.home, record.id) and not failed:
            with Journal(path) as written:
                written.request(record.id, "resume")
            sys.stderr.write(f"Asked {record.id} to go on.\n")
            out_data(out, lambda: summarize(book, record.id))
            return 0
        # The holder may be stopped in the middle of a write, so that the journal itself would not answer.
        RunLock.refuse_held(book.home, record.id)
    options = options_of(safe, speed, stored=Options.from_json(record.settings))
    with opened(options, out) as (session, _):
        rebuilt = rebuild(session, record, options)
        if options.ask and not (safe.yes or record.totals.get("confirmed") or interactive()):
            raise SafetyStop(
                f"{record.id} was never confirmed, and there is no terminal to ask on. Look at it with runs show {record.id}; "
                "then say --yes."
            )
        with RunLock(session.settings.home, record.id):
            again = _reopened(session.journal, record, only) if failed else None
            if again is None:
                session.journal.reopen(record.id, outcomes=[Outcome.IN_DOUBT])
            session.journal.update_run(record.id, settings=options.as_json())
        return go(session, record, rebuilt.operation, rebuilt.selected, options, safe, out, only=again)


def _reopened(journal: Journal, record: RunRecord, only: str | None) -> Sequence[int]:
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
