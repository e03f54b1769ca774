"""Literals of custom attributes, in the type that the workspace gives the attribute."""

from __future__ import annotations

from typing import Any

import pytest

from intercom_bulk_updater.errors import NotFound, UsageError
from intercom_bulk_updater.search.attributes import WorkspaceAttributes
from intercom_bulk_updater.search.language.where import compile_where, explain

NOW = 1795500000.0
LISTS: dict[str, dict[str, Any]] = {
    "conversations/attributes": {"data": [
        {"name": "order_id", "data_type": "string"}, {"name": "amount", "data_type": "integer"},
        {"name": "score", "data_type": "float"}, {"name": "done", "data_type": "boolean"},
        {"name": "due", "data_type": "datetime"}, {"name": "kind", "data_type": "list", "options": [{"label": "Bug", "id": "77"}]},
        {"name": "old", "data_type": "integer", "archived": True}, {"name": "parts", "data_type": "relationship"},
    ]},
    "data_attributes": {"data": [
        {"name": "plan", "data_type": "string", "model": "contact", "custom": True},
        {"name": "plan", "data_type": "integer", "model": "company", "custom": True},
        {"name": "renews_at", "data_type": "date", "model": "contact", "custom": True},
        {"name": "order_id", "data_type": "integer", "model": "conversation", "custom": True},
    ]},
    "ticket_types": {"data": [
        {"id": "1", "ticket_type_attributes": {"data": [
            {"id": "9001", "name": "severity", "data_type": "string"}, {"id": "9003", "name": "due", "data_type": "datetime"},
            {"id": "9005", "name": "urgency", "data_type": "list", "options": [{"label": "High", "id": "a"}]},
        ]}},
        {"id": "2", "ticket_type_attributes": {"data": [
            {"id": "9002", "name": "copies", "data_type": "integer"}, {"id": "9004", "name": "severity", "data_type": "integer"},
            {"id": "9006", "name": "urgency", "data_type": "list", "options": [{"label": "Low", "id": "b"}]},
        ]}},
    ]},
}  # fmt: skip


def value(text: str, resource: str = "conversations", version: str = "2.16", lists: dict[str, dict[str, Any]] = LISTS) -> Any:
    """The value of the one filter of `text`."""

    def get(path: str) -> dict[str, Any]:
        if path not in lists:
            raise NotFound(status=404)
        return lists[path]

    body = compile_where(text, resource, now=NOW, api_version=version, attributes=WorkspaceAttributes(get).of)
    return body["value"][0]["value"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("custom_attributes.order_id = 00123", "00123"),
        ("custom_attributes.order_id in (1, 02)", ["1", "02"]),
        ("custom_attributes.order_id = true", "true"),
        ("custom_attributes.order_id != 2026-01-01", "2026-01-01"),
        ("custom_attributes.order_id = none", None),
        ("custom_attributes.amount = 007", 7),
        ("custom_attributes.amount > '7'", 7),
        ("custom_attributes.score < 2.5", 2.5),
        ("custom_attributes.score < 2", 2),
        ("custom_attributes.done = yes", True),
        ("custom_attributes.kind = bug", "Bug"),
        ("custom_attributes.kind = 77", "Bug"),
        ("custom_attributes.kind ~ bu", "bu"),
        ("custom_attributes.due > 2026-01-31", 1769903999),
        ("custom_attributes.old = 5", 5),
    ],
)
def test_the_attribute_says_what_a_value_is(text: str, wanted: Any) -> None:
    """A text stays as it is typed, a number is one, an option is named by its label."""
    found = value(text)
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("resource", "text", "wanted"),
    [
        ("contacts", "custom_attributes.plan = 5", "5"),
        ("companies", "custom_attributes.plan = 5", 5),
        ("contacts", "custom_attributes.renews_at = 2026-01-31", 1769817600),
        ("tickets", "ticket_attribute.9001 = 5", "5"),
        ("tickets", "ticket_attribute.9002 = 05", 5),
    ],
)
def test_each_resource_has_its_own_attributes(resource: str, text: str, wanted: Any) -> None:
    """An attribute of a contact says nothing of a company's by the same name; those of tickets are known by id."""
    assert value(text, resource) == wanted


