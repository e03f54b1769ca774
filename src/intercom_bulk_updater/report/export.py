"""Rows of a run for other programs and for spreadsheets: one item a line, in flat memory."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from intercom_bulk_updater.api.redact import mask, redact, without_tokens
from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.journal import ItemRow, Store
from intercom_bulk_updater.model import Outcome, RunStatus

from .files import replacing
from .summary import standing
from .texts import change_words
from .times import rfc3339

Format = Literal["csv", "jsonl", "json"]
COLUMNS = (
    "seq",
    "id",
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
)

# What a spreadsheet takes for the beginning of a formula, full-width and small forms included.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "−")  # noqa: RUF001 - meant
_SKIPPED = re.compile(r"[\s\x00-\x1f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u00ad]+")
"""What a spreadsheet may skip before one."""


class Writable(Protocol):
    """What takes text: a file, standard output."""

    def write(self, text: str, /) -> int:
        """Write a piece."""
        ...


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
    writers = {"csv": _csv, "jsonl": _jsonl, "json": _json}
    if format not in writers:
        raise UsageError(f"There is no export format {format!r}: csv, jsonl or json.")
    return writers[format](_rows(journal, run_id, outcomes, with_bodies), stream)


def export_file(
    path: Path,
    journal: Store,
    run_id: str,
    *,
    format: Format = "csv",
    outcomes: Sequence[Outcome] | None = None,
    with_bodies: bool = False,
) -> int:
    """As `export`, into a file that only its owner can read; it is replaced as a whole, or not at all.

    Raises UsageError when it cannot be written.
    """
    with replacing(path, "The export", newline="") as stream:
        return export(journal, run_id, stream, format=format, outcomes=outcomes, with_bodies=with_bodies)


def _rows(journal: Store, run_id: str, outcomes: Sequence[Outcome] | None, with_bodies: bool) -> Iterator[dict[str, Any]]:
    run = journal.run(run_id)
    lives = standing(journal, run) in (RunStatus.RUNNING, RunStatus.PAUSED)
    in_flight = Outcome.PENDING if lives else Outcome.IN_DOUBT
    asked = outcomes
    if outcomes is not None and in_flight in outcomes:
        # A stop puts back to pending what had been sent.
        outcomes = [*dict.fromkeys((*outcomes, Outcome.IN_FLIGHT, Outcome.PENDING))]
    for row in journal.items(run.id, outcomes=outcomes):
        left = row.outcome is Outcome.IN_FLIGHT or row.left
        outcome = in_flight if left else row.outcome
        if asked is not None and outcome not in asked:
            continue
        yield _row(row, outcome, with_bodies)


def _row(row: ItemRow, outcome: Outcome, with_bodies: bool) -> dict[str, Any]:
    text = without_tokens if with_bodies else redact
    failure = row.failure
    return {
        "seq": row.seq,
        "id": text(row.id),
        "outcome": outcome.value,
        "change": change_words(row.before, row.after, with_bodies) if outcome in (Outcome.DONE, Outcome.FAILED) else "",
        "before": _fields(row.before, with_bodies),
        "after": _fields(row.after, with_bodies),
        "attempts": row.attempts,
        "cause": text(failure.cause) if failure else "",
        "status": failure.status if failure and failure.status else None,
        "code": text(failure.code) if failure else "",
        "message": text(failure.message) if failure else "",
        "request_id": text(failure.request_id) if failure else "",
        "note": text(row.note),
        "finished_at": rfc3339(row.finished_at),
    }


def _fields(image: Mapping[str, Any] | None, with_bodies: bool) -> Any:
    if not image:
        return None
    return mask(image, with_bodies=with_bodies)


def _jsonl(rows: Iterator[dict[str, Any]], stream: Writable) -> int:
    # ASCII: half of an emoji is legal in JSON and in no encoding, and U+2028 ends a line for some readers.
    encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
    count = 0
    for row in rows:
        stream.write(encode(row) + "\n")
        count += 1
    return count


def _json(rows: Iterator[dict[str, Any]], stream: Writable) -> int:
    """One object, written piece by piece: the items of a large run do not fit into memory."""
    encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
    count = 0
    stream.write('{"schema":"export/1","ok":true,"exit":0,"items":[')
    for row in rows:
        stream.write((",\n" if count else "\n") + encode(row))
        count += 1
    stream.write(f'\n],"count":{count}}}\n')
    return count


def _csv(rows: Iterator[dict[str, Any]], stream: Writable) -> int:
    # Text is quoted and numbers are not, so that a spreadsheet can be told to keep quoted cells as text.
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        writer.writerow([_cell(row[column]) for column in COLUMNS])
        count += 1
    return count


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    text = str(value).replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return f"'{text}" if _SKIPPED.sub("", text[:20]).startswith(_FORMULA) or text.startswith(("\t", "\r", "\n")) else text
