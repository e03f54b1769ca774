"""Whether the service is there: what tells an item that fails from a service that is away, and when it is asked again.

Pure arithmetic on a clock, as the budget: nothing here waits, sends or locks (limiter.py does). docs/explanation/outages.md
tells it in prose.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from intercom_bulk_updater.errors import ServiceUnavailable
from intercom_bulk_updater.parsing.dates import local_moment

from .request_class import ASK_AGAIN, ProbeTimes, RequestClass

PATIENCE = 600.0
"""Seconds without a good answer after which a run stops."""
FIRST_PATIENCE = 30.0
"""The same while there has never been a connection: then an address is wrong more often than a service is away."""
_LONGER_THAN_A_WINDOW = 11.0
"""A 429 that asks for more seconds than this is no matter of the rate window."""
_VOLLEYS = 3
"""429s in a row, each sent after the one before was heard, after which one probe asks whether the service is there."""


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
        self._probes = ProbeTimes(spread)
        self._classes = {
            name: RequestClass(ProbeTimes(spread, soon=True), about_items=name in ("action", "look"))
            for name in ("action", "look", "search", "names")
        }
        self._in_flight: dict[int, RequestClass] = {}
        self._ever = False  # whether any answer ever came
        self._began: float | None = None  # since when it is away
        self._sure = False  # whether it said so, or a probe found it so; otherwise the first probe has to tell
        self._back = -math.inf  # when it came back
        self._since = math.inf  # when the row of failures began that made it away
        self._asked = -math.inf  # no request before this moment, it said
        self._late: set[str] = set()  # what was refused in an outage whose end was heard of before the refusal
        self._probe: int | None = None
        self._reason = AwayReason.FAILING
        self._problem = ""
        self._advice = ""
        self._volleys = 0  # of 429s in a row, each sent after the one before was heard
        self._throttled_at = -math.inf
        self.calm = True
        """Nothing has failed for a while: then there is nothing to note, for every call would pay for it."""
        self.last_good = clock()
        """When the last good answer came (monotonic seconds)."""

    # -- the door --------------------------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        """Whether nothing but probes may leave."""
        return self._began is not None

    def explains(self, purpose: str, subject: str = "") -> bool:
        """Whether a request that failed now failed with the service, and not by what it was about (`subject`)."""
        if subject in self._late:
            self._late.remove(subject)
            return True
        return (self.is_away and self._sure) or self._class(purpose).explains(subject, self._clock(), self.patience)

    @property
    def is_suspected(self) -> bool:
        """Whether it seems to be away, and no probe has told yet."""
        return self.is_away and not self._sure

    def in_doubt(self, purpose: str) -> bool:
        """Whether no good answer has come since the last failure of such a request."""
        return self.is_away or self._class(purpose).since < math.inf

    def is_failing(self, purpose: str) -> bool:
        """Whether such requests go one at a time, because none of them is answered well."""
        return self._class(purpose).is_away

    def wait(self, purpose: str, *, held: bool = False, probe: bool = False) -> float:
        """Seconds until a request of this purpose may leave; 0 for now. `held`: its action is the one that is under way."""
        if self.calm:
            return 0.0
        now = self._clock()
        if self.is_away:
            if self._probe is not None:
                return ASK_AGAIN
            return max(0.0, self._next() - now)
        return 0.0 if held or probe else self._class(purpose).wait(now)

    def admit(self, number: int, purpose: str, *, probe: bool = False) -> bool:
        """A request leaves; True when it has to be a probe."""
        if self.is_away or probe:
            self._probe, self.calm = number, False
            return True
        one = self._in_flight[number] = self._class(purpose)
        one.in_flight += 1
        return False

    def verdict(self) -> ServiceUnavailable | None:
        """The error that ends the run, once patience is at its end."""
        now, most = self._clock(), self._patience()
        if now - min((one.throttled for one in self._classes.values()), default=math.inf) >= most + _LONGER_THAN_A_WINDOW:
            return ServiceUnavailable(f"Intercom has answered with nothing but 429 for longer than {_long(most)}.")
        if not self.is_away and not any(one.is_away for one in self._classes.values()):
            return None
        if self.is_away and self._asked > now and self._asked > self._since + most:
            at = local_moment(time.time() + self._asked - now)
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
        for one in self._classes.values():
            if one.is_away and one.explains("", now, math.inf):
                return ServiceAway(AwayReason.FAILING, max(0.0, one.probes.next - now), left, self._problem)
        return None

    # -- what came back ----------------------------------------------------------------------------------------

    def still_there(self, number: int) -> None:
        """A good answer came while all was calm."""
        self._land(number)
        self._ever = True
        self.last_good = self._clock()

    def answered(
        self, number: int, sent: float, purpose: str, status: int, *, wait: float | None = None, subject: str = "", problem: str = ""
    ) -> None:
        """An answer came; `wait` is the Retry-After of an answer that has one, in seconds."""
        self._ever = True
        if self.calm and status < 429 and status != 408:
            self.still_there(number)
            return
        self.calm = False
        if status == 429:
            self._throttled(number, sent, purpose, wait, problem)
        elif (status >= 500 and status != 501) or status == 408:
            self._bad(number, sent, purpose, AwayReason.FAILING, wait, subject, problem)
        else:
            self._good(number, sent, purpose, subject)

    def failed(
        self, number: int, sent: float, purpose: str, *, connected: bool, late: bool = False, subject: str = "", problem: str = "",
        advice: str = "",
    ) -> None:
        """No usable answer came: there was no connection, or it broke, or the time ran out (`late`), or it was a web page."""
        reason = AwayReason.FAILING if connected else AwayReason.UNREACHABLE
        self._advice, self.calm = advice, False
        self._bad(number, sent, purpose, reason, None, None if late and purpose == "search" else subject, problem)

    def forget(self, number: int) -> None:
        """Nobody saw what became of a request, or none was sent."""
        if self._probe == number:
            self._probe = None
            self._probes.space(self._clock())
        self._land(number)

    # -- inside ----------------------------------------------------------------------------------------------

    def _land(self, number: int) -> None:
        one = self._in_flight.pop(number, None)
        if one is not None:
            one.in_flight -= 1

    def _good(self, number: int, sent: float, purpose: str, subject: str) -> None:
        now, probe = self._clock(), self._probe == number
        self.forget(number)
        if self._began is not None and not probe and sent < self._began:
            return  # it was answered before the trouble began
        self.last_good = now
        self._volleys = 0
        if not probe:
            self._class(purpose).throttled = math.inf
        if self._began is not None:
            self._began, self._back, self._asked = None, now, -math.inf
            for one in self._classes.values():
                one.probes.next = now  # what is asked for is there; whether these requests are answered, one of them tells
        if not probe:
            self._probes.reset()
            self._since = math.inf
            self._class(purpose).note_good(subject, sent)
            self.calm = not self.is_away and self._probe is None and all(one.is_calm(now) for one in self._classes.values())

    def _bad(
        self, number: int, sent: float, purpose: str, reason: AwayReason, wait: float | None, subject: str | None, problem: str
    ) -> None:
        now, probe = self._clock(), self._probe == number
        self.forget(number)
        if sent < self._back and not self.is_away:
            self._late |= {subject} if subject else set()
            return  # it was sent into an outage that is over
        self._problem = problem or self._problem
        one = self._class(purpose)
        one_too_many = not probe and subject is not None and one.note_bad(subject, now)
        if wait:
            self._leave(now, AwayReason.ASKED, one, sure=True)
            self._asked = now + wait if probe else max(self._asked, now + wait)
        elif probe or (one_too_many and not self.is_away):
            self._leave(now, reason, one, sure=probe)

    def _throttled(self, number: int, sent: float, purpose: str, wait: float | None, problem: str) -> None:
        now, probe = self._clock(), self._probe == number
        self.forget(number)
        self._class(purpose).throttled = min(self._class(purpose).throttled, now)
        if sent > self._throttled_at:
            self._volleys += 1
            self._throttled_at = now
        one = self._classes["names"]
        if wait is not None and wait > _LONGER_THAN_A_WINDOW:
            self._problem = problem
            self._leave(now, AwayReason.ASKED, one, sure=True)
            self._asked = max(self._asked, now + wait)
        elif (self._volleys >= _VOLLEYS and not probe) or self.is_away:
            self._problem = problem
            self._leave(now, AwayReason.THROTTLED, one, sure=probe)

    def _leave(self, now: float, reason: AwayReason, one: RequestClass, *, sure: bool) -> None:
        self._sure = self._sure or sure
        if self._began is None:
            self._began, self._sure = now, sure
            self._late.clear()
            self._since = min(self._since, one.since, now)
            self._probes.next = now
            self._asked = -math.inf
        if self._asked <= now or reason is AwayReason.ASKED:
            self._reason = reason

    def _next(self) -> float:
        return max(self._asked, self._probes.next)

    def _first(self) -> float:
        """When the failures began that are waited out."""
        return min(self._since, *(one.since for one in self._classes.values() if one.is_away), math.inf)

    def _patience(self) -> float:
        return self.patience if self._ever else min(self.patience, FIRST_PATIENCE)

    def _class(self, purpose: str) -> RequestClass:
        return self._classes.get(purpose) or self._classes["names"]


def _long(seconds: float) -> str:
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g} minutes"
    return f"{seconds:g} s"
