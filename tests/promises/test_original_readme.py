"""Every code block of the first README of this project, run as old users wrote it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import Any, Dict, Optional  # noqa: UP035 - as old users wrote it

import pytest
import requests

from intercom_bulk_updater import IntercomBulkUpdater
from intercom_sandbox import Sandbox


class CustomUpdater(IntercomBulkUpdater):
    """Step 1 of the old README, to the letter."""

    def get_search_endpoint(self) -> str:
        return "conversations/search"  # or "contacts/search", etc.

    def get_search_query(self, **kwargs) -> Dict[str, Any]:  # type: ignore[no-untyped-def]  # noqa: UP006
        return {
            "operator": "AND",
            "value": [
                {"field": "team_assignee_id", "operator": "=", "value": kwargs["team_id"]},
                {"field": "state", "operator": "=", "value": "open"},
            ],
        }

    def get_item_id(self, item: Dict[str, Any]) -> str:  # noqa: UP006
        return item["id"]  # type: ignore[no-any-return]

    def perform_action(self, item_id: str, **kwargs) -> Optional[Dict[str, Any]]:  # type: ignore[no-untyped-def]  # noqa: UP006, UP045
        # Your custom action here
        url = f"{self.base_url}/conversations/{item_id}/parts"
        payload = {"message_type": "close", "type": "admin", "admin_id": self.admin_id}
        resp = requests.post(url, headers=self.headers, json=payload, timeout=30)
        resp.raise_for_status()
        return resp.json()  # type: ignore[no-any-return]


def closed_once(box: Sandbox, count: int) -> None:
    """Assert what the server counted."""
    found = box.audit()["kinds"]["close"]
    assert (found["1"], found["2+"], found["writes"]) == (count, 0, count), found


def open_in_support(box: Sandbox) -> int:
    """How many open conversations the team has, by the server."""
    return len(box.conversations(team=5001, state="open"))


def test_the_four_module_names_import() -> None:
    """The modules promised to existing users import at top level, with the names that they held."""
    for name in ("intercom_bulk_updater", "conversation_closer", "example_custom_updater", "BulkUpdate_Generic"):
        importlib.import_module(name)
    generic = importlib.import_module("BulkUpdate_Generic")
    assert generic.bulk_close and generic.bulk_close_hybrid and generic.ConversationCloser


def test_bulk_close(box: Sandbox) -> None:
    """Quick start: ConversationCloser().bulk_close() closes the team's open conversations once each."""
    from conversation_closer import ConversationCloser

    count = open_in_support(box)
    closer = ConversationCloser()
    result = closer.bulk_close(team_id="5001", parallel_workers=15, batch_size=50, max_conversations=1000)
    assert (result["success"], result["failed"]) == (count, 0)
    assert result["total_time"] > 0
    assert set(result) >= {"success", "failed", "total_time"}
    closed_once(box, count)


def test_bulk_close_hybrid(box: Sandbox) -> None:
    """The old function works exactly like the original script, with its team alone or with all its words."""
    from conversation_closer import bulk_close_hybrid

    count = open_in_support(box)
    assert bulk_close_hybrid(team_id="5001", parallel_workers=15, batch_size=50, max_conversations=7)["success"] == 7
    closed_once(box, 7)
    assert bulk_close_hybrid(team_id="5001")["success"] == count - 7
    closed_once(box, count)


def test_the_custom_updater(box: Sandbox) -> None:
    """Step 2: an updater that sends by requests itself runs unchanged."""
    count = open_in_support(box)
    updater = CustomUpdater()
    result = updater.bulk_process(team_id="5001", parallel_workers=10, batch_size=25)
    assert (result["success"], result["failed"]) == (count, 0)
    # Of each worker: ours, the one that requests has just opened, and one that it has closed and a busy server has not seen yet.
    assert box.stats()["connections"]["max_open"] <= 10 + 10 + 10 + 2
    closed_once(box, count)


