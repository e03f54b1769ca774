"""A small world in virtual time: a rate-limited server with its faults, other users of the limit, and workers that ask
a real `Budget` for leave. Nothing sleeps: a minute of traffic takes about half a second to compute.

`World(...).run(seconds)` returns a `Result`. Used by budget_simulation.py and by the tests of the budget.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from intercom_bulk_updater.ratelimit.budget import Budget
from intercom_bulk_updater.ratelimit.ledger import Ledger, blank
from intercom_bulk_updater.ratelimit.permit import Permit
from intercom_bulk_updater.ratelimit.usage import WindowStats

SLICE = 0.02
"""The gate asks again at least this often (limiter.py)."""


@dataclass
class Server:
    """A limit and how it is told. `skew`: the server's clock minus the true time, which also sets the windows' phase."""

    limit: int = 1667
    length: float = 10.0
    skew: float = 1_487_332_503.3
    kind: str = "fixed"  # or "log": the last `length` seconds; "bucket": refilled all the time
    nodes: tuple[float, ...] = (0.0,)  # several API nodes, each with its own clock error (seconds)
    headers: float = 1.0  # part of the answers that carry rate-limit headers
    first: bool = False  # the very first answer carries them in any case
    dates: bool = True
    excess: int = 0  # Remaining is told that much too high
    garbage: float = 0.0  # part of the answers whose headers are nonsense
    flicker: bool = False  # Reset wavers by a second
    retry_after: float | None = None
    workspace: int | None = None  # a second limit per window that Remaining says nothing about
    change: Callable[[Server, float], None] | None = None  # called with the time before each request
    own: dict[int, int] = field(default_factory=dict)
    other: dict[int, int] = field(default_factory=dict)
    rejected: dict[int, int] = field(default_factory=dict)
    other_rejected: dict[int, int] = field(default_factory=dict)
    limits: dict[int, int] = field(default_factory=dict)
    log: deque[float] = field(default_factory=deque)
    tokens: float | None = None
    filled: float = 0.0

    def take(self, now: float, rng: random.Random, ours: bool) -> tuple[bool, int, int, float]:
        """Count one request at true time `now`: accepted, limit, remaining, reset."""
        if self.change:
            self.change(self, now)
        told = now + self.skew + rng.choice(self.nodes)
        index = int(told // self.length)
        self.limits[index] = self.limit
        if self.kind == "fixed":
            used = self.own.get(index, 0) + self.other.get(index, 0)
            reset = (index + 1) * self.length
        elif self.kind == "log":
            while self.log and self.log[0] <= now - self.length:
                self.log.popleft()
            used = len(self.log)
            reset = float(int(told + self.length))
        else:
            per_second = self.limit / self.length
            if self.tokens is None:
                self.tokens = float(self.limit)
            self.tokens = min(self.limit, self.tokens + (now - self.filled) * per_second)
            self.filled = now
            used = self.limit - int(self.tokens)
            reset = float(int(told + self.length))
        accepted = used < self.limit
        if self.workspace is not None and used >= self.workspace:
            accepted = False
        if accepted:
            counts = self.own if ours else self.other
            counts[index] = counts.get(index, 0) + 1
            if self.kind == "log":
                self.log.append(now)
            if self.tokens is not None:
                self.tokens -= 1
            used += 1
        else:
            counts = self.rejected if ours else self.other_rejected
            counts[index] = counts.get(index, 0) + 1
        remaining = min(self.limit, max(0, self.limit - used) + self.excess)
        return accepted, self.limit, remaining, reset

    def told(self, limit: int, remaining: int, reset: float, now: float, rng: random.Random) -> dict[str, str] | None:
        """The headers of the answer, or what is left of them."""
        if rng.random() >= self.headers and not (self.first and len(self.own) == 1 and sum(self.own.values()) == 1):
            return None
        if rng.random() < self.garbage:
            word = rng.choice(["abc", "-7", "99999999999999", "", "nan", "1e400", "0x10", "9999999999"])
            name = rng.choice(["limit", "remaining", "reset"])
            found = {"limit": str(limit), "remaining": str(remaining), "reset": f"{reset:.0f}"} | {name: word}
        else:
            if self.flicker:
                reset += rng.choice((0, 1))
            found = {"limit": str(limit), "remaining": str(remaining), "reset": f"{reset:g}" if reset % 1 else f"{reset:.0f}"}
        return {f"x-ratelimit-{key}": value for key, value in found.items()}


@dataclass
class Result:
    """What the server saw, window by window; the first and last windows are left out."""

    own: float  # accepted calls of ours / limit
    total: float  # accepted calls of everyone / limit
    lowest: float  # the worst window's total
    throttled: int  # our 429s, in all windows
    other_rejected: float  # part of the others' calls that found the window empty
    each: list[float]  # per client: its accepted calls / limit
    answers: int
    reports: list[WindowStats]
    seconds: float


class World:
    """Clients with workers against one server.

    Parameters
    ----------
    server:
        Whom they talk to.
    workers:
        Threads of each client.
    clients:
        How many processes, each with a Budget of its own. Several may be given as mappings, with what is their own:
        `workers`, `begins`, `ends` and `killed` (seconds), and arguments of their Budget.
    ledger:
        Whether they know each other by a ledger.
    latency:
        Least and most seconds there and back (uniform).
    there:
        Least and most part of the latency that passes before the server counts a request.
    competitor:
        Least and most part of the limit that others want, redrawn every 0.7 s.
    bare:
        Part of our requests whose answer nobody shows to the budget (an updater's own HTTP library).
    slow:
        Part of the answers that take 2 s more.
    supply:
        Items per second that there are at most; None for no lack.
    """

    def __init__(
        self,
        server: Server,
        *,
        workers: int = 64,
        clients: int | Sequence[Mapping[str, Any]] = 1,
        ledger: bool = False,
        latency: tuple[float, float] = (0.1, 0.2),
        there: tuple[float, float] = (0.3, 0.7),
        competitor: tuple[float, float] | None = None,
        bare: float = 0.0,
        slow: float = 0.0,
        seed: int = 1,
        kind_of_429: str = "window",
        **budget: Any,
    ) -> None:
        self.t = 0.0
        self.server, self.latency, self.there, self.competitor = server, latency, there, competitor
        self.bare, self.slow, self.kind_of_429 = bare, slow, kind_of_429
        self.rng = random.Random(seed)
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.serial = 0
        self.reports: list[WindowStats] = []
        self.waits: list[float] = []
        self.drift = 0.0
        self.jump = 0.0
        self.ledger = bytearray(blank()) if ledger else None
        self.slots: set[int] = set()
        each = [{} for _ in range(clients)] if isinstance(clients, int) else clients
        self.clients = [
            Client(self, number, {"begins": 0.05 * number, "workers": workers, **budget, **own}) for number, own in enumerate(each)
        ]

    def slot(self) -> Ledger | None:
        """A place in the ledger for a process that begins."""
        if self.ledger is None:
            return None
        own = next(slot for slot in range(len(self.slots) + 1) if slot not in self.slots)
        self.slots.add(own)
        return Ledger(self.ledger, own, self.slots.__contains__, lambda: self.slots.discard(own))

    def clock(self) -> float:
        """Monotonic seconds as the client's machine counts them."""
        return 1000.0 + self.t * (1 + self.drift) - self.jump

    def at(self, delay: float, what: Callable[[], None]) -> None:
        """Do `what` after `delay` seconds."""
        self.serial += 1
        heapq.heappush(self.events, (self.t + max(0.0, delay), self.serial, what))

    def run(self, seconds: float) -> Result:
        """Let the world go on for `seconds`."""
        began = self.t
        if began == 0.0:
            for client in self.clients:
                self.at(client.begins, client.begin)
            if self.competitor:
                self.at(0.0, self._redraw)
                self.at(0.0, self._compete)
        end = began + seconds
        while self.events and self.events[0][0] <= end:
            self.t, _, what = heapq.heappop(self.events)
            what()
        self.t = end
        return self._result(seconds)

    # -- the others --------------------------------------------------------------------------------------------------

    def _redraw(self) -> None:
        assert self.competitor
        self.wanted = self.rng.uniform(*self.competitor) * self.server.limit / self.server.length
        self.at(0.7 * self.server.length / 10, self._redraw)

    def _compete(self) -> None:
        if self.wanted > 0:
            self.server.take(self.t, self.rng, False)
        self.at(1 / max(self.wanted, 0.5), self._compete)

    # -- the account -------------------------------------------------------------------------------------------------

    def _result(self, seconds: float) -> Result:
        server = self.server
        seen = sorted(set(server.own) | set(server.other))
        windows = range(seen[0] + 1, seen[-1]) if seen else range(0)
        budget = sum(server.limits.get(w, server.limit) for w in windows) or 1
        own = sum(server.own.get(w, 0) for w in windows)
        other = sum(server.other.get(w, 0) for w in windows)
        refused = sum(server.other_rejected.get(w, 0) for w in windows)
        lowest = min(
            ((server.own.get(w, 0) + server.other.get(w, 0)) / server.limits.get(w, server.limit) for w in windows),
            default=0.0,
        )
        return Result(
            own=own / budget,
            total=(own + other) / budget,
            lowest=lowest,
            throttled=sum(server.rejected.values()),
            other_rejected=refused / max(1, refused + other),
            each=[c.accepted * server.length / seconds / server.limit for c in self.clients],
            answers=sum(c.accepted for c in self.clients),
            reports=self.reports,
            seconds=seconds,
        )


class Client:
    """One process: a budget and workers that queue at its gate."""

    budget: Budget

    def __init__(self, world: World, number: int, own: dict[str, Any]) -> None:
        self.world, self.number = world, number
        self.begins, self.idle = own.pop("begins"), own.pop("workers")
        self.ends, self.killed = own.pop("ends", None), own.pop("killed", None)
        self.options = own
        self.ledger: Ledger | None = None
        self.dead = False  # killed: nothing of it is heard any more
        self.done = False
        self.watching = False
        self.flying = 0
        self.accepted = 0
        self.sent = 0
        self.peak = 0
        self.permits: list[float] = []

    def begin(self) -> None:
        """Start, and know when to stop."""
        world = self.world
        self.ledger = world.slot()
        self.budget = Budget(clock=world.clock, on_window=world.reports.append, ledger=self.ledger, **self.options)
        if self.ends is not None:
            world.at(self.ends - self.begins, self.end)
        if self.killed is not None:
            world.at(self.killed - self.begins, self.die)
        self.go()

    def end(self) -> None:
        """Ask no more, and leave when the last answer is back."""
        self.done = True

    def die(self) -> None:
        """As kill -9: the answers of what is in the air reach nobody."""
        self.dead = self.done = True
        if self.ledger is not None:
            self.ledger.close()

    def go(self) -> None:
        """Ask for every idle worker until the budget says wait; as limiter.py does."""
        if self.watching:
            return
        if self.done:
            if not self.dead and not self.flying:
                self.budget.leave()
            return
        world = self.world
        while self.idle > 0:
            answer = self.budget.ask("action")
            if isinstance(answer, Permit):
                self.idle -= 1
                self.flying += 1
                self.sent += 1
                self.permits.append(world.t)
                self._send(answer)
            else:
                world.waits.append(answer)
                self.watching = True
                world.at(min(answer, SLICE) + world.rng.uniform(0.0, 0.001), self._again)
                return

    def _again(self) -> None:
        self.watching = False
        self.go()

    def _send(self, permit: Permit) -> None:
        world, rng = self.world, self.world.rng
        took = rng.uniform(*world.latency)
        there = took * rng.uniform(*world.there)
        back = took - there + (2.0 if rng.random() < world.slow else 0.0)

        def arrive() -> None:
            accepted, *told = world.server.take(world.t, rng, True)
            headers = world.server.told(*told, world.t, rng)
            date = float(int(world.t + world.server.skew)) if world.server.dates else None
            world.at(back, lambda: self._settle(permit, accepted, headers, date))

        world.at(there, arrive)

    def _settle(self, permit: Permit, accepted: bool, headers: dict[str, str] | None, date: float | None) -> None:
        world = self.world
        if self.dead:
            self.accepted += accepted
            return
        self.flying -= 1
        if not accepted:
            if headers is not None and world.server.retry_after is not None:
                headers["retry-after"] = str(world.server.retry_after)
            self.budget.throttled(permit, headers=headers, kind=world.kind_of_429)
        elif world.rng.random() < world.bare and self.accepted:  # the first answer is the search's
            self.accepted += 1
            self.budget.answered(permit, headers=None)
        else:
            self.accepted += 1
            self.budget.answered(permit, headers=headers, server_date=date)
        self.idle += 1
        self.go()
