"""What went wrong with the database, and what to do, in a sentence. Never the values of the statement."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from intercom_bulk_updater.errors import JournalError

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
    ("locked", "Another process has kept the journal {where} busy for more than 30 s. End it, then resume."),
    ("readonly", "The journal {where} is read-only for you: check who owns it and its folder."),
    ("unable to open", "The journal {where} cannot be opened: check who owns it and its folder."),
    (
        "disk i/o error",
        "The disk under the journal {where} reports an error. Check it, then go on with: intercom-bulk runs resume latest",
    ),
    ("no such table", "{where} is a database of something else, or a damaged journal."),
    ("no such column", "{where} is a database of something else, or a damaged journal."),
)


def trouble(error: DBAPIError, where: str) -> JournalError:
    """The JournalError for a database error at `where` (the file's path)."""
    said = str(error.orig)
    lowered = said.lower()
    for part, sentence in _SENTENCES:
        if part in lowered:
            return JournalError(sentence.format(where=where))
    return JournalError(f"The journal {where} failed: {said}")
