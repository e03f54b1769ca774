"""Looking: whether the effect of what may have been carried out is there, by the operation and by the requests in question.

Step 8 of the life of an item (docs/explanation/life-of-an-item.md). What a look means is decided in decide.py.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ..api.client import Client
from ..api.effects import Effect, effect_of, written_fields
from ..api.messages import SentRequest
from ..api.replay import stands_in_words
from ..api.retry import classify
from ..errors import ApiError
from ..model import Item
from ..operations.operation import Json, Operation
from ..operations.watched import is_as_seen
from .attempt import Attempt
from .decide import Seen

_GONE = (404, 410)


class EffectReader:
    """Reads items back; safe to share between threads. Raises whatever the look raises."""

    def __init__(self, operation: Operation, client: Client) -> None:
        self._operation = operation
        self._client = client

    def look(self, attempt: Attempt) -> tuple[Seen, Json | None]:
        """Whether the effect is there, and the item as read."""
        item, since = attempt.item, attempt.first_sent_at or attempt.item.sent_at
        if not attempt.in_question and (request := self._operation.asks(item)) is not None:
            attempt.in_question = (request,)
        last = attempt.in_question[-1] if attempt.in_question else None
        effect = effect_of(last)
        broke_off = attempt.carried.broke_off
        words = _in_words(last, broke_off=broke_off) if last is not None else ""
        try:
            payload = self._operation.read(self._client, item.id)
        except Exception as exc:
            # It is not there: where that is the effect of the request, it stands.
            if effect is None or effect.gone is None or classify(exc).failure.status not in _GONE:
                raise
            return Seen(effect.gone, one_request=True, unfinished=broke_off, words=words), None
        told = None
        if payload is not None:
            # Not so when it is read back: that its message was sent is known then, and one like it says nothing against it.
            asked = replace(item, doubt=True) if self._operation.writes_text else item
            told = self._operation.stands(payload, asked, since=since, client=self._client)
            # Not as wanted does not say that nothing was sent: a message before the close may stand.
            partly = told is False and self._may_stand_in_part(attempt, effect)
            if told is not None and not partly and not (attempt.swallowed and effect is not None and effect.read):
                if told is False:
                    attempt.partial_after = self._partial_after(item, payload, since) or attempt.partial_after
                return Seen(told, also_stands=attempt.stands, was_otherwise=self._was_otherwise(attempt, effect, payload)), payload
        if effect is None or not effect.read or (payload is not None and self._operation.appends):
            return Seen(None, also_stands=attempt.stands), payload
        stands, seen = self._read_effects(attempt, since)
        payload = payload if payload is not None else seen
        hidden = effect.hidden and stands is None
        return Seen(stands, True, self._unfinished(attempt, told), words, attempt.stands, hidden=hidden), payload

    def _was_otherwise(self, attempt: Attempt, effect: Effect | None, payload: Json) -> bool:
        """Whether the item was seen without the effect before its write, and nothing says that others were first.

        A 404 to a DELETE says so, and an item that was last changed before our write left: the search that showed it was behind.
        """
        changed, sent = payload.get("updated_at"), attempt.first_sent_at or attempt.item.sent_at
        if sent and self._operation.moves_updated_at and isinstance(changed, int | float) and changed < math.floor(sent):
            return False
        if sent and self._operation.others_first(payload, sent, self._client):
            return False
        gone = effect is not None and effect.gone is True and attempt.last is not None and attempt.last.failure.status in _GONE
        if attempt.item.before is None or self._operation.assumes(attempt.item) or gone:
            return False
        last = attempt.in_question[-1].json if attempt.in_question else None
        fields = [name for name, _ in written_fields(last)] if isinstance(last, dict) else []
        if fields and all(is_as_seen(payload, attempt.item, name) for name in fields):
            return False
        change = self._operation.change(attempt.item)
        if change is None:  # an updater's `is_done` alone says what is wanted
            return self._operation.capture(payload) != attempt.item.before
        return bool(change)

    def _unfinished(self, attempt: Attempt, told: bool | None) -> bool:
        """Whether the action has more to do than the request in question."""
        if told is not None:
            return not told
        returned = attempt.known is not None and attempt.known.returned
        seen = 1 if returned else self._operation.known_requests or 1
        return attempt.carried.broke_off or max(seen, self._operation.requests_per_item) > 1

    def after_image(self, attempt: Attempt, payload: Json) -> dict[str, Any] | None:
        """What the item looks like now; None where that cannot be read: it is done all the same."""
        since = attempt.first_sent_at or attempt.item.sent_at
        try:
            return self._operation.left(payload, attempt.item, since=since, client=self._client)
        except Exception:
            return None

    def _may_stand_in_part(self, attempt: Attempt, effect: Effect | None) -> bool:
        """Whether an item that is not as wanted may hold something all the same that must not be repeated, or that nobody proved.

        What only appends has looked for the very message, and knows more than its request: when the item was last seen.
        """
        message = effect is not None and not effect.repeatable and not self._operation.appends
        # What ends in the same state is all there is of a request that nothing else tells of.
        message = message and effect is not None and (bool(effect.read) or self._operation.idempotent is not True)
        return message or bool(attempt.known and attempt.known.unproven)

    def _read_effects(self, attempt: Attempt, since: float) -> tuple[bool | None, Json | None]:
        """Whether the last request in question stands; absent only when none of the others stands either."""
        told: bool | None = None
        payload: Json | None = None
        for place, one in enumerate(reversed(attempt.in_question)):
            stands, seen = read_effect(self._client, one, since)
            if place == 0:
                told, payload = stands, seen
            elif (told is False and stands is not False) or (attempt.swallowed and told and stands is not True):
                told = None
        return told, payload

    def _partial_after(self, item: Item, payload: Json, since: float) -> dict[str, Any] | None:
        """The after-image of an item of which some of the change is there, and not all: a part of the action stands."""
        changes, now = self._operation.change(item) or {}, self._operation.capture(payload) or {}
        if not any(name in now and _moved(was, wanted, now[name]) for name, (was, wanted) in changes.items()):
            return None
        return self._operation.left(payload, item, since=since, client=self._client)


def read_effect(client: Client, sent: SentRequest, since: float) -> tuple[bool | None, Json | None]:
    """Whether the effect of a request that was sent at `since` (server time) is there, and what was read to see it; None: not told."""
    effect = effect_of(sent)
    if effect is None or not effect.read:
        return None, None
    try:
        payload = client.get(effect.read)
    except ApiError as exc:
        if exc.status not in _GONE or effect.gone is None:
            raise
        return effect.gone, None
    return (None if effect.stands is None else effect.stands(payload, since)), payload


def _moved(was: Any, wanted: Any, now: Any) -> bool:
    """Whether a field is as wanted, and was not; of a list (tags), whether some of the change is there."""
    if isinstance(now, list) and isinstance(wanted, list):
        return bool((set(now) ^ set(was or ())) & (set(wanted) ^ set(was or ())))
    return bool(now == wanted != was)


def _in_words(last: SentRequest, *, broke_off: bool) -> str:
    if broke_off:
        return f"{last.method} {last.path} was carried out, and the action broke off after it: nothing tells what was to follow"
    return stands_in_words(last)
