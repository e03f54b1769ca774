"""`requests` with one session and urllib3's `Retry`, in 32 threads.

As both manuals show it: a session with an adapter whose pool is as large as the number of threads, and five retries of 429 and 5xx
with exponential backoff, for POST too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

THREADS = 32

base = os.environ["INTERCOM_BASE_URL"]
retry = Retry(total=5, backoff_factor=1, status_forcelist=[429, 500, 502, 503, 504], allowed_methods=None)
session = requests.Session()
session.mount(base, HTTPAdapter(max_retries=retry, pool_maxsize=THREADS))
session.headers.update({"Authorization": f"Bearer {os.environ['INTERCOM_ACCESS_TOKEN']}", "Intercom-Version": "2.16"})


def ids() -> Iterator[str]:
    """The team's open conversations."""
    query = {"operator": "AND", "value": [
        {"field": "team_assignee_id", "operator": "=", "value": int(os.environ["INTERCOM_INBOX_ID"])},
        {"field": "state", "operator": "=", "value": "open"},
    ]}  # fmt: skip
    pagination: dict[str, object] = {"per_page": 150}
    while True:
        answer = session.post(f"{base}/conversations/search", json={"query": query, "pagination": pagination}, timeout=30)
        answer.raise_for_status()
        page = answer.json()
        yield from (item["id"] for item in page["conversations"])
        following = (page.get("pages") or {}).get("next")
        if not following:
            return
        pagination["starting_after"] = following["starting_after"]


def close(item: str) -> bool:
    """Close one conversation; False when it failed."""
    body = {"message_type": "close", "type": "admin", "admin_id": os.environ["INTERCOM_ADMIN_ID"]}
    try:
        session.post(f"{base}/conversations/{item}/parts", json=body, timeout=30).raise_for_status()
    except requests.RequestException:
        return False
    return True


with ThreadPoolExecutor(THREADS) as pool:
    for item in ids():
        pool.submit(close, item)
