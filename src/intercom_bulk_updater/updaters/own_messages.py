"""The messages of an action that were lost or refused: looked for, kept from leaving twice, and not forgotten where it ends.

Steps of `calls.in_hand`; what they go by is in api/replay.py.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock

from ..api.client import Client
from ..api.messages import Exchange
from ..api.replay import stands_before
from ..api.retry import classify
from ..operations.operation import PartiallyApplied
from .evidence import ActionReturned


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


def see_that_all_left(client: Client, method: str) -> None:
    """Raises where the action came to its end although not each message left once.

    One was kept from leaving, which may have been another than the lost one; or left after one that was refused and stands.
    """
    look_for_refused(client)
    if client.carried is not None and (kept := client.carried.withheld) is not None:
        cause = ActionReturned(method, "although a message of it was kept from leaving", f"{kept.method} {kept.path} was not sent")
        raise PartiallyApplied(cause, "an earlier message of the action to the same item may stand")
    if client.carried is not None and (first := client.carried.followed) is not None:
        may = f"{first.method} {first.path} was refused or lost, and may stand all the same"
        cause = ActionReturned(method, "after it had sent two messages", may)
        raise PartiallyApplied(cause, "the other left by a library that is seen only when it is answered")


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
