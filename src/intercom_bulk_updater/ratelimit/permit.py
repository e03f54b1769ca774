"""What the budget gives, and what it shows of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Permit(NamedTuple):
    """Leave to send one request. `purpose` is "search", "action" or "read"; `at` is monotonic seconds.

    `probe`: the service is away, so it is leave to ask whether it is back, and for nothing else.
    """

    number: int
    at: float
    purpose: str
    probe: bool = False


@dataclass(frozen=True, slots=True)
class BudgetState:
    """The budget for display.

    `used` are everybody's calls in the present window and `own` ours, `rate` our calls per second (smoothed),
    `mode` one of "scout" (nothing known yet), "window", "blind" (windows cannot be seen), "blocked" (a 429 is
    waited out).
    """

    limit: int | None
    used: int
    own: int
    remaining: int | None
    window_seconds: float
    ends_in: float | None
    blocked_for: float
    rate: float
    mode: str
