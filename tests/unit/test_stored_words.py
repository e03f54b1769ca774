"""What is stored and said is typed: states come back as they were written, and every word has its sentence."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import Bottleneck, EventKind, Explanation, FoundItem, Phase, RunKind
from intercom_bulk_updater.report.event_text import _WORDS
from intercom_bulk_updater.report.headline import why_words
from intercom_bulk_updater.runs.search_state import SearchState
from intercom_bulk_updater.terminal.bottleneck import doing, held_by

counts = st.integers(0, 10**7)
states = st.builds(
    SearchState, passes=counts, cursor=st.none() | st.text(), complete=st.booleans(), cut=st.booleans(), endless=st.booleans(),
    total=st.none() | counts, announced=st.none() | counts, said=st.none() | counts, seen=counts, aside=counts, unusable=counts,
    contradicting=counts, new_since=counts, missing=counts, shown=counts, server_started=st.none() | st.floats(0, 2e9),
)  # fmt: skip


@given(states)
def test_a_search_state_comes_back_as_it_was_written(state: SearchState) -> None:
    """to_json and of are inverse, for every field."""
    assert SearchState.of(state.to_json()) == state
    assert len(state.to_json()) == len(fields(SearchState))


@given(st.dictionaries(st.sampled_from([*SearchState().to_json(), "unheard of"]), st.none() | st.booleans() | st.text() | st.lists(counts)))
def test_what_is_stored_under_another_type_is_as_at_the_beginning(stored: dict[str, object]) -> None:
    """A journal of another version never makes a state with a text where a number belongs."""
    state, types = SearchState.of(stored), SearchState().to_json()
    assert all(isinstance(value, int) for name, value in state.to_json().items() if isinstance(types[name], int))


def test_a_later_state_replaces_all_of_an_earlier_one(tmp_path: Path) -> None:
    """What a later page no longer has (a cursor, an end) is gone from the journal too."""
    with Journal(tmp_path / "journal.db") as journal:
        run = journal.create_run(operation="close").id
        first = SearchState(passes=1, cursor="c", announced=9, said=9)
        journal.add_items(run, [FoundItem("1")], search=first.to_json())
        assert SearchState.of(journal.run(run).search) == first
        last = replace(first, cursor=None, announced=None, complete=True)
        journal.add_items(run, [], search=last.to_json())
        assert SearchState.of(journal.run(run).search) == last


@pytest.mark.parametrize("kind", EventKind)
def test_every_event_has_its_sentence_on_the_screen(kind: EventKind) -> None:
    """No kind of event is shown as its bare name."""
    assert _WORDS[kind]({}) not in ("", kind.value)


def test_every_phase_and_bottleneck_has_its_words() -> None:
    """None of them falls through to the bare word."""
    for phase in Phase:
        assert doing({"phase": phase})[0] not in ("", "starting"), phase
    for bottleneck in Bottleneck:
        word = held_by({"phase": Phase.ACTING, "holds": bottleneck})[0]
        assert (word == "") is (bottleneck is Bottleneck.NONE), bottleneck


def test_the_words_in_json_are_what_they_were() -> None:
    """Enums carry the words that programs read."""
    assert [*RunKind] == ["run", "dry_run", "apply", "undo"]
    assert [*Phase] == ["reading", "acting", "searching again", "verifying", "waiting for the index"]
    assert [*Bottleneck] == ["", "service", "budget", "workers", "search", "retries", "paused", "finishing"]
    assert Explanation.NOT_DONE == "not done yet" and all(why_words(why) for why in Explanation)


def test_a_journal_refuses_a_run_of_no_kind(tmp_path: Path) -> None:
    """A kind that nobody knows is refused before it is stored."""
    with Journal(tmp_path / "journal.db") as journal, pytest.raises(ValueError, match="dryrun"):
        journal.create_run(operation="close", kind="dryrun")
