"""`verify`: read a run's items back, and search again for what its selection still finds."""

from __future__ import annotations

from ..errors import UsageError
from ..runs.observer import Observer
from ..runs.options import Options
from ..runs.read_back import VerificationResult
from ..runs.runner import Job, Runner
from ..runs.session import Session
from ..runs.sources import SearchSource
from .notes import Note, ignore
from .rebuild import Loader, rebuild
from .run_reference import pick, real
from .work import Work, in_words


def begin_verification(session: Session, ref: str, options: Options, note: Note = ignore, load: Loader | None = None) -> Work:
    """A run that is to be verified, at the level `options.verify`. Raises UsageError for a dry run."""
    record = pick(session.journal, ref, real, "be verified", session.settings.base_url, note)
    if record.kind == "dry_run":
        raise UsageError(f"{record.id} was a dry run: it wrote nothing, so there is nothing to verify.")
    rebuilt = rebuild(session, record, options, load)
    session.stop.last_words = f"Nothing was written. To verify again: intercom-bulk verify {record.id}"
    return Work(session, record, rebuilt.operation, rebuilt.selected.feed, options)


def verify(work: Work, observer: Observer | None = None) -> VerificationResult:
    """Read back and search again; never writes. Raises VerificationFailed for items that are not in the requested state."""
    runner = Runner(work.session, Job(work.run, work.operation, work.feed, work.options), observer)
    with in_words():
        return runner.verify_only(work.feed if isinstance(work.feed, SearchSource) else None)
