"""Whether the service is there: what tells an item that fails from a service that is away, and when it is asked again.

Pure arithmetic on a clock, as the budget: nothing here waits, sends or locks (limiter.py does). docs/explanation/outages.md
tells it in prose.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from intercom_bulk_updater.errors import ServiceUnavailable

PATIENCE = 600.0
"""Seconds without a good answer after which a run stops."""
FIRST_PATIENCE = 30.0
"""The same while there has never been a connection: then an address is wrong more often than a service is away."""
IN_A_ROW = 3
"""Failures of the service's kind with no good answer in between, after which one probe asks whether it is there."""
SUBJECTS = 5
"""Different items that must fail in a row before a service that answers probes counts as away for writes."""
_FIRST_GAP, _LONGEST_GAP, _GROWTH = 0.5, 5.0, 1.5
"""Seconds between two probes: at first, at most, and how fast they grow."""
_PROBING = 0.02
"""Seconds after which it makes sense to ask again while a probe is on its way."""
_LONGER_THAN_A_WINDOW = 11.0
"""A 429 that asks for more seconds than this is no matter of the rate window."""
_FORGOTTEN = 60.0
"""Seconds without a failure after which the next is the first of a new row."""


class AwayReason(StrEnum):
    """Why nothing is sent."""

    ASKED = "asked"
    """The service named the time before which it wants no request (Retry-After)."""
    UNREACHABLE = "unreachable"
    """No connection can be made."""
    FAILING = "failing"
    """It answers with nothing but errors, or breaks off, or not in time."""
    THROTTLED = "throttled"
    """It answers with nothing but 429."""


@dataclass(frozen=True, slots=True)
class ServiceAway:
    """That the service is away, for displays; all times in seconds from now."""

    reason: AwayReason
    again_in: float
    """Until the next request, or until the time that the service asked for."""
    giving_up_in: float
    problem: str = ""
    """The last failure, in words."""

    def as_json(self) -> dict[str, Any]:
        """For events and progress: `until` is the moment of `again_in`, in unix seconds."""
        return {
            "reason": str(self.reason),
            "until": round(time.time() + self.again_in, 1),
            "again_in": round(self.again_in, 1),
            "giving_up_in": round(self.giving_up_in, 1),
            "problem": self.problem,
        }


@dataclass(slots=True)
class _Row:
    """Failures in a row of one kind of request: writes, or all others. A read that succeeds says nothing about writes."""

    failures: int = 0
    since: float = math.inf
    last: float = -math.inf
    subjects: set[str] = field(default_factory=set)
    """What failed because a gateway refused it, while probes are answered."""
    proving: bool = False
    """Probes are answered, and these requests are not: one at a time, until one of them is."""
    again: float = -math.inf
    flying: int | None = None


