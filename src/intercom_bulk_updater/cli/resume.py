"""Going on with a run: `runs resume`, `runs retry`, and `apply` of a plan that is half done."""

from __future__ import annotations

import sys

from ..errors import SafetyStop, UsageError
from ..journal import Journal
from ..report.summary import summarize
from ..runs.options import Options
from ..service.resume import run_to_go_on, take_up
from .execute import go, interactive, opened, options_of
from .flags import Output, Safety, Speed
from .show import out_data
from .stdout import note


def go_on(run: str, safe: Safety, speed: Speed, out: Output, *, failed: bool, only: str | None = None) -> int:
    """Go on with a run as it was told to, and with what the flags say now: a guard that stopped it can be corrected here.

    `failed`: take what failed, `only` by this cause, and nothing else.
    """
    from ..settings import load

    settings = load()
    path = settings.journal
    if safe.dry_run or safe.plan:
        raise UsageError(f"A run that was begun cannot become a dry run or a plan; to look at it: runs show {run}.")
    record, asked = run_to_go_on(path, run, retry=failed, base_url=settings.base_url, note=note)
    if asked:
        sys.stderr.write(f"Asked {record.id} to go on.\n")
        with Journal(path, read_only=True) as book:
            out_data(out, lambda: summarize(book, record.id))
        return 0
    options = options_of(safe, speed, stored=Options.from_json(record.settings))
    with opened(options, out) as (session, _):
        if options.ask and not (safe.yes or record.totals.get("confirmed") or interactive()):
            raise SafetyStop(
                f"{record.id} was never confirmed, and there is no terminal to ask on. Look at it with runs show {record.id}; "
                "then say --yes."
            )
        return go(take_up(session, record, options, retry=failed, only=only, note=note), safe, out)
