"""What happens to an item next: (what is known of its attempts, what was observed) → perform, look, wait, or settle.

Pure: no request, no thread, no clock but the `now` that is passed in. processor.py observes and carries the decisions out.
tests/unit/test_decide.py lists every reachable case; tests/unit/test_explored.py walks all interleavings with a model of
the server and asserts the rule:

- *done* only on evidence: an answer that says so, or the effect seen;
- *failed* only when it is certain that nothing of it stands;
- *in doubt* otherwise. What must not be repeated is not sent again while an earlier request may have been carried out.

Step 8 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from ..api.retry import ErrorKind
from ..model import Outcome

# The longest wait before the last look at an item that is out of retries (seconds).
_BEFORE_LAST_LOOK = 3.0
# What failed because the service is away goes back to the gate, which holds it until the service is back (seconds).
_BACK_TO_THE_GATE = 0.1

NOTHING_TELLS = "nothing tells whether the request was carried out"
UNDER_WAY = "no effect to be seen, but the request may still be under way"


class Step(StrEnum):
    """What to do with an item now."""

    PERFORM = "perform"
    """Send its write requests."""
    LOOK = "look"
    """Read whether the effect is there."""
    WAIT = "wait"
    """Put it aside for `seconds`; then `next_step` says what to do."""
    SETTLE = "settle"
    """Give it its outcome."""


@dataclass(frozen=True, slots=True)
class Known:
    """What this process knows of the earlier attempts at one item."""

    repeatable: bool = False
    """Every request whose effect is not known ends in the same state when it is sent again."""
    requests: int = 0
    """Write requests that failed."""
    excused: int = 0
    """How many of those failed because the service was away: they cost no attempt."""
    maybe_applied: bool = False
    """An earlier request may have been carried out: look before acting."""
    maybe_running: bool = False
    """It may still be carried out, however long one waits: it ran into its timeout."""
    settle_until: float = 0.0
    """Before this moment (monotonic s), an effect that is not seen may still appear."""
    refused: bool = False
    """Refused for good, perhaps although it was carried out, or because the item already is as wanted: one look tells."""
    out_of_retries: bool = False
    """Nothing more is sent; the looks decide between the outcomes."""
    unproven: bool = False
    """The action ended without proof. It is not run again, for it would end so again."""
    returned: bool = False
    """That action came to its end, so that the effect of its last request is the effect of the whole."""
    via_client: bool = False
    """The request in doubt went through our own client: an action that runs again is answered from memory up to it."""
    read_errors: int = 0
    """Looks in a row that failed."""
    polls: int = 0
    """Looks that found nothing yet."""

    @classmethod
    def from_journal(cls, *, maybe_running: bool, repeatable: bool, settle_until: float) -> Known:
        """What an item in doubt brings along: from a process that died, or from an earlier try."""
        return cls(repeatable=repeatable, maybe_applied=True, maybe_running=maybe_running, settle_until=settle_until)


NOTHING = Known()
"""Of an item that nobody has touched."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt to perform broke off."""

    kind: ErrorKind
    wait: float = 0.0
    """Seconds that the server asks to wait."""
    settle: float = 0.0
    """How late the effect of the request may appear (seconds)."""
    repeatable: bool = False
    read_only: bool = False
    """The request that failed only reads something; it leaves nothing behind."""
    may_be_so: bool = False
    """The refusal may be mistaken, or mean that the item already is as wanted: a look would tell."""
    stands: str = ""
    """What other requests of the action have left standing, in words."""
    via_client: bool = False
    excused: bool = False
    """The service is away: no fault of the item."""


@dataclass(frozen=True, slots=True)
class EndedWithoutProof:
    """The action ended after requests had left, and neither an answer nor an error tells what became of them."""

    why: str
    settle: float = 0.0
    returned: bool = True
    """It came to its end; otherwise it broke off, and its last request need not be all of it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """The action chose to leave the item."""

    why: str
    wrote: str = ""
    """What it had written before it chose so, in words."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look showed."""

    stands: bool | None
    """Whether the effect is there; None: the look does not tell."""
    one_request: bool = False
    """That is known of one request, by its own effect, not of the action as a whole."""
    unfinished: bool = False
    """That request is not all of the action, as far as can be told."""
    words: str = ""
    """What stands, in words."""
    also_stands: str = ""
    """What other requests of the action have left standing, in words."""
    was_otherwise: bool = False
    """This run had seen the item without the effect before it wrote: so it is its own."""
    hidden: bool = False
    """The item is there, and Intercom shows the effect nowhere: only another answer to the request can tell."""


