"""Bodies of errors in every shape that Intercom and what stands before it may give them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

HTML = "<!DOCTYPE html><html><head><title>{code}</title></head><body><h1>{message}</h1></body></html>"
JSON, PLAIN, PAGE = "application/json; charset=utf-8", "text/plain; charset=utf-8", "text/html; charset=utf-8"


def _standard(*errors: dict[str, Any]) -> Callable[[str, str, str], Any]:
    def make(code: str, message: str, key: str) -> Any:
        return {"type": "error.list", "request_id": key, "errors": [{"code": code, "message": message}, *errors]}

    return make


SHAPES: dict[str, Callable[[str, str, str], Any]] = {
    "standard": _standard(),
    "two": _standard({"code": "second_error", "message": "And the second reason"}),
    "mapping": lambda code, message, key: {"errors": {"assignee_id": ["is invalid", message]}},
    "mapping_text": lambda code, message, key: {"errors": {"assignee_id": message}},
    "strings": lambda code, message, key: {"errors": [message]},
    "errors_text": lambda code, message, key: {"errors": message},
    "errors_null": lambda code, message, key: {"type": "error.list", "errors": None},
    "errors_empty": lambda code, message, key: {"type": "error.list", "errors": []},
    "errors_mixed": lambda code, message, key: {"type": "error.list", "errors": [None, 7, [], {"code": 7, "message": [message]}]},
    "error": lambda code, message, key: {"error": {"code": code, "message": message}},
    "error_text": lambda code, message, key: {"error": message},
    "message": lambda code, message, key: {"message": message},
    "list": lambda code, message, key: [{"code": code, "message": message}],
    "json_text": lambda code, message, key: message,
    "number": lambda code, message, key: 42,
    "null": lambda code, message, key: None,
    "object": lambda code, message, key: {},
    "text": lambda code, message, key: message.encode(),
    "html": lambda code, message, key: HTML.format(code=code, message=message).encode(),
    "empty": lambda code, message, key: b"",
    "invalid_utf8": lambda code, message, key: b'{"errors":[{"code":"\xff\xfe","message":"\xc3\x28' + message.encode() + b'"}]}',
    "cut": lambda code, message, key: json.dumps(_standard()(code, message, key)).encode()[:40],
}
TYPES = {"text": PLAIN, "html": PAGE}


def error_body(shape: str, code: str, message: str, key: str) -> tuple[bytes, str]:
    """(body, content type) of an error."""
    made = SHAPES[shape](code, message, key)
    return (made if isinstance(made, bytes) else json.dumps(made).encode()), TYPES.get(shape, JSON)
