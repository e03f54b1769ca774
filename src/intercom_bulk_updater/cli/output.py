"""What people and programs are told of a run: its screen while it goes on, its account at the end."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import IntercomBulkError, UsageError
from ..journal import RunRecord
from ..operations.operation import Operation
from ..parsing.output_file import why_not_writable
from ..report.next_commands import consent_flags
from ..report.summary import summarize
from ..runs.session import Session
from ..service.consent import needed
from .errors import failed
from .flags import Output, Shown
from .stdout import all_is_told, emit, keep_told, note

if TYPE_CHECKING:
    from ..terminal.console_observer import ConsoleObserver
    from ..terminal.phrases import Title


# False where the commands that come next would find nothing: the demo's journal goes with the demo.
_says_next = True


@contextmanager
def nothing_next() -> Iterator[None]:
    """While this lasts, the account of a run ends without the commands that come next."""
    global _says_next
    _says_next = False
    try:
        yield
    finally:
        _says_next = True


REPORTS = (".html", ".htm", ".json")
PAGES = (".html", ".htm")
PLANS = (".jsonl", ".plan", "")


def writable(path: str, flag: str, endings: Iterable[str]) -> None:
    """Refuse a file that could not be written, and an ending (lower case) that would promise another format.

    Called before anything is done. Raises UsageError.
    """
    file = Path(path)
    why = why_not_writable(file)
    if not why and file.suffix.lower() not in endings:
        known = [ending for ending in endings if ending]
        listed = f"{', '.join(known[:-1])} or {known[-1]}" if len(known) > 1 else known[0]
        why = f"what is written here ends in {listed}, not in {file.suffix or 'nothing'}"
    if why:
        raise UsageError(f"{flag} {path}: {why}. Nothing was done; name a file that can be written.")


def tell(
    session: Session,
    run_id: str,
    output: Output,
    observer: ConsoleObserver,
    error: BaseException | None,
    *,
    plan: str | None = None,
    operation: Operation | None = None,
) -> int:
    """The account of a run: JSON on stdout or sentences on stderr. Returns the exit code."""
    undoable = None if operation is None else operation.inverse() is not None
    keep_told(run_id)
    report = summarize(session.journal, run_id, error=error, undoable=undoable)
    if plan and error is None:
        report["plan"] = {"file": plan, **(report.get("plan") or {})}
        asked = consent_flags(needed(operation)) if operation is not None else []
        file = shlex.quote(plan)
        report["next"] = [f"intercom-bulk runs show {file}", " ".join([f"intercom-bulk apply {file}", *asked])]
    if output.report:
        from ..report.page import write_page

        try:
            write_page(Path(output.report), session.journal, run_id, undoable=undoable)
        except UsageError as exc:
            # It could be written when the run began. What was done is to be told all the same.
            note(f"{exc.message}. To write it elsewhere:\n  intercom-bulk runs report {run_id} -o FILE.html")
    if output.json:
        emit(json.dumps(report) + "\n")
    elif output.jsonl:
        observer.finish(report)
    if error is not None and not isinstance(error, IntercomBulkError | KeyboardInterrupt):
        failed(error, [], report)
    if not _says_next:
        report["next"] = []
    if not (output.quiet and report["ok"]):
        from ..terminal.texts import summary_text

        say(summary_text(report))
    if _says_next:
        all_is_told()
    return int(report["exit"])


def say(thing: Any) -> None:
    """Sentences for people, on stderr."""
    if isinstance(thing, str):
        note(thing)
    else:
        from ..terminal.terminal import say as say_well

        say_well(thing)


def observer_of(output: Shown, title: Title | None = None) -> ConsoleObserver:
    """Who watches a run, as the flags want it."""
    from ..terminal.observers import observer_for

    # With --json and no terminal nobody follows the progress; a log is still to say that the run waits.
    waits = output.json and not sys.stderr.isatty()
    quiet = output.quiet or (waits and output.progress != "auto")
    return observer_for(
        progress=output.progress, jsonl=output.jsonl, quiet=quiet, verbose=output.verbose, waits=waits, title=title
    )


def title_of(session: Session, run: RunRecord, operation: Operation, resource: str) -> Title:
    """What the screen of a run is about."""
    from ..terminal.phrases import Title

    workspace = session.workspace()
    return Title(
        operation=f"{resource}.{operation.name or operation.describe()}",
        words=operation.describe(),
        workspace=f"{workspace.name} ({workspace.id})" if workspace.name else workspace.id,
        selection=str(run.selection.get("words") or ""),
        resource=resource,
        run=run.id,
        kind=run.kind,
        again=str(run.selection.get("again") or ""),
    )


def close(observer: ConsoleObserver) -> None:
    """Take the screen down; the summary takes its place."""
    observer.close(keep=False)
