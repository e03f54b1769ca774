"""What a write of an object leaves behind, read back: applied, not applied, or not known."""

from __future__ import annotations

from typing import Any

import pytest

from intercom_bulk_updater.api.effects import effect_of
from intercom_bulk_updater.api.messages import SentRequest

SINCE = 1_764_000_000.0
CONTACT = {
    "id": "c1", "name": "Ana", "email": "ana@x.example", "role": "user", "custom_attributes": {"plan": "pro", "seats": 3},
    "updated_at": 5,
}  # fmt: skip
FRESH = {**CONTACT, "updated_at": int(SINCE)}
TAGS = {"type": "list", "data": [{"id": "7001"}], "pages": {"next": None}, "total_count": 1}
CASES: list[tuple[str, str, Any, dict[str, Any], bool | None]] = [
    ("PUT", "contacts/c1", {"name": "Ana"}, CONTACT, True),
    ("PUT", "/contacts/c1", {"email": "ANA@x.example ", "custom_attributes": {"seats": 3}}, CONTACT, True),
    ("PUT", "contacts/c1", {"name": "Eve"}, FRESH, False),
    ("PUT", "contacts/c1", {"name": "Eve", "role": "user"}, CONTACT, False),  # not changed since
    ("PUT", "contacts/c1", {"name": "Eve", "role": "user"}, FRESH, None),  # perhaps made over
    ("PUT", "contacts/c1", {"custom_attributes": {"plan": "basic"}}, FRESH, False),
    ("PUT", "contacts/c1", {"custom_attributes": {"size": 9}}, CONTACT, None),  # not shown
    ("PUT", "contacts/c1", {"signed_up_at": 17}, {**CONTACT, "signed_up_at": "2026-01-01"}, None),  # in another form
    ("PUT", "companies/9", {"name": None}, {"id": "9", "name": ""}, True),
    ("PUT", "tickets/4", None, {"id": "4"}, None),
    ("DELETE", "contacts/c1", None, CONTACT, False),
    ("DELETE", "contacts/c1", None, {"id": "c1", "deleted": True}, True),
    ("DELETE", "companies/9", None, {"id": "9"}, None),  # goes some time later
    ("POST", "contacts/c1/tags", {"id": "7001"}, TAGS, True),
    ("POST", "contacts/c1/tags", {"id": "7002"}, TAGS, False),
    ("POST", "contacts/c1/tags", {"id": "7002"}, {**TAGS, "total_count": 20}, None),  # a part of the list
    ("DELETE", "contacts/c1/tags/7001", None, TAGS, False),
    ("DELETE", "contacts/c1/tags/7002", None, TAGS, True),
    ("POST", "tickets/4/tags", {"id": "7001"}, {"id": "4", "tags": {"type": "tag.list", "tags": [{"id": 7001}]}}, True),
    ("POST", "tickets/4/tags", {"id": "7001"}, {"id": "4"}, None),
    ("POST", "contacts/c1/companies", {"id": "9"}, {"companies": [{"id": "9"}], "pages": {}, "total_count": 1}, True),
    ("DELETE", "contacts/c1/companies/9", None, {"data": [{"id": "9"}]}, False),
    ("POST", "contacts/c1/archive", None, {"id": "c1", "archived": True}, True),
    ("POST", "contacts/c1/unarchive", None, {"id": "c1", "archived": True}, False),
    ("POST", "contacts/c1/block", None, {"id": "c1"}, None),
]


@pytest.mark.parametrize(("method", "path", "body", "payload", "stands"), CASES)
def test_what_a_write_left_is_read_back(method: str, path: str, body: Any, payload: dict[str, Any], stands: bool | None) -> None:
    """The answer of a GET tells whether the write took effect; what it does not tell stays unknown."""
    effect = effect_of(SentRequest(method, path, body))
    assert effect is not None and effect.repeatable and effect.read and effect.stands is not None
    assert effect.stands(payload, SINCE) is stands


@pytest.mark.parametrize(("method", "path", "gone"), [("DELETE", "contacts/c1", True), ("DELETE", "conversations/1", True),
                                                       ("PUT", "contacts/c1", None), ("POST", "contacts/c1/tags", None)])
def test_a_404_tells_of_a_deletion_and_of_nothing_else(method: str, path: str, gone: bool | None) -> None:
    """Where the object is not there, a DELETE stands; of any other write that says nothing."""
    effect = effect_of(SentRequest(method, path, {"id": "1"}))
    assert effect is not None and effect.gone is gone


@pytest.mark.parametrize(("method", "path"), [("DELETE", "subscription_types/3"), ("PUT", "admins/7/away"), ("POST", "tags")])
def test_where_nothing_tells_nothing_is_read(method: str, path: str) -> None:
    """A path that GET does not have would answer 404 for another reason."""
    effect = effect_of(SentRequest(method, path, {}))
    assert effect is not None and effect.repeatable and not effect.read
