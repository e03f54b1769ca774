"""Whether customers see what a request does, as far as its path and its body tell: for requests that a person writes by hand.

Answers as the verbs do that send the same. What a place (`{{field}}`) will hold is not known, so it counts as what customers see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .message_template import PLACE

_SEEN = (
    "POST messages", "POST conversations", "POST conversations/*/customers", "POST conversations/*/convert", "POST tickets",
    "POST tickets/enqueue", "POST fin/start", "POST fin/reply", "POST phone_call_redirects",
)  # fmt: skip
"""They see it, whatever the body holds."""
_REPLIES = ("POST conversations/*/reply", "POST tickets/*/reply")
_PARTS = ("POST conversations/*/parts",)
_SHARING = ("PUT tickets/*",)
_PUBLISHED = ("POST articles", "PUT articles/*", "POST news/news_items", "PUT news/news_items/*")
_UNSEEN = (
    "contacts", "companies", "conversations", "tickets", "tags", "data_attributes", "custom_object_instances", "internal_articles",
    "ticket_types", "content_snippets", "audiences", "admins",
)  # fmt: skip
"""Of what these begin, customers see nothing but what stands above."""


def seen_by_customers(method: str, path: str, body: Any) -> bool | None:
    """Whether customers see what the request does; None where path and body do not tell."""
    given = body if isinstance(body, Mapping) else None

    def one_of(requests: tuple[str, ...]) -> bool:
        return any(_fits(f"{method} {path}", request) for request in requests)

    if one_of(_SEEN):
        return True
    if one_of(_REPLIES):
        return given is None or given.get("message_type") != "note"
    if one_of(_PARTS):
        return bool(given.get("body")) if given is not None else body is not None
    if one_of(_SHARING):
        return bool(given.get("is_shared")) if given is not None else body is not None
    if one_of(_PUBLISHED):
        return True if given is not None and given.get("state") in ("published", "live") else None
    return False if path.partition("/")[0].lower() in _UNSEEN and "banners" not in path else None


def _fits(request: str, pattern: str) -> bool:
    """Whether a request is of a pattern, in which `*` stands for anything, as a place of the request does."""
    method, _, path = request.partition(" ")
    known, _, wanted = pattern.partition(" ")
    mine, theirs = path.split("/"), wanted.split("/")
    same = len(mine) == len(theirs) and method == known
    return same and all(their == "*" or PLACE.search(my) or my.lower() == their for my, their in zip(mine, theirs, strict=True))
