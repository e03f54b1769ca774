"""Lists by page number, whose `next` is a URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from intercom_sandbox.paging import page_size
from intercom_sandbox.problems import invalid
from intercom_sandbox.settings import Settings
from intercom_sandbox.wire import Request


def numbered(
    request: Request, settings: Settings, rows: list[Any], default: int, maximum: int, cap: int = 0
) -> tuple[list[Any], dict[str, Any], int]:
    """(rows of the page, `pages`, total). Beyond `cap` items: an empty page and total 0, without an error."""
    query = request.query
    size = page_size(query.get("per_page"), default, maximum, settings)
    try:
        page = int(query.get("page") or 1)
    except ValueError:
        raise invalid("page must be a number", "page") from None
    if page < 1:
        raise invalid("page must be at least 1", "page")
    total = max(0, len(rows) + settings.count_error)
    chosen = rows[(page - 1) * size : page * size]
    if cap and (page - 1) * size >= cap:
        chosen, total = [], 0
    pages: dict[str, Any] = {
        "type": "pages",
        "next": None,
        "page": page,
        "per_page": size,
        "total_pages": -(-total // size),
    }
    if page * size < (min(total, cap) if cap else total) and chosen:
        host = request.headers.get(b"host", b"api.intercom.io").decode("latin-1")
        more = {**query, "per_page": str(size), "page": str(page + 1)}
        pages["next"] = f"http://{host}{request.path}?{urlencode(more)}"
    return chosen, pages, total
