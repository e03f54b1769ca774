"""What an item's attempts have carried out already, so that a further attempt repeats none of it.

An action may take several requests: a reply, then a close. When the close fails, the action runs again from its start, and
the reply must not be sent a second time. What went through the client is remembered with its answer, and answered from
memory. What another library sent is only known to have left: then the action is not run again at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .effects import effect_of, shows_no_effect
from .messages import SentRequest
from .retry import no_effect


class CompletedRequests:
    """The writes of one item that must not be done twice, over all its attempts in this process. One thread at a time."""

    def __init__(self) -> None:
        self._answered: list[tuple[SentRequest, Mapping[str, Any]]] = []
        self._told: set[int] = set()
        self.writes: list[SentRequest] = []
        """All writes that were carried out, those that may be repeated too."""
        self.judge_since: float | None = None
        """Server time before the first send: an answer that shows the item as it was before then is no success.

        None: the action sees to that itself.
        """
        self.unanswered: SentRequest | None = None
        """The write that left and has no answer yet."""
        self.begun = False
        """This attempt has had leave for a request."""

    def begin(self) -> None:
        """A further attempt starts from the action's first request."""
        self._told.clear()
        self.unanswered = None
        self.begun = False

    def answer(self, sent: SentRequest) -> dict[str, Any] | None:
        """The answer to a write that an earlier attempt carried out; each is given once in an attempt."""
        for place, (known, answer) in enumerate(self._answered):
            if place not in self._told and known == sent:
                self._told.add(place)
                return dict(answer)
        return None

    @property
    def stands(self) -> str:
        """What has been carried out and must not be done twice, in words; "" for nothing."""
        return stands_in_words(self._answered[0][0]) if self._answered else ""

    def keep(self, sent: SentRequest, answer: Mapping[str, Any]) -> None:
        """A write was carried out, and the action has its answer. Raises BadAnswer when that shows that nothing was changed."""
        self.unanswered = None
        if self.judge_since is not None and shows_no_effect(sent, answer, self.judge_since):
            raise no_effect(sent, "its answer shows the item as it was before")
        self.writes.append(sent)
        if not repeatable(sent):
            self._told.add(len(self._answered))
            self._answered.append((sent, answer))

    def withdraw(self, sent: SentRequest) -> None:
        """A write that was answered turned out to have had no effect, or an unusable answer: nothing is known of it."""
        self.unanswered = None
        self.writes = [one for one in self.writes if one != sent]
        self._answered = [(known, answer) for known, answer in self._answered if known != sent]

    def found(self, sent: SentRequest, answer: Mapping[str, Any]) -> None:
        """A write whose answer was lost turned out to stand: the next attempt is answered from memory and goes on after it."""
        self.writes.append(sent)
        self._answered.append((sent, answer))


def repeatable(sent: SentRequest) -> bool:
    """Whether a request may be sent again without a trace; False for what is not known."""
    effect = effect_of(sent)
    return effect is not None and effect.repeatable


def stands_before(sent: Sequence[SentRequest], failed: SentRequest | None, *, answered: bool = False) -> SentRequest | None:
    """Of what another library sent, the first write that went before the one that failed and must not be done twice.

    `answered`: no request failed; what went wrong came after the last one.
    """
    writes = [one for one in sent if one.method not in ("GET", "HEAD", "OPTIONS")]
    if not writes:
        return None
    if answered:
        return next((one for one in writes if not repeatable(one)), None)
    # The failed one is the last that left, or the last of its kind when the action goes on after it.
    last = max((n for n, one in enumerate(writes) if failed is None or _same(one, failed)), default=len(writes))
    return next((one for one in writes[:last] if not repeatable(one) and not (failed and _same(one, failed))), None)


def stands_in_words(sent: SentRequest) -> str:
    """Why an action is not run again."""
    return f"{sent.method} {sent.path} had gone through before, so the action is not run a second time"


def _same(one: SentRequest, other: SentRequest) -> bool:
    """The same request over again: the user's own retry of the one that failed in the end."""
    return (one.method, one.path.strip("/")) == (other.method, other.path.strip("/")) and (
        one.json == other.json or one.json is None or other.json is None
    )
