"""What all commands that act have in common: open a session, check the gates, run the job, tell how it went."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..api.redact import keep_private
from ..errors import SafetyStop, SearchIncomplete, UsageError
from ..journal import RunRecord
from ..model import Reversibility
from ..operations.operation import Operation
from ..parsing.amounts import parse_duration, parse_rate, parse_share
from ..ratelimit.outage import ServiceAway
from ..runs.options import Options
from ..runs.plan import SCHEMA, write_plan
from ..runs.population import population
from ..runs.runner import Job, Runner
from ..runs.session import Session, open_session
from ..search.names import WorkspaceNames
from ..signals import orderly
from ..stop import Stop
from ..updaters.bulk_process import login
from ..updaters.calls import UpdaterError, failed
from .flags import Output, Safety, Selection, Shown, Speed
from .logs import SafeFormatter
from .output import PAGES, PLANS, close, observer_of, say, tell, title_of, writable
from .select import Selected, one_way, read_ids, select
from .spreadsheet import checked_places, operation_for, read_rows

T = TypeVar("T")
# A query selection that nobody has looked at and that no guard bounds is refused beyond this many items.
DEFAULT_CAP = 1000
# A day: beyond what any answer takes, and within what sockets count.
_LONGEST = 86_400


def options_of(safety: Safety, speed: Speed, limit: int | None = None, *, stored: Options | None = None) -> Options:
    """The flags as options; what was not said is as in `stored` (a run that is gone on with), else the default.

    Raises UsageError for what is malformed.
    """
    given: dict[str, Any] = {
        "limit": limit,
        "retries": speed.retries,
        "timeout": speed.timeout,
        "on_drift": safety.on_drift,
        "verify": safety.verify,
        "patience": None if speed.patience is None else _read("--patience", parse_duration, speed.patience),
        "share": None if speed.share is None else _read("--share", parse_share, speed.share),
        **{name: getattr(safety, name) or None for name in ("expect", "max", "canary", "max_failures")},
    }
    if limit is not None and limit < 1:
        raise UsageError(f"--limit must be 1 or more, not {limit}")
    if speed.retries is not None and speed.retries < 0:
        raise UsageError(f"--retries must be 0 or more, not {speed.retries}")
    if speed.timeout is not None and not 0 < speed.timeout <= _LONGEST:
        raise UsageError(f"--timeout must be more than 0 seconds and at most {_LONGEST:,}, not {speed.timeout:g}")
    options = replace(
        stored or Options(),
        **{name: value for name, value in given.items() if value is not None},
        # Who said --yes once is not asked again; a deadline is of one sitting, not of the run.
        ask=stored.ask if stored is not None else not (safety.yes or safety.dry_run or safety.plan),
        python=False,
        deadline=None if speed.deadline is None else _read("--deadline", parse_duration, speed.deadline),
    )
    if speed.workers is not None:
        options = replace(options, workers=_workers(speed.workers))
    if speed.rate is not None:
        options = replace(options, rate=_read("--rate", parse_rate, speed.rate), rate_words=speed.rate)
    options.amounts(flags=True)
    return options


def _read(flag: str, parse: Callable[[str], T], text: str) -> T:
    """A value; what is said against it begins with its flag."""
    try:
        return parse(text)
    except UsageError as exc:
        raise UsageError(f"{flag}: {exc.message}") from exc


def _workers(text: str) -> int | None:
    if text.strip().lower() == "auto":
        return None
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= 512:
        raise UsageError(f"--workers must be auto or a number from 1 to 512, not {text!r}")
    return int(text)


@contextmanager
def opened(options: Options, output: Shown | None = None, safety: Safety | None = None) -> Iterator[tuple[Session, WorkspaceNames]]:
    """A session with signal handling and, with -v, a log of requests on stderr.

    Raises UsageError, before any request, when a file that is to be written cannot be.
    """
    for path, flag, endings in ((getattr(output, "report", None), "--report", PAGES), (getattr(safety, "plan", None), "--plan", PLANS)):
        if path is not None:
            writable(path, flag, endings)
    if safety is not None and safety.plan is not None:
        _unwritten(Path(safety.plan))
    if output is not None and output.verbose:
        log = logging.StreamHandler(sys.stderr)
        log.setFormatter(SafeFormatter("%(asctime)s %(message)s"))
        logging.basicConfig(level=logging.DEBUG, handlers=[log])
        for noisy in ("httpx2", "httpcore2", "httpx", "httpcore", "urllib3", "sqlalchemy", "filelock"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
    stop = Stop(options.deadline)
    from ..settings import load

    with orderly(stop), open_session(load(), options, stop) as session:
        if output is not None and not output.quiet:
            session.gate.on_service = _say_service  # a run takes this over, and tells it among its events
        yield session, WorkspaceNames(session.look, session.find_contacts)


def _say_service(away: ServiceAway | None) -> None:
    """Before there is a run that tells it among its events, or where there is none."""
    from ..terminal.bottleneck import away as waiting

    say("Intercom is back." if away is None else f"Intercom {waiting(away.as_json())[0]}.")


def _unwritten(file: Path) -> None:
    """A new plan takes the place of an old one, as Terraform's does; no other file is lost under it."""
    if not file.is_file() or not file.stat().st_size:
        return
    with file.open("rb") as stream:
        plan = f'"{SCHEMA}"'.encode() in stream.readline(10_000)
    if not plan:
        raise UsageError(f"--plan {file}: this file exists already, and it is no plan. Nothing was done; name another.")


