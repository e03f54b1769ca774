"""Intercom's own SDK (`python-intercom`) in 32 threads, with its retries switched on.

The SDK waits for X-RateLimit-Reset after a 429. Two things that its README does not say are done for it, or it could not compete:
its search pager answers the first page again and again, so pages are asked for by hand; and it counts its retries from two, so
that `max_retries` of 7 makes five of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from intercom import Intercom
from intercom.conversations import ConversationsManageRequestBody_Close
from intercom.core.api_error import ApiError
from intercom.core.request_options import RequestOptions
from intercom.types import MultipleFilterSearchRequest, SingleFilterSearchRequest, StartingAfterPaging

THREADS = 32
RETRIES: RequestOptions = {"max_retries": 7}

client = Intercom(token=os.environ["INTERCOM_ACCESS_TOKEN"], base_url=os.environ["INTERCOM_BASE_URL"])
request = ConversationsManageRequestBody_Close(admin_id=os.environ["INTERCOM_ADMIN_ID"], type="admin")


def ids() -> Iterator[str]:
    """The team's open conversations."""
    query = MultipleFilterSearchRequest(operator="AND", value=[
        SingleFilterSearchRequest(field="team_assignee_id", operator="=", value=os.environ["INTERCOM_INBOX_ID"]),
        SingleFilterSearchRequest(field="state", operator="=", value="open"),
    ])  # fmt: skip
    pagination = StartingAfterPaging(per_page=150)
    while True:
        page = client.conversations.search(query=query, pagination=pagination, request_options=RETRIES).response
        yield from (str(item.id) for item in page.conversations or [])
        following = page.pages.next if page.pages else None
        if following is None or not following.starting_after:
            return
        pagination = StartingAfterPaging(per_page=150, starting_after=following.starting_after)


def close(item: str) -> bool:
    """Close one conversation; False when it failed."""
    try:
        client.conversations.manage(conversation_id=item, request=request, request_options=RETRIES)
    except ApiError:
        return False
    return True


with ThreadPoolExecutor(THREADS) as pool:
    for item in ids():
        pool.submit(close, item)
