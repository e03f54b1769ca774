"""What page.html shows of a run: texts, pairs and rows from the journal and the summary object; nothing of it is HTML."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from intercom_bulk_updater.api.redact import mask, without_mail, without_tokens
from intercom_bulk_updater.journal import Event, ItemRow, RunRecord, Store
from intercom_bulk_updater.model import Outcome, RunKind, RunStatus
from intercom_bulk_updater.parsing.amounts import duration_words
from intercom_bulk_updater.runs.identity import has_keys, id_in_intercom, name_of_row
from intercom_bulk_updater.runs.judgement import Judgement
from intercom_bulk_updater.runs.messages import messages_of
from intercom_bulk_updater.runs.search_state import SearchState

from .charts import outcome_bar, outcome_name, shares, timeline
from .event_text import happening
from .formatting import plural
from .headline import headline, label, undone_by, verification_words, why_words
from .links import link_of
from .next_commands import label_of
from .summary import judge_run
from .texts import MESSAGE_ADDED, change_words, left_out_words, masked, message_words, names_of, of_more_words, selection_words, words_of
from .times import moment

Told = Mapping[str, Any]
Pairs = list[tuple[str, str]]

LISTED = 5000
"""Items in the page; `runs export` has them all."""
_EVENTS_LISTED = 200
_FIRST = (Outcome.FAILED, Outcome.IN_DOUBT, Outcome.IN_FLIGHT, Outcome.DRIFTED)
"""What stands first among the items: what somebody has to look at."""
_MEANING = {
    "done": "Intercom confirmed the change",
    "wrong": "Intercom accepted the change, and reading back shows another state",
    "unchanged": "already in the requested state; nothing was written",
    "failed": "refused, or out of retries",
    "drifted": "changed by somebody else; left alone",
    "in_doubt": "the answer was lost and could not be found out, or a part of the change stands",
    "pending": "not begun, or tried and not done yet",
}


def view(journal: Store, run: RunRecord, told: Told, *, with_bodies: bool) -> dict[str, Any]:
    """Everything that the page names; `items` is an iterator, so that memory stays flat."""
    judgement, dry = judge_run(journal, run), run.kind == RunKind.DRY_RUN
    finished = told["run"]["status"] == RunStatus.FINISHED
    template = _template(run, with_bodies)
    words, total = words_of(run), journal.counts(run.id).selected
    bodies = "With message bodies and e-mail addresses: handle it accordingly."
    return {
        "run": run,
        "told": told,
        "dry": dry,
        "title": words[:1].upper() + words[1:],
        "level": judgement.level,
        "which": selection_words(run) + (f" ({more})" if (more := of_more_words(told["search"], total)) else ""),
        "label": label(judgement, told["run"]["status"], dry=dry, kind=told["run"]["kind"]),
        "headline": headline(judgement, dry=dry, sent_before=bool(told.get("sent_before"))),
        "bar": outcome_bar(judgement),
        "counts": _counts(judgement, dry=dry),
        "who": _who(run, told),
        "message": template,
        "would": _would(told),
        "failures": [_failure(group) for group in told["failures"]],
        "total": total,
        "shown": _shown(total, run),
        "caption": f"The first {LISTED:,} of {total:,}" if total > LISTED else f"{total:,} in all",
        "items": _items(journal, run, told, dry=dry, with_bodies=with_bodies),
        "next": [(label_of(line, finished=finished), line) for line in told["next"]],
        "verified": _verified(told),
        "timeline": timeline(journal.windows(run.id)),
        "requests": _requests(told),
        "searched": _search_words(told["search"], run),
        "technical": _technical(run, told),
        "parameters": [("Operation", run.operation), *masked(run.parameters, with_bodies=with_bodies).items()],
        "options": [
            (name.replace("_", " "), value)
            for name, value in masked({k: v for k, v in run.settings.items() if v not in (None, "", False)}).items()
        ],
        "events": _events(run, journal.events(run.id)),
        "foot": f"Written {moment(time.time())} by intercom-bulk from the run's journal. "
        + (bodies if with_bodies else f"{'What each of them got' if template else 'Message bodies'} and e-mail addresses are left out."),
    }


def _template(run: RunRecord, with_bodies: bool) -> str:
    """The message as it was given, with or without places: what somebody typed for all, and no one's mail. See ADR 0015."""
    body = run.parameters.get("body") or (run.parameters.get("each") or {}).get("body") or ""
    if messages_of(run) is None or not isinstance(body, str):
        return ""
    return without_tokens(body) if with_bodies else without_mail(without_tokens(body))


