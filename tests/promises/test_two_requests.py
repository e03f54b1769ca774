"""An action of two requests, a reply and then a close: whatever breaks off, the customer reads the reply once."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from intercom_bulk_updater.sandbox import Sandbox

from .test_original_readme import CustomUpdater


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
        answer = requests.post(f"{self.base_url}/{path}", headers=self.headers, json=body, timeout=30)
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


def test_the_answer_to_the_first_is_lost(box: Sandbox) -> None:
    """A reply that was carried out is found, and the close that belongs to it still follows."""
    box.fault("drop_after", method="POST", path="/reply$", every=3)
    result = ReplyAndClose().bulk_process(team_id="5001", max_items=12, progress="none")
    assert (result["success"], result["failed"]) == (12, 0)
    assert once(box, "comment") == (12, 0) and once(box, "close") == (12, 0)


@pytest.mark.parametrize("status", [503, 422])
def test_another_library_is_not_run_twice(box: Sandbox, status: int) -> None:
    """Of `requests` only the sending is seen: where its close fails after its reply, the item is left in doubt, with the reason."""
    box.fault("status", status=status, method="POST", path="/parts$", count=2)
    result = TheSameByRequests().bulk_process(team_id="5001", max_items=12, progress="none", parallel_workers=1)
    assert (result["success"], result.in_doubt) == (10, 2)
    assert once(box, "comment") == (12, 0) and once(box, "close") == (10, 0)
    assert "not run a second time" in str(result.failures[0].example.message)
    assert result.requests["action"] == 24
