"""The object that `--json` prints, in the words of docs/reference/json.md.

Everything is read from the journal; nothing is counted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from intercom_bulk_updater.api.redact import mask, redact, without_typed_secrets
from intercom_bulk_updater.errors import ApiError, IntercomBulkError, Interrupted, MissingToken
from intercom_bulk_updater.journal import FailureGroup, ItemRow, RunRecord, Store, Undone, UnfinishedUndo
from intercom_bulk_updater.model import Counts, Outcome, Requests, Reversibility, RunKind, RunStatus
from intercom_bulk_updater.operations.export import NOT_WHOLE
from intercom_bulk_updater.operations.messages import SENT_BY
from intercom_bulk_updater.operations.registry import declared
from intercom_bulk_updater.runs.judgement import Judgement, judge
from intercom_bulk_updater.runs.messages import messages_of
from intercom_bulk_updater.runs.search_state import SearchState
from intercom_bulk_updater.runs.sources import account_of

from .advice import advice_for, may_succeed
from .next_commands import next_commands
from .texts import error_hint, without_halves, words_of
from .times import rfc3339

SCHEMA = "run/1"
LISTED = 10
"""Items that were left alone and are named in the account."""
_LIVE = (RunStatus.RUNNING, RunStatus.PAUSED)


def summarize(
    journal: Store,
    run_id: str,
    *,
    error: BaseException | None = None,
    undoable: bool | None = None,
) -> dict[str, Any]:
    """The account of a run, JSON-able.

    Parameters
    ----------
    error:
        What ended the command, when something did.
    undoable:
        Whether `undo` can take the run back. None: guessed from the run's row.

    Raises NoSuchRun, JournalError.
    """
    run = journal.run(run_id)
    status = standing(journal, run)
    undone, unfinished = journal.undone(run.id), journal.unfinished_undo(run.id)
    judgement = judge_run(journal, run, status, exit_code=None if error is None else exit_of(error), undone=undone)
    counts, code = judgement.counts, judgement.exit_code
    failures = [_failure(group, run) for group in failures_of(journal, run, status)]
    seconds = _seconds(run)
    partly = any(group["partly"] for group in failures)
    # A dry run finishes nothing; its pace is that of looking.
    paced = counts.selected if run.kind == RunKind.DRY_RUN else counts.finished
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "ok": code == 0,
        "exit": code,
        "run": _run(run, status),
        "counts": counts.as_json(),
        "requests": {**Requests().as_json(), **(run.totals.get("requests") or run.progress.get("requests") or {})},
        "seconds": round(seconds, 3),
        "rate": round(paced / seconds, 2) if seconds else 0.0,
        "search": account_of(run.search, journal.counts(run.id).selected),
        "failures": failures,
        "verified": _verified(run),
        "next": next_commands(
            run,
            status,
            judgement,
            undoable,
            undone=undone,
            unfinished=unfinished,
            retry=any(group["retry"] for group in failures if group["outcome"] == Outcome.FAILED),
            partly=partly,
            untold=sum(group["untold"] for group in failures),
        ),
    }
    if counts.tried:
        told["tried"] = counts.tried
    told |= {**_sent_before(journal, run), **_not_whole(journal, run), **_undos(undone, unfinished)}
    if counts.drifted:
        told["left_alone"] = _left_alone(journal, run.id)
    if run.totals.get("guard"):
        told["guard"] = run.totals["guard"]
    for name in ("review", "canary"):
        if run.totals.get(name):
            told[name] = mask(run.totals[name])
    if run.totals.get("backup") and Path(run.totals["backup"]).is_file():
        told["backup"] = {"file": run.totals["backup"]}
    if run.plan_hash:
        told["plan"] = {"hash": run.plan_hash}
    if error is not None:
        told["error"] = error_json(error, run)
    encodable: dict[str, Any] = without_halves(told)
    return encodable


def _undos(undone: Undone | None, unfinished: UnfinishedUndo | None) -> dict[str, Any]:
    """What undos have made of a run."""
    return {
        **({} if undone is None else {"undone_by": undone.by, "undone": undone.done}),
        **({} if unfinished is None else {"undo_unfinished": unfinished.run}),
    }


def summary_without_run(error: BaseException) -> dict[str, Any]:
    """The account of a command that ended before there was a run: `run` is null, `counts` are absent."""
    code = exit_of(error)
    said = {4: "doctor", 10: "doctor", 2: "--help"}.get(code)
    return {
        "schema": SCHEMA,
        "ok": False,
        "exit": code,
        "run": None,
        "requests": getattr(error, "parts", {}).get("requests", Requests()).as_json(),
        "seconds": 0.0,
        "failures": [],
        "verified": {"level": "none", "remaining": None},
        "next": [f"intercom-bulk {said}"] if said else [],
        "error": error_json(error),
    }


def exit_of(error: BaseException) -> int:
    """What a command exits with when `error` ended it."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, Interrupted):
        return 128 + error.signal_number
    return error.exit_code if isinstance(error, IntercomBulkError) else 1


