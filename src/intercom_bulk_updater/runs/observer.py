"""What a run tells while it goes on; consoles, event streams and tests listen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..model import Bottleneck, Counts, Phase

if TYPE_CHECKING:
    from ..engine.pool import PoolStatus
    from ..ratelimit.outage import ServiceAway
    from ..ratelimit.permit import BudgetState


@dataclass(slots=True)
class Progress:
    """Where a run stands, twice a second."""

    phase: Phase
    counts: Counts
    total: int | None
    """Items in all, as far as it is known."""
    rate: float
    """Finished items a second, smoothed."""
    elapsed: float
    eta: float | None
    """Seconds left; None when it cannot be told."""
    snapshot: PoolStatus | None = None
    budget: BudgetState | None = None
    away: ServiceAway | None = None
    """That Intercom is away: why, and until when it is waited for."""
    retried: int = 0
    throttled: int = 0
    index_behind: int = 0
    """While waiting for the search index: items that it still shows in their old state."""
    read_back: tuple[int, int] | None = None
    """While verifying: items that were read back, of how many."""
    share: float = 1.0
    """The part of the rate limit that may be used at most."""
    own_rate: float | None = None
    """Requests a second at most, as the person asked for with --rate."""
    rate_words: str = ""
    """What was typed for it."""
    own_workers: int | None = None
    """The number of workers, where the person fixed it."""
    requests: dict[str, int] = field(default_factory=dict)
    """Requests of the run so far, over all its processes."""

    def as_json(self) -> dict[str, Any]:
        """For `runs watch` and `--jsonl`."""
        told: dict[str, Any] = {
            "phase": self.phase,
            "counts": self.counts.as_json(),
            "total": self.total,
            "rate": round(self.rate, 1),
            "elapsed": round(self.elapsed, 1),
            "eta": None if self.eta is None else round(self.eta, 1),
            "retried": self.retried,
            "throttled": self.throttled,
        }
        if self.snapshot is not None:
            told |= {"holds": self.snapshot.holds, "workers": self.snapshot.workers, "busy": self.snapshot.busy}
        if self.away is not None:
            told |= {"holds": Bottleneck.SERVICE, "away": self.away.as_json()}
        if self.budget is not None:
            told["window"] = {
                "limit": self.budget.limit,
                "used": self.budget.used,
                "ends_in": None if self.budget.ends_in is None else round(self.budget.ends_in, 1),
                **({"share": self.share} if self.share < 1 else {}),
                **({"own_rate": self.own_rate, "rate_words": self.rate_words} if self.own_rate else {}),
            }
        if self.own_workers:
            told["own_workers"] = self.own_workers
        if self.read_back is not None:
            told["read_back"] = {"done": self.read_back[0], "of": self.read_back[1]}
        if self.requests:
            told["requests"] = self.requests
        if self.index_behind:
            told["index_behind"] = self.index_behind
        return told


@dataclass
class Observer:
    """Hears what a run tells; this one does nothing with it."""

    heard: list[str] = field(default_factory=list)

    def began(self, run_id: str) -> None:
        """A run has its id and its row in the journal."""

    def progress(self, progress: Progress) -> None:
        """Called twice a second."""

    def event(self, kind: str, **data: Any) -> None:
        """A pass, a guard, a canary, a pause, a warning."""
