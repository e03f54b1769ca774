"""What went wrong with the database, and what to do, in a sentence. Never the values of the statement."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import DBAPIError

from intercom_bulk_updater.errors import JournalBusy, JournalError

_NO_JOURNAL = (
    "{where} is a database of something else, or a damaged journal. If its {name}-wal was left behind somewhere, put it back beside it. "
    "Otherwise move it away and keep it, or point INTERCOM_BULK_HOME elsewhere: the next command begins a new journal, which knows "
    "nothing of the runs in this one, so look in Intercom for what they have done before it is done again."
)
# What SQLite says, in part, and what we say. Order matters: the first that fits.
_SENTENCES = (
    (
        "disk is full",
        "The disk is full: the journal {where} took no more. Nothing half-written is left in it. "
        "Free some space (intercom-bulk runs prune), then go on with: intercom-bulk runs resume latest",
    ),
    (
        "not a database",
        "{where} is not a journal, or it is damaged. Move it away, or point INTERCOM_BULK_HOME elsewhere.",
    ),
    (
        "malformed",
        "The journal {where} is damaged. Move it away and keep it: sqlite3's .recover may save its rows.",
    ),
    ("readonly", "The journal {where} is read-only for you: check who owns it and its folder."),
    ("unable to open", "The journal {where} cannot be opened: check who owns it and its folder."),
    (
        "disk i/o error",
        "The disk under the journal {where} reports an error. Check it, then go on with: intercom-bulk runs resume latest",
    ),
    ("no such table", _NO_JOURNAL),
    ("no such column", _NO_JOURNAL),
)


_WRITE_LOCK = 120
"""The byte of `journal.db-shm` that SQLite locks while it writes."""


def writer_of(where: str) -> str:
    """The process that is writing to the journal, for people, as far as the system tells."""
    try:
        inode = Path(f"{where}-shm").stat().st_ino
        for line in Path("/proc/locks").read_text("utf-8").splitlines():
            words = line.split()
            pid, place, first, last = words[4], words[5], words[6], words[7]
            if words[3] == "WRITE" and place.endswith(f":{inode}") and int(first) <= _WRITE_LOCK <= int(last):
                name, _, rest = Path(f"/proc/{pid}/stat").read_text("utf-8").partition("(")[2].rpartition(")")
                return f"Process {pid} ({name}{', which is stopped' if rest.split()[0] == 'T' else ''})"
    except (OSError, ValueError, IndexError):
        pass
    return "Another process"


def trouble(error: DBAPIError, where: str) -> JournalError:
    """The JournalError for a database error at `where` (the file's path)."""
    said = str(error.orig)
    lowered = said.lower()
    if "locked" in lowered or "busy" in lowered:
        return JournalBusy(
            f"{writer_of(where)} keeps the journal {where} locked. Nothing of this was written. "
            "Let it finish or end it, then try again."
        )
    for part, sentence in _SENTENCES:
        if part in lowered:
            return JournalError(sentence.format(where=where, name=Path(where).name))
    return JournalError(f"The journal {where} failed: {said}")


def not_made(error: DBAPIError, where: str) -> JournalError:
    """The JournalError where a new journal could not be made at `where`: there is no run in it that could be gone on with."""
    if "disk is full" not in str(error.orig).lower():
        return trouble(error, where)
    return JournalError(f"The disk is full: the journal {where} could not be made, and nothing was begun. Free some space, then try again.")
