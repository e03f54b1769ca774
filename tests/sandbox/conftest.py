"""A sandbox for each test, and a plain HTTP caller that shares nothing with the package's client."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from intercom_sandbox import Sandbox, running

OPEN_IN_SUPPORT = {
    "operator": "AND",
    "value": [
        {"field": "team_assignee_id", "operator": "=", "value": 5001},
        {"field": "state", "operator": "=", "value": "open"},
    ],
}


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """The code of the first error."""
        found = self.json
        assert found["type"] == "error.list" and found["request_id"]
        return str(found["errors"][0]["code"])

    @property
    def message(self) -> str:
        return str(self.json["errors"][0]["message"])


class Caller:
    """Calls the API as a careful client does; header=None leaves a header out."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box

    def __call__(self, method: str, path: str, body: Any = None, /, **headers: str | None) -> Answer:
        sent: dict[str, str | None] = {
            "Authorization": f"Bearer {self.box.token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Intercom-Version": "2.16",
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        parts = urlsplit(self.box.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, {name: value for name, value in sent.items() if value})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def search(self, query: Any = None, per_page: int = 50, **more: Any) -> Answer:
        """One page of conversations."""
        pagination = {"per_page": per_page, **more.pop("pagination", {})}
        return self(
            "POST",
            "/conversations/search",
            {"query": query or OPEN_IN_SUPPORT, "pagination": pagination, **more},
        )

    def walk(self, query: Any = None, per_page: int = 50, **more: Any) -> list[str]:
        """All ids of a search, page by page."""
        found: list[str] = []
        cursor = None
        while True:
            page = self.search(query, per_page, pagination={"starting_after": cursor}, **more).json
            found += [item["id"] for item in page["conversations"]]
            if "next" not in page["pages"]:
                return found
            cursor = page["pages"]["next"]["starting_after"]

    def close(self, conversation_id: str) -> Answer:
        return self(
            "POST",
            f"/conversations/{conversation_id}/parts",
            {"message_type": "close", "type": "admin", "admin_id": self.box.admin_id},
        )


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with running(conversations=200, seed=7) as made:
        yield made


@pytest.fixture
def caller() -> type[Caller]:
    """For tests that start sandboxes of their own."""
    return Caller


@pytest.fixture
def api(box: Sandbox) -> Caller:
    return Caller(box)
