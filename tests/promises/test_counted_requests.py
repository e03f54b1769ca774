"""`requests` counts what own code has sent, by whatever library, in whatever thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from intercom_bulk_updater import Skip
from intercom_sandbox import Sandbox

from .queue_worker import QUEUED
from .test_sent_again_by_others import Sends


class SkipsAll(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        raise Skip("not today")


class ReturnsNone(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        return None


class SkipsHalf(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        if int(item_id) % 2:
            raise Skip("not this one")
        return self.by_requests(item_id)


class ByHttpx(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        return httpx.post(f"{self.base_url}/conversations/{item_id}/reply", headers=self.headers, json=self.body()).json()


class FromAThread(Sends):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self.by_requests, item_id).result()


class SendsForTheLast(Sends):
    """Its worker sends for the item before, whose action has ended, and for that in hand."""

    last = ""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        for one in filter(None, (self.last, item_id)):
            QUEUED.put(partial(self.by_requests, one))
        self.last = item_id
        QUEUED.join()
        raise Skip("not mine")


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("updater", [SkipsAll, ReturnsNone, SkipsHalf, FromAThread, ByHttpx, SendsForTheLast])
def test_requests_counts_what_was_sent(box: Sandbox, updater: type[Sends]) -> None:
    """A permit that nothing was sent with was counted as a request."""
    before = len(box.log(10_000))
    result = updater().bulk_process(team_id="5001", max_items=6, parallel_workers=1, progress="none")
    sent = sum(one["path"].endswith("/reply") for one in box.log(10_000)[before:])
    assert result.requests["action"] == sent, (sent, result.requests)
    assert (sent == 0) is (updater in (SkipsAll, ReturnsNone))
