"""The parameters of a run as the journal keeps them, and back: each comes back as what it was, or is refused at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intercom_bulk_updater.errors import UsageError

from .serialization import Unstorable, from_json, pack_json, to_json, unread


def encode_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters in JSON's own types. Raises UsageError, naming the parameter and its type, for what would not come back."""
    stored = {}
    for name, value in params.items():
        try:
            stored[name] = to_json(value, name)
            pack_json({name: stored[name]})
        except Unstorable as exc:
            raise UsageError(
                f"The parameter {name} cannot be stored with the run, so a resume could not give it back: {exc.where} is a "
                f"{exc.kind}. Give a plain value: a text, a number, a date, a list, a dict. Nothing was written.",
                hint="",
            ) from exc
        except (ValueError, RecursionError) as exc:
            raise UsageError(
                f"The parameter {name} cannot be stored with the run: it is too large, too deep, or contains itself. Nothing was written.",
                hint="",
            ) from exc
    return stored


def decode_parameters(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `encode_parameters`. Raises UsageError for what this program, or its modules, can no longer read."""
    params = {name: from_json(value) for name, value in stored.items()}
    for name, value in params.items():
        if unreadable := unread(value):
            raise UsageError(
                f"The parameter {name} cannot be read back: {unreadable} is no longer there. Nothing was written. "
                "Put it back where it was, or run the command again.",
                hint="",
            )
    return params


def storable(image: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The same image, of which every value comes back from the journal as what it is. Raises TypeError that names the value."""
    try:
        to_json(dict(image), what)
    except Unstorable as exc:
        raise TypeError(str(exc)) from None
    return dict(image)

