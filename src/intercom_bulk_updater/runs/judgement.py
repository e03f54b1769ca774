"""The judgement on a run: what its status, its counts and its verification amount to, as data.

Everything that is said of a run comes from here: the exit code, `ok`, the last lines on the screen, `runs list`, the
report's headline and bar. The words are in report/headline.py. Pure: no journal, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..errors import NotVerified, VerificationFailed
from ..model import Counts, Explanation, RunKind, RunStatus

_ITEMS_FAILED = 3
_CAN_BE_RESUMED = 7


class Level(StrEnum):
    """How good an ending is; colours and marks follow it."""

    GOOD = "good"
    ATTENTION = "attention"
    BAD = "bad"
    QUIET = "quiet"
    """Nothing to judge: a dry run, or a run that is not over."""


class Verdict(StrEnum):
    """What became of a run, by the fact that weighs most."""

    DRY_RUN = "dry_run"
    DRY_RUN_STOPPED = "dry_run_stopped"
    NOT_BEGUN = "not_begun"
    RUNNING = "running"
    PAUSED = "paused"
    NOTHING_MATCHED = "nothing_matched"
    ALL_DRIFTED = "all_drifted"
    DONE = "done"
    SAMPLED = "sampled"
    VERIFIED = "verified"
    NOT_VERIFIED = "not_verified"
    WRONG = "wrong"
    """Items are known not to be in the requested state, or match the selection and were never acted on."""
    SHORT = "short"
    """The search showed fewer items than it announced."""
    FAILURES = "failures"
    DOUBTS = "doubts"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found, as the `verified` object of the JSON contract holds it."""

    level: str = "none"
    remaining: int | None = None
    read: int = 0
    """Items that were read back and judged."""
    unread: int = 0
    """Items that could not be read back."""
    undone: int = 0
    """Among `remaining`: items that another run had undone when they were looked at."""
    undecided: int = 0
    """Items of which nothing tells whether the change stands, such as those of an updater without `is_done`."""
    still_found: int = 0
    """Those of them that a search still finds as they were, which may be behind."""
    unseen: int = 0
    not_done: int = 0
    """Among `remaining`: items that the run had not done yet when it was verified."""
    sample_read: int = 0
    sample_wrong: int = 0
    sample_of: int = 0
    """A random sample: items judged, how many of them are wrong, and of how many it was taken. All 0 for no sample."""
    search_failed: bool = False
    passes: int = 0
    waited: float = 0.0
    note: str = ""
    """Why something could not be read back."""
    missing: str = ""
    """What the search announced and did not show while verifying, in words."""

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Verified:
        """From the JSON object; an empty one for None."""
        told = stored or {}
        sample = told.get("sample") or {}
        remaining = told.get("remaining")
        return cls(
            level=str(told.get("level") or "none"),
            remaining=None if remaining is None else int(remaining),
            read=int(told.get("checked") or 0),
            unread=int(told.get("unread") or 0),
            undone=int(told.get("undone") or 0),
            undecided=int(told.get("undecided") or 0),
            still_found=int(told.get("still_found") or 0),
            unseen=int(told.get("unseen") or 0),
            not_done=int((told.get("explained") or {}).get(Explanation.NOT_DONE) or 0),
            sample_read=int(sample.get("read") or 0),
            sample_wrong=int(sample.get("wrong") or 0),
            sample_of=int(sample.get("of") or 0),
            search_failed=told.get("search") == "failed",
            passes=int(told.get("passes") or 0),
            waited=float(told.get("waited") or 0.0),
            note=str(told.get("note") or ""),
            missing=str(told.get("missing") or ""),
        )

    def without_undone(self) -> Verified:
        """What of it says something against the run: not what had been undone when it was looked at."""
        if not self.undone or self.remaining is None:
            return self
        wrong = max(0, self.sample_wrong - self.undone)
        return replace(self, remaining=max(0, self.remaining - self.undone), sample_wrong=wrong, undone=0)

    @property
    def asked(self) -> bool:
        """Whether Intercom was asked at all."""
        return self.level != "none" and (self.remaining is not None or bool(self.note))

    @property
    def known_wrong(self) -> int:
        """Items that the run acted on and that are known not to be in the requested state."""
        return max(0, (self.remaining or 0) - self.unseen - self.not_done)

    @property
    def share(self) -> float:
        """The wrong part of the sample, 0 to 1."""
        return self.sample_wrong / self.sample_read if self.sample_read else 0.0

    @property
    def estimate(self) -> int:
        """Items not in the requested state in all: what is known, or what the sample implies when that is more."""
        return max(self.known_wrong, round(self.share * self.sample_of))

    @property
    def estimated(self) -> bool:
        """Whether the sample implies more than is known."""
        return self.estimate > self.known_wrong

    @property
    def could_not(self) -> bool:
        """Whether something that was to be looked at could not be."""
        return self.level != "none" and bool(self.unread or self.undecided or (self.note and self.remaining is None))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run amounts to.

    Attributes
    ----------
    counts:
        Items by outcome. `in_flight` is above 0 only where no process holds the run: in doubt until it is resumed.
    wrong:
        Of the done items those not in the requested state; `estimated` when a sample implies more than is known.
    unseen:
        Items that match the selection and were in no pass of the run.
    """

    verdict: Verdict
    level: Level
    exit_code: int
    counts: Counts
    verified: Verified = field(default_factory=Verified)
    wrong: int = 0
    estimated: bool = False
    unseen: int = 0
    unusable: int = 0
    """Entries of the search that could not be read as items."""
    reads: bool = False
    """Whether it changes nothing in Intercom: its items are read, not changed."""
    undone: int = 0
    """Items that other runs have taken back since, and that were not done again."""

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is done, as far as is known."""
        return self.exit_code == 0

    @property
    def standing(self) -> int:
        """Items that are done and, as far as is known, in the requested state."""
        return self.counts.done - self.wrong