@dataclass(frozen=True, slots=True)
class LookFailed:
    """The look itself failed: that says nothing about what was written."""

    why: str
    final: bool = False
    """Looking again will show nothing else: what is looked at is not there, or refused as its write was."""
    excused: bool = False
    """The service is away."""
    also_stands: str = ""
    """What other requests of the action have left standing, in words."""


Observed = Failed | EndedWithoutProof | Skipped | Seen | LookFailed


@dataclass(frozen=True, slots=True)
class Decision:
    """The next step, and what is known from now on."""

    step: Step
    known: Known
    seconds: float = 0.0
    outcome: Outcome | None = None
    why: str = ""
    """Why it is in doubt, added to the last failure's message."""
    note: str = ""
    remember: bool = False
    """Perform, with the request that was found answered from memory."""
    repetition: bool = False
    """The next request repeats one."""
    untold: bool = False
    """In doubt because what a look shows does not tell: another look will show the same."""
    rest_failed: bool = False
    """In doubt because a part of it stands; of the rest it is certain that nothing does."""


def next_step(known: Known) -> Step:
    """What to do with an item that is taken up (again)."""
    return Step.LOOK if known.maybe_applied or known.refused else Step.PERFORM


def decide(known: Known, observed: Observed, *, now: float, retry_after: Callable[[int], float | None]) -> Decision:
    """What follows from an observation.

    `retry_after(n)` is the time to wait after n requests that failed, None to give up; `now` is monotonic seconds.
    """
    match observed:
        case Failed():
            return _after_failure(known, observed, now, retry_after)
        case EndedWithoutProof():
            return _after_no_proof(known, observed, now)
        case Skipped():
            return _after_skip(known, observed)
        case Seen():
            return _after_look(known, observed, now)
        case LookFailed():
            return _after_failed_look(known, observed, retry_after)


def put_back(known: Known, *, stands: str, wrote: bool) -> Decision:
    """What the journal keeps of an attempt that a stop cut short.

    `stands`: what must not be repeated and was carried out; `wrote`: some request of it left.
    """
    if stands:
        return _in_doubt(known, stands)
    # A refusal that no look has confirmed yet may be untrue.
    doubted = known.maybe_applied or wrote or known.refused
    return Decision(Step.SETTLE, replace(known, maybe_applied=doubted), outcome=Outcome.PENDING)


def _after_failure(known: Known, failed: Failed, now: float, retry_after: Callable[[int], float | None]) -> Decision:
    lost = failed.kind in (ErrorKind.MAYBE_APPLIED, ErrorKind.MAYBE_RUNNING) and not failed.read_only
    known = replace(known, requests=known.requests + 1, excused=known.excused + failed.excused)
    if lost:
        known = replace(
            known,
            repeatable=failed.repeatable and (known.repeatable or not known.maybe_applied),
            maybe_applied=True,
            maybe_running=known.maybe_running or failed.kind is ErrorKind.MAYBE_RUNNING,
            settle_until=max(known.settle_until, now + failed.settle),
            via_client=failed.via_client,
        )
    after = retry_after(known.requests - known.excused)
    if failed.kind is ErrorKind.PERMANENT:
        if known.maybe_applied:
            # The refusal may be the echo of an earlier request that was carried out after all.
            return _wait(replace(known, out_of_retries=True), 0.0)
        if failed.may_be_so:
            # What the look finds may be a part of the action alone: it is not run for that without end.
            known = replace(known, refused=True, repeatable=failed.repeatable, via_client=failed.via_client)
            if failed.stands:
                known = replace(known, settle_until=max(known.settle_until, now + failed.settle))
            return _wait(replace(known, out_of_retries=known.out_of_retries or after is None), 0.0)
        return _failed(known, failed.stands)
    if failed.excused:
        return _wait(known, max(_BACK_TO_THE_GATE, failed.wait))
    if after is not None:
        return _wait(known, max(after, failed.wait))
    if not known.maybe_applied:
        return _failed(known, failed.stands)
    return _wait(replace(known, out_of_retries=True), min(_BEFORE_LAST_LOOK, max(0.0, known.settle_until - now)))


def _after_no_proof(known: Known, ended: EndedWithoutProof, now: float) -> Decision:
    known = replace(
        known,
        requests=known.requests + 1,
        maybe_applied=True,
        settle_until=max(known.settle_until, now + ended.settle),
        out_of_retries=True,
        unproven=True,
        returned=ended.returned,
        via_client=False,
    )
    return _wait(known, 0.0)


