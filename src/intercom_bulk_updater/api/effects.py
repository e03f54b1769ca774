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

from .messages import SentRequest

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


# How many of its newest parts a conversation is answered with.
_MOST_PARTS = 500
# How far (seconds) the times of parts may be behind what we hold for the server's time, where nothing of the server's own
# tells: another message of the same author within so long may be ours made over; one with our very words, ours.
_LATE = 60.0
_LATE_WITH_OUR_WORDS = 3600.0
_MESSAGES = ("comment", "note")
_CONVERSATION = re.compile(r"^conversations/([^/]+)(?:/(parts|reply|tags)(?:/([^/]+))?)?$")


def effect_of(sent: SentRequest | None) -> Effect | None:
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


def message_stands(payload: Json, body: Json, since: float, seen: float | None = None) -> bool | None:
    """Whether a part by the same author with the same text, written since then, stands in the conversation.

    `since` is ours: what we hold for the server's time, before the send. `seen` is the server's own: when the conversation
    was last changed, as it was seen before the send (`updated_at`). What was written between the two may be ours, if our
    idea of the server's time is ahead of the clock that stamps its parts.

    None when nothing tells: the payload carries no parts; or only the newest (Intercom returns 500), none of them from
    before `since`; or the author wrote something else since then, which may be our text as Intercom made it over; or the
    same text a little before.
    """
    parts = parts_of(payload)
    if parts is None:
        return None
    written = _written(parts, body, since)
    if any(_same_text(part, body) for part in written):
        return True
    if written or not _reaches_back(payload, parts, since):
        return None
    doubtful = _written(parts, body, min(since, since - _LATE if seen is None else seen))
    same = _written(parts, body, min(since, since - _LATE_WITH_OUR_WORDS if seen is None else seen))
    return None if doubtful or any(_same_text(part, body) for part in same) else False


def find_message(payload: Json, body: Json, since: float) -> Json | None:
    """The part that `body` (a reply or a close with text) left in the conversation, if it is there."""
    written = _written(parts_of(payload) or [], body, since)
    return next((part for part in reversed(written) if _same_text(part, body)), None)


def _written(parts: list[Json], body: Json, since: float) -> list[Json]:
    """The messages of the author of `body`, of its kind, written since then."""
    author = str(body.get("admin_id") or body.get("intercom_user_id") or "")
    note = body.get("message_type") == "note"
    # Part times are whole seconds, cut off, and the servers of a farm differ by a little.
    first = int(since - 0.5)
    return [
        part for part in parts
        if float(part.get("created_at") or 0) >= first
        and (not author or str((part.get("author") or {}).get("id")) == author)
        and note == (part.get("part_type") == "note")
        and (str(part.get("body") or "").strip() or part.get("part_type") in _MESSAGES)
    ]


def _same_text(part: Json, body: Json) -> bool:
    return bool(_readings(str(part.get("body") or "")) & _readings(str(body.get("body") or "")))


def _reaches_back(payload: Json, parts: list[Json], since: float) -> bool:
    """Whether the parts shown go back to before `since`, so that what is not among them is not there."""
    total = payload["conversation_parts"].get("total_count")
    cut = total > len(parts) if isinstance(total, int) else len(parts) >= _MOST_PARTS
    return not cut or any(float(part.get("created_at") or 0) < int(since - 0.5) for part in parts)


def plain(text: str) -> str:
    """Text as a person reads it: Intercom wraps and rewrites HTML, so bodies are compared without it."""
    text = re.sub(r"(?i)<\s*(br|/p|/div|/li)\s*/?>", " ", text)
    return _even(html.unescape(re.sub(r"<[^>]+>", "", text)))


def _readings(text: str) -> set[str]:
    """What a body may come out as: its tags taken for tags, or for text ("a < b"), letters and digits alone.

    Intercom makes links, quotes, dashes and lists over; the words stay.
    """
    return {re.sub(r"[\W_]+", "", said).casefold() or said for said in (plain(text), _even(html.unescape(text)))}


def _even(text: str) -> str:
    return " ".join(text.split())


def parts_of(payload: Json) -> list[Json] | None:
    """The history of a conversation, oldest first; None where the payload carries none (search items do not)."""
    holder = payload.get("conversation_parts")
    return list(holder.get("conversation_parts") or []) if isinstance(holder, Mapping) else None


def _number(value: Any) -> int:
    """Assignee ids are integers, strings, 0 or null for nobody."""
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return -1