def judge(
    *,
    kind: RunKind,
    status: RunStatus,
    counts: Counts,
    verified: Mapping[str, Any] | Verified | None = None,
    exit_code: int | None = None,
    short: bool = False,
    unusable: int = 0,
    undone: int = 0,
    reads: bool = False,
) -> Judgement:
    """Judge a run.

    Parameters
    ----------
    status:
        Where it really stands: a dead process leaves RUNNING behind, which is INTERRUPTED.
    exit_code:
        What the command exits with, where that is settled by what ended it. None: follows from the rest.
    short:
        The search announced more items than it showed.
    unusable:
        Entries of the search that could not be read as items.
    undone:
        Items that other runs have taken back: that these changes do not stand any more says nothing against it.
    reads:
        It changes nothing in Intercom.
    """
    found = verified if isinstance(verified, Verified) else Verified.of(verified)
    if kind == RunKind.DRY_RUN:
        return replace(_dry(status, counts, exit_code, found, short=short, unusable=unusable), reads=reads)
    against = Verified(level=found.level) if undone and undone >= counts.done else found.without_undone()
    short = short or bool(against.missing)
    code = _exit_code(status, counts, against, short=short, unusable=unusable) if exit_code is None else exit_code
    verdict = _verdict(status, counts, against, code, short=short)
    # Unchanged items may be found wrong too; of the done ones no more can be than there are.
    wrong = min(against.estimate, counts.done)
    estimated = against.estimated and wrong > against.known_wrong
    return Judgement(verdict, _level(verdict, code), code, counts, found, wrong, estimated, against.unseen, unusable, reads, undone)


def _exit_code(status: RunStatus, counts: Counts, found: Verified, *, short: bool, unusable: int) -> int:
    if status in (RunStatus.PLANNED, RunStatus.RUNNING, RunStatus.PAUSED):
        return 0
    if status is not RunStatus.FINISHED:
        # Ended without a word, as far as anybody knows in health.
        return _CAN_BE_RESUMED
    if found.remaining or short:
        return VerificationFailed.exit_code
    if counts.pending or counts.in_flight:
        return _CAN_BE_RESUMED
    if counts.failed or counts.in_doubt or unusable:
        return _ITEMS_FAILED
    return NotVerified.exit_code if found.unread or found.search_failed else 0


