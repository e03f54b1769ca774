"""`intercom-bulk runs ...`: look at what was run, go on with it, stop it, account for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from ..errors import SafetyStop, UsageError
from ..journal import Journal, RunRecord
from ..model import Outcome, RunStatus
from ..parsing.amounts import parse_duration
from ..parsing.dates import people_in
from ..report.formatting import plural
from ..report.headline import undone_by
from ..report.summary import failures_of, judge_run, standing, summarize
from ..report.texts import message_words
from ..runs.guards import counted
from ..service.control import ask_of, set_speed
from ..stop import Stop
from .execute import interactive, options_of
from .flags import Output, Safety, Shown, Speed, whole
from .output import REPORTS, say, writable
from .resume import go_on
from .show import out as show_out
from .show import out_data, out_json
from .stdout import DataStream, emit, note

if TYPE_CHECKING:
    from ..report.table_file import Format

EXPORTS: dict[str, Format | Literal[""]] = {
    ".csv": "csv", ".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet", "": "",
}  # fmt: skip
"""What an export is written as, by the ending of its file; without an ending --format says."""

_OUT, _RUN_OUT, _SAFE, _SPEED = Shown(), Output(), Safety(), Speed()
_Run = Annotated[str, Parameter(help="The run: its id, a unique beginning of it, or latest.")]


@contextmanager
def journal(*, read_only: bool = True) -> Iterator[Journal]:
    """The journal, for commands that need no token."""
    from ..settings import load

    with Journal(load().journal, read_only=read_only) as opened_journal:
        yield opened_journal


def _named(book: Journal, ref: str) -> RunRecord:
    """A run by id, by the beginning of its id, or the latest of the server that is configured."""
    from ..settings import load

    run = book.run(ref, base_url=load().base_url)
    people_in(str((run.totals.get("place") or {}).get("timezone") or ""))
    return run


def list_runs(*, limit: Annotated[int, Parameter(help="How many, the newest first.", converter=whole)] = 20, out: Shown = _OUT) -> int:
    """What has been run, newest first."""
    with journal() as book:
        records = book.runs(limit)
        if out.json or out.jsonl:
            told = [summarize(book, r.id) for r in records]
            if out.jsonl:
                for line in told:
                    out_json(line)
            else:
                out_json({"schema": "runs/1", "ok": True, "exit": 0, "runs": told})
            return 0
        from ..terminal.tables import runs_table

        standing_now = [_as_it_stands(book, record) for record in records]
        shown = [(record, judge_run(book, record, record.status)) for record in standing_now]
        if shown:
            show_out(runs_table(shown))
        elif not out.quiet:
            say("Nothing has been run yet. To try: intercom-bulk demo")
    return 0


def _as_it_stands(book: Journal, record: RunRecord) -> RunRecord:
    """The record with its real status; what a killed process told last is older than its items."""
    status = standing(book, record)
    if status is not RunStatus.INTERRUPTED:
        return replace(record, status=status)
    return replace(record, status=status, progress={**record.progress, "counts": book.counts(record.id).as_json()})


def show(run: Annotated[str, Parameter(help="The run, or a plan file.")] = "latest", *, out: Shown = _OUT) -> int:
    """One run: what, how many, what failed and why. Also shows a plan file."""
    if run.endswith(".jsonl") or "/" in run or Path(run).is_file():
        return _show_plan(Path(run), out)
    with journal() as book:
        record = _named(book, run)
        report = summarize(book, record.id)
        if out_data(out, lambda: report):
            return 0
        from ..terminal.tables import run_table

        record = replace(record, status=standing(book, record))
        show_out(
            run_table(
                record, judge_run(book, record, record.status), failures_of(book, record, record.status), book.events(record.id),
                left_alone=report.get("left_alone") or (), undone_by=undone_by(report), messages=message_words(report),
                sent_before="sent_before" in report,
            )
        )
        for command in report["next"]:
            if not command.endswith(f" runs show {record.id}"):  # which has just been done
                sys.stderr.write(f"next: {command}\n")
    return 0


def _show_plan(path: Path, out: Shown) -> int:
    from ..runs.plan import read_plan

    plan = read_plan(path)
    if out_data(out, lambda: {"schema": "plan/1", "ok": True, "exit": 0, "header": dict(plan.header)}):
        return 0
    from ..terminal.tables import plan_table

    people_in(str(plan.header.get("timezone") or ""))
    show_out(plan_table(plan.header, plan.lines(), plan.left_out))
    return 0


def watch(
    run: _Run = "latest",
    *,
    every: Annotated[float, Parameter(help="Seconds between two looks.")] = 0.5,
    out: Shown = _OUT,
) -> int:
    """Follow a run of another process until it ends; Ctrl-C stops watching, not the run."""
    from ..terminal.json_lines import done_line, event_line
    from ..terminal.observers import observer_for
    from ..terminal.phrases import Title

    stop = Stop()
    with journal() as book:
        record, seq = _named(book, run), 0
        title = Title.of(record)
        with observer_for(out.progress, quiet=out.quiet or out.json or out.jsonl, verbose=out.verbose, title=title) as screen:
            while standing(book, record) in (RunStatus.RUNNING, RunStatus.PAUSED):
                told: dict[str, Any] = record.progress
                if out.jsonl:
                    emit(event_line("progress", told, record.id, seq := seq + 1))
                    sys.stdout.flush()
                screen.show({**told, **({"holds": "paused"} if record.status is RunStatus.PAUSED else {})})
                if stop.wait(every):
                    break
                record = book.run(record.id)
        report = summarize(book, record.id)
        if out.json or out.jsonl:
            if out.jsonl:
                emit(done_line(report, seq + 1))
            else:
                out_json(report)
        else:
            from ..terminal.texts import summary_text
            say(summary_text(report))
    return int(report["exit"] or 0)


_LATER = {"pause": "", "cancel": " with it after all"}


def _ask(run: str, control: str, out: Shown) -> int:
    from ..settings import load

    settings = load()
    record = ask_of(settings.journal, run, control, settings.base_url, note)
    sys.stderr.write(f"Asked {record.id} to {control}. To go on{_LATER[control]}: intercom-bulk runs resume {record.id}\n")
    with journal() as book:
        out_data(out, lambda: summarize(book, record.id))
    return 0


def pause(run: _Run = "latest", *, out: Shown = _OUT) -> int:
    """Ask a running process to pause; `runs resume` lets it go on."""
    return _ask(run, "pause", out)


def cancel(run: _Run = "latest", *, out: Shown = _OUT) -> int:
    """Ask a running process to stop: what is in flight finishes, and `runs resume` goes on with it."""
    return _ask(run, "cancel", out)


def speed(
    run: _Run = "latest",
    *,
    share: Annotated[str | None, Parameter(help="The part of the rate limit to use at most: 40%, or a timetable.")] = None,
    rate: Annotated[str | None, Parameter(help="auto, a ceiling such as 6000/min, or a timetable.")] = None,
    out: Shown = _OUT,
) -> int:
    """Let a running process go faster or slower, from within a second on."""
    from ..settings import load

    options = options_of(Safety(), Speed(share=share, rate=rate))
    settings = load()
    record = set_speed(settings.journal, run, options, settings.base_url, note)
    said = " and ".join(f"--{name} {value}" for name, value in (("share", share), ("rate", rate)) if value is not None)
    with journal() as book:
        goes_on = book.is_held(record.id)
        later = f"takes up {said} when it goes on: intercom-bulk runs resume {record.id}"
        sys.stderr.write(f"{record.id} {f'goes on with {said}.' if goes_on else later}\n")
        out_data(out, lambda: summarize(book, record.id))
    return 0


def resume(run: _Run = "latest", *, safe: Safety = _SAFE, speed: Speed = _SPEED, out: Output = _RUN_OUT) -> int:
    """Go on with a run that stopped, was interrupted or died; items in doubt are looked at first.

    It goes on as it was told to. What is said now counts from now on: a guard that stopped it can be corrected.
    """
    return go_on(run, safe, speed, out, failed=False)


def retry(
    run: _Run = "latest",
    *,
    only: Annotated[str | None, Parameter(help="Only items that failed by this cause, as runs show names it.")] = None,
    safe: Safety = _SAFE,
    speed: Speed = _SPEED,
    out: Output = _RUN_OUT,
) -> int:
    """Try again what failed, and nothing else."""
    return go_on(run, safe, speed, out, failed=True, only=only)


def report(
    run: _Run = "latest",
    *,
    output: Annotated[str | None, Parameter(name=["--output", "-o"], help="The file; .html or .json by its ending.")] = None,
    with_bodies: Annotated[bool, Parameter(help="With message bodies and e-mail addresses.", negative="")] = False,
    out: Shown = _OUT,
) -> int:
    """Write the report of a run: one HTML page, or JSON. --json prints it and writes no file unless one is named."""
    from ..report.file import write_report

    if output:
        writable(output, "--output", REPORTS)
    with journal() as book:
        record = _named(book, run)
        if out_data(out, lambda: summarize(book, record.id)) and not output:
            return 0
        path = Path(output or f"{record.id}.html")
        write_report(path, book, record.id, with_bodies=with_bodies)
    sys.stderr.write(f"Written: {path}\n")
    return 0


def export(
    run: _Run = "latest",
    *,
    format: Annotated[
        Literal["csv", "jsonl", "json"] | None, Parameter(help="csv (the default), jsonl (also --jsonl), or json (also --json).")
    ] = None,
    outcome: Annotated[list[str] | None, Parameter(help="Only items with this outcome; may be given again.", negative="")] = None,
    output: Annotated[str | None, Parameter(name=["--output", "-o"], help="The file: .csv, .xlsx, .jsonl, .json or .parquet.")] = None,
    with_bodies: Annotated[bool, Parameter(help="With message bodies and e-mail addresses.", negative="")] = False,
    out: Shown = _OUT,
) -> int:
    """Write the items of a run, by the ending of the file: CSV or XLSX, safe to open in a spreadsheet, JSON Lines, JSON, Parquet."""
    from ..report.export import export as write
    from ..report.export import export_file
    from ..report.table_file import format_of

    try:
        outcomes = [Outcome(o) for o in outcome] if outcome else None
    except ValueError as exc:
        raise UsageError(f"{exc}. Known: {', '.join(o for o in Outcome)}") from exc
    asked: Format | None = "json" if out.json else "jsonl" if out.jsonl else None
    if asked and format not in (None, asked):
        raise UsageError(f"--format {format} and --{asked} say two things; leave one out")
    named = None
    if output:
        writable(output, "--output", EXPORTS)
        if Path(output).suffix.lower() == ".parquet":
            format_of(Path(output))  # says before anything is done that its library is missing
        named = EXPORTS[Path(output).suffix.lower()] or None
    said = format or asked
    if said and named not in (None, said):
        raise UsageError(f"--output {output} names a {named} file and {'--format ' if format else '--'}{said} another; leave one out.")
    form: Format = said or named or "csv"
    with journal() as book:
        record = _named(book, run)
        if output:
            count = export_file(Path(output), book, record.id, format=form, outcomes=outcomes, with_bodies=with_bodies)
            sys.stderr.write(f"Written: {counted(count)} to {output}\n")
        else:
            write(book, record.id, DataStream(), format=form, outcomes=outcomes, with_bodies=with_bodies)
    return 0


def prune(
    *,
    older_than: Annotated[str, Parameter(help="Delete runs older than this: 90d.")] = "90d",
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], help="Do not ask.", negative="")] = False,
    out: Shown = _OUT,
) -> int:
    """Delete old runs; what is deleted can no longer be undone. Live runs are kept."""
    days = parse_duration(older_than) / 86400
    if not yes:
        if not interactive():
            raise SafetyStop("There is no terminal to ask on, and what is pruned is gone: say --yes. Nothing was deleted.", hint="")
        sys.stderr.write(f"Runs older than {older_than} can no longer be undone once deleted. Delete? [y/N] ")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise SafetyStop("Not confirmed: nothing was deleted.", hint="")
    with journal(read_only=False) as book:
        gone = book.prune(days)
    sys.stderr.write(f"Deleted: {plural(len(gone), 'run')}\n")
    out_data(out, lambda: {"schema": "prune/1", "ok": True, "exit": 0, "deleted": gone})
    return 0
