"""What Intercom's write endpoints do when they are called twice, and how to see whether a call took effect.

Intercom has no idempotency key, so after a lost answer the thread itself is the only witness. This table knows the writes
whose effect can be read back; it serves our own operations and updaters that bring their own HTTP alike, because it goes
by the request that was sent.
API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .retry import Sent

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a request leaves behind.

    `repeatable`: doing it twice ends in the same state. `read`: the path to GET for a look, or "" when nothing tells.
    `stands(payload, since)`: whether the effect is there; `since` is server time in unix seconds, before the send.
    """

    repeatable: bool
    read: str = ""
    stands: Callable[[Json, float], bool | None] | None = None


_CONVERSATION = re.compile(r"^conversations/([^/]+)(?:/(parts|reply|tags)(?:/([^/]+))?)?$")


def effect_of(sent: Sent | None) -> Effect | None:
    """The effect of a request, or None when it is not known."""
    if sent is None:
        return None
    if sent.method == "GET":
        return Effect(repeatable=True)
    body: dict[str, Any] = sent.json if isinstance(sent.json, dict) else {}
    found = _CONVERSATION.match(sent.path.strip("/"))
    if found is not None:
        return _conversation(sent.method, found.group(1), found.group(2), found.group(3), body)
    # Everything else that PUTs or DELETEs ends in the same state when repeated; a POST may create a second object.
    if sent.method in ("PUT", "DELETE"):
        return Effect(repeatable=True)
    if re.search(r"^contacts/[^/]+/(tags|companies|subscriptions|archive|unarchive|block)$", sent.path):
        return Effect(repeatable=True)
    if re.search(r"^tickets/[^/]+/tags$", sent.path) or sent.path == "tags":
        return Effect(repeatable=True)
    if sent.path.endswith("/search") or sent.path == "companies/list":
        return Effect(repeatable=True)
    return Effect(repeatable=False)


def _conversation(method: str, cid: str, kind: str | None, tag: str | None, body: dict[str, Any]) -> Effect:
    read = f"conversations/{cid}"
    if kind is None:
        return Effect(repeatable=method in ("PUT", "DELETE"))
    if kind == "tags":
        tag_id = str(tag or body.get("id") or "")
        present = method == "POST"
        return Effect(True, read, lambda payload, _: (tag_id in tag_ids(payload)) is present)
    if kind == "reply":
        return Effect(False, read, lambda payload, since: message_stands(payload, body, since))
    action = body.get("message_type")
    if action == "close" and body.get("body"):
        return Effect(False, read, lambda payload, since: message_stands(payload, body, since))
    wanted = {"close": "closed", "open": "open", "snoozed": "snoozed"}.get(str(action))
    if wanted is not None:
        until = body.get("snoozed_until")
        return Effect(
            True,
            read,
            lambda payload, _: payload.get("state") == wanted
            and (wanted != "snoozed" or payload.get("snoozed_until") == until),
        )
    if action == "assignment":
        field = "team_assignee_id" if body.get("type") == "team" else "admin_assignee_id"
        assignee = _number(body.get("assignee_id"))
        # Assigning twice only adds a part, but its body is a message.
        if body.get("body"):
            return Effect(False, read, lambda payload, since: message_stands(payload, body, since))
        return Effect(True, read, lambda payload, _: _number(payload.get(field)) == assignee)
    return Effect(repeatable=False)


def tag_ids(payload: Json) -> set[str]:
    """The ids of the tags on a conversation, contact or ticket."""
    tags = payload.get("tags") or {}
    return {str(tag.get("id")) for tag in (tags.get("tags") or tags.get("data") or [])}


def message_stands(payload: Json, body: Json, since: float) -> bool | None:
    """Whether a part by the same author with the same text, written since then, stands in the conversation.

    Intercom returns the 500 most recent parts; a reply of the last minutes is among them. None when the payload
    carries no parts.
    """
    return find_message(payload, body, since) is not None if _parts(payload) is not None else None


def find_message(payload: Json, body: Json, since: float) -> Json | None:
    """The part that `body` (a reply or a close with text) left in the conversation, if it is there."""
    author = str(body.get("admin_id") or body.get("intercom_user_id") or "")
    text = plain(str(body.get("body") or ""))
    kind = body.get("message_type")
    # Part times are whole seconds, cut off: a part written right after `since` may carry the second before it.
    for part in reversed(_parts(payload) or []):
        if float(part.get("created_at") or 0) < int(since) - 1:
            continue
        if author and str((part.get("author") or {}).get("id")) != author:
            continue
        if (kind == "note") != (part.get("part_type") == "note"):
            continue
        if plain(str(part.get("body") or "")) == text:
            return part
    return None


def plain(text: str) -> str:
    """Text as a person reads it: Intercom wraps and rewrites HTML, so bodies are compared without it."""
    text = re.sub(r"(?i)<\s*(br|/p|/div|/li)\s*/?>", " ", text)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def _parts(payload: Json) -> list[Json] | None:
    holder = payload.get("conversation_parts")
    return list(holder.get("conversation_parts") or []) if isinstance(holder, Mapping) else None


def _number(value: Any) -> int:
    """Assignee ids are integers, strings, 0 or null for nobody."""
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return -1
