"""Actions that send several requests by a library of their own, where only so many may be in flight."""

from __future__ import annotations

import threading

from intercom_bulk_updater.api.client import Client
from intercom_bulk_updater.api.messages import Request, Response
from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.limiter import RateLimiter
from intercom_bulk_updater.ratelimit.outage import OutageDetector
from intercom_bulk_updater.stop import Stop


class Nothing:
    """A transport that nobody uses."""

    def send(self, request: Request) -> Response:
        """Never called."""
        raise AssertionError(request)

    def close(self) -> None:
        """Nothing to close."""


def test_an_action_waits_for_its_second_permit_without_holding_its_first() -> None:
    """With one request allowed in flight, an action of three requests comes to its end."""
    stop = Stop()
    budget = Budget()
    outage = OutageDetector()
    outage.calm, outage._classes["action"].width = False, 1.0
    client = Client(Nothing(), RateLimiter(budget, stop, outage))

    def act() -> None:
        with client.in_hand() as hand:
            client.one_more(hand)
            other = threading.Thread(target=client.one_more, args=(hand,), daemon=True)  # a pool of the action's sends for it
            other.start()
            other.join()

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(5)
    stop.ask(RuntimeError("the test is over"))
    assert not thread.is_alive()
    assert client.requests.action == 3 and not budget._flying
