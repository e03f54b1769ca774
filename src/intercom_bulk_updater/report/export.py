"""Rows of a run for other programs and for spreadsheets: one item a line, in flat memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from intercom_bulk_updater.api.redact import mask, redact, without_tokens
from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.journal import ItemRow, Store
from intercom_bulk_updater.model import Outcome
from intercom_bulk_updater.parsing.dates import clock_of
from intercom_bulk_updater.runs.identity import has_keys, id_in_intercom, name_of_row

from .links import link_of
from .summary import items_told
from .table_file import CellKind, Format, TableColumn, Writable, write_table, write_table_file
from .texts import NOT_SHOWN, change_words, image_words, names_of, verb_of

COLUMNS = (
    "seq",
    "id",
    "key",
    "outcome",
    "change",
    "before",
    "after",
    "attempts",
    "cause",
    "status",
    "code",
    "message",
    "request_id",
    "note",
    "finished_at",
    "name",
    "link",
)

_KINDS = {
    "seq": CellKind.INTEGER, "attempts": CellKind.INTEGER, "status": CellKind.INTEGER, "finished_at": CellKind.MOMENT,
    "before": CellKind.ANY, "after": CellKind.ANY, "link": CellKind.LINK,
}  # fmt: skip
_TABLE = [TableColumn(name, _KINDS.get(name, CellKind.TEXT)) for name in COLUMNS]


def export(
    journal: Store,
    run_id: str,
    stream: Writable,
    *,
    format: Format = "csv",
    outcomes: Sequence[Outcome] | None = None,
    with_bodies: bool = False,
) -> int:
    """Write the items of a run to `stream` and return how many.

    Parameters
    ----------
    format:
        "csv" (a header, then a row for each item; safe to open in a spreadsheet), "jsonl" (an object a line) or
        "json" (one object, the items in it).
    outcomes:
        Only these; None for all. Items that a dead process left in flight are in doubt.
    with_bodies:
        With message bodies and e-mail addresses. Tokens are left out in any case.

    Open a file with `newline=""` and UTF-8. Raises NoSuchRun, JournalError, UsageError (an unknown format).
    """
    if format not in ("csv", "jsonl", "json"):
        raise UsageError(f"There is no export format {format!r}: csv, jsonl or json; xlsx and parquet only as a file.")
    return write_table(stream, _TABLE, _rows(journal, run_id, outcomes, with_bodies, format), format, clock_of(_timezone(journal, run_id)))


def export_file(
    path: Path,
    journal: Store,
    run_id: str,
    *,
    format: Format = "csv",
    outcomes: Sequence[Outcome] | None = None,
    with_bodies: bool = False,
) -> int:
    """As `export`, into a file that only its owner can read; it is replaced as a whole, or not at all. Also "xlsx" and "parquet".

    Raises UsageError when it cannot be written.
    """
    rows = _rows(journal, run_id, outcomes, with_bodies, format)
    return write_table_file(path, _TABLE, rows, form=format, zone=_timezone(journal, run_id), what="The export")


def _timezone(journal: Store, run_id: str) -> str:
    """The time zone of the run's workspace; "" (UTC) where the run never learned it."""
    return str((journal.run(run_id).totals.get("place") or {}).get("timezone") or "")


def _rows(
    journal: Store, run_id: str, outcomes: Sequence[Outcome] | None, with_bodies: bool, format: Format
) -> Iterator[dict[str, Any]]:
    """The rows: for programs the fields before and after as they are, in a sheet in words."""
    run = journal.run(run_id)
    names = names_of(journal, run)
    keyed = has_keys(run)
    verb = verb_of(run)
    for row, outcome in items_told(journal, run, outcomes):
        told = _row(row, outcome, names, with_bodies, keyed)
        unknown = verb.not_known(row.before or {}) if verb is not None else ()
        in_words = format not in ("json", "jsonl")
        for side in ("before", "after"):
            image = told[side] and {**told[side], **dict.fromkeys(unknown, NOT_SHOWN if in_words else None)}
            told[side] = image_words(image, names, with_bodies=True) if in_words else image
        yield {**told, "link": link_of(run, id_in_intercom(row, keyed=keyed))}


def _row(row: ItemRow, outcome: Outcome, names: Mapping[str, str], with_bodies: bool, keyed: bool) -> dict[str, Any]:
    text = without_tokens if with_bodies else redact
    failure = row.failure
    return {
        "seq": row.seq,
        "id": text(id_in_intercom(row, keyed=keyed)),
        "key": text(row.id) if keyed else "",
        "outcome": outcome.value,
        "change": change_words(row.before, row.after, names, with_bodies=with_bodies),
        "before": _fields(row.before, with_bodies),
        "after": _fields(row.after, with_bodies),
        "attempts": row.attempts,
        "cause": text(failure.cause) if failure else "",
        "status": failure.status if failure and failure.status else None,
        "code": text(failure.code) if failure else "",
        "message": text(failure.message) if failure else "",
        "request_id": text(failure.request_id) if failure else "",
        "note": text(row.note),
        "finished_at": row.finished_at,
        "name": text(name_of_row(row, keyed=keyed)),
    }


def _fields(image: Mapping[str, Any] | None, with_bodies: bool) -> Any:
    if not image:
        return None
    return mask(image, with_bodies=with_bodies)