def test_before_2_16_the_attributes_of_conversations_stand_among_the_others() -> None:
    """Where /conversations/attributes does not exist, /data_attributes has them."""
    old = {"data_attributes": LISTS["data_attributes"]}
    assert value("custom_attributes.order_id = 05", version="2.15", lists=old) == 5


@pytest.mark.parametrize("text", ["amount = 1.5", "amount = x", "score = nan", "done = 1", "kind = Bog", "order_id > 5", "due = soon"])
def test_a_value_of_another_type_is_an_error(text: str) -> None:
    """Nothing is sent that the attribute cannot hold, and the error names the attribute."""
    with pytest.raises(UsageError, match=text.split()[0] + "|soon"):
        value(f"custom_attributes.{text}")


@pytest.mark.parametrize(("resource", "text", "nearest"), [
    ("conversations", "custom_attributes.order = 3", "order_id"), ("contacts", "custom_attributes.plann != pro", "plan"),
    ("companies", "custom_attributes.plam = 3", "plan"), ("tickets", "ticket_attribute.severty = high", "severity"),
    ("tickets", "ticket_attributes.severty != high", "severity"), ("tickets", "custom_attributes.cpies > 3", "copies"),
])  # fmt: skip
def test_an_attribute_that_there_is_not_is_refused(resource: str, text: str, nearest: str) -> None:
    """With the nearest names, before anything is searched."""
    with pytest.raises(UsageError, match=f"Nearest: {nearest}"):
        value(text, resource)


def query(text: str) -> dict[str, Any]:
    """What Intercom is asked of a filter of tickets."""
    return compile_where(text, "tickets", now=NOW, attributes=WorkspaceAttributes(LISTS.__getitem__).of)


@pytest.mark.parametrize(("text", "joint", "wanted"), [
    ("ticket_attribute.copies = 5", "AND", [("9002", "=", 5)]),
    ("ticket_attributes.copies in (5, 6)", "AND", [("9002", "IN", [5, 6])]),
    ("custom_attributes.severity = 5", "OR", [("9001", "=", "5"), ("9004", "=", 5)]),
    ("ticket_attribute.severity != 5", "AND", [("9001", "!=", "5"), ("9004", "!=", 5)]),
    ("ticket_attribute.severity = none", "AND", [("9001", "=", None), ("9004", "=", None)]),
    ("ticket_attribute.severity != none", "OR", [("9001", "!=", None), ("9004", "!=", None)]),
    ("ticket_attribute.severity = x", "AND", [("9001", "=", "x")]),
    ("ticket_attribute.urgency = low", "AND", [("9006", "=", "Low")]),
])  # fmt: skip
def test_an_attribute_of_tickets_by_its_name(text: str, joint: str, wanted: list[tuple[str, str, Any]]) -> None:
    """Intercom knows it by its id, and several types may have one of that name."""
    found = query(text)
    assert found["operator"] == joint
    assert [(one["field"].removeprefix("ticket_attribute."), one["operator"], one["value"]) for one in found["value"]] == wanted


def test_a_filter_says_the_names_and_the_dates_of_attributes() -> None:
    """No id alone, and no Unix seconds."""
    known = WorkspaceAttributes(LISTS.__getitem__).of
    said = explain(query("ticket_attribute.copies = 5 and ticket_attribute.due > 2026-01-31 9:00"), "tickets", attributes=known)
    assert said == "copies (9002) is 5 and due (9003) is after Sat 31 Jan 2026 09:00 (UTC)"
    body = compile_where("custom_attributes.renews_at = 2027-01-31", "contacts", now=NOW, attributes=known)
    assert explain(body, "contacts", attributes=known) == "custom_attributes.renews_at is on Sun 31 Jan 2027 (UTC)"