@pytest.mark.parametrize("most", [0, 1, 10, 26])
def test_max_items_is_never_exceeded(box: Sandbox, most: int) -> None:
    """max_items is a promise to the single item, read from the server."""
    result = CustomUpdater().bulk_process(team_id="5001", parallel_workers=2, batch_size=5, max_items=most)
    assert result["success"] == most
    assert box.audit()["kinds"].get("close", {"writes": 0})["writes"] == most


FAULTS: dict[str, list[dict[str, Any]]] = {
    "429 window": [{"kind": "limit", "every": 5, "count": 2}],
    "503": [{"kind": "status", "status": 503, "every": 4, "count": 6}],
    "dropped after": [{"kind": "drop_after", "every": 4, "count": 6}],
    "empty, done": [{"kind": "empty200", "commit": "before", "every": 4, "count": 6}],
    "empty, not done": [{"kind": "empty200", "every": 4, "count": 6}],
    "all": [
        {"kind": "status", "status": 503, "share": 0.1, "count": 4},
        {"kind": "drop_after", "share": 0.1, "count": 4},
        {"kind": "empty200", "commit": "before", "share": 0.1, "count": 4},
        {"kind": "overload", "share": 0.1, "count": 4},
    ],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_requests_of_its_own_survive_faults(box: Sandbox, faults: list[dict[str, Any]]) -> None:
    """429, 503, lost and empty answers of a bare requests.post: every conversation is closed exactly once at the server."""
    count = open_in_support(box)
    for fault in faults:
        box.fault(**fault, method="POST", path="/parts$")
    result = CustomUpdater().bulk_process(team_id="5001", parallel_workers=10, batch_size=25)
    assert (result["success"], result["failed"]) == (count, 0), result.failures
    assert sum(rule["fired"] for rule in box.faults()) > 0
    closed_once(box, count)


def test_failed_items_never_stop_the_others(box: Sandbox) -> None:
    """Failed items are counted and reported with their reason; the others are done."""
    count = open_in_support(box)
    box.fault("status", status=404, method="POST", path="/parts$", count=3)
    result = CustomUpdater().bulk_process(team_id="5001")
    assert (result["success"], result["failed"]) == (count - 3, 3)
    assert result.failures[0].count == 3 and "404" in result.failures[0].cause
    closed_once(box, count - 3)


SCRIPTS: dict[str, tuple[list[str], str, int]] = {
    "tag": (["example_custom_updater", "tag", "--team", "5001", "--tag", "7003", "--max", "6"], "tag", 6),
    "state": (["example_custom_updater", "state", "--team", "5001", "--to", "snoozed", "--max", "6"], "snoozed", 6),
    "field": (
        ["example_custom_updater", "field", "--team", "5001", "--name", "{attribute}", "--value", "x", "--max", "6"],
        "update",
        6,
    ),
    "closer": (["conversation_closer", "5001", "--max", "6"], "close", 6),
    "generic, looking": (["BulkUpdate_Generic", "5001", "--max", "6"], "close", 0),
    "generic": (["BulkUpdate_Generic", "5001", "--max", "6", "--close"], "close", 6),
}


@pytest.mark.parametrize(("words", "kind", "writes"), SCRIPTS.values(), ids=SCRIPTS)
def test_the_examples_run_as_scripts(box: Sandbox, words: list[str], kind: str, writes: int) -> None:
    """Each example is a file that runs, and does at the server what it says."""
    attributes = requests.get(f"{box.url}/conversations/attributes", headers={"Authorization": f"Bearer {box.token}"}, timeout=30).json()[
        "data"
    ]
    free = next(a["name"] for a in attributes if a["data_type"] == "string" and not a.get("options"))
    file = importlib.import_module(words[0]).__file__
    assert file is not None
    ended = subprocess.run(
        [sys.executable, file, *(word.format(attribute=free) for word in words[1:])],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    made = box.audit()["kinds"].get(kind, {"1": 0, "2+": 0})
    # A tag that stands already is no change, and is not written again.
    assert made["2+"] == 0 and (made["1"] == writes or (kind == "tag" and 0 < made["1"] <= writes)), ended.stdout
