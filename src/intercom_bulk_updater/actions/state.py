"""Conversations as fields: how to read them, and which requests bring them to a wanted state.

Every verb but the messages is "bring these fields to this state"; so is every undo. `converge` does it, sending only the
requests that are still needed, so a half-done item is finished and not repeated.
API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/manageconversation
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..api.client import Client
from ..api.effects import tag_ids
from ..errors import IntercomBulkError, NotFound

Json = Mapping[str, Any]

STATE = ("state", "snoozed_until")
ASSIGNEES = ("admin_assignee_id", "team_assignee_id")


def number(value: Any) -> int:
    """An assignee id as an int; 0 for nobody (the API says 0, null or a string)."""
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def image(payload: Json, fields: tuple[str, ...]) -> dict[str, Any]:
    """The named fields of a conversation, in one plain form whatever the payload's."""
    got: dict[str, Any] = {}
    for field in fields:
        if field == "tags":
            got["tags"] = sorted(tag_ids(payload))
        elif field in ASSIGNEES:
            got[field] = number(payload.get(field))
        elif field.startswith("custom_attributes."):
            got[field] = (payload.get("custom_attributes") or {}).get(field.partition(".")[2])
        elif field == "state":
            got["state"] = payload.get("state") or ("open" if payload.get("open") else "closed")
        elif field == "snoozed_until":
            got["snoozed_until"] = payload.get("snoozed_until") if payload.get("state") == "snoozed" else None
        elif field == "company_id":
            # Written by its id, and read as an object.
            company = (payload.get("company") or {}).get("id")
            got[field] = None if company is None else str(company)
        else:
            got[field] = payload.get(field)
    return got


def awake(want: Json, now: float) -> dict[str, Any]:
    """The wanted fields as they can still be had: a snooze whose time has passed has woken up, and is open."""
    until = want.get("snoozed_until")
    if want.get("state") != "snoozed" or not isinstance(until, int) or until > now:
        return dict(want)
    return {**want, "state": "open", "snoozed_until": None}


def our_mark(payload: Json, admin_id: str, since: float) -> dict[str, Any]:
    """The mark of our own last write, found by its author in a payload that others may have written to since."""
    parts = (payload.get("conversation_parts") or {}).get("conversation_parts") or []
    ours = [
        p for p in parts
        if str((p.get("author") or {}).get("id")) == admin_id and int(p.get("created_at") or 0) >= int(since - 0.5)
    ]
    if not ours:
        # History entries that a bot signs, tags: nothing tells whose the last change was.
        return mark(payload)
    return {"updated_at": int(ours[-1]["created_at"]), "part": str(ours[-1].get("id"))}


def applied(payload: Json, tags: set[str]) -> dict[str, int]:
    """When each of these tags was put on."""
    return {str(t.get("id")): int(t.get("applied_at") or 0) for t in _tags(payload) if str(t.get("id")) in tags}


def _tags(payload: Json) -> list[Json]:
    return (payload.get("tags") or {}).get("tags") or []


def mark(payload: Json) -> dict[str, Any]:
    """When the item was last changed, as far as the payload tells: compared later, to see who touched it since."""
    marks: dict[str, Any] = {}
    if isinstance(payload.get("updated_at"), int):
        marks["updated_at"] = payload["updated_at"]
    parts = (payload.get("conversation_parts") or {}).get("conversation_parts") or []
    if parts:
        marks["part"] = str(parts[-1].get("id"))
    # Times are whole seconds: a tag that comes within the same one is told from those that were there.
    there = [str(t.get("id")) for t in _tags(payload) if int(t.get("applied_at") or 0) >= int(payload.get("updated_at") or 0)]
    return {**marks, "there": there} if there else marks


