"""The original script, as its README describes it: `requests`, 15 threads, batches of 50, retries with exponential backoff.

Items are processed as they are found, batch by batch: each batch waits for its slowest item. A 429 or a 5xx is tried again after
1, 2, 4 and 8 seconds, or after Retry-After where there is one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

WORKERS, BATCH, ATTEMPTS = 15, 50, 5

base = os.environ["INTERCOM_BASE_URL"]
headers = {"Authorization": f"Bearer {os.environ['INTERCOM_ACCESS_TOKEN']}", "Intercom-Version": "2.16"}


def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """One request, tried again where that may help."""
    for attempt in range(ATTEMPTS):
        answer = requests.post(f"{base}/{path}", headers=headers, json=body, timeout=30)
        if attempt == ATTEMPTS - 1 or (answer.status_code != 429 and answer.status_code < 500):
            break
        time.sleep(float(answer.headers.get("Retry-After", 2**attempt)))  # noqa: TID251
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def pages() -> Iterator[list[str]]:
    """The ids of the team's open conversations, page by page."""
    query = {"operator": "AND", "value": [
        {"field": "team_assignee_id", "operator": "=", "value": int(os.environ["INTERCOM_INBOX_ID"])},
        {"field": "state", "operator": "=", "value": "open"},
    ]}  # fmt: skip
    cursor = None
    while True:
        pagination = {"per_page": 150, **({"starting_after": cursor} if cursor else {})}
        page = post("conversations/search", {"query": query, "pagination": pagination})
        yield [item["id"] for item in page["conversations"]]
        cursor = ((page.get("pages") or {}).get("next") or {}).get("starting_after")
        if not cursor:
            return


def close(item: str) -> bool:
    """Close one conversation; False when it failed."""
    try:
        post(f"conversations/{item}/parts", {"message_type": "close", "type": "admin", "admin_id": os.environ["INTERCOM_ADMIN_ID"]})
    except requests.RequestException:
        return False
    return True


with ThreadPoolExecutor(WORKERS) as pool:
    for ids in pages():
        for first in range(0, len(ids), BATCH):
            list(pool.map(close, ids[first : first + BATCH]))
