"""A loop written by hand: `aiohttp` with a hundred workers and `aiolimiter` at the rate that the limit allows.

The limiter spreads the calls over each second, so that its burst at the start stays small. It is told the limit of the workspace
(CALLS in SECONDS), as whoever writes such a loop has to. After a 429 all workers wait until X-RateLimit-Reset, a 5xx or a lost
connection backs off exponentially; five attempts each.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import aiohttp
from aiolimiter import AsyncLimiter

WORKERS, ATTEMPTS = 100, 5  # 100 connections are what aiohttp opens by default
RATE = float(os.environ["CALLS"]) / float(os.environ["SECONDS"])


class Loop:
    """One session, one limiter, one queue."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.limiter = AsyncLimiter(RATE, 1)
        self.queue: asyncio.Queue[str | None] = asyncio.Queue(1_000)
        self.resume_at = 0.0

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """One request, tried again where that may help."""
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(self.resume_at - time.time())
            try:
                async with self.limiter, self.session.post(path, json=body) as answer:
                    if answer.status == 429:
                        self.resume_at = float(answer.headers["X-RateLimit-Reset"])
                        continue
                    if answer.status < 500:
                        answer.raise_for_status()
                        return await answer.json()
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(2.0**attempt)
        raise RuntimeError(f"{path}: given up")

    async def search(self) -> None:
        """Put the ids of the team's open conversations into the queue."""
        query = {"operator": "AND", "value": [
            {"field": "team_assignee_id", "operator": "=", "value": int(os.environ["INTERCOM_INBOX_ID"])},
            {"field": "state", "operator": "=", "value": "open"},
        ]}  # fmt: skip
        pagination: dict[str, Any] = {"per_page": 150}
        while True:
            page = await self.post("/conversations/search", {"query": query, "pagination": pagination})
            for item in page["conversations"]:
                await self.queue.put(item["id"])
            following = (page.get("pages") or {}).get("next")
            if not following:
                break
            pagination["starting_after"] = following["starting_after"]
        for _ in range(WORKERS):
            await self.queue.put(None)

    async def work(self) -> None:
        """Close one conversation after the other."""
        body = {"message_type": "close", "type": "admin", "admin_id": os.environ["INTERCOM_ADMIN_ID"]}
        while (item := await self.queue.get()) is not None:
            try:
                await self.post(f"/conversations/{item}/parts", body)
            except (aiohttp.ClientError, RuntimeError, TimeoutError):
                continue


async def main() -> None:
    """Search and close at the same time."""
    headers = {"Authorization": f"Bearer {os.environ['INTERCOM_ACCESS_TOKEN']}", "Intercom-Version": "2.16"}
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(os.environ["INTERCOM_BASE_URL"], headers=headers, timeout=timeout) as session:
        loop = Loop(session)
        await asyncio.gather(loop.search(), *(loop.work() for _ in range(WORKERS)))


asyncio.run(main())
