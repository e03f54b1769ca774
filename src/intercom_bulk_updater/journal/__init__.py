"""What happened: every item of every run, on disk."""

from .journal import Journal
from .lock import RunLock
from .mark import Age
from .paths import journal_path
from .records import Event, FailureExample, FailureGroup, ItemRow, RunRecord, WindowRow

__all__ = [
    "Age",
    "Event",
    "FailureExample",
    "FailureGroup",
    "ItemRow",
    "Journal",
    "RunLock",
    "RunRecord",
    "WindowRow",
    "journal_path",
]
