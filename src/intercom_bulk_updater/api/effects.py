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
from typing import Any, NamedTuple
from urllib.parse import quote

from .lists import is_listed, total_of
from .messages import SentRequest, bare

Json = Mapping[str, Any]


class Effect(NamedTuple):
    """What a request leaves behind.

    `repeatable`: doing it twice ends in the same state. `read`: the path to GET for a look, or "" when nothing tells.
    `stands(payload, since)`: whether the effect is there; `since` is server time in unix seconds, before the send.
    `gone`: what a 404 on `read` says about the effect; None: nothing.
    `hidden`: not every GET shows it in time (few accounts are shown the tags of a ticket, and a list may be shown in part), so that
    only the answer to the request tells; `read` tells whether the object is there.
    """

    repeatable: bool
    read: str = ""
    stands: Callable[[Json, float], bool | None] | None = None
    gone: bool | None = None
    hidden: bool = False


# How far (seconds) the times of parts may be behind what we hold for the server's time, where nothing of the server's own
# tells: another message of the same author within so long may be ours made over; one with our very words, ours.
LATE = 60.0
_LATE_WITH_OUR_WORDS = 3600.0
_MESSAGES = ("comment", "note")
PARTS = ("conversation_parts", "ticket_parts")
_OBJECTS = frozenset({dict})
"""What objects of JSON are read as. To ask each part whether it is a Mapping takes ten times as long, and there may be 500."""
_CONVERSATION = re.compile(r"^conversations/([^/]+)(?:/(parts|reply|tags)(?:/([^/]+))?)?$")
# What GET reads one by one under the path that PUT and DELETE have.
_OBJECT = re.compile(
    r"^(conversations|contacts|companies|tickets|articles|tags|internal_articles|content_snippets|audiences|data_connectors"
    r"|help_center/collections|news/news_items|ai/content_import_sources|ai/external_pages|custom_object_instances/[^/]+)/([^/]+)$"
)
_TICKET_REPLY = re.compile(r"^(tickets/[^/]+)/reply$")
_RELATION = re.compile(r"^(contacts|tickets)/([^/]+)/(tags|companies|subscriptions)(?:/([^/]+))?$")
_NOTES = re.compile(r"^(?:contacts|companies)/[^/]+/notes$")
_SWITCH = re.compile(r"^(contacts/[^/]+)/(archive|unarchive|block)$")


def effect_of(sent: SentRequest | None) -> Effect | None:
    """The effect of a request, or None when it is not known."""
    if sent is None:
        return None
    if sent.method == "GET":
        return Effect(repeatable=True)
    body: dict[str, Any] = sent.json if isinstance(sent.json, dict) else {}
    path = bare(sent.path)
    if sent.method in ("PUT", "DELETE") and (found := _OBJECT.match(path)) is not None:
        return _object(sent.method, found[1], path, body)
    if (found := _CONVERSATION.match(path)) is not None:
        return _conversation(sent.method, found[1], found[2], found[3], body)
    if (found := _TICKET_REPLY.match(path)) is not None:
        return Effect(False, found[1], lambda payload, since: message_stands(payload, body, since))
    if (found := _RELATION.match(path)) is not None:
        return _relation(sent.method, found, body)
    if (found := _SWITCH.match(path)) is not None:
        return _switch(found[1], found[2])
    if _NOTES.match(path) and sent.method == "POST":
        return Effect(False, path, lambda payload, since: note_stands(payload, body, since))
    if path == "tags" and sent.method == "POST":
        return _tagged(body)
    # Everything else that PUTs or DELETEs ends in the same state when repeated; a POST may create a second object.
    if sent.method in ("PUT", "DELETE") or path.endswith("/search") or path == "companies/list":
        return Effect(repeatable=True)
    return Effect(repeatable=False)


def is_read_alone(path: str) -> bool:
    """Whether GET of this path shows one object: `articles/5` does, `contacts/5/tags/7` does not."""
    return _OBJECT.match(path.strip("/")) is not None


