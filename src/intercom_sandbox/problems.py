"""Error answers: Intercom's `error.list`, raised by handlers as `Problem`."""

from __future__ import annotations

import json
from typing import Any


class Problem(Exception):
    """An answer other than success: HTTP status, Intercom's code and message, perhaps the field."""

    def __init__(self, status: int, code: str, message: str | None, field: str | None = None, head: str = "") -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.head = head

    def body(self, request_id: str) -> bytes:
        """The JSON body."""
        entry: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.field is not None:
            entry["field"] = self.field
        return json.dumps({"type": "error.list", "request_id": request_id, "errors": [entry]}).encode()


def not_found(message: str = "Resource Not Found", code: str = "not_found") -> Problem:
    """404 in the words of the endpoint."""
    return Problem(404, code, message)


def number(value: Any) -> int | None:
    """The number of an id, given as a number or a string of digits; None for anything else."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None


def missing(field: str) -> Problem:
    """400 for a required field that is not there."""
    return Problem(400, "parameter_missing", f"{field} is a required parameter", field)


def invalid(message: str, field: str | None = None) -> Problem:
    """400 for a value that is wrong."""
    return Problem(400, "parameter_invalid", message, field)
