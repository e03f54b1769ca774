"""An answer that Intercom did not write says nothing of the message it answers: it is looked for, and never sent twice."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest

from intercom_bulk_updater import IntercomBulkUpdater
from intercom_bulk_updater.errors import RefusedInBetween

from .desk import Desk

LIES: list[dict[str, Any]] = [
    {"kind": "redirect", "commit": "before"},
    *({"kind": "error_after", "status": status, "shape": "html"} for status in (400, 401, 403, 429)),
]


ELSEWHERE: list[dict[str, Any]] = [
    {"kind": "redirect"},
    {"kind": "redirect", "status": 307, "plausible": True},
    {"kind": "redirect", "commit": "before"},
    *({"kind": "status", "status": status, "shape": "html"} for status in (400, 401, 403, 404, 406, 409, 422)),
    *({"kind": "status", "status": status} for status in (407, 421, 426, 451, 511)),
]


def _named(fault: dict[str, Any]) -> str:
    return " ".join(str(value) for value in fault.values())


@pytest.mark.parametrize("fault", ELSEWHERE, ids=_named)
def test_what_answers_in_intercoms_stead_stops_the_run_and_fails_no_item(desk: Desk, fault: dict[str, Any]) -> None:
    """A redirect, a page, a proxy, a captive network: a few requests, none failed, exit 7, and a resume does the rest."""
    ids = desk.open_ids()
    desk.box.fault(on="write", after=len(ids) - 30, **fault)
    answer = desk.close("--workers", "4")
    assert answer.code == 7 and "failed" not in answer.counts, (answer.counts, answer.err)
    assert 1 <= answer.counts["in_doubt"] <= 5 + 3 and answer.counts["in_doubt"] + answer.counts["pending"] == 30
    error = answer.json["error"]
    assert error["type"] == "RefusedInBetween" and "a firewall or a proxy did" in error["hint"] and "INTERCOM_BASE_URL" in error["hint"]
    assert "--max-failures" not in answer.out + answer.err and "request id" not in answer.out + answer.err
    desk.box.clear_faults()
    again = desk.here("runs", "resume", answer.run, "--json")
    assert (again.code, again.counts) == (0, {"selected": len(ids), "done": len(ids)}), again.err
    desk.once("close", ids)


@pytest.mark.parametrize("stage", ["look", "search", "names"])
@pytest.mark.parametrize("fault", [ELSEWHERE[0], ELSEWHERE[5], ELSEWHERE[-2]], ids=_named)
def test_what_answers_a_look_in_intercoms_stead_stops_as_well(desk: Desk, fault: dict[str, Any], stage: str) -> None:
    """The first call, a search and the look at an item: exit 7, nothing written, nothing failed, and where to look."""
    ids = desk.open_ids()
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault(on=stage, **fault)
    which = ("--ids", "ids") if stage == "look" else ("--where", "team = 5001 and state = open")
    answer = desk.here("conversations", "close", *which, "--yes", "--json", "--progress", "none", "--workers", "4")
    assert (answer.code, desk.writes()) == (7, 0), answer.err
    told = answer.json["error"]
    assert "by something in between" in told["message"] or "Something between this machine and Intercom" in told["message"]
    assert ".." not in told["message"] and "request id" not in told["hint"] and "item" not in told["hint"]
    assert not answer.json.get("counts", {}).get("failed")
    assert desk.here("doctor").code == (0 if stage == "look" else 7)


def test_an_updater_whose_requests_are_led_away_stops_as_well(desk: Desk) -> None:
    """The same for a person's own HTTP, whether the library follows the redirect or raises for it."""
    import httpx

    class Closer(IntercomBulkUpdater):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            url = f"{self.base_url}/conversations/{item_id}/parts"
            body = {"message_type": "close", "type": "admin", "admin_id": self.admin_id}
            httpx.post(url, json=body, headers=self.headers, timeout=5).raise_for_status()
            return {"id": item_id}

        def get_search_endpoint(self) -> str:
            return "conversations/search"

    desk.box.fault("redirect", on="write")
    with patch.dict("os.environ", {**desk.env}, clear=True), pytest.raises(RefusedInBetween) as told:
        Closer().bulk_process(item_ids=desk.open_ids(), progress="none", parallel_workers=4)
    assert told.value.result.failed == 0 and desk.writes() == 0