def error_json(error: BaseException, run: RunRecord | None = None) -> dict[str, Any]:
    """An error for programs: class, message, hint; of Intercom's refusals also status, code, request_id.

    `run`: the run that it ended, if there was one.
    """
    message = error.message if isinstance(error, IntercomBulkError) else str(error)
    told: dict[str, Any] = {
        "type": type(error).__name__,
        # It names the variable without its value; redact would take the next word for the value.
        "message": message if isinstance(error, MissingToken) else without_typed_secrets(redact(message or type(error).__name__)),
        "hint": error_hint(error, exit_of(error), run),
    }
    if isinstance(error, ApiError):
        told |= {"status": error.status, "code": error.code, "request_id": error.request_id}
    return told


def _sent_before(journal: Store, run: RunRecord) -> dict[str, Any]:
    """The runs that had sent the text of this one already, each with how many of its items did not get it again; {} for none."""
    cls = declared(run.operation)
    if cls is None or messages_of(run) is None:
        return {}
    found: dict[tuple[str, bool], tuple[int, int]] = {}
    changed = 0
    for row in journal.items(run.id, outcomes=[Outcome.UNCHANGED, *([] if cls.appends else [Outcome.DONE])]):
        sent = (row.before or {}).get(SENT_BY)
        if sent:
            changed += row.outcome is Outcome.DONE
            by = str(sent["run"]), bool(sent.get("refused"))
            count, at = found.get(by, (0, 0))
            found[by] = count + 1, max(at, int(sent["at"]))
    told = [
        {"run": run_id, "at": rfc3339(at), "count": count, "refused": refused}
        for (run_id, refused), (count, at) in sorted(found.items(), key=lambda one: -one[1][0])
    ]
    if not told:
        return {}
    without_text = {"without_text": changed} if changed else {}
    return {"sent_before": told, **without_text}


def _not_whole(journal: Store, run: RunRecord) -> dict[str, int]:
    """How many exported items have not all of their messages; {} for none."""
    cls = declared(run.operation)
    reads = cls is not None and cls.reversibility is Reversibility.READS
    count = journal.left_with(run.id, NOT_WHOLE) if reads else 0
    return {"not_whole": count} if count else {}


def items_told(journal: Store, run: RunRecord, outcomes: Sequence[Outcome] | None = None) -> Iterator[tuple[ItemRow, Outcome]]:
    """The items of a run with these outcomes, as its account tells them: what a stop or a dead process left on its way is in doubt.

    Of a run that only reads it is not begun: nothing has been sent that may stand.
    """
    lives = standing(journal, run) in (RunStatus.RUNNING, RunStatus.PAUSED)
    on_its_way = Outcome.PENDING if lives or run.selection.get("reads") else Outcome.IN_DOUBT
    stored = outcomes
    if outcomes is not None and on_its_way in outcomes:
        # A stop puts back to pending what had been sent.
        stored = [*dict.fromkeys((*outcomes, Outcome.IN_FLIGHT, Outcome.PENDING))]
    for row in journal.items(run.id, outcomes=stored):
        outcome = on_its_way if row.outcome is Outcome.IN_FLIGHT or row.left else row.outcome
        if outcomes is None or outcome in outcomes:
            yield row, outcome


