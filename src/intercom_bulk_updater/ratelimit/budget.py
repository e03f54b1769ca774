"""The budget: when the next request may leave so that every window is used up and none is overdrawn.

Pure arithmetic on a clock: nothing here waits, sends or locks (limiter.py does). docs/explanation/rate-limits.md
tells it in prose. All seconds are this process's monotonic clock; the server's clock is only ever an opaque
window id (`Reset`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from .backoff import Backoff
from .competing_traffic import CompetingTraffic
from .headers import read
from .latency import LatencyEstimator
from .ledger import Ledger
from .permit import BudgetState, Permit
from .siblings import Siblings
from .usage import WindowStatistics, WindowStats
from .window import Flight, Window
from .window_detector import LENGTH

UNKNOWN_LIMIT = 1667
"""Calls per window when no answer ever names a limit: the documented default of 10,000 a minute."""
BLIND = 0.90
"""Part of the limit that is spent when windows cannot be seen."""
MIN_SHARE = 0.5
"""Yielding to others stops here (part of the limit): two polite processes would starve each other."""
WARY = 1.5
"""How many mean deviations above their usual rate others are expected to go."""
SURGE = 0.1
"""For how long others are expected to go on above their usual rate (part of a window)."""
SLACK = 0.15
"""The last part of a window is left to stragglers: the pace is set to be done before it."""
PROBES = 3
"""Calls held back while the window's end is vague, to find it by trying."""
VAGUE = 0.35
"""Seconds of uncertainty about a window's end from which it counts as vague."""
LAG = 0.05
"""Seconds by which sending may catch up with its pace after it was late."""
EARLY = 0.001
"""A permit is given when it is due within this many seconds: no timer is more exact, and the pace averages
out."""
SOON = 0.02
"""Seconds before it is due for which a request is told to wait without another look."""
TOGETHER = 0.02
"""Seconds that a request waits at the least where it waits for the pace: several leave then, at one awakening of the process."""
NEWS = 0.005
"""Seconds by which siblings may learn later of an answer; of a request they learn before it leaves."""
HUNGRY = 0.5
"""Seconds since it last had to wait for which a process counts as wanting more than it gets."""
NO_END = 1e9
"""Requests a second that a process wants which nothing but the budget holds back."""
LOST_AFTER = 900.0
"""Seconds after which a permit that was never settled stops counting as in flight."""
FASTEST = 2_500
"""Answers a second that one process handles at the most."""
MANY = 1000
"""`wanted_workers` while nothing is known that would limit them."""


