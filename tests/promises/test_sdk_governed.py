"""Intercom's own SDK on our transport: every call of it is seen, waits for its permit, and is answered for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from intercom import Intercom
from intercom.types import SingleFilterSearchRequest

import intercom_bulk_updater as bulk
from intercom_bulk_updater import IntercomBulkUpdater, SafetyStop
from intercom_sandbox import Sandbox

from .test_their_http import once

ONCE: Any = {"max_retries": 0, "timeout_in_seconds": 5}


class BySdk(IntercomBulkUpdater):
    """Closes open conversations by the SDK."""

    def get_search_endpoint(self) -> str:
        return "conversations/search"

    def get_search_query(self) -> dict[str, Any]:
        return {"field": "state", "operator": "=", "value": "open"}

    def get_item_id(self, item: dict[str, Any]) -> str:
        return str(item["id"])

    def sdk(self) -> Intercom:
        return Intercom(token=self.access_token, base_url=self.base_url, httpx_client=self.httpx_client())

    def perform_action(self, item_id: str) -> dict[str, Any]:
        body: Any = {"message_type": "close", "type": "admin", "admin_id": self.admin_id}
        self.sdk().conversations.manage(item_id, request=body, request_options=ONCE)
        return {"ok": True}


class Looks(BySdk):
    """Reads by the SDK: a GET, and a search, which is a POST."""

    read_only = True

    def perform_action(self, item_id: str) -> dict[str, Any]:
        api = self.sdk()
        api.conversations.search(query=SingleFilterSearchRequest(field="state", operator="=", value="open"))
        return {"state": api.conversations.find(item_id).state}


class SaysItLooks(BySdk):
    read_only = True


def test_each_call_is_counted_and_a_window_is_waited_out(box: Sandbox) -> None:
    """As many action requests as items; a 429 costs a permit, not an item."""
    box.fault("limit", method="POST", path="/parts$", every=4, count=2)
    result = BySdk().bulk_process(max_items=12, progress="none")
    assert (result["success"], result["failed"], result.in_doubt) == (12, 0, 0)
    assert once(box) == (12, 0) and result.throttled == 2
    assert result.requests["action"] == sum(line["path"].endswith("/parts") for line in box.log(1000))


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_lost_answer_closes_nothing_twice(box: Sandbox, fault: str) -> None:
    """What the SDK sent was seen leaving, so the item is looked at; no item is closed twice."""
    box.fault(fault, method="POST", path="/parts$", every=3)
    result = BySdk().bulk_process(max_items=12, progress="none")
    closed, twice = once(box)
    assert (closed, twice) == (12, 0) and result["success"] == 12


def test_what_only_reads_reads_by_it(box: Sandbox, tmp_path: Path) -> None:
    """Reads go through, a write is refused before it leaves, and says whose it was."""
    run = bulk.run(Looks, limit=3)
    assert run.counts.done == 3 and run.report()["run"]["selection"]["reads"] is True
    with pytest.raises(SafetyStop, match="SaysItLooks has read_only = True and was about to send POST conversations/"):
        bulk.run(SaysItLooks, limit=3)
    assert not box.audit()["kinds"]
