"""What all commands that act have in common: open a session, check the gates, run the job, tell how it went."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..amounts import parse_duration, parse_rate, parse_share
from ..errors import IntercomBulkError, SafetyStop, UsageError
from ..journal import RunRecord
from ..model import Reversibility
from ..operation import Operation
from ..processing.observer import Observer
from ..processing.options import Options
from ..processing.plan import write_plan
from ..processing.review import Review
from ..processing.runner import Job, Runner
from ..processing.session import Session, open_session
from ..report.summary import summarize
from ..search.names import Names
from ..settings import load
from ..stop import Stop
from ..updating import login
from .failure import failed
from .flags import Output, Safety, Selection, Speed
from .select import Selected, select
from .signals import asking, orderly

if TYPE_CHECKING:
    from ..console.verbs import Title

# A query selection that nobody has looked at and that no guard bounds is refused beyond this many items.
DEFAULT_CAP = 1000


def options_of(safety: Safety, speed: Speed, limit: int | None = None) -> Options:
    """The flags as options. Raises UsageError for what is malformed."""
    if speed.retries < 0:
        raise UsageError(f"--retries must be 0 or more, not {speed.retries}")
    if speed.timeout <= 0:
        raise UsageError(f"--timeout must be more than 0 seconds, not {speed.timeout:g}")
    workers = None
    if speed.workers != "auto":
        if not speed.workers.isdigit() or not 1 <= int(speed.workers) <= 512:
            raise UsageError(f"--workers must be auto or a number from 1 to 512, not {speed.workers!r}")
        workers = int(speed.workers)
    options = Options(
        limit=limit,
        workers=workers,
        share=parse_share(speed.share),
        rate=parse_rate(speed.rate),
        rate_words=speed.rate,
        timeout=speed.timeout,
        retries=speed.retries,
        deadline=None if speed.deadline is None else parse_duration(speed.deadline),
        expect=safety.expect,
        max=safety.max,
        canary=safety.canary,
        max_failures=safety.max_failures,
        on_drift=safety.on_drift,
        verify=safety.verify,
        dry_run=safety.dry_run,
    )
    options.amounts()
    return options


@contextmanager
def opened(options: Options, output: Output | None = None) -> Iterator[tuple[Session, Names]]:
    """A session with signal handling and, with -v, a log of requests on stderr."""
    if output is not None and output.verbose:
        logging.basicConfig(stream=sys.stderr, level=logging.DEBUG, format="%(asctime)s %(message)s")
        for noisy in ("httpx2", "httpcore2", "httpx", "httpcore", "urllib3", "sqlalchemy", "filelock"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
    stop = Stop(options.deadline)
    with orderly(stop), open_session(load(), options, stop) as session:
        yield session, Names(session.look)


def interactive() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


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
    make: Callable[[Session, Names], Operation],
    selection: Selection,
    safety: Safety,
    speed: Speed,
    output: Output,
) -> int:
    """A write verb: select, show, ask, act, account."""
    options = options_of(safety, speed, selection.limit)
    with opened(options, output) as (session, names):
        workspace = session.workspace()
        operation = make(session, names)
        gates(operation, safety)
        selected = select(selection, noun, session, names, operation, options)
        if selected.selection["kind"] == "query" and safety.yes and not (options.expect or options.max):
            options = replace(options, cap=DEFAULT_CAP)
        run = session.journal.create_run(
            operation=f"{noun}.{operation.name}", kind="dry_run" if safety.dry_run or safety.plan else "run",
            parameters=operation.parameters,
            selection={**selected.selection, "operation": f"{noun}.{operation.name}"},
            workspace=workspace.id, base_url=session.settings.base_url, admin_id=session.client.admin_id,
            author=workspace.admin_name or login(), settings=options.as_json(),
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
) -> int:
    """Run a job and tell how it went; every command that acts ends here. Returns the exit code."""
    resource = operation.resource or selected.selection.get("resource") or "conversations"
    looking = bool(safety.dry_run or safety.plan)
    job = Job(
        run, operation, selected.feed, options,
        population=lambda: _population(session, resource),
        ask=not safety.yes and not looking, review_only=looking,
    )
    title = title_of(session, run, operation, resource)
    observer = _observer(output, title)
    runner = Runner(session, job, observer)
    error: BaseException | None = None
    try:
        runner.execute()
        if safety.plan:
            record = session.journal.run(run.id)
            plan = write_plan(Path(safety.plan), session.journal, record, operation, f"{resource}.{operation.name}")
            session.journal.update_run(run.id, plan_hash=plan.hash)
    except (IntercomBulkError, KeyboardInterrupt) as exc:
        error = exc
    finally:
        _close(observer)
    if looking and error is None and runner.review is not None and not (output.json or output.jsonl or output.quiet):
        from ..console.wording import review_text

        say(review_text(runner.review, title))
    return tell(session, run.id, output, observer, error, plan=safety.plan, operation=operation)


def tell(
    session: Session,
    run_id: str,
    output: Output,
    observer: Observer,
    error: BaseException | None,
    *,
    plan: str | None = None,
    operation: Operation | None = None,
) -> int:
    """The account of a run: JSON on stdout or sentences on stderr. Returns the exit code."""
    undoable = None if operation is None else operation.inverse() is not None
    report = summarize(session.journal, run_id, error=error, undoable=undoable)
    if plan and error is None:
        report["plan"] = {"file": plan, **(report.get("plan") or {})}
        report["next"] = [f"intercom-bulk runs show {plan}", f"intercom-bulk apply {plan}"]
    if output.report:
        from ..report.page import write_page

        write_page(Path(output.report), session.journal, run_id, undoable=undoable)
    if output.json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    elif output.jsonl:
        observer.finish(report)  # type: ignore[attr-defined]
    if error is not None and not isinstance(error, IntercomBulkError | KeyboardInterrupt):
        return failed(error, [], report)
    if not output.quiet or report["exit"] not in (0, 3):
        from ..console.wording import summary_text

        say(summary_text(report))
    return int(report["exit"])


def say(thing: Any) -> None:
    """Sentences for people, on stderr."""
    if isinstance(thing, str):
        sys.stderr.write(thing if thing.endswith("\n") else thing + "\n")
    else:
        from ..console.terminal import say as say_well

        say_well(thing)


def _population(session: Session, resource: str) -> int | None:
    """How many items of a kind there are: one request."""
    path = {"conversations": "conversations", "contacts": "contacts"}.get(resource)
    if path is None:
        return None
    total = session.client.call("GET", path, params={"per_page": 1}, purpose="search").get("total_count")
    return total if isinstance(total, int) else None


class _Careful(Observer):
    """Passes everything on; while the person is asked, Ctrl-C is an answer."""

    def __init__(self, inner: Observer) -> None:
        super().__init__()
        self.inner = inner

    def began(self, run_id: str) -> None:
        self.inner.began(run_id)

    def progress(self, progress: Any) -> None:
        self.inner.progress(progress)

    def event(self, kind: str, **data: Any) -> None:
        self.inner.event(kind, **data)

    def confirm(self, review: Review, run_id: str) -> bool:
        with asking():
            return self.inner.confirm(review, run_id)

    def finish(self, report: dict[str, Any]) -> None:
        """For --jsonl: the last event."""
        self.inner.finish(report)  # type: ignore[attr-defined]

    def close(self, *, keep: bool = False) -> None:
        """Let go of the screen."""
        _close(self.inner)


def _observer(output: Output, title: Title | None = None) -> Observer:
    from ..console.watch import observer_for

    # With --json and no terminal there is nobody to read progress.
    quiet = output.quiet or (output.json and not sys.stderr.isatty())
    made = observer_for(progress=output.progress, jsonl=output.jsonl, quiet=quiet, verbose=output.verbose, title=title)
    return _Careful(made)


def title_of(session: Session, run: RunRecord, operation: Operation, resource: str) -> Title:
    """What the screen of a run is about."""
    from ..console.verbs import Title

    workspace = session.workspace()
    return Title(
        operation=f"{resource}.{operation.name or operation.describe()}",
        words=operation.describe(),
        workspace=f"{workspace.name} ({workspace.id})" if workspace.name else workspace.id,
        selection=str(run.selection.get("words") or ""),
        resource=resource,
        run=run.id,
        kind=run.kind,
    )


def _close(observer: Observer) -> None:
    close = getattr(observer, "close", None)
    if close is not None:
        close(keep=False)  # the summary takes its place
