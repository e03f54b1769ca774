"""What another process may ask of a live run: pause, cancel. `resume` lets a paused one go on (resume.py)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..journal import Journal, RunRecord
from ..model import RunKind, RunStatus
from ..report.summary import standing
from ..runs.options import Options
from .notes import Note, ignore
from .run_reference import alive, pick


def ask_of(path: Path, ref: str, control: str, base_url: str | None = None, note: Note = ignore) -> RunRecord:
    """Ask the process that holds a run to `pause` or to `cancel`; `path` is the journal's file. Returns at once.

    `base_url`: the server whose runs `latest` is one of.

    Raises UsageError for a run that no process holds.
    """
    with Journal(path, read_only=True) as book:
        record = pick(book, ref, alive, control, base_url, note)
        if not book.is_held(record.id):
            said = f"No process holds {record.id} ({standing(book, record)}); there is nothing to {control}."
            if record.kind is RunKind.RUN and record.parent and book.is_held(record.parent):
                said += f" Its recipe is at work: intercom-bulk recipes cancel {record.parent}"
            raise UsageError(said)
        if control == "pause" and book.orders(record.id).control == "cancel":
            raise UsageError(f"{record.id} is already asked to cancel: it ends as soon as what is in flight has finished.")
        with Journal(path) as written:
            written.request(record.id, control)
    return record


def set_speed(path: Path, ref: str, options: Options, base_url: str | None = None, note: Note = ignore) -> RunRecord:
    """Let a run go on at the share and the rate of `options`, from within a second on; a run that stands takes it up when it goes on.

    Raises UsageError for a run that is over.
    """
    with Journal(path) as book:
        record = pick(book, ref, alive, "take another speed", base_url, note)
        if record.status in (RunStatus.FINISHED, RunStatus.PLANNED):
            raise UsageError(f"{record.id} is {standing(book, record)}; there is no speed to set.")
        stored = Options.from_json(record.settings)
        asked = {name: getattr(options, name) for name in ("share", "rate", "share_words", "rate_words")}
        kept = {
            name: value for name, value in asked.items()
            if (options.share_words if name.startswith("share") else options.rate_words)
        }
        if not kept:
            raise UsageError(f"Say how fast: {options.word('share', '40%')}, {options.word('rate', '6000/min')}, or both.")
        book.update_run(record.id, settings=replace(stored, **kept).as_json())
    return record
