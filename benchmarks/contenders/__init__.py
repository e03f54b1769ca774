"""Who closes the conversations: each a small program of its own, run as a process and judged by the server's books."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True)
class Contender:
    """One program."""

    name: str
    title: str
    needs: dict[str, str]
    """Distributions that it runs on, by the module that each brings."""
    in_flight: int
    """Requests that it keeps in flight while it is busy, by which its job is sized; 0: as many as it takes."""
    pages_first: int = 1
    """Answers that it waits for before its first write."""
    fastest: float = 400.0
    """Calls a second that it may reach where nothing holds it back, for the size of its job."""

    @property
    def file(self) -> Path:
        """The program."""
        return Path(__file__).with_name(f"{self.name}.py")

    @property
    def command(self) -> list[str]:
        """How it is run."""
        return [sys.executable, str(self.file)]

    @property
    def missing(self) -> list[str]:
        """Distributions that are not installed."""
        return [name for module, name in self.needs.items() if importlib.util.find_spec(module) is None]

    @property
    def versions(self) -> str:
        """What it ran on."""
        return ", ".join(f"{name} {version(name)}" for name in self.needs.values())


OURS = Contender("intercom_bulk", "intercom-bulk", {"intercom_bulk_updater": "intercom-bulk-updater"}, 0, pages_first=4)
OLD = Contender("old_way", "the old way", {"requests": "requests"}, 13, fastest=250.0)  # of its 15 threads some wait for a batch to end
CONTENDERS = {
    one.name: one
    for one in (
        OURS,
        OLD,
        Contender("requests_retry", "requests + Retry", {"requests": "requests", "urllib3": "urllib3"}, 32),
        Contender("sdk_threads", "official SDK", {"intercom": "python-intercom"}, 32, fastest=150.0),
        Contender("aiohttp_loop", "aiohttp + aiolimiter", {"aiohttp": "aiohttp", "aiolimiter": "aiolimiter"}, 100),
    )
}
