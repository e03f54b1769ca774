"""Conversations as fields: how to read them, and which requests bring them to a wanted state.

Every verb but the messages is "bring these fields to this state"; so is every undo. `converge` does it, sending only the
requests that are still needed, so a half-done item is finished and not repeated.
API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/manageconversation
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ...api.client import Client
from ...api.effects import parts_of, plain
from ...api.lists import tag_ids
from ...api.messages import SentRequest
from ...api.paths import item_path
from ...api.retry import no_effect
from ...errors import IntercomBulkError, NotFound
from ..assignment import ASSIGNEES, assignees, number
from ..endings import NothingChanged
from ..field_values import describe_field, describe_value
from ..values import body_of, plain_fields
from .history import closed_by_another, mark, tags_of

Json = Mapping[str, Any]

STATE = ("state", "snoozed_until")
_EXACT = ("state", *ASSIGNEES)
"""Fields that come out as they were written, or are not written."""
_MARKS = ("updated_at", "part", "there")


def image(payload: Json, fields: tuple[str, ...]) -> dict[str, Any]:
    """Those of the named fields that a conversation's payload has, in one plain form. What it lacks is not known."""
    got: dict[str, Any] = {}
    state: dict[str, Any] | None = None
    for field in fields:
        if field == "tags":
            if (tags := tag_ids(payload)) is not None:
                got["tags"] = sorted(tags)
        elif field in STATE:
            state = _state_of(payload) if state is None else state
            if field in state:
                got[field] = state[field]
        elif field in ASSIGNEES:
            got.update(assignees(payload, (field,)))
        elif field == "company_id":
            # Written by its id, and read as an object, which a conversation without a company lacks.
            if "company" in payload or "updated_at" in payload:
                company = (payload.get("company") or {}).get("id")
                got[field] = None if company is None else str(company)
        elif field == "title" and "title" in payload:
            got[field] = payload[field] or None  # the contract has no null to write: an empty text clears it
        else:
            got.update(plain_fields(payload, (field,)))
    return got


def _state_of(payload: Json) -> dict[str, Any]:
    """State and end of the snooze, as far as the payload has them."""
    state = payload.get("state")
    if state and state not in ("open", "closed", "snoozed"):
        return {}  # no state that Intercom has: nothing is known
    if not state:
        if not isinstance(payload.get("open"), bool):
            return {}
        # What is snoozed is open too.
        state = "closed" if not payload["open"] else "snoozed" if payload.get("snoozed_until") else "open"
    if state != "snoozed":
        return {"state": state, "snoozed_until": None}
    return {"state": state, **({"snoozed_until": payload["snoozed_until"]} if "snoozed_until" in payload else {})}


def so(now: Json, wanted: Json) -> bool | None:
    """Whether an image is as wanted; None when it lacks a field that would tell."""
    if any(field in now and now[field] != value for field, value in wanted.items()):
        return False
    return True if wanted.keys() <= now.keys() else None


def awake(want: Json, now: float) -> dict[str, Any]:
    """The wanted fields as they can still be had: a snooze whose time has passed has woken up, and is open."""
    until = want.get("snoozed_until")
    if want.get("state") != "snoozed" or not isinstance(until, int) or until > now:
        return dict(want)
    return {**want, "state": "open", "snoozed_until": None}


def applied(payload: Json, tags: set[str]) -> dict[str, int]:
    """When each of these tags was put on."""
    return {str(t.get("id")): int(t.get("applied_at") or 0) for t in tags_of(payload) if str(t.get("id")) in tags}


