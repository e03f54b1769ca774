"""A message that was refused or lost, and that the action's own code sends again in another form: the customer has one."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from intercom_sandbox import Sandbox

from .test_sent_again_by_others import Sends

STATES = {
    "refused, and it stands": [{"kind": "error_after", "status": 422, "on": "write", "count": 1}],
    "lost, and it stands": [{"kind": "drop_after", "on": "write", "count": 1}],
    "refused, and no look tells": [
        {"kind": "error_after", "status": 404, "on": "write", "count": 1},
        {"kind": "status", "status": 503, "on": "look", "path": r"^/conversations/\d+$", "count": 1},
    ],
    "refused, and the look shows nonsense": [
        {"kind": "error_after", "status": 403, "on": "write", "count": 1},
        {"kind": "wrong", "value": [], "on": "look", "path": r"^/conversations/\d+$", "count": 1},
    ],
}


class Falls(Sends):
    """Sends its message in one form, and where that fails in another."""

    path, again = "reply", "reply"
    first: dict[str, Any] = {}  # noqa: RUF012 - read only
    second: dict[str, Any] = {}  # noqa: RUF012

    def send(self, path: str, body: dict[str, Any]) -> Any:
        return self.client.post(path, body)

    send_again = send

    def perform_action(self, item_id: str, **_: Any) -> Any:
        with contextlib.suppress(Exception):
            return self.send(f"conversations/{item_id}/{self.path}", {**self.body(), **self.first})
        return self.send_again(f"conversations/{item_id}/{self.again}", {**self.body(), **self.second})


class ByRequests(Falls):
    def send(self, path: str, body: dict[str, Any]) -> Any:
        answer = requests.post(f"{self.base_url}/{path}", headers=self.headers, json=body, timeout=5)
        answer.raise_for_status()
        return answer.json()

    send_again = send


class ThenByRequests(Falls):
    send_again = ByRequests.send


class ThenInAThread(Falls):
    def send_again(self, path: str, body: dict[str, Any]) -> Any:  # type: ignore[override]
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(ByRequests.send, self, path, body).result()  # type: ignore[arg-type]


class ThenByHttpx(Falls):
    def send_again(self, path: str, body: dict[str, Any]) -> Any:  # type: ignore[override]
        return self.httpx_client().post(f"{self.base_url}/{path}", headers=self.headers, json=body).raise_for_status().json()


WITH = {"attachment_urls": ["https://x.example/a.png"]}
CLOSES = {"message_type": "close"}
FORMS: dict[str, dict[str, Any]] = {
    "without the attachment": {"first": WITH},
    "with an attachment": {"second": WITH},
    "as a paragraph": {"second": {"body": "<p>We are back.</p>"}},
    "a blank more": {"second": {"body": "We are back. "}},
    "other words": {"second": {"body": "Good news."}},
    "another query": {"again": "reply?x=1"},
    "with its close, then without": {"path": "parts", "first": CLOSES},
    "with a close": {"again": "parts", "second": CLOSES},
}
SOME = ("without the attachment", "with its close, then without", "with a close")


def run(updater: type[Falls], **form: Any) -> Any:
    made = type(updater.__name__, (updater,), {**form, "__module__": __name__})
    return made().bulk_process(team_id="5001", max_items=2, parallel_workers=1, progress="none", timeout=2.0)


def count(box: Sandbox) -> tuple[int, int]:
    """Conversations with one of our messages, and with more than one."""
    found = [box.conversation(item["id"])["conversation_parts"]["conversation_parts"] for item in box.conversations(team=5001)]
    ours = [sum(any(text in (part["body"] or "") for text in ("We are back", "Good news")) for part in parts) for parts in found]
    return ours.count(1), sum(one > 1 for one in ours)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("updater", "form"), [
    *((Falls, form) for form in FORMS), *((ByRequests, form) for form in SOME),
    *((updater, "with a close") for updater in (ThenByRequests, ThenInAThread, ThenByHttpx)),
])  # fmt: skip
def test_one_message_leaves_in_one_form(box: Sandbox, updater: type[Falls], form: str, state: str) -> None:
    """The second leaves where a look shows that nothing came of the first, and not before."""
    for fault in STATES[state]:
        box.fault(**fault)
    result = run(updater, **FORMS[form])
    assert count(box) == (2, 0) and result["failed"] == 0 and result["success"] >= 1, result.failures
    assert result["success"] + result.in_doubt == 2, result.failures


@pytest.mark.parametrize(("updater", "form"), [
    *((Falls, form) for form in FORMS), *((ByRequests, form) for form in SOME),
    *((updater, "with a close") for updater in (ThenByRequests, ThenInAThread, ThenByHttpx)),
])  # fmt: skip
def test_where_nothing_came_of_the_first_the_second_leaves(box: Sandbox, updater: type[Falls], form: str) -> None:
    """A true refusal: that is what a second form is for."""
    box.fault("status", status=422, on="write", count=1)
    result = run(updater, **FORMS[form])
    assert (count(box), result["success"]) == ((2, 0), 2), result.failures


class AfterAnother(Falls):
    """One which went well, before the reply that is refused."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        self.send(f"conversations/{item_id}/reply", self.body("First of all."))
        return super().perform_action(item_id)


