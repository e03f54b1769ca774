"""Sources: where a run's items come from. A source yields pages; it knows nothing of actions, journals or workers.

Step 3 of the life of an item (docs/explanation/life-of-an-item.md): the reader pulls the next page through the client.
There is one retry loop for pages, here, and one for items, in engine/processor.py; the client never retries.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..api.client import Client
from ..api.redact import redact
from ..api.retry import LASTING, ErrorKind, RetryPolicy, classify
from ..errors import (
    AnswerTooLarge,
    ApiError,
    BadAnswer,
    FilterRefused,
    IntercomBulkError,
    InvalidRequest,
    NotFound,
    RateLimited,
    RunStopped,
    SearchError,
    SearchLoop,
    SearchRefused,
    TransportError,
    UsageError,
)
from ..model import Page
from ..stop import Stop
from .endpoints import Endpoint, Paging

log = logging.getLogger("intercom_bulk_updater")

# A scroll of another process blocks ours for a minute at most (companies/scroll allows one for an app).
_SCROLL_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0)
# A scroll dies after a minute in which nobody asked; 404 that soon after a page means its end, later that it died.
_SCROLL_LIFE = 50.0
# A page that is slower than the timeout is asked for with half its size, down to so many items.
_SMALLEST = 20
# And so many pages in time let it grow to twice its size again; twice as many after each time that was too much.
_GROWS_AFTER = 8


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
    before_reading: Callable[[], object] | None = None
    """Waits until a page that has come may be read; see Client.call."""
    _size: int = 0
    """Items a page that came in time lately; 0: `page_size`."""
    _in_time: int = 0
    _grows_after: int = _GROWS_AFTER

    def pages(self, cursor: str | None = None) -> Iterator[Page]:
        """Yield page after page, from `cursor` or the start.

        Raises SearchLoop when a cursor comes back, SearchError when a page cannot be had, and the permission errors of
        errors.py as they are.
        """
        seen = {cursor} if cursor else set()
        biggest_total = 0
        listed = 0
        restarts = 0
        number = 1
        answered = -math.inf
        full, ended = False, -1
        held: Page | None = None
        while True:
            try:
                page = self._page(cursor)
            except (ApiError, TransportError) as exc:
                again = self.endpoint.paging is Paging.SCROLL and cursor is not None
                if not again or classify(exc).kind in (ErrorKind.FATAL, ErrorKind.IN_BETWEEN):
                    raise self._as_refusal(exc, f"page {number}" if number > 1 or cursor is None else "a later page") from exc
                if isinstance(exc, NotFound) and time.monotonic() - answered < _SCROLL_LIFE and (not full or listed == ended):
                    # A living scroll may end this way; one that was left alone for a minute has died.
                    yield from () if held is None else (replace(held, cursor=None),)
                    return
                # After a full page there may be more: the end is where a second reading ends as well.
                ended = listed if isinstance(exc, NotFound) else ended
                restarts += not self.client.excuses(classify(exc), last=restarts >= max(2, self.retry.retries))
                self._start_scroll_again(exc, restarts)
                cursor, seen, listed, number, held = None, set(), 0, 1, None  # what is known already is dropped by the journal
                continue
            number += 1
            answered = time.monotonic()
            full = len(page.items) + page.unusable >= self.endpoint.page_size
            listed += len(page.items) + page.unusable
            biggest_total = max(biggest_total, page.total or 0)
            self._check_cap(page, biggest_total, listed)
            cursor = page.cursor
            held = page if held is None else replace(page, items=[*held.items, *page.items], unusable=held.unusable + page.unusable)
            del page  # or it would stay in memory until the next one is there, of each reader one
            # Behind a short page a scroll ends: it is read on at once, so that whoever takes few items leaves none open, which
            # nobody could follow for a minute.
            if full or cursor is None or self.endpoint.paging is not Paging.SCROLL:
                handed, held = [held], None
                yield handed.pop()
            if cursor is None:
                return
            if cursor in seen:
                raise SearchLoop(
                    f"{self.endpoint.path} gave the cursor {redact(cursor)[:24]!r} a second time, after {listed} items: "
                    "its pages go in circles. What was found is kept; run again, or narrow the selection."
                )
            seen.add(cursor)

    def _as_refusal(self, exc: IntercomBulkError, place: str) -> IntercomBulkError:
        """The error of a search: that of one page is told apart from that of an item, a token or a filter."""
        if not isinstance(exc, ApiError) or exc.transient or exc.exit_code == 4 or isinstance(exc, FilterRefused):
            return exc
        return SearchRefused(
            f"The search was refused on {place}: {exc.message}.",
            status=exc.status, code=exc.code, api_message=exc.api_message, request_id=exc.request_id,
            method=exc.method, path=exc.path, headers=exc.headers, **exc.parts,
        )

    def _start_scroll_again(self, exc: IntercomBulkError, restarts: int) -> None:
        """Wait before a scroll is read from its start; raises when that has failed too often."""
        if restarts > max(2, self.retry.retries):
            raise SearchError(
                f"The scroll over the companies broke off {restarts} times, at last because of: {exc}. What was found so far "
                "is kept; run again, or list fewer companies by companies/list."
            ) from exc
        log.info("the scroll broke off, it begins again: %s", exc)
        self.client.count_retry()
        self._wait(min(2.0**restarts, 30.0) / 2, exc)

    def _wait(self, seconds: float, exc: IntercomBulkError) -> None:
        if self.stop.wait(seconds):
            reason = self.stop.reason
            raise reason if isinstance(reason, IntercomBulkError) else RunStopped() from exc

    def count(self) -> int | None:
        """What the server says the total is, for one request with the smallest page; None where it never says."""
        if self.endpoint.paging is Paging.SCROLL:
            return None  # and asking would hold the app's only scroll
        return self._page(None, size=1).total

    def first(self, size: int) -> Page:
        """The first page alone, with `size` items."""
        return self._page(None, size=size)

    def _page(self, cursor: str | None, size: int | None = None) -> Page:
        attempt = 0
        while True:
            asked = size or self._size or self.page_size
            try:
                page = self._read(self._ask(cursor, asked), cursor)
            except RunStopped:
                raise
            except IntercomBulkError as exc:
                if self.endpoint.paging is Paging.SCROLL and cursor is not None and not isinstance(exc, RateLimited):
                    # Each answer moves the scroll on: asked again, it would skip the page whose answer was lost.
                    raise
                if size is None and self._shrinks(exc, asked):
                    wait = 0.0
                else:
                    wait, attempt = self._again(exc, attempt, asked)
                log.info("search page again in %.1f s: %s", wait, exc)
                self.client.count_retry()
                self._wait(wait, exc)
            else:
                if size is None:
                    self._grow()
                return page

    def _shrinks(self, exc: IntercomBulkError, asked: int) -> bool:
        """Whether a page may come in time with half its size; the next one is asked for so."""
        # Where pages are numbered, another size would make other pages of the numbers.
        late = classify(exc).kind is ErrorKind.MAYBE_RUNNING or isinstance(exc, AnswerTooLarge)
        if not late or asked <= _SMALLEST or self.endpoint.paging is not Paging.CURSOR or self.client.gate.explains("search"):
            return False
        if self._size and self._in_time < _GROWS_AFTER:
            self._grows_after = min(1000, 2 * self._grows_after)  # it had just grown
        self._size, self._in_time = max(_SMALLEST, asked // 2), 0
        return True

    def _grow(self) -> None:
        if not self._size:
            return
        self._in_time += 1
        if self._in_time >= self._grows_after:
            self._in_time, self._size = 0, 2 * self._size
            if self._size >= self.page_size:
                self._size = 0

    def _again(self, exc: IntercomBulkError, attempt: int, asked: int) -> tuple[float, int]:
        """Seconds until the page is asked for again, and the tries it has had; raises what ends the search."""
        if isinstance(exc, ApiError) and (exc.code == "scroll_exists" or "scroll already exists" in exc.api_message):
            if attempt >= len(_SCROLL_WAITS):
                raise SearchError("another scroll over the companies is open for this app; try again in a minute") from exc
            if not attempt:
                log.warning("another scroll over the companies is open, and Intercom allows one: waiting for its end, a minute at most")
            return _SCROLL_WAITS[attempt], attempt + 1
        verdict = classify(exc)
        if verdict.kind is ErrorKind.RATE_LIMITED:
            # The gate holds everybody until the window is over; a throttled page costs no attempt.
            return min(verdict.wait, 1.0), attempt
        if verdict.kind in LASTING:
            raise exc
        after = self.retry.after(attempt + 1)
        if self.client.excuses(verdict, last=after is None):
            return 0.0, attempt  # the gate lets nobody through until the service is back
        if after is None:
            tried = "1 try" if attempt == 0 else f"{attempt + 1} tries"
            slow = f", with {asked} items a page" if verdict.kind is ErrorKind.MAYBE_RUNNING else ""
            raise SearchError(
                f"The search broke off: {exc} ({tried}{slow}). What was found so far is kept; nothing was assumed "
                "about the rest."
            ) from exc
        return max(after, verdict.wait if verdict.kind is ErrorKind.NOT_APPLIED else 0.0), attempt + 1

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
                params["page" if cursor.isdigit() else "starting_after"] = cursor
            elif cursor:
                scroll = end.paging is Paging.SCROLL
                params["scroll_param" if scroll else "starting_after"] = cursor.partition("#")[0] if scroll else cursor
        try:
            return self.client.call(
                end.method, end.path, json=body, params=params or None, timeout=self.timeout, purpose="search",
                before_reading=self.before_reading,
            )  # fmt: skip
        except InvalidRequest as exc:
            if not end.searches or cursor is not None or exc.status not in (400, 422):
                raise  # with a cursor it may be the cursor
            raise FilterRefused(
                f"Intercom refuses the filter: {exc.message}.",
                status=exc.status, code=exc.code, api_message=exc.api_message, request_id=exc.request_id,
                method=exc.method, path=exc.path, headers=exc.headers, **exc.parts,
            ) from exc

    def _read(self, body: Mapping[str, Any], cursor: str | None) -> Page:
        end = self.endpoint
        items = body.get(end.key)
        if items is None and end.other_key:
            items = body.get(end.other_key)
        if not isinstance(items, list):
            named = f"{end.key!r} is of type {type(items).__name__}" if end.key in body else f"it has: {', '.join(body) or 'nothing'}"
            raise BadAnswer(
                f"{end.method} {end.path} was answered without a list {end.key!r} ({named})",
                method=end.method,
                path=end.path,
                status=200,
            )
        total = body.get("total_count")
        usable = [item for item in items if isinstance(item, dict)]
        return Page(usable, total if isinstance(total, int) else None, self._next(body, items, cursor), len(items) - len(usable))

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
        if not following:
            # Some lists have their page numbers beside the items, without a "pages" around them.
            return self._next_number(pages or body, items) if end.paging is Paging.NUMBER else None
        given: Mapping[str, Any]
        if isinstance(following, Mapping):
            given = following
        else:
            given = {name: values[0] for name, values in parse_qs(urlsplit(str(following)).query).items()}
        names = ("page", "starting_after") if end.paging is Paging.NUMBER else ("starting_after",)
        value = next((given[name] for name in names if given.get(name)), None)
        if value is None and isinstance(following, Mapping) and "starting_after" in following:
            return None  # {"starting_after": null}: nothing follows
        if value is None:
            raise BadAnswer(f"{end.path} names a next page that cannot be read: {redact(str(following))[:80]!r}", status=200)
        return str(value)

    @staticmethod
    def _next_number(pages: Any, items: list[Any]) -> str | None:
        """Page-number lists may leave `next` out and still count their pages."""
        if not isinstance(pages, Mapping) or not items:
            return None
        page, of = pages.get("page"), pages.get("total_pages")
        return str(page + 1) if isinstance(page, int) and isinstance(of, int) and page < of else None

    def _check_cap(self, page: Page, biggest_total: int, listed: int) -> None:
        cap = self.endpoint.cap
        if self.endpoint.searches:
            return  # what is acted on leaves a search, down to nothing; whoever reads it compares what it announced
        if not page.items and not page.unusable and biggest_total > listed and page.total == 0:
            raise SearchError(
                f"{self.endpoint.path} said there are {biggest_total} items and stopped after {listed}"
                + (f": it lists {cap} at most. Use companies/scroll to read them all." if cap else ".")
            )


def _scroll(parameter: Any, cursor: str | None) -> str:
    """Scroll parameters may stay the same from page to page; a counter keeps the loop check honest."""
    base, _, turn = (cursor or "").partition("#")
    return f"{parameter}#{int(turn or 0) + 1}" if base or not cursor else f"{parameter}#1"