def _after_skip(known: Known, skipped: Skipped) -> Decision:
    if skipped.wrote:
        return _in_doubt(known, f"{skipped.wrote}; then the action skipped the item: {skipped.why}")
    if known.maybe_applied:
        return _in_doubt(known, f"the action skipped the item after that: {skipped.why}")
    return Decision(Step.SETTLE, known, outcome=Outcome.UNCHANGED, note=skipped.why)


def _after_look(known: Known, seen: Seen, now: float) -> Decision:
    known = replace(known, read_errors=0)
    only_refused = known.refused and not known.maybe_applied
    if seen.stands:
        return _after_seen(known, seen, only_refused)
    if only_refused and seen.hidden and known.repeatable and not (known.out_of_retries or seen.also_stands):
        # Asked again, it tells; what follows is as after a lost answer, so that a second refusal leaves it in doubt.
        return Decision(Step.PERFORM, replace(known, refused=False, maybe_applied=True), repetition=True)
    if only_refused and seen.stands is None and ((seen.hidden and not seen.also_stands) or not known.repeatable):
        return replace(_in_doubt(known, NOTHING_TELLS), untold=True)
    if only_refused and seen.also_stands and known.settle_until > now:
        return _wait(known, known.settle_until - now)  # otherwise it would be in doubt: the rest may show itself yet
    if only_refused:
        return _failed(known, seen.also_stands)
    # What an action without proof met on its way is not known: perhaps a timeout of its own.
    certain = seen.stands is False and now >= known.settle_until and not (known.maybe_running or known.unproven)
    if certain:
        known = replace(known, maybe_applied=False, polls=0)
    elif known.out_of_retries or not known.repeatable:
        if seen.stands is None:
            return replace(_in_doubt(known, NOTHING_TELLS), untold=True)
        wait = known.settle_until - now
        if wait > 0:
            # Soon at first, then less and less often: each look costs a request.
            known = replace(known, polls=known.polls + 1)
            return _wait(known, min(wait, float(known.polls + 1)))
        return _in_doubt(known, UNDER_WAY)
    if known.out_of_retries:
        return _failed(known, seen.also_stands)
    return Decision(Step.PERFORM, known, repetition=known.requests > 0)


def _after_seen(known: Known, seen: Seen, only_refused: bool) -> Decision:
    ours = seen.was_otherwise or seen.one_request or bool(seen.also_stands)
    if only_refused and known.repeatable and not ours:
        return Decision(Step.SETTLE, known, outcome=Outcome.UNCHANGED, note="already in the requested state")
    if seen.one_request:
        if known.unproven and not known.returned:
            return _in_doubt(known, seen.words)
        if known.via_client:
            # One request of the action stands; whether it was the last, only the action knows. It runs again, and is
            # answered from memory up to there.
            known = replace(known, maybe_applied=False, maybe_running=False, refused=False)
            return Decision(Step.PERFORM, known, remember=True, repetition=True)
        if seen.unfinished and known.repeatable and not known.out_of_retries:
            return Decision(Step.PERFORM, replace(known, refused=False), repetition=True)
        if seen.unfinished:
            return _in_doubt(known, seen.words)
    return Decision(Step.SETTLE, known, outcome=Outcome.DONE, note="read back")


def _after_failed_look(known: Known, failed: LookFailed, retry_after: Callable[[int], float | None]) -> Decision:
    if failed.excused:
        return _wait(known, _BACK_TO_THE_GATE)
    known = replace(known, read_errors=known.read_errors + 1)
    after = None if failed.final else retry_after(known.read_errors)
    if after is not None:
        return replace(_wait(known, after), repetition=True)
    # A refusal that may be mistaken is believed after a look alone.
    if not known.maybe_applied and failed.final:
        return _failed(known, failed.also_stands)
    return _in_doubt(known, f"it could not be read back: {failed.why}")


def _wait(known: Known, seconds: float) -> Decision:
    return Decision(Step.WAIT, known, seconds=seconds)


def _failed(known: Known, stands: str) -> Decision:
    """Failed would say that it may simply be tried again: not where a part of it stands."""
    if stands:
        return replace(_in_doubt(known, stands), rest_failed=True)
    return Decision(Step.SETTLE, known, outcome=Outcome.FAILED)


def _in_doubt(known: Known, why: str) -> Decision:
    return Decision(Step.SETTLE, replace(known, maybe_applied=True), outcome=Outcome.IN_DOUBT, why=why)
