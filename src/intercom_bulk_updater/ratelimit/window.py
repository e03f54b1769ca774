"""The window as the answers tell it: which one it is, what surely remains of it, and when it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .competing_traffic import CompetingTraffic
from .headers import RateLimitHeaders
from .ledger import Entry
from .server_clock import ServerClock
from .siblings import Siblings
from .usage import WindowStatistics
from .window_detector import LENGTH, WindowDetector

MARGIN = 0.01
"""Seconds after the sure end of a window before the next one is believed."""
_NOTHING = (0.0,) * 11
_LATE = 0.2
"""Seconds that what a sibling says of a window may lie outside of it."""
_SILENT = 3
"""Answers without headers, and none with, after which windows are taken to be invisible."""


class Flight(NamedTuple):
    """A request in the air: when it was sent, how many of everybody's had been settled without headers by then, and its number."""

    sent: float
    bare: int
    number: int


class Window:
    """The present window, kept up from answers and from the clock.

    Parameters
    ----------
    tally, others:
        Told of windows that begin and of what was used.
    flying:
        The requests in the air, by number; the budget's own.
    siblings:
        Other processes, whose requests count as ours do.
    on_turn:
        Called whenever a window begins.
    """

    def __init__(
        self,
        tally: WindowStatistics,
        others: CompetingTraffic,
        flying: Mapping[int, Flight],
        siblings: Siblings,
        on_turn: Callable[[float], None],
    ) -> None:
        self._tally, self._others, self._flying, self._on_turn = tally, others, flying, on_turn
        self._siblings = siblings
        self.server = ServerClock(LENGTH)
        self.limit: int | None = None
        self.reset: float | None = None
        self.own = 0
        """Sent in this window, with what was in the air at its start."""
        self.own_before = 0
        """Sent in the window before."""
        self.told_at = 0.0
        """When the server counted what remains, about."""
        self.sent = 0
        """The number of the last request that was sent."""
        self.bare = 0
        """Requests of ours settled without headers, ever."""
        self._calendar = WindowDetector()
        self._remaining = 0  # the least that was told of this window
        self._last = -math.inf  # the number of the request that uses the window up, by the least that was told
        self._bare_then = 0  # how many bare ones `_remaining` surely counts
        self._bare_early = 0  # how many may already belong to the next window
        self._heard = False  # whether any answer of this very window has come
        self._rolled_at = math.inf  # when it began, if by the clock alone
        self._excess = 1  # by how much Remaining may be too high; see _judge
        self._silent = 0
        self._told: tuple[float, int] | None = None  # last Remaining and its time, while Reset slides

    # -- reading ---------------------------------------------------------------------------------------------

    @property
    def length(self) -> float:
        """Seconds."""
        return self._calendar.length

    @property
    def blind(self) -> bool:
        """Whether windows cannot be seen: no answer has headers, or Reset slides along with the clock."""
        return self._calendar.sliding or (self.reset is None and self._silent >= _SILENT)

    @property
    def all_bare(self) -> int:
        """Everybody's requests settled without headers, ever."""
        return self.bare + self._siblings.bare

    @property
    def flying(self) -> int:
        """Everybody's requests in the air."""
        return len(self._flying) + self._siblings.flying

    @property
    def remaining(self) -> int:
        """What remains as far as answers are back."""
        return self._remaining - max(0, self.all_bare - self._bare_then)

    @property
    def sure(self) -> int:
        """What remains if every request that may not be counted yet will be, and Remaining was told too
        high.

        Two bounds, each of them safe: all that is in the air is still to be counted; or all that was sent after the request
        whose answer told the least. The second is better where answers take long: those that were sent before and are not
        back yet are counted already. It knows nothing of what siblings sent since, so it is for who is alone.
        """
        sure = self.remaining - self.flying
        return int(sure if self._siblings else max(sure, self._last - self.sent)) - self._excess

    def over(self) -> float:
        """The moment from which the window is surely over."""
        return math.inf if self.reset is None else self.reset + self.server.late + MARGIN

    def left(self, now: float) -> float:
        """Seconds that it will likely go on."""
        return 0.0 if self.reset is None else max(0.0, self.reset + self.server.middle - now)

    def midway(self, now: float) -> float:
        """The moment between its earliest and its surest end: trying then tells most about the end."""
        reset = self.reset or 0.0
        return (max(self.server.earliest_end(reset), now - self.length) + self.over()) / 2

    def spent_for_now(self, now: float) -> bool:
        """Without windows to see: whether the last Remaining is fresh and all in the air."""
        return self._told is not None and now - self._told[0] < 1.0 and self._told[1] <= self.flying

    # -- learning --------------------------------------------------------------------------------------------

    def take(self, flight: Flight, reading: RateLimitHeaders, now: float, date: float | None, latency: float) -> bool:
        """Learn from an answer's headers; False when they tell nothing about the window."""
        remaining, reset, limit = reading.remaining, reading.reset, reading.limit or self.limit
        if remaining is None or reset is None or limit is None:
            return False
        restarts = self.server.restarts
        if not self.server.saw(reset, flight.sent, now, date):
            return False
        if self.server.restarts != restarts:
            self._calendar.forget()
            self.reset = None
        if self._calendar.learn(reset, remaining, limit, flight.sent, now, date):
            self.server.restart(self._calendar.length)
            self.server.saw(reset, flight.sent, now, date)
            self.reset = None
        self._silent = 0
        if self._calendar.sliding:
            self.limit, self._told = limit, (now, remaining)
            return True
        current, jitter = self.reset, self._calendar.jitter
        if current is None or reset > current + jitter:
            self.limit = limit
            whole = current is not None and reset - current <= self.server.length * 1.5
            self._begin(reset, now, whole=whole)
        elif reset >= current - jitter:
            self.limit = limit
        elif flight.sent > self._rolled_at and not self._heard:
            # The clock said that this window was over, and the server says that it is not.
            self.reset = reset
            self._remaining, self._bare_then, self.told_at = remaining, flight.bare, flight.sent
            self._last = flight.number + remaining
        else:
            self.own = max(0, self.own - 1)  # it belongs to an earlier window
            return True
        self._last = min(self._last, flight.number + remaining) if self._heard else flight.number + remaining
        if not self._heard or remaining < self._remaining:
            self._heard = True
            self._remaining, self._bare_then, self.told_at = remaining, flight.bare, (flight.sent + now) / 2
            if self._others.due(now):
                older = sum(1 for other in self._flying.values() if other.sent < flight.sent)
                foreign = limit - remaining - self._tally.own - older - self._siblings.spent(self.reset)
                self._others.sample(now, foreign, older + self._siblings.flying, latency, self.server.length)
        self._tally.saw(remaining, limit, (flight.sent + now) / 2)
        return True

    def overhear(self, entry: Entry, now: float) -> None:
        """What a sibling was told of the window is as good as an answer of our own."""
        if self.blind or not _is_sound(entry, now) or not self.server.agree(entry.low, entry.high, entry.length, now):
            return
        if self.reset is None:
            self._calendar.length = entry.length
        jitter = self._calendar.jitter
        limit, remaining = round(entry.limit), round(entry.remaining)
        if self.reset is None or entry.reset > self.reset + jitter:
            whole = self.reset is not None and entry.reset - self.reset <= self.server.length * 1.5
            self.limit = limit
            self._begin(entry.reset, now, whole=whole)
        elif entry.reset < self.reset - jitter:
            return
        if not self._heard or remaining < self._remaining:
            self._heard = True
            self._remaining, self._bare_then, self.told_at = remaining, round(entry.bare_then), entry.told_at
        self._last = -math.inf  # siblings sent since: for the rest of this window the other bound is the safe one
        self._tally.saw(remaining, limit, entry.told_at)

    def told(self) -> tuple[float, ...]:
        """What a sibling may know of it: the fields of an `Entry` from `reset` on."""
        server = self.server
        if self.reset is None or self._calendar.sliding:
            return _NOTHING
        return (
            self.reset, self.own, self.own_before, self.limit or 0, self._heard,
            self._remaining, self._bare_then, self.told_at, server.length, *server.bounds,
        )

    def take_bare(self, reading: RateLimitHeaders, now: float) -> None:
        """An answer told nothing about the window: it counts, and that is all."""
        self.bare += 1
        if self.reset is not None:
            self._bare_early += now >= self.server.earliest_end(self.reset)
            return
        self._silent += 1
        if reading.limit is not None:
            self.limit = reading.limit

    def exact(self, is_exact: bool) -> None:
        """Remaining turned out to be exact, or not."""
        self._excess = 0 if is_exact else max(1, self._excess)

    def turn(self, now: float) -> None:
        """Begin the next window if the clock says that this one is surely over."""
        over = self.over()
        if self.reset is None or self.limit is None or now < over:
            return
        windows = 1 + math.floor((now - over) / self.server.length)
        early = self._bare_early if windows == 1 else 0
        self._begin(self.reset + windows * self.server.length, now, whole=windows == 1)
        self._rolled_at = now
        self._remaining, self._bare_then = self.limit, self.all_bare - early

    def turn_blind(self, now: float) -> None:
        """Keep windows of our own, as nobody else's can be seen."""
        if self._tally.ended(now):
            self.own = len(self._flying)
            self._on_turn(now)
            whole = not self._tally.ended(now - self.length / 2)
            self._tally.begin(0, self.limit or 0, 0, 0, began=now, length=self.length, whole=whole)

    def _begin(self, reset: float, now: float, *, whole: bool) -> None:
        self.reset = reset
        self._heard, self._last = False, -math.inf
        self._rolled_at = math.inf
        self.told_at = now
        self._bare_then, self._bare_early = self.all_bare, 0
        self._on_turn(now)
        self.own_before, self.own = self.own if whole else 0, len(self._flying)
        if reset == self._tally.reset:
            return  # begun once more, after it was begun too early
        length = self.server.length
        began = reset + self.server.middle - length
        in_air, limit = len(self._flying), self.limit or 0
        last = max(self._flying, default=0)
        self._tally.begin(reset, limit, last, in_air, began=began, length=length, whole=whole)
        self._others.turn()
        self._judge()

    def _judge(self) -> None:
        """Whether Remaining is one too high, as an old sample of the documentation has it.

        It is when it ever equals the limit, and it is not when window after window begins with one less.
        Until that is known one call is left unspent.
        """
        if self._tally.seen_full:
            self._excess = 1 if self.limit != 1 else 0  # of a single call nothing can be left unspent
        elif self._tally.seen_exact >= 3:
            self._excess = 0


def _is_sound(entry: Entry, now: float) -> bool:
    """Whether a sibling speaks of a window that may be open now."""
    whole = entry.limit >= 1 and entry.length > 0 and 0 <= entry.remaining <= entry.limit and entry.low < entry.high
    begins, ends = entry.reset - entry.length - entry.high, entry.reset - entry.low
    return whole and begins - _LATE < now < ends + _LATE and entry.told_at <= now