def _counts(judgement: Judgement, *, dry: bool) -> list[tuple[str, str, str, str]]:
    """The counts as a legend of the bar; what is zero is said, quietly."""
    return [
        (name, outcome_name(name, judgement), f"{count:,}", "would change" if dry and name == "pending" else _MEANING[name])
        for name, count in shares(judgement).items()
        if count or name != "wrong"
    ]


def _who(run: RunRecord, told: Told) -> Pairs:
    place = run.totals.get("place") or {}
    backup = (told.get("backup") or {}).get("file")
    return [
        ("In the name of", str(place.get("admin") or (f"admin {run.admin_id}" if run.admin_id else ""))),
        ("Started by", run.author or "not recorded"),
        ("Workspace", f"{place['workspace_name']} ({run.workspace})" if place.get("workspace_name") else run.workspace),
        ("Started", moment(run.started_at or run.created_at)),
        ("Ended", "not yet" if told["run"]["finished_at"] is None else moment(run.finished_at)),
        ("Took", duration_words(told["seconds"]) if told["seconds"] else ""),
        ("Verified with Intercom", _verified(told)["words"] if run.kind != RunKind.DRY_RUN else ""),
        ("Message", ". ".join(message_words(told))),
        ("Undone by", undone_by(told)),
        ("Backup of each item", str(backup or "")),
    ]


def _technical(run: RunRecord, told: Told) -> Pairs:
    return [
        ("Run", run.id),
        ("Comes from", run.parent or ""),
        ("Plan", (run.plan_hash or "")[:16]),
        ("Machine", run.host),
        ("Address", run.base_url),
        ("Speed", f"{told['rate']:,.1f} items a second" if told["rate"] else ""),
        ("Exit code", str(told["exit"])),
    ]


def _verified(told: Told) -> dict[str, Any]:
    """What Intercom itself said, and what is not as it should be."""
    found = told["verified"]
    return {
        "words": "".join(f"{said[:1].upper()}{said[1:]}. " for said in verification_words(told)).strip(),
        "wrong": [(one["id"], one["is"]) for one in found.get("wrong") or ()],
        "explained": [(why_words(why), f"{int(count):,}") for why, count in (found.get("explained") or {}).items()],
    }


def _would(told: Told) -> dict[str, Any]:
    """What was shown before the first write: changes by kind, a sample, what it would cost."""
    review = told.get("review") or {}
    estimate, customers = review.get("estimate") or {}, review.get("customers")
    least = "at least " if estimate.get("at_least") else ""
    return {
        "groups": [(said, f"{int(count):,}") for said, count in (review.get("groups") or {}).items()],
        "sample": [(f"{one['name']} ({one['id']})" if one.get("name") else one["id"], one["change"]) for one in review.get("sample") or ()],
        "more": [
            ("Way back", str(review.get("way_back") or review.get("reversibility") or "")),
            ("What no undo takes back", str(review.get("side_effects") or "")),
            ("Backup of each item", str(review.get("backup") or "")),
            ("Seen by customers", f"yes, {plural(customers, 'person')}" if customers else ""),
            ("More than one message", _several_messages(review)),
            ("Requests", f"{least}{int(estimate['requests']):,}" if estimate.get("requests") else ""),
            ("Time", f"about {duration_words(float(estimate['seconds']))}" if estimate.get("seconds") else ""),
        ],
    }


def _several_messages(review: Told) -> str:
    """`12 people: Ann Lee (68aa) 3, Bo Ito (6911) 2 and 10 more`."""
    total, named = int(review.get("two_messages") or 0), review.get("twice") or ()
    said = ", ".join(f"{one['contact']} {one['messages']}" for one in named)
    more = f" and {total - len(named):,} more" if total > len(named) else ""
    return f"{plural(total, 'person')}: {said}{more}" if said else ""