def standing(journal: Store, run: RunRecord) -> RunStatus:
    """Where a run really stands: one that says RUNNING and that no process holds was interrupted."""
    if run.status in _LIVE and not journal.is_live(run.id):
        return RunStatus.INTERRUPTED
    return run.status


def judge_run(
    journal: Store,
    run: RunRecord,
    status: RunStatus | None = None,
    *,
    exit_code: int | None = None,
    undone: Undone | None = None,
) -> Judgement:
    """The judgement on a run of the journal; `status`, `exit_code` and `undone` where the caller knows them already."""
    status = standing(journal, run) if status is None else status
    undone = undone or journal.undone(run.id)
    counts, search = _counts(journal, run), SearchState.of(run.search)
    if status in _LIVE or run.selection.get("reads"):
        # In flight, with a process that lives, or reading alone: neither in doubt nor done.
        counts.pending += counts.in_flight
        counts.in_flight = 0
    return judge(
        kind=run.kind, status=status, counts=counts, verified=run.totals.get("verified"),
        # What a run that came to its end amounts to follows from what is known of it; what ended another is written down.
        exit_code=run.exit_code if exit_code is None and status is not RunStatus.FINISHED else exit_code,
        short=bool(search.missing),
        unusable=search.unusable,
        undone=0 if undone is None else undone.done,
        reads=bool(run.selection.get("reads")),
    )  # fmt: skip


def _counts(journal: Store, run: RunRecord) -> Counts:
    """How the items of a run stand. A guard judged what the search announced, before all of that was read."""
    counts = journal.counts(run.id)
    unread = int((run.totals.get("guard") or {}).get("selected") or 0) - counts.selected
    if unread > 0:
        counts.selected += unread
        counts.pending += unread
    return counts


def _run(run: RunRecord, status: RunStatus) -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind,
        "status": status.value,
        "operation": run.operation,
        "words": words_of(run),
        "workspace": run.workspace,
        "admin": run.admin_id,
        "author": run.author,
        "started_at": rfc3339(run.started_at if run.started_at is not None else run.created_at),
        "finished_at": None if status in _LIVE else rfc3339(run.finished_at),
        "selection": mask(run.selection),
        "parent": run.parent,
        "message": redact(run.message),
    }


def _seconds(run: RunRecord) -> float:
    stored = run.totals.get("seconds")
    return float(stored if stored is not None else run.progress.get("elapsed") or 0.0)


def _verified(run: RunRecord) -> dict[str, Any]:
    """`remaining` is null when nobody has looked."""
    found: Mapping[str, Any] = run.totals.get("verified") or {}
    told: dict[str, Any] = mask({"level": "none", "remaining": None, **found})
    if "note" in found:
        # Here a note is the verification's own remark, not a message to anybody.
        told["note"] = redact(str(found["note"]))
    return told


def _left_alone(journal: Store, run_id: str) -> list[dict[str, str]]:
    """The first items that somebody else had changed, with what was changed; runs export has them all."""
    rows = islice(journal.items(run_id, outcomes=[Outcome.DRIFTED], chunk=LISTED), LISTED)
    return [{"id": row.id, "why": redact(row.note)} for row in rows]


def failures_of(journal: Store, run: RunRecord, status: RunStatus) -> list[FailureGroup]:
    """What failed or is in doubt, by cause; `status`: where the run really stands."""
    return journal.failures(run.id, left=status not in _LIVE and not run.selection.get("reads"))


def _failure(group: FailureGroup, run: RunRecord) -> dict[str, Any]:
    example = group.example
    return {
        "cause": group.cause,
        "outcome": group.outcome.value,
        "count": group.count,
        "partly": group.partly,
        "untold": group.untold,
        "example": {
            "id": example.id,
            "name": example.name,
            "status": example.status,
            "code": example.code,
            "message": redact(example.message),
            "request_id": example.request_id,
        },
        "advice": advice_for(group, run),
        "retry": may_succeed(group, run),
    }
