"""How a run is watched: a live screen, plain lines for a log, or nothing; json_lines.py is for programs."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TextIO

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.model import Bottleneck, EventKind, Phase
from intercom_bulk_updater.parsing.dates import people_time

from ..report.event_text import failure, happening
from ..report.formatting import clean
from .bottleneck import Told, held_by
from .console_observer import ConsoleObserver
from .phrases import Title
from .screen_rows import sentence_of, told
from .terminal import ascii_only, can_redraw, console_of, give_up, is_terminal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from intercom_bulk_updater.runs.observer import Progress
    from intercom_bulk_updater.runs.preview import Preview

Choice = Literal["auto", "bar", "plain", "none"]


class QuietObserver(ConsoleObserver):
    """Says nothing while the run goes on; with `quiet`, nothing about a run that went well either."""

    def __init__(self, stderr: TextIO | None = None, *, quiet: bool = False) -> None:
        super().__init__(stderr)
        self._quiet = quiet

    def finish(self, report: Mapping[str, Any]) -> None:
        if not (self._quiet and report.get("ok")):
            super().finish(report)


class PlainObserver(ConsoleObserver):
    """Lines for logs and pipes: at the start, then every `every` seconds, and whenever something changes.

    Each begins with the local time; there are no control characters in them.
    """

    def __init__(
        self,
        stderr: TextIO | None = None,
        *,
        every: float = 10.0,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stderr)
        self._every = every
        self._verbose = verbose
        self._clock = clock
        self._phase = ""
        self._phases: dict[str, float] = {}
        self._at = clock()
        self._gone = False

    def began(self, run_id: str) -> None:
        super().began(run_id)
        title = self.title
        place = f" in {title.workspace}" if title.workspace else ""
        which = f", {title.selection}" if title.selection else ""
        when, city = people_time(time.time())
        self.line(f"run {run_id} of {when:%Y-%m-%d} ({city}): {title.headline()}{place}{which}")
        self._at = self._clock()

    def progress(self, progress: Progress) -> None:
        self.show(told(progress))

    def show(self, now: Told) -> None:
        """The same, from a run followed in another process."""
        phase, at = str(now.get("phase")), self._clock()
        # Phases that alternate (search again, act, wait) are told once in a while, not at every turn.
        fresh = phase != self._phase and at - self._phases.get(phase, at - self._every) >= self._every
        first, self._phase = not self._phase, phase
        if at - self._at >= self._every or (fresh and not first and phase != Phase.SEARCHING):
            self.line(sentence_of(now, self.title))
            self._at = self._phases[phase] = at

    def event(self, kind: str, **data: Any) -> None:
        said = happening(kind, data, self._verbose)
        if said:
            self.line(said)

    def line(self, text: str) -> None:
        """One line with the time before it. A reader that left does not stop the run."""
        if self._gone:
            return
        try:
            self._stderr.write(f"{people_time(time.time())[0]:%H:%M:%S} {clean(text)}\n")
            self._stderr.flush()
        except UnicodeEncodeError:
            self.line(text.encode("ascii", "replace").decode())
        except (OSError, ValueError):
            self._gone = True
            give_up(self._stderr)


class WaitObserver(PlainObserver):
    """Only that the run waits, for what, and that it goes on; at the end, a summary of what did not go well."""

    def began(self, run_id: str) -> None:
        ConsoleObserver.began(self, run_id)
        self._at -= self._every

    def show(self, now: Told) -> None:
        """Say that Intercom asked for a pause, once in a while: each window may bring one."""
        at, pause = self._clock(), (now.get("window") or {}).get("blocked_for")
        if pause and now.get("holds") == Bottleneck.BUDGET and at - self._at >= self._every:
            self.line(f"waits for {': '.join(held_by(now)[:2])}")
            self._at = at

    def event(self, kind: str, **data: Any) -> None:
        if kind in (EventKind.SERVICE_AWAY, EventKind.SERVICE_BACK, EventKind.PAUSED, EventKind.RESUMED):
            super().event(kind, **data)

    def finish(self, report: Mapping[str, Any]) -> None:
        if not report.get("ok"):
            super().finish(report)


class LiveObserver(ConsoleObserver):
    """A screen of a few lines that is drawn over itself, on a terminal.

    It is drawn whenever the run tells something (twice a second), in the thread that tells it.
    """

    def __init__(self, stderr: TextIO | None = None, *, verbose: bool = False, console: Console | None = None) -> None:
        super().__init__(stderr)
        self._console = console or console_of(self._stderr)
        self._verbose = verbose
        self._ascii = ascii_only(self._stderr)
        self._live: Live | None = None
        self._now: Told = {"phase": Phase.READING, "counts": {}}
        self._trouble = ""
        self._lately: deque[str] = deque(maxlen=5)

    def began(self, run_id: str) -> None:
        super().began(run_id)
        self.show({"phase": Phase.READING, "counts": {}})

    def progress(self, progress: Progress) -> None:
        self.show(told(progress))

    def show(self, now: Told) -> None:
        """Draw; also for a run followed in another process."""
        self._now = {**now, "holds": self._steady(str(now.get("holds") or ""))}
        try:
            live = self._live or self._start()
            live.update(self._frame(), refresh=True)
        except (OSError, ValueError):
            self._live = None  # the terminal is gone; the run goes on

    def event(self, kind: str, **data: Any) -> None:
        if kind.startswith("item."):
            self._trouble = failure(data)
        said = happening(kind, data, self._verbose)
        if said:
            at = f"{people_time(time.time())[0]:%H:%M:%S}"
            with suppress(OSError, ValueError):
                self._console.print(f"{at} {said}")

    def confirm(self, review: Preview, run_id: str) -> bool:
        self._take_down(keep=False)
        return super().confirm(review, run_id)

    def finish(self, report: Mapping[str, Any]) -> None:
        """The summary takes the place of the screen."""
        self._take_down(keep=False)
        super().finish(report)

    def close(self, *, keep: bool = True) -> None:
        """See ConsoleObserver. A caller that prints a summary at once keeps nothing: the last screen is older."""
        self._take_down(keep=keep)

    def _steady(self, holds: str) -> str:
        """What mostly held the run back lately: a word that jumps twice a second cannot be read."""
        self._lately.append(holds)
        if holds in (Bottleneck.PAUSED, Bottleneck.SERVICE, Bottleneck.NONE):
            return holds
        return Counter(self._lately).most_common(1)[0][0] or holds

    def _frame(self) -> Any:
        from .screen import frame

        return frame(self._now, self.title, self._console.width, ascii_only=self._ascii, trouble=self._trouble)

    def _start(self) -> Live:
        from rich.live import Live

        # What user code prints goes above the screen; a stdout that is data is left alone.
        self._live = Live(
            self._frame(),
            console=self._console,
            auto_refresh=False,
            redirect_stdout=is_terminal(sys.stdout),
            redirect_stderr=self._stderr is sys.stderr,
            vertical_overflow="crop",
        )
        self._live.start()
        # Never hidden: a process that is killed could not bring it back.
        self._console.show_cursor(True)
        return self._live

    def _take_down(self, *, keep: bool) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.transient = not keep
            with suppress(OSError, ValueError):
                live.stop()


def observer_for(
    progress: Choice | str = "auto",
    *,
    jsonl: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    waits: bool = False,
    title: Title | None = None,
    every: float = 10.0,
    stderr: TextIO | None = None,
    stdout: TextIO | None = None,
) -> ConsoleObserver:
    """The observer that was asked for.

    Parameters
    ----------
    progress:
        "auto" (the screen on a terminal, lines elsewhere), "bar", "plain" or "none".
    jsonl:
        Events on stdout besides. Where both streams are the same terminal, events only.
    quiet:
        Nothing but questions, and a summary of what did not go well.
    waits:
        With "auto", only that the run waits, and a summary of what did not go well.
    every:
        Seconds between plain lines.

    Raises UsageError for another `progress`.
    """
    if progress not in ("auto", "bar", "plain", "none"):
        raise UsageError(f"--progress is auto, bar, plain or none, not {progress!r}.")
    stream = stderr if stderr is not None else sys.stderr
    out = stdout if stdout is not None else sys.stdout
    people: ConsoleObserver
    if quiet or progress == "none" or (jsonl and progress == "auto" and is_terminal(out) and is_terminal(stream)):
        people = QuietObserver(stream, quiet=quiet)
    elif waits and progress == "auto":
        people = WaitObserver(stream, every=60.0)
    elif progress == "plain" or not can_redraw(stream):
        people = PlainObserver(stream, every=every, verbose=verbose)
    else:
        people = LiveObserver(stream, verbose=verbose)
    if title is not None:
        people.introduce(title)
    if not jsonl:
        return people
    from .json_lines import JsonLines

    return JsonLines(people, out)
