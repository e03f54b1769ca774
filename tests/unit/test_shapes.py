"""What of an answer's shape is taken for an id, a list of things with ids, the parts of a conversation."""

from __future__ import annotations

from typing import Any

import pytest

from intercom_bulk_updater.api.effects import parts_of
from intercom_bulk_updater.api.lists import row_ids, tag_ids
from intercom_bulk_updater.operations.conversations.state import image
from intercom_bulk_updater.operations.tickets.fields import image as ticket_image
from intercom_bulk_updater.operations.values import plain_fields
from intercom_bulk_updater.parsing.identity import id_text


@pytest.mark.parametrize("found", [None, 1.5, True, False, "", " ", [], {}, ["7"], 10.0])
def test_what_is_no_id(found: Any) -> None:
    """Nothing but a text or a whole number is one; and no row without one makes a list."""
    assert id_text(found) == ""
    assert row_ids([{"id": "7"}, {"id": found}]) is None


@pytest.mark.parametrize(("found", "said"), [("7", "7"), (7, "7"), (0, "0"), (10**30, str(10**30)), (" 6929 ", "6929")])
def test_what_is_an_id(found: Any, said: str) -> None:
    """As text."""
    assert id_text(found) == said and row_ids([{"id": found}]) == [said]


@pytest.mark.parametrize(
    "held", [None, [], {}, "x", {"id": None}, {"tags": None}, {"tags": {}}, {"data": "x"}, {"tags": ["x"]}, {"tags": [None]}]
)
def test_tags_that_are_no_list_are_not_known(held: Any) -> None:
    """They are not "no tags"."""
    assert tag_ids({"tags": held}) is None


@pytest.mark.parametrize(
    ("held", "ids"), [({"tags": []}, set()), ({"data": []}, set()), ({"tags": [{"id": 7}]}, {"7"}), ({"data": [{"id": "7"}]}, {"7"})]
)
def test_tags_are_known_by_either_name(held: Any, ids: set[str]) -> None:
    """Conversations have `tags`, contacts `data`."""
    assert tag_ids({"tags": held}) == ids


@pytest.mark.parametrize(
    "held",
    [None, [], "x", {}, {"total_count": 3}, {"conversation_parts": None}, {"conversation_parts": {"0": {}}}, {"conversation_parts": ["x"]}],
)
def test_parts_that_are_no_list_are_not_known(held: Any) -> None:
    """Nothing is said to be missing from them, nor to be all."""
    assert parts_of({"conversation_parts": held}) is None
    assert parts_of({"conversation_parts": {"conversation_parts": []}}) == []


@pytest.mark.parametrize("shown", [0, 1, None, "", "true", 1.0])
def test_a_switch_is_true_or_false(shown: Any) -> None:
    """Python takes 0 for false."""
    assert ticket_image({"open": shown}, ("open",)) == {} == plain_fields({"read": shown}, ("read",))
    assert ticket_image({"open": False}, ("open",)) == {"open": False} and plain_fields({"read": True}, ("read",)) == {"read": True}


@pytest.mark.parametrize("shown", [{}, {"id": 7}, [7], True, 1.5, "text", -1])
def test_an_assignee_that_is_no_id_is_not_nobody(shown: Any) -> None:
    """Nobody is null, 0 or an empty text."""
    fields = ("admin_assignee_id",)
    assert ticket_image({"admin_assignee_id": shown}, fields) == {} == image({"admin_assignee_id": shown}, fields)
    for nobody in ({"admin_assignee_id": value} for value in (None, 0, "0", "")):
        assert ticket_image(nobody, fields) == {"admin_assignee_id": 0} == image(nobody, fields)


@pytest.mark.parametrize("held", [None, [], "x", 7])
def test_custom_attributes_that_are_none_are_not_empty(held: Any) -> None:
    """An attribute is empty where they are shown without it."""
    assert plain_fields({"custom_attributes": held}, ("custom_attributes.plan",)) == {}
    assert plain_fields({"custom_attributes": {}}, ("custom_attributes.plan",)) == {"custom_attributes.plan": None}
