"""Whether Intercom answers at all: what tells an item that fails from a service that is away."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

# The longest that no connection can be made before the run says so and stops (seconds).
UNREACHABLE_SECONDS = 30.0
# An outage: this many items in a row out of retries, and nothing good for this long (seconds).
_OUTAGE_ITEMS, _OUTAGE_SECONDS = 50, 20.0


@dataclass(slots=True)
class OutageDetector:
    """Whether anything gets through at all; shared by the workers of a run."""

    last_good: float = field(default_factory=time.monotonic)
    in_a_row: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def good(self) -> None:
        """A request was answered."""
        self.last_good = time.monotonic()
        self.in_a_row = 0

    def exhausted(self) -> bool:
        """An item ran out of retries; True when this is an outage."""
        with self.lock:
            self.in_a_row += 1
            return self.in_a_row >= _OUTAGE_ITEMS and time.monotonic() - self.last_good > _OUTAGE_SECONDS
