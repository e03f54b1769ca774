"""The table of the benchmark: what the server is like, who runs against it, what is to be reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contenders import CONTENDERS, OURS

EVERYBODY = tuple(CONTENDERS)
# The SDK in 32 threads is slower than requests in 32 threads and otherwise like it, but where the limit, the clock or the CPU decides.
NO_SDK = tuple(name for name in CONTENDERS if name != "sdk_threads")
RIVAL = (OURS.name, "aiohttp_loop")
LIMIT, WORKSPACE_LIMIT, WINDOW = 1667, 4167, 10.0
NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Scenario:
    """One row: the settings of the sandbox beside its defaults, and who runs."""

    name: str
    title: str
    latency: float = 0.15
    """Seconds that an answer takes, on average."""
    jitter: float = 0.05
    """Seconds more or less, evenly spread."""
    limit: int = LIMIT
    settings: dict[str, Any] = field(default_factory=dict)
    faults: tuple[dict[str, Any], ...] = ()
    contenders: tuple[str, ...] = EVERYBODY
    windows: tuple[int, int] = (2, 1)
    """Full windows that the job of ours fills at least, and that of another contender."""
    items: tuple[int, int] | None = None
    """Where nothing limits: items of ours, and of the others."""
    target: float = 99.5
    """What ours is to reach of each full window, %."""

    @property
    def unlimited(self) -> bool:
        """Whether the processor is the limit."""
        return self.limit >= NO_LIMIT


SCENARIOS = {
    one.name: one
    for one in (
        Scenario("latency-150", "latency 150 ± 50 ms", windows=(2, 2)),
        Scenario("latency-20", "latency 20 ms", latency=0.02, jitter=0.0, contenders=NO_SDK),
        # Between the two: for whom the number of connections is fixed it can be told from them.
        Scenario("latency-600", "latency 600 ± 100 ms", latency=0.6, jitter=0.1, target=99, contenders=(OURS.name,)),
        Scenario("latency-2000", "latency 2,000 ± 300 ms", latency=2.0, jitter=0.3, target=98, contenders=NO_SDK),
        Scenario("limit-167", "limit 167", limit=167, target=99, contenders=RIVAL),
        Scenario("limit-4167", "limit 4,167", limit=4167, target=99, settings={"workspace_limit": 10_000}),
        Scenario(
            "competitor-20", "another program takes 20 %", target=99, contenders=RIVAL,
            settings={"competitor_share": 0.2, "competitor_pace": "steady"},
        ),
        Scenario(
            "competitor-40", "another program takes 40 %", target=99, contenders=(*RIVAL, "requests_retry"),
            settings={"competitor_share": 0.4, "competitor_pace": "steady"},
        ),
        # Only these three look at the server's clock.
        Scenario(
            "clock-45", "server's clock 45 s ahead", contenders=(OURS.name, "sdk_threads", "aiohttp_loop"), settings={"clock_skew": 45.0}
        ),
        Scenario(
            "errors-2", "2 % of the writes fail: half before they are done, half after", contenders=NO_SDK,
            faults=(
                {"kind": "status", "status": 503, "on": "write", "share": 0.01},
                {"kind": "error_after", "status": 504, "on": "write", "share": 0.01},
            ),
        ),
        Scenario("no-limit", "no limit, no latency", latency=0.0, jitter=0.0, limit=NO_LIMIT, items=(40_000, 3_000)),
    )
}  # fmt: skip
QUICK = {
    one.name: one
    for one in (
        # Windows of two seconds, a fifth of the limit each: the same rate, in a fifth of the time.
        Scenario("quick-limit", "limit 333 in 2 s, latency 150 ± 50 ms", limit=333, settings={"window": 2.0}, windows=(2, 1), target=98),
        Scenario(
            "quick-no-limit", "no limit, no latency", latency=0.0, jitter=0.0, limit=NO_LIMIT, items=(2_000, 600),
            contenders=(OURS.name, "old_way"),
        ),
    )
}  # fmt: skip
