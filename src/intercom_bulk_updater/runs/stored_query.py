"""What reads and judges a stored query: its pages, whether an item contradicts it, and the part that is judged here.

Step 3 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..api.lists import is_part
from ..api.retry import RetryPolicy
from ..operations.operation import Operation
from ..search.endpoints import Paging, endpoint_for
from ..search.language.fields import whole_days
from ..search.language.query_tree import and_also, leaves
from ..search.language.where import Judge, decides, judge_of
from ..search.numbered import NumberedSource
from ..search.paginator import EndpointSource
from ..search.partitioned import FROM_PAGES, PartitionedSource
from ..search.parts import Axis, why_whole
from .options import Options
from .session import Session
from .sources import Pages


def why_one_cursor(selection: Mapping[str, Any], options: Options) -> str:
    """Why the search of a stored query is read page after page, for people; empty where it is read in parts once it is large."""
    if options.limit:
        return f"{options.word('limit')} takes the first that come"
    return why_whole(endpoint_for(selection["endpoint"]), selection["query"])


_FROM_PAGES_OF_GROUPS = 100
"""Where a request writes to many items, a search costs as much as the writes: parts, with their counts and last pages, come later."""


def pages_of(session: Session, selection: Mapping[str, Any], options: Options, *, batch_size: int = 1) -> Pages:
    """What reads the pages of a stored query, for what writes to `batch_size` items with one request."""
    end, query = endpoint_for(selection["endpoint"]), selection["query"]
    size = min(options.page_size, options.limit or options.page_size)
    retry = RetryPolicy(options.retries)
    whole = EndpointSource(session.client, session.stop, end, query, page_size=size, retry=retry, timeout=options.timeout)
    if why_one_cursor(selection, options):
        return whole
    if end.paging is Paging.NUMBER:
        return NumberedSource(whole)
    days = end.resource == "contacts" and whole_days(session.settings.api_version)
    axis = Axis(days, session.workspace().timezone or "UTC")
    return PartitionedSource(whole, axis, FROM_PAGES if batch_size == 1 else _FROM_PAGES_OF_GROUPS)


def counts_of_wanted(
    session: Session, selection: Mapping[str, Any], options: Options, operation: Operation
) -> Callable[[], tuple[int, int] | None] | None:
    """The `counts_wanted` of a SearchSource; None where an operation has no use for it.

    Both are asked for, though one would follow from the other: a server that ignores a condition counts all for both.
    """
    query, end = selection["query"].get("query", selection["query"]), endpoint_for(selection["endpoint"])

    def number(filters: Sequence[dict[str, Any]]) -> int | None:
        narrower = and_also(query, filters)
        if narrower is None:
            return None
        retry = RetryPolicy(options.retries)
        return EndpointSource(session.client, session.stop, end, narrower, retry=retry, timeout=options.timeout).count()

    def count() -> tuple[int, int] | None:
        wanted = operation.wanted_filters
        counts = [number(wanted), *(number([{**one, "operator": "!="}]) for one in wanted)]
        first, *others = (one for one in counts if one is not None)
        return (first, sum(others)) if None not in counts else None

    asked = {leaf["field"] for leaf in leaves(query)} if query else set()
    # What asks for the very field finds less and less of it: one more pass of its search costs little.
    untold = operation.batch_size == 1 or not asked or any(one["field"] in asked for one in operation.wanted_filters)
    return None if untold or not operation.wanted_filters else count


def filter_judge(session: Session, query: Mapping[str, Any], resource: str) -> Judge:
    """The `judge` of a SearchSource for this query, in the workspace's time zone."""
    return judge_of(query, resource, timezone=session.workspace().timezone or "UTC", api_version=session.settings.api_version)


_IN_PARTS = {"companies": "companies", "tag_id": "tags"}
"""Fields of contacts, and the lists that hold them, of which a contact shows the first ten."""


def judged_here(session: Session, query: Mapping[str, Any], resource: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether an item matches a filter that is judged here: the `keep` of a SearchSource."""
    zone, version = session.workspace().timezone or "UTC", session.settings.api_version
    asked = {str(leaf["field"]) for leaf in leaves(query.get("query", query))}
    lists = [held for field, held in _IN_PARTS.items() if field in asked and resource == "contacts"]

    def keep(item: Mapping[str, Any]) -> bool:
        for name in lists:
            held = item.get(name)
            if isinstance(held, Mapping) and is_part(held):
                pages = EndpointSource(session.client, session.stop, endpoint_for(f"contacts/{item['id']}/{name}")).pages()
                item = {**item, name: {"data": [one for page in pages for one in page.items]}}
        return decides(query, item, resource, timezone=zone, api_version=version)

    return keep
