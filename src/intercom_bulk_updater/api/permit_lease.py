"""A permit that a person's own code holds while its HTTP library sends."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

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
        self.unused = False
        """Certainly nothing was sent with it."""
        self.throttle = ""
        self.wait = 0.0
        self._lock = Lock()

    def take(self) -> Permit | None:
        """The permit, which is in hand no more; None where it is not. Threads of one action may ask at once."""
        with self._lock:
            permit, self.permit = self.permit, None
        return permit

    def give_back(self, permit: Permit) -> bool:
        """Take another permit in hand; False where there is one."""
        with self._lock:
            free = self.permit is None
            self.permit = permit if free else self.permit
        return free
