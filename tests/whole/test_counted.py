"""Fifty items a request, and a filter that does not ask for what is changed: two counts tell whether all of them are as wanted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import httpcore2
import pytest

import intercom_bulk_updater as bulk
from intercom_bulk_updater.errors import VerificationFailed

from .network import MemorySandbox

SANDBOX = {"contacts": 900, "conversations": 5, "tags_max": 0}
WHERE = ("role = user or role = lead", "created_at > 2000-01-01", "created_at > 2000-01-01 and (role = user or role = lead)")


def tag(where: str = WHERE[1], **more: Any) -> bulk.Run:
    """Put a tag on all contacts that the filter finds."""
    return bulk.run("contacts.tag", where, tag=["7003"], **more)


@pytest.mark.parametrize("where", WHERE)
def test_search_writes_and_the_verification_stay_within_275_requests_for_ten_thousand(box: MemorySandbox, where: str) -> None:
    """The pages once, a write for fifty, the workspace, its tags, what the tag is called, two counts, and one look at the sample."""
    run = tag(where)
    besides = box.stats()["requests"] - math.ceil(900 / 150) - math.ceil(900 / 50)
    assert len(box.contacts(tag=7003)) == 900
    assert besides == 6 and math.ceil(10_000 / 150) + math.ceil(10_000 / 50) + besides <= 275
    verified = run.report()["verified"]
    assert (verified["remaining"], verified["checked"], verified["sample"]["of"]) == (0, 50, run.counts.done), verified


def untag(box: MemorySandbox, number: int) -> None:
    """Somebody else takes the tag off so many contacts."""
    ids = [{"id": one["id"], "untag": True} for one in box.contacts(tag=7003)[:number]]
    headers = {"Authorization": f"Bearer {box.token}", "Content-Type": "application/json"}
    with httpcore2.ConnectionPool(network_backend=httpcore2.SyncBackend()) as pool:
        answer = pool.request("POST", f"{box.url}/tags", headers=headers, content=json.dumps({"name": "bug", "users": ids}).encode())
    assert answer.status == 200


@pytest.mark.parametrize("counts", ["right", "ignoring what they are asked for"])
def test_what_does_not_stand_is_found(box: MemorySandbox, counts: str) -> None:
    """Whatever the counts say: where they do not prove all, all pages are read, and each that lacks the tag is looked at."""
    if counts != "right":
        box.fault("unfiltered", path="/contacts/search$", body="tag_id")
    left = [20]

    def meddle(event: Mapping[str, Any]) -> None:
        while left and event.get("phase") == "verifying":
            untag(box, left.pop())

    with pytest.raises(VerificationFailed) as caught:
        tag(on_event=meddle)
    assert caught.value.run is not None
    verified = caught.value.run.report()["verified"]
    assert verified["remaining"] == 900 - len(box.contacts(tag=7003)) == 20, verified


def test_an_index_that_lags_is_waited_for(box: MemorySandbox) -> None:
    """It comes nearer, and is counted again; in the end all are known to be as wanted."""
    box.control(contact_lag=40.0)
    verified = tag().report()["verified"]
    assert verified["remaining"] == 0 and verified["waited"] > 0, verified


def test_who_came_between_is_seen(box: MemorySandbox) -> None:
    """Tagged by others before the write or not: what the first pass has shown counts, and what fails is not called wanted."""
    box.fault("status", status=400, method="POST", path="/tags$", count=1)
    box.fault("status", status=400, method="POST", path="/contacts/.*/tags$")
    run = tag(workers=1)
    assert run.counts.failed == 50 and run.report()["verified"]["remaining"] == 0, run.report()["verified"]
    assert run.report()["verified"]["explained"]["failed"] == 50