def test_a_failed_item_is_not_said_to_stand_perhaps(desk: Desk) -> None:
    """A write that never arrived, and was looked for: it failed, and its account has no word of doubt."""
    ids = desk.open_ids()[:3]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("drop_before", on="write", ids=ids[:1])
    desk.box.fault("slow", on="write", seconds=3, commit="never", ids=ids[1:2])
    answer = desk.here(
        "conversations", "close", "--ids", "ids", "--yes", "--json", "--progress", "none", "--retries", "1", "--timeout", "0.5"
    )  # fmt: skip
    assert answer.json["failures"] and answer.counts.get("failed"), answer.out
    assert "carried out" not in json.dumps([one for one in answer.json["failures"] if one["outcome"] == "failed"])


@pytest.mark.parametrize("fault", LIES, ids=["redirect", "400", "401", "403", "429"])
def test_a_message_that_went_out_all_the_same_goes_out_once(desk: Desk, fault: dict[str, Any]) -> None:
    """A note that was written and answered by something in between is found: never failed, and a resume or retry adds none."""
    ids = desk.open_ids()[:6]
    desk.box.fault(path="/reply$", method="POST", count=3, **fault)
    (desk.home / "ids").write_text("\n".join(ids))
    note = ("conversations", "note", "--ids", "ids", "--body", "Seen", "--yes", "--json", "--progress", "none")
    answer = desk.here(*note)
    assert not answer.counts.get("failed"), answer.out
    desk.box.clear_faults()
    if answer.code:
        again = desk.here("runs", "resume", "latest", "--yes", "--json")
        assert again.counts["done"] == len(ids), again.out
    desk.once("note", ids)


def test_a_close_that_was_redirected_and_carried_out_is_done(desk: Desk) -> None:
    """A write that may be repeated is looked at as well: done when its effect is there, failed when it is not."""
    ids = desk.open_ids()
    desk.box.fault("redirect", path="/parts$", commit="before", count=2)
    desk.box.fault("error_after", status=403, shape="html", path="/parts$", count=1, every=3)
    answer = desk.close()
    assert answer.counts == {"selected": len(ids), "done": len(ids)}, answer.out
    desk.once("close", ids)


def test_a_refusal_of_a_message_may_be_untrue(desk: Desk) -> None:
    """Intercom itself answers 422 and has written the note: failed, as it says; a retry looks first, and adds no second one."""
    ids = desk.open_ids()[:4]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("error_after", status=422, path="/reply$", method="POST", count=2)
    desk.here("conversations", "note", "--ids", "ids", "--body", "Seen", "--yes", "--json", "--progress", "none")
    desk.box.clear_faults()
    again = desk.here("runs", "retry", "latest", "--yes", "--json")
    assert again.counts == {"selected": 4, "done": 4}, again.out
    desk.once("note", ids)


@pytest.mark.further
def test_a_message_that_was_truly_refused_is_sent_by_a_retry(desk: Desk) -> None:
    """Where the look shows that nothing was written, the retry sends it."""
    ids = desk.open_ids()[:4]
    (desk.home / "ids").write_text("\n".join(ids))
    desk.box.fault("status", status=422, path="/reply$", method="POST", count=2)
    desk.here("conversations", "note", "--ids", "ids", "--body", "Seen", "--yes", "--json", "--progress", "none")
    desk.box.clear_faults()
    again = desk.here("runs", "retry", "latest", "--yes", "--json")
    assert again.counts == {"selected": 4, "done": 4}, again.out
    desk.once("note", ids)
