"""What an item's attempts have carried out already, so that a further attempt repeats none of it.

An action may take several requests: a reply, then a close. When the close fails, the action runs again from its start, and
the reply must not be sent a second time. What went through the client is remembered with its answer, and answered from
memory. What another library sent is only known to have left: then the action is not run again at all.

A request is recognised by its place in the action (the first POST to this path, the second ...), or by the name that the
action gives it (`once="reply"`). Not by its text: a text may hold the time of day, and would be sent twice.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from ..errors import AnswerLost, IntercomBulkError, TimedOut
from .effects import effect_of, shows_no_effect
from .messages import Exchange, SentRequest, bare
from .repetition import concern_same, says_no_more, without
from .retry import ErrorKind, classify, no_effect

Step = tuple[str, str, int]
"""Method, path, and the how manieth of its kind in the action; or ("once", name, 0)."""


_WITHHELD = "it was not sent again, for the first one may have been carried out: the run looks for it"
_UNSURE = (ErrorKind.MAYBE_APPLIED, ErrorKind.MAYBE_RUNNING, ErrorKind.IN_BETWEEN)


class Lost(NamedTuple):
    """A write of our own client that was not answered for sure, and its error; the action may have gone on."""

    sent: SentRequest
    error: IntercomBulkError


class SentDifferently(Exception):
    """An action wants to send what an earlier attempt has sent already, with another text."""


_OF_THE_RUN = (401, 429)
"""Answers that are of the run and not of the item, and are believed: nothing was done."""


class CompletedRequests:
    """The writes of one item that must not be done twice, over all its attempts in this process. One thread at a time."""

    def __init__(self) -> None:
        self._answered: dict[Step, tuple[SentRequest, Mapping[str, Any]]] = {}
        self._places: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._steps: list[tuple[Step, SentRequest]] = []
        self._carried_out: list[SentRequest] = []
        self._refused: dict[Step, IntercomBulkError] = {}
        """Messages that an earlier attempt was refused for good: it went on, and perhaps sent another in their place."""
        self._refusals: dict[Step, IntercomBulkError] = {}
        """The same of this attempt."""
        self.judge_since: float | None = None
        """Server time before the first send: an answer that shows the item as it was before then is no success.

        None: the action sees to that itself.
        """
        self.unseen = ""
        """By what way something may have left in an attempt that is not seen, in words; "" where certainly nothing has."""
        self.since: float | None = None
        """Unix seconds by this machine's clock when the first attempt began."""
        self.idempotent = False
        """The whole action may be repeated, so that nothing of it must not be done twice."""
        self.begun = False
        """This attempt has had leave for a request."""
        self.exchanges: list[Exchange] = []
        """The requests of this attempt, in order, whoever sent them."""
        self.strays: list[Exchange] = []
        """Writes of this attempt's time that a thread sent of which nothing tells for which item."""
        self.broke_off = False
        """An error ended this attempt at a place after which the action may have sent more."""
        self.withheld: SentRequest | None = None
        """What was kept from leaving as a repetition of an earlier message, and may have been another one."""
        self.differs = ""
        """Why this attempt cannot go on: what it wants to send was sent already, with another text."""

    def begin(self, *, idempotent: bool = False) -> None:
        """A further attempt starts from the action's first request."""
        self.idempotent = idempotent
        self.since = self.since or time.time()
        self._carried_out = self.writes
        self._refused |= self._refusals
        self._refusals.clear()
        self._places.clear()
        self._steps.clear()
        self.exchanges = []
        self.strays = []
        self.begun = False
        self.broke_off = False
        self.withheld = None
        self.differs = ""

    def lose(self, exchange: Exchange, error: IntercomBulkError) -> None:
        """A write ended with an error. One that may stand all the same is kept, and a refusal: the action may swallow the error."""
        verdict = classify(error)
        if verdict.kind in _UNSURE or verdict.foreign:
            exchange.error = error
        elif verdict.kind is ErrorKind.PERMANENT and not (self.idempotent or repeatable(exchange.sent)):
            self._refusals[self.step_of(exchange.sent)] = error

    @property
    def lost(self) -> list[Lost]:
        """What of this attempt may stand, whatever the action has made of its error."""
        return [Lost(one.sent, one.error) for one in self.exchanges if one.error is not None]

    @property
    def lost_messages(self) -> list[Lost]:
        """Those of the lost writes that must not be done twice."""
        return [Lost(one.sent, one.error) for one in self._messages if one.error is not None]

    def refuse_again(self, sent: SentRequest, once: str = "", *, theirs: bool = False, but: Exchange | None = None) -> None:
        """Raises for a message to an item to which an earlier one of this attempt may stand: lost, or refused and seen all the same.

        It may be the earlier one in another form, or in place of it, so what it says does not matter; nor does its name.
        `theirs`: another library is to send it, which cannot be answered from memory. Its head leaves first, with the path alone.
        `but`: what was noted of it by then.
        """
        if not (self.exchanges or self.strays or self._answered) or repeatable(sent):
            return  # the first of an action, as nearly always, or one that leaves no trace
        for one in takewhile(lambda each: each is not but, self.strays):
            if not (one.done or one.under_way or repeatable(one.sent)) and concern_same(one.sent, sent):
                raise _not_again(one)
        for one in [*(self._to_come if theirs else ()), *self._messages]:
            if one is but:
                return
            may_stand = one.error is not None if one.ours else one.lost and not one.under_way
            if one.shown is not None:
                may_stand = theirs or not one.ours or self._known(self._next(sent, once), sent) is None
            if may_stand and concern_same(one.sent, sent):
                self.withheld = self.withheld if says_no_more(sent, one.sent) else sent
                raise _not_again(one)

    @property
    def _to_come(self) -> list[Exchange]:
        """What an earlier attempt has sent, and this one has not come to yet: perhaps in place of what another library is to send."""
        come = [one.sent for one in self.exchanges]
        kept = [sent for sent, _ in self._answered.values() if not repeatable(sent) and sent not in come]
        return [Exchange(sent.method, sent.path, sent.json, overruled=0) for sent in kept]

    @property
    def lost_by_others(self) -> list[Exchange]:
        """What other libraries sent in this attempt that must not be done twice, and was not answered for sure, or left twice.

        What an answer of success held is not seen: whoever sends the same again may have found it to be none.
        """
        stand = [one for one in self._messages if not one.refused]
        return [one for one in stand if not one.ours and (one.lost or (one.sent.json is not None and times_sent(one, stand) > 1))]

    @property
    def followed(self) -> SentRequest | None:
        """A message of this attempt that may stand although it was not answered so, where another left to its item unseen (httpx)."""
        seen = self._messages
        doubtful = [(n, one.sent) for n, one in enumerate(seen) if one.shown is not None or one.error is not None]
        late = [(n, one.sent) for n, one in enumerate(seen) if one.seen_late and not one.refused]
        return next((first for m, first in doubtful for n, other in late if m < n and concern_same(first, other)), None)

    @property
    def message(self) -> SentRequest | None:
        """The first of this attempt that must not be done twice and may stand."""
        return next((one.sent for one in self._messages if not one.refused), None)

    @property
    def _messages(self) -> list[Exchange]:
        """What of this attempt must not be done twice."""
        return [] if self.idempotent else [one for one in self.exchanges if one.writes and not repeatable(one.sent)]

    def look_for_refused(self, get: Callable[[str], Mapping[str, Any]], but: SentRequest | None = None) -> None:
        """Look for each message of this attempt that was refused: the refusal may be untrue, and the action may go on after it.

        `but` is looked for elsewhere. What stands counts as carried out; where the look could not tell, as lost.
        """
        if self.judge_since is None:
            return
        for one in self._messages:
            effect = effect_of(one.sent)
            known = one.looked_for or not one.refused or one.believed in _OF_THE_RUN or (but is not None and _same(one.sent, but))
            if known or effect is None or effect.stands is None:
                continue
            one.looked_for = True
            said, stands = "what it shows does not tell", None
            try:
                shown = get(effect.read)
                others = [other.sent for other in self._messages if other.done and concern_same(other.sent, one.sent)]
                stands = effect.stands(without(shown, others, self.judge_since), self.judge_since)
            except Exception as exc:  # a shape that is not the API's tells nothing either
                said = str(exc)
            if stands:
                one.overruled, one.shown = 200, shown
                if one.ours:
                    self.found(one.sent, shown)
            elif stands is None:
                one.overruled = 0
                if one.ours:
                    said = f"{one.method} {one.path} was refused, and whether it stands all the same could not be read: {said}"
                    one.error = AnswerLost(said, method=one.method, path=one.path, json=one.json)

    def answer(self, sent: SentRequest, once: str = "") -> dict[str, Any] | None:
        """The answer to a write that has been carried out already; None when it is to be sent.

        Raises SentDifferently when an earlier attempt sent another text in its place, unless the step has a name; and again what
        an earlier attempt was refused with there.
        """
        step = self._next(sent, once)
        self._places[step[:2]] = step[2]
        self._steps.append((step, sent))
        known = self._known(step, sent)
        if known is None and (refusal := self._refused.get(step)) is not None:
            status = classify(refusal).failure.status
            self.exchanges.append(Exchange(sent.method, sent.path, sent.json, status, ours=True, looked_for=True))
            raise refusal
        if known is None:
            return None
        if not once and step in self._answered and known[0].json != sent.json:
            self.differs = f"{sent.method} {sent.path} was already sent, with another text, so it is not sent again"
            raise SentDifferently(self.differs)
        return dict(known[1])

    def _known(self, step: Step, sent: SentRequest) -> tuple[SentRequest, Mapping[str, Any]] | None:
        """What has been carried out in the place of a message, or in this attempt says all that it says; with the answer."""
        if step in self._answered or not self.exchanges:
            return self._answered.get(step)
        found = ((one.sent, one.shown) for one in self._messages if one.ours and one.shown is not None)
        return next((known for known in found if says_no_more(sent, known[0])), None)

    def _next(self, sent: SentRequest, once: str) -> Step:
        """The step that the next request is."""
        kind = sent.method, bare(sent.path)
        return ("once", once, 0) if once else (*kind, self._places[kind] + 1)

    @property
    def writes(self) -> list[SentRequest]:
        """All writes that were carried out, those that may be repeated and those of other libraries too."""
        foreign = [one.sent for one in self.exchanges if one.writes and not one.ours and one.done]
        return [*self._carried_out, *foreign]

    @property
    def stands(self) -> str:
        """What has been carried out and must not be done twice, in words; "" for nothing."""
        return next((stands_in_words(sent) for sent, _ in self._answered.values()), "")

    def keep(self, sent: SentRequest, answer: Mapping[str, Any], once: str = "") -> None:
        """A write was carried out, and the action has its answer. Raises BadAnswer when that shows that nothing was changed."""
        if self.judge_since is not None and shows_no_effect(sent, answer, self.judge_since):
            raise no_effect(sent, "its answer does not show it done")
        if once or not repeatable(sent):
            self.found(sent, answer)
        else:
            self._carried_out.append(sent)

    def withdraw(self, sent: SentRequest) -> None:
        """A write that was answered turned out to have had no effect, or an unusable answer: nothing is known of it."""
        self._carried_out = [one for one in self._carried_out if not _same(one, sent)]
        self._answered = {step: known for step, known in self._answered.items() if known[0] != sent}
        for one in self.exchanges:
            if not one.ours and _same(one.sent, sent) and one.done:
                one.overruled = 0
            if one.sent == sent:
                one.error = None

    def step_of(self, sent: SentRequest) -> Step:
        """The place of a request in the action, or its name."""
        return next((step for step, one in reversed(self._steps) if one == sent), (sent.method, sent.path, 1))

    def recall(self, sent: SentRequest, step: Sequence[Any]) -> None:
        """Take over from an earlier process what `step_of` said there."""
        first, second, third = step
        self._steps.append(((str(first), str(second), int(third)), sent))

    def found(self, sent: SentRequest, answer: Mapping[str, Any]) -> None:
        """A write whose answer was lost turned out to stand: the next attempt is answered from memory and goes on after it."""
        self._carried_out.append(sent)
        self._answered[self.step_of(sent)] = sent, answer


