"""The tables of searchable fields."""

import re

import pytest
from official_contract import official_contract

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.search.endpoints import endpoint_for
from intercom_bulk_updater.search.language.fields import RESOURCES, resource, whole_days
from intercom_bulk_updater.search.language.terms import Field, Resource

TYPES = {"String": {"text", "words", "tag"}, "Integer": {"integer"}, "Boolean": {"boolean"}, "Date": {"date", "day"}}


def documented(operation: str) -> dict[str, str]:
    """The field table of a search, as the official file has it: field -> type."""
    path = official_contract()
    text = path.read_text(encoding="utf-8")
    section = text[text.index(f"operationId: {operation}\n") :]
    rows: dict[str, str] = {}
    for line in section[section.index("### Accepted Fields") :].splitlines():
        if line.strip().startswith("### Accepted Operators"):
            break
        if found := re.match(r"\s*\| ([a-z][\w.{}]+)\s*\| (String|Integer|Boolean|Date)\b", line):
            rows[found[1]] = found[2]
    return rows


@pytest.mark.parametrize(
    ("operation", "name", "least"),
    [("searchConversations", "conversations", 56), ("SearchContacts", "contacts", 38), ("searchTickets", "tickets", 14)],
)
def test_every_documented_field(operation: str, name: str, least: int) -> None:
    """The tables hold every field that the API reference lists, of the type that it gives, and no other."""
    rows = documented(operation)
    assert len(rows) >= least
    table = resource(name)
    for field, type_ in rows.items():
        if "{" in field:
            continue
        assert table.fields[field].type in TYPES[type_], field
    assert set(table.fields) <= set(rows) | {"channel_initiated"}


@pytest.mark.parametrize("name", RESOURCES)
def test_friendly_names_lead_somewhere(name: str) -> None:
    """Every friendly name stands for a field, and none hides another field's own name."""
    table = resource(name)
    for word, target in [*table.words.items(), *table.since.items()]:
        assert table.find(target) is not None, word
        assert word not in table.fields or word == target
    assert not set(table.words) & set(table.since)
    assert not set(table.missing) & (set(table.words) | set(table.since) | set(table.fields))


@pytest.mark.parametrize(
    ("name", "typed", "field"),
    [
        ("conversations", "team", "team_assignee_id"),
        ("conversations", "Assignee", "admin_assignee_id"),
        ("conversations", "statistics.last_close_at", "statistics.last_close_at"),
        ("conversations", "attributes.Plan", "custom_attributes.Plan"),
        ("contacts", "tag", "tag_id"),
        ("contacts", "custom_attributes.Mixed Case", "custom_attributes.Mixed Case"),
        ("tickets", "attribute.12", "ticket_attribute.12"),
        ("companies", "company", "company_id"),
    ],
)
def test_term(name: str, typed: str, field: str) -> None:
    """A field is found by its friendly name, its own, and the prefix of custom attributes."""
    assert resource(name).term(typed).field.name == field


def test_unknown_term() -> None:
    """An unknown field is refused with the nearest, or with what is known."""
    with pytest.raises(UsageError, match=r"Did you mean assignee.*custom_attributes\.asignee"):
        resource("conversations").term("asignee")
    with pytest.raises(UsageError, match="Known: team"):
        resource("conversations").term("xyzzy")
    with pytest.raises(UsageError, match="conversations, contacts, tickets, companies can"):
        resource("articles")
    # What a list has is what its first page shows.
    with pytest.raises(UsageError, match="Known: title, state."):
        Resource("listed articles", {}, {}, shown={name: Field(name, "any") for name in ("title", "state")}).term("xyzzy")


@pytest.mark.parametrize(
    ("path", "searches", "said"),
    [
        ("articels", False, "Did you mean articles?"), ("contacts/7/note", True, "Did you mean contacts/{id}/notes"),
        ("conversation/search", True, "conversations/search"), ("news", False, "Did you mean news/news_items or news/newsfeeds"),
        ("data_attributes?model=contact", False, "Did you mean data_attributes?"), ("artciles/?page=2", False, "Did you mean articles?"),
        ("https://api.intercom.io/tags", False, "Did you mean tags?"),
        ("custom_objects", False, "Did you mean custom_object_instances/{id}?"),
        ("foo/bar", False, "Known: conversations, conversations/deleted, contacts"),
    ],
)  # fmt: skip
def test_an_unknown_list_is_refused_with_the_nearest(path: str, searches: bool, said: str) -> None:
    """A few that come near, not the fifty that there are; a search only to who may ask one."""
    with pytest.raises(UsageError) as refused:
        endpoint_for(path, searches=searches)
    assert said in refused.value.message and ("conversations/search" in refused.value.message) <= searches


@pytest.mark.parametrize(
    ("version", "days"), [("2.16", True), ("2.0", True), ("2.17", False), ("2.20", False), ("Preview", False)]
)
def test_whole_days(version: str, days: bool) -> None:
    """Contact dates are whole days up to 2.16."""
    assert whole_days(version) is days
    assert ("!=" not in resource("contacts", version).fields["created_at"].operators) is days
