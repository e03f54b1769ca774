"""`--jsonl`: what happens, one JSON object a line on stdout; the last is `run.done`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from ..api.redact import redact_texts
from .console_observer import ConsoleObserver
from .phrases import Title
from .screen_rows import told
from .terminal import give_up

if TYPE_CHECKING:
    from intercom_bulk_updater.runs.observer import Progress
    from intercom_bulk_updater.runs.preview import Preview

SCHEMA = "event/1"
_EVERY = 1.0
"""Seconds between two `progress` events at least."""
_OURS = ("schema", "ts", "seq", "run", "event")


def event_line(event: str, data: Mapping[str, Any], run: str | None, seq: int) -> str:
    """One event as a line of text, its newline included."""
    line = {"schema": SCHEMA, "ts": _now(), "seq": seq, "run": run, "event": event}
    line |= {(f"item_{k}" if k in _OURS else k): redact_texts(v) for k, v in data.items()}
    return json.dumps(line, ensure_ascii=True, default=str) + "\n"


def done_line(report: Mapping[str, Any], seq: int = 1) -> str:
    """The last line: the object of `--json`, whole and under its own schema, that says besides that it is the event `run.done`."""
    line = {**report, "event": "run.done", "ts": _now(), "seq": seq}
    return json.dumps(line, ensure_ascii=True, default=str) + "\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonLines(ConsoleObserver):
    """Writes events to `stream` (stdout) and passes everything on to `people`, who look at stderr.

    Every line has `schema`, `ts` (RFC 3339, UTC), `seq` (1, 2, 3 ...), `run` and `event`. Where the data
    of an event has a field of one of these names it is called `item_...`. In the last line `run` is the
    object of `--json`. A reader that leaves does not stop the run.
    """

    def __init__(
        self,
        people: ConsoleObserver,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.people = people
        self._stream = stream if stream is not None else sys.stdout
        self._clock = clock
        self._seq = 0
        self._run: str | None = None
        self._told: float | None = None
        self._gone = False

    def introduce(self, title: Title) -> None:
        self.people.introduce(title)

    def began(self, run_id: str) -> None:
        """`run.began`."""
        self._run = run_id
        title = self.people.title
        self._write(
            "run.began",
            {
                "operation": title.operation,
                "words": title.words,
                "workspace": title.workspace,
                "selection": title.selection,
            },
        )
        self.people.began(run_id)

    def progress(self, progress: Progress) -> None:
        """`progress`, at most once a second."""
        now = self._clock()
        if self._told is None or now - self._told >= _EVERY:
            self._told = now
            self._write("progress", told(progress))
        self.people.progress(progress)

    def event(self, kind: str, **data: Any) -> None:
        """The event under its own name: `item.failed`, `pass`, `canary`, `in_doubt`, `paused` ..."""
        self._write(kind, data)
        self.people.event(kind, **data)

    def confirm(self, review: Preview, run_id: str) -> bool:
        """`review`, then the question to the person; `confirmed` tells the answer."""
        self._write("review", review.as_json())
        said = self.people.confirm(review, run_id)
        self._write("confirmed", {"yes": said})
        return said

    def finish(self, report: Mapping[str, Any]) -> None:
        """The last line: `run.done`, with the object of `--json`. The summary for people is the caller's."""
        self.people.close(keep=False)
        self._put(lambda seq: done_line(report, seq))

    def close(self, *, keep: bool = True) -> None:
        self.people.close(keep=keep)

    def _write(self, event: str, data: Mapping[str, Any]) -> None:
        self._put(lambda seq: event_line(event, data, self._run, seq))

    def _put(self, line: Callable[[int], str]) -> None:
        if self._gone:
            return
        self._seq += 1
        try:
            self._stream.write(line(self._seq))
            self._stream.flush()
        except (OSError, ValueError):
            self._gone = True
            give_up(self._stream)
