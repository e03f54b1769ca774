"""Sources: where a run's items come from. A source yields pages; it knows nothing of actions, journals or workers.

Step 3 of the life of an item (docs/explanation/life-of-an-item.md): the reader pulls the next page through the client.
There is one retry loop for pages, here, and one for items, in processing/worker.py; the client never retries.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..api.client import Client
from ..api.retry import Kind, RetryPolicy, classify
from ..errors import (
    ApiError,
    BadAnswer,
    IntercomBulkError,
    NotFound,
    RunStopped,
    SearchError,
    SearchLoop,
    UsageError,
)
from ..model import Page
from ..stop import Stop
from .endpoints import Endpoint, Paging

log = logging.getLogger("intercom_bulk_updater")

# A scroll of another process blocks ours for a minute at most (companies/scroll allows one for an app).
_SCROLL_WAIT = 20.0
# The longest a search waits out 429s with not one page let through, before it says so and stops.
_PATIENCE = 900.0


@dataclass(slots=True)
class EndpointSource:
    """The pages of one endpoint.

    Parameters
    ----------
    client, stop, retry:
        Who asks, what interrupts the waiting, how often a page is tried again.
    endpoint:
        How the endpoint is read (endpoints.py).
    query:
        For a search the Intercom query object; for a list its query parameters.
    page_size:
        Items a page, at most what the endpoint gives.
    """

    client: Client
    stop: Stop
    endpoint: Endpoint
    query: Mapping[str, Any] = field(default_factory=dict)
    page_size: int = 150
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: float | None = None

    def pages(self, cursor: str | None = None) -> Iterator[Page]:
        """Yield page after page, from `cursor` or the start.

        Raises SearchLoop when a cursor comes back, SearchError when a page cannot be had, and the permission errors of
        errors.py as they are.
        """
        seen = {cursor} if cursor else set()
        biggest_total = 0
        listed = 0
        restarts = 0
        while True:
            try:
                page = self._page(cursor)
            except (SearchError, ApiError) as exc:
                if self.endpoint.paging is not Paging.SCROLL or cursor is None:
                    raise
                if isinstance(exc, NotFound):
                    return  # some workspaces end a scroll this way
                if restarts == 2:
                    raise
                # A scroll that failed is dead: the API says to start it again. Known ids are dropped by the journal.
                cursor, seen, listed, restarts = None, set(), 0, restarts + 1
                continue
            listed += len(page.items)
            biggest_total = max(biggest_total, page.total or 0)
            self._check_cap(page, biggest_total, listed)
            yield page
            cursor = page.cursor
            if cursor is None:
                return
            if cursor in seen:
                raise SearchLoop(
                    f"{self.endpoint.path} gave the cursor {cursor[:24]!r} a second time, after {listed} items: "
                    "its pages go in circles. What was found is kept; run again, or narrow the selection."
                )
            seen.add(cursor)

    def count(self) -> int | None:
        """What the server says the total is, for one request with the smallest page."""
        return self._page(None, size=1).total

    def first(self, size: int) -> Page:
        """The first page alone, with `size` items."""
        return self._page(None, size=size)

    def _page(self, cursor: str | None, size: int | None = None) -> Page:
        attempt, throttled = 0, 0.0
        while True:
            try:
                return self._read(self._ask(cursor, size or self.page_size), cursor)
            except RunStopped:
                raise
            except IntercomBulkError as exc:
                wait, attempt, throttled = self._patience(exc, attempt, throttled)
                log.info("search page again in %.1f s: %s", wait, exc)
                self.client.count_retry()
                if self.stop.wait(wait):
                    reason = self.stop.reason
                    raise reason if isinstance(reason, IntercomBulkError) else RunStopped() from exc

    def _patience(self, exc: IntercomBulkError, attempt: int, throttled: float) -> tuple[float, int, float]:
        """Seconds until the page is asked for again; raises what ends the search."""
        if isinstance(exc, ApiError) and (exc.code == "scroll_exists" or "scroll already exists" in exc.api_message):
            if attempt >= 6:
                raise SearchError("another scroll over the companies is open for this app; try again in a minute") from exc
            return _SCROLL_WAIT, attempt + 1, throttled
        verdict = classify(exc)
        if verdict.kind is Kind.WINDOW and throttled < _PATIENCE:
            # The gate holds everybody until the window is over; a throttled page costs no attempt.
            return min(verdict.wait, 1.0), attempt, throttled + max(verdict.wait, 0.1)
        if verdict.kind in (Kind.FATAL, Kind.PERMANENT):
            raise exc
        after = self.retry.after(attempt + 1)
        if after is None or verdict.kind is Kind.WINDOW:
            raise SearchError(
                f"The search broke off: {exc} ({attempt + 1} tries). What was found so far is kept; nothing was assumed "
                "about the rest."
            ) from exc
        return max(after, verdict.wait if verdict.kind is Kind.BUSY else 0.0), attempt + 1, throttled

    def _ask(self, cursor: str | None, size: int) -> Mapping[str, Any]:
        end = self.endpoint
        params: dict[str, Any] = {}
        body: Any = None
        if end.searches:
            pagination: dict[str, Any] = {"per_page": min(size, end.page_size)}
            if cursor:
                pagination["starting_after"] = cursor
            # What a person gives as a whole search body (query, sort) is sent as it is, with our paging.
            whole = dict(self.query) if "query" in self.query else {"query": dict(self.query)}
            body = {**whole, "pagination": pagination}
        else:
            if "operator" in self.query or "field" in self.query:
                raise UsageError(
                    f"{end.path} is a list and takes no filter: return {{}} (or query parameters) from "
                    f"get_search_query(), or search with {end.path.split('/')[0]}/search"
                )
            params.update(self.query)
            if end.paging is not Paging.NONE and end.paging is not Paging.SCROLL:
                params["per_page"] = min(size, end.page_size)
            if cursor and end.paging is Paging.NUMBER:
                params["page"] = cursor
            elif cursor:
                scroll = end.paging is Paging.SCROLL
                params["scroll_param" if scroll else "starting_after"] = cursor.partition("#")[0] if scroll else cursor
        return self.client.call(
            end.method, end.path, json=body, params=params or None, timeout=self.timeout, purpose="search"
        )

    def _read(self, body: Mapping[str, Any], cursor: str | None) -> Page:
        end = self.endpoint
        items = body.get(end.key)
        if not isinstance(items, list) or any(not isinstance(item, dict) for item in items):
            raise BadAnswer(
                f"{end.method} {end.path} was answered without a list {end.key!r} (it has: {', '.join(body) or 'nothing'})",
                method=end.method,
                path=end.path,
                status=200,
            )
        total = body.get("total_count")
        return Page(items, total if isinstance(total, int) else None, self._next(body, items, cursor))

    def _next(self, body: Mapping[str, Any], items: list[Any], cursor: str | None) -> str | None:
        end = self.endpoint
        if end.paging is Paging.NONE:
            return None
        if end.paging is Paging.SCROLL:
            # Each scroll page may carry the same parameter: the end is an empty page, not a new cursor.
            again = body.get("scroll_param")
            return _scroll(again, cursor) if items and again else None
        pages = body.get("pages")
        following = pages.get("next") if isinstance(pages, Mapping) else None
        if following is None or following == "":
            return self._next_number(pages, items) if end.paging is Paging.NUMBER else None
        if isinstance(following, Mapping):
            value = following.get("starting_after") or following.get("page")
            return str(value) if value else None
        given = parse_qs(urlsplit(str(following)).query)
        value = given.get("page" if end.paging is Paging.NUMBER else "starting_after") or given.get("starting_after")
        if not value:
            raise BadAnswer(f"{end.path} names a next page that cannot be read: {str(following)[:80]!r}", status=200)
        return value[0]

    @staticmethod
    def _next_number(pages: Any, items: list[Any]) -> str | None:
        """Page-number lists may leave `next` out and still count their pages."""
        if not isinstance(pages, Mapping) or not items:
            return None
        page, of = pages.get("page"), pages.get("total_pages")
        return str(page + 1) if isinstance(page, int) and isinstance(of, int) and page < of else None

    def _check_cap(self, page: Page, biggest_total: int, listed: int) -> None:
        cap = self.endpoint.cap
        if not page.items and biggest_total > listed and page.total == 0:
            raise SearchError(
                f"{self.endpoint.path} said there are {biggest_total} items and stopped after {listed}"
                + (f": it lists {cap} at most. Use companies/scroll to read them all." if cap else ".")
            )


def _scroll(parameter: Any, cursor: str | None) -> str:
    """Scroll parameters may stay the same from page to page; a counter keeps the loop check honest."""
    base, _, turn = (cursor or "").partition("#")
    return f"{parameter}#{int(turn or 0) + 1}" if base or not cursor else f"{parameter}#1"
