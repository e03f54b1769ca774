"""Draw docs/screen.svg from a real run on the built-in sandbox: `python docs/draw_screen.py`."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from intercom_bulk_updater.errors import RunStopped
from intercom_bulk_updater.runs.observer import Observer, Progress
from intercom_bulk_updater.stop import Stop
from intercom_bulk_updater.terminal.phrases import Title
from intercom_bulk_updater.terminal.screen import frame
from intercom_bulk_updater.terminal.screen_rows import told
from intercom_sandbox import running

_FONTS = re.compile(r"@font-face\s*\{[^}]*\}\s*")
_COMMENT = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_REMOTE = re.compile(r"url\(\s*[\"']?https?:")


class Catch(Observer):
    """Keeps the screen of the moment when a little more than half is done, and ends the run there."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self.stop = stop
        self.caught: dict[str, Any] | None = None

    def progress(self, progress: Progress) -> None:
        """See Observer."""
        if self.caught is None and progress.total and progress.counts.finished > 0.55 * progress.total:
            self.caught = dict(told(progress))
            self.stop.ask(RunStopped("The picture is taken."))


def screen_svg(path: Path, now: Mapping[str, Any], title: Title, *, command: str = "", width: int = 84) -> Path:
    """Draw the screen into `path` and return it, as a picture that contacts nobody when it is shown.

    `now` is what `told` made of a run's progress, `command` what was typed; it stands above the screen.
    """
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False)
    if command:
        console.print(Text.assemble((" $ ", "dim"), (command, "bold")), soft_wrap=True)
        console.print()
    console.print(frame(now, title, width))
    svg = console.export_svg(title=f"{title.headline()} - intercom-bulk", unique_id="screen")
    svg = _COMMENT.sub("", _FONTS.sub("", svg)).replace("Fira Code, ", "ui-monospace, Menlo, Consolas, ")
    svg = svg.replace("font-family: Fira Code", "font-family: ui-monospace, Menlo, Consolas")
    assert not _REMOTE.search(svg)  # noqa: S101 - a picture in a README must not call home
    path.write_text(svg, encoding="utf-8")
    return path


def main() -> None:
    """Run, catch, draw."""
    with running(conversations=24_000, latency=0.15, jitter=0.05, in_process=False) as box, tempfile.TemporaryDirectory() as home:
        os.environ.update({**box.env(), "INTERCOM_BULK_HOME": home})
        from conversation_closer import ConversationCloser
        from intercom_bulk_updater.runs.options import Options
        from intercom_bulk_updater.updaters.bulk_process import run_updater

        catch = Catch(stop := Stop())
        # So many that the first windows, in which a burst flatters the rate, are long past.
        with suppress(RunStopped):
            run_updater(ConversationCloser(), Options(verify="none"), {"team_id": "5001"}, observer=catch, stop=stop)
        if catch.caught is None:
            raise SystemExit("the run was over before its screen could be caught")
        title = Title(operation="conversations.close", words="close", workspace="Sandbox (sandbox1)", resource="conversations")
        typed = "intercom-bulk conversations close --where 'team = Support and state = open'"
        screen_svg(Path(__file__).with_name("screen.svg"), catch.caught, title, command=typed)


if __name__ == "__main__":
    main()
