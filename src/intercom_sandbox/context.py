"""What a handler is given: the workspace and all that surrounds it, without the way of a request through it."""

from __future__ import annotations

import asyncio
import random
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable

from intercom_sandbox.faults import Faults, Rule
from intercom_sandbox.limits import Limiter
from intercom_sandbox.mutation import Mutations
from intercom_sandbox.paging import Walks
from intercom_sandbox.problems import Problem
from intercom_sandbox.seeds import seed
from intercom_sandbox.settings import Settings
from intercom_sandbox.statistics import Books
from intercom_sandbox.wire import Reply, Request, reset
from intercom_sandbox.workspace import Workspace


class Context(ABC):
    """One simulated workspace with its limiter, faults and books. The application (application.py) answers its requests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.space = seeded(settings)
        self.limiter = Limiter(settings, self.space.now())
        self.faults = Faults(settings.seed, settings.faults)
        self.mutations = Mutations(settings)
        self.books = Books(settings.log_size)
        self.walks = Walks()
        self.chance = random.Random(settings.seed)
        self._serial = 0
        self.transports: set[asyncio.Transport] = set()
        self._clients: set[asyncio.Transport] = set()
        self.door: Callable[[float | None], None] = lambda seconds: None  # the server puts its own here
        self.control_port = 0  # where the control endpoint answers while the port is closed

    # For the connections
    def opened(self, transport: asyncio.Transport) -> None:
        """Know of a connection, to close it at the end."""
        self.transports.add(transport)

    def answered(self) -> None:
        """Count the end of a request."""
        self.books.in_flight -= 1

    def idle_seconds(self) -> float:
        """How long a kept connection may be silent."""
        return self.settings.idle_seconds

    def closed(self, transport: asyncio.Transport) -> None:
        """Forget it."""
        self.transports.discard(transport)
        if transport in self._clients:
            self._clients.discard(transport)
            self.books.open -= 1

    def close_door(self, seconds: float) -> None:
        """Refuse connections for that long (0: until the faults are cleared), and reset those that are open."""
        self.door(seconds)
        for transport in list(self._clients):
            reset(transport)

    def order(self, faults: Faults) -> None:
        """Put these faults in the place of those in force."""
        self.door(None)
        self.faults = faults
        for rule in faults.rules:
            self.schedule(rule)

    def schedule(self, rule: Rule) -> None:
        """Close the port when the moment of a rule comes."""
        if rule.how == "refused" and rule.at > 0:
            asyncio.get_running_loop().call_later(rule.at, self._at_moment, rule)

    def _at_moment(self, rule: Rule) -> None:
        if rule in self.faults.rules:
            self.close_door(rule.lasts)

    def server_time(self) -> float:
        """Server time, Unix seconds."""
        return self.space.now()

    @abstractmethod
    def work(self, request: Request, head: str) -> Reply:
        """Answer it without any fault."""

    def window_problem(self, limit: int, reset: int, now: float) -> Problem:
        """The 429 of a window that is spent."""
        head = f"Retry-After: {max(1, round(reset - now))}\r\n" if self.settings.retry_after else ""
        window = f"{self.settings.window:g}"
        return Problem(429, "rate_limit_exceeded", f"Exceeded rate limit of {limit} in {window}_seconds", head=head)

    def problem(self, problem: Problem, head: str) -> Reply:
        """An error answer."""
        return Reply(problem.status, problem.body(self.request_key()), problem.head + head)

    def request_key(self) -> str:
        """A new `request_id`."""
        # Ids of requests come from a generator of their own, so that faults stay the same whatever is asked.
        self._serial += 1
        return str(uuid.UUID(int=(self.settings.seed << 64) + self._serial + (4 << 76) + (8 << 60)))


def seeded(settings: Settings) -> Workspace:
    """A workspace as the seed has it."""
    space = Workspace(settings)
    seed(space, settings)
    return space
