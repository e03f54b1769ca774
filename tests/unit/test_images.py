"""What a payload tells of a conversation: the fields that it has, and nothing of those that it lacks."""

from __future__ import annotations

from typing import Any

import pytest

from intercom_bulk_updater.operations.conversations.state import ASSIGNEES, STATE, image, shown_after, so

FIELDS = (*ASSIGNEES, *STATE, "tags", "title", "custom_attributes.plan", "company_id")


@pytest.mark.parametrize("payload", [{}, {"type": "conversation", "id": "1"}])
def test_an_absent_field_is_not_known(payload: dict[str, Any]) -> None:
    """Nothing is made of nothing: not closed, not nobody, not untagged, not empty."""
    assert image(payload, FIELDS) == {}
    assert so(image(payload, STATE), {"state": "closed"}) is None


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"open": False}, {"state": "closed", "snoozed_until": None}),
        ({"open": True}, {"state": "open", "snoozed_until": None}),
        ({"open": True, "snoozed_until": 5}, {"state": "snoozed", "snoozed_until": 5}),
        ({"state": "closed", "snoozed_until": 5}, {"state": "closed", "snoozed_until": None}),
        ({"state": "snoozed"}, {"state": "snoozed"}),
        ({"admin_assignee_id": None}, {"admin_assignee_id": 0}),
        ({"team_assignee_id": "7"}, {"team_assignee_id": 7}),
        ({"tags": {"tags": []}}, {"tags": []}),
        ({"custom_attributes": {}}, {"custom_attributes.plan": None}),
        ({"title": None}, {"title": None}),
        ({"updated_at": 3}, {"company_id": None}),
    ],
    ids=str,
)
def test_a_field_that_is_there_is_told(payload: dict[str, Any], told: dict[str, Any]) -> None:
    """In one plain form, whatever the payload's; null is a value."""
    assert image(payload, FIELDS) == told


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ({"state": "closed"}, {"state": "closed", "updated_at": 9}),
        ({"title": " a "}, {"title": "a", "updated_at": 9}),
    ],
    ids=["as sent", "made over"],
)
def test_an_answer_that_shows_the_write_is_its_after_image(written: dict[str, Any], answer: dict[str, Any]) -> None:
    """It is taken as it is, and nothing more is asked: there is no client to ask."""
    payload, shown = shown_after(None, "1", answer, {"state": "open", "title": "b"}, written, tuple(written), since=0.0)  # type: ignore[arg-type]
    assert (payload, shown) == (answer, {field: answer[field] for field in written})