def shows_no_effect(sent: SentRequest, answer: Json, since: float) -> bool:
    """Whether the answer to a write is the item itself, as it was before the write.

    Of what no GET shows it is the only word there is, whatever else it says or leaves out. That a contact is archived or blocked
    it always says: one that does not is the answer to something else.
    """
    effect = effect_of(sent)
    if effect is None or effect.stands is None:
        return False
    if str(answer.get("id")) != effect.read.rpartition("/")[2] and not effect.hidden:
        return False
    try:
        told = effect.stands(answer, since)
        return told is False or (told is None and _SWITCH.match(bare(sent.path)) is not None)
    except Exception:
        return False  # a shape that is not the API's shows nothing


def _object(method: str, kind: str, path: str, body: Json) -> Effect:
    """An object whose fields are written, or that is deleted."""
    if method == "PUT":
        return Effect(True, path, lambda payload, since: fields_stand(payload, body, since))
    # A company goes some time after the answer: that it is still there says nothing.
    late = kind == "companies"
    there = None if late else False
    return Effect(True, path, lambda payload, _: True if payload.get("deleted") is True else there, gone=True, hidden=late)


def _relation(method: str, found: re.Match[str], body: Json) -> Effect:
    """A tag, company or subscription of a contact; a tag of a ticket."""
    kind, item, what = found[1], found[2], found[3]
    read = f"tickets/{item}" if kind == "tickets" else f"contacts/{item}/{what}"
    wanted, present, of_ticket = str(found[4] or body.get("id") or ""), method == "POST", kind == "tickets"

    def stands(payload: Json, _: float) -> bool | None:
        return is_listed(payload.get("tags", payload) if of_ticket else payload, wanted, present)

    return Effect(True, read, stands, hidden=True)


def _tagged(body: Json) -> Effect:
    """A tag that is put on things, or taken off them, by its name. Of one alone a look tells."""
    name = str(body.get("name") or "")
    for kind, read in (("users", "contacts/{}/tags"), ("companies", "companies/{}")):
        rows = body.get(kind)
        if isinstance(rows, list) and len(rows) == 1 and isinstance(rows[0], Mapping) and rows[0].get("id") and name:
            present, of_company = not rows[0].get("untag"), kind == "companies"

            def stands(payload: Json, _: float, present: bool = present, of_company: bool = of_company) -> bool | None:
                return is_listed(payload.get("tags") if of_company else payload, name, present, "name")

            return Effect(True, read.format(quote(str(rows[0]["id"]), safe="")), stands, hidden=True)
    return Effect(repeatable=True)


def _switch(contact: str, action: str) -> Effect:
    """A contact that is archived or blocked: the answer shows it, and hardly ever a GET."""
    field, wanted = ("blocked" if action == "block" else "archived"), action != "unarchive"

    def stands(payload: Json, _: float) -> bool | None:
        return payload[field] is wanted if isinstance(payload.get(field), bool) else None

    return Effect(True, contact, stands, hidden=True)


def fields_stand(payload: Json, body: Json, since: float) -> bool | None:
    """Whether the fields that a PUT wrote show their values; None when the payload does not tell.

    A server makes values over (an e-mail in lower case, a telephone number without spaces), and what differs may be that;
    so "no" needs every field to differ, or an object that was not changed since.
    """
    told = [shows(payload, name, value) for name, value in written_fields(body)]
    if not told or None in told:
        return None
    if all(told):
        return True
    changed = payload.get("updated_at")
    unchanged = isinstance(changed, int) and changed < since - LATE
    return False if unchanged or not any(told) else None


_ATTRIBUTES = ("custom_attributes", "ticket_attributes")
_NOT_FIELDS = ("admin_id", "skip_notifications", "skip_duplicate_validation")


def written_fields(body: Json) -> list[tuple[str, Any]]:
    """The fields that a PUT writes, each attribute for itself ("custom_attributes.plan"), with their values."""
    held = [(f"{kind}.{name}", value) for kind in _ATTRIBUTES if isinstance(body.get(kind), Mapping) for name, value in body[kind].items()]
    return [*((name, value) for name, value in body.items() if name not in (*_ATTRIBUTES, *_NOT_FIELDS)), *held]


