"""The rate limit: fixed windows aligned to the server's clock, one budget per app and one per workspace.

A rejected call costs nothing. The competitor's calls are booked lazily, before each of ours, from a rate that
only the seed and the clock decide.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from intercom_sandbox.chance import draw
from intercom_sandbox.settings import Settings

REDRAW = 0.7  # seconds that the competitor keeps one rate


@dataclass(slots=True)
class Window:
    """What was spent in one window."""

    index: int
    start: float
    limit: int
    by_app: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    total: int = 0
    competitor: int = 0
    competitor_rejected: int = 0

    def report(self) -> dict[str, Any]:
        """As `GET /_sandbox/stats` shows it."""
        return {
            "index": self.index,
            "start": self.start,
            "limit": self.limit,
            "accepted": sum(self.by_app.values()),
            "rejected": sum(self.rejected.values()),
            "by_app": dict(self.by_app),
            "rejected_by_app": dict(self.rejected),
            "competitor_accepted": self.competitor,
            "competitor_rejected": self.competitor_rejected,
        }


@dataclass(slots=True)
class Verdict:
    """What the limiter says of one call."""

    limit: int
    remaining: int
    reset: int
    refused: str = ""  # "", "app" or "workspace"


class Limiter:
    """Both budgets of the workspace."""

    def __init__(self, settings: Settings, now: float) -> None:
        self._settings = settings
        self.windows: deque[Window] = deque(maxlen=2000)
        self._competitor_at = now
        self._owed = 0.0

    def window(self, now: float) -> Window:
        """The window that `now` (server time) lies in."""
        settings = self._settings
        index = math.floor((now - settings.phase) / settings.window)
        if not self.windows or self.windows[-1].index != index:
            start = index * settings.window + settings.phase
            self.windows.append(Window(index, start, settings.limit))
        window = self.windows[-1]
        window.limit = settings.limit
        return window

    def spend(self, app: str, main_app: str, now: float) -> Verdict:
        """Book one call of `app`, or refuse it."""
        settings = self._settings
        if settings.competitor_share > 0:
            self.compete(main_app, now)
        window = self.window(now)
        used = window.by_app.get(app, 0)
        shared = window.competitor if settings.competitor_scope == "app" and app == main_app else 0
        left = settings.limit - used - shared
        reset = math.ceil(window.start + settings.window)
        if left <= 0:
            window.rejected[app] = window.rejected.get(app, 0) + 1
            return Verdict(settings.limit, 0, reset, "app")
        if window.total >= settings.workspace_limit:
            window.rejected[app] = window.rejected.get(app, 0) + 1
            return Verdict(settings.limit, left, reset, "workspace")
        window.by_app[app] = used + 1
        window.total += 1
        return Verdict(settings.limit, left - 1, reset)

    def compete(self, main_app: str, now: float) -> None:
        """Book what the competitor asked for since the last look."""
        settings = self._settings
        at = max(self._competitor_at, now - 60.0)  # after a long pause only the last minute matters
        while at < now:
            slot = math.floor(at / REDRAW + 1e-9)
            window_end = (math.floor((at - settings.phase) / settings.window + 1e-9) + 1) * settings.window
            until = min(now, (slot + 1) * REDRAW, window_end + settings.phase)
            if until <= at:  # rounding: never stand still
                until = min(now, at + 1e-4)
            share = settings.competitor_share * (1.0 if settings.competitor_pace == "steady" else draw(settings.seed, slot))
            rate = share * settings.limit / settings.window
            self._owed += rate * (until - at)
            calls, self._owed = int(self._owed), self._owed % 1.0
            if calls:
                self._book(calls, main_app, at)
            at = until
        self._competitor_at = now

    def _book(self, calls: int, main_app: str, at: float) -> None:
        settings = self._settings
        window = self.window(at)
        room = settings.workspace_limit - window.total
        if settings.competitor_scope == "app":
            room = min(room, settings.limit - window.by_app.get(main_app, 0) - window.competitor)
        taken = max(0, min(calls, room))
        window.competitor += taken
        window.competitor_rejected += calls - taken
        window.total += taken
