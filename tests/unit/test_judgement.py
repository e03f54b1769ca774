"""One judgement on a run: headline, label, line of the list, JSON, exit code and counts never contradict each other."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from intercom_bulk_updater.model import Counts, RunStatus
from intercom_bulk_updater.report.charts import shares
from intercom_bulk_updater.report.headline import headline, judgement_of, label, outcomes
from intercom_bulk_updater.runs.judgement import Judgement, Level, Verdict, Verified, judge
from intercom_bulk_updater.runs.verification_words import describe_verification
from intercom_bulk_updater.terminal.texts import summary_text

NONE = {"level": "none", "remaining": None}
ALL = {"level": "all", "remaining": 0, "checked": 5000}
SAMPLE = {"level": "sample", "remaining": 0, "checked": 50, "sample": {"read": 50, "wrong": 0, "of": 5000}}
FOUND: dict[str, dict[str, Any]] = {
    "nobody asked": NONE,
    "all well": ALL,
    "a sample well": SAMPLE,
    "1,668 wrong": {**ALL, "remaining": 1668, "checked": 5000},
    "15 of a sample wrong": {**SAMPLE, "remaining": 15, "sample": {"read": 50, "wrong": 15, "of": 5000}},
    "7 never seen": {**ALL, "remaining": 7, "unseen": 7},
    "3 unread": {"level": "all", "remaining": None, "checked": 10, "unread": 3, "note": "the answer cannot be judged"},
    "nothing tells": {"level": "all", "remaining": None, "checked": 0, "undecided": 4, "note": "the updater has no is_done"},
    "search failed": {"level": "all", "remaining": None, "checked": 9, "search": "failed", "note": "the search could not be asked again"},
}
COUNTS = {
    "nothing": Counts(),
    "all done": Counts(5000, 5000),
    "some failed": Counts(5000, 4990, 4, 3, 2, 1),
    "in doubt": Counts(5000, 4999, in_doubt=1),
    "all drifted": Counts(9, drifted=9),
    "nothing to change": Counts(9, unchanged=9),
    "half": Counts(152, 55, in_flight=21, pending=76),
}
ENDED = (None, 1, 5, 7, 130)


def combinations() -> Iterator[tuple[str, RunStatus, str, str, int | None, bool, bool]]:
    """Every kind, status, counts, verification, ending, completeness and undoing that a run may have."""
    yield from itertools.product(("run", "dry_run"), RunStatus, COUNTS, FOUND, ENDED, (False, True), (False, True))


def test_nothing_that_is_said_of_a_run_contradicts_the_rest() -> None:
    """For every combination: what is good is all done and nothing is known against it; what is not done is said in each line."""
    seen: set[Verdict] = set()
    for kind, status, counts, found, ended, short, undone in combinations():
        made = COUNTS[counts]
        if status in (RunStatus.RUNNING, RunStatus.PAUSED):
            made = replace(made, pending=made.pending + made.in_flight, in_flight=0)
        got = judge(kind=kind, status=status, counts=made, verified=FOUND[found], exit_code=ended, short=short, undone=undone)
        seen.add(got.verdict)
        agree(got, kind == "dry_run", status, (kind, status, counts, found, ended, short, undone))
    assert seen == set(Verdict)


def agree(got: Judgement, dry: bool, status: RunStatus, which: tuple[Any, ...]) -> None:
    counts = got.counts
    pill, line, listed = label(got, status, dry=dry), headline(got, dry=dry), outcomes(got, dry=dry)
    assert got.ok is (got.exit_code == 0), which
    if got.level is Level.GOOD:
        assert got.ok and status is RunStatus.FINISHED, which
        assert not (counts.failed or counts.in_doubt or counts.in_flight or counts.pending or got.wrong or got.unseen), which
    if got.exit_code:
        assert got.level in (Level.ATTENTION, Level.BAD), which
    if got.wrong or got.unseen:
        assert not pill.startswith("Done") and not line.startswith("All"), which
        assert got.level is not Level.GOOD, which
        assert not got.wrong or "not in the requested state" in line, which
        assert not got.unseen or "never acted on" in line, which
    if line.startswith(("All", "The one")):
        assert counts.done == counts.selected, which
    if "verified" in pill and "not verified" not in pill:
        assert got.verified.read and got.verified.remaining == 0, which
        assert ("sample" in pill) is bool(got.verified.sample_read), which
    # Each number of the list stands for its items, and together they are the selection.
    said = sum(int(part.split()[0].replace(",", "")) for part in listed.split(" · ") if part and "never acted on" not in part)
    assert said == counts.selected or not listed, which
    if counts.in_flight and not dry:
        assert f"{counts.in_flight:,} in doubt until" in listed and "in doubt until" in line, which
    assert sum(shares(got).values()) == counts.selected, which
    assert re.search(r"\b1 (items|are|match)\b", line + listed) is None, which


def told(**other: Any) -> dict[str, Any]:
    return {
        "ok": False, "exit": 6, "run": {"id": "1123-tag-7f3a", "kind": "run", "status": "finished", "operation": "conversations.tag"},
        "counts": {"selected": 5000, "done": 5000}, "search": {"complete": True, "total": 5000},
        "verified": FOUND["1,668 wrong"], "next": [], **other,
    }  # fmt: skip


def test_a_run_with_wrong_items_is_never_all_done() -> None:
    """1,668 of 5,000 wrong: the pill, the headline, the bar, the list and the screen say so, and none says 5,000 done."""
    got = judgement_of(told())
    assert (got.level, got.exit_code) == (Level.BAD, 6)
    assert headline(got) == "3,332 of 5,000 done; 1,668 are not in the requested state"
    assert outcomes(got, "tagged") == "3,332 tagged · 1,668 not in the requested state"
    assert {name: count for name, count in shares(got).items() if count} == {"done": 3332, "wrong": 1668}
    text = str(summary_text(told()))
    assert text.startswith("✗ Some items are not in the requested state: 3,332 tagged · 1,668 not in the requested state")


def test_a_sample_says_that_it_is_one_and_what_it_implies() -> None:
    """15 of 50 read back: about 30 %, some 1,500 of all, and the command that reads every item."""
    found = Verified.of(FOUND["15 of a sample wrong"])
    assert describe_verification(found, 5000, "1123-tag-7f3a") == [
        "50 of 5,000 read back; 15 are not in the requested state: that is about 30 %, some 1,500 of all",
        "`intercom-bulk verify 1123-tag-7f3a --level all` reads every item",
    ]
    got = judgement_of(told(verified=FOUND["15 of a sample wrong"]))
    assert (got.exit_code, got.wrong, got.estimated) == (6, 1500, True)
    assert "some 1,500 of these are not in the requested state, going by a sample (15 of 50)" in headline(got)
    well = describe_verification(Verified.of(SAMPLE), 5000)
    assert well == ["50 of 5,000 read back, all in the requested state (a sample, so up to 6 % of all may still be wrong)"]


def test_what_is_known_outweighs_what_a_sample_implies() -> None:
    """Where the search has found more wrong items than the sample implies, the known number stands, and no estimate."""
    found = Verified.of({**FOUND["15 of a sample wrong"], "remaining": 1668})
    assert (found.estimate, found.estimated) == (1668, False)


@pytest.mark.parametrize(
    ("other", "first"),
    [
        ({"exit": 0, "verified": FOUND["nothing tells"]}, "! Done, but not verified: 5,000 tagged"),
        ({"exit": 7, "verified": FOUND["3 unread"]}, "! Done, but not verified: 5,000 tagged"),
        ({"exit": 6, "verified": ALL, "search": {"complete": False, "missing": 131}}, "✗ The search showed fewer items than it announced"),
        ({"exit": 3, "verified": ALL, "search": {"unusable": 2}}, "! Finished, but not for every item: 5,000 tagged"),
        ({"exit": 0, "verified": SAMPLE}, "✓ Done, and a sample of it verified: 5,000 tagged"),
        ({"exit": 0, "verified": ALL}, "✓ Done and verified: 5,000 tagged"),
        ({"exit": 0, "verified": FOUND["1,668 wrong"], "undone_by": "1124-undo-1"}, "✓ Done: 5,000 tagged"),
        ({"exit": 6, "verified": FOUND["7 never seen"]}, "✗ Some items are not in the requested state: 5,000 tagged · 7 never acted on"),
    ],
)
def test_the_first_words_on_the_screen(other: dict[str, Any], first: str) -> None:
    """The first line for people says what the exit code says, and nothing more than is known."""
    assert str(summary_text(told(**other))).startswith(first)
