"""Selections of a resource that Intercom cannot search: all of it is listed, and each item is judged here by its own fields.

Step 3 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..api.retry import RetryPolicy
from ..errors import SearchIncomplete
from ..operations.resource import Count, Resource, resources
from ..search.endpoints import endpoint_for
from ..search.language.fields import learn
from ..search.language.where import decides
from ..search.paginator import EndpointSource
from .options import Options
from .session import Session

Json = Mapping[str, Any]

# A list whose order moves while it is read may show an item twice and another not at all: then it is read again.
_PASSES = 3


def matching(session: Session, resource: Resource, query: Json, options: Options) -> Iterator[Json]:
    """The items of a resource that match a query, each once. Raises SearchIncomplete where fewer are listed than there are."""
    zone = session.workspace().timezone or "UTC"
    for item in _every(session, resource, options):
        if not query or decides(query, item, resource.name, timezone=zone, api_version=session.settings.api_version):
            yield item


def listed(selection: Mapping[str, Any]) -> Resource:
    """What a selection that is judged here lists: a resource, or any other list by the fields that it was seen to show."""
    if "shown" not in selection:
        return resources()[selection["resource"]]
    name = f"listed {selection['resource']}"
    learn(name, selection["shown"])
    path = str(selection["endpoint"])
    return Resource(name=name, singular=name, search="", listing=path, count=Count("GET", path), columns=())


def _every(session: Session, resource: Resource, options: Options) -> Iterator[Json]:
    def pages(path: str) -> EndpointSource:
        retry = RetryPolicy(options.retries)
        return EndpointSource(session.client, session.stop, endpoint_for(path), retry=retry, timeout=options.timeout)

    seen: set[str] = set()
    total = 0
    for path in (resource.listing,) * _PASSES:
        for page in pages(path).pages():
            total = page.total or 0
            if resource.scroll and total > (endpoint_for(path).cap or total):
                break
            yield from _new(page.items, seen)
        else:
            if len(seen) >= total:
                return
            continue
        # The list ends before its end; the scroll does not, and it shows the companies as they were when it began.
        for page in pages(resource.scroll).pages():
            yield from _new(page.items, seen)
        return
    raise SearchIncomplete(
        f"Intercom counts {total:,} {resource.name} and has listed {len(seen):,} of them, {_PASSES} times over. Nothing was written; "
        "run it again when fewer of them are in use."
    )


def _new(items: Sequence[Json], seen: set[str]) -> Iterator[Json]:
    for item in items:
        key = str(item.get("id") or "")
        if key and key not in seen:
            seen.add(key)
            yield item
