"""A contact whole: it carries its first ten tags and companies alone, and of its notes the ids."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...api.client import Client
from ...api.lists import is_part, row_ids, total_of
from ...api.paths import item_path
from ...errors import BadAnswer
from ..operation import Json

_PAGE = 50


def listed(client: Client, contact: str, kind: str) -> dict[str, Any]:
    """All that hangs on a contact of a kind ("tags", "companies", "notes" ...), page by page, as a contact carries it."""
    rows: list[Any] = []
    page, pages = 1, 1
    while page <= pages:
        answer = client.get(item_path("contacts", contact, kind), params={"page": page, "per_page": _PAGE} if page > 1 else None)
        found = next((answer[key] for key in (kind, "data") if isinstance(answer.get(key), list)), None)
        if found is None:
            raise BadAnswer(f"GET contacts/{contact}/{kind} did not answer with a list.", method="GET", path=f"contacts/{contact}/{kind}")
        if not found:
            break
        rows += found
        pages = int((answer.get("pages") or {}).get("total_pages") or 1)
        page += 1
    said_last: dict[str, Any] = {name: answer[name] for name in ("total_count", "has_more", "pages") if name in answer}
    if kind == "companies":
        said_last.setdefault("total_count", None)  # the contract has it here; of tags it has none
    if is_part({"data": rows, **said_last}):
        total = total_of(said_last) or 0
        announced = f"announced {total:,} and showed {len(rows):,}" if len(rows) < total < math.inf else "did not show all, or not say so"
        said = f"GET contacts/{contact}/{kind} {announced}."
        raise BadAnswer(said, method="GET", path=f"contacts/{contact}/{kind}")
    return {"type": "list", "data": rows, "total_count": len(rows), "has_more": False}


def whole_ids(held: Any) -> list[str] | None:
    """The ids of a list that a contact carries; None where that is a part of it (the first ten), or does not say how many there are."""
    whole = isinstance(held, Mapping) and total_of(held) is not None and not is_part(held)
    ids = row_ids(held.get("data")) if whole else None
    return None if ids is None else sorted(ids)


def whole_contact(client: Client, contact: Json) -> Json:
    """The contact with all of its tags and companies, and with its notes in words; what it carries whole is not read again."""
    lacking = [kind for kind in ("tags", "companies") if whole_ids(contact.get(kind)) is None]
    if whole_ids(contact.get("notes")) != []:
        lacking.append("notes")
    return {**contact, **{kind: listed(client, str(contact["id"]), kind) for kind in lacking}}