def converge(client: Client, cid: str, have: dict[str, Any], want: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a conversation from `have` to `want`; returns its fields as the last answer showed them.

    Assignments go first, because assigning reopens a closed conversation; the state goes last. An error that comes after
    the first of several requests says in its parts what they `left`.
    """
    writes = _Writes(client, cid, dict(have), awake(want, client.server_time()))
    try:
        for step in (writes.assign, writes.tag, writes.set_fields, writes.set_state):
            step()
    except IntercomBulkError as exc:
        if writes.wrote:
            exc.parts["left"] = writes.image()
        raise
    return writes.image()


def requests_between(have: Json, want: Json) -> int:
    """How many requests `converge` sends for that, as far as it is known; assigning reopens, and the state is put back."""
    assigned = sum(field in want and number(have.get(field)) != number(want[field]) for field in ASSIGNEES)
    tags = len(set(want["tags"]) ^ set(have.get("tags") or ())) if "tags" in want else 0
    woken = assigned and have.get("state") != "open" != want.get("state")
    state = "state" in want and (woken or not _same_state(have, want))
    return assigned + tags + bool(_values(have, want)) + bool(state)


class _Writes:
    """The writes that bring one conversation from what it has to what is wanted, and what each of them left."""

    def __init__(self, client: Client, cid: str, have: dict[str, Any], want: Json) -> None:
        self._client = client
        self._cid = cid
        self._have = have
        self._want = want
        self._seen: dict[str, Any] = {}
        self.wrote = False
        """One of them was carried out."""

    def image(self) -> dict[str, Any]:
        """The after-image so far."""
        return {**self._have, **self._seen}

    def assign(self) -> None:
        """The team before the admin: giving a conversation to a team may take the admin away, never the other way round."""
        have, want = self._have, self._want
        for field in reversed(ASSIGNEES):
            if field in want and (field not in have or number(have[field]) != number(want[field])):
                to = number(want[field])
                kind = "team" if field[0] == "t" else "admin"
                request = _part(self._client, self._cid, "assignment", type=kind, assignee_id=str(to))
                self._send(request, {field: to}, ASSIGNEES + STATE)

    def tag(self) -> None:
        """Put on the tags that are missing, take off those that are too many."""
        have, want, client = self._have, self._want, self._client
        if "tags" not in want:
            return
        for tag in sorted(set(want["tags"]) - set(have.get("tags") or ())):
            answer = client.post(item_path("conversations", self._cid, "tags"), {"id": tag, "admin_id": client.actor()})
            self._seen = _tagged(self._seen, tag, answer, client.admin_id)
            self._keep(tags=sorted({*(have.get("tags") or ()), tag}))
        for tag in sorted(set(have.get("tags") or ()) - set(want["tags"])):
            _untag(client, self._cid, tag)
            self._keep(tags=sorted(set(have["tags"]) - {tag}))

    def set_fields(self) -> None:
        """Write fields and attributes, all with one request."""
        values = _values(self._have, self._want)
        if values:
            body = body_of({}, values)
            if "title" in body:
                body["title"] = body["title"] or ""
            self._send(SentRequest("PUT", item_path("conversations", self._cid), body), values, STATE)

    def set_state(self) -> None:
        """Close, open or snooze. Raises NothingChanged where that was the only write and somebody else had closed it."""
        client, want = self._client, self._want
        if "state" not in want or _same_state(self._have, want):
            return
        alone, since = not self.wrote, client.server_time()
        payload = self._send(_state(client, self._cid, want), _state_written(want), ASSIGNEES)
        if alone and want["state"] == "closed" and (who := closed_by_another(payload, client.admin_id, since)):
            raise NothingChanged(f"already closed: by {who}")

    def _send(self, request: SentRequest, written: Json, also: tuple[str, ...]) -> Json:
        """Send a write and take down what it left; returns the payload that showed it, {} for none."""
        mine = self._known(written)
        fields = (*mine, *(field for field in also if field not in mine))
        payload, shown = write(self._client, self._cid, request, self._have, mine, fields)
        # That somebody is no longer assigned is not taken from the answer to another write: null may be what it does not say.
        had = {field for field in ASSIGNEES if self._have.get(field) and field not in mine and not self._want.get(field, True)}
        shown = {field: value for field, value in shown.items() if field not in had or value}
        for name in _MARKS:
            self._seen.pop(name, None)
        if payload:
            self._seen.update(mark(payload))
        if not mine.keys().isdisjoint(ASSIGNEES):
            _forget(self._have, mine)  # what the payload shows is put in again
        self._keep(**{**mine, **shown})
        return payload

    def _keep(self, **fields: Any) -> None:
        self._have.update(self._known(fields))
        self.wrote = True

    def _known(self, fields: Json) -> dict[str, Any]:
        return {field: value for field, value in fields.items() if field in self._have or field in self._want}


class NoEffect(Exception):
    """A write was answered with success, and the conversation is `still` as it was before."""

    def __init__(self, still: str) -> None:
        self.still = still
        super().__init__(still)


def write(
    client: Client, cid: str, request: SentRequest, had: Json, written: Json, fields: tuple[str, ...]
) -> tuple[Json, dict[str, Any]]:
    """Send a write; return the payload that shows the item after it, and these fields of it: both empty when none does.

    Raises BadAnswer when the item is shown to be as it was before.
    """
    since = client.server_time()
    answer = client.call(request.method, request.path, json=request.json)
    try:
        return shown_after(client, cid, answer, had, written, fields, since=since)
    except NoEffect as exc:
        raise no_effect(request, exc.still) from None


def shown_after(
    client: Client, cid: str, answer: Json, had: Json, written: Json, fields: tuple[str, ...], *, since: float
) -> tuple[Json, dict[str, Any]]:
    """The payload that shows an item after a write, and these fields of it; both empty when none does.

    An answer may lack what was written, or show the item as it was before: then one GET is asked. Both are of use only
    where they agree with what was sent. Raises NoEffect when the newer of them plainly shows the old state, and nobody has
    left a trace since.
    """
    marks, shown = _readable(answer, fields)
    if shown and marks and _agrees(shown, had, written):
        return answer, shown
    still, payload = _still(shown, had, written), answer
    with suppress(IntercomBulkError):  # a look that fails says nothing: then the answer alone counts
        payload = client.get(item_path("conversations", cid))
        _, shown = _readable(payload, fields)
    if shown and payload is not answer and _agrees(shown, had, written):
        return payload, shown
    still = still if shown.keys().isdisjoint(written) else _still(shown, had, written)
    if still and not _trace_since(payload, since):
        raise NoEffect(still)
    return {}, {}


def _trace_since(payload: Json, since: float) -> bool:
    """Whether anybody has left a part since then: what shows the old state may have been brought back to it."""
    try:
        return any(int(part.get("created_at") or 0) >= int(since - 0.5) for part in parts_of(payload) or ())
    except Exception:
        return False


def _readable(payload: Json, fields: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The marks and the fields of an answer; none of one whose shape is not the API's."""
    try:
        return mark(payload), image(payload, fields)
    except Exception:
        return {}, {}


def _still(shown: Json, had: Json, written: Json) -> str:
    """What an image shows as it was before the write, in words; "" unless that is so of all that was to change, plainly.

    A value that the server makes over (trimmed, rounded) may come out as it was: that is not plain.
    """
    telling = {field: value for field, value in written.items() if field in had or field in _EXACT}
    changing = {field: value for field, value in telling.items() if had.get(field, shown.get(field)) != value}
    plainly = all(
        field in shown and shown[field] == had.get(field, shown[field]) and (field in _EXACT or _plainly_other(had[field], value))
        for field, value in changing.items()
    )
    return ", ".join(f"{describe_field(field)} is still {describe_value(shown[field], field)}" for field in changing) if plainly else ""


def _plainly_other(was: Any, value: Any) -> bool:
    if isinstance(was, str) and isinstance(value, str):
        return plain(was).casefold() != plain(value).casefold()
    if isinstance(was, bool) or isinstance(value, bool):
        return True
    return not (isinstance(was, int | float) and isinstance(value, int | float)) or abs(was - value) >= 1


def _agrees(shown: Json, had: Json, written: Json) -> bool:
    """Whether an image can be one from after the write. A value made over (trimmed, rounded) is the server's own."""
    for field, value in written.items():
        if field not in shown:
            return False
        if shown[field] != value and (shown[field] == had.get(field) or field in _EXACT):
            return False
    return True


def _forget(have: dict[str, Any], written: Json) -> None:
    """Nothing shows what an assignment changed besides: what it may have is not known any more, but that it reopens."""
    if have.get("state") == "closed":
        have["state"] = "open"
    elif have.get("state") == "snoozed":
        have.pop("state")
        have.pop("snoozed_until", None)
    if "team_assignee_id" in written:
        have.pop("admin_assignee_id", None)


def _tagged(seen: dict[str, Any], tag: str, answer: Json, admin_id: str) -> dict[str, Any]:
    """The marks with one more tag: when we put it on, or that somebody else had done so before us."""
    by = str((answer.get("applied_by") or {}).get("id") or "")
    if by and admin_id and by != admin_id:
        return {**seen, "theirs": [*seen.get("theirs", ()), tag]}
    at = answer.get("applied_at")
    return {**seen, "applied": {**seen.get("applied", {}), tag: at}} if isinstance(at, int) else seen


def _untag(client: Client, cid: str, tag: str) -> None:
    try:
        client.delete(item_path("conversations", cid, "tags", tag), {"admin_id": client.actor()})
    except NotFound as exc:
        # Somebody took it off before us: it is off, which is what was wanted. Another 404 means the conversation.
        if exc.code != "tag_not_found" and "tag" not in exc.api_message.lower():
            raise


def _same_state(have: Json, want: Json) -> bool:
    if have.get("state") != want.get("state"):
        return False
    return want.get("state") != "snoozed" or have.get("snoozed_until") == want.get("snoozed_until")


def _state(client: Client, cid: str, want: Json) -> SentRequest:
    state = _state_written(want)["state"]
    if state == "closed":
        return _part(client, cid, "close", type="admin")
    if state == "snoozed":
        return _part(client, cid, "snoozed", snoozed_until=want["snoozed_until"])
    return _part(client, cid, "open")


def _state_written(want: Json) -> dict[str, Any]:
    """What the request for the wanted state leaves: a snooze without an end is not a request there is."""
    if want["state"] == "snoozed" and isinstance(want.get("snoozed_until"), int):
        return {"state": "snoozed", "snoozed_until": want["snoozed_until"]}
    return {"state": "closed" if want["state"] == "closed" else "open", "snoozed_until": None}


def _part(client: Client, cid: str, kind: str, **more: Any) -> SentRequest:
    return SentRequest("POST", item_path("conversations", cid, "parts"), {"message_type": kind, **more, "admin_id": client.actor()})


def _values(have: Json, want: Json) -> dict[str, Any]:
    """What a PUT has to write."""
    return {
        field: value for field, value in want.items()
        if field not in ("tags", *ASSIGNEES, *STATE) and (field not in have or have[field] != value)
    }
