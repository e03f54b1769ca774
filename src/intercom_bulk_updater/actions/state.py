"""Conversations as fields: how to read them, and which requests bring them to a wanted state.

Every verb but the messages is "bring these fields to this state"; so is every undo. `Converge` does it, sending only the
requests that are still needed, so a half-done item is finished and not repeated.
API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/manageconversation
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..api.client import Client
from ..api.effects import tag_ids

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
        else:
            got[field] = payload.get(field)
    return got


def mark(payload: Json) -> dict[str, Any]:
    """When the item was last changed, as far as the payload tells: compared later, to see who touched it since."""
    marks: dict[str, Any] = {}
    if isinstance(payload.get("updated_at"), int):
        marks["updated_at"] = payload["updated_at"]
    parts = (payload.get("conversation_parts") or {}).get("conversation_parts") or []
    if parts:
        marks["part"] = str(parts[-1].get("id"))
    return marks


def converge(client: Client, cid: str, have: dict[str, Any], want: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a conversation from `have` to `want`; returns its fields as the last answer showed them.

    Assignments go first, because assigning reopens a closed conversation; the state goes last.
    """
    have = dict(have)
    seen: dict[str, Any] = {}
    for field in ASSIGNEES:
        if field in want and number(have.get(field)) != number(want[field]):
            answer = _part(client, cid, "assignment", type="team" if field[0] == "t" else "admin",
                           assignee_id=str(number(want[field])))
            have.update(image(answer, ASSIGNEES + STATE))
            seen = mark(answer)
    if "tags" in want:
        _tags(client, cid, set(have.get("tags") or ()), set(want["tags"]))
        have["tags"] = sorted(want["tags"])
        seen = {}
    body = _attributes(have, want)
    if body:
        answer = client.put(f"conversations/{cid}", body)
        have.update(image(answer, tuple(k for k in want if k not in ("tags", *ASSIGNEES, *STATE))))
        if "state" in have:
            have.update(image(answer, STATE))
        seen = mark(answer)
    if "state" in want and not _same_state(have, want):
        answer = _state(client, cid, want)
        have.update(image(answer, STATE))
        if "admin_assignee_id" in have:
            have.update(image(answer, ASSIGNEES))
        seen = mark(answer)
    return {**have, **seen}


def _same_state(have: Json, want: Json) -> bool:
    if have.get("state") != want.get("state"):
        return False
    return want.get("state") != "snoozed" or have.get("snoozed_until") == want.get("snoozed_until")


def _state(client: Client, cid: str, want: Json) -> dict[str, Any]:
    if want["state"] == "closed":
        return _part(client, cid, "close", type="admin")
    until = want.get("snoozed_until")
    # A snooze whose time has passed meanwhile has woken up by itself: what it would be now is open.
    if want["state"] == "snoozed" and isinstance(until, int) and until > time.time():
        return _part(client, cid, "snoozed", snoozed_until=until)
    return _part(client, cid, "open")


def _part(client: Client, cid: str, kind: str, **more: Any) -> dict[str, Any]:
    return client.post(f"conversations/{cid}/parts", {"message_type": kind, **more, "admin_id": client.actor()})


def _tags(client: Client, cid: str, have: set[str], want: set[str]) -> None:
    for tag in sorted(want - have):
        client.post(f"conversations/{cid}/tags", {"id": tag, "admin_id": client.actor()})
    for tag in sorted(have - want):
        client.delete(f"conversations/{cid}/tags/{tag}", {"admin_id": client.actor()})


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
