"""How each paginated endpoint wants to be read: method, where the items lie, how its pages are turned.

The item key differs by endpoint ("conversations", "data", "tickets" ...). Guessing it reads zero tickets without an error,
so it stands here, endpoint by endpoint, as the API reference has it:
https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/pagination
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum

from ..errors import UsageError


class Paging(StrEnum):
    """How an endpoint's pages are turned."""

    CURSOR = "cursor"
    """`pages.next.starting_after`, given back in the body (search) or the query string (lists)."""
    NUMBER = "page number"
    """`?page=N`; `pages.next` is a URL, of which only the query string is taken: following the URL would send the
    token wherever it points."""
    SCROLL = "scroll"
    """`scroll_param`; one scroll for an app, gone after a minute; ends with an empty page."""
    NONE = "none"
    """Everything at once."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One paginated endpoint. `page_size` is the largest page it gives; `resource` what its items are."""

    path: str
    method: str
    key: str
    paging: Paging
    page_size: int
    resource: str
    searches: bool = False
    """Takes a query in its body."""
    cap: int | None = None
    """The endpoint stops listing here, without an error."""
    other_key: str = ""
    """Where the items lie instead of under `key`, for the one endpoint whose reference says both."""


_TABLE = (
    Endpoint("conversations/search", "POST", "conversations", Paging.CURSOR, 150, "conversations", searches=True),
    Endpoint("contacts/search", "POST", "data", Paging.CURSOR, 150, "contacts", searches=True),
    Endpoint("tickets/search", "POST", "tickets", Paging.CURSOR, 150, "tickets", searches=True),
    Endpoint("companies/search", "POST", "data", Paging.CURSOR, 60, "companies", searches=True),
    Endpoint("conversations", "GET", "conversations", Paging.CURSOR, 150, "conversations"),
    Endpoint("conversations/deleted", "GET", "conversations", Paging.NUMBER, 60, "deleted conversations"),
    Endpoint("contacts", "GET", "data", Paging.CURSOR, 150, "contacts"),
    Endpoint("companies/list", "POST", "data", Paging.NUMBER, 60, "companies", cap=10_000),
    Endpoint("companies", "GET", "data", Paging.NUMBER, 60, "companies", cap=10_000),
    Endpoint("companies/scroll", "GET", "data", Paging.SCROLL, 100, "companies"),
    Endpoint("companies/{id}/contacts", "GET", "data", Paging.NUMBER, 60, "contacts"),
    # The reference's schema says "companies", its example of an answer "data".
    Endpoint("contacts/{id}/companies", "GET", "companies", Paging.NUMBER, 60, "companies", other_key="data"),
    Endpoint("contacts/{id}/notes", "GET", "data", Paging.NUMBER, 60, "notes"),
    Endpoint("companies/{id}/notes", "GET", "data", Paging.NUMBER, 60, "notes"),
    Endpoint("contacts/{id}/tags", "GET", "data", Paging.NONE, 0, "tags"),
    Endpoint("contacts/{id}/segments", "GET", "data", Paging.NONE, 0, "segments"),
    Endpoint("contacts/{id}/subscriptions", "GET", "data", Paging.NONE, 0, "subscriptions"),
    Endpoint("companies/{id}/segments", "GET", "data", Paging.NONE, 0, "segments"),
    Endpoint("conversations/{id}/side_conversations", "GET", "side_conversations", Paging.NUMBER, 50, "side conversations"),
    Endpoint("articles", "GET", "data", Paging.NUMBER, 60, "articles"),
    Endpoint("articles/{id}/versions", "GET", "data", Paging.NUMBER, 25, "versions"),
    Endpoint("internal_articles", "GET", "data", Paging.NUMBER, 60, "internal articles"),
    Endpoint("help_center/collections", "GET", "data", Paging.NUMBER, 60, "collections"),
    Endpoint("help_center/help_centers", "GET", "data", Paging.NUMBER, 60, "help centers"),
    Endpoint("help_center/help_centers/{id}/redirects", "GET", "data", Paging.NUMBER, 250, "redirects"),
    Endpoint("content/search", "GET", "data", Paging.NUMBER, 50, "content"),
    Endpoint("content_snippets", "GET", "data", Paging.NUMBER, 50, "content snippets"),
    Endpoint("ai/content_import_sources", "GET", "data", Paging.NUMBER, 50, "content import sources"),
    Endpoint("ai/external_pages", "GET", "data", Paging.NUMBER, 50, "external pages"),
    Endpoint("audiences", "GET", "data", Paging.NUMBER, 50, "audiences"),
    Endpoint("macros", "GET", "data", Paging.CURSOR, 150, "macros"),
    Endpoint("data_connectors", "GET", "data", Paging.CURSOR, 50, "data connectors"),
    Endpoint("data_connectors/{id}/execution_results", "GET", "data", Paging.CURSOR, 30, "execution results"),
    Endpoint("messages/status", "GET", "events", Paging.CURSOR, 100, "message events"),
    Endpoint("calls", "GET", "data", Paging.NUMBER, 25, "calls"),
    Endpoint("admins/activity_logs", "GET", "activity_logs", Paging.NUMBER, 60, "activity logs"),
    Endpoint("news/news_items", "GET", "data", Paging.NUMBER, 60, "news items"),
    Endpoint("news/newsfeeds", "GET", "data", Paging.NUMBER, 50, "newsfeeds"),
    Endpoint("news/newsfeeds/{id}/items", "GET", "data", Paging.NUMBER, 50, "news items"),
    Endpoint("custom_object_instances/{id}", "GET", "data", Paging.NUMBER, 150, "custom objects"),
    Endpoint("admins", "GET", "admins", Paging.NONE, 0, "admins"),
    Endpoint("teams", "GET", "teams", Paging.NONE, 0, "teams"),
    Endpoint("tags", "GET", "data", Paging.NONE, 0, "tags"),
    Endpoint("segments", "GET", "segments", Paging.NONE, 0, "segments"),
    Endpoint("subscription_types", "GET", "data", Paging.NONE, 0, "subscription types"),
    Endpoint("data_attributes", "GET", "data", Paging.NONE, 0, "data attributes"),
    Endpoint("conversations/attributes", "GET", "data", Paging.NONE, 0, "conversation attributes"),
    Endpoint("ticket_types", "GET", "data", Paging.NONE, 0, "ticket types"),
    Endpoint("ticket_states", "GET", "data", Paging.NONE, 0, "ticket states"),
)