def _failure(group: Mapping[str, Any]) -> dict[str, Any]:
    """A cause with its example, the request id, and what to do."""
    example = group["example"]
    answer = " ".join(str(part) for part in (example["status"] or "", example["code"]) if part)
    return {
        "count": f"{group['count']:,}",
        "cause": f"{group['cause']}{' (in doubt)' if group['outcome'] == Outcome.IN_DOUBT else ''}",
        "facts": [
            ("Intercom said" if answer else "What happened", ": ".join(part for part in (answer, example["message"]) if part)),
            ("Example", example["id"]),
            ("Request id", example["request_id"]),
        ],
        "advice": group["advice"],
    }


def _shown(total: int, run: RunRecord) -> str:
    if total <= LISTED:
        return "What needs a look stands first."
    return f"What needs a look stands first. To get all {total:,}: intercom-bulk runs export {run.id} -o items.xlsx"


def _items(journal: Store, run: RunRecord, told: Told, *, dry: bool, with_bodies: bool) -> Iterator[dict[str, str]]:
    """The first items, each with its name, a link, its outcome, and what was changed or why not."""
    names, keyed = names_of(journal, run), has_keys(run)
    lives = told["run"]["status"] in (RunStatus.RUNNING, RunStatus.PAUSED)
    text = messages_of(run) if with_bodies else None
    rest = [outcome for outcome in Outcome if outcome not in _FIRST]
    for row in islice(chain(*(journal.items(run.id, outcomes=some, chunk=1000) for some in (_FIRST, rest))), LISTED):
        left = row.outcome is Outcome.IN_FLIGHT or row.left
        outcome = (Outcome.PENDING if lives else Outcome.IN_DOUBT) if left else row.outcome
        identity = id_in_intercom(row, keyed=keyed)
        sent = text(row) if text is not None and outcome is Outcome.DONE else ""
        changed = _said(row, names, with_bodies)
        # A verb that does nothing but write has no change beside its text.
        said = "; ".join(part for part in ("" if sent and changed == MESSAGE_ADDED else changed, sent and f"sent: {sent}") if part)
        yield {
            "id": mask(identity or row.id, with_bodies=with_bodies),
            "name": mask(name_of_row(row, keyed=keyed), with_bodies=with_bodies),
            "link": link_of(run, identity),
            "outcome": outcome.value,
            "called": "would change" if dry and outcome is Outcome.PENDING else outcome.value.replace("_", " "),
            "said": mask(said.replace(" -> ", " → "), with_bodies=with_bodies) or ("the run ended while it was under way" if left else ""),
        }


def _said(row: ItemRow, names: Mapping[str, str], with_bodies: bool) -> str:
    why = row.failure.message if row.failure else row.note
    changed = change_words(row.before, row.after, names, with_bodies=with_bodies) if row.outcome in (Outcome.DONE, Outcome.FAILED) else ""
    return "; ".join(part for part in (changed, why) if part)


def _events(run: RunRecord, log: Sequence[Event]) -> list[tuple[str, str]]:
    """The run's own log: passes, canary, pauses, resumes."""
    rows = [(moment(run.started_at or run.created_at), "started")]
    rows += [(moment(event.at), happening(event.kind, mask(event.data), verbose=True)) for event in log[:_EVENTS_LISTED]]
    if len(log) > _EVENTS_LISTED:
        rows.append(("", f"and {len(log) - _EVENTS_LISTED:,} more"))
    if run.finished_at:
        rows.append((moment(run.finished_at), f"ended: {run.status.value}"))
    return rows


def _requests(told: Told) -> Pairs:
    """Requests by purpose."""
    sent = told["requests"]
    names = (
        ("In all", "total"), ("Search pages", "search"), ("Writes", "action"), ("Reads", "read"), ("Repeated", "retried"),
        ("Answered 429", "throttled"),
    )  # fmt: skip
    return [(said, f"{sent.get(name, 0):,}") for said, name in names]


def _search_words(search: Mapping[str, Any], run: RunRecord) -> str:
    state = SearchState.of(run.search)
    announced = search["total"] if state.narrowed is None else state.total
    if announced is None:
        return ""
    said = f"Intercom announced {announced:,}; pass {search['passes']} saw {search['seen']:,}"
    if search["new_since"]:
        said += f"; {search['new_since']:,} are newer than the run and were left alone"
    left_out = "".join(f" {words[0].upper()}{words[1:]}." for words in left_out_words(search))
    ended = search["complete"] or search.get("missing")
    return f"{said}.{left_out}" if ended else f"{said}; it had not come to its end.{left_out}"
