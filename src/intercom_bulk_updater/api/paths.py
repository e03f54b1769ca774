"""The path of an item, the one place where an id becomes part of an address; and what a path may be that somebody gives.

An id comes from a server, a file or a person. Unquoted, `100001/../100002` would be a write to another item.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from ..errors import UsageError
from ..parsing.identity import canonical_id
from .redact import redact

_PLAIN = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*").fullmatch
"""What quoting leaves as it is: nearly every id, and a path of such."""
_ITEM = re.compile(r"(conversations|contacts|companies|tickets)/(?!(attributes|deleted|scroll|list|search)$)([^/?]+)").fullmatch
_STEERS = re.compile(r"[?#\\\x00-\x1f\x7f]")


class UnusableId(ValueError):
    """An id that no path can hold; the item fails and the run goes on."""

    cause = "unusable id"


def item_path(*segments: str) -> str:
    """`item_path("conversations", "123", "tags", "7")` is `conversations/123/tags/7`, each segment quoted.

    Raises UnusableId for a segment that is empty, `.` or `..`: a server would take it for another path.
    """
    path = "/".join(segments)
    if _PLAIN(path) and path.count("/") == len(segments) - 1:
        return path
    return "/".join([segment if _PLAIN(segment) and "/" not in segment else _quoted(segment) for segment in segments])


def item_of(path: str) -> str:
    """The id of the item that a GET of this path shows, as Intercom writes it; "" where it shows none."""
    found = _ITEM(path.strip("/"))
    return "" if found is None else canonical_id(unquote(found[3]), found[1])


def _quoted(segment: str) -> str:
    if not segment.strip() or segment in (".", ".."):
        raise UnusableId(f"{segment!r} is not an id that a request could name: nothing was sent")
    return quote(segment, safe="@:+,;=!$&'()*~")


def refuse_steering_id(item_id: str) -> None:
    """Refuse an id that would lead a path which a person's code builds by hand to another item.

    Raises UnusableId. An updater whose ids are meant so returns them quoted from `get_item_id`.
    """
    if _STEERS.search(item_id) or any(unquote(segment).strip() in ("", ".", "..") for segment in item_id.split("/")):
        raise UnusableId(
            f"{item_id!r} would lead a request to another item: nothing was sent. If it is meant, return it quoted from get_item_id"
        )


def relative(path: str, base_url: str) -> str:
    """A path as the transport wants it; old code gives whole addresses. Raises UsageError for another server's."""
    if ("." in path or "%" in path) and any(unquote(one) in (".", "..") for one in path.partition("?")[0].split("/")):
        raise UnusableId(f"{redact(path)} leads to another path than it names: nothing was sent")
    if "://" not in path:
        return path
    if base_url and path.startswith(f"{base_url}/"):
        return path.removeprefix(f"{base_url}/")
    where = base_url or "the base URL"
    raise UsageError(f"{redact(path)} is not below {where}: give the client a path, such as conversations/123.")