class Budget:
    """One rate limit, shared by everything that uses the same token.

    Parameters
    ----------
    share:
        Part of the limit that may be used at most, in (0, 1]. The rest is never touched.
    rate:
        Ceiling in calls per second, on top of the window; None for none.
    polite:
        How much of what other users of the limit are seen to need is left to them: 1 is what they use, 0
        nothing.
    ledger:
        Where other processes that spend from the same limit are found (siblings.py), and told what this one spends;
        None for none.
    clock:
        Monotonic seconds.
    on_window:
        Told of every finished window. Called inside `ask`, `answered` and `throttled` (that is, with the
        gate's lock held): be quick and do not call back.

    Not safe to share between threads: see limiter.py.
    """

    def __init__(
        self,
        *,
        share: float = 1.0,
        rate: float | None = None,
        polite: float = 1.0,
        ledger: Ledger | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_window: Callable[[WindowStats], None] | None = None,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, not {share}")
        if rate is not None and not 0 < rate < math.inf:
            raise ValueError(f"rate must be a positive number of calls per second, not {rate}")
        if polite < 0:
            raise ValueError(f"polite must not be negative, not {polite}")
        self._share, self._rate, self._polite, self._clock = share, rate, polite, clock
        self._flying: dict[int, Flight] = {}
        self._siblings = Siblings(ledger)
        self._others = CompetingTraffic()
        self._tally = WindowStatistics(on_window, self._others, self._siblings)
        self._window = Window(self._tally, self._others, self._flying, self._siblings, self._turned)
        self._pause = Backoff()
        self._pulse = LatencyEstimator()
        self._due = -math.inf
        self._rate_due = -math.inf
        self._waited = -math.inf
        self._most = NO_END
        self._told_at = -math.inf

    def set_speed(self, share: float, rate: float | None) -> None:
        """From now on another share and another ceiling (requests a second; None for none)."""
        self._share, self._rate = share, rate
        self._due = self._rate_due = -math.inf

    # -- asking ----------------------------------------------------------------------------------------------

    def ask(self, purpose: str = "action") -> Permit | float:
        """A permit, or the seconds after which asking again makes sense (sooner does no harm)."""
        now = self._clock()
        soon = self._due - now
        if EARLY < soon <= SOON and self._flying:
            # Who asks so is told the pace alone: once a request, and before that request leaves all is looked at.
            self._tally.promise(now + soon)
            self._waited = now
            return self._together(soon)
        pulse = self._pulse
        for entry in self._siblings.look(now):
            self._window.overhear(entry, now)
        self._tally.wanted(now, bool(self._flying), pulse.latency + 4 * pulse.variation)
        wait, spacing = self._look(now)
        if wait > 0:
            self._tally.promise(now + wait)
            self._waited = now
            self._tell(now)
            return wait
        window = self._window
        window.own += 1
        window.sent += 1
        self._flying[window.sent] = Flight(now, window.all_bare, window.sent)
        self._due = max(self._due, now - LAG) + spacing
        if self._rate is not None:
            self._rate_due = max(self._rate_due, now - min(LAG, 0.5 / self._rate)) + 1 / self._rate
        pulse.sent(now)
        self._tell(now)
        return Permit(window.sent, now, purpose)

    def _look(self, now: float) -> tuple[float, float]:
        """Seconds to wait, and the pace's spacing after the request that may then leave."""
        paused = self._blocked(now)
        if paused:
            return paused, 0.0
        if self._rate is not None and self._rate_due - now > EARLY:
            return self._rate_due - now, 0.0
        window = self._window
        if window.blind:
            window.turn_blind(now)
            if window.spent_for_now(now):
                return 0.05, 0.0  # windows or not, nothing is left at this moment
            return self._pace(now), 1 / self._siblings.part(self._blind_speed)
        if window.reset is None:
            # Nothing is known: one scout flies, everybody else waits for what it brings.
            return (max(0.005, min(0.05, self._pulse.latency)) if self._flying else 0.0), 0.0
        return self._look_window(now)

    def _look_window(self, now: float) -> tuple[float, float]:
        window = self._window
        window.turn(now)
        limit, length, left, sure = window.limit or 1, window.server.length, window.left(now), window.sure
        # Trying cannot tell the end more exactly than a round trip, and need not more than the pace's
        # spacing.
        exact = max(VAGUE * min(1.0, length / LENGTH), 2 * self._pulse.latency, length / limit)
        probes = min(PROBES, limit // 4) if window.server.width > exact else 0
        reserve = self._reserve(sure, left, now)
        own_left = self._own_left()
        # Two that read the ledger in the same instant must not both take the last call.
        free = sure - reserve - probes - self._siblings.rank
        plan = max(left - SLACK * length, 0.2 * left, EARLY)
        self._most = max(0.0, own_left) / plan
        if min(free, own_left) >= 1:
            return self._pace(now), 1 / min(self._siblings.part(free / plan), self._most)
        wait = window.over() - now
        if probes and sure - self._siblings.rank >= 1 and own_left >= 1 and not window.flying:
            # The window is as good as spent and its end is vague: try in the middle. It is safe either way.
            return min(max(window.midway(now) - now, 0.0), wait), 0.0
        shrinking = self._polite * (self._others.rate + WARY * self._others.deviation)
        if reserve and shrinking > 0 and sure - probes >= 1:
            wait = min(wait, max(0.005, (1 - min(free, own_left)) / shrinking))
        return wait, 0.0

    def _blocked(self, now: float) -> float:
        return max(self._pause.left(now), self._siblings.until - now)

    def _pace(self, now: float) -> float:
        wait = self._due - now
        return self._together(wait) if wait > EARLY else 0.0

    def _together(self, wait: float) -> float:
        """Beside siblings each call leaves at its moment: they share the pace call by call."""
        return wait if self._siblings else max(wait, TOGETHER)

    def _own_left(self) -> float:
        """What is left of our share."""
        part = self._share * self._pause.scale
        scale, limit, own = min(self._pause.scale, self._siblings.scale), self._window.limit or 0, self._window.own
        left = math.inf if part >= 1 else max(1.0, part * limit) - own
        if scale >= 1 or not self._siblings:
            return left
        return min(left, max(1.0, scale * limit) - own - self._siblings.spent(self._window.reset))

    def _reserve(self, sure: int, left: float, now: float) -> float:
        """What is left to others in this window.

        What they will want till its end, but no more than keeps us at our least share; and always what they
        may take while our answers and our next request travel, for that decides who meets the empty window.
        """
        limit, others = self._window.limit, self._others
        if self._polite <= 0 or limit is None:
            return 0.0
        length = self._window.server.length
        lately = max(others.rate, others.lately(limit, length))
        if lately <= 0:
            return 0.0
        usual = others.rate + WARY * others.deviation
        surge = max(0.0, lately - usual) * min(left, SURGE * length)
        # What others took since the newest answer was counted is in none yet; what they took long ago is not known any more.
        age = min(now - self._window.told_at, 4 * self._pulse.air)
        want = self._polite * (usual * (left + age) + surge)
        spent = self._window.own + self._siblings.spent(self._window.reset)
        ours = MIN_SHARE * min(1.0, self._share + self._siblings.share) * limit - spent
        taken = lately * (age + self._pulse.air / 2)
        # With nothing in the air no news would come: one may go and see how much is left.
        return max(min(want, sure - ours), taken + 2 * math.sqrt(taken) if self._window.flying else taken)

    # -- settling --------------------------------------------------------------------------------------------

    def answered(
        self,
        permit: Permit,
        *,
        headers: Mapping[str, str] | None,
        server_date: float | None = None,
    ) -> None:
        """Settle a permit with what came back.

        `headers` None means that no answer came or that nobody saw it; the request still counts as spent.
        `server_date` is the answer's Date in unix seconds. A permit that is not open (settled twice) is
        ignored.
        """
        flight = self._flying.pop(permit.number, None)
        if flight is None:
            return
        now, window, pulse = self._clock(), self._window, self._pulse
        pulse.took(now - flight.sent)
        self._tally.busy(now)
        reading = read(headers)
        if window.take(flight, reading, now, server_date, pulse.latency):
            self._tally.accepted(None if window.blind else reading.reset, permit.number)
            if reading.remaining == 0:
                window.exact(True)  # the last call of a window was accepted, and Remaining said so
        else:
            window.take_bare(reading, now)
            self._tally.accepted(None, permit.number)
        if now - self._told_at > NEWS or not self._flying:
            self._tell(now)

    def throttled(self, permit: Permit, *, headers: Mapping[str, str] | None, kind: str) -> float:
        """Settle a permit whose answer was a 429; returns the seconds after which it makes sense to go on.

        `kind` is "window" for the rate limit and "overload" for `too_many_requests`.
        """
        flight = self._flying.pop(permit.number, None)
        now = self._clock()
        if flight is None:
            return self._pause.left(now)
        try:
            return self._refused(permit, flight, headers, kind, now)
        finally:
            self._tell(now)

    def _refused(self, permit: Permit, flight: Flight, headers: Mapping[str, str] | None, kind: str, now: float) -> float:
        window, pause = self._window, self._pause
        self._tally.busy(now)
        window.own -= 1  # it was refused, so it was not spent
        reading = read(headers, refused=True)
        expected = window.sure + 1
        taken = window.take(flight, reading, now, None, self._pulse.latency)
        self._tally.throttled(reading.reset if taken else None, permit.number)
        if kind == "overload":
            pause.overloaded(flight.sent, now, reading.retry_after or 0.0)
        elif not taken or reading.remaining or window.blind:
            # Our window does not explain it: another limit (the workspace's), or there is no window to see.
            until_end = window.over() - now if taken and not window.blind else 1.0
            pause.refused(flight.sent, now, until_end if reading.retry_after is None else reading.retry_after)
        else:
            if expected >= 1:
                window.exact(False)
            if reading.retry_after is not None and reading.retry_after > window.length + 1:
                pause.until(now, now + reading.retry_after)
            if window.remaining <= 0:
                return max(pause.left(now), window.over() - now)
        return pause.left(now)

    def _turned(self, now: float) -> None:
        self._due = now
        self._pause.regain()
        for number in [n for n, flight in self._flying.items() if now - flight.sent > LOST_AFTER]:
            del self._flying[number]

    def _tell(self, now: float) -> None:
        """Tell the siblings how we stand."""
        if self._siblings.listen:
            self._told_at = now
            hungry = now - self._waited < HUNGRY
            wants = min(self._most, self._rate or NO_END) if hungry else self._pulse.speed(now)
            about = wants, self._share, max(0.0, self._pause.over), self._pause.scale
            self._siblings.tell(now, len(self._flying), self._window.bare, about, self._window.told())

    def leave(self) -> None:
        """Nothing will be asked any more: what this process had of the limit is its siblings' at once."""
        self._siblings.leave()

    def present(self) -> None:
        """Tell `on_window` of the present window as far as it went. What comes in it later is told on its own."""
        self._tally.present()

    # -- telling ---------------------------------------------------------------------------------------------

    @property
    def _blind_speed(self) -> float:
        part = BLIND * self._share * self._pause.scale
        return part * (self._window.limit or UNKNOWN_LIMIT) / self._window.length

    @property
    def latency(self) -> float:
        """Smoothed seconds from permit to answer; 0 before the first."""
        return self._pulse.latency

    def wanted_workers(self) -> int:
        """How many requests in flight the budget could use at the present latency (Little's law), with
        headroom."""
        limit = self._window.limit
        if limit is None and self._rate is None:
            return MANY
        speed = self._blind_speed
        if limit is not None and not self._window.blind:
            speed = self._share * self._pause.scale * limit / ((1 - SLACK) * self._window.length)
        if self._rate is not None:
            speed = min(speed, self._rate)
        latency = self._pulse.air or 0.5
        return max(1, math.ceil(min(MANY, 1.15 * speed * latency + 2)))

    @property
    def boundless(self) -> bool:
        """Whether more may be sent than one process can handle the answers of."""
        limit = self._window.limit
        return limit is not None and min(self._share * limit / self._window.length, self._rate or NO_END) > FASTEST

    def state(self) -> BudgetState:
        """The budget as it stands, for display."""
        now, window = self._clock(), self._window
        limit = window.limit
        known = window.reset is not None and limit is not None
        remaining = max(0, window.remaining) if known else None
        blocked = self._blocked(now)
        mode = "blind" if window.blind else "window" if known else "scout"
        return BudgetState(
            limit=limit,
            used=window.own if limit is None or remaining is None else max(0, limit - remaining),
            own=window.own,
            remaining=remaining,
            window_seconds=window.length,
            ends_in=window.left(now) if known else None,
            blocked_for=blocked,
            rate=self._pulse.speed(now),
            mode="blocked" if blocked else mode,
        )
