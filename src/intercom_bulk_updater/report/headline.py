"""A run's judgement in words: label, headline, the line of a list, and what its verification found. Each is said once, here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intercom_bulk_updater.model import Counts, Explanation, RunKind, RunStatus
from intercom_bulk_updater.runs.guards import counted_are
from intercom_bulk_updater.runs.judgement import Judgement, Verdict, Verified, judge
from intercom_bulk_updater.runs.verification_words import describe_verification

NOT_SO = "not in the requested state"
UNKNOWN = "how many match is not known"
_UNREAD = (Verdict.STOPPED, Verdict.DRY_RUN_STOPPED, Verdict.CANCELLED, Verdict.RUNNING, Verdict.PAUSED)
"""What a run without items may be before its search was answered."""
_LABELS = {
    Verdict.DRY_RUN: "Dry run, nothing was written",
    Verdict.NOT_BEGUN: "Not begun",
    Verdict.RUNNING: "Still running",
    Verdict.PAUSED: "Still paused",
    Verdict.NOTHING_MATCHED: "Nothing to do: nothing matched",
    Verdict.ALL_DRIFTED: "Nothing done: all changed since",
    Verdict.DONE: "Done",
    Verdict.SAMPLED: "Done, and a sample of it verified",
    Verdict.VERIFIED: "Done and verified",
    Verdict.NOT_VERIFIED: "Done, but not verified",
    Verdict.WRONG: "Some items are not in the requested state",
    Verdict.SHORT: "The search showed fewer items than it announced",
    Verdict.FAILURES: "Finished, but not for every item",
    Verdict.DOUBTS: "Finished, but some items are in doubt",
    Verdict.CANCELLED: "Cancelled",
}
_ENDED_BY = {
    1: "Stopped by an unexpected error",
    2: "Refused as it stands",
    4: "Stopped: the token was rejected or lacks a permission",
    5: "Stopped for safety",
    6: "Stopped: the search does not show what was asked for",
    10: "Stopped: configuration",
    12: "Held by another process",
    130: "Interrupted",
    143: "Ended from outside",
}
# What can simply go on.
_HEALTHY = (7, 130, 143)


def judgement_of(told: Mapping[str, Any]) -> Judgement:
    """The judgement on the run that a summary object (`--json`) describes."""
    run, counts, search = told.get("run") or {}, told.get("counts") or {}, told.get("search") or {}
    names = ("selected", "done", "unchanged", "failed", "drifted", "in_doubt", "pending")
    return judge(
        kind=RunKind(run.get("kind") or RunKind.RUN),
        status=RunStatus(run.get("status") or RunStatus.FINISHED),
        counts=Counts(**{name: int(counts.get(name) or 0) for name in names}, tried=int(told.get("tried") or 0)),
        verified=told.get("verified"),
        exit_code=int(told.get("exit") or 0),
        short=bool(search.get("missing")),
        unusable=int(search.get("unusable") or 0),
        undone=int(told.get("undone") or (counts.get("done") or 0 if told.get("undone_by") else 0)),
        reads=bool((run.get("selection") or {}).get("reads")),
    )


def label(judgement: Judgement, status: str = "", *, dry: bool = False, kind: str = "") -> str:
    """What became of the run, in a few words. `status`: where it stands, for what can or cannot be resumed."""
    if kind == "undo" and judgement.verdict is Verdict.NOTHING_MATCHED:
        return "Nothing to undo"
    said = _LABELS.get(judgement.verdict)
    if said is not None:
        return said
    code = judgement.exit_code
    said = _ENDED_BY.get(code, "Stopped early")
    if code not in _HEALTHY:
        return said
    if dry:
        return f"{said}; a dry run is simply started again"
    if status == RunStatus.FINISHED and not judgement.counts.pending:
        said = said if code != _HEALTHY[0] else "Stopped before all was read back"
        return f"{said}; the run itself is over"
    return f"{said}; it can be resumed"


def headline(judgement: Judgement, *, dry: bool = False, sent_before: bool = False) -> str:
    """The one line that says how far the run came, and what of that does not stand.

    `sent_before`: its unchanged items have got the same text from an earlier run.
    """
    counts, done = judgement.counts, "read" if judgement.reads else "done"
    unread = not counts.selected and judgement.verdict in _UNREAD
    if dry and not unread:
        return f"{counts.pending:,} of {counts.selected:,} would {'be read' if judgement.reads else 'change'}"
    if unread:
        said = f"0 items so far; {UNKNOWN}"
    elif not counts.selected:
        said = "Nothing matched: 0 items"
    elif counts.drifted == counts.selected:
        said = f"Nothing done: all {counts.selected:,} changed since"
    elif counts.unchanged == counts.selected:
        said = _nothing_sent(counts) if sent_before else f"Nothing to change: all {counts.selected:,} were in the requested state before"
    elif judgement.estimated:
        said = f"{counts.done:,} of {counts.selected:,} changed; {_some(judgement)}"
    elif judgement.wrong:
        said = f"{judgement.standing:,} of {counts.selected:,} done; {judgement.wrong:,} {_are(judgement.wrong)} {NOT_SO}"
    elif counts.done == counts.selected and not judgement.unseen:
        said = f"All {counts.selected:,} {done}" if counts.selected > 1 else f"The one item is {done}"
    else:
        said = f"{counts.done:,} of {counts.selected:,} {done}"
    said += undone_words(judgement.undone, counts.done)
    if judgement.unusable:
        said += f"; {judgement.unusable:,} {'entry' if judgement.unusable == 1 else 'entries'} of the search could not be read"
    if counts.in_flight:
        said += f"; {counts.in_flight:,} in doubt until it is resumed"
    if judgement.unseen:
        one = judgement.unseen == 1
        said += f"; {judgement.unseen:,} more {'matches and was' if one else 'match and were'} never acted on"
    return said


def _nothing_sent(counts: Counts) -> str:
    return f"Nothing sent: all {counts.selected:,} had got the same text from an earlier run"


def undone_words(undone: int, done: int) -> str:
    """What other runs have taken back of the items that are done, to follow their number; "" for nothing."""
    if not undone:
        return ""
    return ", undone since" if undone == done == 1 else f", {'all' if undone == done else f'{undone:,}'} of them undone since"


def undone_by(told: Mapping[str, Any]) -> str:
    """The run that has undone this one, and how much of it; "" for a run that stands."""
    if unfinished := told.get("undo_unfinished"):
        return f"{unfinished}, which is unfinished: intercom-bulk runs resume {unfinished}"
    if not told.get("undone_by"):
        return ""
    undone, done = int(told.get("undone") or 0), int((told.get("counts") or {}).get("done") or 0)
    return f"{told['undone_by']}{f' ({undone:,} of {done:,})' if undone < done else ''}"


def _some(judgement: Judgement) -> str:
    found = judgement.verified
    return (
        f"some {judgement.wrong:,} of these are {NOT_SO}, going by a sample ({found.sample_wrong:,} of {found.sample_read:,})"
    )


def outcomes(judgement: Judgement, done: str = "done", unchanged: str = "unchanged", *, dry: bool = False) -> str:
    """`4,281 closed · 7 already closed · 3 failed`: how many items stand where; what nothing stands for is left out.

    `done`, `unchanged`: what these are called for the operation.
    """
    counts = judgement.counts
    if judgement.reads and done == "done":
        done = "read"
    if not counts.selected and not judgement.unseen:
        return ""
    standing = counts.done if judgement.estimated else judgement.standing
    done += undone_words(judgement.undone, counts.done)
    parts = [
        (standing, f"{done}, {_some(judgement)}" if judgement.estimated else done),
        (0 if judgement.estimated else judgement.wrong, NOT_SO),
        (counts.unchanged, unchanged),
        (counts.failed, "failed"),
        (counts.drifted, "changed by others, left alone"),
        (counts.in_doubt, "in doubt"),
        (counts.in_flight, "in doubt until resumed"),
        (counts.tried, "tried, and not done yet"),
        (counts.pending - counts.tried, ("would be read" if judgement.reads else "would change") if dry else "not begun"),
        (judgement.unseen, "never acted on"),
    ]
    return " · ".join(f"{count:,} {words}" for place, (count, words) in enumerate(parts) if count or (not place and not dry))


def verification_words(told: Mapping[str, Any]) -> list[str]:
    """What Intercom itself said at the end, in sentences without their full stops."""
    found = Verified.of(told.get("verified"))
    run = told.get("run") or {}
    if run.get("kind") == RunKind.DRY_RUN:
        return ["A dry run writes nothing, so there is nothing to verify"]
    said = describe_verification(found, int((told.get("counts") or {}).get("done") or 0), str(run.get("id") or ""))
    still = sum(int(count) for count in ((told.get("verified") or {}).get("explained") or {}).values())
    if still and not found.remaining:
        said.append(f"{counted_are(still)} still found by the search, and it is known why")
    return said or ["Nobody has asked Intercom yet whether the changes stand"]


_STILL_FOUND: Mapping[str, str] = {
    Explanation.FAILED: "the change failed",
    Explanation.DRIFTED: "changed by somebody else, left alone",
    Explanation.UNDONE: "undone since by another run",
    Explanation.IN_DOUBT: "in doubt: the answer was lost",
    Explanation.STILL_MATCHES: "as requested; the selection does not ask for what was changed, so it matches them still",
    Explanation.WRONG: "not in the requested state, as reading them back showed",
    Explanation.UNTOLD: "in the requested state, as reading them back showed; the search does not tell",
    Explanation.INDEX_BEHIND: "in the requested state; only Intercom's search index is behind",
}


def why_words(why: str) -> str:
    """Why an item is still found by the search, in words for people."""
    return _STILL_FOUND.get(why, why)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"

