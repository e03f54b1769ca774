"""The values of a raw query, in the type that its field has.

People write `"value": team_id` with an id that came as text. The API documents integers and dates as numbers, and may
refuse, or find nothing for, their text.
https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/searchconversations
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .language.fields import RESOURCES, resource

_NUMBER = re.compile(r"-?\d{1,18}")
_NUMERIC = frozenset(("integer", "date", "day"))


def in_their_types(query: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The same query with digits as numbers, where the field of this resource ("conversations") is one of numbers.

    Everything else stays as it is, and so does what is not a query object.
    """
    if kind not in RESOURCES:
        return dict(query)
    return dict(_part(query, resource(kind).fields))


def _part(part: Any, fields: Mapping[str, Any]) -> Any:
    """A query, or what stands under its `query` or `value`: a query, a list of them, or values."""
    if isinstance(part, Mapping):
        return {name: _part(inner, fields) if name in ("query", "value") else inner for name, inner in _leaf(part, fields).items()}
    return [_part(one, fields) for one in part] if isinstance(part, list) else part


def _leaf(query: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    named = fields.get(str(query.get("field")))
    if named is None or named.type not in _NUMERIC or "value" not in query:
        return dict(query)
    value = query["value"]
    return {**query, "value": [_number(one) for one in value] if isinstance(value, list) else _number(value)}


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else value