class OutageDetector:
    """One service, as all that is sent to it finds it. Not safe to share between threads: see limiter.py.

    Parameters
    ----------
    patience:
        Seconds without a good answer after which `verdict` gives the error that ends the run.
    clock:
        Monotonic seconds.
    spread:
        Random number between two bounds, for the times of probes.
    """

    def __init__(
        self,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.patience = patience
        self._clock = clock
        self._spread = spread
        self._rows = {"action": _Row(), "read": _Row()}
        self._ever = False  # whether any answer ever came
        self._began: float | None = None  # since when it is away
        self._sure = False  # whether it said so, or a probe found it so; otherwise the first probe has to tell
        self._back = -math.inf  # when it came back
        self._since = math.inf  # when the row of failures began that made it away
        self._asked = -math.inf  # no request before this moment, it said
        self._again = -math.inf  # the next probe, otherwise
        self._gap = _FIRST_GAP
        self._probe: int | None = None
        self._reason = AwayReason.FAILING
        self._problem = ""
        self._advice = ""
        self._volleys = 0  # of 429s in a row, each sent after the one before was heard
        self._throttled_at = -math.inf
        self.calm = True
        """Nothing has failed since the last good answer: then there is nothing to ask, for every call would pay for it."""
        self.last_good = clock()
        """When the last good answer came (monotonic seconds)."""

    # -- the door --------------------------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        """Whether nothing but probes may leave."""
        return self._began is not None

    def explains(self, purpose: str) -> bool:
        """Whether a request that failed now failed with the service, and not by what it was about."""
        row = self._row(purpose)
        return (self.is_away and self._sure) or (row.proving and len(row.subjects) >= SUBJECTS)

    @property
    def is_suspected(self) -> bool:
        """Whether it seems to be away, and no probe has told yet."""
        return self.is_away and not self._sure

    def in_doubt(self, purpose: str) -> bool:
        """Whether no good answer has come since the last failure of such a request."""
        return self.is_away or bool(self._row(purpose).failures)

    def is_failing(self, purpose: str) -> bool:
        """Whether such requests go one at a time, because none of them is answered well."""
        return self._row(purpose).proving

    def wait(self, purpose: str, *, held: bool = False) -> float:
        """Seconds until a request of this purpose may leave; 0 for now. `held`: its action is the one that is under way."""
        now = self._clock()
        if self.is_away:
            if self._probe is not None:
                return _PROBING
            return max(0.0, self._next() - now)
        row = self._row(purpose)
        if not row.proving or held:
            return 0.0
        return _PROBING if row.flying is not None else max(0.0, row.again - now)

    def admit(self, number: int, purpose: str, *, probe: bool = False, held: bool = False) -> bool:
        """A request leaves; True when it has to be a probe."""
        if self.is_away or probe:
            self._probe, self.calm = number, False
            return True
        row = self._row(purpose)
        if row.proving and not held:
            row.flying = number
        return False

    def verdict(self) -> ServiceUnavailable | None:
        """The error that ends the run, once patience is at its end."""
        if not self.is_away and not any(row.proving for row in self._rows.values()):
            return None
        now, most = self._clock(), self._patience()
        if self.is_away and self._asked > now and self._asked > self._since + most:
            at = time.strftime("%H:%M:%S on %Y-%m-%d", time.localtime(time.time() + self._asked - now))
            return ServiceUnavailable(
                f"Intercom asks to wait until {at}, which is longer than the patience of {_long(most)}."
            )
        if now - self._first() < most:
            return None
        said = f" At last: {self._problem}" if self._problem else ""
        return ServiceUnavailable(f"Intercom has given no good answer for {_long(most)}.{said}", advice=self._advice)

    def state(self) -> ServiceAway | None:
        """For displays; None when the service is there."""
        now = self._clock()
        left = max(0.0, self._first() + self._patience() - now)
        if self.is_away and self._sure:
            return ServiceAway(self._reason, max(0.0, self._next() - now), left, self._problem)
        for row in self._rows.values():
            if row.proving and len(row.subjects) >= SUBJECTS:
                return ServiceAway(AwayReason.FAILING, max(0.0, row.again - now), left, self._problem)
        return None

    # -- what came back ----------------------------------------------------------------------------------------

    def still_there(self) -> None:
        """A good answer came while all was calm."""
        self._ever = True
        self.last_good = self._clock()

    def answered(
        self, number: int, sent: float, purpose: str, status: int, *, wait: float | None = None, subject: str = "", problem: str = ""
    ) -> None:
        """An answer came; `wait` is the Retry-After of an answer that has one, in seconds."""
        self._ever = True
        if self.calm and status < 429:
            self.still_there()
            return
        self.calm = False
        if status == 429:
            self._throttled(number, sent, wait, problem)
        elif status >= 500 and status != 501:
            hard = status in (502, 503) or status >= 520
            self._bad(number, sent, purpose, AwayReason.FAILING, wait, subject if hard else "", problem)
        else:
            self._good(number, sent, purpose)

    def failed(self, number: int, sent: float, purpose: str, *, connected: bool, problem: str = "", advice: str = "") -> None:
        """No answer came: there was no connection, or it broke, or the time ran out."""
        reason = AwayReason.FAILING if connected else AwayReason.UNREACHABLE
        self._advice, self.calm = advice, False
        self._bad(number, sent, purpose, reason, None, "", problem)

    def forget(self, number: int) -> None:
        """Nobody saw what became of a request, or none was sent."""
        if self._probe == number:
            self._probe = None
            self._space()
        for row in self._rows.values():
            if row.flying == number:
                row.flying = None

    # -- inside ----------------------------------------------------------------------------------------------

    def _good(self, number: int, sent: float, purpose: str) -> None:
        now, probe = self._clock(), self._probe == number
        self.forget(number)
        if self._began is not None and not probe and sent < self._began:
            return  # it was answered before the trouble began
        self.last_good = now
        self._volleys = 0
        row = self._row(purpose)
        if self._began is not None:
            self._began, self._back, self._asked = None, now, -math.inf
            for one in self._rows.values():
                one.failures = 0
                one.proving = bool(one.subjects) and probe
                one.again = now
        if not probe:
            self._gap = _FIRST_GAP
            self._since = math.inf
            row.failures, row.since, row.proving, row.again = 0, math.inf, False, -math.inf
            row.subjects.clear()
            self.calm = not self.is_away and self._probe is None and not any(one.failures or one.proving for one in self._rows.values())

    def _bad(
        self, number: int, sent: float, purpose: str, reason: AwayReason, wait: float | None, subject: str, problem: str
    ) -> None:
        now, probe = self._clock(), self._probe == number
        self.forget(number)
        if sent < self._back and not self.is_away:
            return  # it was sent into an outage that is over
        self._problem = problem or self._problem
        row = self._row(purpose)
        if not probe:
            if now - row.last > _FORGOTTEN and not row.proving and not self.is_away:
                row.failures, row.since = 0, math.inf
                row.subjects.clear()
            row.failures += 1
            row.since, row.last = min(row.since, now), now
            if subject and len(row.subjects) < SUBJECTS:
                row.subjects.add(subject)
            if row.proving:
                row.again = now + self._spread(0.8, 1.0) * self._gap
                self._gap = min(_LONGEST_GAP, self._gap * _GROWTH)
        if wait:
            self._leave(now, AwayReason.ASKED, row, sure=True)
            self._asked = now + wait if probe else max(self._asked, now + wait)
        elif probe or (row.failures >= IN_A_ROW and not row.proving):
            self._leave(now, reason, row, sure=probe)

    def _throttled(self, number: int, sent: float, wait: float | None, problem: str) -> None:
        now, probe = self._clock(), self._probe == number
        self.forget(number)
        if sent > self._throttled_at:
            self._volleys += 1
            self._throttled_at = now
        row = self._rows["read"]
        if wait is not None and wait > _LONGER_THAN_A_WINDOW:
            self._problem = problem
            self._leave(now, AwayReason.ASKED, row, sure=True)
            self._asked = max(self._asked, now + wait)
        elif (self._volleys >= IN_A_ROW and not probe) or self.is_away:
            self._problem = problem
            self._leave(now, AwayReason.THROTTLED, row, sure=probe)

    def _leave(self, now: float, reason: AwayReason, row: _Row, *, sure: bool) -> None:
        self._sure = self._sure or sure
        if self._began is None:
            self._began, self._sure = now, sure
            self._since = min(self._since, row.since, now)
            self._again = now
            self._asked = -math.inf
        if self._asked <= now or reason is AwayReason.ASKED:
            self._reason = reason

    def _space(self) -> None:
        """The next probe waits a little longer than the last."""
        self._again = self._clock() + self._spread(0.8, 1.0) * self._gap
        self._gap = min(_LONGEST_GAP, self._gap * _GROWTH)

    def _next(self) -> float:
        return max(self._asked, self._again)

    def _first(self) -> float:
        """When the failures began that are waited out."""
        return min(self._since, *(row.since for row in self._rows.values() if row.proving), math.inf)

    def _patience(self) -> float:
        return self.patience if self._ever else min(self.patience, FIRST_PATIENCE)

    def _row(self, purpose: str) -> _Row:
        return self._rows["action" if purpose == "action" else "read"]


def _long(seconds: float) -> str:
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g} minutes"
    return f"{seconds:g} s"
