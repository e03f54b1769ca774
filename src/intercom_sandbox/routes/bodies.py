"""Reading request bodies: required fields and their types, in the API's own words for what is wrong."""

from __future__ import annotations

from typing import Any

from intercom_sandbox.problems import Problem, invalid, missing


def required(body: dict[str, Any], *names: str) -> None:
    """Raise Problem 400 for the first field that is absent or null."""
    for name in names:
        if body.get(name) is None:
            raise missing(name)


def one_of(body: dict[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """A required field with a fixed set of values."""
    required(body, name)
    value = str(body[name])
    if value not in choices:
        raise invalid(f"{name} must be one of {', '.join(choices)}", name)
    return value


def integer(value: Any, name: str) -> int:
    """An integer, also as a string of digits."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise invalid(f"{name} must be an integer", name)
    try:
        return int(value)
    except ValueError:
        raise invalid(f"{name} must be an integer", name) from None


def text(value: Any, name: str) -> str:
    """A string that is not empty."""
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string", name)
    if not value.strip():
        raise Problem(400, "parameter_missing", f"{name} must not be empty", name)
    return value
