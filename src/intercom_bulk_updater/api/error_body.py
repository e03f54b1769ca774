"""The body of an answer of 400 or more, whatever shape it has: which code, whose words, whether it is Intercom's at all.

Intercom's own shape is an error list, https://developers.intercom.com/docs/references/rest-api/errors/error-objects. Other
services, older endpoints, gateways and firewalls have theirs; a person needs whatever text is there.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..parsing.printable import printable
from .redact import redact

_MOST_WORDS = 500
_MOST_CODE = 80
_LARGEST = 1_000_000
"""Bytes of a body that are parsed; of a larger one only the beginning is read, as text."""
_BEGINNING = 20_000
_MOST_ERRORS = 20
_DEEPEST = 6
_WORDS = ("message", "error_description", "description", "detail", "title", "reason", "msg")
_CODES = ("code", "error_code", "type")
_LISTS = ("errors", "error", "fault", "details")
_ITEMS = ("conversation", "contact", "user", "lead", "company", "ticket", "tag", "note", "subscription")
_NOT_SEEN = re.compile(r"(?is)<(script|style|head)\b.*?(</\1\s*>|$)|<!--.*?(-->|$)|<[^>]{0,2000}>")
_TITLE = re.compile(r"(?is)<title[^>]*>(.{0,500}?)</title")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error's body says. All texts are bounded and without tokens, e-mail addresses and control characters.

    `json` is False for a body that has text and is not JSON: something other than Intercom wrote it.
    """

    code: str = ""
    message: str = ""
    request_id: str = ""
    json: bool = True


def read_error_body(body: bytes) -> ErrorBody:
    """Read a body. Never raises."""
    if not body.strip():
        return ErrorBody()
    if len(body) > _LARGEST:
        return ErrorBody(message=_bounded(_text(body)), json=body.lstrip()[:1] in (b"{", b"["))
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "a text that is not JSON"
        said = _text(body)
        return ErrorBody(message=_bounded(f"{kind}: {said}" if said else kind), json=False)
    words = list(dict.fromkeys(said for _, said in _errors(found, 0) if said))
    codes = [code for code, _ in _errors(found, 0) if code]
    request_id = found.get("request_id") if isinstance(found, Mapping) else None
    return ErrorBody(
        code=_safe(codes[0], _MOST_CODE) if codes else "",
        message=_bounded("; ".join(words)),
        request_id=_safe(request_id, _MOST_CODE) if isinstance(request_id, str | int) else "",
    )


def shows_item(body: bytes) -> bool:
    """Whether a refusal shows an item in place of an error: it contradicts itself, and says nothing of what became of the request."""
    try:
        found = json.loads(body) if len(body) <= _LARGEST else None
    except (ValueError, RecursionError):
        return False
    return isinstance(found, Mapping) and found.get("type", found.get("object")) in _ITEMS and "id" in found and "errors" not in found


def _errors(value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """(code, words) of each error in a body, in their order."""
    if depth > _DEEPEST or value in (None, "", True, False):
        return
    if isinstance(value, list):
        for one in value[:_MOST_ERRORS]:
            yield from _errors(one, depth + 1)
    elif isinstance(value, Mapping):
        yield from _of_an_object(value, depth)
    else:
        yield "", str(value)


def _of_an_object(value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    code = next((str(value[name]) for name in _CODES if isinstance(value.get(name), str | int) and value[name]), "")
    if code.endswith((".list", "_list")) or (code == value.get("type") and any(name in value for name in _LISTS)):
        code = ""  # what kind of object it is, and no error's code
    words = next((value[name] for name in _WORDS if isinstance(value.get(name), str) and value[name].strip()), "")
    field = value.get("field")
    if words or code:
        yield code, f"{field}: {words}" if isinstance(field, str) and field and field not in words else words
    nested = [name for name in _LISTS if value.get(name)]
    for name in nested:
        yield from _errors(value[name], depth + 1)
    if words or code or nested:
        return
    # {"assignee_id": ["is invalid"], ...}: field by field.
    fields = [(name, part) for name, part in value.items() if name != "type"]  # what kind of object it is
    for name, part in fields[:_MOST_ERRORS]:
        for inner, said in _errors(part, depth + 1):
            yield inner, f"{name}: {said}" if said else str(name)


def _text(body: bytes) -> str:
    """What a person would read of a body that is no JSON: of a page its title and its words, without the markup."""
    raw = body[:_BEGINNING].decode("utf-8", "replace").replace("\ufffd", "?")
    if raw.lstrip()[:1] != "<":
        return printable(raw)
    title = _TITLE.search(raw)
    words = " ".join(printable(html.unescape(_NOT_SEEN.sub(" ", raw))).split())
    head = printable(html.unescape(title[1])) if title else ""
    return words if not head or words.startswith(head) else f"{head}: {words}".removesuffix(": ")


def _safe(value: Any, most: int) -> str:
    return redact(printable(value))[:most]


def _bounded(text: str) -> str:
    # Redacted before it is cut: half a token is a secret too, and no pattern knows it.
    return redact(printable(text))[:_MOST_WORDS]
