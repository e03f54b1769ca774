"""Runs for Python: `Run`, an object for a run of the journal, and `BulkResult`, the account of one when it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from ..errors import IntercomBulkError, ItemsFailed, UsageError
from ..journal import FailureGroup, Journal, RunRecord
from ..model import Counts, Outcome
from ..report.summary import items_told, standing, summarize
from ..runs.identity import has_keys, id_in_intercom
from ..runs.observer import Observer
from ..runs.options import Options, one_of
from ..runs.preview import Preview
from ..stop import Stop
from .consent import Consent
from .control import ask_of, set_speed
from .options import RunOptions, options_of
from .rebuild import Loader
from .resume import run_to_go_on, take_up
from .run_log import RunLog, log_note
from .run_table import run_html
from .undo import begin_undo
from .verify import begin_verification, verify
from .work import Work, perform
from .workspace import Workspace

OnEvent = Callable[[Mapping[str, Any]], object]
"""Called with each event of a run, a dict as a line of `--jsonl` has it; what it raises ends the run in order."""


@dataclass(frozen=True, slots=True)
class ResultItem:
    """One item of a run: what became of it and why. `note` is the reason of a Skip; before and after hold the touched fields.

    `id` is Intercom's; of an upsert `key` is what its row goes by, and the id as well while Intercom's is not known.
    """

    id: str
    outcome: str
    cause: str = ""
    message: str = ""
    note: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    key: str = ""


class Run:
    """A run of the journal: what it did, and what can be done with it. `bulk.run`, `bulk.open_run` and `bulk.runs` give it.

        run = bulk.open_run("latest")
        print(run.counts.done, run.counts.failed)
        run.retry(only="429")
        run.undo()

    Everything is read from the journal when it is asked for, so that the object is never older than the run. Nothing is
    printed and nothing asks. A notebook shows it as a table.
    """

    def __init__(self, run_id: str, workspace: Workspace, load: Loader | None = None) -> None:
        self._load = load  # of a run of this process: its updater lives
        self._id = run_id
        self._workspace = workspace

    # -- what it is ---------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """What the command takes as RUN: `1123-close-7f3a`."""
        return self._id

    @property
    def workspace(self) -> Workspace:
        """The settings that it goes on with."""
        return self._workspace

    @property
    def kind(self) -> str:
        """`"run"`, `"dry_run"`, `"apply"` or `"undo"`."""
        return self._record().kind

    @property
    def operation(self) -> str:
        """What it does: `"conversations.close"`, or the name of an updater's class."""
        return self._record().operation

    @property
    def status(self) -> str:
        """Where it stands: `"finished"`, `"running"`, `"paused"`, `"stopped"`, `"interrupted"`, `"cancelled"`, `"planned"`."""
        with self._journal() as journal:
            return str(standing(journal, journal.run(self._id)))

    @property
    def counts(self) -> Counts:
        """Its items by outcome: `counts.selected`, `done`, `unchanged`, `failed`, `drifted`, `in_doubt`, `pending`."""
        with self._journal() as journal:
            return journal.counts(self._id)

    @property
    def ok(self) -> bool:
        """Whether it came to its end with nothing failed, in doubt or found in another state: the exit code would be 0."""
        return bool(self.report()["ok"])

    def items(self, *outcomes: str) -> Iterator[ResultItem]:
        """Its items with these outcomes, each a ResultItem, read as they are asked for; all of them where none is named.

            for item in run.items("failed", "in_doubt"):
                print(item.id, item.cause, item.message)

        Raises UsageError for an outcome that there is not.
        """
        known = [str(one) for one in Outcome]
        unknown = [name for name in outcomes if name not in (*known, "all")]
        if unknown:
            raise UsageError(f"There is no outcome {unknown[0]!r}: it is one of {', '.join(known)}, or all.")
        return self._items(None if not outcomes or "all" in outcomes else [Outcome(name) for name in outcomes])

    def _items(self, outcomes: list[Outcome] | None) -> Iterator[ResultItem]:
        with self._journal() as journal:
            keyed = has_keys(run := journal.run(self._id))
            for row, outcome in items_told(journal, run, outcomes):
                failure = row.failure
                cause, message = (failure.cause, failure.message) if failure else ("", "")
                identity = id_in_intercom(row, keyed=keyed) or row.id
                yield ResultItem(
                    identity, str(outcome), cause, message, row.note, row.before, row.after, row.id if keyed else ""
                )  # fmt: skip

    def report(self, file: str | Path | None = None, *, with_bodies: bool = False) -> dict[str, Any]:
        """Its account, the object that `--json` prints; with `file` it is written there too, as HTML or JSON by the ending.

            run.report("closing.html")

        `with_bodies`: an HTML report with message bodies and e-mail addresses, which are left out otherwise.
        Raises UsageError for another ending, and for a file that cannot be written.
        """
        if not isinstance(file, str | Path | None):
            raise UsageError(f"file is the path of a file, not {file!r}.")
        path = None if file is None else Path(file)
        if path is not None and path.suffix.lower() not in (".html", ".htm", ".json"):
            raise UsageError(f"file={str(path)!r}: a report is written to .html or .json, not to {path.suffix or 'no ending'}.")
        with self._journal() as journal:
            told = summarize(journal, self._id)
            if path is not None:
                from ..report.file import write_report

                write_report(path, journal, self._id, with_bodies=with_bodies)
        return told

    def events(self) -> list[dict[str, Any]]:
        """What happened besides items, oldest first: passes, waits, guards, verifications; `event` is its name, `at` unix seconds."""
        with self._journal() as journal:
            return [{"event": one.kind, "at": one.at, **one.data} for one in journal.events(self._id)]

    # -- what can be done with it -------------------------------------------------------------------------------------

    def resume(self, *, on_event: OnEvent | None = None, stop: Stop | None = None, **options: Unpack[RunOptions]) -> Run:
        """Go on with a run that stopped, was interrupted or died; items in doubt are looked at first.

            bulk.open_run("latest").resume(max_failures="10%")

        It goes on as it was begun, and with the options (RunOptions) that are given now: a guard that stopped it can be
        corrected. A run that is paused in another process is asked to go on there, and this returns at once. Returns itself.
        Raises UsageError for a dry run, RunLocked for a run that another process works on, WrongWorkspace, SafetyStop, and
        whatever stops it again.
        """
        return self._go_on(False, None, on_event, stop, options)

    def retry(
        self, only: str | None = None, *, on_event: OnEvent | None = None, stop: Stop | None = None, **options: Unpack[RunOptions]
    ) -> Run:
        """Try again what failed or is in doubt, and nothing else; `only` what failed by this cause, or one that begins so.

            run.retry(only="429")

        Returns itself; raises what `resume` does, and UsageError for a cause that no item failed by.
        """
        return self._go_on(True, only, on_event, stop, options)

    def undo(
        self,
        *,
        dry_run: bool = False,
        customer_visible: bool = False,
        irreversible: bool = False,
        on_event: OnEvent | None = None,
        stop: Stop | None = None,
        **options: Unpack[RunOptions],
    ) -> Run:
        """Take it back: restore what it changed, only where items still are as it left them.

            run.undo(dry_run=True).counts.pending      # how many would be restored
            undone = run.undo()

        `options`: see RunOptions. Returns the run that took it back. Raises SafetyStop for a run that cannot be undone.
        """
        chosen = options_of({**options, "dry_run": dry_run})
        with self._workspace.session(chosen, stop) as (session, _):
            consent = Consent(customer_visible, irreversible)
            work = begin_undo(session, self._id, chosen, consent, log_note(on_event), load=self._load)
            return carry_out(work, self._workspace, on_event).run

    def verify(
        self, level: str = "all", *, on_event: OnEvent | None = None, stop: Stop | None = None, **options: Unpack[RunOptions]
    ) -> dict[str, Any]:
        """Read its items back, all of them or a `"sample"`, and search again for what its selection still finds. Never writes.

            run.verify(level="sample")["remaining"]

        Returns what was found, as `verified` of the report. Raises VerificationFailed for items that are not in the requested
        state, and UsageError for a dry run.
        """
        chosen = options_of({**options, "verify": one_of("level", level, ("sample", "all"))})
        with self._workspace.session(chosen, stop) as (session, _):
            work = begin_verification(session, self._id, chosen, log_note(on_event), self._load)
            carry_out(work, self._workspace, on_event, do=verify)
        found: dict[str, Any] = self.report()["verified"]
        return found

    def pause(self) -> Run:
        """Ask the process that works on it to pause; `resume` lets it go on. Returns at once; UsageError where none does."""
        ask_of(self._workspace.journal, self._id, "pause")
        return self

    def speed(self, *, share: float | str | None = None, rate: str | None = None) -> Run:
        """Let it go on at another share of the rate limit or another ceiling, in whatever process, from within a second on.

            bulk.open_run("latest").speed(share="40%")

        `share`, `rate`: as in RunOptions. Returns at once; UsageError for a run that is over.
        """
        set_speed(self._workspace.journal, self._id, options_of({"share": share, "rate": rate}))
        return self

    def cancel(self) -> Run:
        """Ask the process that works on it to stop: what is in flight finishes. Returns at once; UsageError where none does."""
        ask_of(self._workspace.journal, self._id, "cancel")
        return self

    def _go_on(
        self, retry: bool, only: str | None, on_event: OnEvent | None, stop: Stop | None, options: Mapping[str, Any]
    ) -> Run:
        record, asked = run_to_go_on(self._workspace.journal, self._id, retry=retry, options=Options(python=True))
        if asked:
            return self
        # A deadline is of one sitting, and a cap of what nobody looked at belongs to the command.
        chosen = options_of(options, replace(Options.from_json(record.settings), deadline=None, cap=None))
        with self._workspace.session(chosen, stop) as (session, _):
            work = take_up(session, record, chosen, retry=retry, only=only, load=self._load)
            work.ask = False
            carry_out(work, self._workspace, on_event)
        return self

    # -- how it shows itself ------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        report = self.report()
        counts = ", ".join(f"{count} {name}" for name, count in report["counts"].items() if count)
        undone = f", {report['undone']} undone since" if report.get("undone") else ""
        return f"<Run {self._id} {report['run']['operation']} {report['run']['status']}: {counts or 'no items'}{undone}>"

    def _repr_html_(self) -> str:
        return run_html(self.report())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and (self._id, self._workspace.home) == (other._id, other._workspace.home)

    def __hash__(self) -> int:
        return hash(self._id)

    def _record(self) -> RunRecord:
        with self._journal() as journal:
            return journal.run(self._id)

    def _journal(self) -> Journal:
        return Journal(self._workspace.journal, read_only=True)