def shows(payload: Json, name: str, value: Any) -> bool | None:
    """Whether a field shows a value, as Intercom may have made it over; None where that cannot be told."""
    holder: Any = payload
    custom, _, attribute = name.partition(".")
    if attribute:
        holder, name = payload.get(custom), attribute
    if name == "assignee_id" and value and {"admin_assignee_id", "team_assignee_id"} <= payload.keys():
        return str(value) in (str(payload["admin_assignee_id"]), str(payload["team_assignee_id"]))
    if not isinstance(holder, Mapping) or name not in holder:
        return None
    shown = holder[name]
    if isinstance(shown, Mapping) and isinstance(value, str | int) and value:  # written by its name, and shown as a thing: a plan
        return True if str(value) in [str(shown.get(key)) for key in ("name", "id", "image_url")] else None
    if type(shown) is int and isinstance(value, str) and value.isdecimal():
        value = int(value)
    if shown == value and isinstance(shown, bool) is isinstance(value, bool):
        return True
    if value in (None, "") or shown in (None, ""):
        return value in (None, "") and shown in (None, "")
    if isinstance(shown, str) and isinstance(value, str):
        return True if _readings(shown) & _readings(value) else None if shown and plain(value).startswith(plain(shown)) else False
    if isinstance(shown, bool) is isinstance(value, bool) and isinstance(shown, int | float) and isinstance(value, int | float):
        return None if not isinstance(shown, bool) and abs(shown - value) < 1 else False
    return None


def _conversation(method: str, cid: str, kind: str | None, tag: str | None, body: dict[str, Any]) -> Effect:
    read = f"conversations/{cid}"
    if kind is None:
        return Effect(repeatable=False)
    if kind == "tags":
        tag_id = str(tag or body.get("id") or "")
        present = method == "POST"
        return Effect(True, read, lambda payload, _: is_listed(payload.get("tags"), tag_id, present), hidden=True)
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
            lambda payload, _: payload.get("state") == wanted and (wanted != "snoozed" or payload.get("snoozed_until") == until),
        )
    if action == "assignment":
        field = "team_assignee_id" if body.get("type") == "team" else "admin_assignee_id"
        assignee = _number(body.get("assignee_id"))
        # Assigning twice only adds a part, but its body is a message.
        if body.get("body"):
            return Effect(False, read, lambda payload, since: message_stands(payload, body, since))
        return Effect(True, read, lambda payload, _: _number(payload.get(field)) == assignee)
    return Effect(repeatable=False)


def message_stands(payload: Json, body: Json, since: float, seen: float | None = None, *, ours: bool = False) -> bool | None:
    """Whether a part by the same author with the same text, written since then, stands in the conversation.

    `since` is ours: what we hold for the server's time, before the send. `seen` is the server's own: when the conversation
    was last changed, as it was seen before the send (`updated_at`). What was written between the two may be ours, if our
    idea of the server's time is ahead of the clock that stamps its parts. `ours`: that it was sent is known, and the question
    is only whether it is still there.

    None when nothing tells: several such parts, or one that may have made the conversation what was seen, so that somebody
    else may have written the same in the same name; the payload carries no parts; or only the newest (Intercom returns 500),
    none of them from before `since`; or the author wrote something else since then, which may be our text as Intercom made it
    over; or the same text a little before.
    """
    parts = parts_of(payload)
    if parts is None:
        return None
    written = _written(parts, body, since)
    candidates = [part for part in written if same_text(part, body)]
    if candidates:
        return True if ours or (len(candidates) == 1 and not _was_seen(candidates[0], payload, parts, seen)) else None
    if written or not _reaches_back(payload, parts, since):
        return None
    doubtful = _written(parts, body, min(since, since - LATE if seen is None else seen))
    if seen is not None and len([part for part in doubtful if float(part.get("created_at") or 0) <= seen]) == 1:
        # The message that made the conversation what was seen: an earlier one of the author's. Two may be that one and ours.
        doubtful = [part for part in doubtful if float(part.get("created_at") or 0) > seen]
    same = _written(parts, body, min(since, since - _LATE_WITH_OUR_WORDS if seen is None else seen))
    return None if doubtful or any(same_text(part, body) for part in same) else False


