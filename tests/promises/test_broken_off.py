"""An action that an error breaks off: the effect of its last request proves that request, and not what was to follow."""

from __future__ import annotations

import asyncio
import io
import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from intercom_bulk_updater import BulkResult
from intercom_bulk_updater.errors import RunStopped
from intercom_bulk_updater.journal import Journal
from intercom_bulk_updater.model import Outcome
from intercom_bulk_updater.report.export import export
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater
from .test_their_errors import apart


class TitleAndClose(CustomUpdater):
    """Two writes, each of which may be repeated."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        self.send("PUT", f"conversations/{item_id}", {"title": "Outage"})
        who = {"type": "admin", "admin_id": self.admin_id}
        self.send("POST", f"conversations/{item_id}/parts", {**who, "message_type": "close"})
        return {"ok": True}

    def send(self, method: str, path: str, body: dict[str, Any]) -> None:
        requests.request(method, f"{self.base_url}/{path}", headers=self.headers, json=body, timeout=30).raise_for_status()


class ByHttpx(TitleAndClose):
    def send(self, method: str, path: str, body: dict[str, Any]) -> None:
        httpx.request(method, f"{self.base_url}/{path}", headers=self.headers, json=body, timeout=30).raise_for_status()


class ByUrllib(TitleAndClose):
    def send(self, method: str, path: str, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base_url}/{path}", headers=self.headers, data=data, method=method)
        urllib.request.urlopen(request, timeout=30).read()


class ReplyAndClose(TitleAndClose):
    """A message first, which must not be repeated."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        who = {"type": "admin", "admin_id": self.admin_id}
        self.send("POST", f"conversations/{item_id}/reply", {**who, "message_type": "comment", "body": "We are back."})
        self.send("POST", f"conversations/{item_id}/parts", {**who, "message_type": "close"})
        return {"ok": True}


class SaysIdempotent(TitleAndClose):
    idempotent = True


class CloseOnly(TitleAndClose):
    """One write, after which nothing follows."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        who = {"type": "admin", "admin_id": self.admin_id}
        body = {**who, "message_type": "close"}
        answer = requests.post(f"{self.base_url}/conversations/{item_id}/parts", headers=self.headers, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()


def closed(box: Sandbox) -> int:
    kind = box.audit()["kinds"].get("close") or {"1": 0, "2+": 0}
    return int(kind["1"]) + int(kind["2+"])


def run(updater: type[TitleAndClose], count: int = 6, **more: Any) -> BulkResult:
    return updater().bulk_process(team_id="5001", max_items=count, progress="none", parallel_workers=2, **more)


@pytest.mark.parametrize("updater", [TitleAndClose, ByHttpx, ByUrllib, SaysIdempotent])
def test_the_step_after_a_lost_answer_still_runs(box: Sandbox, updater: type[TitleAndClose]) -> None:
    """A first write that may be repeated is found, and the action runs again: done means that its close was sent too."""
    box.fault("drop_after", method="PUT", count=2)
    result = run(updater)
    assert (result.success, result.failed, result.in_doubt) == (6, 0, 0), result.failures
    assert closed(box) == 6


def test_a_log_that_was_on_only_for_a_while_leaves_httpx_seen(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The first run hears httpx because the script logs at INFO; those after it, at WARNING, hear it all the same."""
    with caplog.at_level("INFO"):
        assert run(ByHttpx, 1).success == 1
    box.fault("drop_after", method="PUT", count=2)
    assert run(ByHttpx, 3).in_doubt == 0
    caplog.set_level("WARNING", "httpx")
    box.fault("drop_after", method="PUT", count=2)
    assert run(ByHttpx, 3).in_doubt == 0


def test_a_message_whose_answer_is_lost_is_not_the_whole(box: Sandbox) -> None:
    """A reply that was carried out and whose close never ran: in doubt, with the reason; the reply goes out once."""
    box.fault("drop_after", path="/reply$", count=2)
    result = run(ReplyAndClose)
    assert (result.success, result.failed, result.in_doubt) == (4, 0, 2)
    assert "broke off after it" in str(result.failures[0].example.message)
    assert closed(box) == 4 and box.audit()["kinds"]["comment"]["2+"] == 0


