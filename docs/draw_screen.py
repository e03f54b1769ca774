"""Draw docs/screen.svg from a real run on the built-in sandbox: `python docs/draw_screen.py`."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from intercom_bulk_updater.errors import RunStopped
from intercom_bulk_updater.runs.observer import Observer, Progress
from intercom_bulk_updater.stop import Stop
from intercom_bulk_updater.terminal.phrases import Title
from intercom_bulk_updater.terminal.screen_rows import told
from intercom_bulk_updater.terminal.svg import screen_svg
from intercom_sandbox import running


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
