"""The judge is judged: a client that lies, sends twice, loses an item or breaks is found out, each by its own word."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acceptance.desk import at_desk
from chaos.books import reference
from chaos.cases import Case
from chaos.judge import judge
from chaos.run import BOX
from chaos.verbs import NOT_TRIED, verbs
from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.engine.attempt import Attempt
from intercom_bulk_updater.engine.processor import ItemProcessor
from intercom_bulk_updater.model import Counts, ItemResult, Outcome
from intercom_bulk_updater.operations.registry import built_in
from intercom_bulk_updater.runs import verification
from intercom_bulk_updater.service import selection
from intercom_sandbox import Sandbox, running

NO_FAULT: dict[str, Any] = {"kind": "slow", "seconds": 0.0, "on": "write"}
REFUSED: dict[str, Any] = {"kind": "status", "status": 404, "on": "write", "every_id": 2}
Patch = pytest.MonkeyPatch


def first(attempt: Attempt) -> bool:
    """One item of the run."""
    return attempt.item.seq == 1


def instead_of_performing(patch: Patch, outcome: Outcome, *, send: bool) -> None:
    """The first item gets this outcome, whether it is sent or not."""
    true = ItemProcessor._perform

    def perform(self: ItemProcessor, attempt: Attempt, payload: Any) -> Any:
        if not first(attempt):
            return true(self, attempt, payload)
        if send:
            true(self, attempt, payload)
        return ItemResult(attempt.item.seq, outcome, attempts=1)

    patch.setattr(ItemProcessor, "_perform", perform)


def says_done_and_sends_nothing(patch: Patch) -> None:
    instead_of_performing(patch, Outcome.DONE, send=False)


def says_failed_and_has_sent(patch: Patch) -> None:
    instead_of_performing(patch, Outcome.FAILED, send=True)


def never_does_one(patch: Patch) -> None:
    instead_of_performing(patch, Outcome.FAILED, send=False)


def sends_twice(patch: Patch) -> None:
    true = Client.post

    def post(self: Client, path: str, *more: Any, **given: Any) -> Any:
        if path.endswith(("/reply", "/notes")):
            true(self, path, *more, **given)
        return true(self, path, *more, **given)

    patch.setattr(Client, "post", post)


def loses_one(patch: Patch) -> None:
    true = selection.read_ids
    patch.setattr(selection, "read_ids", lambda *given, **named: true(*given, **named)[1:])


def counts_one_more(patch: Patch) -> None:
    true = Counts.as_json
    patch.setattr(Counts, "as_json", lambda self: {**true(self), "done": self.done + 1})


def says_that_all_is_well(patch: Patch) -> None:
    true = verification.judge
    patch.setattr(verification, "judge", lambda **given: replace(true(**given), exit_code=0))
    patch.setattr(sys, "exit", lambda code=0: None)


def acts_on_another(patch: Patch) -> None:
    true = ItemProcessor._perform

    def perform(self: ItemProcessor, attempt: Attempt, payload: Any) -> Any:
        if first(attempt):
            others = [one for one in self.client.get("contacts")["data"] if one["id"] != attempt.item.id]
            self.client.post(f"contacts/{others[-1]['id']}/tags", {"id": "7002"})
        return true(self, attempt, payload)

    patch.setattr(ItemProcessor, "_perform", perform)


def shows_the_token(patch: Patch) -> None:
    true = Client.get

    def get(self: Client, path: str, *more: Any, **given: Any) -> Any:
        print("Bearer sandbox-token", file=sys.stderr)
        return true(self, path, *more, **given)

    patch.setattr(Client, "get", get)


def breaks(patch: Patch) -> None:
    def call(self: ItemProcessor, attempt: Attempt) -> Any:
        raise RuntimeError("a fault of our own")

    patch.setattr(ItemProcessor, "__call__", call)


LIES: list[tuple[Callable[[Patch], None], str, str, str, dict[str, Any]]] = [
    (says_done_and_sends_nothing, "conversations.close", "write", "untrue", NO_FAULT),
    (says_done_and_sends_nothing, "contacts.note --body", "write", "untrue", NO_FAULT),
    (says_done_and_sends_nothing, "contacts.tag --tag", "undo", "untrue", NO_FAULT),
    (says_failed_and_has_sent, "conversations.reply --body", "write", "untrue", NO_FAULT),
    (never_does_one, "contacts.archive", "write", "lost", NO_FAULT),
    (sends_twice, "conversations.reply --body", "write", "doubled", NO_FAULT),
    (sends_twice, "contacts.note --body", "apply", "doubled", NO_FAULT),
    (loses_one, "conversations.snooze --until", "write", "lost", NO_FAULT),
    (counts_one_more, "conversations.tag --tag", "write", "untrue", NO_FAULT),
    (says_that_all_is_well, "contacts.archive", "write", "untrue", REFUSED),
    (acts_on_another, "contacts.archive", "write", "untrue", NO_FAULT),
    (shows_the_token, "conversations.open", "write", "untrue", NO_FAULT),
    (breaks, "conversations.open", "write", "crashed", NO_FAULT),
]

AT_ONCE = (never_does_one, counts_one_more, breaks, sends_twice)
"""One lie at least for each word of the judge; the others take their time."""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """One sandbox for all; each case begins it anew."""
    with running(in_process=False, **BOX) as made:
        yield made


@pytest.mark.parametrize(("lie", "verb", "stage", "found", "rule"), [
    pytest.param(*lie, id=f"{lie[0].__name__}-{lie[1]}-{lie[2]}", marks=() if lie[0] in AT_ONCE else pytest.mark.slow) for lie in LIES
])
def test_a_client_that_lies_is_found_out(
    lie: Callable[[Patch], None], verb: str, stage: str, found: str, rule: dict[str, Any], box: Sandbox, tmp_path: Path, monkeypatch: Patch
) -> None:
    """And without the lie the same case finds nothing."""
    case = Case(next(one for one in verbs() if one.name == verb), "no fault", stage, "", rule)
    for number in range(2):
        home = tmp_path / str(number)
        home.mkdir()
        with at_desk(box, home) as desk:
            reference(desk, case.verb)
            if number:
                lie(monkeypatch)
            result = judge(desk, case)
        assert bool(getattr(result, found)) is bool(number), result


def test_every_declared_verb_is_tried() -> None:
    """None is left out, whoever declares it, but those that say why."""
    tried = {one.name.partition(" ")[0] for one in verbs()}
    assert all(name in tried or name.partition(".")[2] in NOT_TRIED for name, _ in built_in())


@pytest.mark.slow
def test_every_verb_can_be_judged(box: Sandbox, tmp_path: Path) -> None:
    """Each has something to do in this workspace, and the server shows what."""
    with at_desk(box, tmp_path) as desk:
        assert all(reference(desk, verb).ids for verb in verbs())
