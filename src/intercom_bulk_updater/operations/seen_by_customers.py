"""Whether customers see what a request does, and whether anything takes it back, as far as its path and its body tell: for
requests that a person writes by hand.

Of the requests of verbs the verbs say it (`Operation.seen_requests`, `final_requests`); here stand those that no verb sends. What a
place (`{{field}}`) will hold is not known, so it counts as what customers see, and as what nothing takes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .built_in import operations_in
from .message_template import PLACE
from .operation import Json
from .resource import resources

_SEEN = (
    "POST messages", "POST conversations", "POST conversations/*/customers", "POST tickets", "POST tickets/enqueue", "POST fin/start",
    "POST fin/reply", "POST phone_call_redirects",
)  # fmt: skip
"""They see it, whatever the body holds."""
_PUBLISHED = ("POST articles", "PUT articles/*", "POST news/news_items", "PUT news/news_items/*")
"""They see it as soon as it is published, which it may be already."""
_UNSEEN = (
    "tags", "data_attributes", "custom_object_instances", "internal_articles", "ticket_types", "content_snippets", "audiences", "admins",
)  # fmt: skip
"""Of what these begin, and of what has verbs, customers see nothing but what they are said to see."""
_FINAL = ("POST visitors/convert",)
"""Nothing takes them back, whatever the body holds."""
_IN_BULK = "POST content/bulk_actions"
"""So does this, where it deletes."""
_MESSAGES = (
    "POST messages", "POST conversations", "POST conversations/*/reply", "POST conversations/*/parts", "POST tickets/*/reply",
    "POST contacts/*/notes", "POST companies/*/notes",
)  # fmt: skip
"""Somebody reads their `body`."""


def message_of(method: str, path: str, body: Any) -> str:
    """The text of a request that somebody reads, with its places; "" for none."""
    text = body.get("body") if isinstance(body, Mapping) else None
    return text if isinstance(text, str) and any(_fits(f"{method} {path}", one) for one in _MESSAGES) else ""


def seen_by_customers(method: str, path: str, body: Any) -> bool | None:
    """Whether customers see what the request does; None where path and body do not tell."""
    request, given = f"{method} {path}", body if isinstance(body, Mapping) else {}
    if any(_fits(request, one) for one in _SEEN):
        return True
    told = [sees for pattern, sees in _of_verbs(path) if _fits(request, pattern)]
    if told:
        return any(sees(given) for sees in told) or (body is not None and body is not given)
    if any(_fits(request, one) for one in _PUBLISHED):
        return True if given.get("state") in ("published", "live") else None
    begins = path.partition("/")[0].lower()
    return False if (begins in _UNSEEN or begins in resources()) and "banners" not in path else None


def has_no_way_back(method: str, path: str, body: Any) -> bool:
    """Whether no request takes back what this one does."""
    request = f"{method} {path}"
    if method == "DELETE" or any(_fits(request, one) for one in _FINAL):
        return True
    if _fits(request, _IN_BULK):
        action = body.get("action") if isinstance(body, Mapping) else None
        return not isinstance(action, str) or action == "delete" or bool(PLACE.search(action))
    verbs = (verb for resource in resources() for verb in operations_in(resource).values())
    return any(_fits(request, one) for verb in verbs for one in verb.final_requests)


def _of_verbs(path: str) -> Iterator[tuple[str, Callable[[Json], bool]]]:
    """The requests that verbs say of whether customers see them, as patterns, with what says it."""
    begins = path.partition("/")[0]
    for resource in resources():
        if begins.lower() == resource or PLACE.search(begins):
            for verb in operations_in(resource).values():
                for request, sees in verb.seen_requests.items():
                    method, _, end = request.partition(" ")
                    yield f"{method} {resource}/*{f'/{end}' if end else ''}", sees


def _fits(request: str, pattern: str) -> bool:
    """Whether a request is of a pattern, in which `*` stands for anything, as a place of the request does."""
    method, _, path = request.partition(" ")
    known, _, wanted = pattern.partition(" ")
    mine, theirs = path.split("/"), wanted.split("/")
    same = len(mine) == len(theirs) and method == known
    return same and all(their == "*" or PLACE.search(my) or my.lower() == their for my, their in zip(mine, theirs, strict=True))
