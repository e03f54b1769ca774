"""The sections of the page, each from the journal or from the summary object. All text passes markup.esc."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from intercom_bulk_updater.api.redact import mask
from intercom_bulk_updater.journal import Event, ItemRow, RunRecord, Store
from intercom_bulk_updater.model import EventKind, Outcome, RunKind
from intercom_bulk_updater.operations.message_template import fields_of
from intercom_bulk_updater.runs.judgement import Judgement
from intercom_bulk_updater.runs.messages import messages_of

from .charts import outcome_name, shares
from .headline import verification_words, why_words
from .html import esc, facts, flagged, folded, number, paragraph, section, table
from .texts import left_out_words, masked, selection_words
from .times import duration, moment

Told = Mapping[str, Any]

LISTED = 200
_AT_ONCE = 8
"""Rows of a list that stand open; the others are a click away, and in the export."""
_MEANING = {
    "done": "Intercom confirmed the change",
    "wrong": "Intercom accepted the change, and reading back shows another state",
    "unchanged": "already in the requested state; nothing was written",
    "failed": "refused, or out of retries",
    "drifted": "changed by somebody else; left alone",
    "in_doubt": "the answer was lost and could not be found out",
    "pending": "not begun",
}


def counts_list(judgement: Judgement, *, dry: bool) -> str:
    """The counts as a legend of the bar; what is zero is said, quietly."""
    rows = []
    for name, count in shares(judgement).items():
        if name == "wrong" and not count:
            continue
        meaning = "would change" if dry and name == "pending" else _MEANING[name]
        quiet = "" if count else ' class="zero"'
        rows.append(
            f'<div{quiet}><dt><span class="key o-{name}"></span>{esc(outcome_name(name, judgement))}</dt>'
            f"<dd><b>{number(count)}</b><span>{esc(meaning)}</span></dd></div>"
        )
    return f'<dl class="counts">{"".join(rows)}</dl>'


def by_whom(run: RunRecord, told: Told) -> str:
    """Who, when, where in one line; the section of that name has the rest."""
    parts = [f"by {run.author}" if run.author else "", moment(run.started_at or run.created_at)]
    parts += [f"took {duration(told['seconds'])}" if told["seconds"] else ""]
    parts += [f"workspace {run.workspace}" if run.workspace else ""]
    return " · ".join(part for part in parts if part)


def who_and_when(run: RunRecord, told: Told) -> str:
    """Who, when, where, which."""
    rate = f"{told['rate']:,.1f} items a second" if told["rate"] else ""
    lives = told["run"]["finished_at"] is None
    return section(
        "Who, when, where",
        facts(
            (
                ("Started by", f"{run.author or 'not recorded'} on {run.host}"),
                ("Acting as", f"admin {run.admin_id}" if run.admin_id else ""),
                (
                    "Workspace",
                    f"{run.workspace or 'not told'} ({run.base_url})" if run.base_url else run.workspace,
                ),
                ("Started", moment(run.started_at or run.created_at)),
                ("Ended", "not yet" if lives else moment(run.finished_at)),
                ("Took", duration(told["seconds"]) if told["seconds"] else ""),
                ("Speed", rate),
                ("Which items", selection_words(run)),
                ("Run", run.id),
                ("Comes from", run.parent or ""),
                ("Plan", (run.plan_hash or "")[:16]),
                ("Backup of each item", str((told.get("backup") or {}).get("file") or "")),
                ("Exit code", str(told["exit"])),
            )
        ),
        paragraph(told["run"]["message"], "message"),
    )


def verification(told: Told) -> str:
    """What Intercom itself said, and what is not as it should be."""
    verified = told["verified"]
    words = flagged("".join(f"{said[:1].upper()}{said[1:]}. " for said in verification_words(told)).strip())
    explained = table(
        "Still found by the search, and why",
        ("Why", "Items"),
        ((why_words(why), number(int(count))) for why, count in (verified.get("explained") or {}).items()),
        numeric=1,
    )
    wrong = table(
        "Not in the requested state",
        ("Id", "What it is instead"),
        ((w["id"], w["is"]) for w in verified.get("wrong") or ()),
    )
    return section("Verified with Intercom", words, wrong, explained)


def would_change(told: Told) -> str:
    """A dry run's review: changes by kind, a sample, what it would cost."""
    review = told.get("review") or {}
    groups = review.get("groups") or {}
    changes = table("What would change", ("Change", "Items"), ((g, number(int(n))) for g, n in groups.items()), numeric=1)
    sample = table("A sample", ("Id", "Change"), ((s["id"], s["change"]) for s in review.get("sample") or ()))
    estimate = review.get("estimate") or {}
    customers = review.get("customers")
    more = facts(
        (
            ("Way back", str(review.get("reversibility") or "")),
            ("What no undo takes back", str(review.get("side_effects") or "")),
            ("Backup of each item", str(review.get("backup") or "")),
            ("Seen by customers", f"yes, {number(customers)} people" if customers else ""),
            ("Requests", number(int(estimate["requests"])) if estimate.get("requests") else ""),
            ("Time", f"about {duration(float(estimate['seconds']))}" if estimate.get("seconds") else ""),
        )
    )
    if told["run"]["kind"] != RunKind.DRY_RUN:
        return section("Reviewed beforehand", folded("What was shown before the first write", changes + sample + more))
    return section("What would change", changes, sample, more)