class BulkResult(dict[str, Any]):
    """The account of a run.

    As a mapping it is the dict that the original scripts returned: `success`, `failed` and `total_time` (seconds); what
    was done with that dict (`json.dumps(result)`, `isinstance(result, dict)`) goes on working. As an object:

    `success`, `failed`, `unchanged`, `drifted`, `in_doubt`, `pending`, `selected`
        items by outcome (`skipped` is unchanged and drifted together);
    `total_time`, `rate`
        seconds, and finished items a second;
    `retried`, `throttled`, `requests`
        repeated requests, 429s, all requests by purpose;
    `failures`
        groups by cause, each with a count and an example;
    `run_id`, `run`
        what `intercom-bulk runs show|undo|verify` take, and the run as an object: `result.run.undo()`;
    `report`
        the same as `--json` prints;
    `items("failed", "in_doubt")`, `failed_ids`, `raise_for_failures()`
        the items one by one, with the reason of each.
    """

    def __init__(self, run: Run, counts: Counts, failures: list[FailureGroup], report: dict[str, Any]) -> None:
        self.run = run
        self.run_id = run.id
        self.counts = counts
        self.failures = failures
        self.report = report
        self.success = counts.done
        self.failed = counts.failed
        self.unchanged = counts.unchanged
        self.drifted = counts.drifted
        self.in_doubt = counts.in_doubt + counts.in_flight
        self.pending = counts.pending
        self.selected = counts.selected
        self.skipped = counts.unchanged + counts.drifted
        self.total_time = float(report.get("seconds") or 0.0)
        self.requests: dict[str, int] = dict(report.get("requests") or {})
        self.retried = self.requests.get("retried", 0)
        self.throttled = self.requests.get("throttled", 0)
        self.rate = counts.finished / self.total_time if self.total_time else 0.0
        self.preview: Preview | None = None
        """What it would change, where it was a dry run."""
        super().__init__(success=self.success, failed=self.failed, total_time=self.total_time)

    def __getstate__(self) -> dict[str, Any]:
        """A pickle leaves the run as an object out, which holds the token: `open_run(result.run_id)` gives it again."""
        return {name: value for name, value in vars(self).items() if name != "run"}

    def items(self, *outcomes: str) -> Any:
        """The items of some outcomes ("done", "failed", "in_doubt" ... or "all"), each a ResultItem, read as they are asked for.

        Without an outcome it is what it is for every dict: pairs of `success`, `failed` and `total_time`.
        Raises UsageError for an outcome that there is not.
        """
        return self.run.items(*outcomes) if outcomes else super().items()

    @property
    def failed_ids(self) -> list[str]:
        """The ids of the items that failed: what `bulk_process(item_ids=...)` takes."""
        return [item.id for item in self.items("failed")]

    def raise_for_failures(self) -> None:
        """Raises ItemsFailed when items failed or are in doubt; it names the first of each cause."""
        if not (self.failed or self.in_doubt):
            return
        causes = "; ".join(f"{group.count} x {group.cause} (such as {group.example.id})" for group in self.failures[:3])
        error = ItemsFailed(f"{self.failed} failed, {self.in_doubt} in doubt in run {self.run_id}: {causes}", run_id=self.run_id)
        error.run, error.result = self.run, self
        raise error

    def _repr_html_(self) -> str:
        return run_html(self.report)

    def __repr__(self) -> str:
        return (
            f"BulkResult(run_id={self.run_id!r}, success={self.success}, failed={self.failed}, skipped={self.skipped}, "
            f"in_doubt={self.in_doubt}, pending={self.pending}, total_time={self.total_time:.1f})"
        )