def test_the_last_write_of_an_action_still_proves_it(box: Sandbox) -> None:
    """Where nothing was to follow the request whose answer is lost, its effect is the effect of the whole, and it goes out once."""
    box.fault("drop_after", path="/parts$", count=2)
    result = run(CloseOnly)
    assert (result.success, result.failed, result.in_doubt) == (6, 0, 0), result.failures
    assert box.audit()["kinds"]["close"] == {**box.audit()["kinds"]["close"], "1": 6, "2+": 0}


class Odd(BaseException):
    """A class of a person's own."""


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit, Odd])
def test_what_is_no_exception_is_an_error_of_the_code_all_the_same(box: Sandbox, error: type[BaseException]) -> None:
    """Without a write the item failed, after one it is in doubt; the run goes on, and nothing is sent twice."""

    class Breaks(TitleAndClose):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            if int(item_id[-4:]) % 3 == 0:
                raise error("early")
            who = {"type": "admin", "admin_id": self.admin_id}
            self.send("POST", f"conversations/{item_id}/reply", {**who, "message_type": "note", "body": "seen"})
            if int(item_id[-4:]) % 3 == 1:
                raise error("late")
            return {"ok": True}

    result = run(Breaks, 12)
    note = box.audit()["kinds"]["note"]
    assert result.failed and result.in_doubt and result.success
    assert (note["1"], note["2+"]) == (result.success + result.in_doubt, 0)
    assert {group.cause for group in result.failures} == {error.__name__}


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_was_sent_before_a_stop_is_in_doubt(box: Sandbox, error: type[BaseException]) -> None:
    """Items whose write had left when the run stopped are counted in doubt, and listed so; never pending, and no two writes."""

    class Stops(CloseOnly):
        def perform_action(self, item_id: str, **_: Any) -> Any:
            super().perform_action(item_id)
            raise error

    with pytest.raises((KeyboardInterrupt, RunStopped)) as stopped:
        run(Stops, 24)
    result = stopped.value.result  # type: ignore[union-attr]
    kind = box.audit()["kinds"]["close"]
    assert (kind["1"], kind["2+"]) == (result.in_doubt, 0)
    assert result.in_doubt > 0 and result.in_doubt + result.pending == result.report["counts"]["selected"]
    listed = io.StringIO()
    with Journal(Path(os.environ["INTERCOM_BULK_HOME"]) / "journal.db") as journal:
        assert export(journal, result.run_id, listed, format="jsonl", outcomes=[Outcome.IN_DOUBT]) == result.in_doubt


def test_a_resume_keeps_the_reason(box: Sandbox, tmp_path: Path) -> None:
    """What stays in doubt after a resume is in doubt for the reason that was known before."""
    (tmp_path / "odd.py").write_text(
        "import asyncio\nfrom intercom_bulk_updater import IntercomBulkUpdater\n\n\n"
        "class Odd(IntercomBulkUpdater):\n"
        "    def get_search_endpoint(self): return 'conversations/search'\n"
        "    def get_search_query(self, **_): return {'field': 'team_assignee_id', 'operator': '=', 'value': '5001'}\n"
        "    def get_item_id(self, item): return item['id']\n"
        "    def perform_action(self, item_id):\n"
        "        who = {'type': 'admin', 'admin_id': self.admin_id}\n"
        "        self.client.post(f'conversations/{item_id}/reply', {**who, 'message_type': 'note', 'body': 'x'})\n"
        "        raise asyncio.CancelledError('late')\n"
    )
    first = apart("run", "odd.py:Odd", "--limit", "3", "--yes", "--json")
    assert json.loads(first.stdout)["failures"][0]["cause"] == "CancelledError", first.stderr
    again = apart("runs", "resume", "latest", "--yes", "--json")
    (group,) = json.loads(again.stdout)["failures"]
    assert (group["cause"], group["count"]) == ("CancelledError", 3)
    assert box.audit()["kinds"]["note"]["2+"] == 0
