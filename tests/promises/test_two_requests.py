"""An action of two requests, a reply and then a close: whatever breaks off, the customer reads the reply once."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from intercom import Intercom

from intercom_bulk_updater.errors import IntercomBulkError, Interrupted
from intercom_bulk_updater.stop import Stop
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater
from .test_their_errors import apart


class ReplyAndClose(CustomUpdater):
    """With the updater's own client."""

    def perform_action(self, item_id: str, **_: Any) -> dict[str, Any] | None:
        who = {"type": "admin", "admin_id": self.admin_id}
        self.send(f"conversations/{item_id}/reply", {**who, "message_type": "comment", "body": "We are back."})
        return self.send(f"conversations/{item_id}/parts", {**who, "message_type": "close"})

    def send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.client.post(path, body)


class TheSameByRequests(ReplyAndClose):
    """As old updaters send."""

    def send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{self.base_url}/{path}", headers=self.headers, json=body, timeout=3)
        answer.raise_for_status()
        return dict(answer.json())


def once(box: Sandbox, kind: str) -> tuple[int, int]:
    """Items that got this kind of write once, and more than once."""
    found = box.audit()["kinds"].get(kind) or {"1": 0, "2+": 0}
    return found["1"], found["2+"]


def test_the_second_request_fails_for_a_while(box: Sandbox) -> None:
    """A close that fails three times is repeated; the reply before it is not."""
    box.fault("status", status=503, method="POST", path="/parts$", every=3)
    result = ReplyAndClose().bulk_process(team_id="5001", max_items=12, progress="none", retries=5)
    assert (result["success"], result["failed"]) == (12, 0)
    assert once(box, "comment") == (12, 0) and once(box, "close") == (12, 0)


