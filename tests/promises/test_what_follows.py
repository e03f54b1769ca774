"""Two messages by one action, in forms that do not show it: the first one's effect does not make the item done."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from intercom_bulk_updater import open_run
from intercom_sandbox import Sandbox

from .test_sent_again_by_others import Sends


class Two(Sends):
    def send(self, item_id: str, text: str, **how: Any) -> Any:
        url = f"{self.base_url}/conversations/{item_id}/reply"
        answer = requests.post(url, headers=self.headers, json=self.body(text), timeout=5, **how)
        answer.raise_for_status()
        return answer.json()


class Mapped(Two):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        return list(map(functools.partial(self.send, item_id), ["One.", "Two."]))


class Sorted(Two):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        return sorted(["One.", "Two."], key=lambda text: str(self.send(item_id, text)))


class FromOneThread(Two):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return list(pool.map(lambda text: self.send(item_id, text), ["One.", "Two."]))


class AtTheEnd(Two):
    @contextmanager
    def then(self, item_id: str) -> Iterator[None]:
        yield
        self.send(item_id, "Two.")

    def perform_action(self, item_id: str, **_: Any) -> Any:
        with self.then(item_id):
            return self.send(item_id, "One.")


class Nested(Two):
    def second(self, item_id: str, _: Any) -> Any:
        return self.send(item_id, "Two.")

    def perform_action(self, item_id: str, **_: Any) -> Any:
        return self.second(item_id, self.send(item_id, "One."))


class Hooked(Two):
    def perform_action(self, item_id: str, **_: Any) -> Any:
        return self.send(item_id, "One.", hooks={"response": lambda *_, **__: self.send(item_id, "Two.")})


class One(Two):
    """The same helper once: nothing was to follow."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        return self.send(item_id, "One.")


@pytest.mark.parametrize("updater", [Mapped, Sorted, FromOneThread, AtTheEnd, Nested, Hooked, One])
def test_the_first_of_two_does_not_prove_both(box: Sandbox, updater: type[Two]) -> None:
    """It stands, and the second has never left; nor do a resume and a retry say that all is done."""
    box.fault("drop_after", on="write", path="/reply$", count=1)
    result = updater().bulk_process(team_id="5001", max_items=1, progress="none", timeout=2.0)
    done = int(updater is One)
    assert (result["success"], result["failed"], result.in_doubt) == (done, 0, 1 - done), result.failures
    run = open_run(result.run_id)
    run.resume()
    run.retry()
    assert {one.outcome for one in run.items()} == {"done" if done else "in_doubt"}
    assert box.audit()["kinds"]["comment"]["writes"] == 1