class Carrying:
    """See `Client.carrying`; a class because that is three times as quick as a generator."""

    __slots__ = ("_carried", "_thread")

    def __init__(self, thread: threading.local, carried: CompletedRequests) -> None:
        self._thread, self._carried = thread, carried

    def __enter__(self) -> None:
        self._thread.value = self._carried

    def __exit__(self, *_: object) -> None:
        self._thread.value = None


def _not_again(first: Exchange) -> IntercomBulkError:
    """The error that a message ends with which is sent again: that of the first, or one for another library."""
    if first.error is not None:
        if not first.error.parts.get("not_again"):
            first.error.parts["not_again"] = True
            first.error.message += f"; {_WITHHELD}"
            first.error.args = (first.error.message,)
        return first.error
    slow = first.believed in (408, 504) or (not first.believed and time.monotonic() >= first.late)
    was = f"was answered {first.believed}" if first.believed else "was not answered"
    was = "was refused, and stands all the same" if first.looked_for else was
    return (TimedOut if slow else AnswerLost)(
        f"{first.method} {first.path} {was}; {_WITHHELD}",
        method=first.method, path=first.path, json=first.sent.json, theirs=not first.ours,
    )  # fmt: skip


def repeatable(sent: SentRequest) -> bool:
    """Whether a request may be sent again without a trace; False for what is not known."""
    effect = effect_of(sent)
    return effect is not None and effect.repeatable


def stands_before(exchanges: Sequence[Exchange], failed: SentRequest | None) -> SentRequest | None:
    """Of what another library sent before an action failed, the first write that may stand and must not be done twice.

    `failed` is the request that it failed with, which is judged by its own error; None when it failed with none.
    """
    for one in exchanges:
        if one.ours or not one.writes or one.refused or repeatable(one.sent):
            continue
        ended_it = failed is not None and _same(one.sent, failed) and (one is exchanges[-1] or not one.done)
        if not ended_it:
            return one.sent
    return None


def stands_in_words(sent: SentRequest) -> str:
    """Why an action is not run again."""
    return f"{sent.method} {sent.path} had gone through before, so the action is not run a second time"


def _same(one: SentRequest, other: SentRequest) -> bool:
    """The same request over again: the user's own retry of the one that failed in the end."""
    return (one.method, bare(one.path)) == (other.method, bare(other.path)) and (
        one.json == other.json or one.json is None or other.json is None
    )


def times_sent(message: Exchange, others: Sequence[Exchange]) -> int:
    """How many times a message is among others, in whatever form."""
    one = message.sent
    return sum(one == other.sent or says_no_more(one, other.sent) or says_no_more(other.sent, one) for other in others)
