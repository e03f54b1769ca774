"""What the body of an answer holds: the JSON object that the API promises, or the error that says what came in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec.json

from ..errors import BadAnswer
from ..model import Workspace
from ..parsing.identity import id_text
from ..parsing.printable import printable_name
from .error_body import read_error_body
from .messages import Response
from .paths import item_of

Json = dict[str, Any]
_decode = msgspec.json.Decoder().decode


def read_answer(answer: Response, method: str, path: str) -> Json:
    """The JSON object of an answer of success. Raises BadAnswer for one that cannot be what the request asked for."""
    where: dict[str, Any] = {"method": method, "path": path, "status": answer.status}
    if not answer.body.strip():
        if answer.status in (202, 204):
            return {}
        raise BadAnswer(f"{method} {path} was answered {answer.status} with an empty body", **where)
    try:
        body = _parse(answer.body)
    except (ValueError, RecursionError, MemoryError) as exc:
        cut_off = BadAnswer(f"{method} {path} was answered {answer.status} with a body that is cut off or not JSON", **where)
        raise web_page(answer, method, path) or cut_off from exc
    if not isinstance(body, dict):
        raise BadAnswer(f"{method} {path} was answered with JSON that is not an object", **where)
    if body.get("type") == "error.list" or (body.get("errors") and "type" not in body):
        said = read_error_body(answer.body)
        reason = ": ".join(part for part in (said.code, said.message) if part) or "no words"
        raise BadAnswer(f"{method} {path} was answered {answer.status} with errors instead of a result: {reason}", **where)
    if method == "GET" and (item := item_of(path)) and (shown := id_text(body.get("id"))) != item:
        why = f"the id {printable_name(shown)}" if shown else "no id"
        raise BadAnswer(f"GET {path} was answered with something else than the item: it has {why}", **where)
    if not body and method != "DELETE" and answer.status == 200 and path.strip("/").startswith("conversations/"):
        # Intercom answers with the conversation, the part or the tag; of nothing, nobody knows what it did.
        raise BadAnswer(f"{method} {path} was answered 200 with an empty object", **where)
    return body


def workspace_in(me: Json) -> Workspace:
    """Whom `GET /me` says that the token speaks for. Raises BadAnswer where it does not say."""
    app = me.get("app") or {}
    if not isinstance(app, Mapping) or not isinstance(app.get("id_code") or "", str):
        raise BadAnswer("GET me does not say of which workspace the token is", method="GET", path="me")
    return Workspace(
        id=str(app.get("id_code") or ""),
        name=str(app.get("name") or ""),
        region=str(app.get("region") or ""),
        timezone=str(app.get("timezone") or ""),
        admin_id=str(me.get("id") or ""),
        admin_name=str(me.get("name") or ""),
        extra={"has_inbox_seat": me.get("has_inbox_seat")},
    )


def web_page(answer: Response, method: str, path: str) -> BadAnswer | None:
    """What to raise where a page of a website came in place of JSON."""
    if answer.body.lstrip()[:1] != b"<":
        return None
    what = f"{read_error_body(answer.body).message}. A login page or a proxy may stand in between: see to INTERCOM_BASE_URL"
    said = f"{method} {path} was answered {answer.status} with {what}"
    return BadAnswer(said, page=True, method=method, path=path, status=answer.status)


def _parse(body: bytes) -> Any:
    """JSON as the standard library reads it, four times as fast: an answer to a write is the whole item."""
    try:
        return _decode(body)
    except ValueError:
        return json.loads(body)  # not a number, half of an emoji, another encoding; or what is wrong, in its words
