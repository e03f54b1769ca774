"""`python -m intercom_sandbox`: print one JSON line, serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from dataclasses import fields
from typing import Any

from intercom_sandbox.server import HOST, serve, settings_from
from intercom_sandbox.settings import Settings
from intercom_sandbox.workspace import ADMIN_ID, WORKSPACE_ID


def parser() -> argparse.ArgumentParser:
    """One option for each setting."""
    made = argparse.ArgumentParser(prog="python -m intercom_sandbox", description=__doc__)
    made.add_argument("--port", type=int, default=0, help="0: any free port")
    made.add_argument("--until-stdin-closes", action="store_true", help="stop when whoever started it is gone")
    defaults = Settings()
    for item in fields(Settings):
        default = getattr(defaults, item.name)
        name = "--" + item.name.replace("_", "-")
        text = item.metadata["doc"].replace("%", "%%")
        if isinstance(default, bool):
            made.add_argument(name, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif isinstance(default, list):
            made.add_argument(name, action="append", default=None, help=text)
        else:
            choices = item.metadata["choices"] or None
            made.add_argument(name, type=type(default), choices=choices, default=None, help=text)
    return made


async def run(values: dict[str, Any], port: int, until_stdin_closes: bool) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 4096) else stop.set())

    def ready(at: int) -> None:
        gc.collect()
        gc.freeze()  # the seed lives as long as the process: never scan it again
        about = {
            "url": f"http://{HOST}:{at}",
            "token": settings.token,
            "admin_id": str(ADMIN_ID),
            "workspace_id": WORKSPACE_ID,
        }
        print(json.dumps(about), flush=True)  # noqa: T201  (this line is the program's output)

    settings = settings_from(values)
    await serve(settings, port, ready, stop)


def main() -> int:
    """Entry point; exit code 2 for a bad setting or a port that cannot be used."""
    options = vars(parser().parse_args())
    port, until = options.pop("port"), options.pop("until_stdin_closes")
    values = {name: value for name, value in options.items() if value is not None}
    try:
        asyncio.run(run(values, port, until))
    except ValueError as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201
        return 2
    except (OSError, OverflowError) as wrong:
        said = f"The sandbox cannot use port {port}: {wrong}. Give another, or --port 0 for any free one."
        print(said, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
