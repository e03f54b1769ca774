"""A permit that a person's own code holds while its HTTP library sends."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import TransportError
from ..ratelimit.permit import Permit


class PermitLease:
    """A permit in hand; see `Client.in_hand`."""

    def __init__(self, permit: Permit) -> None:
        self.permit: Permit | None = permit
        self.status: int | None = None
        self.headers: Mapping[str, str] | None = None
        self.failure: TransportError | None = None
        self.subject = ""
        self.came_through = False
        self.throttle = ""
        self.wait = 0.0
