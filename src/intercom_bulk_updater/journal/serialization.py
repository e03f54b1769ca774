"""How values become columns: compact JSON, absent as NULL. The same on every database. No token passes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from intercom_bulk_updater.api.redact import without_known_tokens
from intercom_bulk_updater.model import Failure

# ASCII, because half of an emoji (a lone surrogate) is legal in JSON and illegal in a database's text.
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
_decode = json.JSONDecoder().decode


def pack(value: Mapping[str, Any] | None) -> str | None:
    """Compact JSON without tokens, or None for None. What JSON does not know (a date) becomes its text."""
    return None if value is None else without_known_tokens(_encode(value if type(value) is dict else dict(value)))


def unpack(text: str | None) -> dict[str, Any] | None:
    """The inverse of `pack`."""
    if text is None:
        return None
    found: dict[str, Any] = _decode(text)
    return found


def unpack_or_empty(text: str | None) -> dict[str, Any]:
    """As `unpack`, with an empty dict for NULL."""
    return unpack(text) or {}


def clean(text: str) -> str:
    """Text as a database takes it: what is no character becomes a question mark."""
    text = without_known_tokens(text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def plain(text: str | None) -> str | None:
    """As `clean`, with None for the empty text."""
    return clean(text) if text else None


def pack_failure(failure: Failure | None) -> str | None:
    """Everything of a failure but its cause, without what is empty."""
    if failure is None:
        return None
    parts = {
        "message": failure.message,
        "status": failure.status,
        "code": failure.code,
        "request_id": failure.request_id,
    }
    return without_known_tokens(_encode({name: part for name, part in parts.items() if part}))


def unpack_failure(cause: str | None, text: str | None) -> Failure | None:
    """The inverse of `pack_failure`."""
    return None if cause is None else Failure(cause, **unpack_or_empty(text))
