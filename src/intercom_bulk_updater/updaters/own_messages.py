"""The messages of an action that were lost or refused: looked for, kept from leaving twice, and not forgotten where it ends.

Steps of `action.in_hand`; what they go by is in api/replay.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock

from ..api.client import Client
from ..api.messages import Exchange
from ..api.replay import stands_before
from ..api.retry import classify
from ..operations.endings import PartiallyApplied
from .evidence import ActionReturned, unseen_in_words
from .httpx_log import is_heard
from .late_writes import late_writes
from .request_watcher import RequestWatcher
from .unseen import HTTPX, THREAD


def refuse_late(client: Client, host: str, method: str, items: Sequence[str]) -> None:
    """Raises where a thread has sent what an earlier attempt gave it, after that had ended: it would give it once more."""
    carried = client.carried
    if carried is None or carried.since is None or carried.idempotent:
        return
    late = late_writes(host, carried.since)
    if (wrote := next((late[one] for one in items if one in late), None)) is not None:
        carried.found(wrote.sent, {})
        cause = ActionReturned(method, "before a thread sent what it had given it", f"{wrote.method} {wrote.path} left when it had ended")
        raise PartiallyApplied(cause, "the action is not run again")


def refusing(client: Client) -> Callable[[Exchange], None]:
    """What raises for a message of another library to an item to which one of this attempt was lost, or was refused and stands.

    It serves the threads too that the action starts, where the client has nothing in its hands.
    """
    carried, in_turn = client.carried, RLock()

    def refuse(exchange: Exchange) -> None:
        if carried is not None:
            with in_turn:
                carried.look_for_refused(client.get)
                carried.refuse_again(exchange.sent, theirs=True, but=exchange)

    return refuse


def see_that_all_left(client: Client, method: str, watch: RequestWatcher) -> None:
    """Raises where the action came to its end although not each message left once.

    One was kept from leaving, which may have been another than the lost one; or left after one that was refused and stands.
    """
    look_for_refused(client)
    if watch.unseen is THREAD:
        raise PartiallyApplied(ActionReturned(method, "while a thread of it was at work", "which may still send"), THREAD.words)
    strays = client.carried.strays if client.carried is not None and not client.carried.idempotent else []
    if (stray := next((one for one in strays if not (one.done or one.under_way)), None)) is not None:
        cause = ActionReturned(method, "while a request of a thread was not carried out for certain", stray_in_words(stray))
        raise PartiallyApplied(cause, stray_in_words(stray))
    if client.carried is not None and (kept := client.carried.withheld) is not None:
        cause = ActionReturned(method, "although a message of it was kept from leaving", f"{kept.method} {kept.path} was not sent")
        raise PartiallyApplied(cause, "an earlier message of the action to the same item may stand")
    if client.carried is not None and watch.httpx_waits and (message := client.carried.message) is not None:
        cause = ActionReturned(method, "although httpx was not answered", f"{message.method} {message.path} may have left twice")
        raise PartiallyApplied(cause, "requests of httpx are seen only when they are answered")
    if client.carried is not None and (first := client.carried.followed) is not None:
        may = f"{first.method} {first.path} was refused or lost, and may stand all the same"
        cause = ActionReturned(method, "after it had sent two messages", may)
        raise PartiallyApplied(cause, "the other left by a library that is seen only when it is answered")


def stray_in_words(stray: Exchange) -> str:
    """What was sent that may be of any item in hand."""
    return f"a thread sent {stray.method} {stray.path}, and nothing tells for which item"


def look_for_refused(client: Client, exc: Exception | None = None) -> None:
    """Look for what was refused and went on, but not for what `exc` is about: that is looked for where it is judged."""
    if client.carried is not None:
        client.carried.look_for_refused(client.get, but=None if exc is None else classify(exc).sent)


def lost(client: Client) -> list[Exchange]:
    """What other libraries sent in this attempt that must not be done twice, and was not answered for sure."""
    return [] if client.carried is None else client.carried.lost_by_others


def keep_what_stands(client: Client, exchanges: list[Exchange]) -> None:
    """An action that ends the run after a message has left must not be run again from its start by a resume."""
    stands = stands_before(exchanges, None)
    if stands is not None and client.carried is not None:
        client.carried.found(stands, {})


def before_skip(exchanges: Sequence[Exchange], watch: RequestWatcher) -> str:
    """What an action has sent, or may have sent unseen, before it skipped its item, in words; "" for nothing."""
    for one in exchanges:
        if one.writes and not one.refused:
            return f"{one.method} {one.path} had gone through before it was skipped"
    if watch.strays:
        return stray_in_words(watch.strays[0])
    unseen = watch.unseen if watch.unseen is not HTTPX or not is_heard() else None
    return "" if unseen is None else unseen_in_words(unseen.words)