_BY_PATTERN = [(re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", e.path) + "$"), e) for e in _TABLE]


def endpoint_for(path: str, *, asked_by: str = "get_search_endpoint()", searches: bool = True) -> Endpoint:
    """The descriptor of `path`, with or without a leading slash.

    Raises UsageError for a path that is not in the table, naming the nearest, or else all; of searches only with `searches`.
    """
    wanted = path.strip().strip("/")
    for pattern, endpoint in _BY_PATTERN:
        if pattern.match(wanted):
            return replace(endpoint, path=wanted)
    known = {e.path: e for e in _TABLE if searches or not e.searches}
    path_alone = re.sub(r"^https?://[^/]*/|[?#].*", "", wanted).strip("/")
    asked = re.sub(r"/[^/]*[0-9][^/]*", "/{id}", path_alone.lower())
    near = get_close_matches(asked, known, 3, 0.8) or [path for path, one in known.items() if _named(one, asked)][:3]
    meant = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(known)}."
    raise UsageError(f"{asked_by} names {path!r}, which is not a paginated endpoint this version knows. {meant}")


def _named(endpoint: Endpoint, asked: str) -> bool:
    """Whether a part of its path, or what its items are, is called about so: "news", "custom_objects"."""
    parts = [part.replace("_", " ") for part in endpoint.path.split("/")]
    names = {endpoint.resource, *parts, *(word for part in parts for word in part.split())}
    return bool(get_close_matches(asked.replace("_", " "), names, 1, 0.8))
