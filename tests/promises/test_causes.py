"""What is said of items that fail: one cause for all of a kind, words for a script without a terminal, nothing done for nothing."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import requests

from intercom_bulk_updater import BulkResult
from intercom_bulk_updater.errors import SafetyStop
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater


class Swallows(CustomUpdater):
    """Says that it is done, whatever became of its note."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        body = {"type": "admin", "admin_id": self.admin_id, "message_type": "note", "body": "seen"}
        with contextlib.suppress(requests.RequestException):
            requests.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=body, timeout=30)
        return {"ok": True}


def test_items_of_one_kind_are_one_group(box: Sandbox) -> None:
    """No cause holds what is an item's own, so a run whose items all end alike is one group, and stops early in true words."""
    box.add_conversations(60, team=5001, state="open")
    box.fault("drop_before", path="/reply$")
    with pytest.raises(SafetyStop) as stopped:
        Swallows().bulk_process(team_id="5001", progress="none", parallel_workers=8)
    result: BulkResult = stopped.value.result
    (group,) = result.failures
    assert 0 < group.count <= result.in_doubt and result.failed == 0
    assert group.cause == "perform_action returned although its last write was never answered"
    assert group.example.id in str(group.example.message)
    assert "failed in all" not in stopped.value.message and "are in doubt for the same cause" in stopped.value.message


def test_a_script_without_a_terminal_says_what_failed(box: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """The last line on stderr counts what failed, says why and where to look; progress="none" is silent."""

    class Typo(CustomUpdater):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            return undefined  # type: ignore[name-defined] # noqa: F821

    result = Typo().bulk_process(team_id="5001", max_items=3)
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("3 items failed: NameError") and last.endswith(f"intercom-bulk runs show {result.run_id}")
    Typo().bulk_process(team_id="5001", max_items=3, progress="none")
    assert not capsys.readouterr().err


@pytest.mark.parametrize("empty", [0, [], "", {}, ()], ids=repr)
def test_nothing_sent_and_nothing_returned_is_not_done(box: Sandbox, empty: Any) -> None:
    """An action of which no request was seen and that returns an empty value has shown nothing: failed, like None."""

    class Nothing(CustomUpdater):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            return empty

    result = Nothing().bulk_process(team_id="5001", max_items=2, progress="none")
    assert (result.success, result.failed) == (0, 2)
    assert "sent nothing" in result.failures[0].cause


def test_an_empty_answer_of_a_request_is_done(box: Sandbox) -> None:
    """What the action sent is the evidence, though it returns nothing much."""

    class Sends(CustomUpdater):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            self.client.put(f"conversations/{item_id}", {"title": "Seen"})
            return {}

    assert Sends().bulk_process(team_id="5001", max_items=2, progress="none").success == 2