def _was_seen(part: Json, payload: Json, parts: list[Json], seen: float | None) -> bool:
    """Whether this part may be what last changed the conversation before it was seen: no other part and no tag is of that second."""
    if seen is None or float(part.get("created_at") or 0) > seen:
        return False
    tags = payload.get("tags")
    tagged = tags.get("tags") if isinstance(tags, Mapping) else None
    others = [other.get("created_at") for other in parts if other is not part]
    others += [tag.get("applied_at") for tag in tagged or () if isinstance(tag, Mapping)] if isinstance(tagged, list) else []
    return seen not in (payload.get("created_at"), *others)


def note_stands(payload: Json, body: Json, since: float, *, ours: bool = True) -> bool | None:
    """Whether a note like `body` stands among the newest of a contact or a company, written since then.

    None where another of the same author differs, for Intercom may have made our text over; where it is not sure that ours
    was sent (`ours`) and two may be it; and where the notes that are shown do not go back so far.
    """
    notes = payload.get("data")
    if not isinstance(notes, list):
        return None
    author = str(body.get("admin_id") or "")
    written = [
        note for note in notes
        if int(note.get("created_at") or 0) >= int(since - 0.5)
        and (not author or str((note.get("author") or {}).get("id")) == author)
    ]  # fmt: skip
    same = sum(plain(str(note.get("body") or "")) == plain(str(body.get("body") or "")) for note in written)
    if same:
        return True if ours or same == 1 else None
    total = total_of(payload)
    newest_only = (total is None or len(notes) < total) and len(written) == len(notes)
    return None if written or newest_only else False


def find_message(payload: Json, body: Json, since: float) -> Json | None:
    """The part that `body` (a reply or a close with text) left in the conversation, if it is there."""
    written = _written(parts_of(payload) or [], body, since)
    return next((part for part in reversed(written) if same_text(part, body)), None)


def _written(parts: list[Json], body: Json, since: float) -> list[Json]:
    """The messages of the author of `body`, of its kind, written since then."""
    author = str(body.get("admin_id") or body.get("intercom_user_id") or "")
    note = body.get("message_type") == "note"
    # Part times are whole seconds, cut off, and the servers of a farm differ by a little.
    first = int(since - 0.5)
    return [
        part
        for part in parts
        if float(part.get("created_at") or 0) >= first
        and (not author or str((part.get("author") or {}).get("id")) == author)
        and note == (part.get("part_type") == "note")
        and (str(part.get("body") or "").strip() or part.get("part_type") in _MESSAGES)
    ]


def same_text(part: Json, body: Json) -> bool:
    """Whether two bodies have the same words."""
    return bool(_readings(str(part.get("body") or "")) & _readings(str(body.get("body") or "")))


def _reaches_back(payload: Json, parts: list[Json], since: float) -> bool:
    """Whether the parts shown go back to before `since`, so that what is not among them is not there."""
    total = next(total_of(payload[name]) for name in PARTS if name in payload)
    cut = total is None or total > len(parts)
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
    """The history of a conversation or ticket, oldest first; None where the payload carries none (search items do not)."""
    for name in PARTS:
        held = payload.get(name)
        if type(held) is dict or isinstance(held, Mapping):
            parts = held.get(name)
            if isinstance(parts, list) and (_OBJECTS.issuperset(map(type, parts)) or all(isinstance(part, Mapping) for part in parts)):
                return list(parts)
            return None
    return None


def _number(value: Any) -> int:
    """Assignee ids are integers, strings, 0 or null for nobody."""
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return -1