def carry_out(
    work: Work,
    workspace: Workspace,
    on_event: OnEvent | None = None,
    shown: Observer | None = None,
    *,
    do: Callable[[Work, Observer], object] = perform,
) -> BulkResult:
    """Do a run for a caller from Python: log it, tell `on_event`, give its account.

    What ends it is raised with `run`, `run_id` and `result` on it.
    """
    follower = RunLog(shown or Observer(), work.session.journal, work.run, on_event)
    try:
        preview = do(work, follower)
    except (IntercomBulkError, KeyboardInterrupt) as exc:
        result = _result(work, workspace)
        for name, value in (("run_id", work.run.id), ("run", result.run), ("result", result)):
            setattr(exc, name, value)
        if isinstance(exc, IntercomBulkError):
            exc.parts["result"] = result
        with suppress(Exception, KeyboardInterrupt):  # what ended the run is what is raised
            follower.ended(result.report)
        raise
    finally:
        follower.close()
    result = _result(work, workspace)
    result.preview = preview if isinstance(preview, Preview) else None
    follower.ended(result.report)
    return result


def _result(work: Work, workspace: Workspace) -> BulkResult:
    """The account of a run that has ended."""
    journal, run_id = work.session.journal, work.run.id
    report = summarize(journal, run_id, undoable=work.operation.inverse() is not None)
    return BulkResult(Run(run_id, workspace, work.load), journal.counts(run_id), journal.failures(run_id, left=True), report)
