"""Updaters with an HTTP library of their own, and without manners: whatever it raises, or does not, is understood."""

from __future__ import annotations

import json
import ssl
import urllib.request
from typing import Any

import httpx
import pytest
import requests
import urllib3
from intercom import Intercom

from intercom_sandbox import Sandbox

from .test_original_readme import CustomUpdater

TRUSTED = ssl.create_default_context()
"""One for all requests: httpx would read the list of certificates for each anew, 40 ms of CPU."""


class Closing(CustomUpdater):
    """Closes by some other library."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        body = {"type": "admin", "admin_id": self.admin_id, "message_type": "close"}
        return self.send(f"{self.base_url}/conversations/{item_id}/parts", body)

    def send(self, url: str, body: dict[str, Any]) -> Any:
        raise NotImplementedError


class Urllib(Closing):
    def send(self, url: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(url, json.dumps(body).encode(), self.headers, method="POST")
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())


class Httpx(Closing):
    def send(self, url: str, body: dict[str, Any]) -> Any:
        return httpx.post(url, headers=self.headers, json=body, timeout=5, verify=TRUSTED).raise_for_status().json()


class ForgetsToRaise(Closing):
    """Its result is the body, an error's too."""

    def send(self, url: str, body: dict[str, Any]) -> Any:
        return requests.post(url, headers=self.headers, json=body, timeout=5).json()


class ReturnsTheResponse(Closing):
    def send(self, url: str, body: dict[str, Any]) -> Any:
        return requests.post(url, headers=self.headers, json=body, timeout=5)


class Urllib3(Closing):
    """Raises for nothing, and gives bytes."""

    def send(self, url: str, body: dict[str, Any]) -> Any:
        pool = urllib3.PoolManager(retries=False)
        return pool.request("POST", url, headers=self.headers, body=json.dumps(body).encode(), timeout=5).json()


class Wraps(Closing):
    """Its errors are its own."""

    def send(self, url: str, body: dict[str, Any]) -> Any:
        try:
            answer = requests.post(url, headers=self.headers, json=body, timeout=5)
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as exc:
            raise RuntimeError(f"could not close {url.split('/')[-2]}") from exc


class Sdk(Closing):
    """Intercom's own, with its own retries switched off."""

    def perform_action(self, item_id: str, **_: Any) -> Any:
        api = Intercom(token=self.access_token, base_url=self.base_url)
        body: Any = {"message_type": "close", "type": "admin", "admin_id": self.admin_id}
        api.conversations.manage(item_id, request=body, request_options={"max_retries": 0, "timeout_in_seconds": 5})
        return {"ok": True}


LIBRARIES = [Urllib, Httpx, ForgetsToRaise, ReturnsTheResponse, Urllib3, Wraps, Sdk]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "drop_before"}, {"kind": "drop_after"}, {"kind": "html200"}])
def test_what_passes_is_tried_again(box: Sandbox, library: type[Closing], fault: dict[str, Any]) -> None:
    """Every item is closed once; the SDK's errors do not say what was sent, so its items may be left in doubt instead."""
    box.fault(method="POST", path="/parts$", every=3, **fault)
    result = library().bulk_process(team_id="5001", max_items=12, progress="none")
    closed, twice = once(box)
    assert twice == 0 and result["failed"] == 0
    assert result["success"] + result.in_doubt == 12 and result["success"] <= closed
    assert library is Sdk or result["success"] == 12


@pytest.mark.further
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_window_is_waited_out(box: Sandbox, library: type[Closing]) -> None:
    """A 429 was not carried out: every item is done in the end, and none is in doubt."""
    box.fault("limit", method="POST", path="/parts$", every=4, count=3)
    result = library().bulk_process(team_id="5001", max_items=12, progress="none")
    assert (result["success"], result["failed"], result.in_doubt) == (12, 0, 0)
    assert once(box) == (12, 0) and result.throttled >= 3


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_refusal_is_no_success(box: Sandbox, library: type[Closing]) -> None:
    """What is refused for good is failed, with Intercom's reason, and nothing is sent twice."""
    box.fault("status", status=422, method="POST", path="/parts$", every=3)
    result = library().bulk_process(team_id="5001", max_items=12, progress="none")
    assert (result["success"], result["failed"], result.in_doubt) == (8, 4, 0)
    assert result.failures[0].cause == "422 unprocessable_entity"
    assert once(box) == (8, 0)


def test_the_updaters_own_words_are_kept(box: Sandbox) -> None:
    """Its message, and what it came from."""
    box.fault("status", status=422, method="POST", path="/parts$", count=1)
    result = Wraps().bulk_process(team_id="5001", max_items=2, progress="none")
    said = str(result.failures[0].example.message)
    assert said.startswith("could not close 2") and said.endswith("Unprocessable entity")


def once(box: Sandbox) -> tuple[int, int]:
    """Conversations that were closed once, and more than once."""
    closes = box.audit()["kinds"]["close"]
    return closes["1"], closes["2+"]
