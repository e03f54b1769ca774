"""The table of decisions: every reachable combination of what is known and what is observed, generated, and held to the rule."""

from __future__ import annotations

import pytest

from intercom_bulk_updater.api.retry import ErrorKind
from intercom_bulk_updater.engine.decide import Failed, Known, LookFailed, Observed, Seen, Step, next_step, put_back
from intercom_bulk_updater.model import Outcome
from pages.decisions import NOW, SECTIONS, observations, reachable, rows_of
from pages.decisions import decide_case as ask

States = list[tuple[Known, Step]]
Cases = list[tuple[Known, Observed]]


@pytest.fixture(scope="module")
def states() -> States:
    """Every state that can be reached; found when a test asks, for each worker collects this file."""
    return reachable()


@pytest.fixture(scope="module")
def cases(states: States) -> Cases:
    """Each with all that can be observed in it."""
    return [(known, observed) for known, stage in states for observed in observations(stage)]


def test_the_table_is_of_a_size_that_can_be_read(states: States, cases: Cases) -> None:
    """The reachable states are few, so that the table below covers all of them."""
    assert 20 < len(states) < 2000 and len(cases) > 1000, (len(states), len(cases))


def test_failed_is_said_only_when_nothing_can_stand(cases: Cases) -> None:
    """No case ends as failed while an earlier request may have been carried out, or while a part of the action stands."""
    for known, observed in cases:
        if ask(known, observed).outcome is not Outcome.FAILED:
            continue
        assert not getattr(observed, "stands", "") and not getattr(observed, "also_stands", ""), (known, observed)
        if isinstance(observed, Failed):
            assert not known.maybe_applied, (known, observed)
            assert observed.read_only or observed.kind in (ErrorKind.PERMANENT, ErrorKind.NOT_APPLIED), (known, observed)
        elif known.maybe_applied:
            assert isinstance(observed, Seen) and observed.stands is False, (known, observed)
            assert known.settle_until <= NOW and not known.maybe_running, (known, observed)


def test_done_is_said_only_when_the_effect_was_seen(cases: Cases) -> None:
    """Besides an answer that says so, only a look that sees the effect of the whole action makes an item done."""
    for known, observed in cases:
        if ask(known, observed).outcome is Outcome.DONE:
            assert isinstance(observed, Seen) and observed.stands, (known, observed)
            # A message that stands since then, or what was otherwise before, though it was refused.
            ours = observed.one_request or not known.repeatable or observed.was_otherwise
            assert known.maybe_applied or (known.refused and ours), (known, observed)
            assert not (observed.one_request and observed.unfinished), (known, observed)


def test_unchanged_is_said_only_when_nothing_was_written(cases: Cases) -> None:
    """No case ends as unchanged after a request that may have been carried out."""
    for known, observed in cases:
        if ask(known, observed).outcome is Outcome.UNCHANGED:
            assert not known.maybe_applied and not getattr(observed, "wrote", ""), (known, observed)
            assert not getattr(observed, "was_otherwise", False), (known, observed)


def test_what_must_not_be_repeated_is_sent_again_only_when_it_certainly_came_to_nothing(cases: Cases) -> None:
    """With a request in question that would show twice, acting follows only a look that is certain, or one that found it."""
    for known, observed in cases:
        decision = ask(known, observed)
        if decision.step is Step.PERFORM and known.maybe_applied and not known.repeatable and not decision.remember:
            assert isinstance(observed, Seen) and observed.stands is False, (known, observed)
            assert known.settle_until <= NOW and not known.maybe_running, (known, observed)


def test_a_failed_look_says_nothing_about_what_was_written(cases: Cases) -> None:
    """Whatever goes wrong while looking: again, then in doubt; failed only where nothing had been written."""
    for known, observed in cases:
        if isinstance(observed, LookFailed) and known.maybe_applied:
            decision = ask(known, observed)
            assert decision.step is Step.WAIT or decision.outcome is Outcome.IN_DOUBT, (known, observed)
            assert decision.known.maybe_applied


def test_a_refusal_is_believed_after_a_look_that_tells_or_of_an_item_that_is_gone(cases: Cases) -> None:
    """One that may be mistaken, of an item that cannot be read, leaves it in doubt."""
    for known, observed in cases:
        if isinstance(observed, LookFailed) and known.refused and not known.maybe_applied:
            decision = ask(known, observed)
            certain = observed.final and not observed.also_stands
            assert decision.step is Step.WAIT or decision.outcome is (Outcome.FAILED if certain else Outcome.IN_DOUBT)


def test_a_refused_message_has_failed_only_where_a_look_tells(cases: Cases) -> None:
    """A look that shows something and does not tell leaves it in doubt."""
    for known, observed in cases:
        if isinstance(observed, Seen) and observed.stands is None and known.refused and not known.maybe_applied and not known.repeatable:
            assert ask(known, observed).outcome is Outcome.IN_DOUBT, (known, observed)


def test_an_action_without_proof_is_not_run_again(cases: Cases) -> None:
    """It would end so again: the looks alone decide."""
    for known, observed in cases:
        if known.unproven:
            assert ask(known, observed).step is not Step.PERFORM, (known, observed)


def test_what_the_service_is_to_blame_for_costs_no_attempt(cases: Cases) -> None:
    """An excused failure never settles an item, however often it comes."""
    for known, observed in cases:
        if getattr(observed, "excused", False):
            assert ask(known, observed).step is Step.WAIT, (known, observed)


@pytest.mark.parametrize("wrote", [True, False])
@pytest.mark.parametrize("stands", ["", "POST a had gone through"])
def test_a_stop_keeps_what_is_known(states: States, wrote: bool, stands: str) -> None:
    """Put back by a stop, what may stand keeps its doubt, and so does what was refused; an item whose message stands is in doubt."""
    for known, _ in states:
        decision = put_back(known, stands=stands, wrote=wrote)
        assert decision.outcome is (Outcome.IN_DOUBT if stands else Outcome.PENDING)
        assert decision.known.maybe_applied is (known.maybe_applied or known.refused or wrote or bool(stands))


def test_every_state_comes_to_an_end(cases: Cases) -> None:
    """With time passing, the same observation over and over settles every item, or has it act."""
    for known, observed in cases:
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


def test_the_page_of_decisions_explains_every_case() -> None:
    """What a row of the page names decides: no two cases that agree in it differ in what is done; and the rows are few."""
    assert 20 < sum(len(rows_of(section)) for section in SECTIONS) < 80
