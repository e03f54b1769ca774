"""A person's own code while it runs: with a permit in hand, its requests seen as they leave, its errors told in our words.

User code that brings its own HTTP is treated fairly without patching anybody's library: the item holds a permit while
`perform_action` runs, and what an exception carries (response, request) tells what happened.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .api.carried import stands_before, stands_in_words
from .api.client import Client
from .api.foreign import Refused, answered, note
from .api.outside import Watch, watching
from .api.retry import Kind, classify
from .operation import HalfDone

if TYPE_CHECKING:
    from .updater import IntercomBulkUpdater


class ActionReturnedNone(Exception):
    """The item failed, and its updater did not say why."""

    cause = "perform_action returned None"
    unsure = False
    """A message had left: whether it came through, the updater did not say. So a later retry does not send it again blindly."""

    def __init__(self) -> None:
        super().__init__("perform_action returned None, which means failed; raise an exception to say why")


_used: ContextVar[tuple[IntercomBulkUpdater, Client] | None] = ContextVar("_used", default=None)


def client_of(updater: IntercomBulkUpdater) -> Client | None:
    """The client of the run that has called the updater in this thread: one updater may serve several runs at once."""
    used = _used.get()
    return used[1] if used is not None and used[0] is updater else None


@contextmanager
def through(updater: IntercomBulkUpdater, client: Client) -> Iterator[None]:
    """While user code of `updater` runs in this thread, `updater.client` is this client."""
    token = _used.set((updater, client))
    try:
        yield
    finally:
        _used.reset(token)


def in_hand(updater: IntercomBulkUpdater, client: Client, act: Callable[[], Any]) -> Any:
    """Run user code with a permit in hand, and tell the budget what an exception says about the answer."""
    with through(updater, client), client.in_hand() as hand:
        watch = Watch(urlsplit(updater.base_url).netloc.rpartition("@")[2], lambda: client.one_more() if watch.sent else None)
        try:
            with watching(watch):
                result = act()
            refused = answered(result)
            if refused is not None:
                raise Refused(refused)
            return result
        except Exception as exc:
            sent = watch.sent
            if sent:
                note(exc, sent[-1])
            verdict = classify(exc)
            if hand.permit is not None:
                hand.headers, hand.status = verdict.headers, verdict.failure.status or None
                if verdict.failure.status == 429:
                    hand.throttle = "window" if verdict.kind is Kind.WINDOW else "overload"
            if updater.idempotent:
                raise
            # What no HTTP library raised came after the last answer; None may have come after anything.
            silent = exc if isinstance(exc, ActionReturnedNone) else None
            stands = stands_before(sent, verdict.sent, answered=verdict.sent is None and silent is None)
            if stands is not None:
                raise HalfDone(exc, stands_in_words(stands)) from exc
            if silent is not None:
                silent.unsure = stands_before(sent, None, answered=True) is not None
            raise


def accepted(function: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Those parameters that a function takes: old updaters may write `perform_action(self, item_id)` alone."""
    given = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in given):
        return dict(params)
    names = {p.name for p in given if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    return {k: v for k, v in params.items() if k in names}
