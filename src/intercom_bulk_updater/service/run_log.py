"""A run from Python as a program follows it: lines of Python's logging, and a function that is called with each event.

Logger `intercom_bulk_updater`: INFO for the start and the end of a run, WARNING for each failed item and each wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ..api.redact import redact
from ..journal import Journal, RunRecord
from ..model import EventKind
from ..runs.observer import Observer, Progress

_log = logging.getLogger("intercom_bulk_updater")
_log.addHandler(logging.NullHandler())  # a script that sets up no logging has the report, and no line for each failure


class RunLog(Observer):
    """Logs what a run tells, calls `on_event`, and passes everything on to `inner`, which shows it."""

    def __init__(
        self, inner: Observer, journal: Journal, run: RunRecord, on_event: Callable[[Mapping[str, Any]], object] | None = None
    ) -> None:
        super().__init__()
        self.inner = inner
        self._journal = journal
        self._run = run
        self._on_event = on_event
        self._behind = 0

    def began(self, run_id: str) -> None:
        _log.info("run %s began: %s, %s", run_id, self._run.operation, self._run.selection.get("words") or "")
        self._tell("run.began", {"operation": self._run.operation, "selection": self._run.selection.get("words") or ""})
        self.inner.began(run_id)

    def progress(self, progress: Progress) -> None:
        if progress.index_behind and progress.index_behind != self._behind:
            waits = "run %s waits: %s items still show their old state in Intercom's search index"
            _log.warning(waits, self._run.id, progress.index_behind)
        self._behind = progress.index_behind
        self._tell("progress", progress.as_json())
        self.inner.progress(progress)

    def event(self, kind: str, **data: Any) -> None:
        if kind in ("item.failed", "item.in_doubt"):
            data = {"id": self._id_of(data.get("seq")), **data}
            words = "failed" if kind == "item.failed" else "is in doubt"
            _log.warning("item %s %s: %s: %s", redact(data["id"]), words, data.get("cause"), data.get("message"))
        elif kind in (EventKind.PAUSED, EventKind.RESUMED, EventKind.SERVICE_AWAY, EventKind.SERVICE_BACK):
            why = f": {data['problem']}" if data.get("problem") else ""
            _log.warning("run %s: %s%s", self._run.id, kind.replace("_", " "), why)
        self._tell(kind, data)
        self.inner.event(kind, **{name: value for name, value in data.items() if name != "id"})

    def ended(self, report: Mapping[str, Any]) -> None:
        """The account of the run, whichever way it ended."""
        counts = ", ".join(f"{count} {name}" for name, count in report["counts"].items() if count and name != "selected")
        _log.info("run %s ended: %s in %.1f s", self._run.id, counts or "nothing selected", report.get("seconds") or 0.0)
        self._tell("run.done", report)

    def close(self, *, keep: bool = True) -> None:
        """Take the display down."""
        close = getattr(self.inner, "close", None)
        if close is not None:
            close()

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        if self._on_event is not None:
            self._on_event({"event": kind, "run": self._run.id, **{k: v for k, v in data.items() if k not in ("event", "run")}})

    def _id_of(self, seq: Any) -> str:
        return next((row.id for row in self._journal.items(self._run.id, after=int(seq) - 1, chunk=1)), str(seq))


def log_note(on_event: Callable[[Mapping[str, Any]], object] | None = None) -> Callable[[str], None]:
    """Where remarks go for a caller from Python: a line at INFO, and an event `note`."""

    def note(text: str) -> None:
        _log.info("%s", redact(text))
        if on_event is not None:
            on_event({"event": "note", "run": None, "message": text})

    return note