@pytest.mark.parametrize("kind", ["status", "error_after"])
def test_a_message_before_it_that_went_well_is_told_apart(box: Sandbox, kind: str) -> None:
    """It is by the same author and of the same minute, and says nothing of the one that was refused."""
    box.fault(kind, status=422, on="write", path="/reply$", count=1, after=1)
    result = run(AfterAnother, **FORMS["without the attachment"])
    assert (count(box), result["success"]) == ((2, 0), 2), result.failures


class TellsItsColleagues(Falls):
    """A note where the reply failed, whatever the reason; then it closes."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        with contextlib.suppress(Exception):
            self.send(f"conversations/{item_id}/reply", self.body())
        with contextlib.suppress(Exception):
            self.send(f"conversations/{item_id}/reply", self.body("Told.") | {"message_type": "note"})
        return self.send(f"conversations/{item_id}/parts", {"message_type": "close", "type": "admin", "admin_id": self.admin_id})


@pytest.mark.parametrize("updater", [TellsItsColleagues, type("Theirs", (TellsItsColleagues,), {"send": ByRequests.send})])
@pytest.mark.parametrize("state", STATES)
def test_what_was_kept_back_is_not_done(box: Sandbox, updater: type[Falls], state: str) -> None:
    """The code swallows that its note did not leave: the item is in doubt, and its close, which is no message, leaves."""
    for fault in STATES[state]:
        box.fault(**fault)
    result = run(updater)
    noted = box.audit()["kinds"]["note"]["1"]
    assert (count(box), result["failed"], result["success"]) == ((2, 0), 0, noted), result.failures
    assert box.audit()["kinds"]["close"]["1"] == 2


def test_two_messages_that_go_well(box: Sandbox) -> None:
    """A reply, then a note: nothing is asked in between."""
    result = run(TellsItsColleagues)
    found = box.audit()["kinds"]
    assert (result["success"], count(box), found["note"]["1"], found["close"]["1"]) == (2, (2, 0), 2, 2), result.failures


class ThenByPlainHttpx(Falls):
    """Which is seen only when it is answered."""

    def send_again(self, path: str, body: dict[str, Any]) -> Any:  # type: ignore[override]
        return pytest.importorskip("httpx").post(f"{self.base_url}/{path}", headers=self.headers, json=body).raise_for_status().json()


@pytest.mark.parametrize("fault", [{"kind": "error_after", "status": 422}, {"kind": "error_after", "status": 503}], ids=str)
def test_two_that_could_not_be_kept_apart_are_in_doubt(box: Sandbox, fault: dict[str, Any]) -> None:
    """Both have left, and done would be too much to say."""
    box.fault(on="write", count=1, **fault)
    result = run(ThenByPlainHttpx, **FORMS["other words"])
    assert (result["success"], result["failed"], result.in_doubt) == (1, 0, 1), result.failures
    assert "after it had sent two messages" in result.failures[0].cause


class OverAndOverByHttpx(Falls):
    """Until an answer can be read to its end."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        url = f"{self.base_url}/conversations/{item_id}/reply"
        for text in ("We are back.", "Good news."):
            with contextlib.suppress(Exception):
                return self.httpx_client().post(url, headers=self.headers, json=self.body(text)).json()
        return None


def test_an_answer_to_httpx_that_breaks_off_is_a_lost_one(box: Sandbox) -> None:
    """Its status had come; its reader gets an error all the same, and sends again."""
    box.fault("truncated", on="write", count=1)
    result = run(OverAndOverByHttpx)
    assert (count(box), result["failed"]) == ((2, 0), 0) and result["success"] >= 1, result.failures


class ThenATitle(Falls):
    """It goes on after its message."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        super().perform_action(item_id)
        return self.client.put(f"conversations/{item_id}", {"title": "x"})


@pytest.mark.parametrize("form", ["without the attachment", "other words", "with its close, then without"])
def test_a_further_attempt_does_not_begin_with_the_first_form_again(box: Sandbox, form: str) -> None:
    """It was refused, and the second stands: an action that runs again for its title is told the refusal from memory."""
    box.fault("status", status=422, on="write", count=1)
    box.fault("status", status=503, method="PUT", count=1)
    result = run(ThenATitle, **FORMS[form])
    assert (count(box), result["success"]) == ((2, 0), 2), result.failures


class FirstByRequests(ThenATitle):
    send = ByRequests.send


def test_nor_does_it_by_another_library(box: Sandbox) -> None:
    """Whose refusals nobody remembers: it is refused before it leaves, for the second stands."""
    box.fault("status", status=422, on="write", count=1)
    box.fault("status", status=503, method="PUT", count=1)
    result = run(FirstByRequests, **FORMS["without the attachment"])
    assert (count(box), result["failed"], result["success"]) == ((2, 0), 0, 1), result.failures