def failures(told: Told) -> str:
    """Failures by cause, each with its example, the request id, and what to do."""
    parts = []
    for group in told["failures"]:
        example = group["example"]
        answer = " ".join(str(p) for p in (example["status"] or "", example["code"]) if p)
        pairs = (
            (
                "Intercom said" if answer else "What happened",
                ": ".join(p for p in (answer, example["message"]) if p),
            ),
            ("Example", example["id"]),
            ("Request id", example["request_id"]),
        )
        doubt = " (in doubt)" if group["outcome"] == Outcome.IN_DOUBT.value else ""
        parts.append(
            f'<article><h3><span class="count">{number(group["count"])} &times;</span> '
            f"{esc(group['cause'])}{doubt}</h3>{facts(pairs)}{flagged(group['advice'], 'advice')}</article>"
        )
    return section("Failures by cause", *parts, name="failures")


def left_alone(journal: Store, run: RunRecord, told: Told, with_bodies: bool) -> str:
    """Ids of items that drifted or are in doubt, each with its reason; the first 200."""
    doubtful = [Outcome.IN_DOUBT]
    if told["run"]["status"] not in ("running", "paused"):
        doubtful += [Outcome.IN_FLIGHT, Outcome.PENDING]
    return section(
        "Left alone because somebody changed them",
        _listed(journal, run, [Outcome.DRIFTED], told["counts"]["drifted"], "What changed", with_bodies),
    ) + section(
        "In doubt",
        _listed(journal, run, doubtful, told["counts"]["in_doubt"], "Why", with_bodies),
    )


def _why(row: ItemRow) -> str:
    said = row.failure.message if row.failure else row.note
    return said or ("the run ended while it was under way" if row.outcome in (Outcome.IN_FLIGHT, Outcome.PENDING) else "")


def messages(journal: Store, run: RunRecord, told: Told, with_bodies: bool) -> str:
    """The text with its places; and where bodies are asked for, what each was written, the first 200."""
    text = messages_of(run)
    if text is None:
        return ""
    body = str(run.parameters.get("body") or "")
    template = paragraph(body) if fields_of(body) else ""
    each = _listed(journal, run, [Outcome.DONE], told["counts"]["done"], "Text", True, text) if with_bodies else ""
    return section("The message", template, each)


