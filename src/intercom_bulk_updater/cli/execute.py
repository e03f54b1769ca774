"""What all commands that act have in common: open a session, check the gates, run the job, tell how it went."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import IntercomBulkError, SafetyStop, SearchIncomplete
from ..operations.operation import Operation
from ..ratelimit.outage import AwayReason, ServiceAway
from ..runs.options import Options
from ..runs.preview import Preview
from ..runs.session import Session, open_session
from ..search.names import WorkspaceNames
from ..service import options as service_options
from ..service.consent import Consent
from ..service.plans import refuse_other_file
from ..service.selection import Selection as Asked
from ..service.signals import orderly
from ..service.verbs import VerbRequest
from ..service.work import Work, prepare
from ..stop import Stop
from .flags import KeyedRows, Output, Safety, Selection, Shown, Speed
from .logs import SafeFormatter
from .memory import end_start
from .output import PAGES, PLANS, close, observer_of, say, tell, title_of, writable
from .stdout import note

# A query selection that nobody has looked at and that no guard bounds is refused beyond this many items.
DEFAULT_CAP = 1000
_WORTH_SAYING = 1.5
"""A wait of so many seconds is said where there is no run that shows it."""
_OF_SAFETY = ("expect", "max", "canary", "max_failures", "on_drift", "verify", "backup")


def options_of(safety: Safety, speed: Speed, limit: int | None = None, *, stored: Options | None = None) -> Options:
    """The flags as options; what was not said is as in `stored` (a run that is gone on with), else the default.

    Raises UsageError for what is malformed.
    """
    said = {**asdict(speed), **{name: getattr(safety, name, None) or None for name in _OF_SAFETY}, "limit": limit}
    # A deadline is of one sitting, not of the run; and who said --yes once is not asked again.
    options = service_options.options_of(said, None if stored is None else replace(stored, deadline=None), flags=True)
    ask = stored.ask if stored is not None else not (safety.yes or safety.dry_run or safety.plan)
    return replace(options, ask=ask, dry_run=bool(safety.dry_run or safety.plan))


@contextmanager
def opened(options: Options, output: Shown | None = None, safety: Safety | None = None) -> Iterator[tuple[Session, WorkspaceNames]]:
    """A session with signal handling and, with -v, a log of requests on stderr.

    Raises UsageError, before any request, when a file that is to be written cannot be.
    """
    for path, flag, endings in ((getattr(output, "report", None), "--report", PAGES), (getattr(safety, "plan", None), "--plan", PLANS)):
        if path is not None:
            writable(path, flag, endings)
    if safety is not None and safety.plan is not None:
        refuse_other_file(Path(safety.plan), f"--plan {safety.plan}")
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
            # A run takes these over, and tells it among its events and on its screen.
            session.gate.on_service, session.gate.on_throttled = _say_service, _say_throttled
        try:
            yield session, WorkspaceNames(session.look, session.find_contacts)
        except IntercomBulkError as exc:
            exc.parts.setdefault("requests", session.client.requests)  # where it ends a command without a run
            raise


def _say_service(away: ServiceAway | None) -> None:
    """Before there is a run that tells it among its events, or where there is none."""
    from ..report.event_text import away as waiting

    if away is not None and away.reason is AwayReason.ASKED:
        _say_asked(away.again_in)
    else:
        say("Intercom is back." if away is None else f"Intercom {waiting(away.as_json())[0]}.")


def _say_throttled(wait: float) -> None:
    if wait >= _WORTH_SAYING:
        _say_asked(wait)


def _say_asked(wait: float) -> None:
    from ..report.formatting import countdown

    # No time of day: it would be that of this machine as long as the workspace has not said where its people are.
    say(f"Intercom asks to wait {countdown(wait)}.")


def interactive() -> bool:
    """Whether there is a person to ask."""
    # Either is None in a process that was started with it closed.
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


@dataclass(frozen=True, slots=True)
class TypedConsent(Consent):
    """What the flags agree to, and whether there is a person to ask for the rest."""

    yes: bool = False

    @classmethod
    def of(cls, safety: Safety) -> TypedConsent:
        """From the flags."""
        return cls(safety.customer_visible, safety.irreversible, safety.yes)

    def check(self, operation: Operation, options: Options) -> None:
        Consent.check(self, operation, options)
        if not (self.yes or operation.only_reads or interactive()):
            raise SafetyStop("There is no terminal to ask on. Look first with --dry-run; then say --yes.")


def remarks(output: Shown) -> Callable[[str], None]:
    """Where remarks go: to stderr, unless errors alone are wanted."""
    return (lambda text: None) if output.quiet else note


def asked_of(selection: Selection | KeyedRows) -> Asked:
    """The selection flags as a plain selection."""
    return Asked(**asdict(selection))


def cap_of(safety: Safety) -> int | None:
    """How many items of a query may be acted on that nobody has looked at."""
    return DEFAULT_CAP if safety.yes else None


def act(verb: str, given: Mapping[str, Any], selection: Selection | KeyedRows, safety: Safety, speed: Speed, output: Output) -> int:
    """A write verb: select, show, ask, act, account. Step 1 of the life of an item."""
    options = options_of(safety, speed, selection.limit)
    plan = Path(safety.plan) if safety.plan else None
    request = VerbRequest(
        verb=verb, parameters=given, selection=asked_of(selection), options=options, consent=TypedConsent.of(safety), plan=plan,
        cap=cap_of(safety), note=note,
    )  # fmt: skip
    checked = request.check()
    with opened(options, output, safety) as (session, names):
        return go(checked.begin(session, names), safety, output)


def go(work: Work, safety: Safety, output: Output) -> int:
    """Do a run and tell how it went; every command that acts ends here. Returns the exit code."""
    end_start()
    title = title_of(work.session, work.run, work.operation, work.resource)
    observer = observer_of(output, title)
    work.ask = work.ask and not safety.yes
    error: BaseException | None = None
    preview: Preview | None = None
    try:
        with prepare(work, observer) as prepared:
            preview = prepared.preview
            if prepared.asks and preview is not None and observer.confirm(preview, work.run.id):
                prepared.confirm()
            prepared.start()
    except (Exception, KeyboardInterrupt) as exc:
        error = exc
    finally:
        close(observer)
    looked = work.looking and (error is None or isinstance(error, SearchIncomplete))
    if looked and preview is not None and not (output.data or output.quiet):
        from ..terminal.texts import review_text

        say(review_text(preview, title))
    return tell(work.session, work.run.id, output, observer, error, plan=safety.plan, operation=work.operation)
