"""What Intercom is asked of a filter, and what is judged here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from official_contract import official_contract

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.search.language.division import divide
from intercom_bulk_updater.search.language.fields import resource
from intercom_bulk_updater.search.language.where import compile_where

NOW = 1_795_500_000.0


def said(node: Mapping[str, Any]) -> str:
    """A query on one line."""
    if "field" in node:
        return f"{node['field']} {node['operator']} {node['value']}"
    return "(" + f" {node['operator']} ".join(said(part) for part in node["value"]) + ")"


@pytest.mark.parametrize(
    ("name", "text", "asked", "here"),
    [
        ("conversations", "state = open and title ~ refund", "(state = open)", "(title ~ refund)"),
        ("conversations", "title ~ refund", "(created_at > 0)", "(title ~ refund)"),
        ("conversations", "read = true and (title ~ a or state = open)", "(read = True)", "((title ~ a OR state = open))"),
        (
            "conversations", "(state = open and title ~ a) or (state = closed and sla = Gold)",
            "((state = open) OR (state = closed))",
            "(((state = open AND title ~ a) OR (state = closed AND sla_applied.sla_name = Gold)))",
        ),
        (
            "conversations", "(read = true or state = open) and body = refund and title ~ a",
            "((source.body = refund) AND (read = True OR state = open))", "(title ~ a)",
        ),
        ("tickets", "open = true and number in (5, 6)", "(open = True)", "(ticket_id IN [5, 6])"),
        ("contacts", "role = lead and not (name ^ A or email $ .test)", "(role = lead)", "(name !^ A AND email !$ .test)"),
        ("conversations", "not subject ^ Re", "(created_at > 0)", "(source.subject !^ Re)"),
        ("contacts", "role = lead and not browser_version = 12", "(role = lead)", "(browser_version != 12)"),
    ],
)  # fmt: skip
def test_a_filter_is_divided(name: str, text: str, asked: str, here: str) -> None:
    """Intercom's part is as narrow as it can be, and finds all that the whole filter does."""
    found = divide(compile_where(text, name, now=NOW), name)
    assert found is not None
    assert (said(found.asked), said(found.here)) == (asked, here)


def test_a_filter_that_intercom_judges_is_left_whole() -> None:
    """Nothing is judged here."""
    assert divide(compile_where("state = open and body = refund", "conversations", now=NOW), "conversations") is None


@pytest.mark.parametrize(("name", "text"), [
    ("conversations", "body = refund or title ~ refund"), ("tickets", "state = x or number = 5"),
    ("conversations", "not body ^ x"), ("contacts", "not formatted_phone ^ 1"), ("contacts", "not name ^ A or tag = 5"),
])  # fmt: skip
def test_what_nobody_can_judge_is_refused(name: str, text: str) -> None:
    """An `or` between what only Intercom knows and what only the item shows; an opposite that Intercom lacks of what no item shows."""
    with pytest.raises(UsageError, match="two runs|no opposite"):
        divide(compile_where(text, name, now=NOW), name)


def contract() -> Iterator[tuple[str, str]]:
    """(resource, field) of all single values that the official contract shows of an item, but for constants and addresses."""
    path = official_contract()
    with path.open() as file:
        schemas = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["components"]["schemas"]

    def real(schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def properties(schema: dict[str, Any]) -> dict[str, Any]:
        schema, found = real(schema), {}
        for part in (one for word in ("allOf", "oneOf", "anyOf") for one in schema.get(word, ())):
            found |= properties(part)
        return found | schema.get("properties", {})

    def leaves(schema: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[str]:
        for name, part in properties(schema).items():
            part = real(part)
            if properties(part) and depth < 2:
                yield from leaves(part, f"{prefix}{name}.", depth + 1)
            elif part.get("type") in ("string", "integer", "boolean", "number"):
                yield prefix + name

    for name, schema in (("conversations", "conversation"), ("contacts", "contact"), ("tickets", "ticket"), ("companies", "company")):
        yield from ((name, leaf) for leaf in leaves(schemas[schema]) if leaf.rpartition(".")[2] not in ("type", "url", "has_more"))


def test_any_field_of_the_contract_goes_by_its_own_name() -> None:
    """Searched by Intercom, or judged here."""
    fields = list(contract())
    assert len(fields) > 150
    assert [f"{name}: {field}" for name, field in fields if resource(name).find(resource(name).words.get(field, field)) is None] == []
