"""Keyword arguments of `bulk_process`: guards are kept, misspellings refused, and all the rest is the updater's."""

from __future__ import annotations

from typing import Any

import pytest

from conversation_closer import bulk_close
from intercom_bulk_updater import Options, SafetyStop, UsageError
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater, closed_once


class Closer(CustomUpdater):
    """Writes down what reached it."""

    def __init__(self) -> None:
        super().__init__()
        self.got: dict[str, Any] = {}

    def get_search_query(self, team_id: str, **kwargs: Any) -> dict[str, Any]:
        self.got = kwargs
        return dict(super().get_search_query(team_id=team_id))

    def perform_action(self, item_id: str, value: bool = True, **kwargs: Any) -> dict[str, Any] | None:
        return self.client.post(f"conversations/{item_id}/parts", {"message_type": "close", "type": "admin", "admin_id": self.admin_id})


SLIPS = [
    ({"dryrun": True}, "dry_run"),
    ({"DryRun": True}, "dry_run"),
    ({"max_item": 3}, "max_items"),
    ({"parallel_worker": 3}, "parallel_workers"),
    ({"max_failure": 3}, "max_failures"),
    ({"expects": 3}, "expect"),
    ({"canery": 3}, "canary"),
    ({"max_conversations": 3}, "max_items .*"),
    ({"vlaue": False}, "value"),
]
WRONG: list[dict[str, Any]] = [
    {"expect": "3%"}, {"expect": True}, {"max": 2.5}, {"canary": "some"}, {"max_failures": -1}, {"limit": 0}, {"workers": 0},
    {"share": 40}, {"share": "40"}, {"rate": 0}, {"rate": "fast"}, {"deadline": "2"}, {"on_drift": "go"}, {"reread": 1},
]  # fmt: skip


@pytest.mark.parametrize(("slip", "meant"), SLIPS, ids=str)
def test_a_misspelled_argument_is_refused(box: Sandbox, slip: dict[str, Any], meant: str) -> None:
    """It would reach the updater and be swallowed there, and the run act on everything."""
    with pytest.raises(UsageError, match=f"Do you mean {meant}[?]"):
        Closer().bulk_process(team_id="5001", progress="none", **slip)
    assert not box.log(10)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_guard_is_checked_as_by_the_command(box: Sandbox, wrong: dict[str, Any]) -> None:
    """And named, before the first request."""
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Closer().bulk_process(team_id="5001", progress="none", **wrong)
    assert not box.log(10)


@pytest.mark.parametrize("guard", [{"expect": 3}, {"max": 3}, {"max": "3"}, {"max": "1%"}, {"options": Options(expect=3)}], ids=str)  # type: ignore[arg-type]
def test_a_guard_is_a_guard(box: Sandbox, guard: dict[str, Any]) -> None:
    """Also as a number: nothing is written."""
    with pytest.raises(SafetyStop):
        Closer().bulk_process(team_id="5001", progress="none", **guard)
    closed = box.audit()["kinds"].get("close")
    assert not closed


def test_limits_and_canaries_hold(box: Sandbox) -> None:
    """`limit` as `max_items`, the smaller of both; a canary that cannot be read back stops the run behind it."""
    assert Closer().bulk_process(team_id="5001", limit=3, max_items=5, deadline="5m", share="50%", progress="none")["success"] == 3
    with pytest.raises(SafetyStop, match="first 2 items 2 failed"):
        box.fault("status", status=404, method="POST", path="/parts$")
        Closer().bulk_process(team_id="5001", canary=2, progress="none")
    closed_once(box, 3)


def test_arguments_win_over_options(box: Sandbox) -> None:
    """`max_items` beside `options` is never exceeded; what is not said is as the options have it."""
    result = Closer().bulk_process(team_id="5001", max_items=3, options=Options(workers=3, verify="none"), progress="none")
    assert result["success"] == 3
    assert Closer().bulk_process(team_id="5001", options=Options(limit=4, verify="none"), retries=0, progress="none")["success"] == 4
    looked = Closer().bulk_process(team_id="5001", options=Options(limit=4), dry_run=True, progress="none")
    assert looked.pending == 4
    closed_once(box, 7)


