"""What every observer for people has: it is introduced to a run, asks the person, and gives the account at the end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TextIO

from intercom_bulk_updater.runs.observer import Observer

from .bottleneck import Told
from .phrases import Title
from .terminal import say

if TYPE_CHECKING:
    from intercom_bulk_updater.runs.preview import Preview


class ConsoleObserver(Observer):
    """An observer for people: `introduce` the run, `finish` with its report, `close` in any case.

    As an Observer it hears the run; used in a `with` it closes itself and leaves the last screen readable.
    """

    def __init__(self, stderr: TextIO | None = None) -> None:
        super().__init__()
        self.title = Title()
        self._stderr = stderr if stderr is not None else sys.stderr

    def introduce(self, title: Title) -> None:
        """What the run is about; before it begins."""
        self.title = title

    def began(self, run_id: str) -> None:
        self.title.run = run_id

    def show(self, now: Told) -> None:
        """Show where a run of another process stands: `progress` of its row in the journal."""

    def confirm(self, review: Preview, run_id: str) -> bool:
        """Ask the person; see question.py. Raises SafetyStop without a terminal."""
        from .question import confirm

        return confirm(review, run_id, self.title, stderr=self._stderr)

    def finish(self, report: Mapping[str, Any]) -> None:
        """The end: take the display down and print the summary of `report` (the object of --json)."""
        self.close()
        from .texts import summary_text

        say(summary_text(report, self.title), self._stderr)

    def close(self, *, keep: bool = True) -> None:
        """Take the display down; may be called more than once. `keep`: leave its last state to be read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
