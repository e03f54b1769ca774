"""Whether the service is there: what tells an item that fails from a service that is away, and when it is asked again.

Pure arithmetic on a clock, as the budget: nothing here waits, sends or locks (limiter.py does). docs/explanation/outages.md
tells it in prose.
"""

from __future__ import annotations

import math
import random
import time
from collections import deque
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
_SHARE = 0.2
"""Part of the last answers of a class that may fail before it is the service, and not the items."""
_MANY = 16.0
"""So many at once, and a class that was failing is no longer held."""
_HELD = 2.0
"""Seconds for which one request holds the others of its class back, because one of them has just failed."""


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
class _Failing:
    """What one item met since it failed first, and the others of its class meanwhile."""

    since: float
    times: int = 0
    good: int = 0
    bad: int = 0
    recovered: int = 0
    """How many of the others came through after they had failed."""

    def is_own(self) -> bool:
        """Whether it fails by itself, because so many failures in a row are no accident at the rate at which others fail."""
        if self.times < 4 or not self.good:
            return False
        return not self.recovered or (self.bad / (self.bad + self.good)) ** (self.times - 1) < 0.001


@dataclass(slots=True)
class _Class:
    """One class of requests: writes, looks at items, searches, or names. What one class meets says nothing about another.

    It is well while `row` is 0, suspected from the first failure on (one at a time until the next good answer), and failing
    while `at_once` is a number.
    """

    needs: int = SUBJECTS
    """How many different items must fail before it is the service; 0 where requests are not about items."""
    row: int = 0
    since: float = math.inf
    """The first failure since the last good answer."""
    last: float = -math.inf
    recent: deque[str | None] = field(default_factory=lambda: deque(maxlen=30))
    """What the last answers were about that failed; None for good ones."""
    failing: dict[str, _Failing] = field(default_factory=dict)
    at_once: float | None = None
    """How many may be under way; None for any number."""
    cut: float = -math.inf
    """When that number was last made smaller."""
    again: float = -math.inf
    gap: float = _FIRST_GAP
    throttled: float = math.inf
    """The first of the 429s since the last good answer to such a request."""
    flying: dict[int, float] = field(default_factory=dict)

    def explains(self, subject: str, now: float, patience: float) -> bool:
        """Whether so many fail that this one has not failed by itself."""
        bad = [one for one in self.recent if one is not None]
        if not self.needs:
            return False  # `--retries N` bounds it: nothing is lost when a search that fails by itself ends the run
        if len(set(bad)) < self.needs or len(bad) <= _SHARE * len(self.recent):
            return False
        known = self.failing.get(subject)
        return known is None or not (known.is_own() or now - known.since > patience)

    def wait(self, now: float) -> float:
        """Seconds until one more may leave."""
        if self.at_once is not None:
            return _PROBING if len(self.flying) >= int(self.at_once) else max(0.0, self.again - now)
        if self.row and any(now - at < _HELD for at in self.flying.values()):
            return _PROBING
        return 0.0

    def note_good(self, subject: str, now: float) -> None:
        """One came through: more may be under way, at first twice as many, later one more."""
        was_failing = self.failing.pop(subject, None) is not None
        for one in self.failing.values():
            one.good += 1
            one.recovered += was_failing
        if len(self.recent) >= 5 and None not in self.recent:
            self.recent.clear()  # they were all of an outage that is over
        self.recent.append(None)
        self.row, self.since, self.gap, self.again = 0, math.inf, _FIRST_GAP, -math.inf
        if self.at_once is not None:
            bad = sum(one is not None for one in self.recent)
            self.at_once += 1.0 if not bad else 1 / self.at_once
            if self.at_once > _MANY or bad <= len(self.recent) * _SHARE / 2:
                self.at_once = None

    def note_bad(self, subject: str, sent: float, now: float, spread: Callable[[float, float], float]) -> None:
        """One failed for a reason of the service: fewer are under way from now on, where it is one of many."""
        if now - self.last > _FORGOTTEN and self.at_once is None:
            self.row, self.since = 0, math.inf
            self.recent.clear()
            self.failing.clear()
        self.last = now
        known = self.failing.setdefault(subject, _Failing(now))
        known.times += 1
        if self.needs and known.is_own():
            return  # it says nothing about the others
        for name, one in self.failing.items():
            one.bad += name != subject
        self.recent.append(subject)
        self.row += 1
        self.since = min(self.since, now)
        if self.at_once is None and (self.explains("", now, math.inf) if self.needs else self.row >= 1):
            self.slow_down(now)
        elif self.at_once is not None and sent >= self.cut:
            self.at_once, self.cut = max(1.0, self.at_once / 2), now
        if self.at_once is not None and self.at_once < 2:
            self.again = now + spread(0.8, 1.0) * self.gap
            if self.explains("", now, math.inf):
                self.gap = min(_LONGEST_GAP, self.gap * _GROWTH)

    def slow_down(self, now: float) -> None:
        """From now on one at a time."""
        if self.at_once is None:
            self.at_once, self.cut, self.again = 1.0, now, now


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
        self._classes = {"action": _Class(), "look": _Class(), "search": _Class(needs=0), "names": _Class(needs=0)}
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

    def explains(self, purpose: str, subject: str = "") -> bool:
        """Whether a request that failed now failed with the service, and not by what it was about (`subject`)."""
        return (self.is_away and self._sure) or self._class(purpose).explains(subject, self._clock(), self.patience)

    @property
    def is_suspected(self) -> bool:
        """Whether it seems to be away, and no probe has told yet."""
        return self.is_away and not self._sure

    def in_doubt(self, purpose: str) -> bool:
        """Whether no good answer has come since the last failure of such a request."""
        return self.is_away or bool(self._class(purpose).row)

    def is_failing(self, purpose: str) -> bool:
        """Whether such requests go one at a time, because none of them is answered well."""
        one = self._class(purpose)
        return one.at_once is not None and one.row > 0

    def wait(self, purpose: str, *, held: bool = False, probe: bool = False) -> float:
        """Seconds until a request of this purpose may leave; 0 for now. `held`: its action is the one that is under way."""
        now = self._clock()
        if self.is_away:
            if self._probe is not None:
                return _PROBING
            return max(0.0, self._next() - now)
        return 0.0 if held or probe else self._class(purpose).wait(now)

    def admit(self, number: int, purpose: str, *, probe: bool = False, held: bool = False) -> bool:
        """A request leaves; True when it has to be a probe."""
        if self.is_away or probe:
            self._probe, self.calm = number, False
            return True
        if not held:
            self._class(purpose).flying[number] = self._clock()
        return False

    def verdict(self) -> ServiceUnavailable | None:
        """The error that ends the run, once patience is at its end."""
        now, most = self._clock(), self._patience()
        if now - min((one.throttled for one in self._classes.values()), default=math.inf) >= most + _LONGER_THAN_A_WINDOW:
            return ServiceUnavailable(f"Intercom has answered with nothing but 429 for longer than {_long(most)}.")
        if not self.is_away and all(one.at_once is None for one in self._classes.values()):
            return None
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
        for one in self._classes.values():
            if one.at_once is not None and one.row >= IN_A_ROW and one.explains("", now, math.inf):
                return ServiceAway(AwayReason.FAILING, max(0.0, one.again - now), left, self._problem)
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
            self._space()
        self._land(number)

    # -- inside ----------------------------------------------------------------------------------------------

    def _land(self, number: int) -> None:
        for one in self._classes.values():
            if one.flying:
                one.flying.pop(number, None)

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
                if one.row >= IN_A_ROW and probe:
                    one.slow_down(now)  # what is asked for is there; whether these requests are answered, one of them tells
        if not probe:
            self._gap = _FIRST_GAP
            self._since = math.inf
            self._class(purpose).note_good(subject, now)
            self.calm = not self.is_away and self._probe is None and all(
                not one.row and one.at_once is None and one.throttled == math.inf for one in self._classes.values()
            )

    def _bad(
        self, number: int, sent: float, purpose: str, reason: AwayReason, wait: float | None, subject: str | None, problem: str
    ) -> None:
        now, probe = self._clock(), self._probe == number
        self.forget(number)
        if sent < self._back and not self.is_away:
            return  # it was sent into an outage that is over
        self._problem = problem or self._problem
        one = self._class(purpose)
        if not probe and subject is not None:
            one.note_bad(subject, sent, now, self._spread)
        if wait:
            self._leave(now, AwayReason.ASKED, one, sure=True)
            self._asked = now + wait if probe else max(self._asked, now + wait)
        elif probe or (one.row == IN_A_ROW and not self.is_away):
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
        elif (self._volleys >= IN_A_ROW and not probe) or self.is_away:
            self._problem = problem
            self._leave(now, AwayReason.THROTTLED, one, sure=probe)

    def _leave(self, now: float, reason: AwayReason, one: _Class, *, sure: bool) -> None:
        self._sure = self._sure or sure
        if self._began is None:
            self._began, self._sure = now, sure
            self._since = min(self._since, one.since, now)
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
        return min(self._since, *(one.since for one in self._classes.values() if one.at_once is not None), math.inf)

    def _patience(self) -> float:
        return self.patience if self._ever else min(self.patience, FIRST_PATIENCE)

    def _class(self, purpose: str) -> _Class:
        return self._classes.get(purpose) or self._classes["names"]


def _long(seconds: float) -> str:
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g} minutes"
    return f"{seconds:g} s"
