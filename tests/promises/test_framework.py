"""`bulk_process` from the outside: what it is given, what it gives back, and who may call it from where."""

from __future__ import annotations

import json
import pickle
import threading
from typing import Any

import pytest

from conversation_closer import ConversationCloser
from intercom_bulk_updater import AuthenticationError, ConfigurationError, SearchError, UsageError
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater, closed_once

WRONG: list[dict[str, Any]] = [
    {"parallel_workers": 0},
    {"parallel_workers": 2.5},
    {"parallel_workers": "4"},
    {"batch_size": 0},
    {"max_items": -1},
    {"max_items": True},
    {"timeout": 0},
    {"timeout": float("nan")},
    {"timeout": (3, 30)},
    {"retries": -1},
    {"verify": "most"},
    {"item_ids": "9001"},
    {"item_id": "9001"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_argument_is_named_and_nothing_is_sent(box: Sandbox, wrong: dict[str, Any]) -> None:
    """A slip in an argument is a UsageError that names it, before the first request."""
    with pytest.raises(UsageError, match=next(iter(wrong))):
        CustomUpdater().bulk_process(team_id="5001", progress="none", **wrong)
    assert not box.log(10)


def test_the_result_is_the_old_dict_and_more(box: Sandbox) -> None:
    """What old scripts did with the dict goes on working: json, items, equality, pickle."""
    box.fault("status", status=404, method="POST", path="/parts$", count=1)
    result = CustomUpdater().bulk_process(team_id="5001", max_items=5, progress="none")
    assert isinstance(result, dict)
    assert json.loads(json.dumps(result)) == dict(result) == {"success": 4, "failed": 1, "total_time": result.total_time}
    assert pickle.loads(pickle.dumps(result)).run_id == result.run_id
    assert json.dumps(result.report)


def test_a_token_without_an_admin_is_said_once(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither a setting nor GET /me names the admin, the run ends with that, not with a failure for each item."""
    monkeypatch.delenv("INTERCOM_ADMIN_ID", raising=False)
    box.fault("status", status=404, path="/me$")
    with pytest.raises(ConfigurationError, match="INTERCOM_ADMIN_ID"):
        CustomUpdater().bulk_process(team_id="5001", progress="none")
    assert sum(line["path"] == "/me" for line in box.log(1000)) == 1
    assert CustomUpdater(admin_id="991267708").bulk_process(team_id="5001", max_items=2, progress="none")["success"] == 2


def test_a_count_without_items_is_no_empty_search(box: Sandbox) -> None:
    """A search that says 30 match and lists none has failed; it is never "0 of 0"."""
    box.control(count_error=30)
    try:
        with pytest.raises(SearchError, match="30"):
            CustomUpdater().bulk_process(team_id="404404", progress="none")
    finally:
        box.control(count_error=0)


def test_one_updater_serves_two_runs_at_once(box: Sandbox) -> None:
    """Two threads call one updater: each run has its own client, and the updater a usable one afterwards."""
    closer, ended = ConversationCloser(), []
    box.control(latency=0.02)
    counts = [len(box.conversations(team=team, state="open")) for team in (5001, 5002)]
    threads = [threading.Thread(target=lambda team=team: ended.append(closer.bulk_close(team, progress="none"))) for team in (5001, 5002)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    box.control(latency=0.005)
    assert sorted(result.success for result in ended) == sorted(counts)
    assert {result.requests["action"] for result in ended} == set(counts)
    closed_once(box, sum(counts))
    assert closer.client.get("me")["type"] == "admin"
    closer.close()


def test_an_echoed_token_goes_nowhere(box: Sandbox) -> None:
    """A server or a proxy that quotes the token in its error does not bring it into errors or onto the disk."""
    token = box.token
    box.fault("status", status=401, message=f"no such token: {token}", path="/search$")
    with pytest.raises(AuthenticationError) as caught:
        CustomUpdater().bulk_process(team_id="5001", progress="none")
    assert "[token]" in str(caught.value)
    assert token not in str(caught.value) + repr(vars(caught.value))


def test_an_id_that_came_as_text_is_searched_as_the_number_it_is(box: Sandbox) -> None:
    """`"value": team_id` with "5001", as the first README has it, on a server that insists on the documented integer."""
    box.control(int_filters="strict")
    assert CustomUpdater().bulk_process(team_id="5001", max_items=3, progress="none")["success"] == 3


def test_a_200_that_says_error_is_no_success(box: Sandbox) -> None:
    """What was refused under a status that promises success is looked at and done again, not counted as done."""
    box.fault("status", status=200, method="POST", path="/parts$", every=3)
    result = ConversationCloser().bulk_close(team_id="5001", max_conversations=12)
    assert (result["success"], box.audit()["kinds"]["close"]["1"]) == (12, 12) and result.retried >= 4


def test_a_whole_address_is_a_path_below_the_base_url(box: Sandbox) -> None:
    """Old code gives `f"{self.base_url}/..."` to whatever sends; another server never gets the token."""
    updater = ConversationCloser()
    assert updater.client.get(f"{updater.base_url}/me")["type"] == "admin"
    with pytest.raises(UsageError, match="not below"):
        updater.client.get("http://127.0.0.1:9/me")
    updater.close()