def _dry(
    status: RunStatus, counts: Counts, exit_code: int | None, found: Verified, *, short: bool, unusable: int
) -> Judgement:
    code = exit_code
    if code is None:
        code = VerificationFailed.exit_code if short else _ITEMS_FAILED if counts.failed or unusable else 0
        if status in (RunStatus.INTERRUPTED, RunStatus.STOPPED, RunStatus.CANCELLED):
            code = _CAN_BE_RESUMED
    verdict = Verdict.DRY_RUN
    if status in (RunStatus.RUNNING, RunStatus.PAUSED) and not code:
        verdict = Verdict.RUNNING
    elif short:
        verdict = Verdict.SHORT
    elif code not in (0, _ITEMS_FAILED):
        verdict = Verdict.DRY_RUN_STOPPED
    level = Level.QUIET if verdict in (Verdict.DRY_RUN, Verdict.RUNNING) and code == 0 else _level(verdict, code)
    return Judgement(verdict, level, code, counts, found, unusable=unusable)


def _verdict(status: RunStatus, counts: Counts, found: Verified, code: int, *, short: bool) -> Verdict:
    if status in (RunStatus.RUNNING, RunStatus.PAUSED) and not code:
        return Verdict(status.value)
    if status is RunStatus.PLANNED and not code:
        return Verdict.NOT_BEGUN
    if status is RunStatus.CANCELLED:
        return Verdict.CANCELLED
    if code == VerificationFailed.exit_code:
        if found.remaining or (not short and status is RunStatus.FINISHED):
            return Verdict.WRONG
        return Verdict.SHORT if short else Verdict.STOPPED
    unfinished = status is not RunStatus.FINISHED or counts.pending or counts.in_flight
    if unfinished or code not in (0, _ITEMS_FAILED, NotVerified.exit_code):
        return Verdict.STOPPED
    if counts.in_doubt and not counts.failed:
        return Verdict.DOUBTS
    if counts.failed or code == _ITEMS_FAILED:
        return Verdict.FAILURES
    return _verdict_of_finished(counts, found, code)


def _verdict_of_finished(counts: Counts, found: Verified, code: int) -> Verdict:
    """The verdict on a run that came to its end, and of which nothing failed."""
    if found.remaining or (code and not found.could_not):
        return Verdict.STOPPED
    if found.could_not:
        return Verdict.NOT_VERIFIED
    if not counts.selected:
        return Verdict.NOTHING_MATCHED
    if counts.drifted == counts.selected:
        return Verdict.ALL_DRIFTED
    if found.remaining != 0 or not counts.done or not (found.read or found.passes):
        return Verdict.DONE
    sampled = found.sample_read or (found.read and found.read < counts.done and found.level == "sample")
    return Verdict.SAMPLED if sampled else Verdict.VERIFIED


_LEVELS = {
    Verdict.NOT_BEGUN: Level.QUIET,
    Verdict.RUNNING: Level.QUIET,
    Verdict.PAUSED: Level.QUIET,
    Verdict.NOTHING_MATCHED: Level.GOOD,
    Verdict.DONE: Level.GOOD,
    Verdict.SAMPLED: Level.GOOD,
    Verdict.VERIFIED: Level.GOOD,
    Verdict.WRONG: Level.BAD,
    Verdict.SHORT: Level.BAD,
}
# Ended by something that must be mended before it can go on: an unexpected error, usage, the token, a setting.
_MUST_BE_MENDED = frozenset({1, 2, 4, 10})


def _level(verdict: Verdict, code: int) -> Level:
    if code in _MUST_BE_MENDED:
        return Level.BAD
    level = _LEVELS.get(verdict, Level.ATTENTION)
    return Level.ATTENTION if code and level is Level.GOOD else level