class KnowsItsFields(ReplyAndClose):
    """It can say that an item is not yet closed, which does not say that no reply was sent."""

    def before(self, item: dict[str, Any]) -> dict[str, Any]:
        return {"state": item["state"]}

    def change(self, item_id: str, before: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {} if before["state"] == "closed" else {"state": (before["state"], "closed")}


@pytest.mark.parametrize("updater", [ReplyAndClose, KnowsItsFields])
def test_the_answer_to_the_first_is_lost(box: Sandbox, updater: type[ReplyAndClose]) -> None:
    """A reply that was carried out is found, and the close that belongs to it still follows."""
    box.fault("drop_after", method="POST", path="/reply$", every=3)
    result = updater().bulk_process(team_id="5001", max_items=12, progress="none")
    assert (result["success"], result["failed"]) == (12, 0)
    assert once(box, "comment") == (12, 0) and once(box, "close") == (12, 0)


@pytest.mark.parametrize("fault", [{"kind": "endless"}, {"kind": "drip", "seconds": 0.5}], ids=["without end", "in drips"])
def test_the_answer_to_their_own_request_does_not_end(box: Sandbox, fault: dict[str, Any]) -> None:
    """`requests` waits from byte to byte, and reads whatever comes: our timeout ends it, and the lost answer is looked at."""
    box.fault(**fault, method="POST", path="/reply$", count=2)
    result = TheSameByRequests().bulk_process(team_id="5001", max_items=6, progress="none", timeout=1.0, patience="60s")
    assert (result["success"] + result.in_doubt, result["failed"]) == (6, 0)
    assert once(box, "comment") == (6, 0)


@pytest.mark.parametrize("updater", [ReplyAndClose, TheSameByRequests])
def test_a_stop_between_the_two(box: Sandbox, updater: type[ReplyAndClose]) -> None:
    """What has begun is finished, however the run is stopped; what has not stays for the resume. Nobody gets a reply twice."""
    stop = Stop()

    class StopsInTheMiddle(updater):  # type: ignore[misc, valid-type]
        def send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer = super().send(path, body)
            if path.endswith("/reply") and once(box, "comment")[0] >= 5:
                stop.ask(Interrupted("enough"))
            return dict(answer)

    with pytest.raises(Interrupted) as broke:
        StopsInTheMiddle().bulk_process(team_id="5001", max_items=24, progress="none", parallel_workers=4, stop=stop)
    result = broke.value.parts["result"]
    replied, closed = once(box, "comment"), once(box, "close")
    assert 5 <= result["success"] < 24 and result["failed"] == result.in_doubt == 0
    assert replied == closed == (result["success"], 0)


@pytest.mark.parametrize("updater", [ReplyAndClose, TheSameByRequests])
def test_what_failed_half_way_is_not_offered_to_a_retry(box: Sandbox, updater: type[ReplyAndClose]) -> None:
    """A close that is refused for good after its reply: tried again, the item would get the reply twice."""
    box.fault("status", status=422, method="POST", path="/parts$", count=2)
    result = updater().bulk_process(team_id="5001", max_items=12, progress="none")
    assert (result["success"], result["failed"], result.in_doubt) == (10, 0, 2)
    assert "not run a second time" in str(result.failures[0].example.message)
    box.clear_faults()
    again = apart("runs", "retry", "latest", "--yes", "--json")
    assert again.returncode == 3, again.stdout + again.stderr
    assert json.loads(again.stdout)["counts"]["in_doubt"] == 2
    assert once(box, "comment") == (12, 0)


def test_a_retry_after_none_does_not_repeat_a_message(box: Sandbox, tmp_path: Path) -> None:
    """An updater that swallows its error after a reply has left: never failed, and a retry sends none a second time."""
    code = (
        "import requests\nfrom intercom_bulk_updater import IntercomBulkUpdater\n\n\n"
        "class Replies(IntercomBulkUpdater):\n"
        "    def get_search_endpoint(self): return 'conversations/search'\n"
        "    def get_search_query(self, **_): return {'field': 'team_assignee_id', 'operator': '=', 'value': '5001'}\n"
        "    def get_item_id(self, item): return item['id']\n"
        "    def perform_action(self, item_id):\n"
        "        body = {'type': 'admin', 'admin_id': self.admin_id, 'message_type': 'comment', 'body': 'We are back.'}\n"
        "        try:\n"
        "            url = f'{self.base_url}/conversations/{item_id}/reply'\n"
        "            answer = requests.post(url, headers=self.headers, json=body, timeout=30)\n"
        "            answer.raise_for_status()\n"
        "            return answer.json()\n"
        "        except requests.RequestException:\n"
        "            return None\n"
    )
    (tmp_path / "mine.py").write_text(code)
    box.fault("drop_after", method="POST", path="/reply$", count=3)
    first = json.loads(apart("run", "mine.py:Replies", "--limit", "12", "--yes", "--customer-visible", "--json").stdout)
    assert (first["counts"]["done"] + first["counts"]["in_doubt"], first["counts"]["failed"]) == (12, 0)
    second = json.loads(apart("runs", "retry", "latest", "--yes", "--json").stdout)
    assert (second["counts"]["done"] + second["counts"]["in_doubt"], second["counts"]["failed"]) == (12, 0)
    assert once(box, "comment") == (12, 0)


@pytest.mark.parametrize("status", [503, 422])
def test_another_library_is_not_run_twice(box: Sandbox, status: int) -> None:
    """Of `requests` only the sending is seen: where its close fails after its reply, the item is left in doubt, with the reason."""
    box.fault("status", status=status, method="POST", path="/parts$", count=2)
    result = TheSameByRequests().bulk_process(team_id="5001", max_items=12, progress="none", parallel_workers=1)
    assert (result["success"], result.in_doubt) == (10, 2)
    assert once(box, "comment") == (12, 0) and once(box, "close") == (10, 0)
    assert "not run a second time" in str(result.failures[0].example.message)
    assert result.requests["action"] == 24


class TextDiffers(ReplyAndClose):
    """Its reply says what time it is, and how many parts there are."""

    once = ""

    def perform_action(self, item_id: str, **_: Any) -> dict[str, Any] | None:
        who = {"type": "admin", "admin_id": self.admin_id}
        body = {**who, "message_type": "comment", "body": f"We are back at {time.time_ns()}."}
        self.client.post(f"conversations/{item_id}/reply", body, once=self.once)
        return self.client.post(f"conversations/{item_id}/parts", {**who, "message_type": "close"})


class NamesItsStep(TextDiffers):
    once = "reply"


class SwallowsIt(TextDiffers):
    """Whatever goes wrong, it says that it is done."""

    def perform_action(self, item_id: str, **more: Any) -> dict[str, Any] | None:
        try:
            return super().perform_action(item_id)
        except IntercomBulkError:
            raise
        except Exception:
            return {"ok": True}


LOST: list[dict[str, Any]] = [
    {"kind": "status", "status": 503, "path": "/parts$"},
    {"kind": "drop_after", "path": "/parts$"},
    {"kind": "drop_after", "path": "/reply$"},
]


@pytest.mark.parametrize("fault", LOST, ids=["503 on the close", "close lost", "reply lost"])
@pytest.mark.parametrize("updater", [TextDiffers, NamesItsStep, SwallowsIt])
def test_a_message_goes_out_once_whatever_it_says(box: Sandbox, updater: type[TextDiffers], fault: dict[str, Any]) -> None:
    """A reply is recognised by its place: another text leaves the item in doubt, and a named step is simply not sent again."""
    box.fault(method="POST", count=3, **fault)
    result = updater().bulk_process(team_id="5001", max_items=6, progress="none")
    assert once(box, "comment") == (6, 0)
    assert result["failed"] == 0
    if updater is NamesItsStep:
        assert (result["success"], result.in_doubt) == (6, 0), result.failures
    else:
        assert (result["success"], result.in_doubt) == (3, 3)
        assert "already sent, with another text" in str(result.failures[0].example.message)


class ByHttpx(ReplyAndClose):
    """By a library whose requests are not seen leaving."""

    def send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(f"{self.base_url}/{path}", headers=self.headers, json=body, timeout=30)
        return dict(answer.raise_for_status().json())


class BySdk(ReplyAndClose):
    """By Intercom's own SDK, which uses httpx."""

    def perform_action(self, item_id: str, **_: Any) -> dict[str, Any] | None:
        api = Intercom(token=self.access_token, base_url=self.base_url)
        options: Any = {"max_retries": 0, "timeout_in_seconds": 5}
        reply: Any = {"message_type": "comment", "type": "admin", "admin_id": self.admin_id, "body": "We are back."}
        close: Any = {"message_type": "close", "type": "admin", "admin_id": self.admin_id}
        api.conversations.reply(item_id, request=reply, request_options=options)
        api.conversations.manage(item_id, request=close, request_options=options)
        return {"ok": True}


@pytest.mark.parametrize(
    ("updater", "log", "fault"),
    [(ByHttpx, True, {"kind": "status", "status": 503}), (ByHttpx, True, {"kind": "drop_before"}), (ByHttpx, True, {"kind": "limit"}),
     (ByHttpx, False, {"kind": "status", "status": 503}), (BySdk, True, {"kind": "status", "status": 503}),
     (BySdk, False, {"kind": "limit"})],
)  # fmt: skip
def test_a_message_by_httpx_goes_out_once(box: Sandbox, updater: type[ReplyAndClose], log: bool, fault: dict[str, Any]) -> None:
    """Where only the answers are seen, or nothing at all, an action that has begun is not run again: the item is in doubt."""
    logging.getLogger("httpx").disabled = not log
    box.fault(method="POST", path="/parts$", count=2, **fault)
    try:
        result = updater().bulk_process(team_id="5001", max_items=6, progress="none", parallel_workers=2)
    finally:
        logging.getLogger("httpx").disabled = False
    assert (result["success"], result["failed"], result.in_doubt) == (4, 0, 2), result.failures
    assert once(box, "comment") == (6, 0)


class CloseAndRename(TheSameByRequests):
    """May be run again as a whole."""

    idempotent = True
    runs = 0

    def perform_action(self, item_id: str, **_: Any) -> dict[str, Any] | None:
        type(self).runs += 1
        self.send(f"conversations/{item_id}/parts", {"type": "admin", "admin_id": self.admin_id, "message_type": "close"})
        answer = requests.put(f"{self.base_url}/conversations/{item_id}", headers=self.headers, json={"title": "Over"}, timeout=30)
        answer.raise_for_status()
        return dict(answer.json())


def test_what_is_refused_and_done_all_the_same_is_not_sent_without_end(box: Sandbox) -> None:
    """A close that is always refused, although it is carried out: the action gets no further, however often it is run."""
    box.fault("error_after", status=422, method="POST", path="/parts$")
    result = CloseAndRename().bulk_process(team_id="5001", max_items=1, progress="none", retries=2)
    assert (result.in_doubt, CloseAndRename.runs) == (1, 3), result.report
    assert "the action broke off after it" in result.failures[0].example.message
