"""Whether a refusal is one item's, or everybody's: a permission that the token lacks is refused for all items alike."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from ..api.retry import REFUSALS
from ..errors import ApiError, PermissionDenied, RefusedInBetween
from ..model import Failure


@dataclass(slots=True)
class RefusalStreak:
    """Refusals in a row, of differing items and all alike; shared by the workers of a run.

    Parameters
    ----------
    at_first:
        How many end the run while it has done nothing yet; more than so many at its end tell that the permission was taken away.
    later:
        How many end it after something was done: a permission that was taken away in the middle.
    """

    at_first: int = 5
    later: int = 50
    in_between: int = 5
    """How many requests that something in between answers end the run, at any time."""
    succeeded: bool = False
    """Something was done, so that the permission is there, or was."""
    cause: str = ""
    """The cause of the refusals that ended the run, as the journal has it."""
    since: float = 0.0
    """Unix seconds of the first refusal in the row."""
    _in_between: int = 0
    _in_between_since: float = 0.0
    _items: set[int] = field(default_factory=set)
    _alike: tuple[int, str] = (0, "")
    _last: Failure = field(default_factory=lambda: Failure(""))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, item: int, failure: Failure) -> ApiError | None:
        """Count a failure for good; the reason to end the run when it is one of too many refusals alike."""
        with self._lock:
            alike = (failure.status, failure.code)
            if failure.status not in REFUSALS or alike != self._alike:
                self._items.clear()
            if failure.status not in REFUSALS:
                return None
            if not self._items:
                self._alike, self.since = alike, time.time()
            self._items.add(item)
            self._last = failure
            count = len(self._items)
            if count < (max(self.later, self.at_first) if self.succeeded else self.at_first):
                return None
            row = f"{count:,} items in a row" if self.succeeded else "the first item" if count == 1 else f"the first {count:,} items"
            return self._denied(row, ", and would refuse the rest too")

    def at_end(self) -> ApiError | None:
        """The reason to call a run stopped that has come to its end: from some item on, everything was refused alike."""
        with self._lock:
            count = len(self._items)
            return None if self.cause or count <= self.at_first else self._denied(f"the last {count:,} items", "")

    def _denied(self, row: str, more: str) -> ApiError:
        failure, self.cause = self._last, self._last.cause
        parts: dict[str, Any] = {
            "status": failure.status, "code": failure.code, "request_id": failure.request_id, "api_message": failure.message,
        }  # fmt: skip
        return PermissionDenied(
            f"Intercom refused {row} alike ({failure.cause}: {failure.message}){more}. "
            "Once the token has the permission, a resume does all of them.",
            **parts,
        )

    def add_in_between(self, failure: Failure) -> ApiError | None:
        """Count a request that something in between answered; the reason to end the run when it is one of too many.

        No item is to blame for it, so it is the requests in a row that count, not the items: one item may be all there is.
        """
        with self._lock:
            if not self._in_between:
                self._in_between_since = time.time()
            self._in_between += 1
            if self._in_between < self.in_between:
                return None
            return RefusedInBetween(
                f"Something between this machine and Intercom (a firewall or proxy) answered {self._in_between} requests in a row in "
                f"its stead ({failure.status}: {failure.message}). None of their items has failed: once it lets the requests "
                "through, a resume looks and does them.",
                status=failure.status, code=failure.code, request_id=failure.request_id, api_message=failure.message,
            )  # fmt: skip

    def broken(self, began: float) -> None:
        """Something was done, which was begun at `began` (unix seconds): the row ends.

        What was begun before the first refusal of the row may have been done while the permission was still there, or while
        nothing stood in between yet.
        """
        with self._lock:
            self.succeeded = True
            if began > self.since:
                self._items.clear()
            if began > self._in_between_since:
                self._in_between = 0