@pytest.mark.parametrize("slip", [{"teamid": "5002"}, {"max_conversation": 3}, {"dry": True, "dryrun": True}], ids=str)
def test_the_closer_refuses_them_too(box: Sandbox, slip: dict[str, Any]) -> None:
    """Else it would close all of the team in INTERCOM_INBOX_ID."""
    with pytest.raises(UsageError, match="Do you mean"):
        bulk_close(progress="none", **slip)
    assert not box.log(10)


def test_everything_else_reaches_the_updater(box: Sandbox) -> None:
    """Untouched, whatever it is called, if it is near no argument; and what a method names is its own."""

    class TakesThem(Closer):
        def perform_action(self, item_id: str, limit: int = 0, dryrun: bool = False, **kwargs: Any) -> dict[str, Any] | None:
            assert (limit, dryrun, kwargs["rate"], kwargs.get("maxitems")) == (9, True, "a", 1)
            return super().perform_action(item_id)

    updater = TakesThem()
    mine: dict[str, Any] = {"limit": 9, "dryrun": True, "rate": "a", "maxitems": 1, "team_ids": [1], "in_progress": 2, "note": "x"}
    result = updater.bulk_process(team_id="5001", max_items=2, progress="none", **mine)
    assert (result["success"], result["failed"]) == (2, 0), result.failures
    assert updater.got == mine


WORDS = [
    *(({name: ["1"]}, "exclude") for name in ("exclude_run", "skip", "skip_ids")),
    *(({name: "1"}, "item_ids") for name in ("from_run", "outcome", "csv", "id_column", "only", "selection")),
    *(({name: 3}, "max_items") for name in ("first", "maximum")),
    ({"test": True}, "dry_run"), ({"batch": 3}, "batch_size"), ({"parallel": 3}, "parallel_workers"),
]  # fmt: skip


@pytest.mark.parametrize(("slip", "meant"), WORDS, ids=str)
def test_a_word_for_an_option_is_refused(box: Sandbox, slip: dict[str, Any], meant: str) -> None:
    """What other tools, and the flags of the command, call an option never reaches an updater that takes anything."""
    with pytest.raises(UsageError, match=f"Do you mean {meant}[?]"):
        Closer().bulk_process(team_id="5001", progress="none", **slip)
    assert not box.log(10)


@pytest.mark.parametrize("name", ["yes", "confirm", "resume", "idempotent", "customer_visible", "irreversible"])
def test_what_is_no_argument_is_refused_in_plain_words(box: Sandbox, name: str) -> None:
    """A word that asks for what bulk_process never does, or that the class says, is refused with what to do instead."""
    with pytest.raises(UsageError, match=f"has no argument '{name}': (leave it out|the class says it)"):
        Closer().bulk_process(team_id="5001", progress="none", **{name: True})
    assert not box.log(10)


def test_excluded_ids_are_left_out(box: Sandbox) -> None:
    """`exclude` leaves these out of a search and of a list of ids."""
    ids = [str(row["id"]) for row in box.conversations(team=5001)][:6]
    result = Closer().bulk_process(team_id="5001", exclude=ids[:2], progress="none")
    assert result.success >= 4
    listed = Closer().bulk_process(team_id="5001", item_ids=ids, exclude=ids[:2], progress="none")
    assert listed.report["counts"]["selected"] == 4
    closes = [line["path"] for line in box.log(1000) if line["method"] == "POST" and line["path"].endswith("/parts")]
    assert closes and not any(one in path for path in closes for one in ids[:2])


@pytest.mark.parametrize("ids", [0, 5.5, True, {"a": 1}, ["a/b"], ["a?b"], [1.5]], ids=str)
@pytest.mark.parametrize("name", ["item_ids", "exclude"])
def test_what_is_no_list_of_ids_is_refused(box: Sandbox, name: str, ids: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError, match=name):
        Closer().bulk_process(team_id="5001", progress="none", **{name: ids})
    assert not box.log(10)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70, -(2**63), [2**70], {"until": 1e300}], ids=str)
def test_a_parameter_may_have_any_value(box: Sandbox, value: Any) -> None:
    """A parameter called `until` need not be a moment."""
    assert Closer().bulk_process(team_id="5001", until=value, max_items=1, progress="none").success == 1
