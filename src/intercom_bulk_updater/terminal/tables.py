"""The tables of the read verbs: runs, one run, plans, what a search found, limits, and the lines of `doctor`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from intercom_bulk_updater.model import RunKind, RunStatus
from intercom_bulk_updater.operations.registry import declared
from intercom_bulk_updater.parsing.dates import local_moment
from intercom_bulk_updater.report.advice import advice_for
from intercom_bulk_updater.report.headline import NOT_SO, headline, label, outcomes
from intercom_bulk_updater.report.texts import left_out_words, of_more_words, words_of
from intercom_bulk_updater.runs.judgement import Verdict

from ..report.event_text import happening
from ..report.formatting import ago, clean, number, plural, seconds, shorten
from .phrases import already, past, verb
from .table import Sheet, Sheets
from .texts import refused_words, verified_words

if TYPE_CHECKING:
    from intercom_bulk_updater.journal.records import Event, FailureGroup, RunRecord
    from intercom_bulk_updater.ratelimit.permit import BudgetState
    from intercom_bulk_updater.runs.judgement import Judgement

    from .labelled_text import Page

_EVENTS = 12


def runs_table(records: Iterable[tuple[RunRecord, Judgement]], *, now: float | None = None) -> Sheet:
    """`runs list`: the runs, each with where it stands."""
    at = time.time() if now is None else now
    sheet = Sheet(
        ("run", "status", "items", "outcome", "what", "when", "by"),
        numeric=("items",),
        flex="what",
        empty="There are no runs yet.",
        optional=("by", "items", "what", "when", "status"),
    )
    for run, judgement in records:
        dry = run.kind == RunKind.DRY_RUN
        doubts = " · not verified" if judgement.verdict is Verdict.NOT_VERIFIED else ""
        again = str(run.selection.get("again") or "")
        badly = judgement.exit_code and run.status != RunStatus.INTERRUPTED
        sheet.rows.append(
            (
                run.id,
                f"{_status(run, judgement) if badly else run.status}{' (dry run)' if dry else ''}",
                number(judgement.counts.selected),
                f"{outcomes(judgement, past(run.operation, again), already(run.operation, again), dry=dry)}{doubts}",
                _what(run),
                ago(run.started_at or run.created_at, at),
                run.author,
            )
        )
    return sheet


def _status(run: RunRecord, judgement: Judgement) -> str:
    """Where a run stands, and what its command exits with once it is over: "finished, exit 6" is not all well."""
    lives = run.status in (RunStatus.RUNNING, RunStatus.PAUSED)
    return f"{run.status}{'' if lives else f', exit {judgement.exit_code}'}"


def _what(run: RunRecord) -> str:
    words = str(run.selection.get("words") or run.selection.get("kind") or "")
    said = words_of(run) if declared(run.operation) else verb(run.operation)
    return clean(f"{said}{': ' + words if words else ''}")


def run_table(
    record: RunRecord,
    judgement: Judgement,
    failures: Sequence[FailureGroup] = (),
    events: Sequence[Event] = (),
    *,
    left_alone: Sequence[Mapping[str, str]] = (),
    undone_by: str = "",
    messages: Sequence[str] = (),
    sent_before: bool = False,
) -> Sheets:
    """`runs show`: what the run was, how its items stand, why some failed or were left alone, what happened."""
    took = float(record.totals.get("seconds") or record.progress.get("elapsed") or 0)
    requests = record.totals.get("requests") or record.progress.get("requests") or {}
    place = record.totals.get("place") or {}
    counts, dry = judgement.counts, record.kind == RunKind.DRY_RUN
    verdict = headline(judgement, dry=dry, sent_before=sent_before)
    facts = [
        ("status", _status(record, judgement)),
        ("verdict", f"{label(judgement, record.status, dry=dry, kind=record.kind)}: {verdict}"),
        ("what", f"{words_of(record)}: {record.selection.get('words') or record.selection.get('kind') or ''}".rstrip(": ")),
        ("kind", record.kind.replace("_", " ")),
        ("workspace", f"{' '.join(filter(None, (place.get('workspace_name'), record.workspace))) or 'not told'} ({record.base_url})"),
        ("as", str(place.get("admin") or "")),
        ("by", f"{record.author} on {record.host}"),
        ("started", local_moment(record.started_at or record.created_at)),
        ("ended", local_moment(record.finished_at) if record.finished_at else ""),
        ("took", seconds(took) if took else "-"),
        ("requests", _requests(requests)),
        ("search", " · ".join(filter(None, (of_more_words(record.search, counts.selected), *left_out_words(record.search))))),
        ("verified", verified_words(record.totals.get("verified") or {}, counts.done, record.id) if not dry else ""),
        ("step of" if "step" in record.selection else "from run", record.parent or ""),
        ("backup", str(record.totals.get("backup") or "")),
        *(("messages", said) for said in messages),
        ("undone by", undone_by),
        ("plan", (record.plan_hash or "")[:16]),
        ("message", record.message),
    ]
    kept = [(name, value) for name, value in facts if value]
    sheets = Sheets([Sheet(("fact", "value"), list(kept), title=f"Run {record.id}", headless=True)])
    stand = [(name.replace("_", " "), number(count)) for name, count in counts.as_json().items()]
    if counts.tried:
        stand.append(("of the pending ones tried, and not done yet", number(counts.tried)))
    if counts.in_flight:
        stand.append(("of these in doubt until it is resumed", number(counts.in_flight)))
    if judgement.wrong:
        stand.append((f"of the done ones {NOT_SO}{' (estimated)' if judgement.estimated else ''}", number(judgement.wrong)))
    sheets.append(Sheet(("outcome", "items"), list(stand), title="Items", numeric=("items",)))
    if failures:
        sheets.append(_failures(failures))
        told = [(group.cause, advice_for(group, record)) for group in failures]
        sheets.append(Sheet(("cause", "advice"), [row for row in told if row[1]], title="What to do", headless=True))
    if left_alone:
        shown = f"the first {len(left_alone)} of {number(counts.drifted)}" if counts.drifted > len(left_alone) else "changed by others"
        rows = [(item["id"], item["why"]) for item in left_alone]
        sheets.append(Sheet(("id", "why"), list(rows), title=f"Left alone ({shown})", flex="why"))
    if events:
        sheets.append(_events(events))
    return sheets


def _requests(told: Mapping[str, int]) -> str:
    if not told.get("total"):
        return ""
    shown = (("search", "search"), ("action", "action"), ("read", "read"), ("retried", "tried again"))
    parts = [f"{number(told[name])} {words}" for name, words in shown if told.get(name)]
    return f"{number(told['total'])} ({', '.join(parts)}), {refused_words(int(told.get('throttled') or 0))}"


def _failures(groups: Sequence[FailureGroup]) -> Sheet:
    sheet = Sheet(
        ("count", "outcome", "cause", "example", "message", "request id"),
        title="Failures",
        numeric=("count",),
        flex="message",
    )
    for group in groups:
        told = group.example
        sheet.rows.append(
            (
                number(group.count),
                str(group.outcome).replace("_", " "),
                group.cause,
                told.id,
                told.message,
                told.request_id,
            )
        )
    return sheet


def _events(events: Sequence[Event]) -> Sheet:
    sheet = Sheet(("time", "event"), title="What happened", flex="event")
    more = len(events) - _EVENTS
    if more > 0:
        sheet.title = f"What happened (the last {_EVENTS} of {number(len(events))})"
    for event in events[-_EVENTS:]:
        sheet.rows.append((local_moment(event.at, city=False), happening(event.kind, event.data, verbose=True)))
    return sheet


def plan_table(header: Mapping[str, Any], lines: Iterable[Mapping[str, Any]], left_out: str = "", most: int = 20) -> Sheets:
    """`runs show PLAN`: what a plan file holds, what it lacks of its selection (`left_out`), and its first `most` items."""
    count = int(header.get("count") or 0)
    facts = [
        ("does", f"{header.get('operation')}: {header.get('words')}"),
        ("items", number(count)),
        ("left out", left_out),
        ("selection", str(header.get("selection") or "")),
        ("workspace", " ".join(str(header[name]) for name in ("workspace_name", "workspace") if header.get(name))),
        ("author", str(header.get("author") or "")),
        ("made", _moment(header.get("created"))),
        ("expires", _moment(header.get("expires"))),
        ("hash", str(header.get("hash") or "")[:16]),
    ]
    sheet = Sheet(("id", "name", "change"), flex="change", empty="It changes nothing.")
    for line in islice(lines, most):
        sheet.rows.append((str(line.get("id")), shorten(line.get("name") or "", 40), str(line.get("change") or "")))
    shown = len(sheet.rows)
    sheet.title = f"The first {number(shown)} of {plural(count, 'item')}" if shown < count else "Items"
    kept = [(name, value) for name, value in facts if value]
    return Sheets([Sheet(("fact", "value"), list(kept), title="Plan", headless=True), sheet])


def _moment(told: object) -> str:
    """`2026-11-25T20:30:38+00:00` as people say it."""
    try:
        return local_moment(datetime.fromisoformat(str(told or "")).timestamp())
    except ValueError:
        return str(told or "")


def operations_table(rows: Iterable[Mapping[str, object]]) -> Sheet:
    """`operations list`: the catalogue."""
    sheet = Sheet(("operation", "undo", "what it does"), flex="what it does", optional=("what it does",))
    sheet.rows = [(str(row["name"]), str(row["reversibility"]), str(row["what"])) for row in rows]
    return sheet


def operation_table(told: Mapping[str, Any]) -> Sheet:
    """`operations show`: one operation, the names of its JSON as people say them."""
    sheet = Sheet(("fact", "value"), headless=True)
    for name, value in told.items():
        if name == "reversibility" and told["way_back"]:
            continue
        if name == "parameters":
            rows = [(one["flag"], f"{one['help']}{' (required)' if one['required'] else ''}") for one in value]
        elif name == "examples":
            rows = [("example", one) for one in value]
        elif name == "customer_visible" and told["customer_visible_with"]:
            rows = [(_FACTS[name], f"with {told['customer_visible_with']}, which needs --customer-visible")]
        else:
            rows = [(_FACTS.get(name, name), ("yes" if value else "no") if isinstance(value, bool) else str(value))]
        sheet.rows += [row for row in rows if row[1] and name not in _FOR_PROGRAMS]
    return sheet


_FOR_PROGRAMS = ("summary", "customer_visible_with", "words", "json_schema")
_FACTS = {
    "reversibility": "undo",
    "way_back": "undo",
    "side_effects": "no undo takes back",
    "customer_visible": "customers see it",
    "repeating_is_harmless": "harmless to repeat",
}


def limits_table(state: BudgetState) -> Sheet:
    """`limits`: the rate limit as the server told it."""
    modes = {
        "scout": "nothing known yet",
        "window": "",
        "blind": "the server shows no windows",
        "blocked": f"waiting out a 429, {seconds(state.blocked_for)} more",
    }
    per = f"per {state.window_seconds:g} s"
    limit = state.limit
    facts = [
        ("limit", "not told by the server" if limit is None else f"{number(limit)} calls {per}"),
        ("a minute", "" if limit is None else f"{number(limit * 60 / state.window_seconds)} calls"),
        ("used", f"{number(state.used)} in this window, {number(state.own)} by this process"),
        ("left", "not told" if state.remaining is None else f"{number(state.remaining)} calls"),
        ("ends in", "" if state.ends_in is None else seconds(state.ends_in)),
        ("state", modes.get(state.mode, state.mode)),
    ]
    return Sheet(("fact", "value"), [f for f in facts if f[1]], title="Rate limit", headless=True)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `doctor`. `ok` None: could not be told, or only worth knowing. `advice`: what to do about it."""

    name: str
    ok: bool | None
    words: str
    advice: str = ""


def doctor_lines(checks: Iterable[Check]) -> Page:
    """`doctor`: a line for each check, with what to do where something is wrong; the last line sums it up."""
    from rich.text import Text

    from .labelled_text import Page

    asked = list(checks)
    page = Page(label_width=max((len(check.name) for check in asked), default=0) + 2)
    marks = {True: ("✓ ok     ", "green"), False: ("✗ wrong  ", "bold red"), None: ("- note   ", "yellow")}
    for check in asked:
        page.fact(clean(check.name), Text(*marks[check.ok]), clean(check.words))
        if check.advice and check.ok is not True:
            page.fact("", clean(check.advice), style="dim")
    bad = sum(check.ok is False for check in asked)
    page.line(f"{plural(bad, 'problem')}." if bad else "All is well.", style="bold red" if bad else "bold green")
    return page
