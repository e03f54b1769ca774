"""A person's own code whose write is refused, although it was carried out."""

from __future__ import annotations

from typing import Any

import pytest
import requests

import intercom_bulk_updater as bulk
from intercom_bulk_updater.errors import PermissionDenied
from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater
from .test_two_requests import once


class Titled(CustomUpdater):
    """Writes a title."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        return self.client.put(f"conversations/{item_id}", {"title": "Y"})


class TitledByRequests(CustomUpdater):
    """As old updaters do, whose code makes nothing of the error."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        try:
            answer = requests.put(f"{self.base_url}/conversations/{item_id}", headers=self.headers, json={"title": "Y"}, timeout=3)
            answer.raise_for_status()
        except requests.HTTPError:
            return None
        return answer.json()


class Repeatable(Titled):
    """It says so."""

    idempotent = True


class Closed(CustomUpdater):
    """Closes."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        who = {"type": "admin", "admin_id": self.admin_id}
        return self.client.post(f"conversations/{item_id}/parts", {**who, "message_type": "close"})


class Deleted(CustomUpdater):
    """Deletes."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        return self.client.delete(f"conversations/{item_id}")


@pytest.mark.parametrize("status", [402, 403, 405])
@pytest.mark.parametrize("own", [Titled, TitledByRequests, Repeatable, Closed, Deleted])
def test_what_was_refused_for_the_token_and_done_has_not_failed(box: Sandbox, own: type[CustomUpdater], status: int) -> None:
    """Each is looked at once, as after a 400: it was called failed, and stood."""
    box.fault("error_after", status=status, on="write", every=3)
    result = own().bulk_process(team_id="5001", max_items=6, workers=1, progress="none")
    assert (result["success"], result["failed"]) == (6, 0), result


class ClosedAndAnswered(CustomUpdater):
    """Two requests, of which the first is refused and done."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        who = {"type": "admin", "admin_id": self.admin_id}
        self.client.post(f"conversations/{item_id}/parts", {**who, "message_type": "close"})
        return self.client.post(f"conversations/{item_id}/reply", {**who, "message_type": "comment", "body": "Done."})


def test_the_rest_of_such_an_action_follows(box: Sandbox) -> None:
    """As after a 400: what was seen to stand is answered from memory, and the reply leaves once."""
    box.fault("error_after", status=403, path="/parts$", method="POST")
    result = ClosedAndAnswered().bulk_process(team_id="5001", max_items=4, progress="none")
    assert (result["success"], once(box, "close"), once(box, "comment")) == (4, (4, 0), (4, 0)), result


def test_a_permission_that_is_missing_stops_the_run_early(box: Sandbox) -> None:
    """A look each for the few that were refused, as for a verb; one more is refused while the last of those is looked at."""
    box.fault("status", status=403, on="write")
    with pytest.raises(PermissionDenied) as caught:
        Titled().bulk_process(team_id="5001", max_items=60, workers=1, progress="none")
    assert caught.value.run is not None
    sent = caught.value.run.report()["requests"]
    assert sent["action"] <= 6 and sent["read"] == 2 + 5, sent


class ToldByIsDone(Titled):
    """The way that the how-to teaches: what it was before, whether it is done, and the way back."""

    def before(self, item: Any) -> dict[str, Any]:
        return {"title": item.get("title")}

    def is_done(self, item_id: str) -> bool:
        return self.client.get(f"conversations/{item_id}").get("title") == "Y"

    def undo_action(self, item_id: str, before: dict[str, Any]) -> Any:
        return self.client.put(f"conversations/{item_id}", before)


@pytest.mark.parametrize("status", [400, 403])
def test_what_the_run_had_read_otherwise_is_its_own_and_undone(box: Sandbox, status: int) -> None:
    """It was called unchanged, though the journal has it as it was before; the undo left it."""
    box.fault("error_after", status=status, on="write", every=3)
    result = ToldByIsDone().bulk_process(team_id="5001", max_items=6, workers=1, progress="none")
    assert (result["success"], result.unchanged) == (6, 0), result
    box.clear_faults()
    run = bulk.open_run("latest")
    assert {item.before["title"] for item in run.items() if item.before} != {"Y"}
    assert run.undo(workers=1).counts.done == 6 and all(box.conversation(item.id)["title"] != "Y" for item in run.items())


def test_what_was_so_before_is_unchanged(box: Sandbox) -> None:
    """Its before-image does not differ: nothing tells that the run has written it."""
    Titled().bulk_process(team_id="5001", max_items=3, progress="none")
    box.fault("status", status=400, on="write")
    result = ToldByIsDone().bulk_process(team_id="5001", max_items=3, progress="none")
    assert (result["success"], result.unchanged) == (0, 3), result