def _listed(
    journal: Store, run: RunRecord, outcomes: Sequence[Outcome], count: int, why: str, with_bodies: bool,
    say: Callable[[ItemRow], str] = _why,
) -> str:
    if not count:
        return ""
    found = (row for row in journal.items(run.id, outcomes=outcomes, chunk=LISTED) if row.outcome is not Outcome.PENDING or row.left)
    rows = [(row.id, mask(say(row), with_bodies=with_bodies)) for row in islice(found, LISTED)]
    head = ("Id", why)
    shown = min(len(rows), _AT_ONCE)
    caption = f"{number(count)} in all" if shown == count else f"The first {shown} of {number(count)}"
    more = f"The other {number(count - shown)}" if len(rows) == count else f"The next {number(len(rows) - shown)}; runs export has them all"
    return table(caption, head, rows[:shown]) + folded(more, table(more, head, rows[shown:]) if rows[shown:] else "")


def events(run: RunRecord, log: Sequence[Event]) -> str:
    """The run's own log: passes, canary, pauses, resumes."""
    rows = [(moment(event.at), _event_words(event)) for event in log[:LISTED]]
    rows.insert(0, (moment(run.started_at or run.created_at), "started"))
    if len(log) > LISTED:
        rows.append(("", f"and {number(len(log) - LISTED)} more"))
    if run.finished_at:
        rows.append((moment(run.finished_at), f"ended: {run.status.value}"))
    return section("What happened when", table("Events", ("When", "What"), rows))


_EVENTS: Mapping[str, str] = {
    EventKind.PASS: "pass {number} of the search found {found} more",
    EventKind.CANARY: "canary, the first {items}: {failed} failed, {wrong} not in the requested state",
    EventKind.PAUSED: "paused by another process",
    EventKind.RESUMED: "went on",
    EventKind.IN_DOUBT: "resumed; under way when the process ended: {count}",
    EventKind.OLDER_JOURNAL: "the journal may be older than what the run has done: {why}; "
    "items looked at before anything was sent: {count}",
    EventKind.ENDLESS_PASS: "the search brought the same items again; pass {passed} was ended",
}


def _event_words(event: Event) -> str:
    data = mask(event.data)
    told = _EVENTS.get(event.kind)
    if told is not None:
        try:
            return told.format_map(data)
        except KeyError:
            pass  # an older journal's event of the same name: told plainly
    more = ", ".join(f"{name}: {value}" for name, value in data.items())
    return f"{event.kind.replace('_', ' ')}{f' ({more})' if more else ''}"


def parameters(run: RunRecord, with_bodies: bool) -> str:
    """What the operation was given, and how the run was to be done."""
    given = masked(run.parameters, with_bodies=with_bodies)
    rows = [("Operation", run.operation), *given.items()]
    options = masked({k: v for k, v in run.settings.items() if v not in (None, "", False)})
    shown = ((name.replace("_", " "), value) for name, value in options.items())
    return section("Parameters", facts(rows), folded("How it was to be run", facts(shown)))


def requests(told: Told) -> str:
    """Requests by purpose, and where the search stood."""
    sent, search = told["requests"], told["search"]
    total = search["total"]
    return section(
        "Requests",
        facts(
            (
                ("In all", number(sent["total"])),
                ("Search pages", number(sent["search"])),
                ("Writes", number(sent["action"])),
                ("Reads", number(sent.get("read", 0))),
                ("Repeated", number(sent["retried"])),
                ("Answered 429", number(sent["throttled"])),
            )
        ),
        paragraph(_search_words(search) if isinstance(total, int) else "", "more"),
        name="tight",
    )


def _search_words(search: Mapping[str, Any]) -> str:
    said = f"Intercom announced {number(search['total'])}; pass {search['passes']} saw {number(search['seen'])}"
    if search["new_since"]:
        said += f"; {number(search['new_since'])} are newer than the run and were left alone"
    left_out = "".join(f" {words[0].upper()}{words[1:]}." for words in left_out_words(search))
    ended = search["complete"] or search.get("missing")
    return f"{said}.{left_out}" if ended else f"{said}; it had not come to its end.{left_out}"
