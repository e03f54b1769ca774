"""The table of decisions: every reachable combination of what is known and what is observed, generated, and held to the rule."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from intercom_bulk_updater.api.retry import ErrorKind
from intercom_bulk_updater.engine.decide import (
    Decision,
    EndedWithoutProof,
    Failed,
    Known,
    LookFailed,
    Observed,
    Seen,
    Skipped,
    Step,
    decide,
    next_step,
    put_back,
)
from intercom_bulk_updater.model import Outcome

NOW, RETRIES = 100.0, 1
TRANSIENT = (ErrorKind.NOT_APPLIED, ErrorKind.MAYBE_APPLIED, ErrorKind.MAYBE_RUNNING)


def retry_after(failed: int) -> float | None:
    """One repetition."""
    return 1.0 if failed <= RETRIES else None


def ask(known: Known, observed: Observed, now: float = NOW) -> Decision:
    """One decision."""
    return decide(known, observed, now=now, retry_after=retry_after)


def observations(stage: Step) -> Iterator[Observed]:
    """Everything that can be observed while an item is performed, or looked at."""
    if stage is Step.LOOK:
        yield Seen(True, words="POST a")
        yield from (Seen(stands, also_stands=also) for stands, also in itertools.product((False, None), ("", "POST b")))
        yield from (Seen(True, True, unfinished, "POST a") for unfinished in (True, False))
        yield from (LookFailed("500", final, excused) for final, excused in ((True, False), (False, False), (False, True)))
        return
    for kind in TRANSIENT:
        for repeatable, read_only, via_client in itertools.product((True, False), repeat=3):
            for stands, excused in (("", False), ("POST b", False), ("", True)):
                yield Failed(kind, 0.0, 3.0, repeatable, read_only, False, stands, via_client, excused)
    yield from (Failed(ErrorKind.PERMANENT, may_be_so=so, stands=stands) for so, stands in itertools.product((True, False), ("", "POST b")))
    yield from (Failed(ErrorKind.PERMANENT, 0.0, 1.0, repeatable, foreign=True) for repeatable in (True, False))
    yield from (EndedWithoutProof("POST a had left", 1.0, returned) for returned in (True, False))
    yield from (Skipped("why", wrote) for wrote in ("", "POST a"))


def reachable() -> dict[tuple[Known, Step], None]:
    """Every state that any sequence of observations leads to; times are folded to those that are past and those to come."""
    starts = [Known(), *(Known.from_journal(maybe_applied=True, maybe_running=slow, repeatable=again, settle_until=until)
                         for slow, again, until in itertools.product((True, False), (True, False), (NOW - 1, NOW + 1)))]
    todo = [(known, next_step(known)) for known in starts]
    found = dict.fromkeys(todo)
    while todo:
        known, stage = todo.pop()
        for observed in observations(stage):
            decision = ask(known, observed)
            if decision.step is Step.SETTLE:
                continue
            for passed in (False, True):
                after = fold(decision.known, passed)
                state = after, Step.PERFORM if decision.step is Step.PERFORM else next_step(after)
                if state not in found:
                    found[state] = None
                    todo.append(state)
    return found


def fold(known: Known, passed: bool) -> Known:
    """One of a few states for the many that differ only in a count or a time."""
    until = NOW - 1 if passed or known.settle_until <= NOW else NOW + 1
    spent = min(known.requests - known.excused, RETRIES + 1)
    return replace(
        known, requests=spent, excused=0, settle_until=until if known.maybe_applied else 0.0,
        polls=min(known.polls, 1), read_errors=min(known.read_errors, RETRIES),
    )


STATES = list(reachable())
CASES = [(known, observed) for known, stage in STATES for observed in observations(stage)]


def test_the_table_is_of_a_size_that_can_be_read() -> None:
    """The reachable states are few, so that the table below covers all of them."""
    assert 20 < len(STATES) < 2000 and len(CASES) > 1000, (len(STATES), len(CASES))


def test_failed_is_said_only_when_nothing_can_stand() -> None:
    """No case ends as failed while an earlier request may have been carried out, or while a part of the action stands."""
    for known, observed in CASES:
        if ask(known, observed).outcome is not Outcome.FAILED:
            continue
        assert not getattr(observed, "stands", "") and not getattr(observed, "also_stands", ""), (known, observed)
        if isinstance(observed, Failed):
            assert not known.maybe_applied, (known, observed)
            assert observed.read_only or observed.kind in (ErrorKind.PERMANENT, ErrorKind.NOT_APPLIED), (known, observed)
        elif known.maybe_applied:
            assert isinstance(observed, Seen) and observed.stands is False, (known, observed)
            assert known.settle_until <= NOW and not known.maybe_running, (known, observed)


def test_done_is_said_only_when_the_effect_was_seen() -> None:
    """Besides an answer that says so, only a look that sees the effect of the whole action makes an item done."""
    for known, observed in CASES:
        if ask(known, observed).outcome is Outcome.DONE:
            assert isinstance(observed, Seen) and observed.stands and known.maybe_applied, (known, observed)
            assert not (observed.one_request and observed.unfinished), (known, observed)


def test_unchanged_is_said_only_when_nothing_was_written() -> None:
    """No case ends as unchanged after a request that may have been carried out."""
    for known, observed in CASES:
        if ask(known, observed).outcome is Outcome.UNCHANGED:
            assert not known.maybe_applied and not getattr(observed, "wrote", ""), (known, observed)


def test_what_must_not_be_repeated_is_sent_again_only_when_it_certainly_came_to_nothing() -> None:
    """With a request in question that would show twice, acting follows only a look that is certain, or one that found it."""
    for known, observed in CASES:
        decision = ask(known, observed)
        if decision.step is Step.PERFORM and known.maybe_applied and not known.repeatable and not decision.remember:
            assert isinstance(observed, Seen) and observed.stands is False, (known, observed)
            assert known.settle_until <= NOW and not known.maybe_running, (known, observed)


def test_a_failed_look_says_nothing_about_what_was_written() -> None:
    """Whatever goes wrong while looking: again, then in doubt; failed only where nothing had been written."""
    for known, observed in CASES:
        if isinstance(observed, LookFailed) and known.maybe_applied:
            decision = ask(known, observed)
            assert decision.step is Step.WAIT or decision.outcome is Outcome.IN_DOUBT, (known, observed)
            assert decision.known.maybe_applied


def test_an_action_without_proof_is_not_run_again() -> None:
    """It would end so again: the looks alone decide."""
    for known, observed in CASES:
        if known.unproven:
            assert ask(known, observed).step is not Step.PERFORM, (known, observed)


def test_what_the_service_is_to_blame_for_costs_no_attempt() -> None:
    """An excused failure never settles an item, however often it comes."""
    for known, observed in CASES:
        if getattr(observed, "excused", False):
            assert ask(known, observed).step is Step.WAIT, (known, observed)


@pytest.mark.parametrize("wrote", [True, False])
@pytest.mark.parametrize("stands", ["", "POST a had gone through"])
def test_a_stop_keeps_what_is_known(wrote: bool, stands: str) -> None:
    """Put back by a stop, an item whose request may stand keeps its doubt, and one whose message stands is in doubt."""
    for known, _ in STATES:
        decision = put_back(known, stands=stands, wrote=wrote)
        assert decision.outcome is (Outcome.IN_DOUBT if stands else Outcome.PENDING)
        assert decision.known.maybe_applied is (known.maybe_applied or wrote or bool(stands))


def test_every_state_comes_to_an_end() -> None:
    """With time passing, the same observation over and over settles every item, or has it act."""
    for known, observed in CASES:
        if getattr(observed, "excused", False):
            continue
        state, now = known, NOW
        for _ in range(40):
            decision = ask(state, observed, now)
            if decision.step in (Step.SETTLE, Step.PERFORM):
                break
            state, now = decision.known, now + decision.seconds + 0.1
            if (next_step(state) is Step.LOOK) is not isinstance(observed, Seen | LookFailed):
                break
        else:
            raise AssertionError((known, observed))
