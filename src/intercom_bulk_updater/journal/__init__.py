"""What happened: every item of every run, on disk."""

from .journal import Journal
from .lease import LEASE_SECONDS, Lease
from .mark import Age, leave_word
from .parameters import decode_parameters, encode_parameters, storable
from .paths import journal_path
from .records import (
    UNDOES,
    Account,
    Event,
    FailureExample,
    FailureGroup,
    ItemRow,
    RecipeRecord,
    RunRecord,
    Undone,
    UnfinishedUndo,
    WindowRow,
)
from .serialization import from_json, to_json
from .store import Store

__all__ = [
    "LEASE_SECONDS",
    "UNDOES",
    "Account",
    "Age",
    "Event",
    "FailureExample",
    "FailureGroup",
    "ItemRow",
    "Journal",
    "Lease",
    "RecipeRecord",
    "RunRecord",
    "Store",
    "Undone",
    "UnfinishedUndo",
    "WindowRow",
    "decode_parameters",
    "encode_parameters",
    "from_json",
    "journal_path",
    "leave_word",
    "storable",
    "to_json",
]