def converge(client: Client, cid: str, have: dict[str, Any], want: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a conversation from `have` to `want`; returns its fields as the last answer showed them.

    Assignments go first, because assigning reopens a closed conversation; the state goes last. An error that comes after
    the first of several requests says in its parts what they `left`.
    """
    left: dict[str, Any] = {}
    try:
        return _converge(client, cid, dict(have), awake(want, client.server_time()), left)
    except IntercomBulkError as exc:
        if left:
            exc.parts["left"] = left
        raise


def _converge(client: Client, cid: str, have: dict[str, Any], want: Json, left: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def sent(**fields: Any) -> None:
        have.update({field: value for field, value in fields.items() if field in have or field in want})
        left.clear()
        left.update({**have, **seen})

    # The team before the admin: giving a conversation to a team may take the admin away, never the other way round.
    for field in reversed(ASSIGNEES):
        if field in want and number(have.get(field)) != number(want[field]):
            answer = _part(client, cid, "assignment", type="team" if field[0] == "t" else "admin",
                           assignee_id=str(number(want[field])))
            seen = mark(answer)
            sent(**image(answer, ASSIGNEES + STATE))
    for tag in sorted(set(want.get("tags", ())) - set(have.get("tags") or ())):
        answer = client.post(f"conversations/{cid}/tags", {"id": tag, "admin_id": client.actor()})
        seen = _tagged(seen, tag, answer, client.admin_id)
        sent(tags=sorted({*(have.get("tags") or ()), tag}))
    for tag in sorted(set(have.get("tags") or ()) - set(want["tags"])) if "tags" in want else ():
        _untag(client, cid, tag)
        sent(tags=sorted(set(have["tags"]) - {tag}))
    body = _attributes(have, want)
    if body:
        answer = client.put(f"conversations/{cid}", body)
        seen = {**seen, **mark(answer)}
        sent(**image(answer, tuple(k for k in want if k not in ("tags", *ASSIGNEES, *STATE))), **image(answer, STATE))
    if "state" in want and not _same_state(have, want):
        answer = _state(client, cid, want)
        seen = {**seen, **mark(answer)}
        sent(**image(answer, STATE + ASSIGNEES))
    return {**have, **seen}


def _tagged(seen: dict[str, Any], tag: str, answer: Json, admin_id: str) -> dict[str, Any]:
    """The marks with one more tag: when we put it on, or that somebody else had done so before us."""
    by = str((answer.get("applied_by") or {}).get("id") or "")
    if by and admin_id and by != admin_id:
        return {**seen, "theirs": [*seen.get("theirs", ()), tag]}
    at = answer.get("applied_at")
    return {**seen, "applied": {**seen.get("applied", {}), tag: at}} if isinstance(at, int) else seen


def _untag(client: Client, cid: str, tag: str) -> None:
    try:
        client.delete(f"conversations/{cid}/tags/{tag}", {"admin_id": client.actor()})
    except NotFound as exc:
        # Somebody took it off before us: it is off, which is what was wanted. Another 404 means the conversation.
        if exc.code != "tag_not_found" and "tag" not in exc.api_message.lower():
            raise


def _same_state(have: Json, want: Json) -> bool:
    if have.get("state") != want.get("state"):
        return False
    return want.get("state") != "snoozed" or have.get("snoozed_until") == want.get("snoozed_until")


def _state(client: Client, cid: str, want: Json) -> dict[str, Any]:
    if want["state"] == "closed":
        return _part(client, cid, "close", type="admin")
    if want["state"] == "snoozed" and isinstance(want.get("snoozed_until"), int):
        return _part(client, cid, "snoozed", snoozed_until=want["snoozed_until"])
    return _part(client, cid, "open")


def _part(client: Client, cid: str, kind: str, **more: Any) -> dict[str, Any]:
    return client.post(f"conversations/{cid}/parts", {"message_type": kind, **more, "admin_id": client.actor()})


def _attributes(have: Json, want: Json) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for field, value in want.items():
        if field in ("tags", *ASSIGNEES, *STATE) or have.get(field) == value:
            continue
        if field.startswith("custom_attributes."):
            body.setdefault("custom_attributes", {})[field.partition(".")[2]] = value
        else:
            body[field] = value
    return body
