"""Selections that are judged here by each item's own fields: where Intercom cannot search, and what is narrowed of an earlier run.

Step 3 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import Any

from ..api.paths import item_path
from ..api.retry import RetryPolicy
from ..errors import NotFound, SearchIncomplete
from ..model import FoundItem
from ..operations.resource import Count, Resource, name_of, resources
from ..search.endpoints import Paging, endpoint_for
from ..search.language.fields import learn
from ..search.language.where import decides
from ..search.numbered import NumberedSource
from ..search.paginator import EndpointSource
from .id_set import IdSet
from .options import Options
from .session import Session
from .sources import Pages, image_of
from .stored_query import judged_here

Json = Mapping[str, Any]

# A list whose order moves while it is read may show an item twice and another not at all: then it is read again.
_PASSES = 3
_READERS = 8
"""Items that are read at a time in order to be judged."""


def matching(session: Session, resource: Resource, query: Json, options: Options) -> Iterator[Json]:
    """The items of a resource that match a query, each once. Raises SearchIncomplete where fewer are listed than there are."""
    zone = session.workspace().timezone or "UTC"
    for item in _every(session, resource, options):
        if not query or decides(query, item, resource.name, timezone=zone, api_version=session.settings.api_version):
            yield item


def still_matching(
    session: Session, items: Iterable[FoundItem], selection: Json, capture: Callable[[Json], Json | None]
) -> Iterator[FoundItem]:
    """Of known items those that match now: each is read, several at a time, and judged by the selection's query and silence.

    One that is not there any more cannot be judged; it is kept, so that the run accounts for it.
    """
    resource, query, since = selection["resource"], selection.get("query"), selection.get("silent_since")
    keeps = judged_here(session, query, resource) if query else lambda item: True
    history = resources()[resource].history
    for found, item in read_each(session, resource, items):
        if item is None:
            yield found
        elif keeps(item) and (since is None or history.is_silent(item, since)):
            yield replace(found, before=image_of(capture, item), name=name_of(item))


def read_each(session: Session, resource: str, items: Iterable[FoundItem]) -> Iterator[tuple[FoundItem, Json | None]]:
    """Known items as they are now, in their order, read several at a time; None for one that is not there any more."""

    def read(found: FoundItem) -> tuple[FoundItem, Json | None]:
        try:
            return found, session.look(item_path(resource, found.id))
        except NotFound:
            return found, None

    stream = iter(items)
    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as pool:
        while some := list(islice(stream, _READERS * 4)):
            yield from pool.map(read, some)


def listed(selection: Mapping[str, Any]) -> Resource:
    """What a selection that is judged here lists: a resource, or any other list by the fields that it was seen to show."""
    if "shown" not in selection:
        return resources()[selection["resource"]]
    name = f"listed {selection['resource']}"
    learn(name, selection["shown"])
    path = str(selection["endpoint"])
    return Resource(name=name, singular=name, search="", listing=path, count=Count("GET", path), columns=())


def pages_of_list(session: Session, path: str, options: Options) -> Pages:
    """What reads the pages of a list: several at a time where they have numbers, and no limit takes the first that come."""
    end, retry = endpoint_for(path), RetryPolicy(options.retries)
    whole = EndpointSource(session.client, session.stop, end, retry=retry, timeout=options.timeout)
    return NumberedSource(whole) if end.paging is Paging.NUMBER and not options.limit else whole


def _every(session: Session, resource: Resource, options: Options) -> Iterator[Json]:
    seen = IdSet()
    total = 0
    for path in (resource.listing,) * _PASSES:
        for page in pages_of_list(session, path, options).pages():
            total = page.total or 0
            if resource.scroll and total > (endpoint_for(path).cap or total):
                break
            yield from _new(page.items, seen)
        else:
            if len(seen) >= total:
                return
            continue
        # The list ends before its end; the scroll does not, and it shows the companies as they were when it began.
        for page in pages_of_list(session, resource.scroll, options).pages():
            yield from _new(page.items, seen)
        return
    raise SearchIncomplete(
        f"Intercom counts {total:,} {resource.name} and has listed {len(seen):,} of them, {_PASSES} times over. Nothing was written; "
        "run it again when fewer of them are in use."
    )


def _new(items: Sequence[Json], seen: IdSet) -> Iterator[Json]:
    for item in items:
        key = str(item.get("id") or "")
        if key and seen.add(key):
            yield item