def interactive() -> bool:
    """Whether there is a person to ask."""
    # Either is None in a process that was started with it closed.
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def gates(operation: Operation, safety: Safety) -> None:
    """The words more that some operations ask for. Raises SafetyStop; nothing was read or written then."""
    if safety.dry_run or safety.plan:
        return
    if operation.customer_visible and not safety.customer_visible:
        raise SafetyStop(
            f"Customers will see this ({operation.describe()}). Look first with --dry-run; then say --customer-visible."
        )
    if (operation.needs_irreversible or operation.reversibility is Reversibility.IRREVERSIBLE) and not safety.irreversible:
        raise SafetyStop(f"There is no way back from this ({operation.describe()}). Say --irreversible if you mean it.")
    if not safety.yes and not interactive():
        raise SafetyStop("There is no terminal to ask on. Look first with --dry-run; then say --yes.")


def act(
    noun: str,
    make: Callable[[Session, WorkspaceNames, Mapping[str, Any]], Operation],
    given: Mapping[str, Any],
    selection: Selection,
    safety: Safety,
    speed: Speed,
    output: Output,
) -> int:
    """A write verb: select, show, ask, act, account; `make` builds its operation. Step 1 of the life of an item."""
    options = options_of(safety, speed, selection.limit)
    one_way(selection, noun)
    keep_private(given)
    rows = read_rows(selection.csv, selection.id_column, noun) if selection.csv is not None else None
    if selection.ids not in (None, "-") and not Path(str(selection.ids)).exists():
        read_ids(str(selection.ids))  # says what is wrong before anything else is asked
    checked_places(given, rows)
    with opened(options, output, safety) as (session, names):
        workspace = session.workspace()
        operation, items = operation_for(given, rows, lambda filled: make(session, names, filled))
        gates(operation, safety)
        selected = select(selection, noun, session, names, operation, options, items)
        if selected.selection["kind"] == "query" and safety.yes and not (options.expect or options.max):
            options = replace(options, cap=DEFAULT_CAP)
        run = session.journal.create_run(
            operation=f"{noun}.{operation.name}", kind="dry_run" if safety.dry_run or safety.plan else "run",
            parameters=operation.parameters,
            selection={**selected.selection, "operation": f"{noun}.{operation.name}"},
            workspace=workspace.id, base_url=session.settings.base_url, admin_id=session.client.admin_id,
            author=login(), settings=options.as_json(),
        )
        return go(session, run, operation, selected, options, safety, output)


def go(
    session: Session,
    run: RunRecord,
    operation: Operation,
    selected: Selected,
    options: Options,
    safety: Safety,
    output: Output,
    *,
    only: Sequence[int] | None = None,
) -> int:
    """Run a job and tell how it went; every command that acts ends here. Returns the exit code."""
    keep_private(operation.parameters)
    resource = operation.resource or selected.selection.get("resource") or "items"
    looking, label = bool(safety.dry_run or safety.plan), WorkspaceNames(session.look).label
    job = Job(
        run, operation, selected.feed, options,
        population=lambda: population(session, resource),
        ask=options.ask and not safety.yes and not run.totals.get("confirmed"), review_only=looking, only=only, label=label,
    )
    title = title_of(session, run, operation, resource)
    observer = observer_of(output, title)
    runner = Runner(session, job, observer)
    session.stop.last_words = (
        "Nothing was written; a dry run is simply started again." if looking else
        f"What was in flight is in doubt. To look at it and go on: intercom-bulk runs resume {run.id}"
    )  # fmt: skip
    error: BaseException | None = None
    try:
        try:
            runner.execute()
        except SearchIncomplete as exc:
            error = exc  # what was shown is planned all the same, and both the plan and the exit code say so
        if safety.plan:
            record = session.journal.run(run.id)
            plan = write_plan(Path(safety.plan), session.journal, record, operation, f"{resource}.{operation.name}", label)
            session.journal.update_run(run.id, plan_hash=plan.hash)
    except UpdaterError as exc:
        error = failed(exc.updater, exc)
    except (Exception, KeyboardInterrupt) as exc:
        error = exc
    finally:
        close(observer)
    looked = looking and runner.review is not None and (error is None or isinstance(error, SearchIncomplete))
    if looked and not (output.json or output.jsonl or output.quiet):
        from ..terminal.texts import review_text

        assert runner.review is not None  # noqa: S101
        say(review_text(runner.review, title))
    return tell(session, run.id, output, observer, error, plan=safety.plan, operation=operation)
